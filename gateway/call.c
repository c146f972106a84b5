#include "gateway/call.h"

struct call {
    struct vs_job job;
    struct vs_request *request;
    vs_call_run *run;
};

static vs_rc run_call(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                      struct vs_error *err)
{
    struct call *call = job->context;
    return call->run(relay, job, call->request, now, err);
}

/* On a worker or on the committer: the result is handed over and nothing else. */
static void call_done(struct vs_job *job)
{
    struct call *call = job->context;
    if (vs_ok(job->rc))
        vs_request_release(call->request);
    else
        vs_request_fail(call->request, &job->error);
}

vs_rc vs_call(struct vs_request *request, vs_call_run *run, vs_handler *then,
              struct vs_error *err)
{
    struct call *call = vs_arena_make(vs_request_arena(request), struct call);
    if (call == NULL)
        return vs_fail_memory(err);
    *call = (struct call){.job = {.arena = vs_request_arena(request),
                                  .run = run_call,
                                  .done = call_done,
                                  .context = call},
                          .request = request,
                          .run = run};
    vs_request_hold(request);
    vs_request_then(request, then);
    vs_rc rc = vs_relay_submit_job(vs_relay_of(request), &call->job, err);
    if (!vs_ok(rc))
        vs_request_release(request);
    return rc;
}

vs_rc vs_request_id_param(const struct vs_request *request, const char *name, struct vs_id *ret,
                          struct vs_error *err)
{
    /* All zero is relay's "no such thing": nobody may name it. */
    VS_REFUSE_IF(!vs_id_decode(vs_request_param(request, name), ret) || vs_id_is_none(*ret),
                 err, VS_E_NOT_FOUND, NULL, "no such id");
    return VS_OK;
}
