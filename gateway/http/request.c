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
