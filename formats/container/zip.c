#include "formats/container/fold.h"
#include "formats/container/zip_priv.h"
#include <stdlib.h>

#define GIB ((uint64_t)1024 * 1024 * 1024)

/* DSS has the same ratio and number of entries; what it lets through we should not refuse. */
const struct vs_zip_limits vs_zip_default_limits = {
    .max_entries = 1000,
    .max_entry_bytes = 64 * GIB,
    .max_total_bytes = 64 * GIB,
    .max_ratio = 100,
    .ratio_from_bytes = 1024 * 1024,
};

/* What the end of the archive says. */
struct end {
    uint64_t n_entries, directory_offset, directory_size;
    uint64_t directory_end; /* where the next record must begin */
    struct vs_bytes comment;
};

struct reading {
    struct vs_arena *arena;
    const struct vs_source *source;
    const struct vs_zip_limits *limits;
    struct vs_error *err;
};

#define REFUSE_IF(condition, ...)                                                              \
    VS_REFUSE_IF(condition, r->err, VS_E_ZIP_STRUCTURE, NULL, __VA_ARGS__)

/* A place that the archive names and does not have is its fault. */
static vs_rc read_at(struct reading *r, uint64_t offset, void *to, size_t len)
{
    if (offset > r->source->size || len > r->source->size - offset)
        return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "a record lies outside the archive");
    return vs_source_read(r->source, offset, to, len, r->err);
}

bool vs_zip_probe(const struct vs_source *source)
{
    uint8_t first[4];
    return source->size >= VS_ZIP_END_BYTES &&
           vs_ok(vs_source_read(source, 0, first, sizeof first, NULL)) &&
           vs_le32(first) == VS_ZIP_LOCAL_SIGNATURE;
}

/* The last end record in the tail; -1: there is none. */
static long find_end(const uint8_t *tail, size_t len)
{
    for (long at = (long)len - VS_ZIP_END_BYTES; at >= 0; at--)
        if (tail[at] == 'P' && vs_le32(tail + at) == VS_ZIP_END_SIGNATURE)
            return at;
    return -1;
}

/* ZIP64's end record and locator, where they are (APPNOTE 4.3.14, 4.3.15). */
static vs_rc read_end64(struct reading *r, uint64_t end_at, struct end *end)
{
    uint8_t locator[VS_ZIP_LOCATOR_BYTES], record[VS_ZIP_END64_BYTES];
    bool saturated = end->n_entries == 0xffff || end->directory_size == 0xffffffff ||
                     end->directory_offset == 0xffffffff;
    if (end_at < sizeof locator + sizeof record)
        return VS_OK;
    VS_TRY(read_at(r, end_at - sizeof locator, locator, sizeof locator));
    if (vs_le32(locator) != VS_ZIP_LOCATOR_SIGNATURE)
        return VS_OK;
    uint64_t at = end_at - sizeof locator - sizeof record;
    VS_TRY(read_at(r, at, record, sizeof record));
    REFUSE_IF(vs_le32(record) != VS_ZIP_END64_SIGNATURE || vs_le64(locator + 8) != at ||
                  vs_le64(record + 4) != sizeof record - 12,
              "the ZIP64 locator does not lead to its record");
    REFUSE_IF(vs_le32(locator + 4) != 0 || vs_le32(locator + 16) > 1 ||
                  vs_le32(record + 16) != 0 || vs_le32(record + 20) != 0 ||
                  vs_le64(record + 24) != vs_le64(record + 32),
              "an archive in several parts");
    uint64_t n = vs_le64(record + 32), size = vs_le64(record + 40),
             offset = vs_le64(record + 48);
    /* A reader that does not know ZIP64 must find the same. */
    REFUSE_IF((end->n_entries != 0xffff && end->n_entries != n) ||
                  (end->directory_size != 0xffffffff && end->directory_size != size) ||
                  (end->directory_offset != 0xffffffff && end->directory_offset != offset),
              "the ZIP64 end record contradicts the plain one%s",
              saturated ? "" : ", which is complete");
    end->n_entries = n;
    end->directory_size = size;
    end->directory_offset = offset;
    end->directory_end = at;
    return VS_OK;
}

