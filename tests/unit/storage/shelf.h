/* shelf.h - a small schema for the tests of storage, and stores of it. */
#ifndef VS_TESTS_SHELF_H
#define VS_TESTS_SHELF_H
#include "storage/store.h"
#include <stdlib.h>
#include <unistd.h>

/* Plain macros: the store's table ids are an enumeration of Vasite's own tables. */
#define T_SHELF ((enum vs_table_id)0)
#define T_PAIR  ((enum vs_table_id)1)
enum { SHELF_ID, SHELF_PLACE, SHELF_RANK, SHELF_NOTE, SHELF_COLUMNS };
enum { SHELF_BY_KEY, SHELF_BY_PLACE, SHELF_BY_RANK, SHELF_BY_NOTE, SHELF_BY_FILLED };
enum { PAIR_LEFT, PAIR_RIGHT, PAIR_BODY, PAIR_COLUMNS };

static const struct vs_column shelf_columns[] = {{"id", VS_BLOB, false},
                                                 {"place", VS_TEXT, false},
                                                 {"rank", VS_INT, true},
                                                 {"note", VS_BLOB, true}};
static const struct vs_index shelf_indexes[] = {
    {"shelf_by_place", 0, 2, {SHELF_PLACE, SHELF_RANK}},
    {"shelf_by_rank", VS_SPARSE, 1, {SHELF_RANK}},
    {"shelf_by_note", VS_UNIQUE, 1, {SHELF_NOTE}},
    {"shelf_by_filled", VS_SPARSE_END, 2, {SHELF_PLACE, SHELF_RANK}}};
static const struct vs_column pair_columns[] = {
    {"left", VS_INT, false}, {"right", VS_INT, false}, {"body", VS_TEXT, false}};
static const struct vs_table shelf_tables[] = {
    {"shelf", 1, shelf_columns, SHELF_COLUMNS, shelf_indexes, 4},
    {"pair", 2, pair_columns, PAIR_COLUMNS, NULL, 0}};
static const struct vs_schema shelf_schema = {1, shelf_tables, 2, NULL, 0};

/* A folder of its own for the running test. */
static char shelf_folder[64];
static inline const char *shelf_path(const char *name)
{
    static char path[128];
    if (shelf_folder[0] == '\0') {
        snprintf(shelf_folder, sizeof shelf_folder, "/tmp/vasite-test-XXXXXX");
        assert_non_null(mkdtemp(shelf_folder));
    }
    snprintf(path, sizeof path, "%s/%s", shelf_folder, name);
    return path;
}

static inline void shelf_clean(void)
{
    char command[128];
    if (shelf_folder[0] == '\0')
        return;
    snprintf(command, sizeof command, "rm -rf '%s'", shelf_folder);
    assert_int_equal(system(command), 0);
    shelf_folder[0] = '\0';
}

static inline int __attribute__((unused)) shelf_memory(void **state)
{
    struct vs_error err;
    struct vs_store *store;
    assert_ok(vs_store_open_memory(&shelf_schema, &store, &err));
    *state = store;
    return 0;
}

static inline int __attribute__((unused)) shelf_sqlite(void **state)
{
    struct vs_error err;
    struct vs_store *store;
    struct vs_store_options options = {.path = shelf_path("store"), .schema = &shelf_schema};
    assert_ok(vs_store_open(&options, &store, &err));
    *state = store;
    return 0;
}

static inline int __attribute__((unused)) shelf_done(void **state)
{
    vs_store_close(*state);
    shelf_clean();
    return 0;
}
#endif
