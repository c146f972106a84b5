/* Backups of the running service, for its operator: begun here, made by the daemon's thread. */
#include "relay/backup.h"
#include "gateway/call.h"
#include "gateway/rest/json.h"
#include "gateway/rest/rest.h"
#include <stdio.h>

static const char *const STATES[] = {"none", "running", "done", "failed"};

static void view_progress(struct vs_json *json, const char *name,
                          const struct vs_backup_progress *p)
{
    bool failed = p->state == VS_BACKUP_FAILED;
    vs_json_object(json, name);
    vs_json_string(json, "id", p->id);
    vs_json_string(json, "state", STATES[p->state]);
    vs_json_string(json, "phase", p->phase);
    vs_json_number(json, "bytes", (int64_t)p->bytes);
    vs_json_number(json, "total", (int64_t)(p->total > p->bytes ? p->total : p->bytes));
    vs_json_number(json, "files", (int64_t)p->files);
    vs_json_number(json, "linked", (int64_t)p->linked);
    vs_json_time(json, "began", p->began);
    vs_json_time(json, "ended", p->ended);
    vs_json_string(json, "code", failed ? vs_code_info(p->error.code)->name : NULL);
    vs_json_string(json, "text", failed ? p->error.text : NULL);
    vs_json_end_object(json);
}

static vs_rc respond_progress(struct vs_request *request, int status,
                              const struct vs_backup_progress *p, struct vs_error *err)
{
    VS_JSON json;
    vs_json_init(&json);
    view_progress(&json, NULL, p);
    return vs_respond_json(request, status, &json, err);
}

vs_rc vs_rest_backup_start(struct vs_request *request, struct vs_error *err)
{
    struct vs_relay *relay = vs_relay_of(request);
    struct vs_backup_progress p;
    char id[VS_BACKUP_ID];
    VS_TRY(vs_request_query_only(request, "", err));
    VS_TRY(vs_backup_start(relay, vs_relay_now(relay), id, err));
    vs_backup_progress(relay, &p);
    return respond_progress(request, 202, &p, err);
}

/* -- looking ------------------------------------------------------------------------------ */

static vs_rc run_list(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    const char *const *ids;
    size_t n;
    struct vs_backup_progress p;
    VS_TRY(vs_backup_list(relay, job->arena, &ids, &n, err));
    vs_backup_progress(relay, &p);
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    if (p.state == VS_BACKUP_NONE)
        vs_json_null(&json, "last");
    else
        view_progress(&json, "last", &p);
    vs_json_array(&json, "backups");
    for (size_t i = 0; i < n; i++)
        vs_json_string(&json, NULL, ids[i]);
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_backup_list(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_list, NULL, err);
}

static vs_rc run_get(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)now;
    const char *id = vs_request_param(request, "id");
    const char *const *ids;
    size_t n;
    struct vs_backup_progress p;
    vs_backup_progress(relay, &p);
    if (p.state != VS_BACKUP_NONE && vs_text_equal(p.id, id))
        return respond_progress(request, 200, &p, err);
    VS_TRY(vs_backup_list(relay, job->arena, &ids, &n, err));
    for (size_t i = 0; i < n; i++)
        if (vs_text_equal(ids[i], id)) {
            p = (struct vs_backup_progress){.state = VS_BACKUP_DONE,
                                            .phase = "done",
                                            .began = VS_TIME_NONE,
                                            .ended = VS_TIME_NONE};
            snprintf(p.id, sizeof p.id, "%s", id);
            return respond_progress(request, 200, &p, err);
        }
    return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such backup");
}

vs_rc vs_rest_backup_get(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_get, NULL, err);
}
