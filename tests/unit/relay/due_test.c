/* Due work: taken by lease, done once, whatever happens in between (relay/due.h, rules 1-4). */
#include "relay/due.h"
#include "relay/exchange/commit.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

enum { LEASE_MS = 60000, MANY = 200 };

/* What the runs of the test's kinds saw. */
static struct {
    unsigned runs, fails; /* so many runs fail first */
    int64_t attempts;
    vs_time_ms at, move_to; /* 0: done */
    char order[MANY + 1];   /* the first octet of each subject */
    bool idle;              /* stage nothing */
} seen;

static struct relay_fixture *fixture;

static vs_rc run(struct vs_relay *relay, struct vs_job *job, const struct vs_due *work,
                 vs_time_ms now, struct vs_error *err)
{
    (void)relay;
    seen.order[seen.runs++ % MANY] = (char)work->subject.ptr[0];
    seen.attempts = work->attempts;
    seen.at = now;
    if (seen.fails > 0) {
        seen.fails--;
        return vs_fail(err, VS_E_NETWORK, NULL, "as the test wants it");
    }
    if (seen.idle)
        return VS_OK;
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    if (seen.move_to != 0)
        return vs_due_move_stage(stage, work, seen.move_to, VS_BYTES_LITERAL("moved"), err);
    return vs_due_done_stage(stage, work, err);
}

static const struct vs_due_kind kinds[] = {
    {"first", LEASE_MS, run}, {"second", LEASE_MS, run}, {NULL, 0, NULL}};

static int open_fixture(void **state)
{
    static struct relay_fixture f;
    memset(&seen, 0, sizeof seen);
    relay_fixture_init(&f, false);
    f.settings.due_kinds = kinds;
    relay_fixture_start(&f);
    fixture = *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

struct need {
    const char *kind, *subject;
    vs_time_ms due;
};

static vs_rc run_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                       struct vs_error *err)
{
    const struct need *need = job->context;
    struct vs_stage *stage;
    (void)relay;
    (void)now;
    VS_TRY(vs_stage_new(job, &stage, err));
    return vs_due_stage(stage, need->kind, need->due, vs_bytes_text(need->subject),
                        VS_BYTES_LITERAL("data"), err);
}

/* Without any step but worker and committer. */
static void stage(const char *kind, const char *subject, vs_time_ms due)
{
    struct need need = {kind, subject, due};
    struct vs_error err;
    assert_ok(relay_fixture_job(fixture, run_stage, &need, &err));
}

static const struct vs_due *get(const char *kind, const char *subject)
{
    const struct vs_due *work;
    struct vs_error err;
    assert_ok(
        vs_due_get(fixture->relay, fixture->arena, kind, vs_bytes_text(subject), &work, &err));
    return work;
}

static void pass(int64_t ms)
{
    test_world_pass(&fixture->world, ms);
    vs_relay_run_until_idle(fixture->relay);
}

static void due__is_done_at_its_time_once(void **state)
{
    (void)state;
    vs_time_ms now = fixture->world.now_ms;
    stage("first", "a", now + 5000);
    assert_bytes_equal(get("first", "a")->data, VS_BYTES_LITERAL("data"));
    pass(4999);
    assert_int_equal(seen.runs, 0);
    pass(1001); /* the clockwork's second */
    assert_int_equal(seen.runs, 1);
    assert_int_equal(seen.attempts, 1);
    assert_null(get("first", "a"));
    pass(10 * LEASE_MS);
    assert_int_equal(seen.runs, 1);
}

static void due__of_one_subject_is_one_row(void **state)
{
    (void)state;
    vs_time_ms now = fixture->world.now_ms;
    stage("first", "a", now + 5000);
    stage("first", "a", now + 90000);
    stage("second", "a", now + 5000);
    pass(6000);
    assert_int_equal(seen.runs, 1);
    assert_non_null(get("first", "a"));
    assert_int_equal(get("first", "a")->due, now + 90000);
    assert_null(get("second", "a"));
}

