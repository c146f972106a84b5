/* Submission: keys, refusals, repetitions, large documents, races (Art. 26-28). */
#include "formats/document/requisites.h"
#include "formats/evidence/erds.h"
#include "relay/exchange/mailbox.h"
#include "storage/segments.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"

static int open_fixture(void **state)
{
    static struct relay_fixture fixture;
    relay_fixture_open(&fixture, true);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static size_t inbox_size(struct relay_fixture *f, const struct vs_caller *caller)
{
    struct vs_page page;
    struct vs_error err;
    assert_ok(vs_mailbox_list(f->relay, f->arena, caller, "", 500, &page, &err));
    return page.n;
}

static struct vs_receipt accepted(struct relay_fixture *f, struct vs_bytes bytes,
                                  const char *key)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, BETA, key, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    return receipt;
}

static struct vs_receipt refused(struct relay_fixture *f, struct vs_bytes bytes, const char *to,
                                 const char *key, enum vs_code code)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, to, key, &receipt, &err));
    assert_false(receipt.accepted);
    assert_string_equal(vs_code_info(receipt.refusal.code)->name, vs_code_info(code)->name);
    return receipt;
}

static struct vs_erds read_evidence(struct relay_fixture *f, struct vs_bytes xml)
{
    struct vs_erds erds;
    struct vs_error err;
    assert_ok(vs_erds_read(f->arena, xml, &erds, &err));
    return erds;
}

/* -- keys ---------------------------------------------------------------------------------- */

static void submit__same_key_and_bytes_give_the_same_receipt(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_receipt first = accepted(f, bytes, "açar-1");
    struct vs_receipt again = accepted(f, bytes, "açar-1");
    assert_false(first.replayed);
    assert_true(again.replayed);
    assert_true(vs_id_equal(first.id, again.id));
    assert_true(vs_id_equal(first.evidence, again.evidence));
    assert_bytes_equal(first.evidence_xml, again.evidence_xml);
    assert_int_equal(first.sent, again.sent);
    assert_int_equal(inbox_size(f, &f->beta), 1);
}

static void submit__same_key_and_other_bytes_conflict(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_receipt receipt;
    struct vs_error err;
    accepted(f, relay_fixture_container(f, "bir"), "k");
    assert_fails(VS_E_IDEMPOTENCY,
                 relay_fixture_send(f, &f->alfa, relay_fixture_container(f, "iki"), BETA, "k",
                                    &receipt, &err));
    assert_int_equal(inbox_size(f, &f->beta), 1);
}

static void submit__a_key_is_remembered_over_months(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_receipt first = accepted(f, bytes, "k");
    test_world_pass(&f->world, 100 * VS_DAY_MS);
    assert_true(vs_id_equal(first.id, accepted(f, bytes, "k").id));
}

static void submit__a_key_belongs_to_one_participant(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_receipt first = accepted(f, bytes, "k"), other;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->gamma, bytes, BETA, "k", &other, &err));
    assert_false(other.replayed);
    assert_false(vs_id_equal(first.id, other.id));
}

/* reliability.md: same bytes and key many times at once: one document, one receipt. */
static void submit__of_many_at_once_with_one_key_one_wins(void **state)
{
    enum { MANY = 60 };
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_submission *all[MANY];
    const struct vs_receipt *receipt, *first;
    struct vs_error err;
    size_t replayed = 0;
    for (size_t i = 0; i < MANY; i++)
        all[i] = relay_fixture_queue(f, &f->alfa, bytes, BETA, "k");
    /* All are decided before one is committed. */
    while (vs_relay_work(f->relay, f->world.now_ms))
        ;
    vs_relay_run_until_idle(f->relay);
    assert_ok(vs_submission_result(all[0], &first, &err));
    for (size_t i = 0; i < MANY; i++) {
        assert_ok(vs_submission_result(all[i], &receipt, &err));
        assert_true(vs_id_equal(receipt->id, first->id));
        replayed += receipt->replayed;
    }
    assert_int_equal(replayed, MANY - 1);
    assert_int_equal(inbox_size(f, &f->beta), 1);
    for (size_t i = 0; i < MANY; i++)
        vs_submission_free(all[i]);
}

/* -- repetition (Art. 27.3.3) -------------------------------------------------------------- */

