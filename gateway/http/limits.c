/* What one participant, or one address, may use: a token bucket a second deep, requests and
 * uploads under way, bytes of documents a day. A participant at its limit waits (429 with
 * Retry-After); nobody else does: none of these is shared. Counted in memory: a new start
 * forgets a day's volume. */
#include "gateway/http/http_priv.h"

/* -- entries by name ---------------------------------------------------------------------- */

static struct rate **rate_slot(struct vs_server *server, const char *kind, const char *name)
{
    uint32_t hash = vs_crc32c(vs_crc32c(0, vs_bytes_text(kind)), vs_bytes_text(name));
    struct rate **slot = &server->rates[hash % (RATE_ENTRIES / 8)];
    while (*slot != NULL && (strncmp((*slot)->name, kind, strlen(kind)) != 0 ||
                             strcmp((*slot)->name + strlen(kind), name) != 0))
        slot = &(*slot)->next;
    return slot;
}

/* Quiet for a second its bucket is full again; what it has of the day's volume is kept. */
static bool may_forget(const struct rate *rate, int64_t now_ms, int64_t day)
{
    return rate->active == 0 && rate->uploads == 0 && now_ms - rate->at_ms >= 1000 &&
           (rate->volume == 0 || rate->day != day);
}

static void forget_quiet(struct vs_server *server, int64_t now_ms, int64_t day)
{
    for (size_t i = 0; i < RATE_ENTRIES / 8; i++)
        for (struct rate **slot = &server->rates[i]; *slot != NULL;) {
            struct rate *rate = *slot;
            if (!may_forget(rate, now_ms, day)) {
                slot = &rate->next;
                continue;
            }
            *slot = rate->next;
            vs_heap_free(rate->name);
            vs_heap_free(rate);
            server->n_rates--;
        }
}

static int64_t day_of(struct vs_server *server)
{
    return server->options.now_ms(server->options.context) / VS_DAY_MS;
}

/* The entry of `name`, made where there is none; NULL: too many names are active. */
static struct rate *rate_of(struct vs_server *server, const char *kind, const char *name,
                            uint64_t tokens, int64_t now_ms)
{
    if (server->n_rates >= RATE_ENTRIES)
        forget_quiet(server, now_ms, day_of(server));
    struct rate **slot = rate_slot(server, kind, name);
    struct rate *rate = *slot;
    if (rate != NULL || server->n_rates >= RATE_ENTRIES)
        return rate;
    rate = *slot = vs_heap_new(sizeof *rate);
    size_t size = strlen(kind) + strlen(name) + 1;
    rate->name = vs_heap_new(size);
    snprintf(rate->name, size, "%s%s", kind, name);
    rate->tokens = tokens;
    rate->at_ms = now_ms;
    server->n_rates++;
    return rate;
}

static bool take_token(struct vs_server *server, const char *kind, const char *name,
                       unsigned per_second, int64_t now_ms)
{
    uint64_t full = UINT64_C(1000) * per_second;
    struct rate *rate = rate_of(server, kind, name, full, now_ms);
    if (rate == NULL)
        return false;
    rate->tokens += (uint64_t)(now_ms - rate->at_ms) * per_second;
    rate->at_ms = now_ms;
    if (rate->tokens > full)
        rate->tokens = full;
    if (rate->tokens < 1000)
        return false;
    rate->tokens -= 1000;
    return true;
}

bool vs_http_rate(struct vs_server *server, const char *kind, const char *name,
                  unsigned per_second)
{
    if (per_second == 0)
        return true;
    pthread_mutex_lock(&server->lock);
    bool within = take_token(server, kind, name, per_second, vs_http_monotonic_ms());
    pthread_mutex_unlock(&server->lock);
    return within;
}

void vs_http_rates_free(struct vs_server *server)
{
    forget_quiet(server, INT64_MAX, INT64_MAX);
    vs_heap_free(server->overrides);
}

/* -- what a participant may ---------------------------------------------------------------- */

struct vs_server_limits vs_http_limits(struct vs_server *server)
{
    pthread_mutex_lock(&server->lock);
    struct vs_server_limits limits = server->options.limits;
    pthread_mutex_unlock(&server->lock);
    return limits;
}

static const struct vs_server_override *find_override(const struct vs_server *server,
                                                      const char *scope)
{
    for (size_t i = 0; i < server->n_overrides; i++)
        if (strcmp(server->overrides[i].scope, scope) == 0)
            return &server->overrides[i];
    return NULL;
}

struct vs_server_limits vs_http_limits_of(struct vs_server *server, const char *scope)
{
    pthread_mutex_lock(&server->lock);
    struct vs_server_limits limits = server->options.limits;
    const struct vs_server_override *own = find_override(server, scope);
    if (own != NULL) {
        unsigned set = own->set;
        if (set & VS_OVERRIDE_DOCUMENT && own->limits.document_bytes < limits.document_bytes)
            limits.document_bytes = own->limits.document_bytes;
        if (set & VS_OVERRIDE_AT_ONCE)
            limits.requests_at_once = own->limits.requests_at_once;
        if (set & VS_OVERRIDE_PER_SECOND)
            limits.requests_per_second = own->limits.requests_per_second;
        if (set & VS_OVERRIDE_UPLOADS)
            limits.uploads_at_once = own->limits.uploads_at_once;
        if (set & VS_OVERRIDE_VOLUME)
            limits.volume_per_day = own->limits.volume_per_day;
    }
    pthread_mutex_unlock(&server->lock);
    return limits;
}

