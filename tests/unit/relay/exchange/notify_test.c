/* Endpoints are told that something happened: notices of what waits, webhooks of events. */
#include "relay/exchange/notify.h"
#include "relay/check.h"
#include "relay/evidence.h"
#include "relay/outgoing.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"

enum { KEPT = 16 };

static struct {
    unsigned n;
    int status; /* 0: away */
    struct {
        char url[64], body[4096], id[33], event[16], attempt[8];
    } requests[KEPT];
} net;

static struct relay_fixture *fixture;

static void take_header(const char *line, const char *name, char *to, size_t room)
{
    size_t len = strlen(name);
    if (strncmp(line, name, len) == 0)
        snprintf(to, room, "%s", line + len);
}

static vs_rc outgoing(void *context, struct vs_arena *arena,
                      const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                      struct vs_error *err)
{
    (void)context;
    (void)arena;
    assert_true(net.n < KEPT);
    unsigned i = net.n++;
    snprintf(net.requests[i].url, sizeof net.requests[i].url, "%s", request->url);
    snprintf(net.requests[i].body, sizeof net.requests[i].body, "%.*s", (int)request->body.len,
             (const char *)request->body.ptr);
    for (const char *const *h = request->headers; *h != NULL; h++) {
        take_header(*h, "vasite-delivery-id: ", net.requests[i].id, 33);
        take_header(*h, "vasite-event: ", net.requests[i].event, 16);
        take_header(*h, "vasite-attempt: ", net.requests[i].attempt, 8);
    }
    if (net.status == 0)
        return vs_fail(err, VS_E_NETWORK, NULL, "it is away");
    *ret = (struct vs_outgoing_answer){.status = net.status, .media_type = ""};
    return VS_OK;
}

struct change {
    struct vs_id id;
    const char *endpoint, *events;
};

static vs_rc run_change(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    const struct change *change = job->context;
    const struct vs_participant *old;
    VS_TRY(vs_participant_get(relay, job->arena, change->id, &old, err));
    struct vs_participant p = *old;
    p.endpoint = change->endpoint;
    p.events_endpoint = change->events;
    return vs_participant_change_stage(relay, job, now, &p, err);
}

static void set(const struct vs_caller *who, const char *endpoint, const char *events)
{
    struct change change = {who->participant, endpoint, events};
    struct vs_error err;
    assert_ok(relay_fixture_job(fixture, run_change, &change, &err));
}

static int open_fixture(void **state)
{
    static struct relay_fixture f;
    memset(&net, 0, sizeof net);
    net.status = 204;
    relay_fixture_init(&f, false);
    f.world.seams.outgoing = outgoing;
    f.settings.push_term_ms = VS_HOUR_MS / 6;
    fixture = *state = &f;
    relay_fixture_start(&f);
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static void pass(int64_t ms)
{
    test_world_pass(&fixture->world, ms);
    vs_relay_run_until_idle(fixture->relay);
}

static struct vs_id send(const char *text)
{
    struct vs_bytes bytes = relay_fixture_container(fixture, text);
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(fixture, &fixture->alfa, bytes, BETA, text, &receipt, &err));
    assert_true(receipt.accepted);
    pass(1000);
    return receipt.id;
}

static void acknowledge(struct vs_id id)
{
    struct vs_acknowledged answered;
    struct vs_error err;
    assert_ok(relay_fixture_answer(fixture, &fixture->beta, id, NULL, &answered, &err));
    pass(1000);
}

static size_t count(struct vs_id id, const char *event)
{
    struct vs_status status;
    struct vs_error err;
    size_t n = 0;
    assert_ok(vs_status_get(fixture->relay, fixture->arena, &fixture->alfa, id, &status, &err));
    for (size_t i = 0; i < status.n_evidence; i++)
        n += strcmp(status.evidence[i]->event, event) == 0;
    return n;
}

static enum vs_delivery_state state_of(struct vs_id id)
{
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(fixture->relay, fixture->arena, &fixture->alfa, id, &status, &err));
    return status.recipients[0].delivery->state;
}

