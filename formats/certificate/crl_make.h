/* crl_make.h - make certificate revocation lists (RFC 5280, 5). Reading them: crl.h. */
#ifndef VS_FORMATS_CERTIFICATE_CRL_MAKE_H
#define VS_FORMATS_CERTIFICATE_CRL_MAKE_H
#include "formats/certificate/issue.h"

#define VS_CRL_MAKE_MAX ((size_t)64 * 1024 * 1024) /* bytes: about a million entries */

struct vs_crl_listed {
    struct vs_bytes serial; /* big-endian */
    vs_time_ms since;
    int reason; /* CRLReason; 0 (unspecified) and negative: not stated (RFC 5280, 5.3.1) */
};

struct vs_crl_profile {
    uint64_t number; /* greater than that of every earlier list of the issuer */
    vs_time_ms this_update, next_update;
    /* expiredCertsOnCRL (X.509, 9.5.2.7): certificates expired since then are still
     * listed; VS_TIME_NONE: not stated. */
    vs_time_ms expired_since;
};

/* Append the DER CertificateList to `to`. */
VS_NODISCARD vs_rc vs_crl_make(const struct vs_crl_profile *profile,
                               const struct vs_issuer *issuer,
                               const struct vs_crl_listed *listed, size_t n_listed,
                               struct vs_buffer *to, struct vs_error *err);
#endif
