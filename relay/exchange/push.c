#include "relay/exchange/push.h"
#include "formats/crypto/digest.h"
#include "relay/exchange/act.h"
#include "relay/exchange/webhook.h"
#include "relay/relay_priv.h"

#define DATA_VERSION  1
#define WHY_MAX       400
#define NOT_YET_MS    100 /* the sequencer is a moment behind */
#define REASON_GONE   "urn:vasite:reason:endpoint-refused"
#define REASON_EXPIRY "urn:vasite:reason:endpoint-not-reached"

/* -- due work ------------------------------------------------------------------------------ */

/* Due since the document came: of several those go first that came first. */
vs_rc vs_push_stage(struct vs_stage *stage, struct vs_id document, struct vs_id recipient,
                    struct vs_error *err)
{
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    vs_due_delivery(document, recipient, subject);
    return vs_due_stage(stage, VS_DUE_PUSH, vs_id_time(document),
                        VS_BYTES(subject, sizeof subject), VS_BYTES_NONE, err);
}

vs_rc vs_attempts_decode(struct vs_arena *arena, const struct vs_due *work,
                         struct vs_attempts *ret, struct vs_error *err)
{
    struct vs_bytes data = work->data;
    *ret = (struct vs_attempts){.since = VS_TIME_NONE};
    if (data.len == 0)
        return VS_OK;
    if (data.len < 9 || data.ptr[0] != DATA_VERSION)
        return vs_fail(err, VS_E_CORRUPT, NULL, "work of kind %s cannot be read", work->kind);
    ret->since = (vs_time_ms)vs_get_u64(data.ptr + 1);
    if (data.len > 9)
        ret->error = vs_arena_strndup(arena, (const char *)data.ptr + 9, data.len - 9);
    return VS_OK;
}

vs_rc vs_attempts_encode(struct vs_arena *arena, vs_time_ms since, const char *error,
                         struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER data;
    vs_buffer_init(&data, WHY_MAX * 4);
    vs_buffer_byte(&data, DATA_VERSION);
    vs_buffer_u64(&data, (uint64_t)since);
    vs_buffer_text(&data, error);
    return vs_buffer_copy(&data, arena, ret, err);
}

const char *vs_remote_why(struct vs_arena *arena, const struct vs_remote *remote)
{
    if (!vs_ok(remote->rc))
        return vs_arena_strdup(arena, remote->error.text);
    return vs_arena_printf(arena, "the endpoint answered %d", remote->answer.status);
}

vs_rc vs_push_view(struct vs_relay *relay, struct vs_arena *arena, struct vs_id document,
                   struct vs_id recipient, struct vs_push_view *ret, bool *ret_found,
                   struct vs_error *err)
{
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    const struct vs_due *work;
    struct vs_attempts attempts;
    vs_due_delivery(document, recipient, subject);
    VS_TRY(
        vs_due_get(relay, arena, VS_DUE_PUSH, VS_BYTES(subject, sizeof subject), &work, err));
    *ret_found = work != NULL;
    if (work == NULL)
        return VS_OK;
    VS_TRY(vs_attempts_decode(arena, work, &attempts, err));
    *ret = (struct vs_push_view){.attempts = work->attempts,
                                 .next = work->due,
                                 .until = attempts.since == VS_TIME_NONE
                                              ? VS_TIME_NONE
                                              : attempts.since + relay->settings.push_term_ms,
                                 .error = attempts.error};
    return VS_OK;
}

