/* memory.c - the backend in memory: for tests and for simulations of years in seconds.
 *
 * Each table is an array of rows sorted by key, and one array per index sorted by its sequence.
 * Durable until the process ends; everything else as store.h promises. */
#include "storage/memory/tree.h"

struct undo {
    const struct vs_table *table;
    struct vs_stored *added,
        *removed; /* either may be NULL; `removed` is kept for a rollback */
};

struct memory_store {
    struct vs_store base;
    pthread_rwlock_t lock; /* guards the tables; a commit holds it throughout */
    struct vs_tree *tables;
    struct undo *undo; /* of the transaction */
    size_t n_undo, undo_room;
};

static struct memory_store *of(struct vs_store *store)
{
    return (struct memory_store *)store;
}

static struct vs_tree *tree_of(struct memory_store *self, const struct vs_table *table)
{
    return &self->tables[table - self->base.schema->tables];
}

static void remember(struct memory_store *self, const struct vs_table *table,
                     struct vs_stored *added, struct vs_stored *removed)
{
    if (self->n_undo == self->undo_room) {
        self->undo_room = self->undo_room == 0 ? 64 : self->undo_room * 2;
        self->undo = vs_heap_grow(self->undo, self->undo_room * sizeof *self->undo);
    }
    self->undo[self->n_undo++] = (struct undo){table, added, removed};
}

/* -- vs_primitives ------------------------------------------------------------------------- */

static vs_rc begin(struct vs_store *store, struct vs_error *err)
{
    (void)err;
    pthread_rwlock_wrlock(&of(store)->lock);
    of(store)->n_undo = 0;
    return VS_OK;
}

static vs_rc end(struct vs_store *store, struct vs_error *err)
{
    struct memory_store *self = of(store);
    (void)err;
    for (size_t i = 0; i < self->n_undo; i++)
        vs_heap_free(self->undo[i].removed);
    pthread_rwlock_unlock(&self->lock);
    return VS_OK;
}

static void rollback(struct vs_store *store)
{
    struct memory_store *self = of(store);
    while (self->n_undo > 0) {
        const struct undo *u = &self->undo[--self->n_undo];
        if (u->added != NULL) {
            vs_tree_take(tree_of(self, u->table), u->added);
            vs_heap_free(u->added);
        }
        if (u->removed != NULL)
            vs_tree_add(tree_of(self, u->table), u->removed);
    }
    pthread_rwlock_unlock(&self->lock);
}

static vs_rc copy_row(const struct vs_stored *stored, const struct vs_plan *plan,
                      struct vs_row_list *list, struct vs_error *err)
{
    struct vs_value *values =
        vs_arena_make_n(list->arena, struct vs_value, plan->table->n_columns);
    if (values == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_values_copy(list->arena, stored->values, plan->table->n_columns, values, err));
    return vs_row_list_add(list, plan, (struct vs_row){values, stored->version, false},
                           stored->sum, err);
}

static vs_rc find(struct vs_store *store, struct vs_arena *arena, const struct vs_table *table,
                  const struct vs_value *key, const struct vs_row **ret, struct vs_error *err)
{
    struct vs_query query = {0};
    struct vs_plan plan = {.query = &query, .table = table};
    struct vs_row_list list = {.arena = arena};
    const struct vs_stored *stored = vs_tree_find(tree_of(of(store), table), key);
    if (stored != NULL)
        VS_TRY(copy_row(stored, &plan, &list, err));
    *ret = list.rows;
    return VS_OK;
}

static vs_rc insert(struct vs_store *store, const struct vs_table *table,
                    const struct vs_row *row, bool *ret_clash, struct vs_error *err)
{
    struct vs_tree *tree = tree_of(of(store), table);
    (void)err;
    struct vs_stored *stored = vs_stored_new(table, row);
    *ret_clash = vs_tree_clashes(tree, stored, NULL);
    if (*ret_clash) {
        vs_heap_free(stored);
        return VS_OK;
    }
    vs_tree_add(tree, stored);
    remember(of(store), table, stored, NULL);
    return VS_OK;
}

