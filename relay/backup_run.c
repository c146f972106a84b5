/* What one backup does, piece by piece: rows, segments, keys, the end. */
#include "relay/backup_priv.h"
#include "relay/relay_priv.h"
#include <stdio.h>

enum { LIST_BYTES = 64 << 20, PAGE_BYTES = 1 << 20, ROW_BYTES = 1 << 20 };

/* -- files -------------------------------------------------------------------------------- */

static vs_rc path_in(const struct vs_backup_run *run, const char *name, char *out,
                     struct vs_error *err)
{
    return vs_backup_path(out, run->folder, name, err);
}

static vs_rc sync_folder(const char *path, struct vs_error *err)
{
    int error = vs_fileops_real.sync_folder(vs_fileops_real.context, path);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "sync", path);
}

/* Room for this file, and for the service's reserve where both lie on one disk. */
static vs_rc check_room(struct vs_relay *relay, struct vs_backup_run *run, uint64_t bytes,
                        struct vs_error *err)
{
    uint64_t room;
    int error = vs_fileops_real.free_bytes(vs_fileops_real.context, run->folder, &room);
    if (error != 0)
        return vs_fail_file(err, error, "ask for the free space at", run->folder);
    if (room < bytes || room - bytes < relay->settings.disk_reserve)
        return vs_fail(err, VS_E_DISK_FULL, NULL, "%llu MiB are free at %s",
                       (unsigned long long)(room >> 20), run->folder);
    return VS_OK;
}

/* A file of ours that is in `folder` already: synced, summed. */
static vs_rc add_written(struct vs_relay *relay, struct vs_backup_run *run, const char *name,
                         struct vs_error *err)
{
    char path[VS_BACKUP_PATH];
    struct vs_digest digest;
    uint64_t size;
    struct vs_file *file;
    VS_TRY(path_in(run, name, path, err));
    int error = vs_fileops_real.open(vs_fileops_real.context, path, VS_FILE_WRITE, &file);
    if (error == 0) {
        error = vs_fileops_real.sync(file);
        vs_fileops_real.close(file);
    }
    if (error != 0)
        return vs_fail_file(err, error, "sync", path);
    VS_TRY(vs_copier_digest(&run->copier, path, &digest, &size, err));
    vs_backup_tell(relay->backup, NULL, 0, 1, 0);
    return vs_sums_add(run->sums, name, &digest, err);
}

static vs_rc add_text(struct vs_relay *relay, struct vs_backup_run *run, const char *name,
                      struct vs_bytes text, struct vs_error *err)
{
    char path[VS_BACKUP_PATH];
    VS_TRY(path_in(run, name, path, err));
    VS_TRY(vs_file_replace(&vs_fileops_real, path, text, err));
    return add_written(relay, run, name, err);
}

static vs_rc add_copy(struct vs_relay *relay, struct vs_backup_run *run, const char *name,
                      uint64_t length, struct vs_error *err)
{
    char from[VS_BACKUP_PATH], to[VS_BACKUP_PATH];
    struct vs_digest digest;
    VS_TRY(vs_backup_path(from, relay->settings.data, name, err));
    VS_TRY(path_in(run, name, to, err));
    VS_TRY(vs_copier_copy(&run->copier, from, to, length, &digest, err));
    vs_backup_tell(relay->backup, NULL, 0, 1, 0);
    return vs_sums_add(run->sums, name, &digest, err);
}

/* -- begin -------------------------------------------------------------------------------- */

/* What an earlier one left unfinished. */
static vs_rc remove_partial(const char *root, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(LIST_BYTES);
    const char **names;
    size_t n;
    char path[VS_BACKUP_PATH];
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_folder_names(&vs_fileops_real, root, arena, &names, &n, err));
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]), tail = strlen(VS_BACKUP_PARTIAL);
        if (len != VS_BACKUP_ID - 1 + tail ||
            strcmp(names[i] + len - tail, VS_BACKUP_PARTIAL) != 0)
            continue;
        VS_TRY(vs_backup_path(path, root, names[i], err));
        vs_backup_remove(&vs_fileops_real, path, true);
    }
    return VS_OK;
}

