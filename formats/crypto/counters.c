#include "formats/crypto/counters.h"
#include <stdatomic.h>

/* One cache line each: two workers count different things without touching one line. */
static struct {
    _Alignas(64) atomic_uint_fast64_t n;
} counters[VS_COUNTERS];

static const char *const names[VS_COUNTERS] = {
    [VS_COUNT_SIGNS_ECDSA] = "signs-ecdsa",
    [VS_COUNT_SIGNS_RSA] = "signs-rsa",
    [VS_COUNT_SIGNS_ED25519] = "signs-ed25519",
    [VS_COUNT_VERIFIES_ECDSA] = "verifies-ecdsa",
    [VS_COUNT_VERIFIES_RSA] = "verifies-rsa",
    [VS_COUNT_VERIFIES_ED25519] = "verifies-ed25519",
    [VS_COUNT_BYTES_HASHED] = "bytes-hashed",
    [VS_COUNT_DIGESTS] = "digests",
    [VS_COUNT_CERTIFICATES_DECODED] = "certificates-decoded",
    [VS_COUNT_CHAINS_BUILT] = "chains-built",
};

void vs_count(enum vs_counter counter, uint64_t n)
{
    atomic_fetch_add_explicit(&counters[counter].n, n, memory_order_relaxed);
}

uint64_t vs_counter(enum vs_counter counter)
{
    return atomic_load_explicit(&counters[counter].n, memory_order_relaxed);
}

const char *vs_counter_name(enum vs_counter counter)
{
    VS_ASSERT((unsigned)counter < VS_COUNTERS);
    return names[counter];
}
