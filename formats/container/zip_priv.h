/* zip_priv.h - ZIP's constants and integers, for zip*.c alone. */
#ifndef VS_FORMATS_CONTAINER_ZIP_PRIV_H
#define VS_FORMATS_CONTAINER_ZIP_PRIV_H
#include "formats/container/zip.h"

#define VS_ZIP_LOCAL_SIGNATURE      0x04034b50U
#define VS_ZIP_CENTRAL_SIGNATURE    0x02014b50U
#define VS_ZIP_END_SIGNATURE        0x06054b50U
#define VS_ZIP_END64_SIGNATURE      0x06064b50U
#define VS_ZIP_LOCATOR_SIGNATURE    0x07064b50U
#define VS_ZIP_DESCRIPTOR_SIGNATURE 0x08074b50U

enum {
    VS_ZIP_LOCAL_BYTES = 30,
    VS_ZIP_CENTRAL_BYTES = 46,
    VS_ZIP_END_BYTES = 22,
    VS_ZIP_END64_BYTES = 56,
    VS_ZIP_LOCATOR_BYTES = 20,
    VS_ZIP_EXTRA_ZIP64 = 0x0001,
    VS_ZIP_EXTRA_UNICODE_PATH = 0x7075,
    VS_ZIP_FLAG_DESCRIPTOR = 1 << 3,
    VS_ZIP_FLAG_UTF8 = 1 << 11,
    VS_ZIP_NAME_MAX = 1024,
};

/* Little-endian, as ZIP has them; everything of ours is big-endian (bytes.h). */
static inline uint16_t vs_le16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}
static inline uint32_t vs_le32(const uint8_t *at)
{
    return vs_le16(at) | (uint32_t)vs_le16(at + 2) << 16;
}
static inline uint64_t vs_le64(const uint8_t *at)
{
    return vs_le32(at) | (uint64_t)vs_le32(at + 4) << 32;
}

/* The same written; `*at` moves on. */
static inline void vs_zip_put16(uint8_t **at, unsigned v)
{
    *(*at)++ = (uint8_t)v;
    *(*at)++ = (uint8_t)(v >> 8);
}
static inline void vs_zip_put32(uint8_t **at, uint64_t v)
{
    vs_zip_put16(at, (unsigned)(v & 0xffff));
    vs_zip_put16(at, (unsigned)(v >> 16 & 0xffff));
}
static inline void vs_zip_put64(uint8_t **at, uint64_t v)
{
    vs_zip_put32(at, v & 0xffffffff);
    vs_zip_put32(at, v >> 32);
}
/* What 32 bits cannot hold stands in the ZIP64 field (APPNOTE, 4.5.3). */
static inline bool vs_zip_is_wide(uint64_t v)
{
    return v >= 0xffffffff;
}
static inline uint64_t vs_zip_cap32(uint64_t v)
{
    return vs_zip_is_wide(v) ? 0xffffffff : v;
}

/* Refuse names of one key, and a file where another name needs a folder. `keys` is sorted. */
VS_NODISCARD vs_rc vs_zip_check_keys(const char **keys, size_t n, struct vs_error *err);
#endif
