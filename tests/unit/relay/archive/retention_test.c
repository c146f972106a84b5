/* Retention: nothing goes before its term, by no clock and no call; then rows and bytes go, and
 * what is left still verifies (Art. 29.1, 31.2.3, 31.3; reliability invariant 5). */
#include "relay/archive/hold.h"
#include "relay/archive/retention.h"
#include "relay/check.h"
#include "relay/evidence.h"
#include "relay/relay_priv.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"
#include <ftw.h>
#include <stdlib.h>
#include <stdio.h>

#define BETA "voen:2345678912"

static struct relay_fixture fixture;
static int64_t clock_error; /* of the wall clock alone */

static vs_time_ms wrong_now(void *context)
{
    struct test_world *world = context;
    return world->now_ms + clock_error;
}

static int open_all(void **state)
{
    clock_error = 0;
    relay_fixture_init(&fixture, false);
    fixture.world.seams.now_ms = wrong_now;
    relay_fixture_start(&fixture);
    snprintf(fixture.auditor.name, sizeof fixture.auditor.name, "Müfəttiş");
    *state = &fixture;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    relay_fixture_close(&fixture);
    return 0;
}

/* -- what the tests do --------------------------------------------------------------------- */

static struct vs_id send_key(const char *text, const char *key)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(&fixture, &fixture.alfa,
                                 relay_fixture_container(&fixture, text), BETA, key, &receipt,
                                 &err));
    assert_true(receipt.accepted);
    return receipt.id;
}

static struct vs_id send_one(const char *text)
{
    return send_key(text, NULL);
}

/* Day by day, as it passes for a service that runs. */
static void pass_days(int days)
{
    for (int i = 0; i < days; i++) {
        test_world_pass(&fixture.world, VS_DAY_MS);
        vs_relay_run_until_idle(fixture.relay);
    }
    /* The walk comes by every hour, the fold of the log some seconds after. */
    for (int i = 0; i < 3; i++) {
        test_world_pass(&fixture.world, VS_HOUR_MS);
        vs_relay_run_until_idle(fixture.relay);
    }
}

static bool is_there(struct vs_id id)
{
    struct vs_error err;
    struct vs_content_view view = {0};
    vs_rc rc = vs_content_open(fixture.relay, fixture.arena, &fixture.alfa, id,
                               VS_CONTENT_ORIGINAL, &view, &err);
    if (!vs_ok(rc))
        assert_int_equal(rc.code, VS_E_NOT_FOUND);
    vs_content_close(&view);
    return vs_ok(rc);
}

static bool row_is_there(enum vs_table_id table, struct vs_id id)
{
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    struct vs_error err;
    assert_ok(vs_store_get(fixture.relay->store, fixture.arena, table, &key, &row, &err));
    return row != NULL;
}

static uint64_t rows_in(enum vs_table_id table)
{
    struct vs_query query = {.table = table};
    struct vs_error err;
    uint64_t n;
    assert_ok(vs_store_count(fixture.relay->store, &query, &n, &err));
    return n;
}

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

static bool check_says(const char *what, const char *text)
{
    struct vs_check_result result;
    struct vs_error err;
    assert_ok(vs_check(fixture.relay, fixture.arena, NULL, NULL, &result, &err));
    for (size_t i = 0; i < result.n_findings; i++)
        if (strcmp(result.findings[i].what, what) == 0 &&
            strstr(result.findings[i].text, text) != NULL)
            return true;
    return false;
}

static struct vs_bytes marker_wanted;
static bool marker_found;

static int look_into(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    struct vs_error err;
    struct vs_bytes all;
    VS_ARENA *arena = vs_arena_new((size_t)256 << 20);
    (void)status;
    (void)walk;
    if (flag != FTW_F)
        return 0;
    assert_ok(vs_file_read(&vs_fileops_real, path, arena, (size_t)128 << 20, &all, &err));
    if (memmem(all.ptr, all.len, marker_wanted.ptr, marker_wanted.len) != NULL)
        marker_found = true;
    return 0;
}

