/* One document from sender to recipient and back, by the steps of relay. */
#include "relay/check.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

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

static const struct vs_delivery *only_entry(struct relay_fixture *f,
                                            const struct vs_caller *caller)
{
    struct vs_page page;
    struct vs_error err;
    assert_ok(vs_mailbox_list(f->relay, f->arena, caller, "", 10, &page, &err));
    assert_int_equal(page.n, 1);
    return page.entries[0];
}

static void journey__a_document_is_accepted_delivered_and_acknowledged(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    struct vs_receipt receipt;
    struct vs_bytes bytes = relay_fixture_container(f, "Salam");
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, "voen:2345678912", NULL, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    const struct vs_delivery *entry = only_entry(f, &f->beta);
    assert_int_equal(entry->state, VS_DELIVERY_AVAILABLE);
    assert_false(entry->counts_as_received);
    assert_string_equal(entry->sender_name, "Alfa MMC");

    struct vs_acknowledged acknowledged;
    assert_ok(relay_fixture_answer(f, &f->beta, receipt.id, NULL, &acknowledged, &err));
    struct vs_status status;
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, receipt.id, &status, &err));
    assert_int_equal(status.n_recipients, 1);
    assert_int_equal(status.recipients[0].delivery->state, VS_DELIVERY_REACHED);
    assert_true(status.recipients[0].delivery->counts_as_received);
    assert_true(status.sent.marked);
    assert_true(status.recipients[0].received.marked);
    assert_int_equal(status.n_evidence, 4);
    struct vs_check_result check;
    assert_ok(vs_check(f->relay, f->arena, NULL, NULL, &check, &err));
    for (size_t i = 0; i < check.n_findings; i++)
        fail_msg("%s %s: %s", check.findings[i].what, check.findings[i].where,
                 check.findings[i].text);
    assert_int_equal(check.evidence, 4);
    assert_int_equal(check.journal_size, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            journey__a_document_is_accepted_delivered_and_acknowledged, open_fixture,
            close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
