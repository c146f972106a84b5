/* job.h - one piece of work for the workers, and how it becomes durable.
 *
 * HTTP threads only move bytes: whatever reads rows, signs, verifies or writes is a job. A
 * worker calls `run`. If run changes nothing, `done` follows at once, on the worker's thread.
 * If run *staged* a change (every function whose name ends in _stage), the job goes on to the
 * committer; `done` is called after the durable commit, on the committer's thread, and must
 * only hand the result over (resume a connection).
 *
 * When the commit meets a conflict (somebody changed a row that run had read), the job goes
 * back to the workers and `run` is called again, from the start, with the same context: run
 * must be a function of the store's state and its own input, and must be ready to answer
 * differently (VS_E_CONFLICT, or the winner's receipt). After VS_JOB_ATTEMPTS it ends with
 * VS_E_CONFLICT.
 *
 * The owner keeps job and arena until `done` was called, exactly once, whatever happens. */
#ifndef VS_RELAY_JOB_H
#define VS_RELAY_JOB_H
#include "formats/base/base.h"

struct vs_relay;
struct vs_stage; /* relay/exchange/commit.h */

#define VS_JOB_ATTEMPTS 8

struct vs_job {
    /* Set by the owner. */
    struct vs_arena *arena; /* results live here; belongs to the job until done */
    vs_rc (*run)(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                 struct vs_error *err);
    void (*done)(struct vs_job *job);
    void *context;

    /* Read in done. */
    vs_rc rc;
    struct vs_error error;

    /* Relay's. */
    struct vs_stage *stage;
    struct vs_job *next;
    unsigned attempt;
    bool background; /* relay's own follow-up work: never refused by a full queue */
};

/* Queue it. VS_E_BUSY: the queue is full (503); VS_E_STOPPING. On failure done is NOT called.
 */
VS_NODISCARD vs_rc vs_relay_submit_job(struct vs_relay *relay, struct vs_job *job,
                                       struct vs_error *err);
#endif
