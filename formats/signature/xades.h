/* xades.h - XAdES signatures (EN 319 132-1), read: every fact that a verdict needs.
 *
 * One file may hold several signatures: an asic:XAdESSignatures, one bare ds:Signature, or any
 * document with enveloped ones. What makes the file unreadable refuses the file; what makes one
 * signature unacceptable is kept beside it (`refusal`), so that one bad signature does not hide
 * a good one. Facts are read from the nodes that the signature covers: SignedProperties only
 * when a reference of the right type digests exactly that element; otherwise the signature is
 * refused (VS_E_REFERENCE).
 *
 * Facts are claims. vs_dsig_check_reference and vs_dsig_check_value (xmldsig.h, on `dsig`) make
 * them proven. Tokens, certificates and revocation data are handed out as DER and not judged.
 *
 * NOT DONE: time marks over references (A.1.5): their tokens are handed out, their imprint is
 * not computed. Counter-signatures (5.2.7): counted only. XAdES before 1.3.2: not read. */
#ifndef VS_FORMATS_SIGNATURE_XADES_H
#define VS_FORMATS_SIGNATURE_XADES_H
#include "formats/signature/xmldsig.h"

#define VS_XADES_NAMESPACE       "http://uri.etsi.org/01903/v1.3.2#"
#define VS_XADES_NAMESPACE_141   "http://uri.etsi.org/01903/v1.4.1#"
#define VS_XADES_TYPE_PROPERTIES "http://uri.etsi.org/01903#SignedProperties"
#define VS_ASIC_NAMESPACE        "http://uri.etsi.org/02918/v1.2.1#"

enum vs_xades_level {
    VS_XADES_NONE, /* a signature, but not with what EN 319 132-1, 6.3 asks of B-B */
    VS_XADES_B,
    VS_XADES_T,
    VS_XADES_LT,
    VS_XADES_LTA,
};
/* "XAdES-B-LT"; NULL for VS_XADES_NONE. */
const char *vs_xades_level_text(enum vs_xades_level level);

enum vs_xades_timestamp_kind {
    VS_XADES_TS_ALL_DATA,   /* 5.2.8.1 AllDataObjectsTimeStamp */
    VS_XADES_TS_DATA,       /* 5.2.8.2 IndividualDataObjectsTimeStamp */
    VS_XADES_TS_SIGNATURE,  /* 5.3 SignatureTimeStamp */
    VS_XADES_TS_REFERENCES, /* A.1.5 SigAndRefs..., RefsOnlyTimeStamp */
    VS_XADES_TS_ARCHIVE,    /* 5.5.2, in either name space */
};

struct vs_xades_timestamp {
    enum vs_xades_timestamp_kind kind;
    const char *id; /* NULL: none */
    const struct vs_xml_node *node;
    enum vs_c14n_method c14n; /* Canonical XML 1.0 where it names none */
    const char *inclusive_prefixes;
    const struct vs_bytes *tokens; /* EncapsulatedTimeStamp, DER */
    size_t n_tokens;
};

/* One xades:Cert of SigningCertificate or SigningCertificateV2. */
struct vs_xades_certificate_reference {
    struct vs_digest digest;
    struct vs_bytes issuer_serial; /* V2: DER IssuerSerial; empty: not given */
    const char *issuer, *serial;   /* V1: RFC 4514 name, decimal; NULL: not given */
};

struct vs_xades_data_format {
    const char *object_reference;              /* as written */
    const struct vs_dsig_reference *reference; /* NULL: it names no reference of SignedInfo */
    const char *media_type, *description, *identifier; /* NULL: not given */
};

/* One signature. */
struct vs_xades {
    struct vs_error refusal; /* .code VS_E_NONE, or why nothing below but `node` counts */
    const struct vs_xml_node *node;
    struct vs_dsig dsig;
    /* Whether the document as a whole is what was signed: a reference digests its root element,
     * or the root is the signature itself, and no ds:Object of the signature holds anything
     * that is not signed. Always true in an asic:XAdESSignatures, whose signatures are about
     * files. Where false, only parts are signed: dsig.references says which. */
    bool covers_document;

