/* segment_check.c - walking every octet of every segment. */
#include "storage/segments_priv.h"
#include <stdio.h>

enum { CHUNK = 256 * 1024 };

struct walk {
    struct vs_segments *segments;
    vs_rc (*visit)(void *context, const struct vs_segment_view *view, struct vs_error *err);
    void *context;
    uint8_t *chunk;
    /* of the segment at hand */
    struct vs_segment_file *file;
    uint64_t number, end;
    uint32_t class;
};

static vs_rc see(struct walk *w, uint64_t offset, uint64_t length, const char *fault,
                 struct vs_error *err)
{
    struct vs_segment_view view = {.location = {w->number, offset, length},
                                   .class = w->class,
                                   .corrupt = fault != NULL,
                                   .fault = fault};
    return w->visit(w->context, &view, err);
}

static vs_rc read_some(struct walk *w, void *to, size_t len, uint64_t offset, size_t *ret_got,
                       struct vs_error *err)
{
    const struct vs_fileops *files = w->segments->files;
    char path[PATH_BYTES];
    int error = files->read(w->file->file, to, len, offset, ret_got);
    if (error == 0)
        return VS_OK;
    vs_segment_path(w->segments, w->number, path);
    return vs_fail_file(err, error, "read", path);
}

static bool all_zero(const uint8_t *at, size_t len)
{
    return len == 0 || (at[0] == 0 && memcmp(at, at + 1, len - 1) == 0);
}

/* The payload and its padding; `*ret_fault` what is wrong. */
static vs_rc check_payload(struct walk *w, const struct vs_record *record, uint64_t offset,
                           const char **ret_fault, struct vs_error *err)
{
    uint64_t at = offset + RECORD_HEADER, left = record->length;
    uint32_t crc = 0;
    size_t got;
    *ret_fault = NULL;
    while (left > 0) {
        size_t len = left < CHUNK ? (size_t)left : CHUNK;
        VS_TRY(read_some(w, w->chunk, len, at, &got, err));
        if (got < len) {
            *ret_fault = "the file ends inside the record";
            return VS_OK;
        }
        if (record->erased && !all_zero(w->chunk, len)) {
            *ret_fault = "an erased record still has content: the next start goes on erasing";
            return VS_OK;
        }
        if (!record->erased)
            crc = vs_crc32c(crc, VS_BYTES(w->chunk, len));
        at += len;
        left -= len;
    }
    if (!record->erased && crc != record->payload_crc) {
        *ret_fault = "the payload's checksum does not fit";
        return VS_OK;
    }
    static const uint8_t zeros[RECORD_ALIGN];
    size_t padding = (size_t)(offset + vs_segment_record_size(record->length) - at);
    VS_TRY(read_some(w, w->chunk, padding, at, &got, err));
    if (got < padding || memcmp(w->chunk, zeros, padding) != 0)
        *ret_fault = "the padding after the record is damaged";
    return VS_OK;
}

static const char *decode_here(struct walk *w, const uint8_t *header, size_t got,
                               uint64_t offset, struct vs_record *ret)
{
    if (got < RECORD_HEADER)
        return "the file ends here";
    const char *fault = vs_segment_record_decode(header, w->number, offset, ret);
    if (fault == NULL &&
        (ret->length > w->end || vs_segment_record_size(ret->length) > w->end - offset))
        fault = "the record reaches beyond what is committed";
    return fault;
}

/* After damage: the next place where a record begins, or the end. Headers carry their own
 * place, so that payload cannot pass for one. */
static vs_rc find_next(struct walk *w, uint64_t *offset, struct vs_error *err)
{
    struct vs_record record;
    for (*offset += RECORD_ALIGN; *offset < w->end;) {
        size_t got;
        VS_TRY(read_some(w, w->chunk, CHUNK, *offset, &got, err));
        size_t at = 0;
        for (; at + RECORD_HEADER <= got && *offset + at < w->end; at += RECORD_ALIGN)
            if (decode_here(w, w->chunk + at, RECORD_HEADER, *offset + at, &record) == NULL) {
                *offset += at;
                return VS_OK;
            }
        if (got < CHUNK)
            break;
        *offset += at;
    }
    *offset = w->end;
    return VS_OK;
}

static vs_rc walk_records(struct walk *w, struct vs_error *err)
{
    for (uint64_t offset = SEGMENT_HEADER; offset < w->end;) {
        uint8_t header[RECORD_HEADER];
        struct vs_record record;
        size_t got;
        VS_TRY(read_some(w, header, sizeof header, offset, &got, err));
        const char *fault = decode_here(w, header, got, offset, &record);
        if (fault != NULL) {
            VS_TRY(see(w, offset, 0, fault, err));
            VS_TRY(find_next(w, &offset, err));
            continue;
        }
        VS_TRY(check_payload(w, &record, offset, &fault, err));
        VS_TRY(see(w, offset, record.length, fault, err));
        offset += vs_segment_record_size(record.length);
    }
    return VS_OK;
}

static vs_rc walk_segment(struct walk *w, struct vs_error *err)
{
    uint8_t header[SEGMENT_HEADER];
    size_t got;
    VS_TRY(read_some(w, header, sizeof header, 0, &got, err));
    const char *fault = got < SEGMENT_HEADER
                            ? "the file is shorter than its header"
                            : vs_segment_header_fault(header, w->number, w->class);
    if (fault != NULL)
        VS_TRY(see(w, 0, 0, fault, err));
    return walk_records(w, err);
}

static vs_rc walk_row(void *context, const struct vs_row *row, struct vs_error *err)
{
    struct walk *w = context;
    w->number = (uint64_t)row->values[VS_SEGMENT_NUMBER].integer;
    w->class = (uint32_t)row->values[VS_SEGMENT_CLASS].integer;
    w->end = (uint64_t)row->values[VS_SEGMENT_LENGTH].integer;
    if (row->corrupt)
        return see(w, 0, 0, "its row in the store is damaged", err);
    struct vs_error why;
    vs_rc rc = vs_segment_file_take(w->segments, w->number, &w->file, &why);
    if (rc.code == VS_E_CORRUPT)
        return see(w, 0, 0, "the file is missing", err);
    if (!vs_ok(rc))
        return vs_fail(err, rc.code, NULL, "%s", why.text);
    rc = walk_segment(w, err);
    vs_segment_file_release(w->segments, w->file);
    return rc;
}

vs_rc vs_segments_each(struct vs_segments *segments,
                       vs_rc (*visit)(void *context, const struct vs_segment_view *view,
                                      struct vs_error *err),
                       void *context, struct vs_error *err)
{
    struct walk w = {.segments = segments, .visit = visit, .context = context};
    w.chunk = vs_heap_new(CHUNK);
    vs_rc rc = vs_store_each(segments->store, VS_T_SEGMENT, walk_row, &w, err);
    vs_heap_free(w.chunk);
    return rc;
}

struct check {
    vs_store_fault *fault;
    void *context;
};

static vs_rc tell_fault(void *context, const struct vs_segment_view *view, struct vs_error *err)
{
    struct check *check = context;
    char key[VS_KEY_TEXT];
    (void)err;
    if (!view->corrupt)
        return VS_OK;
    snprintf(key, sizeof key, "%llu/%llu", (unsigned long long)view->location.segment,
             (unsigned long long)view->location.offset);
    check->fault(check->context, "segments", key, view->fault);
    return VS_OK;
}

vs_rc vs_segments_check(struct vs_segments *segments, vs_store_fault *fault, void *context,
                        struct vs_error *err)
{
    struct check check = {fault, context};
    return vs_segments_each(segments, tell_fault, &check, err);
}
