/* exports_priv.h - one slice of an export, shared by exports.c, export_run.c and
 * export_document.c. */
#ifndef VS_RELAY_EXPORTS_PRIV_H
#define VS_RELAY_EXPORTS_PRIV_H
#include "formats/bundle/bag.h"
#include "formats/bundle/document.h"
#include "relay/archive/exports.h"
#include "relay/due.h"
#include "relay/exchange/issue.h"
#include "relay/relay_priv.h"

enum vs_export_step { VS_EXPORT_BEGIN, VS_EXPORT_DOCUMENTS, VS_EXPORT_END };

/* Files under data/exports/, each with the length that the row says. */
enum vs_export_output {
    VS_OUT_ARCHIVE,
    VS_OUT_DIRECTORY, /* of a ZIP */
    VS_OUT_MANIFEST,
    VS_OUT_CSV,
    VS_OUT_HTML,
    VS_OUTS
};
/* "data/exports/ID.archive"; NULL: the arena is full. */
const char *vs_export_path(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                           enum vs_export_output output);

/* How far it is: what column PROGRESS says. */
struct vs_export_progress {
    int64_t step, looked_at, to_look_at, documents, files, bytes;
    int64_t lengths[VS_OUTS];
};

struct vs_export_row {
    struct vs_export export;
    struct vs_export_progress progress;
    struct vs_id cursor, of_participant; /* that the request names */
    struct vs_bytes checkpoint;
    char *principal_name;
    unsigned roles;
};
VS_NODISCARD vs_rc vs_export_from_row(struct vs_relay *relay, struct vs_arena *arena,
                                      const struct vs_row *row, struct vs_export_row **ret,
                                      struct vs_error *err);
const char *vs_export_progress_text(struct vs_arena *arena,
                                    const struct vs_export_progress *progress);

struct vs_out {
    struct vs_file *file;
    uint64_t length;
    uint8_t *room; /* not yet written */
    size_t used;
};

struct vs_export_slice {
    struct vs_relay *relay;
    struct vs_export_row *row;
    struct vs_caller caller; /* who asked for it, as it was then */
    struct vs_arena *arena;  /* of the slice */
    struct vs_arena *one;    /* of the document under way */
    struct vs_out outs[VS_OUTS];
    struct vs_pack *pack;
    vs_time_ms now;
    uint64_t log_size; /* of the checkpoint */
    uint64_t packed;   /* octets of this slice before packing */
};

/* A file of the payload: into the archive and the manifest. `path` below the bundle's folder.
 */
VS_NODISCARD vs_rc vs_export_add(struct vs_export_slice *slice, const char *path,
                                 const struct vs_source *source, struct vs_error *err);
VS_NODISCARD vs_rc vs_export_add_bytes(struct vs_export_slice *slice, const char *path,
                                       struct vs_bytes bytes, struct vs_error *err);
VS_NODISCARD vs_rc vs_out_put(struct vs_out *out, struct vs_bytes bytes, struct vs_error *err);

/* A vs_source's read_at; its context is a struct vs_out that was flushed. */
VS_NODISCARD vs_rc vs_out_read(const struct vs_source *source, uint64_t offset, void *to,
                               size_t len, struct vs_error *err);
VS_NODISCARD vs_rc vs_out_flush(struct vs_out *out, struct vs_error *err);
/* A file of the archive alone. */
VS_NODISCARD vs_rc vs_export_pack(struct vs_export_slice *slice, const char *path,
                                  const struct vs_source *source, uint8_t sha256[32],
                                  struct vs_error *err);

/* export_end.c: the files beside data/, the origin's evidence among them. */
struct vs_export_ending {
    uint8_t digests[VS_BAG_TAGS][32];
    struct vs_facts facts;
    struct vs_issue issue;
    struct vs_evidence_file issued;
};
VS_NODISCARD vs_rc vs_export_end(struct vs_export_slice *slice, struct vs_export_ending *ending,
                                 struct vs_error *err);

/* The document's folder and its lines in the indexes; *ret false: it is not part of the bundle
 * (not in the journal at its checkpoint, no time mark yet, gone meanwhile). */
VS_NODISCARD vs_rc vs_export_document(struct vs_export_slice *slice, struct vs_id document,
                                      bool *ret, struct vs_error *err);
/* data/authority and data/checkpoint. */
VS_NODISCARD vs_rc vs_export_authority(struct vs_export_slice *slice, struct vs_error *err);
/* Whether a certificate or list of this SHA-256 lies in data/authority. */
bool vs_export_is_common(const struct vs_export_slice *slice, struct vs_bytes der);
#endif
