/* Registers of outgoing and incoming documents (Rule of exchange): numbers without gaps, found
 * again by period, party, number, subject and state. */
#include "relay/archive/retention.h"
#include "relay/check.h"
#include "relay/exchange/register.h"
#include "relay/relay_priv.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define ALFA  "voen:1234567891"
#define BETA  "voen:2345678912"
#define GAMMA "voen:3456789123"

static struct relay_fixture fixture;

static int open_all(void **state)
{
    relay_fixture_open(&fixture, false);
    *state = &fixture;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    relay_fixture_close(&fixture);
    return 0;
}

static void is_done(struct vs_submission *submission, void *context)
{
    (void)submission;
    (void)context;
}

static struct vs_id send_to(const char *to, const char *text, const char *number)
{
    struct vs_submission *submission = NULL;
    struct vs_error err;
    const struct vs_receipt *receipt;
    struct vs_bytes bytes = relay_fixture_container(&fixture, text);
    assert_ok(vs_submission_begin(fixture.relay, &fixture.alfa, bytes.len, &submission, &err));
    struct vs_submit_parameters *p = vs_submission_parameters(submission);
    static const char *list[2];
    list[0] = to;
    p->n_recipients = 1;
    if (strcmp(to, "both") == 0) {
        list[0] = BETA;
        list[1] = GAMMA;
        p->n_recipients = 2;
    }
    p->recipients = list;
    p->subject = text;
    p->number = number;
    assert_ok(vs_submission_feed(submission, bytes, &err));
    assert_ok(vs_submission_finish(submission, is_done, NULL, &err));
    vs_relay_run_until_idle(fixture.relay);
    assert_ok(vs_submission_result(submission, &receipt, &err));
    assert_true(receipt->accepted);
    struct vs_id id = receipt->id;
    vs_submission_free(submission);
    return id;
}

static struct vs_register_page list(const struct vs_caller *whose, enum vs_direction direction,
                                    struct vs_register_query q)
{
    struct vs_register_page page;
    struct vs_error err;
    q.participant = whose->participant;
    q.direction = direction;
    if (q.limit == 0)
        q.limit = 100;
    if (q.from == 0)
        q.from = VS_TIME_NONE;
    if (q.until == 0)
        q.until = VS_TIME_NONE;
    assert_ok(vs_register_list(fixture.relay, fixture.arena, &q, &page, &err));
    return page;
}
#define ALL ((struct vs_register_query){.limit = 100})

static void assert_sound(void)
{
    struct vs_check_result result;
    struct vs_error err;
    assert_ok(vs_check(fixture.relay, fixture.arena, NULL, NULL, &result, &err));
    for (size_t i = 0; i < result.n_findings; i++)
        print_message("%s %s: %s\n", result.findings[i].what, result.findings[i].where,
                      result.findings[i].text);
    assert_int_equal(result.n_findings, 0);
}

static void assert_numbers(const struct vs_register_page *page, const char *wanted)
{
    char text[400] = "";
    for (size_t i = 0; i < page->n; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", i ? " " : "",
                 (long long)vs_registration_number(page->entries[i].registration));
    assert_string_equal(text, wanted);
}

static void register__numbers_each_side_without_gaps(void **state)
{
    (void)state;
    send_to(BETA, "bir", NULL);
    send_to("both", "iki", NULL);
    send_to(GAMMA, "üç", NULL);
    struct vs_register_page page = list(&fixture.alfa, VS_OUTGOING, ALL);
    assert_numbers(&page, "1 2 2 3"); /* two recipients, one number */
    page = list(&fixture.beta, VS_INCOMING, ALL);
    assert_numbers(&page, "1 2");
    page = list(&fixture.gamma, VS_INCOMING, ALL);
    assert_numbers(&page, "1 2");
    page = list(&fixture.beta, VS_OUTGOING, ALL);
    assert_numbers(&page, "");
    relay_fixture_reopen(&fixture);
    send_to(BETA, "dörd", NULL);
    page = list(&fixture.alfa, VS_OUTGOING, ALL);
    assert_numbers(&page, "1 2 2 3 4");
    page = list(&fixture.beta, VS_INCOMING, ALL);
    assert_numbers(&page, "1 2 3");
    assert_sound();
}

