#include "tests/support/fileops_lossy.h"
#include <errno.h>
#include <pthread.h>

enum { PAGE = 4096, SECTOR = 512 };

/* Content as programs see it and as the platter has it. */
struct inode {
    uint8_t *now, *durable;
    uint8_t *dirty; /* one octet a page */
    uint64_t size, durable_size, room;
    unsigned links; /* names, in either view, and open files */
    struct vs_file *lock;
};

struct entry {
    char *path;
    struct inode *now, *durable; /* either may be NULL */
};

struct vs_file {
    struct vs_lossy *disk;
    struct inode *inode;
    char *path;
    unsigned life; /* of the disk when it was opened */
    bool write;
};

struct vs_lossy {
    struct vs_fileops files;
    pthread_mutex_t lock;
    struct entry *entries;
    size_t n_entries, room;
    uint64_t random, operations, die_at, fail_at, capacity;
    int fail_error;
    bool fail_lasting, failed, dead;
    unsigned life;
    const char *lie_files, *lie_folders;
};

/* -- randomness ---------------------------------------------------------------------------- */

static uint64_t draw(struct vs_lossy *disk, uint64_t below)
{
    /* splitmix64 */
    uint64_t z = disk->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

uint64_t vs_lossy_random(struct vs_lossy *disk, uint64_t below)
{
    pthread_mutex_lock(&disk->lock);
    uint64_t value = draw(disk, below);
    pthread_mutex_unlock(&disk->lock);
    return value;
}

/* -- content ------------------------------------------------------------------------------- */

static void unlink_inode(struct inode *inode)
{
    if (inode == NULL || --inode->links > 0)
        return;
    vs_heap_free(inode->now);
    vs_heap_free(inode->durable);
    vs_heap_free(inode->dirty);
    vs_heap_free(inode);
}

static struct inode *link_inode(struct inode *inode)
{
    if (inode != NULL)
        inode->links++;
    return inode;
}

static void make_room(struct inode *inode, uint64_t size)
{
    if (size <= inode->room)
        return;
    uint64_t room = inode->room == 0 ? 16 * PAGE : inode->room * 2;
    while (room < size)
        room *= 2;
    inode->now = vs_heap_grow(inode->now, room);
    inode->durable = vs_heap_grow(inode->durable, room);
    inode->dirty = vs_heap_grow(inode->dirty, room / PAGE);
    memset(inode->now + inode->room, 0, room - inode->room);
    memset(inode->durable + inode->room, 0, room - inode->room);
    memset(inode->dirty + inode->room / PAGE, 0, (room - inode->room) / PAGE);
    inode->room = room;
}

static void put(struct inode *inode, const void *from, uint64_t len, uint64_t offset)
{
    if (len == 0)
        return;
    make_room(inode, offset + len);
    memcpy(inode->now + offset, from, len);
    memset(inode->dirty + offset / PAGE, 1, (offset + len - 1) / PAGE - offset / PAGE + 1);
    if (offset + len > inode->size)
        inode->size = offset + len;
}

static void resize(struct inode *inode, uint64_t size)
{
    make_room(inode, size);
    if (size < inode->size) {
        memset(inode->now + size, 0, inode->size - size);
        memset(inode->dirty + size / PAGE, 1, (inode->size - 1) / PAGE - size / PAGE + 1);
    }
    inode->size = size;
}

static void settle(struct inode *inode)
{
    for (uint64_t page = 0; page < inode->room / PAGE; page++)
        if (inode->dirty[page])
            memcpy(inode->durable + page * PAGE, inode->now + page * PAGE, PAGE);
    if (inode->room > 0)
        memset(inode->dirty, 0, inode->room / PAGE);
    inode->durable_size = inode->size;
}

static uint64_t surviving_size(struct vs_lossy *disk, const struct inode *inode)
{
    uint64_t old = inode->durable_size, now = inode->size;
    uint64_t low = old < now ? old : now, high = old < now ? now : old;
    switch (draw(disk, 3)) {
    case 0:
        return old;
    case 1:
        return now;
    default:
        return low + draw(disk, high - low + 1);
    }
}

/* Page by page: what was written since the sync survives wholly, in part or not. */
static void lose(struct vs_lossy *disk, struct inode *inode, uint64_t percent)
{
    uint64_t size = surviving_size(disk, inode);
    for (uint64_t page = 0; page < inode->room / PAGE; page++) {
        if (!inode->dirty[page])
            continue;
        bool torn = draw(disk, 8) == 0;
        bool keeps = draw(disk, 100) < percent;
        for (uint64_t at = page * PAGE; at < (page + 1) * PAGE; at += SECTOR)
            if (torn ? draw(disk, 2) == 0 : keeps)
                memcpy(inode->durable + at, inode->now + at, SECTOR);
    }
    if (size < inode->room)
        memset(inode->durable + size, 0, inode->room - size);
    if (inode->room > 0)
        memcpy(inode->now, inode->durable, inode->room);
    if (inode->room > 0)
        memset(inode->dirty, 0, inode->room / PAGE);
    inode->size = inode->durable_size = size;
    inode->lock = NULL;
}

/* -- names --------------------------------------------------------------------------------- */

static struct entry *find_entry(struct vs_lossy *disk, const char *path)
{
    for (size_t i = 0; i < disk->n_entries; i++)
        if (strcmp(disk->entries[i].path, path) == 0)
            return &disk->entries[i];
    return NULL;
}

static struct entry *make_entry(struct vs_lossy *disk, const char *path)
{
    struct entry *entry = find_entry(disk, path);
    if (entry != NULL)
        return entry;
    if (disk->n_entries == disk->room) {
        disk->room = disk->room == 0 ? 64 : disk->room * 2;
        disk->entries = vs_heap_grow(disk->entries, disk->room * sizeof *disk->entries);
    }
    entry = &disk->entries[disk->n_entries++];
    *entry = (struct entry){vs_heap_strdup(path), NULL, NULL};
    return entry;
}

static void point(struct inode **at, struct inode *inode)
{
    link_inode(inode);
    unlink_inode(*at);
    *at = inode;
}

static bool lies_in(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && path[len] == '/' &&
           strchr(path + len + 1, '/') == NULL;
}

static void forget_empty_entries(struct vs_lossy *disk)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk->n_entries; i++) {
        if (disk->entries[i].now == NULL && disk->entries[i].durable == NULL)
            vs_heap_free(disk->entries[i].path);
        else
            disk->entries[kept++] = disk->entries[i];
    }
    disk->n_entries = kept;
}

