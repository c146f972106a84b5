#include "storage/sqlite/sql.h"

static const char *sql_type(enum vs_type type)
{
    static const char *const names[] = {"", "INTEGER", "TEXT", "BLOB"};
    return names[type];
}

static void name(struct vs_buffer *out, const char *before, const char *text)
{
    vs_buffer_printf(out, "%s\"%s\"", before, text);
}

static void column_definition(struct vs_buffer *out, const struct vs_column *column)
{
    name(out, "", column->name);
    vs_buffer_printf(out, " %s%s", sql_type(column->type), column->optional ? "" : " NOT NULL");
}

static void key_names(struct vs_buffer *out, const struct vs_table *table)
{
    for (size_t i = 0; i < table->n_key; i++)
        name(out, i == 0 ? "" : ",", table->columns[i].name);
}

/* WITHOUT ROWID: one tree per table, in the order of time-ordered ids. */
void vs_sql_create_table(struct vs_buffer *out, const struct vs_table *table)
{
    name(out, "CREATE TABLE ", table->name);
    vs_buffer_text(out, "(");
    for (size_t i = 0; i < table->n_columns; i++) {
        column_definition(out, &table->columns[i]);
        vs_buffer_text(out, ",");
    }
    vs_buffer_text(out, "\"_version\" INTEGER NOT NULL,\"_sum\" INTEGER NOT NULL,PRIMARY KEY(");
    key_names(out, table);
    vs_buffer_text(out, ")) STRICT, WITHOUT ROWID");
}

void vs_sql_add_column(struct vs_buffer *out, const struct vs_table *table, size_t column)
{
    name(out, "ALTER TABLE ", table->name);
    vs_buffer_text(out, " ADD COLUMN ");
    column_definition(out, &table->columns[column]);
}

void vs_sql_create_index(struct vs_buffer *out, const struct vs_table *table,
                         const struct vs_index *index)
{
    vs_buffer_printf(out, "CREATE %sINDEX ", index->flags & VS_UNIQUE ? "UNIQUE " : "");
    name(out, "", index->name);
    name(out, " ON ", table->name);
    for (size_t i = 0; i < index->n_columns; i++)
        name(out, i == 0 ? "(" : ",", table->columns[index->columns[i]].name);
    vs_buffer_text(out, ")");
    if (index->flags & (VS_SPARSE | VS_SPARSE_END)) {
        size_t by = vs_index_sparse_by(index->flags, index->n_columns);
        name(out, " WHERE ", table->columns[index->columns[by]].name);
        vs_buffer_text(out, " IS NOT NULL");
    }
}

static void column_names(struct vs_buffer *out, const struct vs_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        name(out, "", table->columns[i].name);
        vs_buffer_text(out, ",");
    }
    vs_buffer_text(out, "\"_version\",\"_sum\"");
}

void vs_sql_insert(struct vs_buffer *out, const struct vs_table *table)
{
    name(out, "INSERT INTO ", table->name);
    vs_buffer_text(out, "(");
    column_names(out, table);
    vs_buffer_text(out, ")VALUES(?,?");
    for (size_t i = 0; i < table->n_columns; i++)
        vs_buffer_text(out, ",?");
    vs_buffer_text(out, ")");
}

static void where_key(struct vs_buffer *out, const struct vs_table *table)
{
    for (size_t i = 0; i < table->n_key; i++) {
        name(out, i == 0 ? " WHERE " : " AND ", table->columns[i].name);
        vs_buffer_text(out, "=?");
    }
}

void vs_sql_replace(struct vs_buffer *out, const struct vs_table *table, uint64_t set)
{
    name(out, "UPDATE ", table->name);
    vs_buffer_text(out, " SET ");
    for (size_t i = 0; i < table->n_columns; i++)
        if (set & VS_SET(i)) {
            name(out, "", table->columns[i].name);
            vs_buffer_text(out, "=?,");
        }
    vs_buffer_text(out, "\"_version\"=?,\"_sum\"=?");
    where_key(out, table);
}

void vs_sql_remove(struct vs_buffer *out, const struct vs_table *table)
{
    name(out, "DELETE FROM ", table->name);
    where_key(out, table);
}

/* -- reading ------------------------------------------------------------------------------- */

static const char *sequence_name(const struct vs_plan *plan, size_t at)
{
    return plan->table->columns[plan->sequence[at]].name;
}

static void where(struct vs_buffer *out, const struct vs_plan *plan)
{
    const struct vs_query *q = plan->query;
    vs_buffer_text(out, " WHERE 1");
    /* Said in so many words, or SQLite does not see that a sparse index serves. */
    if (plan->index != NULL && plan->index->flags & (VS_SPARSE | VS_SPARSE_END)) {
        size_t by = vs_index_sparse_by(plan->index->flags, plan->index->n_columns);
        name(out, " AND ", sequence_name(plan, by));
        vs_buffer_text(out, " IS NOT NULL");
    }
    for (size_t i = 0; i < q->n_equal; i++) {
        name(out, " AND ", sequence_name(plan, i));
        vs_buffer_text(out, q->equal[i].type == VS_NULL ? " IS NULL" : "=?");
    }
    if (q->low != NULL) {
        name(out, " AND ", sequence_name(plan, q->n_equal));
        vs_buffer_text(out, ">=?");
    }
    if (q->high != NULL) {
        name(out, " AND ", sequence_name(plan, q->n_equal));
        vs_buffer_text(out, "<=?");
    }
    for (size_t i = 0; i < q->n_after; i++)
        name(out, i == 0 ? " AND (" : ",", sequence_name(plan, q->n_equal + i));
    for (size_t i = 0; i < q->n_after; i++)
        vs_buffer_text(out, i > 0 ? ",?" : q->descending ? ")<(?" : ")>(?");
    vs_buffer_text(out, q->n_after > 0 ? ")" : "");
}

void vs_sql_select(struct vs_buffer *out, const struct vs_plan *plan, bool count)
{
    vs_buffer_text(out, count ? "SELECT count(*) FROM (SELECT 1" : "SELECT ");
    if (!count)
        column_names(out, plan->table);
    name(out, " FROM ", plan->table->name);
    /* The reader chose the index; a planner that disagrees is an error, not a slow query. */
    if (plan->index == NULL)
        vs_buffer_text(out, " NOT INDEXED");
    else
        name(out, " INDEXED BY ", plan->index->name);
    where(out, plan);
    for (size_t i = plan->query->n_equal; !count && i < plan->n_sequence; i++) {
        name(out, i == plan->query->n_equal ? " ORDER BY " : ",", sequence_name(plan, i));
        vs_buffer_text(out, plan->query->descending ? " DESC" : "");
    }
    vs_buffer_text(out, count ? " LIMIT ?)" : " LIMIT ?");
}

uint64_t vs_sql_select_shape(const struct vs_plan *plan, bool count)
{
    const struct vs_query *q = plan->query;
    uint64_t nulls = 0;
    for (size_t i = 0; i < q->n_equal; i++)
        nulls |= (uint64_t)(q->equal[i].type == VS_NULL) << i;
    return nulls | (uint64_t)q->n_equal << 10 | (uint64_t)q->n_after << 14 |
           (uint64_t)q->index << 18 | (uint64_t)(q->low != NULL) << 26 |
           (uint64_t)(q->high != NULL) << 27 | (uint64_t)q->descending << 28 |
           (uint64_t)count << 29;
}
