/* Evidence records that outlive their authority's certificates and their algorithms (RFC 4998,
 * 5.2): years pass on the clock that stands until it is moved. */
#include "formats/evidence/evidence_record.h"
#include "formats/timestamp/timestamp.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/validation.h"
#include "relay/archive/renewal.h"
#include "relay/centre/centre.h"
#include "relay/check.h"
#include "relay/evidence.h"
#include "relay/relay_priv.h"
#include "tests/support/bundles.h"
#include "tests/unit/unit.h"

static int open_fixture(void **state)
{
    static struct relay_fixture fixture;
    relay_fixture_open(&fixture, false);
    fixture.retention = "permanent";
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

/* Days in steps, with the service started anew each month: the centre then renews what is soon
 * to expire. */
static void pass_days(struct relay_fixture *f, int days)
{
    for (int day = 0; day < days; day += 10) {
        test_world_pass(&f->world, 10 * VS_DAY_MS);
        for (int i = 0; i < 4; i++) {
            vs_relay_run_until_idle(f->relay);
            test_world_pass(&f->world, 2000);
        }
        if (day % 30 == 0)
            relay_fixture_reopen(f);
    }
    vs_relay_run_until_idle(f->relay);
}

static struct vs_id send_one(struct relay_fixture *f, const char *text)
{
    struct vs_error err;
    struct vs_receipt receipt;
    struct vs_bytes bytes = relay_fixture_container(f, text);
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, "voen:2345678912", NULL, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("%s", receipt.refusal.text);
    return receipt.id;
}

static const struct vs_record *record_of(struct relay_fixture *f, struct vs_id document,
                                         struct vs_bytes *ret_der, struct vs_bytes *ret_xml)
{
    struct vs_error err;
    const struct vs_evidence **pieces;
    const struct vs_record *record;
    size_t n;
    assert_ok(vs_evidence_list(f->relay, f->arena, &f->alfa, document, &pieces, &n, &err));
    assert_true(n > 0);
    assert_ok(vs_evidence_record(f->relay, f->arena, pieces[0], ret_der, &err));
    assert_ok(vs_evidence_xml(f->relay, f->arena, pieces[0], ret_xml, &err));
    assert_ok(vs_record_decode(f->arena, *ret_der, &record, &err));
    return record;
}

static struct vs_verdict judge(struct relay_fixture *f, struct vs_bytes der,
                               struct vs_bytes xml, vs_time_ms *ret_time)
{
    struct vs_error err;
    struct vs_bytes_source record, content;
    struct vs_bytes crls[2];
    const struct vs_report *report;
    VS_TRUST *trust = vs_trust_new();
    vs_time_ms now = atomic_load(&f->world.now_ms);
    vs_bytes_source_init(&record, der);
    vs_bytes_source_init(&content, xml);
    struct vs_centre *centre = vs_relay_centre(f->relay);
    assert_ok(vs_trust_add_pem(trust, vs_centre_root(centre)->der, false, &err));
    assert_ok(vs_centre_crl(centre, f->arena, "root", now, &crls[0], &err));
    assert_ok(vs_centre_crl(centre, f->arena, "issuing", now, &crls[1], &err));
    struct vs_content contents = {"evidence.xml", &content.source};
    struct vs_validation_input input = {.document = &record.source,
                                        .contents = &contents,
                                        .n_contents = 1,
                                        .at = now,
                                        .trust = trust,
                                        .crls = crls,
                                        .n_crls = 2};
    assert_ok(vs_validate(f->arena, &input, &report, &err));
    assert_int_equal(report->n_evidence_records, 1);
    const struct vs_evidence_record_report *r = &report->evidence_records[0];
    for (size_t i = 0; i < r->errors.n && r->verdict.indication != VS_PASSED; i++)
        print_message("%s\n", r->errors.items[i].text);
    for (size_t i = 0; i < report->n_timestamps; i++)
        for (size_t k = 0; k < report->timestamps[i].errors.n; k++)
            print_message("stamp %zu: %s\n", i, report->timestamps[i].errors.items[k].text);
    if (ret_time != NULL)
        *ret_time = r->gen_time;
    return r->verdict;
}

static void assert_check_holds(struct relay_fixture *f)
{
    struct vs_error err;
    struct vs_check_result check;
    assert_ok(vs_check(f->relay, f->arena, NULL, NULL, &check, &err));
    for (size_t i = 0; i < check.n_findings; i++)
        fail_msg("%s %s: %s", check.findings[i].what, check.findings[i].where,
                 check.findings[i].text);
}

static void renewal__keeps_a_record_good_beyond_its_first_certificate(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes der, xml;
    vs_time_ms proved, sent = atomic_load(&f->world.now_ms);
    struct vs_id document = send_one(f, "on il");
    const struct vs_record *record = record_of(f, document, &der, &xml);
    assert_int_equal(record->n_chains, 1);
    assert_int_equal(record->chains[0].n, 1);
    pass_days(f, 5 * 365 + 30);
    record = record_of(f, document, &der, &xml);
    assert_int_equal(record->n_chains, 1);
    assert_true(record->chains[0].n >= 2);
    struct vs_verdict verdict = judge(f, der, xml, &proved);
    assert_string_equal(vs_indication_token_text(verdict.indication), "PASSED");
    assert_true(proved - sent < VS_HOUR_MS); /* what the first mark proved stays proved */
    assert_check_holds(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            renewal__keeps_a_record_good_beyond_its_first_certificate, open_fixture,
            close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
