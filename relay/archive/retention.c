/* The walk through what is kept, in slices of due work. */
#include "relay/archive/retention.h"
#include "relay/archive/retention_priv.h"
#include "relay/exchange/commit.h"

#define DAY_LATER(now) ((now) + VS_DAY_MS)
#define SWEEP_MS       VS_HOUR_MS
#define KEYS_WAIT_MS   (10 * VS_SECOND_MS) /* the walk over keys is at work */
#define PAGE           64
#define KEYS_PAGE      500

/* Subjects of the walks; a document's own row has its id, 16 bytes. */
static const struct walk {
    const char *subject;
    enum vs_table_id table;
} walks[] = {
    {"keys", VS_T_IDEMPOTENCY}, {"documents", VS_T_DOCUMENT}, {"refusals", VS_T_REFUSAL}};
#define WALKS (sizeof walks / sizeof *walks)

/* What one slice found. */
struct slice {
    struct vs_relay *relay;
    struct vs_job *job;
    const struct vs_due *work;
    struct vs_stage *stage;
    struct vs_deletion *deletion;
    vs_time_ms now, witnessed;
};

/* -- one document -------------------------------------------------------------------------- */

/* The day by the clock on which witnessed time will have come to `end`, as far as is known. */
static vs_time_ms day_of(const struct slice *slice, vs_time_ms end)
{
    vs_time_ms left = end - slice->witnessed;
    return slice->now + (left > VS_HOUR_MS ? left : VS_HOUR_MS);
}

/* VS_TIME_NONE: it needs no look again (it went, is held, or stays for ever). */
static vs_rc judge(struct slice *slice, const struct vs_candidate *candidate,
                   vs_time_ms *ret_again, struct vs_error *err)
{
    *ret_again = VS_TIME_NONE;
    if (candidate->end == VS_TIME_NONE || candidate->held)
        return VS_OK;
    if (candidate->end > slice->witnessed)
        *ret_again = day_of(slice, candidate->end);
    else if (candidate->busy)
        *ret_again = DAY_LATER(slice->now);
    else if (candidate->promised)
        *ret_again = slice->now + KEYS_WAIT_MS;
    else
        return vs_deletion_add(slice->deletion, candidate, err);
    return VS_OK;
}

/* What cannot be read stays; `vasite check` names it, and tomorrow it is tried again. */
static vs_rc tolerate(const struct slice *slice, vs_rc rc, vs_time_ms *again)
{
    if (rc.code != VS_E_CORRUPT)
        return rc;
    *again = DAY_LATER(slice->now);
    return VS_OK;
}

static vs_rc run_one(struct slice *slice, struct vs_error *err)
{
    struct vs_id id;
    struct vs_candidate candidate;
    vs_time_ms again = VS_TIME_NONE;
    memcpy(id.bytes, slice->work->subject.ptr, sizeof id.bytes);
    vs_rc rc = vs_candidate_look(slice->relay, slice->job->arena, id, &candidate, err);
    if (vs_ok(rc) && candidate.row != NULL)
        rc = judge(slice, &candidate, &again, err);
    VS_TRY(tolerate(slice, rc, &again));
    return again == VS_TIME_NONE
               ? vs_due_done_stage(slice->stage, slice->work, err)
               : vs_due_move_stage(slice->stage, slice->work, again, VS_BYTES_NONE, err);
}

/* -- the walk over documents and refusals -------------------------------------------------- */

/* The id's own time: nothing that was made later can have a term that has ended. */
static bool may_have_ended(const struct slice *slice, struct vs_id id)
{
    uint8_t time[8] = {0};
    memcpy(time + 2, id.bytes, 6);
    vs_time_ms made = (vs_time_ms)vs_get_u64(time);
    return vs_retention_end(made, VS_RETENTION_MINIMUM) <= slice->witnessed;
}

static vs_rc visit(struct slice *slice, enum vs_table_id table, const struct vs_row *row,
                   struct vs_error *err)
{
    struct vs_candidate candidate;
    vs_time_ms again = VS_TIME_NONE;
    struct vs_id id = vs_value_id(&row->values[0]);
    vs_rc rc = VS_OK;
    if (row->corrupt) {
        again = DAY_LATER(slice->now);
    } else {
        rc = vs_candidate_of(slice->relay, slice->job->arena, table, row, &candidate, err);
        if (vs_ok(rc))
            rc = judge(slice, &candidate, &again, err);
    }
    VS_TRY(tolerate(slice, rc, &again));
    if (again == VS_TIME_NONE)
        return VS_OK;
    return vs_due_stage(slice->stage, VS_WORK_RETENTION, again, vs_id_bytes(&id), VS_BYTES_NONE,
                        err);
}

static vs_rc select_page(struct slice *slice, enum vs_table_id table, const struct vs_row **ret,
                         size_t *ret_n, struct vs_error *err)
{
    struct vs_value after = vs_blob(slice->work->data);
    struct vs_query query = {.table = table, .tolerate = true, .limit = PAGE};
    if (slice->work->data.len == VS_ID_BYTES) {
        query.after = &after;
        query.n_after = 1;
    }
    return vs_store_select(slice->relay->store, slice->job->arena, &query, ret, ret_n, err);
}

