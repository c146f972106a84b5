/* cache_table.h - a bounded table of values under 32-byte keys, the oldest used leaving first.
 *
 * Sixteen parts, each with a lock of its own, chosen by the key's first byte: keys are digests,
 * so they spread. Used by the caches of decoded certificates and of verified signatures. */
#ifndef VS_FORMATS_CERTIFICATE_CACHE_TABLE_H
#define VS_FORMATS_CERTIFICATE_CACHE_TABLE_H
#include "formats/base/base.h"
#include <pthread.h>

struct vs_cache_entry;

enum { VS_CACHE_PARTS = 16, VS_CACHE_KEY = 32 };

struct vs_cache {
    size_t max_weight;         /* of one part */
    void *(*ref)(void *value); /* NULL: values are NULL */
    void (*unref)(void *value);
    struct {
        pthread_mutex_t lock;
        struct vs_cache_entry *entries; /* uthash: in order of use */
        size_t weight;
    } parts[VS_CACHE_PARTS];
};

#define VS_CACHE_PART_                                                                         \
    {                                                                                          \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                      \
    }
#define VS_CACHE_INIT(weight, ref_function, unref_function)                                    \
    {                                                                                          \
        .max_weight = (weight) / VS_CACHE_PARTS, .ref = (ref_function),                        \
        .unref = (unref_function), .parts = {                                                  \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
            VS_CACHE_PART_,                                                                    \
        }                                                                                      \
    }

/* Whether `key` is there; `*ret` (may be NULL) becomes a new reference to its value. */
bool vs_cache_get(struct vs_cache *cache, const uint8_t key[VS_CACHE_KEY], void **ret);
/* Keep `value` (a reference is made) with its cost in bytes; one that is there stays. */
void vs_cache_put(struct vs_cache *cache, const uint8_t key[VS_CACHE_KEY], void *value,
                  size_t weight);
void vs_cache_clear(struct vs_cache *cache);
/* Entries and their weight, all parts together. */
void vs_cache_size(struct vs_cache *cache, size_t *ret_entries, size_t *ret_weight);
#endif
