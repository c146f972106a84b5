#include "relay/exchange/acknowledge.h"
#include "formats/validation/indication.h"
#include "relay/evidence.h"
#include "relay/exchange/access.h"
#include "relay/exchange/issue.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"

/* What stands in the evidence as the statement of 27.4. */
#define STATEMENT "the document meets the agreed technical requirements"

static vs_rc check(const struct vs_acknowledgement *acknowledgement, struct vs_error *err)
{
    const char *reason = acknowledgement->reason;
    if (reason == NULL && !acknowledgement->conforms)
        return vs_fail(err, VS_E_PARAMETER, "Art. 27.4", "reason: a refusal states one");
    if (reason == NULL)
        return VS_OK;
    struct vs_bytes text = vs_bytes_text(reason);
    if (text.len == 0 || text.len > VS_REASON_MAX || vs_text_has_controls(text))
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "reason: 1 to %d bytes of UTF-8 without control characters",
                       VS_REASON_MAX);
    return VS_OK;
}

/* An automatic acknowledgement only after the authenticity verdict passed (Art. 27.4): a person
 * may look at the document, a system relies on the verdict. */
static vs_rc check_automatic(const struct vs_caller *caller, const struct vs_row *document,
                             bool conforms, struct vs_error *err)
{
    bool passed = vs_bytes_is(document->values[VS_DOCUMENT_INDICATION].bytes,
                              vs_indication_text(VS_PASSED));
    VS_REFUSE_IF(caller->automatic && conforms && !passed, err, VS_E_STATE, "Art. 27.4",
                 "its authenticity was not confirmed: a person must acknowledge it");
    return VS_OK;
}

/* The same answer again gets the first one's evidence; the opposite one is too late. */
static vs_rc answered(struct vs_relay *relay, struct vs_job *job, const struct vs_row *delivery,
                      bool conforms, struct vs_acknowledged *ret, struct vs_error *err)
{
    const struct vs_value *v = delivery->values;
    enum vs_delivery_state state = (enum vs_delivery_state)v[VS_DELIVERY_STATE].integer;
    if ((state == VS_DELIVERY_REFUSED) == conforms)
        return vs_fail(err, VS_E_STATE, "Art. 27.4", "it was %s already",
                       conforms ? "refused" : "acknowledged");
    const struct vs_evidence *evidence;
    VS_TRY(vs_evidence_load(relay, job->arena, vs_value_id(&v[VS_DELIVERY_ANSWER]), &evidence,
                            err));
    VS_TRY(vs_evidence_xml(relay, job->arena, evidence, &ret->evidence_xml, err));
    ret->evidence = evidence->id;
    ret->time = evidence->event_time;
    ret->state = state;
    ret->repeated = true;
    return VS_OK;
}

static vs_rc stage_row(struct vs_stage *stage, const struct vs_row *delivery,
                       const struct vs_acknowledgement *acknowledgement,
                       const struct vs_evidence_file *issued, vs_time_ms now,
                       struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_DELIVERY);
    if (row == NULL)
        return vs_fail_memory(err);
    const struct vs_value *old = delivery->values;
    row[VS_DELIVERY_DOCUMENT] = old[VS_DELIVERY_DOCUMENT];
    row[VS_DELIVERY_RECIPIENT] = old[VS_DELIVERY_RECIPIENT];
    row[VS_DELIVERY_STATE] =
        vs_int(acknowledgement->conforms ? VS_DELIVERY_ACKNOWLEDGED : VS_DELIVERY_REFUSED);
    row[VS_DELIVERY_ACKNOWLEDGED_AT] = vs_int(now);
    row[VS_DELIVERY_ANSWER] = vs_id_value(&issued->id);
    row[VS_DELIVERY_REASON] = vs_text(acknowledgement->reason);
    uint64_t set = VS_SET(VS_DELIVERY_STATE) | VS_SET(VS_DELIVERY_ACKNOWLEDGED_AT) |
                   VS_SET(VS_DELIVERY_ANSWER) | VS_SET(VS_DELIVERY_REASON);
    return vs_stage_op(stage, vs_op_update(VS_T_DELIVERY, row, set, delivery->version), err);
}

