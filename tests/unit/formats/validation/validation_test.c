#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/validation.h"
#include "tests/support/documents.h"

/* Each case is a container and the one verdict that EN 319 102-1 has for it. */
#define SIGNED (VS_PKI_EPOCH + VS_DAY_MS)

static struct vs_pki *pki;
static struct vs_trust *trust;

struct extra {
    const struct vs_trust *trust; /* NULL: the issuing authority */
    const struct vs_policy *policy;
    struct vs_bytes ocsp[3];
    size_t n_ocsp;
};

static const struct vs_report *judge(struct vs_arena *arena, struct vs_bytes bytes,
                                     vs_time_ms at, const struct extra *extra)
{
    struct vs_error err;
    static struct vs_bytes_source source;
    const struct vs_report *report;
    struct vs_validation_input input = {.document = &source.source, .at = at, .trust = trust};
    vs_bytes_source_init(&source, bytes);
    if (extra != NULL) {
        input.ocsp = extra->ocsp;
        input.n_ocsp = extra->n_ocsp;
        input.policy = extra->policy;
        if (extra->trust != NULL)
            input.trust = extra->trust;
    }
    assert_ok(vs_validate(arena, &input, &report, &err));
    return report;
}

static void expect(const struct vs_report *report, enum vs_indication indication,
                   enum vs_sub_indication sub)
{
    assert_int_equal(report->n_signatures, 1);
    const struct vs_signature_report *s = &report->signatures[0];
    const char *why = s->errors.n > 0 ? s->errors.items[0].text : "";
    if (s->verdict.indication != indication || s->verdict.sub != sub)
        fail_msg("%s/%s: %s", vs_indication_text(s->verdict.indication),
                 vs_sub_indication_text(s->verdict.sub), why);
    assert_int_equal(report->verdict.indication, indication);
}

static void expect_of(const struct test_document *d, vs_time_ms at, const struct extra *extra,
                      enum vs_indication indication, enum vs_sub_indication sub)
{
    VS_ARENA *arena = vs_arena_new(1 << 24);
    expect(judge(arena, test_document_make(pki, d), at, extra), indication, sub);
}

static void lt_passes_offline_long_after_the_certificate_expired(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 24);
    struct test_document d = {.level = VS_LEVEL_LT, .signed_at = SIGNED};
    vs_time_ms later = SIGNED + 9 * 365 * VS_DAY_MS;
    const struct vs_report *r = judge(arena, test_document_make(pki, &d), later, NULL);
    expect(r, VS_PASSED, VS_SUB_NONE);
    assert_int_equal(r->form, VS_FORM_ASIC_E);
    assert_int_equal(r->signatures[0].level, VS_LEVEL_LT);
    assert_string_equal(r->signatures[0].level_text, "XAdES-B-LT");
    assert_int_equal(r->signatures[0].best_signature_time, SIGNED + VS_SECOND_MS);
    assert_int_equal(r->signatures[0].legal_class, VS_LEGAL_ENHANCED);
    assert_int_equal(r->n_timestamps, 1);
    assert_int_equal(r->timestamps[0].verdict.indication, VS_PASSED);
    assert_false(r->timestamps[0].accredited);
    assert_int_equal(r->n_data, 1);
    assert_true(r->data[0].covered);
    assert_int_equal(r->n_needs, 0);
}

static void b_and_t_pass_with_fresh_revocation_data_and_name_it_without(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 24);
    struct test_document d = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    vs_time_ms now = SIGNED + VS_MINUTE_MS;
    struct extra extra = {.n_ocsp = 2};
    extra.ocsp[0] = test_ocsp(pki, &pki->person, NULL, now, VS_STATUS_GOOD, 0);
    extra.ocsp[1] = test_ocsp(pki, &pki->tsa, NULL, now, VS_STATUS_GOOD, 0);
    expect_of(&d, now, &extra, VS_PASSED, VS_SUB_NONE);
    d.level = VS_LEVEL_T;
    expect_of(&d, now, &extra, VS_PASSED, VS_SUB_NONE);
    const struct vs_report *r = judge(arena, test_document_make(pki, &d), now, NULL);
    expect(r, VS_INDETERMINATE, VS_SUB_TRY_LATER);
    assert_true(r->n_needs > 0);
    assert_true(r->needs[0].anchored);
}

