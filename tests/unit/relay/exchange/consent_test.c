/* A recipient is asked before anything is handed over to it (Art. 26;
 * relay/exchange/consent.h).
 */
#include "relay/exchange/consent.h"
#include "relay/due.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA    "voen:2345678912"
#define TERM_MS (10 * VS_MINUTE_MS)

static int open_with(void **state, int64_t automatic)
{
    static struct relay_fixture fixture;
    struct vs_terms terms = vs_terms_law();
    terms.consent = 1;
    terms.consent_term_ms = TERM_MS;
    terms.automatic_acknowledgement = automatic;
    terms.acknowledgement_term_ms = VS_HOUR_MS;
    relay_fixture_open(&fixture, false);
    relay_fixture_agree(&fixture, &terms);
    *state = &fixture;
    return 0;
}

static int open_asking(void **state)
{
    return open_with(state, 0);
}

static int open_automatic(void **state)
{
    return open_with(state, 1);
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static struct vs_id send_one(struct relay_fixture *f, const char *text)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, relay_fixture_container(f, text), BETA, NULL,
                                 &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    return receipt.id;
}

static const struct vs_delivery *look(struct relay_fixture *f, const struct vs_caller *caller,
                                      struct vs_id id)
{
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, caller, id, &status, &err));
    return status.recipients[0].delivery;
}

struct answer {
    const struct vs_caller *caller;
    struct vs_id id;
    struct vs_consent consent;
    struct vs_consented result;
};

static vs_rc run_consent(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    struct answer *self = job->context;
    return vs_consent_stage(relay, job, self->caller, self->id, &self->consent, now,
                            &self->result, err);
}

static vs_rc answer(struct relay_fixture *f, const struct vs_caller *caller, struct vs_id id,
                    bool accepts, struct vs_consented *ret, struct vs_error *err)
{
    struct answer self = {caller, id, {accepts, accepts ? NULL : "lazım deyil"}, {.time = 0}};
    vs_rc rc = relay_fixture_job(f, run_consent, &self, err);
    *ret = self.result;
    return rc;
}

static void consent__is_asked_for_before_the_content_is_seen(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "soruş");
    const struct vs_delivery *seen = look(f, &f->beta, id);
    struct vs_content_view view;
    struct vs_acknowledged ack;
    struct vs_error err;
    assert_int_equal(seen->state, VS_DELIVERY_ASKED);
    assert_int_equal(seen->asked, f->world.now_ms);
    assert_int_equal(seen->consent_until, seen->asked + TERM_MS);
    assert_true(seen->received == VS_TIME_NONE);
    assert_false(seen->counts_as_received);
    assert_string_equal(seen->sender_name, "Alfa MMC");
    assert_int_equal(relay_fixture_evidence(f, id, "NotificationForAcceptance"), 1);
    assert_int_equal(relay_fixture_evidence(f, id, "ContentConsignment"), 0);
    for (int what = VS_CONTENT_ORIGINAL; what <= VS_CONTENT_CONSIGNMENT; what++)
        assert_fails(VS_E_STATE, vs_content_open(f->relay, f->arena, &f->beta, id,
                                                 (enum vs_content_kind)what, &view, &err));
    assert_fails(VS_E_STATE, relay_fixture_answer(f, &f->beta, id, NULL, &ack, &err));
    struct vs_page page;
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, "", 10, &page, &err));
    assert_int_equal(page.n, 1);
    assert_int_equal(page.entries[0]->state, VS_DELIVERY_ASKED);
    relay_fixture_check(f);
}

static void consent__given_makes_it_available_then(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "hə");
    struct vs_consented first, again;
    struct vs_content_view view;
    struct vs_error err;
    relay_fixture_pass(f, 5000);
    assert_ok(answer(f, &f->beta, id, true, &first, &err));
    const struct vs_delivery *seen = look(f, &f->alfa, id);
    assert_int_equal(seen->state, VS_DELIVERY_AVAILABLE);
    /* 28.2: the receipt time is when it entered the mailbox, not when it was asked. */
    assert_int_equal(seen->received, seen->asked + 5000);
    assert_ok(
        vs_content_open(f->relay, f->arena, &f->beta, id, VS_CONTENT_ORIGINAL, &view, &err));
    vs_content_close(&view);
    relay_fixture_pass(f, 2 * TERM_MS);
    assert_ok(answer(f, &f->beta, id, true, &again, &err));
    assert_true(again.repeated);
    assert_true(vs_id_equal(first.evidence, again.evidence));
    assert_fails(VS_E_STATE, answer(f, &f->beta, id, false, &again, &err));
    assert_int_equal(relay_fixture_evidence(f, id, "ConsignmentAcceptance"), 1);
    assert_int_equal(relay_fixture_evidence(f, id, "ContentConsignment"), 1);
    assert_int_equal(relay_fixture_evidence(f, id, "AcceptanceRejectionExpiry"), 0);
    relay_fixture_check(f);
}

