#include "gateway/http/http_priv.h"
#include "formats/base/json_text.h"

enum { STREAM_BLOCK = 64 << 10, RETRY_SOON_S = 2, RETRY_LATER_S = 30 };

static vs_rc translate(struct vs_request *request, struct answer *answer, struct vs_error *err)
{
    const struct vs_server_options *options = &request->server->options;
    return options->translate == NULL ? VS_OK : options->translate(request, &answer->of, err);
}

static void give(struct vs_request *request, struct answer answer)
{
    answer.close = request->answer.close;
    answer.of.name = request->answer_name;
    answer.of.sha256 = request->answer_sha256;
    request->answer_name = NULL;
    request->answer_sha256 = NULL;
    struct vs_error err;
    if (vs_ok(translate(request, &answer, &err)))
        request->answer = answer;
    else
        vs_respond_problem(request, &err);
}

void vs_respond(struct vs_request *request, int status, const char *media_type,
                struct vs_bytes body)
{
    give(request,
         (struct answer){.of = {.status = status, .media_type = media_type, .body = body}});
}

void vs_respond_name(struct vs_request *request, const char *name, const uint8_t *sha256)
{
    struct vs_bytes copy =
        sha256 == NULL ? VS_BYTES_NONE : vs_bytes_copy(request->arena, VS_BYTES(sha256, 32));
    request->answer_name = vs_arena_strdup(request->arena, name);
    request->answer_sha256 = copy.ptr;
}

void vs_respond_header(struct vs_request *request, const char *name, const char *value)
{
    if (value == NULL)
        return; /* the arena that it should be in was full */
    VS_ASSERT(!vs_text_has_controls(vs_bytes_text(value)));
    size_t i = 0;
    while (i < request->n_answer_headers &&
           strcasecmp(request->answer_headers[i].name, name) != 0)
        i++;
    VS_ASSERT(i < sizeof request->answer_headers / sizeof request->answer_headers[0]);
    struct pair pair = {vs_arena_strdup(request->arena, name),
                        vs_arena_strdup(request->arena, value)};
    if (pair.name == NULL || pair.value == NULL)
        return;
    request->answer_headers[i] = pair;
    if (i == request->n_answer_headers)
        request->n_answer_headers++;
}

void vs_respond_stream(struct vs_request *request, int status, const char *media_type,
                       const struct vs_source *source, void (*done)(void *, bool),
                       void *context)
{
    give(request,
         (struct answer){.of = {.status = status, .media_type = media_type, .source = source},
                         .done = done,
                         .context = context});
}

void vs_respond_problem(struct vs_request *request, const struct vs_error *err)
{
    vs_respond_problem_with(request, err, NULL);
}

static void problem_headers(struct vs_request *request, enum vs_code code)
{
    const struct vs_code_info *info = vs_code_info(code);
    /* Load passes by itself; a clock, a disk or an authority needs somebody. */
    bool soon = code == VS_E_BUSY || code == VS_E_RATE || code == VS_E_STOPPING;
    char seconds[16];
    unsigned wait = code == VS_E_VOLUME ? vs_http_until_midnight_s(request->server)
                    : soon              ? RETRY_SOON_S
                                        : RETRY_LATER_S;
    snprintf(seconds, sizeof seconds, "%u", wait);
    if (info->http == 503 || info->http == 507 || info->http == 429)
        vs_respond_header(request, "Retry-After", seconds);
    if (info->http == 401)
        vs_respond_header(request, "WWW-Authenticate", "Bearer");
    static const char *const tags[VS_LANGUAGES] = {"az", "en", "ru"};
    vs_respond_header(request, "Content-Language", tags[request->language]);
}

void vs_respond_problem_with(struct vs_request *request, const struct vs_error *err,
                             const char *members)
{
    const struct vs_code_info *info = vs_code_info(err->code);
    VS_BUFFER json;
    vs_buffer_init(&json, 1 << 20);
    vs_buffer_printf(&json,
                     "{\"type\":\"urn:vasite:problem:%s\",\"status\":%d,\"title\":", info->name,
                     info->http);
    vs_json_text(&json, info->title[request->language]);
    /* What failed inside is for the log; the caller gets the id to ask about. Nor is said what
     * was not found: it might differ between another's id and an unknown one (reliability, 6).
     */
    bool tell = info->class != VS_CLASS_INTERNAL && err->code != VS_E_NOT_FOUND;
    if (tell && err->text[0] != '\0') {
        vs_buffer_text(&json, ",\"detail\":");
        vs_json_text(&json, err->text);
    }
    vs_buffer_text(&json, ",\"remedy\":");
    vs_json_text(&json, info->remedy[request->language]);
    const char *clause = tell && err->clause != NULL ? err->clause : info->clause;
    if (clause != NULL) {
        vs_buffer_text(&json, ",\"clause\":");
        vs_json_text(&json, clause);
    }
    vs_buffer_printf(&json, ",\"instance\":\"urn:vasite:request:%s\"", request->id);
    if (members != NULL) {
        vs_buffer_byte(&json, ',');
        vs_buffer_text(&json, members);
    }
    vs_buffer_text(&json, "}\n");
    struct vs_bytes body = VS_BYTES_NONE;
    struct vs_error full;
    if (!vs_ok(vs_buffer_copy(&json, request->arena, &body, &full)))
        body = VS_BYTES_LITERAL("{\"type\":\"urn:vasite:problem:out-of-memory\"}\n");
    request->failure = err->code;
    request->failure_text = vs_arena_strdup(request->arena, err->text);
    vs_respond(request, info->http, "application/problem+json", body);
    problem_headers(request, err->code);
}

