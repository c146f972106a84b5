#include "relay/exchange/acknowledge.h"
#include "formats/crypto/digest.h"
#include "formats/validation/indication.h"
#include "relay/evidence.h"
#include "relay/exchange/access.h"
#include "relay/exchange/act.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/reply.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"
#include <stdio.h>

/* What stands in the evidence as the statement of 27.4. */
#define STATEMENT "the document meets the agreed technical requirements"

static vs_rc check(const struct vs_acknowledgement *acknowledgement, struct vs_error *err)
{
    if (acknowledgement->reason == NULL && !acknowledgement->conforms)
        return vs_fail(err, VS_E_PARAMETER, "Art. 27.4", "reason: a refusal states one");
    return vs_act_check_text("reason", acknowledgement->reason, VS_REASON_MAX, err);
}

static bool passed(const struct vs_row *document)
{
    return vs_bytes_is(document->values[VS_DOCUMENT_INDICATION].bytes,
                       vs_indication_text(VS_PASSED));
}

static vs_rc check_state(const struct vs_row *delivery, struct vs_error *err)
{
    if (vs_transition_find(vs_delivery_state_of(delivery), VS_DELIVERY_ACKNOWLEDGED) == NULL)
        return vs_fail(err, VS_E_STATE, "Art. 27.4", "its state does not allow an answer");
    return VS_OK;
}

/* An automatic acknowledgement only after the authenticity verdict passed (Art. 27.4): a person
 * may look at the document, a system relies on the verdict. */
