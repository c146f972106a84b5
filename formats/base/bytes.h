/* bytes.h - a borrowed view of bytes, and what is done with bytes. */
#ifndef VS_FORMATS_BASE_BYTES_H
#define VS_FORMATS_BASE_BYTES_H
#include "formats/base/arena.h"
#include <string.h>

/* Borrowed unless a header says "takes". ptr may be NULL only when len is 0. */
struct vs_bytes {
    const uint8_t *ptr;
    size_t len;
};

#define VS_BYTES(pointer, length) ((struct vs_bytes){(const uint8_t *)(pointer), (length)})
#define VS_BYTES_NONE             ((struct vs_bytes){NULL, 0})
/* Of a string literal or an array of char, without its NUL. */
#define VS_BYTES_LITERAL(text) ((struct vs_bytes){(const uint8_t *)("" text), sizeof(text) - 1})

static inline struct vs_bytes vs_bytes_text(const char *text)
{
    return VS_BYTES(text, text == NULL ? 0 : strlen(text));
}

bool vs_bytes_equal(struct vs_bytes a, struct vs_bytes b);
/* Without a data-dependent branch: for tokens and digests of secrets. */
bool vs_bytes_equal_secret(struct vs_bytes a, struct vs_bytes b);
int vs_bytes_compare(struct vs_bytes a,
                     struct vs_bytes b); /* as memcmp, a prefix sorts first */
bool vs_bytes_is(struct vs_bytes a, const char *text);
bool vs_bytes_starts(struct vs_bytes a, const char *text);
bool vs_bytes_ends(struct vs_bytes a, const char *text);

/* A copy in the arena; .ptr == NULL when it is full (or `from` is empty). */
struct vs_bytes vs_bytes_copy(struct vs_arena *arena, struct vs_bytes from);

void vs_wipe(void *memory, size_t len); /* never optimised away */

/* Big-endian integers, as all formats of ours store them. */
static inline void vs_put_u16(uint8_t *at, uint16_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}
static inline void vs_put_u32(uint8_t *at, uint32_t v)
{
    vs_put_u16(at, (uint16_t)(v >> 16));
    vs_put_u16(at + 2, (uint16_t)v);
}
static inline void vs_put_u64(uint8_t *at, uint64_t v)
{
    vs_put_u32(at, (uint32_t)(v >> 32));
    vs_put_u32(at + 4, (uint32_t)v);
}
static inline uint16_t vs_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}
static inline uint32_t vs_get_u32(const uint8_t *at)
{
    return (uint32_t)vs_get_u16(at) << 16 | vs_get_u16(at + 2);
}
static inline uint64_t vs_get_u64(const uint8_t *at)
{
    return (uint64_t)vs_get_u32(at) << 32 | vs_get_u32(at + 4);
}

/* CRC-32C (Castagnoli): finds decay, proves nothing against an attacker. Start with 0. */
uint32_t vs_crc32c(uint32_t crc, struct vs_bytes bytes);
#ifdef VASITE_TEST_BUILD
/* What processors without an instruction for it use. */
uint32_t vs_crc32c_by_table(uint32_t crc, struct vs_bytes bytes);
#endif
#endif