static vs_rc make_folders(struct vs_backup_run *run, struct vs_error *err)
{
    static const char *const names[] = {"segments", "keys", "centre"};
    char path[VS_BACKUP_PATH];
    VS_TRY(vs_backup_make_folder(&vs_fileops_real, run->folder, err));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        VS_TRY(path_in(run, names[i], path, err));
        VS_TRY(vs_backup_make_folder(&vs_fileops_real, path, err));
    }
    return VS_OK;
}

static vs_rc begin(struct vs_relay *relay, struct vs_backup_run *run, struct vs_error *err)
{
    char path[VS_BACKUP_PATH];
    const char *root = relay->settings.backup_folder;
    VS_TRY(vs_backup_make_folder(&vs_fileops_real, root, err));
    VS_TRY(remove_partial(root, err));
    snprintf(run->folder, sizeof run->folder, "%s/%s%s", root, relay->backup->progress.id,
             VS_BACKUP_PARTIAL);
    VS_TRY(make_folders(run, err));
    VS_TRY(check_room(relay, run, 0, err));
    VS_TRY(path_in(run, VS_BACKUP_SUMS, path, err));
    VS_TRY(vs_sums_create(&vs_fileops_real, path, &run->sums, err));
    /* Held before the rows are read: what they name stays until it is copied. */
    vs_segments_hold(relay->segments);
    run->held = true;
    VS_TRY(path_in(run, VS_BACKUP_ROWS, path, err));
    return vs_store_copy_begin(relay->store, path, NULL, &run->copy, err);
}

/* -- rows --------------------------------------------------------------------------------- */

static vs_rc read_checkpoint(struct vs_relay *relay, struct vs_backup_run *run,
                             struct vs_error *err)
{
    struct vs_query last = {.table = VS_T_JOURNAL, .descending = true, .limit = 1};
    const struct vs_row *row;
    size_t n;
    VS_TRY(vs_store_select(run->rows, run->arena, &last, &row, &n, err));
    if (n == 0)
        return vs_fail(err, VS_E_STATE, NULL, "nothing was kept yet: there is no journal");
    struct vs_bytes note = row->values[VS_JOURNAL_NOTE].bytes;
    VS_TRY(vs_checkpoint_read(run->arena, note, &run->checkpoint, err));
    return add_text(relay, run, VS_BACKUP_CHECKPOINT, note, err);
}

static vs_rc count_segments(struct vs_relay *relay, const struct vs_row *row)
{
    vs_backup_tell(relay->backup, NULL, (uint64_t)row->values[VS_SEGMENT_LENGTH].integer, 0, 0);
    return VS_OK;
}

static vs_rc count_segment(void *context, const struct vs_row *row, struct vs_error *err)
{
    if (row->corrupt)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a row of table segment is damaged");
    return count_segments(context, row);
}

/* Whether the backup's checkpoint is of our log: segments of other logs may have the same
 * numbers. */
static bool same_log(const struct vs_backup_run *run, const char *folder)
{
    VS_ARENA *arena = vs_arena_new(4 * VS_CHECKPOINT_MAX_BYTES);
    struct vs_bytes note;
    struct vs_checkpoint checkpoint;
    struct vs_error ignored;
    char path[VS_BACKUP_PATH];
    return arena != NULL &&
           vs_ok(vs_backup_path(path, folder, VS_BACKUP_CHECKPOINT, &ignored)) &&
           vs_ok(vs_file_read(&vs_fileops_real, path, arena, VS_CHECKPOINT_MAX_BYTES, &note,
                              &ignored)) &&
           vs_ok(vs_checkpoint_read(arena, note, &checkpoint, &ignored)) &&
           strcmp(checkpoint.origin, run->checkpoint.origin) == 0;
}

static vs_rc find_before(struct vs_relay *relay, struct vs_backup_run *run,
                         struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(LIST_BYTES);
    const char *const *ids;
    size_t n;
    char path[VS_BACKUP_PATH];
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_backup_list(relay, arena, &ids, &n, err));
    if (n == 0 || vs_fileops_real.link == NULL)
        return VS_OK;
    VS_TRY(vs_backup_path(path, relay->settings.backup_folder, ids[n - 1], err));
    if (!same_log(run, path))
        return VS_OK;
    snprintf(run->before, sizeof run->before, "%s", path);
    VS_TRY(vs_backup_path(path, run->before, VS_BACKUP_SUMS, err));
    VS_TRY(vs_sums_open(&vs_fileops_real, path, &run->sums_before, err));
    return vs_sums_next(run->sums_before, &run->line_before, &run->end_before, err);
}

