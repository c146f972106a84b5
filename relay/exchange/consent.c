#include "relay/exchange/consent.h"
#include "relay/evidence.h"
#include "relay/exchange/access.h"
#include "relay/exchange/acknowledge.h"
#include "relay/exchange/act.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/dispatch.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"

/* The same answer again gets the first one's evidence; the opposite one is too late. */
static vs_rc answered(struct vs_relay *relay, struct vs_job *job, const struct vs_row *delivery,
                      bool accepts, struct vs_consented *ret, struct vs_error *err)
{
    enum vs_delivery_state state = vs_delivery_state_of(delivery);
    if (state == VS_DELIVERY_EXPIRED)
        return vs_fail(err, VS_E_STATE, "Art. 26", "the term for an answer has passed");
    if ((state == VS_DELIVERY_REJECTED) == accepts)
        return vs_fail(err, VS_E_STATE, "Art. 26", "it was %s already",
                       accepts ? "rejected" : "accepted");
    const struct vs_evidence *evidence;
    VS_TRY(vs_evidence_of(relay, job->arena, delivery,
                          accepts ? VS_EVENT_CONSIGNMENT_ACCEPTANCE
                                  : VS_EVENT_CONSIGNMENT_REJECTION,
                          &evidence, err));
    VS_TRY(vs_evidence_xml(relay, job->arena, evidence, &ret->evidence_xml, err));
    ret->evidence = evidence->id;
    ret->time = evidence->event_time;
    ret->repeated = true;
    return VS_OK;
}

static vs_rc check(const struct vs_row *delivery, vs_time_ms now, struct vs_error *err)
{
    vs_time_ms until = vs_value_time(&delivery->values[VS_DELIVERY_CONSENT_UNTIL]);
    if (vs_delivery_state_of(delivery) != VS_DELIVERY_ASKED)
        return vs_fail(err, VS_E_STATE, "Art. 26", "its recipient is not asked");
    /* Though the expiry is not recorded yet: the term decides, not who comes first. */
    VS_REFUSE_IF(until != VS_TIME_NONE && now > until, err, VS_E_STATE, "Art. 26",
                 "the term for an answer has passed");
    return VS_OK;
}

static vs_rc accept(struct vs_act *act, struct vs_error *err)
{
    VS_TRY(vs_act_evidence(act, err));
    return vs_dispatch_on_stage(act->stage, act->delivery->values, err);
}

static vs_rc reject(struct vs_act *act, const char *reason, struct vs_error *err)
{
    VS_TRY(vs_act_to(act, VS_DELIVERY_REJECTED, err));
    vs_issue_extend(act->issue, VS_ERDS_EXT_STATEMENT, reason);
    vs_act_set(act, VS_DELIVERY_REASON, vs_text(reason));
    VS_TRY(vs_act_fulfil(act, VS_DUE_DEADLINE, err));
    return vs_act_end(act, VS_MOVE_TELL, err);
}

static vs_rc stage_consent(struct vs_relay *relay, struct vs_job *job,
                           const struct vs_caller *caller, const struct vs_row *delivery,
                           const struct vs_consent *consent, vs_time_ms now,
                           struct vs_consented *ret, struct vs_error *err)
{
    struct vs_act act;
    VS_TRY(vs_act_begin(&act, relay, job, delivery,
                        consent->accepts ? VS_EVENT_CONSIGNMENT_ACCEPTANCE
                                         : VS_EVENT_CONSIGNMENT_REJECTION,
                        caller, now, err));
    vs_act_set(&act, VS_DELIVERY_CONSENT_AT, vs_int(now));
    VS_TRY(vs_act_fulfil(&act, VS_DUE_CONSENT, err));
    VS_TRY(consent->accepts ? accept(&act, err) : reject(&act, consent->reason, err));
    ret->evidence = act.issued->id;
    ret->evidence_xml = act.issued->xml;
    return VS_OK;
}

