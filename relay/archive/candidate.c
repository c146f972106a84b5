/* Whether a document or refusal may go: its class, its latest event, what still stands against
 * it (retention.h, "The rule"). */
#include "relay/archive/hold.h"
#include "relay/archive/retention_priv.h"
#include "relay/exchange/access.h"

#define ROWS_MAX 10000
#define WORK_MAX 256

vs_time_ms vs_retention_end(vs_time_ms latest, unsigned months)
{
    if (months >= VS_RETENTION_PERMANENT)
        return VS_TIME_NONE;
    if (months < VS_RETENTION_MINIMUM)
        months = VS_RETENTION_MINIMUM;
    return vs_time_add_months(latest, (int)months) + VS_RETENTION_MARGIN_MS;
}

/* Delivery, deadline or reminder still to come: `retention` itself does not count. */
static vs_rc has_work(struct vs_relay *relay, struct vs_arena *arena, const struct vs_id *id,
                      bool *ret, struct vs_error *err)
{
    struct vs_id low = VS_ID_NONE, high;
    memset(high.bytes, 0xff, sizeof high.bytes);
    memcpy(low.bytes, id->bytes, 6); /* due.h: rows lie beside their subject's time */
    memcpy(high.bytes, id->bytes, 6);
    struct vs_value low_value = vs_id_value(&low), high_value = vs_id_value(&high);
    struct vs_query query = {
        .table = VS_T_WORK, .low = &low_value, .high = &high_value, .limit = WORK_MAX};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    *ret = n == WORK_MAX; /* more than are looked at: another day */
    for (size_t i = 0; i < n && !*ret; i++) {
        struct vs_bytes subject = rows[i].values[VS_WORK_SUBJECT].bytes;
        struct vs_bytes kind = rows[i].values[VS_WORK_KIND].bytes;
        *ret = subject.len >= VS_ID_BYTES && memcmp(subject.ptr, id->bytes, VS_ID_BYTES) == 0 &&
               !vs_bytes_is(kind, VS_WORK_RETENTION);
    }
    return VS_OK;
}

/* A batch that waits for its order or for evidence of its moves still needs their rows. */
static vs_rc has_open_batch(struct vs_relay *relay, struct vs_arena *arena,
                            const struct vs_candidate *candidate, bool *ret,
                            struct vs_error *err)
{
    int64_t last = 0;
    for (size_t i = 0; i < candidate->n_evidence && !*ret; i++) {
        const struct vs_value *number = &candidate->evidence[i].values[VS_EVIDENCE_BATCH];
        const struct vs_row *row;
        if (number->integer == last)
            continue;
        last = number->integer;
        VS_TRY(vs_store_get(relay->store, arena, VS_T_BATCH, number, &row, err));
        if (row == NULL)
            return vs_fail(err, VS_E_CORRUPT, NULL, "the batch of a piece of evidence is gone");
        *ret = row->values[VS_BATCH_SEQUENCE].type != VS_NULL ||
               row->values[VS_BATCH_FOLLOW].type != VS_NULL;
    }
    return VS_OK;
}

static bool keys_promised(struct vs_relay *relay, vs_time_ms sent)
{
    struct vs_civil civil = vs_time_civil(sent);
    int64_t month = (int64_t)(civil.year - 1970) * 12 + civil.month - 1;
    return atomic_load(&relay->first_month) <= month;
}

static vs_rc find_latest(struct vs_relay *relay, struct vs_arena *arena,
                         struct vs_candidate *candidate, struct vs_error *err)
{
    struct vs_value equal = vs_id_value(&candidate->id);
    struct vs_query query = {.table = VS_T_EVIDENCE,
                             .index = VS_EVIDENCE_BY_DOCUMENT,
                             .equal = &equal,
                             .n_equal = 1,
                             .limit = ROWS_MAX};
    VS_TRY(vs_store_select(relay->store, arena, &query, &candidate->evidence,
                           &candidate->n_evidence, err));
    candidate->latest = candidate->sent;
    for (size_t i = 0; i < candidate->n_evidence; i++) {
        vs_time_ms time = candidate->evidence[i].values[VS_EVIDENCE_TIME].integer;
        if (time > candidate->latest)
            candidate->latest = time;
    }
    candidate->busy = candidate->n_evidence == ROWS_MAX;
    return VS_OK;
}

vs_rc vs_candidate_of(struct vs_relay *relay, struct vs_arena *arena, enum vs_table_id table,
                      const struct vs_row *row, struct vs_candidate *ret, struct vs_error *err)
{
    bool refusal = table == VS_T_REFUSAL, work = false, batch = false;
    const struct vs_value *v = row->values;
    *ret = (struct vs_candidate){
        .id = vs_value_id(&v[0]),
        .refusal = refusal,
        .row = row,
        .sent = v[refusal ? (int)VS_REFUSAL_SENT : (int)VS_DOCUMENT_SENT].integer,
        .months = refusal ? VS_RETENTION_MINIMUM : (unsigned)v[VS_DOCUMENT_RETENTION].integer};
    VS_TRY(find_latest(relay, arena, ret, err));
    ret->end = vs_retention_end(ret->latest, ret->months);
    VS_TRY(vs_hold_find(relay, arena, ret->id, &ret->held, err));
    VS_TRY(has_work(relay, arena, &ret->id, &work, err));
    VS_TRY(has_open_batch(relay, arena, ret, &batch, err));
    ret->busy = ret->busy || work || batch;
    ret->promised = keys_promised(relay, ret->sent);
    return VS_OK;
}

vs_rc vs_candidate_look(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                        struct vs_candidate *ret, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    enum vs_table_id table = VS_T_DOCUMENT;
    const struct vs_row *row;
    *ret = (struct vs_candidate){.id = id};
    VS_TRY(vs_store_get(relay->store, arena, table, &key, &row, err));
    if (row == NULL) {
        table = VS_T_REFUSAL;
        VS_TRY(vs_store_get(relay->store, arena, table, &key, &row, err));
    }
    return row == NULL ? VS_OK : vs_candidate_of(relay, arena, table, row, ret, err);
}

vs_rc vs_retention_get(struct vs_relay *relay, struct vs_arena *arena,
                       const struct vs_caller *caller, struct vs_id id,
                       struct vs_retention *ret, struct vs_error *err)
{
    struct vs_access access;
    struct vs_candidate candidate;
    VS_TRY(vs_access_find(relay, arena, caller, id, &access, err));
    VS_TRY(vs_candidate_look(relay, arena, id, &candidate, err));
    if (candidate.row == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such document");
    *ret = (struct vs_retention){.months = candidate.months,
                                 .latest = candidate.latest,
                                 .end = candidate.end,
                                 .held = candidate.held};
    return VS_OK;
}
