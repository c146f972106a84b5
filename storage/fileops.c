#include "storage/fileops.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct vs_file {
    int fd;
};

static _Atomic uint64_t n_syncs, n_writes, n_bytes_written, n_bytes_read;

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

struct vs_file_counters vs_file_counters(void)
{
    return (struct vs_file_counters){n_syncs, n_writes, n_bytes_written, n_bytes_read};
}

static int real_open(void *context, const char *path, int flags, struct vs_file **ret)
{
    (void)context;
    int mode = (flags & VS_FILE_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW;
    if (flags & VS_FILE_CREATE)
        mode |= O_CREAT;
    if (flags & VS_FILE_NEW)
        mode |= O_EXCL;
    int fd;
    do
        fd = open(path, mode, 0600);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return errno;
    *ret = vs_heap_new(sizeof **ret);
    (*ret)->fd = fd;
    return 0;
}

static void real_close(struct vs_file *file)
{
    close(file->fd);
    vs_heap_free(file);
}

static int real_read(struct vs_file *file, void *to, size_t len, uint64_t offset,
                     size_t *ret_got)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(file->fd, (uint8_t *)to + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    count(&n_bytes_read, got);
    *ret_got = got;
    return 0;
}

/* One part that the kernel took only in part. */
static int write_rest(int fd, const uint8_t *from, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? EIO : errno;
        from += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_once(int fd, const struct iovec *parts, int n_parts, uint64_t offset,
                      size_t *ret_done)
{
    ssize_t n;
    do
        n = pwritev(fd, parts, n_parts, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    *ret_done = (size_t)n;
    return 0;
}

static int real_write(struct vs_file *file, const struct iovec *parts, int n_parts,
                      uint64_t offset)
{
    enum { AT_ONCE = 1024 }; /* IOV_MAX */
    count(&n_writes, 1);
    for (int at = 0; at < n_parts; at += AT_ONCE) {
        int n = n_parts - at < AT_ONCE ? n_parts - at : AT_ONCE;
        size_t done;
        int error = write_once(file->fd, parts + at, n, offset, &done);
        /* A short write is rare: what is missing goes out part by part. */
        for (int i = at; i < at + n && error == 0; i++) {
            size_t skip = done < parts[i].iov_len ? done : parts[i].iov_len;
            done -= skip;
            if (skip < parts[i].iov_len)
                error = write_rest(file->fd, (const uint8_t *)parts[i].iov_base + skip,
                                   parts[i].iov_len - skip, offset + skip);
            offset += parts[i].iov_len;
            count(&n_bytes_written, parts[i].iov_len);
        }
        if (error != 0)
            return error;
    }
    return 0;
}

static int real_sync(struct vs_file *file)
{
    count(&n_syncs, 1);
    return fdatasync(file->fd) == 0 ? 0 : errno;
}

static int real_size(struct vs_file *file, uint64_t *ret)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0)
        return errno;
    *ret = (uint64_t)st.st_size;
    return 0;
}

static int real_truncate(struct vs_file *file, uint64_t size)
{
    return ftruncate(file->fd, (off_t)size) == 0 ? 0 : errno;
}

static void real_punch(struct vs_file *file, uint64_t offset, uint64_t len)
{
    (void)fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                    (off_t)len);
}

/* Classic POSIX locks, not OFD ones: SQLite's own programs take these, and must be kept out
 * too. */
static int real_lock(struct vs_file *file, uint64_t offset, uint64_t len)
{
    struct flock range = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)offset, .l_len = (off_t)len};
    if (fcntl(file->fd, F_OFD_SETLK, &range) == 0)
        return 0;
    return errno == EACCES ? EAGAIN : errno;
}

static int real_sync_folder(void *context, const char *path)
{
    (void)context;
    count(&n_syncs, 1);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int error = fsync(fd) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static int real_make_folder(void *context, const char *path)
{
    (void)context;
    return mkdir(path, 0700) == 0 ? 0 : errno;
}

static int real_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return rename(from, to) == 0 ? 0 : errno;
}

static int real_remove(void *context, const char *path)
{
    (void)context;
    return unlink(path) == 0 ? 0 : errno;
}

static int real_exists(void *context, const char *path, bool *ret)
{
    (void)context;
    *ret = access(path, F_OK) == 0;
    return *ret || errno == ENOENT || errno == ENOTDIR ? 0 : errno;
}

