/* Mailbox, hand-over, acknowledgement, and who may see what (Art. 27, 28, 35). */
#include "formats/evidence/erds.h"
#include "relay/evidence.h"
#include "relay/exchange/transitions.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"

/* One relay for all: each test looks at what it sent itself. */
static struct relay_fixture fixture;

static int open_all(void **state)
{
    relay_fixture_open(&fixture, true);
    *state = &fixture;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    relay_fixture_close(&fixture);
    return 0;
}

static struct vs_id send_one(struct relay_fixture *f, const char *text)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, relay_fixture_container(f, text), BETA, NULL,
                                 &receipt, &err));
    assert_true(receipt.accepted);
    return receipt.id;
}

static const char *end_of_inbox(struct relay_fixture *f)
{
    struct vs_page page = {.cursor = "", .more = true};
    struct vs_error err;
    while (page.more)
        assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, page.cursor, 3, &page, &err));
    return page.cursor;
}

static void mailbox__pages_by_cursor_without_gaps(void **state)
{
    struct relay_fixture *f = *state;
    const char *cursor = end_of_inbox(f);
    struct vs_id ids[5];
    struct vs_page page = {.more = true};
    struct vs_error err;
    static const char *const texts[] = {"p1", "p2", "p3", "p4", "p5"};
    for (int i = 0; i < 5; i++)
        ids[i] = send_one(f, texts[i]);
    for (int i = 0; i < 5; cursor = page.cursor) {
        assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, cursor, 2, &page, &err));
        for (size_t j = 0; j < page.n; j++)
            assert_true(vs_id_equal(page.entries[j]->document, ids[i++]));
    }
    assert_false(page.more);
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, cursor, 2, &page, &err));
    assert_int_equal(page.n, 0);
    assert_string_equal(page.cursor, cursor);
    static const char *const bad[] = {"c1-",
                                      "c1-xyz",
                                      "5",
                                      "c2-0000000000000001",
                                      "c1-ffffffffffffffff",
                                      "c1-00000000000000010"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(VS_E_PARAMETER,
                     vs_mailbox_list(f->relay, f->arena, &f->beta, bad[i], 2, &page, &err));
}

static void woken(struct vs_waiter *waiter)
{
    *(int *)waiter->context += 1;
}

static void mailbox__wakes_whom_it_concerns_once(void **state)
{
    struct relay_fixture *f = *state;
    int beta = 0, gamma = 0, alfa = 0;
    struct vs_page page;
    struct vs_error err;
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, "", 1, &page, &err));
    struct vs_waiter waiters[3] = {
        {.participant = f->beta.participant, .wake = woken, .context = &beta},
        {.participant = f->gamma.participant, .wake = woken, .context = &gamma},
        {.participant = f->alfa.participant, .events = true, .wake = woken, .context = &alfa}};
    for (int i = 0; i < 3; i++) {
        waiters[i].seen = page.seen;
        assert_true(vs_mailbox_watch(f->relay, &waiters[i]));
    }
    send_one(f, "oyan");
    assert_int_equal(beta, 1);
    assert_int_equal(alfa, 1);
    assert_int_equal(gamma, 0);
    assert_false(vs_mailbox_unwatch(f->relay, &waiters[0]));
    assert_true(vs_mailbox_unwatch(f->relay, &waiters[1]));
    /* What came between the list and the watch is not slept through. */
    assert_false(vs_mailbox_watch(f->relay, &waiters[0]));
}

struct handover {
    const struct vs_caller *caller;
    struct vs_id id;
};
static vs_rc run_handover(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                          struct vs_error *err)
{
    struct handover *self = job->context;
    return vs_handover_stage(relay, job, self->caller, self->id, now, err);
}

static size_t count_events(struct relay_fixture *f, struct vs_id id, const char *event)
{
    const struct vs_evidence **list;
    size_t n, found = 0;
    struct vs_error err;
    assert_ok(vs_evidence_list(f->relay, f->arena, &f->alfa, id, &list, &n, &err));
    for (size_t i = 0; i < n; i++)
        found += strcmp(list[i]->event, event) == 0;
    return found;
}

static void handover__of_the_first_download_is_evidenced_once(void **state)
{
    struct relay_fixture *f = *state;
    struct handover self = {&f->beta, send_one(f, "endir")};
    struct vs_status status;
    struct vs_error err;
    for (int i = 0; i < 3; i++) {
        test_world_pass(&f->world, 10);
        assert_ok(relay_fixture_job(f, run_handover, &self, &err));
    }
    assert_int_equal(count_events(f, self.id, "ContentHandover"), 1);
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, self.id, &status, &err));
    assert_int_equal(status.recipients[0].delivery->state, VS_DELIVERY_HANDED_OVER);
    /* Art. 28.2: the receipt time is the mailbox's, not the download's. */
    assert_true(status.recipients[0].received.time < status.recipients[0].handed_over.time);
    self.caller = &f->alfa;
    assert_fails(VS_E_NOT_FOUND, relay_fixture_job(f, run_handover, &self, &err));
}

