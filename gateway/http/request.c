#include "gateway/http/http_priv.h"

struct vs_arena *vs_request_arena(struct vs_request *request)
{
    return request->arena;
}
void *vs_request_context(const struct vs_request *request)
{
    return request->server->options.context;
}
const struct vs_route *vs_request_route(const struct vs_request *request)
{
    return request->route;
}
const char *vs_request_id(const struct vs_request *request)
{
    return request->id;
}
const char *vs_request_method(const struct vs_request *request)
{
    return request->method;
}
vs_time_ms vs_request_begun_ms(const struct vs_request *request)
{
    return request->begun_ms;
}
vs_time_ms vs_request_read_ms(const struct vs_request *request)
{
    return request->read_ms;
}
uint64_t vs_request_microseconds(const struct vs_request *request)
{
    return (uint64_t)(vs_http_monotonic_us() - request->begun_us);
}

enum vs_language vs_request_language(const struct vs_request *request)
{
    return request->language;
}
const char *vs_request_media_type(const struct vs_request *request)
{
    return request->media_type;
}
uint64_t vs_request_length(const struct vs_request *request)
{
    return request->length;
}
struct vs_bytes vs_request_body(const struct vs_request *request)
{
    return vs_buffer_view(&request->body);
}
const char *vs_request_address(const struct vs_request *request)
{
    return request->connection->address;
}
enum vs_code vs_request_failure(const struct vs_request *request)
{
    return request->failure;
}
const char *vs_request_failure_text(const struct vs_request *request)
{
    return request->failure_text == NULL ? "" : request->failure_text;
}

const char *vs_request_param(const struct vs_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_params; i++)
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    vs_bug(__FILE__, __LINE__, "the route has such a parameter");
}

const char *vs_request_header(const struct vs_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

const char *vs_request_query(const struct vs_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_query; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}

vs_rc vs_request_query_only(const struct vs_request *request, const char *names,
                            struct vs_error *err)
{
    for (size_t i = 0; i < request->n_query; i++)
        VS_REFUSE_IF(!vs_http_list_has(names, request->query[i].name), err, VS_E_PARAMETER,
                     NULL, "query: '%s' is none of: %s", request->query[i].name, names);
    return VS_OK;
}

vs_rc vs_request_query_number(const struct vs_request *request, const char *name, uint64_t low,
                              uint64_t high, uint64_t absent, uint64_t *ret,
                              struct vs_error *err)
{
    const char *text = vs_request_query(request, name);
    uint64_t value = absent;
    VS_REFUSE_IF(text != NULL && (!vs_u64_decode(vs_bytes_text(text), &value) || value < low ||
                                  value > high),
                 err, VS_E_PARAMETER, NULL, "query: %s is no number from %llu to %llu", name,
                 (unsigned long long)low, (unsigned long long)high);
    *ret = value;
    return VS_OK;
}

const char *vs_request_bearer(const struct vs_request *request)
{
    const char *value = vs_request_header(request, "Authorization");
    if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
        return NULL;
    value += 7;
    while (*value == ' ')
        value++;
    return value;
}

size_t vs_request_certificates(struct vs_request *request, const struct vs_bytes **ret)
{
    vs_http_peer_certificates(request->connection, request->mhd);
    *ret = request->connection->certificates;
    return request->connection->n_certificates;
}

void vs_request_set_caller(struct vs_request *request, const void *caller, const char *scope,
                           unsigned rights)
{
    const char *copy = vs_arena_strdup(request->arena, scope);
    request->caller = caller;
    request->scope = copy == NULL ? "" : copy;
    request->rights = rights | VS_RIGHT_ANY;
}

const void *vs_request_caller(const struct vs_request *request)
{
    return request->caller;
}
const char *vs_request_scope(const struct vs_request *request)
{
    return request->scope;
}
unsigned vs_request_rights(const struct vs_request *request)
{
    return request->rights;
}

void vs_request_set_state(struct vs_request *request, void *state, void (*free_state)(void *))
{
    request->state = state;
    request->free_state = free_state;
}

void *vs_request_state(const struct vs_request *request)
{
    return request->state;
}

/* ---- a door in another language ------------------------------------------------------- */

static struct pair *find_pair(struct pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(pairs[i].name, name) == 0)
            return &pairs[i];
    return NULL;
}

