#include "formats/container/zip_priv.h"
#include <libdeflate.h>
#define ZLIB_CONST
#include <zlib.h>

enum {
    CHUNK = 32 * 1024,
    WHOLE = 1024 * 1024, /* up to here a deflated entry is unpacked at once, which is faster */
};

/* libdeflate's is several times faster than zlib's: it uses carry-less multiplication. */
enum { CRC_STEP = 256 << 10 };

uint32_t vs_zip_crc32(uint32_t crc, struct vs_bytes bytes)
{
    return bytes.len == 0 ? crc : libdeflate_crc32(crc, bytes.ptr, bytes.len);
}

vs_rc vs_zip_crc32_source(const struct vs_source *source, uint32_t *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(2 * (size_t)CRC_STEP);
    uint8_t *step = arena == NULL ? NULL : vs_arena_alloc(arena, CRC_STEP);
    if (step == NULL)
        return vs_fail_memory(err);
    *ret = 0;
    for (uint64_t at = 0; at < source->size;) {
        uint64_t left = source->size - at;
        size_t n = left < CRC_STEP ? (size_t)left : CRC_STEP;
        VS_TRY(vs_source_read(source, at, step, n, err));
        *ret = vs_zip_crc32(*ret, VS_BYTES(step, n));
        at += n;
    }
    return VS_OK;
}

struct unpacking {
    const struct vs_zip *zip;
    const struct vs_zip_entry *entry;
    vs_zip_consumer consumer;
    void *context;
    struct vs_error *err;
    uint64_t given;
    uint32_t crc32;
};

static vs_rc give(struct unpacking *u, struct vs_bytes chunk)
{
    if (chunk.len > u->entry->size - u->given)
        return vs_fail(u->err, VS_E_ZIP_STRUCTURE, NULL,
                       "'%.100s' unpacks to more than the directory says", u->entry->name);
    u->given += chunk.len;
    u->crc32 = vs_zip_crc32(u->crc32, chunk);
    return chunk.len == 0 ? VS_OK : u->consumer(u->context, chunk, u->err);
}

static vs_rc read_packed(struct unpacking *u, uint64_t from, void *to, size_t len)
{
    return vs_source_read(u->zip->source, u->entry->data_offset + from, to, len, u->err);
}

static vs_rc read_stored(struct unpacking *u)
{
    uint8_t chunk[CHUNK];
    for (uint64_t at = 0; at < u->entry->packed_size;) {
        uint64_t left = u->entry->packed_size - at;
        size_t len = left < sizeof chunk ? (size_t)left : sizeof chunk;
        VS_TRY(read_packed(u, at, chunk, len));
        VS_TRY(give(u, VS_BYTES(chunk, len)));
        at += len;
    }
    return VS_OK;
}

static vs_rc broken(struct unpacking *u)
{
    return vs_fail(u->err, VS_E_ZIP_STRUCTURE, "RFC 1951", "the data of '%.100s' is broken",
                   u->entry->name);
}

typedef struct libdeflate_decompressor vs_decompressor;
VS_DEFINE_CLEANUP(vs_decompressor, libdeflate_free_decompressor);

static vs_rc read_whole(struct unpacking *u)
{
    VS_BUFFER packed, plain;
    vs_buffer_init(&packed, 2 * WHOLE);
    vs_buffer_init(&plain, 2 * WHOLE);
    size_t packed_len = (size_t)u->entry->packed_size, len = (size_t)u->entry->size;
    uint8_t *from = vs_buffer_reserve(&packed, packed_len);
    uint8_t *to = vs_buffer_reserve(&plain, len);
    VS_CLEANUP(vs_decompressor) *d = libdeflate_alloc_decompressor();
    if (from == NULL || to == NULL || d == NULL)
        return vs_fail_memory(u->err);
    VS_TRY(read_packed(u, 0, from, packed_len));
    size_t used = 0;
    /* Exactly `len` bytes out of exactly the packed ones: nothing rides along. */
    enum libdeflate_result result =
        libdeflate_deflate_decompress_ex(d, from, packed_len, to, len, &used, NULL);
    if (result != LIBDEFLATE_SUCCESS || used != packed_len)
        return broken(u);
    return give(u, VS_BYTES(to, len));
}

