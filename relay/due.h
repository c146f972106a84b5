/* due.h - what has to be done at a time: one row of table `work` for each, and who does it.
 *
 * Whoever creates a need stages its row in the same commit (vs_due_stage); whoever fulfils it
 * stages the row's removal, or its next time, in the same commit as the results
 * (vs_due_done_stage, vs_due_move_stage). The row's version is the fence: of two that fulfil
 * the same need, the later one meets a conflict and keeps nothing. So each need is met exactly
 * once, and whatever a crash leaves is still there at the next start.
 *
 *  1 There is one row for each (kind, subject): its id follows from both.
 *  2 The clockwork takes rows by lease (storage/store.h), in order of due time within a kind,
 *    at most VS_DUE_AT_ONCE of a kind in one step and VS_DUE_UNDER_WAY in all; kinds do not
 *    wait for each other. The lease is durable before anything is done, and counts attempts.
 *  3 A row that its run neither removed nor moved (it failed, the process ended) is taken again
 *    when its lease ends; after a restart at once.
 *  4 Nothing is taken while the relay is broken or stopping, or its clock is wrong.
 *
 * Kinds are rows of vs_due_kinds (due_kinds.c). Their runs are jobs on the workers (job.h):
 * bounded slices, called again after a conflict. What waits for the network is taken by the
 * delivery step from the same table (deliver.h).
 *
 * A row costs one insert with one index entry; its id begins with the first six bytes of the
 * subject, which for ids of ours is their time: new rows lie side by side. */
#ifndef VS_RELAY_DUE_H
#define VS_RELAY_DUE_H
#include "relay/job.h"
#include "relay/relay.h"

#define VS_DUE_AT_ONCE       64
#define VS_DUE_UNDER_WAY     256
#define VS_DUE_SUBJECT_BYTES 64

/* One row, as read or as taken; lives in the arena that it was read into. */
struct vs_due {
    struct vs_id id;
    const char *kind;
    vs_time_ms due;   /* of a taken one: the end of its lease */
    int64_t attempts; /* leases so far, this one included */
    struct vs_bytes subject, data;
    bool leased;     /* somebody has it until `due` */
    int64_t version; /* the fence */
};

struct vs_due_kind {
    const char *name; /* as in the rows: never changed, never reused */
    int64_t lease_ms; /* longer than a run ever takes; also the wait after a failed one */
    /* Runs as a job. Must stage vs_due_done_stage or vs_due_move_stage with its results. OK
     * with nothing staged: as if it had failed (3). */
    vs_rc (*run)(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                 vs_time_ms now, struct vs_error *err);
};
/* Ends with a row without a name. */
extern const struct vs_due_kind vs_due_kinds[];

/* Stage the need: inserted, or put in the place of the row that is there (whoever holds that
 * one's lease then meets a conflict). `subject`: at most VS_DUE_SUBJECT_BYTES; `data` may be
 * empty; both are copied. */
VS_NODISCARD vs_rc vs_due_stage(struct vs_stage *stage, const char *kind, vs_time_ms due,
                                struct vs_bytes subject, struct vs_bytes data,
                                struct vs_error *err);
/* The row of this need; *ret NULL: there is none. */
VS_NODISCARD vs_rc vs_due_get(struct vs_relay *relay, struct vs_arena *arena, const char *kind,
                              struct vs_bytes subject, const struct vs_due **ret,
                              struct vs_error *err);
/* Fulfilled, by a run or by anybody else who read the row: it goes. */
VS_NODISCARD vs_rc vs_due_done_stage(struct vs_stage *stage, const struct vs_due *work,
                                     struct vs_error *err);
/* To be taken at `due`, with new data (copied; as it is where data.ptr is NULL). Attempts are
 * counted on. */
VS_NODISCARD vs_rc vs_due_move_stage(struct vs_stage *stage, const struct vs_due *work,
                                     vs_time_ms due, struct vs_bytes data,
                                     struct vs_error *err);

/* Most kinds are about a delivery: its document's id and its recipient's, side by side. */
#define VS_DUE_DELIVERY_BYTES (2 * VS_ID_BYTES)
void vs_due_delivery(struct vs_id document, struct vs_id recipient,
                     uint8_t ret[VS_DUE_DELIVERY_BYTES]);
/* VS_E_CORRUPT: the subject is no delivery. */
VS_NODISCARD vs_rc vs_due_delivery_of(const struct vs_due *work, struct vs_id *ret_document,
                                      struct vs_id *ret_recipient, struct vs_error *err);

struct vs_row;
/* Relay's own: a row of table `work`, copied. */
VS_NODISCARD vs_rc vs_due_from_row(struct vs_arena *arena, const struct vs_row *row,
                                   const struct vs_due **ret, struct vs_error *err);
/* Relay's own: whether the row is still as it was taken; else somebody else has fulfilled the
 * need. */
VS_NODISCARD vs_rc vs_due_held(struct vs_relay *relay, struct vs_arena *arena,
                               const struct vs_due *work, bool *ret, struct vs_error *err);
/* Relay's own: leases of this kind that another run left are due now. */
VS_NODISCARD vs_rc vs_due_release(struct vs_relay *relay, const char *kind, int64_t lease_ms,
                                  vs_time_ms now, struct vs_error *err);
/* Relay's own: what the last run left leased is due at once (3). */
VS_NODISCARD vs_rc vs_due_open(struct vs_relay *relay, struct vs_error *err);
/* Relay's own: the clockwork's share; whether anything was taken. */
bool vs_due_step(struct vs_relay *relay, vs_time_ms now);
#endif
