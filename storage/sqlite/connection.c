#include "storage/sqlite/connection.h"
#include <stdio.h>

enum { SQL_BYTES = 16 * 1024, BUSY_MS = 10000 };

enum statement_kind { INSERT, REPLACE, REMOVE, SELECT };

struct vs_statement {
    struct vs_statement *next;
    enum statement_kind kind;
    uint64_t shape; /* REPLACE: the set; SELECT: vs_sql_select_shape */
    sqlite3_stmt *stmt;
};

/* -- failures ------------------------------------------------------------------------------ */

static enum vs_code code_of(const struct vs_connection *self, int rc)
{
    if (vs_vfs_sync_failed(self->vfs))
        return VS_E_IO;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return VS_E_DISK_FULL;
    case SQLITE_NOMEM:
        return VS_E_NOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return VS_E_CORRUPT;
    default:
        return VS_E_IO;
    }
}

vs_rc vs_connection_fail(const struct vs_connection *self, int rc, const char *what,
                         struct vs_error *err)
{
    enum vs_code code = code_of(self, rc);
    int error = vs_vfs_last_error(self->vfs);
    bool device = (rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_FULL ||
                  (rc & 0xff) == SQLITE_CANTOPEN;
    return vs_fail(err, code, NULL, "cannot %s the store: %s%s%s", what, sqlite3_errstr(rc),
                   device && error != 0 ? ": " : "",
                   device && error != 0 ? strerror(error) : "");
}

/* -- statements ---------------------------------------------------------------------------- */

static vs_rc prepare(struct vs_connection *self, const char *sql, sqlite3_stmt **ret,
                     struct vs_error *err)
{
    int rc = sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    return rc == SQLITE_OK ? VS_OK
                           : vs_connection_fail(self, rc, "prepare a statement for", err);
}

static sqlite3_stmt *find_statement(struct vs_connection *self, size_t table,
                                    enum statement_kind kind, uint64_t shape)
{
    struct vs_statement *s = self->statements[table];
    while (s != NULL && (s->kind != kind || s->shape != shape))
        s = s->next;
    return s == NULL ? NULL : s->stmt;
}

static vs_rc keep_statement(struct vs_connection *self, size_t table, enum statement_kind kind,
                            uint64_t shape, const struct vs_buffer *sql, sqlite3_stmt **ret,
                            struct vs_error *err)
{
    VS_TRY(vs_buffer_check(sql, err));
    VS_TRY(prepare(self, (const char *)sql->ptr, ret, err));
    struct vs_statement *s = vs_heap_new(sizeof *s);
    *s = (struct vs_statement){self->statements[table], kind, shape, *ret};
    self->statements[table] = s;
    return VS_OK;
}

static size_t table_number(const struct vs_connection *self, const struct vs_table *table)
{
    return (size_t)(table - self->schema->tables);
}

static vs_rc write_statement(struct vs_connection *self, const struct vs_table *table,
                             enum statement_kind kind, uint64_t set, sqlite3_stmt **ret,
                             struct vs_error *err)
{
    size_t number = table_number(self, table);
    *ret = find_statement(self, number, kind, set);
    if (*ret != NULL)
        return VS_OK;
    VS_BUFFER sql;
    vs_buffer_init(&sql, SQL_BYTES);
    if (kind == INSERT)
        vs_sql_insert(&sql, table);
    else if (kind == REPLACE)
        vs_sql_replace(&sql, table, set);
    else
        vs_sql_remove(&sql, table);
    return keep_statement(self, number, kind, set, &sql, ret, err);
}

static vs_rc select_statement(struct vs_connection *self, const struct vs_plan *plan,
                              bool count, sqlite3_stmt **ret, struct vs_error *err)
{
    size_t number = table_number(self, plan->table);
    uint64_t shape = vs_sql_select_shape(plan, count);
    *ret = find_statement(self, number, SELECT, shape);
    if (*ret != NULL)
        return VS_OK;
    VS_BUFFER sql;
    vs_buffer_init(&sql, SQL_BYTES);
    vs_sql_select(&sql, plan, count);
    return keep_statement(self, number, SELECT, shape, &sql, ret, err);
}

/* -- open and close ------------------------------------------------------------------------ */

vs_rc vs_connection_run(struct vs_connection *self, const char *sql, struct vs_error *err)
{
    int rc = sqlite3_exec(self->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? VS_OK : vs_connection_fail(self, rc, "set up", err);
}

vs_rc vs_connection_number(struct vs_connection *self, const char *sql, int64_t *ret,
                           struct vs_error *err)
{
    sqlite3_stmt *stmt;
    VS_TRY(prepare(self, sql, &stmt, err));
    int rc = sqlite3_step(stmt);
    *ret = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? VS_OK
                                                 : vs_connection_fail(self, rc, "read", err);
}

vs_rc vs_connection_use_wal(struct vs_connection *self, struct vs_error *err)
{
    sqlite3_stmt *stmt;
    VS_TRY(prepare(self, "PRAGMA journal_mode=WAL", &stmt, err));
    int rc = sqlite3_step(stmt);
    bool wal =
        rc == SQLITE_ROW && vs_text_equal((const char *)sqlite3_column_text(stmt, 0), "wal");
    sqlite3_finalize(stmt);
    if (rc != SQLITE_ROW)
        return vs_connection_fail(self, rc, "open", err);
    return wal ? VS_OK : vs_fail(err, VS_E_IO, NULL, "the store cannot use a write-ahead log");
}

static vs_rc set_up(struct vs_connection *self, const struct vs_connection_options *options,
                    struct vs_error *err)
{
    char sql[400];
    sqlite3_extended_result_codes(self->db, 1);
    sqlite3_busy_timeout(self->db, BUSY_MS);
    /* FULL: the log is synced at each commit, before it returns. */
    snprintf(sql, sizeof sql,
             "PRAGMA temp_store=MEMORY;PRAGMA cache_size=-%zu;PRAGMA cell_size_check=ON;"
             "PRAGMA trusted_schema=OFF;PRAGMA synchronous=FULL;PRAGMA wal_autocheckpoint=%u;"
             "PRAGMA journal_size_limit=67108864;PRAGMA secure_delete=ON;PRAGMA query_only=%d",
             options->cache_bytes / 1024, options->checkpoint_pages, !options->write);
    VS_TRY(vs_connection_run(self, sql, err));
    if (!options->write)
        return VS_OK;
    VS_TRY(prepare(self, "BEGIN IMMEDIATE", &self->begin, err));
    VS_TRY(prepare(self, "COMMIT", &self->commit, err));
    return prepare(self, "ROLLBACK", &self->rollback, err);
}

vs_rc vs_connection_open(struct vs_connection *self, const struct vs_vfs *vfs,
                         const struct vs_schema *schema,
                         const struct vs_connection_options *options, struct vs_error *err)
{
    *self = (struct vs_connection){.vfs = vfs, .schema = schema};
    self->statements = vs_heap_array(schema->n_tables, sizeof *self->statements);
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (options->write ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(options->path, &self->db, flags, vs_vfs_name(vfs));
    vs_rc result = VS_OK;
    if (rc != SQLITE_OK && vs_vfs_in_use(vfs))
        result = vs_fail(err, VS_E_STORE_IN_USE, NULL, "another process has the store %s",
                         options->path);
    else if (rc != SQLITE_OK)
        result = vs_connection_fail(self, rc, "open", err);
    else
        result = set_up(self, options, err);
    if (!vs_ok(result))
        vs_connection_close(self);
    return result;
}

void vs_connection_close(struct vs_connection *self)
{
    for (size_t t = 0; t < self->schema->n_tables; t++) {
        struct vs_statement *s = self->statements[t];
        while (s != NULL) {
            struct vs_statement *next = s->next;
            sqlite3_finalize(s->stmt);
            vs_heap_free(s);
            s = next;
        }
    }
    vs_heap_free(self->statements);
    sqlite3_finalize(self->begin);
    sqlite3_finalize(self->commit);
    sqlite3_finalize(self->rollback);
    VS_ASSERT(sqlite3_close(self->db) == SQLITE_OK);
}

/* -- binding and reading ------------------------------------------------------------------- */

static int bind(sqlite3_stmt *stmt, int at, const struct vs_value *value)
{
    const void *bytes = value->bytes.len == 0 ? "" : (const void *)value->bytes.ptr;
    switch (value->type) {
    case VS_INT:
        return sqlite3_bind_int64(stmt, at, value->integer);
    case VS_TEXT:
        return sqlite3_bind_text64(stmt, at, bytes, value->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case VS_BLOB:
        return sqlite3_bind_blob64(stmt, at, bytes, value->bytes.len, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, at);
    }
}

static int bind_all(sqlite3_stmt *stmt, int *at, const struct vs_value *values, size_t n)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = bind(stmt, (*at)++, &values[i]);
    return rc;
}

static vs_rc read_value(sqlite3_stmt *stmt, int at, struct vs_arena *arena,
                        struct vs_value *ret, struct vs_error *err)
{
    switch (sqlite3_column_type(stmt, at)) {
    case SQLITE_INTEGER:
        *ret = vs_int(sqlite3_column_int64(stmt, at));
        return VS_OK;
    case SQLITE_NULL:
        *ret = vs_null();
        return VS_OK;
    case SQLITE_TEXT:
        *ret = vs_text_bytes(VS_BYTES(sqlite3_column_text(stmt, at), 0));
        break;
    default: /* a float is damage: as bytes its checksum cannot fit */
        *ret = vs_blob(VS_BYTES(sqlite3_column_blob(stmt, at), 0));
        break;
    }
    struct vs_value borrowed = *ret;
    borrowed.bytes.len = (size_t)sqlite3_column_bytes(stmt, at);
    return vs_values_copy(arena, &borrowed, 1, ret, err);
}

static vs_rc read_row(sqlite3_stmt *stmt, const struct vs_plan *plan, struct vs_row_list *list,
                      struct vs_error *err)
{
    int n = (int)plan->table->n_columns;
    struct vs_value *values = vs_arena_make_n(list->arena, struct vs_value, (size_t)n);
    if (values == NULL)
        return vs_fail_memory(err);
    for (int i = 0; i < n; i++)
        VS_TRY(read_value(stmt, i, list->arena, &values[i], err));
    struct vs_row row = {values, sqlite3_column_int64(stmt, n), false};
    return vs_row_list_add(list, plan, row, (uint32_t)sqlite3_column_int64(stmt, n + 1), err);
}

static int bind_plan(sqlite3_stmt *stmt, const struct vs_plan *plan)
{
    const struct vs_query *q = plan->query;
    int at = 1, rc = SQLITE_OK;
    for (size_t i = 0; i < q->n_equal && rc == SQLITE_OK; i++)
        if (q->equal[i].type != VS_NULL)
            rc = bind(stmt, at++, &q->equal[i]);
    if (rc == SQLITE_OK && q->low != NULL)
        rc = bind(stmt, at++, q->low);
    if (rc == SQLITE_OK && q->high != NULL)
        rc = bind(stmt, at++, q->high);
    if (rc == SQLITE_OK)
        rc = bind_all(stmt, &at, q->after, q->n_after);
    return rc == SQLITE_OK ? sqlite3_bind_int64(stmt, at, (int64_t)plan->limit) : rc;
}

static vs_rc read_rows(struct vs_connection *self, sqlite3_stmt *stmt,
                       const struct vs_plan *plan, struct vs_row_list *list,
                       struct vs_error *err)
{
    int rc = bind_plan(stmt, plan);
    if (rc != SQLITE_OK)
        return vs_connection_fail(self, rc, "ask", err);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        VS_TRY(read_row(stmt, plan, list, err));
    if (rc != SQLITE_DONE)
        return vs_connection_fail(self, rc, "read", err);
    return VS_OK;
}

/* Values are bound without a copy: they must be gone from the statement before the caller's
 * are. */
static void let_go(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

vs_rc vs_connection_select(struct vs_connection *self, struct vs_arena *arena,
                           const struct vs_plan *plan, const struct vs_row **ret_rows,
                           size_t *ret_n, struct vs_error *err)
{
    sqlite3_stmt *stmt;
    VS_TRY(select_statement(self, plan, false, &stmt, err));
    struct vs_row_list list = {.arena = arena};
    vs_rc rc = read_rows(self, stmt, plan, &list, err);
    let_go(stmt);
    VS_TRY(rc);
    *ret_rows = list.rows;
    *ret_n = list.n;
    return VS_OK;
}

vs_rc vs_connection_count(struct vs_connection *self, const struct vs_plan *plan, uint64_t *ret,
                          struct vs_error *err)
{
    sqlite3_stmt *stmt;
    VS_TRY(select_statement(self, plan, true, &stmt, err));
    int rc = bind_plan(stmt, plan);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    *ret = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    let_go(stmt);
    return rc == SQLITE_ROW ? VS_OK : vs_connection_fail(self, rc, "count", err);
}

/* -- writing ------------------------------------------------------------------------------- */

static vs_rc step_once(struct vs_connection *self, sqlite3_stmt *stmt, const char *what,
                       struct vs_error *err)
{
    int rc = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return rc == SQLITE_DONE ? VS_OK : vs_connection_fail(self, rc, what, err);
}

vs_rc vs_connection_begin(struct vs_connection *self, struct vs_error *err)
{
    return step_once(self, self->begin, "write to", err);
}

vs_rc vs_connection_commit(struct vs_connection *self, struct vs_error *err)
{
    return step_once(self, self->commit, "commit to", err);
}

vs_rc vs_connection_fold(struct vs_connection *self, struct vs_error *err)
{
    int in_log = 0, folded = 0;
    sqlite3_busy_timeout(self->db, 0); /* commits wait for this: it waits for nobody */
    int rc =
        sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &in_log, &folded);
    sqlite3_busy_timeout(self->db, BUSY_MS);
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return vs_fail(err, VS_E_BUSY, NULL, "a read still uses the store's log");
    return rc == SQLITE_OK ? VS_OK : vs_connection_fail(self, rc, "fold the log of", err);
}

/* SQLite has rolled back by itself after some failures; what fails here, the close undoes. */
void vs_connection_rollback(struct vs_connection *self)
{
    if (sqlite3_get_autocommit(self->db) == 0)
        sqlite3_step(self->rollback);
    sqlite3_reset(self->rollback);
}

vs_rc vs_connection_find(struct vs_connection *self, struct vs_arena *arena,
                         const struct vs_table *table, const struct vs_value *key,
                         const struct vs_row **ret, struct vs_error *err)
{
    struct vs_query query = {.equal = key, .n_equal = table->n_key};
    struct vs_plan plan = {.query = &query, .table = table, .limit = 1};
    for (uint8_t c = 0; c < table->n_key; c++)
        plan.sequence[plan.n_sequence++] = c;
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_connection_select(self, arena, &plan, &rows, &n, err));
    *ret = n == 0 ? NULL : rows;
    return VS_OK;
}

static vs_rc step_write(struct vs_connection *self, sqlite3_stmt *stmt, int bound,
                        bool *ret_clash, struct vs_error *err)
{
    int rc = bound == SQLITE_OK ? sqlite3_step(stmt) : bound;
    let_go(stmt);
    *ret_clash = rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_UNIQUE;
    return rc == SQLITE_DONE || *ret_clash ? VS_OK
                                           : vs_connection_fail(self, rc, "write to", err);
}

static int bind_tail(sqlite3_stmt *stmt, int *at, const struct vs_table *table,
                     const struct vs_row *row)
{
    struct vs_value tail[] = {vs_int(row->version), vs_int(vs_row_sum(table, row))};
    return bind_all(stmt, at, tail, 2);
}

vs_rc vs_connection_insert(struct vs_connection *self, const struct vs_table *table,
                           const struct vs_row *row, bool *ret_clash, struct vs_error *err)
{
    sqlite3_stmt *stmt;
    VS_TRY(write_statement(self, table, INSERT, 0, &stmt, err));
    int at = 1, rc = bind_all(stmt, &at, row->values, table->n_columns);
    if (rc == SQLITE_OK)
        rc = bind_tail(stmt, &at, table, row);
    return step_write(self, stmt, rc, ret_clash, err);
}

vs_rc vs_connection_replace(struct vs_connection *self, const struct vs_table *table,
                            const struct vs_row *row, uint64_t set, bool *ret_clash,
                            struct vs_error *err)
{
    sqlite3_stmt *stmt;
    VS_TRY(write_statement(self, table, REPLACE, set, &stmt, err));
    int at = 1, rc = SQLITE_OK;
    for (size_t i = 0; i < table->n_columns && rc == SQLITE_OK; i++)
        if (set & VS_SET(i))
            rc = bind(stmt, at++, &row->values[i]);
    if (rc == SQLITE_OK)
        rc = bind_tail(stmt, &at, table, row);
    if (rc == SQLITE_OK)
        rc = bind_all(stmt, &at, row->values, table->n_key);
    return step_write(self, stmt, rc, ret_clash, err);
}

vs_rc vs_connection_remove(struct vs_connection *self, const struct vs_table *table,
                           const struct vs_value *key, struct vs_error *err)
{
    sqlite3_stmt *stmt;
    bool clash;
    VS_TRY(write_statement(self, table, REMOVE, 0, &stmt, err));
    int at = 1, rc = bind_all(stmt, &at, key, table->n_key);
    return step_write(self, stmt, rc, &clash, err);
}
