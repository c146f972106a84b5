/* What a party says about a delivery: consent and acknowledgement of the recipient, notice and
 * reminder of the sender. Each is answered with the signed evidence of it. */
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"
#include "relay/exchange/acknowledge.h"
#include "relay/exchange/consent.h"
#include "relay/exchange/deadline.h"
#include "relay/exchange/notice.h"
#include "relay/exchange/reply.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The members that all of them have. */
struct told {
    struct vs_id evidence;
    struct vs_bytes evidence_xml;
    vs_time_ms time;
    bool repeated;
};

static void begin(struct vs_json *json, const struct told *told)
{
    vs_json_init(json);
    vs_json_object(json, NULL);
    vs_json_time(json, "time", told->time);
    vs_json_yes_no(json, "repeated", told->repeated);
    vs_json_id(json, "evidence", told->evidence);
    vs_json_text_of(json, "evidence_xml", told->evidence_xml);
}

static vs_rc end(struct vs_request *request, struct vs_json *json, const struct told *told,
                 struct vs_error *err)
{
    vs_json_end_object(json);
    return vs_respond_json(request, told->repeated ? 200 : 201, json, err);
}

/* The recipient that is meant: id or identifier; none: VS_ID_NONE. */
static vs_rc find_recipient(struct vs_request *request, const char *text, struct vs_id *ret,
                            struct vs_error *err)
{
    const struct vs_participant *participant;
    *ret = VS_ID_NONE;
    if (text == NULL)
        return VS_OK;
    VS_TRY(vs_rest_participant(request, text, &participant, err));
    *ret = participant->id;
    return VS_OK;
}

/* ---- acknowledgement (Art. 27.4) --------------------------------------------------------- */

struct acknowledging {
    struct vs_acknowledgement given;
    struct vs_acknowledged result;
};
/* Without `conforms` it does not state conformity: a refusal. */
static const struct vs_json_member ACKNOWLEDGEMENT[] = {
    {"conforms", VS_JSON_YES_NO, offsetof(struct vs_acknowledgement, conforms), false, 0},
    {"reason", VS_JSON_TEXT, offsetof(struct vs_acknowledgement, reason), false, VS_REASON_MAX},
};

static vs_rc run_acknowledge(struct vs_relay *relay, struct vs_job *job,
                             struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    struct acknowledging *self = vs_arena_make(job->arena, struct acknowledging);
    struct vs_id id;
    if (self == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    if (vs_text_equal(vs_request_media_type(request), "application/json"))
        VS_TRY(vs_json_read(vs_request_body(request), ACKNOWLEDGEMENT, COUNT(ACKNOWLEDGEMENT),
                            &self->given, job->arena, err));
    else
        self->given.reply = vs_request_body(request);
    vs_request_set_state(request, self, NULL);
    return vs_acknowledge_stage(relay, job, vs_caller_of(request), id, &self->given, now,
                                &self->result, err);
}

static vs_rc answer_acknowledge(struct vs_request *request, struct vs_error *err)
{
    const struct acknowledging *self = vs_request_state(request);
    const struct vs_acknowledged *r = &self->result;
    struct told told = {r->evidence, r->evidence_xml, r->time, r->repeated};
    VS_JSON json;
    begin(&json, &told);
    vs_json_string(&json, "state", vs_delivery_state_name(r->state));
    return end(request, &json, &told, err);
}

vs_rc vs_rest_acknowledge(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_acknowledge, answer_acknowledge, err);
}

/* The answer as it was signed, where it was a document. */
static vs_rc run_reply(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                       vs_time_ms now, struct vs_error *err)
{
    struct vs_id id, recipient;
    struct vs_reply_view reply;
    (void)now;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(find_recipient(request, vs_request_query(request, "recipient"), &recipient, err));
    VS_TRY(vs_reply_get(relay, job->arena, vs_caller_of(request), id, recipient, &reply, err));
    struct vs_bytes digest = VS_BYTES(reply.sha256, sizeof reply.sha256);
    vs_respond_header(
        request, "Repr-Digest",
        vs_arena_printf(job->arena, "sha-256=:%s:", vs_base64_new(job->arena, digest)));
    vs_respond(request, 200, reply.media_type, reply.bytes);
    return VS_OK;
}

