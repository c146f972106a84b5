/* Erasing: what is deleted is gone from segments and from the store's files (Art. 31.3). */
#include "tests/unit/unit.h"
#include "storage/segments.h"
#include "storage/record.h"
#include "tests/unit/storage/shelf.h"
#include <fcntl.h>

#define MARKER "Gizli-metn-7731"

static struct vs_store *store;
static struct vs_segments *segments;

static int begin(void **state)
{
    struct vs_error err;
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "%s", shelf_path("store"));
    struct vs_store_options options = {.path = path};
    assert_ok(vs_store_open(&options, &store, &err));
    struct vs_segments_options s = {.folder = shelf_folder, .store = store};
    assert_ok(vs_segments_open(&s, &segments, &err));
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_segments_close(segments);
    vs_store_close(store);
    shelf_clean();
    return 0;
}

static void keep(struct vs_segment_record *records, size_t n)
{
    struct vs_error err;
    assert_ok(vs_segments_append(segments, records, n, &err));
    assert_ok(vs_segments_sync(segments, &err));
    struct vs_item item = vs_segments_mark(segments);
    assert_ok(vs_store_commit(store, &item, 1, &err));
    vs_segments_marked(segments);
}

static struct vs_bytes text_of(size_t size, const char *marker)
{
    static char text[3][300000];
    static unsigned next;
    char *to = text[next++ % 3];
    memset(to, 'x', size);
    memcpy(to + size / 2, marker, strlen(marker));
    return VS_BYTES(to, size);
}

static bool files_hold(const char *marker)
{
    char command[200];
    snprintf(command, sizeof command, "grep -rqaF '%s' '%s'", marker, shelf_folder);
    return system(command) == 0;
}

static unsigned n_faults;
static char last_fault[200];
static void count_fault(void *context, const char *table, const char *key, const char *text)
{
    (void)context;
    (void)table;
    (void)key;
    n_faults++;
    snprintf(last_fault, sizeof last_fault, "%s", text);
}

static unsigned faults(void)
{
    struct vs_error err;
    n_faults = 0;
    assert_ok(vs_segments_check(segments, count_fault, NULL, &err));
    return n_faults;
}

static void append_three(struct vs_segment_record records[3], size_t size)
{
    static struct vs_bytes parts[3];
    parts[0] = text_of(size, "evvelki");
    parts[1] = text_of(size, MARKER);
    parts[2] = text_of(size, "sonraki");
    for (size_t i = 0; i < 3; i++)
        records[i] = (struct vs_segment_record){.class = 6, .parts = &parts[i], .n_parts = 1};
    keep(records, 3);
}

static void assert_whole(const struct vs_segment_record *record)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes got;
    assert_ok(vs_segments_read(segments, record->location, arena, 1 << 20, &got, &err));
    assert_true(vs_bytes_equal(got, record->parts[0]));
}

static void erase__takes_one_record_and_leaves_its_neighbours(void **state)
{
    static const size_t sizes[] = {40, 4096, 299999};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct vs_segment_record r[3];
        struct vs_error err;
        struct vs_bytes got;
        VS_ARENA *arena = vs_arena_new(1 << 20);
        append_three(r, sizes[i]);
        assert_true(files_hold(MARKER));
        assert_ok(vs_segments_erase(segments, &r[1].location, 1, &err));
        assert_false(files_hold(MARKER));
        assert_whole(&r[0]);
        assert_whole(&r[2]);
        assert_fails(VS_E_CORRUPT,
                     vs_segments_read(segments, r[1].location, arena, 1 << 20, &got, &err));
        assert_non_null(strstr(err.text, "erased"));
        assert_int_equal(faults(), 0);
        /* Again, as after a crash. */
        assert_ok(vs_segments_erase(segments, &r[1].location, 1, &err));
        assert_int_equal(faults(), 0);
    }
}

static void erase__never_reaches_beyond_what_is_committed(void **state)
{
    struct vs_segment_record r[3];
    struct vs_error err;
    (void)state;
    append_three(r, 100);
    struct vs_location wrong = r[2].location;
    wrong.length += 8;
    assert_fails(VS_E_CORRUPT, vs_segments_erase(segments, &wrong, 1, &err));
    assert_whole(&r[2]);
    wrong = r[2].location;
    wrong.segment += 100; /* gone: nothing to erase */
    assert_ok(vs_segments_erase(segments, &wrong, 1, &err));
}

static void check__names_an_erased_record_with_content(void **state)
{
    struct vs_segment_record r[3];
    struct vs_error err;
    char path[200];
    (void)state;
    append_three(r, 5000);
    assert_ok(vs_segments_erase(segments, &r[1].location, 1, &err));
    snprintf(path, sizeof path, "%s/segments/%016llx.seg", shelf_folder,
             (unsigned long long)r[1].location.segment);
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "!", 1, (off_t)(r[1].location.offset + RECORD_HEADER + 4999)),
                     1);
    close(fd);
    assert_int_equal(faults(), 1);
    assert_non_null(strstr(last_fault, "still has content"));
}

static void closed__is_a_segment_that_takes_no_more(void **state)
{
    struct vs_segment_record r[3];
    struct vs_error err;
    (void)state;
    append_three(r, 100);
    assert_false(vs_segments_closed(segments, r[0].location.segment));
    vs_segments_close(segments);
    struct vs_segments_options s = {.folder = shelf_folder, .store = store};
    assert_ok(vs_segments_open(&s, &segments, &err));
    assert_true(vs_segments_closed(segments, r[0].location.segment));
}

/* Rows that grew, moved between pages, were changed and deleted: no copy in file or log. */
static void purge__leaves_no_copy_of_deleted_rows(void **state)
{
    enum { ROWS = 400 };
    struct vs_error err;
    char texts[ROWS][64];
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        uint8_t id[16] = {0};
        /* Not in order: pages split in the middle. */
        vs_put_u32(id, (uint32_t)(i * 7919 % ROWS));
        snprintf(texts[i], sizeof texts[i], MARKER "-%04d", i);
        struct vs_value row[VS_SETTING_COLUMNS] = {[VS_SETTING_NAME] = vs_text(texts[i]),
                                                   [VS_SETTING_BYTES] =
                                                       vs_blob(VS_BYTES(id, 16))};
        struct vs_op op = vs_op_insert(VS_T_SETTING, row);
        struct vs_item item = {.ops = &op, .n_ops = 1};
        assert_ok(vs_store_commit(store, &item, 1, &err));
    }
    assert_true(files_hold(MARKER));
    for (int i = 0; i < ROWS; i++) {
        struct vs_value key = vs_text(texts[i]);
        struct vs_op op = vs_op_delete(VS_T_SETTING, &key, VS_ANY_VERSION);
        struct vs_item item = {.ops = &op, .n_ops = 1};
        assert_ok(vs_store_commit(store, &item, 1, &err));
    }
    assert_true(files_hold(MARKER)); /* the log has them yet: else the test shows nothing */
    assert_ok(vs_store_purge(store, &err));
    assert_false(files_hold(MARKER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(erase__takes_one_record_and_leaves_its_neighbours,
                                        begin, end),
        cmocka_unit_test_setup_teardown(erase__never_reaches_beyond_what_is_committed, begin,
                                        end),
        cmocka_unit_test_setup_teardown(check__names_an_erased_record_with_content, begin, end),
        cmocka_unit_test_setup_teardown(closed__is_a_segment_that_takes_no_more, begin, end),
        cmocka_unit_test_setup_teardown(purge__leaves_no_copy_of_deleted_rows, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
