#include "relay/exchange/follow.h"
#include "formats/validation/indication.h"
#include "relay/exchange/acknowledge.h"
#include "relay/exchange/consent.h"
#include "relay/exchange/issue.h"
#include "relay/exchange/notify.h"
#include "relay/exchange/sequence.h"
#include "relay/relay_priv.h"

#define JOB_ARENA     ((size_t)4 << 20)
#define EVIDENCE_MAX  10000 /* of one document, when looking what is there */
#define RECOVER_BATCH 64

struct follow_batch {
    int64_t number;
    _Atomic size_t remaining;
    _Atomic bool failed;
};

struct follow {
    struct vs_job job;
    struct vs_move move;
    struct follow_batch *batch;
    struct vs_relay *relay;
    bool look; /* whether the evidence is there already */
};

static const enum vs_event events[VS_MOVE_KINDS] = {
    [VS_MOVE_ENTER] = VS_EVENT_CONTENT_CONSIGNMENT,
    [VS_MOVE_REACH] = VS_EVENT_ACKNOWLEDGEMENT_REACHED_SENDER,
    [VS_MOVE_ASK] = VS_EVENT_NOTIFICATION_FOR_ACCEPTANCE,
};

bool vs_move_is_followed(enum vs_move_kind kind)
{
    return events[kind] != VS_EVENT_UNKNOWN || kind == VS_MOVE_PUSHED;
}

static enum vs_event event_of(enum vs_move_kind kind)
{
    return events[kind];
}

/* -- one piece ----------------------------------------------------------------------------- */

static vs_rc is_there(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_move *move, bool *ret, struct vs_error *err)
{
    struct vs_value equal = vs_id_value(&move->document);
    struct vs_query query = {.table = VS_T_EVIDENCE,
                             .index = VS_EVIDENCE_BY_DOCUMENT,
                             .equal = &equal,
                             .n_equal = 1,
                             .limit = EVIDENCE_MAX};
    const struct vs_row *rows;
    size_t n;
    const char *name = vs_event_info(event_of(move->kind))->name;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    *ret = false;
    for (size_t i = 0; i < n && !*ret; i++)
        *ret =
            vs_bytes_is(rows[i].values[VS_EVIDENCE_EVENT].bytes, name) &&
            vs_id_equal(vs_value_id(&rows[i].values[VS_EVIDENCE_RECIPIENT]), move->recipient);
    return VS_OK;
}

static const struct vs_row *delivery_of(const struct vs_facts *facts, struct vs_id recipient)
{
    for (size_t i = 0; i < facts->n_recipients; i++)
        if (vs_id_equal(facts->recipient_ids[i], recipient))
            return &facts->deliveries[i];
    return NULL;
}

static void describe(const struct vs_facts *facts, const struct vs_row *delivery,
                     enum vs_move_kind kind, char *time_text, char *term_text,
                     struct vs_issue *issue)
{
    vs_time_ms received = vs_value_time(&delivery->values[VS_DELIVERY_RECEIVED_AT]);
    bool waits = delivery->values[VS_DELIVERY_ACKNOWLEDGEMENT].integer != 0;
    bool counts = received != VS_TIME_NONE && (kind == VS_MOVE_REACH || !waits);
    if (kind == VS_MOVE_ASK) {
        vs_time_text(vs_consent_term_end(delivery), time_text);
        vs_issue_extend(issue, VS_ERDS_EXT_TERM, time_text);
    } else if (received != VS_TIME_NONE) {
        vs_time_text(received, time_text);
        vs_issue_extend(issue, VS_ERDS_EXT_RECEIPT_TIME, time_text);
    }
    if (kind == VS_MOVE_ENTER && delivery->values[VS_DELIVERY_DEADLINE].type == VS_INT) {
        vs_time_text(delivery->values[VS_DELIVERY_DEADLINE].integer, term_text);
        vs_issue_extend(issue, VS_ERDS_EXT_TERM, term_text);
    }
    /* 27.3.2: so the recipient is told that its authenticity was not confirmed. */
    if (facts->not_confirmed)
        vs_issue_extend(issue, VS_ERDS_EXT_VERDICT, vs_indication_text(VS_INDETERMINATE));
    vs_issue_extend(issue, VS_ERDS_EXT_COUNTS_AS,
                    facts->not_confirmed ? "not-sent"
                    : counts             ? "received"
                                         : "not-received");
}

/* The evidence of what the sequencer did. */
static vs_rc stage_evidence(struct vs_relay *relay, struct vs_job *job, enum vs_move_kind kind,
                            const struct vs_facts *facts, const struct vs_row *delivery,
                            vs_time_ms now, struct vs_error *err)
{
    struct vs_evidence_file *issued = vs_arena_make(job->arena, struct vs_evidence_file);
    struct vs_issue issue = {.event = events[kind],
                             .recipient = vs_value_id(&delivery->values[VS_DELIVERY_RECIPIENT]),
                             .event_time =
                                 delivery->values[vs_move_rows[kind].time_column].integer};
    char time_text[VS_TIME_TEXT], term_text[VS_TIME_TEXT];
    struct vs_stage *stage;
    if (issued == NULL)
        return vs_fail_memory(err);
    describe(facts, delivery, kind, time_text, term_text, &issue);
    VS_TRY(vs_issue_make(relay, job->arena, facts, &issue, now, issued, err));
    VS_TRY(vs_stage_new(job, &stage, err));
    return vs_issue_stage(stage, facts, &issue, issued, err);
}

