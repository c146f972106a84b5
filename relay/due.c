#include "relay/due.h"
#include "relay/archive/retention.h"
#include "formats/crypto/digest.h"
#include "relay/exchange/commit.h"
#include "relay/relay_priv.h"

#define LEASE_ARENA  ((size_t)1 << 20)
#define JOB_ARENA    ((size_t)256 << 20) /* a bound: taken as needed */
#define RECOVER_PAGE 256
#define PREFIX_BYTES 6 /* of an id: its milliseconds (id.h) */

/* -- rows ---------------------------------------------------------------------------------- */

static struct vs_id id_of(const char *kind, struct vs_bytes subject)
{
    struct vs_id id = VS_ID_NONE;
    uint8_t both[VS_DUE_SUBJECT_BYTES + 32], digest[32];
    size_t kind_len = strlen(kind) + 1; /* with its NUL: no kind is another one's beginning */
    VS_ASSERT(subject.len <= VS_DUE_SUBJECT_BYTES && kind_len <= 32);
    memcpy(both, kind, kind_len);
    if (subject.len > 0)
        memcpy(both + kind_len, subject.ptr, subject.len);
    vs_sha256(VS_BYTES(both, kind_len + subject.len), digest);
    memcpy(id.bytes, digest, sizeof id.bytes);
    if (subject.len >= PREFIX_BYTES)
        memcpy(id.bytes, subject.ptr, PREFIX_BYTES);
    return id;
}

static bool copy_bytes(struct vs_stage *stage, struct vs_bytes from, struct vs_value *ret)
{
    uint8_t *copy = vs_stage_memory(stage, from.len + 1);
    if (copy == NULL)
        return false;
    if (from.len > 0)
        memcpy(copy, from.ptr, from.len);
    *ret = vs_blob(VS_BYTES(copy, from.len));
    return true;
}

vs_rc vs_due_stage(struct vs_stage *stage, const char *kind, vs_time_ms due,
                   struct vs_bytes subject, struct vs_bytes data, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_WORK);
    struct vs_id id = id_of(kind, subject);
    if (row == NULL || !copy_bytes(stage, vs_id_bytes(&id), &row[VS_WORK_ID]) ||
        !copy_bytes(stage, subject, &row[VS_WORK_SUBJECT]) ||
        (data.len > 0 && !copy_bytes(stage, data, &row[VS_WORK_DATA])))
        return vs_fail_memory(err);
    row[VS_WORK_KIND] = vs_text(kind);
    row[VS_WORK_DUE] = vs_int(due);
    row[VS_WORK_ATTEMPTS] = vs_int(0);
    return vs_stage_op(stage, vs_op_put(VS_T_WORK, row), err);
}

vs_rc vs_due_from_row(struct vs_arena *arena, const struct vs_row *row,
                      const struct vs_due **ret, struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_due *work = vs_arena_make(arena, struct vs_due);
    if (work == NULL)
        return vs_fail_memory(err);
    *work = (struct vs_due){.id = vs_value_id(&v[VS_WORK_ID]),
                            .kind = vs_value_text_new(arena, &v[VS_WORK_KIND]),
                            .due = v[VS_WORK_DUE].integer,
                            .attempts = v[VS_WORK_ATTEMPTS].integer,
                            .leased = v[VS_WORK_NODE].type == VS_TEXT,
                            .version = row->version};
    if (v[VS_WORK_SUBJECT].type == VS_BLOB)
        work->subject = vs_bytes_copy(arena, v[VS_WORK_SUBJECT].bytes);
    if (v[VS_WORK_DATA].type == VS_BLOB)
        work->data = vs_bytes_copy(arena, v[VS_WORK_DATA].bytes);
    if (work->kind == NULL)
        return vs_fail_memory(err);
    *ret = work;
    return VS_OK;
}

vs_rc vs_due_get(struct vs_relay *relay, struct vs_arena *arena, const char *kind,
                 struct vs_bytes subject, const struct vs_due **ret, struct vs_error *err)
{
    struct vs_id id = id_of(kind, subject);
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_WORK, &key, &row, err));
    *ret = NULL;
    return row == NULL ? VS_OK : vs_due_from_row(arena, row, ret, err);
}

static struct vs_value *key_row(struct vs_stage *stage, const struct vs_due *work)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_WORK);
    if (row == NULL || !copy_bytes(stage, vs_id_bytes(&work->id), &row[VS_WORK_ID]))
        return NULL;
    return row;
}

vs_rc vs_due_done_stage(struct vs_stage *stage, const struct vs_due *work, struct vs_error *err)
{
    struct vs_value *row = key_row(stage, work);
    if (row == NULL)
        return vs_fail_memory(err);
    return vs_stage_op(stage, vs_op_delete(VS_T_WORK, row, work->version), err);
}

