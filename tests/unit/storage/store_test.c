/* The conformance suite of store.h: every test runs on each backend. */
#include "tests/unit/unit.h"
#include "tests/unit/storage/shelf.h"

static void put_shelf(struct vs_value *row, int64_t id, const char *place, int64_t rank)
{
    static uint8_t ids[256][2];
    uint8_t *at = ids[id & 0xff];
    vs_put_u16(at, (uint16_t)id);
    row[SHELF_ID] = vs_blob(VS_BYTES(at, 2));
    row[SHELF_PLACE] = vs_text(place);
    row[SHELF_RANK] = rank < 0 ? vs_null() : vs_int(rank);
    row[SHELF_NOTE] = vs_null();
}

static void commit_one(struct vs_store *store, const struct vs_op *ops, size_t n,
                       enum vs_outcome wanted)
{
    struct vs_error err;
    struct vs_item item = {.ops = ops, .n_ops = n};
    assert_ok(vs_store_commit(store, &item, 1, &err));
    assert_int_equal(item.outcome, wanted);
}

static void insert(struct vs_store *store, int64_t id, const char *place, int64_t rank)
{
    struct vs_value row[SHELF_COLUMNS];
    put_shelf(row, id, place, rank);
    struct vs_op op = vs_op_insert(T_SHELF, row);
    commit_one(store, &op, 1, VS_ITEM_DONE);
}

/* The ranks of the rows a query gives, as text. */
static const char *ranks(struct vs_store *store, const struct vs_query *query)
{
    static char text[400];
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_row *rows;
    size_t n;
    assert_ok(vs_store_select(store, arena, query, &rows, &n, &err));
    uint64_t count;
    assert_ok(vs_store_count(store, query, &count, &err));
    assert_int_equal(count, n);
    char *at = text;
    *at = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct vs_value *rank = &rows[i].values[SHELF_RANK];
        at += snprintf(at, 20, "%s%lld", i == 0 ? "" : " ",
                       rank->type == VS_NULL ? -1 : (long long)rank->integer);
    }
    return text;
}

static void store__gives_back_every_type_as_it_was_put(void **state)
{
    struct vs_store *store = *state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_value row[SHELF_COLUMNS];
    put_shelf(row, 1, "Göyçay, ə ğ ş ı İ", INT64_MAX);
    row[SHELF_NOTE] = vs_blob(VS_BYTES_LITERAL("\0zero\0"));
    struct vs_op op = vs_op_insert(T_SHELF, row);
    commit_one(store, &op, 1, VS_ITEM_DONE);
    const struct vs_row *got;
    assert_ok(vs_store_get(store, arena, (enum vs_table_id)T_SHELF, row, &got, &err));
    assert_non_null(got);
    assert_int_equal(got->version, 1);
    assert_int_equal(vs_values_compare(got->values, row, SHELF_COLUMNS), 0);
    put_shelf(row, 2, "", 0);
    row[SHELF_NOTE] = vs_blob(VS_BYTES_NONE); /* empty, not absent */
    commit_one(store, &op, 1, VS_ITEM_DONE);
    assert_ok(vs_store_get(store, arena, (enum vs_table_id)T_SHELF, row, &got, &err));
    assert_int_equal(got->values[SHELF_NOTE].type, VS_BLOB);
    assert_int_equal(got->values[SHELF_PLACE].type, VS_TEXT);
    put_shelf(row, 3, "absent", 0);
    assert_ok(vs_store_get(store, arena, (enum vs_table_id)T_SHELF, row, &got, &err));
    assert_null(got);
}

static void store__an_item_is_all_or_nothing_and_never_fails_the_batch(void **state)
{
    struct vs_store *store = *state;
    struct vs_error err;
    insert(store, 1, "a", 1);
    struct vs_value rows[6][SHELF_COLUMNS];
    put_shelf(rows[0], 2, "b", 2);
    put_shelf(rows[1], 1, "again", 9); /* is there already */
    put_shelf(rows[2], 3, "c", 3);
    put_shelf(rows[3], 1, "changed", 8);
    put_shelf(rows[4], 2, "late", 7);
    struct vs_op first[] = {vs_op_insert(T_SHELF, rows[0]),
                            vs_op_update(T_SHELF, rows[3], VS_SET(SHELF_RANK), VS_ANY_VERSION),
                            vs_op_delete(T_SHELF, rows[3], 2),
                            vs_op_insert(T_SHELF, rows[3]),
                            vs_op_put(T_SHELF, rows[1]),
                            vs_op_insert(T_SHELF, rows[1])};
    struct vs_op second[] = {vs_op_insert(T_SHELF, rows[2])};
    struct vs_op third[] = {vs_op_expect(T_SHELF, rows[0], VS_ABSENT),
                            vs_op_insert(T_SHELF, rows[4])};
    struct vs_item items[] = {
        {.ops = first, .n_ops = 6}, {.ops = second, .n_ops = 1}, {.ops = third, .n_ops = 2}};
    assert_ok(vs_store_commit(store, items, 3, &err));
    assert_int_equal(items[0].outcome, VS_ITEM_CONFLICT);
    assert_int_equal(items[0].failed_op, 5);
    assert_int_equal(items[1].outcome, VS_ITEM_DONE);
    assert_int_equal(items[2].outcome, VS_ITEM_DONE); /* 2 is absent: the first was undone */
    assert_string_equal(ranks(store, &(struct vs_query){.table = T_SHELF}), "1 7 3");
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_row *got;
    assert_ok(vs_store_get(store, arena, T_SHELF, rows[3], &got, &err));
    assert_int_equal(got->version, 1); /* even its version was undone */
}