static vs_rc replace(struct vs_store *store, const struct vs_table *table,
                     const struct vs_row *row, uint64_t set, bool *ret_clash,
                     struct vs_error *err)
{
    struct vs_tree *tree = tree_of(of(store), table);
    (void)set, (void)err;
    struct vs_stored *old = vs_tree_find(tree, row->values);
    struct vs_stored *stored = vs_stored_new(table, row);
    *ret_clash = vs_tree_clashes(tree, stored, old);
    if (*ret_clash) {
        vs_heap_free(stored);
        return VS_OK;
    }
    vs_tree_take(tree, old);
    vs_tree_add(tree, stored);
    remember(of(store), table, stored, old);
    return VS_OK;
}

static vs_rc remove_row(struct vs_store *store, const struct vs_table *table,
                        const struct vs_value *key, struct vs_error *err)
{
    struct vs_tree *tree = tree_of(of(store), table);
    (void)err;
    struct vs_stored *old = vs_tree_find(tree, key);
    vs_tree_take(tree, old);
    remember(of(store), table, NULL, old);
    return VS_OK;
}

static const struct vs_primitives primitives = {begin,  end,     rollback,  find,
                                                insert, replace, remove_row};

/* -- vs_backend ---------------------------------------------------------------------------- */

static vs_rc memory_commit(struct vs_store *store, struct vs_item *items, size_t n_items,
                           struct vs_error *err)
{
    return vs_apply(store, &primitives, items, n_items, err);
}

static vs_rc memory_select(struct vs_store *store, struct vs_arena *arena,
                           const struct vs_plan *plan, const struct vs_row **ret_rows,
                           size_t *ret_n, struct vs_error *err)
{
    struct memory_store *self = of(store);
    struct vs_row_list list = {.arena = arena};
    vs_rc rc = VS_OK;
    pthread_rwlock_rdlock(&self->lock);
    struct vs_cursor cursor;
    vs_cursor_start(&cursor, tree_of(self, plan->table), plan);
    const struct vs_stored *stored;
    while (vs_ok(rc) && list.n < plan->limit && (stored = vs_cursor_next(&cursor)) != NULL)
        rc = copy_row(stored, plan, &list, err);
    pthread_rwlock_unlock(&self->lock);
    *ret_rows = list.rows;
    *ret_n = list.n;
    return rc;
}

static vs_rc memory_count(struct vs_store *store, const struct vs_plan *plan, uint64_t *ret,
                          struct vs_error *err)
{
    struct memory_store *self = of(store);
    struct vs_cursor cursor;
    (void)err;
    uint64_t n = 0;
    pthread_rwlock_rdlock(&self->lock);
    vs_cursor_start(&cursor, tree_of(self, plan->table), plan);
    while (n < plan->limit && vs_cursor_next(&cursor) != NULL)
        n++;
    pthread_rwlock_unlock(&self->lock);
    *ret = n;
    return VS_OK;
}

static vs_rc memory_check(struct vs_store *store, vs_store_fault *fault, void *context,
                          struct vs_error *err)
{
    (void)store, (void)fault, (void)context, (void)err;
    return VS_OK;
}

static vs_rc memory_free_bytes(struct vs_store *store, uint64_t *ret, struct vs_error *err)
{
    (void)store, (void)err;
    *ret = UINT64_MAX;
    return VS_OK;
}

static void memory_close(struct vs_store *store)
{
    struct memory_store *self = of(store);
    for (size_t t = 0; t < store->schema->n_tables; t++)
        vs_tree_done(&self->tables[t]);
    vs_heap_free(self->tables);
    vs_heap_free(self->undo);
    pthread_rwlock_destroy(&self->lock);
    vs_store_done(store);
    vs_heap_free(self);
}

static vs_rc memory_purge(struct vs_store *store, struct vs_error *err)
{
    (void)store;
    (void)err;
    return VS_OK;
}

static const struct vs_backend backend = {memory_close, memory_commit, memory_select,
                                          memory_count, memory_check,  memory_free_bytes,
                                          memory_purge, NULL};

vs_rc vs_store_open_memory(const struct vs_schema *schema, struct vs_store **ret,
                           struct vs_error *err)
{
    struct memory_store *self = vs_heap_new(sizeof *self);
    (void)err;
    vs_store_init(&self->base, &backend, schema != NULL ? schema : &vs_schema);
    self->tables = vs_heap_array(self->base.schema->n_tables, sizeof *self->tables);
    for (size_t t = 0; t < self->base.schema->n_tables; t++)
        vs_tree_init(&self->tables[t], &self->base.schema->tables[t]);
    VS_ASSERT(pthread_rwlock_init(&self->lock, NULL) == 0);
    *ret = &self->base;
    return VS_OK;
}
