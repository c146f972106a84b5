/* Retention and what stops it: terms, holds, the clock; inspections (Art. 29.1, 31.3, 31.4). */
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"
#include "relay/archive/hold.h"
#include "relay/archive/inspection.h"
#include "relay/archive/retention.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- terms ------------------------------------------------------------------------------ */

static vs_rc run_term(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    struct vs_retention retention;
    struct vs_id id;
    (void)now;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_retention_get(relay, job->arena, vs_caller_of(request), id, &retention, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_id(&json, "document", id);
    vs_json_yes_no(&json, "permanent", retention.end == VS_TIME_NONE);
    vs_json_number(&json, "months", retention.months);
    vs_json_time(&json, "latest_event", retention.latest);
    vs_json_time(&json, "kept_until", retention.end);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_document_retention(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_term, NULL, err);
}

static vs_rc answer_clock(struct vs_request *request, struct vs_error *err)
{
    struct vs_relay *relay = vs_relay_of(request);
    struct vs_retention_clock clock = vs_retention_clock_view(relay, vs_relay_now(relay));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_time(&json, "now", clock.now);
    vs_json_time(&json, "witnessed", clock.witnessed);
    vs_json_yes_no(&json, "doubted", clock.doubted);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_retention(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return answer_clock(request, err);
}

/* ---- acts ------------------------------------------------------------------------------- */

struct acting {
    bool held;
    const char *reason;
    struct vs_deed deed;
};
static const struct vs_json_member HOLD[] = {
    {"held", VS_JSON_YES_NO, offsetof(struct acting, held), true, 0},
    {"reason", VS_JSON_TEXT, offsetof(struct acting, reason), true, VS_GROUND_MAX},
};
static const struct vs_json_member *const REASON = &HOLD[1];

static vs_rc take(struct vs_job *job, struct vs_request *request,
                  const struct vs_json_member *members, size_t n, struct acting **ret,
                  struct vs_error *err)
{
    *ret = vs_arena_make(job->arena, struct acting);
    if (*ret == NULL)
        return vs_fail_memory(err);
    vs_request_set_state(request, *ret, NULL);
    return vs_json_read(vs_request_body(request), members, n, *ret, job->arena, err);
}

static vs_rc answer_deed(struct vs_request *request, struct vs_error *err)
{
    const struct acting *self = vs_request_state(request);
    VS_JSON json;
    vs_json_init(&json);
    vs_view_deed(&json, NULL, &self->deed);
    return vs_respond_json(request, 201, &json, err);
}

static vs_rc run_hold(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    struct acting *self;
    struct vs_id id;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(take(job, request, HOLD, COUNT(HOLD), &self, err));
    return vs_hold_stage(relay, job, vs_caller_of(request), id, self->held, self->reason, now,
                         &self->deed, err);
}

vs_rc vs_rest_hold(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_hold, answer_deed, err);
}

static vs_rc run_inspect(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                         vs_time_ms now, struct vs_error *err)
{
    struct acting *self;
    struct vs_id id;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(take(job, request, REASON, 1, &self, err));
    return vs_inspection_stage(relay, job, vs_caller_of(request), id, self->reason, now,
                               &self->deed, err);
}

vs_rc vs_rest_inspect(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_inspect, answer_deed, err);
}

static vs_rc run_confirm(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                         vs_time_ms now, struct vs_error *err)
{
    struct acting *self;
    VS_TRY(take(job, request, REASON, 1, &self, err));
    return vs_retention_confirm_stage(relay, job, vs_caller_of(request), self->reason, now,
                                      err);
}

vs_rc vs_rest_clock_confirm(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_confirm, answer_clock, err);
}

static vs_rc run_holds(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                       vs_time_ms now, struct vs_error *err)
{
    const struct vs_deed *acts;
    struct vs_id after;
    uint64_t limit;
    size_t n;
    (void)now;
    VS_TRY(vs_request_query_number(request, "limit", 1, 500, 100, &limit, err));
    VS_TRY(vs_rest_after(request, &after, err));
    VS_TRY(vs_hold_list(relay, job->arena, after, (size_t)limit, &acts, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "holds");
    for (size_t i = 0; i < n; i++)
        vs_view_deed(&json, NULL, &acts[i]);
    vs_json_end_array(&json);
    vs_json_id(&json, "after", n > 0 ? acts[n - 1].document : after);
    vs_json_yes_no(&json, "more", n == limit);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_hold_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "after limit", err));
    return vs_call(request, run_holds, NULL, err);
}