static int real_list(void *context, const char *path, void (*visit)(void *to, const char *name),
                     void *to)
{
    (void)context;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return errno;
    struct dirent *entry;
    while (errno = 0, (entry = readdir(folder)) != NULL)
        if (!vs_text_equal(entry->d_name, ".") && !vs_text_equal(entry->d_name, ".."))
            visit(to, entry->d_name);
    int error = errno;
    closedir(folder);
    return error;
}

static int real_free_bytes(void *context, const char *path, uint64_t *ret)
{
    (void)context;
    struct statvfs st;
    if (statvfs(path, &st) != 0)
        return errno;
    *ret = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}

static int real_link(void *context, const char *from, const char *to)
{
    (void)context;
    return link(from, to) == 0 ? 0 : errno;
}

static int real_remove_folder(void *context, const char *path)
{
    (void)context;
    return rmdir(path) == 0 ? 0 : errno;
}

const struct vs_fileops vs_fileops_real = {
    .open = real_open,
    .close = real_close,
    .read = real_read,
    .write = real_write,
    .sync = real_sync,
    .size = real_size,
    .truncate = real_truncate,
    .punch = real_punch,
    .lock = real_lock,
    .sync_folder = real_sync_folder,
    .make_folder = real_make_folder,
    .rename = real_rename,
    .remove = real_remove,
    .exists = real_exists,
    .list = real_list,
    .free_bytes = real_free_bytes,
    .link = real_link,
    .remove_folder = real_remove_folder,
};

vs_rc vs_fail_file(struct vs_error *err, int error, const char *what, const char *path)
{
    enum vs_code code = error == ENOSPC || error == EDQUOT ? VS_E_DISK_FULL : VS_E_IO;
    return vs_fail(err, code, NULL, "cannot %s %s: %s", what, path, strerror(error));
}

static vs_rc write_new(const struct vs_fileops *files, const char *path,
                       struct vs_bytes content, struct vs_error *err)
{
    struct vs_file *file;
    int error = files->open(files->context, path, VS_FILE_WRITE | VS_FILE_CREATE, &file);
    if (error != 0)
        return vs_fail_file(err, error, "make", path);
    struct iovec part = {(void *)content.ptr, content.len};
    error = files->truncate(file, 0);
    if (error == 0 && content.len > 0)
        error = files->write(file, &part, 1, 0);
    if (error == 0)
        error = files->sync(file);
    files->close(file);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "write", path);
}

vs_rc vs_file_replace(const struct vs_fileops *files, const char *path, struct vs_bytes content,
                      struct vs_error *err)
{
    char fresh[4096], folder[4096];
    size_t len = strlen(path);
    if (len + sizeof ".new" > sizeof fresh)
        return vs_fail(err, VS_E_IO, NULL, "a path of %zu octets is too long", len);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path),
             slash == NULL ? "." : path);
    VS_TRY(write_new(files, fresh, content, err));
    int error = files->rename(files->context, fresh, path);
    if (error == 0)
        error = files->sync_folder(files->context, slash == path ? "/" : folder);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "rename", path);
}

static int read_whole(const struct vs_fileops *files, struct vs_file *file,
                      struct vs_arena *arena, size_t max_bytes, struct vs_bytes *ret)
{
    uint64_t size;
    int error = files->size(file, &size);
    if (error != 0)
        return error;
    if (size > max_bytes)
        return EFBIG;
    uint8_t *content = vs_arena_alloc(arena, (size_t)size);
    size_t got = 0;
    error = content == NULL ? ENOMEM : files->read(file, content, (size_t)size, 0, &got);
    if (error == 0)
        *ret = VS_BYTES(content, got);
    return error;
}

vs_rc vs_file_read(const struct vs_fileops *files, const char *path, struct vs_arena *arena,
                   size_t max_bytes, struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_file *file;
    int error = files->open(files->context, path, 0, &file);
    if (error == ENOENT)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no file %s", path);
    if (error != 0)
        return vs_fail_file(err, error, "open", path);
    error = read_whole(files, file, arena, max_bytes, ret);
    files->close(file);
    if (error == EFBIG)
        return vs_fail(err, VS_E_LIMIT, NULL, "%s is larger than %zu octets", path, max_bytes);
    if (error == ENOMEM)
        return vs_fail_memory(err);
    return error == 0 ? VS_OK : vs_fail_file(err, error, "read", path);
}
