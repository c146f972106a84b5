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

static void renewal__follows_the_authority_over_nine_years(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes der, xml;
    struct vs_id document = send_one(f, "doqquz il");
    vs_time_ms last = 0;
    pass_days(f, 9 * 365); /* the embedded issuing authority lives for ten */
    const struct vs_record *record = record_of(f, document, &der, &xml);
    assert_int_equal(record->n_chains, 1);
    assert_true(record->chains[0].n >= 2);
    for (size_t i = 0; i < record->chains[0].n; i++) {
        struct vs_error err;
        const struct vs_timestamp *token;
        assert_ok(
            vs_timestamp_decode(f->arena, record->chains[0].stamps[i].token, &token, &err));
        assert_true(token->gen_time > last);
        last = token->gen_time;
    }
    assert_check_holds(f);
}

/* Rows of a table. */
static uint64_t count_rows(struct relay_fixture *f, enum vs_table_id table)
{
    struct vs_error err;
    struct vs_query query = {.table = table};
    uint64_t n;
    assert_ok(vs_store_count(f->relay->store, &query, &n, &err));
    return n;
}

static void renewal__of_many_batches_takes_one_time_mark(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes der, xml;
    struct vs_id ids[20];
    f->settings.renewal_digest = VS_SHA512;
    for (size_t i = 0; i < 20; i++) {
        ids[i] = send_one(f, vs_arena_printf(f->arena, "sənəd %zu", i));
        test_world_pass(&f->world, 1000);
    }
    uint64_t batches = count_rows(f, VS_T_BATCH);
    relay_fixture_reopen(f);
    pass_days(f, 10);
    assert_true(count_rows(f, VS_T_BATCH_RENEWAL) >= 20);
    assert_true(count_rows(f, VS_T_RENEWAL) <= batches / 10);
    for (size_t i = 0; i < 20; i++) {
        const struct vs_record *record = record_of(f, ids[i], &der, &xml);
        assert_int_equal(record->n_chains, 2);
        assert_int_equal(record->chains[1].stamps[0].algorithm, VS_SHA512);
        struct vs_verdict verdict = judge(f, der, xml, NULL);
        assert_string_equal(vs_indication_token_text(verdict.indication), "PASSED");
    }
    assert_check_holds(f);
}

static void renewal__of_a_hash_tree_is_itself_renewed_by_time_marks(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes der, xml;
    struct vs_id document = send_one(f, "ağac");
    f->settings.renewal_digest = VS_SHA3_512;
    relay_fixture_reopen(f);
    pass_days(f, 20);
    assert_int_equal(record_of(f, document, &der, &xml)->n_chains, 2);
    pass_days(f, 5 * 365);
    const struct vs_record *record = record_of(f, document, &der, &xml);
    assert_int_equal(record->n_chains, 2);
    assert_int_equal(record->chains[0].n, 1);
    assert_true(record->chains[1].n >= 2);
    struct vs_verdict verdict = judge(f, der, xml, NULL);
    assert_string_equal(vs_indication_token_text(verdict.indication), "PASSED");
    assert_check_holds(f);
}

/* Any octet of the later stamps, too, is under the newest mark or in it. */
static void renewal__a_changed_record_does_not_hold(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_bytes der, xml;
    struct vs_id document = send_one(f, "dəyişmiş");
    f->settings.renewal_digest = VS_SHA512;
    relay_fixture_reopen(f);
    pass_days(f, 20);
    assert_int_equal(record_of(f, document, &der, &xml)->n_chains, 2);
    uint8_t *changed = vs_arena_alloc(f->arena, der.len);
    for (size_t at = 40; at < der.len; at += der.len / 40) {
        struct vs_error err;
        const struct vs_record *record;
        memcpy(changed, der.ptr, der.len);
        changed[at] ^= 0x01;
        if (!vs_ok(vs_record_decode(f->arena, VS_BYTES(changed, der.len), &record, &err)))
            continue;
        struct vs_verdict verdict = judge(f, VS_BYTES(changed, der.len), xml, NULL);
        if (verdict.indication == VS_PASSED)
            fail_msg("octet %zu of %zu", at, der.len);
    }
    struct vs_bytes other = vs_bytes_copy(f->arena, xml);
    ((uint8_t *)(uintptr_t)other.ptr)[other.len / 2] ^= 0x01;
    assert_int_equal(judge(f, der, other, NULL).indication, VS_FAILED);
}

