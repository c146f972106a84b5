#include "formats/crypto/counters.h"
#include <stdatomic.h>

/* Every digest counts: threads would pull one cache line to and fro. Each has lines of its own,
 * shared only from the ninth thread on; who reads adds them up. */
enum { STRIPES = 8 };
static struct {
    _Alignas(64) atomic_uint_fast64_t n[VS_COUNTERS];
} stripes[STRIPES];

static unsigned stripe(void)
{
    static atomic_uint threads;
    static _Thread_local unsigned mine = UINT32_MAX;
    if (mine == UINT32_MAX)
        mine = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % STRIPES;
    return mine;
}

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
    atomic_fetch_add_explicit(&stripes[stripe()].n[counter], n, memory_order_relaxed);
}

uint64_t vs_counter(enum vs_counter counter)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < STRIPES; i++)
        sum += atomic_load_explicit(&stripes[i].n[counter], memory_order_relaxed);
    return sum;
}

const char *vs_counter_name(enum vs_counter counter)
{
    VS_ASSERT((unsigned)counter < VS_COUNTERS);
    return names[counter];
}