static vs_rc set_endpoint(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                          struct vs_error *err)
{
    const struct vs_participant *old;
    VS_TRY(vs_participant_get(relay, job->arena, *(struct vs_id *)job->context, &old, err));
    struct vs_participant p = *old;
    p.endpoint = "https://beta.example/in";
    return vs_participant_change_stage(relay, job, now, &p, err);
}

static int open_endpoint(void **state)
{
    static struct relay_fixture fixture;
    struct vs_terms terms = vs_terms_law();
    struct vs_error err;
    terms.consent = 1;
    terms.receipt_at = VS_RECEIPT_ENDPOINT;
    relay_fixture_open(&fixture, false);
    relay_fixture_agree(&fixture, &terms);
    assert_ok(relay_fixture_job(&fixture, set_endpoint, &fixture.beta.participant, &err));
    *state = &fixture;
    return 0;
}

/* While it is pushed (nothing goes out here) the recipient sees what it consented to, and may
 * repeat its answer. */
static void consent__given_is_not_forgotten_while_it_is_pushed(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "göndər");
    struct vs_consented first, again;
    struct vs_content_view view;
    struct vs_error err;
    assert_ok(answer(f, &f->beta, id, true, &first, &err));
    assert_int_equal(look(f, &f->alfa, id)->state, VS_DELIVERY_WAITING);
    assert_int_equal(look(f, &f->beta, id)->state, VS_DELIVERY_WAITING);
    assert_ok(answer(f, &f->beta, id, true, &again, &err));
    assert_true(again.repeated);
    assert_true(vs_id_equal(first.evidence, again.evidence));
    assert_fails(VS_E_STATE, answer(f, &f->beta, id, false, &again, &err));
    assert_fails(VS_E_STATE, vs_content_open(f->relay, f->arena, &f->beta, id,
                                             VS_CONTENT_ORIGINAL, &view, &err));
    assert_fails(VS_E_NOT_FOUND, answer(f, &f->gamma, id, true, &again, &err));
}

static void consent__refused_ends_it(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "yox");
    struct vs_consented result;
    struct vs_content_view view;
    struct vs_page events;
    struct vs_error err;
    assert_ok(answer(f, &f->beta, id, false, &result, &err));
    assert_ok(vs_events_list(f->relay, f->arena, &f->alfa, "", 10, &events, &err));
    assert_int_equal(events.entries[events.n - 1]->state, VS_DELIVERY_REJECTED);
    assert_string_equal(events.entries[events.n - 1]->refusal_reason, "lazım deyil");
    assert_fails(VS_E_STATE, vs_content_open(f->relay, f->arena, &f->beta, id,
                                             VS_CONTENT_ORIGINAL, &view, &err));
    assert_fails(VS_E_STATE, answer(f, &f->beta, id, true, &result, &err));
    /* Neither the term for the answer nor the one for an acknowledgement runs any more. */
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(relay_fixture_evidence(f, id, "AcceptanceRejectionExpiry"), 0);
    assert_int_equal(relay_fixture_evidence(f, id, "AcknowledgementOverdue"), 0);
    assert_int_equal(relay_fixture_evidence(f, id, "ConsignmentRejection"), 1);
    relay_fixture_check(f);
}

/* The term's last millisecond belongs to it. */
static void consent__term_is_exact_to_the_millisecond(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id in_time = send_one(f, "vaxtında"), late = send_one(f, "gec");
    struct vs_consented result;
    struct vs_error err;
    relay_fixture_pass(f, TERM_MS);
    assert_int_equal(relay_fixture_evidence(f, late, "AcceptanceRejectionExpiry"), 0);
    assert_ok(answer(f, &f->beta, in_time, true, &result, &err));
    /* The term decides, though its end is recorded only afterwards. */
    test_world_pass(&f->world, 1);
    assert_fails(VS_E_STATE, answer(f, &f->beta, late, true, &result, &err));
    relay_fixture_pass(f, 0);
    assert_int_equal(look(f, &f->beta, late)->state, VS_DELIVERY_EXPIRED);
    assert_int_equal(relay_fixture_evidence(f, late, "AcceptanceRejectionExpiry"), 1);
    assert_fails(VS_E_STATE, answer(f, &f->beta, late, true, &result, &err));
    assert_fails(VS_E_STATE, answer(f, &f->beta, late, false, &result, &err));
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(relay_fixture_evidence(f, late, "AcceptanceRejectionExpiry"), 1);
    assert_int_equal(relay_fixture_evidence(f, late, "AcknowledgementOverdue"), 0);
    relay_fixture_check(f);
}