/* Art. 27.4 */
static void acknowledge__counts_as_received_once_it_reached_the_sender(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "təsdiq");
    struct vs_acknowledged first, again;
    struct vs_page events;
    struct vs_erds erds;
    struct vs_error err;
    assert_ok(relay_fixture_answer(f, &f->beta, id, NULL, &first, &err));
    assert_ok(vs_erds_read(f->arena, first.evidence_xml, &erds, &err));
    assert_int_equal(erds.event, VS_EVENT_ACKNOWLEDGEMENT);
    assert_int_equal(erds.refers_to, 1);
    assert_non_null(vs_erds_extension(&erds, VS_ERDS_EXT_STATEMENT));
    assert_int_equal(count_events(f, id, "AcknowledgementReachedSender"), 1);
    assert_ok(vs_events_list(f->relay, f->arena, &f->alfa, "", 500, &events, &err));
    const struct vs_delivery *newest = events.entries[events.n - 1];
    assert_true(vs_id_equal(newest->document, id));
    assert_int_equal(newest->state, VS_DELIVERY_REACHED);
    assert_true(newest->counts_as_received);
    assert_ok(relay_fixture_answer(f, &f->beta, id, NULL, &again, &err));
    assert_true(again.repeated);
    assert_true(vs_id_equal(first.evidence, again.evidence));
    assert_fails(VS_E_STATE, relay_fixture_answer(f, &f->beta, id, "yox", &again, &err));
}

static void acknowledge__a_refusal_is_terminal_and_never_received(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "imtina");
    struct vs_acknowledged answer;
    struct vs_status status;
    struct vs_error err;
    assert_ok(relay_fixture_answer(f, &f->beta, id, "format uyğun deyil", &answer, &err));
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, id, &status, &err));
    assert_int_equal(status.recipients[0].delivery->state, VS_DELIVERY_REFUSED);
    assert_false(status.recipients[0].delivery->counts_as_received);
    assert_string_equal(status.recipients[0].delivery->refusal_reason, "format uyğun deyil");
    assert_int_equal(count_events(f, id, "AcknowledgementReachedSender"), 0);
    assert_fails(VS_E_STATE, relay_fixture_answer(f, &f->beta, id, NULL, &answer, &err));
}

/* Art. 35: anybody else's id is answered exactly as an unknown one. */
static void access__is_the_parties_and_the_auditors_alone(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "məxfi");
    struct vs_status status;
    struct vs_content_view view;
    struct vs_acknowledged answer;
    struct vs_error foreign, unknown;
    assert_fails(VS_E_NOT_FOUND,
                 vs_status_get(f->relay, f->arena, &f->gamma, id, &status, &foreign));
    assert_fails(VS_E_NOT_FOUND,
                 vs_status_get(f->relay, f->arena, &f->gamma, VS_ID_NONE, &status, &unknown));
    assert_string_equal(foreign.text, unknown.text);
    assert_fails(VS_E_NOT_FOUND, vs_content_open(f->relay, f->arena, &f->gamma, id,
                                                 VS_CONTENT_ORIGINAL, &view, &foreign));
    assert_fails(VS_E_NOT_FOUND,
                 relay_fixture_answer(f, &f->gamma, id, NULL, &answer, &foreign));
    assert_fails(VS_E_NOT_FOUND,
                 relay_fixture_answer(f, &f->alfa, id, NULL, &answer, &foreign));
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, &f->auditor, id, &status, &err));
    /* A principal that may only send does not read its participant's inbox. */
    struct vs_caller sender_only = f->beta;
    sender_only.roles = VS_ROLE_SENDER;
    assert_fails(VS_E_NOT_FOUND,
                 vs_status_get(f->relay, f->arena, &sender_only, id, &status, &err));
}

static void access__a_recipient_sees_its_own_row_only(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_submission *submission;
    const struct vs_receipt *receipt;
    struct vs_status status;
    struct vs_error err;
    struct vs_bytes bytes = relay_fixture_container(f, "ikisinə");
    const char *to[] = {BETA, "voen:3456789123"};
    submission = relay_fixture_queue(f, &f->alfa, bytes, BETA, NULL);
    vs_submission_parameters(submission)->recipients = to;
    vs_submission_parameters(submission)->n_recipients = 2;
    vs_relay_run_until_idle(f->relay);
    assert_ok(vs_submission_result(submission, &receipt, &err));
    struct vs_id id = receipt->id;
    vs_submission_free(submission);
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, id, &status, &err));
    assert_int_equal(status.n_recipients, 2);
    assert_int_equal(status.n_evidence, 3);
    assert_ok(vs_status_get(f->relay, f->arena, &f->gamma, id, &status, &err));
    assert_int_equal(status.n_recipients, 1);
    assert_int_equal(status.n_evidence, 2);
    for (size_t i = 0; i < status.n_evidence; i++)
        assert_false(vs_id_equal(status.evidence[i]->recipient, f->beta.participant));
}

static void transitions__lead_only_forward(void **state)
{
    (void)state;
    for (size_t i = 0; i < vs_transitions_n; i++) {
        const struct vs_transition *t = &vs_transitions[i];
        assert_false(vs_delivery_state_terminal(t->from, true));
        assert_null(vs_transition_find(t->to, t->from));
    }
    assert_null(vs_transition_find(VS_DELIVERY_PENDING, VS_DELIVERY_ACKNOWLEDGED));
    assert_null(vs_transition_find(VS_DELIVERY_HELD, VS_DELIVERY_AVAILABLE));
    assert_null(vs_transition_find(VS_DELIVERY_REFUSED, VS_DELIVERY_ACKNOWLEDGED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mailbox__pages_by_cursor_without_gaps),
        cmocka_unit_test(mailbox__wakes_whom_it_concerns_once),
        cmocka_unit_test(handover__of_the_first_download_is_evidenced_once),
        cmocka_unit_test(acknowledge__counts_as_received_once_it_reached_the_sender),
        cmocka_unit_test(acknowledge__a_refusal_is_terminal_and_never_received),
        cmocka_unit_test(access__is_the_parties_and_the_auditors_alone),
        cmocka_unit_test(access__a_recipient_sees_its_own_row_only),
        cmocka_unit_test(transitions__lead_only_forward),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