/* What begins with it. */
static vs_rc stage_next(struct vs_relay *relay, struct vs_job *job, enum vs_move_kind kind,
                        const struct vs_row *delivery, vs_time_ms now, struct vs_error *err)
{
    if (kind == VS_MOVE_ASK || kind == VS_MOVE_ENTER)
        VS_TRY(vs_notify_stage(relay, job->stage, job->arena, delivery, now, err));
    if (kind == VS_MOVE_ASK)
        return vs_consent_asked_stage(job->stage, delivery, err);
    if (kind == VS_MOVE_ENTER || kind == VS_MOVE_PUSHED)
        return vs_acknowledge_automatic_stage(relay, job, delivery, now, err);
    return VS_OK;
}

static vs_rc run_follow(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct follow *self = job->context;
    enum vs_move_kind kind = self->move.kind;
    bool evident = events[kind] != VS_EVENT_UNKNOWN, there = false, found;
    if (self->look && evident)
        VS_TRY(is_there(relay, job->arena, &self->move, &there, err));
    if (there)
        return VS_OK;
    struct vs_facts *facts = vs_arena_make(job->arena, struct vs_facts);
    if (facts == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_facts_load(relay, job->arena, self->move.document, facts, &found, err));
    const struct vs_row *delivery = found ? delivery_of(facts, self->move.recipient) : NULL;
    if (delivery == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a sequenced delivery is not there");
    if (evident)
        VS_TRY(stage_evidence(relay, job, kind, facts, delivery, now, err));
    return stage_next(relay, job, kind, delivery, now, err);
}

/* -- the batch ----------------------------------------------------------------------------- */

static void clear_done(struct vs_job *job)
{
    struct vs_relay *relay = job->context;
    if (!vs_ok(job->rc))
        atomic_store(&relay->follow_failed, true);
    vs_arena_free(job->arena);
    vs_heap_free(job);
}

/* All its evidence is committed: forget the batch, with some later cycle. */
static void clear_batch(struct vs_relay *relay, int64_t number)
{
    struct vs_job *job = vs_heap_new(sizeof *job);
    struct vs_stage *stage;
    struct vs_error err;
    job->arena = vs_arena_new((size_t)16 << 10);
    job->done = clear_done;
    job->context = relay;
    VS_ASSERT(job->arena != NULL);
    struct vs_value *row = NULL;
    if (vs_ok(vs_stage_new(job, &stage, &err)))
        row = vs_stage_row(stage, VS_T_BATCH);
    VS_ASSERT(row != NULL);
    row[VS_BATCH_NUMBER] = vs_int(number);
    vs_rc rc = vs_stage_op(
        stage, vs_op_update(VS_T_BATCH, row, VS_SET(VS_BATCH_FOLLOW), VS_ANY_VERSION), &err);
    VS_ASSERT(vs_ok(rc));
    vs_relay_stage_job(relay, job);
}

static void follow_done(struct vs_job *job)
{
    struct follow *self = job->context;
    struct vs_relay *relay = self->relay;
    struct follow_batch *batch = self->batch;
    if (!vs_ok(job->rc))
        atomic_store(&batch->failed, true);
    else if (job->stage != NULL)
        vs_relay_count(relay, evidence, 1);
    if (atomic_fetch_sub(&batch->remaining, 1) == 1) {
        if (atomic_load(&batch->failed))
            atomic_store(&relay->follow_failed, true);
        else
            clear_batch(relay, batch->number);
        vs_heap_free(batch);
    }
    atomic_fetch_sub(&relay->following, 1);
    vs_arena_free(job->arena);
    vs_heap_free(self);
}

static void queue_follow(struct vs_relay *relay, const struct vs_move *move,
                         struct follow_batch *batch, bool look)
{
    struct follow *self = vs_heap_new(sizeof *self);
    self->job.arena = vs_arena_new(JOB_ARENA);
    VS_ASSERT(self->job.arena != NULL);
    self->job.run = run_follow;
    self->job.done = follow_done;
    self->job.context = self;
    self->move = *move;
    self->batch = batch;
    self->relay = relay;
    self->look = look;
    atomic_fetch_add(&relay->following, 1);
    vs_relay_submit_background(relay, &self->job);
}

static void queue_batch(struct vs_relay *relay, int64_t number, const struct vs_move *moves,
                        size_t n, bool look)
{
    size_t followed = 0;
    for (size_t i = 0; i < n; i++)
        followed += vs_move_is_followed(moves[i].kind);
    if (followed == 0)
        return;
    struct follow_batch *batch = vs_heap_new(sizeof *batch);
    batch->number = number;
    atomic_store(&batch->remaining, followed);
    for (size_t i = 0; i < n; i++)
        if (vs_move_is_followed(moves[i].kind))
            queue_follow(relay, &moves[i], batch, look);
}

void vs_follow_batch(struct vs_relay *relay, int64_t number, const struct vs_move *moves,
                     size_t n)
{
    queue_batch(relay, number, moves, n, false);
}

vs_rc vs_follow_recover(struct vs_relay *relay, struct vs_error *err)
{
    if (atomic_load(&relay->following) > 0)
        return VS_OK;
    atomic_store(&relay->follow_failed, false);
    VS_ARENA *arena = vs_arena_new((size_t)64 << 20);
    struct vs_value equal = vs_int(1);
    struct vs_query query = {.table = VS_T_BATCH,
                             .index = VS_BATCH_BY_FOLLOW,
                             .equal = &equal,
                             .n_equal = 1,
                             .limit = RECOVER_BATCH};
    const struct vs_row *rows;
    size_t n;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++) {
        struct vs_batch *batch;
        VS_TRY(vs_batch_from_row(arena, &rows[i], &batch, err));
        queue_batch(relay, batch->number, batch->moves, batch->n_moves, true);
    }
    /* More than one page: the clockwork comes back for the rest. */
    if (n == RECOVER_BATCH)
        atomic_store(&relay->follow_failed, true);
    return VS_OK;
}
