/* cms.h - CMS SignedData (RFC 5652) and the attributes of CAdES (EN 319 122-1), read.
 *
 * Outer layers may be BER, as streaming writers leave them; what is signed must be DER. Every
 * part is kept as the bytes that lie there, because archive time marks digest those bytes.
 * OtherRevocationInfo with OCSP responses is read (EN 319 122-1, 5.4.2.2), which OpenSSL's
 * PKCS#7 cannot. Facts are claims: vs_cms_check_value proves the signature value,
 * vs_cms_check_digest the content; who signed is formats/validation's matter.
 *
 * Refused (VS_E_SIGNATURE_FORM, RFC 5652, 5.3, 11): signed attributes that are no DER SET, a
 * missing, doubled or many-valued content-type or message-digest, attributes absent though the
 * content type is not id-data. NOT DONE: RFC 5652, 12 (attribute certificates): skipped. */
#ifndef VS_FORMATS_SIGNATURE_CMS_H
#define VS_FORMATS_SIGNATURE_CMS_H
#include "formats/crypto/key.h"

#define VS_CMS_MAX_BYTES   ((size_t)64 * 1024 * 1024)
#define VS_CMS_MAX_SIGNERS 64

struct vs_cms_attribute {
    struct vs_bytes oid;    /* content octets */
    struct vs_bytes whole;  /* the Attribute as it lies there */
    struct vs_bytes values; /* content of the SET OF */
    struct vs_bytes first;  /* its first value, whole; empty where the SET is */
    size_t n_values;
};

struct vs_cms_signer {
    struct vs_error refusal; /* .code VS_E_NONE, or why nothing below but `whole` counts */
    struct vs_bytes whole;   /* SignerInfo */
    struct vs_bytes version, sid, digest_algorithm_der, algorithm_der,
        value_whole;              /* as there */
    struct vs_bytes signed_whole; /* [0] signedAttrs as they lie there; empty: none */
    struct vs_bytes issuer; /* DER Name; empty where the signer is named by key identifier */
    struct vs_bytes serial; /* content of the INTEGER */
    struct vs_bytes key_id; /* SubjectKeyIdentifier */
    enum vs_digest_algorithm digest_algorithm;
    struct vs_signature_algorithm algorithm; /* .scheme VS_SCHEME_NONE: not known here */
    struct vs_bytes value;
    struct vs_bytes signed_content; /* content of signedAttrs: SET OF with its tag made good is
                                       what the value signs; empty: it signs the content */
    struct vs_bytes message_digest;
    struct vs_bytes content_type; /* OID of the attribute */
    vs_time_ms signing_time;      /* VS_TIME_NONE: not given */
    enum vs_digest_algorithm
        reference_algorithm; /* ESS signing certificate; NONE: no attribute */
    struct vs_bytes reference_digest;
    bool reference_v1; /* signing-certificate (SHA-1) and no V2 */
    const struct vs_cms_attribute *signed_attributes, *unsigned_attributes;
    size_t n_signed, n_unsigned;
};

/* Views of the bytes that it was read from, which must outlive it. */
struct vs_cms {
    struct vs_bytes whole;        /* the ContentInfo */
    struct vs_bytes content_type; /* OID of the encapsulated content */
    bool has_content;
    struct vs_bytes content;                  /* joined */
    struct vs_bytes content_info;             /* EncapsulatedContentInfo as it lies there */
    const struct vs_bytes *digest_algorithms; /* AlgorithmIdentifiers, as they lie there */
    size_t n_digest_algorithms;
    const struct vs_bytes *certificates; /* X.509 only */
    size_t n_certificates;
    const struct vs_bytes *certificate_choices; /* all, as they lie there */
    size_t n_certificate_choices;
    const struct vs_bytes *crls; /* CertificateList */
    size_t n_crls;
    const struct vs_bytes *ocsp; /* OCSPResponse or BasicOCSPResponse */
    size_t n_ocsp;
    const struct vs_bytes *revocation_choices; /* all of [1], as they lie there */
    size_t n_revocation_choices;
    const struct vs_cms_signer *signers;
    size_t n_signers;
};

/* `bytes` is one ContentInfo; zero octets after it are allowed where `padded` (PDF).
 * Fails: VS_E_SIGNATURE_FORM, VS_E_LIMIT, VS_E_NOMEM. */
VS_NODISCARD vs_rc vs_cms_decode(struct vs_arena *arena, struct vs_bytes bytes, bool padded,
                                 const struct vs_cms **ret, struct vs_error *err);
/* A bare SignerInfo: a counter-signature's value (RFC 5652, 11.4). */
VS_NODISCARD vs_rc vs_cms_decode_signer(struct vs_arena *arena, struct vs_bytes bytes,
                                        struct vs_cms_signer *ret, struct vs_error *err);

/* The attribute of dotted OID text in the list, or NULL. `nth` counts from 0. */
const struct vs_cms_attribute *vs_cms_attribute(const struct vs_cms_attribute *list, size_t n,
                                                const char *oid, size_t nth);

/* The ContentInfo again, without the unsigned attributes of `signer` whose types are among
 * `oids`, from number `from` on (counted among those): what an evidence record in one of them
 * covers (RFC 4998, appendix A.1). DER in the arena. */
VS_NODISCARD vs_rc vs_cms_without(struct vs_arena *arena, const struct vs_cms *cms,
                                  const struct vs_cms_signer *signer, const char *const *oids,
                                  size_t n_oids, size_t from, struct vs_bytes *ret,
                                  struct vs_error *err);

/* Whether the value is this key's over the signed attributes (or, without any, over the content
 * whose digest is given). */
VS_NODISCARD vs_rc vs_cms_check_value(const struct vs_cms_signer *signer,
                                      const struct vs_public_key *key,
                                      const struct vs_digest *content_digest,
                                      enum vs_signature_verdict *ret, struct vs_error *err);
#endif