static void register__numbers_many_at_once(void **state)
{
    enum { N = 40 };
    struct vs_submission *queued[N];
    struct vs_error err;
    char text[16];
    (void)state;
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "t%d", i);
        queued[i] = relay_fixture_queue(&fixture, &fixture.alfa,
                                        relay_fixture_container(&fixture, text),
                                        i % 3 == 0 ? GAMMA : BETA, NULL);
    }
    vs_relay_run_until_idle(fixture.relay);
    for (int i = 0; i < N; i++) {
        const struct vs_receipt *receipt;
        assert_ok(vs_submission_result(queued[i], &receipt, &err));
        vs_submission_free(queued[i]);
    }
    struct vs_register_page page = list(&fixture.alfa, VS_OUTGOING, ALL);
    assert_int_equal(page.n, N);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(vs_registration_number(page.entries[i].registration), i + 1);
    assert_sound();
}

static vs_rc run_confirm(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    return vs_repeat_confirm_stage(relay, job, &fixture.alfa, *(struct vs_id *)job->context,
                                   now, err);
}

/* What was refused, or waits for its sender's word, has no number. */
static void register__numbers_a_repetition_when_it_is_released(void **state)
{
    struct vs_receipt receipt;
    struct vs_error err;
    (void)state;
    struct vs_bytes same = relay_fixture_container(&fixture, "eyni");
    assert_ok(relay_fixture_send(&fixture, &fixture.alfa, same, BETA, NULL, &receipt, &err));
    assert_ok(relay_fixture_send(&fixture, &fixture.alfa, same, BETA, NULL, &receipt, &err));
    assert_true(receipt.held);
    struct vs_id held = receipt.id;
    send_to(BETA, "sonrakı", NULL);
    struct vs_register_page page = list(&fixture.alfa, VS_OUTGOING, ALL);
    assert_numbers(&page, "1 2");
    assert_ok(relay_fixture_job(&fixture, run_confirm, &held, &err));
    page = list(&fixture.alfa, VS_OUTGOING, ALL);
    assert_numbers(&page, "1 2 3");
    assert_true(vs_id_equal(page.entries[2].delivery->document, held));
    assert_sound();
}
static void register__begins_anew_with_the_local_year(void **state)
{
    (void)state;
    struct vs_civil now = vs_time_civil(fixture.world.now_ms);
    vs_time_ms year_ends =
        vs_time_from_civil((struct vs_civil){.year = now.year + 1, .month = 1, .day = 1});
    /* 19:59 UTC is 23:59 in Baku; two minutes later it is another year there. */
    test_world_pass(&fixture.world,
                    year_ends - 4 * VS_HOUR_MS - VS_MINUTE_MS - fixture.world.now_ms);
    send_to(BETA, "köhnə il", NULL);
    test_world_pass(&fixture.world, 2 * VS_MINUTE_MS);
    send_to(BETA, "yeni il", NULL);
    struct vs_register_page page = list(&fixture.beta, VS_INCOMING, ALL);
    assert_int_equal(page.n, 2);
    assert_int_equal(page.entries[0].registration, vs_registration(now.year, 1));
    assert_int_equal(page.entries[1].registration, vs_registration(now.year + 1, 1));
    assert_sound();
}

