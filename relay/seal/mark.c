/* The marker: time marks for batches, one RFC 3161 token for each, the oldest first.
 *
 * It may block for as long as the authority does, in its own thread: the committer never waits.
 * An authority that is away leaves the batches where they are; they are marked when it is
 * back. The oldest one's age closes intake beyond the settings' bound. */
#include "relay/archive/renewal.h"
#include "relay/exchange/commit.h"
#include "relay/relay_priv.h"
#include "relay/seal/authority.h"

#define JOB_ARENA   ((size_t)16 << 20)
#define RETRY_LEAST 1000
#define RETRY_MOST  60000

struct vs_marker {
    int64_t after_created, after_number; /* the last one that was marked, staged or durable */
    int64_t retry_at, retry_ms;          /* monotonic; after a failure */
    _Atomic unsigned in_flight;          /* tokens that are not yet committed */
    _Atomic bool lost; /* a token could not be committed: begin from the oldest */
};

struct mark_job {
    struct vs_job job;
    struct vs_relay *relay;
};

static vs_rc next_unmarked(struct vs_relay *relay, struct vs_arena *arena,
                           struct vs_batch **ret, struct vs_error *err)
{
    struct vs_marker *marker = relay->marker;
    struct vs_value after[2] = {vs_int(marker->after_created), vs_int(marker->after_number)};
    struct vs_query query = {.table = VS_T_BATCH,
                             .index = VS_BATCH_BY_MARK,
                             .after = after,
                             .n_after = 2,
                             .limit = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    *ret = NULL;
    return n == 0 ? VS_OK : vs_batch_from_row(arena, rows, ret, err);
}

static void mark_done(struct vs_job *job)
{
    struct mark_job *self = job->context;
    struct vs_relay *relay = self->relay;
    atomic_fetch_sub(&relay->marker->in_flight, 1);
    if (vs_ok(job->rc)) {
        vs_relay_count(relay, batches_marked, 1);
        atomic_fetch_sub(&relay->unmarked, 1);
    } else {
        atomic_store(&relay->marker->lost, true);
    }
    vs_arena_free(job->arena);
    vs_heap_free(self);
}

static vs_rc stage_mark(struct vs_relay *relay, struct vs_job *job,
                        const struct vs_batch *batch, const struct vs_mark *mark,
                        struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_BATCH);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_BATCH_NUMBER] = vs_int(batch->number);
    row[VS_BATCH_TOKEN] = vs_blob(mark->token);
    row[VS_BATCH_MARKED] = vs_int(mark->time_ms);
    row[VS_BATCH_RENEW] = vs_int(vs_renewal_end(relay, job->arena, mark->token, VS_SHA256));
    uint64_t set = VS_SET(VS_BATCH_TOKEN) | VS_SET(VS_BATCH_MARKED) | VS_SET(VS_BATCH_MARK) |
                   VS_SET(VS_BATCH_RENEW);
    return vs_stage_op(stage, vs_op_update(VS_T_BATCH, row, set, VS_ANY_VERSION), err);
}

static vs_rc mark_batch(struct vs_relay *relay, struct vs_job *job,
                        const struct vs_batch *batch, struct vs_error *err)
{
    struct vs_hash root;
    struct vs_mark mark;
    struct vs_digest imprint = {.algorithm = VS_SHA256, .len = sizeof root.bytes};
    VS_TRY(vs_batch_root(job->arena, batch, &root, err));
    memcpy(imprint.bytes, root.bytes, sizeof root.bytes);
    VS_TRY(vs_authority_mark(relay->authority, &imprint, job->arena, &mark, err));
    return stage_mark(relay, job, batch, &mark, err);
}

