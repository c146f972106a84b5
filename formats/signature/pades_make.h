/* pades_make.h - signatures, time marks and validation data added to a PDF (EN 319 142-1).
 *
 * A PDF is never rewritten: what is added is an incremental update behind the file as it came
 * (ISO 32000-1, 7.5.6), so earlier signatures stay what they are. The update follows the file's
 * own way of writing its cross-references: a table, or a stream. Several signatures follow one
 * another, each over all before it.
 *
 *   draft = vs_pades_prepare(options)
 *   vs_pades_digest(draft, algorithm)        of what the signature or time mark covers
 *   contents = CMS of cades_make.h over that digest (no signing time in it), or a token
 *   vs_pades_set_contents(draft, contents)
 *   file = options.file followed by vs_pades_update(draft)
 *
 *   B-T      the CMS raised with a signature time mark before it is put in
 *   B-LT     vs_pades_add_store: the document security store
 *   B-LTA    then a document time mark (options.time_mark)
 *
 * Refused, each with its reason: what only a repairing reader understands; an encrypted file; a
 * certifying signature that allows no changes (DocMDP P=1); a named field that is no signature
 * field or is signed already.
 *
 * Deterministic. What is made here is not checked here: read it back for that. */
#ifndef VS_FORMATS_SIGNATURE_PADES_MAKE_H
#define VS_FORMATS_SIGNATURE_PADES_MAKE_H
#include "formats/signature/pdf.h"
#include "formats/crypto/digest.h"

#define VS_PADES_CONTENTS_DEFAULT ((size_t)24 * 1024)
#define VS_PADES_CONTENTS_MAX     ((size_t)4 * 1024 * 1024)

/* Where a visible field stands, in points from the page's lower left corner, and what it shows:
 * the first page of a PDF of its own (its fonts come along), fitted into the field. */
struct vs_pades_visible {
    unsigned page; /* from 0 */
    double left, bottom, width, height;
    struct vs_bytes appearance;
};

struct vs_pades_options {
    struct vs_bytes file;    /* borrowed by the draft */
    vs_time_ms signing_time; /* /M; a time mark has none */
    bool time_mark;          /* a document time mark instead of a signature */
    unsigned certify;        /* DocMDP P, 1 to 3: what may follow; 0: an approval signature */
    const char *field;       /* an empty signature field to sign, or the name of a new one;
                                NULL: a free name */
    const char *name, *reason, *place, *contact; /* UTF-8; NULL: none */
    const struct vs_pades_visible *visible;      /* of a new field; NULL: invisible */
    size_t contents_room; /* octets kept for the DER; 0: VS_PADES_CONTENTS_DEFAULT */
};

struct vs_pades_draft; /* lives in its arena; one thread */

/* Fails: VS_E_SIGNATURE_FORM, VS_E_STATE (locked against this change), VS_E_PARAMETER,
 * VS_E_LIMIT, VS_E_NOMEM. */
VS_NODISCARD vs_rc vs_pades_prepare(struct vs_arena *arena,
                                    const struct vs_pades_options *options,
                                    struct vs_pades_draft **ret, struct vs_error *err);
/* Digest of file and update without Contents. */
void vs_pades_digest(const struct vs_pades_draft *draft, enum vs_digest_algorithm algorithm,
                     struct vs_digest *ret);
/* VS_E_LIMIT: longer than the room kept; prepare again with more. */
VS_NODISCARD vs_rc vs_pades_set_contents(struct vs_pades_draft *draft, struct vs_bytes der,
                                         struct vs_error *err);
/* What follows the file; in the draft's arena. */
struct vs_bytes vs_pades_update(const struct vs_pades_draft *draft);

struct vs_pades_store {
    const struct vs_bytes *certificates, *ocsp_responses, *crls; /* DER */
    size_t n_certificates, n_ocsp_responses, n_crls;
};
/* The update that puts these into the document security store (5.4.2), with what is there
 * already, each once. *ret is empty where nothing is missing. Fails as vs_pades_prepare. */
VS_NODISCARD vs_rc vs_pades_add_store(struct vs_arena *arena, struct vs_bytes file,
                                      const struct vs_pades_store *store, struct vs_bytes *ret,
                                      struct vs_error *err);
#endif
