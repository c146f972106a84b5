/* ocsp.h - OCSP (RFC 6960): requests and responses, read.
 *
 * A response decoded here is readable, NOT trusted: vs_ocsp_verify says whose signature it
 * bears and by what right. Making requests: vs_ocsp_request_encode. Making responses is
 * issue.h's neighbour (ocsp_make.h). */
#ifndef VS_FORMATS_CERTIFICATE_OCSP_H
#define VS_FORMATS_CERTIFICATE_OCSP_H
#include "formats/certificate/revocation.h"

enum {
    VS_OCSP_MAX_BYTES = 256 * 1024,
    VS_OCSP_MAX_SINGLES = 256,
    VS_OCSP_MAX_CERTIFICATES = 16
};

/* RFC 6960, 4.1.1: names a certificate by its issuer and serial number. */
struct vs_cert_id {
    enum vs_digest_algorithm hash;
    struct vs_bytes issuer_name_hash, issuer_key_hash;
    struct vs_bytes serial; /* content octets of the INTEGER */
};

bool vs_cert_id_matches(const struct vs_cert_id *id, const struct vs_certificate *certificate,
                        const struct vs_certificate *issuer);
/* Whether the hashes name `issuer`, whatever the serial number (a responder's first question).
 */
bool vs_cert_id_of_issuer(const struct vs_cert_id *id, const struct vs_certificate *issuer);

/* -- requests ------------------------------------------------------------------------------ */

struct vs_ocsp_request {
    const struct vs_cert_id *ids;
    size_t n_ids;
    struct vs_bytes nonce;          /* content of the nonce's OCTET STRING; empty: none */
    const struct vs_bytes *raw_ids; /* DER of each CertID, to be echoed */
};
/* Views point into `der`, which must outlive the result. VS_E_REVOCATION_DATA: malformed. */
VS_NODISCARD vs_rc vs_ocsp_request_decode(struct vs_arena *arena, struct vs_bytes der,
                                          struct vs_ocsp_request *ret, struct vs_error *err);
/* One certificate, SHA-1 CertID (what all responders know: RFC 6960, 4.3 and RFC 5019, 2.1.1),
 * nonce if not empty (1 to 32 octets: RFC 8954). */
void vs_ocsp_request_encode(const struct vs_certificate *certificate,
                            const struct vs_certificate *issuer, struct vs_bytes nonce,
                            struct vs_buffer *to);

/* -- responses ----------------------------------------------------------------------------- */

enum vs_ocsp_response_status {
    VS_OCSP_SUCCESSFUL = 0,
    VS_OCSP_MALFORMED_REQUEST = 1,
    VS_OCSP_INTERNAL_ERROR = 2,
    VS_OCSP_TRY_LATER = 3,
    VS_OCSP_SIG_REQUIRED = 5,
    VS_OCSP_UNAUTHORIZED = 6,
};

struct vs_ocsp_single {
    struct vs_cert_id id;
    struct vs_statement statement;
    enum vs_digest_algorithm cert_hash_algorithm; /* ISIS-MTT certHash, or VS_DIGEST_NONE */
    struct vs_bytes cert_hash;
};

struct vs_ocsp {
    int status; /* enum vs_ocsp_response_status; all below only where it is 0 */
    struct vs_bytes der;
    struct vs_bytes tbs;
    struct vs_bytes responder_name;     /* whole Name, or empty */
    struct vs_bytes responder_key_hash; /* SHA-1, or empty */
    vs_time_ms produced_at;
    struct vs_bytes nonce; /* empty: none */
    const struct vs_ocsp_single *singles;
    size_t n_singles;
    struct vs_signature_algorithm signature_algorithm;
    struct vs_bytes signature;
    const struct vs_bytes *certificates; /* DER, as enclosed */
    size_t n_certificates;
};

/* An OCSPResponse; a bare BasicOCSPResponse is taken too (CMS carries those). Views point into
 * `der`, which must outlive `*ret`. VS_E_REVOCATION_DATA: malformed or over the limits. */
VS_NODISCARD vs_rc vs_ocsp_decode(struct vs_arena *arena, struct vs_bytes der,
                                  const struct vs_ocsp **ret, struct vs_error *err);

/* What the response says about `certificate`; of several the newest, of equally new ones the
 * worst. False: nothing. */
bool vs_ocsp_find(const struct vs_ocsp *ocsp, const struct vs_certificate *certificate,
                  const struct vs_certificate *issuer, struct vs_statement *ret);

enum vs_ocsp_right {
    VS_OCSP_BY_ISSUER,   /* signed with the issuer's own key */
    VS_OCSP_BY_DELEGATE, /* signer issued by the issuer's key, EKU OCSPSigning */
    VS_OCSP_BY_TRUSTED,  /* one of the `trusted` certificates */
    VS_OCSP_BY_OTHER,    /* value verifies and EKU OCSPSigning, but issued by another CA: only
                            good where the caller trusts that chain for this */
    VS_OCSP_NO_RIGHT,    /* value verifies, but the signer may not speak */
    VS_OCSP_BAD_SIGNATURE,
    VS_OCSP_NO_SIGNER, /* the responder's certificate is not at hand */
};
struct vs_ocsp_signer {
    enum vs_ocsp_right right;
    struct vs_certificate *certificate; /* a reference of the caller's; NULL where none */
    const char *why; /* static phrase where right is not one of the first three */
};
/* Who signed, and by what right (RFC 6960, 4.2.2.2). `others`: further certificates in which
 * the responder may be found. Whether the signer itself was in force and not revoked is for the
 * caller to judge (signer.certificate->ocsp_nocheck). Only memory can fail. */
VS_NODISCARD vs_rc vs_ocsp_verify(const struct vs_ocsp *ocsp,
                                  const struct vs_certificate *issuer,
                                  const struct vs_certificate *const *trusted, size_t n_trusted,
                                  const struct vs_certificate *const *others, size_t n_others,
                                  struct vs_ocsp_signer *ret, struct vs_error *err);
static inline void vs_cleanup_ocsp_signer(struct vs_ocsp_signer *s)
{
    vs_certificate_unref(s->certificate);
}
#define VS_OCSP_SIGNER __attribute__((cleanup(vs_cleanup_ocsp_signer))) struct vs_ocsp_signer
#endif