/* -- dying and failing --------------------------------------------------------------------- */

enum fate { GOES_ON, FAILS, DIES };

static enum fate count_operation(struct vs_lossy *disk, int *ret_error)
{
    *ret_error = EIO;
    if (disk->dead)
        return FAILS;
    disk->operations++;
    if (disk->die_at > 0 && --disk->die_at == 0) {
        disk->dead = true;
        return DIES;
    }
    if (disk->fail_at == 0 || --disk->fail_at > 0)
        return GOES_ON;
    disk->fail_at = disk->fail_lasting ? 1 : 0;
    disk->failed = true;
    *ret_error = disk->fail_error;
    return FAILS;
}

static bool unusable(const struct vs_file *file)
{
    return file->disk->dead || file->life != file->disk->life;
}

static uint64_t used(const struct vs_lossy *disk)
{
    uint64_t total = 0;
    for (size_t i = 0; i < disk->n_entries; i++)
        if (disk->entries[i].now != NULL)
            total += disk->entries[i].now->size;
    return total;
}

/* -- vs_fileops ---------------------------------------------------------------------------- */

static int open_locked(struct vs_lossy *disk, const char *path, int flags, struct vs_file **ret)
{
    struct entry *entry = find_entry(disk, path);
    bool there = entry != NULL && entry->now != NULL;
    if (disk->dead)
        return EIO;
    if (!there && !(flags & VS_FILE_CREATE))
        return ENOENT;
    if (there && flags & VS_FILE_NEW)
        return EEXIST;
    if (!there) {
        int error;
        if (count_operation(disk, &error) != GOES_ON)
            return error;
        point(&make_entry(disk, path)->now, vs_heap_new(sizeof(struct inode)));
    }
    struct vs_file *file = vs_heap_new(sizeof *file);
    *file = (struct vs_file){.disk = disk,
                             .inode = link_inode(find_entry(disk, path)->now),
                             .path = vs_heap_strdup(path),
                             .life = disk->life,
                             .write = (flags & VS_FILE_WRITE) != 0};
    *ret = file;
    return 0;
}

static int lossy_open(void *context, const char *path, int flags, struct vs_file **ret)
{
    struct vs_lossy *disk = context;
    pthread_mutex_lock(&disk->lock);
    int error = open_locked(disk, path, flags, ret);
    pthread_mutex_unlock(&disk->lock);
    return error;
}

