/* sqlite.c - the backend on SQLite: one writing connection, a small pool of reading ones. */
#include "storage/plant.h"
#include "storage/sqlite/connection.h"

enum {
    READERS = 8,
    CHECKPOINT_PAGES = 2000,
    WRITER_CACHE = 16 * 1024 * 1024,
    READER_CACHE = 2 * 1024 * 1024
};

struct sqlite_store {
    struct vs_store base;
    const struct vs_fileops *files;
    struct vs_vfs *vfs;
    char *path;
    struct vs_connection writer; /* under base.commit_lock */

    pthread_mutex_t pool_lock;
    pthread_cond_t returned;
    struct vs_connection *idle; /* under pool_lock, as the counts */
    unsigned n_readers, most_readers;
};

static struct sqlite_store *of(struct vs_store *store)
{
    return (struct sqlite_store *)store;
}

/* -- the pool ------------------------------------------------------------------------------ */

/* NULL with VS_OK: the caller may open a new one. */
static struct vs_connection *take_idle(struct sqlite_store *self)
{
    struct vs_connection *reader = NULL;
    pthread_mutex_lock(&self->pool_lock);
    while (self->idle == NULL && self->n_readers == self->most_readers)
        pthread_cond_wait(&self->returned, &self->pool_lock);
    if (self->idle != NULL) {
        reader = self->idle;
        self->idle = reader->next;
    } else {
        self->n_readers++;
    }
    pthread_mutex_unlock(&self->pool_lock);
    return reader;
}

static void give_back(struct sqlite_store *self, struct vs_connection *reader)
{
    pthread_mutex_lock(&self->pool_lock);
    if (reader == NULL) {
        self->n_readers--;
    } else {
        reader->next = self->idle;
        self->idle = reader;
    }
    pthread_cond_signal(&self->returned);
    pthread_mutex_unlock(&self->pool_lock);
}

static vs_rc take_reader(struct sqlite_store *self, struct vs_connection **ret,
                         struct vs_error *err)
{
    *ret = take_idle(self);
    if (*ret != NULL)
        return VS_OK;
    struct vs_connection *reader = vs_heap_new(sizeof *reader);
    struct vs_connection_options options = {.path = self->path, .cache_bytes = READER_CACHE};
    vs_rc rc = vs_connection_open(reader, self->vfs, self->base.schema, &options, err);
    if (vs_ok(rc)) {
        *ret = reader;
        return rc;
    }
    vs_heap_free(reader);
    give_back(self, NULL);
    return rc;
}

/* -- vs_backend ---------------------------------------------------------------------------- */

static void sqlite_close(struct vs_store *store)
{
    struct sqlite_store *self = of(store);
    while (self->idle != NULL) {
        struct vs_connection *reader = self->idle;
        self->idle = reader->next;
        vs_connection_close(reader);
        vs_heap_free(reader);
        self->n_readers--;
    }
    VS_ASSERT(self->n_readers == 0);
    vs_connection_rollback(&self->writer);
    vs_connection_close(&self->writer); /* the last: it folds the log into the file */
    vs_vfs_free(self->vfs);
    pthread_cond_destroy(&self->returned);
    pthread_mutex_destroy(&self->pool_lock);
    vs_store_done(store);
    vs_heap_free(self->path);
    vs_heap_free(self);
}

static vs_rc sqlite_select(struct vs_store *store, struct vs_arena *arena,
                           const struct vs_plan *plan, const struct vs_row **ret_rows,
                           size_t *ret_n, struct vs_error *err)
{
    struct vs_connection *reader;
    VS_TRY(take_reader(of(store), &reader, err));
    vs_rc rc = vs_connection_select(reader, arena, plan, ret_rows, ret_n, err);
    give_back(of(store), reader);
    return rc;
}

static vs_rc sqlite_count(struct vs_store *store, const struct vs_plan *plan, uint64_t *ret,
                          struct vs_error *err)
{
    struct vs_connection *reader;
    VS_TRY(take_reader(of(store), &reader, err));
    vs_rc rc = vs_connection_count(reader, plan, ret, err);
    give_back(of(store), reader);
    return rc;
}

static vs_rc find(struct vs_store *store, struct vs_arena *arena, const struct vs_table *table,
                  const struct vs_value *key, const struct vs_row **ret, struct vs_error *err)
{
    return vs_connection_find(&of(store)->writer, arena, table, key, ret, err);
}

static vs_rc insert(struct vs_store *store, const struct vs_table *table,
                    const struct vs_row *row, bool *ret_clash, struct vs_error *err)
{
    return vs_connection_insert(&of(store)->writer, table, row, ret_clash, err);
}

static vs_rc replace(struct vs_store *store, const struct vs_table *table,
                     const struct vs_row *row, uint64_t set, bool *ret_clash,
                     struct vs_error *err)
{
    return vs_connection_replace(&of(store)->writer, table, row, set, ret_clash, err);
}

static vs_rc remove_row(struct vs_store *store, const struct vs_table *table,
                        const struct vs_value *key, struct vs_error *err)
{
    return vs_connection_remove(&of(store)->writer, table, key, err);
}

#ifdef VASITE_TEST_BUILD
static atomic_bool commits_late_flag;
void vs_store_commit_late(bool late)
{
    atomic_store(&commits_late_flag, late);
}
static bool commits_late(void)
{
    return atomic_load(&commits_late_flag);
}
#else
#define commits_late() false
#endif

