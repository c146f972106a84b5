/* segments.c - opening, appending, marking and deleting; reading is segment_read.c. */
#include "storage/segments_priv.h"
#include <errno.h>
#include <stdio.h>

static const uint64_t SEGMENT_BYTES = UINT64_C(64) * 1024 * 1024;
enum { HEADERS_BYTES = 64 * 1024 * 1024 };

void vs_segment_path(const struct vs_segments *segments, uint64_t number, char *out)
{
    snprintf(out, PATH_BYTES, "%s/%016llx.seg", segments->segments_folder,
             (unsigned long long)number);
}

vs_rc vs_segment_corrupt(struct vs_error *err, uint64_t number, uint64_t offset,
                         const char *what)
{
    return vs_fail(err, VS_E_CORRUPT, NULL, "segment %llu at %llu: %s",
                   (unsigned long long)number, (unsigned long long)offset, what);
}

static vs_rc fail_broken(struct vs_error *err)
{
    return vs_fail(err, VS_E_IO, NULL,
                   "an earlier write to a segment failed and its outcome is unknown: restart");
}

/* A failed write or sync; a full disk leaves a known state, anything else does not. */
static vs_rc fail_write(struct vs_segments *segments, int error, const char *what,
                        uint64_t number, struct vs_error *err)
{
    char path[PATH_BYTES];
    vs_segment_path(segments, number, path);
    vs_rc rc = vs_fail_file(err, error, what, path);
    if (rc.code != VS_E_DISK_FULL)
        atomic_store(&segments->broken, true);
    return rc;
}

/* -- open and close ------------------------------------------------------------------------ */

static bool number_of_name(const char *name, uint64_t *ret)
{
    uint8_t octets[8];
    char digits[17];
    if (strlen(name) != 20 || strcmp(name + 16, ".seg") != 0)
        return false;
    memcpy(digits, name, 16);
    digits[16] = '\0';
    if (!vs_hex_decode(digits, octets, sizeof octets))
        return false;
    *ret = vs_get_u64(octets);
    return true;
}

static void see_highest(void *context, const char *name)
{
    struct vs_segments *segments = context;
    uint64_t number;
    if (number_of_name(name, &number) && number >= segments->first)
        segments->first = number + 1;
}

static vs_rc find_first_number(struct vs_segments *segments, struct vs_error *err)
{
    segments->first = 1;
    int error = segments->files->list(segments->files->context, segments->segments_folder,
                                      see_highest, segments);
    if (error != 0)
        return vs_fail_file(err, error, "list", segments->segments_folder);
    VS_ARENA *arena = vs_arena_new(64 * 1024);
    struct vs_query last = {
        .table = VS_T_SEGMENT, .descending = true, .tolerate = true, .limit = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(segments->store, arena, &last, &rows, &n, err));
    if (n == 1 && (uint64_t)rows->values[VS_SEGMENT_NUMBER].integer >= segments->first)
        segments->first = (uint64_t)rows->values[VS_SEGMENT_NUMBER].integer + 1;
    atomic_store(&segments->next_number, segments->first);
    return VS_OK;
}

struct names {
    struct vs_arena *arena;
    struct name {
        struct name *next;
        char *text;
    } * first;
    bool failed;
};

static void keep_name(void *context, const char *text)
{
    struct names *names = context;
    struct name *name = vs_arena_make(names->arena, struct name);
    char *copy = vs_arena_strdup(names->arena, text);
    names->failed |= name == NULL || copy == NULL;
    if (names->failed)
        return;
    *name = (struct name){names->first, copy};
    names->first = name;
}

static vs_rc list(struct vs_segments *segments, const char *folder, struct names *names,
                  struct vs_error *err)
{
    int error = segments->files->list(segments->files->context, folder, keep_name, names);
    if (error != 0)
        return vs_fail_file(err, error, "list", folder);
    return names->failed ? vs_fail_memory(err) : VS_OK;
}

