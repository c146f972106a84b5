/* Held repetitions (Art. 27.3.3): the sender says that one was meant, and it is delivered. */
#include "relay/exchange/dispatch.h"
#include "relay/exchange/submit_priv.h"
#include "relay/exchange/transitions.h"

/* The document's outgoing number, where it was sent to others before: it has one only. */
static struct vs_value number_of(const struct vs_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].values[VS_DELIVERY_OUTGOING].type != VS_NULL)
            return rows[i].values[VS_DELIVERY_OUTGOING];
    return vs_null();
}

static vs_rc release(struct vs_stage *stage, const struct vs_row *delivery,
                     struct vs_value number, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_DELIVERY);
    struct vs_value *old = vs_stage_row(stage, VS_T_DELIVERY);
    if (row == NULL || old == NULL)
        return vs_fail_memory(err);
    memcpy(old, delivery->values, VS_DELIVERY_COLUMNS * sizeof *old);
    row[VS_DELIVERY_OUTGOING] = old[VS_DELIVERY_OUTGOING] = number;
    row[VS_DELIVERY_DOCUMENT] = old[VS_DELIVERY_DOCUMENT];
    row[VS_DELIVERY_RECIPIENT] = old[VS_DELIVERY_RECIPIENT];
    row[VS_DELIVERY_STATE] = vs_int(VS_DELIVERY_PENDING);
    VS_TRY(vs_stage_op(stage,
                       vs_op_update(VS_T_DELIVERY, row,
                                    VS_SET(VS_DELIVERY_STATE) | VS_SET(VS_DELIVERY_OUTGOING),
                                    delivery->version),
                       err));
    return vs_dispatch_stage(stage, old, err);
}

vs_rc vs_repeat_confirm_stage(struct vs_relay *relay, struct vs_job *job,
                              const struct vs_caller *caller, struct vs_id id, vs_time_ms now,
                              struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *document, *rows;
    size_t n, held = 0;
    (void)now;
    VS_TRY(vs_store_get(relay->store, job->arena, VS_T_DOCUMENT, &key, &document, err));
    if (document == NULL ||
        !vs_id_equal(vs_value_id(&document->values[VS_DOCUMENT_SENDER]), caller->participant))
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such document");
    struct vs_query query = {
        .table = VS_T_DELIVERY, .equal = &key, .n_equal = 1, .limit = 1000};
    VS_TRY(vs_store_select(relay->store, job->arena, &query, &rows, &n, err));
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    for (size_t i = 0; i < n; i++) {
        enum vs_delivery_state state =
            (enum vs_delivery_state)rows[i].values[VS_DELIVERY_STATE].integer;
        if (vs_transition_find(state, VS_DELIVERY_PENDING) == NULL)
            continue;
        VS_TRY(release(stage, &rows[i], number_of(rows, n), err));
        held++;
    }
    if (held == 0)
        return vs_fail(err, VS_E_STATE, "Art. 27.3.3", "it is not held");
    return VS_OK;
}
