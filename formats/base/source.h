/* source.h - bytes that may be too large for memory, read where they lie.
 *
 * formats/ reads through it; relay supplies a spool file or a segment. No mmap: a failing disk
 * then is an error, not a signal. */
#ifndef VS_FORMATS_BASE_SOURCE_H
#define VS_FORMATS_BASE_SOURCE_H
#include "formats/base/bytes.h"

struct vs_source {
    uint64_t size; /* bytes */
    void *context;
    /* All of `len` bytes at `offset`, or a failure (VS_E_IO). The caller stays within size. */
    vs_rc (*read_at)(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                     struct vs_error *err);
};

/* Bounds-checked: VS_E_SYNTAX where the range is not inside. */
VS_NODISCARD vs_rc vs_source_read(const struct vs_source *source, uint64_t offset, void *to,
                                  size_t len, struct vs_error *err);
/* All of it in the arena; VS_E_LIMIT over `max_bytes`. */
VS_NODISCARD vs_rc vs_source_all(const struct vs_source *source, struct vs_arena *arena,
                                 size_t max_bytes, struct vs_bytes *ret, struct vs_error *err);

/* A view of memory. `bytes` must outlive it. */
struct vs_bytes_source {
    struct vs_source source;
    struct vs_bytes bytes;
};
void vs_bytes_source_init(struct vs_bytes_source *self, struct vs_bytes bytes);

/* A part of another source; `whole` must outlive it. */
struct vs_part_source {
    struct vs_source source;
    const struct vs_source *whole;
    uint64_t offset;
};
void vs_part_source_init(struct vs_part_source *self, const struct vs_source *whole,
                         uint64_t offset, uint64_t size);

/* An open file descriptor, borrowed. */
struct vs_file_source {
    struct vs_source source;
    int fd;
};
VS_NODISCARD vs_rc vs_file_source_init(struct vs_file_source *self, int fd,
                                       struct vs_error *err);
#endif
