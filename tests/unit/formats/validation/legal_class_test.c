#include "tests/unit/unit.h"
#include "formats/validation/legal_class.h"

#define ALL                                                                                    \
    {                                                                                          \
        .value_verifies = true, .certificate = true, .natural_person = true,                   \
        .authority = true, .accredited = true, .qualified = true, .certified_means = true      \
    }

static struct vs_signature_report classify(struct vs_arena *arena, struct vs_legal_facts facts,
                                           enum vs_indication indication,
                                           enum vs_sub_indication sub)
{
    struct vs_signature_report report = {.verdict = {indication, sub}};
    vs_legal_classify(arena, &facts, &report);
    return report;
}

static void each_missing_condition_of_3_2_lowers_the_class_and_is_named(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(100000);
    struct vs_legal_facts all = ALL;
    struct vs_signature_report r = classify(arena, all, VS_PASSED, VS_SUB_NONE);
    assert_int_equal(r.legal_class, VS_LEGAL_QUALIFIED_AUTHORITY);
    assert_int_equal(r.legal_lacks.n, 0);

    bool *const conditions[] = {&all.natural_person, &all.accredited, &all.qualified,
                                &all.certified_means};
    for (size_t i = 0; i < 4; i++) {
        *conditions[i] = false;
        r = classify(arena, all, VS_PASSED, VS_SUB_NONE);
        assert_int_equal(r.legal_class, VS_LEGAL_ENHANCED);
        assert_int_equal(r.legal_lacks.n, 1);
        *conditions[i] = true;
    }
    all.authority = false;
    r = classify(arena, all, VS_PASSED, VS_SUB_NONE);
    assert_int_equal(r.legal_class, VS_LEGAL_QUALIFIED);
    assert_string_equal(r.legal_lacks.items[0].clause, "Art. 3.3");
}

static void a_broken_signature_has_no_class(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(100000);
    struct vs_legal_facts facts = ALL;
    facts.value_verifies = false;
    const enum vs_sub_indication subs[] = {VS_SUB_HASH_FAILURE, VS_SUB_SIG_CRYPTO_FAILURE,
                                           VS_SUB_FORMAT_FAILURE};
    for (size_t i = 0; i < 3; i++) {
        struct vs_signature_report r = classify(arena, facts, VS_FAILED, subs[i]);
        assert_int_equal(r.legal_class, VS_LEGAL_NONE);
        assert_int_equal(r.stages.signature_verifies, VS_FAILED);
    }
}

static void a_certificate_that_does_not_hold_leaves_a_simple_signature(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(100000);
    struct vs_legal_facts facts = ALL;
    const struct vs_verdict verdicts[] = {
        {VS_FAILED, VS_SUB_REVOKED},
        {VS_FAILED, VS_SUB_EXPIRED},
        {VS_FAILED, VS_SUB_NOT_YET_VALID},
        {VS_INDETERMINATE, VS_SUB_REVOKED_NO_POE},
        {VS_INDETERMINATE, VS_SUB_OUT_OF_BOUNDS_NO_POE},
        {VS_INDETERMINATE, VS_SUB_NO_CERTIFICATE_CHAIN_FOUND},
        {VS_INDETERMINATE, VS_SUB_NO_SIGNING_CERTIFICATE_FOUND},
    };
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        struct vs_signature_report r =
            classify(arena, facts, verdicts[i].indication, verdicts[i].sub);
        assert_int_equal(r.legal_class, VS_LEGAL_SIMPLE);
        assert_string_equal(r.legal_lacks.items[0].clause, "Art. 12.9");
    }
}

static void what_cannot_be_judged_yet_names_the_class_within_reach(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(100000);
    struct vs_legal_facts facts = ALL;
    struct vs_signature_report r = classify(arena, facts, VS_INDETERMINATE, VS_SUB_TRY_LATER);
    assert_int_equal(r.legal_class, VS_LEGAL_NOT_DETERMINED);
    assert_int_equal(r.legal_reach, VS_LEGAL_QUALIFIED_AUTHORITY);
    /* No certificate and a value that nobody could check: not even simple. */
    facts = (struct vs_legal_facts){0};
    r = classify(arena, facts, VS_INDETERMINATE, VS_SUB_NO_SIGNING_CERTIFICATE_FOUND);
    assert_int_equal(r.legal_class, VS_LEGAL_NOT_DETERMINED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_missing_condition_of_3_2_lowers_the_class_and_is_named),
        cmocka_unit_test(a_broken_signature_has_no_class),
        cmocka_unit_test(a_certificate_that_does_not_hold_leaves_a_simple_signature),
        cmocka_unit_test(what_cannot_be_judged_yet_names_the_class_within_reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
