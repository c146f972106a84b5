/* tree.h - one table in memory: rows in the order of the key and of each index. */
#ifndef VS_STORAGE_MEMORY_TREE_H
#define VS_STORAGE_MEMORY_TREE_H
#include "storage/backend.h"

/* One row in one block of memory. */
struct vs_stored {
    int64_t version;
    uint32_t sum;
    struct vs_value values[];
};
struct vs_stored *vs_stored_new(const struct vs_table *table, const struct vs_row *row);

/* Rows sorted by a sequence of columns. */
struct vs_order {
    struct vs_stored **rows;
    size_t n, room;
    uint8_t sequence[VS_MAX_INDEX_COLUMNS + VS_MAX_KEY_COLUMNS];
    size_t n_sequence;
    unsigned flags; /* of the index */
    size_t n_own;   /* columns that are the index's own */
};

struct vs_tree {
    const struct vs_table *table;
    struct vs_order *orders; /* the key, then each index */
};
void vs_tree_init(struct vs_tree *tree, const struct vs_table *table);
void vs_tree_done(struct vs_tree *tree); /* frees the rows */

struct vs_stored *vs_tree_find(const struct vs_tree *tree, const struct vs_value *key);
/* Whether `row` cannot be added, were `except` gone. */
bool vs_tree_clashes(const struct vs_tree *tree, const struct vs_stored *row,
                     const struct vs_stored *except);
void vs_tree_add(struct vs_tree *tree, struct vs_stored *row);
void vs_tree_take(struct vs_tree *tree, struct vs_stored *row); /* out, not freed */

struct vs_cursor {
    const struct vs_order *order;
    const struct vs_plan *plan;
    size_t at; /* the next row is rows[at], descending rows[at - 1] */
};
void vs_cursor_start(struct vs_cursor *cursor, const struct vs_tree *tree,
                     const struct vs_plan *plan);
const struct vs_stored *vs_cursor_next(struct vs_cursor *cursor); /* NULL: no more */
#endif
