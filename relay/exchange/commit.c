#include "relay/exchange/commit.h"
#include "relay/exchange/sequence.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"

#define CYCLE_ARENA  ((size_t)256 << 20)
#define LEAVES_MAX   ((size_t)16 << 20)
#define BACKOFF_MS   200
#define CYCLE_EXTRAS 3 /* items of the cycle itself: batch, segments' mark, sequencing */

struct stage_bytes {
    uint32_t class;
    struct vs_bytes bytes;
    uint32_t crc; /* taken by the worker: the committer would fetch each byte from its cache */
    uint8_t location[VS_LOCATION_BYTES];
    struct stage_bytes *next;
};
struct stage_leaf {
    struct vs_leaf leaf;
    uint8_t salt[32];
    struct vs_value *batch;
    struct stage_leaf *next;
};
struct stage_move {
    struct vs_move move;
    struct stage_move *next;
};

struct vs_stage {
    struct vs_arena *arena;
    struct vs_op *ops;
    size_t n_ops, room;
    struct stage_bytes *bytes, **bytes_end;
    size_t n_bytes;
    struct stage_leaf *leaves, **leaves_end;
    size_t n_leaves;
    struct stage_move *moves, **moves_end;
    size_t n_moves;
    void (*after)(struct vs_relay *relay, void *context);
    void *context;
};

/* -- filling a stage ----------------------------------------------------------------------- */

vs_rc vs_stage_new(struct vs_job *job, struct vs_stage **ret, struct vs_error *err)
{
    struct vs_stage *stage = vs_arena_make(job->arena, struct vs_stage);
    if (stage == NULL)
        return vs_fail_memory(err);
    stage->arena = job->arena;
    stage->bytes_end = &stage->bytes;
    stage->leaves_end = &stage->leaves;
    stage->moves_end = &stage->moves;
    job->stage = stage;
    *ret = stage;
    return VS_OK;
}

vs_rc vs_stage_op(struct vs_stage *stage, struct vs_op op, struct vs_error *err)
{
    if (stage->n_ops == stage->room) {
        size_t room = stage->room == 0 ? 8 : stage->room * 2;
        struct vs_op *ops = vs_arena_make_n(stage->arena, struct vs_op, room);
        if (ops == NULL)
            return vs_fail_memory(err);
        if (stage->n_ops > 0)
            memcpy(ops, stage->ops, stage->n_ops * sizeof *ops);
        stage->ops = ops;
        stage->room = room;
    }
    VS_ASSERT(op.values != NULL);
    stage->ops[stage->n_ops++] = op;
    return VS_OK;
}

struct vs_value *vs_stage_row(struct vs_stage *stage, enum vs_table_id table)
{
    return vs_arena_make_n(stage->arena, struct vs_value, vs_schema.tables[table].n_columns);
}

void *vs_stage_memory(struct vs_stage *stage, size_t size)
{
    return vs_arena_alloc(stage->arena, size);
}

vs_rc vs_stage_bytes(struct vs_stage *stage, uint32_t class, struct vs_bytes bytes,
                     const uint8_t **ret_location, struct vs_error *err)
{
    struct stage_bytes *entry = vs_arena_make(stage->arena, struct stage_bytes);
    if (entry == NULL)
        return vs_fail_memory(err);
    entry->class = class;
    entry->bytes = bytes;
    entry->crc = vs_crc32c(0, bytes);
    *stage->bytes_end = entry;
    stage->bytes_end = &entry->next;
    stage->n_bytes++;
    *ret_location = entry->location;
    return VS_OK;
}

vs_rc vs_stage_leaf(struct vs_stage *stage, const struct vs_leaf *leaf, const uint8_t *salt,
                    struct vs_value *batch, struct vs_error *err)
{
    struct stage_leaf *entry = vs_arena_make(stage->arena, struct stage_leaf);
    if (entry == NULL)
        return vs_fail_memory(err);
    entry->leaf = *leaf;
    if (salt != NULL)
        memcpy(entry->salt, salt, sizeof entry->salt);
    entry->batch = batch;
    *stage->leaves_end = entry;
    stage->leaves_end = &entry->next;
    stage->n_leaves++;
    return VS_OK;
}