vs_rc vs_rest_reply(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "recipient", err));
    return vs_call(request, run_reply, NULL, err);
}

/* ---- consent (Art. 26) ------------------------------------------------------------------- */

struct consenting {
    struct vs_consent given;
    struct vs_consented result;
};
static const struct vs_json_member CONSENT[] = {
    {"accepts", VS_JSON_YES_NO, offsetof(struct vs_consent, accepts), true, 0},
    {"reason", VS_JSON_TEXT, offsetof(struct vs_consent, reason), false, VS_REASON_MAX},
};

static vs_rc run_consent(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                         vs_time_ms now, struct vs_error *err)
{
    struct consenting *self = vs_arena_make(job->arena, struct consenting);
    struct vs_id id;
    if (self == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_json_read(vs_request_body(request), CONSENT, COUNT(CONSENT), &self->given,
                        job->arena, err));
    vs_request_set_state(request, self, NULL);
    return vs_consent_stage(relay, job, vs_caller_of(request), id, &self->given, now,
                            &self->result, err);
}

static vs_rc answer_consent(struct vs_request *request, struct vs_error *err)
{
    const struct consenting *self = vs_request_state(request);
    const struct vs_consented *r = &self->result;
    struct told told = {r->evidence, r->evidence_xml, r->time, r->repeated};
    VS_JSON json;
    begin(&json, &told);
    vs_json_yes_no(&json, "accepts", self->given.accepts);
    return end(request, &json, &told, err);
}

vs_rc vs_rest_consent(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_consent, answer_consent, err);
}

/* ---- notice of non-sending (Art. 27.3.1) ------------------------------------------------- */

struct noticing {
    const char *reason;
    struct vs_noticed result;
};
static const struct vs_json_member NOTICE[] = {
    {"reason", VS_JSON_TEXT, offsetof(struct noticing, reason), false, VS_REASON_MAX},
};

static vs_rc run_notice(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    struct noticing *self = vs_arena_make(job->arena, struct noticing);
    struct vs_id id;
    if (self == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(
        vs_json_read(vs_request_body(request), NOTICE, COUNT(NOTICE), self, job->arena, err));
    vs_request_set_state(request, self, NULL);
    return vs_notice_stage(relay, job, vs_caller_of(request), id, self->reason, now,
                           &self->result, err);
}

static vs_rc answer_notice(struct vs_request *request, struct vs_error *err)
{
    const struct noticing *self = vs_request_state(request);
    const struct vs_noticed *r = &self->result;
    struct told told = {r->evidence, r->evidence_xml, r->time, r->repeated};
    VS_JSON json;
    begin(&json, &told);
    return end(request, &json, &told, err);
}

vs_rc vs_rest_notice(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_notice, answer_notice, err);
}

/* ---- reminder by the sender itself (Art. 27.5) ------------------------------------------- */

struct reminding {
    const char *recipient;
    vs_time_ms until;
    struct vs_reminded result;
};
static const struct vs_json_member REMINDER[] = {
    {"recipient", VS_JSON_TEXT, offsetof(struct reminding, recipient), false, 0},
    {"until", VS_JSON_TIME, offsetof(struct reminding, until), false, 0},
};

static vs_rc run_remind(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    struct reminding *self = vs_arena_make(job->arena, struct reminding);
    struct vs_id id, recipient;
    if (self == NULL)
        return vs_fail_memory(err);
    self->until = VS_TIME_NONE;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_json_read(vs_request_body(request), REMINDER, COUNT(REMINDER), self, job->arena,
                        err));
    VS_TRY(find_recipient(request, self->recipient, &recipient, err));
    vs_request_set_state(request, self, NULL);
    return vs_remind_stage(relay, job, vs_caller_of(request), id, recipient, self->until, now,
                           &self->result, err);
}

static vs_rc answer_remind(struct vs_request *request, struct vs_error *err)
{
    const struct reminding *self = vs_request_state(request);
    const struct vs_reminded *r = &self->result;
    struct told told = {r->evidence, r->evidence_xml, r->time, false};
    VS_JSON json;
    begin(&json, &told);
    vs_json_time(&json, "further", r->further);
    return end(request, &json, &told, err);
}

vs_rc vs_rest_remind(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_remind, answer_remind, err);
}