static void repetition__without_a_key_is_held_until_the_sender_confirms(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_receipt first = accepted(f, bytes, NULL);
    struct vs_receipt second = accepted(f, bytes, NULL);
    assert_true(second.held);
    assert_true(vs_id_equal(second.repeats, first.id));
    struct vs_status status;
    struct vs_content_view view;
    struct vs_error err;
    /* Both sides learn of it; the recipient sees that it counts as not sent, not what it is. */
    const struct vs_caller *sides[] = {&f->alfa, &f->beta};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(vs_status_get(f->relay, f->arena, sides[i], second.id, &status, &err));
        assert_true(status.held);
        assert_true(status.recipients[0].delivery->counts_as_not_sent);
        assert_int_equal(status.n_evidence, 2);
        assert_int_equal(strcmp(status.evidence[0]->event, "RepetitionNotice") == 0 ||
                             strcmp(status.evidence[1]->event, "RepetitionNotice") == 0,
                         1);
    }
    assert_int_equal(inbox_size(f, &f->beta), 2);
    assert_fails(VS_E_STATE, vs_content_open(f->relay, f->arena, &f->beta, second.id,
                                             VS_CONTENT_ORIGINAL, &view, &err));
    assert_fails(VS_E_STATE, vs_content_open(f->relay, f->arena, &f->beta, second.id,
                                             VS_CONTENT_CONSIGNMENT, &view, &err));
    assert_ok(vs_content_open(f->relay, f->arena, &f->alfa, second.id, VS_CONTENT_ORIGINAL,
                              &view, &err));
    vs_content_close(&view);
}

struct confirm {
    const struct vs_caller *caller;
    struct vs_id id;
};
static vs_rc run_confirm(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    struct confirm *self = job->context;
    return vs_repeat_confirm_stage(relay, job, self->caller, self->id, now, err);
}

static void repetition__is_delivered_once_confirmed_by_its_sender_only(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_error err;
    accepted(f, bytes, NULL);
    struct confirm confirm = {&f->gamma, accepted(f, bytes, NULL).id};
    assert_fails(VS_E_NOT_FOUND, relay_fixture_job(f, run_confirm, &confirm, &err));
    confirm.caller = &f->alfa;
    assert_ok(relay_fixture_job(f, run_confirm, &confirm, &err));
    assert_int_equal(inbox_size(f, &f->beta), 2);
    assert_fails(VS_E_STATE, relay_fixture_job(f, run_confirm, &confirm, &err));
}

static void repetition__with_another_key_is_marked_and_delivered(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_receipt first = accepted(f, bytes, "a");
    struct vs_receipt second = accepted(f, bytes, "b");
    assert_false(second.held);
    assert_true(vs_id_equal(second.repeats, first.id));
    assert_int_equal(inbox_size(f, &f->beta), 2);
}

static void repetition__of_two_at_once_one_is_held(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_submission *a = relay_fixture_queue(f, &f->alfa, bytes, BETA, NULL);
    struct vs_submission *b = relay_fixture_queue(f, &f->alfa, bytes, BETA, NULL);
    const struct vs_receipt *first, *second;
    struct vs_error err;
    while (vs_relay_work(f->relay, f->world.now_ms))
        ;
    vs_relay_run_until_idle(f->relay);
    assert_ok(vs_submission_result(a, &first, &err));
    assert_ok(vs_submission_result(b, &second, &err));
    assert_false(first->held);
    assert_true(second->held);
    assert_true(vs_id_equal(second->repeats, first->id));
    vs_submission_free(a);
    vs_submission_free(b);
}

/* -- refusals ------------------------------------------------------------------------------ */

static void refusal__by_verdict_is_an_outcome_with_evidence_bound_to_its_key(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = VS_BYTES_LITERAL("bu ZIP deyil");
    struct vs_receipt first = refused(f, bytes, BETA, "k", VS_E_NOT_ZIP);
    struct vs_erds erds = read_evidence(f, first.evidence_xml);
    assert_int_equal(erds.event, VS_EVENT_SUBMISSION_REJECTION);
    assert_true(erds.is_signed);
    assert_string_equal(erds.reasons[0].uri, "urn:vasite:problem:not-a-zip");
    struct vs_receipt again = refused(f, bytes, BETA, "k", VS_E_NOT_ZIP);
    assert_true(again.replayed);
    assert_true(vs_id_equal(first.id, again.id));
    assert_bytes_equal(first.evidence_xml, again.evidence_xml);
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, first.id, &status, &err));
    assert_false(status.accepted);
    assert_true(status.sent.marked);
    assert_int_equal(status.refusal.code, VS_E_NOT_ZIP);
    assert_fails(VS_E_NOT_FOUND,
                 vs_status_get(f->relay, f->arena, &f->beta, first.id, &status, &err));
    assert_int_equal(inbox_size(f, &f->beta), 0);
}

