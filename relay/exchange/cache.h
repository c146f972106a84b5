/* cache.h - participants and agreements that were read lately, so that a document costs a few
 * row reads instead of a dozen.
 *
 * Direct-mapped, bounded, copied out; everything is forgotten whenever a participant or an
 * agreement changes (on the committer's thread, before the change is answered). What was read
 * before such a change is never put in after it: the filler says which generation it read in.
 */
#ifndef VS_RELAY_EXCHANGE_CACHE_H
#define VS_RELAY_EXCHANGE_CACHE_H
#include "relay/exchange/agreements.h"

struct vs_party_cache;

struct vs_party_cache *vs_party_cache_new(void);
void vs_party_cache_free(struct vs_party_cache *cache);
void vs_party_cache_forget(struct vs_party_cache *cache);
uint64_t vs_party_cache_generation(struct vs_party_cache *cache);

/* Copies in `arena`; NULL: not in the cache, or no room in the arena. */
const struct vs_participant *vs_party_cache_get(struct vs_party_cache *cache,
                                                struct vs_arena *arena, struct vs_id id);
const struct vs_participant *vs_party_cache_find(struct vs_party_cache *cache,
                                                 struct vs_arena *arena,
                                                 const char *identifier);
void vs_party_cache_put(struct vs_party_cache *cache, uint64_t generation,
                        const struct vs_participant *participant);

/* Of a pair in ascending order. *ret_none: it is known that there is no agreement. */
const struct vs_agreement *vs_pair_cache_get(struct vs_party_cache *cache,
                                             struct vs_arena *arena,
                                             const struct vs_id parties[2], bool *ret_none);
/* `agreement` NULL: there is none. */
void vs_pair_cache_put(struct vs_party_cache *cache, uint64_t generation,
                       const struct vs_id parties[2], const struct vs_agreement *agreement);
#endif