static void lossy_close(struct vs_file *file)
{
    struct vs_lossy *disk = file->disk;
    pthread_mutex_lock(&disk->lock);
    if (file->inode->lock == file)
        file->inode->lock = NULL;
    unlink_inode(file->inode);
    vs_heap_free(file->path);
    vs_heap_free(file);
    pthread_mutex_unlock(&disk->lock);
}

static int lossy_read(struct vs_file *file, void *to, size_t len, uint64_t offset,
                      size_t *ret_got)
{
    pthread_mutex_lock(&file->disk->lock);
    int error = unusable(file) ? EIO : 0;
    uint64_t size = file->inode->size;
    size_t got = offset >= size ? 0 : size - offset < len ? (size_t)(size - offset) : len;
    if (error == 0 && got > 0)
        memcpy(to, file->inode->now + offset, got);
    *ret_got = got;
    pthread_mutex_unlock(&file->disk->lock);
    return error;
}

static uint64_t total_of(const struct iovec *parts, int n_parts)
{
    uint64_t total = 0;
    for (int i = 0; i < n_parts; i++)
        total += parts[i].iov_len;
    return total;
}

static void put_parts(struct inode *inode, const struct iovec *parts, int n_parts,
                      uint64_t offset, uint64_t most)
{
    for (int i = 0; i < n_parts && most > 0; i++) {
        uint64_t len = parts[i].iov_len < most ? parts[i].iov_len : most;
        put(inode, parts[i].iov_base, len, offset);
        offset += len;
        most -= len;
    }
}

static int write_locked(struct vs_file *file, const struct iovec *parts, int n_parts,
                        uint64_t offset)
{
    struct vs_lossy *disk = file->disk;
    uint64_t total = total_of(parts, n_parts), most = total;
    int error = 0;
    VS_ASSERT(file->write);
    if (unusable(file))
        return EIO;
    enum fate fate = count_operation(disk, &error);
    if (fate != GOES_ON) {
        most = draw(disk, total + 1);
    } else if (disk->capacity > 0 && offset + total > file->inode->size &&
               used(disk) + (offset + total - file->inode->size) > disk->capacity) {
        error = ENOSPC;
        most = draw(disk, total + 1);
        disk->failed = true;
    } else {
        error = 0;
    }
    put_parts(file->inode, parts, n_parts, offset, most);
    return error;
}

static int lossy_write(struct vs_file *file, const struct iovec *parts, int n_parts,
                       uint64_t offset)
{
    pthread_mutex_lock(&file->disk->lock);
    int error = write_locked(file, parts, n_parts, offset);
    pthread_mutex_unlock(&file->disk->lock);
    return error;
}

static bool lied_about(const char *path, const char *part)
{
    if (part == NULL)
        return false;
    size_t len = strlen(part);
    if (len == 0 || part[len - 1] != '$')
        return strstr(path, part) != NULL;
    return strlen(path) >= len - 1 &&
           strncmp(path + strlen(path) - (len - 1), part, len - 1) == 0;
}

static int lossy_sync(struct vs_file *file)
{
    struct vs_lossy *disk = file->disk;
    pthread_mutex_lock(&disk->lock);
    int error = EIO;
    enum fate fate = unusable(file) ? FAILS : count_operation(disk, &error);
    /* Power may fail after the platter has it and before the caller knows. */
    bool settles = fate == GOES_ON || (fate == DIES && draw(disk, 2) == 0);
    if (settles && !lied_about(file->path, disk->lie_files))
        settle(file->inode);
    pthread_mutex_unlock(&disk->lock);
    return fate == GOES_ON ? 0 : error;
}

static int lossy_size(struct vs_file *file, uint64_t *ret)
{
    pthread_mutex_lock(&file->disk->lock);
    int error = unusable(file) ? EIO : 0;
    *ret = file->inode->size;
    pthread_mutex_unlock(&file->disk->lock);
    return error;
}

static int lossy_truncate(struct vs_file *file, uint64_t size)
{
    pthread_mutex_lock(&file->disk->lock);
    int error = EIO;
    enum fate fate = unusable(file) ? FAILS : count_operation(file->disk, &error);
    if (fate != FAILS)
        resize(file->inode, size);
    pthread_mutex_unlock(&file->disk->lock);
    return fate == GOES_ON ? 0 : error;
}

