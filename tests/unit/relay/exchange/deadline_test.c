/* Terms for the acknowledgement (Art. 27.5), automatic acknowledgement (27.2) and the notice of
 * non-sending (27.3.1); relay/exchange/deadline.h, acknowledge.h, notice.h. */
#include "relay/exchange/deadline.h"
#include "relay/exchange/notice.h"
#include "relay/due.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA       "voen:2345678912"
#define TERM_MS    (2 * VS_HOUR_MS)
#define FURTHER_MS (30 * VS_MINUTE_MS)

static int open_with(void **state, int64_t remind, int64_t automatic, int64_t required)
{
    static struct relay_fixture fixture;
    struct vs_terms terms = vs_terms_law();
    terms.acknowledgement = required;
    terms.acknowledgement_term_ms = TERM_MS;
    terms.further_term_ms = FURTHER_MS;
    terms.remind = remind;
    terms.automatic_acknowledgement = automatic;
    terms.forms |= VS_TAKES_ANY;
    terms.signature_class = VS_ASKS_NONE;
    terms.signature_level = 0;
    relay_fixture_open(&fixture, false);
    relay_fixture_agree(&fixture, &terms);
    *state = &fixture;
    return 0;
}

static int open_reminding(void **state)
{
    return open_with(state, 1, 0, 1);
}

static int open_silent(void **state)
{
    return open_with(state, 0, 0, 1);
}

static int open_automatic(void **state)
{
    return open_with(state, 1, 1, 1);
}

static int open_waived(void **state)
{
    return open_with(state, 1, 1, 0);
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static struct vs_id send_bytes(struct relay_fixture *f, struct vs_bytes bytes)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, BETA, NULL, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    return receipt.id;
}

static struct vs_id send_one(struct relay_fixture *f, const char *text)
{
    return send_bytes(f, relay_fixture_container(f, text));
}

static const struct vs_delivery *look(struct relay_fixture *f, const struct vs_caller *caller,
                                      struct vs_id id)
{
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, caller, id, &status, &err));
    return status.recipients[0].delivery;
}

static const struct vs_delivery *newest(struct relay_fixture *f, const struct vs_caller *caller)
{
    struct vs_page page;
    struct vs_error err;
    assert_ok(vs_mailbox_list(f->relay, f->arena, caller, "", 500, &page, &err));
    return page.entries[page.n - 1];
}

static size_t reminders(struct relay_fixture *f, struct vs_id id)
{
    return relay_fixture_evidence(f, id, "AcknowledgementReminder");
}

static size_t overdues(struct relay_fixture *f, struct vs_id id)
{
    return relay_fixture_evidence(f, id, "AcknowledgementOverdue");
}

static void deadline__passes_to_the_millisecond(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "müddət");
    assert_int_equal(look(f, &f->alfa, id)->deadline, f->world.now_ms + TERM_MS);
    relay_fixture_pass(f, TERM_MS - 1);
    assert_int_equal(reminders(f, id), 0);
    relay_fixture_pass(f, 1); /* the last one belongs to the term */
    assert_int_equal(reminders(f, id), 0);
    relay_fixture_pass(f, 1);
    assert_int_equal(reminders(f, id), 1);
    const struct vs_delivery *seen = look(f, &f->beta, id);
    assert_int_equal(seen->reminded, f->world.now_ms);
    assert_int_equal(seen->further, f->world.now_ms + FURTHER_MS);
    relay_fixture_pass(f, FURTHER_MS);
    assert_int_equal(overdues(f, id), 0);
    relay_fixture_pass(f, 1);
    assert_int_equal(overdues(f, id), 1);
    relay_fixture_pass(f, 365 * VS_DAY_MS);
    assert_int_equal(reminders(f, id), 1);
    assert_int_equal(overdues(f, id), 1);
    relay_fixture_check(f);
}

/* 27.5: the law voids no late acknowledgement. */
static void deadline__takes_a_late_acknowledgement(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "gec");
    struct vs_acknowledged answer;
    struct vs_error err;
    relay_fixture_pass(f, TERM_MS + 1);
    relay_fixture_pass(f, FURTHER_MS + 1);
    assert_int_equal(overdues(f, id), 1);
    assert_ok(relay_fixture_answer(f, &f->beta, id, NULL, &answer, &err));
    const struct vs_delivery *seen = look(f, &f->alfa, id);
    assert_true(seen->counts_as_received);
    assert_true(seen->late);
    relay_fixture_check(f);
}

