/* vfs_locks.c - the locks and the WAL index, among the connections of this process. The rules
 * are those of sqlite3_io_methods (xLock, xShmLock) in sqlite3.h. */
#include "storage/sqlite/vfs_priv.h"

static bool others(const void *holder, const struct vs_vfs_file *self)
{
    return holder != NULL && holder != self;
}

static int lock_locked(struct vs_vfs_file *self, int level)
{
    struct vs_vfs_node *node = self->node;
    if (level == SQLITE_LOCK_SHARED) {
        if (others(node->pending, self) || others(node->exclusive, self))
            return SQLITE_BUSY;
        node->shared++;
        self->level = SQLITE_LOCK_SHARED;
        return SQLITE_OK;
    }
    if (others(node->reserved, self) || others(node->pending, self))
        return SQLITE_BUSY;
    node->reserved = self;
    if (level == SQLITE_LOCK_RESERVED) {
        self->level = SQLITE_LOCK_RESERVED;
        return SQLITE_OK;
    }
    node->pending = self; /* no new readers; those there may finish */
    self->level = SQLITE_LOCK_PENDING;
    if (node->shared > 1)
        return SQLITE_BUSY;
    node->exclusive = self;
    self->level = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

int vs_vfs_lock(sqlite3_file *file, int level)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    if (self->level >= level)
        return SQLITE_OK;
    pthread_mutex_lock(&self->node->locks);
    int rc = lock_locked(self, level);
    pthread_mutex_unlock(&self->node->locks);
    return rc;
}

int vs_vfs_unlock(sqlite3_file *file, int level)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    struct vs_vfs_node *node = self->node;
    if (self->level <= level)
        return SQLITE_OK;
    pthread_mutex_lock(&node->locks);
    if (node->exclusive == self)
        node->exclusive = NULL;
    if (node->pending == self)
        node->pending = NULL;
    if (node->reserved == self)
        node->reserved = NULL;
    if (level == SQLITE_LOCK_NONE)
        node->shared--;
    self->level = level;
    pthread_mutex_unlock(&node->locks);
    return SQLITE_OK;
}

int vs_vfs_check_reserved(sqlite3_file *file, int *ret)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    pthread_mutex_lock(&self->node->locks);
    *ret = self->node->reserved != NULL;
    pthread_mutex_unlock(&self->node->locks);
    return SQLITE_OK;
}

int vs_vfs_index_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    struct vs_vfs_node *node = self->node;
    *ret = NULL;
    if (region >= MOST_REGIONS)
        return SQLITE_FULL;
    pthread_mutex_lock(&node->locks);
    if (!self->maps_index) {
        self->maps_index = true;
        node->index_users++;
    }
    if (node->regions[region] == NULL && extend)
        node->regions[region] = vs_heap_new((size_t)size);
    *ret = node->regions[region];
    pthread_mutex_unlock(&node->locks);
    return SQLITE_OK;
}

static bool slots_allow(const struct vs_vfs_file *self, uint16_t mask, bool exclusive)
{
    for (int i = 0; i < WAL_INDEX_SLOTS; i++) {
        if ((mask >> i & 1) == 0 || ((self->shared_slots | self->exclusive_slots) >> i & 1))
            continue;
        if (exclusive ? self->node->slots[i] != 0 : self->node->slots[i] < 0)
            return false;
    }
    return true;
}

static void take_slots(struct vs_vfs_file *self, uint16_t mask, bool exclusive)
{
    uint16_t fresh = (uint16_t)(mask & ~(self->shared_slots | self->exclusive_slots));
    for (int i = 0; i < WAL_INDEX_SLOTS; i++)
        if (fresh >> i & 1)
            self->node->slots[i] = exclusive ? -1 : self->node->slots[i] + 1;
    if (exclusive)
        self->exclusive_slots |= fresh;
    else
        self->shared_slots |= fresh;
}

static void release_slots(struct vs_vfs_file *self, uint16_t mask)
{
    for (int i = 0; i < WAL_INDEX_SLOTS; i++) {
        if ((self->exclusive_slots & mask) >> i & 1)
            self->node->slots[i] = 0;
        else if ((self->shared_slots & mask) >> i & 1)
            self->node->slots[i]--;
    }
    self->exclusive_slots &= (uint16_t)~mask;
    self->shared_slots &= (uint16_t)~mask;
}

int vs_vfs_index_lock(sqlite3_file *file, int offset, int n, int flags)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    uint16_t mask = (uint16_t)(((1u << n) - 1) << offset);
    bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    int rc = SQLITE_OK;
    pthread_mutex_lock(&self->node->locks);
    if (flags & SQLITE_SHM_UNLOCK)
        release_slots(self, mask);
    else if (slots_allow(self, mask, exclusive))
        take_slots(self, mask, exclusive);
    else
        rc = SQLITE_BUSY;
    pthread_mutex_unlock(&self->node->locks);
    return rc;
}

void vs_vfs_index_barrier(sqlite3_file *file)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    atomic_thread_fence(memory_order_seq_cst);
    pthread_mutex_lock(&self->node->locks);
    pthread_mutex_unlock(&self->node->locks);
}

int vs_vfs_index_unmap(sqlite3_file *file, int remove)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    struct vs_vfs_node *node = self->node;
    (void)remove; /* it is in memory and goes with its last user */
    if (!self->maps_index)
        return SQLITE_OK;
    pthread_mutex_lock(&node->locks);
    release_slots(self, UINT16_MAX);
    self->maps_index = false;
    if (--node->index_users == 0)
        for (int i = 0; i < MOST_REGIONS; i++) {
            vs_heap_free(node->regions[i]);
            node->regions[i] = NULL;
        }
    pthread_mutex_unlock(&node->locks);
    return SQLITE_OK;
}
