#include "storage/memory/tree.h"

struct vs_stored *vs_stored_new(const struct vs_table *table, const struct vs_row *row)
{
    size_t size = sizeof(struct vs_stored) + table->n_columns * sizeof(struct vs_value);
    size_t at = size;
    for (size_t i = 0; i < table->n_columns; i++)
        size += row->values[i].type >= VS_TEXT ? row->values[i].bytes.len : 0;
    struct vs_stored *stored = vs_heap_new(size);
    stored->version = row->version;
    stored->sum = vs_row_sum(table, row);
    for (size_t i = 0; i < table->n_columns; i++) {
        stored->values[i] = row->values[i];
        size_t len = row->values[i].type >= VS_TEXT ? row->values[i].bytes.len : 0;
        if (len == 0)
            continue;
        memcpy((uint8_t *)stored + at, row->values[i].bytes.ptr, len);
        stored->values[i].bytes.ptr = (uint8_t *)stored + at;
        at += len;
    }
    return stored;
}

/* -- orders -------------------------------------------------------------------------------- */

static void order_init(struct vs_order *order, const struct vs_table *table,
                       const struct vs_index *index)
{
    if (index != NULL) {
        order->flags = index->flags;
        order->n_own = order->n_sequence = index->n_columns;
        memcpy(order->sequence, index->columns, index->n_columns);
    }
    for (uint8_t c = 0; c < table->n_key; c++)
        if (memchr(order->sequence, c, order->n_sequence) == NULL)
            order->sequence[order->n_sequence++] = c;
    if (index == NULL) {
        order->flags = VS_UNIQUE;
        order->n_own = order->n_sequence;
    }
}

/* The first `n` of the sequence of a row against as many values. */
static int compare_prefix(const struct vs_order *order, const struct vs_stored *row,
                          const struct vs_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int c = vs_value_compare(&row->values[order->sequence[i]], &values[i]);
        if (c != 0)
            return c;
    }
    return 0;
}

