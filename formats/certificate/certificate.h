/* certificate.h - X.509 certificates (RFC 5280, EN 319 412): decoded once, then only looked at.
 *
 * A certificate decoded here is readable, NOT trusted: path.h says whether it chains to an
 * anchor, ocsp.h and crl.h whether it was revoked. Decoding is our own strict DER reader's;
 * `vs_certificate_get` keeps the decoded ones of the process by the SHA-256 of their DER. */
#ifndef VS_FORMATS_CERTIFICATE_CERTIFICATE_H
#define VS_FORMATS_CERTIFICATE_CERTIFICATE_H
#include "formats/crypto/key.h"
#include <stdatomic.h>

enum { VS_CERTIFICATE_MAX_BYTES = 64 * 1024 };

/* RFC 5280, 4.2.1.3. */
enum {
    VS_KU_DIGITAL_SIGNATURE = 1 << 0,
    VS_KU_NON_REPUDIATION = 1 << 1,
    VS_KU_KEY_ENCIPHERMENT = 1 << 2,
    VS_KU_DATA_ENCIPHERMENT = 1 << 3,
    VS_KU_KEY_AGREEMENT = 1 << 4,
    VS_KU_KEY_CERT_SIGN = 1 << 5,
    VS_KU_CRL_SIGN = 1 << 6,
};
/* RFC 5280, 4.2.1.12. */
enum {
    VS_EKU_SERVER = 1 << 0,
    VS_EKU_CLIENT = 1 << 1,
    VS_EKU_CODE = 1 << 2,
    VS_EKU_EMAIL = 1 << 3,
    VS_EKU_TIME_STAMPING = 1 << 4,
    VS_EKU_OCSP_SIGNING = 1 << 5,
    VS_EKU_ANY = 1 << 6,
    VS_EKU_OTHER = 1 << 7, /* one that has no name here */
};
/* EN 319 412-5. */
enum {
    VS_QC_COMPLIANCE = 1 << 0, /* it is a qualified certificate */
    VS_QC_SSCD = 1 << 1,       /* its key lies in a certified device (Art. 3.2) */
    VS_QC_TYPE_SIGN = 1 << 2,
    VS_QC_TYPE_SEAL = 1 << 3,
    VS_QC_TYPE_WEB = 1 << 4,
    VS_QC_LIMIT = 1 << 5, /* a limit on transactions: see qc_limit_* */
};

/* All fields are read-only and live as long as the certificate. Views point into `der`. */
struct vs_certificate {
    struct vs_bytes der;
    uint8_t sha256[32]; /* of `der` */
    struct vs_bytes tbs;
    struct vs_bytes issuer, subject;    /* whole Names */
    uint32_t issuer_hash, subject_hash; /* vs_name_hash of both */
    struct vs_bytes serial;             /* content octets of the INTEGER */
    /* In force from not_before through not_after, both whole seconds, inclusive. */
    vs_time_ms not_before, not_after;
    struct vs_public_key *key;
    struct vs_bytes key_bits; /* subjectPublicKey without its unused-bits octet (OCSP, SKI) */
    struct vs_signature_algorithm signature_algorithm; /* .scheme VS_SCHEME_NONE: not known */
    struct vs_bytes signature;
    int version; /* 1 to 3 */
    bool self_issued;

    bool has_key_usage;
    uint32_t key_usage; /* VS_KU_* */
    bool has_extended_key_usage, extended_key_usage_critical;
    uint32_t extended_key_usage; /* VS_EKU_* */
    unsigned n_extended_key_usages;
    bool has_basic_constraints, is_ca;
    int64_t path_length;                              /* -1: no limit */
    struct vs_bytes authority_key_id, subject_key_id; /* key identifiers, or empty */
    bool ocsp_nocheck;                                /* id-pkix-ocsp-nocheck */
    uint32_t qc;                                      /* VS_QC_*: statements */
    int64_t qc_limit_amount, qc_limit_exponent;
    char qc_limit_currency[4]; /* ISO 4217; "" where written as a number */
    /* An extension marked critical that is not understood here: no path may use it. */
    bool unknown_critical;
    /* Extension values (inside the OCTET STRING), empty where absent. */
    struct vs_bytes policies, name_constraints, policy_constraints, inhibit_any_policy,
        policy_mappings, subject_alt_name, authority_info, crl_points, qc_statements;

    atomic_uint users; /* for vs_certificate_ref and _unref only */
};

/* Decode `der`, which is copied. VS_E_CERTIFICATE: malformed, trailing bytes, over the limit.
 */