/* Whether any file of the service has these bytes: segments, rows, log, free pages. */
static bool data_holds(struct vs_bytes marker)
{
    marker_wanted = marker;
    marker_found = false;
    assert_int_equal(nftw(fixture.folder, look_into, 16, FTW_PHYS), 0);
    return marker_found;
}

struct hold {
    const struct vs_caller *caller;
    struct vs_id id;
    bool hold;
    const char *reason;
    struct vs_deed act;
};
static vs_rc run_hold(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                      struct vs_error *err)
{
    struct hold *self = job->context;
    return vs_hold_stage(relay, job, self->caller, self->id, self->hold, self->reason, now,
                         &self->act, err);
}
static vs_rc hold(struct vs_id id, bool on, struct vs_error *err)
{
    struct hold self = {
        .caller = &fixture.auditor, .id = id, .hold = on, .reason = "iş 2-1/17"};
    return relay_fixture_job(&fixture, run_hold, &self, err);
}

/* -- the rule ------------------------------------------------------------------------------ */

static void end__counts_calendar_months(void **state)
{
    static const struct {
        const char *latest;
        unsigned months;
        const char *end; /* without the margin */
    } cases[] = {
        {"2026-08-31T10:00:00.000Z", 6, "2027-02-28T10:00:00.000Z"},
        {"2027-08-31T10:00:00.000Z", 6, "2028-02-29T10:00:00.000Z"},
        {"2026-08-30T23:59:59.999Z", 6, "2027-02-28T23:59:59.999Z"},
        {"2026-02-28T00:00:00.000Z", 6, "2026-08-28T00:00:00.000Z"},
        {"2028-02-29T00:00:00.000Z", 12, "2029-02-28T00:00:00.000Z"},
        {"2026-12-31T23:59:59.999Z", 6, "2027-06-30T23:59:59.999Z"},
        {"2026-01-01T00:00:00.000Z", 60, "2031-01-01T00:00:00.000Z"},
        {"2026-01-01T00:00:00.000Z", 1, "2026-07-01T00:00:00.000Z"}, /* never under the law's */
        {"2026-01-01T00:00:00.000Z", 0, "2026-07-01T00:00:00.000Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vs_time_ms latest, end;
        assert_true(vs_time_decode(vs_bytes_text(cases[i].latest), &latest));
        assert_true(vs_time_decode(vs_bytes_text(cases[i].end), &end));
        assert_int_equal(vs_retention_end(latest, cases[i].months),
                         end + VS_RETENTION_MARGIN_MS);
    }
    assert_int_equal(vs_retention_end(0, VS_RETENTION_PERMANENT), VS_TIME_NONE);
}

static int days_until(vs_time_ms end)
{
    return (int)((end - vs_relay_now(fixture.relay)) / VS_DAY_MS);
}

static void retention__keeps_to_the_last_day_and_then_leaves_nothing(void **state)
{
    struct vs_error err;
    struct vs_retention retention;
    struct vs_acknowledged acknowledged;
    struct vs_id id = send_key("Gizli mətn", "acar-1");
    (void)state;
    assert_ok(relay_fixture_answer(&fixture, &fixture.beta, id, NULL, &acknowledged, &err));
    assert_ok(
        vs_retention_get(fixture.relay, fixture.arena, &fixture.alfa, id, &retention, &err));
    assert_int_equal(retention.months, 6);
    assert_int_equal(retention.end, vs_retention_end(retention.latest, 6));
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    assert_ok(
        vs_store_get(fixture.relay->store, fixture.arena, VS_T_DOCUMENT, &key, &row, &err));
    struct vs_bytes digest = row->values[VS_DOCUMENT_DIGEST].bytes;
    struct vs_bytes name = VS_BYTES_LITERAL("məktub.asice"),
                    text = VS_BYTES_LITERAL("Gizli mətn");
    pass_days(days_until(retention.end) - 1);
    assert_true(is_there(id));
    assert_true(data_holds(text) && data_holds(name) && data_holds(digest));
    assert_sound();
    pass_days(2);
    assert_false(is_there(id));
    assert_true(row_is_there(VS_T_TOMBSTONE, id));
    assert_int_equal(rows_in(VS_T_DOCUMENT), 0);
    assert_int_equal(rows_in(VS_T_DELIVERY), 0);
    assert_int_equal(rows_in(VS_T_IDEMPOTENCY), 0);
    assert_int_equal(rows_in(VS_T_REPETITION), 0);
    assert_int_equal(rows_in(VS_T_EVIDENCE), 1); /* of the deletion */
    assert_false(data_holds(text));
    assert_false(data_holds(name));
    assert_false(data_holds(digest));
    assert_sound();
    relay_fixture_reopen(&fixture);
    assert_sound();
}

static void retention__counts_from_the_latest_event(void **state)
{
    struct vs_error err;
    struct vs_acknowledged acknowledged;
    struct vs_id early = send_one("birinci"), late = send_one("ikinci");
    (void)state;
    pass_days(100);
    assert_ok(relay_fixture_answer(&fixture, &fixture.beta, late, NULL, &acknowledged, &err));
    pass_days(100);
    assert_false(is_there(early));
    assert_true(is_there(late));
    assert_sound();
    pass_days(100);
    assert_false(is_there(late));
    assert_sound();
}

static void retention__records_of_refusals_too(void **state)
{
    struct vs_receipt receipt;
    struct vs_error err;
    (void)state;
    assert_ok(relay_fixture_send(&fixture, &fixture.alfa, VS_BYTES_LITERAL("imzasız"), BETA,
                                 "acar-2", &receipt, &err));
    assert_false(receipt.accepted);
    pass_days(180);
    assert_true(row_is_there(VS_T_REFUSAL, receipt.id));
    pass_days(12);
    assert_false(row_is_there(VS_T_REFUSAL, receipt.id));
    assert_true(row_is_there(VS_T_TOMBSTONE, receipt.id));
    assert_sound();
}

/* -- holds --------------------------------------------------------------------------------- */

static void hold__keeps_one_among_neighbours_that_go(void **state)
{
    struct vs_error err;
    struct vs_id first = send_one("qonşu bir"), held = send_one("saxlanan"),
                 last = send_one("qonşu iki");
    (void)state;
    assert_ok(hold(held, true, &err));
    assert_fails(VS_E_STATE, hold(held, true, &err));
    pass_days(400);
    assert_false(is_there(first));
    assert_false(is_there(last));
    assert_true(is_there(held));
    assert_false(data_holds(VS_BYTES_LITERAL("qonşu bir")));
    assert_false(data_holds(VS_BYTES_LITERAL("qonşu iki")));
    assert_true(data_holds(VS_BYTES_LITERAL("saxlanan")));
    assert_sound();
    assert_ok(hold(held, false, &err));
    /* Lifting is an event: six months more. */
    pass_days(150);
    assert_true(is_there(held));
    pass_days(50);
    assert_false(is_there(held));
    assert_false(data_holds(VS_BYTES_LITERAL("saxlanan")));
    assert_int_equal(rows_in(VS_T_HOLD), 0);
    assert_sound();
}

static void hold__is_for_operators_and_the_authority(void **state)
{
    struct vs_error err;
    struct vs_id id = send_one("kimin");
    struct vs_caller operator_ = {.roles = VS_ROLE_OPERATOR, .name = "Növbətçi"};
    struct hold self = {
        .caller = &fixture.alfa, .id = id, .hold = true, .reason = "mən istəyirəm"};
    (void)state;
    assert_fails(VS_E_FORBIDDEN, relay_fixture_job(&fixture, run_hold, &self, &err));
    self.caller = &operator_;
    self.reason = "";
    assert_fails(VS_E_PARAMETER, relay_fixture_job(&fixture, run_hold, &self, &err));
    self.reason = "bir\nsətir";
    assert_fails(VS_E_PARAMETER, relay_fixture_job(&fixture, run_hold, &self, &err));
    self.reason = "araşdırma";
    self.id = vs_id_new(&fixture.world.seams, 0);
    assert_fails(VS_E_NOT_FOUND, relay_fixture_job(&fixture, run_hold, &self, &err));
    self.id = id;
    assert_ok(relay_fixture_job(&fixture, run_hold, &self, &err));
    const struct vs_deed *acts;
    size_t n;
    assert_ok(vs_hold_list(fixture.relay, fixture.arena, VS_ID_NONE, 10, &acts, &n, &err));
    assert_int_equal(n, 1);
    assert_string_equal(acts[0].reason, "araşdırma");
    assert_sound();
}

/* -- the clock ----------------------------------------------------------------------------- */

static struct vs_retention_clock clock_of(void)
{
    return vs_retention_clock_view(fixture.relay, vs_relay_now(fixture.relay));
}

static void clock__far_ahead_deletes_nothing(void **state)
{
    static const int64_t jumps[] = {VS_DAY_MS * 4, VS_DAY_MS * 200, VS_DAY_MS * 700};
    struct vs_id id = send_one("vaxtından əvvəl");
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        clock_error = jumps[i];
        pass_days(2);
        assert_true(clock_of().doubted);
        assert_true(is_there(id));
        relay_fixture_reopen(&fixture); /* a restart makes no difference */
        pass_days(2);
        assert_true(clock_of().doubted);
        assert_true(is_there(id));
        /* Put right, and started again: what ran meanwhile may have recorded the wrong time. */
        clock_error = 0;
        relay_fixture_reopen(&fixture);
        pass_days(2);
        assert_false(clock_of().doubted);
        assert_true(is_there(id));
    }
    pass_days(200);
    assert_false(is_there(id));
    assert_sound();
}

