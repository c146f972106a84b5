/* reader.h - a bundle's files in their order, whether they lie in an archive or a folder.
 *
 * The archive side reads tar, packed or not by what libarchive knows (zstd, gzip, xz, none),
 * and ZIP as pack.h writes it (container/zip_stream.h). Memory does not grow with the archive.
 * What is no regular file with a good name is refused, and nothing is ever written anywhere:
 * links, devices, names that lead out, and an archive that unpacks to more than 1,000 times its
 * size (VS_E_BUNDLE, VS_E_ZIP_BOMB). Folders are passed over. */
#ifndef VS_FORMATS_BUNDLE_READER_H
#define VS_FORMATS_BUNDLE_READER_H
#include "formats/bundle/bag.h"

struct vs_bundle_entry {
    char path[VS_BAG_PATH_MAX + 1]; /* in the bundle: without the archive's one folder */
    uint64_t size;
    /* Where it lies, at random access; NULL in a packed archive. Until the next one. */
    const struct vs_source *source;
};

/* One walk from the first file to the last. */
struct vs_bundle_reader {
    void *context;
    /* *ret false: there are no more. */
    vs_rc (*next)(void *context, struct vs_bundle_entry *entry, bool *ret,
                  struct vs_error *err);
    /* Content of the present entry, in order; *ret_got 0 at its end. What is not read is
     * skipped. */
    vs_rc (*read)(void *context, void *to, size_t len, size_t *ret_got, struct vs_error *err);
    uint64_t (*position)(void *context); /* of vs_bundle_input.size: progress */
    void (*close)(void *context);
};

/* What can be walked several times, also at once. */
struct vs_bundle_input {
    void *context;
    uint64_t size; /* 0: unknown */
    vs_rc (*open)(void *context, struct vs_bundle_reader *ret, struct vs_error *err);
};

/* An archive; `source` and `input` must outlive all readers. VS_E_NOT_ZIP where it is neither.
 */
struct vs_bundle_archive {
    struct vs_bundle_input input;
    const struct vs_source *source;
};
void vs_bundle_archive_init(struct vs_bundle_archive *archive, const struct vs_source *source);
#endif
