/* The bytes of what was deleted: overwritten where they lie, whole segments removed, the
 * store's log folded. Each step can be done again; the work's row goes with the last. */
#include "relay/archive/retention_priv.h"
#include "relay/exchange/commit.h"

#define PURGE          "purge" /* subject of the work that folds the log */
#define PURGE_AFTER_MS (5 * VS_SECOND_MS)

struct erasure {
    struct vs_relay *relay;
    struct vs_job *job;
    struct vs_stage *stage;
    struct vs_location *locations;
    size_t n;
    uint64_t *dropped; /* segments whose files go after the commit */
    size_t n_dropped;
};

static vs_rc decode(struct erasure *self, struct vs_bytes data, struct vs_error *err)
{
    if (data.len % VS_LOCATION_BYTES != 0)
        return vs_fail(err, VS_E_CORRUPT, NULL, "work of kind erasure cannot be read");
    self->n = data.len / VS_LOCATION_BYTES;
    self->locations = vs_arena_make_n(self->job->arena, struct vs_location, self->n + 1);
    self->dropped = vs_stage_memory(self->stage, (self->n + 1) * sizeof *self->dropped);
    if (self->locations == NULL || self->dropped == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < self->n; i++) {
        struct vs_bytes one = VS_BYTES(data.ptr + i * VS_LOCATION_BYTES, VS_LOCATION_BYTES);
        if (!vs_location_decode(one, &self->locations[i]))
            return vs_fail(err, VS_E_CORRUPT, NULL, "work of kind erasure cannot be read");
    }
    return VS_OK;
}

/* -- one segment --------------------------------------------------------------------------- */

static vs_rc stage_drop(struct erasure *self, uint64_t number, const struct vs_row *erased,
                        struct vs_error *err)
{
    struct vs_value *key = vs_stage_row(self->stage, VS_T_SEGMENT);
    if (key == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_stage_op(self->stage, vs_segments_drop_op(number, key), err));
    self->dropped[self->n_dropped++] = number;
    if (erased == NULL)
        return VS_OK;
    return vs_stage_op(self->stage, vs_op_delete(VS_T_ERASED, erased->values, erased->version),
                       err);
}

/* By version: of two erasures in one segment, the later counts on from the earlier. */
static vs_rc stage_count(struct erasure *self, uint64_t number, int64_t records,
                         const struct vs_row *erased, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(self->stage, VS_T_ERASED);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_ERASED_SEGMENT] = vs_int((int64_t)number);
    row[VS_ERASED_RECORDS] = vs_int(records);
    struct vs_op op = erased == NULL ? vs_op_insert(VS_T_ERASED, row)
                                     : vs_op_update(VS_T_ERASED, row, VS_SET(VS_ERASED_RECORDS),
                                                    erased->version);
    return vs_stage_op(self->stage, op, err);
}

static vs_rc erase_segment(struct erasure *self, uint64_t number, size_t n,
                           struct vs_error *err)
{
    struct vs_value key = vs_int((int64_t)number);
    const struct vs_row *segment, *erased;
    struct vs_store *store = self->relay->store;
    /* Asked before the count is read: no record comes in between. */
    bool closed = vs_segments_closed(self->relay->segments, number);
    VS_TRY(vs_store_get(store, self->job->arena, VS_T_SEGMENT, &key, &segment, err));
    VS_TRY(vs_store_get(store, self->job->arena, VS_T_ERASED, &key, &erased, err));
    if (segment == NULL)
        return VS_OK;
    int64_t before = erased == NULL ? 0 : erased->values[VS_ERASED_RECORDS].integer;
    int64_t records = before + (int64_t)n;
    if (closed && records >= segment->values[VS_SEGMENT_RECORDS].integer)
        return stage_drop(self, number, erased, err);
    struct vs_location *of = vs_arena_make_n(self->job->arena, struct vs_location, n);
    size_t used = 0;
    if (of == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < self->n; i++)
        if (self->locations[i].segment == number)
            of[used++] = self->locations[i];
    VS_TRY(vs_segments_erase(self->relay->segments, of, used, err));
    return stage_count(self, number, records, erased, err);
}

static vs_rc erase_all(struct erasure *self, struct vs_error *err)
{
    for (size_t i = 0; i < self->n; i++) {
        size_t first = 0, n = 0;
        while (self->locations[first].segment != self->locations[i].segment)
            first++;
        if (first < i)
            continue;
        for (size_t j = i; j < self->n; j++)
            n += self->locations[j].segment == self->locations[i].segment;
        VS_TRY(erase_segment(self, self->locations[i].segment, n, err));
    }
    return VS_OK;
}

/* -- the store's log ----------------------------------------------------------------------- */

/* Once for many: the fold makes commits wait. */
static vs_rc stage_purge(struct erasure *self, vs_time_ms now, struct vs_error *err)
{
    const struct vs_due *there;
    VS_TRY(vs_due_get(self->relay, self->job->arena, VS_WORK_ERASURE, vs_bytes_text(PURGE),
                      &there, err));
    if (there != NULL)
        return VS_OK;
    return vs_due_stage(self->stage, VS_WORK_ERASURE, now + PURGE_AFTER_MS,
                        vs_bytes_text(PURGE), VS_BYTES_NONE, err);
}

static vs_rc run_purge(struct vs_relay *relay, struct vs_stage *stage,
                       const struct vs_due *work, vs_time_ms now, struct vs_error *err)
{
    vs_rc rc = vs_store_purge(relay->store, err);
    if (rc.code == VS_E_BUSY)
        return vs_due_move_stage(stage, work, now + PURGE_AFTER_MS, VS_BYTES_NONE, err);
    VS_TRY(rc);
    return vs_due_done_stage(stage, work, err);
}

/* -- the kind of due work ------------------------------------------------------------------ */

/* What stays after a crash here, the sweep at the next start removes. */
static void drop_files(struct vs_relay *relay, void *context)
{
    const struct erasure *self = context;
    struct vs_error ignored;
    for (size_t i = 0; i < self->n_dropped; i++)
        if (!vs_ok(vs_segments_drop(relay->segments, self->dropped[i], &ignored)))
            continue;
}

vs_rc vs_erasure_run(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                     vs_time_ms now, struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    if (vs_bytes_is(work->subject, PURGE))
        return run_purge(relay, stage, work, now, err);
    struct erasure *self = vs_stage_memory(stage, sizeof *self);
    if (self == NULL)
        return vs_fail_memory(err);
    *self = (struct erasure){.relay = relay, .job = job, .stage = stage};
    VS_TRY(decode(self, work->data, err));
    VS_TRY(erase_all(self, err));
    VS_TRY(stage_purge(self, now, err));
    vs_stage_after(stage, drop_files, self);
    return vs_due_done_stage(stage, work, err);
}