vs_rc vs_request_put(struct vs_request *request, enum vs_input where, const char *name,
                     const char *value, struct vs_error *err)
{
    struct pair *pairs = where == VS_INPUT_PARAM   ? request->params
                         : where == VS_INPUT_QUERY ? request->query
                                                   : request->headers;
    size_t *n = where == VS_INPUT_PARAM   ? &request->n_params
                : where == VS_INPUT_QUERY ? &request->n_query
                                          : &request->n_headers;
    size_t room = where == VS_INPUT_PARAM   ? MAX_PARAMS
                  : where == VS_INPUT_QUERY ? MAX_QUERY
                                            : MAX_HEADERS;
    VS_REFUSE_IF(vs_text_has_controls(vs_bytes_text(value)), err, VS_E_PARAMETER, NULL,
                 "%s: control characters or no UTF-8", name);
    struct pair *there = find_pair(pairs, *n, name);
    VS_REFUSE_IF(there != NULL && (where != VS_INPUT_HEADER || vs_http_header_is_single(name)),
                 err, VS_E_PARAMETER, NULL, "%s: given twice", name);
    if (there == NULL && *n == room) /* bounds memory */
        return vs_fail(err, VS_E_PARAMETER, NULL, "more than %zu inputs", room);
    if (there == NULL)
        there = &pairs[(*n)++];
    *there = (struct pair){name, value};
    return VS_OK;
}

vs_rc vs_request_put_row(struct vs_request *request, const struct vs_route *row,
                         const char *media_type, struct vs_error *err)
{
    uint64_t limit = vs_http_route_body_limit(request->server, row);
    request->media_type = media_type;
    request->length = UINT64_MAX;
    request->put = (struct put){.row = row, .limit = limit};
    vs_buffer_init(&request->body, limit > SIZE_MAX / 4 ? SIZE_MAX / 4 : (size_t)limit);
    if (row->max_body != VS_BODY_DOCUMENT)
        return VS_OK;
    VS_TRY(vs_http_begin_upload(request, UINT64_MAX, err));
    request->put.limit = request->document_bytes;
    return VS_OK;
}

vs_rc vs_request_put_body(struct vs_request *request, struct vs_bytes bytes,
                          struct vs_error *err)
{
    struct put *put = &request->put;
    put->bytes += bytes.len;
    VS_REFUSE_IF(put->bytes > put->limit, err, VS_E_TOO_LARGE, NULL,
                 "the body grew over %llu bytes", (unsigned long long)put->limit);
    VS_TRY(vs_http_count_upload(request, bytes.len, err));
    if (put->row->chunk != NULL)
        return put->row->chunk(request, bytes, err);
    vs_buffer_add(&request->body, bytes);
    return vs_buffer_check(&request->body, err);
}

vs_rc vs_request_may(const struct vs_request *request, const struct vs_route *row,
                     struct vs_error *err)
{
    VS_REFUSE_IF((request->rights & row->rights) == 0, err, VS_E_FORBIDDEN, NULL,
                 "none of the caller's roles may call this");
    return VS_OK;
}

void vs_request_set_door(struct vs_request *request, void *door, void (*free_door)(void *))
{
    request->door = door;
    request->free_door = free_door;
}

void *vs_request_door(const struct vs_request *request)
{
    return request->door;
}

/* ---- holds ---------------------------------------------------------------------------------
 */

void vs_request_hold(struct vs_request *request)
{
    /* run_handler's own hold is the first; the next one, taken in the same thread, suspends. */
    if (atomic_fetch_add(&request->holds, 1) != 1 || request->suspended)
        return;
    request->suspended = true;
    atomic_fetch_add(&request->server->n_held, 1);
    MHD_suspend_connection(request->mhd);
}

void vs_request_release(struct vs_request *request)
{
    struct vs_server *server = request->server;
    if (atomic_fetch_sub(&request->holds, 1) != 1)
        return;
    /* Nothing of the request may be touched after this line: its own thread goes on with it. */
    MHD_resume_connection(request->mhd);
    atomic_fetch_sub(&server->n_held, 1);
}

void vs_request_then(struct vs_request *request, vs_handler *then)
{
    request->then = then;
}

void vs_request_fail(struct vs_request *request, const struct vs_error *err)
{
    request->then = NULL;
    vs_respond_problem(request, err);
    vs_request_release(request);
}
