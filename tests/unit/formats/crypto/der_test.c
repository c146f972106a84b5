#include "tests/unit/unit.h"
#include "formats/crypto/ber.h"
#include "formats/crypto/der.h"
#include <openssl/asn1.h>
#include <openssl/err.h>

static struct vs_error err;

#define HEX_MAX 512
static struct vs_bytes hex(const char *text)
{
    static uint8_t room[8][HEX_MAX];
    static int turn;
    uint8_t *to = room[turn++ % 8];
    size_t len = strlen(text) / 2;
    assert_true(len <= HEX_MAX && vs_hex_decode(text, to, len));
    return VS_BYTES(to, len);
}

/* X.690, 10.1. */
static void der__takes_one_encoding_of_each_length(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool good;
    } cases[] = {
        {"0400", true},
        {"040141", true},
        {"04810141", false},         /* the long form of a short length */
        {"0482000141", false},       /* a leading zero */
        {"0480410000", false},       /* indefinite */
        {"0485000000000141", false}, /* five octets */
        {"04", false},
        {"040241", false}, /* longer than what is there */
        {"04ffffffff", false},
        {"1f0400", false},   /* a high tag number */
        {"0000", false},     /* end of contents */
        {"04014100", false}, /* something after it */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_der der = vs_der_reader(hex(cases[i].bytes));
        (void)vs_der_take(&der, VS_DER_OCTET_STRING);
        if (vs_der_done(&der) != cases[i].good)
            fail_msg("%s", cases[i].bytes);
    }
}

/* RFC 5280, 4.1. */
static void der__reads_extensions_one_by_one_and_at_most_64(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int n; /* -1: malformed */
    } cases[] = {
        {"", 0},
        {"30070603551d140400", 1},
        {"300a0603551d140101ff0400", 1},
        {"300a0603551d14010100040030070603551d230400", 2}, /* FALSE written out: CAs do */
        {"300a0603551d140101010400", -1},                  /* a BOOLEAN that is none */
        {"30050603551d14", -1},                            /* no value */
        {"30090603551d1404000500", -1},                    /* something behind it */
        {"30070603551d14040005", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_der list = vs_der_reader(hex(cases[i].bytes));
        struct vs_der_extension one = {0};
        int n = 0;
        while (vs_der_extension(&list, &one)) {
            assert_bytes_equal(VS_BYTES(one.oid.ptr, 2), VS_BYTES_LITERAL("\x55\x1d"));
            assert_int_equal(one.critical, i == 2);
            n++;
        }
        if ((vs_der_done(&list) ? n : -1) != cases[i].n)
            fail_msg("%s", cases[i].bytes);
    }
    uint8_t many[65 * 9];
    for (size_t i = 0; i < 65; i++)
        memcpy(many + 9 * i, "\x30\x07\x06\x03\x55\x1d\x14\x04", 9);
    for (size_t n = 64; n <= 65; n++) {
        struct vs_der list = vs_der_reader(VS_BYTES(many, n * 9));
        for (struct vs_der_extension one = {0}; vs_der_extension(&list, &one);)
            continue;
        assert_int_equal(vs_der_done(&list), n == 64);
    }
}

static void der__stays_failed(void **state)
{
    (void)state;
    struct vs_der der = vs_der_reader(hex("040141020105"));
    (void)vs_der_take(&der, VS_DER_INTEGER);
    assert_true(der.failed);
    assert_int_equal(vs_der_take(&der, VS_DER_OCTET_STRING).len, 0);
    assert_false(vs_der_more(&der));
    assert_false(vs_der_done(&der));
    assert_int_equal(vs_der_peek(&der), 0);
}

static void der__reads_integers_in_their_shortest_form_only(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int64_t wanted; /* -1: refused */
    } cases[] = {
        {"020100", 0},
        {"02017f", 127},
        {"02020080", 128},
        {"0202007f", -1},
        {"0201ff", -1},
        {"0200", -1},
        {"02087fffffffffffffff", INT64_MAX},
        {"0209008000000000000000", -1},
        {"020180", -1},
        {"0202ff80", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_der der = vs_der_reader(hex(cases[i].bytes));
        int64_t n = vs_der_small(&der);
        bool good = vs_der_done(&der);
        if (good != (cases[i].wanted >= 0) || (good && n != cases[i].wanted))
            fail_msg("%s", cases[i].bytes);
    }
}

