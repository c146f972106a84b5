#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/views.h"

static vs_rc run_status(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_id id;
    struct vs_status status;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_status_get(relay, job->arena, vs_caller_of(request), id, &status, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_view_status(&json, NULL, &status);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_status(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_status, NULL, err);
}

static vs_rc run_sent(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    uint64_t limit;
    struct vs_id before = VS_ID_NONE;
    struct vs_page page;
    const char *text = vs_request_query(request, "before");
    VS_TRY(vs_request_query_number(request, "limit", 1, 500, 100, &limit, err));
    VS_REFUSE_IF(text != NULL && !vs_id_decode(text, &before), err, VS_E_PARAMETER, NULL,
                 "query: before is no id");
    VS_TRY(vs_sent_list(relay, job->arena, vs_caller_of(request), before, (size_t)limit, &page,
                        err));
    VS_JSON json;
    vs_json_init(&json);
    vs_view_page(&json, &page);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_sent(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "before limit", err));
    return vs_call(request, run_sent, NULL, err);
}

/* ---- original and consignment ----------------------------------------------------------- */

enum { SMALL_DOCUMENT = 256 << 10 };

struct download {
    struct vs_bytes_source small;
    struct vs_content_view view;
    struct vs_relay *relay;
    struct vs_caller caller;
    struct vs_id document;
};

/* Outlives the request: the last byte is out, the evidence of it is still to be made. */
struct handover {
    struct vs_job job;
    struct vs_caller caller;
    struct vs_id document;
};

static vs_rc run_handover(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                          struct vs_error *err)
{
    struct handover *self = job->context;
    return vs_handover_stage(relay, job, &self->caller, self->document, now, err);
}

static void handover_done(struct vs_job *job)
{
    struct handover *self = job->context;
    vs_arena_free(job->arena);
    vs_heap_free(self);
}

/* A hand-over that finds the queue full is not recorded: it is evidence of the first complete
 * download that could be recorded, and the receipt time (Art. 28.2) does not hang on it. */
static void download_done(void *context, bool complete)
{
    struct download *download = context;
    if (!complete || !download->view.complete_is_handover)
        return;
    struct handover *self = vs_heap_new(sizeof *self);
    self->caller = download->caller;
    self->document = download->document;
    self->job = (struct vs_job){.arena = vs_arena_new(4 << 20),
                                .run = run_handover,
                                .done = handover_done,
                                .context = self};
    struct vs_error err;
    if (self->job.arena == NULL ||
        !vs_ok(vs_relay_submit_job(download->relay, &self->job, &err)))
        handover_done(&self->job);
}

static vs_rc answer_content(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    struct download *download = vs_request_state(request);
    const struct vs_content_view *view = &download->view;
    vs_respond_name(request, view->name, view->have_digest ? view->digest : NULL);
    vs_respond_stream(request, 200, view->media_type, view->source, download_done, download);
    return VS_OK;
}

static void close_download(void *state)
{
    struct download *download = state;
    vs_content_close(&download->view);
}

/* A small document is read before its status is sent: decay then is an answer, not a broken
 * line. */
static vs_rc read_small(struct vs_arena *arena, struct download *download, struct vs_error *err)
{
    struct vs_bytes all;
    if (download->view.source->size > SMALL_DOCUMENT)
        return VS_OK;
    VS_TRY(vs_source_all(download->view.source, arena, SMALL_DOCUMENT, &all, err));
    vs_bytes_source_init(&download->small, all);
    download->view.source = &download->small.source;
    return VS_OK;
}

static vs_rc open_content(struct vs_relay *relay, struct vs_job *job,
                          struct vs_request *request, enum vs_content_kind what,
                          struct vs_error *err)
{
    struct download *download = vs_arena_make(job->arena, struct download);
    if (download == NULL)
        return vs_fail_memory(err);
    download->relay = relay;
    download->caller = *vs_caller_of(request);
    VS_TRY(vs_request_id_param(request, "id", &download->document, err));
    VS_TRY(vs_content_open(relay, job->arena, &download->caller, download->document, what,
                           &download->view, err));
    vs_request_set_state(request, download, close_download);
    return read_small(job->arena, download, err);
}

static vs_rc run_original(struct vs_relay *relay, struct vs_job *job,
                          struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)now;
    return open_content(relay, job, request, VS_CONTENT_ORIGINAL, err);
}

static vs_rc run_consignment(struct vs_relay *relay, struct vs_job *job,
                             struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)now;
    return open_content(relay, job, request, VS_CONTENT_CONSIGNMENT, err);
}

vs_rc vs_rest_original(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_original, answer_content, err);
}

vs_rc vs_rest_consignment(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_consignment, answer_content, err);
}

/* ---- Art. 27.3.3 ------------------------------------------------------------------------ */

static vs_rc run_confirm(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                         vs_time_ms now, struct vs_error *err)
{
    struct vs_id id;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_repeat_confirm_stage(relay, job, vs_caller_of(request), id, now, err));
    vs_respond(request, 204, NULL, VS_BYTES_NONE);
    return VS_OK;
}

vs_rc vs_rest_repeat_confirm(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_confirm, NULL, err);
}
