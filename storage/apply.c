/* apply.c - a batch over row primitives: conditions, versions, and items that undo themselves.
 *
 * An item's changes are undone by their inverses (in reverse order, inside the same
 * transaction) rather than by a savepoint: the good path, nearly every item, then pays nothing
 * for it. */
#include "storage/backend.h"

enum { SCRATCH_BYTES = 256 * 1024 * 1024 };

/* What one operation did, as needed to undo it. */
struct done_op {
    const struct vs_table *table;
    const struct vs_row *before; /* NULL: there was no row */
    const struct vs_value *key;
    bool removed;
};

struct apply {
    struct vs_store *store;
    const struct vs_primitives *does;
    struct vs_arena *scratch; /* of the current item */
    struct done_op *done;     /* of the current item */
    size_t n_done;
    uint64_t n_written;
};

enum step { STEP_OK, STEP_CONFLICT };

static bool version_fits(const struct vs_op *op, const struct vs_row *now)
{
    if (op->if_version == VS_ABSENT)
        return now == NULL;
    if (op->if_version != VS_ANY_VERSION)
        return now != NULL && now->version == op->if_version;
    return now != NULL || op->kind == VS_OP_PUT;
}

static void note(struct apply *a, const struct vs_op *op, const struct vs_table *table,
                 const struct vs_row *before)
{
    a->done[a->n_done++] =
        (struct done_op){table, before, op->values, op->kind == VS_OP_DELETE};
    a->n_written++;
}

static vs_rc write_over(struct apply *a, const struct vs_op *op, const struct vs_table *table,
                        const struct vs_row *now, bool *ret_clash, struct vs_error *err)
{
    uint64_t all = (UINT64_C(1) << table->n_columns) - (UINT64_C(1) << table->n_key);
    uint64_t set = op->kind == VS_OP_PUT ? all : op->set;
    struct vs_value values[VS_MAX_COLUMNS];
    for (size_t i = 0; i < table->n_columns; i++)
        values[i] = set & VS_SET(i) ? op->values[i] : now->values[i];
    struct vs_row row = {values, now->version + 1, false};
    return a->does->replace(a->store, table, &row, set, ret_clash, err);
}

static vs_rc apply_op(struct apply *a, const struct vs_op *op, enum step *ret,
                      struct vs_error *err)
{
    const struct vs_table *table = &a->store->schema->tables[op->table];
    const struct vs_row *now = NULL;
    bool clash = false;
    *ret = STEP_CONFLICT;
    if (op->kind != VS_OP_INSERT) {
        VS_TRY(a->does->find(a->store, a->scratch, table, op->values, &now, err));
        if (!version_fits(op, now))
            return VS_OK;
    }
    if (op->kind == VS_OP_DELETE)
        VS_TRY(a->does->remove(a->store, table, op->values, err));
    else if (op->kind != VS_OP_EXPECT && now != NULL)
        VS_TRY(write_over(a, op, table, now, &clash, err));
    else if (op->kind != VS_OP_EXPECT)
        VS_TRY(a->does->insert(a->store, table, &(struct vs_row){op->values, 1, false}, &clash,
                               err));
    if (clash)
        return VS_OK;
    if (op->kind != VS_OP_EXPECT)
        note(a, op, table, now);
    *ret = STEP_OK;
    return VS_OK;
}

static vs_rc undo(struct apply *a, struct vs_error *err)
{
    while (a->n_done > 0) {
        const struct done_op *op = &a->done[--a->n_done];
        bool clash = false;
        a->n_written--;
        if (op->before == NULL)
            VS_TRY(a->does->remove(a->store, op->table, op->key, err));
        else if (op->removed)
            VS_TRY(a->does->insert(a->store, op->table, op->before, &clash, err));
        else
            VS_TRY(a->does->replace(a->store, op->table, op->before,
                                    (UINT64_C(1) << op->table->n_columns) -
                                        (UINT64_C(1) << op->table->n_key),
                                    &clash, err));
        VS_ASSERT(!clash); /* what was there fits there */
    }
    return VS_OK;
}

static vs_rc apply_item(struct apply *a, struct vs_item *item, struct vs_error *err)
{
    vs_arena_reset(a->scratch);
    a->n_done = 0;
    a->done = vs_arena_make_n(a->scratch, struct done_op, item->n_ops);
    if (a->done == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < item->n_ops; i++) {
        enum step step;
        item->failed_op = i;
        VS_TRY(apply_op(a, &item->ops[i], &step, err));
        if (step == STEP_CONFLICT) {
            VS_TRY(undo(a, err));
            item->outcome = VS_ITEM_CONFLICT;
            return VS_OK;
        }
    }
    item->failed_op = 0;
    item->outcome = VS_ITEM_DONE;
    return VS_OK;
}

/* One attempt at the whole batch. `*ret_at` is the item at work when it failed. */
static vs_rc apply_all(struct apply *a, struct vs_item *items, size_t n_items, size_t *ret_at,
                       struct vs_error *err)
{
    *ret_at = n_items;
    VS_TRY(a->does->begin(a->store, err));
    for (size_t i = 0; i < n_items; i++) {
        *ret_at = i;
        if (items[i].outcome != VS_ITEM_CORRUPT)
            VS_TRY(apply_item(a, &items[i], err));
    }
    *ret_at = n_items;
    return a->does->end(a->store, err);
}

static void forget_outcomes(struct vs_item *items, size_t n_items, bool also_corrupt)
{
    for (size_t i = 0; i < n_items; i++)
        if (also_corrupt || items[i].outcome != VS_ITEM_CORRUPT)
            items[i].outcome = VS_ITEM_PENDING;
}

vs_rc vs_apply(struct vs_store *store, const struct vs_primitives *primitives,
               struct vs_item *items, size_t n_items, struct vs_error *err)
{
    VS_ARENA *scratch = vs_arena_new(SCRATCH_BYTES);
    if (scratch == NULL)
        return vs_fail_memory(err);
    struct apply a = {store, primitives, scratch, NULL, 0, 0};
    for (;;) {
        size_t at;
        a.n_written = 0;
        vs_rc rc = apply_all(&a, items, n_items, &at, err);
        if (vs_ok(rc)) {
            atomic_fetch_add_explicit(&store->rows_written, a.n_written, memory_order_relaxed);
            return rc;
        }
        primitives->rollback(store);
        /* A damaged row or page stops the item that needs it, and no other: the batch runs
         * again without that item, since a statement that met damage may have done half its
         * work. */
        bool damage = rc.code == VS_E_CORRUPT && at < n_items;
        forget_outcomes(items, n_items, !damage);
        if (!damage)
            return rc;
        items[at].outcome = VS_ITEM_CORRUPT;
    }
}
