#include "tests/support/raw_zip.h"
#define ZLIB_CONST
#include <zlib.h>

static void put16(struct vs_buffer *to, uint64_t v)
{
    vs_buffer_byte(to, (uint8_t)v);
    vs_buffer_byte(to, (uint8_t)(v >> 8));
}
static void put32(struct vs_buffer *to, uint64_t v)
{
    put16(to, v);
    put16(to, v >> 16);
}
static void put64(struct vs_buffer *to, uint64_t v)
{
    put32(to, v);
    put32(to, v >> 32);
}

static uint64_t add(uint64_t v, int64_t by)
{
    return (uint64_t)((int64_t)v + by);
}

static uint32_t crc_of(const struct raw_entry *e)
{
    uint32_t crc =
        e->method == 0 ? (uint32_t)crc32(0, e->data.ptr, (unsigned)e->data.len) : e->crc32;
    return crc ^ e->crc_xor;
}

static uint64_t size_of(const struct raw_entry *e)
{
    return add(e->size != 0 ? e->size : e->data.len, e->size_add);
}

static void put_descriptor(const struct raw_entry *e, struct vs_buffer *to)
{
    bool wide = e->descriptor >= 20;
    if (e->descriptor == 0)
        return;
    if (e->descriptor % 8 == 0)
        put32(to, 0x08074b50);
    put32(to, crc_of(e) ^ e->descriptor_crc_xor);
    uint64_t sizes[] = {add(e->data.len, e->packed_add), size_of(e)};
    for (int i = 0; i < 2; i++) {
        if (wide)
            put64(to, sizes[i]);
        else
            put32(to, sizes[i]);
    }
}

static void put_local(const struct raw_entry *e, struct vs_buffer *to)
{
    const char *name = e->local_name != NULL ? e->local_name : e->name;
    uint64_t packed = add(add(e->data.len, e->packed_add), e->local_packed_add);
    uint64_t size = add(size_of(e), e->local_size_add);
    uint32_t crc = crc_of(e) ^ e->local_crc_xor;
    if (e->zero_local)
        packed = size = crc = 0;
    put32(to, 0x04034b50);
    put16(to, 20);
    put16(to, e->flags ^ e->local_flags_xor);
    put16(to, e->method ^ e->local_method_xor);
    put32(to, 0x00210000);
    put32(to, crc);
    put32(to, e->wide_local ? 0xffffffff : packed);
    put32(to, e->wide_local ? 0xffffffff : size);
    put16(to, strlen(name));
    put16(to, e->local_extra.len + (e->wide_local ? 20 : 0));
    vs_buffer_text(to, name);
    if (e->wide_local) {
        put16(to, 1);
        put16(to, 16);
        put64(to, size);
        put64(to, packed);
    }
    vs_buffer_add(to, e->local_extra);
}

static void put_central(const struct raw_entry *e, uint64_t offset, struct vs_buffer *to)
{
    put32(to, 0x02014b50);
    put16(to, 3 << 8 | 20);
    put16(to, 20);
    put16(to, e->flags);
    put16(to, e->method);
    put32(to, 0x00210000);
    put32(to, crc_of(e));
    put32(to, add(e->data.len, e->packed_add));
    put32(to, size_of(e));
    put16(to, strlen(e->name));
    put16(to, e->extra.len);
    put16(to, 0);
    put16(to, 0);
    put16(to, 0);
    put32(to, 0x81a40000);
    put32(to, add(offset, e->offset_add));
    vs_buffer_text(to, e->name);
    vs_buffer_add(to, e->extra);
}

static void put_end64(const struct raw_zip *zip, uint64_t offset, uint64_t size,
                      struct vs_buffer *to)
{
    uint64_t at = to->len;
    put32(to, 0x06064b50);
    put64(to, 44);
    put16(to, 45);
    put16(to, 45);
    put32(to, 0);
    put32(to, 0);
    put64(to, add(zip->n, zip->end64_n_add));
    put64(to, add(zip->n, zip->end64_n_add));
    put64(to, size);
    put64(to, add(offset, zip->end64_offset_add));
    put32(to, 0x07064b50);
    put32(to, 0);
    put64(to, at);
    put32(to, 1);
}

void raw_zip_make(const struct raw_zip *zip, struct vs_buffer *to)
{
    uint64_t offsets[8];
    vs_buffer_add(to, zip->prefix);
    for (size_t i = 0; i < zip->n; i++) {
        const struct raw_entry *e = &zip->entries[i];
        vs_buffer_add(to, e->gap_before);
        offsets[i] = to->len;
        put_local(e, to);
        vs_buffer_add(to, e->data);
        put_descriptor(e, to);
    }
    vs_buffer_add(to, zip->gap_before_directory);
    uint64_t offset = to->len;
    for (size_t i = 0; i < zip->n; i++)
        put_central(&zip->entries[i], offsets[i], to);
    uint64_t size = to->len - offset;
    vs_buffer_add(to, zip->gap_after_directory);
    if (zip->end64)
        put_end64(zip, offset, size, to);
    bool full = zip->end_saturated;
    put32(to, 0x06054b50);
    put32(to, 0);
    put16(to, full ? 0xffff : add(zip->n, zip->n_add));
    put16(to, full ? 0xffff : add(zip->n, zip->n_add));
    put32(to, full ? 0xffffffff : add(size, zip->directory_size_add));
    put32(to, full ? 0xffffffff : add(offset, zip->directory_offset_add));
    put16(to, zip->comment.len);
    vs_buffer_add(to, zip->comment);
    vs_buffer_add(to, zip->trailing);
}

struct vs_bytes raw_deflate(struct vs_arena *arena, struct vs_bytes plain)
{
    z_stream z = {0};
    size_t room = plain.len + plain.len / 1000 + 64;
    uint8_t *out = vs_arena_alloc(arena, room);
    VS_ASSERT(out != NULL);
    VS_ASSERT(deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = plain.ptr;
    z.avail_in = (unsigned)plain.len;
    z.next_out = out;
    z.avail_out = (unsigned)room;
    VS_ASSERT(deflate(&z, Z_FINISH) == Z_STREAM_END);
    size_t len = room - z.avail_out;
    deflateEnd(&z);
    return VS_BYTES(out, len);
}