/* What was being received when the last run ended was never acknowledged. */
static vs_rc remove_spools(struct vs_segments *segments, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(64 * 1024 * 1024);
    struct names names = {.arena = arena};
    VS_TRY(list(segments, segments->spool_folder, &names, err));
    for (struct name *name = names.first; name != NULL; name = name->next) {
        char *path = vs_arena_printf(arena, "%s/%s", segments->spool_folder, name->text);
        if (path == NULL)
            return vs_fail_memory(err);
        int error = segments->files->remove(segments->files->context, path);
        if (error != 0 && error != ENOENT)
            return vs_fail_file(err, error, "remove", path);
    }
    return VS_OK;
}

static vs_rc make_folder(struct vs_segments *segments, const char *path, struct vs_error *err)
{
    int error = segments->files->make_folder(segments->files->context, path);
    if (error == 0)
        error = segments->files->sync_folder(segments->files->context, segments->folder);
    return error == 0 || error == EEXIST ? VS_OK : vs_fail_file(err, error, "make", path);
}

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = vs_heap_new(size);
    snprintf(path, size, "%s/%s", folder, name);
    return path;
}

vs_rc vs_segments_open(const struct vs_segments_options *options, struct vs_segments **ret,
                       struct vs_error *err)
{
    if (strlen(options->folder) > PATH_BYTES - 64)
        return vs_fail(err, VS_E_CONFIG, NULL, "the data folder's path is too long");
    struct vs_segments *segments = vs_heap_new(sizeof *segments);
    segments->files = options->files != NULL ? options->files : &vs_fileops_real;
    segments->store = options->store;
    segments->segment_bytes =
        options->segment_bytes != 0 ? options->segment_bytes : SEGMENT_BYTES;
    segments->folder = vs_heap_strdup(options->folder);
    segments->segments_folder = join(options->folder, "segments");
    segments->spool_folder = join(options->folder, "spool");
    vs_buffer_init(&segments->headers, HEADERS_BYTES);
    VS_ASSERT(pthread_mutex_init(&segments->lock, NULL) == 0);
    vs_rc rc = make_folder(segments, segments->segments_folder, err);
    if (vs_ok(rc))
        rc = make_folder(segments, segments->spool_folder, err);
    if (vs_ok(rc))
        rc = remove_spools(segments, err);
    if (vs_ok(rc))
        rc = find_first_number(segments, err);
    if (vs_ok(rc))
        *ret = segments;
    else
        vs_segments_close(segments);
    return rc;
}

static void free_appending(struct vs_segments *segments, struct vs_appending *a)
{
    segments->files->close(a->file);
    vs_heap_free(a);
}

void vs_segments_close(struct vs_segments *segments)
{
    if (segments == NULL)
        return;
    while (segments->appending != NULL) {
        struct vs_appending *a = segments->appending;
        segments->appending = a->next;
        free_appending(segments, a);
    }
    vs_segment_files_close(segments);
    pthread_mutex_destroy(&segments->lock);
    vs_buffer_done(&segments->headers);
    vs_heap_free(segments->dropped);
    vs_heap_free(segments->mark_ops);
    vs_heap_free(segments->mark_values);
    vs_heap_free(segments->folder);
    vs_heap_free(segments->segments_folder);
    vs_heap_free(segments->spool_folder);
    vs_heap_free(segments);
}

/* -- sweep --------------------------------------------------------------------------------- */

static vs_rc cut(struct vs_segments *segments, const char *path, uint64_t length,
                 struct vs_error *err)
{
    struct vs_file *file;
    int error = segments->files->open(segments->files->context, path, VS_FILE_WRITE, &file);
    if (error != 0)
        return vs_fail_file(err, error, "open", path);
    uint64_t size = 0;
    error = segments->files->size(file, &size);
    if (error == 0 && size > length) {
        error = segments->files->truncate(file, length);
        if (error == 0)
            error = segments->files->sync(file);
    }
    segments->files->close(file);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "cut", path);
}

