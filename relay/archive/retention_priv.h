/* retention_priv.h - what the files of retention share. */
#ifndef VS_RELAY_ARCHIVE_RETENTION_PRIV_H
#define VS_RELAY_ARCHIVE_RETENTION_PRIV_H
#include "relay/archive/deed.h"
#include "relay/archive/retention.h"
#include "relay/archive/tombstone.h"
#include "relay/relay_priv.h"

#define VS_WORK_RETENTION "retention"
#define VS_WORK_ERASURE   "erasure"

/* A document or refusal, and what decides whether it may go. */
struct vs_candidate {
    struct vs_id id;
    bool refusal;
    const struct vs_row *row; /* NULL: there is none of this id */
    vs_time_ms sent;
    unsigned months;
    vs_time_ms latest, end; /* end: VS_TIME_NONE: never */
    bool held;
    bool busy;     /* due work or an unfinished batch is about it */
    bool promised; /* the keys of its month are there yet */
    const struct vs_row *evidence;
    size_t n_evidence;
};
VS_NODISCARD vs_rc vs_candidate_look(struct vs_relay *relay, struct vs_arena *arena,
                                     struct vs_id id, struct vs_candidate *ret,
                                     struct vs_error *err);
/* The same of a row that was read already. */
VS_NODISCARD vs_rc vs_candidate_of(struct vs_relay *relay, struct vs_arena *arena,
                                   enum vs_table_id table, const struct vs_row *row,
                                   struct vs_candidate *ret, struct vs_error *err);

/* One act of deletion in the making. Add in order of id, at most VS_DELETION_MOST; then end. */
struct vs_deletion;
VS_NODISCARD vs_rc vs_deletion_new(struct vs_relay *relay, struct vs_job *job,
                                   struct vs_stage *stage, struct vs_deletion **ret,
                                   struct vs_error *err);
/* VS_E_CORRUPT: it cannot be read whole; nothing of it was staged, others may be added. */
VS_NODISCARD vs_rc vs_deletion_add(struct vs_deletion *deletion,
                                   const struct vs_candidate *candidate, struct vs_error *err);
size_t vs_deletion_count(const struct vs_deletion *deletion);
/* Stages the act, its tombstones, the batches, the erasure. Nothing when nothing was added. */
VS_NODISCARD vs_rc vs_deletion_end(struct vs_deletion *deletion, vs_time_ms now,
                                   struct vs_error *err);
/* Whatever happened; what was staged stays. */
void vs_deletion_done(struct vs_deletion *deletion);

/* witness.c, at open. */
VS_NODISCARD vs_rc vs_witness_open(struct vs_relay *relay, struct vs_error *err);
#endif
