#include "relay/restore.h"
#include "relay/backup_priv.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"
#include <errno.h>
#include <stdio.h>

enum { NAMES_BYTES = 1 << 20 };

static bool moved(void *context, uint64_t bytes)
{
    const struct vs_restore_options *options = context;
    if (options->progress != NULL)
        options->progress(options->context, bytes);
    return true;
}

/* -- verify ------------------------------------------------------------------------------- */

/* What no backup may lack. */
static const char *const needed[] = {VS_BACKUP_ROWS, VS_BACKUP_CHECKPOINT, VS_BACKUP_ABOUT};
enum { NEEDED = sizeof needed / sizeof *needed };

static vs_rc verify_file(struct vs_copier *copier, const char *folder, const struct vs_sum *sum,
                         uint64_t *bytes, struct vs_error *err)
{
    char path[VS_BACKUP_PATH];
    struct vs_digest digest;
    uint64_t size;
    VS_TRY(vs_backup_path(path, folder, sum->name, err));
    struct vs_error why;
    vs_rc rc = vs_copier_digest(copier, path, &digest, &size, &why);
    if (!vs_ok(rc))
        return vs_fail(err, rc.code == VS_E_NOT_FOUND ? VS_E_BACKUP : rc.code, NULL, "%s",
                       why.text);
    if (!vs_digest_equal(&digest, &sum->digest))
        return vs_fail(err, VS_E_BACKUP, NULL, "%s is not as " VS_BACKUP_SUMS " has it", path);
    *bytes += size;
    return moved(copier->context, size) ? VS_OK : vs_fail(err, VS_E_STOPPING, NULL, "stopped");
}

/* Each file listed goes through `visit`. */
static vs_rc each_file(const char *folder,
                       vs_rc (*visit)(void *context, const struct vs_sum *sum,
                                      struct vs_error *err),
                       void *context, struct vs_error *err)
{
    char path[VS_BACKUP_PATH];
    struct vs_sums *sums;
    struct vs_sum sum;
    bool end = false;
    VS_TRY(vs_backup_path(path, folder, VS_BACKUP_SUMS, err));
    VS_TRY(vs_sums_open(&vs_fileops_real, path, &sums, err));
    vs_rc rc = vs_sums_next(sums, &sum, &end, err);
    while (vs_ok(rc) && !end) {
        rc = visit(context, &sum, err);
        if (vs_ok(rc))
            rc = vs_sums_next(sums, &sum, &end, err);
    }
    vs_sums_close(sums);
    return rc;
}

struct verifying {
    struct vs_copier copier;
    const char *folder;
    uint64_t files, bytes;
    bool seen[NEEDED];
};

static vs_rc verify_one(void *context, const struct vs_sum *sum, struct vs_error *err)
{
    struct verifying *v = context;
    for (size_t i = 0; i < NEEDED; i++)
        v->seen[i] |= strcmp(needed[i], sum->name) == 0;
    v->files++;
    return verify_file(&v->copier, v->folder, sum, &v->bytes, err);
}

vs_rc vs_backup_verify(const struct vs_restore_options *options, uint64_t *ret_files,
                       uint64_t *ret_bytes, struct vs_error *err)
{
    struct verifying v = {.folder = options->from};
    vs_copier_init(&v.copier, &vs_fileops_real, NULL, (void *)(uintptr_t)options);
    vs_rc rc = each_file(options->from, verify_one, &v, err);
    vs_copier_done(&v.copier);
    for (size_t i = 0; i < NEEDED && vs_ok(rc); i++)
        if (!v.seen[i])
            rc = vs_fail(err, VS_E_BACKUP, NULL, "%s/" VS_BACKUP_SUMS " lacks %s",
                         options->from, needed[i]);
    *ret_files = v.files;
    *ret_bytes = v.bytes;
    return rc;
}

/* -- the data folder ---------------------------------------------------------------------- */

static vs_rc sync_folder(const char *path, struct vs_error *err)
{
    int error = vs_fileops_real.sync_folder(vs_fileops_real.context, path);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "sync", path);
}

/* Empty, or left by a restore that was cut off: then it is cleared. */
static vs_rc take_folder(const char *data, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(NAMES_BYTES);
    const char **names;
    size_t n;
    char marker[VS_BACKUP_PATH];
    bool half = false;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_backup_make_folder(&vs_fileops_real, data, err));
    VS_TRY(vs_folder_names(&vs_fileops_real, data, arena, &names, &n, err));
    for (size_t i = 0; i < n; i++)
        half |= strcmp(names[i], VS_RESTORE_MARKER) == 0;
    for (size_t i = 0; i < n && !half; i++)
        if (strcmp(names[i], "lost+found") != 0)
            return vs_fail(err, VS_E_EXISTS, NULL, "%s is not empty: it holds %s", data,
                           names[i]);
    VS_TRY(vs_backup_path(marker, data, VS_RESTORE_MARKER, err));
    VS_TRY(vs_file_replace(&vs_fileops_real, marker,
                           VS_BYTES_LITERAL("vasite restore has not finished\n"), err));
    if (half)
        vs_backup_remove(&vs_fileops_real, data, false);
    /* With the rest went the marker: nothing may lie here without it. */
    return half ? vs_file_replace(&vs_fileops_real, marker,
                                  VS_BYTES_LITERAL("vasite restore has not finished\n"), err)
                : VS_OK;
}