/* Small errors, one after the other and back: what is taken over wrongly is within the margin.
 */
static void clock__wrong_by_days_stays_within_the_margin(void **state)
{
    struct vs_error err;
    struct vs_retention retention;
    struct vs_id id = send_one("üç gün");
    (void)state;
    assert_ok(
        vs_retention_get(fixture.relay, fixture.arena, &fixture.alfa, id, &retention, &err));
    for (int i = 0; i < 5; i++) {
        clock_error = VS_WITNESS_GAP_MS - VS_DAY_MS - 4 * VS_HOUR_MS;
        pass_days(1);
        clock_error = 0;
        pass_days(1);
    }
    clock_error = VS_WITNESS_GAP_MS - VS_DAY_MS;
    vs_time_ms law = retention.end - VS_RETENTION_MARGIN_MS;
    while (fixture.world.now_ms < law) {
        assert_true(is_there(id));
        pass_days(1);
    }
}

static void clock__gone_back_stops_deletion(void **state)
{
    struct vs_id id = send_one("geri");
    (void)state;
    pass_days(170);
    send_one("ən yeni qeyd");
    clock_error = -VS_DAY_MS * 30;
    pass_days(25);
    assert_true(is_there(id));
    clock_error = 0;
    pass_days(2);
    assert_false(is_there(id));
}

