/* schema.h - the tables as data: from it every backend makes its tables, statements and checks.
 *
 * The content is tables.def, one block a table; this header turns it into enumerations, so that
 * a row is written as
 *
 *     struct vs_value row[VS_WORK_COLUMNS] = {[VS_WORK_ID] = vs_blob(id), ...};
 *     ops[n++] = vs_op_insert(VS_T_WORK, row);
 *
 * Besides its columns every row has a version (1 when inserted, one more with each change; see
 * store.h) and a checksum over all its columns and the version, both kept by the engine.
 *
 * Versions. A store carries the version of the schema that wrote it. Opening an older one
 * brings it forward in one transaction: missing tables, optional columns and indexes are added,
 * then the steps of vs_schema.migrations run in order. There is no way back; a store of a newer
 * version is refused (VS_E_STORE_NEWER). Rules that keep this true: columns are only ever added
 * at the end of their table and are optional; first expand, contract in a later version; names
 * are never reused with another meaning. Until the first release everything is version 1. */
#ifndef VS_STORAGE_SCHEMA_H
#define VS_STORAGE_SCHEMA_H
#include "storage/value.h"

#define VS_SCHEMA_VERSION 1

enum { VS_MAX_COLUMNS = 40, VS_MAX_INDEX_COLUMNS = 6, VS_MAX_KEY_COLUMNS = 4 };

struct vs_column {
    const char *name;
    enum vs_type type; /* never VS_NULL */
    bool optional;     /* may be VS_NULL */
};

enum {
    VS_UNIQUE =
        1, /* no two rows with the same values; rows with a VS_NULL among them never clash */
    VS_SPARSE =
        2, /* holds only rows whose first index column is not VS_NULL: for work still to do */
    VS_SPARSE_END = 4, /* the same of the last: for what is filled in later */
};

struct vs_index {
    const char *name;
    unsigned flags;
    size_t n_columns;
    uint8_t columns[VS_MAX_INDEX_COLUMNS];
};
/* The column that decides whether a sparse index has a row. */
static inline size_t vs_index_sparse_by(unsigned flags, size_t n_columns)
{
    return flags & VS_SPARSE_END ? n_columns - 1 : 0;
}

struct vs_table {
    const char *name;
    size_t n_key; /* the first n_key columns identify a row; time-ordered ids come first */
    const struct vs_column *columns;
    size_t n_columns;
    const struct vs_index *indexes;
    size_t n_indexes;
};

/* One step after the automatic additions, on the way to version `to`. Exactly one of `convert`
 * and `drop` is meant. */
struct vs_migration {
    unsigned to;
    const char *table;
    /* Changes `values` (all columns of one row, in order) in place; key columns must stay. What
     * it allocates comes from `arena`. `ret_changed` false leaves the row alone. */
    vs_rc (*convert)(struct vs_arena *arena, struct vs_value *values, bool *ret_changed,
                     struct vs_error *err);
    bool drop; /* the whole table, which vs_schema no longer lists */
};

struct vs_schema {
    unsigned version;
    const struct vs_table *tables;
    size_t n_tables;
    const struct vs_migration *migrations; /* ascending by `to` */
    size_t n_migrations;
};

/* Vasite's own. */
extern const struct vs_schema vs_schema;

/* The macros open and close enumerations. */
/* clang-format off */
/* VS_T_<TABLE> */
enum vs_table_id {
#define VS_TABLE(T, name, n_key) VS_T_##T,
#define VS_COLUMN(T, C, name, type)
#define VS_OPTIONAL(T, C, name, type)
#define VS_INDEX(T, I, name, flags, ...)
#define VS_TABLE_END(T)
#include "storage/tables.def"
#undef VS_TABLE
    VS_TABLES
};

/* VS_<TABLE>_<COLUMN>, VS_<TABLE>_COLUMNS */
#define VS_TABLE(T, name, n_key)      enum vs_columns_of_##T {
#undef VS_COLUMN
#undef VS_OPTIONAL
#undef VS_TABLE_END
#define VS_COLUMN(T, C, name, type)   VS_##T##_##C,
#define VS_OPTIONAL(T, C, name, type) VS_##T##_##C,
#define VS_TABLE_END(T)               VS_##T##_COLUMNS };
#include "storage/tables.def"
#undef VS_TABLE
#undef VS_COLUMN
#undef VS_OPTIONAL
#undef VS_INDEX
#undef VS_TABLE_END

/* VS_<TABLE>_BY_KEY = 0, then its indexes as named: what vs_query.index takes */
#define VS_TABLE(T, name, n_key)         enum vs_indexes_of_##T { VS_##T##_BY_KEY,
#define VS_COLUMN(T, C, name, type)
#define VS_OPTIONAL(T, C, name, type)
#define VS_INDEX(T, I, name, flags, ...) VS_##T##_##I,
#define VS_TABLE_END(T)                  VS_##T##_INDEXES };
#include "storage/tables.def"
#undef VS_TABLE
#undef VS_COLUMN
#undef VS_OPTIONAL
#undef VS_INDEX
#undef VS_TABLE_END

/* clang-format on */

/* A bug in a schema (a doubled name, an optional key, an unknown column) aborts. Called once
 * for vs_schema by every open. */
void vs_schema_assert(const struct vs_schema *schema);
#endif