static void store__a_later_item_sees_what_an_earlier_one_did(void **state)
{
    struct vs_store *store = *state;
    struct vs_error err;
    struct vs_value row[SHELF_COLUMNS];
    put_shelf(row, 1, "a", 1);
    struct vs_op op = vs_op_insert(T_SHELF, row);
    struct vs_item items[1000];
    for (size_t i = 0; i < 1000; i++)
        items[i] = (struct vs_item){.ops = &op, .n_ops = 1};
    assert_ok(vs_store_commit(store, items, 1000, &err));
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(items[i].outcome, i == 0 ? VS_ITEM_DONE : VS_ITEM_CONFLICT);
}

static void store__versions_count_changes_and_guard_them(void **state)
{
    struct vs_store *store = *state;
    struct vs_value row[SHELF_COLUMNS];
    put_shelf(row, 1, "a", 1);
    struct vs_op op = vs_op_update(T_SHELF, row, VS_SET(SHELF_RANK), VS_ANY_VERSION);
    commit_one(store, &op, 1, VS_ITEM_CONFLICT); /* nothing to update */
    op = vs_op_delete(T_SHELF, row, VS_ANY_VERSION);
    commit_one(store, &op, 1, VS_ITEM_CONFLICT);
    op = vs_op_expect(T_SHELF, row, 1);
    commit_one(store, &op, 1, VS_ITEM_CONFLICT);
    op = vs_op_put(T_SHELF, row);
    commit_one(store, &op, 1, VS_ITEM_DONE);
    row[SHELF_PLACE] = vs_text("not written");
    row[SHELF_RANK] = vs_int(5);
    op = vs_op_update(T_SHELF, row, VS_SET(SHELF_RANK), 2);
    commit_one(store, &op, 1, VS_ITEM_CONFLICT);
    op.if_version = 1;
    commit_one(store, &op, 1, VS_ITEM_DONE);
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_row *got;
    assert_ok(vs_store_get(store, arena, T_SHELF, row, &got, &err));
    assert_int_equal(got->version, 2);
    assert_int_equal(got->values[SHELF_RANK].integer, 5);
    assert_true(vs_bytes_is(got->values[SHELF_PLACE].bytes, "a"));
    op = vs_op_put(T_SHELF, row);
    op.if_version = 1;
    commit_one(store, &op, 1, VS_ITEM_CONFLICT);
    op.if_version = 2;
    commit_one(store, &op, 1, VS_ITEM_DONE);
    op = vs_op_expect(T_SHELF, row, 3);
    commit_one(store, &op, 1, VS_ITEM_DONE);
    op = vs_op_delete(T_SHELF, row, 3);
    commit_one(store, &op, 1, VS_ITEM_DONE);
    op = vs_op_expect(T_SHELF, row, VS_ABSENT);
    commit_one(store, &op, 1, VS_ITEM_DONE);
    assert_string_equal(ranks(store, &(struct vs_query){.table = T_SHELF}), "");
}

static void store__a_unique_index_refuses_but_not_absent_values(void **state)
{
    struct vs_store *store = *state;
    struct vs_value row[SHELF_COLUMNS];
    put_shelf(row, 1, "a", -1);
    row[SHELF_NOTE] = vs_blob(VS_BYTES_LITERAL("one"));
    struct vs_op op = vs_op_insert(T_SHELF, row);
    commit_one(store, &op, 1, VS_ITEM_DONE);
    row[SHELF_ID] = vs_blob(VS_BYTES_LITERAL("other"));
    commit_one(store, &op, 1, VS_ITEM_CONFLICT);
    row[SHELF_NOTE] = vs_null();
    commit_one(store, &op, 1, VS_ITEM_DONE);
    insert(store, 3, "c", -1); /* no note either */
    row[SHELF_NOTE] = vs_blob(VS_BYTES_LITERAL("one"));
    op = vs_op_update(T_SHELF, row, VS_SET(SHELF_NOTE), VS_ANY_VERSION);
    commit_one(store, &op, 1, VS_ITEM_CONFLICT);
    row[SHELF_NOTE] = vs_blob(VS_BYTES_LITERAL("two"));
    commit_one(store, &op, 1, VS_ITEM_DONE);
    commit_one(store, &op, 1, VS_ITEM_DONE); /* its own value is no clash */
}