static vs_rc begin(struct vs_store *store, struct vs_error *err)
{
    if (commits_late() && sqlite3_get_autocommit(of(store)->writer.db) == 0)
        VS_TRY(vs_connection_commit(&of(store)->writer, err));
    return vs_connection_begin(&of(store)->writer, err);
}

static vs_rc end(struct vs_store *store, struct vs_error *err)
{
    return commits_late() ? VS_OK : vs_connection_commit(&of(store)->writer, err);
}

static void rollback(struct vs_store *store)
{
    vs_connection_rollback(&of(store)->writer);
}

static const struct vs_primitives primitives = {begin,  end,     rollback,  find,
                                                insert, replace, remove_row};

static vs_rc sqlite_commit(struct vs_store *store, struct vs_item *items, size_t n_items,
                           struct vs_error *err)
{
    vs_rc rc = vs_apply(store, &primitives, items, n_items, err);
    /* The commit may be durable and the copying into the file after it may have failed a sync,
     * which SQLite does not tell: this commit stands, no other may build on it. */
    if (vs_vfs_sync_failed(of(store)->vfs))
        atomic_store(&store->poisoned, true);
    return rc;
}

struct integrity {
    vs_store_fault *fault;
    void *context;
};

static int integrity_row(void *context, int n, char **values, char **names)
{
    struct integrity *to = context;
    (void)names;
    if (n > 0 && values[0] != NULL && strcmp(values[0], "ok") != 0)
        to->fault(to->context, "", "", values[0]);
    return 0;
}

static vs_rc sqlite_check(struct vs_store *store, vs_store_fault *fault, void *context,
                          struct vs_error *err)
{
    struct vs_connection *reader;
    VS_TRY(take_reader(of(store), &reader, err));
    struct integrity to = {fault, context};
    int rc = sqlite3_exec(reader->db, "PRAGMA integrity_check", integrity_row, &to, NULL);
    vs_rc result = rc == SQLITE_OK ? VS_OK : vs_connection_fail(reader, rc, "check", err);
    give_back(of(store), reader);
    if (result.code != VS_E_CORRUPT)
        return result;
    fault(context, "", "", sqlite3_errstr(rc)); /* too damaged even to be walked */
    return VS_OK;
}

static vs_rc sqlite_free_bytes(struct vs_store *store, uint64_t *ret, struct vs_error *err)
{
    struct sqlite_store *self = of(store);
    int error = self->files->free_bytes(self->files->context, self->path, ret);
    return error == 0 ? VS_OK
                      : vs_fail_file(err, error, "ask for the free space at", self->path);
}

static vs_rc sqlite_copy(struct vs_store *store, const char *path,
                         const struct vs_fileops *files, struct vs_store_copy **ret,
                         struct vs_error *err)
{
    return vs_sqlite_copy(of(store)->vfs, store->schema, of(store)->path, path, files, ret,
                          err);
}

static vs_rc sqlite_purge(struct vs_store *store, struct vs_error *err)
{
    vs_rc rc = vs_connection_fold(&of(store)->writer, err);
    if (vs_vfs_sync_failed(of(store)->vfs))
        atomic_store(&store->poisoned, true);
    return rc;
}

static const struct vs_backend backend = {sqlite_close, sqlite_commit, sqlite_select,
                                          sqlite_count, sqlite_check,  sqlite_free_bytes,
                                          sqlite_purge, sqlite_copy};

/* -- open ---------------------------------------------------------------------------------- */

static void release(struct sqlite_store *self)
{
    vs_vfs_free(self->vfs);
    pthread_cond_destroy(&self->returned);
    pthread_mutex_destroy(&self->pool_lock);
    vs_store_done(&self->base);
    vs_heap_free(self->path);
    vs_heap_free(self);
}

vs_rc vs_store_open(const struct vs_store_options *options, struct vs_store **ret,
                    struct vs_error *err)
{
    struct sqlite_store *self = vs_heap_new(sizeof *self);
    const struct vs_schema *schema = options->schema != NULL ? options->schema : &vs_schema;
    vs_store_init(&self->base, &backend, schema);
    self->files = options->files != NULL ? options->files : &vs_fileops_real;
    self->path = vs_heap_strdup(options->path);
    self->vfs = vs_vfs_new(self->files);
    self->most_readers = options->readers != 0 ? options->readers : READERS;
    VS_ASSERT(pthread_mutex_init(&self->pool_lock, NULL) == 0);
    VS_ASSERT(pthread_cond_init(&self->returned, NULL) == 0);
    struct vs_connection_options writer = {
        .path = self->path,
        .cache_bytes = options->cache_bytes != 0 ? options->cache_bytes : WRITER_CACHE,
        .checkpoint_pages =
            options->checkpoint_pages != 0 ? options->checkpoint_pages : CHECKPOINT_PAGES,
        .write = true};
    vs_rc rc = vs_connection_open(&self->writer, self->vfs, schema, &writer, err);
    if (!vs_ok(rc)) {
        release(self);
        return rc;
    }
    rc = vs_sqlite_migrate(&self->writer, err);
    if (!vs_ok(rc)) {
        vs_connection_close(&self->writer);
        release(self);
        return rc;
    }
    *ret = &self->base;
    return VS_OK;
}