static void register__is_searched(void **state)
{
    struct vs_acknowledged acknowledged;
    struct vs_error err;
    (void)state;
    vs_time_ms start = fixture.world.now_ms;
    send_to(BETA, "Kirayə MUQAVILESI 5", "K-5");
    test_world_pass(&fixture.world, VS_DAY_MS);
    struct vs_id second = send_to(GAMMA, "Hesab-faktura", "H-9");
    test_world_pass(&fixture.world, VS_DAY_MS);
    send_to(BETA, "kirayə muqavilesi 6", "K-6");
    assert_ok(
        relay_fixture_answer(&fixture, &fixture.gamma, second, NULL, &acknowledged, &err));
    int year = vs_time_civil(start + 4 * VS_HOUR_MS).year;
    const struct {
        struct vs_register_query query;
        const char *wanted;
    } cases[] = {
        {{.subject = "muqavilesi"}, "1 3"},
        {{.subject = "MUQAVILESI 6"}, "3"},
        {{.subject = "yoxdur"}, ""},
        {{.number = "H-9"}, "2"},
        {{.number = vs_arena_printf(fixture.arena, "%d/3", year)}, "3"},
        {{.number = "1999/3"}, ""},
        {{.party = GAMMA}, "2"},
        {{.party = "voen:9876543219"}, ""},
        {{.state = "reached"}, "2"},
        {{.state = "available", .party = BETA}, "1 3"},
        {{.from = start + VS_HOUR_MS}, "2 3"},
        {{.until = start + VS_HOUR_MS}, "1"},
        {{.from = start + VS_HOUR_MS, .until = start + 2 * VS_DAY_MS - VS_HOUR_MS}, "2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_register_page page = list(&fixture.alfa, VS_OUTGOING, cases[i].query);
        assert_numbers(&page, cases[i].wanted);
    }
    struct vs_register_page page;
    struct vs_register_query wrong = {.participant = fixture.alfa.participant,
                                      .from = VS_TIME_NONE,
                                      .until = VS_TIME_NONE,
                                      .limit = 10,
                                      .state = "gone"};
    assert_fails(VS_E_PARAMETER,
                 vs_register_list(fixture.relay, fixture.arena, &wrong, &page, &err));
    wrong.state = NULL;
    wrong.cursor = "r1-00";
    assert_fails(VS_E_PARAMETER,
                 vs_register_list(fixture.relay, fixture.arena, &wrong, &page, &err));
}

static void register__pages_by_cursor(void **state)
{
    char text[16];
    (void)state;
    for (int i = 0; i < 7; i++) {
        snprintf(text, sizeof text, "s%d", i);
        send_to("both", text, NULL);
    }
    struct vs_register_page page = {.cursor = "", .more = true};
    int64_t seen = 0;
    size_t n = 0;
    while (page.more) {
        page = list(&fixture.alfa, VS_OUTGOING,
                    (struct vs_register_query){.cursor = page.cursor, .limit = 3});
        for (size_t i = 0; i < page.n; i++, n++) {
            int64_t number = vs_registration_number(page.entries[i].registration);
            assert_true(number == seen || number == seen + 1);
            seen = number;
        }
    }
    assert_int_equal(n, 14);
    assert_int_equal(seen, 7);
}

static bool check_says(const char *text)
{
    struct vs_check_result result;
    struct vs_error err;
    assert_ok(vs_check(fixture.relay, fixture.arena, NULL, NULL, &result, &err));
    for (size_t i = 0; i < result.n_findings; i++)
        if (strcmp(result.findings[i].what, "register") == 0 &&
            strstr(result.findings[i].text, text) != NULL)
            return true;
    return false;
}

static void check__names_numbers_that_were_changed(void **state)
{
    struct vs_error err;
    (void)state;
    send_to(BETA, "a", NULL);
    struct vs_id id = send_to(BETA, "b", NULL);
    static const struct {
        int64_t number;
        const char *text;
    } cases[] = {{1, "twice"}, {9, "beyond"}, {2, NULL}};
    int year = vs_time_civil(fixture.world.now_ms + 4 * VS_HOUR_MS).year;
    for (size_t i = 0; i < 3; i++) {
        struct vs_value row[VS_DELIVERY_COLUMNS] = {
            [VS_DELIVERY_DOCUMENT] = vs_id_value(&id),
            [VS_DELIVERY_RECIPIENT] = vs_id_value(&fixture.beta.participant),
            [VS_DELIVERY_INCOMING] = vs_int(vs_registration(year, cases[i].number))};
        struct vs_op op =
            vs_op_update(VS_T_DELIVERY, row, VS_SET(VS_DELIVERY_INCOMING), VS_ANY_VERSION);
        struct vs_item item = {.ops = &op, .n_ops = 1};
        assert_ok(vs_store_commit(fixture.relay->store, &item, 1, &err));
        if (cases[i].text != NULL)
            assert_true(check_says(cases[i].text));
    }
    assert_sound();
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(register__numbers_each_side_without_gaps),
        WITH(register__numbers_many_at_once),
        WITH(register__numbers_a_repetition_when_it_is_released),
        WITH(register__begins_anew_with_the_local_year),
        WITH(register__is_searched),
        WITH(register__pages_by_cursor),
        WITH(check__names_numbers_that_were_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
