#include "storage/sqlite/vfs_priv.h"
#include <errno.h>
#include <stdio.h>

/* Where SQLite programs lock (sqlite3 source, os.h: PENDING_BYTE and the 511 after it). */
enum { LOCK_OFFSET = 0x40000000, LOCK_LENGTH = 512, NAME_BYTES = 40, PATH_BYTES = 4096 };

struct vs_vfs {
    sqlite3_vfs base;
    char name[NAME_BYTES];
    const struct vs_fileops *files;
    sqlite3_vfs *system; /* for randomness, sleep and time */
    pthread_mutex_t lock;
    struct vs_vfs_node *nodes;
    atomic_bool sync_failed, in_use;
    atomic_int last_error;
};

static struct vs_vfs *of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int failed(struct vs_vfs *vfs, int error, int otherwise)
{
    atomic_store(&vfs->last_error, error);
    if (error == ENOSPC || error == EDQUOT)
        return SQLITE_FULL;
    return error == ENOMEM ? SQLITE_NOMEM : otherwise;
}

/* -- files --------------------------------------------------------------------------------- */

static int file_read(sqlite3_file *file, void *to, int len, sqlite3_int64 offset)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    size_t got;
    int error =
        self->vfs->files->read(self->node->file, to, (size_t)len, (uint64_t)offset, &got);
    if (error != 0)
        return failed(self->vfs, error, SQLITE_IOERR_READ);
    if (got == (size_t)len)
        return SQLITE_OK;
    memset((uint8_t *)to + got, 0, (size_t)len - got);
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 offset)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    struct iovec part = {(void *)from, (size_t)len};
    int error = self->vfs->files->write(self->node->file, &part, 1, (uint64_t)offset);
    return error == 0 ? SQLITE_OK : failed(self->vfs, error, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    int error = self->vfs->files->truncate(self->node->file, (uint64_t)size);
    return error == 0 ? SQLITE_OK : failed(self->vfs, error, SQLITE_IOERR_TRUNCATE);
}

static int sync_folder_of(struct vs_vfs *vfs, const char *path)
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return vfs->files->sync_folder(vfs->files->context, slash == NULL ? "." : "/");
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return vfs->files->sync_folder(vfs->files->context, folder);
}

/* A file that was just made is durable only with its name: SQLite leaves that to the VFS. */
static int file_sync(sqlite3_file *file, int flags)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    (void)flags;
    int error = self->vfs->files->sync(self->node->file);
    if (error == 0 && self->node->name_unsynced) {
        error = sync_folder_of(self->vfs, self->node->path);
        if (error == 0)
            self->node->name_unsynced = false;
    }
    if (error == 0)
        return SQLITE_OK;
    atomic_store(&self->vfs->sync_failed, true);
    return failed(self->vfs, error, SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    uint64_t size;
    int error = self->vfs->files->size(self->node->file, &size);
    if (error != 0)
        return failed(self->vfs, error, SQLITE_IOERR_FSTAT);
    *ret = (sqlite3_int64)size;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *argument)
{
    (void)file, (void)op, (void)argument;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return 4096;
}

/* A write that power loss interrupts leaves octets outside its range alone. */
static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* -- the list of open files ---------------------------------------------------------------- */

static void free_node(struct vs_vfs *vfs, struct vs_vfs_node *node)
{
    vfs->files->close(node->file);
    for (int i = 0; i < MOST_REGIONS; i++)
        vs_heap_free(node->regions[i]);
    pthread_mutex_destroy(&node->locks);
    vs_heap_free(node->path);
    vs_heap_free(node);
}

static int make_node(struct vs_vfs *vfs, const char *path, int flags, struct vs_vfs_node **ret)
{
    bool there;
    int error = vfs->files->exists(vfs->files->context, path, &there);
    if (error != 0)
        return error;
    int mode = VS_FILE_WRITE | (flags & SQLITE_OPEN_CREATE ? VS_FILE_CREATE : 0);
    struct vs_file *file;
    error = vfs->files->open(vfs->files->context, path, mode, &file);
    if (error != 0)
        return error;
    if (flags & SQLITE_OPEN_MAIN_DB) {
        error = vfs->files->lock(file, LOCK_OFFSET, LOCK_LENGTH);
        if (error == EAGAIN)
            atomic_store(&vfs->in_use, true);
        if (error != 0) {
            vfs->files->close(file);
            return error;
        }
    }
    struct vs_vfs_node *node = vs_heap_new(sizeof *node);
    node->path = vs_heap_strdup(path);
    node->file = file;
    node->name_unsynced = !there;
    VS_ASSERT(pthread_mutex_init(&node->locks, NULL) == 0);
    *ret = node;
    return 0;
}

static struct vs_vfs_node *find_node(struct vs_vfs *vfs, const char *path)
{
    struct vs_vfs_node *node = vfs->nodes;
    while (node != NULL && strcmp(node->path, path) != 0)
        node = node->next;
    return node;
}

