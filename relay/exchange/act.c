#include "relay/exchange/act.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"

vs_rc vs_act_begin(struct vs_act *act, struct vs_relay *relay, struct vs_job *job,
                   const struct vs_row *delivery, enum vs_event event,
                   const struct vs_caller *actor, vs_time_ms now, struct vs_error *err)
{
    const struct vs_value *old = delivery->values;
    bool found;
    *act = (struct vs_act){.relay = relay,
                           .job = job,
                           .stage = job->stage,
                           .delivery = delivery,
                           .facts = vs_arena_make(job->arena, struct vs_facts),
                           .issue = vs_arena_make(job->arena, struct vs_issue),
                           .issued = vs_arena_make(job->arena, struct vs_evidence_file),
                           .now = now};
    if (act->facts == NULL || act->issue == NULL || act->issued == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_facts_load(relay, job->arena, vs_value_id(&old[VS_DELIVERY_DOCUMENT]), act->facts,
                         &found, err));
    if (!found)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a delivery's document is not there");
    *act->issue = (struct vs_issue){.event = event,
                                    .event_time = now,
                                    .recipient = vs_value_id(&old[VS_DELIVERY_RECIPIENT]),
                                    .actor = actor};
    if (act->stage == NULL)
        VS_TRY(vs_stage_new(job, &act->stage, err));
    act->row = vs_stage_row(act->stage, VS_T_DELIVERY);
    if (act->row == NULL)
        return vs_fail_memory(err);
    act->row[VS_DELIVERY_DOCUMENT] = old[VS_DELIVERY_DOCUMENT];
    act->row[VS_DELIVERY_RECIPIENT] = old[VS_DELIVERY_RECIPIENT];
    return VS_OK;
}

void vs_act_set(struct vs_act *act, unsigned column, struct vs_value value)
{
    act->row[column] = value;
    act->set |= VS_SET(column);
}

vs_rc vs_act_to(struct vs_act *act, enum vs_delivery_state to, struct vs_error *err)
{
    const struct vs_transition *move =
        vs_transition_find(vs_delivery_state_of(act->delivery), to);
    if (move == NULL)
        return vs_fail(err, VS_E_STATE, NULL, "its state does not allow it");
    VS_ASSERT(move->event == act->issue->event);
    vs_act_set(act, VS_DELIVERY_STATE, vs_int(to));
    return VS_OK;
}

vs_rc vs_act_extend_time(struct vs_act *act, const char *name, vs_time_ms time,
                         struct vs_error *err)
{
    char *text = vs_arena_alloc(act->job->arena, VS_TIME_TEXT);
    if (text == NULL)
        return vs_fail_memory(err);
    vs_time_text(time, text);
    vs_issue_extend(act->issue, name, text);
    return VS_OK;
}

vs_rc vs_act_evidence(struct vs_act *act, struct vs_error *err)
{
    const struct vs_row *delivery = act->delivery;
    VS_TRY(vs_issue_make(act->relay, act->job->arena, act->facts, act->issue, act->now,
                         act->issued, err));
    VS_TRY(vs_issue_stage(act->stage, act->facts, act->issue, act->issued, err));
    if (act->set != 0)
        VS_TRY(vs_stage_op(act->stage,
                           vs_op_update(VS_T_DELIVERY, act->row, act->set, delivery->version),
                           err));
    return VS_OK;
}

vs_rc vs_act_end(struct vs_act *act, enum vs_move_kind kind, struct vs_error *err)
{
    VS_TRY(vs_act_evidence(act, err));
    struct vs_move move = {.kind = kind,
                           .document = act->facts->document,
                           .recipient = act->issue->recipient,
                           .sender = act->facts->sender_id};
    return vs_stage_move(act->stage, &move, err);
}

/* -- due work ------------------------------------------------------------------------------ */

static struct vs_bytes subject_of(const struct vs_act *act,
                                  uint8_t bytes[VS_DUE_DELIVERY_BYTES])
{
    vs_due_delivery(vs_value_id(&act->delivery->values[VS_DELIVERY_DOCUMENT]),
                    vs_value_id(&act->delivery->values[VS_DELIVERY_RECIPIENT]), bytes);
    return VS_BYTES(bytes, VS_DUE_DELIVERY_BYTES);
}

vs_rc vs_act_fulfil(struct vs_act *act, const char *kind, struct vs_error *err)
{
    uint8_t bytes[VS_DUE_DELIVERY_BYTES];
    const struct vs_due *work;
    VS_TRY(vs_due_get(act->relay, act->job->arena, kind, subject_of(act, bytes), &work, err));
    return work == NULL ? VS_OK : vs_due_done_stage(act->stage, work, err);
}

vs_rc vs_act_need(struct vs_act *act, const char *kind, vs_time_ms due, struct vs_error *err)
{
    uint8_t bytes[VS_DUE_DELIVERY_BYTES];
    return vs_due_stage(act->stage, kind, due, subject_of(act, bytes), VS_BYTES_NONE, err);
}

vs_rc vs_act_delivery(struct vs_relay *relay, struct vs_arena *arena, const struct vs_due *work,
                      const struct vs_row **ret, struct vs_error *err)
{
    struct vs_id document, recipient;
    VS_TRY(vs_due_delivery_of(work, &document, &recipient, err));
    struct vs_value key[2] = {vs_id_value(&document), vs_id_value(&recipient)};
    return vs_store_get(relay->store, arena, VS_T_DELIVERY, key, ret, err);
}

vs_rc vs_act_drop(struct vs_job *job, const struct vs_due *work, struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    return vs_due_done_stage(stage, work, err);
}

vs_rc vs_act_later(struct vs_job *job, const struct vs_due *work, vs_time_ms due,
                   struct vs_error *err)
{
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    return vs_due_move_stage(stage, work, due, VS_BYTES_NONE, err);
}

vs_rc vs_act_check_text(const char *name, const char *text, size_t most, struct vs_error *err)
{
    if (text == NULL)
        return VS_OK;
    struct vs_bytes bytes = vs_bytes_text(text);
    if (bytes.len == 0 || bytes.len > most || vs_text_has_controls(bytes))
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "%s: 1 to %zu bytes of UTF-8 without control characters", name, most);
    return VS_OK;
}
