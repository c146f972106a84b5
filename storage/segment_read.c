/* segment_read.c - reading records; the files stay open in a small cache. */
#include "storage/segments_priv.h"
#include <errno.h>

/* -- files open for reading ---------------------------------------------------------------- */

static void unlink_file(struct vs_segments *segments, struct vs_segment_file *file)
{
    struct vs_segment_file **at = &segments->open_files;
    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
}

static void close_file(struct vs_segments *segments, struct vs_segment_file *file)
{
    unlink_file(segments, file);
    segments->files->close(file->file);
    vs_heap_free(file);
}

/* The list is in order of use: the idle file nearest its end waited longest. */
static void close_oldest_idle(struct vs_segments *segments)
{
    struct vs_segment_file *oldest = NULL;
    for (struct vs_segment_file *f = segments->open_files; f != NULL; f = f->next)
        if (f->users == 0)
            oldest = f;
    segments->n_idle--;
    close_file(segments, oldest);
}

static int open_file(struct vs_segments *segments, uint64_t number,
                     struct vs_segment_file **ret)
{
    char path[PATH_BYTES];
    vs_segment_path(segments, number, path);
    struct vs_file *file;
    int error = segments->files->open(segments->files->context, path, 0, &file);
    if (error != 0)
        return error;
    struct vs_segment_file *opened = vs_heap_new(sizeof *opened);
    *opened = (struct vs_segment_file){segments->open_files, number, file, 1, false};
    segments->open_files = opened;
    *ret = opened;
    return 0;
}

static int take_locked(struct vs_segments *segments, uint64_t number,
                       struct vs_segment_file **ret)
{
    for (struct vs_segment_file *f = segments->open_files; f != NULL; f = f->next) {
        if (f->number != number || f->gone)
            continue;
        segments->n_idle -= f->users == 0;
        f->users++;
        unlink_file(segments, f);
        f->next = segments->open_files;
        segments->open_files = f;
        *ret = f;
        return 0;
    }
    return open_file(segments, number, ret);
}

vs_rc vs_segment_file_take(struct vs_segments *segments, uint64_t number,
                           struct vs_segment_file **ret, struct vs_error *err)
{
    pthread_mutex_lock(&segments->lock);
    int error = take_locked(segments, number, ret);
    pthread_mutex_unlock(&segments->lock);
    if (error == ENOENT)
        return vs_segment_corrupt(err, number, 0, "the file is missing");
    char path[PATH_BYTES];
    vs_segment_path(segments, number, path);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "open", path);
}

void vs_segment_file_release(struct vs_segments *segments, struct vs_segment_file *file)
{
    pthread_mutex_lock(&segments->lock);
    if (--file->users == 0 && file->gone)
        close_file(segments, file);
    else if (file->users == 0 && ++segments->n_idle > MOST_IDLE_FILES)
        close_oldest_idle(segments);
    pthread_mutex_unlock(&segments->lock);
}

void vs_segment_file_forget(struct vs_segments *segments, uint64_t number)
{
    pthread_mutex_lock(&segments->lock);
    struct vs_segment_file *next;
    for (struct vs_segment_file *f = segments->open_files; f != NULL; f = next) {
        next = f->next;
        if (f->number != number || f->gone)
            continue;
        f->gone = true;
        if (f->users == 0) {
            segments->n_idle--;
            close_file(segments, f);
        }
    }
    pthread_mutex_unlock(&segments->lock);
}

void vs_segment_files_close(struct vs_segments *segments)
{
    while (segments->open_files != NULL) {
        VS_ASSERT(segments->open_files->users == 0);
        close_file(segments, segments->open_files);
    }
}

/* -- records ------------------------------------------------------------------------------- */

static vs_rc check_header(const uint8_t *header, size_t got, struct vs_location location,
                          struct vs_record *ret, struct vs_error *err)
{
    const char *fault = got < RECORD_HEADER ? "the file is shorter than that"
                                            : vs_segment_record_decode(header, location.segment,
                                                                       location.offset, ret);
    if (fault == NULL && ret->erased)
        fault = "the record was erased";
    if (fault == NULL && ret->length != location.length)
        fault = "the record has another length";
    return fault == NULL ? VS_OK
                         : vs_segment_corrupt(err, location.segment, location.offset, fault);
}

