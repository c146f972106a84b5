/* store.h - rows that are not lost: typed tables, atomic conditional writes, ordered reads.
 *
 * One interface, several backends behind it (sqlite/, memory/); tests/unit/storage/store_test.c
 * is the conformance suite that each passes. There is no SQL above this line, no callback and
 * no open transaction: relay gives one array of operations and gets an outcome per item.
 *
 * What is promised
 *  1. vs_store_commit returns OK only when every item that is VS_ITEM_DONE is durable: it
 *     survives power loss. All done items of a call become visible together.
 *  2. An item is all or nothing by itself. A conflict in one changes nothing of it and nothing
 *     of the others. Items apply in order: a later one sees what an earlier one did.
 *  3. A commit that fails with VS_E_DISK_FULL or VS_E_NOMEM changed nothing, and the store goes
 * on. Any other failed commit (VS_E_IO) means *unknown*: the store is poisoned, every later
 *     commit fails, nothing of the failed one may be acknowledged; close, open again, look.
 *  4. A read sees all commits that returned before it began, and no part of a later one.
 *  5. Every row carries a checksum over its columns and version. A row that fails it is never
 *     handed out as good: VS_E_CORRUPT names the table and key, the rest keeps working.
 *     It finds decay; against a forger stands relay's comparison with signed evidence.
 *
 * Threads: reads from any number of threads at once; commits are serialised inside (meant for
 * one committer thread). Open and close belong to one thread. One process owns a store on disk:
 * a second one, of ours or any SQLite program, is refused. */
#ifndef VS_STORAGE_STORE_H
#define VS_STORAGE_STORE_H
#include "storage/fileops.h"
#include "storage/schema.h"

struct vs_store;

/* -- open ---------------------------------------------------------------------------------- */
struct vs_store_options {
    const char *path;               /* of the SQLite file; its folder exists */
    const struct vs_schema *schema; /* NULL: vs_schema */
    const struct vs_fileops *files; /* NULL: vs_fileops_real */
    size_t cache_bytes;             /* of the writer's page cache; 0: 16 MiB */
    unsigned readers;               /* most read connections; 0: 8 */
    unsigned checkpoint_pages;      /* the log is folded into the file when so long; 0: 2000 */
};

/* Creates the store when the file does not exist, brings an older one forward (schema.h).
 * Fails: VS_E_STORE_NEWER, VS_E_STORE_IN_USE (another process has it), VS_E_CORRUPT, VS_E_IO,
 * VS_E_DISK_FULL. */
VS_NODISCARD vs_rc vs_store_open(const struct vs_store_options *options, struct vs_store **ret,
                                 struct vs_error *err);
/* One that lives in memory, for tests and simulations. `schema` as above. */
VS_NODISCARD vs_rc vs_store_open_memory(const struct vs_schema *schema, struct vs_store **ret,
                                        struct vs_error *err);
/* Reads and commits must have ended. NULL is fine. */
void vs_store_close(struct vs_store *store);
const struct vs_schema *vs_store_schema(const struct vs_store *store);

/* -- write --------------------------------------------------------------------------------- */
enum vs_op_kind {
    VS_OP_INSERT, /* conflict when the key, or a value of a VS_UNIQUE index, is there already */
    VS_OP_PUT,    /* insert or replace the whole row */
    VS_OP_UPDATE, /* some columns of a row that is there */
    VS_OP_DELETE, /* a row that is there */
    VS_OP_EXPECT, /* changes nothing: only the condition */
};

enum {
    VS_ANY_VERSION = 0, /* the row may have any version (for PUT: or be absent) */
    VS_ABSENT = -1,     /* EXPECT: there is no such row */
};

struct vs_op {
    enum vs_op_kind kind;
    enum vs_table_id table;
    /* By column. INSERT, PUT: all of them. UPDATE: the key and those in `set`. DELETE, EXPECT:
     * the key. Borrowed until the commit returns. */
    const struct vs_value *values;
    uint64_t set;       /* UPDATE: VS_SET(column) | ...; never a key column */
    int64_t if_version; /* conflict unless the row has it; VS_ANY_VERSION, or VS_ABSENT */
};
#define VS_SET(column) (UINT64_C(1) << (column))