static int lossy_lock(struct vs_file *file, uint64_t offset, uint64_t len)
{
    (void)offset, (void)len;
    pthread_mutex_lock(&file->disk->lock);
    bool free = file->inode->lock == NULL || file->inode->lock == file;
    if (free)
        file->inode->lock = file;
    pthread_mutex_unlock(&file->disk->lock);
    return free ? 0 : EAGAIN;
}

static int lossy_sync_folder(void *context, const char *path)
{
    struct vs_lossy *disk = context;
    pthread_mutex_lock(&disk->lock);
    int error;
    enum fate fate = count_operation(disk, &error);
    bool settles = fate == GOES_ON || (fate == DIES && draw(disk, 2) == 0);
    if (settles && !lied_about(path, disk->lie_folders)) {
        for (size_t i = 0; i < disk->n_entries; i++)
            if (lies_in(disk->entries[i].path, path))
                point(&disk->entries[i].durable, disk->entries[i].now);
        forget_empty_entries(disk);
    }
    pthread_mutex_unlock(&disk->lock);
    return fate == GOES_ON ? 0 : error;
}

static int lossy_make_folder(void *context, const char *path)
{
    struct vs_lossy *disk = context;
    (void)path; /* any folder is there */
    return disk->dead ? EIO : EEXIST;
}

static int lossy_rename(void *context, const char *from, const char *to)
{
    struct vs_lossy *disk = context;
    pthread_mutex_lock(&disk->lock);
    int error;
    enum fate fate = count_operation(disk, &error);
    struct entry *old = find_entry(disk, from);
    if (fate != FAILS && (old == NULL || old->now == NULL)) {
        fate = FAILS;
        error = ENOENT;
    }
    if (fate != FAILS) {
        struct inode *inode = link_inode(old->now);
        point(&old->now, NULL);
        point(&make_entry(disk, to)->now, inode);
        unlink_inode(inode);
    }
    pthread_mutex_unlock(&disk->lock);
    return fate == GOES_ON ? 0 : error;
}

static int lossy_remove(void *context, const char *path)
{
    struct vs_lossy *disk = context;
    pthread_mutex_lock(&disk->lock);
    int error = ENOENT;
    struct entry *entry = find_entry(disk, path);
    bool there = entry != NULL && entry->now != NULL;
    enum fate fate = there || disk->dead ? count_operation(disk, &error) : FAILS;
    if (fate != FAILS)
        point(&entry->now, NULL);
    pthread_mutex_unlock(&disk->lock);
    return fate == GOES_ON ? 0 : error;
}

static int lossy_exists(void *context, const char *path, bool *ret)
{
    struct vs_lossy *disk = context;
    pthread_mutex_lock(&disk->lock);
    const struct entry *entry = find_entry(disk, path);
    *ret = entry != NULL && entry->now != NULL;
    int error = disk->dead ? EIO : 0;
    pthread_mutex_unlock(&disk->lock);
    return error;
}

static int lossy_list(void *context, const char *path,
                      void (*visit)(void *to, const char *name), void *to)
{
    struct vs_lossy *disk = context;
    pthread_mutex_lock(&disk->lock);
    for (size_t i = 0; i < disk->n_entries && !disk->dead; i++)
        if (disk->entries[i].now != NULL && lies_in(disk->entries[i].path, path))
            visit(to, disk->entries[i].path + strlen(path) + 1);
    int error = disk->dead ? EIO : 0;
    pthread_mutex_unlock(&disk->lock);
    return error;
}

static int lossy_free_bytes(void *context, const char *path, uint64_t *ret)
{
    struct vs_lossy *disk = context;
    (void)path;
    pthread_mutex_lock(&disk->lock);
    uint64_t taken = used(disk);
    *ret = disk->capacity == 0      ? UINT64_MAX
           : taken > disk->capacity ? 0
                                    : disk->capacity - taken;
    pthread_mutex_unlock(&disk->lock);
    return 0;
}

/* -- the disk ------------------------------------------------------------------------------ */

struct vs_lossy *vs_lossy_new(uint64_t seed)
{
    struct vs_lossy *disk = vs_heap_new(sizeof *disk);
    disk->random = seed;
    VS_ASSERT(pthread_mutex_init(&disk->lock, NULL) == 0);
    disk->files = (struct vs_fileops){
        .context = disk,
        .open = lossy_open,
        .close = lossy_close,
        .read = lossy_read,
        .write = lossy_write,
        .sync = lossy_sync,
        .size = lossy_size,
        .truncate = lossy_truncate,
        .lock = lossy_lock,
        .sync_folder = lossy_sync_folder,
        .make_folder = lossy_make_folder,
        .rename = lossy_rename,
        .remove = lossy_remove,
        .exists = lossy_exists,
        .list = lossy_list,
        .free_bytes = lossy_free_bytes,
    };
    return disk;
}