vs_rc vs_due_move_stage(struct vs_stage *stage, const struct vs_due *work, vs_time_ms due,
                        struct vs_bytes data, struct vs_error *err)
{
    struct vs_value *row = key_row(stage, work);
    if (row == NULL)
        return vs_fail_memory(err);
    uint64_t set = VS_SET(VS_WORK_DUE) | VS_SET(VS_WORK_NODE); /* nobody's lease any more */
    row[VS_WORK_DUE] = vs_int(due);
    if (data.ptr != NULL) {
        if (!copy_bytes(stage, data, &row[VS_WORK_DATA]))
            return vs_fail_memory(err);
        set |= VS_SET(VS_WORK_DATA);
    }
    return vs_stage_op(stage, vs_op_update(VS_T_WORK, row, set, work->version), err);
}

void vs_due_delivery(struct vs_id document, struct vs_id recipient,
                     uint8_t ret[VS_DUE_DELIVERY_BYTES])
{
    memcpy(ret, document.bytes, VS_ID_BYTES);
    memcpy(ret + VS_ID_BYTES, recipient.bytes, VS_ID_BYTES);
}

vs_rc vs_due_delivery_of(const struct vs_due *work, struct vs_id *ret_document,
                         struct vs_id *ret_recipient, struct vs_error *err)
{
    if (work->subject.len != VS_DUE_DELIVERY_BYTES)
        return vs_fail(err, VS_E_CORRUPT, NULL, "work of kind %s names no delivery",
                       work->kind);
    memcpy(ret_document->bytes, work->subject.ptr, VS_ID_BYTES);
    memcpy(ret_recipient->bytes, work->subject.ptr + VS_ID_BYTES, VS_ID_BYTES);
    return VS_OK;
}

/* -- one piece as a job -------------------------------------------------------------------- */

struct due_job {
    struct vs_job job;
    const struct vs_due_kind *kind;
    const struct vs_due *work;
    struct vs_relay *relay;
};

vs_rc vs_due_held(struct vs_relay *relay, struct vs_arena *arena, const struct vs_due *work,
                  bool *ret, struct vs_error *err)
{
    const struct vs_due *now;
    VS_TRY(vs_due_get(relay, arena, work->kind, work->subject, &now, err));
    *ret = now != NULL && now->version == work->version;
    return VS_OK;
}

static vs_rc run_due(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                     struct vs_error *err)
{
    struct due_job *self = job->context;
    bool held;
    VS_TRY(vs_due_held(relay, job->arena, self->work, &held, err));
    return held ? self->kind->run(relay, job, self->work, now, err) : VS_OK;
}

static void due_done(struct vs_job *job)
{
    struct due_job *self = job->context;
    struct vs_relay *relay = self->relay;
    if (!vs_ok(job->rc))
        vs_relay_count(relay, due_failed, 1);
    atomic_fetch_sub(&relay->due_under_way, 1);
    vs_arena_free(job->arena);
    vs_heap_free(self);
}

static vs_rc queue_due(struct vs_relay *relay, const struct vs_due_kind *kind,
                       const struct vs_row *row, struct vs_error *err)
{
    struct vs_arena *arena = vs_arena_new(JOB_ARENA);
    const struct vs_due *work = NULL;
    if (arena == NULL)
        return vs_fail_memory(err);
    vs_rc rc = vs_due_from_row(arena, row, &work, err);
    if (!vs_ok(rc)) {
        vs_arena_free(arena);
        return rc;
    }
    struct due_job *self = vs_heap_new(sizeof *self);
    *self = (struct due_job){.job = {.arena = arena, .run = run_due, .done = due_done},
                             .kind = kind,
                             .work = work,
                             .relay = relay};
    self->job.context = self;
    atomic_fetch_add(&relay->due_under_way, 1);
    vs_relay_count(relay, due_taken, 1);
    vs_relay_submit_background(relay, &self->job);
    return VS_OK;
}

/* -- taking -------------------------------------------------------------------------------- */

static size_t room(struct vs_relay *relay)
{
    uint64_t busy = atomic_load(&relay->due_under_way);
    uint64_t left = busy >= VS_DUE_UNDER_WAY ? 0 : VS_DUE_UNDER_WAY - busy;
    return left < VS_DUE_AT_ONCE ? (size_t)left : VS_DUE_AT_ONCE;
}

/* Rows that are leased and not queued come back when their lease ends. */
static vs_rc take_kind(struct vs_relay *relay, const struct vs_due_kind *kind, vs_time_ms now,
                       size_t *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(LEASE_ARENA);
    struct vs_lease lease = {.kind = kind->name,
                             .node = relay->node,
                             .now = now,
                             .until = now + kind->lease_ms,
                             .limit = room(relay)};
    const struct vs_row *rows;
    *ret = 0;
    if (lease.limit == 0)
        return VS_OK;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_store_lease(relay->store, arena, &lease, &rows, ret, err));
    for (size_t i = 0; i < *ret; i++)
        VS_TRY(queue_due(relay, kind, &rows[i], err));
    return VS_OK;
}