struct copying {
    struct vs_copier copier;
    const char *from, *to;
};

static vs_rc copy_one(void *context, const struct vs_sum *sum, struct vs_error *err)
{
    struct copying *c = context;
    char from[VS_BACKUP_PATH], to[VS_BACKUP_PATH];
    struct vs_digest digest;
    VS_TRY(vs_backup_path(from, c->from, sum->name, err));
    VS_TRY(vs_backup_path(to, c->to, sum->name, err));
    if (strcmp(sum->name, VS_BACKUP_CHECKPOINT) == 0 || strcmp(sum->name, VS_BACKUP_ABOUT) == 0)
        return VS_OK;
    VS_TRY(vs_copier_copy(&c->copier, from, to, UINT64_MAX, &digest, err));
    if (!vs_digest_equal(&digest, &sum->digest))
        return vs_fail(err, VS_E_BACKUP, NULL, "%s is not as " VS_BACKUP_SUMS " has it", from);
    return VS_OK;
}

static vs_rc copy_all(const struct vs_restore_options *options, const char *data,
                      struct vs_error *err)
{
    static const char *const folders[] = {"segments", "keys", "centre"};
    struct copying c = {.from = options->from, .to = data};
    char path[VS_BACKUP_PATH];
    for (size_t i = 0; i < 3; i++) {
        VS_TRY(vs_backup_path(path, data, folders[i], err));
        VS_TRY(vs_backup_make_folder(&vs_fileops_real, path, err));
    }
    vs_copier_init(&c.copier, &vs_fileops_real, moved, (void *)(uintptr_t)options);
    vs_rc rc = each_file(options->from, copy_one, &c, err);
    vs_copier_done(&c.copier);
    for (size_t i = 0; i < 3 && vs_ok(rc); i++) {
        rc = vs_backup_path(path, data, folders[i], err);
        if (vs_ok(rc))
            rc = sync_folder(path, err);
    }
    return vs_ok(rc) ? sync_folder(data, err) : rc;
}

/* -- the new log -------------------------------------------------------------------------- */

static vs_rc tell(struct vs_relay *relay, const struct vs_journal_restart *restart,
                  struct vs_arena *arena, struct vs_restored *ret, struct vs_error *err)
{
    struct vs_journal_log log;
    VS_TRY(vs_journal_log(relay->journal, arena, vs_journal_epoch(relay->journal), &log, err));
    bool own = restart->anchor_origin != NULL &&
               strcmp(restart->anchor_origin, restart->old_origin) == 0;
    *ret = (struct vs_restored){.log = log.origin,
                                .old_log = vs_arena_strdup(arena, restart->old_origin),
                                .lost_from = restart->old_size,
                                .until_known = own};
    ret->lost_until =
        restart->anchor_size > restart->old_size ? restart->anchor_size : restart->old_size;
    if (restart->anchor_origin != NULL && !own)
        ret->given_up = vs_arena_strdup(arena, restart->anchor_origin);
    vs_hex(log.record, ret->evidence);
    return ret->old_log == NULL ? vs_fail_memory(err) : VS_OK;
}

static vs_rc begin_log(const struct vs_relay_settings *settings, const struct vs_seams *seams,
                       const struct vs_restore_options *options, struct vs_arena *arena,
                       struct vs_restored *ret, struct vs_error *err)
{
    struct vs_relay_settings opening = *settings;
    struct vs_journal_restart restart = {.supersede = options->supersede,
                                         .anchor_lost = options->anchor_lost};
    struct vs_relay *relay;
    seams->random(seams->context, restart.unique, sizeof restart.unique);
    opening.restart = &restart;
    opening.inspect = false;
    VS_TRY(vs_relay_open(&opening, seams, &relay, err));
    vs_rc rc = tell(relay, &restart, arena, ret, err);
    vs_relay_close(relay);
    return rc;
}

static bool unfinished(const char *data)
{
    char marker[VS_BACKUP_PATH];
    struct vs_error ignored;
    bool there = false;
    return vs_ok(vs_backup_path(marker, data, VS_RESTORE_MARKER, &ignored)) &&
           vs_fileops_real.exists(vs_fileops_real.context, marker, &there) == 0 && there;
}

vs_rc vs_restore(const struct vs_relay_settings *settings, const struct vs_seams *seams,
                 const struct vs_restore_options *options, struct vs_arena *arena,
                 struct vs_restored *ret, struct vs_error *err)
{
    uint64_t files, bytes;
    VS_TRY(vs_backup_verify(options, &files, &bytes, err));
    VS_TRY(take_folder(settings->data, err));
    vs_rc rc = copy_all(options, settings->data, err);
    if (vs_ok(rc))
        rc = begin_log(settings, seams, options, arena, ret, err);
    /* Without the marker the new log is committed: that store stays. */
    if (!vs_ok(rc) && unfinished(settings->data))
        vs_backup_remove(&vs_fileops_real, settings->data, false);
    return rc;
}