static vs_rc read_end(struct reading *r, struct end *end)
{
    uint64_t size = r->source->size;
    size_t len = size < VS_ZIP_END_BYTES + 0xffff ? (size_t)size : VS_ZIP_END_BYTES + 0xffff;
    /* Nearly always there is no comment. */
    uint8_t plain[VS_ZIP_END_BYTES];
    const uint8_t *tail = plain;
    long at = -1;
    if (size >= sizeof plain) {
        VS_TRY(read_at(r, size - sizeof plain, plain, sizeof plain));
        at = find_end(plain, sizeof plain);
    }
    if (at == 0) {
        len = sizeof plain;
    } else if (size >= sizeof plain) {
        uint8_t *all = vs_arena_alloc(r->arena, len);
        if (all == NULL)
            return vs_fail_memory(r->err);
        VS_TRY(read_at(r, size - len, all, len));
        at = find_end(all, len);
        tail = all;
    }
    if (at < 0 && !vs_zip_probe(r->source))
        return vs_fail(r->err, VS_E_NOT_ZIP, NULL, "no ZIP end record");
    if (at < 0)
        return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "it is cut: no end record");
    const uint8_t *p = tail + at;
    size_t comment = len - (size_t)at - VS_ZIP_END_BYTES;
    REFUSE_IF(vs_le16(p + 20) != comment, "bytes follow the end record");
    REFUSE_IF(vs_le16(p + 4) != 0 || vs_le16(p + 6) != 0 || vs_le16(p + 8) != vs_le16(p + 10),
              "an archive in several parts");
    uint64_t end_at = size - len + (uint64_t)at;
    *end = (struct end){.n_entries = vs_le16(p + 10),
                        .directory_size = vs_le32(p + 12),
                        .directory_offset = vs_le32(p + 16),
                        .directory_end = end_at,
                        .comment = vs_bytes_copy(r->arena, VS_BYTES(p + 22, comment))};
    return read_end64(r, end_at, end);
}

/* The three fields that ZIP64 replaces; a field is read from the extra only when its 32 bits
 * are all ones (APPNOTE 4.5.3). */
struct wide {
    uint64_t *field[3];
};

static vs_rc read_zip64(struct reading *r, struct vs_bytes value, const struct wide *wide)
{
    size_t at = 0;
    for (int i = 0; i < 3; i++) {
        if (wide->field[i] == NULL || *wide->field[i] != 0xffffffff)
            continue;
        if (value.len - at < 8)
            return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "a ZIP64 field is missing");
        *wide->field[i] = vs_le64(value.ptr + at);
        at += 8;
    }
    REFUSE_IF(at != value.len, "a ZIP64 field that is not needed");
    return VS_OK;
}

static vs_rc read_unicode_path(struct reading *r, struct vs_bytes value, struct vs_bytes name)
{
    /* Some readers would take this name and others the plain one. */
    struct vs_bytes other =
        value.len < 5 ? VS_BYTES_NONE : VS_BYTES(value.ptr + 5, value.len - 5);
    REFUSE_IF(!vs_bytes_equal(other, name), "an entry with two names");
    return VS_OK;
}

static vs_rc read_extra(struct reading *r, struct vs_bytes extra, struct vs_bytes name,
                        const struct wide *wide)
{
    bool seen = false;
    for (size_t at = 0; at < extra.len;) {
        size_t left = extra.len - at;
        size_t len = left < 4 ? left : vs_le16(extra.ptr + at + 2);
        if (left < 4 || len > left - 4)
            return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "a broken extra field");
        struct vs_bytes value = VS_BYTES(extra.ptr + at + 4, len);
        uint16_t id = vs_le16(extra.ptr + at);
        if (id == VS_ZIP_EXTRA_ZIP64) {
            REFUSE_IF(seen, "two ZIP64 fields");
            seen = true;
            VS_TRY(read_zip64(r, value, wide));
        } else if (id == VS_ZIP_EXTRA_UNICODE_PATH) {
            VS_TRY(read_unicode_path(r, value, name));
        }
        at += 4 + len;
    }
    bool missing = false;
    for (int i = 0; i < 3 && !seen; i++)
        missing = missing || (wide->field[i] != NULL && *wide->field[i] == 0xffffffff);
    REFUSE_IF(missing, "sizes that only a ZIP64 field could tell");
    return VS_OK;
}

