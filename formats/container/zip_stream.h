/* zip_stream.h - ZIP archives of any number of entries, written and read in order in flat
 * memory: what vs_zip_layout writes, entry by entry.
 *
 * There is one writing of an archive here: entries stored, without data descriptors, gaps,
 * comments or extra fields but ZIP64's where a size needs it, dated 1980-01-01; the directory
 * in the order of the entries. Reading rebuilds what each record must be and compares it byte
 * by byte, local header and directory side by side: an archive that any other reader could
 * understand differently is refused. Names are not judged but for length and NUL, and may
 * repeat: formats/bundle refuses what is not strictly ascending. For archives of others there
 * is zip.h.
 *
 * Codes: VS_E_NOT_ZIP, VS_E_ZIP_STRUCTURE, VS_E_IO. */
#ifndef VS_FORMATS_CONTAINER_ZIP_STREAM_H
#define VS_FORMATS_CONTAINER_ZIP_STREAM_H
#include "formats/container/zip.h"

enum {
    VS_ZIP_STREAM_NAME_MAX = 1024,
    VS_ZIP_RECORD_MAX = 46 + 28 + VS_ZIP_STREAM_NAME_MAX, /* the largest that is written */
    VS_ZIP_ENDING_MAX = 56 + 20 + 22,
};

struct vs_zip_stream_entry {
    char name[VS_ZIP_STREAM_NAME_MAX + 1];
    uint64_t size, offset; /* `offset`: of its local header */
    uint32_t crc32;
};

/* -- writing: the length written to `out` -------------------------------------------------- */
size_t vs_zip_stream_local(const struct vs_zip_stream_entry *entry,
                           uint8_t out[VS_ZIP_RECORD_MAX]);
size_t vs_zip_stream_central(const struct vs_zip_stream_entry *entry,
                             uint8_t out[VS_ZIP_RECORD_MAX]);
size_t vs_zip_stream_ending(uint64_t n_entries, uint64_t directory_offset,
                            uint64_t directory_size, uint8_t out[VS_ZIP_ENDING_MAX]);

/* -- reading ------------------------------------------------------------------------------- */
struct vs_zip_stream {
    const struct vs_source *source;
    uint64_t directory, ending; /* where they begin */
    uint64_t at, directory_at;  /* of the next records */
    uint64_t n_entries, n_read;
    struct vs_zip_stream_entry entry; /* the present one */
    uint64_t data, read;              /* where its content lies, how much of it was read */
    uint32_t crc32;
};
/* In the caller's memory; `source` must outlive it. */
VS_NODISCARD vs_rc vs_zip_stream_open(struct vs_zip_stream *stream,
                                      const struct vs_source *source, struct vs_error *err);
/* The next entry, as stream->entry; *ret false after the last, once all of the archive has been
 * accounted for. */
VS_NODISCARD vs_rc vs_zip_stream_next(struct vs_zip_stream *stream, bool *ret,
                                      struct vs_error *err);
/* At most `len` octets more of the entry; *ret_got 0 at its end. The CRC-32 is compared when
 * the last octet is read. */
VS_NODISCARD vs_rc vs_zip_stream_read(struct vs_zip_stream *stream, void *to, size_t len,
                                      size_t *ret_got, struct vs_error *err);
#endif