static bool may_take(struct vs_relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    bool may = !relay->broken && !relay->stopping;
    pthread_mutex_unlock(&relay->lock);
    return may;
}

/* A lease that failed may have left its commit unknown (relay invariant 4). */
static void lease_failed(struct vs_relay *relay, const struct vs_error *err)
{
    vs_relay_count(relay, due_failed, 1);
    if (vs_store_poisoned(relay->store))
        vs_relay_break(relay, err);
}

bool vs_due_step(struct vs_relay *relay, vs_time_ms now)
{
    bool any = false;
    if (!may_take(relay))
        return false;
    for (const struct vs_due_kind *kind = relay->due_kinds; kind->name != NULL; kind++) {
        struct vs_error err;
        size_t n = 0;
        /* A lease by a doubted clock would put the rows as far off as the clock is. */
        if (kind->run == vs_retention_run && vs_retention_clock_view(relay, now).doubted)
            continue;
        if (!vs_ok(take_kind(relay, kind, now, &n, &err)))
            lease_failed(relay, &err);
        any = any || n > 0;
    }
    return any;
}

/* -- opening ------------------------------------------------------------------------------- */

static vs_rc release(struct vs_relay *relay, struct vs_arena *arena, const struct vs_row *rows,
                     size_t n, vs_time_ms now, struct vs_error *err)
{
    struct vs_item *items = vs_arena_make_n(arena, struct vs_item, n + 1);
    struct vs_op *ops = vs_arena_make_n(arena, struct vs_op, n + 1);
    struct vs_value *values =
        vs_arena_make_n(arena, struct vs_value, (n + 1) * VS_WORK_COLUMNS);
    size_t n_items = 0;
    if (items == NULL || ops == NULL || values == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct vs_value *row = values + i * VS_WORK_COLUMNS;
        if (rows[i].values[VS_WORK_NODE].type == VS_NULL)
            continue;
        row[VS_WORK_ID] = rows[i].values[VS_WORK_ID];
        row[VS_WORK_DUE] = vs_int(now);
        ops[i] = vs_op_update(VS_T_WORK, row, VS_SET(VS_WORK_DUE) | VS_SET(VS_WORK_NODE),
                              rows[i].version);
        items[n_items++] = (struct vs_item){.ops = &ops[i], .n_ops = 1};
    }
    return n_items == 0 ? VS_OK : vs_store_commit(relay->store, items, n_items, err);
}

/* One process owns a store: a lease that has not ended belongs to one that has. Damaged rows
 * are left to `vasite check`: they stop nobody's start. */
vs_rc vs_due_release(struct vs_relay *relay, const char *kind, int64_t lease_ms, vs_time_ms now,
                     struct vs_error *err)
{
    struct vs_value equal = vs_text(kind), low = vs_int(now + 1), high = vs_int(now + lease_ms);
    struct vs_value after[2] = {low, vs_blob(VS_BYTES_NONE)};
    size_t n = RECOVER_PAGE;
    for (bool first = true; n == RECOVER_PAGE; first = false) {
        VS_ARENA *arena = vs_arena_new(LEASE_ARENA * 4);
        struct vs_query query = {.table = VS_T_WORK,
                                 .index = VS_WORK_BY_DUE,
                                 .equal = &equal,
                                 .n_equal = 1,
                                 .low = &low,
                                 .high = &high,
                                 .after = first ? NULL : after,
                                 .n_after = first ? 0 : 2,
                                 .tolerate = true,
                                 .limit = RECOVER_PAGE};
        const struct vs_row *rows;
        struct vs_id last;
        if (arena == NULL)
            return vs_fail_memory(err);
        VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
        VS_TRY(release(relay, arena, rows, n, now, err));
        if (n == 0)
            return VS_OK;
        last = vs_value_id(&rows[n - 1].values[VS_WORK_ID]);
        after[0] = rows[n - 1].values[VS_WORK_DUE];
        after[1] = vs_id_value(&last);
    }
    return VS_OK;
}

vs_rc vs_due_open(struct vs_relay *relay, struct vs_error *err)
{
    vs_time_ms now = vs_relay_now(relay);
    struct vs_id node = vs_id_new(&relay->seams, now);
    vs_id_text(node, relay->node);
    if (relay->settings.inspect)
        return VS_OK;
    for (const struct vs_due_kind *kind = relay->due_kinds; kind->name != NULL; kind++)
        VS_TRY(vs_due_release(relay, kind->name, kind->lease_ms, now, err));
    return VS_OK;
}