static vs_rc copy_rows(struct vs_relay *relay, struct vs_backup_run *run, struct vs_error *err)
{
    bool done;
    uint64_t bytes, total;
    VS_TRY(vs_store_copy_step(run->copy, &done, &bytes, &total, err));
    pthread_mutex_lock(&relay->backup->lock);
    relay->backup->progress.bytes = bytes;
    relay->backup->progress.total = total;
    pthread_mutex_unlock(&relay->backup->lock);
    if (!done)
        return vs_backup_moved(relay, 0)
                   ? VS_OK
                   : vs_fail(err, VS_E_STOPPING, NULL, "the service is stopping");
    vs_store_copy_end(run->copy);
    run->copy = NULL;
    char path[VS_BACKUP_PATH];
    VS_TRY(path_in(run, VS_BACKUP_ROWS, path, err));
    struct vs_store_options options = {.path = path, .cache_bytes = PAGE_BYTES, .readers = 1};
    VS_TRY(vs_store_open(&options, &run->rows, err));
    VS_TRY(vs_store_each(run->rows, VS_T_SEGMENT, count_segment, relay, err));
    vs_backup_tell(relay->backup, "segments", 0, 0, 0);
    VS_TRY(read_checkpoint(relay, run, err));
    return find_before(relay, run, err);
}

/* -- segments ----------------------------------------------------------------------------- */

/* The line of this name in the backup before: both go through the segments by number. */
static vs_rc line_of(struct vs_backup_run *run, const char *name, const struct vs_sum **ret,
                     struct vs_error *err)
{
    *ret = NULL;
    while (run->sums_before != NULL && !run->end_before) {
        bool segment = strncmp(run->line_before.name, "segments/", 9) == 0;
        int order = strcmp(run->line_before.name, name);
        if (segment && order >= 0) {
            *ret = order == 0 ? &run->line_before : NULL;
            return VS_OK;
        }
        VS_TRY(vs_sums_next(run->sums_before, &run->line_before, &run->end_before, err));
    }
    return VS_OK;
}

/* Link what has not changed: as long as it was, and still what it was. */
static vs_rc link_segment(struct vs_relay *relay, struct vs_backup_run *run, const char *name,
                          uint64_t length, bool *ret, struct vs_error *err)
{
    char from[VS_BACKUP_PATH], to[VS_BACKUP_PATH];
    struct vs_digest digest;
    uint64_t size;
    const struct vs_sum *line;
    *ret = false;
    VS_TRY(line_of(run, name, &line, err));
    if (line == NULL)
        return VS_OK;
    VS_TRY(vs_backup_path(from, run->before, name, err));
    VS_TRY(path_in(run, name, to, err));
    struct vs_error unusable;
    vs_rc rc = vs_copier_digest(&run->copier, from, &digest, &size, &unusable);
    if (rc.code == VS_E_STOPPING)
        return vs_fail(err, VS_E_STOPPING, NULL, "%s", unusable.text);
    *ret = vs_ok(rc) && size == length && vs_digest_equal(&digest, &line->digest) &&
           vs_fileops_real.link(vs_fileops_real.context, from, to) == 0;
    if (!*ret)
        return VS_OK;
    vs_backup_tell(relay->backup, NULL, 0, 1, 1);
    (void)vs_backup_moved(relay, length);
    return vs_sums_add(run->sums, name, &digest, err);
}

static vs_rc copy_segment(struct vs_relay *relay, struct vs_backup_run *run,
                          const struct vs_row *row, struct vs_error *err)
{
    char name[VS_BACKUP_NAME];
    uint64_t length = (uint64_t)row->values[VS_SEGMENT_LENGTH].integer;
    run->last_segment = row->values[VS_SEGMENT_NUMBER].integer;
    snprintf(name, sizeof name, "segments/%016llx.seg", (unsigned long long)run->last_segment);
    bool linked;
    VS_TRY(link_segment(relay, run, name, length, &linked, err));
    if (linked)
        return VS_OK;
    VS_TRY(check_room(relay, run, length, err));
    return add_copy(relay, run, name, length, err);
}

