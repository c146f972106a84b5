#include "tests/unit/unit.h"
#include "formats/crypto/der_writer.h"
#include <openssl/asn1.h>
#include <openssl/objects.h>

static void expect_hex(const struct vs_buffer *out, const char *hex)
{
    char got[1024];
    assert_false(out->failed);
    vs_hex(vs_buffer_view(out), got);
    assert_string_equal(got, hex);
}

static void object_identifiers_equal_those_of_openssl(void **state)
{
    (void)state;
    static const char *const oids[] = {"1.2.840.10045.4.3.2", "2.5.29.15", "0.4.0.1862.1.1",
                                       "2.999.3", "1.3.6.1.4.1.99999999.1"};
    for (size_t i = 0; i < sizeof oids / sizeof oids[0]; i++) {
        VS_BUFFER out;
        vs_buffer_init(&out, 64);
        vs_der_put_oid(&out, oids[i]);
        ASN1_OBJECT *oracle = OBJ_txt2obj(oids[i], 1);
        uint8_t der[64], *to = der;
        int len = i2d_ASN1_OBJECT(oracle, &to);
        ASN1_OBJECT_free(oracle);
        assert_bytes_equal(vs_buffer_view(&out), VS_BYTES(der, (size_t)len));
    }
}

static void a_text_that_is_no_object_identifier_fails_the_buffer(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     "1",    "1.",    "1..2", "3.1",
        "1.40", "1.2.", "1.2.x", "a.b",  "1.2.99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        VS_BUFFER out;
        vs_buffer_init(&out, 64);
        vs_der_put_oid(&out, bad[i]);
        assert_true(out.failed);
    }
}

static void named_bits_drop_trailing_zeros(void **state)
{
    (void)state;
    static const struct {
        uint32_t bits;
        const char *hex;
    } rows[] = {{0, "030100"},
                {1, "03020780"},
                {3, "030206c0"},
                {0x60, "03020106"},
                {0x100, "0303070080"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        VS_BUFFER out;
        vs_buffer_init(&out, 64);
        vs_der_put_named_bits(&out, VS_DER_BIT_STRING, rows[i].bits);
        expect_hex(&out, rows[i].hex);
    }
}

static void times_follow_their_profiles(void **state)
{
    (void)state;
    static const struct {
        const char *text, *certificate, *token;
    } rows[] = {{"2026-11-21T20:46:48.120Z", "261121204648Z", "20261121204648.12Z"},
                {"2049-12-31T23:59:59.999Z", "491231235959Z", "20491231235959.999Z"},
                {"2050-01-01T00:00:00.000Z", "20500101000000Z", "20500101000000Z"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        vs_time_ms t;
        assert_true(vs_time_decode(vs_bytes_text(rows[i].text), &t));
        VS_BUFFER out;
        vs_buffer_init(&out, 64);
        vs_der_put_validity(&out, t);
        assert_string_equal((char *)out.ptr + 2, rows[i].certificate);
        vs_buffer_clear(&out);
        vs_der_put_time(&out, t, true);
        assert_string_equal((char *)out.ptr + 2, rows[i].token);
    }
}

static void a_set_is_sorted_by_its_encodings(void **state)
{
    (void)state;
    VS_BUFFER out;
    vs_buffer_init(&out, 64);
    size_t mark = vs_der_begin(&out);
    vs_der_put_small(&out, 300);
    vs_der_put_null(&out);
    vs_der_put_small(&out, 7);
    vs_der_put_small(&out, 5);
    vs_der_end_set_of(&out, mark, VS_DER_SET);
    expect_hex(&out, "310c0201050201070202012c0500");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object_identifiers_equal_those_of_openssl),
        cmocka_unit_test(a_text_that_is_no_object_identifier_fails_the_buffer),
        cmocka_unit_test(named_bits_drop_trailing_zeros),
        cmocka_unit_test(times_follow_their_profiles),
        cmocka_unit_test(a_set_is_sorted_by_its_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