/* What the inflater makes of one piece of packed bytes. */
static vs_rc inflate_piece(struct unpacking *u, z_stream *z, int *status)
{
    uint8_t out[CHUNK];
    do {
        z->next_out = out;
        z->avail_out = sizeof out;
        *status = inflate(z, Z_NO_FLUSH);
        if (*status != Z_OK && *status != Z_STREAM_END && *status != Z_BUF_ERROR)
            return broken(u);
        VS_TRY(give(u, VS_BYTES(out, sizeof out - z->avail_out)));
    } while (*status == Z_OK && z->avail_out == 0);
    return VS_OK;
}

static vs_rc inflate_all(struct unpacking *u, z_stream *z)
{
    uint8_t in[CHUNK];
    int status = Z_OK;
    for (uint64_t at = 0; at < u->entry->packed_size && status != Z_STREAM_END;) {
        uint64_t left = u->entry->packed_size - at;
        size_t len = left < sizeof in ? (size_t)left : sizeof in;
        VS_TRY(read_packed(u, at, in, len));
        z->next_in = in;
        z->avail_in = (unsigned)len;
        VS_TRY(inflate_piece(u, z, &status));
        at += len;
        if (status == Z_STREAM_END && (z->avail_in > 0 || at != u->entry->packed_size))
            return broken(u);
    }
    return status == Z_STREAM_END ? VS_OK : broken(u);
}

static vs_rc read_streamed(struct unpacking *u)
{
    z_stream z = {0};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return vs_fail_memory(u->err);
    vs_rc rc = inflate_all(u, &z);
    inflateEnd(&z);
    return rc;
}

vs_rc vs_zip_read(const struct vs_zip *zip, const struct vs_zip_entry *entry,
                  vs_zip_consumer consumer, void *context, struct vs_error *err)
{
    struct unpacking u = {zip, entry, consumer, context, err, 0, 0};
    if (entry->method == VS_ZIP_STORED)
        VS_TRY(read_stored(&u));
    else if (entry->size <= WHOLE && entry->packed_size <= WHOLE)
        VS_TRY(read_whole(&u));
    else
        VS_TRY(read_streamed(&u));
    VS_REFUSE_IF(u.given != entry->size, err, VS_E_ZIP_STRUCTURE, NULL,
                 "'%.100s' unpacks to less than the directory says", entry->name);
    VS_REFUSE_IF(u.crc32 != entry->crc32, err, VS_E_ZIP_STRUCTURE, NULL,
                 "the CRC-32 of '%.100s' is wrong", entry->name);
    return VS_OK;
}

struct collecting {
    uint8_t *to;
    size_t len;
};

static vs_rc collect(void *context, struct vs_bytes chunk, struct vs_error *err)
{
    (void)err;
    struct collecting *c = context;
    memcpy(c->to + c->len, chunk.ptr, chunk.len);
    c->len += chunk.len;
    return VS_OK;
}

vs_rc vs_zip_read_all(const struct vs_zip *zip, const struct vs_zip_entry *entry,
                      struct vs_arena *arena, size_t max_bytes, struct vs_bytes *ret,
                      struct vs_error *err)
{
    if (entry->size > max_bytes)
        return vs_fail(err, VS_E_LIMIT, NULL, "'%.100s' has more than %zu bytes", entry->name,
                       max_bytes);
    struct collecting c = {vs_arena_alloc(arena, (size_t)entry->size + 1), 0};
    if (c.to == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_zip_read(zip, entry, collect, &c, err));
    *ret = VS_BYTES(c.to, c.len);
    return VS_OK;
}

bool vs_zip_stored(const struct vs_zip *zip, const struct vs_zip_entry *entry,
                   struct vs_part_source *ret)
{
    if (entry->method != VS_ZIP_STORED)
        return false;
    vs_part_source_init(ret, zip->source, entry->data_offset, entry->size);
    return true;
}