static void assert_store_holds(void)
{
    struct vs_check_result result;
    struct vs_error err;
    assert_ok(vs_check(fixture->relay, fixture->arena, NULL, NULL, &result, &err));
    for (size_t i = 0; i < result.n_findings; i++)
        print_error("%s %s: %s\n", result.findings[i].what, result.findings[i].where,
                    result.findings[i].text);
    assert_int_equal(result.n_findings, 0);
}

static const char *text_of(struct vs_id id)
{
    return vs_id_text_new(fixture->arena, id);
}

/* -- what waits ---------------------------------------------------------------------------- */

static void notify__tells_the_endpoint_what_waits_in_the_mailbox(void **state)
{
    (void)state;
    set(&fixture->beta, "https://beta.example/in", NULL);
    struct vs_id id = send("bir");
    assert_int_equal(net.n, 1);
    assert_string_equal(net.requests[0].url, "https://beta.example/in");
    assert_string_equal(net.requests[0].event, "waiting");
    assert_string_equal(net.requests[0].body,
                        vs_arena_printf(fixture->arena,
                                        "{\"document\":\"%s\",\"sender\":\"voen:1234567891\","
                                        "\"recipient\":\"" BETA "\",\"state\":\"available\"}\n",
                                        text_of(id)));
    assert_int_equal(state_of(id), VS_DELIVERY_AVAILABLE);
    assert_int_equal(count(id, "ConsignmentNotification"), 1);
    assert_int_equal(count(id, "ContentConsignment"), 1);
    assert_store_holds();
    pass(VS_DAY_MS);
    assert_int_equal(net.n, 1);
}

static void notify__that_cannot_be_made_is_evidenced_once(void **state)
{
    (void)state;
    set(&fixture->beta, "https://beta.example/in", NULL);
    net.status = 0;
    struct vs_id id = send("bir");
    for (int i = 0; i < 200; i++)
        pass(10000);
    assert_int_equal(count(id, "ConsignmentNotificationFailure"), 1);
    assert_int_equal(count(id, "ConsignmentNotification"), 0);
    assert_int_equal(state_of(id), VS_DELIVERY_AVAILABLE); /* it is received all the same */
    assert_in_range(net.n, 4, 9);
    for (unsigned i = 1; i < net.n; i++)
        assert_string_equal(net.requests[i].id, net.requests[0].id);
    assert_store_holds();
}

static void notify__ends_at_once_where_repeating_is_in_vain(void **state)
{
    (void)state;
    set(&fixture->beta, "https://beta.example/in", NULL);
    net.status = 410;
    struct vs_id id = send("bir");
    assert_int_equal(net.n, 1);
    assert_int_equal(count(id, "ConsignmentNotificationFailure"), 1);
    assert_store_holds();
}

static void notify__is_not_needed_once_it_was_answered(void **state)
{
    (void)state;
    set(&fixture->beta, "https://beta.example/in", NULL);
    net.status = 0;
    struct vs_id id = send("bir");
    assert_int_equal(net.n, 1);
    acknowledge(id);
    pass(31000);
    assert_int_equal(net.n, 1);
    assert_int_equal(count(id, "ConsignmentNotification"), 0);
    assert_int_equal(count(id, "ConsignmentNotificationFailure"), 0);
    assert_store_holds();
}

static void notify__is_not_made_without_an_endpoint(void **state)
{
    (void)state;
    struct vs_id id = send("bir");
    pass(60000);
    assert_int_equal(net.n, 0);
    assert_int_equal(count(id, "ConsignmentNotification"), 0);
}

/* -- events -------------------------------------------------------------------------------- */

#define EVENTS "https://alfa.example/events"

static bool tells(unsigned request, struct vs_id id, const char *state)
{
    const char *wanted = vs_arena_printf(
        fixture->arena, "{\"document\":\"%s\",\"recipient\":\"" BETA "\",\"state\":\"%s\"",
        text_of(id), state);
    return strstr(net.requests[request].body, wanted) != NULL;
}

