#include "relay/outgoing_priv.h"
#include <arpa/inet.h>
#include <time.h>

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

void vs_outgoing_map_ipv4(const uint8_t from[4], uint8_t to[16])
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(to, prefix, sizeof prefix);
    memcpy(to + 12, from, 4);
}

static bool read_address(const char *text, struct vs_outgoing_range *ret)
{
    uint8_t four[4];
    if (inet_pton(AF_INET, text, four) == 1) {
        vs_outgoing_map_ipv4(four, ret->address);
        ret->bits = 96;
        return true;
    }
    ret->bits = 0;
    return inet_pton(AF_INET6, text, ret->address) == 1;
}

static bool is_public(const uint8_t address[16])
{
    for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
        struct vs_outgoing_range r;
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
        vs_outgoing_map_ipv4(address.ptr, whole);
    else
        memcpy(whole, address.ptr, sizeof whole);
    return is_public(whole);
}

bool vs_outgoing_may_reach(const struct vs_outgoing *outgoing, const uint8_t address[16])
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
    struct vs_outgoing_range *r = &outgoing->ranges[outgoing->n_ranges];
    if (outgoing->n_ranges == VS_OUTGOING_RANGES || len >= sizeof address)
        return vs_fail(err, VS_E_CONFIG, NULL, "more than %d address ranges",
                       VS_OUTGOING_RANGES);
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

bool vs_outgoing_failed_lately(struct vs_outgoing *outgoing, const char *host)
{
    bool found = false;
    int64_t now = monotonic_ms();
    pthread_mutex_lock(&outgoing->lock);
    for (size_t i = 0; i < VS_OUTGOING_FAILED_HOSTS; i++)
        found |=
            outgoing->failed[i].until_ms > now && strcmp(outgoing->failed[i].name, host) == 0;
    pthread_mutex_unlock(&outgoing->lock);
    return found;
}

void vs_outgoing_remember_failure(struct vs_outgoing *outgoing, const char *host)
{
    if (outgoing->failed_host_ms == 0)
        return;
    pthread_mutex_lock(&outgoing->lock);
    struct vs_outgoing_failed *f =
        &outgoing->failed[outgoing->next_failed++ % VS_OUTGOING_FAILED_HOSTS];
    snprintf(f->name, sizeof f->name, "%s", host);
    f->until_ms = monotonic_ms() + outgoing->failed_host_ms;
    pthread_mutex_unlock(&outgoing->lock);
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
    outgoing->resolve = policy->resolve;
    outgoing->resolve_context = policy->resolve_context;
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