static void renewal__damaged_evidence_gets_no_stronger_mark(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    const struct vs_evidence **pieces;
    struct vs_bytes der, xml;
    size_t n;
    struct vs_id good = send_one(f, "salamat"), bad = send_one(f, "zədəli");
    assert_ok(vs_evidence_list(f->relay, f->arena, &f->alfa, bad, &pieces, &n, &err));
    /* The row's digest is not the file's: as when a file was exchanged. */
    struct vs_value row[VS_EVIDENCE_COLUMNS] = {[VS_EVIDENCE_ID] = vs_id_value(&pieces[0]->id)};
    uint8_t digest[32] = {1};
    row[VS_EVIDENCE_DIGEST] = vs_blob(VS_BYTES(digest, sizeof digest));
    struct vs_op op =
        vs_op_update(VS_T_EVIDENCE, row, VS_SET(VS_EVIDENCE_DIGEST), VS_ANY_VERSION);
    struct vs_item item = {.ops = &op, .n_ops = 1};
    assert_ok(vs_store_commit(f->relay->store, &item, 1, &err));
    f->settings.renewal_digest = VS_SHA512;
    relay_fixture_reopen(f);
    pass_days(f, 20);
    assert_int_equal(record_of(f, good, &der, &xml)->n_chains, 2);
    const struct vs_record *record;
    assert_ok(vs_evidence_record(f->relay, f->arena, pieces[0], &der, &err));
    assert_ok(vs_record_decode(f->arena, der, &record, &err));
    assert_int_equal(record->n_chains, 1);
}

static void renewal__is_found_by_check_when_its_place_was_changed(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    struct vs_check_result check;
    send_one(f, "yer");
    test_world_pass(&f->world, 1000);
    send_one(f, "başqa yer");
    f->settings.renewal_digest = VS_SHA512;
    relay_fixture_reopen(f);
    pass_days(f, 20);
    assert_check_holds(f);
    struct vs_value row[VS_BATCH_RENEWAL_COLUMNS] = {[VS_BATCH_RENEWAL_BATCH] = vs_int(1),
                                                     [VS_BATCH_RENEWAL_NUMBER] = vs_int(1),
                                                     [VS_BATCH_RENEWAL_PLACE] = vs_int(1)};
    struct vs_op op =
        vs_op_update(VS_T_BATCH_RENEWAL, row, VS_SET(VS_BATCH_RENEWAL_PLACE), VS_ANY_VERSION);
    struct vs_item item = {.ops = &op, .n_ops = 1};
    assert_ok(vs_store_commit(f->relay->store, &item, 1, &err));
    assert_int_equal(item.outcome, VS_ITEM_DONE);
    assert_ok(vs_check(f->relay, f->arena, NULL, NULL, &check, &err));
    assert_true(check.n_findings > 0);
    assert_string_equal(check.findings[0].what, "batch");
}

/* Marked before there was such a column: found by the survey. */
static void renewal__takes_up_batches_that_nobody_dated(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    send_one(f, "köhnə");
    struct vs_value row[VS_BATCH_COLUMNS] = {[VS_BATCH_NUMBER] = vs_int(1)};
    struct vs_value name[VS_SETTING_COLUMNS] = {[VS_SETTING_NAME] = vs_text("renewal-survey")};
    struct vs_op ops[2] = {
        vs_op_update(VS_T_BATCH, row, VS_SET(VS_BATCH_RENEW), VS_ANY_VERSION),
        vs_op_delete(VS_T_SETTING, name, VS_ANY_VERSION)};
    struct vs_item item = {.ops = ops, .n_ops = 1};
    assert_ok(vs_store_commit(f->relay->store, &item, 1, &err));
    item = (struct vs_item){.ops = ops + 1, .n_ops = 1}; /* not there yet where none ran */
    assert_ok(vs_store_commit(f->relay->store, &item, 1, &err));
    pass_days(f, 10);
    struct vs_value key = vs_int(1);
    const struct vs_row *batch;
    assert_ok(vs_store_get(f->relay->store, f->arena, VS_T_BATCH, &key, &batch, &err));
    assert_int_equal(batch->values[VS_BATCH_RENEW].type, VS_INT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(renewal__keeps_a_record_good_beyond_its_first_certificate),
        TEST(renewal__follows_the_authority_over_nine_years),
        TEST(renewal__of_many_batches_takes_one_time_mark),
        TEST(renewal__of_a_hash_tree_is_itself_renewed_by_time_marks),
        TEST(renewal__a_changed_record_does_not_hold),
        TEST(renewal__damaged_evidence_gets_no_stronger_mark),
        TEST(renewal__is_found_by_check_when_its_place_was_changed),
        TEST(renewal__takes_up_batches_that_nobody_dated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
