/* What waits for the network: taken, sent together, settled (relay/deliver.h, rules 1-4). */
#include "relay/deliver.h"
#include "relay/exchange/commit.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

enum { CALLS = 64, CROWD = 2200 };

/* A network whose exchanges end when the test says so. */
static struct {
    struct vs_outgoing_call *calls[CALLS]; /* under way */
    size_t n, begun, cancelled;
    int64_t attempts_seen; /* in the store when the first byte would go out */
} net;

static struct {
    unsigned prepared, settled, disk_full; /* so many settlements find the disk full */
    int status;
    vs_time_ms ended;
} seen;

static struct relay_fixture *fixture;

static void begin(void *context, struct vs_outgoing_call *call)
{
    const struct vs_due *work;
    struct vs_error err;
    (void)context;
    assert_true(net.n < CALLS);
    net.calls[net.n++] = call;
    net.begun++;
    assert_ok(vs_due_get(fixture->relay, fixture->arena, "send",
                         vs_bytes_text(call->request.url), &work, &err));
    net.attempts_seen = work->attempts;
}

static void wait_(void *context, int64_t wait_ms)
{
    (void)context;
    (void)wait_ms;
}

static void wake(void *context)
{
    (void)context;
}

static void cancel(void *context, struct vs_outgoing_call *call)
{
    (void)context;
    (void)call;
    net.cancelled++;
}

static const struct vs_seams_many many = {begin, wait_, wake, cancel};

/* End the exchange with this subject. */
static void answer(const char *subject, int status)
{
    for (size_t i = 0; i < net.n; i++) {
        struct vs_outgoing_call *call = net.calls[i];
        if (strcmp(call->request.url, subject) != 0)
            continue;
        call->answer.status = status;
        call->rc = VS_OK;
        call->done = true;
        net.calls[i] = net.calls[--net.n];
        vs_relay_run_until_idle(fixture->relay);
        return;
    }
    fail_msg("%s is not under way", subject);
}

static bool under_way(const char *subject)
{
    for (size_t i = 0; i < net.n; i++)
        if (strcmp(net.calls[i]->request.url, subject) == 0)
            return true;
    return false;
}

/* A subject is HOST-NUMBER. */
static vs_rc host(struct vs_relay *relay, struct vs_arena *arena, const struct vs_due *work,
                  const char **ret, struct vs_error *err)
{
    (void)relay;
    (void)err;
    *ret = vs_arena_strndup(arena, (const char *)work->subject.ptr, 1);
    return VS_OK;
}

static vs_rc prepare(struct vs_relay *relay, struct vs_remote *remote, vs_time_ms now,
                     struct vs_error *err)
{
    (void)relay;
    (void)now;
    (void)err;
    seen.prepared++;
    remote->send = true;
    remote->request.url = vs_arena_strndup(
        remote->arena, (const char *)remote->work->subject.ptr, remote->work->subject.len);
    return VS_OK;
}

static vs_rc settle(struct vs_relay *relay, struct vs_job *job, const struct vs_remote *remote,
                    vs_time_ms now, struct vs_error *err)
{
    struct vs_stage *stage;
    seen.settled++;
    seen.status = remote->answer.status;
    seen.ended = remote->ended;
    if (seen.disk_full > 0) {
        seen.disk_full--;
        return vs_fail(err, VS_E_DISK_FULL, NULL, "as the test wants it");
    }
    VS_TRY(vs_stage_new(job, &stage, err));
    if (vs_ok(remote->rc) && remote->answer.status == 200)
        return vs_due_done_stage(stage, remote->work, err);
    return vs_due_move_stage(stage, remote->work,
                             vs_remote_again(relay, remote->work->attempts,
                                             remote->answer.retry_after_s, now,
                                             now + VS_DAY_MS),
                             VS_BYTES_NONE, err);
}

static const struct vs_remote_kind kinds[] = {{"send", host, prepare, settle},
                                              {NULL, NULL, NULL, NULL}};

static int open_fixture(void **state)
{
    static struct relay_fixture f;
    memset(&seen, 0, sizeof seen);
    memset(&net, 0, sizeof net);
    relay_fixture_init(&f, false);
    f.settings.remote_kinds = kinds;
    f.settings.push_at_once = 6;
    f.settings.push_per_host = 2;
    f.world.seams.many = &many;
    fixture = *state = &f;
    relay_fixture_start(&f);
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

struct needs {
    const char *const *subjects;
    size_t n;
    vs_time_ms due;
};

static vs_rc run_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                       struct vs_error *err)
{
    const struct needs *needs = job->context;
    struct vs_stage *stage;
    (void)relay;
    (void)now;
    VS_TRY(vs_stage_new(job, &stage, err));
    for (size_t i = 0; i < needs->n; i++)
        VS_TRY(vs_due_stage(stage, "send", needs->due + (vs_time_ms)i,
                            vs_bytes_text(needs->subjects[i]), VS_BYTES_NONE, err));
    return VS_OK;
}