static vs_rc sweep_file(struct vs_segments *segments, uint64_t number, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(64 * 1024);
    struct vs_value key = vs_int((int64_t)number);
    const struct vs_row *row;
    char path[PATH_BYTES];
    vs_segment_path(segments, number, path);
    vs_rc rc = vs_store_get(segments->store, arena, VS_T_SEGMENT, &key, &row, err);
    if (rc.code == VS_E_CORRUPT)
        return VS_OK; /* not known how much of it counts: all is kept, the check names the row
                       */
    VS_TRY(rc);
    if (row != NULL)
        return cut(segments, path, (uint64_t)row->values[VS_SEGMENT_LENGTH].integer, err);
    int error = segments->files->remove(segments->files->context, path);
    return error == 0 || error == ENOENT ? VS_OK : vs_fail_file(err, error, "remove", path);
}

vs_rc vs_segments_sweep(struct vs_segments *segments, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(256 * 1024 * 1024);
    struct names names = {.arena = arena};
    VS_TRY(list(segments, segments->segments_folder, &names, err));
    for (struct name *name = names.first; name != NULL; name = name->next) {
        uint64_t number;
        if (number_of_name(name->text, &number) && number < segments->first)
            VS_TRY(sweep_file(segments, number, err));
    }
    int error =
        segments->files->sync_folder(segments->files->context, segments->segments_folder);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "sync", segments->segments_folder);
}

/* -- append -------------------------------------------------------------------------------- */

static int write_header(struct vs_segments *segments, struct vs_file *file, uint64_t number,
                        uint32_t class)
{
    uint8_t header[SEGMENT_HEADER];
    vs_segment_header_encode(number, class, header);
    struct iovec part = {header, sizeof header};
    return segments->files->write(file, &part, 1, 0);
}

static vs_rc new_segment(struct vs_segments *segments, uint32_t class,
                         struct vs_appending **ret, struct vs_error *err)
{
    char path[PATH_BYTES];
    uint64_t number = atomic_fetch_add(&segments->next_number, 1);
    vs_segment_path(segments, number, path);
    struct vs_file *file;
    int error = segments->files->open(segments->files->context, path,
                                      VS_FILE_WRITE | VS_FILE_CREATE | VS_FILE_NEW, &file);
    if (error != 0)
        return fail_write(segments, error, "make", number, err);
    error = write_header(segments, file, number, class);
    if (error != 0) {
        segments->files->close(file);
        (void)segments->files->remove(segments->files->context, path); /* else the sweep does */
        return fail_write(segments, error, "write", number, err);
    }
    struct vs_appending *a = vs_heap_new(sizeof *a);
    *a = (struct vs_appending){.next = segments->appending,
                               .number = number,
                               .class = class,
                               .file = file,
                               .length = SEGMENT_HEADER,
                               .name_unsynced = true};
    pthread_mutex_lock(&segments->lock);
    segments->appending = a;
    pthread_mutex_unlock(&segments->lock);
    *ret = a;
    return VS_OK;
}

static vs_rc segment_for(struct vs_segments *segments, uint32_t class,
                         struct vs_appending **ret, struct vs_error *err)
{
    for (struct vs_appending *a = segments->appending; a != NULL; a = a->next) {
        a->full |= a->length >= segments->segment_bytes;
        if (a->class == class && !a->full) {
            *ret = a;
            return VS_OK;
        }
    }
    return new_segment(segments, class, ret, err);
}

static uint64_t payload_length(const struct vs_segment_record *record)
{
    uint64_t length = 0;
    for (size_t i = 0; i < record->n_parts; i++)
        length += record->parts[i].len;
    return length;
}

/* One record as parts of a write; `header` keeps its memory. */
static void lay_out(const struct vs_segment_record *record, uint8_t *header,
                    struct iovec *parts, size_t *n)
{
    static const uint8_t zeros[RECORD_ALIGN];
    struct vs_record head = {.class = record->class, .length = record->location.length};
    if (record->crc != NULL)
        head.payload_crc = *record->crc;
    parts[(*n)++] = (struct iovec){header, RECORD_HEADER};
    for (size_t i = 0; i < record->n_parts; i++) {
        struct vs_bytes part = record->parts[i];
        if (part.len == 0)
            continue;
        if (record->crc == NULL)
            head.payload_crc = vs_crc32c(head.payload_crc, part);
        parts[(*n)++] = (struct iovec){(void *)part.ptr, part.len};
    }
    vs_segment_record_encode(&head, record->location.segment, record->location.offset, header);
    size_t padding =
        (size_t)(vs_segment_record_size(head.length) - RECORD_HEADER - head.length);
    if (padding > 0)
        parts[(*n)++] = (struct iovec){(void *)zeros, padding};
}