static int open_node(struct vs_vfs *vfs, const char *path, int flags, struct vs_vfs_node **ret)
{
    pthread_mutex_lock(&vfs->lock);
    struct vs_vfs_node *node = find_node(vfs, path);
    int error = 0;
    if (node == NULL) {
        error = make_node(vfs, path, flags, &node);
        if (error == 0) {
            node->next = vfs->nodes;
            vfs->nodes = node;
        }
    }
    if (error == 0) {
        node->users++;
        *ret = node;
    }
    pthread_mutex_unlock(&vfs->lock);
    return error;
}

static void close_node(struct vs_vfs *vfs, struct vs_vfs_node *node)
{
    pthread_mutex_lock(&vfs->lock);
    if (--node->users == 0) {
        struct vs_vfs_node **at = &vfs->nodes;
        while (*at != node)
            at = &(*at)->next;
        *at = node->next;
        free_node(vfs, node);
    }
    pthread_mutex_unlock(&vfs->lock);
}

static int file_close(sqlite3_file *file)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    vs_vfs_index_unmap(file, 0);
    vs_vfs_unlock(file, SQLITE_LOCK_NONE);
    close_node(self->vfs, self->node);
    self->base.pMethods = NULL;
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = vs_vfs_lock,
    .xUnlock = vs_vfs_unlock,
    .xCheckReservedLock = vs_vfs_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = vs_vfs_index_map,
    .xShmLock = vs_vfs_index_lock,
    .xShmBarrier = vs_vfs_index_barrier,
    .xShmUnmap = vs_vfs_index_unmap,
};

/* -- the VFS ------------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *ret_flags)
{
    struct vs_vfs_file *self = (struct vs_vfs_file *)file;
    memset(self, 0, sizeof *self);
    /* Temporary files would escape the seam; temp_store=MEMORY keeps SQLite from wanting any.
     */
    if (path == NULL)
        return SQLITE_CANTOPEN;
    self->vfs = of(vfs);
    int error = open_node(self->vfs, path, flags, &self->node);
    if (error != 0)
        return error == EAGAIN ? SQLITE_BUSY : failed(self->vfs, error, SQLITE_CANTOPEN);
    self->base.pMethods = &methods;
    if (ret_flags != NULL)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    struct vs_vfs *self = of(vfs);
    int error = self->files->remove(self->files->context, path);
    if (error == ENOENT)
        return SQLITE_IOERR_DELETE_NOENT;
    if (error == 0 && sync_folder)
        error = sync_folder_of(self, path);
    return error == 0 ? SQLITE_OK : failed(self, error, SQLITE_IOERR_DELETE);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
    (void)flags;
    bool there;
    int error = of(vfs)->files->exists(of(vfs)->files->context, path, &there);
    if (error != 0)
        return failed(of(vfs), error, SQLITE_IOERR_ACCESS);
    *ret = there;
    return SQLITE_OK;
}

/* The path is the caller's and stays as it is: one store is opened by one path. */
static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    int len = snprintf(out, (size_t)size, "%s", path);
    return len < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    return of(vfs)->system->xRandomness(of(vfs)->system, len, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return of(vfs)->system->xSleep(of(vfs)->system, microseconds);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
    return of(vfs)->system->xCurrentTime(of(vfs)->system, ret);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)size, (void)out;
    return vs_vfs_last_error(of(vfs));
}

struct vs_vfs *vs_vfs_new(const struct vs_fileops *files)
{
    static _Atomic uint64_t count;
    struct vs_vfs *self = vs_heap_new(sizeof *self);
    snprintf(self->name, sizeof self->name, "vasite-%llu",
             (unsigned long long)atomic_fetch_add(&count, 1));
    VS_ASSERT(sqlite3_initialize() == SQLITE_OK);
    self->files = files;
    self->system = sqlite3_vfs_find(NULL);
    VS_ASSERT(self->system != NULL && pthread_mutex_init(&self->lock, NULL) == 0);
    self->base = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = sizeof(struct vs_vfs_file),
        .mxPathname = PATH_BYTES - 1,
        .zName = self->name,
        .pAppData = self,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time,
        .xGetLastError = vfs_last_error,
    };
    VS_ASSERT(sqlite3_vfs_register(&self->base, 0) == SQLITE_OK);
    return self;
}

void vs_vfs_free(struct vs_vfs *vfs)
{
    if (vfs == NULL)
        return;
    VS_ASSERT(vfs->nodes == NULL);
    sqlite3_vfs_unregister(&vfs->base);
    pthread_mutex_destroy(&vfs->lock);
    vs_heap_free(vfs);
}

const char *vs_vfs_name(const struct vs_vfs *vfs)
{
    return vfs->name;
}
bool vs_vfs_sync_failed(const struct vs_vfs *vfs)
{
    return atomic_load(&vfs->sync_failed);
}
bool vs_vfs_in_use(const struct vs_vfs *vfs)
{
    return atomic_load(&vfs->in_use);
}
int vs_vfs_last_error(const struct vs_vfs *vfs)
{
    return atomic_load(&vfs->last_error);
}