static void der__reads_times_as_the_profiles_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t tag;
        bool plain;
        const char *wanted; /* NULL: refused */
    } cases[] = {
        {"491231235959Z", VS_DER_UTC_TIME, true, "2049-12-31T23:59:59.000Z"},
        {"500101000000Z", VS_DER_UTC_TIME, true, "1950-01-01T00:00:00.000Z"},
        {"4912312359Z", VS_DER_UTC_TIME, true, NULL},
        {"491231235959+0400", VS_DER_UTC_TIME, true, NULL},
        {"490229000000Z", VS_DER_UTC_TIME, true, NULL},
        {"20500101000000Z", VS_DER_GENERALIZED_TIME, true, "2050-01-01T00:00:00.000Z"},
        {"20500101000000.5Z", VS_DER_GENERALIZED_TIME, true, NULL},
        {"20260101000000.5Z", VS_DER_GENERALIZED_TIME, false, "2026-01-01T00:00:00.500Z"},
        {"20260101000000.1239999Z", VS_DER_GENERALIZED_TIME, false, "2026-01-01T00:00:00.123Z"},
        {"20260101000000.50Z", VS_DER_GENERALIZED_TIME, false, NULL},
        {"20260101000000.Z", VS_DER_GENERALIZED_TIME, false, NULL},
        {"20260101000000,5Z", VS_DER_GENERALIZED_TIME, false, NULL},
        {"20260101000000", VS_DER_GENERALIZED_TIME, false, NULL},
        {"20260101000060Z", VS_DER_GENERALIZED_TIME, false, NULL},
        {"2026010100000 Z", VS_DER_GENERALIZED_TIME, false, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VS_BUFFER bytes;
        vs_buffer_init(&bytes, 64);
        vs_der_put(&bytes, cases[i].tag, vs_bytes_text(cases[i].text));
        struct vs_der der = vs_der_reader(vs_buffer_view(&bytes));
        vs_time_ms t = cases[i].plain ? vs_der_time(&der) : vs_der_generalized_time(&der, NULL);
        assert_int_equal(vs_der_done(&der), cases[i].wanted != NULL);
        if (cases[i].wanted != NULL) {
            char text[VS_TIME_TEXT];
            vs_time_text(t, text);
            assert_string_equal(text, cases[i].wanted);
        }
    }
}

static void oid__goes_to_text_and_back(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 16);
    static const char *const texts[] = {"1.2.840.113549.1.1.11", "2.5.4.3", "0.4.0.1862.1.1",
                                        "2.999.1", "1.3.6.1.4.1.18446744073709551615"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct vs_bytes oid = vs_oid_from_text(arena, texts[i]);
        assert_true(oid.len > 0);
        char *back = vs_oid_text(arena, oid);
        assert_non_null(back);
        assert_string_equal(back, texts[i]);
    }
    static const char *const bad[] = {"", "1", "3.1", "1.40", "1..2", "1.2.", "01.2", "1.2.x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(vs_oid_from_text(arena, bad[i]).len, 0);
    assert_null(vs_oid_text(arena, hex("8001")));
    assert_null(vs_oid_text(arena, hex("2a86")));
}

static void text__comes_from_every_string_type_and_hides_no_nul(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 16);
    assert_string_equal(vs_der_text(arena, VS_DER_UTF8_STRING, hex("c999")), "ə");
    assert_string_equal(vs_der_text(arena, VS_DER_BMP_STRING, hex("02590041")), "əA");
    assert_string_equal(vs_der_text(arena, VS_DER_T61_STRING, hex("fc")), "ü");
    assert_string_equal(vs_der_text(arena, 0x1c, hex("0001f600")), "😀");
    assert_null(vs_der_text(arena, VS_DER_UTF8_STRING, hex("410042")));
    assert_null(vs_der_text(arena, VS_DER_UTF8_STRING, hex("c0af")));
    assert_null(vs_der_text(arena, VS_DER_BMP_STRING, hex("d83d")));
    assert_null(vs_der_text(arena, VS_DER_BMP_STRING, hex("02")));
    assert_null(vs_der_text(arena, VS_DER_PRINTABLE_STRING, hex("fc")));
    assert_null(vs_der_text(arena, VS_DER_OCTET_STRING, hex("41")));
}