static void deadline__ends_with_the_answer(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id yes = send_one(f, "hə"), no = send_one(f, "yox");
    struct vs_acknowledged answer;
    struct vs_error err;
    relay_fixture_pass(f, TERM_MS);
    assert_ok(relay_fixture_answer(f, &f->beta, yes, NULL, &answer, &err));
    assert_ok(relay_fixture_answer(f, &f->beta, no, "uyğun deyil", &answer, &err));
    assert_false(look(f, &f->alfa, yes)->late);
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(reminders(f, yes) + overdues(f, yes), 0);
    assert_int_equal(reminders(f, no) + overdues(f, no), 0);
    relay_fixture_check(f);
}

/* The recipient learns of the reminder where it looks: in its mailbox, after its cursor. */
static void deadline__reminder_stands_in_both_lists(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_page before, after;
    struct vs_error err;
    struct vs_id id = send_one(f, "xatırlat");
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, "", 500, &before, &err));
    relay_fixture_pass(f, TERM_MS + 1);
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, before.cursor, 500, &after, &err));
    assert_int_equal(after.n, 1);
    assert_true(vs_id_equal(after.entries[0]->document, id));
    assert_true(after.entries[0]->reminded != VS_TIME_NONE);
    assert_int_equal(after.entries[0]->term, VS_TERM_OF_FURTHER);
    assert_ok(vs_events_list(f->relay, f->arena, &f->alfa, "", 500, &after, &err));
    assert_true(vs_id_equal(after.entries[after.n - 1]->document, id));
    assert_true(after.entries[after.n - 1]->reminded != VS_TIME_NONE);
}

/* A service that was down takes nothing from the further term; what is due comes in order. */
static void deadline__catches_up_after_a_long_absence(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id first = send_one(f, "bir");
    test_world_pass(&f->world, 1000);
    vs_relay_run_until_idle(f->relay);
    struct vs_id second = send_one(f, "iki");
    test_world_pass(&f->world, 400 * VS_DAY_MS);
    relay_fixture_reopen(f);
    relay_fixture_pass(f, 0);
    assert_int_equal(look(f, &f->alfa, first)->further, f->world.now_ms + FURTHER_MS);
    assert_int_equal(overdues(f, first) + overdues(f, second), 0);
    const struct vs_delivery *last = newest(f, &f->beta);
    assert_true(vs_id_equal(last->document, second));
    relay_fixture_pass(f, FURTHER_MS + 1);
    assert_int_equal(overdues(f, first), 1);
    assert_int_equal(overdues(f, second), 1);
    relay_fixture_check(f);
}

static void deadline__is_not_early_when_the_clock_goes_back(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "geri");
    test_world_pass(&f->world, TERM_MS + 1);
    /* Taken by lease at the right time; run by a clock that has gone back since. */
    assert_true(vs_due_step(f->relay, f->world.now_ms));
    test_world_pass(&f->world, -VS_MINUTE_MS);
    vs_relay_run_until_idle(f->relay);
    assert_int_equal(reminders(f, id), 0);
    relay_fixture_pass(f, VS_MINUTE_MS);
    assert_int_equal(reminders(f, id), 1);
    relay_fixture_check(f);
}

static void deadline__is_met_once_though_the_process_ends_meanwhile(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "dayandı");
    test_world_pass(&f->world, TERM_MS + 1);
    for (unsigned cycles = 0; cycles < 4; cycles++) {
        vs_due_step(f->relay, f->world.now_ms);
        for (unsigned i = 0; i < cycles; i++) {
            while (vs_relay_work(f->relay, f->world.now_ms))
                ;
            vs_relay_commit(f->relay, f->world.now_ms);
        }
        relay_fixture_reopen(f);
    }
    relay_fixture_pass(f, 0);
    assert_int_equal(reminders(f, id), 1);
    relay_fixture_check(f);
}

