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

/* Refuse names of one key, and a file where another name needs a folder. `keys` is sorted. */
VS_NODISCARD vs_rc vs_zip_check_keys(const char **keys, size_t n, struct vs_error *err);
#endif
