#include "formats/container/fold.h"
#include <stdlib.h>

struct fold_row {
    uint32_t first, last, step;
    int32_t delta;
};
struct split_row {
    uint32_t from, a, b;
};
struct class_row {
    uint32_t first, last;
    uint8_t class;
};

static const struct fold_row folds[] = {
#define FOLD(first, last, step, delta) {first, last, step, delta},
#include "formats/container/fold_tables.def"
#undef FOLD
};
static const struct split_row splits[] = {
#define SPLIT(from, a, b) {from, a, b},
#include "formats/container/fold_tables.def"
#undef SPLIT
};
static const struct class_row classes[] = {
#define CLASS(first, last, class) {first, last, class},
#include "formats/container/fold_tables.def"
#undef CLASS
};

/* Every row begins with its first code point: -1, 0, 1 as `cp` lies before, in or after it. */
static int compare_fold(const void *key, const void *row)
{
    uint32_t cp = *(const uint32_t *)key;
    const struct fold_row *r = row;
    return cp < r->first ? -1 : cp > r->last;
}
static int compare_split(const void *key, const void *row)
{
    uint32_t cp = *(const uint32_t *)key;
    const struct split_row *r = row;
    return cp < r->from ? -1 : cp > r->from;
}
static int compare_class(const void *key, const void *row)
{
    uint32_t cp = *(const uint32_t *)key;
    const struct class_row *r = row;
    return cp < r->first ? -1 : cp > r->last;
}

#define FIND(table, cp)                                                                        \
    bsearch(&(cp), table, sizeof(table) / sizeof *(table), sizeof *(table), compare_##table)
#define compare_folds   compare_fold
#define compare_splits  compare_split
#define compare_classes compare_class

static uint32_t fold_one(uint32_t cp)
{
    const struct fold_row *row = FIND(folds, cp);
    if (row == NULL || (cp - row->first) % row->step != 0)
        return cp;
    return (uint32_t)((int32_t)cp + row->delta);
}

static uint8_t class_of(uint32_t cp)
{
    const struct class_row *row = cp < 0x300 ? NULL : FIND(classes, cp);
    return row == NULL ? 0 : row->class;
}

/* Code points with the order that canonical ordering (UAX #15, D109) gives them. */
struct points {
    uint32_t *at;
    size_t len, room;
};

static bool put_ordered(struct points *points, uint32_t cp)
{
    if (points->len == points->room)
        return false;
    uint8_t class = class_of(cp);
    size_t at = points->len++;
    for (; class != 0 && at > 0 && class_of(points->at[at - 1]) > class; at--)
        points->at[at] = points->at[at - 1];
    points->at[at] = cp;
    return true;
}

/* Hangul syllables decompose by arithmetic (Unicode, 3.12). */
static bool put_hangul(struct points *points, uint32_t cp)
{
    uint32_t s = cp - 0xac00, t = s % 28;
    return put_ordered(points, 0x1100 + s / 588) &&
           put_ordered(points, 0x1161 + s % 588 / 28) &&
           (t == 0 || put_ordered(points, 0x11a7 + t));
}

static bool put_split(struct points *points, uint32_t cp)
{
    if (cp >= 0xac00 && cp < 0xac00 + 11172)
        return put_hangul(points, cp);
    /* The first half may split again, at most twice more in Unicode: a loop with its tails. */
    uint32_t tails[4];
    size_t n = 0;
    const struct split_row *row;
    while (cp >= 0xc0 && n < 4 && (row = FIND(splits, cp)) != NULL) {
        if (row->b != 0)
            tails[n++] = row->b;
        cp = row->a;
    }
    if (!put_ordered(points, cp))
        return false;
    while (n > 0)
        if (!put_split(points, tails[--n]))
            return false;
    return true;
}

/* The next code point of valid UTF-8. */
static uint32_t next(const uint8_t **at)
{
    uint32_t c = *(*at)++;
    if (c < 0x80)
        return c;
    unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    c &= 0x3fU >> more;
    for (; more > 0; more--)
        c = c << 6 | (*(*at)++ & 0x3fU);
    return c;
}

static char *put_utf8(char *at, uint32_t cp)
{
    if (cp < 0x80) {
        *at++ = (char)cp;
        return at;
    }
    unsigned more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
    *at++ = (char)(uint8_t)(0xff00U >> (more + 1) | cp >> 6 * more);
    for (; more > 0; more--)
        *at++ = (char)(0x80 | (cp >> 6 * (more - 1) & 0x3f));
    return at;
}

static char *ascii_key(struct vs_arena *arena, struct vs_bytes name)
{
    char *key = vs_arena_alloc(arena, name.len + 1);
    for (size_t i = 0; key != NULL && i < name.len; i++) {
        uint8_t c = name.ptr[i];
        key[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return key;
}

static bool is_ascii(struct vs_bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 0x80)
            return false;
    return true;
}

/* No code point decomposes into more than 4 (Unicode's stability of D = 4 for NFD), and folding
 * decomposes once more: names are short, so the room is simply large enough. */
static bool decompose_folded(struct vs_bytes name, struct points *plain, struct points *folded)
{
    const uint8_t *end = name.ptr + name.len;
    for (const uint8_t *at = name.ptr; at < end;)
        if (!put_split(plain, next(&at)))
            return false;
    for (size_t i = 0; i < plain->len; i++)
        if (!put_split(folded, fold_one(plain->at[i])))
            return false;
    return true;
}

/* UTF-8 of the points, in the arena. */
static char *to_utf8(struct vs_arena *arena, const struct points *points)
{
    char *key = vs_arena_alloc(arena, points->len * 4 + 1), *at = key;
    for (size_t i = 0; key != NULL && i < points->len; i++)
        at = put_utf8(at, points->at[i]);
    return key;
}

const char *vs_name_key(struct vs_arena *arena, struct vs_bytes name)
{
    if (is_ascii(name))
        return ascii_key(arena, name);
    if (!vs_utf8_valid(name))
        return NULL;
    size_t room = name.len * 4;
    uint32_t *memory = vs_heap_array(room * 3, sizeof *memory);
    struct points plain = {memory, 0, room}, folded = {memory + room, 0, room * 2};
    char *key = decompose_folded(name, &plain, &folded) ? to_utf8(arena, &folded) : NULL;
    vs_heap_free(memory);
    return key;
}