/* What the local header must repeat, besides what vs_zip_entry holds. */
struct central {
    struct vs_zip_entry *entry;
    uint16_t flags;
};

static vs_rc check_sizes(struct reading *r, const struct vs_zip_entry *e, uint16_t flags)
{
    const unsigned known = 0x6 | VS_ZIP_FLAG_DESCRIPTOR | VS_ZIP_FLAG_UTF8;
    REFUSE_IF((flags & 1) != 0 || (flags & 1 << 13) != 0, "'%.100s' is encrypted", e->name);
    REFUSE_IF((flags & ~known) != 0, "'%.100s' has unknown flags %04x", e->name, flags);
    if (e->method != VS_ZIP_STORED && e->method != VS_ZIP_DEFLATED)
        return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "'%.100s' has method %u", e->name,
                       e->method);
    REFUSE_IF(e->method == VS_ZIP_STORED && e->size != e->packed_size,
              "'%.100s' is stored with two sizes", e->name);
    REFUSE_IF(e->directory && e->size != 0, "the folder '%.100s' has content", e->name);
    const struct vs_zip_limits *limits = r->limits;
    VS_REFUSE_IF(e->size > limits->max_entry_bytes, r->err, VS_E_ZIP_BOMB, NULL,
                 "'%.100s' unpacks to %llu bytes", e->name, (unsigned long long)e->size);
    VS_REFUSE_IF(
        e->size > limits->ratio_from_bytes && e->size / limits->max_ratio > e->packed_size,
        r->err, VS_E_ZIP_BOMB, NULL, "'%.100s' unpacks to more than %llu times its size",
        e->name, (unsigned long long)limits->max_ratio);
    return VS_OK;
}

/* One record of the directory; `*at` moves behind it. */
static vs_rc read_central(struct reading *r, struct vs_bytes directory, size_t *at,
                          struct central *central)
{
    const uint8_t *p = directory.ptr + *at;
    size_t left = directory.len - *at;
    if (left < VS_ZIP_CENTRAL_BYTES || vs_le32(p) != VS_ZIP_CENTRAL_SIGNATURE)
        return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "a broken directory");
    size_t name_len = vs_le16(p + 28), extra_len = vs_le16(p + 30), len = vs_le16(p + 32);
    len += VS_ZIP_CENTRAL_BYTES + name_len + extra_len;
    if (len > left)
        return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "a broken directory");
    *at += len;
    struct vs_bytes name = VS_BYTES(p + VS_ZIP_CENTRAL_BYTES, name_len);
    VS_TRY(vs_zip_check_name(name, r->err));
    struct vs_zip_entry *e = central->entry;
    e->name = vs_arena_strndup(r->arena, (const char *)name.ptr, name.len);
    e->key = vs_name_key(r->arena, name);
    if (e->name == NULL || e->key == NULL)
        return vs_fail_memory(r->err);
    central->flags = vs_le16(p + 8);
    e->method = vs_le16(p + 10);
    e->crc32 = vs_le32(p + 16);
    e->packed_size = vs_le32(p + 20);
    e->size = vs_le32(p + 24);
    e->header_offset = vs_le32(p + 42);
    e->directory = name.ptr[name.len - 1] == '/';
    REFUSE_IF(vs_le16(p + 34) != 0, "an archive in several parts");
    struct wide wide = {{&e->size, &e->packed_size, &e->header_offset}};
    VS_TRY(read_extra(r, VS_BYTES(name.ptr + name.len, extra_len), name, &wide));
    return check_sizes(r, e, central->flags);
}

/* 0 in place of a size or CRC means "see the data descriptor", where one is announced. */
static bool repeats(uint64_t local, uint64_t central, bool descriptor)
{
    return local == central || (descriptor && local == 0);
}

