/* migrate.c - bring a store forward to the schema of this program, in one transaction. */
#include "storage/sqlite/connection.h"

enum { APPLICATION_ID = 0x56535445 /* "VSTE" */, SQL_BYTES = 16 * 1024, PAGE_ROWS = 256 };

/* Whether sqlite_schema has the object; `sql` not NULL: with exactly this text. */
static vs_rc has_object(struct vs_connection *self, const char *type, const char *name,
                        const char *sql, bool *ret, struct vs_error *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(self->db,
                                "SELECT 1 FROM sqlite_schema WHERE type=?1 AND name=?2 AND "
                                "(?3 IS NULL OR sql=?3)",
                                -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, type, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 3, sql, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        *ret = rc == SQLITE_ROW;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE
               ? VS_OK
               : vs_connection_fail(self, rc, "read the schema of", err);
}

static vs_rc has_column(struct vs_connection *self, const char *table, const char *column,
                        bool *ret, struct vs_error *err)
{
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(self->db, "SELECT 1 FROM pragma_table_info(?1) WHERE name=?2",
                                -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC);
        sqlite3_bind_text(stmt, 2, column, -1, SQLITE_STATIC);
        rc = sqlite3_step(stmt);
        *ret = rc == SQLITE_ROW;
    }
    sqlite3_finalize(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE
               ? VS_OK
               : vs_connection_fail(self, rc, "read the schema of", err);
}

static vs_rc run(struct vs_connection *self, const struct vs_buffer *sql, struct vs_error *err)
{
    VS_TRY(vs_buffer_check(sql, err));
    return vs_connection_run(self, (const char *)sql->ptr, err);
}

static vs_rc add_columns(struct vs_connection *self, const struct vs_table *table,
                         struct vs_error *err)
{
    for (size_t c = 0; c < table->n_columns; c++) {
        bool there;
        VS_TRY(has_column(self, table->name, table->columns[c].name, &there, err));
        if (there)
            continue;
        if (!table->columns[c].optional)
            return vs_fail(
                err, VS_E_CONFIG, NULL,
                "the store's table %s has no column %s: an unreleased program made it",
                table->name, table->columns[c].name);
        VS_BUFFER sql;
        vs_buffer_init(&sql, SQL_BYTES);
        vs_sql_add_column(&sql, table, c);
        VS_TRY(run(self, &sql, err));
    }
    return VS_OK;
}

static vs_rc add_index(struct vs_connection *self, const struct vs_table *table,
                       const struct vs_index *index, struct vs_error *err)
{
    VS_BUFFER sql, drop;
    vs_buffer_init(&sql, SQL_BYTES);
    vs_buffer_init(&drop, SQL_BYTES);
    vs_sql_create_index(&sql, table, index);
    VS_TRY(vs_buffer_check(&sql, err));
    bool same;
    VS_TRY(has_object(self, "index", index->name, (const char *)sql.ptr, &same, err));
    if (same)
        return VS_OK;
    vs_buffer_printf(&drop, "DROP INDEX IF EXISTS \"%s\"", index->name);
    VS_TRY(run(self, &drop, err));
    return run(self, &sql, err);
}

static vs_rc expand(struct vs_connection *self, const struct vs_table *table,
                    struct vs_error *err)
{
    bool there;
    VS_TRY(has_object(self, "table", table->name, NULL, &there, err));
    if (there) {
        VS_TRY(add_columns(self, table, err));
    } else {
        VS_BUFFER sql;
        vs_buffer_init(&sql, SQL_BYTES);
        vs_sql_create_table(&sql, table);
        VS_TRY(run(self, &sql, err));
    }
    for (size_t i = 0; i < table->n_indexes; i++)
        VS_TRY(add_index(self, table, &table->indexes[i], err));
    return VS_OK;
}

/* -- steps --------------------------------------------------------------------------------- */

static vs_rc convert_row(struct vs_connection *self, const struct vs_migration *step,
                         const struct vs_table *table, const struct vs_row *row,
                         struct vs_arena *arena, struct vs_error *err)
{
    struct vs_value values[VS_MAX_COLUMNS];
    bool changed = false, clash;
    memcpy(values, row->values, table->n_columns * sizeof *values);
    VS_TRY(step->convert(arena, values, &changed, err));
    if (!changed)
        return VS_OK;
    uint64_t all = (UINT64_C(1) << table->n_columns) - (UINT64_C(1) << table->n_key);
    VS_ASSERT(vs_values_compare(values, row->values, table->n_key) == 0);
    struct vs_row fresh = {values, row->version + 1, false};
    VS_TRY(vs_connection_replace(self, table, &fresh, all, &clash, err));
    return clash ? vs_fail_row(err, table, values, "a migration makes it clash with another")
                 : VS_OK;
}

static vs_rc convert_page(struct vs_connection *self, const struct vs_migration *step,
                          const struct vs_table *table, struct vs_value *after, bool *first,
                          bool *ret_more, struct vs_arena *keys, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(SIZE_MAX / 2);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_query query = {.after = after, .n_after = *first ? 0 : table->n_key};
    struct vs_plan plan = {.query = &query, .table = table, .limit = PAGE_ROWS};
    for (uint8_t c = 0; c < table->n_key; c++)
        plan.sequence[plan.n_sequence++] = c;
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_connection_select(self, arena, &plan, &rows, &n, err));
    for (size_t i = 0; i < n; i++)
        VS_TRY(convert_row(self, step, table, &rows[i], arena, err));
    *first = false;
    *ret_more = n == PAGE_ROWS;
    vs_arena_reset(keys);
    return n == 0 ? VS_OK : vs_values_copy(keys, rows[n - 1].values, table->n_key, after, err);
}

