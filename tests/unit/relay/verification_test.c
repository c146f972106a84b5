/* What the service itself emits, judged as anybody would judge it, and revocation data
 * gathered. */
#include "relay/verification.h"
#include "relay/centre/centre.h"
#include "relay/evidence.h"
#include "relay/exchange/mailbox.h"
#include "relay/outgoing.h"
#include "tests/support/documents.h"
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

static const struct vs_report *judge(struct relay_fixture *f, struct vs_bytes bytes)
{
    struct vs_error err;
    const struct vs_report *report;
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, bytes);
    struct vs_validation_input input = {.document = &source.source,
                                        .at = vs_relay_now(f->relay)};
    assert_ok(vs_verify(f->relay, f->arena, &input, &report, &err));
    return report;
}

static struct vs_receipt send(struct relay_fixture *f)
{
    struct vs_error err;
    struct vs_receipt receipt;
    struct vs_bytes bytes = relay_fixture_container(f, "Salam");
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, "voen:2345678912", NULL, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    return receipt;
}

static const char *first_error(const struct vs_reasons *reasons)
{
    return reasons->n > 0 ? reasons->items[0].text : "";
}

static void passes_all_evidence_with_its_record(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    const struct vs_evidence **list;
    size_t n;
    struct vs_receipt receipt = send(f);
    assert_ok(vs_evidence_list(f->relay, f->arena, &f->alfa, receipt.id, &list, &n, &err));
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++) {
        struct vs_bytes xml, asic;
        assert_ok(vs_evidence_xml(f->relay, f->arena, list[i], &xml, &err));
        const struct vs_report *r = judge(f, xml);
        assert_int_equal(r->form, VS_FORM_XML);
        assert_int_equal(r->n_signatures, 1);
        if (r->verdict.indication != VS_PASSED)
            fail_msg("%s", first_error(&r->signatures[0].errors));
        assert_true(r->signatures[0].seal);
        assert_int_equal(r->signatures[0].legal_class, VS_LEGAL_ENHANCED);

        assert_ok(vs_evidence_asic(f->relay, f->arena, list[i], &asic, &err));
        r = judge(f, asic);
        assert_int_equal(r->form, VS_FORM_ASIC_S);
        assert_int_equal(r->n_evidence_records, 1);
        if (r->evidence_records[0].verdict.indication != VS_PASSED)
            fail_msg("%s", first_error(&r->evidence_records[0].errors));
        assert_int_equal(r->evidence_records[0].gen_time, list[i]->mark);
        assert_true(r->data[0].covered);
    }
}

static void fails_altered_evidence(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    const struct vs_evidence **list;
    struct vs_bytes xml;
    size_t n;
    struct vs_receipt receipt = send(f);
    assert_ok(vs_evidence_list(f->relay, f->arena, &f->alfa, receipt.id, &list, &n, &err));
    assert_ok(vs_evidence_xml(f->relay, f->arena, list[0], &xml, &err));
    struct vs_bytes altered = vs_bytes_copy(f->arena, xml);
    uint8_t *name = memmem(altered.ptr, altered.len, "Alfa", 4);
    assert_non_null(name);
    name[3] = 'e';
    const struct vs_report *r = judge(f, altered);
    assert_int_equal(r->verdict.indication, VS_FAILED);
    assert_int_equal(r->verdict.sub, VS_SUB_HASH_FAILURE);
}

/* Art. 13: a suspension counts from the moment it was entered, whatever was cached. */
static void a_suspended_holder_is_seen_at_once(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    struct vs_bytes bytes = relay_fixture_container(f, "Salam");
    assert_int_equal(judge(f, bytes)->verdict.indication, VS_PASSED);
    VS_CERTIFICATE *holder = NULL;
    char serial[2 * 20 + 1];
    assert_ok(vs_certificate_get(f->signer.certificate, &holder, &err));
    assert_true(holder->serial.len <= 20);
    vs_hex(holder->serial, serial);
    struct vs_state_change change = {.to = VS_CERTIFICATE_SUSPENDED,
                                     .requester = VS_BY_HOLDER,
                                     .ground = "13.1",
                                     .until = VS_TIME_NONE,
                                     .officer = "test"};
    assert_ok(vs_centre_change(vs_relay_centre(f->relay), serial, &change,
                               vs_relay_now(f->relay), &err));
    test_world_pass(&f->world, VS_SECOND_MS);
    const struct vs_report *r = judge(f, bytes);
    assert_int_equal(r->verdict.indication, VS_INDETERMINATE);
    assert_int_equal(r->verdict.sub, VS_SUB_REVOKED_NO_POE);
    assert_int_equal(r->signatures[0].legal_class, VS_LEGAL_SIMPLE);
}

/* -- an outside authority ------------------------------------------------------------------ */

/* Answers every OCSP question about the pki's person; counts the questions. */
static struct {
    struct vs_pki *pki;
    vs_time_ms now;
    int asked;
    bool away;
} responder;

static vs_rc answer(void *context, struct vs_arena *arena,
                    const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                    struct vs_error *err)
{
    (void)context;
    responder.asked++;
    if (responder.away || !vs_text_equal(request->method, "POST"))
        return vs_fail(err, VS_E_NETWORK, NULL, "away");
    struct vs_bytes der = test_ocsp(responder.pki, &responder.pki->person, NULL, responder.now,
                                    VS_STATUS_GOOD, 0);
    *ret = (struct vs_outgoing_answer){.status = 200, .body = vs_bytes_copy(arena, der)};
    return VS_OK;
}

static void asks_outside_responders_once_and_keeps_the_answer(void **state)
{
    static struct relay_fixture fixture;
    struct relay_fixture *f = &fixture;
    (void)state;
    struct vs_pki *pki = vs_pki_new();
    const char *anchor = vs_pki_pem(pki, vs_pki_folder(pki), "authority.pem", "CERTIFICATE",
                                    pki->authority.certificate);
    relay_fixture_init(f, true);
    f->settings.trust_anchors = &anchor;
    f->settings.n_trust_anchors = 1;
    f->world.seams.outgoing = answer;
    relay_fixture_start(f);
    responder.pki = pki;
    responder.now = vs_relay_now(f->relay);
    struct test_document d = {.level = VS_LEVEL_B, .signed_at = responder.now};
    struct vs_bytes bytes = test_document_make(pki, &d);

    /* Away: a verdict all the same, with its needs named. */
    responder.away = true;
    const struct vs_report *r = judge(f, bytes);
    assert_int_equal(r->verdict.indication, VS_INDETERMINATE);
    assert_int_equal(r->verdict.sub, VS_SUB_TRY_LATER);
    assert_true(r->n_needs > 0);

    responder.away = false;
    responder.asked = 0;
    assert_int_equal(judge(f, bytes)->verdict.indication, VS_PASSED);
    assert_int_equal(responder.asked, 1);
    assert_int_equal(judge(f, bytes)->verdict.indication, VS_PASSED);
    assert_int_equal(responder.asked, 1);
    relay_fixture_close(f);
    vs_pki_free(pki);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(passes_all_evidence_with_its_record, open_fixture,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(fails_altered_evidence, open_fixture, close_fixture),
        cmocka_unit_test(asks_outside_responders_once_and_keeps_the_answer),
        cmocka_unit_test_setup_teardown(a_suspended_holder_is_seen_at_once, open_fixture,
                                        close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
