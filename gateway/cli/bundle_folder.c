#include "gateway/cli/bundle_folder.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH     6
#define NAMES_MAX ((size_t)5 * 1000 * 1000)

/* One folder on the way: its names in order, those of folders with a slash at the end, so that
 * they sort as whole paths do. */
struct level {
    int fd;
    char **names;
    size_t n, at;
    size_t prefix; /* length of the path above */
};

struct walk {
    struct level levels[DEPTH];
    size_t depth;
    char path[VS_BAG_PATH_MAX + 2];
    int fd; /* of the present file; -1: none */
    uint64_t at, done;
};

static vs_rc cannot(struct vs_error *err, const char *what, const char *name)
{
    return vs_fail(err, VS_E_IO, NULL, "%s: %.150s: %s", what, name, strerror(errno));
}

static vs_rc refuse(struct vs_error *err, const char *what, const char *path, const char *name)
{
    return vs_fail(err, VS_E_BUNDLE, NULL, "%s: %.150s%.100s", what, path, name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static vs_rc add_name(struct walk *w, struct level *level, const struct dirent *entry,
                      struct vs_error *err)
{
    struct stat status;
    if (fstatat(level->fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return cannot(err, "cannot be looked at", entry->d_name);
    bool folder = S_ISDIR(status.st_mode);
    if ((!folder && !S_ISREG(status.st_mode)) || level->n == NAMES_MAX)
        return refuse(err, "no plain file (a link, a device)", w->path, entry->d_name);
    if ((level->n & (level->n - 1)) == 0)
        level->names = vs_heap_grow(level->names,
                                    (level->n == 0 ? 1 : 2 * level->n) * sizeof *level->names);
    size_t len = strlen(entry->d_name);
    char *name = vs_heap_new(len + 2);
    memcpy(name, entry->d_name, len);
    if (folder)
        name[len] = '/';
    level->names[level->n++] = name;
    return VS_OK;
}

static vs_rc read_names(struct walk *w, struct level *level, struct vs_error *err)
{
    int copy = fcntl(level->fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    vs_rc rc = VS_OK;
    if (folder == NULL) {
        if (copy >= 0)
            close(copy);
        return cannot(err, "cannot be listed", w->path);
    }
    for (struct dirent *entry; vs_ok(rc) && (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = add_name(w, level, entry, err);
    closedir(folder);
    if (level->n > 1)
        qsort(level->names, level->n, sizeof *level->names, by_name);
    return rc;
}

/* Takes `fd`. */
static vs_rc enter(struct walk *w, int fd, struct vs_error *err)
{
    if (w->depth == DEPTH) {
        close(fd);
        return refuse(err, "folders too deep", w->path, "");
    }
    struct level *level = &w->levels[w->depth++];
    *level = (struct level){.fd = fd, .prefix = strlen(w->path)};
    return read_names(w, level, err);
}

static void leave(struct walk *w)
{
    struct level *level = &w->levels[--w->depth];
    for (size_t i = 0; i < level->n; i++)
        vs_heap_free(level->names[i]);
    vs_heap_free(level->names);
    close(level->fd);
}

static void close_file(struct walk *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

static vs_rc open_file(struct walk *w, const struct level *level, const char *name,
                       struct vs_bundle_entry *entry, struct vs_error *err)
{
    struct stat status;
    w->fd = openat(level->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (w->fd < 0 || fstat(w->fd, &status) != 0)
        return cannot(err, "cannot be opened", name);
    if (!S_ISREG(status.st_mode) || !vs_bag_path_good(w->path))
        return refuse(err, "no bundle has such a file", w->path, "");
    entry->size = (uint64_t)status.st_size;
    entry->source = NULL;
    memcpy(entry->path, w->path, strlen(w->path) + 1);
    w->at = 0;
    return VS_OK;
}

static vs_rc next(void *context, struct vs_bundle_entry *entry, bool *ret, struct vs_error *err)
{
    struct walk *w = context;
    close_file(w);
    while (w->depth > 0) {
        struct level *level = &w->levels[w->depth - 1];
        if (level->at == level->n) {
            leave(w);
            continue;
        }
        const char *name = level->names[level->at++];
        w->path[level->prefix] = '\0';
        if (level->prefix + strlen(name) > VS_BAG_PATH_MAX)
            return refuse(err, "a name too long", w->path, name);
        memcpy(w->path + level->prefix, name, strlen(name) + 1);
        *ret = true;
        if (name[strlen(name) - 1] != '/')
            return open_file(w, level, name, entry, err);
        int fd = openat(level->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return cannot(err, "cannot be opened", w->path);
        VS_TRY(enter(w, fd, err));
    }
    *ret = false;
    return VS_OK;
}

static vs_rc read_on(void *context, void *to, size_t len, size_t *ret_got, struct vs_error *err)
{
    struct walk *w = context;
    ssize_t got = pread(w->fd, to, len, (off_t)w->at);
    if (got < 0)
        return cannot(err, "cannot be read", w->path);
    w->at += (uint64_t)got;
    w->done += (uint64_t)got;
    *ret_got = (size_t)got;
    return VS_OK;
}

static uint64_t position(void *context)
{
    const struct walk *w = context;
    return w->done;
}

static void close_walk(void *context)
{
    struct walk *w = context;
    close_file(w);
    while (w->depth > 0)
        leave(w);
    vs_heap_free(w);
}

static vs_rc open_folder(void *context, struct vs_bundle_reader *ret, struct vs_error *err)
{
    const struct vs_bundle_folder *folder = context;
    int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return cannot(err, "cannot be opened", folder->path);
    struct walk *w = vs_heap_new(sizeof *w);
    w->fd = -1;
    *ret = (struct vs_bundle_reader){w, next, read_on, position, close_walk};
    vs_rc rc = enter(w, fd, err);
    if (!vs_ok(rc))
        close_walk(w);
    return rc;
}

void vs_bundle_folder_init(struct vs_bundle_folder *folder, const char *path)
{
    folder->path = path;
    folder->input = (struct vs_bundle_input){folder, 0, open_folder};
}
