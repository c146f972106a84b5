#include "formats/container/fold.h"
#include "formats/container/zip_priv.h"

/* One stretch of the archive. */
struct piece {
    uint64_t offset, len;
    const uint8_t *bytes;           /* or */
    const struct vs_source *source; /* from its beginning */
};

struct layout {
    struct vs_source source;
    const struct piece *pieces;
    size_t n_pieces;
};

struct laying {
    struct vs_arena *arena;
    const struct vs_zip_part *parts;
    size_t n;
    struct piece *pieces;
    size_t n_pieces;
    uint64_t at;
    uint64_t *offsets; /* of the local headers */
    uint32_t *crcs;
    struct vs_error *err;
};

static uint64_t part_size(const struct vs_zip_part *part)
{
    return part->source != NULL ? part->source->size : part->bytes.len;
}

static void add_piece(struct laying *l, uint64_t len, const uint8_t *bytes,
                      const struct vs_source *source)
{
    if (len == 0)
        return;
    l->pieces[l->n_pieces++] = (struct piece){l->at, len, bytes, source};
    l->at += len;
}

/* The fields that local header and directory share, from "version needed" to "extra length". */
static void put_common(uint8_t **at, const struct laying *l, size_t i, unsigned version,
                       unsigned extra_len)
{
    const char *name = l->parts[i].name;
    unsigned flags = 0;
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c >= 0x80)
            flags = VS_ZIP_FLAG_UTF8;
    uint64_t size = vs_zip_cap32(part_size(&l->parts[i]));
    vs_zip_put16(at, version);
    vs_zip_put16(at, flags);
    vs_zip_put16(at, VS_ZIP_STORED);
    vs_zip_put16(at, 0);      /* 00:00:00 */
    vs_zip_put16(at, 0x0021); /* 1980-01-01: a date would make the same parts differ */
    vs_zip_put32(at, l->crcs[i]);
    vs_zip_put32(at, size);
    vs_zip_put32(at, size);
    vs_zip_put16(at, (unsigned)strlen(name));
    vs_zip_put16(at, extra_len);
}

static void put_name(uint8_t **at, const char *name)
{
    size_t len = strlen(name);
    memcpy(*at, name, len);
    *at += len;
}

static vs_rc lay_entry(struct laying *l, size_t i)
{
    const struct vs_zip_part *part = &l->parts[i];
    uint64_t size = part_size(part);
    bool wide = vs_zip_is_wide(size);
    size_t len = VS_ZIP_LOCAL_BYTES + strlen(part->name) + (wide ? 20 : 0);
    uint8_t *header = vs_arena_alloc(l->arena, len), *at = header;
    if (header == NULL)
        return vs_fail_memory(l->err);
    l->offsets[i] = l->at;
    l->crcs[i] = part->source != NULL ? part->source_crc32 : vs_zip_crc32(0, part->bytes);
    vs_zip_put32(&at, VS_ZIP_LOCAL_SIGNATURE);
    put_common(&at, l, i, wide ? 45 : 20, wide ? 20 : 0);
    put_name(&at, part->name);
    if (wide) {
        vs_zip_put16(&at, VS_ZIP_EXTRA_ZIP64);
        vs_zip_put16(&at, 16);
        vs_zip_put64(&at, size);
        vs_zip_put64(&at, size);
    }
    add_piece(l, len, header, NULL);
    add_piece(l, size, part->bytes.ptr, part->source);
    return VS_OK;
}

static void put_central(uint8_t **at, const struct laying *l, size_t i)
{
    uint64_t size = part_size(&l->parts[i]), offset = l->offsets[i];
    unsigned extra = (vs_zip_is_wide(size) ? 16U : 0U) + (vs_zip_is_wide(offset) ? 8U : 0U);
    vs_zip_put32(at, VS_ZIP_CENTRAL_SIGNATURE);
    vs_zip_put16(at, 3 << 8 | (extra > 0 ? 45 : 20)); /* made on Unix: it has modes */
    put_common(at, l, i, extra > 0 ? 45 : 20, extra > 0 ? extra + 4 : 0);
    vs_zip_put16(at, 0);                       /* comment */
    vs_zip_put16(at, 0);                       /* disk */
    vs_zip_put16(at, 0);                       /* internal attributes */
    vs_zip_put32(at, (uint64_t)0100644 << 16); /* a plain file, rw-r--r-- */
    vs_zip_put32(at, vs_zip_cap32(offset));
    put_name(at, l->parts[i].name);
    if (extra == 0)
        return;
    vs_zip_put16(at, VS_ZIP_EXTRA_ZIP64);
    vs_zip_put16(at, extra);
    if (vs_zip_is_wide(size)) {
        vs_zip_put64(at, size);
        vs_zip_put64(at, size);
    }
    if (vs_zip_is_wide(offset))
        vs_zip_put64(at, offset);
}