/* Give every record of the class its place; how many parts and headers that makes. */
static uint64_t place_records(const struct vs_appending *a, struct vs_segment_record *records,
                              size_t n_records, size_t *ret_parts, size_t *ret_n)
{
    uint64_t offset = a->length;
    *ret_parts = *ret_n = 0;
    for (size_t i = 0; i < n_records; i++) {
        if (records[i].class != a->class)
            continue;
        uint64_t length = payload_length(&records[i]);
        records[i].location = (struct vs_location){a->number, offset, length};
        offset += vs_segment_record_size(length);
        *ret_parts += records[i].n_parts + 2;
        ++*ret_n;
    }
    return offset;
}

static vs_rc append_class(struct vs_segments *segments, uint32_t class,
                          struct vs_segment_record *records, size_t n_records,
                          struct vs_error *err)
{
    struct vs_appending *a;
    VS_TRY(segment_for(segments, class, &a, err));
    size_t n_parts, n, used = 0, header = 0;
    uint64_t end = place_records(a, records, n_records, &n_parts, &n);
    vs_buffer_clear(&segments->headers);
    uint8_t *headers = vs_buffer_reserve(&segments->headers, n * RECORD_HEADER);
    if (headers == NULL)
        return vs_buffer_check(&segments->headers, err);
    struct iovec *parts = vs_heap_array(n_parts, sizeof *parts);
    for (size_t i = 0; i < n_records; i++)
        if (records[i].class == class)
            lay_out(&records[i], headers + RECORD_HEADER * header++, parts, &used);
    int error = segments->files->write(a->file, parts, (int)used, a->length);
    vs_heap_free(parts);
    if (error != 0)
        return fail_write(segments, error, "write", a->number, err);
    a->length = end;
    a->records += (int64_t)n;
    return VS_OK;
}

vs_rc vs_segments_append(struct vs_segments *segments, struct vs_segment_record *records,
                         size_t n_records, struct vs_error *err)
{
    if (atomic_load(&segments->broken))
        return fail_broken(err);
    for (size_t i = 0; i < n_records; i++) {
        size_t first = 0; /* the first record of the class writes them all */
        while (records[first].class != records[i].class)
            first++;
        if (first == i)
            VS_TRY(append_class(segments, records[i].class, records, n_records, err));
    }
    return VS_OK;
}

vs_rc vs_segments_sync(struct vs_segments *segments, struct vs_error *err)
{
    if (atomic_load(&segments->broken))
        return fail_broken(err);
    bool names = false;
    for (struct vs_appending *a = segments->appending; a != NULL; a = a->next) {
        if (a->synced == a->length)
            continue;
        int error = segments->files->sync(a->file);
        if (error != 0) {
            atomic_store(&segments->broken, true);
            return fail_write(segments, error, "sync", a->number, err);
        }
        a->synced = a->length;
        a->records_synced = a->records;
        names |= a->name_unsynced;
        a->name_unsynced = false;
    }
    if (!names)
        return VS_OK;
    int error =
        segments->files->sync_folder(segments->files->context, segments->segments_folder);
    if (error == 0)
        return VS_OK;
    atomic_store(&segments->broken, true);
    return vs_fail_file(err, error, "sync", segments->segments_folder);
}

/* -- mark ---------------------------------------------------------------------------------- */

