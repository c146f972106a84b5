#include "relay/backup_priv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PIECE = 1 << 20,
    SYNC_EVERY = 16 << 20, /* a large sync at once would make the committer's wait */
    SUMS_BUFFER = 64 << 10,
    SUM_LINE = 64 + 2,
    NAMES_BYTES = 64 << 20,
};

/* -- paths -------------------------------------------------------------------------------- */

vs_rc vs_backup_path(char *out, const char *folder, const char *name, struct vs_error *err)
{
    int len = snprintf(out, VS_BACKUP_PATH, "%s/%s", folder, name);
    if (len < 0 || len >= VS_BACKUP_PATH)
        return vs_fail(err, VS_E_LIMIT, NULL, "the path %s/… is too long", folder);
    return VS_OK;
}

vs_rc vs_backup_make_folder(const struct vs_fileops *files, const char *path,
                            struct vs_error *err)
{
    int error = files->make_folder(files->context, path);
    return error == 0 || error == EEXIST ? VS_OK : vs_fail_file(err, error, "make", path);
}

struct names {
    struct vs_arena *arena;
    const char **list; /* heap */
    size_t n;
    bool full;
};

static void take_name(void *context, const char *name)
{
    struct names *names = context;
    const char *copy = vs_arena_strdup(names->arena, name);
    names->full |= copy == NULL;
    if (names->full)
        return;
    if ((names->n & (names->n - 1)) == 0)
        names->list =
            vs_heap_grow(names->list, (names->n == 0 ? 1 : 2 * names->n) * sizeof *names->list);
    names->list[names->n++] = copy;
}

static int by_octets(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

vs_rc vs_folder_names(const struct vs_fileops *files, const char *folder,
                      struct vs_arena *arena, const char ***ret, size_t *ret_n,
                      struct vs_error *err)
{
    struct names names = {.arena = arena};
    int error = files->list(files->context, folder, take_name, &names);
    const char **list = NULL;
    if (names.n > 0) {
        qsort(names.list, names.n, sizeof *names.list, by_octets);
        list = vs_arena_make_n(arena, const char *, names.n);
        if (list != NULL)
            memcpy(list, names.list, names.n * sizeof *list);
    }
    vs_heap_free(names.list);
    if (error != 0 && error != ENOENT)
        return vs_fail_file(err, error, "list", folder);
    if (names.full || (names.n > 0 && list == NULL))
        return vs_fail_memory(err);
    *ret = list;
    *ret_n = names.n;
    return VS_OK;
}

static void remove_files(const struct vs_fileops *files, const char *folder)
{
    VS_ARENA *arena = vs_arena_new(NAMES_BYTES);
    const char **names;
    size_t n;
    char path[VS_BACKUP_PATH];
    struct vs_error ignored;
    if (arena == NULL || !vs_ok(vs_folder_names(files, folder, arena, &names, &n, &ignored)))
        return;
    for (size_t i = 0; i < n; i++)
        if (vs_ok(vs_backup_path(path, folder, names[i], &ignored)))
            (void)files->remove(files->context, path);
}

void vs_backup_remove(const struct vs_fileops *files, const char *folder, bool whole)
{
    static const char *const folders[] = {"segments", "keys", "centre", "spool"};
    char path[VS_BACKUP_PATH];
    struct vs_error ignored;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (!vs_ok(vs_backup_path(path, folder, folders[i], &ignored)))
            continue;
        remove_files(files, path);
        if (files->remove_folder != NULL)
            (void)files->remove_folder(files->context, path);
    }
    remove_files(files, folder);
    if (whole && files->remove_folder != NULL)
        (void)files->remove_folder(files->context, folder);
}

/* -- copying ------------------------------------------------------------------------------ */

void vs_copier_init(struct vs_copier *copier, const struct vs_fileops *files,
                    bool (*moved)(void *context, uint64_t bytes), void *context)
{
    *copier = (struct vs_copier){.files = files,
                                 .buffer = vs_heap_new(PIECE),
                                 .hasher = vs_hasher_new(VS_SHA256),
                                 .moved = moved,
                                 .context = context};
}

void vs_copier_done(struct vs_copier *copier)
{
    vs_heap_free(copier->buffer);
    vs_hasher_free(copier->hasher);
    copier->buffer = NULL;
    copier->hasher = NULL;
}

static vs_rc tell(const struct vs_copier *copier, uint64_t bytes, struct vs_error *err)
{
    if (copier->moved != NULL && !copier->moved(copier->context, bytes))
        return vs_fail(err, VS_E_STOPPING, NULL, "the service is stopping");
    return VS_OK;
}

