/* copy.c - the store as it is at one moment, into another file, page by page.
 *
 * A reading connection of its own holds one transaction from begin to end: in write-ahead
 * logging that is a snapshot which stops no writer. SQLite's online backup starts anew whenever
 * its source changes between two steps; within one transaction the source never does. The log
 * cannot be emptied meanwhile and grows by what is written. */
#include "storage/backend.h"
#include "storage/sqlite/connection.h"

enum { PAGES_A_STEP = 256, PAGE_BYTES = 4096, CACHE_BYTES = 2 * 1024 * 1024 };

struct sqlite_copy {
    struct vs_store_copy base;
    struct vs_vfs *vfs; /* of the new file: its failures are not the store's */
    struct vs_connection from, to;
    bool from_open, to_open;
    sqlite3_backup *backup;
};

static vs_rc open_both(struct sqlite_copy *self, const struct vs_vfs *vfs,
                       const struct vs_schema *schema, const char *path, const char *to,
                       struct vs_error *err)
{
    struct vs_connection_options reading = {.path = path, .cache_bytes = CACHE_BYTES};
    struct vs_connection_options writing = {
        .path = to, .cache_bytes = CACHE_BYTES, .write = true};
    VS_TRY(vs_connection_open(&self->from, vfs, schema, &reading, err));
    self->from_open = true;
    VS_TRY(vs_connection_run(&self->from, "BEGIN;SELECT count(*) FROM sqlite_schema", err));
    VS_TRY(vs_connection_open(&self->to, self->vfs, schema, &writing, err));
    self->to_open = true;
    /* A file that is not wholly there is removed: no need to be able to roll it back. */
    VS_TRY(vs_connection_run(&self->to, "PRAGMA journal_mode=OFF", err));
    self->backup = sqlite3_backup_init(self->to.db, "main", self->from.db, "main");
    if (self->backup == NULL)
        return vs_connection_fail(&self->to, sqlite3_errcode(self->to.db), "copy", err);
    return VS_OK;
}

static vs_rc copy_step(struct vs_store_copy *base, bool *ret_done, uint64_t *ret_bytes,
                       uint64_t *ret_total, struct vs_error *err)
{
    struct sqlite_copy *self = (struct sqlite_copy *)base;
    int rc = sqlite3_backup_step(self->backup, PAGES_A_STEP);
    int total = sqlite3_backup_pagecount(self->backup);
    *ret_done = rc == SQLITE_DONE;
    *ret_total = (uint64_t)total * PAGE_BYTES;
    *ret_bytes = (uint64_t)(total - sqlite3_backup_remaining(self->backup)) * PAGE_BYTES;
    if (rc != SQLITE_OK && rc != SQLITE_DONE)
        return vs_connection_fail(&self->to, rc, "copy", err);
    return VS_OK;
}

static void copy_end(struct vs_store_copy *base)
{
    struct sqlite_copy *self = (struct sqlite_copy *)base;
    if (self->backup != NULL)
        (void)sqlite3_backup_finish(self->backup); /* steps have told what failed */
    if (self->to_open)
        vs_connection_close(&self->to);
    if (self->from_open) {
        (void)sqlite3_exec(self->from.db, "ROLLBACK", NULL, NULL, NULL);
        vs_connection_close(&self->from);
    }
    vs_vfs_free(self->vfs);
    vs_heap_free(self);
}

vs_rc vs_sqlite_copy(const struct vs_vfs *vfs, const struct vs_schema *schema, const char *path,
                     const char *to, const struct vs_fileops *files, struct vs_store_copy **ret,
                     struct vs_error *err)
{
    struct sqlite_copy *self = vs_heap_new(sizeof *self);
    self->base = (struct vs_store_copy){copy_step, copy_end};
    self->vfs = vs_vfs_new(files);
    vs_rc rc = open_both(self, vfs, schema, path, to, err);
    if (vs_ok(rc))
        *ret = &self->base;
    else
        copy_end(&self->base);
    return rc;
}