vs_rc vs_stage_move(struct vs_stage *stage, const struct vs_move *move, struct vs_error *err)
{
    struct stage_move *entry = vs_arena_make(stage->arena, struct stage_move);
    if (entry == NULL)
        return vs_fail_memory(err);
    entry->move = *move;
    *stage->moves_end = entry;
    stage->moves_end = &entry->next;
    stage->n_moves++;
    return VS_OK;
}

void vs_stage_after(struct vs_stage *stage,
                    void (*after)(struct vs_relay *relay, void *context), void *context)
{
    VS_ASSERT(stage->after == NULL);
    stage->after = after;
    stage->context = context;
}

struct vs_item vs_stage_item(struct vs_stage *stage)
{
    VS_ASSERT(stage->n_bytes + stage->n_leaves + stage->n_moves == 0);
    return (struct vs_item){.ops = stage->ops, .n_ops = stage->n_ops};
}

/* -- the cycle ----------------------------------------------------------------------------- */

struct cycle {
    struct vs_arena *arena;
    struct vs_job **jobs;
    size_t n_jobs;
    struct vs_item *items; /* of the jobs, then of the cycle */
    size_t n_items;
    int64_t batch;  /* its number; 0: no evidence and no moves */
    bool sequenced; /* an item of sequencing is among them */
    size_t sequence_item;
};

static vs_rc gather(struct vs_relay *relay, struct cycle *cycle, struct vs_error *err)
{
    pthread_mutex_lock(&relay->lock);
    vs_relay_cycle_begins(relay);
    /* Follow-up work does not count against the batch: it rides along. */
    size_t n = relay->staged.n;
    if (n > 4 * (size_t)relay->settings.batch_max)
        n = 4 * (size_t)relay->settings.batch_max;
    cycle->jobs = vs_arena_make_n(cycle->arena, struct vs_job *, n + 1);
    cycle->items = vs_arena_make_n(cycle->arena, struct vs_item, n + CYCLE_EXTRAS);
    bool full = cycle->jobs == NULL || cycle->items == NULL;
    for (size_t i = 0; i < n && !full; i++)
        cycle->jobs[cycle->n_jobs++] = vs_relay_unstage(relay);
    pthread_mutex_unlock(&relay->lock);
    return full ? vs_fail_memory(err) : VS_OK;
}

/* All bytes of all stages: one append, one sync (relay invariant 2). */
static vs_rc write_bytes(struct vs_relay *relay, struct cycle *cycle, struct vs_error *err)
{
    size_t n = 0, i = 0;
    for (size_t j = 0; j < cycle->n_jobs; j++)
        n += cycle->jobs[j]->stage->n_bytes;
    if (n == 0)
        return VS_OK;
    struct vs_segment_record *records =
        vs_arena_make_n(cycle->arena, struct vs_segment_record, n);
    if (records == NULL)
        return vs_fail_memory(err);
    for (size_t j = 0; j < cycle->n_jobs; j++)
        for (struct stage_bytes *b = cycle->jobs[j]->stage->bytes; b != NULL; b = b->next)
            records[i++] = (struct vs_segment_record){
                .class = b->class, .parts = &b->bytes, .n_parts = 1, .crc = &b->crc};
    VS_TRY(vs_segments_append(relay->segments, records, n, err));
    VS_TRY(vs_segments_sync(relay->segments, err));
    vs_relay_count(relay, segment_syncs, 1);
    i = 0;
    for (size_t j = 0; j < cycle->n_jobs; j++)
        for (struct stage_bytes *b = cycle->jobs[j]->stage->bytes; b != NULL; b = b->next)
            vs_location_encode(records[i++].location, b->location);
    for (i = 0; i < n; i++)
        vs_relay_count(relay, written_bytes, records[i].location.length);
    return VS_OK;
}