/* One segment; *ret_done: there was none left. */
static vs_rc next_segment(struct vs_relay *relay, struct vs_backup_run *run, bool *ret_done,
                          struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(ROW_BYTES);
    struct vs_value after = vs_int(run->last_segment);
    struct vs_query query = {.table = VS_T_SEGMENT, .after = &after, .n_after = 1, .limit = 1};
    const struct vs_row *row;
    size_t n;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_store_select(run->rows, arena, &query, &row, &n, err));
    *ret_done = n == 0;
    return n == 0 ? VS_OK : copy_segment(relay, run, row, err);
}

/* -- keys and the end --------------------------------------------------------------------- */

static vs_rc copy_folder(struct vs_relay *relay, struct vs_backup_run *run, const char *folder,
                         struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(LIST_BYTES);
    const char **names;
    size_t n;
    char path[VS_BACKUP_PATH], name[VS_BACKUP_NAME];
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_backup_path(path, relay->settings.data, folder, err));
    VS_TRY(vs_folder_names(&vs_fileops_real, path, arena, &names, &n, err));
    for (size_t i = 0; i < n; i++) {
        if (names[i][0] == '.' || strlen(names[i]) > 4 + strlen(folder) + 128 ||
            strstr(names[i], ".new") != NULL)
            continue; /* being written */
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        VS_TRY(add_copy(relay, run, name, UINT64_MAX, err));
    }
    VS_TRY(path_in(run, folder, path, err));
    return sync_folder(path, err);
}

static vs_rc write_about(struct vs_relay *relay, struct vs_backup_run *run,
                         struct vs_error *err)
{
    struct vs_backup_progress p;
    char began[VS_TIME_TEXT], text[2048];
    vs_backup_progress(relay, &p);
    vs_time_text(p.began, began);
    int len = snprintf(
        text, sizeof text,
        "A backup of Vasite, format 1.\n\nbegun     %s\njournal   %s\nentries   %llu\n"
        "bytes     %llu\n\nCheck it with `sha256sum -c SHA256SUMS` in this folder. Restore it "
        "with `vasite restore\n--from THIS-FOLDER --config FILE`: the restored service begins "
        "a new log that names this one's\nlast checkpoint. keys/passphrase, where it is here, "
        "opens the keys in centre/: guard this folder\nas you guard the service.\n",
        began, run->checkpoint.origin, (unsigned long long)run->checkpoint.size,
        (unsigned long long)p.bytes);
    return add_text(relay, run, VS_BACKUP_ABOUT, VS_BYTES(text, (size_t)len), err);
}

static vs_rc finish(struct vs_relay *relay, struct vs_backup_run *run, struct vs_error *err)
{
    char path[VS_BACKUP_PATH], final[VS_BACKUP_PATH];
    const char *root = relay->settings.backup_folder;
    vs_backup_tell(relay->backup, "keys", 0, 0, 0);
    vs_store_close(run->rows);
    run->rows = NULL;
    VS_TRY(path_in(run, "segments", path, err));
    VS_TRY(sync_folder(path, err));
    VS_TRY(copy_folder(relay, run, "keys", err));
    VS_TRY(copy_folder(relay, run, "centre", err));
    VS_TRY(add_written(relay, run, VS_BACKUP_ROWS, err));
    VS_TRY(write_about(relay, run, err));
    VS_TRY(vs_sums_finish(run->sums, err));
    VS_TRY(sync_folder(run->folder, err));
    VS_TRY(vs_backup_path(final, root, relay->backup->progress.id, err));
    int error = vs_fileops_real.rename(vs_fileops_real.context, run->folder, final);
    if (error != 0)
        return vs_fail_file(err, error, "rename", run->folder);
    return sync_folder(root, err);
}

/* -- steps -------------------------------------------------------------------------------- */

vs_rc vs_backup_piece(struct vs_relay *relay, struct vs_backup_run *run, bool *ret_done,
                      struct vs_error *err)
{
    bool last = false;
    *ret_done = false;
    if (run->folder[0] == '\0')
        return begin(relay, run, err);
    if (run->copy != NULL)
        return copy_rows(relay, run, err);
    VS_TRY(next_segment(relay, run, &last, err));
    if (!last)
        return VS_OK;
    *ret_done = true;
    return finish(relay, run, err);
}