static vs_rc run_walk(struct slice *slice, enum vs_table_id table, struct vs_error *err)
{
    const struct vs_row *rows;
    size_t n, i;
    struct vs_bytes cursor = slice->work->data;
    VS_TRY(select_page(slice, table, &rows, &n, err));
    for (i = 0; i < n && vs_deletion_count(slice->deletion) < VS_DELETION_MOST; i++) {
        if (!may_have_ended(slice, vs_value_id(&rows[i].values[0])))
            break;
        VS_TRY(visit(slice, table, &rows[i], err));
        cursor = rows[i].values[0].bytes;
    }
    bool more = i > 0 && (i == PAGE || i < n) &&
                (i == n || may_have_ended(slice, vs_value_id(&rows[i].values[0])));
    return vs_due_move_stage(slice->stage, slice->work,
                             more ? slice->now : slice->now + SWEEP_MS, cursor, err);
}

/* -- keys: idempotency and repetitions, by month ------------------------------------------- */

/* The last month whose promise has ended; the months after it are kept. */
static int64_t last_ended(vs_time_ms witnessed)
{
    struct vs_civil civil = vs_time_civil(witnessed);
    return (int64_t)(civil.year - 1970) * 12 + civil.month - 1 - (VS_KEY_MONTHS + 1);
}

static vs_rc drop_keys(struct slice *slice, enum vs_table_id table, int64_t until, bool *more,
                       struct vs_error *err)
{
    struct vs_value high = vs_int(until);
    struct vs_query query = {
        .table = table, .high = &high, .tolerate = true, .limit = KEYS_PAGE};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(slice->relay->store, slice->job->arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++)
        if (!rows[i].corrupt)
            VS_TRY(vs_stage_op(slice->stage,
                               vs_op_delete(table, rows[i].values, rows[i].version), err));
    *more = *more || n == KEYS_PAGE;
    return VS_OK;
}

static void keys_dropped(struct vs_relay *relay, void *context)
{
    int64_t first = *(int64_t *)context + 1, old = atomic_load(&relay->first_month);
    while (old < first && !atomic_compare_exchange_weak(&relay->first_month, &old, first))
        ;
}

static vs_rc run_keys(struct slice *slice, struct vs_error *err)
{
    int64_t *until = vs_stage_memory(slice->stage, sizeof *until);
    bool more = false;
    if (until == NULL)
        return vs_fail_memory(err);
    *until = last_ended(slice->witnessed);
    VS_TRY(drop_keys(slice, VS_T_IDEMPOTENCY, *until, &more, err));
    VS_TRY(drop_keys(slice, VS_T_REPETITION, *until, &more, err));
    if (!more)
        vs_stage_after(slice->stage, keys_dropped, until);
    return vs_due_move_stage(slice->stage, slice->work,
                             more ? slice->now : slice->now + SWEEP_MS, VS_BYTES_NONE, err);
}

/* -- the kind of due work ------------------------------------------------------------------ */

static vs_rc run_slice(struct slice *slice, struct vs_error *err)
{
    struct vs_bytes subject = slice->work->subject;
    if (subject.len == VS_ID_BYTES)
        return run_one(slice, err);
    if (vs_bytes_is(subject, walks[0].subject))
        return run_keys(slice, err);
    for (size_t i = 1; i < WALKS; i++)
        if (vs_bytes_is(subject, walks[i].subject))
            return run_walk(slice, walks[i].table, err);
    return vs_fail(err, VS_E_CORRUPT, NULL, "work of kind retention names nothing known");
}

vs_rc vs_retention_run(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                       vs_time_ms now, struct vs_error *err)
{
    struct slice slice = {.relay = relay,
                          .job = job,
                          .work = work,
                          .now = now,
                          .witnessed = vs_retention_time(relay, now)};
    if (vs_retention_clock_view(relay, now).doubted)
        return VS_OK; /* since it was taken: again when the lease ends */
    VS_TRY(vs_stage_new(job, &slice.stage, err));
    VS_TRY(vs_deletion_new(relay, job, slice.stage, &slice.deletion, err));
    vs_rc rc = run_slice(&slice, err);
    if (vs_ok(rc))
        rc = vs_deletion_end(slice.deletion, now, err);
    vs_deletion_done(slice.deletion);
    return rc;
}

/* -- opening ------------------------------------------------------------------------------- */

static vs_rc begin_walk(struct vs_relay *relay, struct vs_arena *arena, const char *subject,
                        struct vs_error *err)
{
    struct vs_job job = {.arena = arena};
    struct vs_stage *stage;
    const struct vs_due *there;
    struct vs_item item;
    VS_TRY(vs_due_get(relay, arena, VS_WORK_RETENTION, vs_bytes_text(subject), &there, err));
    if (there != NULL)
        return VS_OK;
    VS_TRY(vs_stage_new(&job, &stage, err));
    VS_TRY(vs_due_stage(stage, VS_WORK_RETENTION, vs_relay_now(relay), vs_bytes_text(subject),
                        VS_BYTES_NONE, err));
    item = vs_stage_item(stage);
    return vs_store_commit(relay->store, &item, 1, err);
}

vs_rc vs_retention_open(struct vs_relay *relay, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)64 << 10);
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_witness_open(relay, err));
    for (size_t i = 0; i < WALKS && !relay->settings.inspect; i++)
        VS_TRY(begin_walk(relay, arena, walks[i].subject, err));
    return VS_OK;
}