/* An answer and the term's end at once: one of them meets a conflict and looks again. */
static vs_rc run_answer(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    static struct vs_acknowledged ignored;
    static const struct vs_acknowledgement conforms = {.conforms = true};
    struct relay_fixture *f = ((void **)job->context)[0];
    struct vs_id *id = ((void **)job->context)[1];
    return vs_acknowledge_stage(relay, job, &f->beta, *id, &conforms, now, &ignored, err);
}

static void ignore(struct vs_job *job)
{
    (void)job;
}

static void deadline__and_an_answer_at_once_leave_no_contradiction(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "eyni anda");
    void *context[] = {f, &id};
    struct vs_job job = {
        .arena = f->arena, .run = run_answer, .done = ignore, .context = context};
    struct vs_error err;
    test_world_pass(&f->world, TERM_MS + 1);
    vs_due_step(f->relay, f->world.now_ms);
    assert_ok(vs_relay_submit_job(f->relay, &job, &err));
    while (vs_relay_work(f->relay, f->world.now_ms)) /* both are staged by now */
        ;
    relay_fixture_pass(f, 0);
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(look(f, &f->alfa, id)->state, VS_DELIVERY_REACHED);
    assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 1);
    assert_true(reminders(f, id) <= 1);
    assert_int_equal(overdues(f, id), 0);
    relay_fixture_check(f);
}

/* -- without the authority to remind --------------------------------------------------------
 */

struct reminding {
    const struct vs_caller *caller;
    struct vs_id id, recipient;
    vs_time_ms until;
    struct vs_reminded result;
};

static vs_rc run_remind(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct reminding *self = job->context;
    return vs_remind_stage(relay, job, self->caller, self->id, self->recipient, self->until,
                           now, &self->result, err);
}

static vs_rc remind(struct relay_fixture *f, const struct vs_caller *caller, struct vs_id id,
                    vs_time_ms until, struct vs_error *err)
{
    struct reminding self = {caller, id, VS_ID_NONE, until, {.time = 0}};
    return relay_fixture_job(f, run_remind, &self, err);
}

static void deadline__without_authority_is_told_to_the_sender_only(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "səssiz");
    int64_t place = newest(f, &f->beta)->sequence;
    relay_fixture_pass(f, TERM_MS + 1);
    assert_int_equal(reminders(f, id), 0);
    assert_int_equal(overdues(f, id), 1);
    assert_int_equal(newest(f, &f->beta)->sequence, place);
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(overdues(f, id), 1);
    relay_fixture_check(f);
}

static void remind__by_the_sender_sets_a_further_term(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "özü");
    struct vs_error err;
    assert_fails(VS_E_STATE, remind(f, &f->alfa, id, VS_TIME_NONE, &err));
    relay_fixture_pass(f, TERM_MS + 1);
    assert_fails(VS_E_NOT_FOUND, remind(f, &f->beta, id, VS_TIME_NONE, &err));
    assert_fails(VS_E_NOT_FOUND, remind(f, &f->gamma, id, VS_TIME_NONE, &err));
    assert_fails(VS_E_PARAMETER, remind(f, &f->alfa, id, f->world.now_ms, &err));
    assert_ok(remind(f, &f->alfa, id, f->world.now_ms + 5000, &err));
    assert_fails(VS_E_STATE, remind(f, &f->alfa, id, VS_TIME_NONE, &err));
    assert_int_equal(newest(f, &f->beta)->further, f->world.now_ms + 5000);
    relay_fixture_pass(f, 5001);
    assert_int_equal(overdues(f, id), 2);
    assert_ok(remind(f, &f->alfa, id, VS_TIME_NONE, &err));
    assert_int_equal(look(f, &f->alfa, id)->further, f->world.now_ms + FURTHER_MS);
    struct vs_acknowledged answer;
    assert_ok(relay_fixture_answer(f, &f->beta, id, NULL, &answer, &err));
    assert_fails(VS_E_STATE, remind(f, &f->alfa, id, VS_TIME_NONE, &err));
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(reminders(f, id), 2);
    assert_int_equal(overdues(f, id), 2);
    relay_fixture_check(f);
}

/* -- 27.3.1 ---------------------------------------------------------------------------------
 */

struct noticing {
    const struct vs_caller *caller;
    struct vs_id id;
    const char *reason;
    struct vs_noticed result;
};

static vs_rc run_notice(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    struct noticing *self = job->context;
    return vs_notice_stage(relay, job, self->caller, self->id, self->reason, now, &self->result,
                           err);
}

