#include "tests/unit/unit.h"
#include "formats/crypto/ec_table.h"
#include "formats/crypto/key.h"

enum { MESSAGES = 40 };
static const struct vs_signature_algorithm ecdsa = {.scheme = VS_ECDSA, .digest = VS_SHA256};

static struct vs_key *key;
static struct vs_ec_table *table;

static int make_table(void **state)
{
    (void)state;
    struct vs_error err;
    assert_ok(vs_key_generate(VS_GENERATE_P256, &key, &err));
    table = vs_ec_table_new(vs_key_evp(key));
    assert_non_null(table);
    return 0;
}

static int drop_table(void **state)
{
    (void)state;
    vs_ec_table_free(table);
    vs_key_unref(key);
    return 0;
}

static struct vs_bytes hex(const char *text, uint8_t *to)
{
    size_t len = strlen(text) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned octet;
        assert_int_equal(sscanf(text + 2 * i, "%2x", &octet), 1);
        to[i] = (uint8_t)octet;
    }
    return VS_BYTES(to, len);
}

static struct vs_signature_value sign(const struct vs_digest *digest)
{
    struct vs_signature_value value;
    struct vs_error err;
    assert_ok(vs_key_sign(key, ecdsa, digest, VS_SIGNATURE_RAW, &value, &err));
    return value;
}

static struct vs_digest digest_of(uint32_t n)
{
    struct vs_digest digest;
    vs_digest_of(VS_SHA256, VS_BYTES(&n, sizeof n), &digest);
    return digest;
}

static void ec_table__verifies_what_openssl_signed(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        struct vs_digest digest = digest_of(i);
        struct vs_signature_value value = sign(&digest);
        assert_true(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
    }
}

static void ec_table__refuses_every_flipped_byte(void **state)
{
    (void)state;
    struct vs_digest digest = digest_of(1);
    struct vs_signature_value value = sign(&digest);
    for (size_t i = 0; i < value.len; i++) {
        value.bytes[i] ^= 1;
        assert_false(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
        value.bytes[i] ^= 1;
    }
    for (size_t i = 0; i < digest.len; i++) {
        digest.bytes[i] ^= 0x80;
        assert_false(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
        digest.bytes[i] ^= 0x80;
    }
    assert_true(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
}

/* FIPS 186-5, 6.4.2: r and s lie in 1 .. n - 1. Values outside must not wrap around. */
static void ec_table__refuses_values_out_of_range(void **state)
{
    (void)state;
    static const char *const order =
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    uint8_t n[32];
    hex(order, n);
    struct vs_digest digest = digest_of(2);
    struct vs_signature_value good = sign(&digest), value;
    for (int part = 0; part < 2; part++) {
        value = good;
        memset(value.bytes + 32 * part, 0, 32);
        assert_false(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
        memcpy(value.bytes + 32 * part, n, 32);
        assert_false(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
        memset(value.bytes + 32 * part, 0xff, 32);
        assert_false(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
    }
    assert_false(vs_ec_table_verifies(table, &digest, VS_BYTES(good.bytes, 63)));
    assert_false(vs_ec_table_verifies(table, &digest, VS_BYTES_NONE));
}

static void ec_table__takes_the_leftmost_bits_of_longer_digests(void **state)
{
    (void)state;
    struct vs_digest digest = digest_of(3), longer = {.algorithm = VS_SHA512, .len = 64};
    struct vs_signature_value value = sign(&digest);
    memcpy(longer.bytes, digest.bytes, 32);
    memset(longer.bytes + 32, 0x5a, 32);
    assert_true(vs_ec_table_verifies(table, &longer, vs_signature_bytes(&value)));
}

/* Digests of zero and of the order itself: u1 is zero. */
static void ec_table__verifies_digests_that_are_zero_modulo_the_order(void **state)
{
    (void)state;
    struct vs_digest digest = {.algorithm = VS_SHA256, .len = 32};
    struct vs_signature_value value = sign(&digest);
    assert_true(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
    hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", digest.bytes);
    assert_true(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
    digest.bytes[31] ^= 1;
    assert_false(vs_ec_table_verifies(table, &digest, vs_signature_bytes(&value)));
}

/* RFC 6979, A.2.5: P-256, SHA-256, "sample". */
static void ec_table__verifies_the_vector_of_rfc_6979(void **state)
{
    (void)state;
    uint8_t spki[128], raw[64];
    struct vs_error err;
    struct vs_public_key *public;
    struct vs_digest digest;
    enum vs_signature_verdict verdict;
    struct vs_bytes der =
        hex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"
            "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
            "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
            spki);
    struct vs_bytes value =
        hex("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
            raw);
    assert_ok(vs_public_key_decode(der, &public, &err));
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("sample"), &digest);
    /* More often than it takes to get a table: the verdict stays. */
    for (int i = 0; i < 300; i++) {
        assert_ok(vs_public_key_verify(public, ecdsa, &digest, VS_SIGNATURE_RAW, value,
                                       &verdict, &err));
        assert_int_equal(verdict, VS_SIGNATURE_VALID);
    }
    raw[40] ^= 4;
    assert_ok(
        vs_public_key_verify(public, ecdsa, &digest, VS_SIGNATURE_RAW, value, &verdict, &err));
    assert_int_equal(verdict, VS_SIGNATURE_INVALID);
    vs_public_key_unref(public);
}

static void ec_table__is_had_for_p256_only_and_in_a_bounded_number(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_key *other;
    assert_ok(vs_key_generate(VS_GENERATE_P384, &other, &err));
    for (int i = 0; i < VS_EC_TABLES_MAX + 1; i++) /* a failed one takes no place */
        assert_null(vs_ec_table_new(vs_key_evp(other)));
    vs_key_unref(other);
    struct vs_ec_table *again = vs_ec_table_new(vs_key_evp(key));
    assert_non_null(again);
    vs_ec_table_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ec_table__verifies_what_openssl_signed),
        cmocka_unit_test(ec_table__refuses_every_flipped_byte),
        cmocka_unit_test(ec_table__refuses_values_out_of_range),
        cmocka_unit_test(ec_table__takes_the_leftmost_bits_of_longer_digests),
        cmocka_unit_test(ec_table__verifies_digests_that_are_zero_modulo_the_order),
        cmocka_unit_test(ec_table__verifies_the_vector_of_rfc_6979),
        cmocka_unit_test(ec_table__is_had_for_p256_only_and_in_a_bounded_number),
    };
    return cmocka_run_group_tests(tests, make_table, drop_table);
}
