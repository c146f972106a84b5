/* What a crash leaves half done is finished at the next start, once (relay invariant 5). */
#include "relay/evidence.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"

static int open_fixture(void **state)
{
    static struct relay_fixture fixture;
    relay_fixture_open(&fixture, false);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

/* One document, its steps taken as far as `commits` cycles of the committer; then the end. */
static struct vs_id crash_after(struct relay_fixture *f, unsigned commits, const char *text)
{
    struct vs_bytes bytes = relay_fixture_container(f, text);
    struct vs_submission *submission = relay_fixture_queue(f, &f->alfa, bytes, BETA, text);
    const struct vs_receipt *receipt;
    struct vs_error err;
    struct vs_id id;
    while (vs_relay_work(f->relay, f->world.now_ms))
        ;
    for (unsigned i = 0; i < commits; i++) {
        vs_relay_commit(f->relay, f->world.now_ms);
        if (i > 0) /* follow-up evidence is signed between cycles */
            while (vs_relay_work(f->relay, f->world.now_ms))
                ;
    }
    assert_ok(vs_submission_result(submission, &receipt, &err));
    id = receipt->id;
    vs_submission_free(submission);
    relay_fixture_reopen(f);
    vs_relay_run_until_idle(f->relay);
    return id;
}

static void assert_whole(struct relay_fixture *f, struct vs_id id)
{
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, id, &status, &err));
    assert_int_equal(status.recipients[0].delivery->state, VS_DELIVERY_AVAILABLE);
    assert_int_equal(status.n_evidence, 2);
    assert_true(status.sent.marked);
    assert_true(status.recipients[0].received.marked);
    assert_false(vs_id_is_none(status.recipients[0].received.evidence));
}

static void recovery__finishes_whatever_cycle_was_the_last(void **state)
{
    struct relay_fixture *f = *state;
    static const char *const texts[] = {"1", "2", "3", "4", "5", "6"};
    struct vs_id ids[6];
    for (unsigned commits = 1; commits <= 6; commits++)
        ids[commits - 1] = crash_after(f, commits, texts[commits - 1]);
    for (unsigned i = 0; i < 6; i++)
        assert_whole(f, ids[i]);
    struct vs_page page;
    struct vs_error err;
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, "", 100, &page, &err));
    assert_int_equal(page.n, 6);
}

static void recovery__keeps_keys_and_receipts(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_receipt first, again;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, BETA, "k", &first, &err));
    relay_fixture_reopen(f);
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, BETA, "k", &again, &err));
    assert_true(again.replayed);
    assert_true(vs_id_equal(first.id, again.id));
    assert_bytes_equal(first.evidence_xml, again.evidence_xml);
}

/* What was staged and never committed is wholly absent (reliability.md, invariant 2). */
static void recovery__of_what_was_not_committed_nothing_stays(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes bytes = relay_fixture_container(f, "bir");
    struct vs_submission *submission = relay_fixture_queue(f, &f->alfa, bytes, BETA, "k");
    struct vs_receipt receipt;
    const struct vs_receipt *none;
    struct vs_error err;
    while (vs_relay_work(f->relay, f->world.now_ms))
        ;
    vs_relay_close(f->relay);
    f->relay = NULL;
    assert_fails(VS_E_STOPPING, vs_submission_result(submission, &none, &err));
    vs_submission_free(submission);
    assert_ok(vs_relay_open(&f->settings, &f->world.seams, &f->relay, &err));
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, BETA, "k", &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    assert_false(receipt.replayed);
    struct vs_page page;
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, "", 100, &page, &err));
    assert_int_equal(page.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(recovery__finishes_whatever_cycle_was_the_last,
                                        open_fixture, close_fixture),
        cmocka_unit_test_setup_teardown(recovery__keeps_keys_and_receipts, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(recovery__of_what_was_not_committed_nothing_stays,
                                        open_fixture, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
