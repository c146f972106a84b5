/* connection.h - one SQLite connection with its prepared statements. One thread at a time. */
#ifndef VS_STORAGE_SQLITE_CONNECTION_H
#define VS_STORAGE_SQLITE_CONNECTION_H
#include "storage/sqlite/sql.h"
#include "storage/sqlite/vfs.h"

struct vs_statement;

struct vs_connection {
    struct vs_connection *next; /* in the pool */
    sqlite3 *db;
    const struct vs_vfs *vfs;
    const struct vs_schema *schema;
    struct vs_statement **statements; /* of each table, a short list */
    sqlite3_stmt *begin, *commit, *rollback;
};

struct vs_connection_options {
    const char *path;
    size_t cache_bytes;
    unsigned checkpoint_pages; /* of the writing one */
    bool write;
};
VS_NODISCARD vs_rc vs_connection_open(struct vs_connection *self, const struct vs_vfs *vfs,
                                      const struct vs_schema *schema,
                                      const struct vs_connection_options *options,
                                      struct vs_error *err);
void vs_connection_close(struct vs_connection *self);

/* Switches the file to a write-ahead log, where it has none yet. */
VS_NODISCARD vs_rc vs_connection_use_wal(struct vs_connection *self, struct vs_error *err);

/* SQLite's `rc` as a failure; `what` was being done. */
VS_NODISCARD vs_rc vs_connection_fail(const struct vs_connection *self, int rc,
                                      const char *what, struct vs_error *err);
/* SQL without results or parameters. */
VS_NODISCARD vs_rc vs_connection_run(struct vs_connection *self, const char *sql,
                                     struct vs_error *err);
/* A number that one statement yields, 0 when it yields none. */
VS_NODISCARD vs_rc vs_connection_number(struct vs_connection *self, const char *sql,
                                        int64_t *ret, struct vs_error *err);

/* The write-ahead log into the file, and the log emptied. VS_E_BUSY: a reader needs it. */
VS_NODISCARD vs_rc vs_connection_fold(struct vs_connection *self, struct vs_error *err);

VS_NODISCARD vs_rc vs_connection_begin(struct vs_connection *self, struct vs_error *err);
VS_NODISCARD vs_rc vs_connection_commit(struct vs_connection *self, struct vs_error *err);
void vs_connection_rollback(struct vs_connection *self);

VS_NODISCARD vs_rc vs_connection_select(struct vs_connection *self, struct vs_arena *arena,
                                        const struct vs_plan *plan,
                                        const struct vs_row **ret_rows, size_t *ret_n,
                                        struct vs_error *err);
VS_NODISCARD vs_rc vs_connection_count(struct vs_connection *self, const struct vs_plan *plan,
                                       uint64_t *ret, struct vs_error *err);
/* As in vs_primitives. */
VS_NODISCARD vs_rc vs_connection_find(struct vs_connection *self, struct vs_arena *arena,
                                      const struct vs_table *table, const struct vs_value *key,
                                      const struct vs_row **ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_connection_insert(struct vs_connection *self,
                                        const struct vs_table *table, const struct vs_row *row,
                                        bool *ret_clash, struct vs_error *err);
VS_NODISCARD vs_rc vs_connection_replace(struct vs_connection *self,
                                         const struct vs_table *table, const struct vs_row *row,
                                         uint64_t set, bool *ret_clash, struct vs_error *err);
VS_NODISCARD vs_rc vs_connection_remove(struct vs_connection *self,
                                        const struct vs_table *table,
                                        const struct vs_value *key, struct vs_error *err);

/* copy.c: the store at `path`, reached through `vfs`, into the new file `to`. */
struct vs_store_copy;
VS_NODISCARD vs_rc vs_sqlite_copy(const struct vs_vfs *vfs, const struct vs_schema *schema,
                                  const char *path, const char *to,
                                  const struct vs_fileops *files, struct vs_store_copy **ret,
                                  struct vs_error *err);

/* migrate.c: bring the store to the schema's version (schema.h). */
VS_NODISCARD vs_rc vs_sqlite_migrate(struct vs_connection *self, struct vs_error *err);
#endif
