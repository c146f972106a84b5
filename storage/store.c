#include "storage/backend.h"

enum { MOST_ROWS = 1000, DAMAGED_MAX = 64, PAGE_ROWS = 256, PAGE_BYTES = 64 * 1024 * 1024 };

void vs_store_init(struct vs_store *store, const struct vs_backend *backend,
                   const struct vs_schema *schema)
{
    store->backend = backend;
    store->schema = schema;
    vs_schema_assert(schema);
    VS_ASSERT(pthread_mutex_init(&store->commit_lock, NULL) == 0);
}

void vs_store_done(struct vs_store *store)
{
    pthread_mutex_destroy(&store->commit_lock);
}

void vs_store_close(struct vs_store *store)
{
    if (store != NULL)
        store->backend->close(store);
}

const struct vs_schema *vs_store_schema(const struct vs_store *store)
{
    return store->schema;
}

bool vs_store_poisoned(const struct vs_store *store)
{
    return atomic_load(&store->poisoned);
}

struct vs_store_counters vs_store_counters(const struct vs_store *store)
{
    return (struct vs_store_counters){store->commits, store->rows_written, store->rows_read};
}

/* -- write --------------------------------------------------------------------------------- */

/* Relay's values are relay's own: a wrong one is a bug that must not reach the disk. */
static void assert_value(const struct vs_column *column, const struct vs_value *value)
{
    VS_ASSERT(value->type == column->type || (value->type == VS_NULL && column->optional));
    if (value->type == VS_TEXT && value->bytes.len > 0)
        VS_ASSERT(vs_utf8_valid(value->bytes) &&
                  memchr(value->bytes.ptr, 0, value->bytes.len) == NULL);
}

static void assert_op(const struct vs_schema *schema, const struct vs_op *op)
{
    VS_ASSERT((size_t)op->table < schema->n_tables && op->if_version >= VS_ABSENT);
    const struct vs_table *table = &schema->tables[op->table];
    bool whole = op->kind == VS_OP_INSERT || op->kind == VS_OP_PUT;
    VS_ASSERT(op->kind != VS_OP_INSERT || op->if_version == VS_ANY_VERSION);
    VS_ASSERT(op->kind != VS_OP_UPDATE ||
              (op->set != 0 && op->set >> table->n_columns == 0 && op->if_version >= 0 &&
               (op->set & ((UINT64_C(1) << table->n_key) - 1)) == 0));
    VS_ASSERT(op->kind != VS_OP_DELETE || op->if_version >= 0);
    for (size_t i = 0; i < table->n_columns; i++)
        if (whole || i < table->n_key || (op->kind == VS_OP_UPDATE && op->set & VS_SET(i)))
            assert_value(&table->columns[i], &op->values[i]);
}

static vs_rc commit_locked(struct vs_store *store, struct vs_item *items, size_t n_items,
                           struct vs_error *err)
{
    if (vs_store_poisoned(store))
        return vs_fail(err, VS_E_IO, NULL,
                       "an earlier commit failed and its outcome is unknown: restart");
    vs_rc rc = store->backend->commit(store, items, n_items, err);
    if (vs_ok(rc))
        atomic_fetch_add_explicit(&store->commits, 1, memory_order_relaxed);
    else if (rc.code != VS_E_DISK_FULL && rc.code != VS_E_NOMEM)
        atomic_store(&store->poisoned, true);
    return rc;
}

vs_rc vs_store_commit(struct vs_store *store, struct vs_item *items, size_t n_items,
                      struct vs_error *err)
{
    for (size_t i = 0; i < n_items; i++) {
        items[i].outcome = VS_ITEM_PENDING;
        for (size_t k = 0; k < items[i].n_ops; k++)
            assert_op(store->schema, &items[i].ops[k]);
    }
    pthread_mutex_lock(&store->commit_lock);
    vs_rc rc = commit_locked(store, items, n_items, err);
    pthread_mutex_unlock(&store->commit_lock);
    return rc;
}

/* -- read ---------------------------------------------------------------------------------- */

static bool in_sequence(const struct vs_plan *plan, uint8_t column)
{
    return memchr(plan->sequence, column, plan->n_sequence) != NULL;
}