/* The first row whose prefix is not below (`above`: is above) the values. */
static size_t bound(const struct vs_order *order, const struct vs_value *values, size_t n,
                    bool above)
{
    size_t low = 0, high = order->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = compare_prefix(order, order->rows[middle], values, n);
        if (c < 0 || (above && c == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void sequence_of(const struct vs_order *order, const struct vs_stored *row,
                        struct vs_value *ret)
{
    for (size_t i = 0; i < order->n_sequence; i++)
        ret[i] = row->values[order->sequence[i]];
}

static bool holds(const struct vs_order *order, const struct vs_stored *row)
{
    bool sparse = (order->flags & (VS_SPARSE | VS_SPARSE_END)) != 0;
    size_t by = vs_index_sparse_by(order->flags, order->n_own);
    return !sparse || row->values[order->sequence[by]].type != VS_NULL;
}

static void order_add(struct vs_order *order, struct vs_stored *row)
{
    struct vs_value place[VS_MAX_INDEX_COLUMNS + VS_MAX_KEY_COLUMNS];
    sequence_of(order, row, place);
    size_t at = bound(order, place, order->n_sequence, false);
    if (order->n == order->room) {
        order->room = order->room == 0 ? 16 : order->room * 2;
        order->rows = vs_heap_grow(order->rows, order->room * sizeof(struct vs_stored *));
    }
    memmove(order->rows + at + 1, order->rows + at,
            (order->n - at) * sizeof(struct vs_stored *));
    order->rows[at] = row;
    order->n++;
}

static void order_take(struct vs_order *order, const struct vs_stored *row)
{
    struct vs_value place[VS_MAX_INDEX_COLUMNS + VS_MAX_KEY_COLUMNS];
    sequence_of(order, row, place);
    size_t at = bound(order, place, order->n_sequence, false);
    VS_ASSERT(at < order->n && order->rows[at] == row);
    order->n--;
    memmove(order->rows + at, order->rows + at + 1,
            (order->n - at) * sizeof(struct vs_stored *));
}

static bool order_clashes(const struct vs_order *order, const struct vs_stored *row,
                          const struct vs_stored *except)
{
    struct vs_value place[VS_MAX_INDEX_COLUMNS + VS_MAX_KEY_COLUMNS];
    sequence_of(order, row, place);
    for (size_t i = 0; i < order->n_own; i++)
        if (place[i].type == VS_NULL)
            return false;
    for (size_t at = bound(order, place, order->n_own, false);
         at < order->n && compare_prefix(order, order->rows[at], place, order->n_own) == 0;
         at++)
        if (order->rows[at] != except)
            return true;
    return false;
}

/* -- trees --------------------------------------------------------------------------------- */

void vs_tree_init(struct vs_tree *tree, const struct vs_table *table)
{
    tree->table = table;
    tree->orders = vs_heap_array(table->n_indexes + 1, sizeof *tree->orders);
    for (size_t i = 0; i <= table->n_indexes; i++)
        order_init(&tree->orders[i], table, i == 0 ? NULL : &table->indexes[i - 1]);
}

void vs_tree_done(struct vs_tree *tree)
{
    for (size_t r = 0; r < tree->orders[0].n; r++)
        vs_heap_free(tree->orders[0].rows[r]);
    for (size_t i = 0; i <= tree->table->n_indexes; i++)
        vs_heap_free(tree->orders[i].rows);
    vs_heap_free(tree->orders);
}

struct vs_stored *vs_tree_find(const struct vs_tree *tree, const struct vs_value *key)
{
    const struct vs_order *order = &tree->orders[0];
    size_t at = bound(order, key, order->n_sequence, false);
    bool found =
        at < order->n && compare_prefix(order, order->rows[at], key, order->n_sequence) == 0;
    return found ? order->rows[at] : NULL;
}

bool vs_tree_clashes(const struct vs_tree *tree, const struct vs_stored *row,
                     const struct vs_stored *except)
{
    for (size_t i = 0; i <= tree->table->n_indexes; i++)
        if (tree->orders[i].flags & VS_UNIQUE && order_clashes(&tree->orders[i], row, except))
            return true;
    return false;
}

void vs_tree_add(struct vs_tree *tree, struct vs_stored *row)
{
    for (size_t i = 0; i <= tree->table->n_indexes; i++)
        if (holds(&tree->orders[i], row))
            order_add(&tree->orders[i], row);
}

void vs_tree_take(struct vs_tree *tree, struct vs_stored *row)
{
    for (size_t i = 0; i <= tree->table->n_indexes; i++)
        if (holds(&tree->orders[i], row))
            order_take(&tree->orders[i], row);
}

/* -- cursors ------------------------------------------------------------------------------- */

void vs_cursor_start(struct vs_cursor *cursor, const struct vs_tree *tree,
                     const struct vs_plan *plan)
{
    const struct vs_query *q = plan->query;
    struct vs_value place[VS_MAX_INDEX_COLUMNS + VS_MAX_KEY_COLUMNS + 1];
    size_t n = q->n_equal;
    if (n > 0)
        memcpy(place, q->equal, n * sizeof *place);
    const struct vs_value *edge = q->descending ? q->high : q->low;
    if (q->n_after > 0)
        memcpy(place + n, q->after, q->n_after * sizeof *place);
    else if (edge != NULL)
        place[n] = *edge;
    n += q->n_after > 0 ? q->n_after : edge != NULL;
    cursor->plan = plan;
    cursor->order = &tree->orders[q->index];
    cursor->at = bound(cursor->order, place, n, q->descending);
}

/* As SQL compares row values: a VS_NULL where the comparison decides is neither before nor
 * after. */
static bool follows(const struct vs_cursor *c, const struct vs_stored *row)
{
    const struct vs_query *q = c->plan->query;
    for (size_t i = 0; i < q->n_after; i++) {
        const struct vs_value *value = &row->values[c->order->sequence[q->n_equal + i]];
        if (value->type == VS_NULL)
            return false;
        int order = vs_value_compare(value, &q->after[i]);
        if (order != 0)
            return q->descending ? order < 0 : order > 0;
    }
    return q->n_after == 0;
}

enum place { PASSED, SKIPPED, TAKEN };

static enum place place_of(const struct vs_cursor *c, const struct vs_stored *row)
{
    const struct vs_query *q = c->plan->query;
    if (compare_prefix(c->order, row, q->equal, q->n_equal) != 0)
        return PASSED;
    if (q->low != NULL || q->high != NULL) {
        const struct vs_value *value = &row->values[c->order->sequence[q->n_equal]];
        if (value->type == VS_NULL)
            return SKIPPED;
        if (q->low != NULL && vs_value_compare(value, q->low) < 0)
            return q->descending ? PASSED : SKIPPED;
        if (q->high != NULL && vs_value_compare(value, q->high) > 0)
            return q->descending ? SKIPPED : PASSED;
    }
    return follows(c, row) ? TAKEN : SKIPPED;
}

const struct vs_stored *vs_cursor_next(struct vs_cursor *c)
{
    bool down = c->plan->query->descending;
    while (down ? c->at > 0 : c->at < c->order->n) {
        const struct vs_stored *row = c->order->rows[down ? --c->at : c->at++];
        enum place place = place_of(c, row);
        if (place != SKIPPED)
            return place == TAKEN ? row : NULL;
    }
    return NULL;
}
