/* The archive side of reader.h: tar by libarchive, ZIP by container/zip_stream. */
#include "formats/bundle/reader.h"
#include "formats/container/zip_stream.h"
#include <archive.h>
#include <archive_entry.h>

#define CHUNK     ((size_t)128 * 1024)
#define RATIO     1000
#define RATIO_MIN ((int64_t)64 * 1024 * 1024)
#define ROOT_MAX  100
/* Some writers record where files lay ("./"), and folders before what is in them. */
#define FULL_MAX (ROOT_MAX + VS_BAG_PATH_MAX + 4)

struct walk {
    const struct vs_source *source;
    char root[ROOT_MAX + 1]; /* the one folder; "" before the first file */
    /* tar */
    struct archive *tar;
    uint64_t at;
    uint8_t *chunk;
    bool failed; /* the source: its failure is in `cause` */
    struct vs_error cause;
    /* ZIP */
    struct vs_zip_stream zip;
    struct vs_part_source part;
};

static vs_rc refuse(struct vs_error *err, const char *what, const char *name)
{
    return vs_fail(err, VS_E_BUNDLE, "RFC 8493, 5.2", "%s: %.120s", what, name);
}

/* Splits the archive's one folder off. */
static vs_rc take_name(struct walk *w, const char *full, struct vs_bundle_entry *entry,
                       struct vs_error *err)
{
    const char *slash = strchr(full, '/');
    size_t root = slash == NULL ? 0 : (size_t)(slash - full);
    if (slash == NULL || root > ROOT_MAX || strlen(full) > FULL_MAX ||
        !vs_bag_path_good(slash + 1))
        return refuse(err, "a name that no bundle has", full);
    if (w->root[0] == '\0') {
        memcpy(w->root, full, root);
        w->root[root] = '\0';
        if (!vs_bag_path_good(w->root))
            return refuse(err, "a name that no bundle has", full);
    }
    if (strlen(w->root) != root || memcmp(w->root, full, root) != 0)
        return refuse(err, "a file outside the bundle's one folder", full);
    memcpy(entry->path, slash + 1, strlen(slash));
    return VS_OK;
}

/* -- tar ----------------------------------------------------------------------------------- */

static la_ssize_t give(struct archive *a, void *context, const void **ret)
{
    struct walk *w = context;
    uint64_t left = w->source->size - w->at;
    size_t len = left < CHUNK ? (size_t)left : CHUNK;
    if (len > 0 && !vs_ok(vs_source_read(w->source, w->at, w->chunk, len, &w->cause))) {
        w->failed = true;
        archive_set_error(a, -1, "cannot be read");
        return -1;
    }
    w->at += len;
    *ret = w->chunk;
    return (la_ssize_t)len;
}

static vs_rc tar_fails(struct walk *w, struct vs_error *err)
{
    if (w->failed) {
        *err = w->cause;
        return (vs_rc){w->cause.code};
    }
    const char *text = archive_error_string(w->tar);
    return vs_fail(err, VS_E_BUNDLE, NULL, "the archive cannot be read: %.160s",
                   text == NULL ? "?" : text);
}

static vs_rc check_ratio(struct walk *w, struct vs_error *err)
{
    int64_t packed = archive_filter_bytes(w->tar, -1), plain = archive_filter_bytes(w->tar, 0);
    VS_REFUSE_IF(plain > RATIO_MIN && plain / RATIO > packed, err, VS_E_ZIP_BOMB, NULL,
                 "it unpacks to more than %d times its size", RATIO);
    return VS_OK;
}

static vs_rc check_kind(struct archive_entry *e, const char *name, struct vs_error *err)
{
    VS_REFUSE_IF(archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) != NULL ||
                     archive_entry_symlink(e) != NULL || archive_entry_sparse_count(e) > 0,
                 err, VS_E_BUNDLE, NULL,
                 "no plain file (a link, a device, a file with holes): "
                 "%.120s",
                 name);
    return VS_OK;
}