static void make_plan(const struct vs_store *store, const struct vs_query *query,
                      struct vs_plan *plan)
{
    VS_ASSERT((size_t)query->table < store->schema->n_tables);
    const struct vs_table *table = &store->schema->tables[query->table];
    VS_ASSERT(query->index <= table->n_indexes);
    *plan = (struct vs_plan){.query = query, .table = table};
    if (query->index > 0) {
        plan->index = &table->indexes[query->index - 1];
        plan->n_sequence = plan->index->n_columns;
        memcpy(plan->sequence, plan->index->columns, plan->n_sequence);
    }
    for (uint8_t c = 0; c < table->n_key; c++)
        if (!in_sequence(plan, c))
            plan->sequence[plan->n_sequence++] = c;
    bool ranged = query->low != NULL || query->high != NULL;
    VS_ASSERT(query->n_equal + query->n_after <= plan->n_sequence);
    VS_ASSERT(!ranged || query->n_equal < plan->n_sequence);
    for (size_t i = 0; i < query->n_after; i++)
        VS_ASSERT(query->after[i].type != VS_NULL);
    plan->limit = query->limit;
}

vs_rc vs_store_select(struct vs_store *store, struct vs_arena *arena,
                      const struct vs_query *query, const struct vs_row **ret_rows,
                      size_t *ret_n, struct vs_error *err)
{
    struct vs_plan plan;
    make_plan(store, query, &plan);
    if (plan.limit == 0)
        plan.limit = MOST_ROWS;
    VS_TRY(store->backend->select(store, arena, &plan, ret_rows, ret_n, err));
    atomic_fetch_add_explicit(&store->rows_read, *ret_n, memory_order_relaxed);
    return VS_OK;
}

vs_rc vs_store_get(struct vs_store *store, struct vs_arena *arena, enum vs_table_id table,
                   const struct vs_value *key, const struct vs_row **ret, struct vs_error *err)
{
    VS_ASSERT((size_t)table < store->schema->n_tables);
    struct vs_query query = {.table = table,
                             .equal = key,
                             .n_equal = store->schema->tables[table].n_key,
                             .limit = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(store, arena, &query, &rows, &n, err));
    *ret = n == 0 ? NULL : rows;
    return VS_OK;
}

vs_rc vs_store_count(struct vs_store *store, const struct vs_query *query, uint64_t *ret,
                     struct vs_error *err)
{
    struct vs_plan plan;
    make_plan(store, query, &plan);
    if (plan.limit == 0)
        plan.limit = INT64_MAX;
    return store->backend->count(store, &plan, ret, err);
}

vs_rc vs_store_each(struct vs_store *store, enum vs_table_id table,
                    vs_rc (*visit)(void *context, const struct vs_row *row,
                                   struct vs_error *err),
                    void *context, struct vs_error *err)
{
    const struct vs_table *t = &store->schema->tables[table];
    VS_ARENA *page = vs_arena_new(PAGE_BYTES), *next = vs_arena_new(PAGE_BYTES);
    if (page == NULL || next == NULL)
        return vs_fail_memory(err);
    struct vs_query query = {.table = table, .tolerate = true, .limit = PAGE_ROWS};
    for (;;) {
        const struct vs_row *rows;
        size_t n;
        vs_arena_reset(next);
        VS_TRY(vs_store_select(store, next, &query, &rows, &n, err));
        for (size_t i = 0; i < n; i++)
            VS_TRY(visit(context, &rows[i], err));
        if (n < PAGE_ROWS)
            return VS_OK;
        /* The place lives in the page just read; the other arena takes the next page. */
        query.after = rows[n - 1].values;
        query.n_after = t->n_key;
        struct vs_arena *swap = page;
        page = next;
        next = swap;
    }
}

/* -- leases -------------------------------------------------------------------------------- */

static vs_rc take(struct vs_arena *arena, const struct vs_lease *lease,
                  const struct vs_row *found, struct vs_item *item, struct vs_error *err)
{
    struct vs_value *values = vs_arena_make_n(arena, struct vs_value, VS_WORK_COLUMNS);
    struct vs_op *op = vs_arena_make(arena, struct vs_op);
    if (values == NULL || op == NULL)
        return vs_fail_memory(err);
    memcpy(values, found->values, VS_WORK_COLUMNS * sizeof *values);
    values[VS_WORK_DUE] = vs_int(lease->until);
    values[VS_WORK_ATTEMPTS].integer++;
    values[VS_WORK_NODE] = vs_text(lease->node);
    *op = vs_op_update(VS_T_WORK, values,
                       VS_SET(VS_WORK_DUE) | VS_SET(VS_WORK_ATTEMPTS) | VS_SET(VS_WORK_NODE),
                       found->version);
    *item = (struct vs_item){.ops = op, .n_ops = 1};
    return VS_OK;
}