static void due__is_taken_in_order_of_time(void **state)
{
    (void)state;
    vs_time_ms now = fixture->world.now_ms;
    stage("first", "c", now + 3000);
    stage("first", "a", now + 1000);
    stage("first", "b", now + 2000);
    pass(4000);
    assert_string_equal(seen.order, "abc");
}

static void due__moves_to_a_later_time_with_new_data(void **state)
{
    (void)state;
    vs_time_ms now = fixture->world.now_ms;
    stage("first", "a", now);
    seen.move_to = now + 7000;
    pass(1000);
    assert_int_equal(seen.runs, 1);
    assert_int_equal(get("first", "a")->due, now + 7000);
    assert_int_equal(get("first", "a")->attempts, 1);
    assert_bytes_equal(get("first", "a")->data, VS_BYTES_LITERAL("moved"));
    seen.move_to = 0;
    pass(7000);
    assert_int_equal(seen.runs, 2);
    assert_int_equal(seen.attempts, 2);
    assert_null(get("first", "a"));
}

static void due__that_fails_comes_again_when_its_lease_ends(void **state)
{
    (void)state;
    struct vs_relay_counters counters;
    stage("first", "a", fixture->world.now_ms);
    seen.fails = 1;
    pass(1000);
    pass(LEASE_MS - 1000);
    assert_int_equal(seen.runs, 1);
    pass(2000);
    assert_int_equal(seen.runs, 2);
    assert_int_equal(seen.attempts, 2);
    assert_null(get("first", "a"));
    vs_relay_counters(fixture->relay, &counters);
    assert_int_equal(counters.due_taken, 2);
    assert_int_equal(counters.due_failed, 1);
}

/* Forgetting to stage the end is no end. */
static void due__that_stages_nothing_comes_again(void **state)
{
    (void)state;
    stage("first", "a", fixture->world.now_ms);
    seen.idle = true;
    pass(1000);
    assert_int_equal(seen.runs, 1);
    seen.idle = false;
    pass(LEASE_MS + 1000);
    assert_int_equal(seen.runs, 2);
    assert_null(get("first", "a"));
}

static void end_of_other(struct vs_job *job)
{
    (void)job;
}

/* The row is replaced while its job waits for a worker: that one finds nothing to do. */
static void due__that_was_overtaken_changes_nothing(void **state)
{
    (void)state;
    struct vs_relay *relay = fixture->relay;
    struct need need = {"first", "a", fixture->world.now_ms + 500000};
    struct vs_job other = {
        .arena = vs_arena_new(1 << 20), .done = end_of_other, .context = &need};
    struct vs_error err;
    stage("first", "a", fixture->world.now_ms);
    test_world_pass(&fixture->world, 1000);
    assert_true(vs_relay_clockwork(relay, fixture->world.now_ms));
    assert_ok(run_stage(relay, &other, fixture->world.now_ms, &err));
    vs_relay_stage_job(relay, &other);
    assert_true(vs_relay_commit(relay, fixture->world.now_ms));
    vs_relay_run_until_idle(relay);
    assert_int_equal(seen.runs, 0);
    assert_int_equal(get("first", "a")->due, need.due);
    assert_int_equal(get("first", "a")->attempts, 0);
    vs_arena_free(other.arena);
}