static void stale_data_is_no_data(void **state)
{
    (void)state;
    struct test_document d = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    vs_time_ms now = SIGNED + 2 * VS_HOUR_MS;
    struct extra extra = {.n_ocsp = 1};
    extra.ocsp[0] = test_ocsp(pki, &pki->person, NULL, SIGNED, VS_STATUS_GOOD, 0);
    expect_of(&d, now, &extra, VS_INDETERMINATE, VS_SUB_TRY_LATER); /* nextUpdate has passed */
    expect_of(&d, SIGNED + VS_MINUTE_MS, &extra, VS_PASSED, VS_SUB_NONE);
    /* From the future of the validation time. */
    extra.ocsp[0] = test_ocsp(pki, &pki->person, NULL, now + VS_HOUR_MS, VS_STATUS_GOOD, 0);
    expect_of(&d, now, &extra, VS_INDETERMINATE, VS_SUB_TRY_LATER);
}

static void data_of_a_responder_without_right_is_no_data(void **state)
{
    (void)state;
    struct test_document d = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    struct extra extra = {.n_ocsp = 1};
    extra.ocsp[0] = test_ocsp(pki, &pki->person, &pki->organisation, SIGNED, VS_STATUS_GOOD, 0);
    expect_of(&d, SIGNED + VS_MINUTE_MS, &extra, VS_INDETERMINATE, VS_SUB_TRY_LATER);
}

static void broken_data_or_value_is_failed_even_without_trust(void **state)
{
    (void)state;
    VS_TRUST *nobody = vs_trust_new();
    struct extra extra = {.trust = nobody};
    struct test_document altered = {
        .level = VS_LEVEL_LT, .signed_at = SIGNED, .altered = "content of another document"};
    struct test_document broken = {
        .level = VS_LEVEL_LT, .signed_at = SIGNED, .broken_value = true};
    vs_time_ms now = SIGNED + VS_HOUR_MS;
    expect_of(&altered, now, NULL, VS_FAILED, VS_SUB_HASH_FAILURE);
    expect_of(&altered, now, &extra, VS_FAILED, VS_SUB_HASH_FAILURE);
    expect_of(&broken, now, NULL, VS_FAILED, VS_SUB_SIG_CRYPTO_FAILURE);
    expect_of(&broken, now, &extra, VS_FAILED, VS_SUB_SIG_CRYPTO_FAILURE);
}

static void missing_data_is_not_found(void **state)
{
    (void)state;
    struct vs_policy policy = *vs_policy_default();
    struct extra extra = {.policy = &policy};
    struct test_document d = {.level = VS_LEVEL_LT, .signed_at = SIGNED, .no_data = true};
    policy.report_unsigned_files = true;
    expect_of(&d, SIGNED + VS_HOUR_MS, &extra, VS_INDETERMINATE, VS_SUB_SIGNED_DATA_NOT_FOUND);
}

static void nobody_trusted_finds_no_chain(void **state)
{
    (void)state;
    VS_TRUST *nobody = vs_trust_new();
    struct extra extra = {.trust = nobody};
    struct test_document d = {.level = VS_LEVEL_LT, .signed_at = SIGNED};
    expect_of(&d, SIGNED + VS_HOUR_MS, &extra, VS_INDETERMINATE,
              VS_SUB_NO_CERTIFICATE_CHAIN_FOUND);
}

