#include "tests/unit/unit.h"
#include "storage/segments.h"
#include "storage/record.h"
#include "tests/unit/storage/shelf.h"
#include <fcntl.h>
#include <sys/stat.h>

struct world {
    struct vs_store *store;
    struct vs_segments *segments;
};
static struct world world;

static void open_world(uint64_t segment_bytes)
{
    struct vs_error err;
    char path[128];
    snprintf(path, sizeof path, "%s", shelf_path("store"));
    struct vs_store_options options = {.path = path};
    assert_ok(vs_store_open(&options, &world.store, &err));
    struct vs_segments_options s = {
        .folder = shelf_folder, .store = world.store, .segment_bytes = segment_bytes};
    assert_ok(vs_segments_open(&s, &world.segments, &err));
    assert_ok(vs_segments_sweep(world.segments, &err));
}

static void close_world(void)
{
    vs_segments_close(world.segments);
    vs_store_close(world.store);
}

static int begin(void **state)
{
    (void)state;
    open_world(0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_world();
    shelf_clean();
    return 0;
}

static void commit_item(struct vs_item item)
{
    struct vs_error err;
    assert_ok(vs_store_commit(world.store, &item, 1, &err));
    assert_int_equal(item.outcome, VS_ITEM_DONE);
}

static void sync_and_mark(void)
{
    struct vs_error err;
    assert_ok(vs_segments_sync(world.segments, &err));
    commit_item(vs_segments_mark(world.segments));
    vs_segments_marked(world.segments);
}

static struct vs_location append(uint32_t class, const char *text)
{
    struct vs_error err;
    struct vs_bytes part = vs_bytes_text(text);
    struct vs_segment_record record = {.class = class, .parts = &part, .n_parts = 1};
    assert_ok(vs_segments_append(world.segments, &record, 1, &err));
    return record.location;
}

static void assert_holds(struct vs_location location, const char *text)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes got;
    assert_ok(vs_segments_read(world.segments, location, arena, 1 << 20, &got, &err));
    assert_true(vs_bytes_is(got, text));
}

static void assert_corrupt(struct vs_location location)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes got;
    assert_fails(VS_E_CORRUPT,
                 vs_segments_read(world.segments, location, arena, 1 << 20, &got, &err));
}

static size_t n_faults;
static char last_fault[200];
static void count_fault(void *context, const char *table, const char *key, const char *text)
{
    (void)context;
    n_faults++;
    snprintf(last_fault, sizeof last_fault, "%s %s: %s", table, key, text);
}

static size_t faults(void)
{
    struct vs_error err;
    n_faults = 0;
    assert_ok(vs_segments_check(world.segments, count_fault, NULL, &err));
    return n_faults;
}

static void segment_path(uint64_t number, char *path)
{
    snprintf(path, 128, "%s/segments/%016llx.seg", shelf_folder, (unsigned long long)number);
}

static void flip(uint64_t number, off_t offset)
{
    char path[128];
    uint8_t octet;
    segment_path(number, path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, offset), 1);
    octet ^= 0x10;
    assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
    close(fd);
}

