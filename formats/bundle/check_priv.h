/* check_priv.h - one run of vs_bundle_verify: check.c walks, check_document.c judges. */
#ifndef VS_FORMATS_BUNDLE_CHECK_PRIV_H
#define VS_FORMATS_BUNDLE_CHECK_PRIV_H
#include "formats/bundle/check.h"
#include "formats/bundle/document.h"
#include "formats/crypto/digest.h"
#include "formats/evidence/checkpoint.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/validation.h"

enum {
    VS_BUNDLE_SMALL = 4 << 20, /* a file kept in memory */
    VS_BUNDLE_DOCUMENT_FILES = 20000,
    VS_BUNDLE_AUTHORITY_FILES = 64,
    VS_BUNDLE_POOL = 64, /* certificates, responses or lists of one document */
};
#define VS_BUNDLE_ARENA ((size_t)512 << 20) /* of one document: a bound, not a need */

/* A file of the folder under way. */
struct vs_bundle_file {
    const char *path, *name; /* `name`: below the document's folder */
    uint8_t sha256[32];
    uint64_t size;
    struct vs_bytes bytes;          /* small ones */
    const struct vs_source *source; /* always */
};

#define VS_BUNDLE_LOGS 64 /* earlier ones */

struct vs_bundle_run {
    const struct vs_bundle_check *options;
    struct vs_arena *arena;   /* of the caller: what stays */
    struct vs_arena *scratch; /* of the document under way */
    struct vs_bundle_verdict verdict;
    bool found; /* something does not hold: `verdict` says what, the walk ends */
    struct vs_trust *own_trust;
    const struct vs_trust *trust;

    /* First walk. */
    struct vs_bytes tags[VS_BAG_TAGS]; /* content of the small ones */
    uint8_t tag_digests[VS_BAG_TAGS][32];
    bool tag_there[VS_BAG_TAGS];
    uint64_t oxum_octets, oxum_files, oxum_documents;
    struct vs_bytes signer; /* whole Name of the origin's certificate: all evidence has it */

    /* data/authority, data/checkpoint: come before the documents. */
    struct vs_bytes certificates[VS_BUNDLE_AUTHORITY_FILES], crls[VS_BUNDLE_AUTHORITY_FILES];
    size_t n_certificates, n_crls;
    struct vs_bytes root, checkpoint, checkpoint_key;
    struct {
        unsigned number;
        struct vs_bytes bytes;
        struct vs_checkpoint note;
    } past[VS_BUNDLE_LOGS]; /* checkpoints of earlier logs */
    size_t n_past;
    struct vs_checkpoint note;
    bool ready; /* all of them were judged, the origin too */

    /* The document's folder under way. */
    char id[33];
    struct vs_bundle_file *files;
    size_t n_files, room_files;
    unsigned n_spooled;

    /* Indexes as they must be. */
    struct vs_hasher *csv, *html;
};

/* Something does not hold: the first one is kept. Returns VS_E_BUNDLE, which ends the walk.
 * `path` is copied. */
VS_NODISCARD vs_rc vs_bundle_found(struct vs_bundle_run *run, const char *path,
                                   const char *rule, const char *clause, struct vs_error *err,
                                   const char *fmt, ...) VS_PRINTF(6, 7);
void vs_bundle_warn(struct vs_bundle_run *run, const char *path, const char *fmt, ...)
    VS_PRINTF(3, 4);

/* All of the entry into memory, and through `take` (may be NULL); hashed. VS_E_BUNDLE where it
 * is not as long as it says. */
VS_NODISCARD vs_rc vs_bundle_read_small(struct vs_bundle_reader *reader,
                                        const struct vs_bundle_entry *entry,
                                        struct vs_arena *arena, struct vs_bytes *ret,
                                        uint8_t sha256[32], struct vs_error *err);
VS_NODISCARD vs_rc vs_bundle_read_through(struct vs_bundle_reader *reader,
                                          vs_rc (*take)(void *context, struct vs_bytes bytes,
                                                        struct vs_error *err),
                                          void *to, uint8_t sha256[32], struct vs_error *err);
void vs_bundle_tell(struct vs_bundle_run *run, struct vs_bundle_reader *reader, unsigned walk);

/* -- check_tags.c: the files beside data/ are read; they are compared with each other; what
 * lies before the documents is kept; and, once all of it is there, judged
 * ------------------------- */
VS_NODISCARD vs_rc vs_bundle_first_walk(struct vs_bundle_run *run,
                                        struct vs_bundle_reader *reader, struct vs_error *err);
VS_NODISCARD vs_rc vs_bundle_check_tags(struct vs_bundle_run *run, struct vs_error *err);
VS_NODISCARD vs_rc vs_bundle_take_authority(struct vs_bundle_run *run, const char *path,
                                            struct vs_bytes bytes, struct vs_error *err);
VS_NODISCARD vs_rc vs_bundle_get_ready(struct vs_bundle_run *run, struct vs_error *err);

/* -- check_document.c ---------------------------------------------------------------------- */
/* Validate `document` with the bundle's material and that of `more`. */
struct vs_bundle_material {
    struct vs_bytes certificates[VS_BUNDLE_POOL], ocsp[VS_BUNDLE_POOL], crls[VS_BUNDLE_POOL];
    size_t n_certificates, n_ocsp, n_crls;
};
VS_NODISCARD vs_rc vs_bundle_judge(struct vs_bundle_run *run,
                                   const struct vs_validation_input *input,
                                   const struct vs_bundle_material *more,
                                   const struct vs_report **ret, struct vs_error *err);
/* One signed evidence file: its signature over the whole of it, by the name that signed the
 * origin (which is judged first, and gives the name). `proved`: it existed then; 0: not known.
 */
VS_NODISCARD vs_rc vs_bundle_judge_evidence(struct vs_bundle_run *run, const char *path,
                                            struct vs_bytes xml, vs_time_ms proved,
                                            const struct vs_bundle_material *more,
                                            struct vs_erds *ret, struct vs_error *err);
/* The folder run->id is complete. */
VS_NODISCARD vs_rc vs_bundle_judge_document(struct vs_bundle_run *run, struct vs_error *err);
#endif
