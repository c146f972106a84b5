#include "relay/trust/status_cache.h"
#include <pthread.h>

/* An open-addressed table would be faster; what counts is one lock for a short scan of one
 * bucket: entries lie in buckets by the key's first bytes. */
enum { BUCKETS = 1024 };

struct entry {
    struct entry *next;
    uint8_t key[32];
    vs_time_ms until;
    size_t len;
    uint8_t bytes[];
};

struct vs_status_cache {
    pthread_mutex_t lock; /* guards everything below */
    struct entry *buckets[BUCKETS];
    size_t n, max;
};

struct vs_status_cache *vs_status_cache_new(size_t max_entries)
{
    struct vs_status_cache *cache = vs_heap_new(sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    cache->max = max_entries;
    return cache;
}

void vs_status_cache_free(struct vs_status_cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (cache->buckets[i] != NULL) {
            struct entry *e = cache->buckets[i];
            cache->buckets[i] = e->next;
            vs_heap_free(e);
        }
    pthread_mutex_destroy(&cache->lock);
    vs_heap_free(cache);
}

static struct entry **place(struct vs_status_cache *cache, const uint8_t key[32])
{
    struct entry **at = &cache->buckets[(key[0] << 8 | key[1]) % BUCKETS];
    while (*at != NULL && memcmp((*at)->key, key, 32) != 0)
        at = &(*at)->next;
    return at;
}

static void drop(struct vs_status_cache *cache, struct entry **at)
{
    struct entry *e = *at;
    *at = e->next;
    vs_heap_free(e);
    cache->n--;
}

/* What ends first goes first. */
static void make_room(struct vs_status_cache *cache)
{
    struct entry **first = NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct entry **at = &cache->buckets[i]; *at != NULL; at = &(*at)->next)
            if (first == NULL || (*at)->until < (*first)->until)
                first = at;
    if (first != NULL)
        drop(cache, first);
}

void vs_status_cache_put(struct vs_status_cache *cache, const uint8_t key[32],
                         struct vs_bytes der, vs_time_ms until)
{
    struct entry *fresh = vs_heap_new(sizeof *fresh + der.len);
    memcpy(fresh->key, key, 32);
    fresh->until = until;
    fresh->len = der.len;
    memcpy(fresh->bytes, der.ptr, der.len);
    pthread_mutex_lock(&cache->lock);
    struct entry **at = place(cache, key);
    if (*at != NULL)
        drop(cache, at);
    else if (cache->n >= cache->max)
        make_room(cache);
    at = place(cache, key);
    fresh->next = *at;
    *at = fresh;
    cache->n++;
    pthread_mutex_unlock(&cache->lock);
}

struct vs_bytes vs_status_cache_get(struct vs_status_cache *cache, struct vs_arena *arena,
                                    const uint8_t key[32], vs_time_ms now)
{
    struct vs_bytes found = VS_BYTES_NONE;
    pthread_mutex_lock(&cache->lock);
    struct entry **at = place(cache, key);
    if (*at != NULL && now >= (*at)->until)
        drop(cache, at);
    else if (*at != NULL)
        found = vs_bytes_copy(arena, VS_BYTES((*at)->bytes, (*at)->len));
    pthread_mutex_unlock(&cache->lock);
    return found;
}
