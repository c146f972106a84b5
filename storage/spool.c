/* spool.c - large documents: a file that grows in spool/ and becomes a segment by rename. */
#include "storage/segments_priv.h"
#include <errno.h>
#include <stdio.h>

/* The place of both headers is left free, so that adoption moves no payload. */
enum { PAYLOAD = SEGMENT_HEADER + RECORD_HEADER };

struct vs_spool {
    struct vs_segments *segments;
    struct vs_file *file;
    char path[PATH_BYTES];
    struct vs_source source; /* its size is the payload's so far */
    uint32_t crc;
    bool adopted;
    struct vs_location location;
    struct vs_value row[VS_SEGMENT_COLUMNS];
};

static vs_rc spool_read(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                        struct vs_error *err)
{
    struct vs_spool *spool = source->context;
    size_t got;
    int error = spool->segments->files->read(spool->file, to, len, PAYLOAD + offset, &got);
    if (error == 0 && got < len)
        return vs_fail(err, VS_E_IO, NULL, "the spool file became shorter");
    return error == 0 ? VS_OK : vs_fail_file(err, error, "read", spool->path);
}

vs_rc vs_spool_new(struct vs_segments *segments, struct vs_spool **ret, struct vs_error *err)
{
    struct vs_spool *spool = vs_heap_new(sizeof *spool);
    spool->segments = segments;
    spool->source = (struct vs_source){0, spool, spool_read};
    snprintf(spool->path, sizeof spool->path, "%s/%016llx", segments->spool_folder,
             (unsigned long long)atomic_fetch_add(&segments->next_spool, 1));
    int error =
        segments->files->open(segments->files->context, spool->path,
                              VS_FILE_WRITE | VS_FILE_CREATE | VS_FILE_NEW, &spool->file);
    if (error == 0) {
        *ret = spool;
        return VS_OK;
    }
    vs_rc rc = vs_fail_file(err, error, "make", spool->path);
    vs_heap_free(spool);
    return rc;
}

vs_rc vs_spool_add(struct vs_spool *spool, struct vs_bytes bytes, struct vs_error *err)
{
    VS_ASSERT(!spool->adopted);
    if (bytes.len == 0)
        return VS_OK;
    struct iovec part = {(void *)bytes.ptr, bytes.len};
    int error =
        spool->segments->files->write(spool->file, &part, 1, PAYLOAD + spool->source.size);
    if (error != 0)
        return vs_fail_file(err, error, "write", spool->path);
    spool->crc = vs_crc32c(spool->crc, bytes);
    spool->source.size += bytes.len;
    return VS_OK;
}

const struct vs_source *vs_spool_source(struct vs_spool *spool)
{
    return &spool->source;
}

/* Headers before and padding behind the payload; all of it synced. */
static int seal_file(struct vs_spool *spool, uint64_t number, uint32_t class)
{
    const struct vs_fileops *files = spool->segments->files;
    static const uint8_t zeros[RECORD_ALIGN];
    uint8_t head[PAYLOAD];
    uint64_t length = spool->source.size;
    struct vs_record record = {.class = class, .payload_crc = spool->crc, .length = length};
    vs_segment_header_encode(number, class, head);
    vs_segment_record_encode(&record, number, SEGMENT_HEADER, head + SEGMENT_HEADER);
    struct iovec front = {head, sizeof head};
    struct iovec back = {(void *)zeros,
                         (size_t)(vs_segment_record_size(length) - RECORD_HEADER - length)};
    int error = files->write(spool->file, &front, 1, 0);
    if (error == 0 && back.iov_len > 0)
        error = files->write(spool->file, &back, 1, PAYLOAD + length);
    return error == 0 ? files->sync(spool->file) : error;
}

vs_rc vs_spool_adopt(struct vs_spool *spool, uint32_t class, struct vs_location *ret,
                     struct vs_error *err)
{
    struct vs_segments *segments = spool->segments;
    VS_ASSERT(!spool->adopted);
    uint64_t number = atomic_fetch_add(&segments->next_number, 1);
    char path[PATH_BYTES];
    vs_segment_path(segments, number, path);
    int error = seal_file(spool, number, class);
    if (error != 0)
        return vs_fail_file(err, error, "write", spool->path);
    error = segments->files->rename(segments->files->context, spool->path, path);
    if (error != 0)
        return vs_fail_file(err, error, "rename", spool->path);
    spool->adopted = true;
    error = segments->files->sync_folder(segments->files->context, segments->segments_folder);
    if (error != 0)
        return vs_fail_file(err, error, "sync", segments->segments_folder);
    uint64_t end = SEGMENT_HEADER + vs_segment_record_size(spool->source.size);
    spool->location = (struct vs_location){number, SEGMENT_HEADER, spool->source.size};
    spool->row[VS_SEGMENT_NUMBER] = vs_int((int64_t)number);
    spool->row[VS_SEGMENT_CLASS] = vs_int(class);
    spool->row[VS_SEGMENT_LENGTH] = vs_int((int64_t)end);
    spool->row[VS_SEGMENT_RECORDS] = vs_int(1);
    *ret = spool->location;
    return VS_OK;
}

struct vs_op vs_segments_adopted_op(const struct vs_spool *spool)
{
    VS_ASSERT(spool->location.segment != 0);
    return vs_op_insert(VS_T_SEGMENT, spool->row);
}

void vs_spool_free(struct vs_spool *spool)
{
    if (spool == NULL)
        return;
    const struct vs_fileops *files = spool->segments->files;
    files->close(spool->file);
    if (!spool->adopted)
        (void)files->remove(files->context, spool->path); /* else the next open does */
    vs_heap_free(spool);
}