vs_rc vs_consent_stage(struct vs_relay *relay, struct vs_job *job,
                       const struct vs_caller *caller, struct vs_id document,
                       const struct vs_consent *consent, vs_time_ms now,
                       struct vs_consented *ret, struct vs_error *err)
{
    struct vs_access access;
    VS_TRY(vs_act_check_text("reason", consent->reason, VS_REASON_MAX, err));
    VS_TRY(vs_access_find(relay, job->arena, caller, document, &access, err));
    if (access.party != VS_PARTY_RECIPIENT)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "the caller is not a recipient of it");
    *ret = (struct vs_consented){.time = now};
    if (access.delivery->values[VS_DELIVERY_CONSENT_AT].type != VS_NULL)
        return answered(relay, job, access.delivery, consent->accepts, ret, err);
    VS_TRY(check(access.delivery, now, err));
    return stage_consent(relay, job, caller, access.delivery, consent, now, ret, err);
}

/* -- the term ------------------------------------------------------------------------------ */

vs_time_ms vs_consent_term_end(const struct vs_row *delivery)
{
    return delivery->values[VS_DELIVERY_ASKED_AT].integer +
           delivery->values[VS_DELIVERY_CONSENT_TERM].integer;
}

vs_rc vs_consent_asked_stage(struct vs_stage *stage, const struct vs_row *delivery,
                             struct vs_error *err)
{
    const struct vs_value *old = delivery->values;
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    if (vs_delivery_state_of(delivery) != VS_DELIVERY_ASKED ||
        old[VS_DELIVERY_CONSENT_AT].type != VS_NULL ||
        old[VS_DELIVERY_CONSENT_UNTIL].type != VS_NULL)
        return VS_OK;
    vs_time_ms until = vs_consent_term_end(delivery);
    struct vs_value *row = vs_stage_row(stage, VS_T_DELIVERY);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_DELIVERY_DOCUMENT] = old[VS_DELIVERY_DOCUMENT];
    row[VS_DELIVERY_RECIPIENT] = old[VS_DELIVERY_RECIPIENT];
    row[VS_DELIVERY_CONSENT_UNTIL] = vs_int(until);
    VS_TRY(vs_stage_op(
        stage,
        vs_op_update(VS_T_DELIVERY, row, VS_SET(VS_DELIVERY_CONSENT_UNTIL), delivery->version),
        err));
    vs_due_delivery(vs_value_id(&old[VS_DELIVERY_DOCUMENT]),
                    vs_value_id(&old[VS_DELIVERY_RECIPIENT]), subject);
    return vs_due_stage(stage, VS_DUE_CONSENT, until + 1, VS_BYTES(subject, sizeof subject),
                        VS_BYTES_NONE, err);
}

vs_rc vs_consent_due(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                     vs_time_ms now, struct vs_error *err)
{
    const struct vs_row *delivery;
    VS_TRY(vs_act_delivery(relay, job->arena, work, &delivery, err));
    if (delivery == NULL || vs_delivery_state_of(delivery) != VS_DELIVERY_ASKED ||
        delivery->values[VS_DELIVERY_CONSENT_AT].type != VS_NULL)
        return vs_act_drop(job, work, err);
    vs_time_ms until = vs_value_time(&delivery->values[VS_DELIVERY_CONSENT_UNTIL]);
    if (now <= until)
        return vs_act_later(job, work, until + 1, err);
    struct vs_act act;
    VS_TRY(vs_act_begin(&act, relay, job, delivery, VS_EVENT_ACCEPTANCE_REJECTION_EXPIRY, NULL,
                        now, err));
    VS_TRY(vs_act_to(&act, VS_DELIVERY_EXPIRED, err));
    vs_act_set(&act, VS_DELIVERY_CONSENT_AT, vs_int(now));
    VS_TRY(vs_act_extend_time(&act, VS_ERDS_EXT_TERM, until, err));
    VS_TRY(vs_due_done_stage(act.stage, work, err));
    VS_TRY(vs_act_fulfil(&act, VS_DUE_DEADLINE, err));
    return vs_act_end(&act, VS_MOVE_BOTH, err);
}