/* The batch's row holds the leaves of all stages, also of those that will meet a conflict in
 * this very commit: sequencing writes the final list, recovery looks what is there. */
static vs_rc batch_item(struct vs_relay *relay, struct cycle *cycle, vs_time_ms now,
                        struct vs_error *err)
{
    VS_BUFFER leaves, moves;
    vs_buffer_init(&leaves, LEAVES_MAX);
    vs_buffer_init(&moves, LEAVES_MAX);
    vs_leaves_encode(&leaves, NULL, 0);
    vs_moves_encode(&moves, NULL, 0);
    size_t n = 0;
    int64_t number = vs_sequencer_number(relay);
    for (size_t j = 0; j < cycle->n_jobs; j++) {
        struct vs_stage *stage = cycle->jobs[j]->stage;
        for (struct stage_leaf *l = stage->leaves; l != NULL; l = l->next, n++) {
            vs_leaves_encode(&leaves, &l->leaf, 1);
            if (l->batch != NULL)
                *l->batch = vs_int(number);
        }
        for (struct stage_move *m = stage->moves; m != NULL; m = m->next, n++)
            vs_moves_encode(&moves, &m->move, 1);
    }
    if (n == 0)
        return VS_OK;
    struct vs_value *row = vs_arena_make_n(cycle->arena, struct vs_value, VS_BATCH_COLUMNS);
    struct vs_op *op = vs_arena_make(cycle->arena, struct vs_op);
    struct vs_bytes leaves_copy, moves_copy;
    if (row == NULL || op == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_buffer_copy(&leaves, cycle->arena, &leaves_copy, err));
    VS_TRY(vs_buffer_copy(&moves, cycle->arena, &moves_copy, err));
    row[VS_BATCH_NUMBER] = vs_int(number);
    row[VS_BATCH_CREATED] = vs_int(now);
    row[VS_BATCH_LEAVES] = vs_blob(leaves_copy);
    row[VS_BATCH_MOVES] = vs_blob(moves_copy);
    row[VS_BATCH_SEQUENCE] = vs_int(1);
    *op = vs_op_insert(VS_T_BATCH, row);
    cycle->items[cycle->n_items++] = (struct vs_item){.ops = op, .n_ops = 1};
    cycle->batch = number;
    return VS_OK;
}

static vs_rc make_items(struct vs_relay *relay, struct cycle *cycle, vs_time_ms now,
                        struct vs_error *err)
{
    for (size_t j = 0; j < cycle->n_jobs; j++) {
        struct vs_stage *stage = cycle->jobs[j]->stage;
        cycle->items[cycle->n_items++] =
            (struct vs_item){.ops = stage->ops, .n_ops = stage->n_ops};
    }
    VS_TRY(batch_item(relay, cycle, now, err));
    struct vs_item mark = vs_segments_mark(relay->segments);
    if (mark.n_ops > 0)
        cycle->items[cycle->n_items++] = mark;
    cycle->sequence_item = cycle->n_items;
    VS_TRY(vs_sequencer_item(relay, cycle->arena, now, &cycle->items[cycle->n_items], err));
    cycle->sequenced = cycle->items[cycle->n_items].n_ops > 0;
    if (cycle->sequenced)
        cycle->n_items++;
    return VS_OK;
}