static void count_answer(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_relay_count(relay, acknowledged, 1);
    vs_relay_count(relay, evidence, 1);
}

static vs_rc stage_answer(struct vs_relay *relay, struct vs_job *job,
                          const struct vs_caller *caller, const struct vs_row *delivery,
                          const struct vs_acknowledgement *acknowledgement,
                          const struct vs_transition *move, vs_time_ms now,
                          struct vs_evidence_file *issued, struct vs_error *err)
{
    struct vs_facts *facts = vs_arena_make(job->arena, struct vs_facts);
    bool found, conforms = acknowledgement->conforms;
    if (facts == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_facts_load(relay, job->arena,
                         vs_value_id(&delivery->values[VS_DELIVERY_DOCUMENT]), facts, &found,
                         err));
    if (!found)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a delivery's document is not there");
    char received[VS_TIME_TEXT];
    vs_time_text(delivery->values[VS_DELIVERY_RECEIVED_AT].integer, received);
    struct vs_issue issue = {.event = move->event,
                             .event_time = now,
                             .recipient = caller->participant,
                             .actor = caller};
    vs_issue_extend(&issue, VS_ERDS_EXT_STATEMENT,
                    conforms ? STATEMENT : acknowledgement->reason);
    vs_issue_extend(&issue, VS_ERDS_EXT_RECEIPT_TIME, received);
    /* Not received yet either way: 27.4 asks that the answer reaches the sender. */
    vs_issue_extend(&issue, VS_ERDS_EXT_COUNTS_AS, "not-received");
    VS_TRY(vs_issue_make(relay, job->arena, facts, &issue, now, issued, err));
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    VS_TRY(vs_issue_stage(stage, facts, &issue, issued, err));
    VS_TRY(stage_row(stage, delivery, acknowledgement, issued, now, err));
    vs_stage_after(stage, count_answer, NULL);
    struct vs_move to_sender = {.kind = conforms ? VS_MOVE_REACH : VS_MOVE_TELL,
                                .document = facts->document,
                                .recipient = caller->participant,
                                .sender = facts->sender_id};
    return vs_stage_move(stage, &to_sender, err);
}

vs_rc vs_acknowledge_stage(struct vs_relay *relay, struct vs_job *job,
                           const struct vs_caller *caller, struct vs_id document,
                           const struct vs_acknowledgement *acknowledgement, vs_time_ms now,
                           struct vs_acknowledged *ret, struct vs_error *err)
{
    struct vs_access access;
    VS_TRY(check(acknowledgement, err));
    VS_TRY(vs_access_find(relay, job->arena, caller, document, &access, err));
    if (access.party != VS_PARTY_RECIPIENT)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "the caller is not a recipient of it");
    *ret = (struct vs_acknowledged){.time = now};
    const struct vs_value *v = access.delivery->values;
    if (v[VS_DELIVERY_ANSWER].type != VS_NULL)
        return answered(relay, job, access.delivery, acknowledgement->conforms, ret, err);
    VS_TRY(check_automatic(caller, access.document, acknowledgement->conforms, err));
    enum vs_delivery_state to =
        acknowledgement->conforms ? VS_DELIVERY_ACKNOWLEDGED : VS_DELIVERY_REFUSED;
    const struct vs_transition *move =
        vs_transition_find((enum vs_delivery_state)v[VS_DELIVERY_STATE].integer, to);
    if (move == NULL)
        return vs_fail(err, VS_E_STATE, NULL, "its state does not allow an answer");
    struct vs_evidence_file *issued = vs_arena_make(job->arena, struct vs_evidence_file);
    if (issued == NULL)
        return vs_fail_memory(err);
    VS_TRY(stage_answer(relay, job, caller, access.delivery, acknowledgement, move, now, issued,
                        err));
    ret->evidence = issued->id;
    ret->evidence_xml = issued->xml;
    ret->state = to;
    return VS_OK;
}