static void revocation_before_the_proof_counts_and_after_it_does_not(void **state)
{
    (void)state;
    vs_time_ms now = SIGNED + VS_DAY_MS;
    struct test_document d = {.level = VS_LEVEL_LT,
                              .signed_at = SIGNED,
                              .answered_at = SIGNED + VS_HOUR_MS,
                              .status = VS_STATUS_REVOKED,
                              .revoked_at = SIGNED + VS_MINUTE_MS};
    expect_of(&d, now, NULL, VS_PASSED, VS_SUB_NONE);
    d.revoked_at = SIGNED - VS_MINUTE_MS;
    expect_of(&d, now, NULL, VS_INDETERMINATE, VS_SUB_REVOKED_NO_POE);
    d.status = VS_STATUS_ON_HOLD;
    expect_of(&d, now, NULL, VS_INDETERMINATE, VS_SUB_REVOKED_NO_POE);
    /* The edge: revoked in the very second of the proof. */
    d.status = VS_STATUS_REVOKED;
    d.revoked_at = SIGNED + VS_SECOND_MS;
    expect_of(&d, now, NULL, VS_INDETERMINATE, VS_SUB_REVOKED_NO_POE);
}

static void without_a_proof_an_expired_certificate_is_out_of_bounds(void **state)
{
    (void)state;
    struct test_document d = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    vs_time_ms later = VS_PKI_EPOCH + 11 * 365 * VS_DAY_MS;
    expect_of(&d, later, NULL, VS_INDETERMINATE, VS_SUB_OUT_OF_BOUNDS_NO_POE);
}

static void a_time_mark_older_than_the_certificate_fails(void **state)
{
    (void)state;
    struct vs_pki_party young;
    struct vs_name_part name[] = {{VS_NAME_CN, "Young"}};
    struct vs_certificate_profile profile = {.subject = name,
                                             .n_subject = 1,
                                             .not_before = SIGNED + VS_DAY_MS,
                                             .not_after = SIGNED + 10 * VS_DAY_MS,
                                             .key_usage = VS_KU_NON_REPUDIATION};
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, &pki->authority, &young);
    struct test_document d = {
        .signer = &young, .level = VS_LEVEL_LT, .signed_at = SIGNED + VS_HOUR_MS};
    expect_of(&d, SIGNED + 2 * VS_DAY_MS, NULL, VS_FAILED, VS_SUB_NOT_YET_VALID);
    vs_pki_party_done(&young);
}

static void a_certificate_that_may_not_sign_breaks_the_chain_constraints(void **state)
{
    (void)state;
    struct vs_pki_party cipher;
    struct vs_name_part name[] = {{VS_NAME_CN, "Cipher"}};
    struct vs_certificate_profile profile = {
        .subject = name, .n_subject = 1, .key_usage = VS_KU_KEY_AGREEMENT};
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, &pki->authority, &cipher);
    struct test_document d = {.signer = &cipher, .level = VS_LEVEL_LT, .signed_at = SIGNED};
    expect_of(&d, SIGNED + VS_HOUR_MS, NULL, VS_INDETERMINATE,
              VS_SUB_CHAIN_CONSTRAINTS_FAILURE);
    vs_pki_party_done(&cipher);
}

static void a_time_mark_over_something_else_fails_and_proves_nothing(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 24);
    struct test_document d = {.level = VS_LEVEL_LT, .signed_at = SIGNED, .wrong_imprint = true};
    vs_time_ms later = VS_PKI_EPOCH + 11 * 365 * VS_DAY_MS;
    const struct vs_report *r = judge(arena, test_document_make(pki, &d), later, NULL);
    assert_int_equal(r->timestamps[0].verdict.indication, VS_FAILED);
    assert_int_equal(r->timestamps[0].verdict.sub, VS_SUB_HASH_FAILURE);
    expect(r, VS_INDETERMINATE, VS_SUB_OUT_OF_BOUNDS_NO_POE);
    assert_int_equal(r->signatures[0].best_signature_time, later);
}

static void a_certificate_of_another_key_does_not_verify(void **state)
{
    (void)state;
    struct test_document d = {.level = VS_LEVEL_LT,
                              .signed_at = SIGNED,
                              .certificate = pki->organisation.certificate};
    expect_of(&d, SIGNED + VS_HOUR_MS, NULL, VS_FAILED, VS_SUB_SIG_CRYPTO_FAILURE);
}