static vs_rc write_piece(struct vs_copier *copier, struct vs_file *to, const char *path,
                         uint64_t offset, size_t len, struct vs_error *err)
{
    struct iovec part = {copier->buffer, len};
    int error = len == 0 ? 0 : copier->files->write(to, &part, 1, offset);
    if (error == 0 && (offset + len) / SYNC_EVERY != offset / SYNC_EVERY)
        error = copier->files->sync(to);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "write", path);
}

/* `to` NULL: only read. */
static vs_rc run_through(struct vs_copier *copier, struct vs_file *from, const char *from_path,
                         struct vs_file *to, const char *to_path, uint64_t length,
                         struct vs_digest *ret, struct vs_error *err)
{
    uint64_t offset = 0;
    vs_hasher_reset(copier->hasher, VS_SHA256);
    while (offset < length) {
        size_t want = length - offset < PIECE ? (size_t)(length - offset) : PIECE, got;
        int error = copier->files->read(from, copier->buffer, want, offset, &got);
        if (error != 0)
            return vs_fail_file(err, error, "read", from_path);
        if (got != want)
            return vs_fail(err, VS_E_CORRUPT, NULL, "%s is shorter than %llu octets", from_path,
                           (unsigned long long)length);
        vs_hasher_add(copier->hasher, VS_BYTES(copier->buffer, got));
        if (to != NULL)
            VS_TRY(write_piece(copier, to, to_path, offset, got, err));
        VS_TRY(tell(copier, to != NULL ? got : 0, err));
        offset += got;
    }
    vs_hasher_finish(copier->hasher, ret);
    return VS_OK;
}

vs_rc vs_copier_digest(struct vs_copier *copier, const char *path, struct vs_digest *ret,
                       uint64_t *ret_size, struct vs_error *err)
{
    const struct vs_fileops *files = copier->files;
    struct vs_file *file;
    int error = files->open(files->context, path, 0, &file);
    if (error == ENOENT)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no file %s", path);
    if (error != 0)
        return vs_fail_file(err, error, "open", path);
    error = files->size(file, ret_size);
    vs_rc rc = error != 0 ? vs_fail_file(err, error, "read", path)
                          : run_through(copier, file, path, NULL, NULL, *ret_size, ret, err);
    files->close(file);
    return rc;
}

static vs_rc copy_open(struct vs_copier *copier, struct vs_file *source, const char *from,
                       const char *to, uint64_t length, struct vs_digest *ret,
                       struct vs_error *err)
{
    const struct vs_fileops *files = copier->files;
    struct vs_file *target;
    int error = length == UINT64_MAX ? files->size(source, &length) : 0;
    if (error != 0)
        return vs_fail_file(err, error, "read", from);
    error =
        files->open(files->context, to, VS_FILE_WRITE | VS_FILE_CREATE | VS_FILE_NEW, &target);
    if (error != 0)
        return vs_fail_file(err, error, "make", to);
    vs_rc rc = run_through(copier, source, from, target, to, length, ret, err);
    error = vs_ok(rc) ? files->sync(target) : 0;
    if (error != 0)
        rc = vs_fail_file(err, error, "sync", to);
    files->close(target);
    return rc;
}

vs_rc vs_copier_copy(struct vs_copier *copier, const char *from, const char *to,
                     uint64_t length, struct vs_digest *ret, struct vs_error *err)
{
    const struct vs_fileops *files = copier->files;
    struct vs_file *source;
    struct vs_digest again;
    uint64_t size;
    int error = files->open(files->context, from, 0, &source);
    if (error == ENOENT)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no file %s", from);
    if (error != 0)
        return vs_fail_file(err, error, "open", from);
    vs_rc rc = copy_open(copier, source, from, to, length, ret, err);
    files->close(source);
    VS_TRY(rc);
    VS_TRY(vs_copier_digest(copier, to, &again, &size, err));
    if (!vs_digest_equal(ret, &again))
        return vs_fail(err, VS_E_CORRUPT, NULL, "%s is not what was written to it", to);
    return VS_OK;
}

/* -- SHA256SUMS --------------------------------------------------------------------------- */

struct vs_sums {
    const struct vs_fileops *files;
    struct vs_file *file;
    char path[VS_BACKUP_PATH];
    uint64_t offset; /* in the file: of the buffer's start (reading), or its end (writing) */
    size_t used, len;
    char buffer[SUMS_BUFFER];
};

static vs_rc sums_new(const struct vs_fileops *files, const char *path, int flags,
                      struct vs_sums **ret, struct vs_error *err)
{
    struct vs_sums *sums = vs_heap_new(sizeof *sums);
    sums->files = files;
    snprintf(sums->path, sizeof sums->path, "%s", path);
    int error = files->open(files->context, path, flags, &sums->file);
    if (error == 0) {
        *ret = sums;
        return VS_OK;
    }
    vs_heap_free(sums);
    if (error == ENOENT)
        return vs_fail(err, VS_E_BACKUP, NULL, "there is no %s: no finished backup", path);
    return vs_fail_file(err, error, "open", path);
}

