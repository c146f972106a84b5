/* lossy_fs.c - the disk of fileops_lossy.h as a file system, for programs as they are.
 *
 *     lossy_fs SEED MOUNTPOINT      runs in the foreground until unmounted
 *
 * Orders are written to /.control in it, one a write; reading it says "alive" or "dead",
 * the number of operations so far and the octets in use:
 *     die-at N        the power fails in the middle of the Nth operation from now
 *     die             it fails now
 *     power-on        it is back; what survived is there, what was open stays dead
 *     lie-files PART  syncs of files whose path contains PART do nothing; "-" ends that
 *     lie-folders PART
 *     capacity N      octets; 0: no bound
 *     fail-at N ERRNO LASTING
 */
#define FUSE_USE_VERSION 35
#include "tests/support/fileops_lossy.h"
#include <errno.h>
#include <fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct vs_lossy *disk;
static const struct vs_fileops *files;

/* Folders last at once: a list is all there is to them. */
static pthread_mutex_t folders_lock = PTHREAD_MUTEX_INITIALIZER;
static char *folders[1024];
static size_t n_folders;
static char lies[2][256];

static const char control[] = "/.control";

static size_t find_folder(const char *path)
{
    size_t i = 0;
    while (i < n_folders && strcmp(folders[i], path) != 0)
        i++;
    return i;
}

static bool is_folder(const char *path)
{
    pthread_mutex_lock(&folders_lock);
    bool found = strcmp(path, "/") == 0 || find_folder(path) < n_folders;
    pthread_mutex_unlock(&folders_lock);
    return found;
}

static struct vs_file *file_of(const struct fuse_file_info *info)
{
    return (struct vs_file *)(uintptr_t)info->fh;
}

/* -- orders -------------------------------------------------------------------------------- */

static const char *lie(int which, const char *part)
{
    if (strcmp(part, "-") == 0)
        return NULL;
    snprintf(lies[which], sizeof lies[which], "%s", part);
    return lies[which];
}

static int obey(const char *text, size_t len)
{
    char order[300], word[32], argument[256] = "";
    unsigned long long n, error, lasting;
    snprintf(order, sizeof order, "%.*s", (int)len, text);
    if (sscanf(order, "%31s %255s", word, argument) < 1)
        return -EINVAL;
    n = strtoull(argument, NULL, 10);
    if (strcmp(word, "die-at") == 0)
        vs_lossy_die_at(disk, n);
    else if (strcmp(word, "die") == 0)
        vs_lossy_die_now(disk);
    else if (strcmp(word, "power-on") == 0)
        vs_lossy_power_on(disk);
    else if (strcmp(word, "lie-files") == 0)
        vs_lossy_lie_about_files(disk, lie(0, argument));
    else if (strcmp(word, "lie-folders") == 0)
        vs_lossy_lie_about_folders(disk, lie(1, argument));
    else if (strcmp(word, "capacity") == 0)
        vs_lossy_capacity(disk, n);
    else if (sscanf(order, "fail-at %llu %llu %llu", &n, &error, &lasting) == 3)
        vs_lossy_fail_at(disk, n, (int)error, lasting != 0);
    else
        return -EINVAL;
    return (int)len;
}

static int report(char *to, size_t size, off_t offset)
{
    char text[64];
    int len = snprintf(
        text, sizeof text, "%s %llu %llu\n", vs_lossy_dead(disk) ? "dead" : "alive",
        (unsigned long long)vs_lossy_operations(disk), (unsigned long long)vs_lossy_used(disk));
    if (offset >= len)
        return 0;
    size_t n = (size_t)(len - offset) < size ? (size_t)(len - offset) : size;
    memcpy(to, text + offset, n);
    return (int)n;
}

/* -- FUSE ---------------------------------------------------------------------------------- */

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    (void)connection;
    /* Nothing is remembered above this disk: what it forgets must be forgotten. */
    config->attr_timeout = config->entry_timeout = config->negative_timeout = 0;
    config->hard_remove = 1;
    config->nullpath_ok = 1;
    config->direct_io = 1;
    return NULL;
}

