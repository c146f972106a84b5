/* Time marks of batches: one token for many, an authority that is away, its return. */
#include "formats/container/asic.h"
#include "formats/evidence/evidence_record.h"
#include "relay/evidence.h"
#include "tests/support/pki.h"
#include "tests/support/relay_fixture.h"
#include "tests/support/tools.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"

static const char *const away[] = {"http://tsa.invalid/"};

static struct relay_fixture fixture;

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static int open_batch(void **state)
{
    relay_fixture_init(&fixture, true);
    fixture.settings.batch_marks = true;
    relay_fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

/* An outside authority must chain to something. */
static void name_authority(void)
{
    static const char *anchors[1];
    static char path[300];
    struct vs_pki *pki = vs_pki_new();
    snprintf(path, sizeof path, "%s", test_file("anchor.cer", pki->root.certificate));
    vs_pki_free(pki);
    anchors[0] = path;
    fixture.settings.tsa_urls = away;
    fixture.settings.n_tsa_urls = 1;
    fixture.settings.trust_anchors = anchors;
    fixture.settings.n_trust_anchors = 1;
}

/* Rows on disk, so that the authority can come back with a new start. */
static int open_away(void **state)
{
    relay_fixture_init(&fixture, false);
    name_authority();
    relay_fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

static int open_wait(void **state)
{
    relay_fixture_init(&fixture, true);
    fixture.settings.mark_policy = VS_MARK_WAIT;
    name_authority();
    relay_fixture_start(&fixture);
    *state = &fixture;
    return 0;
}

static struct vs_receipt send_one(struct relay_fixture *f, const char *text)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, relay_fixture_container(f, text), BETA, NULL,
                                 &receipt, &err));
    assert_true(receipt.accepted);
    return receipt;
}

static const struct vs_asic *consignment(struct relay_fixture *f, struct vs_id id)
{
    static struct vs_bytes_source whole;
    struct vs_content_view view;
    const struct vs_asic *asic;
    struct vs_bytes bytes, again;
    struct vs_error err;
    for (int i = 0; i < 2; i++) {
        assert_ok(vs_content_open(f->relay, f->arena, &f->beta, id, VS_CONTENT_CONSIGNMENT,
                                  &view, &err));
        assert_ok(
            vs_source_all(view.source, f->arena, 1 << 20, i == 0 ? &bytes : &again, &err));
        vs_content_close(&view);
    }
    assert_bytes_equal(bytes, again); /* the same bits each time */
    vs_bytes_source_init(&whole, bytes);
    assert_ok(vs_asic_open(f->arena, &whole.source, NULL, &asic, &err));
    assert_ok(vs_asic_check_strict(asic, 0, &err));
    return asic;
}

static void mark__one_token_serves_all_documents_of_a_batch(void **state)
{
    enum { MANY = 10 };
    struct relay_fixture *f = *state;
    struct vs_submission *all[MANY];
    struct vs_relay_counters counters;
    char text[16];
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "sənəd %d", i);
        all[i] = relay_fixture_queue(f, &f->alfa, relay_fixture_container(f, text), BETA, NULL);
    }
    while (vs_relay_work(f->relay, f->world.now_ms))
        ;
    vs_relay_run_until_idle(f->relay);
    vs_relay_counters(f->relay, &counters);
    assert_int_equal(counters.accepted, MANY);
    /* One for the acceptances, one for the ContentConsignment evidence that follows. */
    assert_int_equal(counters.batches_marked, 2);
    for (int i = 0; i < MANY; i++) {
        const struct vs_receipt *receipt;
        struct vs_error err;
        assert_ok(vs_submission_result(all[i], &receipt, &err));
        const struct vs_asic *asic = consignment(f, receipt->id);
        const struct vs_asic_entry *entry = vs_asic_find(asic, "META-INF/evidencerecord.ers");
        assert_non_null(entry);
        vs_submission_free(all[i]);
    }
}

static vs_rc digest_of_object(void *context, size_t object, enum vs_digest_algorithm algorithm,
                              struct vs_digest *ret, struct vs_error *err)
{
    (void)object;
    (void)err;
    vs_digest_of(algorithm, *(struct vs_bytes *)context, ret);
    return VS_OK;
}

