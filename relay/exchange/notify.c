#include "relay/exchange/notify.h"
#include "formats/base/json_text.h"
#include "formats/crypto/digest.h"
#include "relay/exchange/act.h"
#include "relay/exchange/push.h"
#include "relay/exchange/transitions.h"
#include "relay/exchange/webhook.h"
#include "relay/relay_priv.h"

#define BODY_MAX      ((size_t)64 * 1024)
#define REASON_GONE   "urn:vasite:reason:endpoint-refused"
#define REASON_EXPIRY "urn:vasite:reason:endpoint-not-reached"

vs_rc vs_notify_stage(struct vs_relay *relay, struct vs_stage *stage, struct vs_arena *arena,
                      const struct vs_row *delivery, vs_time_ms now, struct vs_error *err)
{
    const struct vs_value *v = delivery->values;
    const struct vs_participant *recipient;
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    struct vs_id id = vs_value_id(&v[VS_DELIVERY_RECIPIENT]);
    VS_TRY(vs_participant_get(relay, arena, id, &recipient, err));
    if (recipient == NULL || recipient->endpoint == NULL)
        return VS_OK;
    vs_due_delivery(vs_value_id(&v[VS_DELIVERY_DOCUMENT]), id, subject);
    return vs_due_stage(stage, VS_DUE_NOTIFY, now, VS_BYTES(subject, sizeof subject),
                        VS_BYTES_NONE, err);
}

/* -- preparing ----------------------------------------------------------------------------- */

static vs_rc body_of(struct vs_arena *arena, const struct vs_row *delivery,
                     const struct vs_participant *sender,
                     const struct vs_participant *recipient, struct vs_bytes *ret,
                     struct vs_error *err)
{
    VS_BUFFER body;
    vs_buffer_init(&body, BODY_MAX);
    vs_buffer_text(&body, "{\"document\":\"");
    vs_buffer_hex(&body, delivery->values[VS_DELIVERY_DOCUMENT].bytes);
    vs_buffer_text(&body, "\",\"sender\":");
    vs_json_text(&body, sender->identifiers[0]);
    vs_buffer_text(&body, ",\"recipient\":");
    vs_json_text(&body, recipient->identifiers[0]);
    vs_buffer_text(&body, ",\"state\":");
    vs_json_text(&body, vs_delivery_state_name(vs_delivery_state_of(delivery)));
    vs_buffer_text(&body, "}\n");
    return vs_buffer_copy(&body, arena, ret, err);
}

/* Whether it still waits: what was fetched or answered meanwhile needs no notice. */
static bool waits(const struct vs_row *delivery)
{
    enum vs_delivery_state state =
        delivery == NULL ? VS_DELIVERY_FAILED : vs_delivery_state_of(delivery);
    return state == VS_DELIVERY_AVAILABLE || state == VS_DELIVERY_ASKED;
}