static void away(struct vs_relay *relay)
{
    struct vs_marker *marker = relay->marker;
    vs_relay_count(relay, mark_failures, 1);
    marker->retry_ms = marker->retry_ms == 0 ? RETRY_LEAST : marker->retry_ms * 2;
    if (marker->retry_ms > RETRY_MOST)
        marker->retry_ms = RETRY_MOST;
    marker->retry_at = relay->seams.monotonic_ms(relay->seams.context) + marker->retry_ms;
    atomic_store(&relay->mark_waiting, false);
}

/* One batch; *ret_none when there was none. */
static vs_rc mark_next(struct vs_relay *relay, struct vs_job *job, bool *ret_none,
                       struct vs_error *err)
{
    struct vs_marker *marker = relay->marker;
    struct vs_batch *batch;
    VS_TRY(next_unmarked(relay, job->arena, &batch, err));
    *ret_none = batch == NULL;
    bool passed = marker->after_number != 0 && atomic_load(&marker->in_flight) == 0;
    if (batch == NULL && passed && atomic_load(&relay->unmarked) > 0) {
        /* Made while the clock stood earlier than it had before: begin from the oldest. */
        marker->after_created = marker->after_number = 0;
        VS_TRY(next_unmarked(relay, job->arena, &batch, err));
        *ret_none = batch == NULL;
    }
    atomic_store(&relay->oldest_unmarked, batch == NULL ? VS_TIME_NONE : batch->created);
    if (batch == NULL)
        return VS_OK;
    VS_TRY(mark_batch(relay, job, batch, err));
    marker->after_created = batch->created;
    marker->after_number = batch->number;
    marker->retry_ms = 0;
    return VS_OK;
}

bool vs_relay_mark(struct vs_relay *relay, vs_time_ms now)
{
    (void)now;
    struct vs_marker *marker = relay->marker;
    struct vs_error err;
    if (!atomic_load(&relay->mark_waiting) || !vs_ok(vs_relay_broken(relay, &err)))
        return false;
    if (atomic_exchange(&marker->lost, false))
        marker->after_created = marker->after_number = 0;
    /* Cleared before looking: a batch sequenced meanwhile sets it again. */
    atomic_store(&relay->mark_waiting, false);
    struct mark_job *self = vs_heap_new(sizeof *self);
    self->relay = relay;
    self->job.context = self;
    self->job.done = mark_done;
    self->job.arena = vs_arena_new(JOB_ARENA);
    bool none = false;
    vs_rc rc = self->job.arena == NULL ? vs_fail_memory(&err)
                                       : mark_next(relay, &self->job, &none, &err);
    if (vs_ok(rc) && !none) {
        atomic_store(&relay->mark_waiting, true);
        atomic_fetch_add(&marker->in_flight, 1);
        vs_relay_stage_job(relay, &self->job);
        return true;
    }
    if (!vs_ok(rc))
        away(relay);
    vs_arena_free(self->job.arena);
    vs_heap_free(self);
    return false;
}

void vs_marker_retry(struct vs_relay *relay)
{
    if (relay->seams.monotonic_ms(relay->seams.context) < relay->marker->retry_at)
        return;
    atomic_store(&relay->mark_waiting, true);
    vs_relay_wake_marker(relay);
}

vs_rc vs_marker_open(struct vs_relay *relay, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(JOB_ARENA);
    relay->marker = vs_heap_new(sizeof *relay->marker);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_value low = vs_int(0);
    struct vs_query query = {.table = VS_T_BATCH, .index = VS_BATCH_BY_MARK, .low = &low};
    uint64_t n;
    struct vs_batch *oldest;
    VS_TRY(vs_store_count(relay->store, &query, &n, err));
    VS_TRY(next_unmarked(relay, arena, &oldest, err));
    atomic_store(&relay->unmarked, n);
    atomic_store(&relay->oldest_unmarked, oldest == NULL ? VS_TIME_NONE : oldest->created);
    atomic_store(&relay->mark_waiting, oldest != NULL);
    return VS_OK;
}

void vs_marker_close(struct vs_relay *relay)
{
    vs_heap_free(relay->marker);
    relay->marker = NULL;
}
