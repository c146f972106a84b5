/* backend.h - inside storage: what a backend of store.h implements, and what backends share.
 *
 * A backend embeds struct vs_store as its first member. Local ones (one process, row primitives
 * cost microseconds) implement vs_primitives and let vs_apply run a batch over them; one with a
 * server behind it may send the whole batch in its own way. */
#ifndef VS_STORAGE_BACKEND_H
#define VS_STORAGE_BACKEND_H
#include "storage/store.h"
#include <pthread.h>
#include <stdatomic.h>

/* vs_query with its names resolved; values are borrowed from the caller. */
struct vs_plan {
    const struct vs_query *query;
    const struct vs_table *table;
    const struct vs_index *index; /* NULL: the key */
    /* The sequence: columns in reading order. */
    uint8_t sequence[VS_MAX_INDEX_COLUMNS + VS_MAX_KEY_COLUMNS];
    size_t n_sequence;
    size_t limit;
};

struct vs_backend {
    void (*close)(struct vs_store *store);
    /* As vs_store_commit; the caller has checked the ops and holds the commit lock. Outcomes
     * are all VS_ITEM_PENDING before. */
    vs_rc (*commit)(struct vs_store *store, struct vs_item *items, size_t n_items,
                    struct vs_error *err);
    vs_rc (*select)(struct vs_store *store, struct vs_arena *arena, const struct vs_plan *plan,
                    const struct vs_row **ret_rows, size_t *ret_n, struct vs_error *err);
    vs_rc (*count)(struct vs_store *store, const struct vs_plan *plan, uint64_t *ret,
                   struct vs_error *err);
    /* The structure under the rows; vs_store_check does the rows. */
    vs_rc (*check)(struct vs_store *store, vs_store_fault *fault, void *context,
                   struct vs_error *err);
    vs_rc (*free_bytes)(struct vs_store *store, uint64_t *ret, struct vs_error *err);
    /* As vs_store_purge; the caller holds the commit lock. */
    vs_rc (*purge)(struct vs_store *store, struct vs_error *err);
    vs_rc (*copy)(struct vs_store *store, const char *path, const struct vs_fileops *files,
                  struct vs_store_copy **ret, struct vs_error *err); /* NULL: it cannot */
};

struct vs_store_copy {
    vs_rc (*step)(struct vs_store_copy *copy, bool *ret_done, uint64_t *ret_bytes,
                  uint64_t *ret_total, struct vs_error *err);
    void (*end)(struct vs_store_copy *copy);
};

struct vs_store {
    const struct vs_backend *backend;
    const struct vs_schema *schema;
    pthread_mutex_t commit_lock;
    atomic_bool poisoned;
    _Atomic uint64_t commits, rows_written, rows_read;
};
void vs_store_init(struct vs_store *store, const struct vs_backend *backend,
                   const struct vs_schema *schema);
void vs_store_done(struct vs_store *store);

/* -- rows ---------------------------------------------------------------------------------- */
/* CRC-32C over the version and every column that is not VS_NULL (its number, type, value), so
 * that adding an optional column leaves the checksums of old rows true. */
uint32_t vs_row_sum(const struct vs_table *table, const struct vs_row *row);
/* VS_E_CORRUPT naming table and key. */
VS_NODISCARD vs_rc vs_fail_row(struct vs_error *err, const struct vs_table *table,
                               const struct vs_value *key, const char *what);

/* Rows collected in an arena. */
struct vs_row_list {
    struct vs_arena *arena;
    struct vs_row *rows;
    size_t n, room;
};
/* Appends a row whose values (already in the arena, or lasting as long) were stored with `sum`:
 * refuses or marks it when the sum is wrong. */
VS_NODISCARD vs_rc vs_row_list_add(struct vs_row_list *list, const struct vs_plan *plan,
                                   struct vs_row row, uint32_t sum, struct vs_error *err);

/* -- a batch over row primitives ---------------------------------------------------------- */
struct vs_primitives {
    vs_rc (*begin)(struct vs_store *store, struct vs_error *err);
    vs_rc (*end)(struct vs_store *store, struct vs_error *err); /* commit, durable */
    void (*rollback)(struct vs_store *store);
    /* The row as it is in this transaction; `*ret` NULL: none. It lives in `arena`.
     * VS_E_CORRUPT when its checksum is wrong. */
    vs_rc (*find)(struct vs_store *store, struct vs_arena *arena, const struct vs_table *table,
                  const struct vs_value *key, const struct vs_row **ret, struct vs_error *err);
    /* `*ret_clash`: the key or a unique index has it already; nothing was done. */
    vs_rc (*insert)(struct vs_store *store, const struct vs_table *table,
                    const struct vs_row *row, bool *ret_clash, struct vs_error *err);
    /* The row with this key becomes `row`; only columns of `set` differ. */
    vs_rc (*replace)(struct vs_store *store, const struct vs_table *table,
                     const struct vs_row *row, uint64_t set, bool *ret_clash,
                     struct vs_error *err);
    vs_rc (*remove)(struct vs_store *store, const struct vs_table *table,
                    const struct vs_value *key, struct vs_error *err);
};
VS_NODISCARD vs_rc vs_apply(struct vs_store *store, const struct vs_primitives *primitives,
                            struct vs_item *items, size_t n_items, struct vs_error *err);
#endif