vs_rc vs_notify_prepare(struct vs_relay *relay, struct vs_remote *remote, vs_time_ms now,
                        struct vs_error *err)
{
    struct vs_arena *arena = remote->arena;
    const struct vs_participant *sender, *recipient;
    const struct vs_row *delivery;
    struct vs_endpoint endpoint;
    VS_TRY(vs_act_delivery(relay, arena, remote->work, &delivery, err));
    if (!waits(delivery))
        return VS_OK;
    const struct vs_value *v = delivery->values;
    VS_TRY(vs_participant_get(relay, arena, vs_value_id(&v[VS_DELIVERY_SENDER]), &sender, err));
    VS_TRY(vs_participant_get(relay, arena, vs_value_id(&v[VS_DELIVERY_RECIPIENT]), &recipient,
                              err));
    if (sender == NULL || recipient == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a party of a delivery is not there");
    if (recipient->endpoint == NULL)
        return VS_OK; /* it wants no notice any more */
    VS_TRY(vs_outgoing_endpoint(arena, recipient->endpoint, &endpoint, err));
    struct vs_webhook webhook = {.url = endpoint.url,
                                 .content_type = "application/json",
                                 .delivery = remote->work->id,
                                 .attempt = remote->work->attempts};
    VS_TRY(body_of(arena, delivery, sender, recipient, &webhook.body, err));
    vs_sha256(webhook.body, webhook.digest);
    vs_webhook_add(&webhook, "vasite-event", "waiting");
    vs_webhook_add(&webhook, "vasite-recipient", recipient->identifiers[0]);
    VS_TRY(vs_webhook_request(relay, arena, &webhook, now, &remote->request, err));
    remote->send = true;
    return VS_OK;
}

/* -- settling ------------------------------------------------------------------------------ */

static void count_notified(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_relay_count(relay, evidence, 1);
}

static vs_rc stage_outcome(struct vs_relay *relay, struct vs_job *job,
                           const struct vs_row *delivery, const struct vs_remote *remote,
                           enum vs_event event, vs_time_ms now, struct vs_error *err)
{
    struct vs_act act;
    const char *id = vs_id_text_new(job->arena, remote->work->id);
    const char *attempts =
        vs_arena_printf(job->arena, "%lld", (long long)remote->work->attempts);
    if (id == NULL || attempts == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_act_begin(&act, relay, job, delivery, event, NULL, now, err));
    if (event == VS_EVENT_CONSIGNMENT_NOTIFICATION) {
        act.issue->event_time = remote->ended;
        vs_act_set(&act, VS_DELIVERY_NOTIFIED_AT, vs_int(remote->ended));
    } else {
        bool refused = vs_ok(remote->rc) && vs_remote_in_vain(remote->answer.status);
        act.issue->reason = (struct vs_erds_reason){refused ? REASON_GONE : REASON_EXPIRY,
                                                    vs_remote_why(job->arena, remote)};
    }
    vs_issue_extend(act.issue, VS_ERDS_EXT_DELIVERY, id);
    vs_issue_extend(act.issue, VS_ERDS_EXT_ATTEMPTS, attempts);
    VS_TRY(vs_due_done_stage(act.stage, remote->work, err));
    vs_stage_after(act.stage, count_notified, NULL);
    return vs_act_end(&act, VS_MOVE_TELL, err);
}

vs_rc vs_notify_settle(struct vs_relay *relay, struct vs_job *job,
                       const struct vs_remote *remote, vs_time_ms now, struct vs_error *err)
{
    const struct vs_row *delivery;
    struct vs_attempts attempts;
    struct vs_bytes data;
    struct vs_stage *stage;
    VS_TRY(vs_act_delivery(relay, job->arena, remote->work, &delivery, err));
    bool nothing = !remote->send && vs_ok(remote->rc);
    /* Also one whose term of consent passed, or that was rejected, while the notice was under
     * way: it never came into the mailbox. */
    bool asked = delivery != NULL && delivery->values[VS_DELIVERY_RECEIVED_AT].type == VS_NULL;
    bool taken = vs_remote_taken(remote);
    if (delivery == NULL || nothing || (asked && taken))
        return vs_act_drop(job, remote->work, err);
    if (taken)
        return stage_outcome(relay, job, delivery, remote, VS_EVENT_CONSIGNMENT_NOTIFICATION,
                             now, err);
    VS_TRY(vs_attempts_decode(job->arena, remote->work, &attempts, err));
    vs_time_ms since = attempts.since == VS_TIME_NONE ? remote->ended : attempts.since;
    vs_time_ms end = since + relay->settings.push_term_ms;
    bool refused = vs_ok(remote->rc) && vs_remote_in_vain(remote->answer.status);
    if (refused || now >= end)
        return asked ? vs_act_drop(job, remote->work, err)
                     : stage_outcome(relay, job, delivery, remote,
                                     VS_EVENT_CONSIGNMENT_NOTIFICATION_FAILURE, now, err);
    const char *why = vs_remote_why(job->arena, remote);
    if (why == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_attempts_encode(job->arena, since, why, &data, err));
    VS_TRY(vs_stage_new(job, &stage, err));
    return vs_due_move_stage(
        stage, remote->work,
        vs_remote_again(relay, remote->work->attempts, remote->answer.retry_after_s, now, end),
        data, err);
}