static void stage_all(const char *const *subjects, size_t n, vs_time_ms due)
{
    struct needs needs = {subjects, n, due};
    struct vs_error err;
    assert_ok(relay_fixture_job(fixture, run_stage, &needs, &err));
}

static void stage(const char *subject)
{
    stage_all(&subject, 1, fixture->world.now_ms);
}

static const struct vs_due *get(const char *subject)
{
    const struct vs_due *work;
    struct vs_error err;
    assert_ok(vs_due_get(fixture->relay, fixture->arena, "send", vs_bytes_text(subject), &work,
                         &err));
    return work;
}

static void pass(int64_t ms)
{
    test_world_pass(&fixture->world, ms);
    vs_relay_run_until_idle(fixture->relay);
}

static void deliver__counts_the_attempt_before_it_sends(void **state)
{
    (void)state;
    stage("a-1");
    pass(1000);
    assert_int_equal(net.begun, 1);
    assert_int_equal(net.attempts_seen, 1);
    test_world_pass(&fixture->world, 250);
    answer("a-1", 200);
    assert_int_equal(seen.settled, 1);
    assert_int_equal(seen.ended, fixture->world.now_ms);
    assert_null(get("a-1"));
}

static void deliver__repeats_what_failed_later_and_later(void **state)
{
    (void)state;
    stage("a-1");
    pass(1000);
    answer("a-1", 500);
    vs_time_ms due = get("a-1")->due, now = fixture->world.now_ms;
    assert_in_range(due - now, 15000, 30000);
    pass(due - now - 1);
    assert_int_equal(net.begun, 1);
    pass(1000);
    assert_int_equal(net.begun, 2);
    assert_int_equal(net.attempts_seen, 2);
    answer("a-1", 503);
    assert_in_range(get("a-1")->due - fixture->world.now_ms, 30000, 60000);
}

static void again__is_bounded_by_cap_term_and_what_was_asked(void **state)
{
    (void)state;
    struct vs_relay *relay = fixture->relay;
    static const struct {
        int64_t attempts;
        uint32_t asked_s;
        int64_t end, least, most;
    } cases[] = {
        {1, 0, VS_DAY_MS, 15000, 30000},
        {2, 0, VS_DAY_MS, 30000, 60000},
        {60, 0, VS_DAY_MS, VS_HOUR_MS / 2, VS_HOUR_MS},
        {1, 120, VS_DAY_MS, 120000, 120000},
        {1, 86399, 3 * VS_DAY_MS, VS_HOUR_MS, VS_HOUR_MS}, /* no longer than the cap */
        {60, 0, 1000, 1000, 1000},                         /* the last one: at the term's end */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 50; k++) {
            vs_time_ms at =
                vs_remote_again(relay, cases[i].attempts, cases[i].asked_s, 0, cases[i].end);
            assert_in_range(at, cases[i].least, cases[i].most);
        }
}

static void in_vain__is_what_cannot_be_mended(void **state)
{
    (void)state;
    static const int never[] = {410, 413, 415, 422, 451};
    static const int again[] = {0,   301, 307, 400, 401, 403, 404, 405, 408,
                                409, 421, 425, 429, 500, 501, 502, 503, 504};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_true(vs_remote_in_vain(never[i]));
    for (size_t i = 0; i < sizeof again / sizeof *again; i++)
        assert_false(vs_remote_in_vain(again[i]));
}

/* Rule 2: `a` never answers; it holds its two and no more. */
static void deliver__of_a_slow_host_delays_nobody_else(void **state)
{
    (void)state;
    static const char *const subjects[] = {"a-1", "a-2", "a-3", "a-4", "b-1"};
    stage_all(subjects, 5, fixture->world.now_ms);
    pass(1000);
    assert_int_equal(net.n, 3);
    assert_true(under_way("a-1") && under_way("a-2") && under_way("b-1"));
    answer("b-1", 200);
    assert_null(get("b-1"));
    answer("a-1", 200);
    pass(300);
    assert_true(under_way("a-2") && under_way("a-3"));
    assert_int_equal(net.n, 2);
    assert_int_equal(get("a-4")->attempts, 0);
}

