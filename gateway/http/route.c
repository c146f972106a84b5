#include "gateway/http/http_priv.h"

static vs_rc take_param(struct vs_request *request, const char *name, size_t name_len,
                        const char *value, size_t value_len, struct vs_error *err)
{
    struct vs_bytes text;
    VS_ASSERT(request->n_params < MAX_PARAMS);
    if (value_len == 0 ||
        !vs_ok(vs_percent_decode(request->arena, VS_BYTES(value, value_len), &text, err)) ||
        vs_text_has_controls(text))
        return vs_fail(err, VS_E_NO_ROUTE, NULL, "a segment of the path cannot be read");
    struct pair pair = {vs_arena_strndup(request->arena, name, name_len),
                        vs_arena_strndup(request->arena, (const char *)text.ptr, text.len)};
    if (pair.name == NULL || pair.value == NULL)
        return vs_fail_memory(err);
    request->params[request->n_params++] = pair;
    return VS_OK;
}

/* Segment by segment: literal text, {name}, or {name...} to the end. */
static bool path_matches(const char *pattern, const char *path)
{
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/"), have = strcspn(++path, "/");
        if (want > 0 && pattern[0] == '{') {
            if (have == 0)
                return false;
            if (want > 4 && memcmp(pattern + want - 4, "...}", 4) == 0)
                return true;
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

static vs_rc take_params(struct vs_request *request, struct vs_error *err)
{
    const char *pattern = request->route->path, *path = request->raw_path;
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/"), have = strcspn(++path, "/");
        if (want > 4 && memcmp(pattern + want - 4, "...}", 4) == 0)
            return take_param(request, pattern + 1, want - 5, path, strlen(path), err);
        if (want > 2 && pattern[0] == '{')
            VS_TRY(take_param(request, pattern + 1, want - 2, path, have, err));
        pattern += want;
        path += have;
    }
    return VS_OK;
}

static bool method_serves(const char *row, const char *asked)
{
    return strcmp(row, asked) == 0 || (strcmp(row, "GET") == 0 && strcmp(asked, "HEAD") == 0);
}

vs_rc vs_http_route_find(struct vs_request *request, enum vs_listener listener,
                         struct vs_error *err)
{
    const struct vs_server_options *options = &request->server->options;
    char allow[128] = "";
    for (size_t i = 0; i < options->n_routes; i++) {
        const struct vs_route *row = &options->routes[i];
        if ((row->listener & listener) == 0 || !path_matches(row->path, request->raw_path))
            continue;
        if (method_serves(row->method, request->method)) {
            request->route = row;
            return take_params(request, err);
        }
        size_t used = strlen(allow);
        snprintf(allow + used, sizeof allow - used, "%s%s%s", used > 0 ? ", " : "", row->method,
                 strcmp(row->method, "GET") == 0 ? ", HEAD" : "");
    }
    if (allow[0] == '\0')
        return vs_fail(err, VS_E_NO_ROUTE, NULL, "no such path here");
    vs_respond_header(request, "Allow", allow);
    return vs_fail(err, VS_E_METHOD, NULL, "allowed: %s", allow);
}

uint64_t vs_http_route_body_limit(struct vs_server *server, const struct vs_route *row)
{
    return row->max_body >= VS_BODY_DOOR ? vs_http_limits(server).document_bytes
                                         : row->max_body;
}

vs_rc vs_http_route_accepts_body(struct vs_request *request, struct vs_error *err)
{
    const struct vs_route *route = request->route;
    if (request->length == 0 && request->media_type[0] == '\0')
        return VS_OK;
    uint64_t limit = vs_http_route_body_limit(request->server, route);
    VS_REFUSE_IF(request->length != UINT64_MAX && request->length > limit, err, VS_E_TOO_LARGE,
                 NULL, "Content-Length is %llu, the limit %llu bytes",
                 (unsigned long long)request->length, (unsigned long long)limit);
    VS_REFUSE_IF(request->length == UINT64_MAX && limit == 0, err, VS_E_TOO_LARGE, NULL,
                 "this call takes no body");
    if (request->length == 0 || route->media_types == NULL)
        return VS_OK;
    VS_REFUSE_IF(strcmp(route->media_types, "*") != 0 &&
                     !vs_http_list_has(route->media_types, request->media_type),
                 err, VS_E_MEDIA_TYPE, NULL, "Content-Type is not one of: %s",
                 route->media_types);
    return VS_OK;
}