static off_t file_size(uint64_t number)
{
    char path[128];
    struct stat st;
    segment_path(number, path);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void segments__gives_back_what_was_appended_in_one_write_per_class(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_bytes parts[] = {VS_BYTES_LITERAL("first "), VS_BYTES_NONE,
                               VS_BYTES_LITERAL("document")};
    struct vs_segment_record records[] = {
        {.class = 1, .parts = parts, .n_parts = 3},
        {.class = 2, .parts = parts, .n_parts = 1},
        {.class = 1, .parts = NULL, .n_parts = 0},
        {.class = 1, .parts = parts + 2, .n_parts = 1},
    };
    append(1, "opens the segment");
    append(2, "opens the other");
    uint64_t before = vs_file_counters().writes;
    assert_ok(vs_segments_append(world.segments, records, 4, &err));
    assert_int_equal(vs_file_counters().writes - before, 2);
    uint64_t syncs = vs_file_counters().syncs;
    assert_ok(vs_segments_sync(world.segments, &err));
    assert_int_equal(vs_file_counters().syncs - syncs, 3); /* two files, once their folder */
    syncs = vs_file_counters().syncs;
    assert_ok(vs_segments_sync(world.segments, &err));
    assert_int_equal(vs_file_counters().syncs - syncs, 0);
    assert_holds(records[0].location, "first document");
    assert_holds(records[1].location, "first ");
    assert_holds(records[2].location, "");
    assert_holds(records[3].location, "document");
    assert_int_equal(records[0].location.segment, records[3].location.segment);
    assert_int_not_equal(records[0].location.segment, records[1].location.segment);
    uint8_t blob[VS_LOCATION_BYTES];
    struct vs_location back;
    vs_location_encode(records[3].location, blob);
    assert_true(vs_location_decode(VS_BYTES(blob, sizeof blob), &back));
    assert_memory_equal(&back, &records[3].location, sizeof back);
    assert_false(vs_location_decode(VS_BYTES(blob, sizeof blob - 1), &back));
}

static void segments__what_was_marked_outlives_a_restart_the_rest_is_swept(void **state)
{
    (void)state;
    struct vs_location kept = append(1, "kept");
    sync_and_mark();
    assert_int_equal(vs_segments_mark(world.segments).n_ops, 0);
    struct vs_location lost = append(1, "appended, never marked");
    struct vs_location alone = append(9, "in a segment that no row knows");
    off_t long_size = file_size(kept.segment);
    close_world();
    open_world(0);
    assert_holds(kept, "kept");
    assert_true(file_size(kept.segment) < long_size);
    assert_int_equal(file_size(alone.segment), -1);
    assert_corrupt(lost);
    assert_corrupt(alone);
    struct vs_location fresh = append(1, "after");
    assert_true(fresh.segment > alone.segment); /* old files are never written to again */
    sync_and_mark();
    assert_int_equal(faults(), 0);
}

static void segments__a_mark_that_was_not_committed_is_repeated(void **state)
{
    struct vs_error err;
    (void)state;
    append(1, "one");
    assert_ok(vs_segments_sync(world.segments, &err));
    assert_int_equal(vs_segments_mark(world.segments).n_ops, 1);
    assert_int_equal(vs_segments_mark(world.segments).n_ops, 1);
    append(1, "two"); /* not synced: not in the mark */
    struct vs_item item = vs_segments_mark(world.segments);
    assert_int_equal(item.ops->values[VS_SEGMENT_RECORDS].integer, 1);
    commit_item(item);
    vs_segments_marked(world.segments);
    sync_and_mark();
    assert_int_equal(faults(), 0);
}

static void segments__a_full_one_is_closed_and_a_new_one_begun(void **state)
{
    (void)state;
    close_world();
    open_world(200);
    struct vs_location all[20];
    for (size_t i = 0; i < 20; i++) {
        all[i] = append(1, "a record of some length");
        sync_and_mark();
    }
    assert_true(all[19].segment - all[0].segment >= 5);
    for (size_t i = 0; i < 20; i++)
        assert_holds(all[i], "a record of some length");
    assert_int_equal(faults(), 0);
}

static void segments__a_spool_becomes_a_segment_by_rename(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_spool *spool;
    static uint8_t chunk[100003], back[sizeof chunk];
    for (size_t i = 0; i < sizeof chunk; i++)
        chunk[i] = (uint8_t)(i * 31 >> 3);
    assert_ok(vs_spool_new(world.segments, &spool, &err));
    for (size_t i = 0; i < 11; i++)
        assert_ok(vs_spool_add(spool, VS_BYTES(chunk, sizeof chunk), &err));
    assert_int_equal(vs_spool_source(spool)->size, 11 * sizeof chunk);
    struct vs_location location;
    assert_ok(vs_spool_adopt(spool, 3, &location, &err));
    struct vs_op op = vs_segments_adopted_op(spool);
    commit_item((struct vs_item){.ops = &op, .n_ops = 1});
    assert_ok(vs_source_read(vs_spool_source(spool), sizeof chunk, back, sizeof back, &err));
    assert_memory_equal(back, chunk, sizeof chunk);
    vs_spool_free(spool);
    close_world();
    open_world(0);
    struct vs_segment_source source;
    assert_ok(vs_segments_source(world.segments, location, &source, &err));
    assert_int_equal(source.source.size, 11 * sizeof chunk);
    for (size_t i = 0; i < 11; i++) {
        assert_ok(vs_source_read(&source.source, i * sizeof chunk, back, sizeof back, &err));
        assert_memory_equal(back, chunk, sizeof chunk);
    }
    vs_segment_source_done(&source);
    assert_int_equal(faults(), 0);
    flip(location.segment, 700000);
    assert_ok(vs_segments_source(world.segments, location, &source, &err));
    for (size_t i = 0; i < 10; i++)
        assert_ok(vs_source_read(&source.source, i * sizeof chunk, back, sizeof back, &err));
    assert_fails(VS_E_CORRUPT,
                 vs_source_read(&source.source, 10 * sizeof chunk, back, sizeof back, &err));
    vs_segment_source_done(&source);
    assert_int_equal(faults(), 1);
}

static void segments__spools_that_were_not_committed_leave_nothing(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_spool *dropped, *disowned, *orphan, *left;
    struct vs_location gone, lost;
    assert_ok(vs_spool_new(world.segments, &dropped, &err));
    assert_ok(vs_spool_add(dropped, VS_BYTES_LITERAL("x"), &err));
    vs_spool_free(dropped);
    assert_ok(vs_spool_new(world.segments, &disowned, &err));
    assert_ok(vs_spool_adopt(disowned, 1, &gone, &err)); /* an empty document is one, too */
    vs_spool_free(disowned);
    vs_segments_disown(world.segments, gone);
    assert_int_equal(file_size(gone.segment), -1);
    assert_ok(vs_spool_new(world.segments, &orphan, &err));
    assert_ok(vs_spool_adopt(orphan, 1, &lost, &err));
    vs_spool_free(orphan);
    assert_ok(vs_spool_new(world.segments, &left, &err));
    char path[128], command[600];
    snprintf(path, sizeof path, "%s/spool", shelf_folder);
    snprintf(command, sizeof command, "cp -r '%s' '%s.kept'", path, path);
    assert_int_equal(system(command), 0); /* as after a crash with a spool file open */
    vs_spool_free(left);
    snprintf(command, sizeof command, "rm -r '%s' && mv '%s.kept' '%s'", path, path, path);
    assert_int_equal(system(command), 0);
    close_world();
    open_world(0);
    assert_int_equal(file_size(lost.segment), -1);
    assert_int_not_equal(rmdir(path), -1); /* empty */
}

/* Every octet of a segment counts: header, records, padding. */
static void segments__a_flipped_bit_anywhere_is_found_and_named(void **state)
{
    (void)state;
    struct vs_location first = append(1, "the first record"), second = append(1, "the second"),
                       third = append(1, "the third, and last");
    sync_and_mark();
    off_t size = file_size(first.segment);
    for (off_t at = 0; at < size; at++) {
        flip(first.segment, at);
        assert_int_equal(faults(), 1);
        char wanted[64];
        uint64_t where = at < SEGMENT_HEADER         ? 0
                         : at < (off_t)second.offset ? first.offset
                         : at < (off_t)third.offset  ? second.offset
                                                     : third.offset;
        snprintf(wanted, sizeof wanted,
                 "segments %llu/%llu: ", (unsigned long long)first.segment,
                 (unsigned long long)where);
        assert_true(vs_text_starts(last_fault, wanted));
        flip(first.segment, at);
    }
    assert_int_equal(faults(), 0);
    flip(first.segment, (off_t)second.offset + 3);
    assert_holds(first, "the first record");
    assert_corrupt(second);
    assert_holds(third, "the third, and last"); /* the rest keeps working */
}

static void segments__a_missing_or_shorter_file_is_named(void **state)
{
    (void)state;
    struct vs_location one = append(1, "one"), two = append(2, "two");
    append(1, "more");
    sync_and_mark();
    char path[128];
    segment_path(one.segment, path);
    assert_int_equal(truncate(path, (off_t)one.offset + 44), 0);
    segment_path(two.segment, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(faults(), 3);
    assert_corrupt(two);
}

static void segments__a_wrong_location_gives_nothing(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_location one = append(1, "a document");
    append(1, "another document");
    struct vs_location bad[] = {{one.segment, one.offset + 8, one.length},
                                {one.segment, one.offset, one.length + 1},
                                {one.segment, one.offset, one.length - 1},
                                {one.segment + 7, one.offset, one.length},
                                {one.segment, UINT64_C(1) << 40, one.length}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_corrupt(bad[i]);
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes got;
    assert_fails(VS_E_LIMIT, vs_segments_read(world.segments, one, arena, 5, &got, &err));
}

static void segments__a_dropped_one_is_gone_when_its_readers_are(void **state)
{
    struct vs_error err;
    (void)state;
    struct vs_location one = append(1, "to be forgotten");
    sync_and_mark();
    struct vs_segment_source source;
    assert_ok(vs_segments_source(world.segments, one, &source, &err));
    struct vs_value key;
    struct vs_op op = vs_segments_drop_op(one.segment, &key);
    commit_item((struct vs_item){.ops = &op, .n_ops = 1});
    assert_ok(vs_segments_drop(world.segments, one.segment, &err));
    char text[15];
    assert_ok(vs_source_read(&source.source, 0, text, sizeof text, &err));
    assert_memory_equal(text, "to be forgotten", 15);
    vs_segment_source_done(&source);
    assert_corrupt(one);
    assert_int_equal(faults(), 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)

static bool is_there(uint64_t number)
{
    char name[40], path[128];
    snprintf(name, sizeof name, "segments/%016llx.seg", (unsigned long long)number);
    snprintf(path, sizeof path, "%s", shelf_path(name));
    return access(path, F_OK) == 0;
}

static void segments__that_are_dropped_while_held_stay_until_the_release(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_value keys[2];
    struct vs_location first = append(1, "copied"), second = append(2, "gone");
    sync_and_mark();
    struct vs_op ops[2] = {vs_segments_drop_op(first.segment, &keys[0]),
                           vs_segments_drop_op(second.segment, &keys[1])};
    vs_segments_hold(world.segments);
    commit_item((struct vs_item){.ops = &ops[0], .n_ops = 1});
    assert_ok(vs_segments_drop(world.segments, first.segment, &err));
    assert_true(is_there(first.segment));
    vs_segments_release(world.segments);
    assert_false(is_there(first.segment));
    commit_item((struct vs_item){.ops = &ops[1], .n_ops = 1});
    assert_ok(vs_segments_drop(world.segments, second.segment, &err)); /* nobody holds it */
    assert_false(is_there(second.segment));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(segments__gives_back_what_was_appended_in_one_write_per_class),
        IN_WORLD(segments__what_was_marked_outlives_a_restart_the_rest_is_swept),
        IN_WORLD(segments__a_mark_that_was_not_committed_is_repeated),
        IN_WORLD(segments__a_full_one_is_closed_and_a_new_one_begun),
        IN_WORLD(segments__a_spool_becomes_a_segment_by_rename),
        IN_WORLD(segments__spools_that_were_not_committed_leave_nothing),
        IN_WORLD(segments__a_flipped_bit_anywhere_is_found_and_named),
        IN_WORLD(segments__a_missing_or_shorter_file_is_named),
        IN_WORLD(segments__a_wrong_location_gives_nothing),
        IN_WORLD(segments__a_dropped_one_is_gone_when_its_readers_are),
        IN_WORLD(segments__that_are_dropped_while_held_stay_until_the_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
