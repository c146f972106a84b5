#include "relay/exchange/cache.h"
#include <pthread.h>

#define SLOTS      512
#define SLOT_ARENA ((size_t)32 << 10) /* of one participant; larger ones are not kept */

struct party_slot {
    struct vs_arena *arena;
    struct vs_participant *participant;
};
struct pair_slot {
    bool used, none;
    struct vs_id parties[2];
    struct vs_agreement agreement;
    char reference[256];
};

struct vs_party_cache {
    pthread_mutex_t lock;
    uint64_t generation;
    struct party_slot by_id[SLOTS], by_identifier[SLOTS];
    struct pair_slot pairs[SLOTS];
};

struct vs_party_cache *vs_party_cache_new(void)
{
    struct vs_party_cache *cache = vs_heap_new(sizeof *cache);
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void empty_slots(struct party_slot *slots)
{
    for (size_t i = 0; i < SLOTS; i++) {
        vs_arena_free(slots[i].arena);
        slots[i] = (struct party_slot){NULL, NULL};
    }
}

void vs_party_cache_forget(struct vs_party_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    empty_slots(cache->by_id);
    empty_slots(cache->by_identifier);
    for (size_t i = 0; i < SLOTS; i++)
        cache->pairs[i].used = false;
    cache->generation++;
    pthread_mutex_unlock(&cache->lock);
}

void vs_party_cache_free(struct vs_party_cache *cache)
{
    if (cache == NULL)
        return;
    vs_party_cache_forget(cache);
    pthread_mutex_destroy(&cache->lock);
    vs_heap_free(cache);
}

uint64_t vs_party_cache_generation(struct vs_party_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    uint64_t generation = cache->generation;
    pthread_mutex_unlock(&cache->lock);
    return generation;
}

/* -- participants -------------------------------------------------------------------------- */

/* *ok turns false when the arena is full. */
static const char *copy_text(struct vs_arena *arena, const char *text, bool *ok)
{
    const char *copy = text == NULL ? NULL : vs_arena_strdup(arena, text);
    *ok = *ok && (text == NULL || copy != NULL);
    return copy;
}

static struct vs_participant *copy_participant(struct vs_arena *arena,
                                               const struct vs_participant *from)
{
    struct vs_participant *to = vs_arena_make(arena, struct vs_participant);
    bool ok = to != NULL;
    if (!ok)
        return NULL;
    *to = *from;
    for (size_t i = 0; i < from->n_identifiers; i++)
        to->identifiers[i] = copy_text(arena, from->identifiers[i], &ok);
    to->name = copy_text(arena, from->name, &ok);
    to->endpoint = copy_text(arena, from->endpoint, &ok);
    to->events_endpoint = copy_text(arena, from->events_endpoint, &ok);
    to->contract = copy_text(arena, from->contract, &ok);
    to->retention = copy_text(arena, from->retention, &ok);
    return ok ? to : NULL;
}

static size_t place_of_id(struct vs_id id)
{
    return vs_get_u32(id.bytes + 12) % SLOTS;
}

static size_t place_of_text(const char *text)
{
    return vs_crc32c(0, vs_bytes_text(text)) % SLOTS;
}

const struct vs_participant *vs_party_cache_get(struct vs_party_cache *cache,
                                                struct vs_arena *arena, struct vs_id id)
{
    pthread_mutex_lock(&cache->lock);
    const struct vs_participant *found = cache->by_id[place_of_id(id)].participant;
    if (found != NULL)
        found = vs_id_equal(found->id, id) ? copy_participant(arena, found) : NULL;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

const struct vs_participant *vs_party_cache_find(struct vs_party_cache *cache,
                                                 struct vs_arena *arena, const char *identifier)
{
    pthread_mutex_lock(&cache->lock);
    const struct vs_participant *found =
        cache->by_identifier[place_of_text(identifier)].participant;
    bool same = false;
    for (size_t i = 0; found != NULL && i < found->n_identifiers && !same; i++)
        same = strcmp(found->identifiers[i], identifier) == 0;
    found = same ? copy_participant(arena, found) : NULL;
    pthread_mutex_unlock(&cache->lock);
    return found;
}

static void fill_slot(struct party_slot *slot, const struct vs_participant *participant)
{
    vs_arena_free(slot->arena);
    slot->arena = vs_arena_new(SLOT_ARENA);
    slot->participant = NULL;
    if (slot->arena != NULL)
        slot->participant = copy_participant(slot->arena, participant);
}

void vs_party_cache_put(struct vs_party_cache *cache, uint64_t generation,
                        const struct vs_participant *participant)
{
    pthread_mutex_lock(&cache->lock);
    if (generation == cache->generation) {
        fill_slot(&cache->by_id[place_of_id(participant->id)], participant);
        for (size_t i = 0; i < participant->n_identifiers; i++)
            fill_slot(&cache->by_identifier[place_of_text(participant->identifiers[i])],
                      participant);
    }
    pthread_mutex_unlock(&cache->lock);
}

/* -- agreements ---------------------------------------------------------------------------- */

static struct pair_slot *pair_slot(struct vs_party_cache *cache, const struct vs_id parties[2])
{
    uint32_t a = vs_get_u32(parties[0].bytes + 12), b = vs_get_u32(parties[1].bytes + 12);
    return &cache->pairs[(a * 31 + b) % SLOTS];
}

const struct vs_agreement *vs_pair_cache_get(struct vs_party_cache *cache,
                                             struct vs_arena *arena,
                                             const struct vs_id parties[2], bool *ret_none)
{
    struct vs_agreement *copy = NULL;
    pthread_mutex_lock(&cache->lock);
    const struct pair_slot *slot = pair_slot(cache, parties);
    bool hit = slot->used && memcmp(slot->parties, parties, sizeof slot->parties) == 0;
    *ret_none = hit && slot->none;
    if (hit && !slot->none)
        copy = vs_arena_make(arena, struct vs_agreement);
    if (copy != NULL) {
        *copy = slot->agreement;
        if (copy->reference != NULL)
            copy->reference = vs_arena_strdup(arena, slot->reference);
    }
    pthread_mutex_unlock(&cache->lock);
    return copy;
}

void vs_pair_cache_put(struct vs_party_cache *cache, uint64_t generation,
                       const struct vs_id parties[2], const struct vs_agreement *agreement)
{
    pthread_mutex_lock(&cache->lock);
    struct pair_slot *slot = pair_slot(cache, parties);
    const char *reference = agreement == NULL ? NULL : agreement->reference;
    bool fits = reference == NULL || strlen(reference) < sizeof slot->reference;
    if (generation == cache->generation && fits) {
        *slot = (struct pair_slot){.used = true, .none = agreement == NULL};
        memcpy(slot->parties, parties, sizeof slot->parties);
        if (agreement != NULL)
            slot->agreement = *agreement;
        if (reference != NULL)
            memcpy(slot->reference, reference, strlen(reference) + 1);
    }
    pthread_mutex_unlock(&cache->lock);
}