static vs_rc next_tar(void *context, struct vs_bundle_entry *entry, bool *ret,
                      struct vs_error *err)
{
    struct walk *w = context;
    struct archive_entry *e;
    for (;;) {
        int status = archive_read_next_header(w->tar, &e);
        VS_TRY(check_ratio(w, err));
        *ret = status != ARCHIVE_EOF;
        if (status == ARCHIVE_EOF)
            return VS_OK;
        if (status != ARCHIVE_OK)
            return tar_fails(w, err);
        const char *name = archive_entry_pathname(e);
        if (name == NULL)
            return refuse(err, "a name that no bundle has", "(not text)");
        if (archive_entry_filetype(e) == AE_IFDIR && archive_entry_hardlink(e) == NULL)
            continue;
        VS_TRY(check_kind(e, name, err));
        VS_TRY(take_name(w, name, entry, err));
        int64_t size = archive_entry_size(e);
        if (!archive_entry_size_is_set(e) || size < 0)
            return refuse(err, "a file without a size", name);
        entry->size = (uint64_t)size;
        entry->source = NULL;
        return VS_OK;
    }
}

static vs_rc read_tar(void *context, void *to, size_t len, size_t *ret_got,
                      struct vs_error *err)
{
    struct walk *w = context;
    la_ssize_t got = archive_read_data(w->tar, to, len);
    if (got < 0)
        return tar_fails(w, err);
    *ret_got = (size_t)got;
    return check_ratio(w, err);
}

static uint64_t tar_position(void *context)
{
    const struct walk *w = context;
    return w->at;
}

static void close_tar(void *context)
{
    struct walk *w = context;
    archive_read_free(w->tar);
    vs_heap_free(w->chunk);
    vs_heap_free(w);
}

static vs_rc open_tar(struct walk *w, struct vs_error *err)
{
    w->tar = archive_read_new();
    w->chunk = vs_heap_new(CHUNK);
    if (w->tar == NULL)
        return vs_fail_memory(err);
    bool good = archive_read_support_format_tar(w->tar) == ARCHIVE_OK &&
                archive_read_support_filter_zstd(w->tar) == ARCHIVE_OK &&
                archive_read_support_filter_gzip(w->tar) == ARCHIVE_OK &&
                archive_read_support_filter_xz(w->tar) == ARCHIVE_OK &&
                archive_read_open(w->tar, w, NULL, give, NULL) == ARCHIVE_OK;
    return good ? VS_OK : tar_fails(w, err);
}

/* -- ZIP ----------------------------------------------------------------------------------- */

static vs_rc next_zip(void *context, struct vs_bundle_entry *entry, bool *ret,
                      struct vs_error *err)
{
    struct walk *w = context;
    VS_TRY(vs_zip_stream_next(&w->zip, ret, err));
    if (!*ret)
        return VS_OK;
    VS_TRY(take_name(w, w->zip.entry.name, entry, err));
    entry->size = w->zip.entry.size;
    vs_part_source_init(&w->part, w->source, w->zip.data, entry->size);
    entry->source = &w->part.source;
    return VS_OK;
}

static vs_rc read_zip(void *context, void *to, size_t len, size_t *ret_got,
                      struct vs_error *err)
{
    struct walk *w = context;
    return vs_zip_stream_read(&w->zip, to, len, ret_got, err);
}

static uint64_t zip_position(void *context)
{
    const struct walk *w = context;
    return w->zip.data + w->zip.read;
}

static void close_zip(void *context)
{
    vs_heap_free(context);
}

/* -- either -------------------------------------------------------------------------------- */

static vs_rc open_archive(void *context, struct vs_bundle_reader *ret, struct vs_error *err)
{
    const struct vs_bundle_archive *archive = context;
    struct walk *w = vs_heap_new(sizeof *w);
    w->source = archive->source;
    bool zip = vs_zip_probe(w->source);
    *ret = zip ? (struct vs_bundle_reader){w, next_zip, read_zip, zip_position, close_zip}
               : (struct vs_bundle_reader){w, next_tar, read_tar, tar_position, close_tar};
    vs_rc rc = zip ? vs_zip_stream_open(&w->zip, w->source, err) : open_tar(w, err);
    if (!vs_ok(rc))
        ret->close(w);
    return rc;
}

void vs_bundle_archive_init(struct vs_bundle_archive *archive, const struct vs_source *source)
{
    archive->source = source;
    archive->input = (struct vs_bundle_input){archive, source->size, open_archive};
}
