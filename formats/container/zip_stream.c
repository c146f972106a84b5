#include "formats/container/zip_stream.h"
#include "formats/container/zip_priv.h"

/* -- writing ------------------------------------------------------------------------------- */

/* From "version needed" to "extra length". */
static void put_common(uint8_t **at, const struct vs_zip_stream_entry *e, unsigned extra)
{
    vs_zip_put16(at, extra > 0 ? 45 : 20);
    vs_zip_put16(at, 0);
    vs_zip_put16(at, VS_ZIP_STORED);
    vs_zip_put16(at, 0);      /* 00:00:00 */
    vs_zip_put16(at, 0x0021); /* 1980-01-01 */
    vs_zip_put32(at, e->crc32);
    vs_zip_put32(at, vs_zip_cap32(e->size));
    vs_zip_put32(at, vs_zip_cap32(e->size));
    vs_zip_put16(at, (unsigned)strlen(e->name));
    vs_zip_put16(at, extra > 0 ? extra + 4 : 0);
}

static void put_name(uint8_t **at, const char *name)
{
    size_t len = strlen(name);
    memcpy(*at, name, len);
    *at += len;
}

size_t vs_zip_stream_local(const struct vs_zip_stream_entry *entry,
                           uint8_t out[VS_ZIP_RECORD_MAX])
{
    uint8_t *at = out;
    unsigned extra = vs_zip_is_wide(entry->size) ? 16 : 0;
    vs_zip_put32(&at, VS_ZIP_LOCAL_SIGNATURE);
    put_common(&at, entry, extra);
    put_name(&at, entry->name);
    if (extra > 0) {
        vs_zip_put16(&at, VS_ZIP_EXTRA_ZIP64);
        vs_zip_put16(&at, extra);
        vs_zip_put64(&at, entry->size);
        vs_zip_put64(&at, entry->size);
    }
    return (size_t)(at - out);
}

size_t vs_zip_stream_central(const struct vs_zip_stream_entry *entry,
                             uint8_t out[VS_ZIP_RECORD_MAX])
{
    uint8_t *at = out;
    unsigned extra =
        (vs_zip_is_wide(entry->size) ? 16U : 0U) + (vs_zip_is_wide(entry->offset) ? 8U : 0U);
    vs_zip_put32(&at, VS_ZIP_CENTRAL_SIGNATURE);
    vs_zip_put16(&at, 3 << 8 | (extra > 0 ? 45 : 20)); /* made on Unix: it has modes */
    put_common(&at, entry, extra);
    vs_zip_put16(&at, 0);                       /* comment */
    vs_zip_put16(&at, 0);                       /* disk */
    vs_zip_put16(&at, 0);                       /* internal attributes */
    vs_zip_put32(&at, (uint64_t)0100644 << 16); /* a plain file, rw-r--r-- */
    vs_zip_put32(&at, vs_zip_cap32(entry->offset));
    put_name(&at, entry->name);
    if (extra > 0) {
        vs_zip_put16(&at, VS_ZIP_EXTRA_ZIP64);
        vs_zip_put16(&at, extra);
    }
    if (vs_zip_is_wide(entry->size)) {
        vs_zip_put64(&at, entry->size);
        vs_zip_put64(&at, entry->size);
    }
    if (vs_zip_is_wide(entry->offset))
        vs_zip_put64(&at, entry->offset);
    return (size_t)(at - out);
}

