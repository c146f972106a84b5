#include "storage/schema.h"

/* The macros open and close initialisers. */
/* clang-format off */
/* The columns of each table. */
#define VS_TABLE(T, name, n_key)      static const struct vs_column columns_of_##T[] = {
#define VS_COLUMN(T, C, name, type)   {#name, type, false},
#define VS_OPTIONAL(T, C, name, type) {#name, type, true},
#define VS_INDEX(T, I, name, flags, ...)
#define VS_TABLE_END(T)               };
#include "storage/tables.def"
#undef VS_TABLE
#undef VS_COLUMN
#undef VS_OPTIONAL
#undef VS_INDEX
#undef VS_TABLE_END

/* Its indexes; the last one stands for "none", as an array must hold something. */
#define VS_TABLE(T, name, n_key) static const struct vs_index indexes_of_##T[] = {
#define VS_COLUMN(T, C, name, type)
#define VS_OPTIONAL(T, C, name, type)
#define VS_INDEX(T, I, name, flags, ...)                                                       \
    {#name, flags, sizeof((uint8_t[]){__VA_ARGS__}), {__VA_ARGS__}},
#define VS_TABLE_END(T) {NULL, 0, 0, {0}}};
#include "storage/tables.def"
#undef VS_TABLE
#undef VS_COLUMN
#undef VS_OPTIONAL
#undef VS_INDEX
#undef VS_TABLE_END

/* clang-format on */

static const struct vs_table tables[] = {
#define VS_TABLE(T, name, n_key)                                                               \
    [VS_T_##T] = {                                                                             \
        #name, n_key, columns_of_##T, VS_##T##_COLUMNS, indexes_of_##T, VS_##T##_INDEXES - 1},
#define VS_COLUMN(T, C, name, type)
#define VS_OPTIONAL(T, C, name, type)
#define VS_INDEX(T, I, name, flags, ...)
#define VS_TABLE_END(T)
#include "storage/tables.def"
#undef VS_TABLE
#undef VS_COLUMN
#undef VS_OPTIONAL
#undef VS_INDEX
#undef VS_TABLE_END
};

const struct vs_schema vs_schema = {VS_SCHEMA_VERSION, tables, VS_TABLES, NULL, 0};

static void assert_columns(const struct vs_table *table)
{
    VS_ASSERT(table->n_key >= 1 && table->n_key <= VS_MAX_KEY_COLUMNS);
    VS_ASSERT(table->n_columns >= table->n_key && table->n_columns <= VS_MAX_COLUMNS);
    for (size_t i = 0; i < table->n_columns; i++) {
        VS_ASSERT(table->columns[i].type != VS_NULL);
        VS_ASSERT(i >= table->n_key || !table->columns[i].optional);
        for (size_t k = 0; k < i; k++)
            VS_ASSERT(!vs_text_equal(table->columns[i].name, table->columns[k].name));
    }
}

void vs_schema_assert(const struct vs_schema *schema)
{
    for (size_t t = 0; t < schema->n_tables; t++) {
        const struct vs_table *table = &schema->tables[t];
        assert_columns(table);
        for (size_t k = 0; k < t; k++)
            VS_ASSERT(!vs_text_equal(table->name, schema->tables[k].name));
        for (size_t i = 0; i < table->n_indexes; i++) {
            const struct vs_index *index = &table->indexes[i];
            VS_ASSERT(index->n_columns >= 1 && index->n_columns <= VS_MAX_INDEX_COLUMNS);
            for (size_t c = 0; c < index->n_columns; c++)
                VS_ASSERT(index->columns[c] < table->n_columns);
        }
    }
    for (size_t m = 0; m < schema->n_migrations; m++) {
        const struct vs_migration *step = &schema->migrations[m];
        VS_ASSERT(step->to <= schema->version && step->drop == (step->convert == NULL));
        VS_ASSERT(m == 0 || schema->migrations[m - 1].to <= step->to);
    }
}
