#include "formats/bundle/pack.h"
#include "formats/container/zip_stream.h"
#include "formats/crypto/digest.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>

#define CHUNK 65536
/* What libarchive writes when a tar ends: two blocks of zeros. Only the last slice keeps them.
 */
#define TAR_END 1024

const char *vs_pack_suffix(enum vs_pack_form form)
{
    return form == VS_PACK_ZIP ? ".zip" : ".tar.zst";
}

const char *vs_pack_media_type(enum vs_pack_form form)
{
    return form == VS_PACK_ZIP ? "application/zip" : "application/zstd";
}

struct vs_pack {
    struct vs_pack_options options;
    struct vs_error *err; /* of the call under way: libarchive's callbacks report here */
    bool failed;
    /* tar: libarchive makes the tar, a second one packs what comes out of it. */
    struct archive *tar, *zstd;
    uint8_t held[TAR_END]; /* the last octets of the tar so far */
    size_t n_held;
    /* ZIP: where the next octet goes, the entry under way. */
    uint64_t offset, n_entries;
    struct vs_zip_stream_entry entry;
    uint8_t chunk[CHUNK];
};

static vs_rc wrong(struct vs_pack *pack, struct archive *a)
{
    if (pack->failed) /* a sink's failure, which is in err already */
        return (vs_rc){pack->err->code};
    const char *text = archive_error_string(a);
    return vs_fail(pack->err, VS_E_NOMEM, NULL, "libarchive: %s", text == NULL ? "?" : text);
}

/* -- tar ----------------------------------------------------------------------------------- */

static la_ssize_t take_packed(struct archive *a, void *context, const void *bytes, size_t len)
{
    struct vs_pack *pack = context;
    (void)a;
    if (!vs_ok(pack->options.archive(pack->options.context, VS_BYTES(bytes, len), pack->err))) {
        pack->failed = true;
        return -1;
    }
    return (la_ssize_t)len;
}

static bool put_packed(struct vs_pack *pack, const void *bytes, size_t len)
{
    return len == 0 || archive_write_data(pack->zstd, bytes, len) == (la_ssize_t)len;
}

static la_ssize_t take_tar(struct archive *a, void *context, const void *bytes, size_t len)
{
    struct vs_pack *pack = context;
    const uint8_t *from = bytes;
    size_t rest = len;
    (void)a;
    if (rest >= TAR_END) {
        if (!put_packed(pack, pack->held, pack->n_held) ||
            !put_packed(pack, from, rest - TAR_END))
            return -1;
        memcpy(pack->held, from + rest - TAR_END, TAR_END);
        pack->n_held = TAR_END;
        return (la_ssize_t)len;
    }
    size_t over = pack->n_held + rest > TAR_END ? pack->n_held + rest - TAR_END : 0;
    if (!put_packed(pack, pack->held, over))
        return -1;
    memmove(pack->held, pack->held + over, pack->n_held - over);
    memcpy(pack->held + pack->n_held - over, from, rest);
    pack->n_held += rest - over;
    return (la_ssize_t)len;
}

static vs_rc begin_tar(struct vs_pack *pack)
{
    pack->zstd = archive_write_new();
    pack->tar = archive_write_new();
    struct archive_entry *whole = archive_entry_new();
    if (pack->zstd == NULL || pack->tar == NULL || whole == NULL) {
        archive_entry_free(whole);
        return vs_fail_memory(pack->err);
    }
    archive_entry_set_filetype(whole, AE_IFREG);
    archive_entry_set_pathname(whole, "bundle.tar");
    bool good = archive_write_set_format_raw(pack->zstd) == ARCHIVE_OK &&
                archive_write_add_filter_zstd(pack->zstd) == ARCHIVE_OK &&
                archive_write_set_bytes_per_block(pack->zstd, 0) == ARCHIVE_OK &&
                archive_write_open(pack->zstd, pack, NULL, take_packed, NULL) == ARCHIVE_OK &&
                archive_write_header(pack->zstd, whole) == ARCHIVE_OK;
    archive_entry_free(whole);
    if (!good)
        return wrong(pack, pack->zstd);
    good = archive_write_set_format_pax_restricted(pack->tar) == ARCHIVE_OK &&
           archive_write_set_bytes_per_block(pack->tar, 0) == ARCHIVE_OK &&
           archive_write_open(pack->tar, pack, NULL, take_tar, NULL) == ARCHIVE_OK;
    return good ? VS_OK : wrong(pack, pack->tar);
}

static vs_rc tar_header(struct vs_pack *pack, const char *name, uint64_t size)
{
    struct archive_entry *entry = archive_entry_new();
    if (entry == NULL)
        return vs_fail_memory(pack->err);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, (time_t)(pack->options.time / 1000), 0);
    int status = archive_write_header(pack->tar, entry);
    archive_entry_free(entry);
    return status == ARCHIVE_OK ? VS_OK : wrong(pack, pack->tar);
}

static vs_rc tar_data(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_pack *pack = context;
    (void)err;
    return archive_write_data(pack->tar, bytes.ptr, bytes.len) == (la_ssize_t)bytes.len
               ? VS_OK
               : wrong(pack, pack->tar);
}

static vs_rc end_tar(struct vs_pack *pack, bool last)
{
    if (archive_write_finish_entry(pack->tar) != ARCHIVE_OK ||
        archive_write_close(pack->tar) != ARCHIVE_OK)
        return wrong(pack, pack->tar);
    VS_ASSERT(pack->n_held == TAR_END);
    if (last && !put_packed(pack, pack->held, TAR_END))
        return wrong(pack, pack->zstd);
    return archive_write_close(pack->zstd) == ARCHIVE_OK ? VS_OK : wrong(pack, pack->zstd);
}