static void put_end(uint8_t **at, const struct laying *l, uint64_t offset, uint64_t size)
{
    uint64_t n = l->n;
    if (vs_zip_is_wide(offset) || vs_zip_is_wide(size) || n >= 0xffff) {
        vs_zip_put32(at, VS_ZIP_END64_SIGNATURE);
        vs_zip_put64(at, VS_ZIP_END64_BYTES - 12);
        vs_zip_put16(at, 3 << 8 | 45);
        vs_zip_put16(at, 45);
        vs_zip_put32(at, 0);
        vs_zip_put32(at, 0);
        vs_zip_put64(at, n);
        vs_zip_put64(at, n);
        vs_zip_put64(at, size);
        vs_zip_put64(at, offset);
        vs_zip_put32(at, VS_ZIP_LOCATOR_SIGNATURE);
        vs_zip_put32(at, 0);
        vs_zip_put64(at, offset + size);
        vs_zip_put32(at, 1);
    }
    unsigned short_n = n < 0xffff ? (unsigned)n : 0xffff;
    vs_zip_put32(at, VS_ZIP_END_SIGNATURE);
    vs_zip_put32(at, 0); /* disks */
    vs_zip_put16(at, short_n);
    vs_zip_put16(at, short_n);
    vs_zip_put32(at, vs_zip_cap32(size));
    vs_zip_put32(at, vs_zip_cap32(offset));
    vs_zip_put16(at, 0); /* comment */
}

static vs_rc lay_directory(struct laying *l)
{
    size_t room = VS_ZIP_END64_BYTES + VS_ZIP_LOCATOR_BYTES + VS_ZIP_END_BYTES;
    for (size_t i = 0; i < l->n; i++)
        room += VS_ZIP_CENTRAL_BYTES + strlen(l->parts[i].name) + 28;
    uint8_t *directory = vs_arena_alloc(l->arena, room), *at = directory;
    if (directory == NULL)
        return vs_fail_memory(l->err);
    for (size_t i = 0; i < l->n; i++)
        put_central(&at, l, i);
    put_end(&at, l, l->at, (uint64_t)(at - directory));
    add_piece(l, (uint64_t)(at - directory), directory, NULL);
    return VS_OK;
}

static vs_rc check_names(struct laying *l)
{
    const char **keys = vs_arena_make_n(l->arena, const char *, l->n + 1);
    if (keys == NULL)
        return vs_fail_memory(l->err);
    for (size_t i = 0; i < l->n; i++) {
        struct vs_bytes name = vs_bytes_text(l->parts[i].name);
        VS_TRY(vs_zip_check_name(name, l->err));
        keys[i] = vs_name_key(l->arena, name);
        if (keys[i] == NULL)
            return vs_fail_memory(l->err);
        if (vs_bytes_ends(name, "/"))
            return vs_fail(l->err, VS_E_ZIP_NAME, NULL, "a folder is not laid out");
    }
    return vs_zip_check_keys(keys, l->n, l->err);
}

/* The piece that `offset` lies in. */
static size_t find_piece(const struct layout *layout, uint64_t offset)
{
    size_t low = 0, high = layout->n_pieces;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (layout->pieces[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static vs_rc read_layout(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                         struct vs_error *err)
{
    const struct layout *layout = source->context;
    uint8_t *out = to;
    for (size_t i = find_piece(layout, offset); len > 0; i++) {
        const struct piece *piece = &layout->pieces[i];
        uint64_t skip = offset - piece->offset, left = piece->len - skip;
        size_t part = left < len ? (size_t)left : len;
        if (piece->source != NULL)
            VS_TRY(vs_source_read(piece->source, skip, out, part, err));
        else
            memcpy(out, piece->bytes + skip, part);
        out += part;
        offset += part;
        len -= part;
    }
    return VS_OK;
}

vs_rc vs_zip_layout(struct vs_arena *arena, const struct vs_zip_part *parts, size_t n,
                    const struct vs_source **ret, struct vs_error *err)
{
    struct laying l = {.arena = arena, .parts = parts, .n = n, .err = err};
    struct layout *layout = vs_arena_make(arena, struct layout);
    l.pieces = vs_arena_make_n(arena, struct piece, 2 * n + 1);
    l.offsets = vs_arena_make_n(arena, uint64_t, n + 1);
    l.crcs = vs_arena_make_n(arena, uint32_t, n + 1);
    if (layout == NULL || l.pieces == NULL || l.offsets == NULL || l.crcs == NULL)
        return vs_fail_memory(err);
    VS_TRY(check_names(&l));
    for (size_t i = 0; i < n; i++)
        VS_TRY(lay_entry(&l, i));
    VS_TRY(lay_directory(&l));
    layout->source = (struct vs_source){l.at, layout, read_layout};
    layout->pieces = l.pieces;
    layout->n_pieces = l.n_pieces;
    *ret = &layout->source;
    return VS_OK;
}