vs_rc vs_store_lease_rows(struct vs_store *store, struct vs_arena *arena,
                          const struct vs_lease *lease, const struct vs_row *rows, size_t n,
                          const struct vs_row **ret_rows, size_t *ret_n, struct vs_error *err)
{
    VS_ASSERT(lease->until > lease->now && lease->node != NULL);
    struct vs_item *items = vs_arena_make_n(arena, struct vs_item, n + 1);
    struct vs_row *taken = vs_arena_make_n(arena, struct vs_row, n + 1);
    size_t n_taken = 0;
    if (items == NULL || taken == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(take(arena, lease, &rows[i], &items[i], err));
    if (n > 0)
        VS_TRY(vs_store_commit(store, items, n, err));
    for (size_t i = 0; i < n; i++)
        if (items[i].outcome == VS_ITEM_DONE)
            taken[n_taken++] =
                (struct vs_row){items[i].ops->values, rows[i].version + 1, false};
    *ret_rows = taken;
    *ret_n = n_taken;
    return VS_OK;
}

vs_rc vs_store_lease(struct vs_store *store, struct vs_arena *arena,
                     const struct vs_lease *lease, const struct vs_row **ret_rows,
                     size_t *ret_n, struct vs_error *err)
{
    VS_ASSERT(lease->limit > 0);
    struct vs_value kind = vs_text(lease->kind), now = vs_int(lease->now);
    struct vs_query query = {.table = VS_T_WORK,
                             .index = VS_WORK_BY_DUE,
                             .equal = &kind,
                             .n_equal = 1,
                             .high = &now,
                             .tolerate = true,
                             .limit = lease->limit + DAMAGED_MAX};
    const struct vs_row *found;
    size_t n, n_good = 0;
    VS_TRY(vs_store_select(store, arena, &query, &found, &n, err));
    struct vs_row *good = vs_arena_make_n(arena, struct vs_row, n + 1);
    if (good == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n && n_good < lease->limit; i++)
        if (!found[i].corrupt)
            good[n_good++] = found[i];
    return vs_store_lease_rows(store, arena, lease, good, n_good, ret_rows, ret_n, err);
}

/* -- care ---------------------------------------------------------------------------------- */

struct row_check {
    const struct vs_table *table;
    vs_store_fault *fault;
    void *context;
};

static vs_rc check_row(void *context, const struct vs_row *row, struct vs_error *err)
{
    (void)err;
    struct row_check *check = context;
    char key[VS_KEY_TEXT];
    if (!row->corrupt)
        return VS_OK;
    vs_values_text(row->values, check->table->n_key, key);
    check->fault(check->context, check->table->name, key, "its checksum does not fit");
    return VS_OK;
}

vs_rc vs_store_check(struct vs_store *store, vs_store_fault *fault, void *context,
                     struct vs_error *err)
{
    VS_TRY(store->backend->check(store, fault, context, err));
    for (size_t t = 0; t < store->schema->n_tables; t++) {
        struct row_check check = {&store->schema->tables[t], fault, context};
        struct vs_error why;
        vs_rc rc = vs_store_each(store, (enum vs_table_id)t, check_row, &check, &why);
        if (rc.code == VS_E_CORRUPT)
            fault(context, check.table->name, "", why.text);
        else if (!vs_ok(rc))
            return vs_fail(err, rc.code, NULL, "%s", why.text);
    }
    return VS_OK;
}

vs_rc vs_store_purge(struct vs_store *store, struct vs_error *err)
{
    pthread_mutex_lock(&store->commit_lock);
    vs_rc rc = vs_store_poisoned(store)
                   ? vs_fail(err, VS_E_IO, NULL, "an earlier commit failed: restart")
                   : store->backend->purge(store, err);
    pthread_mutex_unlock(&store->commit_lock);
    return rc;
}

vs_rc vs_store_free_bytes(struct vs_store *store, uint64_t *ret, struct vs_error *err)
{
    return store->backend->free_bytes(store, ret, err);
}

/* -- copy ---------------------------------------------------------------------------------- */

vs_rc vs_store_copy_begin(struct vs_store *store, const char *path,
                          const struct vs_fileops *files, struct vs_store_copy **ret,
                          struct vs_error *err)
{
    if (store->backend->copy == NULL)
        return vs_fail(err, VS_E_STATE, NULL, "this store cannot be copied to a file");
    return store->backend->copy(store, path, files != NULL ? files : &vs_fileops_real, ret,
                                err);
}

vs_rc vs_store_copy_step(struct vs_store_copy *copy, bool *ret_done, uint64_t *ret_bytes,
                         uint64_t *ret_total, struct vs_error *err)
{
    return copy->step(copy, ret_done, ret_bytes, ret_total, err);
}

void vs_store_copy_end(struct vs_store_copy *copy)
{
    if (copy != NULL)
        copy->end(copy);
}