static void store__reads_in_the_order_of_an_index_within_bounds(void **state)
{
    struct vs_store *store = *state;
    static const struct {
        const char *place;
        int64_t rank;
    } rows[] = {{"b", 4},  {"a", 3}, {"b", 2}, {"a", -1},
                {"b", -1}, {"a", 7}, {"b", 2}, {"b", 9}};
    for (size_t i = 0; i < 8; i++)
        insert(store, (int64_t)i, rows[i].place, rows[i].rank);
    struct vs_value b = vs_text("b"), two = vs_int(2), four = vs_int(4), none = vs_null();
    struct vs_value b_none[] = {b, none},
                    after_two[] = {two, vs_blob(VS_BYTES_LITERAL("\0\2"))};
    struct vs_query q = {.table = T_SHELF, .index = SHELF_BY_PLACE, .equal = &b, .n_equal = 1};
    assert_string_equal(ranks(store, &q), "-1 2 2 4 9");
    q.descending = true;
    assert_string_equal(ranks(store, &q), "9 4 2 2 -1");
    q.low = &two;
    q.high = &four;
    assert_string_equal(ranks(store, &q), "4 2 2");
    q.descending = false;
    q.limit = 2;
    assert_string_equal(ranks(store, &q), "2 2");
    q = (struct vs_query){.table = T_SHELF,
                          .index = SHELF_BY_PLACE,
                          .equal = &b,
                          .n_equal = 1,
                          .after = after_two,
                          .n_after = 2};
    assert_string_equal(ranks(store, &q), "2 4 9");
    q.n_after = 1;
    assert_string_equal(ranks(store, &q), "4 9");
    q.n_after = 2;
    q.descending = true; /* 2 with id 6, 4 and 9 come before it; nothing after but the absent */
    assert_string_equal(ranks(store, &q), "");
    q = (struct vs_query){
        .table = T_SHELF, .index = SHELF_BY_PLACE, .equal = b_none, .n_equal = 2};
    assert_string_equal(ranks(store, &q), "-1");
    q = (struct vs_query){
        .table = T_SHELF, .index = SHELF_BY_FILLED, .equal = &b, .n_equal = 1};
    assert_string_equal(ranks(store, &q), "2 2 4 9"); /* sparse at its end */
    q = (struct vs_query){.table = T_SHELF, .index = SHELF_BY_RANK};
    assert_string_equal(ranks(store, &q), "2 2 3 4 7 9"); /* sparse: without the absent */
    q.descending = true;
    q.limit = 1;
    assert_string_equal(ranks(store, &q), "9");
    q = (struct vs_query){.table = T_SHELF, .low = &after_two[1]};
    assert_string_equal(ranks(store, &q), "2 -1 -1 7 2 9");
}

/* Pages that begin where the last one ended meet every row once. */
static void store__pages_meet_every_row_once(void **state)
{
    struct vs_store *store = *state;
    struct vs_error err;
    struct vs_value key[2], row[PAIR_COLUMNS];
    for (int64_t i = 0; i < 1000; i++) {
        row[PAIR_LEFT] = vs_int(i * 7919 % 1000 / 10);
        row[PAIR_RIGHT] = vs_int(i * 7919 % 1000 % 10);
        row[PAIR_BODY] = vs_text("body");
        struct vs_op op = vs_op_insert(T_PAIR, row);
        struct vs_item item = {.ops = &op, .n_ops = 1};
        assert_ok(vs_store_commit(store, &item, 1, &err));
        assert_int_equal(item.outcome, VS_ITEM_DONE);
    }
    for (int down = 0; down < 2; down++) {
        struct vs_query q = {
            .table = T_PAIR, .after = key, .limit = 13, .descending = down == 1};
        int64_t met = 0;
        for (;;) {
            VS_ARENA *arena = vs_arena_new(1 << 20);
            const struct vs_row *rows;
            size_t n;
            assert_ok(vs_store_select(store, arena, &q, &rows, &n, &err));
            for (size_t i = 0; i < n; i++, met++) {
                int64_t at =
                    rows[i].values[PAIR_LEFT].integer * 10 + rows[i].values[PAIR_RIGHT].integer;
                assert_int_equal(at, down ? 999 - met : met);
            }
            if (n < 13)
                break;
            key[0] = rows[n - 1].values[0];
            key[1] = rows[n - 1].values[1];
            q.n_after = 2;
        }
        assert_int_equal(met, 1000);
    }
}

