/* reliability.md: "signature encodings, Wycheproof-like vectors; algorithm confusion". One
 * value has one encoding; a padding that is nearly right is wrong. Each forged value stands
 * beside the accepted one it was made from. RSA blocks are made here and signed raw by openssl,
 * so that only the padding is in question. */
#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/crypto/der.h"
#include "formats/crypto/key.h"

static struct vs_error err;
static struct vs_digest digest;

static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                  0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static enum vs_signature_verdict verify(const struct vs_public_key *key,
                                        struct vs_signature_algorithm algorithm,
                                        enum vs_signature_form form, struct vs_bytes value)
{
    enum vs_signature_verdict verdict;
    assert_ok(vs_public_key_verify(key, algorithm, &digest, form, value, &verdict, &err));
    return verdict;
}

/* -- ECDSA --------------------------------------------------------------------------------- */

struct parts {
    struct vs_bytes r, s;
};

static struct vs_key *sign_p256(struct vs_signature_value *value, struct parts *ret)
{
    struct vs_key *key = NULL;
    assert_ok(vs_key_generate(VS_GENERATE_P256, &key, &err));
    assert_ok(vs_key_sign(key, VS_ECDSA_SHA256, &digest, VS_SIGNATURE_DER, value, &err));
    struct vs_der der = vs_der_reader(vs_signature_bytes(value));
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    ret->r = vs_der_unsigned(&inner, 32);
    ret->s = vs_der_unsigned(&inner, 32);
    assert_true(vs_der_done(&inner));
    return key;
}

