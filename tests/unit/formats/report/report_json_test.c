#include "tests/unit/unit.h"
#include "formats/report/report_json.h"
#include <jansson.h>

static json_t *json_of(const struct vs_report *report)
{
    struct vs_error err;
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 20);
    assert_ok(vs_report_json(report, true, &out, &err));
    json_t *root = json_loadb((const char *)out.ptr, out.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    return root;
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void has_the_members_that_others_rely_on(void **state)
{
    (void)state;
    struct vs_reason reason = {"EN 319 102-1, 5.2.7", "the \"data\" is not what was signed"};
    struct vs_signature_report signature = {
        .id = "S-1",
        .verdict = {VS_FAILED, VS_SUB_HASH_FAILURE},
        .level_text = "XAdES-B-LT",
        .signed_by = "Əliyev",
        .best_signature_time = 0,
        .claimed_time = VS_TIME_NONE,
        .errors = {&reason, 1},
    };
    struct vs_report report = {.form = VS_FORM_ASIC_E,
                               .verdict = {VS_FAILED, VS_SUB_HASH_FAILURE},
                               .signatures = &signature,
                               .n_signatures = 1};
    json_t *root = json_of(&report);
    assert_string_equal(text(root, "indication"), "TOTAL-FAILED");
    const json_t *s = json_array_get(json_object_get(root, "signatures"), 0);
    assert_string_equal(text(s, "id"), "S-1");
    assert_string_equal(text(s, "indication"), "TOTAL-FAILED");
    assert_string_equal(text(s, "sub_indication"), "HASH_FAILURE");
    assert_string_equal(text(s, "level"), "XAdES-B-LT");
    assert_string_equal(text(s, "signed_by"), "Əliyev");
    assert_string_equal(text(s, "best_signature_time"), "1970-01-01T00:00:00.000Z");
    assert_string_equal(text(s, "legal_class"), "none");
    assert_true(json_is_null(json_object_get(s, "claimed_signing_time")));
    const json_t *error = json_array_get(json_object_get(s, "errors"), 0);
    assert_string_equal(text(error, "clause"), "EN 319 102-1, 5.2.7");
    assert_int_equal(json_array_size(json_object_get(s, "warnings")), 0);
    assert_int_equal(json_array_size(json_object_get(root, "timestamps")), 0);
    assert_int_equal(json_array_size(json_object_get(root, "evidence_records")), 0);
    json_decref(root);
}

/* design.md: a record's verdict is PASSED, never TOTAL-PASSED. */
static void a_time_mark_and_a_record_are_passed_never_total(void **state)
{
    (void)state;
    struct vs_timestamp_report timestamp = {.verdict = {VS_PASSED, VS_SUB_NONE},
                                            .signature = -1};
    struct vs_evidence_record_report record = {.verdict = {VS_PASSED, VS_SUB_NONE},
                                               .signature = -1};
    struct vs_report report = {.verdict = {VS_PASSED, VS_SUB_NONE},
                               .timestamps = &timestamp,
                               .n_timestamps = 1,
                               .evidence_records = &record,
                               .n_evidence_records = 1};
    json_t *root = json_of(&report);
    assert_string_equal(text(root, "indication"), "PASSED");
    assert_string_equal(
        text(json_array_get(json_object_get(root, "timestamps"), 0), "indication"), "PASSED");
    assert_string_equal(
        text(json_array_get(json_object_get(root, "evidence_records"), 0), "indication"),
        "PASSED");
    json_decref(root);
}

static void a_refusal_is_an_error_with_its_code(void **state)
{
    (void)state;
    struct vs_error err, refusal = {VS_E_ZIP_BOMB, NULL, "it grows"};
    VS_BUFFER out;
    vs_buffer_init(&out, 4096);
    assert_ok(vs_report_json_refusal(&refusal, &out, &err));
    assert_string_equal((const char *)out.ptr,
                        "{\"error\":{\"code\":\"zip-bomb\",\"message\":\"it grows\","
                        "\"clause\":null}}");
}

static void each_sub_indication_has_its_standard_name_and_clause(void **state)
{
    (void)state;
    assert_null(vs_sub_indication_text(VS_SUB_NONE));
    for (int i = VS_SUB_FORMAT_FAILURE; i <= VS_SUB_CUSTOM; i++) {
        enum vs_sub_indication sub = (enum vs_sub_indication)i;
        assert_non_null(vs_sub_indication_text(sub));
        assert_true(vs_text_starts(vs_sub_indication_clause(sub), "EN 319 102-1, 5."));
    }
    assert_string_equal(vs_sub_indication_text(VS_SUB_TRY_LATER), "TRY_LATER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_members_that_others_rely_on),
        cmocka_unit_test(a_time_mark_and_a_record_are_passed_never_total),
        cmocka_unit_test(a_refusal_is_an_error_with_its_code),
        cmocka_unit_test(each_sub_indication_has_its_standard_name_and_clause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
