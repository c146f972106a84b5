/* What only the store on disk has: versions, migration, one owner, damage, threads, leases. */
#include "tests/unit/unit.h"
#include "tests/unit/storage/shelf.h"
#include "tests/support/fileops_lossy.h"
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int clean(void **state)
{
    (void)state;
    shelf_clean();
    return 0;
}

static struct vs_store *open_with(const struct vs_schema *schema)
{
    struct vs_error err;
    struct vs_store *store;
    struct vs_store_options options = {.path = shelf_path("store"), .schema = schema};
    assert_ok(vs_store_open(&options, &store, &err));
    return store;
}

static void refuse(const struct vs_schema *schema, enum vs_code wanted)
{
    struct vs_error err;
    struct vs_store *store;
    struct vs_store_options options = {.path = shelf_path("store"), .schema = schema};
    assert_fails(wanted, vs_store_open(&options, &store, &err));
}

static void commit_op(struct vs_store *store, struct vs_op op, enum vs_outcome wanted)
{
    struct vs_error err;
    struct vs_item item = {.ops = &op, .n_ops = 1};
    assert_ok(vs_store_commit(store, &item, 1, &err));
    assert_int_equal(item.outcome, wanted);
}

static void insert(struct vs_store *store, uint16_t id, const char *place, int64_t rank)
{
    uint8_t octets[2];
    vs_put_u16(octets, id);
    struct vs_value row[SHELF_COLUMNS] = {vs_blob(VS_BYTES(octets, 2)), vs_text(place),
                                          vs_int(rank), vs_null()};
    commit_op(store, vs_op_insert(T_SHELF, row), VS_ITEM_DONE);
}

/* -- versions ------------------------------------------------------------------------------ */

static vs_rc double_rank(struct vs_arena *arena, struct vs_value *values, bool *ret_changed,
                         struct vs_error *err)
{
    struct vs_bytes colour = vs_bytes_copy(arena, VS_BYTES_LITERAL("new"));
    if (colour.ptr == NULL)
        return vs_fail_memory(err);
    *ret_changed = values[SHELF_RANK].integer != 3; /* one row needs no change */
    values[SHELF_RANK].integer *= 2;
    values[SHELF_COLUMNS] = vs_text_bytes(colour);
    return VS_OK;
}

static const struct vs_column wide_columns[] = {{"id", VS_BLOB, false},
                                                {"place", VS_TEXT, false},
                                                {"rank", VS_INT, true},
                                                {"note", VS_BLOB, true},
                                                {"colour", VS_TEXT, true}};
static const struct vs_index wide_indexes[] = {
    {"shelf_by_place", 0, 1, {SHELF_PLACE}}, /* narrower than it was */
    {"shelf_by_rank", VS_SPARSE, 1, {SHELF_RANK}},
    {"shelf_by_note", VS_UNIQUE, 1, {SHELF_NOTE}},
    {"shelf_by_colour", 0, 1, {SHELF_COLUMNS}}};
static const struct vs_column box_columns[] = {{"id", VS_INT, false}};
static const struct vs_table wide_tables[] = {
    {"shelf", 1, wide_columns, SHELF_COLUMNS + 1, wide_indexes, 4},
    {"box", 1, box_columns, 1, NULL, 0}};
static const struct vs_migration steps[] = {{2, "shelf", double_rank, false},
                                            {3, "pair", NULL, true}};
static const struct vs_schema wide_schema = {3, wide_tables, 2, steps, 2};

static void store__of_a_newer_version_is_refused_and_left_alone(void **state)
{
    (void)state;
    vs_store_close(open_with(&wide_schema));
    refuse(&shelf_schema, VS_E_STORE_NEWER);
    vs_store_close(open_with(&wide_schema));
}