/* What the done stages brought, for the sequencer. */
static struct vs_pending_batch *pending_of(const struct cycle *cycle, vs_time_ms now)
{
    size_t n_leaves = 0, n_moves = 0;
    for (size_t j = 0; j < cycle->n_jobs; j++)
        if (cycle->items[j].outcome == VS_ITEM_DONE) {
            n_leaves += cycle->jobs[j]->stage->n_leaves;
            n_moves += cycle->jobs[j]->stage->n_moves;
        }
    struct vs_pending_batch *batch = vs_pending_batch_new(n_leaves, n_moves);
    batch->number = cycle->batch;
    batch->created = now;
    n_leaves = n_moves = 0;
    for (size_t j = 0; j < cycle->n_jobs; j++) {
        if (cycle->items[j].outcome != VS_ITEM_DONE)
            continue;
        const struct vs_stage *stage = cycle->jobs[j]->stage;
        for (const struct stage_leaf *l = stage->leaves; l != NULL; l = l->next) {
            memcpy(batch->salts[n_leaves], l->salt, sizeof l->salt);
            batch->leaves[n_leaves++] = l->leaf;
        }
        for (const struct stage_move *m = stage->moves; m != NULL; m = m->next)
            batch->moves[n_moves++] = m->move;
    }
    return batch;
}

static void end_job(struct vs_relay *relay, struct vs_job *job, vs_rc rc,
                    const struct vs_error *err)
{
    struct vs_stage *stage = job->stage;
    if (vs_ok(rc) && stage->after != NULL)
        stage->after(relay, stage->context);
    job->rc = rc;
    if (!vs_ok(rc))
        job->error = *err;
    job->done(job);
}

static void end_conflict(struct vs_relay *relay, struct vs_job *job, const struct vs_item *item)
{
    struct vs_error err;
    vs_relay_count(relay, conflicts, 1);
    if (item->outcome == VS_ITEM_CORRUPT) {
        vs_rc rc = vs_fail(&err, VS_E_CORRUPT, NULL, "a row of table %s fails its checksum",
                           vs_schema.tables[item->ops[item->failed_op].table].name);
        end_job(relay, job, rc, &err);
    } else if (job->attempt + 1 >= VS_JOB_ATTEMPTS || job->run == NULL) {
        vs_rc rc = vs_fail(&err, VS_E_CONFLICT, NULL, "the row changed %u times meanwhile",
                           job->attempt + 1);
        end_job(relay, job, rc, &err);
    } else {
        vs_relay_retry_job(relay, job);
    }
}

/* Durable now: order first, then the answers (relay invariant 1). */
static void settle(struct vs_relay *relay, struct cycle *cycle, vs_time_ms now)
{
    uint64_t rows = 0;
    for (size_t i = 0; i < cycle->n_items; i++)
        if (cycle->items[i].outcome == VS_ITEM_DONE)
            rows += cycle->items[i].n_ops;
    vs_relay_count(relay, rows, rows);
    vs_relay_count(relay, items, cycle->n_jobs);
    vs_relay_count(relay, cycles, 1);
    if (cycle->n_jobs > atomic_load(&relay->counters.largest_batch))
        atomic_store(&relay->counters.largest_batch, cycle->n_jobs);
    if (now > atomic_load(&relay->last_event))
        atomic_store(&relay->last_event, now);
    if (cycle->batch != 0)
        vs_sequencer_add(relay, pending_of(cycle, now));
    for (size_t j = 0; j < cycle->n_jobs; j++) {
        if (cycle->items[j].outcome == VS_ITEM_DONE)
            end_job(relay, cycle->jobs[j], VS_OK, NULL);
        else
            end_conflict(relay, cycle->jobs[j], &cycle->items[j]);
    }
}

static void fail_all(struct vs_relay *relay, struct cycle *cycle, vs_rc rc,
                     const struct vs_error *err)
{
    for (size_t j = 0; j < cycle->n_jobs; j++)
        end_job(relay, cycle->jobs[j], rc, err);
}

/* Nothing was changed by these; any other failure leaves the commit unknown. */
static bool nothing_changed(vs_rc rc)
{
    return rc.code == VS_E_DISK_FULL || rc.code == VS_E_NOMEM;
}

static vs_rc end_sequencing(struct vs_relay *relay, struct cycle *cycle, vs_rc committed,
                            struct vs_error *err)
{
    if (!cycle->sequenced)
        return committed;
    if (!vs_ok(committed)) {
        vs_sequencer_undo(relay);
        return committed;
    }
    if (cycle->items[cycle->sequence_item].outcome != VS_ITEM_DONE)
        return vs_fail(err, VS_E_CORRUPT, NULL, "the sequencer's item met a conflict");
    return vs_sequencer_done(relay, err);
}