static ssize_t read_source(void *context, uint64_t offset, char *to, size_t max)
{
    struct vs_request *request = context;
    const struct vs_source *source = request->answer.of.source;
    uint64_t left = source->size - offset;
    size_t len = left < max ? (size_t)left : max;
    struct vs_error err;
    if (!vs_ok(vs_source_read(source, offset, to, len, &err))) {
        request->failure = err.code;
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    atomic_fetch_add_explicit(&request->connection->bytes, len, memory_order_relaxed);
    return (ssize_t)len;
}

static struct MHD_Response *make_response(struct vs_request *request)
{
    struct answer *answer = &request->answer;
    if (request->more != NULL && answer->of.status == 200)
        return vs_http_parts_response(request);
    if (answer->of.source != NULL && answer->of.source->size > 0)
        return MHD_create_response_from_callback(answer->of.source->size, STREAM_BLOCK,
                                                 read_source, request, NULL);
    return MHD_create_response_from_buffer(
        answer->of.body.len, (void *)(uintptr_t)answer->of.body.ptr, MHD_RESPMEM_PERSISTENT);
}

static void add_name(struct vs_request *request, struct MHD_Response *response)
{
    const struct vs_answer *answer = &request->answer.of;
    const char *name = answer->name == NULL
                           ? NULL
                           : vs_percent_encode(request->arena, vs_bytes_text(answer->name));
    const char *disposition =
        name == NULL ? NULL
                     : vs_arena_printf(request->arena, "attachment; filename*=UTF-8''%s", name);
    if (disposition != NULL)
        MHD_add_response_header(response, "Content-Disposition", disposition);
    const char *digest = answer->sha256 == NULL
                             ? NULL
                             : vs_base64_new(request->arena, VS_BYTES(answer->sha256, 32));
    const char *repr =
        digest == NULL ? NULL : vs_arena_printf(request->arena, "sha-256=:%s:", digest);
    if (repr != NULL)
        MHD_add_response_header(response, "Repr-Digest", repr);
}

static void add_headers(struct vs_request *request, struct MHD_Response *response)
{
    const struct answer *answer = &request->answer;
    if (answer->of.media_type != NULL)
        MHD_add_response_header(response, "Content-Type", answer->of.media_type);
    add_name(request, response);
    for (size_t i = 0; i < request->n_answer_headers; i++)
        MHD_add_response_header(response, request->answer_headers[i].name,
                                request->answer_headers[i].value);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (vs_request_route(request) == NULL || request->route->rights != VS_RIGHT_PUBLIC)
        MHD_add_response_header(response, "Cache-Control", "no-store");
    if (answer->close || atomic_load(&request->server->stopping))
        MHD_add_response_header(response, "Connection", "close");
}

enum MHD_Result vs_http_answer_send(struct vs_request *request)
{
    if (request->answer.of.status == 0) {
        struct vs_error err;
        vs_rc rc = vs_fail(&err, VS_E_INTERNAL, NULL, "a handler gave no answer");
        VS_ASSERT(!vs_ok(rc));
        vs_respond_problem(request, &err);
    }
    struct MHD_Response *response = make_response(request);
    if (response == NULL)
        return MHD_NO;
    add_headers(request, response);
    vs_http_connection_phase(request->connection, PHASE_ANSWER);
    if (request->answer.of.source == NULL)
        /* The library takes it whole; its own idle time-out watches the sending. */
        vs_http_connection_phase(request->connection, PHASE_WORK);
    enum MHD_Result rc =
        MHD_queue_response(request->mhd, (unsigned)request->answer.of.status, response);
    MHD_destroy_response(response);
    request->queued = rc == MHD_YES;
    return rc;
}

void vs_http_answer_ended(struct vs_request *request, bool complete)
{
    struct answer *answer = &request->answer;
    bool whole = complete && request->queued && strcmp(request->method, "HEAD") != 0;
    if (answer->done != NULL)
        answer->done(answer->context, whole);
    if (whole)
        request->server->counts_sent += answer->of.source != NULL
                                            ? answer->of.source->size
                                            : answer->of.body.len + request->parts_sent;
}