/* value + order, in 33 octets. */
static struct vs_bytes plus_order(struct vs_bytes value, uint8_t out[33])
{
    unsigned carry = 0;
    memset(out, 0, 33);
    memcpy(out + 33 - value.len, value.ptr, value.len);
    for (int i = 32; i >= 0; i--) {
        carry += out[i] + (i > 0 ? order[i - 1] : 0u);
        out[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return VS_BYTES(out, 33);
}

static void put(struct vs_buffer *to, struct vs_bytes r, struct vs_bytes s)
{
    vs_buffer_clear(to);
    size_t begin = vs_der_begin(to);
    vs_der_put_unsigned(to, r);
    vs_der_put_unsigned(to, s);
    vs_der_end(to, begin, VS_DER_SEQUENCE);
}

static void ecdsa__value_with_parts_out_of_range_is_invalid(void **state)
{
    (void)state;
    struct vs_signature_value value;
    struct parts p;
    VS_KEY *key = sign_p256(&value, &p);
    const struct vs_public_key *public = vs_key_public(key);
    VS_BUFFER der;
    vs_buffer_init(&der, 512);
    put(&der, p.r, p.s);
    assert_int_equal(verify(public, VS_ECDSA_SHA256, VS_SIGNATURE_DER, vs_buffer_view(&der)),
                     VS_SIGNATURE_VALID);
    uint8_t more_r[33], more_s[33];
    struct vs_bytes zero = VS_BYTES_LITERAL("\0"), one = VS_BYTES_LITERAL("\1"),
                    n = VS_BYTES(order, 32);
    const struct parts forged[] = {{zero, p.s},
                                   {p.r, zero},
                                   {zero, zero},
                                   {one, one},
                                   {n, p.s},
                                   {p.r, n},
                                   {plus_order(p.r, more_r), p.s},
                                   {p.r, plus_order(p.s, more_s)},
                                   {p.s, p.r}};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        put(&der, forged[i].r, forged[i].s);
        if (verify(public, VS_ECDSA_SHA256, VS_SIGNATURE_DER, vs_buffer_view(&der)) !=
            VS_SIGNATURE_INVALID)
            fail_msg("forged value %zu", i);
    }
}

/* The same r and s otherwise encoded. */
static void ecdsa__value_in_another_encoding_is_invalid(void **state)
{
    (void)state;
    struct vs_signature_value value;
    struct parts p;
    VS_KEY *key = sign_p256(&value, &p);
    struct vs_bytes good = vs_signature_bytes(&value);
    struct vs_bytes content = VS_BYTES(good.ptr + 2, good.len - 2);
    struct vs_buffer forged[7];
    for (size_t i = 0; i < 7; i++)
        vs_buffer_init(&forged[i], 512);
    uint8_t length = (uint8_t)content.len;
    vs_buffer_add(&forged[0], VS_BYTES_LITERAL("\x30\x81")); /* long form of a short length */
    vs_buffer_byte(&forged[0], length);
    vs_buffer_add(&forged[0], content);
    vs_buffer_add(&forged[1], VS_BYTES_LITERAL("\x30\x80")); /* indefinite */
    vs_buffer_add(&forged[1], content);
    vs_buffer_add(&forged[1], VS_BYTES("\0\0", 2));
    vs_buffer_add(&forged[2], good); /* something after it */
    vs_buffer_byte(&forged[2], 0);
    vs_buffer_byte(&forged[3], VS_DER_SEQUENCE); /* something inside, after s */
    vs_buffer_byte(&forged[3], (uint8_t)(length + 2));
    vs_buffer_add(&forged[3], content);
    vs_buffer_add(&forged[3], VS_BYTES("\5\0", 2));
    vs_buffer_byte(&forged[4], VS_DER_SEQUENCE); /* r with one zero octet too many */
    vs_buffer_byte(&forged[4], (uint8_t)(length + 1));
    vs_buffer_byte(&forged[4], VS_DER_INTEGER);
    vs_buffer_byte(&forged[4], (uint8_t)(content.ptr[1] + 1));
    vs_buffer_byte(&forged[4], 0);
    vs_buffer_add(&forged[4], VS_BYTES(content.ptr + 2, content.len - 2));
    vs_buffer_byte(&forged[5], VS_DER_SET); /* another tag */
    vs_buffer_byte(&forged[5], length);
    vs_buffer_add(&forged[5], content);
    vs_buffer_add(&forged[6], content); /* no SEQUENCE at all */
    assert_int_equal(verify(vs_key_public(key), VS_ECDSA_SHA256, VS_SIGNATURE_DER, good),
                     VS_SIGNATURE_VALID);
    for (size_t i = 0; i < 7; i++) {
        if (verify(vs_key_public(key), VS_ECDSA_SHA256, VS_SIGNATURE_DER,
                   vs_buffer_view(&forged[i])) != VS_SIGNATURE_INVALID)
            fail_msg("encoding %zu", i);
    }
    for (size_t i = 0; i < 7; i++)
        vs_buffer_done(&forged[i]);
    /* And the one form is not taken for the other. */
    assert_int_equal(verify(vs_key_public(key), VS_ECDSA_SHA256, VS_SIGNATURE_RAW, good),
                     VS_SIGNATURE_INVALID);
}

/* -- RSA ----------------------------------------------------------------------------------- */

enum { MODULUS = 256 };

#define SHA256_INFO                                                                            \
    "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
#define SHA512_INFO                                                                            \
    "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x20"
#define NO_NULL "\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20"
#define LONG_LENGTH                                                                            \
    "\x30\x81\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
#define BIT_STRING                                                                             \
    "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x03\x20"

static const struct {
    const char *what, *head, *info;
    size_t info_len, tail; /* octets of rubbish after the digest */
    enum vs_signature_verdict wanted;
} blocks[] = {
    {"as RFC 8017, 9.2 says", "\x00\x01", SHA256_INFO, 19, 0, VS_SIGNATURE_VALID},
    {"parameters left out", "\x00\x01", NO_NULL, 17, 0, VS_SIGNATURE_INVALID},
    {"another digest's name", "\x00\x01", SHA512_INFO, 19, 0, VS_SIGNATURE_INVALID},
    {"BER length", "\x00\x01", LONG_LENGTH, 20, 0, VS_SIGNATURE_INVALID},
    {"another string type", "\x00\x01", BIT_STRING, 19, 0, VS_SIGNATURE_INVALID},
    {"rubbish after the digest", "\x00\x01", SHA256_INFO, 19, 40, VS_SIGNATURE_INVALID},
    {"bare digest", "\x00\x01", "", 0, 0, VS_SIGNATURE_INVALID},
    {"encryption's block type", "\x00\x02", SHA256_INFO, 19, 0, VS_SIGNATURE_INVALID},
    {"block type 0", "\x00\x00", SHA256_INFO, 19, 0, VS_SIGNATURE_INVALID},
};

static void write_block(size_t i)
{
    uint8_t block[MODULUS];
    size_t tail = 32 + blocks[i].tail, end = MODULUS - tail - blocks[i].info_len;
    memset(block, 0xff, sizeof block);
    memcpy(block, blocks[i].head, 2);
    block[end - 1] = 0;
    memcpy(block + end, blocks[i].info, blocks[i].info_len);
    memcpy(block + MODULUS - tail, digest.bytes, 32);
    openssl_write("block", VS_BYTES(block, MODULUS));
}

static void rsa__value_with_a_nearly_right_padding_is_invalid(void **state)
{
    (void)state;
    openssl_must("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out r.key && "
                 "openssl pkey -in r.key -pubout -outform DER -out r.spki");
    VS_PUBLIC_KEY *key = NULL;
    assert_ok(vs_public_key_decode(openssl_file("r.spki"), &key, &err));
    const struct vs_signature_algorithm pkcs1 = {.scheme = VS_RSA_PKCS1, .digest = VS_SHA256},
                                        pss = {.scheme = VS_RSA_PSS, .digest = VS_SHA256};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        write_block(i);
        openssl_must("openssl rsautl -sign -raw -inkey r.key -in block "
                     "-out value");
        if (verify(key, pkcs1, VS_SIGNATURE_DER, openssl_file("value")) != blocks[i].wanted)
            fail_msg("%s", blocks[i].what);
        assert_int_equal(verify(key, pss, VS_SIGNATURE_DER, openssl_file("value")),
                         VS_SIGNATURE_INVALID);
    }
}

/* The salt's length is part of the algorithm's name: another one is another algorithm. */
static void pss__value_with_another_salt_length_is_invalid(void **state)
{
    (void)state;
    openssl_must(
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out r.key && "
        "openssl pkey -in r.key -pubout -outform DER -out r.spki && printf message >m");
    VS_PUBLIC_KEY *key = NULL;
    assert_ok(vs_public_key_decode(openssl_file("r.spki"), &key, &err));
    const struct vs_signature_algorithm pss = {.scheme = VS_RSA_PSS, .digest = VS_SHA256};
    static const int salts[] = {32, 20, 0, 222};
    for (size_t i = 0; i < 4; i++) {
        openssl_must("openssl dgst -sha256 -sign r.key -sigopt rsa_padding_mode:pss -sigopt "
                     "rsa_pss_saltlen:%d -out value m",
                     salts[i]);
        assert_int_equal(verify(key, pss, VS_SIGNATURE_DER, openssl_file("value")),
                         salts[i] == 32 ? VS_SIGNATURE_VALID : VS_SIGNATURE_INVALID);
    }
}

static int set_up(void **state)
{
    (void)state;
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("message"), &digest);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa__value_with_parts_out_of_range_is_invalid),
        cmocka_unit_test(ecdsa__value_in_another_encoding_is_invalid),
        cmocka_unit_test(rsa__value_with_a_nearly_right_padding_is_invalid),
        cmocka_unit_test(pss__value_with_another_salt_length_is_invalid),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