static void store__of_an_older_version_is_brought_forward_once(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_store *store = open_with(&shelf_schema);
    for (uint16_t i = 1; i <= 600; i++)
        insert(store, i, "here", i);
    vs_store_close(store);
    for (int times = 0; times < 2; times++) {
        store = open_with(&wide_schema);
        VS_ARENA *arena = vs_arena_new(8 << 20);
        const struct vs_row *rows;
        size_t n;
        struct vs_value new = vs_text("new");
        struct vs_query q = {
            .table = T_SHELF, .index = 4, .equal = &new, .n_equal = 1, .limit = 5};
        assert_ok(vs_store_select(store, arena, &q, &rows, &n, &err));
        assert_int_equal(n, 5);
        assert_int_equal(rows[2].values[SHELF_RANK].integer, 8); /* 3 was left out */
        assert_int_equal(rows[2].version, 2);
        uint64_t count;
        q.limit = 0;
        assert_ok(vs_store_count(store, &q, &count, &err));
        assert_int_equal(count, 599);
        commit_op(store, vs_op_put((enum vs_table_id)1, (struct vs_value[]){vs_int(times)}),
                  VS_ITEM_DONE);
        vs_store_close(store);
    }
    sqlite3 *db;
    assert_int_equal(sqlite3_open(shelf_path("store"), &db), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "SELECT * FROM pair", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* A migration that is cut off leaves the old store, whole. */
static void store__a_migration_is_all_or_nothing(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct vs_error err;
        struct vs_lossy *disk = vs_lossy_new(nth);
        struct vs_store *store;
        struct vs_store_options options = {
            .path = "/data/store", .files = vs_lossy_files(disk), .schema = &shelf_schema};
        assert_ok(vs_store_open(&options, &store, &err));
        for (uint16_t i = 1; i <= 20; i++)
            insert(store, i, "here", i);
        vs_store_close(store);
        options.schema = &wide_schema;
        vs_lossy_die_at(disk, nth);
        bool done = vs_ok(vs_store_open(&options, &store, &err));
        if (done)
            vs_store_close(store);
        bool died = vs_lossy_dead(disk);
        vs_lossy_power_on(disk);
        assert_ok(vs_store_open(&options, &store, &err));
        VS_ARENA *arena = vs_arena_new(1 << 20);
        const struct vs_row *row;
        struct vs_value key = vs_blob(VS_BYTES_LITERAL("\0\7"));
        assert_ok(vs_store_get(store, arena, T_SHELF, &key, &row, &err));
        assert_int_equal(row->values[SHELF_RANK].integer, 14);
        vs_store_close(store);
        vs_lossy_free(disk);
        if (!died)
            break;
    }
}

static void store__a_file_of_another_program_is_refused_and_left_alone(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(shelf_path("store"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t(x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    refuse(&shelf_schema, VS_E_CONFIG);
    int fd = open(shelf_path("store"), O_RDWR | O_TRUNC);
    assert_int_equal(write(fd, "this is no database at all, but long enough", 43), 43);
    close(fd);
    refuse(&shelf_schema, VS_E_CORRUPT);
}

static void store__belongs_to_one_opener(void **state)
{
    (void)state;
    struct vs_store *store = open_with(&shelf_schema);
    refuse(&shelf_schema, VS_E_STORE_IN_USE);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        int rc = sqlite3_open(shelf_path("store"), &db);
        rc = rc == SQLITE_OK ? sqlite3_exec(db, "SELECT * FROM shelf", NULL, NULL, NULL) : rc;
        _exit(rc == SQLITE_BUSY ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    insert(store, 1, "a", 1);
    vs_store_close(store);
    vs_store_close(open_with(&shelf_schema));
}

/* -- damage -------------------------------------------------------------------------------- */

static size_t n_faults;
static char last_fault[300];
static void note_fault(void *context, const char *table, const char *key, const char *text)
{
    (void)context;
    n_faults++;
    snprintf(last_fault, sizeof last_fault, "%s %s: %s", table, key, text);
}

static void change_outside(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(shelf_path("store"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Each column, the version and the checksum itself, changed behind the engine's back. */
static void row__that_was_tampered_with_is_named_and_the_rest_keeps_working(void **state)
{
    static const char *const changes[] = {
        "UPDATE shelf SET place='theRe' WHERE id=x'0002'",
        "UPDATE shelf SET rank=rank+1 WHERE id=x'0002'",
        "UPDATE shelf SET rank=NULL WHERE id=x'0002'",
        "UPDATE shelf SET note=x'' WHERE id=x'0002'",
        "UPDATE shelf SET _version=2 WHERE id=x'0002'",
        "UPDATE shelf SET _sum=_sum+1 WHERE id=x'0002'",
    };
    struct vs_error err;
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct vs_store *store = open_with(&shelf_schema);
        insert(store, 1, "there", 1);
        insert(store, 2, "there", 2);
        insert(store, 3, "there", 3);
        vs_store_close(store);
        change_outside(changes[i]);
        store = open_with(&shelf_schema);
        VS_ARENA *arena = vs_arena_new(1 << 20);
        struct vs_value bad = vs_blob(VS_BYTES_LITERAL("\0\2"));
        struct vs_value good = vs_blob(VS_BYTES_LITERAL("\0\3"));
        const struct vs_row *row, *rows;
        size_t n;
        assert_fails(VS_E_CORRUPT, vs_store_get(store, arena, T_SHELF, &bad, &row, &err));
        assert_non_null(strstr(err.text, "row 0002 of table shelf"));
        assert_ok(vs_store_get(store, arena, T_SHELF, &good, &row, &err));
        struct vs_query q = {.table = T_SHELF};
        assert_fails(VS_E_CORRUPT, vs_store_select(store, arena, &q, &rows, &n, &err));
        q.tolerate = true;
        assert_ok(vs_store_select(store, arena, &q, &rows, &n, &err));
        assert_int_equal(n, 3);
        assert_true(rows[1].corrupt && !rows[0].corrupt && !rows[2].corrupt);
        n_faults = 0;
        assert_ok(vs_store_check(store, note_fault, NULL, &err));
        assert_int_equal(n_faults, 1);
        assert_string_equal(last_fault, "shelf 0002: its checksum does not fit");
        struct vs_value change[SHELF_COLUMNS] = {bad, vs_text("x"), vs_int(9)};
        struct vs_value other[SHELF_COLUMNS] = {good, vs_text("x"), vs_int(9)};
        struct vs_op ops[] = {vs_op_update(T_SHELF, other, VS_SET(SHELF_RANK), VS_ANY_VERSION),
                              vs_op_update(T_SHELF, change, VS_SET(SHELF_RANK), VS_ANY_VERSION),
                              vs_op_update(T_SHELF, other, VS_SET(SHELF_RANK), VS_ANY_VERSION)};
        struct vs_item items[] = {{.ops = ops, .n_ops = 2}, {.ops = ops + 2, .n_ops = 1}};
        assert_ok(vs_store_commit(store, items, 2, &err));
        assert_int_equal(items[0].outcome, VS_ITEM_CORRUPT);
        assert_int_equal(items[0].failed_op, 1);
        assert_int_equal(items[1].outcome, VS_ITEM_DONE);
        assert_ok(vs_store_get(store, arena, T_SHELF, &good, &row, &err));
        assert_int_equal(row->version, 2); /* the first item left no trace */
        vs_store_close(store);
        shelf_clean();
    }
}

/* Any octet of the file: nothing crashes, and most are found (free space in pages means
 * nothing). */
static void store__a_flipped_bit_in_the_file_is_found(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_lossy *disk = vs_lossy_new(1);
    struct vs_store *store;
    struct vs_store_options options = {
        .path = "/data/store", .files = vs_lossy_files(disk), .schema = &shelf_schema};
    assert_ok(vs_store_open(&options, &store, &err));
    for (uint16_t i = 1; i <= 40; i++)
        insert(store, i, "a place with a name that is easy to recognise", i);
    vs_store_close(store);
    uint64_t size, found = 0;
    uint8_t *content = vs_lossy_content(disk, "/data/store", &size);
    for (uint64_t at = 0; at < size; at += 7) {
        content[at] ^= 4;
        n_faults = 0;
        vs_rc rc = vs_store_open(&options, &store, &err);
        if (vs_ok(rc)) {
            assert_ok(vs_store_check(store, note_fault, NULL, &err));
            vs_store_close(store);
            content = vs_lossy_content(disk, "/data/store", &size);
        }
        found += !vs_ok(rc) || n_faults > 0;
        content[at] ^= 4;
    }
    assert_true(found > 500);
    assert_ok(vs_store_open(&options, &store, &err));
    n_faults = 0;
    assert_ok(vs_store_check(store, note_fault, NULL, &err));
    assert_int_equal(n_faults, 0);
    vs_store_close(store);
    vs_lossy_free(disk);
}

/* -- threads ------------------------------------------------------------------------------- */

struct readers {
    struct vs_store *store;
    _Atomic int64_t committed;
    _Atomic bool stop;
    _Atomic size_t reads;
};

/* Pairs are written two by two: a reader that sees one half has seen part of a commit. */
static void *read_always(void *context)
{
    struct readers *r = context;
    struct vs_error err;
    while (!r->stop) {
        int64_t least = r->committed;
        VS_ARENA *arena = vs_arena_new(1 << 20);
        const struct vs_row *rows;
        size_t n;
        struct vs_query q = {.table = T_PAIR, .descending = true, .limit = 2};
        vs_rc rc = vs_store_select(r->store, arena, &q, &rows, &n, &err);
        VS_ASSERT(vs_ok(rc));
        if (n > 0) {
            VS_ASSERT(n == 2 && rows[0].values[PAIR_LEFT].integer >= least);
            VS_ASSERT(rows[0].values[PAIR_LEFT].integer == rows[1].values[PAIR_LEFT].integer);
        }
        r->reads++;
    }
    return NULL;
}

static void store__readers_see_whole_commits_and_all_that_returned(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_store_options options = {.path = shelf_path("store"),
                                       .schema = &shelf_schema,
                                       .readers = 2, /* fewer than threads: they queue */
                                       .checkpoint_pages = 20};
    struct readers r = {0};
    assert_ok(vs_store_open(&options, &r.store, &err));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_always, &r), 0);
    for (int64_t i = 1; i <= 300; i++) {
        struct vs_value a[] = {vs_int(i), vs_int(1), vs_text("left")};
        struct vs_value b[] = {vs_int(i), vs_int(2), vs_text("right")};
        struct vs_op ops[] = {vs_op_insert(T_PAIR, a), vs_op_insert(T_PAIR, b)};
        struct vs_item items[] = {{.ops = ops, .n_ops = 1}, {.ops = ops + 1, .n_ops = 1}};
        assert_ok(vs_store_commit(r.store, items, 2, &err));
        r.committed = i;
    }
    r.stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(r.reads > 100);
    vs_store_close(r.store);
}

/* -- leases -------------------------------------------------------------------------------- */

static void add_work(struct vs_store *store, const char *id, const char *kind, int64_t due)
{
    struct vs_value row[VS_WORK_COLUMNS] = {[VS_WORK_ID] = vs_blob(vs_bytes_text(id)),
                                            [VS_WORK_KIND] = vs_text(kind),
                                            [VS_WORK_DUE] = vs_int(due),
                                            [VS_WORK_ATTEMPTS] = vs_int(0)};
    commit_op(store, vs_op_insert(VS_T_WORK, row), VS_ITEM_DONE);
}

static void lease__gives_due_work_to_one_until_it_ends(void **state)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    for (int on_disk = 0; on_disk < 2; on_disk++) {
        struct vs_store *store;
        (void)state;
        if (on_disk)
            store = open_with(NULL);
        else
            assert_ok(vs_store_open_memory(NULL, &store, &err));
        add_work(store, "late", "push", 300);
        add_work(store, "second", "push", 200);
        add_work(store, "first", "push", 100);
        add_work(store, "other", "crl", 50);
        const struct vs_row *rows, *again;
        size_t n;
        struct vs_lease lease = {
            .kind = "push", .node = "a", .now = 250, .until = 1000, .limit = 10};
        assert_ok(vs_store_lease(store, arena, &lease, &rows, &n, &err));
        assert_int_equal(n, 2);
        assert_true(vs_bytes_is(rows[0].values[VS_WORK_ID].bytes, "first"));
        assert_int_equal(rows[0].values[VS_WORK_ATTEMPTS].integer, 1);
        assert_int_equal(rows[0].version, 2);
        lease.node = "b";
        assert_ok(vs_store_lease(store, arena, &lease, &again, &n, &err));
        assert_int_equal(n, 0);
        lease.now = 1000; /* the first lease has ended: "a" was overtaken */
        lease.until = 2000;
        lease.limit = 2;
        assert_ok(vs_store_lease(store, arena, &lease, &again, &n, &err));
        assert_int_equal(n, 2);
        assert_true(vs_bytes_is(again[0].values[VS_WORK_ID].bytes, "late"));
        assert_int_equal(again[1].values[VS_WORK_ATTEMPTS].integer, 2);
        commit_op(store, vs_op_delete(VS_T_WORK, rows[0].values, rows[0].version),
                  VS_ITEM_CONFLICT);
        commit_op(store, vs_op_delete(VS_T_WORK, again[1].values, again[1].version),
                  VS_ITEM_DONE);
        vs_store_close(store);
    }
}

/* -- copies -------------------------------------------------------------------------------- */

static void fault_fails(void *context, const char *table, const char *key, const char *text)
{
    (void)context, (void)table, (void)key;
    fail_msg("%s", text);
}

static uint64_t rows_at(const char *path)
{
    struct vs_error err;
    struct vs_store *store;
    uint64_t n;
    struct vs_store_options options = {.path = path, .schema = &shelf_schema};
    struct vs_query query = {.table = T_SHELF};
    assert_ok(vs_store_open(&options, &store, &err));
    assert_ok(vs_store_check(store, fault_fails, NULL, &err));
    assert_ok(vs_store_count(store, &query, &n, &err));
    vs_store_close(store);
    return n;
}

static void copy__is_of_one_moment_whatever_is_written_meanwhile(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_store *store = open_with(&shelf_schema);
    struct vs_store_copy *copy;
    char long_place[2000], path[128];
    memset(long_place, 'x', sizeof long_place - 1);
    long_place[sizeof long_place - 1] = '\0';
    for (uint16_t id = 0; id < 1500; id++)
        insert(store, id, long_place, id);
    snprintf(path, sizeof path, "%s", shelf_path("copy"));
    assert_ok(vs_store_copy_begin(store, path, NULL, &copy, &err));
    bool done = false;
    uint64_t bytes = 0, total = 0, n_steps = 0;
    for (uint16_t id = 2000; !done; id++, n_steps++) {
        insert(store, id, long_place, id); /* between any two n_steps: it never starts anew */
        assert_true(n_steps < 100);
        assert_ok(vs_store_copy_step(copy, &done, &bytes, &total, &err));
        assert_true(bytes <= total);
    }
    assert_true(n_steps > 2);
    assert_int_equal(bytes, total);
    vs_store_copy_end(copy);
    assert_int_equal(rows_at(path), 1500);
    vs_store_close(store);
    assert_int_equal(rows_at(shelf_path("store")), 1500 + n_steps);
}

static void copy__that_is_given_up_or_impossible_leaves_the_store_as_it_was(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_store *store = open_with(&shelf_schema), *memory;
    struct vs_store_copy *copy;
    char path[128];
    bool done;
    uint64_t bytes, total;
    insert(store, 1, "here", 1);
    snprintf(path, sizeof path, "%s", shelf_path("copy"));
    assert_ok(vs_store_copy_begin(store, path, NULL, &copy, &err));
    vs_store_copy_end(copy); /* before any step */
    assert_int_equal(unlink(path), 0);
    struct vs_lossy *disk = vs_lossy_new(1);
    vs_lossy_capacity(disk, 4096);
    assert_ok(vs_store_copy_begin(store, "/copy", vs_lossy_files(disk), &copy, &err));
    vs_rc rc = vs_store_copy_step(copy, &done, &bytes, &total, &err);
    assert_int_equal(rc.code, VS_E_DISK_FULL);
    vs_store_copy_end(copy);
    vs_lossy_free(disk);
    insert(store, 2, "here", 2); /* the full disk was the other one */
    vs_store_copy_end(NULL);
    assert_ok(vs_store_open_memory(&shelf_schema, &memory, &err));
    assert_fails(VS_E_STATE, vs_store_copy_begin(memory, path, NULL, &copy, &err));
    vs_store_close(memory);
    vs_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(store__of_a_newer_version_is_refused_and_left_alone, clean),
        cmocka_unit_test_teardown(store__of_an_older_version_is_brought_forward_once, clean),
        cmocka_unit_test_teardown(store__a_migration_is_all_or_nothing, clean),
        cmocka_unit_test_teardown(store__a_file_of_another_program_is_refused_and_left_alone,
                                  clean),
        cmocka_unit_test_teardown(store__belongs_to_one_opener, clean),
        cmocka_unit_test_teardown(copy__is_of_one_moment_whatever_is_written_meanwhile, clean),
        cmocka_unit_test_teardown(
            copy__that_is_given_up_or_impossible_leaves_the_store_as_it_was, clean),
        cmocka_unit_test_teardown(
            row__that_was_tampered_with_is_named_and_the_rest_keeps_working, clean),
        cmocka_unit_test_teardown(store__a_flipped_bit_in_the_file_is_found, clean),
        cmocka_unit_test_teardown(store__readers_see_whole_commits_and_all_that_returned,
                                  clean),
        cmocka_unit_test_teardown(lease__gives_due_work_to_one_until_it_ends, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