static void make_mark_room(struct vs_segments *segments)
{
    size_t n = 0;
    for (struct vs_appending *a = segments->appending; a != NULL; a = a->next)
        n++;
    if (n <= segments->mark_room)
        return;
    segments->mark_room = n;
    vs_heap_free(segments->mark_ops);
    vs_heap_free(segments->mark_values);
    segments->mark_ops = vs_heap_array(n, sizeof *segments->mark_ops);
    segments->mark_values =
        vs_heap_array(n * VS_SEGMENT_COLUMNS, sizeof *segments->mark_values);
}

struct vs_item vs_segments_mark(struct vs_segments *segments)
{
    make_mark_room(segments);
    size_t n = 0;
    for (struct vs_appending *a = segments->appending; a != NULL; a = a->next) {
        a->marking = a->synced;
        if (a->synced == a->marked)
            continue;
        struct vs_value *row = segments->mark_values + n * VS_SEGMENT_COLUMNS;
        row[VS_SEGMENT_NUMBER] = vs_int((int64_t)a->number);
        row[VS_SEGMENT_CLASS] = vs_int(a->class);
        row[VS_SEGMENT_LENGTH] = vs_int((int64_t)a->synced);
        row[VS_SEGMENT_RECORDS] = vs_int(a->records_synced);
        segments->mark_ops[n++] = vs_op_put(VS_T_SEGMENT, row);
    }
    return (struct vs_item){.ops = segments->mark_ops, .n_ops = n};
}

void vs_segments_marked(struct vs_segments *segments)
{
    struct vs_appending **at = &segments->appending;
    while (*at != NULL) {
        struct vs_appending *a = *at;
        a->marked = a->marking;
        if (a->full && a->marked == a->length) {
            pthread_mutex_lock(&segments->lock);
            *at = a->next;
            pthread_mutex_unlock(&segments->lock);
            free_appending(segments, a);
        } else {
            at = &a->next;
        }
    }
}

/* -- delete -------------------------------------------------------------------------------- */

struct vs_op vs_segments_drop_op(uint64_t number, struct vs_value *key)
{
    *key = vs_int((int64_t)number);
    return vs_op_delete(VS_T_SEGMENT, key, VS_ANY_VERSION);
}

static vs_rc remove_file(struct vs_segments *segments, uint64_t number, struct vs_error *err)
{
    char path[PATH_BYTES];
    vs_segment_path(segments, number, path);
    vs_segment_file_forget(segments, number);
    int error = segments->files->remove(segments->files->context, path);
    return error == 0 || error == ENOENT ? VS_OK : vs_fail_file(err, error, "remove", path);
}

static bool drop_later(struct vs_segments *segments, uint64_t number)
{
    pthread_mutex_lock(&segments->lock);
    bool held = segments->held;
    if (held) {
        segments->dropped = vs_heap_grow(segments->dropped,
                                         (segments->n_dropped + 1) * sizeof *segments->dropped);
        segments->dropped[segments->n_dropped++] = number;
    }
    pthread_mutex_unlock(&segments->lock);
    return held;
}

vs_rc vs_segments_drop(struct vs_segments *segments, uint64_t number, struct vs_error *err)
{
    return drop_later(segments, number) ? VS_OK : remove_file(segments, number, err);
}

void vs_segments_hold(struct vs_segments *segments)
{
    pthread_mutex_lock(&segments->lock);
    VS_ASSERT(!segments->held);
    segments->held = true;
    pthread_mutex_unlock(&segments->lock);
}

void vs_segments_release(struct vs_segments *segments)
{
    struct vs_error ignored; /* what stays, the next sweep removes */
    pthread_mutex_lock(&segments->lock);
    uint64_t *dropped = segments->dropped;
    size_t n = segments->n_dropped;
    segments->held = false;
    segments->dropped = NULL;
    segments->n_dropped = 0;
    pthread_mutex_unlock(&segments->lock);
    for (size_t i = 0; i < n; i++)
        (void)!vs_ok(remove_file(segments, dropped[i], &ignored));
    vs_heap_free(dropped);
}

/* Best effort: what stays is no part of the store and goes with the next sweep. */
void vs_segments_disown(struct vs_segments *segments, struct vs_location location)
{
    vs_rc rc = remove_file(segments, location.segment, NULL);
    (void)rc;
}
