/* vfs_priv.h - what vfs.c and vfs_locks.c share. */
#ifndef VS_STORAGE_SQLITE_VFS_PRIV_H
#define VS_STORAGE_SQLITE_VFS_PRIV_H
#include "storage/sqlite/vfs.h"
#include <pthread.h>

enum { WAL_INDEX_SLOTS = SQLITE_SHM_NLOCK, MOST_REGIONS = 4096 };

/* One path, open once for all connections. `lock` of the VFS guards the list and the counts;
 * `locks` guards the lock table and the WAL index. */
struct vs_vfs_node {
    struct vs_vfs_node *next;
    char *path;
    struct vs_file *file;
    unsigned users;
    bool name_unsynced; /* made by us, its folder not synced yet */

    pthread_mutex_t locks;
    unsigned shared; /* connections with SQLITE_LOCK_SHARED or more */
    const void *reserved, *pending, *exclusive; /* the connection that has it */
    int slots[WAL_INDEX_SLOTS];                 /* >0: shared by so many; -1: exclusive */
    unsigned index_users;
    void *regions[MOST_REGIONS]; /* of the WAL index */
};

struct vs_vfs_file {
    sqlite3_file base;
    struct vs_vfs *vfs;
    struct vs_vfs_node *node;
    int level; /* SQLITE_LOCK_... held by this connection */
    uint16_t shared_slots, exclusive_slots;
    bool maps_index;
    bool remove_at_close;
};

int vs_vfs_lock(sqlite3_file *file, int level);
int vs_vfs_unlock(sqlite3_file *file, int level);
int vs_vfs_check_reserved(sqlite3_file *file, int *ret);
int vs_vfs_index_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret);
int vs_vfs_index_lock(sqlite3_file *file, int offset, int n, int flags);
void vs_vfs_index_barrier(sqlite3_file *file);
int vs_vfs_index_unmap(sqlite3_file *file, int remove);
#endif