/* What ours takes, OpenSSL's parser takes too: it is never laxer (a hundred thousand of them).
 */
static void der__is_nowhere_laxer_than_openssl(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252;
    for (int round = 0; round < 100000; round++) {
        uint8_t bytes[12];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            static const uint8_t likely[] = {0x02, 0x03, 0x04, 0x05, 0x06, 0x30, 0x31, 0x00,
                                             0x01, 0x80, 0x81, 0x82, 0x0a, 0x08, 0x09, 0xff};
            bytes[i] = seed >> 60 < 12 ? likely[seed >> 20 & 15] : (uint8_t)seed;
        }
        struct vs_der der = vs_der_reader(VS_BYTES(bytes, 2 + seed % 11));
        size_t all = (size_t)(der.end - der.at);
        struct vs_bytes whole = vs_der_element(&der, NULL);
        if (der.failed)
            continue;
        const uint8_t *at = bytes;
        long len;
        int tag, class;
        int flags = ASN1_get_object(&at, &len, &tag, &class, (long)all);
        if (flags & 0x80 || (flags & 1) || (size_t)(at - bytes) + (size_t)len != whole.len)
            fail_msg("round %d", round);
        struct vs_der again = vs_der_reader(whole);
        if (bytes[0] == VS_DER_INTEGER) {
            int64_t n = vs_der_small(&again);
            const uint8_t *from = bytes;
            ASN1_INTEGER *theirs = d2i_ASN1_INTEGER(NULL, &from, (long)whole.len);
            int64_t value = -1;
            if (!again.failed)
                assert_true(theirs != NULL && ASN1_INTEGER_get_int64(&value, theirs) == 1 &&
                            value == n);
            ASN1_INTEGER_free(theirs);
        }
        ERR_clear_error();
    }
}

static void ber__becomes_definite_without_touching_contents(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 16);
    static const struct {
        const char *ber, *der; /* NULL: refused */
    } cases[] = {
        {"3080020105"
         "0000",
         "3003020105"},
        {"30800402307f0000", "30040402307f"},
        {"248004014104014200"
         "00",
         "04024142"}, /* an octet string in pieces */
        {"2480240304014104014200"
         "00",
         "04024142"},             /* pieces of pieces */
        {"24800201410000", NULL}, /* a piece that is none */
        {"3081030201ff", "30030201ff"},
        {"3080020105", NULL},
        {"308002010500", NULL},
        {"30800201050000"
         "00",
         NULL},
        {"0480", NULL}, /* a primitive one cannot be indefinite */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_bytes der;
        vs_rc rc = vs_ber_to_der(arena, hex(cases[i].ber), &der, &err);
        if (vs_ok(rc) != (cases[i].der != NULL))
            fail_msg("%s", cases[i].ber);
        if (vs_ok(rc))
            assert_bytes_equal(der, hex(cases[i].der));
    }
    uint8_t deep[400];
    for (size_t i = 0; i < 100; i++)
        memcpy(deep + 2 * i, "\x30\x80", 2);
    memset(deep + 200, 0, 200);
    struct vs_bytes der;
    assert_fails(VS_E_SYNTAX, vs_ber_to_der(arena, VS_BYTES(deep, 400), &der, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(der__takes_one_encoding_of_each_length),
        cmocka_unit_test(der__reads_extensions_one_by_one_and_at_most_64),
        cmocka_unit_test(der__stays_failed),
        cmocka_unit_test(der__reads_integers_in_their_shortest_form_only),
        cmocka_unit_test(der__reads_times_as_the_profiles_write_them),
        cmocka_unit_test(oid__goes_to_text_and_back),
        cmocka_unit_test(text__comes_from_every_string_type_and_hides_no_nul),
        cmocka_unit_test(der__is_nowhere_laxer_than_openssl),
        cmocka_unit_test(ber__becomes_definite_without_touching_contents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
