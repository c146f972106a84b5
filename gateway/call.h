/* call.h - a request whose work relay does: between HTTP threads and relay's workers.
 *
 * vs_request_context() of every request of the service is a struct vs_gateway. A handler that
 * reads rows, signs or writes calls vs_call(): `run` is called on a worker, in a job of relay
 * (its rules, with conflicts and repeats, are those of relay/job.h), and the answer goes out
 * after what it staged is durable. */
#ifndef VS_GATEWAY_CALL_H
#define VS_GATEWAY_CALL_H
#include "gateway/http/server.h"
#include "relay/exchange/principals.h"
#include "relay/health.h"
#include <stdatomic.h>

struct vs_metrics;

/* vs_health_bounds, which a reload changes while requests read them. */
struct vs_gateway_bounds {
    _Atomic int64_t certificate_warn_ms, certificate_fail_ms, disk_warn, marks_warn_ms,
        list_warn_ms;
};

/* What handlers reach of the service. Made by gateway/daemon; tests make their own. */
struct vs_gateway {
    struct vs_relay *relay;
    struct vs_server *server;
    void *daemon; /* gateway/daemon's own; NULL in tests */
    vs_time_ms started;
    struct vs_metrics *metrics;      /* NULL: requests are not counted */
    struct vs_gateway_bounds bounds; /* of /readyz */
    _Atomic vs_time_ms tls_until;    /* end of the TLS certificate; VS_TIME_NONE */
    uint64_t (*log_lost)(void);      /* NULL: there is no log */
};
static inline struct vs_gateway *vs_gateway_of(const struct vs_request *request)
{
    return vs_request_context(request);
}
static inline struct vs_relay *vs_relay_of(const struct vs_request *request)
{
    return vs_gateway_of(request)->relay;
}
/* Who calls; never NULL in a handler of a row that is not public. */
static inline const struct vs_caller *vs_caller_of(const struct vs_request *request)
{
    return vs_request_caller(request);
}

/* Reads, decides, stages; may answer already (vs_respond*), what it answers is not sent before
 * the commit. Allocate in job->arena (it is the request's). A failure becomes a problem. */
typedef vs_rc vs_call_run(struct vs_relay *relay, struct vs_job *job,
                          struct vs_request *request, vs_time_ms now, struct vs_error *err);

/* Hold the request, run it. `then` (may be NULL: run has answered) is called on the HTTP thread
 * after success, vs_request_state() is free for passing things on. VS_E_BUSY: the queue is
 * full. */
VS_NODISCARD vs_rc vs_call(struct vs_request *request, vs_call_run *run, vs_handler *then,
                           struct vs_error *err);

/* The path's {name} as an id; VS_E_NOT_FOUND where it is none: exactly as an unknown one. */
VS_NODISCARD vs_rc vs_request_id_param(const struct vs_request *request, const char *name,
                                       struct vs_id *ret, struct vs_error *err);
#endif