static inline struct vs_op vs_op_insert(enum vs_table_id table, const struct vs_value *row)
{
    return (struct vs_op){VS_OP_INSERT, table, row, 0, VS_ANY_VERSION};
}
static inline struct vs_op vs_op_put(enum vs_table_id table, const struct vs_value *row)
{
    return (struct vs_op){VS_OP_PUT, table, row, 0, VS_ANY_VERSION};
}
static inline struct vs_op vs_op_update(enum vs_table_id table, const struct vs_value *row,
                                        uint64_t set, int64_t if_version)
{
    return (struct vs_op){VS_OP_UPDATE, table, row, set, if_version};
}
static inline struct vs_op vs_op_delete(enum vs_table_id table, const struct vs_value *key,
                                        int64_t if_version)
{
    return (struct vs_op){VS_OP_DELETE, table, key, 0, if_version};
}
static inline struct vs_op vs_op_expect(enum vs_table_id table, const struct vs_value *key,
                                        int64_t version_or_absent)
{
    return (struct vs_op){VS_OP_EXPECT, table, key, 0, version_or_absent};
}

enum vs_outcome {
    VS_ITEM_PENDING,  /* not yet committed */
    VS_ITEM_DONE,     /* durable */
    VS_ITEM_CONFLICT, /* ops[failed_op]'s condition did not hold; nothing of the item was done
                       */
    VS_ITEM_CORRUPT, /* ops[failed_op]'s row fails its checksum; nothing of the item was done */
};

struct vs_item {
    const struct vs_op *ops;
    size_t n_ops;
    enum vs_outcome outcome; /* set by the commit */
    size_t failed_op;        /* set with CONFLICT and CORRUPT */
};

/* All items in one durable transaction; see the promises. A value of the wrong type, a VS_NULL
 * in a column that is not optional, text that is not UTF-8 or has a NUL: bugs of relay, which
 * abort. When no item changed anything, nothing is written. */
VS_NODISCARD vs_rc vs_store_commit(struct vs_store *store, struct vs_item *items,
                                   size_t n_items, struct vs_error *err);

/* -- read ---------------------------------------------------------------------------------- */
struct vs_row {
    const struct vs_value *values; /* by column */
    int64_t version;
    bool corrupt; /* only where vs_query.tolerate asked for it */
};

/* `key`: the key columns' values. `*ret` is NULL when there is no such row. The row lives in
 * `arena`. Fails: VS_E_CORRUPT, VS_E_NOMEM, VS_E_IO. */
VS_NODISCARD vs_rc vs_store_get(struct vs_store *store, struct vs_arena *arena,
                                enum vs_table_id table, const struct vs_value *key,
                                const struct vs_row **ret, struct vs_error *err);

/* Rows in the order of an index, then of the key. The *sequence* of an index is its columns
 * followed by the key columns that are not among them. */
struct vs_query {
    enum vs_table_id table;
    unsigned index; /* VS_<TABLE>_BY_...; 0: the key */
    const struct vs_value
        *equal; /* the first n_equal of the sequence; VS_NULL matches VS_NULL */
    size_t n_equal;
    const struct vs_value *low, *high; /* inclusive bounds of the next one; NULL: none */
    /* Only what follows, in reading direction, the row with these values of the next n_after of
     * the sequence: the place where an earlier page ended. */
    const struct vs_value *after;
    size_t n_after;
    bool descending;
    bool tolerate; /* corrupt rows come marked instead of failing the call */
    size_t limit;  /* 0: at most 1000 */
};
/* `*ret_rows` in `arena`. Fails as vs_store_get. */
VS_NODISCARD vs_rc vs_store_select(struct vs_store *store, struct vs_arena *arena,
                                   const struct vs_query *query, const struct vs_row **ret_rows,
                                   size_t *ret_n, struct vs_error *err);
/* How many rows there would be, at most `limit` (0: no limit): limits, gauges. */
VS_NODISCARD vs_rc vs_store_count(struct vs_store *store, const struct vs_query *query,
                                  uint64_t *ret, struct vs_error *err);

/* Every row of a table in key order, corrupt ones marked, in pages: rows that change meanwhile
 * may be seen as before or after. `visit` returns a failure to stop. The row lives for the
 * call. */
