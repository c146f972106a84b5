/* exports.h - bundles for archivists: asked for, written slice by slice, fetched.
 *
 * A bundle (formats/bundle/bag.h says what is in it) holds documents of a period, of a
 * participant or one document, with everything needed to check them without this service. It is
 * a snapshot: proofs lead to the checkpoint of its beginning, what came later is left out.
 *
 * Rights. An archivist gets the documents of its participant, with the evidence that its
 * participant may see; an auditor all (Art. 31.4): its reading content is an act of its own, so
 * every bundle leaves evidence, BundleExport, in the journal, which is also the signed
 * statement of the bundle's origin (origin.xml). Anybody else: VS_E_NOT_FOUND, as for an
 * unknown id.
 *
 * The work is of kind "export": each slice appends some documents to a file under
 * data/exports/, syncs it and commits how far it came; after a crash the file is cut back to
 * that. Memory does not grow with documents or their number. A bundle that is ready is kept for
 * `exports_keep_ms`, then row and file go.
 *
 * NOT DONE: refused submissions (they have no document); revocation data of an outside
 * centre's evidence key but what the documents themselves bring. */
#ifndef VS_RELAY_EXPORTS_H
#define VS_RELAY_EXPORTS_H
#include "formats/bundle/pack.h"
#include "relay/exchange/principals.h"

enum vs_export_state { VS_EXPORT_RUNNING = 1, VS_EXPORT_READY, VS_EXPORT_FAILED };
const char *vs_export_state_name(enum vs_export_state state); /* "running" */

/* What is wanted. Absent: no restriction. */
struct vs_export_request {
    vs_time_ms from, until;  /* sending time: from <= t < until; VS_TIME_NONE */
    const char *participant; /* identifier or id: documents it sent or received; auditors */
    struct vs_id document;   /* VS_ID_NONE */
    const char *reason;      /* why; of an auditor required (Art. 31.4) */
    enum vs_pack_form form;
};

struct vs_export {
    struct vs_id id, participant, principal;
    struct vs_export_request request;
    vs_time_ms created, expires; /* VS_TIME_NONE: while it is being written */
    enum vs_export_state state;
    uint64_t looked_at, to_look_at;   /* document rows: progress */
    uint64_t documents, files, bytes; /* in the bundle; bytes before packing */
    uint64_t size;                    /* of the archive so far */
    struct vs_id evidence;            /* BundleExport; VS_ID_NONE: not yet */
    const char *error;                /* NULL: none */
    int64_t version;
};

/* VS_E_PARAMETER: an empty period; VS_E_NOT_FOUND: a participant or document that the caller
 * may not have; VS_E_BUSY: three of its participant are being written. `*ret` in the job's
 * arena. */
VS_NODISCARD vs_rc vs_export_stage(struct vs_relay *relay, struct vs_job *job,
                                   const struct vs_caller *caller,
                                   const struct vs_export_request *request, vs_time_ms now,
                                   const struct vs_export **ret, struct vs_error *err);
/* VS_E_NOT_FOUND for all but its participant's archivists (auditors: for auditors). */
VS_NODISCARD vs_rc vs_export_get(struct vs_relay *relay, struct vs_arena *arena,
                                 const struct vs_caller *caller, struct vs_id id,
                                 const struct vs_export **ret, struct vs_error *err);

/* The finished archive. VS_E_STATE while it is being written; VS_E_NOT_FOUND. */
struct vs_export_file {
    const struct vs_source *source;
    const char *name, *media_type; /* "vasite-ID.tar.zst" */
    struct vs_file *file;          /* relay's: given back by vs_export_close */
};
VS_NODISCARD vs_rc vs_export_open(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_caller *caller, struct vs_id id,
                                  struct vs_export_file *ret, struct vs_error *err);
void vs_export_close(struct vs_export_file *file); /* safe on a zeroed one */

#define VS_DUE_EXPORT "export"
/* For relay/due.c: one slice of the work of kind "export". */
struct vs_due;
VS_NODISCARD vs_rc vs_export_run(struct vs_relay *relay, struct vs_job *job,
                                 const struct vs_due *work, vs_time_ms now,
                                 struct vs_error *err);
#endif