static vs_rc run_cycle(struct vs_relay *relay, struct cycle *cycle, struct vs_error *err)
{
    VS_TRY(write_bytes(relay, cycle, err));
    /* Taken after the sync, just before the transaction: Art. 28.2. */
    vs_time_ms now = vs_relay_now(relay);
    VS_TRY(make_items(relay, cycle, now, err));
    vs_rc rc = vs_store_commit(relay->store, cycle->items, cycle->n_items, err);
    VS_TRY(end_sequencing(relay, cycle, rc, err));
    vs_segments_marked(relay->segments);
    settle(relay, cycle, now);
    return VS_OK;
}

static vs_rc measure_cycle(struct vs_relay *relay, struct cycle *cycle, struct vs_error *err)
{
    int64_t began = relay->seams.monotonic_ms(relay->seams.context);
    vs_rc rc = run_cycle(relay, cycle, err);
    int64_t took = relay->seams.monotonic_ms(relay->seams.context) - began;
    vs_histogram_add(&relay->cycle_ms, (uint64_t)took);
    vs_histogram_add(&relay->cycle_jobs, cycle->n_jobs);
    return rc;
}

/* Sequencing is tried again, but not in a busy loop, while the disk is full. */
static void end_cycle(struct vs_relay *relay, struct cycle *cycle, vs_rc rc,
                      const struct vs_error *err)
{
    if (vs_ok(rc))
        return;
    if (!nothing_changed(rc))
        vs_relay_break(relay, err);
    pthread_mutex_lock(&relay->lock);
    relay->commit_backoff = relay->seams.monotonic_ms(relay->seams.context) + BACKOFF_MS;
    pthread_mutex_unlock(&relay->lock);
    fail_all(relay, cycle, rc, err);
}

/* The anchor lags under load, or could not be written: it catches up. */
static void write_anchor(struct vs_relay *relay)
{
    struct vs_error err; /* told as VS_E_DISK_FULL by vs_relay_intake */
    vs_rc rc = vs_journal_flush(relay->journal, &err);
    atomic_store(&relay->anchor_behind, !vs_ok(rc));
    if (rc.code == VS_E_STORE_OLDER)
        vs_relay_break(relay, &err);
}

static bool idle_now(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    bool idle = relay->staged.n + relay->jobs.n + relay->background.n + relay->running == 0;
    pthread_mutex_unlock(&relay->lock);
    return idle && !atomic_load(&relay->sequence_waiting);
}

bool vs_relay_commit(struct vs_relay *relay, vs_time_ms now)
{
    (void)now; /* the cycle takes its own moment, after the sync */
    pthread_mutex_lock(&relay->lock);
    bool idle =
        relay->staged.n == 0 && (relay->broken || !atomic_load(&relay->sequence_waiting));
    bool broken = relay->broken;
    pthread_mutex_unlock(&relay->lock);
    if (idle && !broken && atomic_load(&relay->anchor_behind))
        write_anchor(relay);
    if (idle)
        return false;
    struct vs_error err = {.code = VS_E_NONE};
    struct cycle cycle = {.arena = vs_arena_new(CYCLE_ARENA)};
    vs_rc rc = cycle.arena == NULL ? vs_fail_memory(&err) : gather(relay, &cycle, &err);
    if (vs_ok(rc) && broken)
        rc = vs_fail(&err, relay->broken_error.code, NULL, "%s", relay->broken_error.text);
    else if (vs_ok(rc))
        rc = measure_cycle(relay, &cycle, &err);
    end_cycle(relay, &cycle, rc, &err);
    vs_relay_cycle_ended(relay);
    if (vs_ok(rc) && idle_now(relay))
        write_anchor(relay);
    vs_arena_free(cycle.arena);
    return vs_ok(rc) || cycle.n_jobs > 0;
}
