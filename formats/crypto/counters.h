/* counters.h - what this process has spent on cryptography, for the bench (the floor: what the
 * unavoidable signatures and digests cost). Totals over all threads since the start; atomic,
 * relaxed: a reader beside working threads sees a recent state. */
#ifndef VS_FORMATS_CRYPTO_COUNTERS_H
#define VS_FORMATS_CRYPTO_COUNTERS_H
#include "formats/base/base.h"

enum vs_counter {
    VS_COUNT_SIGNS_ECDSA,
    VS_COUNT_SIGNS_RSA,
    VS_COUNT_SIGNS_ED25519,
    VS_COUNT_VERIFIES_ECDSA,
    VS_COUNT_VERIFIES_RSA,
    VS_COUNT_VERIFIES_ED25519,
    VS_COUNT_BYTES_HASHED,
    VS_COUNT_DIGESTS,
    VS_COUNT_CERTIFICATES_DECODED, /* not found in the cache */
    VS_COUNT_CHAINS_BUILT,         /* likewise */
    VS_COUNTERS
};

void vs_count(enum vs_counter counter, uint64_t n);
uint64_t vs_counter(enum vs_counter counter);
const char *vs_counter_name(enum vs_counter counter); /* "signs-ecdsa" */
#endif
