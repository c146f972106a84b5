#include "formats/base/arena.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 4096, LARGEST_STEP = 1 << 20, ALIGNMENT = 16 };

struct chunk {
    struct chunk *next;
    size_t size, used;
    _Alignas(ALIGNMENT) uint8_t bytes[];
};

struct vs_arena {
    struct chunk *chunks; /* the newest first */
    size_t used, max;
};

#ifdef VASITE_TEST_BUILD
static long fail_at;
void vs_alloc_fail_at(long nth)
{
    __atomic_store_n(&fail_at, nth, __ATOMIC_RELAXED);
}
static bool must_fail(void)
{
    if (__atomic_load_n(&fail_at, __ATOMIC_RELAXED) == 0)
        return false;
    return __atomic_sub_fetch(&fail_at, 1, __ATOMIC_RELAXED) == 0;
}
#else
#define must_fail() false
#endif

struct vs_arena *vs_arena_new(size_t max_bytes)
{
    struct vs_arena *arena = must_fail() ? NULL : calloc(1, sizeof *arena);
    if (arena != NULL)
        arena->max = max_bytes;
    return arena;
}

static void free_chunks(struct chunk *c)
{
    while (c != NULL) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

void vs_arena_free(struct vs_arena *arena)
{
    if (arena == NULL)
        return;
    free_chunks(arena->chunks);
    free(arena);
}

void vs_arena_reset(struct vs_arena *arena)
{
    struct chunk *keep = arena->chunks;
    arena->used = 0;
    if (keep == NULL)
        return;
    free_chunks(keep->next);
    keep->next = NULL;
    keep->used = 0;
}

static struct chunk *add_chunk(struct vs_arena *arena, size_t need)
{
    size_t size = arena->chunks == NULL ? FIRST_CHUNK : arena->chunks->size * 2;
    if (size > LARGEST_STEP)
        size = LARGEST_STEP;
    if (size < need)
        size = need;
    struct chunk *c = malloc(sizeof *c + size);
    if (c == NULL)
        return NULL;
    c->next = arena->chunks;
    c->size = size;
    c->used = 0;
    arena->chunks = c;
    return c;
}

/* A piece that is not zeroed. */
static void *take(struct vs_arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT || must_fail())
        return NULL;
    size_t need = size == 0 ? ALIGNMENT : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (need > arena->max - arena->used)
        return NULL;
    struct chunk *c = arena->chunks;
    if (c == NULL || c->size - c->used < need) {
        c = add_chunk(arena, need);
        if (c == NULL)
            return NULL;
    }
    void *piece = c->bytes + c->used;
    c->used += need;
    arena->used += need;
    return piece;
}

void *vs_arena_alloc(struct vs_arena *arena, size_t size)
{
    void *piece = take(arena, size);
    return piece == NULL ? NULL : memset(piece, 0, size);
}

void *vs_arena_array(struct vs_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return vs_arena_alloc(arena, total);
}

size_t vs_arena_used(const struct vs_arena *arena)
{
    return arena->used;
}

char *vs_arena_strndup(struct vs_arena *arena, const char *text, size_t len)
{
    if (len == SIZE_MAX)
        return NULL;
    char *copy = take(arena, len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *vs_arena_strdup(struct vs_arena *arena, const char *text)
{
    return vs_arena_strndup(arena, text, strlen(text));
}

char *vs_arena_printf(struct vs_arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : vs_arena_alloc(arena, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

vs_rc vs_fail_memory(struct vs_error *err)
{
    return vs_fail(err, VS_E_NOMEM, NULL, "the memory set aside for this request is used up");
}

void *vs_heap_grow(void *old, size_t size)
{
    void *memory = must_fail() ? NULL : realloc(old, size == 0 ? 1 : size);
    VS_ASSERT(memory != NULL);
    return memory;
}

void *vs_heap_array(size_t count, size_t size)
{
    void *memory = must_fail() ? NULL : calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    VS_ASSERT(memory != NULL);
    return memory;
}

void *vs_heap_new(size_t size)
{
    return vs_heap_array(1, size);
}

char *vs_heap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(vs_heap_new(size), text, size);
}

void vs_heap_free(void *memory)
{
    free(memory);
}