VS_NODISCARD vs_rc vs_store_each(struct vs_store *store, enum vs_table_id table,
                                 vs_rc (*visit)(void *context, const struct vs_row *row,
                                                struct vs_error *err),
                                 void *context, struct vs_error *err);

/* -- leases -------------------------------------------------------------------------------- */
/* Work is a row of VS_T_WORK. Whoever leases it may work on it until `until`; then anybody may
 * take it again. The row's version is the fence: finish or postpone the work with an operation
 * that carries `if_version` = the version got here, in the same item as its results; whoever
 * was overtaken gets a conflict and its results are not kept. */
struct vs_lease {
    const char *kind; /* of work */
    const char *node; /* who takes it */
    vs_time_ms now, until;
    size_t limit;
};
/* Takes at most `limit` items that are due, in order of due time; a commit of its own. Rows as
 * they are after the lease; damaged ones (up to 64 that are due) stop nobody's. Fails as
 * vs_store_commit and vs_store_select. */
VS_NODISCARD vs_rc vs_store_lease(struct vs_store *store, struct vs_arena *arena,
                                  const struct vs_lease *lease, const struct vs_row **ret_rows,
                                  size_t *ret_n, struct vs_error *err);
/* The same for rows that the caller has chosen (lease->limit does not matter): those that
 * changed meanwhile are left out. `rows` live until it returns. */
VS_NODISCARD vs_rc vs_store_lease_rows(struct vs_store *store, struct vs_arena *arena,
                                       const struct vs_lease *lease, const struct vs_row *rows,
                                       size_t n, const struct vs_row **ret_rows, size_t *ret_n,
                                       struct vs_error *err);

/* -- care ---------------------------------------------------------------------------------- */
/* Called for each thing wrong: a table ("" where it is the file as a whole), a key as text (""
 * = unknown), what is wrong. */
typedef void vs_store_fault(void *context, const char *table, const char *key,
                            const char *text);
/* Every row against its checksum, every index against its table, the file's own structure.
 * OK when it could be done, whatever it found. */
VS_NODISCARD vs_rc vs_store_check(struct vs_store *store, vs_store_fault *fault, void *context,
                                  struct vs_error *err);

/* -- copy ---------------------------------------------------------------------------------- */
/* All rows as they are when it begins, in a new file that vs_store_open opens. Reads and
 * commits go on meanwhile and are no part of it. One thread at a time. */
struct vs_store_copy;
/* `path` does not exist, its folder does; `files` NULL: vs_fileops_real. VS_E_STATE: the store
 * lies in memory; VS_E_IO, VS_E_DISK_FULL. */
VS_NODISCARD vs_rc vs_store_copy_begin(struct vs_store *store, const char *path,
                                       const struct vs_fileops *files,
                                       struct vs_store_copy **ret, struct vs_error *err);
/* About a megabyte more; `*ret_done`: that was the last. `ret_bytes` of `ret_total` are there.
 * Fails as vs_store_copy_begin: then only _end. After _end the caller syncs file and folder. */
VS_NODISCARD vs_rc vs_store_copy_step(struct vs_store_copy *copy, bool *ret_done,
                                      uint64_t *ret_bytes, uint64_t *ret_total,
                                      struct vs_error *err);
/* What is not done is left as it is: the caller removes the file. NULL is fine. */
void vs_store_copy_end(struct vs_store_copy *copy);

/* What was deleted or overwritten leaves no copy behind: freed space is cleared with each
 * commit, and this folds the log, which still has the older pages, and empties it. VS_E_BUSY: a
 * read holds an older state; ask again later. Commits wait meanwhile. */
VS_NODISCARD vs_rc vs_store_purge(struct vs_store *store, struct vs_error *err);

/* Octets that may still be written where the store lies; UINT64_MAX for one in memory. */
VS_NODISCARD vs_rc vs_store_free_bytes(struct vs_store *store, uint64_t *ret,
                                       struct vs_error *err);
/* Whether a failed commit left it unknown (promise 3): /readyz is red then. */
bool vs_store_poisoned(const struct vs_store *store);

struct vs_store_counters {
    uint64_t commits, rows_written, rows_read;
};
struct vs_store_counters vs_store_counters(const struct vs_store *store);
#endif