static vs_rc count_row(void *context, const struct vs_row *row, struct vs_error *err)
{
    size_t *n = context;
    (void)err;
    assert_false(row->corrupt);
    assert_int_equal(row->values[PAIR_LEFT].integer, (int64_t)*n);
    ++*n;
    return VS_OK;
}

static void store__each_visits_all_rows_in_key_order(void **state)
{
    struct vs_store *store = *state;
    struct vs_error err;
    static struct vs_value rows[700][PAIR_COLUMNS];
    static struct vs_op ops[700];
    for (int64_t i = 0; i < 700; i++) {
        rows[i][PAIR_LEFT] = vs_int(699 - i);
        rows[i][PAIR_RIGHT] = vs_int(0);
        rows[i][PAIR_BODY] = vs_text("");
        ops[i] = vs_op_insert(T_PAIR, rows[i]);
    }
    commit_one(store, ops, 700, VS_ITEM_DONE);
    size_t n = 0;
    assert_ok(vs_store_each(store, (enum vs_table_id)T_PAIR, count_row, &n, &err));
    assert_int_equal(n, 700);
    assert_int_equal(vs_store_counters(store).rows_written, 700);
}

static void no_fault(void *context, const char *table, const char *key, const char *text)
{
    (void)context;
    fail_msg("%s %s: %s", table, key, text);
}

static void store__a_sound_store_passes_its_check(void **state)
{
    struct vs_store *store = *state;
    struct vs_error err;
    for (int64_t i = 0; i < 50; i++)
        insert(store, i, i % 2 ? "odd" : "even", i);
    assert_ok(vs_store_check(store, no_fault, NULL, &err));
    uint64_t room;
    assert_ok(vs_store_free_bytes(store, &room, &err));
    assert_true(room > 0);
}

/* A model and a store do the same things at random and must always agree. */
static void store__agrees_with_a_simple_model(void **state)
{
    enum { IDS = 20, ROUNDS = 3000 };
    struct vs_store *store = *state;
    struct vs_error err;
    int64_t version[IDS] = {0}, rank[IDS] = {0};
    uint32_t seed = 12345;
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * 1664525u + 1013904223u;
        int64_t id = seed >> 8 & 0xffff;
        id %= IDS;
        int64_t value = seed >> 20, wanted_version = seed >> 4 & 1 ? 0 : version[id];
        struct vs_value row[SHELF_COLUMNS];
        put_shelf(row, id, "here", value);
        struct vs_op op;
        bool there = version[id] > 0, done = true;
        int64_t next = version[id] + 1;
        switch (seed >> 28 & 3) {
        case 0:
            op = vs_op_insert(T_SHELF, row);
            done = !there;
            break;
        case 1:
            op = vs_op_put(T_SHELF, row);
            break;
        case 2:
            op = vs_op_update(T_SHELF, row, VS_SET(SHELF_RANK), wanted_version);
            done = there;
            break;
        default:
            op = vs_op_delete(T_SHELF, row, wanted_version);
            done = there;
            next = 0;
            break;
        }
        struct vs_item item = {.ops = &op, .n_ops = 1};
        assert_ok(vs_store_commit(store, &item, 1, &err));
        assert_int_equal(item.outcome, done ? VS_ITEM_DONE : VS_ITEM_CONFLICT);
        if (done) {
            version[id] = next;
            rank[id] = value;
        }
    }
    for (int64_t id = 0; id < IDS; id++) {
        VS_ARENA *arena = vs_arena_new(1 << 20);
        struct vs_value row[SHELF_COLUMNS];
        const struct vs_row *got;
        put_shelf(row, id, "", 0);
        assert_ok(vs_store_get(store, arena, (enum vs_table_id)T_SHELF, row, &got, &err));
        assert_int_equal(got == NULL ? 0 : got->version, version[id]);
        if (got != NULL)
            assert_int_equal(got->values[SHELF_RANK].integer, rank[id]);
    }
    assert_ok(vs_store_check(store, no_fault, NULL, &err));
}

#define ON_BOTH(test)                                                                          \
    cmocka_unit_test_setup_teardown(test, shelf_memory, shelf_done),                           \
        cmocka_unit_test_setup_teardown(test, shelf_sqlite, shelf_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(store__gives_back_every_type_as_it_was_put),
        ON_BOTH(store__an_item_is_all_or_nothing_and_never_fails_the_batch),
        ON_BOTH(store__a_later_item_sees_what_an_earlier_one_did),
        ON_BOTH(store__versions_count_changes_and_guard_them),
        ON_BOTH(store__a_unique_index_refuses_but_not_absent_values),
        ON_BOTH(store__reads_in_the_order_of_an_index_within_bounds),
        ON_BOTH(store__pages_meet_every_row_once),
        ON_BOTH(store__each_visits_all_rows_in_key_order),
        ON_BOTH(store__a_sound_store_passes_its_check),
        ON_BOTH(store__agrees_with_a_simple_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
