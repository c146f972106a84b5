/* issue.h - make X.509 certificates from a profile, and read PKCS#10 requests for them.
 *
 * The profile says all that a certificate states; nothing is added but what RFC 5280 requires
 * (key identifiers). Validity, serial number and keys are the caller's: formats/ has no clock
 * and no keys. Whether the profile is lawful (Art. 12) is the centre's matter (relay/centre).
 */
#ifndef VS_FORMATS_CERTIFICATE_ISSUE_H
#define VS_FORMATS_CERTIFICATE_ISSUE_H
#include "formats/certificate/certificate.h"
#include "formats/crypto/signer.h"

#define VS_CERTIFICATE_MAKE_MAX ((size_t)64 * 1024) /* bytes of one that is made */

/* One RelativeDistinguishedName with one attribute, UTF8String (countryName and serialNumber:
 * PrintableString, as RFC 5280, appendix A.1 limits them; e-mail: IA5String). */
struct vs_name_part {
    enum vs_attribute which;
    const char *text;
};

/* What EN 319 412-5 lets a certificate state. All zero: no QCStatements extension. */
struct vs_qc_profile {
    bool compliance; /* 4.2.1: a qualified certificate */
    bool sscd;       /* 4.2.2: the key is in a qualified device */
    /* 4.2.3: id-etsi-qct-…; any combination */
    bool type_signature, type_seal;
    /* 4.3.2: limit of a transaction's value; currency NULL: none */
    const char *limit_currency; /* ISO 4217 letters */
    uint64_t limit_amount;      /* times 10^limit_exponent */
    unsigned limit_exponent;
    const char *disclosure_url; /* 4.3.4: https, in English; NULL: none */
};

/* Everything borrowed for the call. */
struct vs_certificate_profile {
    const struct vs_name_part *subject;
    size_t n_subject;
    vs_time_ms not_before, not_after; /* whole seconds are written */
    uint32_t key_usage;               /* VS_KU_*; critical */
    bool authority;                   /* a CA: basic constraints, critical */
    int path_length;                  /* of a CA; negative: no limit */
    uint32_t extended_key_usage;      /* VS_EKU_*; 0: no such extension */
    bool extended_key_usage_critical;
    const char *const *policies;
    size_t n_policies;
    const char *statement_url; /* CPS of every policy; NULL: none */
    struct vs_qc_profile qualified;
    const char *ocsp_url, *issuer_url, *crl_url; /* AIA and CRL DP; NULL: none */
    bool ocsp_nocheck;                           /* RFC 6960, 4.2.2.2.1: OCSP signers only */
    const char *const *dns_names;                /* subjectAltName */
    size_t n_dns_names;
    const struct vs_bytes *addresses; /* 4 or 16 octets each */
    size_t n_addresses;
    const char *email; /* NULL: none */
};

/* Who signs: its name and key identifier as its own certificate states them. */
struct vs_issuer {
    struct vs_bytes name;   /* DER Name */
    struct vs_bytes key_id; /* its subjectKeyIdentifier; empty for a self-signed certificate */
    const struct vs_signer *signer;
};

/* Append the certificate's DER to `to`. `issuer->name` empty: self-signed, the subject's own
 * name and `spki` must be the signer's. `serial`: 1 to 20 octets, not zero, first bit clear
 * (RFC 5280, 4.1.2.2). VS_E_PARAMETER: a part of the profile cannot be written. */
VS_NODISCARD vs_rc vs_certificate_make(const struct vs_certificate_profile *profile,
                                       const struct vs_issuer *issuer, struct vs_bytes serial,
                                       struct vs_bytes spki, struct vs_buffer *to,
                                       struct vs_error *err);

/* RFC 5280, 4.2.1.2 (1): SHA-1 of the key's BIT STRING; a name for a key, nothing secure. */
VS_NODISCARD vs_rc vs_key_identifier(struct vs_bytes spki, uint8_t ret[20],
                                     struct vs_error *err);

/* A PKCS#10 request whose signature was made by the key that it asks a certificate for
 * (Art. 12: private and public key match). Its subject and attributes are wishes only. */
struct vs_certificate_request {
    struct vs_bytes subject; /* DER Name; borrowed from the request */
    struct vs_bytes spki;
};
#define VS_CERTIFICATE_REQUEST_MAX ((size_t)64 * 1024)
/* DER. VS_E_SYNTAX: not exactly one request. VS_E_CERTIFICATE: proof of possession fails.
 * VS_E_ALGORITHM: its key or signature is weaker than certificates may have at `now`. */
VS_NODISCARD vs_rc vs_certificate_request_decode(struct vs_bytes der, vs_time_ms now,
                                                 struct vs_certificate_request *ret,
                                                 struct vs_error *err);
#endif
