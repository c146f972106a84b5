/* segment_erase.c - overwriting records whose rows are gone (segments.h, "Erase").
 *
 * Two passes with a sync between: first the headers say that the record is erased, then the
 * payload goes. Whatever power loss leaves of the second pass, no reader and no check takes
 * half a payload for a damaged one. */
#include "storage/segments_priv.h"
#include <errno.h>

enum { CHUNK = 256 * 1024, BLOCK = 4096 };

struct eraser {
    struct vs_segments *segments;
    struct vs_file *file;
    uint64_t number;
    uint32_t class;
    const struct vs_location *locations; /* of this segment alone are looked at */
    size_t n;
};

static vs_rc fail(struct eraser *e, int error, const char *what, struct vs_error *err)
{
    char path[PATH_BYTES];
    vs_segment_path(e->segments, e->number, path);
    return vs_fail_file(err, error, what, path);
}

static int mark_record(struct eraser *e, const struct vs_location *at)
{
    uint8_t header[RECORD_HEADER];
    struct vs_record record = {.class = e->class, .length = at->length, .erased = true};
    vs_segment_record_encode(&record, e->number, at->offset, header);
    struct iovec part = {header, sizeof header};
    return e->segments->files->write(e->file, &part, 1, at->offset);
}

static int clear_payload(struct eraser *e, const struct vs_location *at)
{
    static const uint8_t zeros[CHUNK];
    uint64_t offset = at->offset + RECORD_HEADER, end = offset + at->length;
    for (uint64_t to = offset; to < end;) {
        size_t len = end - to < CHUNK ? (size_t)(end - to) : CHUNK;
        struct iovec part = {(void *)(uintptr_t)zeros, len};
        int error = e->segments->files->write(e->file, &part, 1, to);
        if (error != 0)
            return error;
        to += len;
    }
    return 0;
}

/* Only after the zeros are durable: what is given back could be anything at a power loss. */
static void give_back(struct eraser *e, const struct vs_location *at)
{
    uint64_t first = (at->offset + RECORD_HEADER + BLOCK - 1) / BLOCK * BLOCK;
    uint64_t end = (at->offset + RECORD_HEADER + at->length) / BLOCK * BLOCK;
    if (e->segments->files->punch != NULL && end > first)
        e->segments->files->punch(e->file, first, end - first);
}

static vs_rc pass(struct eraser *e, int (*step)(struct eraser *, const struct vs_location *),
                  struct vs_error *err)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->locations[i].segment != e->number)
            continue;
        int error = step(e, &e->locations[i]);
        if (error != 0)
            return fail(e, error, "erase in", err);
    }
    int error = e->segments->files->sync(e->file);
    if (error == 0)
        return VS_OK;
    /* The committer's unsynced pages of this file may be lost with ours. */
    atomic_store(&e->segments->broken, true);
    return fail(e, error, "sync", err);
}

static vs_rc erase_in_file(struct eraser *e, struct vs_error *err)
{
    VS_TRY(pass(e, mark_record, err));
    VS_TRY(pass(e, clear_payload, err));
    for (size_t i = 0; i < e->n; i++)
        if (e->locations[i].segment == e->number)
            give_back(e, &e->locations[i]);
    return VS_OK;
}

static vs_rc class_of(struct eraser *e, bool *ret_found, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(64 * 1024);
    struct vs_value key = vs_int((int64_t)e->number);
    const struct vs_row *row;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_store_get(e->segments->store, arena, VS_T_SEGMENT, &key, &row, err));
    *ret_found = row != NULL;
    if (row == NULL)
        return VS_OK;
    e->class = (uint32_t)row->values[VS_SEGMENT_CLASS].integer;
    uint64_t end = (uint64_t)row->values[VS_SEGMENT_LENGTH].integer;
    for (size_t i = 0; i < e->n; i++) {
        const struct vs_location *at = &e->locations[i];
        if (at->segment == e->number &&
            (at->offset > end || vs_segment_record_size(at->length) > end - at->offset))
            return vs_segment_corrupt(err, at->segment, at->offset,
                                      "what is to be erased reaches beyond the segment");
    }
    return VS_OK;
}

static vs_rc erase_segment(struct eraser *e, struct vs_error *err)
{
    char path[PATH_BYTES];
    bool found;
    VS_TRY(class_of(e, &found, err));
    if (!found)
        return VS_OK;
    vs_segment_path(e->segments, e->number, path);
    int error =
        e->segments->files->open(e->segments->files->context, path, VS_FILE_WRITE, &e->file);
    if (error == ENOENT)
        return VS_OK; /* its loss is the check's to tell; nothing of it is left to erase */
    if (error != 0)
        return fail(e, error, "open", err);
    vs_rc rc = erase_in_file(e, err);
    e->segments->files->close(e->file);
    return rc;
}

static bool is_held(struct vs_segments *segments)
{
    pthread_mutex_lock(&segments->lock);
    bool held = segments->held;
    pthread_mutex_unlock(&segments->lock);
    return held;
}

vs_rc vs_segments_erase(struct vs_segments *segments, const struct vs_location *locations,
                        size_t n, struct vs_error *err)
{
    /* A hold that comes after this is of rows that no longer name what is erased here. */
    if (is_held(segments))
        return vs_fail(err, VS_E_BUSY, NULL, "a backup is copying segments");
    for (size_t i = 0; i < n; i++) {
        size_t first = 0; /* the first location of a segment stands for all of it */
        while (locations[first].segment != locations[i].segment)
            first++;
        struct eraser e = {.segments = segments,
                           .number = locations[i].segment,
                           .locations = locations,
                           .n = n};
        if (first == i)
            VS_TRY(erase_segment(&e, err));
    }
    return VS_OK;
}

bool vs_segments_closed(struct vs_segments *segments, uint64_t number)
{
    bool closed = true;
    pthread_mutex_lock(&segments->lock);
    for (const struct vs_appending *a = segments->appending; a != NULL; a = a->next)
        closed = closed && a->number != number;
    pthread_mutex_unlock(&segments->lock);
    return closed;
}
