#include "tests/unit/unit.h"

static vs_rc refuse(struct vs_error *err)
{
    VS_REFUSE_IF(true, err, VS_E_NOT_ZIP, NULL, "no %s", "zip");
    return VS_OK;
}

static void table__is_complete_and_its_names_are_unique(void **state)
{
    (void)state;
    for (unsigned i = 1; i < VS_CODES; i++) {
        const struct vs_code_info *info = vs_code_info((enum vs_code)i);
        assert_non_null(info->name);
        assert_int_equal(vs_code_by_name(info->name), i);
        assert_in_range(info->http, 400, 599);
        assert_int_not_equal(info->class, VS_CLASS_NONE);
        assert_true(strspn(info->name, "abcdefghijklmnopqrstuvwxyz0123456789-") ==
                    strlen(info->name));
        for (int l = 0; l < VS_LANGUAGES; l++) {
            assert_true(strlen(info->title[l]) > 3 && strlen(info->remedy[l]) > 3);
            assert_true(vs_utf8_valid(vs_bytes_text(info->title[l])));
            assert_true(vs_utf8_valid(vs_bytes_text(info->remedy[l])));
        }
    }
    assert_int_equal(vs_code_by_name("no such name"), VS_E_NONE);
}

static void error__carries_the_tables_clause_unless_another_decides(void **state)
{
    (void)state;
    struct vs_error err;
    assert_fails(VS_E_NOT_ZIP, refuse(&err));
    assert_string_equal(err.clause, "EN 319 162-1, 4.2");
    assert_string_equal(err.text, "no zip");
    assert_fails(VS_E_IO, vs_fail(&err, VS_E_IO, "RFC 1", "x"));
    assert_string_equal(err.clause, "RFC 1");
}

static void error__is_one_line_of_utf8_even_when_cut(void **state)
{
    (void)state;
    struct vs_error err;
    char longest[600];
    for (size_t start = 0; start < 4; start++) {
        memset(longest, 'a', start);
        for (size_t i = start; i + 2 < sizeof longest; i += 2)
            memcpy(longest + i, "\xc9\x99", 3);
        assert_fails(VS_E_XML, vs_fail(&err, VS_E_XML, NULL, "%s", longest));
        assert_true(vs_utf8_valid(vs_bytes_text(err.text)));
        assert_true(strlen(err.text) > sizeof err.text - 4);
    }
    assert_fails(VS_E_XML, vs_fail(&err, VS_E_XML, NULL, "a\nb\x1b[0m"));
    assert_string_equal(err.text, "a?b?[0m");
}

static void error__may_quote_itself(void **state)
{
    (void)state;
    struct vs_error err;
    assert_fails(VS_E_XML, vs_fail(&err, VS_E_XML, NULL, "inner"));
    assert_fails(VS_E_IO, vs_fail(&err, VS_E_IO, NULL, "outer: %s", err.text));
    assert_string_equal(err.text, "outer: inner");
}

static void check__can_be_disabled_in_a_test_build(void **state)
{
    (void)state;
    struct vs_error err;
    vs_check_disable(VS_E_NOT_ZIP);
    assert_true(vs_ok(refuse(&err)));
    vs_check_disable(VS_E_NONE);
    assert_false(vs_ok(refuse(&err)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__is_complete_and_its_names_are_unique),
        cmocka_unit_test(error__carries_the_tables_clause_unless_another_decides),
        cmocka_unit_test(error__is_one_line_of_utf8_even_when_cut),
        cmocka_unit_test(error__may_quote_itself),
        cmocka_unit_test(check__can_be_disabled_in_a_test_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