static void mark__the_record_of_evidence_covers_it(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_receipt receipt = send_one(f, "bir");
    const struct vs_evidence *evidence;
    struct vs_bytes der, xml;
    const struct vs_record *record;
    struct vs_record_result result;
    struct vs_error err;
    assert_ok(vs_evidence_get(f->relay, f->arena, &f->alfa, receipt.evidence, &evidence, &err));
    assert_true(evidence->marked);
    assert_true(evidence->sequenced);
    assert_ok(vs_evidence_record(f->relay, f->arena, evidence, &der, &err));
    assert_ok(vs_evidence_xml(f->relay, f->arena, evidence, &xml, &err));
    assert_bytes_equal(xml, receipt.evidence_xml);
    assert_ok(vs_record_decode(f->arena, der, &record, &err));
    assert_ok(vs_record_check(record, 1, digest_of_object, &xml, f->arena, &result, &err));
    assert_int_equal(result.fault, VS_RECORD_COVERED);
    struct vs_bytes tampered = vs_bytes_copy(f->arena, xml);
    ((uint8_t *)(uintptr_t)tampered.ptr)[10] ^= 1;
    assert_ok(vs_record_check(record, 1, digest_of_object, &tampered, f->arena, &result, &err));
    assert_int_not_equal(result.fault, VS_RECORD_COVERED);
}

/* An authority that is away never stops intake, until the bound; its return marks the rest. */
static void mark__of_an_absent_authority_waits_within_its_bound(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_relay_health health;
    struct vs_receipt first = send_one(f, "bir"), ignored;
    const struct vs_evidence *evidence;
    struct vs_bytes asic;
    struct vs_error err;
    assert_ok(vs_evidence_get(f->relay, f->arena, &f->alfa, first.evidence, &evidence, &err));
    assert_false(evidence->marked);
    assert_fails(VS_E_STATE, vs_evidence_asic(f->relay, f->arena, evidence, &asic, &err));
    test_world_pass(&f->world, f->settings.mark_bound_ms - VS_HOUR_MS);
    send_one(f, "iki");
    test_world_pass(&f->world, VS_HOUR_MS + 1);
    vs_relay_run_until_idle(f->relay);
    assert_fails(VS_E_TSA_AWAY, relay_fixture_send(f, &f->alfa, VS_BYTES_LITERAL("x"), BETA,
                                                   "k", &ignored, &err));
    vs_relay_health(f->relay, f->world.now_ms, &health);
    assert_true(health.marks_overdue);
    assert_false(health.ready);
    f->settings.n_tsa_urls = 0; /* the embedded one */
    relay_fixture_reopen(f);
    vs_relay_run_until_idle(f->relay);
    vs_relay_health(f->relay, f->world.now_ms, &health);
    assert_true(health.ready);
    assert_int_equal(health.unmarked, 0);
    assert_ok(vs_evidence_get(f->relay, f->arena, &f->alfa, first.evidence, &evidence, &err));
    assert_true(evidence->marked);
    /* Its seal has no mark of its own: the batch's record is in the consignment. */
    assert_non_null(vs_asic_find(consignment(f, first.id), "META-INF/evidencerecord.ers"));
}

static void mark__policy_wait_answers_nothing_without_a_mark(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_receipt receipt;
    struct vs_page page;
    struct vs_error err;
    assert_fails(VS_E_TSA_AWAY,
                 relay_fixture_send(f, &f->alfa, relay_fixture_container(f, "bir"), BETA, "k",
                                    &receipt, &err));
    assert_ok(vs_mailbox_list(f->relay, f->arena, &f->beta, "", 10, &page, &err));
    assert_int_equal(page.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(mark__one_token_serves_all_documents_of_a_batch,
                                        open_batch, close_fixture),
        cmocka_unit_test_setup_teardown(mark__the_record_of_evidence_covers_it, open_batch,
                                        close_fixture),
        cmocka_unit_test_setup_teardown(mark__of_an_absent_authority_waits_within_its_bound,
                                        open_away, close_fixture),
        cmocka_unit_test_setup_teardown(mark__policy_wait_answers_nothing_without_a_mark,
                                        open_wait, close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
