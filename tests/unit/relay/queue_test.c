/* When the committer begins a cycle (relay/queue.c). While it waits, the monotonic clock passes
 * one millisecond each time that it is asked: what waits, waits in no real time. */
#include "relay/exchange/commit.h"
#include "relay/relay_priv.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

enum { GATHER = 20, LONG = 100000, JOBS = 200, AT_ONCE = GATHER / 2 };

static int64_t moment;
static bool passing;

static int64_t ticking(void *context)
{
    (void)context;
    moment += passing;
    return moment;
}

struct staging {
    struct vs_job job;
    bool done;
};
static struct staging jobs[JOBS];

static vs_rc stage_row(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                       struct vs_error *err)
{
    (void)relay, (void)now;
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_SETTING);
    row[VS_SETTING_NAME] = vs_text("test");
    row[VS_SETTING_NUMBER] = vs_int(1);
    return vs_stage_op(stage, vs_op_put(VS_T_SETTING, row), err);
}

static void note_done(struct vs_job *job)
{
    struct staging *self = job->context;
    assert_true(vs_ok(job->rc));
    self->done = true;
}

static int open_fixture(void **state)
{
    static struct relay_fixture fixture;
    relay_fixture_open(&fixture, false);
    vs_relay_run_until_idle(fixture.relay);
    fixture.relay->seams.monotonic_ms = ticking;
    moment = 0;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct staging){
            .job = {.arena = vs_arena_new(1 << 16), .run = stage_row, .done = note_done}};
        jobs[i].job.context = &jobs[i];
    }
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    struct relay_fixture *f = *state;
    while (vs_relay_work(f->relay, f->world.now_ms) ||
           vs_relay_commit(f->relay, f->world.now_ms))
        ;
    relay_fixture_close(*state);
    for (int i = 0; i < JOBS; i++)
        vs_arena_free(jobs[i].job.arena);
    return 0;
}

/* `queued` jobs from the first on, of which workers finish `worked`. */
static void submit(struct relay_fixture *f, int first, int queued, int worked)
{
    struct vs_error err;
    for (int i = 0; i < queued; i++)
        assert_ok(vs_relay_submit_job(f->relay, &jobs[first + i].job, &err));
    for (int i = 0; i < worked; i++)
        assert_true(vs_relay_work(f->relay, f->world.now_ms));
}

/* How long the committer waits before its next cycle. */
static int64_t waited(struct relay_fixture *f)
{
    int64_t begun = moment;
    passing = true;
    assert_true(vs_relay_wait_commit(f->relay, LONG));
    passing = false;
    return moment - begun;
}

static void commit(struct relay_fixture *f)
{
    assert_true(vs_relay_commit(f->relay, f->world.now_ms));
}

static void queue__commits_a_lone_document_at_once(void **state)
{
    struct relay_fixture *f = *state;
    submit(f, 0, 1, 1);
    assert_in_range(waited(f), 0, AT_ONCE);
    commit(f);
    assert_true(jobs[0].done);
    submit(f, 1, 1, 1); /* the next one of the same client, straight after */
    assert_in_range(waited(f), 0, AT_ONCE);
}

static void queue__waits_for_what_is_queued_up_to_the_gathering_time(void **state)
{
    struct relay_fixture *f = *state;
    submit(f, 0, 2, 1);
    assert_in_range(waited(f), AT_ONCE, 2 * GATHER);
    submit(f, 2, 0, 1);
    assert_in_range(waited(f), 0, AT_ONCE); /* all are here */
}

static void queue__waits_for_bodies_that_arrive(void **state)
{
    struct relay_fixture *f = *state;
    atomic_store(&f->relay->receiving, 1);
    submit(f, 0, 1, 1);
    assert_in_range(waited(f), AT_ONCE, 2 * GATHER);
    atomic_store(&f->relay->receiving, 0);
    assert_in_range(waited(f), 0, AT_ONCE);
}

static void queue__waits_for_as_many_as_the_last_cycle_saw(void **state)
{
    struct relay_fixture *f = *state;
    submit(f, 0, 3, 3);
    assert_in_range(waited(f), 0, AT_ONCE);
    commit(f);
    submit(f, 3, 1, 1);
    assert_in_range(waited(f), AT_ONCE, 2 * GATHER);
    commit(f);
    submit(f, 4, 1, 1); /* that cycle saw one alone */
    assert_in_range(waited(f), 0, AT_ONCE);
}

static void queue__expects_nobody_long_after_a_cycle(void **state)
{
    struct relay_fixture *f = *state;
    submit(f, 0, 3, 3);
    commit(f);
    moment += 50 * GATHER;
    submit(f, 3, 1, 1);
    assert_in_range(waited(f), 0, AT_ONCE);
}

static void queue__commits_a_full_batch_though_more_come(void **state)
{
    struct relay_fixture *f = *state;
    int full = (int)f->relay->settings.batch_max;
    submit(f, 0, full + 40, full - 1);
    assert_in_range(waited(f), GATHER, LONG); /* saturated: the batch may take longer */
    submit(f, 0, 0, 1);
    assert_in_range(waited(f), 0, AT_ONCE);
}

static void queue__lets_follow_up_work_ride_along(void **state)
{
    struct relay_fixture *f = *state;
    submit(f, 0, 3, 3);
    commit(f);
    jobs[3].job.background = true;
    vs_relay_submit_background(f->relay, &jobs[3].job);
    assert_true(vs_relay_work(f->relay, f->world.now_ms));
    /* Documents are expected: it waits with them, but no longer than they would. */
    assert_in_range(waited(f), AT_ONCE, 2 * GATHER);
    submit(f, 4, 3, 3);
    assert_in_range(waited(f), 0, AT_ONCE);
    commit(f);
    assert_true(jobs[3].done && jobs[6].done);
}

static void queue__drains_without_waiting_once_it_stops(void **state)
{
    struct relay_fixture *f = *state;
    submit(f, 0, 3, 3);
    commit(f);
    submit(f, 3, 1, 1);
    atomic_store(&f->relay->receiving, 1); /* a client that never ends */
    vs_relay_stop(f->relay);
    assert_in_range(waited(f), 0, AT_ONCE);
    commit(f);
    passing = true;
    assert_false(vs_relay_wait_commit(f->relay, LONG));
    passing = false;
    atomic_store(&f->relay->receiving, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        TEST(queue__commits_a_lone_document_at_once),
        TEST(queue__waits_for_what_is_queued_up_to_the_gathering_time),
        TEST(queue__waits_for_bodies_that_arrive),
        TEST(queue__waits_for_as_many_as_the_last_cycle_saw),
        TEST(queue__expects_nobody_long_after_a_cycle),
        TEST(queue__commits_a_full_batch_though_more_come),
        TEST(queue__lets_follow_up_work_ride_along),
        TEST(queue__drains_without_waiting_once_it_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
