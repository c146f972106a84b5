/* sql.h - SQL text from schema data. Nothing else in Vasite writes SQL. */
#ifndef VS_STORAGE_SQLITE_SQL_H
#define VS_STORAGE_SQLITE_SQL_H
#include "storage/backend.h"

void vs_sql_create_table(struct vs_buffer *out, const struct vs_table *table);
void vs_sql_add_column(struct vs_buffer *out, const struct vs_table *table, size_t column);
void vs_sql_create_index(struct vs_buffer *out, const struct vs_table *table,
                         const struct vs_index *index);

/* Parameters: every column, version, sum. */
void vs_sql_insert(struct vs_buffer *out, const struct vs_table *table);
/* Parameters: the columns of `set` ascending, version, sum, the key. */
void vs_sql_replace(struct vs_buffer *out, const struct vs_table *table, uint64_t set);
/* Parameters: the key. */
void vs_sql_remove(struct vs_buffer *out, const struct vs_table *table);

/* Parameters: the values of `equal` that are not VS_NULL, low, high, `after`, limit. Result:
 * every column, version, sum; for `count` one number. */
void vs_sql_select(struct vs_buffer *out, const struct vs_plan *plan, bool count);
/* Plans with equal shapes have equal text. */
uint64_t vs_sql_select_shape(const struct vs_plan *plan, bool count);
#endif