static int fill_stat(const char *path, struct vs_file *file, struct stat *st)
{
    uint64_t size;
    memset(st, 0, sizeof *st);
    st->st_nlink = 1;
    st->st_uid = getuid();
    st->st_gid = getgid();
    st->st_blksize = 4096;
    st->st_mode = S_IFREG | 0600;
    if (file == NULL && strcmp(path, control) == 0)
        return 0;
    if (file == NULL && is_folder(path)) {
        st->st_mode = S_IFDIR | 0700;
        return 0;
    }
    struct vs_file *opened = file;
    int error = file != NULL ? 0 : files->open(files->context, path, 0, &opened);
    if (error != 0)
        return -error;
    error = files->size(opened, &size);
    if (file == NULL)
        files->close(opened);
    st->st_size = (off_t)size;
    st->st_blocks = (blkcnt_t)((size + 511) / 512);
    return -error;
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
    return fill_stat(path, info == NULL ? NULL : file_of(info), st);
}

static int open_with(const char *path, struct fuse_file_info *info, int flags)
{
    struct vs_file *file = NULL;
    info->direct_io = 1;
    if (strcmp(path, control) == 0) {
        info->fh = 0;
        return 0;
    }
    if ((info->flags & O_ACCMODE) != O_RDONLY)
        flags |= VS_FILE_WRITE;
    int error = files->open(files->context, path, flags, &file);
    if (error == 0)
        info->fh = (uint64_t)(uintptr_t)file;
    return -error;
}

static int fs_open(const char *path, struct fuse_file_info *info)
{
    return open_with(path, info, 0);
}

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
    (void)mode;
    return open_with(path, info, VS_FILE_CREATE | VS_FILE_WRITE);
}

static int fs_read(const char *path, char *to, size_t size, off_t offset,
                   struct fuse_file_info *info)
{
    size_t got;
    (void)path;
    if (info->fh == 0)
        return report(to, size, offset);
    int error = files->read(file_of(info), to, size, (uint64_t)offset, &got);
    return error == 0 ? (int)got : -error;
}

static int fs_write(const char *path, const char *from, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)path;
    if (info->fh == 0)
        return obey(from, size);
    struct iovec part = {(void *)(uintptr_t)from, size};
    int error = files->write(file_of(info), &part, 1, (uint64_t)offset);
    return error == 0 ? (int)size : -error;
}

static int fs_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
    (void)path, (void)data_only;
    return info->fh == 0 ? 0 : -files->sync(file_of(info));
}

static int fs_release(const char *path, struct fuse_file_info *info)
{
    (void)path;
    if (info->fh != 0)
        files->close(file_of(info));
    return 0;
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    struct vs_file *file = info == NULL ? NULL : file_of(info);
    if (file == NULL && strcmp(path, control) == 0)
        return 0;
    int error = file != NULL ? 0 : files->open(files->context, path, VS_FILE_WRITE, &file);
    if (error != 0)
        return -error;
    error = files->truncate(file, (uint64_t)size);
    if (info == NULL)
        files->close(file);
    return -error;
}

static int fs_rename(const char *from, const char *to, unsigned flags)
{
    if (flags != 0)
        return -EINVAL;
    return is_folder(from) || is_folder(to) ? -EXDEV : -files->rename(files->context, from, to);
}

static int fs_unlink(const char *path)
{
    return -files->remove(files->context, path);
}

static int fs_mkdir(const char *path, mode_t mode)
{
    (void)mode;
    if (vs_lossy_dead(disk))
        return -EIO;
    pthread_mutex_lock(&folders_lock);
    int error = find_folder(path) < n_folders ? EEXIST : n_folders == 1024 ? ENOSPC : 0;
    if (error == 0)
        folders[n_folders++] = vs_heap_strdup(path);
    pthread_mutex_unlock(&folders_lock);
    return -error;
}