static void put_end64(uint8_t **at, uint64_t n, uint64_t offset, uint64_t size)
{
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

size_t vs_zip_stream_ending(uint64_t n_entries, uint64_t directory_offset,
                            uint64_t directory_size, uint8_t out[VS_ZIP_ENDING_MAX])
{
    uint8_t *at = out;
    if (vs_zip_is_wide(directory_offset) || vs_zip_is_wide(directory_size) ||
        n_entries >= 0xffff)
        put_end64(&at, n_entries, directory_offset, directory_size);
    unsigned short_n = n_entries < 0xffff ? (unsigned)n_entries : 0xffff;
    vs_zip_put32(&at, VS_ZIP_END_SIGNATURE);
    vs_zip_put32(&at, 0); /* disks */
    vs_zip_put16(&at, short_n);
    vs_zip_put16(&at, short_n);
    vs_zip_put32(&at, vs_zip_cap32(directory_size));
    vs_zip_put32(&at, vs_zip_cap32(directory_offset));
    vs_zip_put16(&at, 0); /* comment */
    return (size_t)(at - out);
}

/* -- reading ------------------------------------------------------------------------------- */

static vs_rc structure(struct vs_error *err, const char *what)
{
    return vs_fail(err, VS_E_ZIP_STRUCTURE, NULL, "%s", what);
}

/* Whether the archive holds exactly these octets at `offset`, which must end before `limit`. */
static vs_rc compare(const struct vs_source *source, uint64_t offset, uint64_t limit,
                     struct vs_bytes wanted, struct vs_error *err)
{
    uint8_t found[VS_ZIP_RECORD_MAX];
    if (offset > limit || wanted.len > limit - offset || wanted.len > sizeof found)
        return structure(err, "a record lies outside its place");
    VS_TRY(vs_source_read(source, offset, found, wanted.len, err));
    if (memcmp(found, wanted.ptr, wanted.len) != 0)
        return structure(err, "a record is not the one that Vasite writes for this entry "
                              "(unpack it and check the folder)");
    return VS_OK;
}

vs_rc vs_zip_stream_open(struct vs_zip_stream *stream, const struct vs_source *source,
                         struct vs_error *err)
{
    uint8_t end[VS_ZIP_END_BYTES], wide[VS_ZIP_END64_BYTES + VS_ZIP_LOCATOR_BYTES],
        wanted[VS_ZIP_ENDING_MAX];
    struct vs_zip_stream s = {.source = source};
    if (source->size < sizeof end)
        return vs_fail(err, VS_E_NOT_ZIP, NULL, "no ZIP end record");
    VS_TRY(vs_source_read(source, source->size - sizeof end, end, sizeof end, err));
    if (vs_le32(end) != VS_ZIP_END_SIGNATURE)
        return vs_fail(err, VS_E_NOT_ZIP, NULL, "no ZIP end record at its end");
    s.n_entries = vs_le16(end + 10);
    uint64_t size = vs_le32(end + 12);
    s.directory = vs_le32(end + 16);
    if (source->size >= sizeof end + sizeof wide) {
        VS_TRY(vs_source_read(source, source->size - sizeof end - sizeof wide, wide,
                              sizeof wide, err));
        if (vs_le32(wide) == VS_ZIP_END64_SIGNATURE) {
            s.n_entries = vs_le64(wide + 24);
            size = vs_le64(wide + 40);
            s.directory = vs_le64(wide + 48);
        }
    }
    if (s.directory > source->size || size > source->size - s.directory)
        return structure(err, "the directory lies outside the archive");
    s.ending = s.directory + size;
    s.directory_at = s.directory;
    size_t len = vs_zip_stream_ending(s.n_entries, s.directory, size, wanted);
    if (len != source->size - s.ending)
        return structure(err, "bytes that belong to nothing before the end record");
    VS_TRY(compare(source, s.ending, source->size, VS_BYTES(wanted, len), err));
    *stream = s;
    return VS_OK;
}

static vs_rc read_local(struct vs_zip_stream *s, struct vs_error *err)
{
    uint8_t header[VS_ZIP_LOCAL_BYTES], extra[20];
    struct vs_zip_stream_entry *e = &s->entry;
    if (s->directory - s->at < sizeof header)
        return structure(err, "an entry runs into the directory");
    VS_TRY(vs_source_read(s->source, s->at, header, sizeof header, err));
    size_t name = vs_le16(header + 26), more = vs_le16(header + 28);
    if (vs_le32(header) != VS_ZIP_LOCAL_SIGNATURE || name == 0 ||
        name > VS_ZIP_STREAM_NAME_MAX || (more != 0 && more != sizeof extra) ||
        s->directory - s->at - sizeof header < name + more)
        return structure(err, "an entry that Vasite does not write so");
    VS_TRY(vs_source_read(s->source, s->at + sizeof header, e->name, name, err));
    e->name[name] = '\0';
    if (strlen(e->name) != name)
        return structure(err, "a name with a NUL");
    e->offset = s->at;
    e->crc32 = vs_le32(header + 14);
    e->size = vs_le32(header + 22);
    if (more != 0) {
        VS_TRY(vs_source_read(s->source, s->at + sizeof header + name, extra, more, err));
        e->size = vs_le64(extra + 4);
    }
    return VS_OK;
}

vs_rc vs_zip_stream_next(struct vs_zip_stream *s, bool *ret, struct vs_error *err)
{
    uint8_t record[VS_ZIP_RECORD_MAX];
    *ret = false;
    if (s->at == s->directory) {
        if (s->n_read != s->n_entries || s->directory_at != s->ending)
            return structure(err, "the directory lists what is not there");
        return VS_OK;
    }
    VS_TRY(read_local(s, err));
    size_t len = vs_zip_stream_local(&s->entry, record);
    VS_TRY(compare(s->source, s->at, s->directory, VS_BYTES(record, len), err));
    s->data = s->at + len;
    if (s->entry.size > s->directory - s->data)
        return structure(err, "an entry runs into the directory");
    len = vs_zip_stream_central(&s->entry, record);
    VS_TRY(compare(s->source, s->directory_at, s->ending, VS_BYTES(record, len), err));
    s->directory_at += len;
    s->at = s->data + s->entry.size;
    s->n_read++;
    s->read = 0;
    s->crc32 = 0;
    *ret = true;
    return VS_OK;
}

vs_rc vs_zip_stream_read(struct vs_zip_stream *s, void *to, size_t len, size_t *ret_got,
                         struct vs_error *err)
{
    uint64_t left = s->entry.size - s->read;
    size_t got = left < len ? (size_t)left : len;
    *ret_got = got;
    if (got == 0)
        return VS_OK;
    VS_TRY(vs_source_read(s->source, s->data + s->read, to, got, err));
    s->crc32 = vs_zip_crc32(s->crc32, VS_BYTES(to, got));
    s->read += got;
    if (s->read == s->entry.size && s->crc32 != s->entry.crc32)
        return structure(err, "an entry's CRC-32 does not hold");
    return VS_OK;
}
