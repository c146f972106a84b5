/* fileops.h - the seam under everything that storage puts on disk.
 *
 * Segments, spool files and SQLite (through a VFS of ours) reach files only by this table, so
 * that a test can stand underneath and do what disks do: fill up, fail, and forget at power
 * loss what was not synced (tests/support/fileops_lossy.h).
 *
 * The contract is POSIX's at its weakest: written bytes are durable once the file was synced; a
 * name (made, renamed, removed) is durable once its folder was synced; nothing else is, and
 * unsynced changes may survive in part and in any order.
 *
 * Every function returns 0 or an errno. Callers turn it into a failure with vs_fail_file. */
#ifndef VS_STORAGE_FILEOPS_H
#define VS_STORAGE_FILEOPS_H
#include "formats/base/base.h"
#include <sys/uio.h>

struct vs_file; /* an open file; each implementation's own */

enum {
    VS_FILE_WRITE = 1,  /* else read only */
    VS_FILE_CREATE = 2, /* when it is not there */
    VS_FILE_NEW = 4,    /* with CREATE: EEXIST when it is there */
};

struct vs_fileops {
    void *context;
    int (*open)(void *context, const char *path, int flags, struct vs_file **ret);
    void (*close)(struct vs_file *file);
    /* As many octets as there are up to `len`; fewer only at the end of the file. */
    int (*read)(struct vs_file *file, void *to, size_t len, uint64_t offset, size_t *ret_got);
    /* All of it, or an errno: then any part may have been written. */
    int (*write)(struct vs_file *file, const struct iovec *parts, int n_parts, uint64_t offset);
    int (*sync)(
        struct vs_file *file); /* data and size (fdatasync); never retried after failure */
    int (*size)(struct vs_file *file, uint64_t *ret);
    int (*truncate)(struct vs_file *file, uint64_t size);
    /* Give the disk back what holds these octets, which are zeros and stay so: a wish, that
     * file systems may not grant. NULL: none does. */
    void (*punch)(struct vs_file *file, uint64_t offset, uint64_t len);
    /* Exclusive among all openings of the file, here and in other processes, until close;
     * EAGAIN when another has it. `offset`, `len`: the octets whose POSIX lock stands for it.
     */
    int (*lock)(struct vs_file *file, uint64_t offset, uint64_t len);

    int (*sync_folder)(void *context, const char *path);
    int (*make_folder)(void *context, const char *path); /* EEXIST where there is one */
    int (*rename)(void *context, const char *from, const char *to); /* replaces `to` */
    int (*remove)(void *context, const char *path);
    int (*exists)(void *context, const char *path, bool *ret);
    /* Each name in the folder but "." and "..". `visit` must not change the folder. */
    int (*list)(void *context, const char *path, void (*visit)(void *to, const char *name),
                void *to);
    int (*free_bytes)(void *context, const char *path, uint64_t *ret);
    /* Another name for the same file; durable with its folder. NULL: it cannot. */
    int (*link)(void *context, const char *from, const char *to);
    int (*remove_folder)(void *context, const char *path); /* an empty one; NULL: it cannot */
};

/* The operating system's files. */
extern const struct vs_fileops vs_fileops_real;

/* VS_E_DISK_FULL for ENOSPC and EDQUOT, VS_E_IO otherwise. `what` is done to `path`. */
VS_NODISCARD vs_rc vs_fail_file(struct vs_error *err, int error, const char *what,
                                const char *path);

/* What the process did through vs_fileops_real so far: the bench's units. */
struct vs_file_counters {
    uint64_t syncs, writes, bytes_written, bytes_read;
};
struct vs_file_counters vs_file_counters(void);

/* A whole small file, written so that after any crash either the old or the new content is
 * there: a new file beside it, synced, renamed over it, folder synced. For journal.anchor and
 * the like. */
VS_NODISCARD vs_rc vs_file_replace(const struct vs_fileops *files, const char *path,
                                   struct vs_bytes content, struct vs_error *err);
/* A whole file of at most `max_bytes`. VS_E_NOT_FOUND, VS_E_LIMIT, VS_E_IO. */
VS_NODISCARD vs_rc vs_file_read(const struct vs_fileops *files, const char *path,
                                struct vs_arena *arena, size_t max_bytes, struct vs_bytes *ret,
                                struct vs_error *err);
#endif
