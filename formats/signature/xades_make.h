/* xades_make.h - XAdES baseline signatures (EN 319 132-1), made: B-B, then B-T, then B-LT.
 *
 * Two shapes: detached, for META-INF/signatures*.xml of an ASiC-E (references to data objects
 * by percent-encoded name, with digests that the caller has), and enveloped, for evidence
 * (Reference URI="", enveloped-signature, exclusive C14N, ds:Signature last in the root).
 *
 * Every signed part is written directly in its exclusive canonical form, so that making a
 * signature costs two digests of some hundred bytes besides the data's and no parsing. Output
 * is deterministic: the same options and the same value give the same bytes.
 *
 *   draft = prepare(signer, options)         everything but the value
 *   value = key's signature over vs_xades_draft_digest(draft)
 *   vs_xades_set_value(draft, value)         ECDSA: r || s
 *   vs_xades_set_timestamp(draft, token)     B-T: imprint from vs_xades_draft_imprint
 *   vs_xades_set_validation_data(draft, …)   B-LT
 *   vs_xades_write(draft, buffer)
 *
 * A signature that was written without time mark or validation data gets them later with
 * vs_xades_extend. What is made here is not checked here: read it back for that. */
#ifndef VS_FORMATS_SIGNATURE_XADES_MAKE_H
#define VS_FORMATS_SIGNATURE_XADES_MAKE_H
#include "formats/signature/claims.h"
#include "formats/crypto/algorithms.h"

/* The signer's certificates and algorithm, rendered once. Heap, immutable, any thread. */
struct vs_xades_signer;

/* `chain`: DER, the signing certificate first; all go into KeyInfo. SigningCertificateV2 gets
 * the first one's SHA-256. VS_E_ALGORITHM where XMLDSig has no name for the algorithm. */
VS_NODISCARD vs_rc vs_xades_signer_new(const struct vs_bytes *chain, size_t n_chain,
                                       struct vs_signature_algorithm algorithm,
                                       struct vs_xades_signer **ret, struct vs_error *err);
void vs_xades_signer_free(struct vs_xades_signer *signer); /* NULL is fine */
struct vs_signature_algorithm vs_xades_signer_algorithm(const struct vs_xades_signer *signer);

/* A data object of a container. */
struct vs_xades_object {
    const char *name; /* the entry's name, UTF-8, not encoded */
    const char *media_type;
    struct vs_digest digest;
};

struct vs_xades_options {
    const char *id;          /* NCName, prefix of all Ids; NULL: "S0" */
    vs_time_ms signing_time; /* written to the second, cut */
    /* Detached: the data objects. */
    const struct vs_xades_object *objects;
    size_t n_objects;
    /* Enveloped, where .len > 0: the unsigned document, already in exclusive canonical form (no
     * declaration, attributes sorted, empty elements as pairs), ending with its root's end tag.
     * Borrowed until vs_xades_write. A test build aborts where it is not canonical. */
    struct vs_bytes document;
    /* Enveloped in a document of another's writing, where .len > 0: the digest of its exclusive
     * canonical form without comments. vs_xades_write then gives the ds:Signature alone, to be
     * put in as the root's last child (formats/xml/splice.h). */
    struct vs_digest enveloping;
    const char *media_type;   /* of the document; NULL: "application/xml" */
    const char *claimed_role; /* SignerRoleV2; NULL: none, or the role of `claims` */
    const struct vs_signature_claims *claims; /* NULL: none */
    enum vs_digest_algorithm digest; /* of references made here; VS_DIGEST_NONE: SHA-256 */
};

struct vs_xades_draft; /* lives in its arena; one thread */

/* `signer` must outlive the draft. VS_E_PARAMETER: not exactly one shape, an object without
 * digest, an id that is no NCName, `document` that does not look canonical. */
VS_NODISCARD vs_rc vs_xades_prepare(struct vs_arena *arena,
                                    const struct vs_xades_signer *signer,
                                    const struct vs_xades_options *options,
                                    struct vs_xades_draft **ret, struct vs_error *err);
/* What is to be signed: the canonical SignedInfo, and its digest by the signer's algorithm
 * (Ed25519, which signs the message itself: of algorithm VS_DIGEST_NONE). */
struct vs_bytes vs_xades_draft_message(const struct vs_xades_draft *draft);
const struct vs_digest *vs_xades_draft_digest(const struct vs_xades_draft *draft);

/* The value is copied. ECDSA as r || s (VS_SIGNATURE_RAW). */
VS_NODISCARD vs_rc vs_xades_set_value(struct vs_xades_draft *draft, struct vs_bytes value,
                                      struct vs_error *err);
/* What a SignatureTimeStamp's token must carry: the digest of the canonical ds:SignatureValue.
 * The value must be set. */
void vs_xades_draft_imprint(const struct vs_xades_draft *draft,
                            enum vs_digest_algorithm algorithm, struct vs_digest *ret);

struct vs_xades_validation_data {
    const struct vs_bytes *certificates; /* DER, each once; those of KeyInfo need not be here */
    size_t n_certificates;
    const struct vs_bytes *ocsp_responses; /* DER OCSPResponse */
    size_t n_ocsp_responses;
    const struct vs_bytes *crls; /* DER */
    size_t n_crls;
};
/* Borrowed until vs_xades_write. */
void vs_xades_set_timestamp(struct vs_xades_draft *draft, struct vs_bytes token);
void vs_xades_set_validation_data(struct vs_xades_draft *draft,
                                  const struct vs_xades_validation_data *data);

/* Append the file: <asic:XAdESSignatures> with the one signature, or the document with the
 * signature as the last child of its root. VS_E_LIMIT: the buffer's maximum. */
VS_NODISCARD vs_rc vs_xades_write(const struct vs_xades_draft *draft, struct vs_buffer *to,
                                  struct vs_error *err);

/* -- later --------------------------------------------------------------------------------- */

/* For files that vs_xades_write made, and only for them (VS_E_SIGNATURE_FORM otherwise): the
 * imprint for a time mark, and the file with time mark (empty: none) and validation data (NULL:
 * none) added behind what it has. Signed bytes stay as they are. */
VS_NODISCARD vs_rc vs_xades_written_imprint(struct vs_bytes file,
                                            enum vs_digest_algorithm algorithm,
                                            struct vs_digest *ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_xades_extend(struct vs_bytes file, struct vs_bytes token,
                                   const struct vs_xades_validation_data *data,
                                   struct vs_buffer *to, struct vs_error *err);
#endif
