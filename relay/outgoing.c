#include "relay/outgoing.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_RANGES = 32, FAILED_HOSTS = 64, DEFAULT_TIMEOUT_MS = 10000 };

struct range {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct failed_host {
    char name[128]; /* host:port */
    int64_t until_ms;
};

struct vs_outgoing {
    struct range ranges[MOST_RANGES];
    size_t n_ranges;
    bool http;
    uint32_t failed_host_ms;
    char *ca_file, *user_agent;
    pthread_mutex_t lock; /* guards failed[] */
    struct failed_host failed[FAILED_HOSTS];
    size_t next_failed;
};

/* ---- addresses ------------------------------------------------------------------------- */

/* What is not the public internet: RFC 6890 and its later registries. */
static const struct {
    const char *address;
    unsigned bits;
} not_public[] = {
    {"0.0.0.0", 8},      {"10.0.0.0", 8},     {"100.64.0.0", 10}, {"127.0.0.0", 8},
    {"169.254.0.0", 16}, {"172.16.0.0", 12},  {"192.0.0.0", 24},  {"192.0.2.0", 24},
    {"192.88.99.0", 24}, {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24},
    {"203.0.113.0", 24}, {"224.0.0.0", 3},    {"::", 128},        {"::1", 128},
    {"64:ff9b::", 96},   {"64:ff9b:1::", 48}, {"100::", 64},      {"2001::", 23},
    {"2001:db8::", 32},  {"2002::", 16},      {"3fff::", 20},     {"5f00::", 16},
    {"fc00::", 7},       {"fe80::", 10},      {"fec0::", 10},     {"ff00::", 8},
    {"::", 96},
};

static bool in_range(const uint8_t address[16], const uint8_t base[16], unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    if (memcmp(address, base, bytes) != 0)
        return false;
    return rest == 0 || (address[bytes] ^ base[bytes]) >> (8 - rest) == 0;
}

static void map_ipv4(const uint8_t from[4], uint8_t to[16])
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(to, prefix, sizeof prefix);
    memcpy(to + 12, from, 4);
}

static bool read_address(const char *text, struct range *ret)
{
    uint8_t four[4];
    if (inet_pton(AF_INET, text, four) == 1) {
        map_ipv4(four, ret->address);
        ret->bits = 96;
        return true;
    }
    ret->bits = 0;
    return inet_pton(AF_INET6, text, ret->address) == 1;
}

static bool is_public(const uint8_t address[16])
{
    for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
        struct range r;
        VS_ASSERT(read_address(not_public[i].address, &r));
        if (in_range(address, r.address, r.bits + not_public[i].bits))
            return false;
    }
    return true;
}

bool vs_address_is_public(struct vs_bytes address)
{
    uint8_t whole[16];
    if (address.len == 4)
        map_ipv4(address.ptr, whole);
    else
        memcpy(whole, address.ptr, sizeof whole);
    return is_public(whole);
}

static bool may_reach(const struct vs_outgoing *outgoing, const uint8_t address[16])
{
    for (size_t i = 0; i < outgoing->n_ranges; i++)
        if (in_range(address, outgoing->ranges[i].address, outgoing->ranges[i].bits))
            return true;
    return is_public(address);
}

static vs_rc add_range(struct vs_outgoing *outgoing, const char *text, struct vs_error *err)
{
    char address[64];
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct range *r = &outgoing->ranges[outgoing->n_ranges];
    if (outgoing->n_ranges == MOST_RANGES || len >= sizeof address)
        return vs_fail(err, VS_E_CONFIG, NULL, "more than %d address ranges", MOST_RANGES);
    memcpy(address, text, len);
    address[len] = '\0';
    if (!read_address(address, r))
        return vs_fail(err, VS_E_CONFIG, NULL, "no address range: %s", text);
    uint64_t bits = 128 - r->bits;
    uint64_t most = bits;
    if (slash != NULL && (!vs_u64_decode(vs_bytes_text(slash + 1), &bits) || bits > most))
        return vs_fail(err, VS_E_CONFIG, NULL, "no address range: %s", text);
    r->bits += (unsigned)bits;
    outgoing->n_ranges++;
    return VS_OK;
}

/* ---- hosts that could not be reached ------------------------------------------------------
 */

static int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool failed_lately(struct vs_outgoing *outgoing, const char *host)
{
    bool found = false;
    int64_t now = monotonic_ms();
    pthread_mutex_lock(&outgoing->lock);
    for (size_t i = 0; i < FAILED_HOSTS; i++)
        found |=
            outgoing->failed[i].until_ms > now && strcmp(outgoing->failed[i].name, host) == 0;
    pthread_mutex_unlock(&outgoing->lock);
    return found;
}

static void remember_failure(struct vs_outgoing *outgoing, const char *host)
{
    if (outgoing->failed_host_ms == 0)
        return;
    pthread_mutex_lock(&outgoing->lock);
    struct failed_host *f = &outgoing->failed[outgoing->next_failed++ % FAILED_HOSTS];
    snprintf(f->name, sizeof f->name, "%s", host);
    f->until_ms = monotonic_ms() + outgoing->failed_host_ms;
    pthread_mutex_unlock(&outgoing->lock);
}

/* ---- one exchange ---------------------------------------------------------------------------
 */

