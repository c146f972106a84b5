/* crl.h - certificate revocation lists (RFC 5280, 5), read.
 *
 * Complete lists of one CA, also split by user and CA certificates or by distribution point.
 * A list decoded here is readable, NOT trusted: vs_crl_verify. NOT DONE: RFC 5280, 5.2.4 (delta
 * CRLs) and 5.2.5 (indirect CRLs, lists of some reasons only): decoded, never applicable. */
#ifndef VS_FORMATS_CERTIFICATE_CRL_H
#define VS_FORMATS_CERTIFICATE_CRL_H
#include "formats/certificate/revocation.h"

enum { VS_CRL_MAX_BYTES = 64 * 1024 * 1024 };

struct vs_crl {
    struct vs_bytes der, tbs;
    struct vs_bytes issuer; /* whole Name */
    vs_time_ms this_update;
    vs_time_ms next_update;  /* VS_TIME_NONE: not said */
    struct vs_bytes entries; /* content of revokedCertificates, or empty */
    size_t n_entries;
    struct vs_bytes number; /* cRLNumber, or empty */
    struct vs_bytes authority_key_id;
    vs_time_ms expired_certs;                /* expiredCertsOnCRL, or VS_TIME_NONE */
    bool only_user, only_ca, only_attribute; /* issuingDistributionPoint */
    bool partial; /* delta, indirect, only some reasons, or an unknown critical extension */
    struct vs_bytes point; /* IDP's distributionPoint (a DistributionPointName), or empty */
    struct vs_signature_algorithm signature_algorithm;
    struct vs_bytes signature;
};

/* Views point into `der`, which must outlive `*ret`. VS_E_REVOCATION_DATA: malformed, entries
 * included: nothing may hide behind a damaged one. */
VS_NODISCARD vs_rc vs_crl_decode(struct vs_arena *arena, struct vs_bytes der,
                                 const struct vs_crl **ret, struct vs_error *err);

enum vs_crl_right {
    VS_CRL_BY_ISSUER,
    VS_CRL_WRONG_ISSUER, /* another name than `issuer`'s */
    VS_CRL_NO_RIGHT,     /* `issuer` may not sign lists (keyUsage without cRLSign) */
    VS_CRL_BAD_SIGNATURE,
};
/* Whether `issuer`'s key made it. Remembered by the process. Only memory can fail. */
VS_NODISCARD vs_rc vs_crl_verify(const struct vs_crl *crl, const struct vs_certificate *issuer,
                                 enum vs_crl_right *ret, struct vs_error *err);

/* What the list says about `certificate`: VS_STATUS_GOOD where it is not listed. False: the
 * list does not apply to it (another issuer, kind or distribution point, or `partial`). */
bool vs_crl_find(const struct vs_crl *crl, const struct vs_certificate *certificate,
                 struct vs_statement *ret);
#endif