static vs_rc check_automatic(const struct vs_caller *caller, const struct vs_row *document,
                             bool conforms, struct vs_error *err)
{
    VS_REFUSE_IF(caller->automatic && conforms && !passed(document), err, VS_E_STATE,
                 "Art. 27.4",
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

static void count_answer(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_relay_count(relay, acknowledged, 1);
    vs_relay_count(relay, evidence, 1);
}

static vs_rc keep_reply(struct vs_act *act, struct vs_bytes reply, struct vs_error *err)
{
    struct vs_arena *arena = act->job->arena;
    uint8_t *digest = vs_arena_alloc(arena, 32);
    const uint8_t *location;
    if (digest == NULL)
        return vs_fail_memory(err);
    vs_sha256(reply, digest);
    char *hex = vs_hex_new(arena, VS_BYTES(digest, 32));
    if (hex == NULL)
        return vs_fail_memory(err);
    vs_issue_extend(act->issue, VS_ERDS_EXT_REPLY, hex);
    VS_TRY(vs_stage_bytes(act->stage, act->facts->retention, reply, &location, err));
    vs_act_set(act, VS_DELIVERY_REPLY, vs_blob(VS_BYTES(location, VS_LOCATION_BYTES)));
    vs_act_set(act, VS_DELIVERY_REPLY_DIGEST, vs_blob(VS_BYTES(digest, 32)));
    return VS_OK;
}

/* The answer's evidence, row and way to the sender. */
static vs_rc stage_answer(struct vs_act *act, const struct vs_acknowledgement *answer,
                          struct vs_error *err)
{
    const struct vs_value *old = act->delivery->values;
    bool conforms = answer->conforms;
    VS_TRY(vs_act_to(act, conforms ? VS_DELIVERY_ACKNOWLEDGED : VS_DELIVERY_REFUSED, err));
    vs_issue_extend(act->issue, VS_ERDS_EXT_STATEMENT, conforms ? STATEMENT : answer->reason);
    VS_TRY(vs_act_extend_time(act, VS_ERDS_EXT_RECEIPT_TIME,
                              old[VS_DELIVERY_RECEIVED_AT].integer, err));
    /* Not received yet either way: 27.4 asks that the answer reaches the sender. */
    vs_issue_extend(act->issue, VS_ERDS_EXT_COUNTS_AS, "not-received");
    vs_act_set(act, VS_DELIVERY_ACKNOWLEDGED_AT, vs_int(act->now));
    vs_act_set(act, VS_DELIVERY_ANSWER, vs_id_value(&act->issued->id));
    vs_act_set(act, VS_DELIVERY_REASON, vs_text(answer->reason));
    if (answer->reply.len > 0)
        VS_TRY(keep_reply(act, answer->reply, err));
    VS_TRY(vs_act_fulfil(act, VS_DUE_DEADLINE, err));
    vs_stage_after(act->stage, count_answer, NULL);
    return vs_act_end(act, conforms ? VS_MOVE_REACH : VS_MOVE_TELL, err);
}

static vs_rc answer_now(struct vs_relay *relay, struct vs_job *job,
                        const struct vs_caller *caller, const struct vs_row *delivery,
                        const struct vs_acknowledgement *answer, vs_time_ms now,
                        struct vs_acknowledged *ret, struct vs_error *err)
{
    struct vs_act act;
    enum vs_delivery_state to =
        answer->conforms ? VS_DELIVERY_ACKNOWLEDGED : VS_DELIVERY_REFUSED;
    const struct vs_transition *move = vs_transition_find(vs_delivery_state_of(delivery), to);
    if (move == NULL)
        return vs_fail(err, VS_E_STATE, "Art. 27.4", "its state does not allow an answer");
    VS_TRY(vs_act_begin(&act, relay, job, delivery, move->event, caller, now, err));
    VS_TRY(stage_answer(&act, answer, err));
    ret->evidence = act.issued->id;
    ret->evidence_xml = act.issued->xml;
    ret->state = to;
    return VS_OK;
}

vs_rc vs_acknowledge_stage(struct vs_relay *relay, struct vs_job *job,
                           const struct vs_caller *caller, struct vs_id document,
                           const struct vs_acknowledgement *acknowledgement, vs_time_ms now,
                           struct vs_acknowledged *ret, struct vs_error *err)
{
    struct vs_access access;
    struct vs_acknowledgement answer = *acknowledgement;
    if (answer.reply.len == 0)
        VS_TRY(check(&answer, err));
    VS_TRY(vs_access_find(relay, job->arena, caller, document, &access, err));
    if (access.party != VS_PARTY_RECIPIENT)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "the caller is not a recipient of it");
    bool before = access.delivery->values[VS_DELIVERY_ANSWER].type != VS_NULL;
    if (!before)
        VS_TRY(check_state(access.delivery, err));
    if (answer.reply.len > 0)
        VS_TRY(vs_reply_judge(relay, job->arena, access.delivery, acknowledgement->reply, now,
                              &answer, err));
    *ret = (struct vs_acknowledged){.time = now};
    if (before)
        return answered(relay, job, access.delivery, answer.conforms, ret, err);
    VS_TRY(check_automatic(caller, access.document, answer.conforms, err));
    return answer_now(relay, job, caller, access.delivery, &answer, now, ret, err);
}

/* -- by the service, for the recipient ---------------------------------------------------- */

static vs_rc automatic_caller(struct vs_relay *relay, struct vs_arena *arena,
                              const struct vs_row *delivery, struct vs_caller **ret,
                              struct vs_error *err)
{
    const struct vs_participant *recipient;
    struct vs_caller *caller = vs_arena_make(arena, struct vs_caller);
    if (caller == NULL)
        return vs_fail_memory(err);
    caller->participant = vs_value_id(&delivery->values[VS_DELIVERY_RECIPIENT]);
    caller->automatic = true;
    VS_TRY(vs_participant_get(relay, arena, caller->participant, &recipient, err));
    if (recipient == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a party of a delivery is not there");
    snprintf(caller->name, sizeof caller->name, "%.180s, automatically for %.180s",
             relay->settings.service_name, recipient->name);
    *ret = caller;
    return VS_OK;
}

vs_rc vs_acknowledge_automatic_stage(struct vs_relay *relay, struct vs_job *job,
                                     const struct vs_row *delivery, vs_time_ms now,
                                     struct vs_error *err)
{
    static const struct vs_acknowledgement conforms = {.conforms = true};
    const struct vs_value *v = delivery->values;
    const struct vs_row *document;
    struct vs_caller *caller;
    struct vs_acknowledged ignored;
    if ((vs_delivery_mode_of(delivery) & VS_MODE_AUTOMATIC) == 0 ||
        v[VS_DELIVERY_ACKNOWLEDGEMENT].integer == 0 || v[VS_DELIVERY_ANSWER].type != VS_NULL ||
        v[VS_DELIVERY_NOTICE_AT].type != VS_NULL ||
        vs_transition_find(vs_delivery_state_of(delivery), VS_DELIVERY_ACKNOWLEDGED) == NULL)
        return VS_OK;
    VS_TRY(vs_store_get(relay->store, job->arena, VS_T_DOCUMENT, &v[VS_DELIVERY_DOCUMENT],
                        &document, err));
    if (document == NULL || !passed(document))
        return VS_OK;
    VS_TRY(automatic_caller(relay, job->arena, delivery, &caller, err));
    return answer_now(relay, job, caller, delivery, &conforms, now, &ignored, err);
}
