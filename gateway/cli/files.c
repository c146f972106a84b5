#include "gateway/cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

vs_rc vs_cli_read_file(struct vs_cli *cli, const char *path, size_t max_bytes,
                       struct vs_bytes *ret)
{
    struct vs_file_source file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(errno));
    vs_rc rc = vs_file_source_init(&file, fd, &cli->err);
    if (vs_ok(rc))
        rc = vs_source_all(&file.source, cli->arena, max_bytes, ret, &cli->err);
    close(fd);
    return rc;
}

vs_rc vs_cli_read_secret(struct vs_cli *cli, const char *path, const char **ret)
{
    struct vs_bytes bytes;
    VS_TRY(vs_cli_read_file(cli, path, 64 * 1024, &bytes));
    while (bytes.len > 0 && strchr(" \t\r\n", bytes.ptr[bytes.len - 1]) != NULL)
        bytes.len--;
    *ret = vs_arena_strndup(cli->arena, (const char *)bytes.ptr, bytes.len);
    return *ret == NULL ? vs_fail_memory(&cli->err) : VS_OK;
}

static bool write_all(int fd, struct vs_bytes bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = VS_BYTES(bytes.ptr + n, bytes.len - (size_t)n);
    }
    return true;
}

vs_rc vs_cli_write_file(struct vs_cli *cli, const char *path, struct vs_bytes bytes,
                        unsigned mode)
{
    char *beside = vs_arena_printf(cli->arena, "%s.new", path);
    if (beside == NULL)
        return vs_fail_memory(&cli->err);
    unlink(beside);
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    bool written = fd >= 0 && write_all(fd, bytes) && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0)
        written = close(fd) == 0 && written;
    if (written && rename(beside, path) == 0)
        return VS_OK;
    if (written)
        why = errno;
    unlink(beside);
    return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(why));
}