static void the_policy_may_ask_for_a_level(void **state)
{
    (void)state;
    struct vs_policy policy = *vs_policy_default();
    struct extra extra = {.policy = &policy};
    struct test_document d = {.level = VS_LEVEL_LT, .signed_at = SIGNED};
    policy.minimum_level = VS_LEVEL_LT;
    expect_of(&d, SIGNED + VS_HOUR_MS, &extra, VS_PASSED, VS_SUB_NONE);
    policy.minimum_level = VS_LEVEL_LTA;
    expect_of(&d, SIGNED + VS_HOUR_MS, &extra, VS_INDETERMINATE,
              VS_SUB_SIG_CONSTRAINTS_FAILURE);
}

static void an_unsigned_file_refuses_the_container_or_is_reported(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes_source source;
    const struct vs_report *report;
    VS_ARENA *arena = vs_arena_new(1 << 24);
    struct vs_policy policy = *vs_policy_default();
    struct test_document d = {.level = VS_LEVEL_LT, .signed_at = SIGNED, .unsigned_file = true};
    vs_bytes_source_init(&source, test_document_make(pki, &d));
    struct vs_validation_input input = {
        .document = &source.source, .at = SIGNED + VS_HOUR_MS, .trust = trust};
    assert_fails(VS_E_ASIC_UNSIGNED_FILE, vs_validate(arena, &input, &report, &err));
    /* Alive: with the check off it is accepted. */
    vs_check_disable(VS_E_ASIC_UNSIGNED_FILE);
    assert_ok(vs_validate(arena, &input, &report, &err));
    vs_check_disable(VS_E_NONE);
    input.policy = &policy;
    policy.report_unsigned_files = true;
    assert_ok(vs_validate(arena, &input, &report, &err));
    assert_int_equal(report->signatures[0].verdict.indication, VS_PASSED);
    assert_int_equal(report->verdict.indication, VS_INDETERMINATE);
    assert_false(report->data[1].covered);
}

static void data_that_is_no_signature_says_so(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 24);
    const struct vs_report *r = judge(arena, VS_BYTES_LITERAL("hello"), SIGNED, NULL);
    assert_int_equal(r->verdict.indication, VS_NO_SIGNATURE_FOUND);
    assert_int_equal(r->form, VS_FORM_UNSIGNED);
}

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    if (!vs_ok(vs_formats_init(&err)))
        return -1;
    pki = vs_pki_new();
    trust = test_trust(pki);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    vs_trust_unref(trust);
    vs_pki_free(pki);
    vs_certificate_cache_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lt_passes_offline_long_after_the_certificate_expired),
        cmocka_unit_test(b_and_t_pass_with_fresh_revocation_data_and_name_it_without),
        cmocka_unit_test(stale_data_is_no_data),
        cmocka_unit_test(data_of_a_responder_without_right_is_no_data),
        cmocka_unit_test(broken_data_or_value_is_failed_even_without_trust),
        cmocka_unit_test(missing_data_is_not_found),
        cmocka_unit_test(nobody_trusted_finds_no_chain),
        cmocka_unit_test(revocation_before_the_proof_counts_and_after_it_does_not),
        cmocka_unit_test(without_a_proof_an_expired_certificate_is_out_of_bounds),
        cmocka_unit_test(a_time_mark_older_than_the_certificate_fails),
        cmocka_unit_test(a_certificate_that_may_not_sign_breaks_the_chain_constraints),
        cmocka_unit_test(a_time_mark_over_something_else_fails_and_proves_nothing),
        cmocka_unit_test(a_certificate_of_another_key_does_not_verify),
        cmocka_unit_test(the_policy_may_ask_for_a_level),
        cmocka_unit_test(an_unsigned_file_refuses_the_container_or_is_reported),
        cmocka_unit_test(data_that_is_no_signature_says_so),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