static void consent__is_the_recipients_alone(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "kimin");
    struct vs_consented result;
    struct vs_error err;
    assert_fails(VS_E_NOT_FOUND, answer(f, &f->gamma, id, true, &result, &err));
    assert_fails(VS_E_NOT_FOUND, answer(f, &f->alfa, id, true, &result, &err));
    assert_fails(VS_E_NOT_FOUND, answer(f, &f->auditor, id, true, &result, &err));
    assert_int_equal(look(f, &f->beta, id)->state, VS_DELIVERY_ASKED);
}

/* 27.2: after the consent, not before; the recipient's, by agreement. */
static void acknowledgement__is_automatic_once_consent_let_it_in(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "avtomatik");
    struct vs_consented result;
    struct vs_error err;
    assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 0);
    assert_ok(answer(f, &f->beta, id, true, &result, &err));
    assert_int_equal(look(f, &f->alfa, id)->state, VS_DELIVERY_REACHED);
    assert_int_equal(relay_fixture_evidence(f, id, "Acknowledgement"), 1);
    assert_int_equal(relay_fixture_evidence(f, id, "AcknowledgementReachedSender"), 1);
    relay_fixture_pass(f, VS_DAY_MS);
    assert_int_equal(relay_fixture_evidence(f, id, "AcknowledgementOverdue"), 0);
    relay_fixture_check(f);
}

/* Steps taken as far as `cycles` of the committer, then the end of the process. */
static void crash_after(struct relay_fixture *f, unsigned cycles)
{
    for (unsigned i = 0; i < cycles; i++) {
        while (vs_relay_work(f->relay, f->world.now_ms))
            ;
        vs_relay_commit(f->relay, f->world.now_ms);
    }
    relay_fixture_reopen(f);
    relay_fixture_pass(f, 0);
}

static void ignore(struct vs_job *job)
{
    (void)job;
}

/* relay invariant 5, for the asking, the answer and the expiry. */
static void consent__is_finished_once_after_a_crash_at_any_cycle(void **state)
{
    struct relay_fixture *f = *state;
    static const char *const texts[] = {"1", "2", "3", "4", "5", "6"};
    for (unsigned cycles = 1; cycles <= 6; cycles++) {
        struct vs_bytes bytes = relay_fixture_container(f, texts[cycles - 1]);
        struct vs_submission *submission =
            relay_fixture_queue(f, &f->alfa, bytes, BETA, texts[cycles - 1]);
        const struct vs_receipt *receipt;
        struct vs_error err;
        while (vs_relay_work(f->relay, f->world.now_ms))
            ;
        vs_relay_commit(f->relay, f->world.now_ms);
        assert_ok(vs_submission_result(submission, &receipt, &err));
        struct vs_id id = receipt->id;
        vs_submission_free(submission);
        crash_after(f, cycles - 1);
        assert_int_equal(look(f, &f->beta, id)->state, VS_DELIVERY_ASKED);
        assert_int_equal(relay_fixture_evidence(f, id, "NotificationForAcceptance"), 1);

        struct answer self = {&f->beta, id, {true, NULL}, {.time = 0}};
        struct vs_job job = {
            .arena = f->arena, .run = run_consent, .done = ignore, .context = &self};
        assert_ok(vs_relay_submit_job(f->relay, &job, &err));
        crash_after(f, cycles);
        assert_int_equal(look(f, &f->beta, id)->state, VS_DELIVERY_AVAILABLE);
        assert_int_equal(relay_fixture_evidence(f, id, "ConsignmentAcceptance"), 1);
        assert_int_equal(relay_fixture_evidence(f, id, "ContentConsignment"), 1);
    }
    relay_fixture_check(f);
}

static void consent__expires_once_though_the_process_ends_meanwhile(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id id = send_one(f, "söndü");
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
    assert_int_equal(look(f, &f->alfa, id)->state, VS_DELIVERY_EXPIRED);
    assert_int_equal(relay_fixture_evidence(f, id, "AcceptanceRejectionExpiry"), 1);
    relay_fixture_check(f);
}

int main(void)
{
#define ASKING(test) cmocka_unit_test_setup_teardown(test, open_asking, close_fixture)
    const struct CMUnitTest tests[] = {
        ASKING(consent__is_asked_for_before_the_content_is_seen),
        ASKING(consent__given_makes_it_available_then),
        cmocka_unit_test_setup_teardown(consent__given_is_not_forgotten_while_it_is_pushed,
                                        open_endpoint, close_fixture),
        ASKING(consent__refused_ends_it),
        ASKING(consent__term_is_exact_to_the_millisecond),
        ASKING(consent__is_the_recipients_alone),
        ASKING(consent__is_finished_once_after_a_crash_at_any_cycle),
        ASKING(consent__expires_once_though_the_process_ends_meanwhile),
        cmocka_unit_test_setup_teardown(acknowledgement__is_automatic_once_consent_let_it_in,
                                        open_automatic, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
