/* timestamp.h - RFC 3161 time-stamp tokens (time marks): decode one, look at it, verify it.
 *
 * Read by our own bounded DER reader, not by a CMS library: exactly the profile that RFC 3161,
 * RFC 5816 and EN 319 422 allow, one signer; BER is brought into the definite form first. A
 * token decoded here is readable, NOT trusted: vs_timestamp_verify checks the token against one
 * certificate, path.h and revocation judge the authority. Who compares the imprint with the
 * data is the caller: vs_timestamp_covers. */
#ifndef VS_FORMATS_TIMESTAMP_TIMESTAMP_H
#define VS_FORMATS_TIMESTAMP_TIMESTAMP_H
#include "formats/certificate/certificate.h"

enum { VS_TIMESTAMP_MAX_BYTES = 256 * 1024, VS_TIMESTAMP_MAX_CERTIFICATES = 32 };

/* ESSCertID or ESSCertIDv2 (RFC 5035, RFC 5816): which certificate signed. */
struct vs_ess_cert_id {
    struct vs_digest digest;
    struct vs_bytes issuer; /* whole Name of issuerSerial, or empty */
    struct vs_bytes serial; /* content octets, or empty */
};

/* Read-only; views point into `der`, or into its definite form in the arena. */
struct vs_timestamp {
    struct vs_bytes der; /* the whole ContentInfo, as given */
    struct vs_bytes tst_info;
    struct vs_digest imprint;
    bool
        imprint_known; /* false: a digest algorithm that is not ours; `imprint` is empty then */
    vs_time_ms gen_time;         /* cut to milliseconds, never rounded up */
    bool gen_time_whole_seconds; /* written without a fraction */
    int64_t accuracy_ms;         /* 0 where not stated; microseconds round up */
    bool accuracy_stated, ordering;
    struct vs_bytes policy;              /* content octets of the OID */
    struct vs_bytes serial;              /* content octets of the INTEGER */
    struct vs_bytes nonce;               /* the same, or empty */
    const struct vs_bytes *certificates; /* DER, as enclosed: trusted by nobody */
    size_t n_certificates;
    const struct vs_bytes *crls; /* DER of CertificateList, as enclosed */
    size_t n_crls;
    const struct vs_bytes *ocsp; /* BasicOCSPResponse or OCSPResponse, as enclosed */
    size_t n_ocsp;
    /* The signer. */
    struct vs_bytes signer_issuer, signer_serial; /* IssuerAndSerialNumber, or empty */
    struct vs_bytes signer_key_id;                /* or this */
    /* Signed: signingCertificateV2, and signingCertificate of the older form; digest of
     * VS_DIGEST_NONE where absent. Each present one must name the signer. */
    struct vs_ess_cert_id ess_cert_id_v2, ess_cert_id_v1;
    enum vs_digest_algorithm digest_algorithm;
    struct vs_signature_algorithm signature_algorithm;
    struct vs_bytes signed_attributes; /* with the tag as sent: [0] */
    struct vs_digest message_digest;
    struct vs_bytes signature;
    struct vs_bytes unsigned_attributes; /* with its tag, or empty */
};

/* Decode one DER ContentInfo. `der` must outlive `*ret`, which lives in `arena`.
 * VS_E_TIMESTAMP: malformed, several signers, a doubled or missing attribute, trailing bytes.
 */
VS_NODISCARD vs_rc vs_timestamp_decode(struct vs_arena *arena, struct vs_bytes der,
                                       const struct vs_timestamp **ret, struct vs_error *err);

/* Policy as dotted text in `arena`, or NULL. */
char *vs_timestamp_policy_text(struct vs_arena *arena, const struct vs_timestamp *timestamp);

/* Whether the imprint is `digest` (same algorithm, same value). */
bool vs_timestamp_covers(const struct vs_timestamp *timestamp, const struct vs_digest *digest);

/* The signing certificate among the enclosed ones and `others` (RFC 5816, 2.2.1: by the signed
 * ESSCertID; without one by issuer and serial number). `*ret` is a new reference or NULL. */
VS_NODISCARD vs_rc vs_timestamp_signer(const struct vs_timestamp *timestamp,
                                       const struct vs_certificate *const *others,
                                       size_t n_others, struct vs_certificate **ret,
                                       struct vs_error *err);

enum vs_timestamp_verdict {
    VS_TIMESTAMP_OK,
    VS_TIMESTAMP_WRONG_CERTIFICATE, /* not the one that the token names */
    VS_TIMESTAMP_DIGEST,            /* messageDigest is not the TSTInfo's */
    VS_TIMESTAMP_SIGNATURE_VALUE,   /* the value does not verify */
    VS_TIMESTAMP_ALGORITHM,         /* not known, or not of the key's kind */
    VS_TIMESTAMP_USAGE,  /* extended key usage not critical, or not timeStamping alone */
    VS_TIMESTAMP_NO_ESS, /* no signed signing-certificate attribute */
};
/* Check digest, signed attributes and signature value with `signer`, and the signer's key usage
 * (RFC 3161, 2.3 and 2.4.2). Not its chain, validity or revocation. `*ret_why` (may be NULL) is
 * a static phrase where the verdict is not OK. Only memory can fail. */
VS_NODISCARD vs_rc vs_timestamp_verify(const struct vs_timestamp *timestamp,
                                       const struct vs_certificate *signer,
                                       enum vs_timestamp_verdict *ret, const char **ret_why,
                                       struct vs_error *err);
#endif