static vs_rc notice(struct relay_fixture *f, const struct vs_caller *caller, struct vs_id id,
                    struct vs_noticed *ret, struct vs_error *err)
{
    struct noticing self = {caller, id, "açar oğurlanıb", {.time = 0}};
    vs_rc rc = relay_fixture_job(f, run_notice, &self, err);
    *ret = self.result;
    return rc;
}

static void notice__makes_it_count_as_not_sent_in_every_view(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "mənim deyil");
    struct vs_noticed first, again;
    struct vs_acknowledged answer;
    struct vs_error err;
    assert_fails(VS_E_NOT_FOUND, notice(f, &f->beta, id, &first, &err));
    assert_fails(VS_E_NOT_FOUND, notice(f, &f->gamma, id, &first, &err));
    assert_fails(VS_E_NOT_FOUND, notice(f, &f->auditor, id, &first, &err));
    assert_ok(notice(f, &f->alfa, id, &first, &err));
    const struct vs_delivery *views[] = {look(f, &f->alfa, id), look(f, &f->beta, id),
                                         newest(f, &f->beta)};
    for (size_t i = 0; i < 3; i++) {
        assert_true(vs_id_equal(views[i]->document, id));
        assert_true(views[i]->counts_as_not_sent);
        assert_true(views[i]->notice == f->world.now_ms);
        assert_string_equal(views[i]->notice_reason, "açar oğurlanıb");
        assert_int_equal(views[i]->state, VS_DELIVERY_AVAILABLE);
    }
    test_world_pass(&f->world, 10);
    assert_ok(notice(f, &f->alfa, id, &again, &err));
    assert_true(again.repeated);
    assert_true(vs_id_equal(first.evidence, again.evidence));
    assert_int_equal(relay_fixture_evidence(f, id, "NonSendingNotice"), 1);
    /* Its term has stopped; an answer is still possible, and changes nothing of that. */
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(reminders(f, id) + overdues(f, id), 0);
    assert_ok(relay_fixture_answer(f, &f->beta, id, NULL, &answer, &err));
    assert_true(look(f, &f->beta, id)->counts_as_not_sent);
    relay_fixture_check(f);
}

/* -- 27.2 -----------------------------------------------------------------------------------
 */

static void automatic__acknowledges_what_passed(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "keçdi");
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, id, &status, &err));
    assert_int_equal(status.recipients[0].delivery->state, VS_DELIVERY_REACHED);
    assert_true(status.recipients[0].delivery->counts_as_received);
    for (size_t i = 0; i < status.n_evidence; i++)
        if (strcmp(status.evidence[i]->event, "Acknowledgement") == 0)
            assert_string_equal(status.evidence[i]->actor,
                                "Vasite, automatically for Beta ASC");
    assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 1);
    relay_fixture_check(f);
}

/* What was not verified is not confirmed: a person must look at it, and the term runs. */
static void automatic__leaves_what_did_not_pass_to_a_person(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_bytes(f, VS_BYTES_LITERAL("imzasız mətn"));
    struct vs_acknowledged answer;
    struct vs_error err;
    assert_int_equal(look(f, &f->alfa, id)->state, VS_DELIVERY_AVAILABLE);
    relay_fixture_pass(f, TERM_MS + 1);
    assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 0);
    assert_int_equal(reminders(f, id), 1);
    assert_ok(relay_fixture_answer(f, &f->beta, id, NULL, &answer, &err));
    relay_fixture_check(f);
}

/* 27.3.2: signed by somebody whom nobody vouches for. The recipient is told in every view and
 * in the evidence of receipt; the service does not acknowledge it. */