static vs_rc read_local(struct reading *r, const struct central *central)
{
    struct vs_zip_entry *e = central->entry;
    uint8_t p[VS_ZIP_LOCAL_BYTES];
    VS_TRY(read_at(r, e->header_offset, p, sizeof p));
    if (vs_le32(p) != VS_ZIP_LOCAL_SIGNATURE)
        return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "'%.100s' is not where it should be",
                       e->name);
    size_t name_len = vs_le16(p + 26), extra_len = vs_le16(p + 28);
    uint8_t *names = vs_arena_alloc(r->arena, name_len + extra_len + 1);
    if (names == NULL)
        return vs_fail_memory(r->err);
    VS_TRY(read_at(r, e->header_offset + sizeof p, names, name_len + extra_len));
    e->data_offset = e->header_offset + sizeof p + name_len + extra_len;
    e->local_extra = extra_len > 0;
    struct vs_bytes name = VS_BYTES(names, name_len);
    bool descriptor = (central->flags & VS_ZIP_FLAG_DESCRIPTOR) != 0;
    uint64_t packed = vs_le32(p + 18), size = vs_le32(p + 22);
    struct wide wide = {{&size, &packed, NULL}};
    VS_TRY(read_extra(r, VS_BYTES(names + name_len, extra_len), name, &wide));
    REFUSE_IF(!vs_bytes_is(name, e->name), "'%.100s' has another name in its local header",
              e->name);
    REFUSE_IF(vs_le16(p + 6) != central->flags || vs_le16(p + 8) != e->method ||
                  !repeats(vs_le32(p + 14), e->crc32, descriptor) ||
                  !repeats(packed, e->packed_size, descriptor) ||
                  !repeats(size, e->size, descriptor),
              "the local header of '%.100s' contradicts the directory", e->name);
    return VS_OK;
}

/* The record behind an entry's data, up to `next` (APPNOTE 4.3.9): with or without its
 * signature, sizes of 4 or 8 bytes; which of them, its length tells. */
static vs_rc check_descriptor(struct reading *r, const struct vs_zip_entry *e, uint64_t end,
                              uint64_t next)
{
    uint8_t p[24];
    uint64_t len = next - end;
    bool fits = next > end && (len == 12 || len == 16 || len == 20 || len == 24);
    REFUSE_IF(!fits, "'%.100s' has no data descriptor of the right size", e->name);
    if (!fits)
        return VS_OK;
    VS_TRY(read_at(r, end, p, (size_t)len));
    bool wide = len >= 20;
    const uint8_t *at = len % 8 == 0 ? p + 4 : p;
    uint64_t packed = wide ? vs_le64(at + 4) : vs_le32(at + 4);
    uint64_t size = wide ? vs_le64(at + 12) : vs_le32(at + 8);
    REFUSE_IF((at != p && vs_le32(p) != VS_ZIP_DESCRIPTOR_SIGNATURE) ||
                  vs_le32(at) != e->crc32 || packed != e->packed_size || size != e->size,
              "the data descriptor of '%.100s' contradicts the directory", e->name);
    return VS_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct central *x = a, *y = b;
    uint64_t i = x->entry->header_offset, j = y->entry->header_offset;
    return i < j ? -1 : i > j;
}

/* Every byte before the directory belongs to exactly one entry. */
static vs_rc check_places(struct reading *r, struct central *rows, size_t n,
                          const struct end *end)
{
    uint64_t place = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        const struct vs_zip_entry *e = rows[i].entry;
        REFUSE_IF(e->header_offset != place, "%s '%.100s'",
                  e->header_offset < place ? "entries overlap at" : "there are bytes before",
                  e->name);
        VS_TRY(read_local(r, &rows[i]));
        uint64_t next = i + 1 < n ? rows[i + 1].entry->header_offset : end->directory_offset;
        if (e->packed_size > r->source->size - e->data_offset)
            return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "'%.100s' is cut", e->name);
        place = e->data_offset + e->packed_size;
        if ((rows[i].flags & VS_ZIP_FLAG_DESCRIPTOR) != 0) {
            VS_TRY(check_descriptor(r, e, place, next));
            place = next;
        }
        VS_REFUSE_IF(e->size > r->limits->max_total_bytes - total, r->err, VS_E_ZIP_BOMB, NULL,
                     "it unpacks to more than %llu bytes",
                     (unsigned long long)r->limits->max_total_bytes);
        total += e->size;
    }
    REFUSE_IF(place != end->directory_offset, "bytes that belong to no entry");
    return VS_OK;
}

