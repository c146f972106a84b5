#include "gateway/daemon/daemon_priv.h"
#include "gateway/http/server.h"
#include "gateway/metrics.h"
#include "gateway/rest/rest.h"

enum { WATCH_MS = 5000 };

/* The log names the route, not the path: ids of documents stand in the store, not in every log.
 * Texts of refusals may repeat what the caller sent (Art. 35): only our own failures' are
 * logged, the caller has the others with the request's id. */
static void log_request(const struct daemon *self, const struct vs_request *request, int status,
                        uint64_t received, bool complete)
{
    const struct vs_route *route = vs_request_route(request);
    enum vs_code code = vs_request_failure(request);
    const char *text = status >= 500 ? vs_request_failure_text(request) : "";
    VS_LOG_AT(VS_LOG_REQUEST, status >= 500 ? VS_LOG_ERROR : VS_LOG_INFO, now_of(self),
              {"id", vs_request_id(request), 0}, {"method", vs_request_method(request), 0},
              {"route", route == NULL ? "" : route->path, 0}, {"status", NULL, status},
              {"code", vs_code_info(code)->name, 0}, {"text", text == NULL ? "" : text, 0},
              {"participant", vs_request_scope(request), 0},
              {"received", NULL, (int64_t)received}, {"complete", NULL, complete},
              {"ms", NULL, (int64_t)(vs_request_microseconds(request) / 1000)});
}

void vs_daemon_request_ended(void *context, const struct vs_request *request, int status,
                             uint64_t received, bool complete)
{
    struct vs_gateway *gateway = context;
    struct daemon *self = gateway->daemon;
    vs_metrics_request(gateway->metrics, vs_request_route(request), status,
                       vs_request_failure(request), vs_request_microseconds(request));
    int64_t wanted = atomic_load_explicit(&self->log_requests, memory_order_relaxed);
    if (wanted >= (status >= 500 ? 0 : status >= 400 ? 1 : 2))
        log_request(self, request, status, received, complete);
}

/* -- health ------------------------------------------------------------------------------- */

static void log_change(const struct daemon *self, const struct vs_health_check *check)
{
    static const enum vs_log_level levels[] = {VS_LOG_INFO, VS_LOG_WARNING, VS_LOG_ERROR};
    VS_LOG_AT(VS_LOG_HEALTH, levels[check->state], now_of(self), {"check", check->name, 0},
              {"state", vs_check_state_text(check->state), 0},
              {"code", vs_code_info(check->code)->name, 0}, {"text", check->text, 0});
}

void vs_daemon_watch_health(struct daemon *self)
{
    int64_t moment = self->seams.monotonic_ms(self->seams.context);
    struct vs_health_check checks[VS_HEALTH_CHECKS];
    if (moment < self->health_at)
        return;
    self->health_at = moment + WATCH_MS;
    size_t n = vs_rest_checks(&self->gateway, checks);
    for (size_t i = 0; i < n; i++) {
        bool known = vs_text_equal(self->checked[i], checks[i].name);
        enum vs_check_state before = known ? self->states[i] : VS_CHECK_OK;
        if (checks[i].state != before)
            log_change(self, &checks[i]);
        self->checked[i] = checks[i].name;
        self->states[i] = checks[i].state;
    }
}

vs_rc vs_daemon_observe_by(struct daemon *self, const struct vs_settings *s,
                           struct vs_error *err)
{
    struct vs_gateway_bounds *to = &self->gateway.bounds;
    VS_TRY(vs_log_open(s->log_file, (enum vs_log_level)s->log_level, err));
    atomic_store(&self->log_requests, s->log_requests);
    atomic_store(&to->certificate_warn_ms, s->certificate_warn_ms);
    atomic_store(&to->certificate_fail_ms, s->certificate_fail_ms);
    atomic_store(&to->disk_warn, s->disk_warn);
    atomic_store(&to->marks_warn_ms, s->marks_warn_ms);
    atomic_store(&to->list_warn_ms, s->list_warn_ms);
    return VS_OK;
}
