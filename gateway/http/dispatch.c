#include "gateway/http/http_priv.h"

static void random_id(struct vs_server *server, char *out)
{
    uint8_t bytes[16];
    server->options.random(server->options.context, bytes, sizeof bytes);
    vs_hex(VS_BYTES(bytes, sizeof bytes), out);
}

static vs_time_ms now(struct vs_server *server)
{
    return server->options.now_ms(server->options.context);
}

static struct vs_request *request_new(struct vs_server *server, struct MHD_Connection *mhd,
                                      const char *url, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info == NULL || info->socket_context == NULL)
        return NULL;
    struct vs_request *request = vs_heap_new(sizeof *request);
    request->server = server;
    request->mhd = mhd;
    request->connection = info->socket_context;
    request->arena = vs_arena_new(REQUEST_ARENA_BYTES);
    request->raw_path = url;
    request->method = method;
    request->media_type = "";
    request->language = VS_LANGUAGE_EN;
    request->scope = "";
    random_id(server, request->id);
    request->begun_ms = request->read_ms = now(server);
    request->begun_us = vs_http_monotonic_us();
    atomic_fetch_add(&server->n_requests, 1);
    server->counts_requests++;
    if (request->arena != NULL)
        return request;
    vs_heap_free(request);
    return NULL;
}

/* What must hold of any request; then the connection cannot be trusted any more. */
static vs_rc check_connection(struct vs_request *request, struct vs_error *err)
{
    VS_REFUSE_IF(atomic_load(&request->server->stopping), err, VS_E_STOPPING, NULL,
                 "the service is stopping");
    VS_REFUSE_IF(request->connection->over_limit, err, VS_E_BUSY, NULL, "too many connections");
    return VS_OK;
}

/* What this participant may use, of all that there is. */
static vs_rc enter(struct vs_request *request, struct vs_error *err)
{
    struct vs_server *server = request->server;
    struct vs_server_limits own = vs_http_limits_of(server, request->scope);
    VS_REFUSE_IF(!vs_http_rate(server, "participant ", request->scope, own.requests_per_second),
                 err, VS_E_RATE, NULL, "more than %u requests a second",
                 own.requests_per_second);
    request->entered = vs_http_enter(server, request->scope, &own);
    VS_REFUSE_IF(!request->entered, err, VS_E_RATE, NULL, "more than %u requests at once",
                 own.requests_at_once);
    return request->route->max_body == VS_BODY_DOCUMENT
               ? vs_http_begin_upload(request, request->length, err)
               : VS_OK;
}

static vs_rc authenticate(struct vs_request *request, struct vs_error *err)
{
    struct vs_server *server = request->server;
    if (request->route->rights == VS_RIGHT_PUBLIC)
        return VS_OK;
    struct vs_server_limits limits = vs_http_limits(server);
    vs_rc rc = server->options.authenticate(request, err);
    if (!vs_ok(rc) && vs_code_info(rc.code)->http == 401 &&
        !vs_http_rate(server, "401 ", request->connection->address, limits.refusals_per_second))
        return vs_fail(err, VS_E_RATE, NULL, "too many refused credentials from this address");
    VS_TRY(rc);
    VS_TRY(vs_request_may(request, request->route, err));
    return enter(request, err);
}

static vs_rc admit(struct vs_request *request, enum vs_listener listener, struct vs_error *err)
{
    VS_TRY(check_connection(request, err));
    VS_TRY(vs_http_transport_read(request, err));
    VS_TRY(vs_http_route_find(request, listener, err));
    VS_TRY(authenticate(request, err));
    VS_TRY(vs_http_route_accepts_body(request, err));
    request->limit = request->upload
                         ? request->document_bytes
                         : vs_http_route_body_limit(request->server, request->route);
    if (request->route->begin != NULL)
        return request->route->begin(request, err);
    vs_buffer_init(&request->body,
                   request->limit > SIZE_MAX / 4 ? SIZE_MAX / 4 : (size_t)request->limit);
    return VS_OK;
}

/* The answer to a refusal goes out before the body only where the body is long or untrusted: a
 * close with unread bytes resets the connection, and the client may never see why. */
static enum MHD_Result refuse(struct vs_request *request, const struct vs_error *err)
{
    request->refused = true;
    vs_respond_problem(request, err);
    if (err->code == VS_E_HTTP)
        request->answer.close = true;
    bool at_once = err->code == VS_E_TOO_LARGE || vs_request_header(request, "Expect") != NULL;
    if (!request->answer.close && request->length <= DRAIN_BYTES && !at_once)
        return MHD_YES;
    request->answer.close = true;
    return vs_http_answer_send(request);
}

static enum MHD_Result begin(struct vs_server *server, enum vs_listener listener,
                             struct vs_request *request, const char *version)
{
    struct vs_error err;
    vs_rc rc = vs_http_transport_check(request, version, &err);
    if (request->length > 0)
        vs_http_connection_phase(request->connection, PHASE_BODY);
    if (vs_ok(rc))
        rc = admit(request, listener, &err);
    if (!vs_ok(rc)) {
        server->counts_refused++;
        if (rc.code == VS_E_RATE || rc.code == VS_E_VOLUME)
            server->counts_rate++;
        return refuse(request, &err);
    }
    return MHD_YES;
}