struct confirmation {
    const struct vs_caller *caller;
    const char *reason;
};
static vs_rc run_confirm(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    struct confirmation *self = job->context;
    return vs_retention_confirm_stage(relay, job, self->caller, self->reason, now, err);
}

static void clock__of_a_long_stop_is_confirmed_with_evidence(void **state)
{
    struct vs_error err;
    struct vs_caller operator_ = {.roles = VS_ROLE_OPERATOR, .name = "Növbətçi"};
    struct confirmation self = {&fixture.auditor, "server təmirdə idi"};
    struct vs_id id = send_one("dayanma");
    (void)state;
    clock_error = VS_DAY_MS * 220; /* it stood still so long */
    pass_days(5);
    assert_true(is_there(id));
    assert_fails(VS_E_FORBIDDEN, relay_fixture_job(&fixture, run_confirm, &self, &err));
    self.caller = &operator_;
    assert_ok(relay_fixture_job(&fixture, run_confirm, &self, &err));
    assert_false(clock_of().doubted);
    pass_days(2);
    assert_false(is_there(id));
    assert_sound();
}

/* -- what a forger would do ---------------------------------------------------------------- */

static void commit(const struct vs_op *ops, size_t n)
{
    struct vs_error err;
    struct vs_item item = {.ops = ops, .n_ops = n};
    assert_ok(vs_store_commit(fixture.relay->store, &item, 1, &err));
    assert_int_equal(item.outcome, VS_ITEM_DONE);
}