/* -- one slice ----------------------------------------------------------------------------- */

vs_rc vs_pack_new(const struct vs_pack_options *options, struct vs_pack **ret,
                  struct vs_error *err)
{
    struct vs_pack *pack = vs_heap_new(sizeof *pack);
    pack->options = *options;
    pack->err = err;
    vs_rc rc = VS_OK;
    pack->offset = options->offset;
    pack->n_entries = options->n_entries;
    if (options->form != VS_PACK_ZIP)
        rc = begin_tar(pack);
    if (!vs_ok(rc)) {
        vs_pack_free(pack);
        return rc;
    }
    *ret = pack;
    return VS_OK;
}

/* All of the source through `take`, hashed on the way. */
static vs_rc pump(struct vs_pack *pack, const struct vs_source *source, vs_pack_sink take,
                  struct vs_hasher *hasher, struct vs_error *err)
{
    for (uint64_t at = 0; at < source->size;) {
        size_t len = source->size - at < CHUNK ? (size_t)(source->size - at) : CHUNK;
        VS_TRY(vs_source_read(source, at, pack->chunk, len, err));
        struct vs_bytes bytes = VS_BYTES(pack->chunk, len);
        if (hasher != NULL)
            vs_hasher_add(hasher, bytes);
        VS_TRY(take(pack, bytes, err));
        at += len;
    }
    return VS_OK;
}

/* -- ZIP ----------------------------------------------------------------------------------- */

static vs_rc add_crc32(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_pack *pack = context;
    (void)err;
    pack->entry.crc32 = vs_zip_crc32(pack->entry.crc32, bytes);
    return VS_OK;
}

static vs_rc zip_data(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct vs_pack *pack = context;
    pack->offset += bytes.len;
    return pack->options.archive(pack->options.context, bytes, err);
}

static vs_rc zip_header(struct vs_pack *pack, struct vs_error *err)
{
    uint8_t record[VS_ZIP_RECORD_MAX];
    size_t len = vs_zip_stream_central(&pack->entry, record);
    VS_TRY(pack->options.directory(pack->options.context, VS_BYTES(record, len), err));
    len = vs_zip_stream_local(&pack->entry, record);
    return zip_data(pack, VS_BYTES(record, len), err);
}

static vs_rc zip_file(struct vs_pack *pack, const char *name, const struct vs_source *source,
                      struct vs_hasher *hasher, struct vs_error *err)
{
    if (strlen(name) > VS_ZIP_STREAM_NAME_MAX)
        return vs_fail(err, VS_E_ZIP_NAME, NULL, "a name of %zu bytes", strlen(name));
    pack->entry = (struct vs_zip_stream_entry){.size = source->size, .offset = pack->offset};
    memcpy(pack->entry.name, name, strlen(name) + 1);
    /* Its CRC-32 stands before it: read once for that. */
    VS_TRY(pump(pack, source, add_crc32, NULL, err));
    VS_TRY(zip_header(pack, err));
    return pump(pack, source, zip_data, hasher, err);
}

static vs_rc end_zip(struct vs_pack *pack, const struct vs_source *directory,
                     struct vs_error *err)
{
    uint8_t ending[VS_ZIP_ENDING_MAX];
    uint64_t begin = pack->offset;
    VS_TRY(pump(pack, directory, zip_data, NULL, err));
    size_t len = vs_zip_stream_ending(pack->n_entries, begin, directory->size, ending);
    return zip_data(pack, VS_BYTES(ending, len), err);
}

/* -- either -------------------------------------------------------------------------------- */

vs_rc vs_pack_source(struct vs_pack *pack, const char *name, const struct vs_source *source,
                     uint8_t ret_sha256[32], struct vs_error *err)
{
    struct vs_digest digest;
    pack->err = err;
    VS_HASHER *hasher = vs_hasher_new(VS_SHA256);
    if (hasher == NULL)
        return vs_fail_memory(err);
    if (pack->options.form == VS_PACK_ZIP) {
        VS_TRY(zip_file(pack, name, source, hasher, err));
    } else {
        VS_TRY(tar_header(pack, name, source->size));
        VS_TRY(pump(pack, source, tar_data, hasher, err));
    }
    pack->n_entries++;
    vs_hasher_finish(hasher, &digest);
    if (ret_sha256 != NULL)
        memcpy(ret_sha256, digest.bytes, 32);
    return VS_OK;
}

vs_rc vs_pack_bytes(struct vs_pack *pack, const char *name, struct vs_bytes bytes,
                    uint8_t ret_sha256[32], struct vs_error *err)
{
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, bytes);
    return vs_pack_source(pack, name, &source.source, ret_sha256, err);
}

vs_rc vs_pack_end(struct vs_pack *pack, bool last, const struct vs_source *directory,
                  struct vs_error *err)
{
    pack->err = err;
    if (pack->options.form != VS_PACK_ZIP)
        return end_tar(pack, last);
    return last ? end_zip(pack, directory, err) : VS_OK;
}

uint64_t vs_pack_entries(const struct vs_pack *pack)
{
    return pack->n_entries;
}

void vs_pack_free(struct vs_pack *pack)
{
    if (pack == NULL)
        return;
    struct vs_error ignored;
    pack->err = &ignored;
    /* What was not ended is thrown away by the caller: closing must not write more of it. */
    if (pack->tar != NULL) {
        archive_write_fail(pack->tar);
        archive_write_free(pack->tar);
    }
    if (pack->zstd != NULL) {
        archive_write_fail(pack->zstd);
        archive_write_free(pack->zstd);
    }
    vs_heap_free(pack);
}