static vs_rc take_bytes(struct vs_request *request, struct vs_bytes bytes, struct vs_error *err)
{
    uint64_t limit = request->limit;
    request->received += bytes.len;
    VS_REFUSE_IF(request->received > limit, err, VS_E_TOO_LARGE, NULL,
                 "the body grew over %llu bytes", (unsigned long long)limit);
    if (request->put.row == NULL) /* what a door puts is counted there */
        VS_TRY(vs_http_count_upload(request, bytes.len, err));
    if (request->route->chunk != NULL)
        return request->route->chunk(request, bytes, err);
    vs_buffer_add(&request->body, bytes);
    return vs_buffer_check(&request->body, err);
}

/* The library sends no answer in mid-upload: what follows a refusal is dropped, up to a bound.
 */
static enum MHD_Result body_arrived(struct vs_request *request, struct vs_bytes bytes)
{
    atomic_fetch_add_explicit(&request->connection->bytes, bytes.len, memory_order_relaxed);
    request->server->counts_received += bytes.len;
    if (request->refused) {
        request->received += bytes.len;
        return request->received > vs_http_limits(request->server).document_bytes + DRAIN_BYTES
                   ? MHD_NO
                   : MHD_YES;
    }
    struct vs_error err;
    if (!vs_ok(take_bytes(request, bytes, &err))) {
        request->refused = true;
        vs_respond_problem(request, &err);
        request->answer.close = true;
    }
    return MHD_YES;
}

/* `holds` begins with this thread's own: no answer goes out while the handler still runs.
 * Counting the handler in n_held before it looks at `closing` is what vs_server_stop relies on.
 */
static enum MHD_Result run_handler(struct vs_request *request, vs_handler *handler)
{
    struct vs_server *server = request->server;
    request->suspended = false;
    atomic_store(&request->holds, 1);
    atomic_fetch_add(&server->n_held, 1);
    struct vs_error err;
    vs_rc rc = atomic_load(&server->closing)
                   ? vs_fail(&err, VS_E_STOPPING, NULL, "the service is stopping")
                   : handler(request, &err);
    if (!vs_ok(rc)) {
        request->then = NULL;
        vs_respond_problem(request, &err);
    }
    enum MHD_Result result = MHD_YES;
    if (request->suspended)
        vs_request_release(request);
    else
        result = vs_http_answer_send(request);
    atomic_fetch_sub(&server->n_held, 1);
    return result;
}

static enum MHD_Result body_ended(struct vs_request *request)
{
    vs_handler *next = request->then;
    request->then = NULL;
    if (!request->handled && !request->refused) {
        request->handled = true;
        request->read_ms = now(request->server);
        vs_http_connection_phase(request->connection, PHASE_WORK);
        next = request->route->handle;
    }
    return next == NULL ? vs_http_answer_send(request) : run_handler(request, next);
}

enum MHD_Result vs_http_access(void *context, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_len, void **slot)
{
    struct listener *listener = context;
    struct vs_request *request = *slot;
    if (request == NULL) {
        request = request_new(listener->server, mhd, url, method);
        if (request == NULL)
            return MHD_NO;
        *slot = request;
        return begin(listener->server, listener->kind, request, version);
    }
    if (*upload_len == 0)
        return body_ended(request);
    struct vs_bytes bytes = VS_BYTES(upload, *upload_len);
    *upload_len = 0;
    return body_arrived(request, bytes);
}

/* SOAP 1.1 has one status for whatever went wrong: log and counters want to know whose matter
 * it was. */
static int meaning(const struct vs_request *request)
{
    int status = request->answer.of.status;
    return status >= 400 && request->failure != VS_E_NONE ? vs_code_info(request->failure)->http
                                                          : status;
}

void vs_http_completed(void *context, struct MHD_Connection *mhd, void **slot,
                       enum MHD_RequestTerminationCode code)
{
    (void)mhd;
    struct listener *listener = context;
    struct vs_server *server = listener->server;
    struct vs_request *request = *slot;
    if (request == NULL)
        return;
    bool complete = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    request->connection->first = false;
    vs_http_connection_phase(request->connection, PHASE_HEADER);
    vs_http_answer_ended(request, complete);
    if (server->options.ended != NULL)
        server->options.ended(server->options.context, request, meaning(request),
                              request->received, complete);
    if (request->free_state != NULL)
        request->free_state(request->state);
    if (request->free_door != NULL)
        request->free_door(request->door);
    if (request->entered)
        vs_http_leave(server, request->scope, request->upload);
    vs_buffer_done(&request->body);
    vs_buffer_done(&request->part);
    vs_arena_free(request->arena);
    vs_heap_free(request);
    *slot = NULL;
    atomic_fetch_sub(&server->n_requests, 1);
}
