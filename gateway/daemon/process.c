#include "gateway/daemon/process.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_FILE = 1 << 20, OTHER_DESCRIPTORS = 256, KEPT_BYTES = 16 << 20 };

/* Each request frees about as much as the next one takes: giving pages back to the kernel in
 * between costs more than the requests' own work on them. */
static void keep_pages(void)
{
    mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

vs_rc vs_process_harden(int64_t connections, struct vs_error *err)
{
    umask(077);
    keep_pages();
    const struct rlimit none = {0, 0};
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "core dumps cannot be switched off: %s",
                       strerror(errno));
    struct rlimit files;
    rlim_t wanted = (rlim_t)connections * 2 + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
        return VS_OK;
    files.rlim_cur = wanted;
    if (files.rlim_max < wanted && geteuid() == 0)
        files.rlim_max = wanted;
    if (files.rlim_cur > files.rlim_max)
        files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "RLIMIT_NOFILE: %s", strerror(errno));
    return VS_OK;
}

/* The folders above are not ours to make: who asked for them knows who may reach them. */
static vs_rc give_folder(const char *path, const struct passwd *user, struct vs_error *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return vs_fail(err, VS_E_CONFIG, NULL, "%s: %s", path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat now;
    /* Only a folder that is root's, and so made for us just now, changes hands. */
    bool given = fd >= 0 && fstat(fd, &now) == 0 &&
                 (now.st_uid == user->pw_uid ||
                  (now.st_uid == 0 && fchown(fd, user->pw_uid, user->pw_gid) == 0));
    int why = errno;
    if (fd >= 0)
        close(fd);
    return given ? VS_OK
                 : vs_fail(err, VS_E_CONFIG, NULL, "%s: cannot be given to %s: %s", path,
                           user->pw_name, strerror(why));
}

vs_rc vs_process_become(const struct vs_settings *settings, struct vs_error *err)
{
    if (geteuid() != 0 || settings->user[0] == '\0')
        return VS_OK;
    const struct passwd *user = getpwnam(settings->user);
    VS_REFUSE_IF(user == NULL, err, VS_E_CONFIG, NULL,
                 "service.user: there is no user '%s'; make it, or start as another user",
                 settings->user);
    VS_TRY(give_folder(settings->data, user, err));
    if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "cannot become %s: %s", settings->user,
                       strerror(errno));
    /* What cannot fail must not have failed: a way back would undo it all. */
    VS_ASSERT(user->pw_uid == 0 || setuid(0) != 0);
    /* A change of user makes the process dumpable again. */
    if (prctl(PR_SET_DUMPABLE, 0) != 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "core dumps: %s", strerror(errno));
    return VS_OK;
}

static vs_rc read_whole(int fd, struct vs_arena *arena, struct vs_bytes *ret,
                        struct vs_error *err)
{
    uint8_t *bytes = vs_arena_alloc(arena, MAX_FILE + 1);
    if (bytes == NULL)
        return vs_fail_memory(err);
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len <= MAX_FILE; len += n > 0 ? (size_t)n : 0) {
        n = read(fd, bytes + len, MAX_FILE + 1 - len);
        if (n < 0)
            return vs_fail(err, VS_E_KEY, NULL, "%s", strerror(errno));
    }
    VS_REFUSE_IF(len > MAX_FILE, err, VS_E_KEY, NULL, "larger than %d bytes", MAX_FILE);
    *ret = VS_BYTES(bytes, len);
    return VS_OK;
}

vs_rc vs_process_read(const char *path, struct vs_arena *arena, struct vs_bytes *ret,
                      struct vs_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vs_fail(err, VS_E_KEY, NULL, "%s: %s", path, strerror(errno));
    struct vs_error why;
    vs_rc rc = read_whole(fd, arena, ret, &why);
    close(fd);
    return vs_ok(rc) ? VS_OK : vs_fail(err, rc.code, NULL, "%s: %s", path, why.text);
}

void vs_process_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* the abstract namespace */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)sent; /* systemd's matter */
    close(fd);
}