struct exchange {
    const struct vs_outgoing *outgoing;
    const struct vs_outgoing_request *request;
    struct vs_outgoing_answer *answer;
    struct vs_arena *arena;
    CURL *curl;
    char host[128]; /* host:port, for texts and the negative cache */
    struct vs_buffer body;
    uint64_t received, sent;
    bool refused_address;
    vs_rc inner; /* a failure inside a callback, told in *err */
    struct vs_error *err;
};

static curl_socket_t open_checked(void *context, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct exchange *x = context;
    uint8_t address[16];
    (void)purpose;
    if (at->family == AF_INET)
        map_ipv4((const uint8_t *)&((struct sockaddr_in *)(void *)&at->addr)->sin_addr,
                 address);
    else if (at->family == AF_INET6)
        memcpy(address, &((struct sockaddr_in6 *)(void *)&at->addr)->sin6_addr, 16);
    else
        return CURL_SOCKET_BAD;
    if (!may_reach(x->outgoing, address)) {
        x->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
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

static size_t give_body(char *to, size_t size, size_t count, void *context)
{
    struct exchange *x = context;
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
    struct exchange *x = context;
    bool uploading = x->request->source != NULL && down == 0;
    x->request->progress(x->request->context, (uint64_t)(uploading ? up : down),
                         (uint64_t)(uploading ? up_total : down_total));
    return 0;
}

static vs_rc split_url(struct exchange *x, struct vs_error *err)
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

static void set_guards(struct exchange *x)
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

static void set_times(struct exchange *x)
{
    const struct vs_outgoing_request *r = x->request;
    set(CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    if (r->stall_ms == 0) {
        set(CURLOPT_TIMEOUT_MS,
            (long)(r->timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : r->timeout_ms));
        return;
    }
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, (long)(r->stall_ms + 999) / 1000);
}

static void set_body(struct exchange *x)
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

static vs_rc read_head(struct exchange *x, struct vs_error *err)
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

static vs_rc judge(struct exchange *x, CURLcode code, const char *detail, struct vs_error *err)
{
    if (!vs_ok(x->inner))
        return x->inner;
    VS_REFUSE_IF(x->refused_address && code != CURLE_OK, err, VS_E_NETWORK_POLICY, NULL,
                 "%s resolves to an address that is not public", x->host);
    if (code == CURLE_OK)
        return read_head(x, err);
    return vs_fail(err, VS_E_NETWORK, NULL, "%s: %s", x->host,
                   detail[0] != '\0' ? detail : curl_easy_strerror(code));
}

static vs_rc perform(struct vs_outgoing *outgoing, struct exchange *x, struct vs_error *err)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = header_list(x->request);
    if (headers == NULL)
        return vs_fail_memory(err);
    set_guards(x);
    set_times(x);
    set_body(x);
    curl_easy_setopt(x->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(x->curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(x->curl);
    curl_slist_free_all(headers);
    bool away = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
                (code == CURLE_OPERATION_TIMEDOUT && x->received == 0);
    if (away && !x->refused_address)
        remember_failure(outgoing, x->host);
    return judge(x, code, detail, err);
}

vs_rc vs_outgoing_send(struct vs_outgoing *outgoing, struct vs_arena *arena,
                       const struct vs_outgoing_request *request,
                       struct vs_outgoing_answer *ret, struct vs_error *err)
{
    struct vs_outgoing_answer answer = {0};
    struct exchange x = {.outgoing = outgoing,
                         .request = request,
                         .answer = &answer,
                         .arena = arena,
                         .inner = VS_OK,
                         .err = err};
    VS_TRY(split_url(&x, err));
    if (failed_lately(outgoing, x.host))
        return vs_fail(err, VS_E_NETWORK, NULL, "%s could not be reached a moment ago", x.host);
    x.curl = curl_easy_init();
    if (x.curl == NULL)
        return vs_fail_memory(err);
    vs_buffer_init(&x.body, SIZE_MAX / 2);
    vs_rc rc = perform(outgoing, &x, err);
    vs_buffer_done(&x.body);
    curl_easy_cleanup(x.curl);
    if (vs_ok(rc))
        *ret = answer;
    return rc;
}

/* ---- life -----------------------------------------------------------------------------------
 */

static void start_curl(void)
{
    VS_ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

vs_rc vs_outgoing_new(const struct vs_outgoing_policy *policy, struct vs_outgoing **ret,
                      struct vs_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    struct vs_outgoing *outgoing = vs_heap_new(sizeof *outgoing);
    pthread_mutex_init(&outgoing->lock, NULL);
    outgoing->http = policy->http;
    outgoing->failed_host_ms = policy->failed_host_ms;
    outgoing->ca_file = policy->ca_file == NULL ? NULL : vs_heap_strdup(policy->ca_file);
    outgoing->user_agent =
        vs_heap_strdup(policy->user_agent == NULL ? "vasite" : policy->user_agent);
    for (const char *const *r = policy->allowed_ranges; r != NULL && *r != NULL; r++) {
        vs_rc rc = add_range(outgoing, *r, err);
        if (!vs_ok(rc)) {
            vs_outgoing_free(outgoing);
            return rc;
        }
    }
    *ret = outgoing;
    return VS_OK;
}

void vs_outgoing_free(struct vs_outgoing *outgoing)
{
    if (outgoing == NULL)
        return;
    pthread_mutex_destroy(&outgoing->lock);
    vs_heap_free(outgoing->ca_file);
    vs_heap_free(outgoing->user_agent);
    vs_heap_free(outgoing);
}
