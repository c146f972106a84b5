/* vfs.h - SQLite's files through vs_fileops, for one process.
 *
 * All connections of a store share one open file per path, one lock table and one WAL index in
 * memory (there is no -shm file). Other processes are kept out as a whole: the first connection
 * takes, on the octets where every SQLite program takes its locks, a lock that conflicts with
 * all of theirs. */
#ifndef VS_STORAGE_SQLITE_VFS_H
#define VS_STORAGE_SQLITE_VFS_H
#include "storage/fileops.h"
#include <sqlite3.h>
#include <stdatomic.h>

struct vs_vfs;

/* Registers a VFS of its own name. */
struct vs_vfs *vs_vfs_new(const struct vs_fileops *files);
/* All connections must be closed. NULL is fine. */
void vs_vfs_free(struct vs_vfs *vfs);
const char *vs_vfs_name(const struct vs_vfs *vfs);

/* Whether a sync has failed: what SQLite believes about the disk may then be wrong. */
bool vs_vfs_sync_failed(const struct vs_vfs *vfs);
/* Whether the last open failed because another process has the store. */
bool vs_vfs_in_use(const struct vs_vfs *vfs);
/* errno of the last failed call, for messages. */
int vs_vfs_last_error(const struct vs_vfs *vfs);
#endif
