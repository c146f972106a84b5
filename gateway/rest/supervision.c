/* For the supervising authority (Art. 31.4, 33.2.6): acts, the access record, reports. */
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"
#include "relay/archive/access_record.h"
#include "relay/archive/report.h"

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])
#define REPORT_NAME "report.json"

/* ---- acts and accesses ------------------------------------------------------------------ */

static vs_rc take_period(struct vs_request *request, vs_time_ms *ret_from,
                         vs_time_ms *ret_until, struct vs_error *err)
{
    const char *from = vs_request_query(request, "from");
    const char *until = vs_request_query(request, "until");
    *ret_from = *ret_until = VS_TIME_NONE;
    VS_REFUSE_IF((from != NULL && !vs_time_decode(vs_bytes_text(from), ret_from)) ||
                     (until != NULL && !vs_time_decode(vs_bytes_text(until), ret_until)),
                 err, VS_E_PARAMETER, "RFC 3339", "query: from or until is no moment");
    return VS_OK;
}

static void put_acts(struct vs_json *json, const struct vs_deed *acts, size_t n)
{
    vs_json_array(json, "acts");
    for (size_t i = 0; i < n; i++)
        vs_view_deed(json, NULL, &acts[i]);
    vs_json_end_array(json);
}

static vs_rc run_acts(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    const struct vs_deed *acts;
    vs_time_ms from, until;
    struct vs_id after;
    uint64_t limit;
    size_t n;
    (void)now;
    VS_TRY(take_period(request, &from, &until, err));
    VS_TRY(vs_request_query_number(request, "limit", 1, 500, 100, &limit, err));
    VS_TRY(vs_rest_after(request, &after, err));
    VS_TRY(vs_deed_list(relay, job->arena, from, until == VS_TIME_NONE ? until : until - 1,
                        after, (size_t)limit, &acts, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    put_acts(&json, acts, n);
    vs_json_id(&json, "after", n > 0 ? acts[n - 1].id : after);
    vs_json_yes_no(&json, "more", n == limit);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_act_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "from until after limit", err));
    return vs_call(request, run_acts, NULL, err);
}

static vs_rc run_accesses(struct vs_relay *relay, struct vs_job *job,
                          struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    const struct vs_access_entry *entries;
    struct vs_id id;
    size_t n;
    (void)now;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_access_list(relay, job->arena, vs_caller_of(request), id, &entries, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "accesses");
    for (size_t i = 0; i < n; i++) {
        vs_json_object(&json, NULL);
        vs_json_id(&json, "principal", entries[i].principal);
        vs_json_id(&json, "participant", entries[i].participant);
        vs_json_string(&json, "what", entries[i].what);
        vs_json_time(&json, "first", entries[i].first);
        vs_json_time(&json, "last", entries[i].last);
        vs_json_number(&json, "count", entries[i].count);
        vs_json_end_object(&json);
    }
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_access_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_accesses, NULL, err);
}

/* ---- the report ------------------------------------------------------------------------- */

/* The intermediary's registration data, as all evidence states them. */
static void put_service(struct vs_json *json, struct vs_relay *relay)
{
    const struct vs_relay_settings *s = vs_relay_settings_of(relay);
    vs_json_object(json, "service");
    vs_json_string(json, "name", s->service_name);
    vs_json_string(json, "identifier", s->service_identifier);
    vs_json_string(json, "country", s->service_country);
    vs_json_string(json, "url", s->service_url);
    vs_json_string(json, "public_url", s->public_url);
    vs_json_string(json, "journal_origin", s->journal_origin);
    vs_json_end_object(json);
}

static void put_parties(struct vs_json *json, const struct vs_report *r)
{
    vs_json_array(json, "participants");
    for (size_t i = 0; i < r->n_parties; i++) {
        const struct vs_report_party *p = &r->parties[i];
        vs_json_object(json, NULL);
        vs_json_id(json, "id", p->id);
        vs_json_string(json, "identifier", p->identifier);
        vs_json_string(json, "name", p->name);
        vs_json_number(json, "sent", (int64_t)p->sent);
        vs_json_number(json, "received", (int64_t)p->received);
        vs_json_number(json, "refused", (int64_t)p->refused);
        vs_json_end_object(json);
    }
    vs_json_end_array(json);
}

