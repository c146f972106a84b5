#include "tests/unit/unit.h"

static struct vs_arena *arena;
static struct vs_error err;

static void base64__round_trips_every_length(void **state)
{
    (void)state;
    uint8_t bytes[70];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        struct vs_bytes back;
        char *text = vs_base64_new(arena, VS_BYTES(bytes, len));
        assert_ok(vs_base64_decode(arena, vs_bytes_text(text), &back, &err));
        assert_bytes_equal(back, VS_BYTES(bytes, len));
    }
}

/* RFC 4648, 10: the test vectors. */
static void base64__is_what_rfc_4648_says(void **state)
{
    (void)state;
    static const char *const vectors[][2] = {
        {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
        {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        assert_string_equal(vs_base64_new(arena, vs_bytes_text(vectors[i][0])), vectors[i][1]);
}

static void base64__refuses_what_could_be_written_two_ways(void **state)
{
    (void)state;
    static const char *const bad[] = {"Zg=",      "Zg",    "Zh==", "Zm9=",     "Z===", "====",
                                      "Zg==Zg==", "Zm9v=", "Zm-v", "Zm9v\x01", "="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct vs_bytes back;
        assert_fails(VS_E_SYNTAX, vs_base64_decode(arena, vs_bytes_text(bad[i]), &back, &err));
    }
}

static void base64__allows_white_space_as_xml_schema_does(void **state)
{
    (void)state;
    struct vs_bytes back;
    assert_ok(vs_base64_decode(arena, vs_bytes_text(" Zm9v\r\n\tYg = =\n"), &back, &err));
    assert_true(vs_bytes_is(back, "foob"));
}

static void base64__is_read_however_it_is_cut(void **state)
{
    (void)state;
    static const char text[] = "Zm9vYmFy Zm9v\r\nYmFyZm9vYg =\n= ";
    for (size_t step = 1; step < sizeof text; step++) {
        struct vs_base64 reader = {0};
        uint8_t out[VS_BASE64_ROOM(sizeof text)];
        size_t len = 0;
        for (size_t i = 0; i < sizeof text - 1; i += step) {
            size_t left = sizeof text - 1 - i, got;
            assert_ok(vs_base64_feed(&reader, VS_BYTES(text + i, left < step ? left : step),
                                     out + len, &got, &err));
            len += got;
        }
        assert_ok(vs_base64_end(&reader, &err));
        assert_bytes_equal(VS_BYTES(out, len), VS_BYTES_LITERAL("foobarfoobarfoob"));
    }
    struct vs_base64 short_one = {0};
    uint8_t out[VS_BASE64_ROOM(3)];
    size_t got;
    assert_ok(vs_base64_feed(&short_one, vs_bytes_text("Zm9"), out, &got, &err));
    assert_fails(VS_E_SYNTAX, vs_base64_end(&short_one, &err));
}

static void utf8__takes_shortest_forms_only(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"Sənəd № 5 şöbəsi İ ı", true},
        {"\xf0\x9f\x96\x8b", true},
        {"\xc0\x80", false},
        {"\xe0\x80\xaf", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xff", false},
        {"\xc3", false},
        {"\xe2\x82", false},
        {"\x80", false},
        {"\xf4\x8f\xbf\xbf", true},
        {"", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(vs_utf8_valid(vs_bytes_text(cases[i].text)), cases[i].valid);
}

static void text__sees_what_could_forge_a_line_of_a_log(void **state)
{
    (void)state;
    assert_false(vs_text_has_controls(vs_bytes_text("Sənəd «5», ünvan: Bakı")));
    static const char *const bad[] = {"a\nb",         "a\rb",     "\x1b[31m",
                                      "a\x7f",        "\xc2\x85", "\xe2\x80\xae",
                                      "\xe2\x81\xa6", "\xff",     "\xe2\x80\xa8"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(vs_text_has_controls(vs_bytes_text(bad[i])));
}

static void hex__round_trips_and_refuses_the_rest(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_true(vs_hex_decode("00fF", out, 2));
    assert_string_equal(vs_hex_new(arena, VS_BYTES(out, 2)), "00ff");
    static const char *const bad[] = {"", "0", "000", "00f", "00fg", "00ff0", " 00ff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(vs_hex_decode(bad[i], out, 2));
}

static void percent__round_trips_names_and_refuses_broken_escapes(void **state)
{
    (void)state;
    const char *name = "Müqavilə № 5+1 (100%).pdf";
    char *text = vs_percent_encode(arena, vs_bytes_text(name));
    assert_non_null(strstr(text, "%2B1%20%28100%25%29.pdf"));
    struct vs_bytes back;
    assert_ok(vs_percent_decode(arena, vs_bytes_text(text), &back, &err));
    assert_true(vs_bytes_is(back, name));
    static const char *const bad[] = {"%", "%4", "%zz", "a%00b", "%-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(VS_E_SYNTAX, vs_percent_decode(arena, vs_bytes_text(bad[i]), &back, &err));
}

static void number__is_decimal_and_does_not_overflow(void **state)
{
    (void)state;
    uint64_t v;
    assert_true(vs_u64_decode(vs_bytes_text("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    static const char *const bad[] = {"",   "18446744073709551616", "-1", "+1", " 1", "1 ",
                                      "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(vs_u64_decode(vs_bytes_text(bad[i]), &v));
}

static void case__is_ascii_whatever_the_locale(void **state)
{
    (void)state;
    assert_true(vs_text_equal_ascii_case("TITLE", "title"));
    assert_false(vs_text_equal_ascii_case("\xc4\xb0", "i"));
    assert_false(vs_text_equal_ascii_case("a", "ab"));
}

static int start(void **state)
{
    (void)state;
    arena = vs_arena_new(1 << 20);
    return arena == NULL;
}

static int end(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64__round_trips_every_length),
        cmocka_unit_test(base64__is_what_rfc_4648_says),
        cmocka_unit_test(base64__refuses_what_could_be_written_two_ways),
        cmocka_unit_test(base64__allows_white_space_as_xml_schema_does),
        cmocka_unit_test(base64__is_read_however_it_is_cut),
        cmocka_unit_test(utf8__takes_shortest_forms_only),
        cmocka_unit_test(text__sees_what_could_forge_a_line_of_a_log),
        cmocka_unit_test(hex__round_trips_and_refuses_the_rest),
        cmocka_unit_test(percent__round_trips_names_and_refuses_broken_escapes),
        cmocka_unit_test(number__is_decimal_and_does_not_overflow),
        cmocka_unit_test(case__is_ascii_whatever_the_locale),
    };
    return cmocka_run_group_tests(tests, start, end);
}