static void refusal__names_each_bad_recipient(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_receipt receipt;
    struct vs_error err;
    refused(f, bytes, "voen:0000000001", NULL, VS_E_RECIPIENT);
    refused(f, bytes, "voen:1234567891", NULL, VS_E_SELF);
    assert_fails(VS_E_PARAMETER,
                 relay_fixture_send(f, &f->alfa, bytes, "voen:12", NULL, &receipt, &err));
    assert_fails(VS_E_PARAMETER,
                 relay_fixture_send(f, &f->alfa, bytes, NULL, NULL, &receipt, &err));
}

static void refusal__of_a_tampered_document(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "Salam, Beta");
    uint8_t *copy = vs_arena_alloc(f->arena, bytes.len);
    memcpy(copy, bytes.ptr, bytes.len);
    uint8_t *at = memmem(copy, bytes.len, "Salam", 5);
    assert_non_null(at);
    at[0] = 'X';
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(
        relay_fixture_send(f, &f->alfa, VS_BYTES(copy, bytes.len), BETA, NULL, &receipt, &err));
    assert_false(receipt.accepted);
    assert_int_equal(inbox_size(f, &f->beta), 0);
}

static void refusal__quota_bounds_signed_refusals_of_a_principal(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_receipt receipt;
    struct vs_error err;
    char text[32];
    for (unsigned i = 0; i < f->settings.refusals_per_hour; i++) {
        snprintf(text, sizeof text, "bad %u", i);
        refused(f, vs_bytes_copy(f->arena, vs_bytes_text(text)), BETA, NULL, VS_E_NOT_ZIP);
    }
    assert_fails(VS_E_RATE, relay_fixture_send(f, &f->alfa, VS_BYTES_LITERAL("bad"), BETA, "k",
                                               &receipt, &err));
    accepted(f, relay_fixture_container(f, "yaxşı"), NULL);
    test_world_pass(&f->world, VS_HOUR_MS);
    refused(f, VS_BYTES_LITERAL("bad"), BETA, "k", VS_E_NOT_ZIP);
}