vs_rc vs_sums_create(const struct vs_fileops *files, const char *path, struct vs_sums **ret,
                     struct vs_error *err)
{
    return sums_new(files, path, VS_FILE_WRITE | VS_FILE_CREATE | VS_FILE_NEW, ret, err);
}

vs_rc vs_sums_open(const struct vs_fileops *files, const char *path, struct vs_sums **ret,
                   struct vs_error *err)
{
    return sums_new(files, path, 0, ret, err);
}

static vs_rc flush(struct vs_sums *sums, struct vs_error *err)
{
    struct iovec part = {sums->buffer, sums->len};
    int error = sums->len == 0 ? 0 : sums->files->write(sums->file, &part, 1, sums->offset);
    if (error != 0)
        return vs_fail_file(err, error, "write", sums->path);
    sums->offset += sums->len;
    sums->len = 0;
    return VS_OK;
}

vs_rc vs_sums_add(struct vs_sums *sums, const char *name, const struct vs_digest *digest,
                  struct vs_error *err)
{
    char hex[2 * VS_DIGEST_MAX + 1];
    if (SUMS_BUFFER - sums->len < SUM_LINE + VS_BACKUP_NAME + 1)
        VS_TRY(flush(sums, err));
    vs_hex(vs_digest_bytes(digest), hex);
    sums->len += (size_t)snprintf(sums->buffer + sums->len, SUMS_BUFFER - sums->len, "%s  %s\n",
                                  hex, name);
    return VS_OK;
}

vs_rc vs_sums_finish(struct vs_sums *sums, struct vs_error *err)
{
    VS_TRY(flush(sums, err));
    int error = sums->files->sync(sums->file);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "sync", sums->path);
}

void vs_sums_close(struct vs_sums *sums)
{
    if (sums == NULL)
        return;
    sums->files->close(sums->file);
    vs_heap_free(sums);
}

/* Nothing but these can lie in a backup: a name leads nowhere else. */
static bool name_is_ours(const char *name)
{
    static const char *const folders[] = {"segments/", "keys/", "centre/"};
    const char *last = name;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strncmp(name, folders[i], strlen(folders[i])) == 0)
            last = name + strlen(folders[i]);
    if (last == name)
        return strcmp(name, VS_BACKUP_ROWS) == 0 || strcmp(name, VS_BACKUP_CHECKPOINT) == 0 ||
               strcmp(name, VS_BACKUP_ABOUT) == 0;
    size_t plain = strspn(last, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789._-");
    return plain > 0 && last[plain] == '\0' && last[0] != '.';
}

static vs_rc fill(struct vs_sums *sums, struct vs_error *err)
{
    size_t rest = sums->len - sums->used, got;
    memmove(sums->buffer, sums->buffer + sums->used, rest);
    int error = sums->files->read(sums->file, sums->buffer + rest, SUMS_BUFFER - rest,
                                  sums->offset, &got);
    if (error != 0)
        return vs_fail_file(err, error, "read", sums->path);
    sums->offset += got;
    sums->used = 0;
    sums->len = rest + got;
    return VS_OK;
}

vs_rc vs_sums_next(struct vs_sums *sums, struct vs_sum *ret, bool *ret_end,
                   struct vs_error *err)
{
    if (sums->len - sums->used < SUM_LINE + VS_BACKUP_NAME + 1)
        VS_TRY(fill(sums, err));
    *ret_end = sums->len == sums->used;
    if (*ret_end)
        return VS_OK;
    const char *line = sums->buffer + sums->used;
    const char *end = memchr(line, '\n', sums->len - sums->used);
    size_t len = end == NULL ? 0 : (size_t)(end - line);
    char hex[65];
    snprintf(hex, sizeof hex, "%.*s", len < 64 ? 0 : 64, line);
    if (len <= SUM_LINE || len - SUM_LINE >= VS_BACKUP_NAME ||
        memcmp(line + 64, "  ", 2) != 0 || !vs_hex_decode(hex, ret->digest.bytes, 32))
        return vs_fail(err, VS_E_BACKUP, NULL, "%s has a line that is none", sums->path);
    snprintf(ret->name, sizeof ret->name, "%.*s", (int)(len - SUM_LINE), line + SUM_LINE);
    if (!name_is_ours(ret->name))
        return vs_fail(err, VS_E_BACKUP, NULL, "%s names a file that no backup has",
                       sums->path);
    ret->digest.algorithm = VS_SHA256;
    ret->digest.len = 32;
    sums->used += len + 1;
    return VS_OK;
}