static void automatic__leaves_what_was_not_confirmed_and_says_so(void **state)
{
    struct relay_fixture *f = *state;
    struct test_signer own = f->signer;
    struct vs_status status;
    struct vs_error err;
    test_signer_init(&f->signer, f->arena, VS_GENERATE_P256);
    struct vs_bytes bytes = relay_fixture_container(f, "kim?");
    test_signer_done(&f->signer);
    f->signer = own;
    struct vs_id id = send_bytes(f, bytes);
    assert_ok(vs_status_get(f->relay, f->arena, &f->beta, id, &status, &err));
    const struct vs_delivery *seen = status.recipients[0].delivery;
    assert_int_equal(seen->state, VS_DELIVERY_AVAILABLE);
    assert_int_equal(seen->not_sent, VS_NOT_SENT_NOT_CONFIRMED);
    assert_string_equal(seen->authenticity, "not-confirmed");
    assert_true(newest(f, &f->beta)->counts_as_not_sent);
    for (size_t i = 0; i < status.n_evidence; i++) {
        struct vs_bytes xml;
        struct vs_erds erds;
        assert_ok(vs_evidence_xml(f->relay, f->arena, status.evidence[i], &xml, &err));
        assert_ok(vs_erds_read(f->arena, xml, &erds, &err));
        if (erds.event == VS_EVENT_CONTENT_CONSIGNMENT)
            assert_string_equal(vs_erds_extension(&erds, VS_ERDS_EXT_COUNTS_AS), "not-sent");
    }
    assert_int_equal(relay_fixture_evidence(f, id, "ContentConsignment"), 1);
    assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 0);
    relay_fixture_check(f);
}

static void automatic__is_finished_once_after_a_crash_at_any_cycle(void **state)
{
    struct relay_fixture *f = *state;
    static const char *const texts[] = {"1", "2", "3", "4", "5", "6"};
    for (unsigned cycles = 1; cycles <= 6; cycles++) {
        struct vs_submission *submission =
            relay_fixture_queue(f, &f->alfa, relay_fixture_container(f, texts[cycles - 1]),
                                BETA, texts[cycles - 1]);
        const struct vs_receipt *receipt;
        struct vs_error err;
        for (unsigned i = 0; i < cycles; i++) {
            while (vs_relay_work(f->relay, f->world.now_ms))
                ;
            vs_relay_commit(f->relay, f->world.now_ms);
        }
        assert_ok(vs_submission_result(submission, &receipt, &err));
        struct vs_id id = receipt->id;
        vs_submission_free(submission);
        relay_fixture_reopen(f);
        relay_fixture_pass(f, 0);
        assert_int_equal(look(f, &f->alfa, id)->state, VS_DELIVERY_REACHED);
        assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 1);
        assert_int_equal(relay_fixture_evidence(f, id, "AcknowledgementReachedSender"), 1);
        assert_int_equal(relay_fixture_evidence(f, id, "ContentConsignment"), 1);
    }
    relay_fixture_check(f);
}

/* Where the acknowledgement is waived there is nothing to acknowledge, and no term for it. */
static void waived__acknowledgement_has_no_term(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "lazımsız");
    struct vs_error err;
    assert_true(look(f, &f->alfa, id)->counts_as_received);
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 0);
    assert_int_equal(reminders(f, id) + overdues(f, id), 0);
    assert_fails(VS_E_STATE, remind(f, &f->alfa, id, VS_TIME_NONE, &err));
    relay_fixture_check(f);
}

int main(void)
{
#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_fixture)
    const struct CMUnitTest tests[] = {
        WITH(deadline__passes_to_the_millisecond, open_reminding),
        WITH(deadline__takes_a_late_acknowledgement, open_reminding),
        WITH(deadline__ends_with_the_answer, open_reminding),
        WITH(deadline__reminder_stands_in_both_lists, open_reminding),
        WITH(deadline__catches_up_after_a_long_absence, open_reminding),
        WITH(deadline__is_not_early_when_the_clock_goes_back, open_reminding),
        WITH(deadline__is_met_once_though_the_process_ends_meanwhile, open_reminding),
        WITH(deadline__and_an_answer_at_once_leave_no_contradiction, open_reminding),
        WITH(deadline__without_authority_is_told_to_the_sender_only, open_silent),
        WITH(remind__by_the_sender_sets_a_further_term, open_silent),
        WITH(notice__makes_it_count_as_not_sent_in_every_view, open_reminding),
        WITH(automatic__acknowledges_what_passed, open_automatic),
        WITH(automatic__leaves_what_did_not_pass_to_a_person, open_automatic),
        WITH(automatic__leaves_what_was_not_confirmed_and_says_so, open_automatic),
        WITH(automatic__is_finished_once_after_a_crash_at_any_cycle, open_automatic),
        WITH(waived__acknowledgement_has_no_term, open_waived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
