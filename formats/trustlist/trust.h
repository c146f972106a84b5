/* trust.h - what is trusted: anchors given as PEM, and the services of trusted lists.
 *
 * A set is filled by one thread and then only read, by any number of threads; it is counted. An
 * anchor may be a root, an intermediate CA, or the end certificate itself (a listed TSA or OCSP
 * responder); a listed certificate needs no path and no validity check of its own.
 *
 * Trusted is not accredited: a PEM anchor is trusted because the caller says so; accredited
 * (Art. 3.2) is what a service of a list is, or an anchor that the operator configured as such.
 */
#ifndef VS_FORMATS_TRUSTLIST_TRUST_H
#define VS_FORMATS_TRUSTLIST_TRUST_H
#include "formats/certificate/certificate.h"
#include "formats/trustlist/list.h"

struct vs_trust;

/* One anchor and why it is one. */
struct vs_anchor {
    const struct vs_certificate *certificate;
    const struct vs_service *const *services; /* none: given as PEM */
    size_t n_services;
    bool accredited; /* PEM: the operator's word */
};

/* Empty, with one reference. */
struct vs_trust *vs_trust_new(void);
struct vs_trust *vs_trust_ref(struct vs_trust *trust);
void vs_trust_unref(struct vs_trust *trust); /* NULL is fine */

/* All certificates of a PEM file, or one as DER. `accredited`: the operator says that its
 * issuer is an accredited centre. VS_E_CERTIFICATE: none in it, or an unreadable one. */
VS_NODISCARD vs_rc vs_trust_add_pem(struct vs_trust *trust, struct vs_bytes pem,
                                    bool accredited, struct vs_error *err);
/* All services of a list. `*ret_skipped` (may be NULL): certificates that could not be read.
 * Fails as vs_trust_list_read. */
VS_NODISCARD vs_rc vs_trust_add_list(struct vs_trust *trust, struct vs_bytes text,
                                     size_t *ret_skipped, struct vs_error *err);

/* When the first of the lists should have been followed by a newer one (TS 119 612, 5.3.15);
 * VS_TIME_NONE: no list, or closed ones only. */
vs_time_ms vs_trust_lists_until(const struct vs_trust *trust);

size_t vs_trust_count(const struct vs_trust *trust);
/* All anchors' certificates: what path building takes. Lives with the set. */
const struct vs_certificate *const *vs_trust_certificates(const struct vs_trust *trust);
/* The anchor whose certificate is number `i` of vs_trust_certificates. */
const struct vs_anchor *vs_trust_anchor(const struct vs_trust *trust, size_t i);
/* The anchor that is this very certificate, or NULL. */
const struct vs_anchor *vs_trust_find(const struct vs_trust *trust,
                                      const struct vs_certificate *certificate);
/* Whether the anchor is trusted at `at`: a listed one unless its services say otherwise (none
 * of them granted in the span that covers `at`); before its first listing it is. */
bool vs_anchor_trusted_at(const struct vs_anchor *anchor, vs_time_ms at);
/* A service of that type, granted at `at`; NULL: none. */
const struct vs_service *vs_anchor_granted(const struct vs_anchor *anchor,
                                           enum vs_service_type type, vs_time_ms at);

static inline void vs_cleanup_trust(struct vs_trust **trust)
{
    vs_trust_unref(*trust);
}
#define VS_TRUST __attribute__((cleanup(vs_cleanup_trust))) struct vs_trust
#endif