static void deliver__has_no_more_than_its_slots_under_way(void **state)
{
    (void)state;
    static const char *const subjects[] = {"a-1", "b-1", "c-1", "d-1", "e-1", "f-1", "g-1"};
    stage_all(subjects, 7, fixture->world.now_ms);
    pass(1000);
    assert_int_equal(net.n, 6);
    assert_false(under_way("g-1"));
    answer("c-1", 200);
    assert_true(under_way("g-1"));
}

/* More is due to one host than a scan sees, all of it before what is due to another one. */
static void deliver__sees_past_a_crowd(void **state)
{
    (void)state;
    static char texts[CROWD][12];
    const char *subjects[CROWD];
    for (int i = 0; i < CROWD; i++) {
        snprintf(texts[i], sizeof texts[i], "a-%d", i);
        subjects[i] = texts[i];
    }
    stage_all(subjects, CROWD, fixture->world.now_ms - CROWD);
    stage("b-1");
    pass(1000);
    for (int i = 0; i < 8 && !under_way("b-1"); i++)
        pass(1000);
    assert_true(under_way("b-1"));
    assert_int_equal(net.n, 3);
    pass(31000); /* those that stepped aside are there again */
    answer("a-0", 200);
    pass(31000);
    assert_int_equal(net.n, 3);
}

static void deliver__repeats_after_a_crash_what_was_under_way(void **state)
{
    (void)state;
    stage("a-1");
    pass(1000);
    assert_int_equal(net.n, 1);
    struct vs_id id = get("a-1")->id;
    net.n = 0;
    relay_fixture_reopen(fixture);
    assert_int_equal(net.cancelled, 1);
    pass(1000);
    assert_int_equal(net.begun, 2);
    assert_int_equal(net.attempts_seen, 2);
    assert_true(vs_id_equal(get("a-1")->id, id));
}

/* Rule 3: the receipt is not lost because the disk was full when it came. */
static void deliver__keeps_a_result_that_cannot_be_kept_yet(void **state)
{
    (void)state;
    stage("a-1");
    pass(1000);
    seen.disk_full = 2;
    answer("a-1", 200);
    vs_time_ms ended = seen.ended;
    assert_non_null(get("a-1"));
    pass(1000);
    pass(1000);
    assert_null(get("a-1"));
    assert_int_equal(seen.settled, 3);
    assert_int_equal(seen.ended, ended);
    assert_int_equal(net.begun, 1);
}

/* What hangs is given up; what a worker has comes back before the thread ends. */
static void deliver__ends_when_the_service_stops(void **state)
{
    (void)state;
    struct vs_relay *relay = fixture->relay;
    stage("a-1");
    pass(1000);
    assert_true(under_way("a-1"));
    stage_all((const char *const[]){"b-1"}, 1, fixture->world.now_ms);
    if (!under_way("b-1")) {
        test_world_pass(&fixture->world, 1000);
        assert_true(vs_relay_deliver(relay, fixture->world.now_ms)); /* taken, not prepared */
    }
    vs_relay_stop(relay);
    assert_true(vs_relay_wait_deliver(relay, 0));
    test_world_pass(&fixture->world, 6000);
    vs_relay_wait_deliver(relay, 0);
    vs_relay_run_until_idle(relay);
    assert_false(vs_relay_wait_deliver(relay, 0));
    assert_int_equal(net.cancelled, 2);
    assert_int_equal(get("a-1")->attempts, 1);
    net.n = 0;
    relay_fixture_reopen(fixture); /* and it is repeated */
    pass(1000);
    assert_true(under_way("a-1") && under_way("b-1"));
}

static void deliver__without_a_network_fails_and_repeats(void **state)
{
    (void)state;
    fixture->settings.remote_kinds = kinds;
    fixture->world.seams.many = NULL;
    relay_fixture_reopen(fixture);
    stage("a-1");
    pass(1000);
    assert_int_equal(seen.settled, 1);
    assert_int_equal(seen.status, 0);
    assert_int_equal(get("a-1")->attempts, 1);
    fixture->world.seams.many = &many;
}

int main(void)
{
#define with_fixture(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        with_fixture(deliver__counts_the_attempt_before_it_sends),
        with_fixture(deliver__repeats_what_failed_later_and_later),
        with_fixture(again__is_bounded_by_cap_term_and_what_was_asked),
        with_fixture(in_vain__is_what_cannot_be_mended),
        with_fixture(deliver__of_a_slow_host_delays_nobody_else),
        with_fixture(deliver__has_no_more_than_its_slots_under_way),
        with_fixture(deliver__sees_past_a_crowd),
        with_fixture(deliver__repeats_after_a_crash_what_was_under_way),
        with_fixture(deliver__keeps_a_result_that_cannot_be_kept_yet),
        with_fixture(deliver__ends_when_the_service_stops),
        with_fixture(deliver__without_a_network_fails_and_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
