/* status_cache.h - OCSP responses and CRLs by the certificate that they speak about, kept until
 * their nextUpdate.
 *
 * Nothing is believed because it is here: every verdict verifies what it takes. Any thread. */
#ifndef VS_RELAY_TRUST_STATUS_CACHE_H
#define VS_RELAY_TRUST_STATUS_CACHE_H
#include "formats/base/base.h"

struct vs_status_cache;

struct vs_status_cache *vs_status_cache_new(size_t max_entries);
void vs_status_cache_free(struct vs_status_cache *cache); /* NULL is fine */

/* Keep a copy of `der` under `key` (SHA-256 of the certificate, or of the CRL's address) until
 * `until`; a newer one replaces it. When full, what ends first goes first. */
void vs_status_cache_put(struct vs_status_cache *cache, const uint8_t key[32],
                         struct vs_bytes der, vs_time_ms until);
/* A copy in `arena`; .ptr NULL: not kept, or over at `now`. */
struct vs_bytes vs_status_cache_get(struct vs_status_cache *cache, struct vs_arena *arena,
                                    const uint8_t key[32], vs_time_ms now);
#endif