/* The directory ends where the end records begin, so it has one size. */
static vs_rc read_directory(struct reading *r, const struct end *end, struct vs_bytes *ret)
{
    bool fits = end->directory_offset <= end->directory_end &&
                end->directory_size <= end->directory_end - end->directory_offset;
    if (!fits || end->n_entries > end->directory_size / VS_ZIP_CENTRAL_BYTES)
        return vs_fail(r->err, VS_E_ZIP_STRUCTURE, NULL, "the directory does not fit");
    REFUSE_IF(end->directory_offset + end->directory_size != end->directory_end,
              "bytes that belong to no entry follow the directory");
    VS_REFUSE_IF(end->n_entries > r->limits->max_entries, r->err, VS_E_ZIP_BOMB, NULL,
                 "%llu entries", (unsigned long long)end->n_entries);
    uint8_t *directory = vs_arena_alloc(r->arena, (size_t)end->directory_size + 1);
    if (directory == NULL)
        return vs_fail_memory(r->err);
    *ret = VS_BYTES(directory, (size_t)end->directory_size);
    return read_at(r, end->directory_offset, directory, ret->len);
}

static vs_rc check_unique(struct reading *r, const struct vs_zip_entry *entries, size_t n)
{
    const char **keys = vs_arena_make_n(r->arena, const char *, n + 1);
    if (keys == NULL)
        return vs_fail_memory(r->err);
    for (size_t i = 0; i < n; i++)
        keys[i] = entries[i].key;
    return vs_zip_check_keys(keys, n, r->err);
}

static vs_rc read_entries(struct reading *r, const struct end *end, struct vs_zip *zip)
{
    struct vs_bytes directory;
    VS_TRY(read_directory(r, end, &directory));
    size_t n = (size_t)end->n_entries, at = 0;
    struct vs_zip_entry *entries = vs_arena_make_n(r->arena, struct vs_zip_entry, n + 1);
    struct vs_zip_entry *ordered = vs_arena_make_n(r->arena, struct vs_zip_entry, n + 1);
    struct central *rows = vs_arena_make_n(r->arena, struct central, n + 1);
    if (entries == NULL || ordered == NULL || rows == NULL)
        return vs_fail_memory(r->err);
    for (size_t i = 0; i < n; i++) {
        rows[i].entry = &entries[i];
        VS_TRY(read_central(r, directory, &at, &rows[i]));
    }
    REFUSE_IF(at != directory.len, "the directory holds more than its entries");
    VS_TRY(check_unique(r, entries, n));
    qsort(rows, n, sizeof *rows, by_offset);
    VS_TRY(check_places(r, rows, n, end));
    for (size_t i = 0; i < n; i++)
        ordered[i] = *rows[i].entry;
    zip->entries = ordered;
    zip->n_entries = n;
    return VS_OK;
}

vs_rc vs_zip_open(struct vs_arena *arena, const struct vs_source *source,
                  const struct vs_zip_limits *limits, const struct vs_zip **ret,
                  struct vs_error *err)
{
    struct reading r = {arena, source, limits != NULL ? limits : &vs_zip_default_limits, err};
    struct vs_zip *zip = vs_arena_make(arena, struct vs_zip);
    if (zip == NULL)
        return vs_fail_memory(err);
    struct end end;
    VS_TRY(read_end(&r, &end));
    zip->source = source;
    zip->comment = end.comment;
    VS_TRY(read_entries(&r, &end, zip));
    *ret = zip;
    return VS_OK;
}

const struct vs_zip_entry *vs_zip_find(const struct vs_zip *zip, const char *name)
{
    for (size_t i = 0; i < zip->n_entries; i++)
        if (strcmp(zip->entries[i].name, name) == 0)
            return &zip->entries[i];
    return NULL;
}