static void put_counts(struct vs_json *json, const struct vs_report *r)
{
    vs_json_number(json, "documents", (int64_t)r->documents);
    vs_json_number(json, "deliveries", (int64_t)r->deliveries);
    vs_json_number(json, "refusals", (int64_t)r->refusals);
    vs_json_object(json, "states");
    for (int s = 0; s < VS_DELIVERY_STATES; s++)
        vs_json_number(json, vs_delivery_state_name((enum vs_delivery_state)s),
                       (int64_t)r->states[s]);
    vs_json_end_object(json);
    vs_json_object(json, "refusals_by_code");
    for (size_t i = 0; i < r->n_codes; i++)
        vs_json_number(json, r->codes[i].code, (int64_t)r->codes[i].n);
    vs_json_end_object(json);
    vs_json_number(json, "deadlines_missed", (int64_t)r->overdue);
    vs_json_number(json, "notices_of_non_sending", (int64_t)r->not_sent);
    vs_json_number(json, "batches", (int64_t)r->batches);
    vs_json_number(json, "time_marks", (int64_t)r->marked);
    vs_json_number(json, "deletions", (int64_t)r->deletions);
    vs_json_number(json, "deleted", (int64_t)r->deleted);
    vs_json_number(json, "holds_now", (int64_t)r->holds_now);
}

static void put_report(struct vs_json *json, struct vs_relay *relay, const struct vs_report *r)
{
    vs_json_object(json, NULL);
    put_service(json, relay);
    vs_json_time(json, "from", r->from);
    vs_json_time(json, "until", r->until);
    vs_json_time(json, "made", r->made);
    put_counts(json, r);
    put_parties(json, r);
    put_acts(json, r->acts, r->n_acts);
    vs_json_yes_no(json, "more_acts", r->more_acts);
    vs_json_object(json, "journal");
    vs_json_number(json, "size", (int64_t)r->journal_size);
    vs_json_text_of(json, "checkpoint", r->checkpoint);
    vs_json_string(json, "key", r->journal_key);
    vs_json_end_object(json);
    vs_json_end_object(json);
}

static vs_rc run_report(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    struct vs_report report;
    vs_time_ms from, until;
    VS_TRY(take_period(request, &from, &until, err));
    VS_TRY(vs_report_make(relay, job->arena, vs_caller_of(request), from, until, now, &report,
                          err));
    VS_JSON json;
    vs_json_init(&json);
    put_report(&json, relay, &report);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_report(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "from until", err));
    return vs_call(request, run_report, NULL, err);
}

struct sealing {
    vs_time_ms from, until;
    struct vs_bytes container;
    struct vs_deed deed;
};
static const struct vs_json_member PERIOD[] = {
    {"from", VS_JSON_TIME, offsetof(struct sealing, from), true, 0},
    {"until", VS_JSON_TIME, offsetof(struct sealing, until), true, 0},
};

static vs_rc run_seal(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    struct sealing *self = vs_arena_make(job->arena, struct sealing);
    struct vs_report report;
    struct vs_bytes content;
    if (self == NULL)
        return vs_fail_memory(err);
    VS_TRY(
        vs_json_read(vs_request_body(request), PERIOD, COUNT(PERIOD), self, job->arena, err));
    VS_TRY(vs_report_make(relay, job->arena, vs_caller_of(request), self->from, self->until,
                          now, &report, err));
    VS_JSON json;
    vs_json_init(&json);
    put_report(&json, relay, &report);
    VS_TRY(vs_buffer_copy(&json.buffer, job->arena, &content, err));
    vs_request_set_state(request, self, NULL);
    return vs_report_seal_stage(relay, job, vs_caller_of(request), content, REPORT_NAME,
                                report.documents, now, &self->deed, &self->container, err);
}

static vs_rc answer_seal(struct vs_request *request, struct vs_error *err)
{
    const struct sealing *self = vs_request_state(request);
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_view_deed(&json, "act", &self->deed);
    vs_json_base64(&json, "container", self->container);
    vs_json_end_object(&json);
    return vs_respond_json(request, 201, &json, err);
}

vs_rc vs_rest_report_seal(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_seal, answer_seal, err);
}
