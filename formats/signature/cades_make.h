/* cades_make.h - CAdES baseline signatures (EN 319 122-1), made: B-B, then raised to B-T, B-LT
 * and B-LTA. Also the CMS inside a PAdES signature (EN 319 142-1, 5.3).
 *
 *   draft = prepare(options)                 everything but the value
 *   value = key's signature over vs_cades_draft_message(draft); ECDSA as DER
 *   vs_cades_finish(draft, value, existing, buffer)
 *
 * Content may be enclosed (attached) or stay outside (detached). A second signer signs the same
 * content in parallel by giving the first file as `existing`. Counter-signatures sign another
 * signature's value.
 *
 * Raising works on any CMS that cms.h reads, also of others: what it signs and what its archive
 * time marks cover stays as it is. Output is DER. Deterministic. What is made here is not
 * checked here: read it back for that. */
#ifndef VS_FORMATS_SIGNATURE_CADES_MAKE_H
#define VS_FORMATS_SIGNATURE_CADES_MAKE_H
#include "formats/signature/claims.h"
#include "formats/signature/cms.h"

struct vs_cades_options {
    const struct vs_bytes *chain; /* DER, the signing certificate first; all are enclosed */
    size_t n_chain;
    struct vs_signature_algorithm algorithm;
    /* Of the content octets, by vs_cades_digest(algorithm). A counter-signature: of the value
     * that it signs. */
    struct vs_digest content;
    struct vs_bytes attached; /* the content, to be enclosed; .ptr NULL: detached */
    vs_time_ms signing_time;  /* VS_TIME_NONE: not stated (PAdES states it in /M) */
    const char *media_type;   /* mime-type attribute; NULL: none */
    const struct vs_signature_claims *claims; /* NULL: none */
    bool counter;                             /* of another signature: no content-type */
};

struct vs_cades_draft; /* lives in its arena; one thread */

/* The digest that a signature by `algorithm` is made over: its own, SHA-512 for Ed25519 (RFC
 * 8419, 3.1). */
enum vs_digest_algorithm vs_cades_digest(struct vs_signature_algorithm algorithm);

/* Options are borrowed until the draft is finished. VS_E_PARAMETER: no chain, a content digest
 * of another algorithm; VS_E_ALGORITHM: CMS has no name for the algorithm; VS_E_CERTIFICATE. */
VS_NODISCARD vs_rc vs_cades_prepare(struct vs_arena *arena,
                                    const struct vs_cades_options *options,
                                    struct vs_cades_draft **ret, struct vs_error *err);
/* What is to be signed: the signed attributes as SET OF (RFC 5652, 5.4). */
struct vs_bytes vs_cades_draft_message(const struct vs_cades_draft *draft);
/* Append the ContentInfo. `existing`: the signers of that file first; content of both must be
 * enclosed, or of neither. NULL: a file of its own. */
VS_NODISCARD vs_rc vs_cades_finish(struct vs_cades_draft *draft, struct vs_bytes value,
                                   const struct vs_cms *existing, struct vs_buffer *to,
                                   struct vs_error *err);
/* Instead, for a counter-signature: the SignerInfo, a value for vs_cades_raising.counter. */
VS_NODISCARD vs_rc vs_cades_finish_counter(struct vs_cades_draft *draft, struct vs_bytes value,
                                           struct vs_buffer *to, struct vs_error *err);

/* -- raising ------------------------------------------------------------------------------- */

struct vs_cades_raising {
    struct vs_bytes time_mark;    /* signature time-stamp token: B-T; empty: none */
    struct vs_bytes archive_mark; /* archive-time-stamp-v3 token, index inside: B-LTA */
    struct vs_bytes counter;      /* SignerInfo of a counter-signature */
    /* DER, to be enclosed; what is there already is left out: B-LT. */
    const struct vs_bytes *certificates, *ocsp_responses, *crls;
    size_t n_certificates, n_ocsp_responses, n_crls;
};

/* Append the ContentInfo of `cms` with what `raising` adds to its signer number `signer`.
 * VS_E_SIGNATURE_FORM: it is not DER where an archive time mark covers it. */
VS_NODISCARD vs_rc vs_cades_raise(struct vs_arena *arena, const struct vs_cms *cms,
                                  size_t signer, const struct vs_cades_raising *raising,
                                  struct vs_buffer *to, struct vs_error *err);

/* For a signature time mark: the digest of the signer's value (EN 319 122-1, 5.3). */
void vs_cades_imprint(const struct vs_cms_signer *signer, enum vs_digest_algorithm algorithm,
                      struct vs_digest *ret);
/* For an archive time mark over all that is there now (5.5.3): the ats-hash-index-v3, which
 * vs_cades_add_index puts into the token, and the imprint to be marked. `content`: digest of
 * the content octets by `algorithm`. The index lives in `arena`. */
VS_NODISCARD vs_rc vs_cades_mark_index(struct vs_arena *arena, const struct vs_cms *cms,
                                       const struct vs_cms_signer *signer,
                                       enum vs_digest_algorithm algorithm, struct vs_bytes *ret,
                                       struct vs_error *err);
VS_NODISCARD vs_rc vs_cades_mark_imprint(const struct vs_cms *cms,
                                         const struct vs_cms_signer *signer,
                                         const struct vs_digest *content, struct vs_bytes index,
                                         struct vs_digest *ret, struct vs_error *err);
/* The token with the index among its unsigned attributes: what archive_mark takes. */
VS_NODISCARD vs_rc vs_cades_add_index(struct vs_arena *arena, struct vs_bytes token,
                                      struct vs_bytes index, struct vs_bytes *ret,
                                      struct vs_error *err);
#endif