    bool has_properties; /* xades:QualifyingProperties, signed; all below is empty without */
    const char *properties_id;
    vs_time_ms signing_time; /* VS_TIME_NONE: not given */
    const struct vs_xades_certificate_reference *certificate_references; /* the first: signer */
    size_t n_certificate_references;
    bool certificate_v2;   /* SigningCertificateV2, not the older SigningCertificate */
    const char *policy_id; /* NULL: none; "" SignaturePolicyImplied */
    struct vs_digest policy_digest;
    const char *const *claimed_roles;
    size_t n_claimed_roles;
    const char *const *commitments; /* CommitmentTypeId identifiers */
    size_t n_commitments;
    const struct vs_xades_data_format *data_formats;
    size_t n_data_formats;

    const struct vs_xades_timestamp *timestamps; /* signed ones, then unsigned, in order */
    size_t n_timestamps;
    const struct vs_bytes *certificates; /* CertificateValues, TimeStampValidationData */
    size_t n_certificates;
    const struct vs_bytes *ocsp_responses; /* RevocationValues, TimeStampValidationData */
    size_t n_ocsp_responses;
    const struct vs_bytes *crls;
    size_t n_crls;
    size_t n_counter_signatures;
    size_t n_unknown_properties; /* unsigned ones that are none of the above */

    enum vs_xades_level level; /* what the properties amount to, not that they are valid */
};

/* A file read: heap, immutable, any thread. */
struct vs_xades_file {
    struct vs_xml *xml;
    struct vs_arena *arena;
    bool in_container_form; /* asic:XAdESSignatures */
    const struct vs_xades *signatures;
    size_t n_signatures; /* 0: a document without a signature */
};

/* `limits` may be NULL. Fails as vs_xml_parse does; VS_E_XML_ID; VS_E_SIGNATURE_FORM (an
 * asic:XAdESSignatures with something else than signatures in it; more than 64 of them). */
VS_NODISCARD vs_rc vs_xades_read(struct vs_bytes text, const struct vs_xml_limits *limits,
                                 struct vs_xades_file **ret, struct vs_error *err);
void vs_xades_free(struct vs_xades_file *file); /* NULL is fine */
static inline void vs_cleanup_xades(struct vs_xades_file **file)
{
    vs_xades_free(*file);
}
#define VS_XADES __attribute__((cleanup(vs_cleanup_xades))) struct vs_xades_file

/* The digest that the tokens of a time mark must carry: of the canonical ds:SignatureValue for
 * a SignatureTimeStamp, of the data for an AllDataObjectsTimeStamp (`resolver` finds it).
 * `*ret_known` false: of this kind none is computed here, or data is not at hand. */
VS_NODISCARD vs_rc vs_xades_imprint(const struct vs_xades *xades,
                                    const struct vs_xades_timestamp *timestamp,
                                    enum vs_digest_algorithm algorithm,
                                    const struct vs_dsig_resolver *resolver,
                                    struct vs_digest *ret, bool *ret_known,
                                    struct vs_error *err);
/* What an archive time mark covers (5.5.2.2): the references' data, SignedInfo, SignatureValue,
 * KeyInfo, every unsigned property before `mark` (NULL: all that are there now), and what the
 * signature encloses unsigned (`all_objects`: and signed, as EU DSS digests it: more is covered
 * then). `*ret_known` false: data is not at hand, or the mark names parts
 * of its own (distributed, xades:Include). */
VS_NODISCARD vs_rc vs_xades_archive_imprint(
    const struct vs_xades *xades, const struct vs_xml_node *mark,
    const struct vs_c14n_options *c14n, bool all_objects, enum vs_digest_algorithm algorithm,
    const struct vs_dsig_resolver *resolver, struct vs_digest *ret, bool *ret_known,
    struct vs_error *err);
#endif
