/* arena.h - memory of one request: allocated piece by piece, freed at once, bounded.
 *
 * Pieces need no free and live exactly as long as their arena. An arena belongs to one thread
 * at a time. This file and buffer.h are the only places that call malloc. */
#ifndef VS_FORMATS_BASE_ARENA_H
#define VS_FORMATS_BASE_ARENA_H
#include "formats/base/error.h"

struct vs_arena;

/* An arena that hands out at most `max_bytes`. NULL: out of memory. */
struct vs_arena *vs_arena_new(size_t max_bytes);
void vs_arena_free(struct vs_arena *arena); /* NULL is fine */

/* Forget all pieces, keep one chunk for reuse. */
void vs_arena_reset(struct vs_arena *arena);

/* Zeroed memory, aligned for any type; NULL when the limit or memory is reached. */
void *vs_arena_alloc(struct vs_arena *arena, size_t size);
/* The same for `count` items, overflow checked. */
void *vs_arena_array(struct vs_arena *arena, size_t count, size_t size);
size_t vs_arena_used(const struct vs_arena *arena);

#define vs_arena_make(arena, type)          ((type *)vs_arena_alloc(arena, sizeof(type)))
#define vs_arena_make_n(arena, type, count) ((type *)vs_arena_array(arena, count, sizeof(type)))

/* Copies with a final NUL; NULL when the arena is full. */
char *vs_arena_strdup(struct vs_arena *arena, const char *text);
char *vs_arena_strndup(struct vs_arena *arena, const char *text, size_t len);
char *vs_arena_printf(struct vs_arena *arena, const char *fmt, ...) VS_PRINTF(2, 3);

/* What a NULL from an arena means to a caller that passes it on. */
VS_NODISCARD vs_rc vs_fail_memory(struct vs_error *err);

/* For what must outlive every arena (caches, queues, servers): zeroed, aborts when memory is
 * out. `vs_heap_free(NULL)` is fine. */
void *vs_heap_new(size_t size);
void *vs_heap_array(size_t count, size_t size);
void *vs_heap_grow(void *old, size_t size); /* not zeroed beyond the old size */
char *vs_heap_strdup(const char *text);
void vs_heap_free(void *memory);

#ifdef VASITE_TEST_BUILD
/* Let the nth arena or heap allocation from now on fail (0: none). Heap failures abort. */
void vs_alloc_fail_at(long nth);
#endif

static inline void vs_cleanup_arena(struct vs_arena **arena)
{
    vs_arena_free(*arena);
}
#define VS_ARENA __attribute__((cleanup(vs_cleanup_arena))) struct vs_arena
#endif
