#include "formats/base/source.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

vs_rc vs_source_read(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                     struct vs_error *err)
{
    if (offset > source->size || len > source->size - offset)
        return vs_fail(err, VS_E_SYNTAX, NULL,
                       "%zu bytes at %llu lie outside the %llu there are", len,
                       (unsigned long long)offset, (unsigned long long)source->size);
    return len == 0 ? VS_OK : source->read_at(source, offset, to, len, err);
}

vs_rc vs_source_all(const struct vs_source *source, struct vs_arena *arena, size_t max_bytes,
                    struct vs_bytes *ret, struct vs_error *err)
{
    if (source->size > max_bytes)
        return vs_fail(err, VS_E_LIMIT, NULL, "%llu bytes where at most %zu are taken",
                       (unsigned long long)source->size, max_bytes);
    size_t len = (size_t)source->size;
    uint8_t *copy = vs_arena_alloc(arena, len);
    if (copy == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_source_read(source, 0, copy, len, err));
    *ret = VS_BYTES(copy, len);
    return VS_OK;
}

static vs_rc read_bytes(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                        struct vs_error *err)
{
    (void)err;
    const struct vs_bytes_source *self = source->context;
    memcpy(to, self->bytes.ptr + offset, len);
    return VS_OK;
}

void vs_bytes_source_init(struct vs_bytes_source *self, struct vs_bytes bytes)
{
    self->bytes = bytes;
    self->source = (struct vs_source){bytes.len, self, read_bytes};
}

static vs_rc read_part(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                       struct vs_error *err)
{
    const struct vs_part_source *self = source->context;
    return vs_source_read(self->whole, self->offset + offset, to, len, err);
}

void vs_part_source_init(struct vs_part_source *self, const struct vs_source *whole,
                         uint64_t offset, uint64_t size)
{
    VS_ASSERT(offset <= whole->size && size <= whole->size - offset);
    self->whole = whole;
    self->offset = offset;
    self->source = (struct vs_source){size, self, read_part};
}

static vs_rc read_file(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                       struct vs_error *err)
{
    const struct vs_file_source *self = source->context;
    uint8_t *at = to;
    while (len > 0) {
        ssize_t got = pread(self->fd, at, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return vs_fail(err, VS_E_IO, NULL, "cannot read a file: %s",
                           got == 0 ? "it became shorter" : strerror(errno));
        at += got;
        offset += (uint64_t)got;
        len -= (size_t)got;
    }
    return VS_OK;
}

vs_rc vs_file_source_init(struct vs_file_source *self, int fd, struct vs_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return vs_fail(err, VS_E_IO, NULL, "cannot look at a file: %s", strerror(errno));
    self->fd = fd;
    self->source = (struct vs_source){(uint64_t)st.st_size, self, read_file};
    return VS_OK;
}