static int fs_rmdir(const char *path)
{
    pthread_mutex_lock(&folders_lock);
    size_t i = find_folder(path);
    if (i < n_folders) {
        vs_heap_free(folders[i]);
        folders[i] = folders[--n_folders];
    }
    pthread_mutex_unlock(&folders_lock);
    return 0;
}

static int fs_opendir(const char *path, struct fuse_file_info *info)
{
    info->fh = (uint64_t)(uintptr_t)vs_heap_strdup(path);
    return 0;
}

static int fs_releasedir(const char *path, struct fuse_file_info *info)
{
    (void)path;
    vs_heap_free((void *)(uintptr_t)info->fh);
    return 0;
}

struct listing {
    void *buffer;
    fuse_fill_dir_t fill;
};

static void list_one(void *context, const char *name)
{
    struct listing *l = context;
    l->fill(l->buffer, name, NULL, 0, 0);
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    const char *folder = (const char *)(uintptr_t)info->fh;
    (void)path, (void)offset, (void)flags;
    struct listing l = {buffer, fill};
    list_one(&l, ".");
    list_one(&l, "..");
    size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    pthread_mutex_lock(&folders_lock);
    for (size_t i = 0; i < n_folders; i++)
        if (strncmp(folders[i], folder, len) == 0 && folders[i][len] == '/' &&
            strchr(folders[i] + len + 1, '/') == NULL)
            list_one(&l, folders[i] + len + 1);
    pthread_mutex_unlock(&folders_lock);
    return -files->list(files->context, len == 0 ? "" : folder, list_one, &l);
}

static int fs_fsyncdir(const char *path, int data_only, struct fuse_file_info *info)
{
    const char *folder = (const char *)(uintptr_t)info->fh;
    (void)path, (void)data_only;
    return -files->sync_folder(files->context, strcmp(folder, "/") == 0 ? "" : folder);
}

static int fs_statfs(const char *path, struct statvfs *st)
{
    uint64_t room;
    (void)path;
    int error = files->free_bytes(files->context, "/", &room);
    memset(st, 0, sizeof *st);
    st->f_bsize = st->f_frsize = 4096;
    st->f_blocks = UINT64_C(1) << 28;
    st->f_bfree = st->f_bavail = room == UINT64_MAX ? UINT64_C(1) << 28 : room / 4096;
    st->f_namemax = 255;
    return -error;
}

static int fs_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
    (void)path, (void)mode, (void)info;
    return 0;
}

static int fs_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *info)
{
    (void)path, (void)user, (void)group, (void)info;
    return 0;
}

static int fs_utimens(const char *path, const struct timespec times[2],
                      struct fuse_file_info *info)
{
    (void)path, (void)times, (void)info;
    return 0;
}

static const struct fuse_operations operations = {
    .init = fs_init,
    .getattr = fs_getattr,
    .open = fs_open,
    .create = fs_create,
    .read = fs_read,
    .write = fs_write,
    .fsync = fs_fsync,
    .release = fs_release,
    .truncate = fs_truncate,
    .rename = fs_rename,
    .unlink = fs_unlink,
    .mkdir = fs_mkdir,
    .rmdir = fs_rmdir,
    .opendir = fs_opendir,
    .releasedir = fs_releasedir,
    .readdir = fs_readdir,
    .fsyncdir = fs_fsyncdir,
    .statfs = fs_statfs,
    .chmod = fs_chmod,
    .chown = fs_chown,
    .utimens = fs_utimens,
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s SEED MOUNTPOINT\n", argv[0]);
        return 2;
    }
    disk = vs_lossy_new(strtoull(argv[1], NULL, 10));
    files = vs_lossy_files(disk);
    char *arguments[] = {argv[0], (char *)(uintptr_t) "-f", argv[2], NULL};
    int rc = fuse_main(3, arguments, &operations, NULL);
    vs_lossy_free(disk);
    for (size_t i = 0; i < n_folders; i++)
        vs_heap_free(folders[i]);
    return rc;
}
