/* path.h - certification paths (RFC 5280, 6; EN 319 102-1, 5.2.6.2): from a certificate to a
 * trust anchor, judged at a moment.
 *
 * Anchors are whatever a trusted list names: roots, intermediate CAs, or the very certificate;
 * an anchor needs no path and no validity check of its own. Revocation is NOT looked at
 * (ocsp.h, crl.h), nor whether the algorithms are still good (vs_path_algorithms_acceptable),
 * because both are asked for other moments than the path is. Building is bounded in time
 * whatever is submitted. */
#ifndef VS_FORMATS_CERTIFICATE_PATH_H
#define VS_FORMATS_CERTIFICATE_PATH_H
#include "formats/certificate/certificate.h"

enum { VS_PATH_MAX = 10 }; /* certificates */

/* Ordered: of several paths the one with the least verdict is given. */
enum vs_path_verdict {
    VS_PATH_OK,
    VS_PATH_EXPIRED,    /* `culprit` was no longer in force */
    VS_PATH_NOT_YET,    /* `culprit` was not yet in force */
    VS_PATH_CONSTRAINT, /* a rule of RFC 5280, 6.1 is broken: `why` */
    VS_PATH_NONE,       /* no chain of good signatures to an anchor */
};

struct vs_path {
    enum vs_path_verdict verdict;
    /* From the certificate asked for to the anchor. Without an anchor (VS_PATH_NONE): as far as
     * the chain was found, for looking up what is missing. Borrowed from the input. */
    const struct vs_certificate *certificates[VS_PATH_MAX];
    size_t n;
    size_t anchor;   /* index in the input's anchors; SIZE_MAX: none */
    size_t culprit;  /* index in `certificates` */
    const char *why; /* static English phrase, or NULL */
    const char *clause;
};

struct vs_path_input {
    const struct vs_certificate *certificate;
    const struct vs_certificate *const *anchors;
    size_t n_anchors;
    const struct vs_certificate *const
        *candidates; /* trusted by nobody; any order, any number */
    size_t n_candidates;
    vs_time_ms at;
};

/* Only memory can fail; everything else is a verdict. */
VS_NODISCARD vs_rc vs_path_build(const struct vs_path_input *input, struct vs_path *ret,
                                 struct vs_error *err);
const char *vs_path_verdict_text(enum vs_path_verdict verdict);

/* Whether each signature of the path, the anchor's excepted, was made with an algorithm and key
 * length acceptable at `at` (EN 319 102-1, 5.2.8). On false `*ret_culprit` is the index of the
 * certificate and `*ret_why` what is too weak. */
bool vs_path_algorithms_acceptable(const struct vs_path *path, vs_time_ms at,
                                   size_t *ret_culprit, const char **ret_why);
#endif
