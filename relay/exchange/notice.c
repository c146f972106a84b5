#include "relay/exchange/notice.h"
#include "relay/evidence.h"
#include "relay/exchange/access.h"
#include "relay/exchange/acknowledge.h"
#include "relay/exchange/act.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/delivery.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"

static vs_rc given(struct vs_relay *relay, struct vs_job *job, const struct vs_row *delivery,
                   struct vs_noticed *ret, struct vs_error *err)
{
    const struct vs_evidence *evidence;
    VS_TRY(vs_evidence_of(relay, job->arena, delivery, VS_EVENT_NON_SENDING_NOTICE, &evidence,
                          err));
    VS_TRY(vs_evidence_xml(relay, job->arena, evidence, &ret->evidence_xml, err));
    ret->evidence = evidence->id;
    ret->time = evidence->event_time;
    ret->repeated = true;
    return VS_OK;
}

/* The notice on one delivery; its recipient is told if it has heard of the document. */
static vs_rc stage_delivery(struct vs_relay *relay, struct vs_job *job,
                            const struct vs_row *delivery, const char *reason, vs_time_ms now,
                            struct vs_error *err)
{
    struct vs_stage *stage = job->stage;
    struct vs_value *row = vs_stage_row(stage, VS_T_DELIVERY);
    const struct vs_value *old = delivery->values;
    const struct vs_due *work;
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_DELIVERY_DOCUMENT] = old[VS_DELIVERY_DOCUMENT];
    row[VS_DELIVERY_RECIPIENT] = old[VS_DELIVERY_RECIPIENT];
    row[VS_DELIVERY_NOTICE_AT] = vs_int(now);
    row[VS_DELIVERY_NOTICE] = vs_text(reason);
    VS_TRY(vs_stage_op(stage,
                       vs_op_update(VS_T_DELIVERY, row,
                                    VS_SET(VS_DELIVERY_NOTICE_AT) | VS_SET(VS_DELIVERY_NOTICE),
                                    delivery->version),
                       err));
    struct vs_move move = {.kind = VS_MOVE_TELL,
                           .document = vs_value_id(&old[VS_DELIVERY_DOCUMENT]),
                           .recipient = vs_value_id(&old[VS_DELIVERY_RECIPIENT]),
                           .sender = vs_value_id(&old[VS_DELIVERY_SENDER])};
    if (vs_delivery_seen(delivery))
        move.kind = VS_MOVE_BOTH;
    VS_TRY(vs_stage_move(stage, &move, err));
    vs_due_delivery(move.document, move.recipient, subject);
    VS_TRY(vs_due_get(relay, job->arena, VS_DUE_DEADLINE, VS_BYTES(subject, sizeof subject),
                      &work, err));
    return work == NULL ? VS_OK : vs_due_done_stage(stage, work, err);
}

static vs_rc stage_notice(struct vs_relay *relay, struct vs_job *job,
                          const struct vs_caller *caller, const struct vs_facts *facts,
                          const char *reason, vs_time_ms now, struct vs_noticed *ret,
                          struct vs_error *err)
{
    struct vs_evidence_file *issued = vs_arena_make(job->arena, struct vs_evidence_file);
    struct vs_issue issue = {
        .event = VS_EVENT_NON_SENDING_NOTICE, .event_time = now, .actor = caller};
    struct vs_stage *stage;
    if (issued == NULL)
        return vs_fail_memory(err);
    vs_issue_extend(&issue, VS_ERDS_EXT_COUNTS_AS, "not-sent");
    vs_issue_extend(&issue, VS_ERDS_EXT_STATEMENT, reason);
    VS_TRY(vs_issue_make(relay, job->arena, facts, &issue, now, issued, err));
    VS_TRY(vs_stage_new(job, &stage, err));
    VS_TRY(vs_issue_stage(stage, facts, &issue, issued, err));
    for (size_t i = 0; i < facts->n_recipients; i++)
        VS_TRY(stage_delivery(relay, job, &facts->deliveries[i], reason, now, err));
    ret->evidence = issued->id;
    ret->evidence_xml = issued->xml;
    return VS_OK;
}

vs_rc vs_notice_stage(struct vs_relay *relay, struct vs_job *job,
                      const struct vs_caller *caller, struct vs_id document, const char *reason,
                      vs_time_ms now, struct vs_noticed *ret, struct vs_error *err)
{
    struct vs_access access;
    struct vs_facts *facts = vs_arena_make(job->arena, struct vs_facts);
    bool found;
    if (facts == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_act_check_text("reason", reason, VS_REASON_MAX, err));
    VS_TRY(vs_access_find(relay, job->arena, caller, document, &access, err));
    if (access.party != VS_PARTY_SENDER || access.document == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such document");
    VS_TRY(vs_facts_load(relay, job->arena, document, facts, &found, err));
    if (!found || facts->n_recipients == 0)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a document has no delivery");
    *ret = (struct vs_noticed){.time = now};
    if (facts->deliveries[0].values[VS_DELIVERY_NOTICE_AT].type != VS_NULL)
        return given(relay, job, &facts->deliveries[0], ret, err);
    return stage_notice(relay, job, caller, facts, reason, now, ret, err);
}