void vs_server_override(struct vs_server *server, const struct vs_server_override *overrides,
                        size_t n)
{
    struct vs_server_override *fresh = vs_heap_array(n + 1, sizeof *fresh);
    if (n > 0)
        memcpy(fresh, overrides, n * sizeof *fresh);
    pthread_mutex_lock(&server->lock);
    struct vs_server_override *old = server->overrides;
    server->overrides = fresh;
    server->n_overrides = n;
    pthread_mutex_unlock(&server->lock);
    vs_heap_free(old);
}

/* -- what it uses -------------------------------------------------------------------------- */

bool vs_http_enter(struct vs_server *server, const char *participant,
                   const struct vs_server_limits *limits)
{
    pthread_mutex_lock(&server->lock);
    struct rate *rate = rate_of(server, "at once ", participant, 0, vs_http_monotonic_ms());
    bool within = rate != NULL &&
                  (limits->requests_at_once == 0 || rate->active < limits->requests_at_once);
    if (within)
        rate->active++;
    pthread_mutex_unlock(&server->lock);
    return within;
}

/* The participant has entered: its entry is there. */
static bool enter_upload(struct vs_server *server, const char *participant, unsigned at_once)
{
    pthread_mutex_lock(&server->lock);
    struct rate *rate = *rate_slot(server, "at once ", participant);
    VS_ASSERT(rate != NULL);
    bool within = at_once == 0 || rate->uploads < at_once;
    rate->uploads += within;
    pthread_mutex_unlock(&server->lock);
    return within;
}

/* `bytes` of documents more today, and `expected` yet to come; false: not within `per_day`. */
static bool count_volume(struct vs_server *server, const char *participant, uint64_t bytes,
                         uint64_t expected, uint64_t per_day)
{
    if (per_day == 0)
        return true;
    int64_t day = day_of(server);
    pthread_mutex_lock(&server->lock);
    struct rate *rate = *rate_slot(server, "at once ", participant);
    VS_ASSERT(rate != NULL);
    if (rate->day != day) {
        rate->day = day;
        rate->volume = 0;
    }
    bool within = rate->volume <= per_day && bytes + expected <= per_day - rate->volume;
    if (within)
        rate->volume += bytes;
    pthread_mutex_unlock(&server->lock);
    return within;
}

vs_rc vs_http_begin_upload(struct vs_request *request, uint64_t length, struct vs_error *err)
{
    struct vs_server *server = request->server;
    struct vs_server_limits own = vs_http_limits_of(server, request->scope);
    request->upload = enter_upload(server, request->scope, own.uploads_at_once);
    VS_REFUSE_IF(!request->upload, err, VS_E_RATE, NULL, "more than %u documents at once",
                 own.uploads_at_once);
    request->document_bytes = own.document_bytes;
    request->volume_per_day = own.volume_per_day;
    bool sized = length != UINT64_MAX;
    VS_REFUSE_IF(sized && length > own.document_bytes, err, VS_E_TOO_LARGE, NULL,
                 "documents of this participant have at most %llu bytes",
                 (unsigned long long)own.document_bytes);
    VS_REFUSE_IF(
        !count_volume(server, request->scope, 0, sized ? length : 1, own.volume_per_day), err,
        VS_E_VOLUME, NULL, "more than %llu bytes of documents today",
        (unsigned long long)own.volume_per_day);
    return VS_OK;
}

vs_rc vs_http_count_upload(struct vs_request *request, size_t bytes, struct vs_error *err)
{
    VS_REFUSE_IF(request->upload && !count_volume(request->server, request->scope, bytes, 0,
                                                  request->volume_per_day),
                 err, VS_E_VOLUME, NULL, "more than %llu bytes of documents today",
                 (unsigned long long)request->volume_per_day);
    return VS_OK;
}

void vs_http_leave(struct vs_server *server, const char *participant, bool upload)
{
    pthread_mutex_lock(&server->lock);
    struct rate *rate = *rate_slot(server, "at once ", participant);
    VS_ASSERT(rate != NULL && rate->active > 0 && (!upload || rate->uploads > 0));
    rate->active--;
    rate->uploads -= upload;
    rate->at_ms = vs_http_monotonic_ms();
    pthread_mutex_unlock(&server->lock);
}

unsigned vs_http_until_midnight_s(struct vs_server *server)
{
    vs_time_ms now = server->options.now_ms(server->options.context);
    return (unsigned)((VS_DAY_MS - now % VS_DAY_MS) / VS_SECOND_MS) + 1;
}
