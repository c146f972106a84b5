/* For operators and load balancers: does it run, does it take documents in, what is soon to be
 * mended. */
#include "relay/health.h"
#include "gateway/call.h"
#include "gateway/rest/json.h"
#include "gateway/rest/rest.h"

vs_rc vs_rest_healthz(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond(request, 200, "application/json", VS_BYTES_LITERAL("{\"status\":\"ok\"}"));
    return VS_OK;
}

static struct vs_health_bounds bounds_of(struct vs_gateway_bounds *from)
{
    return (struct vs_health_bounds){.certificate_warn_ms = from->certificate_warn_ms,
                                     .certificate_fail_ms = from->certificate_fail_ms,
                                     .disk_warn = (uint64_t)from->disk_warn,
                                     .marks_warn_ms = from->marks_warn_ms,
                                     .list_warn_ms = from->list_warn_ms};
}

size_t vs_rest_checks(struct vs_gateway *gateway, struct vs_health_check *ret)
{
    struct vs_health_bounds bounds = bounds_of(&gateway->bounds);
    vs_time_ms now = vs_relay_now(gateway->relay), tls = atomic_load(&gateway->tls_until);
    size_t n = vs_relay_checks(gateway->relay, now, &bounds, ret);
    if (tls != VS_TIME_NONE)
        vs_health_certificate("certificate-tls", tls, now, &bounds, &ret[n++]);
    return n;
}

static void view_check(struct vs_json *json, const struct vs_health_check *check)
{
    vs_json_object(json, check->name);
    vs_json_string(json, "state", vs_check_state_text(check->state));
    if (check->has_value)
        vs_json_number(json, check->unit, check->value);
    if (check->code != VS_E_NONE)
        vs_json_string(json, "code", vs_code_info(check->code)->name);
    if (check->text[0] != '\0')
        vs_json_string(json, "text", check->text);
    vs_json_end_object(json);
}

static bool failed(const struct vs_health_check *checks, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (vs_text_equal(checks[i].name, name))
            return checks[i].state == VS_CHECK_FAIL;
    return false;
}

/* Whether a load balancer should send work here: why not is said in words, not only by the
 * status. */
vs_rc vs_rest_readyz(struct vs_request *request, struct vs_error *err)
{
    struct vs_relay *relay = vs_relay_of(request);
    vs_time_ms now = vs_relay_now(relay);
    struct vs_health_check checks[VS_HEALTH_CHECKS];
    struct vs_relay_health health;
    struct vs_error why;
    vs_relay_health(relay, now, &health);
    enum vs_code reason = vs_relay_intake(relay, now, &why).code;
    size_t n = vs_rest_checks(vs_gateway_of(request), checks);
    for (size_t i = 0; i < n && reason == VS_E_NONE; i++)
        reason = checks[i].code;
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_yes_no(&json, "ready", reason == VS_E_NONE);
    vs_json_string(&json, "reason", reason == VS_E_NONE ? NULL : vs_code_info(reason)->name);
    vs_json_yes_no(&json, "stopping", failed(checks, n, "stopping"));
    vs_json_yes_no(&json, "disk_short", failed(checks, n, "disk"));
    vs_json_yes_no(&json, "clock_wrong", failed(checks, n, "clock"));
    vs_json_yes_no(&json, "marks_overdue", failed(checks, n, "marks"));
    vs_json_time(&json, "oldest_unmarked", health.oldest_unmarked);
    vs_json_object(&json, "checks");
    for (size_t i = 0; i < n; i++)
        view_check(&json, &checks[i]);
    vs_json_end_object(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, reason == VS_E_NONE ? 200 : 503, &json, err);
}
