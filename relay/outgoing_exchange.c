#include "relay/outgoing_priv.h"
#include <netinet/in.h>
#include <sys/socket.h>

enum { DEFAULT_TIMEOUT_MS = 10000 };

static curl_socket_t open_checked(void *context, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct vs_exchange *x = context;
    uint8_t address[16];
    (void)purpose;
    if (at->family == AF_INET)
        vs_outgoing_map_ipv4(
            (const uint8_t *)&((struct sockaddr_in *)(void *)&at->addr)->sin_addr, address);
    else if (at->family == AF_INET6)
        memcpy(address, &((struct sockaddr_in6 *)(void *)&at->addr)->sin6_addr, 16);
    else
        return CURL_SOCKET_BAD;
    if (!vs_outgoing_may_reach(x->outgoing, address)) {
        x->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct vs_exchange *x = context;
    size_t len = size * count;
    long status = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    if (x->request->sink != NULL && status >= 200 && status < 300) {
        x->inner = x->request->sink(x->request->context, VS_BYTES(bytes, len), x->err);
        return vs_ok(x->inner) ? len : 0;
    }
    x->received += len;
    uint64_t most = x->request->max_answer_bytes == 0 ? 1 << 20 : x->request->max_answer_bytes;
    if (x->received > most) {
        x->inner = vs_fail(x->err, VS_E_LIMIT, NULL, "%s answers with more than %llu bytes",
                           x->host, (unsigned long long)most);
        return 0;
    }
    vs_buffer_add(&x->body, VS_BYTES(bytes, len));
    return len;
}

/* With head_only nothing is read beyond the final answer's head: an endpoint that said 2xx has
 * said it, whatever follows or fails to. */
static size_t take_head(char *line, size_t size, size_t count, void *context)
{
    struct vs_exchange *x = context;
    size_t len = size * count;
    long status = 0;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    bool end = len == 0 || line[0] == '\r' || line[0] == '\n';
    if (!end || status < 200)
        return len;
    x->head_complete = true;
    return 0;
}

static size_t give_body(char *to, size_t size, size_t count, void *context)
{
    struct vs_exchange *x = context;
    uint64_t left = x->request->source->size - x->sent;
    size_t len = size * count < left ? size * count : (size_t)left;
    if (len == 0)
        return 0;
    x->inner = vs_source_read(x->request->source, x->sent, to, len, x->err);
    x->sent += len;
    return vs_ok(x->inner) ? len : CURL_READFUNC_ABORT;
}

static int tell_progress(void *context, curl_off_t down_total, curl_off_t down,
                         curl_off_t up_total, curl_off_t up)
{
    struct vs_exchange *x = context;
    bool uploading = x->request->source != NULL && down == 0;
    x->request->progress(x->request->context, (uint64_t)(uploading ? up : down),
                         (uint64_t)(uploading ? up_total : down_total));
    return 0;
}

static vs_rc split_url(struct vs_exchange *x, struct vs_error *err)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool ok = url != NULL &&
              curl_url_set(url, CURLUPART_URL, x->request->url, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    bool secure = ok && strcmp(scheme, "https") == 0;
    bool allowed = secure || (ok && x->outgoing->http && strcmp(scheme, "http") == 0);
    if (ok)
        snprintf(x->host, sizeof x->host, "%s:%s", host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
    if (!ok)
        return vs_fail(err, VS_E_PARAMETER, "RFC 3986", "an address that is no http(s) URL");
    VS_REFUSE_IF(!allowed, err, VS_E_NETWORK_POLICY, NULL, "%s: only %s may be used", x->host,
                 x->outgoing->http ? "http and https" : "https");
    return VS_OK;
}

#define set(option, value) (void)curl_easy_setopt(x->curl, option, value)

static void set_guards(struct vs_exchange *x)
{
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_OPENSOCKETFUNCTION, open_checked);
    set(CURLOPT_OPENSOCKETDATA, x);
    set(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    const char *ca = x->request->ca_file != NULL ? x->request->ca_file : x->outgoing->ca_file;
    if (ca != NULL)
        set(CURLOPT_CAINFO, ca);
    if (x->request->client_certificate_file != NULL) {
        set(CURLOPT_SSLCERT, x->request->client_certificate_file);
        set(CURLOPT_SSLKEY, x->request->client_key_file);
    }
}

static void set_times(struct vs_exchange *x)
{
    const struct vs_outgoing_request *r = x->request;
    uint32_t whole =
        r->timeout_ms == 0 && r->stall_ms == 0 ? DEFAULT_TIMEOUT_MS : r->timeout_ms;
    set(CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    if (whole > 0)
        set(CURLOPT_TIMEOUT_MS, (long)whole);
    if (r->stall_ms > 0) {
        set(CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(CURLOPT_LOW_SPEED_TIME, (long)(r->stall_ms + 999) / 1000);
    }
}

static void set_body(struct vs_exchange *x)
{
    const struct vs_outgoing_request *r = x->request;
    set(CURLOPT_URL, r->url);
    set(CURLOPT_USERAGENT, x->outgoing->user_agent);
    if (strcmp(r->method, "HEAD") == 0)
        set(CURLOPT_NOBODY, 1L);
    if (r->source != NULL) {
        set(CURLOPT_UPLOAD, 1L);
        set(CURLOPT_READFUNCTION, give_body);
        set(CURLOPT_READDATA, x);
        set(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->source->size);
    } else if (r->body.len > 0 || strcmp(r->method, "POST") == 0) {
        set(CURLOPT_POST, 1L);
        set(CURLOPT_POSTFIELDS, r->body.len > 0 ? (const char *)r->body.ptr : "");
        set(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    }
    set(CURLOPT_CUSTOMREQUEST, r->method);
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, x);
    if (r->head_only) {
        set(CURLOPT_HEADERFUNCTION, take_head);
        set(CURLOPT_HEADERDATA, x);
    }
    if (r->progress != NULL) {
        set(CURLOPT_NOPROGRESS, 0L);
        set(CURLOPT_XFERINFOFUNCTION, tell_progress);
        set(CURLOPT_XFERINFODATA, x);
    }
}
#undef set

/* NULL: memory is out. "Expect:" is left out, so that a body is sent at once. */
static struct curl_slist *header_list(const struct vs_outgoing_request *r)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (const char *const *h = r->headers; list != NULL && h != NULL && *h != NULL; h++) {
        struct curl_slist *longer = curl_slist_append(list, *h);
        if (longer == NULL)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

static vs_rc read_head(struct vs_exchange *x, struct vs_error *err)
{
    struct vs_outgoing_answer *answer = x->answer;
    long status = 0;
    char *type = NULL;
    curl_off_t retry = 0;
    struct curl_header *etag = NULL;
    curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(x->curl, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(x->curl, CURLINFO_RETRY_AFTER, &retry);
    answer->status = (int)status;
    answer->retry_after_s = retry > 0 && retry < 86400 ? (uint32_t)retry : 0;
    size_t len = type == NULL ? 0 : strcspn(type, "; \t");
    char *media_type = vs_arena_strndup(x->arena, type, len);
    if (media_type == NULL)
        return vs_fail_memory(err);
    for (char *c = media_type; *c != '\0'; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    answer->media_type = media_type;
    if (curl_easy_header(x->curl, "ETag", 0, CURLH_HEADER, -1, &etag) == CURLHE_OK)
        answer->etag = vs_arena_strdup(x->arena, etag->value);
    return vs_buffer_copy(&x->body, x->arena, &answer->body, err);
}

/* A name that the policy answers for is pinned to that answer; others resolve as usual, once.
 */
static vs_rc pin_address(struct vs_exchange *x, struct vs_error *err)
{
    char host[VS_OUTGOING_HOST], entry[VS_OUTGOING_HOST + 64];
    const char *colon = strrchr(x->host, ':');
    if (x->outgoing->resolve == NULL)
        return VS_OK;
    snprintf(host, sizeof host, "%.*s", (int)(colon - x->host), x->host);
    const char *address = x->outgoing->resolve(x->outgoing->resolve_context, host);
    if (address == NULL)
        return VS_OK;
    snprintf(entry, sizeof entry, "%s:%s", x->host, address);
    x->resolved = curl_slist_append(NULL, entry);
    if (x->resolved == NULL)
        return vs_fail_memory(err);
    curl_easy_setopt(x->curl, CURLOPT_RESOLVE, x->resolved);
    return VS_OK;
}

vs_rc vs_exchange_begin(struct vs_exchange *x, struct vs_error *err)
{
    x->inner = VS_OK;
    x->err = err;
    vs_buffer_init(&x->body, SIZE_MAX / 2);
    VS_TRY(split_url(x, err));
    if (!x->request->try_anyway && vs_outgoing_failed_lately(x->outgoing, x->host))
        return vs_fail(err, VS_E_NETWORK, NULL, "%s could not be reached a moment ago",
                       x->host);
    x->curl = curl_easy_init();
    x->headers = header_list(x->request);
    if (x->curl == NULL || x->headers == NULL)
        return vs_fail_memory(err);
    set_guards(x);
    set_times(x);
    set_body(x);
    curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, x->detail);
    return pin_address(x, err);
}

void vs_exchange_free(struct vs_exchange *x)
{
    curl_easy_cleanup(x->curl);
    curl_slist_free_all(x->headers);
    curl_slist_free_all(x->resolved);
    vs_buffer_done(&x->body);
    x->curl = NULL;
    x->headers = x->resolved = NULL;
}

/* Accepting what one has not read is no acceptance (RFC 9110, 9.3.3 answers the whole request).
 */
static bool answered_early(const struct vs_exchange *x)
{
    return x->head_complete && x->request->source != NULL &&
           x->sent < x->request->source->size && x->answer->status < 400;
}

vs_rc vs_exchange_judge(struct vs_exchange *x, CURLcode code, struct vs_error *err)
{
    bool away = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                (code == CURLE_OPERATION_TIMEDOUT && x->received == 0);
    if (away && !x->refused_address && !x->head_complete)
        vs_outgoing_remember_failure(x->outgoing, x->host);
    if (!vs_ok(x->inner))
        return x->inner;
    VS_REFUSE_IF(x->refused_address && code != CURLE_OK, err, VS_E_NETWORK_POLICY, NULL,
                 "%s resolves to an address that is not public", x->host);
    if (code != CURLE_OK && !x->head_complete)
        return vs_fail(err, VS_E_NETWORK, NULL, "%s: %s", x->host,
                       x->detail[0] != '\0' ? x->detail : curl_easy_strerror(code));
    /* libcurl takes a head that breaks off for a short answer. */
    if (x->request->head_only && !x->head_complete)
        return vs_fail(err, VS_E_NETWORK, NULL, "%s broke off in its answer", x->host);
    VS_TRY(read_head(x, err));
    if (answered_early(x))
        return vs_fail(err, VS_E_NETWORK, NULL, "%s answered before it had read everything",
                       x->host);
    return VS_OK;
}

vs_rc vs_outgoing_send(struct vs_outgoing *outgoing, struct vs_arena *arena,
                       const struct vs_outgoing_request *request,
                       struct vs_outgoing_answer *ret, struct vs_error *err)
{
    struct vs_outgoing_answer answer = {0};
    struct vs_exchange x = {
        .outgoing = outgoing, .request = request, .answer = &answer, .arena = arena};
    vs_rc rc = vs_exchange_begin(&x, err);
    if (vs_ok(rc))
        rc = vs_exchange_judge(&x, curl_easy_perform(x.curl), err);
    vs_exchange_free(&x);
    if (vs_ok(rc))
        *ret = answer;
    return rc;
}
