#include "relay/exchange/deadline.h"
#include "relay/exchange/access.h"
#include "relay/exchange/act.h"
#include "relay/exchange/agreements.h"
#include "relay/exchange/delivery.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"

#define SOON_MS        1000 /* what is on its way into the mailbox is looked at again then */
#define RECIPIENTS_MAX 1000

vs_time_ms vs_deadline_of(const struct vs_row *delivery)
{
    vs_time_ms further = vs_value_time(&delivery->values[VS_DELIVERY_FURTHER]);
    return further != VS_TIME_NONE ? further
                                   : vs_value_time(&delivery->values[VS_DELIVERY_DEADLINE]);
}

bool vs_deadline_matters(const struct vs_row *delivery)
{
    const struct vs_value *v = delivery->values;
    enum vs_delivery_state state = vs_delivery_state_of(delivery);
    return v[VS_DELIVERY_ACKNOWLEDGEMENT].integer != 0 &&
           v[VS_DELIVERY_ANSWER].type == VS_NULL && v[VS_DELIVERY_NOTICE_AT].type == VS_NULL &&
           !vs_delivery_state_terminal(state, true) && state != VS_DELIVERY_HELD;
}

vs_rc vs_deadline_stage(struct vs_stage *stage, struct vs_id document, struct vs_id recipient,
                        vs_time_ms deadline, struct vs_error *err)
{
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    vs_due_delivery(document, recipient, subject);
    return vs_due_stage(stage, VS_DUE_DEADLINE, deadline + 1, VS_BYTES(subject, sizeof subject),
                        VS_BYTES_NONE, err);
}

/* -- reminding ----------------------------------------------------------------------------- */

static int64_t further_term(const struct vs_row *delivery)
{
    const struct vs_value *term = &delivery->values[VS_DELIVERY_FURTHER_TERM];
    return term->type == VS_INT ? term->integer : vs_terms_law().further_term_ms;
}

/* In the sender's name: `actor` is a principal of the sender's, or NULL where the agreement
 * lets the service do it. */
static vs_rc remind(struct vs_act *act, vs_time_ms further, struct vs_error *err)
{
    vs_time_ms passed = vs_deadline_of(act->delivery);
    vs_act_set(act, VS_DELIVERY_REMINDED_AT, vs_int(act->now));
    vs_act_set(act, VS_DELIVERY_FURTHER, vs_int(further));
    if (passed != VS_TIME_NONE)
        VS_TRY(vs_act_extend_time(act, VS_ERDS_EXT_TERM, passed, err));
    VS_TRY(vs_act_extend_time(act, VS_ERDS_EXT_FURTHER, further, err));
    vs_issue_extend(act->issue, VS_ERDS_EXT_COUNTS_AS, "not-received");
    return vs_act_end(act, VS_MOVE_BOTH, err);
}

static vs_rc overdue(struct vs_act *act, struct vs_error *err)
{
    const struct vs_value *v = act->delivery->values;
    /* The recipient is told of a further term's end: it knows of that term. */
    bool both = v[VS_DELIVERY_FURTHER].type != VS_NULL && vs_delivery_seen(act->delivery);
    vs_act_set(act, VS_DELIVERY_OVERDUE_AT, vs_int(act->now));
    VS_TRY(vs_act_extend_time(act, VS_ERDS_EXT_TERM, vs_deadline_of(act->delivery), err));
    vs_issue_extend(act->issue, VS_ERDS_EXT_COUNTS_AS, "not-received");
    return vs_act_end(act, both ? VS_MOVE_BOTH : VS_MOVE_TELL, err);
}

static vs_rc passed(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                    const struct vs_row *delivery, vs_time_ms now, struct vs_error *err)
{
    struct vs_act act;
    bool first = delivery->values[VS_DELIVERY_FURTHER].type == VS_NULL;
    if (first && (vs_delivery_mode_of(delivery) & VS_MODE_REMIND) != 0 &&
        vs_delivery_state_open(vs_delivery_state_of(delivery))) {
        vs_time_ms further = now + further_term(delivery);
        VS_TRY(vs_act_begin(&act, relay, job, delivery, VS_EVENT_ACKNOWLEDGEMENT_REMINDER, NULL,
                            now, err));
        VS_TRY(vs_due_move_stage(act.stage, work, further + 1, VS_BYTES_NONE, err));
        return remind(&act, further, err);
    }
    VS_TRY(vs_act_begin(&act, relay, job, delivery, VS_EVENT_ACKNOWLEDGEMENT_OVERDUE, NULL, now,
                        err));
    VS_TRY(vs_due_done_stage(act.stage, work, err));
    return overdue(&act, err);
}

