/* raw_zip.h - ZIP archives written byte by byte, so that any field can lie. */
#ifndef VS_TESTS_SUPPORT_RAW_ZIP_H
#define VS_TESTS_SUPPORT_RAW_ZIP_H
#include "formats/base/base.h"

struct raw_entry {
    const char *name;
    struct vs_bytes data;   /* as it lies in the archive */
    uint16_t method, flags; /* in both headers */
    uint64_t size;          /* unpacked; 0: as data */
    uint32_t crc32;         /* used when method is not 0; else computed */
    /* lies and oddities */
    const char *local_name;
    uint16_t local_flags_xor, local_method_xor;
    uint32_t local_crc_xor, crc_xor;
    int64_t size_add, packed_add;             /* both headers */
    int64_t local_size_add, local_packed_add; /* local header only */
    int64_t offset_add;
    struct vs_bytes gap_before;
    struct vs_bytes extra, local_extra;
    unsigned descriptor; /* 0, 12, 16, 20 or 24 bytes; its flag is the caller's */
    uint32_t descriptor_crc_xor;
    bool wide_local; /* ZIP64 in the local header, needed or not */
    bool zero_local; /* sizes and CRC left to the descriptor */
};

struct raw_zip {
    struct raw_entry entries[8];
    size_t n;
    struct vs_bytes prefix, gap_before_directory, gap_after_directory, trailing, comment;
    int n_add, directory_offset_add, directory_size_add;
    bool end64; /* with ZIP64's end record and locator */
    int64_t end64_n_add, end64_offset_add;
    bool end_saturated; /* the plain record says 0xffff... */
};

/* Append the archive to `to`. */
void raw_zip_make(const struct raw_zip *zip, struct vs_buffer *to);
/* Raw deflate of `plain`, by zlib. */
struct vs_bytes raw_deflate(struct vs_arena *arena, struct vs_bytes plain);
#endif