/* Both hold the same version: one is kept, the other one looks again and finds nothing. */
static void due__fulfilled_by_two_is_done_once(void **state)
{
    (void)state;
    struct vs_relay *relay = fixture->relay;
    struct vs_relay_counters before, after;
    struct vs_error err;
    stage("first", "a", fixture->world.now_ms);
    test_world_pass(&fixture->world, 1000);
    assert_true(vs_relay_clockwork(relay, fixture->world.now_ms));
    struct vs_job other = {.arena = vs_arena_new(1 << 20), .done = end_of_other};
    struct vs_stage *staged;
    assert_ok(vs_stage_new(&other, &staged, &err));
    assert_ok(vs_due_done_stage(staged, get("first", "a"), &err));
    vs_relay_counters(relay, &before);
    assert_true(vs_relay_work(relay, fixture->world.now_ms)); /* the run staged its end */
    vs_relay_stage_job(relay, &other);
    vs_relay_run_until_idle(relay);
    vs_relay_counters(relay, &after);
    assert_int_equal(after.conflicts, before.conflicts + 1);
    assert_int_equal(seen.runs, 1);
    assert_null(get("first", "a"));
    vs_arena_free(other.arena);
}

static void due__left_by_a_crash_is_taken_at_the_next_start(void **state)
{
    (void)state;
    struct vs_relay *relay = fixture->relay;
    stage("first", "a", fixture->world.now_ms);
    stage("first", "b", fixture->world.now_ms + LEASE_MS / 2);
    test_world_pass(&fixture->world, 1000);
    assert_true(vs_relay_clockwork(relay, fixture->world.now_ms));
    relay_fixture_reopen(fixture); /* leased, never run */
    assert_int_equal(seen.runs, 0);
    pass(0);
    assert_int_equal(seen.runs, 1); /* and the one that nobody had leased kept its time */
    assert_int_equal(seen.attempts, 2);
    assert_null(get("first", "a"));
    assert_non_null(get("first", "b"));
}

static void due__is_bounded_in_each_step(void **state)
{
    (void)state;
    struct vs_relay_counters counters;
    struct vs_error err;
    char subjects[MANY][8];
    struct need needs[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(subjects[i], sizeof subjects[i], "%06d", i);
        needs[i] = (struct need){"first", subjects[i], fixture->world.now_ms + 2000};
        assert_ok(relay_fixture_job(fixture, run_stage, &needs[i], &err));
    }
    test_world_pass(&fixture->world, 3000);
    assert_true(vs_relay_clockwork(fixture->relay, fixture->world.now_ms));
    vs_relay_counters(fixture->relay, &counters);
    assert_int_equal(counters.due_taken, VS_DUE_AT_ONCE);
    vs_relay_run_until_idle(fixture->relay); /* the rest without waiting for another second */
    assert_int_equal(seen.runs, MANY);
}

static void due__is_not_taken_by_a_clock_that_is_wrong(void **state)
{
    (void)state;
    vs_time_ms now = fixture->world.now_ms;
    stage("first", "a", now - 20 * VS_HOUR_MS);
    test_world_pass(&fixture->world, 1000);
    assert_false(vs_relay_clockwork(fixture->relay, now - 10 * VS_HOUR_MS));
    assert_int_equal(get("first", "a")->attempts, 0);
    pass(1000);
    assert_int_equal(seen.runs, 1);
}

static void due__is_not_taken_once_the_service_stops(void **state)
{
    (void)state;
    stage("first", "a", fixture->world.now_ms);
    vs_relay_stop(fixture->relay);
    pass(1000);
    assert_int_equal(seen.runs, 0);
    assert_int_equal(get("first", "a")->attempts, 0);
}

int main(void)
{
#define with_fixture(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        with_fixture(due__is_done_at_its_time_once),
        with_fixture(due__of_one_subject_is_one_row),
        with_fixture(due__is_taken_in_order_of_time),
        with_fixture(due__moves_to_a_later_time_with_new_data),
        with_fixture(due__that_fails_comes_again_when_its_lease_ends),
        with_fixture(due__that_stages_nothing_comes_again),
        with_fixture(due__that_was_overtaken_changes_nothing),
        with_fixture(due__fulfilled_by_two_is_done_once),
        with_fixture(due__left_by_a_crash_is_taken_at_the_next_start),
        with_fixture(due__is_bounded_in_each_step),
        with_fixture(due__is_not_taken_by_a_clock_that_is_wrong),
        with_fixture(due__is_not_taken_once_the_service_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
