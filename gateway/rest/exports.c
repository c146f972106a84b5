/* Bundles for archivists: asked for, looked after, fetched (relay/archive/exports.h). */
#include "relay/archive/exports.h"
#include "gateway/call.h"
#include "gateway/rest/json.h"
#include "gateway/rest/rest.h"

static void view(struct vs_json *json, const struct vs_export *e)
{
    vs_json_object(json, NULL);
    vs_json_id(json, "id", e->id);
    vs_json_string(json, "state", vs_export_state_name(e->state));
    vs_json_string(json, "format", e->request.form == VS_PACK_ZIP ? "zip" : "tar.zst");
    vs_json_time(json, "created", e->created);
    vs_json_time(json, "expires", e->expires);
    vs_json_object(json, "progress");
    vs_json_number(json, "looked_at", (int64_t)e->looked_at);
    vs_json_number(json, "to_look_at", (int64_t)e->to_look_at);
    vs_json_number(json, "documents", (int64_t)e->documents);
    vs_json_number(json, "files", (int64_t)e->files);
    vs_json_number(json, "bytes", (int64_t)e->bytes);
    vs_json_end_object(json);
    vs_json_number(json, "size", (int64_t)e->size);
    vs_json_id(json, "evidence", e->evidence);
    vs_json_string(json, "error", e->error);
    vs_json_end_object(json);
}

/* -- POST /v1/exports ---------------------------------------------------------------------- */

struct input {
    vs_time_ms from, until;
    const char *participant, *document, *format, *reason;
};

static const struct vs_json_member members[] = {
    {"from", VS_JSON_TIME, offsetof(struct input, from), false, 0},
    {"until", VS_JSON_TIME, offsetof(struct input, until), false, 0},
    {"participant", VS_JSON_TEXT, offsetof(struct input, participant), false, 200},
    {"document", VS_JSON_TEXT, offsetof(struct input, document), false, 64},
    {"reason", VS_JSON_TEXT, offsetof(struct input, reason), false, 1000},
    {"format", VS_JSON_TEXT, offsetof(struct input, format), false, 16},
};

static vs_rc read_input(struct vs_request *request, struct vs_export_request *ret,
                        struct vs_error *err)
{
    struct input in = {.from = VS_TIME_NONE, .until = VS_TIME_NONE};
    VS_TRY(vs_json_read(vs_request_body(request), members, sizeof members / sizeof *members,
                        &in, vs_request_arena(request), err));
    *ret = (struct vs_export_request){.from = in.from,
                                      .until = in.until,
                                      .participant = in.participant,
                                      .reason = in.reason,
                                      .form = VS_PACK_TAR_ZST};
    if (in.format != NULL && strcmp(in.format, "zip") == 0)
        ret->form = VS_PACK_ZIP;
    else
        VS_REFUSE_IF(in.format != NULL && strcmp(in.format, "tar.zst") != 0, err,
                     VS_E_PARAMETER, NULL, "format: tar.zst or zip");
    if (in.document == NULL)
        return VS_OK;
    VS_REFUSE_IF(!vs_id_decode(in.document, &ret->document) || vs_id_is_none(ret->document),
                 err, VS_E_NOT_FOUND, NULL, "there is no such document");
    return VS_OK;
}

static vs_rc run_add(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    struct vs_export_request wanted;
    const struct vs_export *export;
    VS_TRY(read_input(request, &wanted, err));
    VS_TRY(vs_export_stage(relay, job, vs_caller_of(request), &wanted, now, &export, err));
    VS_JSON json;
    vs_json_init(&json);
    view(&json, export);
    return vs_respond_json(request, 202, &json, err);
}

vs_rc vs_rest_export_add(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_add, NULL, err);
}

/* -- GET /v1/exports/{id} ------------------------------------------------------------------ */

static vs_rc run_get(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_id id;
    const struct vs_export *export;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_export_get(relay, job->arena, vs_caller_of(request), id, &export, err));
    VS_JSON json;
    vs_json_init(&json);
    view(&json, export);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_export_get(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_get, NULL, err);
}

/* -- GET /v1/exports/{id}/bundle ----------------------------------------------------------- */

static void close_file(void *state)
{
    struct vs_export_file *file = state;
    vs_export_close(file);
}

static vs_rc run_open(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_id id;
    struct vs_export_file *file = vs_arena_make(job->arena, struct vs_export_file);
    if (file == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_export_open(relay, job->arena, vs_caller_of(request), id, file, err));
    vs_request_set_state(request, file, close_file);
    return VS_OK;
}

static vs_rc answer_file(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    const struct vs_export_file *file = vs_request_state(request);
    vs_respond_header(
        request, "Content-Disposition",
        vs_arena_printf(vs_request_arena(request), "attachment; filename=\"%s\"", file->name));
    vs_respond_stream(request, 200, file->media_type, file->source, NULL, NULL);
    return VS_OK;
}

vs_rc vs_rest_export_bundle(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_open, answer_file, err);
}
