#include "relay/archive/hold.h"
#include "relay/archive/retention.h"
#include "relay/relay_priv.h"

static vs_rc find(struct vs_relay *relay, struct vs_arena *arena, const struct vs_id *document,
                  const struct vs_row **ret, struct vs_error *err)
{
    struct vs_value key = vs_id_value(document);
    return vs_store_get(relay->store, arena, VS_T_HOLD, &key, ret, err);
}

vs_rc vs_hold_find(struct vs_relay *relay, struct vs_arena *arena, struct vs_id document,
                   bool *ret, struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(find(relay, arena, &document, &row, err));
    *ret = row != NULL;
    return VS_OK;
}

static vs_rc stage_hold(struct vs_stage *stage, const struct vs_deed *act,
                        const struct vs_row *old, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_HOLD);
    struct vs_deed *copy = vs_stage_memory(stage, sizeof *copy);
    if (row == NULL || copy == NULL)
        return vs_fail_memory(err);
    *copy = *act;
    row[VS_HOLD_DOCUMENT] = vs_id_value(&copy->document);
    row[VS_HOLD_ACT] = vs_id_value(&copy->id);
    if (old == NULL)
        return vs_stage_op(stage, vs_op_insert(VS_T_HOLD, row), err);
    VS_TRY(vs_stage_op(stage, vs_op_delete(VS_T_HOLD, row, old->version), err));
    /* What waited for this looks again at once; the term decides. */
    return vs_due_stage(stage, "retention", act->time, vs_id_bytes(&copy->document),
                        VS_BYTES_NONE, err);
}

vs_rc vs_hold_stage(struct vs_relay *relay, struct vs_job *job, const struct vs_caller *caller,
                    struct vs_id document, bool hold, const char *reason, vs_time_ms now,
                    struct vs_deed *ret, struct vs_error *err)
{
    const struct vs_row *old;
    VS_REFUSE_IF(!vs_caller_may(caller, VS_ROLE_OPERATOR | VS_ROLE_AUDITOR), err,
                 VS_E_FORBIDDEN, "Art. 31.4",
                 "operators and the supervising authority hold documents");
    VS_TRY(vs_ground_check(reason, err));
    VS_TRY(find(relay, job->arena, &document, &old, err));
    VS_REFUSE_IF(hold == (old != NULL), err, VS_E_STATE, "Art. 31.3",
                 hold ? "it is held already" : "it is not held");
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    *ret = (struct vs_deed){.event = hold ? VS_EVENT_LEGAL_HOLD : VS_EVENT_LEGAL_HOLD_LIFTED,
                            .document = document,
                            .reason = reason};
    VS_TRY(vs_deed_stage(relay, job, stage, caller, now, ret, err));
    return stage_hold(stage, ret, old, err);
}

vs_rc vs_hold_list(struct vs_relay *relay, struct vs_arena *arena, struct vs_id after,
                   size_t limit, const struct vs_deed **ret, size_t *ret_n,
                   struct vs_error *err)
{
    struct vs_value after_value = vs_id_value(&after);
    struct vs_query query = {.table = VS_T_HOLD, .limit = limit};
    const struct vs_row *rows, *act;
    size_t n;
    if (!vs_id_is_none(after)) {
        query.after = &after_value;
        query.n_after = 1;
    }
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    struct vs_deed *acts = vs_arena_make_n(arena, struct vs_deed, n + 1);
    if (acts == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        VS_TRY(vs_store_get(relay->store, arena, VS_T_ACT, &rows[i].values[VS_HOLD_ACT], &act,
                            err));
        if (act == NULL)
            return vs_fail(err, VS_E_CORRUPT, NULL, "a hold's act is not there");
        VS_TRY(vs_deed_from_row(arena, act, &acts[i], err));
    }
    *ret = acts;
    *ret_n = n;
    return VS_OK;
}