static vs_rc read_at(struct vs_segments *segments, struct vs_segment_file *file, void *to,
                     size_t len, uint64_t offset, size_t *ret_got, struct vs_error *err)
{
    char path[PATH_BYTES];
    int error = segments->files->read(file->file, to, len, offset, ret_got);
    if (error == 0)
        return VS_OK;
    vs_segment_path(segments, file->number, path);
    return vs_fail_file(err, error, "read", path);
}

static vs_rc read_record(struct vs_segments *segments, struct vs_segment_file *file,
                         struct vs_location location, uint8_t *to, struct vs_error *err)
{
    size_t len = RECORD_HEADER + (size_t)location.length, got;
    struct vs_record record;
    VS_TRY(read_at(segments, file, to, len, location.offset, &got, err));
    VS_TRY(check_header(to, got, location, &record, err));
    if (got < len)
        return vs_segment_corrupt(err, location.segment, location.offset,
                                  "the file ends inside the record");
    if (vs_crc32c(0, VS_BYTES(to + RECORD_HEADER, len - RECORD_HEADER)) != record.payload_crc)
        return vs_segment_corrupt(err, location.segment, location.offset,
                                  "the payload's checksum does not fit");
    return VS_OK;
}

vs_rc vs_segments_read(struct vs_segments *segments, struct vs_location location,
                       struct vs_arena *arena, size_t max_bytes, struct vs_bytes *ret,
                       struct vs_error *err)
{
    if (location.length > max_bytes)
        return vs_fail(err, VS_E_LIMIT, NULL, "a record of %llu octets where %zu are taken",
                       (unsigned long long)location.length, max_bytes);
    uint8_t *to = vs_arena_alloc(arena, RECORD_HEADER + (size_t)location.length);
    if (to == NULL)
        return vs_fail_memory(err);
    struct vs_segment_file *file;
    VS_TRY(vs_segment_file_take(segments, location.segment, &file, err));
    vs_rc rc = read_record(segments, file, location, to, err);
    vs_segment_file_release(segments, file);
    VS_TRY(rc);
    *ret = VS_BYTES(to + RECORD_HEADER, (size_t)location.length);
    return VS_OK;
}

/* -- sources ------------------------------------------------------------------------------- */

static vs_rc source_read(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                         struct vs_error *err)
{
    struct vs_segment_source *self = source->context;
    struct vs_location at = self->location;
    size_t got;
    VS_TRY(read_at(self->segments, self->file, to, len, at.offset + RECORD_HEADER + offset,
                   &got, err));
    if (got < len)
        return vs_segment_corrupt(err, at.segment, at.offset,
                                  "the file ends inside the record");
    if (offset != self->summed)
        return VS_OK;
    self->crc = vs_crc32c(self->crc, VS_BYTES(to, len));
    self->summed += len;
    if (self->summed == at.length && self->crc != self->wanted_crc)
        return vs_segment_corrupt(err, at.segment, at.offset,
                                  "the payload's checksum does not fit");
    return VS_OK;
}

vs_rc vs_segments_source(struct vs_segments *segments, struct vs_location location,
                         struct vs_segment_source *ret, struct vs_error *err)
{
    struct vs_segment_file *file;
    uint8_t header[RECORD_HEADER];
    struct vs_record record;
    size_t got;
    VS_TRY(vs_segment_file_take(segments, location.segment, &file, err));
    vs_rc rc = read_at(segments, file, header, sizeof header, location.offset, &got, err);
    if (vs_ok(rc))
        rc = check_header(header, got, location, &record, err);
    if (!vs_ok(rc)) {
        vs_segment_file_release(segments, file);
        return rc;
    }
    *ret = (struct vs_segment_source){.source = {location.length, ret, source_read},
                                      .segments = segments,
                                      .location = location,
                                      .file = file,
                                      .wanted_crc = record.payload_crc};
    return VS_OK;
}

void vs_segment_source_done(struct vs_segment_source *self)
{
    if (self->file != NULL)
        vs_segment_file_release(self->segments, self->file);
    self->file = NULL;
}