void vs_lossy_free(struct vs_lossy *disk)
{
    for (size_t i = 0; i < disk->n_entries; i++) {
        unlink_inode(disk->entries[i].now);
        unlink_inode(disk->entries[i].durable);
        vs_heap_free(disk->entries[i].path);
    }
    vs_heap_free(disk->entries);
    pthread_mutex_destroy(&disk->lock);
    vs_heap_free(disk);
}

const struct vs_fileops *vs_lossy_files(struct vs_lossy *disk)
{
    return &disk->files;
}

#define LOCKED(disk, what)                                                                     \
    do {                                                                                       \
        pthread_mutex_lock(&(disk)->lock);                                                     \
        what;                                                                                  \
        pthread_mutex_unlock(&(disk)->lock);                                                   \
    } while (0)

uint64_t vs_lossy_operations(struct vs_lossy *disk)
{
    uint64_t n;
    LOCKED(disk, n = disk->operations);
    return n;
}

void vs_lossy_die_at(struct vs_lossy *disk, uint64_t nth)
{
    LOCKED(disk, disk->die_at = nth);
}
void vs_lossy_die_now(struct vs_lossy *disk)
{
    LOCKED(disk, disk->dead = true);
}

bool vs_lossy_dead(struct vs_lossy *disk)
{
    bool dead;
    LOCKED(disk, dead = disk->dead);
    return dead;
}

static void lose_names(struct vs_lossy *disk, uint64_t percent)
{
    for (size_t i = 0; i < disk->n_entries; i++) {
        struct entry *entry = &disk->entries[i];
        struct inode *kept = draw(disk, 100) < percent ? entry->now : entry->durable;
        link_inode(kept);
        point(&entry->now, kept);
        point(&entry->durable, kept);
        unlink_inode(kept);
    }
    forget_empty_entries(disk);
}

/* A file may have two names: lose it once. After a loss it has nothing left to lose. */
static void lose_content(struct vs_lossy *disk, uint64_t percent)
{
    for (size_t i = 0; i < disk->n_entries; i++)
        lose(disk, disk->entries[i].now, percent);
}

void vs_lossy_power_on(struct vs_lossy *disk)
{
    static const uint64_t percents[] = {0, 10, 50, 90, 100};
    pthread_mutex_lock(&disk->lock);
    lose_names(disk, percents[draw(disk, 5)]);
    lose_content(disk, percents[draw(disk, 5)]);
    disk->life++;
    disk->dead = false;
    disk->die_at = disk->fail_at = 0;
    pthread_mutex_unlock(&disk->lock);
}

void vs_lossy_fail_at(struct vs_lossy *disk, uint64_t nth, int error, bool lasting)
{
    pthread_mutex_lock(&disk->lock);
    disk->fail_at = nth;
    disk->fail_error = error;
    disk->fail_lasting = lasting;
    disk->failed = false;
    pthread_mutex_unlock(&disk->lock);
}

bool vs_lossy_failed(struct vs_lossy *disk)
{
    bool failed;
    LOCKED(disk, failed = disk->failed);
    return failed;
}

void vs_lossy_capacity(struct vs_lossy *disk, uint64_t octets)
{
    LOCKED(disk, disk->capacity = octets);
}

uint64_t vs_lossy_used(struct vs_lossy *disk)
{
    uint64_t octets;
    LOCKED(disk, octets = used(disk));
    return octets;
}

void vs_lossy_lie_about_files(struct vs_lossy *disk, const char *part)
{
    LOCKED(disk, disk->lie_files = part);
}

void vs_lossy_lie_about_folders(struct vs_lossy *disk, const char *part)
{
    LOCKED(disk, disk->lie_folders = part);
}

uint8_t *vs_lossy_content(struct vs_lossy *disk, const char *path, uint64_t *ret_size)
{
    pthread_mutex_lock(&disk->lock);
    const struct entry *entry = find_entry(disk, path);
    struct inode *inode = entry == NULL ? NULL : entry->now;
    *ret_size = inode == NULL ? 0 : inode->size;
    pthread_mutex_unlock(&disk->lock);
    return inode == NULL ? NULL : inode->now;
}