static void events__tell_the_sender_ids_and_states(void **state)
{
    (void)state;
    set(&fixture->alfa, NULL, EVENTS);
    struct vs_id id = send("bir");
    assert_int_equal(net.n, 1);
    assert_string_equal(net.requests[0].url, EVENTS);
    assert_string_equal(net.requests[0].event, "events");
    assert_true(tells(0, id, "available"));
    acknowledge(id);
    assert_in_range(net.n, 2, 3); /* acknowledged, then reached: told together or one by one */
    assert_true(tells(net.n - 1, id, "reached"));
    for (unsigned i = 0; i < net.n; i++) {
        assert_null(strstr(net.requests[i].body, "ktub")); /* no names */
        assert_null(strstr(net.requests[i].body, "MMC"));
    }
    unsigned n = net.n;
    pass(3 * VS_HOUR_MS);
    assert_int_equal(net.n, n); /* nothing new: nothing is sent */
}

static void events__that_were_not_taken_come_again_with_what_came_since(void **state)
{
    (void)state;
    set(&fixture->alfa, NULL, EVENTS);
    net.status = 503;
    struct vs_id first = send("bir");
    assert_int_equal(net.n, 1);
    pass(31000);
    assert_int_equal(net.n, 2);
    assert_string_equal(net.requests[1].id, net.requests[0].id); /* the same content */
    assert_string_equal(net.requests[1].attempt, "2");
    struct vs_id second = send("iki");
    assert_int_equal(net.n, 2); /* it keeps to its schedule */
    net.status = 200;
    pass(61000);
    assert_int_equal(net.n, 3);
    assert_true(tells(2, first, "available") && tells(2, second, "available"));
    assert_string_not_equal(net.requests[2].id, net.requests[0].id);
    struct vs_id third = send("üç");
    assert_int_equal(net.n, 4);
    assert_true(tells(3, third, "available"));
    assert_false(tells(3, second, "available"));
}

static void events__go_on_after_a_restart_where_they_were(void **state)
{
    (void)state;
    set(&fixture->alfa, NULL, EVENTS);
    struct vs_id first = send("bir");
    assert_int_equal(net.n, 1);
    relay_fixture_reopen(fixture);
    pass(1000);
    assert_int_equal(net.n, 1); /* not told twice */
    struct vs_bytes bytes = relay_fixture_container(fixture, "iki");
    struct vs_submission *submission =
        relay_fixture_queue(fixture, &fixture->alfa, bytes, BETA, "iki");
    const struct vs_receipt *receipt;
    struct vs_error err;
    while (vs_relay_work(fixture->relay, fixture->world.now_ms))
        ;
    assert_true(vs_relay_commit(fixture->relay, fixture->world.now_ms));
    assert_ok(vs_submission_result(submission, &receipt, &err));
    struct vs_id second = receipt->id;
    vs_submission_free(submission);
    relay_fixture_reopen(fixture); /* what was in memory is gone */
    pass(1000);
    assert_int_equal(net.n, 2);
    assert_true(tells(1, second, "available"));
    assert_false(tells(1, first, "available"));
}

static void events__end_when_nobody_wants_them_any_more(void **state)
{
    (void)state;
    set(&fixture->alfa, NULL, EVENTS);
    set(&fixture->alfa, NULL, NULL);
    send("bir");
    pass(2 * VS_HOUR_MS);
    assert_int_equal(net.n, 0);
    set(&fixture->alfa, NULL, EVENTS); /* from now on */
    struct vs_id id = send("iki");
    assert_int_equal(net.n, 1);
    assert_true(tells(0, id, "available"));
}

int main(void)
{
#define with_fixture(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        with_fixture(notify__tells_the_endpoint_what_waits_in_the_mailbox),
        with_fixture(notify__that_cannot_be_made_is_evidenced_once),
        with_fixture(notify__ends_at_once_where_repeating_is_in_vain),
        with_fixture(notify__is_not_needed_once_it_was_answered),
        with_fixture(notify__is_not_made_without_an_endpoint),
        with_fixture(events__tell_the_sender_ids_and_states),
        with_fixture(events__that_were_not_taken_come_again_with_what_came_since),
        with_fixture(events__go_on_after_a_restart_where_they_were),
        with_fixture(events__end_when_nobody_wants_them_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