static void check__names_a_document_taken_away(void **state)
{
    struct vs_id id = send_one("oğurlanan");
    struct vs_value key = vs_id_value(&id);
    struct vs_op op = vs_op_delete(VS_T_DOCUMENT, &key, VS_ANY_VERSION);
    (void)state;
    assert_sound();
    commit(&op, 1);
    assert_true(check_says("delivery", "its document is gone"));
}

static void check__names_a_tombstone_that_no_act_covers(void **state)
{
    struct vs_id deleted = send_one("vaxtı keçən"), other;
    (void)state;
    pass_days(200);
    assert_false(is_there(deleted));
    other = send_one("sağ qalan");
    struct vs_value key = vs_id_value(&deleted);
    const struct vs_row *row;
    struct vs_error err;
    assert_ok(
        vs_store_get(fixture.relay->store, fixture.arena, VS_T_TOMBSTONE, &key, &row, &err));
    struct vs_value fake[VS_TOMBSTONE_COLUMNS];
    memcpy(fake, row->values, sizeof fake);
    fake[VS_TOMBSTONE_ID] = vs_id_value(&other);
    struct vs_op op = vs_op_insert(VS_T_TOMBSTONE, fake);
    commit(&op, 1);
    assert_true(check_says("act", "its tombstones are not those"));
    assert_true(check_says("tombstone", "what it says was deleted is there"));
    assert_true(check_says("tombstone", "another number"));
}

static void check__names_a_deletion_before_the_term(void **state)
{
    struct vs_id deleted = send_one("tez");
    (void)state;
    pass_days(200);
    struct vs_value key = vs_id_value(&deleted);
    const struct vs_row *row;
    struct vs_error err;
    assert_ok(
        vs_store_get(fixture.relay->store, fixture.arena, VS_T_TOMBSTONE, &key, &row, &err));
    struct vs_value values[VS_TOMBSTONE_COLUMNS];
    memcpy(values, row->values, sizeof values);
    values[VS_TOMBSTONE_MONTHS] = vs_int(60);
    struct vs_op op =
        vs_op_update(VS_T_TOMBSTONE, values, VS_SET(VS_TOMBSTONE_MONTHS), VS_ANY_VERSION);
    commit(&op, 1);
    assert_true(check_says("tombstone", "before its term"));
}

static void check__names_a_hold_taken_away(void **state)
{
    struct vs_error err;
    struct vs_id id = send_one("saxla");
    struct vs_value key = vs_id_value(&id);
    struct vs_op op = vs_op_delete(VS_T_HOLD, &key, VS_ANY_VERSION);
    (void)state;
    assert_ok(hold(id, true, &err));
    assert_sound();
    commit(&op, 1);
    assert_true(check_says("hold", "taken away by no act"));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, open_all, close_all)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end__counts_calendar_months),
        WITH(retention__keeps_to_the_last_day_and_then_leaves_nothing),
        WITH(retention__counts_from_the_latest_event),
        WITH(retention__records_of_refusals_too),
        WITH(hold__keeps_one_among_neighbours_that_go),
        WITH(hold__is_for_operators_and_the_authority),
        WITH(clock__far_ahead_deletes_nothing),
        WITH(clock__wrong_by_days_stays_within_the_margin),
        WITH(clock__gone_back_stops_deletion),
        WITH(clock__of_a_long_stop_is_confirmed_with_evidence),
        WITH(check__names_a_document_taken_away),
        WITH(check__names_a_tombstone_that_no_act_covers),
        WITH(check__names_a_deletion_before_the_term),
        WITH(check__names_a_hold_taken_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