vs_rc vs_deadline_due(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                      vs_time_ms now, struct vs_error *err)
{
    const struct vs_row *delivery;
    VS_TRY(vs_act_delivery(relay, job->arena, work, &delivery, err));
    vs_time_ms term = delivery == NULL ? VS_TIME_NONE : vs_deadline_of(delivery);
    if (term == VS_TIME_NONE || !vs_deadline_matters(delivery))
        return vs_act_drop(job, work, err);
    if (now <= term)
        return vs_act_later(job, work, term + 1, err);
    if (vs_delivery_state_of(delivery) == VS_DELIVERY_PENDING)
        return vs_act_later(job, work, now + SOON_MS, err);
    return passed(relay, job, work, delivery, now, err);
}

/* -- by the sender itself ------------------------------------------------------------------ */

static vs_rc find_delivery(struct vs_relay *relay, struct vs_arena *arena,
                           struct vs_id document, struct vs_id recipient,
                           const struct vs_row **ret, struct vs_error *err)
{
    struct vs_value key[2] = {vs_id_value(&document), vs_id_value(&recipient)};
    bool named = !vs_id_is_none(recipient);
    struct vs_query query = {.table = VS_T_DELIVERY,
                             .equal = key,
                             .n_equal = named ? 2 : 1,
                             .limit = RECIPIENTS_MAX};
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, ret, &n, err));
    if (n == 0)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "it has no such recipient");
    if (n > 1)
        return vs_fail(err, VS_E_PARAMETER, NULL, "recipient: it has %zu, say which", n);
    return VS_OK;
}

static vs_rc check_reminder(const struct vs_row *delivery, vs_time_ms until, vs_time_ms now,
                            struct vs_error *err)
{
    vs_time_ms term = vs_deadline_of(delivery);
    if (until != VS_TIME_NONE && (until <= now || until > now + 3660 * VS_DAY_MS))
        return vs_fail(err, VS_E_PARAMETER, "Art. 27.5",
                       "until: later than now, at most ten years");
    if (!vs_deadline_matters(delivery))
        return vs_fail(err, VS_E_STATE, "Art. 27.5", "no acknowledgement is awaited");
    if (!vs_delivery_state_open(vs_delivery_state_of(delivery)))
        return vs_fail(err, VS_E_STATE, "Art. 27.5", "the recipient was not handed it yet");
    VS_REFUSE_IF(term != VS_TIME_NONE && now <= term, err, VS_E_STATE, "Art. 27.5",
                 "the term for the acknowledgement still runs");
    return VS_OK;
}

vs_rc vs_remind_stage(struct vs_relay *relay, struct vs_job *job,
                      const struct vs_caller *caller, struct vs_id document,
                      struct vs_id recipient, vs_time_ms until, vs_time_ms now,
                      struct vs_reminded *ret, struct vs_error *err)
{
    struct vs_access access;
    const struct vs_row *delivery;
    VS_TRY(vs_access_find(relay, job->arena, caller, document, &access, err));
    if (access.party != VS_PARTY_SENDER || access.document == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such document");
    VS_TRY(find_delivery(relay, job->arena, document, recipient, &delivery, err));
    VS_TRY(check_reminder(delivery, until, now, err));
    vs_time_ms further = until != VS_TIME_NONE ? until : now + further_term(delivery);
    struct vs_act act;
    VS_TRY(vs_act_begin(&act, relay, job, delivery, VS_EVENT_ACKNOWLEDGEMENT_REMINDER, caller,
                        now, err));
    VS_TRY(vs_act_need(&act, VS_DUE_DEADLINE, further + 1, err));
    VS_TRY(remind(&act, further, err));
    *ret = (struct vs_reminded){.evidence = act.issued->id,
                                .evidence_xml = act.issued->xml,
                                .time = now,
                                .further = further};
    return VS_OK;
}
