#include "gateway/http/http_priv.h"
#include <ctype.h>

/* Headers whose repetition two readers could resolve differently. */
static const char *const SINGLE[] = {
    "Host",          "Content-Length",  "Content-Type", "Transfer-Encoding",
    "Authorization", "Idempotency-Key", "Expect",
};

bool vs_http_header_is_single(const char *name)
{
    for (size_t i = 0; i < sizeof SINGLE / sizeof SINGLE[0]; i++)
        if (strcasecmp(name, SINGLE[i]) == 0)
            return true;
    return strncasecmp(name, "Vasite-", 7) == 0;
}

static bool is_token(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("!#$%&'*+-.^_`|~", *at) == NULL)
            return false;
    return *text != '\0';
}

struct collecting {
    struct vs_request *request;
    vs_rc rc;
    struct vs_error *err;
};

static vs_rc take_header(struct vs_request *request, const char *name, const char *value,
                         struct vs_error *err)
{
    VS_REFUSE_IF(request->n_headers == MAX_HEADERS, err, VS_E_HTTP, NULL,
                 "more than %d headers", MAX_HEADERS);
    VS_REFUSE_IF(!is_token(name), err, VS_E_HTTP, "RFC 9110, 5.6.2",
                 "a header name is no token");
    VS_REFUSE_IF(vs_text_has_controls(vs_bytes_text(value)), err, VS_E_HTTP, "RFC 9110, 5.5",
                 "header %s holds control characters or no UTF-8", name);
    for (size_t i = 0; vs_http_header_is_single(name) && i < request->n_headers; i++)
        VS_REFUSE_IF(strcasecmp(request->headers[i].name, name) == 0, err, VS_E_HTTP,
                     "RFC 9112, 6.3", "header %s occurs twice", name);
    request->headers[request->n_headers++] = (struct pair){name, value};
    return VS_OK;
}

static enum MHD_Result each_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    struct collecting *self = context;
    self->rc = take_header(self->request, name, value == NULL ? "" : value, self->err);
    return vs_ok(self->rc) ? MHD_YES : MHD_NO;
}

/* libmicrohttpd ends header lines by NULs in its read buffer, two for CR LF and one for a bare
 * LF: the byte after a value's NUL tells. Of the line that lies last nothing can be said, since
 * the empty line's NULs follow it. A bare LF is how a request is smuggled past a proxy that
 * does not take it for a line's end (RFC 9112, 2.2). */
static vs_rc refuse_bare_lf(const struct vs_request *request, const char *version,
                            struct vs_error *err)
{
    const char *last = version;
    for (size_t i = 0; i < request->n_headers; i++)
        if (request->headers[i].value > last)
            last = request->headers[i].value;
    for (size_t i = 0; i <= request->n_headers; i++) {
        const char *line = i == 0 ? version : request->headers[i - 1].value;
        /* A folded value was joined elsewhere; it has no place in the line order. */
        if (line < version || line == last || *line == '\0')
            continue;
        VS_REFUSE_IF(line[strlen(line) + 1] != '\0', err, VS_E_HTTP, "RFC 9112, 2.2",
                     "a line ends with a bare LF");
    }
    return VS_OK;
}

static vs_rc check_framing(struct vs_request *request, struct vs_error *err)
{
    const char *length = vs_request_header(request, "Content-Length");
    const char *coding = vs_request_header(request, "Transfer-Encoding");
    VS_REFUSE_IF(length != NULL && coding != NULL, err, VS_E_HTTP, "RFC 9112, 6.1",
                 "Content-Length and Transfer-Encoding together");
    VS_REFUSE_IF(coding != NULL && strcasecmp(coding, "chunked") != 0, err, VS_E_HTTP,
                 "RFC 9112, 6.1", "a Transfer-Encoding other than chunked");
    request->length = coding != NULL ? UINT64_MAX : 0;
    if (length == NULL)
        return VS_OK;
    VS_REFUSE_IF(!vs_u64_decode(vs_bytes_text(length), &request->length) ||
                     request->length > INT64_MAX,
                 err, VS_E_HTTP, "RFC 9110, 8.6", "Content-Length is no number");
    return VS_OK;
}

vs_rc vs_http_transport_check(struct vs_request *request, const char *version,
                              struct vs_error *err)
{
    struct collecting headers = {request, VS_OK, err};
    MHD_get_connection_values(request->mhd, MHD_HEADER_KIND, each_header, &headers);
    VS_TRY(headers.rc);
    request->language = vs_http_language(vs_request_header(request, "Accept-Language"));
    VS_TRY(refuse_bare_lf(request, version, err));
    VS_REFUSE_IF(strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0, err,
                 VS_E_HTTP, "RFC 9112, 2.3", "neither HTTP/1.1 nor HTTP/1.0");
    VS_REFUSE_IF(strcmp(version, "HTTP/1.1") == 0 && vs_request_header(request, "Host") == NULL,
                 err, VS_E_HTTP, "RFC 9112, 3.2", "header Host is missing");
    const char *expect = vs_request_header(request, "Expect");
    VS_REFUSE_IF(expect != NULL && strcasecmp(expect, "100-continue") != 0, err, VS_E_HTTP,
                 "RFC 9110, 10.1.1", "an expectation other than 100-continue");
    return check_framing(request, err);
}

static vs_rc take_query(struct vs_request *request, const char *name, const char *value,
                        struct vs_error *err)
{
    struct vs_bytes key, text;
    VS_REFUSE_IF(request->n_query == MAX_QUERY, err, VS_E_PARAMETER, NULL,
                 "more than %d query parameters", MAX_QUERY);
    if (!vs_ok(vs_percent_decode(request->arena, vs_bytes_text(name), &key, err)) ||
        !vs_ok(vs_percent_decode(request->arena, vs_bytes_text(value), &text, err)))
        return vs_fail(err, VS_E_PARAMETER, "RFC 3986, 2.1",
                       "query: a broken percent-encoding");
    VS_REFUSE_IF(vs_text_has_controls(key) || vs_text_has_controls(text), err, VS_E_PARAMETER,
                 NULL, "query: control characters or no UTF-8");
    struct pair pair = {vs_arena_strndup(request->arena, (const char *)key.ptr, key.len),
                        vs_arena_strndup(request->arena, (const char *)text.ptr, text.len)};
    if (pair.name == NULL || pair.value == NULL)
        return vs_fail_memory(err);
    VS_REFUSE_IF(vs_request_query(request, pair.name) != NULL, err, VS_E_PARAMETER, NULL,
                 "query: %s occurs twice", pair.name);
    request->query[request->n_query++] = pair;
    return VS_OK;
}

static enum MHD_Result each_query(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    struct collecting *self = context;
    self->rc = take_query(self->request, name, value == NULL ? "" : value, self->err);
    return vs_ok(self->rc) ? MHD_YES : MHD_NO;
}

vs_rc vs_http_transport_read(struct vs_request *request, struct vs_error *err)
{
    struct collecting query = {request, VS_OK, err};
    MHD_get_connection_values(request->mhd, MHD_GET_ARGUMENT_KIND, each_query, &query);
    VS_TRY(query.rc);
    const char *type = vs_request_header(request, "Content-Type");
    size_t len = type == NULL ? 0 : strcspn(type, "; \t");
    char *copy = vs_arena_strndup(request->arena, type == NULL ? "" : type, len);
    if (copy == NULL)
        return vs_fail_memory(err);
    for (char *at = copy; *at != '\0'; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    request->media_type = copy;
    return VS_OK;
}
