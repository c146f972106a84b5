#include "formats/certificate/cache_table.h"
#define uthash_malloc(size)       vs_heap_new(size)
#define uthash_free(memory, size) vs_heap_free(memory)
/* Keys are SHA-256: their own bytes are the best hash there is (the first chose the part). */
#define HASH_FUNCTION(key, len, value)                                                         \
    memcpy(&(value), (const uint8_t *)(key) + 4, sizeof(value))
#include <uthash.h>

struct vs_cache_entry {
    uint8_t key[VS_CACHE_KEY];
    void *value;
    size_t weight;
    UT_hash_handle hh;
};

enum { ENTRY_COST = 160 }; /* of the entry and its place in the table */

static void drop(struct vs_cache *cache, unsigned part, struct vs_cache_entry *entry)
{
    HASH_DEL(cache->parts[part].entries, entry);
    cache->parts[part].weight -= entry->weight;
    if (cache->unref != NULL)
        cache->unref(entry->value);
    vs_heap_free(entry);
}

static unsigned part_of(const uint8_t *key)
{
    return key[0] % VS_CACHE_PARTS;
}

bool vs_cache_get(struct vs_cache *cache, const uint8_t key[VS_CACHE_KEY], void **ret)
{
    unsigned part = part_of(key);
    pthread_mutex_lock(&cache->parts[part].lock);
    struct vs_cache_entry *entry;
    HASH_FIND(hh, cache->parts[part].entries, key, VS_CACHE_KEY, entry);
    if (entry != NULL) {
        if (ret != NULL)
            *ret = cache->ref == NULL ? entry->value : cache->ref(entry->value);
        if (entry->hh.next != NULL) { /* not the newest: becomes it */
            HASH_DEL(cache->parts[part].entries, entry);
            HASH_ADD(hh, cache->parts[part].entries, key, VS_CACHE_KEY, entry);
        }
    }
    pthread_mutex_unlock(&cache->parts[part].lock);
    return entry != NULL;
}

void vs_cache_put(struct vs_cache *cache, const uint8_t key[VS_CACHE_KEY], void *value,
                  size_t weight)
{
    weight += ENTRY_COST;
    if (weight > cache->max_weight)
        return;
    unsigned part = part_of(key);
    pthread_mutex_lock(&cache->parts[part].lock);
    struct vs_cache_entry *entry;
    HASH_FIND(hh, cache->parts[part].entries, key, VS_CACHE_KEY, entry);
    if (entry == NULL) {
        entry = vs_heap_new(sizeof *entry);
        memcpy(entry->key, key, VS_CACHE_KEY);
        entry->value = cache->ref == NULL ? value : cache->ref(value);
        entry->weight = weight;
        HASH_ADD(hh, cache->parts[part].entries, key, VS_CACHE_KEY, entry);
        cache->parts[part].weight += weight;
        while (cache->parts[part].weight > cache->max_weight)
            drop(cache, part, cache->parts[part].entries); /* uthash's head is the oldest */
    }
    pthread_mutex_unlock(&cache->parts[part].lock);
}

void vs_cache_clear(struct vs_cache *cache)
{
    for (unsigned part = 0; part < VS_CACHE_PARTS; part++) {
        pthread_mutex_lock(&cache->parts[part].lock);
        while (cache->parts[part].entries != NULL)
            drop(cache, part, cache->parts[part].entries);
        pthread_mutex_unlock(&cache->parts[part].lock);
    }
}

void vs_cache_size(struct vs_cache *cache, size_t *ret_entries, size_t *ret_weight)
{
    *ret_entries = *ret_weight = 0;
    for (unsigned part = 0; part < VS_CACHE_PARTS; part++) {
        pthread_mutex_lock(&cache->parts[part].lock);
        *ret_entries += HASH_COUNT(cache->parts[part].entries);
        *ret_weight += cache->parts[part].weight;
        pthread_mutex_unlock(&cache->parts[part].lock);
    }
}