static int open_small_quota(void **state)
{
    static struct relay_fixture fixture;
    relay_fixture_init(&fixture, true);
    fixture.settings.refusals_per_hour = 3;
    fixture.settings.memory_max = 4096;
    fixture.settings.document_max = 300000;
    fixture.settings.queue_max = 2;
    relay_fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

/* -- the general part (Art. 22) ------------------------------------------------------------ */

static struct vs_bytes manifest(struct relay_fixture *f, const char *to, const char *from,
                                enum vs_marking marking)
{
    struct vs_party recipient = {.identifier = to};
    struct vs_requisites requisites = {.sender = {.identifier = from},
                                       .has_sender = from != NULL,
                                       .recipients = &recipient,
                                       .n_recipients = 1,
                                       .subject = "Müqavilə",
                                       .number = "17/2026",
                                       .deadline = VS_TIME_NONE,
                                       .marking = marking};
    struct vs_bytes xml;
    struct vs_error err;
    assert_ok(vs_requisites_make(f->arena, &requisites, &xml, &err));
    return relay_fixture_container_with(f, "mətn", xml);
}

static void requisites__in_the_signed_part_address_the_document(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_receipt receipt;
    struct vs_error err;
    struct vs_page page;
    assert_ok(relay_fixture_send(f, &f->alfa,
                                 manifest(f, BETA, "voen:1234567891", VS_MARKING_NONE), NULL,
                                 NULL, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, "", 10, &page, &err));
    assert_int_equal(page.n, 1);
    assert_string_equal(page.entries[0]->subject, "Müqavilə");
    assert_string_equal(page.entries[0]->number, "17/2026");
}

static void requisites__must_not_contradict_the_call(void **state)
{
    struct relay_fixture *f = *state;
    refused(f, manifest(f, BETA, NULL, VS_MARKING_NONE), "voen:3456789123", NULL,
            VS_E_REQUISITES_CONFLICT);
    refused(f, manifest(f, BETA, "voen:3456789123", VS_MARKING_NONE), BETA, NULL,
            VS_E_REQUISITES_CONFLICT);
}

/* Art. 32.2 */
static void requisites__that_mark_a_state_secret_are_refused(void **state)
{
    struct relay_fixture *f = *state;
    refused(f, manifest(f, BETA, NULL, VS_MARKING_STATE_SECRET), BETA, NULL, VS_E_STATE_SECRET);
}

/* -- bytes --------------------------------------------------------------------------------- */

static void submit__large_documents_go_by_way_of_a_file(void **state)
{
    struct relay_fixture *f = *state;
    char *text = vs_arena_alloc(f->arena, 200001);
    memset(text, 'a', 200000);
    struct vs_bytes bytes = relay_fixture_container(f, text), back;
    struct vs_receipt receipt = accepted(f, bytes, NULL);
    struct vs_content_view view;
    struct vs_error err;
    assert_ok(vs_content_open(f->relay, f->arena, &f->beta, receipt.id, VS_CONTENT_ORIGINAL,
                              &view, &err));
    assert_ok(vs_source_all(view.source, f->arena, 1 << 20, &back, &err));
    assert_bytes_equal(back, bytes);
    vs_content_close(&view);
}

static void submit__too_large_is_refused_before_and_while_it_arrives(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_submission *submission;
    struct vs_error err;
    uint8_t piece[1000] = {0};
    assert_fails(VS_E_TOO_LARGE,
                 vs_submission_begin(f->relay, &f->alfa, f->settings.document_max + 1,
                                     &submission, &err));
    assert_ok(vs_submission_begin(f->relay, &f->alfa, UINT64_MAX, &submission, &err));
    vs_rc rc = VS_OK;
    for (uint64_t fed = 0; vs_ok(rc) && fed < 2 * f->settings.document_max; fed += sizeof piece)
        rc = vs_submission_feed(submission, VS_BYTES(piece, sizeof piece), &err);
    assert_int_equal(rc.code, VS_E_TOO_LARGE);
    vs_submission_free(submission);
}

static void submit__a_full_queue_is_busy_and_binds_nothing(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_submission *first = relay_fixture_queue(f, &f->alfa, bytes, BETA, "a");
    struct vs_submission *second = relay_fixture_queue(f, &f->alfa, bytes, BETA, "b");
    struct vs_receipt receipt;
    struct vs_error err;
    assert_fails(VS_E_BUSY, relay_fixture_send(f, &f->alfa, bytes, BETA, "c", &receipt, &err));
    vs_relay_run_until_idle(f->relay);
    vs_submission_free(first);
    vs_submission_free(second);
    assert_false(accepted(f, bytes, "c").replayed);
}

static void submit__needs_the_sender_role(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_receipt receipt;
    struct vs_error err;
    struct vs_caller reader = f->alfa;
    reader.roles = VS_ROLE_RECIPIENT;
    assert_fails(VS_E_FORBIDDEN, relay_fixture_send(f, &reader, VS_BYTES_LITERAL("x"), BETA,
                                                    NULL, &receipt, &err));
}

/* Art. 28.1: a clock behind the newest record stops intake. */
static void submit__is_refused_while_the_clock_is_wrong(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_receipt receipt;
    struct vs_error err;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    accepted(f, bytes, NULL);
    test_world_pass(&f->world, -VS_HOUR_MS);
    assert_fails(VS_E_CLOCK, relay_fixture_send(f, &f->alfa, bytes, BETA, "k", &receipt, &err));
    test_world_pass(&f->world, VS_HOUR_MS);
    accepted(f, bytes, "k");
}

#define WITH(test, setup) cmocka_unit_test_setup_teardown(test, setup, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(submit__same_key_and_bytes_give_the_same_receipt, open_fixture),
        WITH(submit__same_key_and_other_bytes_conflict, open_fixture),
        WITH(submit__a_key_is_remembered_over_months, open_fixture),
        WITH(submit__a_key_belongs_to_one_participant, open_fixture),
        WITH(submit__of_many_at_once_with_one_key_one_wins, open_fixture),
        WITH(repetition__without_a_key_is_held_until_the_sender_confirms, open_fixture),
        WITH(repetition__is_delivered_once_confirmed_by_its_sender_only, open_fixture),
        WITH(repetition__with_another_key_is_marked_and_delivered, open_fixture),
        WITH(repetition__of_two_at_once_one_is_held, open_fixture),
        WITH(refusal__by_verdict_is_an_outcome_with_evidence_bound_to_its_key, open_fixture),
        WITH(refusal__names_each_bad_recipient, open_fixture),
        WITH(refusal__of_a_tampered_document, open_fixture),
        WITH(refusal__quota_bounds_signed_refusals_of_a_principal, open_small_quota),
        WITH(requisites__in_the_signed_part_address_the_document, open_fixture),
        WITH(requisites__must_not_contradict_the_call, open_fixture),
        WITH(requisites__that_mark_a_state_secret_are_refused, open_fixture),
        WITH(submit__large_documents_go_by_way_of_a_file, open_small_quota),
        WITH(submit__too_large_is_refused_before_and_while_it_arrives, open_small_quota),
        WITH(submit__a_full_queue_is_busy_and_binds_nothing, open_small_quota),
        WITH(submit__needs_the_sender_role, open_fixture),
        WITH(submit__is_refused_while_the_clock_is_wrong, open_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