static vs_rc convert(struct vs_connection *self, const struct vs_migration *step,
                     struct vs_error *err)
{
    const struct vs_table *table = NULL;
    for (size_t t = 0; t < self->schema->n_tables; t++)
        if (vs_text_equal(self->schema->tables[t].name, step->table))
            table = &self->schema->tables[t];
    VS_ASSERT(table != NULL);
    VS_ARENA *keys = vs_arena_new(1024 * 1024);
    if (keys == NULL)
        return vs_fail_memory(err);
    struct vs_value after[VS_MAX_KEY_COLUMNS];
    bool first = true, more = true;
    while (more)
        VS_TRY(convert_page(self, step, table, after, &first, &more, keys, err));
    return VS_OK;
}

static vs_rc drop(struct vs_connection *self, const char *table, struct vs_error *err)
{
    VS_BUFFER sql;
    vs_buffer_init(&sql, SQL_BYTES);
    vs_buffer_printf(&sql, "DROP TABLE IF EXISTS \"%s\"", table);
    return run(self, &sql, err);
}

static vs_rc bring_forward(struct vs_connection *self, int64_t from, struct vs_error *err)
{
    const struct vs_schema *schema = self->schema;
    for (size_t t = 0; t < schema->n_tables; t++)
        VS_TRY(expand(self, &schema->tables[t], err));
    for (size_t m = 0; m < schema->n_migrations; m++) {
        const struct vs_migration *step = &schema->migrations[m];
        if ((int64_t)step->to <= from || from == 0)
            continue; /* a new store has no rows to convert and nothing to drop */
        if (step->drop)
            VS_TRY(drop(self, step->table, err));
        else
            VS_TRY(convert(self, step, err));
    }
    if (from == (int64_t)schema->version)
        return VS_OK;
    VS_BUFFER sql;
    vs_buffer_init(&sql, SQL_BYTES);
    vs_buffer_printf(&sql, "PRAGMA application_id=%d;PRAGMA user_version=%u", APPLICATION_ID,
                     schema->version);
    return run(self, &sql, err);
}

vs_rc vs_sqlite_migrate(struct vs_connection *self, struct vs_error *err)
{
    int64_t version, application, objects;
    VS_TRY(vs_connection_number(self, "PRAGMA user_version", &version, err));
    VS_TRY(vs_connection_number(self, "PRAGMA application_id", &application, err));
    VS_TRY(vs_connection_number(self, "SELECT count(*) FROM sqlite_schema", &objects, err));
    if (objects > 0 && application != APPLICATION_ID)
        return vs_fail(err, VS_E_CONFIG, NULL, "the file is a database of another program");
    if (version > (int64_t)self->schema->version)
        return vs_fail(err, VS_E_STORE_NEWER, NULL,
                       "the store has version %lld, this program knows up to %u",
                       (long long)version, self->schema->version);
    VS_TRY(vs_connection_use_wal(self, err));
    VS_TRY(vs_connection_begin(self, err));
    vs_rc rc = bring_forward(self, version, err);
    if (vs_ok(rc))
        rc = vs_connection_commit(self, err);
    if (!vs_ok(rc))
        vs_connection_rollback(self);
    return rc;
}