static vs_rc endpoint_of(struct vs_relay *relay, struct vs_arena *arena,
                         const struct vs_due *work, const struct vs_participant **ret,
                         struct vs_endpoint *endpoint, struct vs_error *err)
{
    struct vs_id document, recipient;
    VS_TRY(vs_due_delivery_of(work, &document, &recipient, err));
    VS_TRY(vs_participant_get(relay, arena, recipient, ret, err));
    if (*ret == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a recipient is not there");
    if ((*ret)->endpoint == NULL)
        return vs_fail(err, VS_E_ENDPOINT, "Art. 28.2", "the recipient names no endpoint");
    return vs_outgoing_endpoint(arena, (*ret)->endpoint, endpoint, err);
}

vs_rc vs_push_host(struct vs_relay *relay, struct vs_arena *arena, const struct vs_due *work,
                   const char **ret, struct vs_error *err)
{
    const struct vs_participant *recipient;
    struct vs_endpoint endpoint;
    VS_TRY(endpoint_of(relay, arena, work, &recipient, &endpoint, err));
    *ret = endpoint.host;
    return VS_OK;
}

/* -- preparing ----------------------------------------------------------------------------- */

struct pushing {
    struct vs_content_view view;
    const char *host;
};

static void release(void *state)
{
    struct pushing *self = state;
    vs_content_close(&self->view);
}

/* Of the original it is known; a consignment is laid out, so it is read once before. */
static vs_rc digest_of(const struct vs_content_view *view, uint8_t ret[32],
                       struct vs_error *err)
{
    struct vs_digest digest;
    if (view->have_digest) {
        memcpy(ret, view->digest, 32);
        return VS_OK;
    }
    VS_TRY(vs_digest_source(VS_SHA256, view->source, &digest, err));
    memcpy(ret, digest.bytes, 32);
    return VS_OK;
}

static vs_rc add_fields(struct vs_relay *relay, struct vs_arena *arena,
                        const struct vs_row *document, const struct vs_participant *recipient,
                        const char *name, struct vs_webhook *webhook, struct vs_error *err)
{
    const struct vs_value *v = document->values;
    const struct vs_participant *sender;
    const char *id = vs_id_text_new(arena, vs_value_id(&v[VS_DOCUMENT_ID]));
    VS_TRY(vs_participant_get(relay, arena, vs_value_id(&v[VS_DOCUMENT_SENDER]), &sender, err));
    if (sender == NULL || v[VS_DOCUMENT_DIGEST].bytes.len != 32)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a document cannot be read");
    vs_webhook_add(webhook, "vasite-event", "document");
    vs_webhook_add(webhook, "vasite-document-id", id);
    vs_webhook_add(webhook, "vasite-document-digest",
                   vs_content_digest(arena, v[VS_DOCUMENT_DIGEST].bytes.ptr));
    vs_webhook_add(webhook, "vasite-content",
                   recipient->endpoint_consignment ? "consignment" : "original");
    vs_webhook_add(webhook, "vasite-sender", sender->identifiers[0]);
    vs_webhook_add(webhook, "vasite-recipient", recipient->identifiers[0]);
    vs_webhook_add(webhook, "vasite-name", name);
    vs_webhook_add(webhook, "vasite-evidence",
                   id == NULL ? NULL
                              : vs_arena_printf(arena, "%s/v1/documents/%s/evidence",
                                                relay->settings.service_url, id));
    return VS_OK;
}

static vs_rc prepare_content(struct vs_relay *relay, struct vs_remote *remote,
                             const struct vs_row *document,
                             const struct vs_participant *recipient,
                             const struct vs_endpoint *endpoint, vs_time_ms now,
                             struct vs_error *err)
{
    struct pushing *self = vs_arena_make(remote->arena, struct pushing);
    if (self == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_content_of(relay, remote->arena, document,
                         recipient->endpoint_consignment ? VS_CONTENT_CONSIGNMENT
                                                         : VS_CONTENT_ORIGINAL,
                         &self->view, err));
    self->host = endpoint->host;
    remote->state = self;
    remote->release = release;
    struct vs_webhook webhook = {.url = endpoint->url,
                                 .content_type = self->view.media_type,
                                 .source = self->view.source,
                                 .delivery = remote->work->id,
                                 .attempt = remote->work->attempts};
    VS_TRY(digest_of(&self->view, webhook.digest, err));
    VS_TRY(
        add_fields(relay, remote->arena, document, recipient, self->view.name, &webhook, err));
    VS_TRY(vs_webhook_request(relay, remote->arena, &webhook, now, &remote->request, err));
    remote->send = true;
    return VS_OK;
}

vs_rc vs_push_prepare(struct vs_relay *relay, struct vs_remote *remote, vs_time_ms now,
                      struct vs_error *err)
{
    const struct vs_row *delivery, *document;
    const struct vs_participant *recipient;
    struct vs_endpoint endpoint;
    VS_TRY(vs_act_delivery(relay, remote->arena, remote->work, &delivery, err));
    if (delivery == NULL || vs_delivery_state_of(delivery) != VS_DELIVERY_WAITING)
        return VS_OK;
    VS_TRY(endpoint_of(relay, remote->arena, remote->work, &recipient, &endpoint, err));
    VS_TRY(vs_store_get(relay->store, remote->arena, VS_T_DOCUMENT,
                        &delivery->values[VS_DELIVERY_DOCUMENT], &document, err));
    if (document == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a delivery's document is not there");
    return prepare_content(relay, remote, document, recipient, &endpoint, now, err);
}

/* -- settling ------------------------------------------------------------------------------ */

static vs_rc extend(struct vs_act *act, const struct vs_remote *remote, struct vs_error *err)
{
    struct vs_arena *arena = act->job->arena;
    const struct pushing *self = remote->state;
    const char *id = vs_id_text_new(arena, remote->work->id);
    const char *attempts = vs_arena_printf(arena, "%lld", (long long)remote->work->attempts);
    if (id == NULL || attempts == NULL)
        return vs_fail_memory(err);
    if (self != NULL)
        vs_issue_extend(act->issue, VS_ERDS_EXT_ENDPOINT, self->host);
    vs_issue_extend(act->issue, VS_ERDS_EXT_DELIVERY, id);
    vs_issue_extend(act->issue, VS_ERDS_EXT_ATTEMPTS, attempts);
    return VS_OK;
}

static void count_pushed(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_relay_count(relay, handed_over, 1);
    vs_relay_count(relay, evidence, 1);
}

static vs_rc stage_received(struct vs_relay *relay, struct vs_job *job,
                            const struct vs_row *delivery, const struct vs_remote *remote,
                            vs_time_ms now, struct vs_error *err)
{
    struct vs_act act;
    bool waits = delivery->values[VS_DELIVERY_ACKNOWLEDGEMENT].integer != 0;
    VS_TRY(vs_act_begin(&act, relay, job, delivery, VS_EVENT_CONTENT_HANDOVER, NULL, now, err));
    act.issue->event_time = remote->ended;
    VS_TRY(vs_act_to(&act, VS_DELIVERY_HANDED_OVER, err));
    vs_act_set(&act, VS_DELIVERY_RECEIVED_AT, vs_int(remote->ended));
    vs_act_set(&act, VS_DELIVERY_HANDED_OVER_AT, vs_int(remote->ended));
    VS_TRY(vs_act_extend_time(&act, VS_ERDS_EXT_RECEIPT_TIME, remote->ended, err));
    vs_issue_extend(act.issue, VS_ERDS_EXT_COUNTS_AS, waits ? "not-received" : "received");
    VS_TRY(extend(&act, remote, err));
    VS_TRY(vs_due_done_stage(act.stage, remote->work, err));
    vs_stage_after(act.stage, count_pushed, NULL);
    return vs_act_end(&act, VS_MOVE_PUSHED, err);
}

static void count_failed(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_relay_count(relay, evidence, 1);
}

static vs_rc stage_failed(struct vs_relay *relay, struct vs_job *job,
                          const struct vs_row *delivery, const struct vs_remote *remote,
                          const char *why, vs_time_ms now, struct vs_error *err)
{
    struct vs_act act;
    bool refused = vs_ok(remote->rc) && vs_remote_in_vain(remote->answer.status);
    VS_TRY(vs_act_begin(&act, relay, job, delivery, VS_EVENT_CONTENT_HANDOVER_FAILURE, NULL,
                        now, err));
    VS_TRY(vs_act_to(&act, VS_DELIVERY_FAILED, err));
    vs_act_set(&act, VS_DELIVERY_FAILED_AT, vs_int(now));
    act.issue->reason = (struct vs_erds_reason){refused ? REASON_GONE : REASON_EXPIRY, why};
    VS_TRY(extend(&act, remote, err));
    VS_TRY(vs_due_done_stage(act.stage, remote->work, err));
    vs_stage_after(act.stage, count_failed, NULL);
    return vs_act_end(&act, VS_MOVE_TELL, err);
}

static vs_rc settle_failure(struct vs_relay *relay, struct vs_job *job,
                            const struct vs_row *delivery, const struct vs_remote *remote,
                            vs_time_ms now, struct vs_error *err)
{
    struct vs_attempts attempts;
    const char *why = vs_remote_why(job->arena, remote);
    struct vs_bytes data;
    struct vs_stage *stage;
    if (why == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_attempts_decode(job->arena, remote->work, &attempts, err));
    vs_time_ms since = attempts.since == VS_TIME_NONE ? remote->ended : attempts.since;
    vs_time_ms end = since + relay->settings.push_term_ms;
    bool refused = vs_ok(remote->rc) && vs_remote_in_vain(remote->answer.status);
    if (refused || now >= end)
        return stage_failed(relay, job, delivery, remote, why, now, err);
    VS_TRY(vs_attempts_encode(job->arena, since, why, &data, err));
    VS_TRY(vs_stage_new(job, &stage, err));
    return vs_due_move_stage(
        stage, remote->work,
        vs_remote_again(relay, remote->work->attempts, remote->answer.retry_after_s, now, end),
        data, err);
}

vs_rc vs_push_settle(struct vs_relay *relay, struct vs_job *job, const struct vs_remote *remote,
                     vs_time_ms now, struct vs_error *err)
{
    const struct vs_row *delivery;
    VS_TRY(vs_act_delivery(relay, job->arena, remote->work, &delivery, err));
    enum vs_delivery_state state =
        delivery == NULL ? VS_DELIVERY_FAILED : vs_delivery_state_of(delivery);
    if (state == VS_DELIVERY_PENDING || state == VS_DELIVERY_ASKED)
        return vs_act_later(job, remote->work, now + NOT_YET_MS, err);
    if (state != VS_DELIVERY_WAITING)
        return vs_act_drop(job, remote->work, err);
    if (vs_remote_taken(remote))
        return stage_received(relay, job, delivery, remote, now, err);
    if (!remote->send && vs_ok(remote->rc)) /* it was not sequenced when it was prepared */
        return vs_act_later(job, remote->work, now, err);
    return settle_failure(relay, job, delivery, remote, now, err);
}