VS_NODISCARD vs_rc vs_certificate_decode(struct vs_bytes der, struct vs_certificate **ret,
                                         struct vs_error *err);
/* The same by way of the process's cache (bounded, any thread): a new reference. */
VS_NODISCARD vs_rc vs_certificate_get(struct vs_bytes der, struct vs_certificate **ret,
                                      struct vs_error *err);
/* The first CERTIFICATE block of a PEM text, or plain DER. */
VS_NODISCARD vs_rc vs_certificate_get_pem(struct vs_bytes pem_or_der,
                                          struct vs_certificate **ret, struct vs_error *err);
struct vs_certificate *vs_certificate_ref(struct vs_certificate *certificate);
void vs_certificate_unref(struct vs_certificate *certificate); /* NULL is fine */
void vs_certificate_encode_pem(const struct vs_certificate *certificate, struct vs_buffer *to);

bool vs_certificate_same(const struct vs_certificate *a, const struct vs_certificate *b);
bool vs_certificate_in_force(const struct vs_certificate *certificate, vs_time_ms t);

/* Verify the signature on `certificate` with the key of `issuer`: nothing but the value (names,
 * times, rights are path.h's). A positive answer is remembered by the process. */
VS_NODISCARD vs_rc vs_certificate_verify_signed_by(const struct vs_certificate *certificate,
                                                   const struct vs_certificate *issuer,
                                                   enum vs_signature_verdict *ret,
                                                   struct vs_error *err);

/* -- names --------------------------------------------------------------------------------- */

enum vs_attribute {
    VS_NAME_CN,
    VS_NAME_SURNAME,
    VS_NAME_SERIAL_NUMBER,
    VS_NAME_COUNTRY,
    VS_NAME_LOCALITY,
    VS_NAME_STATE,
    VS_NAME_STREET,
    VS_NAME_ORGANIZATION,
    VS_NAME_ORGANIZATIONAL_UNIT,
    VS_NAME_TITLE,
    VS_NAME_GIVEN_NAME,
    VS_NAME_PSEUDONYM,
    VS_NAME_ORGANIZATION_IDENTIFIER,
    VS_NAME_EMAIL,
    VS_NAME_DOMAIN_COMPONENT,
    VS_NAME_USER_ID,
    VS_NAME_ATTRIBUTES
};

/* The last (most specific) value of `which` in a DER Name, as UTF-8 in `arena`; NULL: none. */
char *vs_name_attribute(struct vs_arena *arena, struct vs_bytes name, enum vs_attribute which);
/* RFC 4514 text, most specific first: "CN=…,O=…,C=AZ". Attributes without a short name are
 * dotted OIDs with #hex values. NULL: malformed, or the arena is full. */
char *vs_name_text(struct vs_arena *arena, struct vs_bytes name);
/* RFC 5280, 7.1: string types, case of ASCII letters and runs of spaces make no difference. */
bool vs_name_equal(struct vs_bytes a, struct vs_bytes b);
/* Names that are equal have the same hash: tells most unequal ones apart without a look. */
uint32_t vs_name_hash(struct vs_bytes name);
/* Whether `base`'s RDNs are the first ones of `name` (a subtree, RFC 5280, 4.2.1.10). */
bool vs_name_within(struct vs_bytes name, struct vs_bytes base);
/* Serial number as decimal text (X509SerialNumber), or NULL. */
char *vs_certificate_serial_text(struct vs_arena *arena,
                                 const struct vs_certificate *certificate);

/* -- addresses and policies ---------------------------------------------------------------- */

enum vs_address { VS_ADDRESS_OCSP, VS_ADDRESS_ISSUERS, VS_ADDRESS_CRL };

/* The http and https addresses of a kind, in order, as the certificate writes them: untrusted
 * text, printable ASCII. At most 16. */
VS_NODISCARD vs_rc vs_certificate_addresses(struct vs_arena *arena,
                                            const struct vs_certificate *certificate,
                                            enum vs_address which, const char *const **ret,
                                            size_t *ret_n, struct vs_error *err);
/* Whether `policy` (dotted OID) is among the certificate policies. */
bool vs_certificate_has_policy(const struct vs_certificate *certificate, const char *policy);

/* -- the cache ----------------------------------------------------------------------------- */

/* Forget everything: for leak checkers and cold benches. */
void vs_certificate_cache_clear(void);

static inline void vs_cleanup_certificate(struct vs_certificate **c)
{
    vs_certificate_unref(*c);
}
#define VS_CERTIFICATE __attribute__((cleanup(vs_cleanup_certificate))) struct vs_certificate
#endif
