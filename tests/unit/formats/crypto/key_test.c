#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/crypto/key.h"
#include "formats/crypto/counters.h"

static const struct {
    const char *name, *genpkey, *dgst;
    struct vs_signature_algorithm algorithm;
} kinds[] = {
    {"p256",
     "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
     "-sha256",
     {.scheme = VS_ECDSA, .digest = VS_SHA256}},
    {"p384",
     "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
     "-sha384",
     {.scheme = VS_ECDSA, .digest = VS_SHA384}},
    {"p521",
     "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
     "-sha512",
     {.scheme = VS_ECDSA, .digest = VS_SHA512}},
    {"bp256",
     "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
     "-sha256",
     {.scheme = VS_ECDSA, .digest = VS_SHA256}},
    {"sha3",
     "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
     "-sha3-256",
     {.scheme = VS_ECDSA, .digest = VS_SHA3_256}},
    {"rsa",
     "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
     "-sha256",
     {.scheme = VS_RSA_PKCS1, .digest = VS_SHA256}},
    {"rsa1",
     "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
     "-sha1",
     {.scheme = VS_RSA_PKCS1, .digest = VS_SHA1}},
    {"pss",
     "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
     "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest",
     {.scheme = VS_RSA_PSS, .digest = VS_SHA256}},
    {"pss20",
     "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
     "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20 -sigopt rsa_mgf1_md:sha1",
     {.scheme = VS_RSA_PSS, .digest = VS_SHA384, .mgf_digest = VS_SHA1, .salt_bytes = 20}},
    {"ed", "-algorithm ED25519", NULL, {.scheme = VS_ED25519}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct vs_public_key *public_key(const char *name)
{
    struct vs_error err;
    char file[64];
    snprintf(file, sizeof file, "%s.spki", name);
    struct vs_public_key *key = NULL;
    assert_ok(vs_public_key_decode(openssl_file(file), &key, &err));
    return key;
}

static int make_keys(void **state)
{
    (void)state;
    openssl_must("printf 'the message' >message; printf 'the messagf' >other");
    for (size_t i = 0; i < KINDS; i++) {
        openssl_must("openssl genpkey %s -out %s.pem && "
                     "openssl pkey -in %s.pem -pubout -outform DER -out %s.spki && "
                     "openssl pkey -in %s.pem -pubout -out %s.pub",
                     kinds[i].genpkey, kinds[i].name, kinds[i].name, kinds[i].name,
                     kinds[i].name, kinds[i].name);
        if (kinds[i].dgst == NULL)
            openssl_must("openssl pkeyutl -sign -rawin -inkey %s.pem -in message -out %s.sig",
                         kinds[i].name, kinds[i].name);
        else
            openssl_must("openssl dgst %s -sign %s.pem -out %s.sig message", kinds[i].dgst,
                         kinds[i].name, kinds[i].name);
    }
    return 0;
}

static void key__verifies_what_openssl_signed_and_nothing_else(void **state)
{
    (void)state;
    struct vs_error err;
    for (size_t i = 0; i < KINDS; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.sig", kinds[i].name);
        struct vs_bytes value = openssl_file(file);
        VS_PUBLIC_KEY *key = public_key(kinds[i].name);
        enum vs_signature_verdict verdict;
        for (int again = 0; again < 3; again++) {
            assert_ok(vs_public_key_verify_message(key, kinds[i].algorithm,
                                                   openssl_file("message"), VS_SIGNATURE_DER,
                                                   value, &verdict, &err));
            assert_int_equal(verdict, VS_SIGNATURE_VALID);
        }
        assert_ok(vs_public_key_verify_message(key, kinds[i].algorithm, openssl_file("other"),
                                               VS_SIGNATURE_DER, value, &verdict, &err));
        assert_int_equal(verdict, VS_SIGNATURE_INVALID);
        uint8_t changed[VS_SIGNATURE_MAX];
        for (size_t at = 0; at < value.len; at++) {
            memcpy(changed, value.ptr, value.len);
            changed[at] ^= 0x10;
            assert_ok(vs_public_key_verify_message(
                key, kinds[i].algorithm, openssl_file("message"), VS_SIGNATURE_DER,
                VS_BYTES(changed, value.len), &verdict, &err));
            assert_int_equal(verdict, VS_SIGNATURE_INVALID);
        }
        for (size_t len = 0; len < value.len; len += 7) {
            assert_ok(vs_public_key_verify_message(key, kinds[i].algorithm,
                                                   openssl_file("message"), VS_SIGNATURE_DER,
                                                   VS_BYTES(value.ptr, len), &verdict, &err));
            assert_int_equal(verdict, VS_SIGNATURE_INVALID);
        }
        memcpy(changed, value.ptr, value.len);
        changed[value.len] = 0;
        assert_ok(vs_public_key_verify_message(
            key, kinds[i].algorithm, openssl_file("message"), VS_SIGNATURE_DER,
            VS_BYTES(changed, value.len + 1), &verdict, &err));
        assert_int_equal(verdict, VS_SIGNATURE_INVALID);
    }
}

static void key__says_wrong_key_where_the_algorithm_cannot_be_the_keys(void **state)
{
    (void)state;
    struct vs_error err;
    for (size_t i = 0; i < KINDS; i++)
        for (size_t k = 0; k < KINDS; k++) {
            VS_PUBLIC_KEY *key = public_key(kinds[i].name);
            enum vs_signature_verdict verdict;
            assert_ok(vs_public_key_verify_message(key, kinds[k].algorithm,
                                                   VS_BYTES_LITERAL("x"), VS_SIGNATURE_DER,
                                                   VS_BYTES_LITERAL("y"), &verdict, &err));
            bool same = vs_scheme_key_type(kinds[i].algorithm.scheme) ==
                        vs_scheme_key_type(kinds[k].algorithm.scheme);
            assert_int_equal(verdict, same ? VS_SIGNATURE_INVALID : VS_SIGNATURE_WRONG_KEY);
        }
    VS_PUBLIC_KEY *key = public_key("p256");
    enum vs_signature_verdict verdict;
    struct vs_signature_algorithm none = {.scheme = VS_SCHEME_NONE};
    assert_ok(vs_public_key_verify_message(key, none, VS_BYTES_NONE, VS_SIGNATURE_DER,
                                           VS_BYTES_NONE, &verdict, &err));
    assert_int_equal(verdict, VS_SIGNATURE_UNSUPPORTED);
}

static void key__signs_what_openssl_verifies(void **state)
{
    (void)state;
    struct vs_error err;
    for (size_t i = 0; i < KINDS; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.pem", kinds[i].name);
        VS_KEY *key = NULL;
        assert_ok(vs_key_decode_pem(openssl_file(file), VS_BYTES_NONE, &key, &err));
        struct vs_signature_value value;
        for (int again = 0; again < 2; again++)
            assert_ok(vs_key_sign_message(key, kinds[i].algorithm, openssl_file("message"),
                                          VS_SIGNATURE_DER, &value, &err));
        openssl_write("ours", vs_signature_bytes(&value));
        if (kinds[i].dgst == NULL)
            openssl_must("openssl pkeyutl -verify -rawin -pubin -inkey %s.pub -in message "
                         "-sigfile ours",
                         kinds[i].name);
        else
            openssl_must("openssl dgst %s -verify %s.pub -signature ours message",
                         kinds[i].dgst, kinds[i].name);
    }
}

/* RFC 6931, 2.3.6: r || s of the order's length. */
static void key__converts_ecdsa_values_strictly(void **state)
{
    (void)state;
    struct vs_error err;
    for (size_t i = 0; i < 4; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.pem", kinds[i].name);
        VS_KEY *key = NULL;
        assert_ok(vs_key_decode_pem(openssl_file(file), VS_BYTES_NONE, &key, &err));
        size_t part = (vs_public_key_bits(vs_key_public(key)) + 7) / 8;
        for (int again = 0; again < 40; again++) { /* leading zeros now and then */
            struct vs_signature_value raw;
            enum vs_signature_verdict verdict;
            struct vs_bytes message = VS_BYTES(&again, sizeof again);
            assert_ok(vs_key_sign_message(key, kinds[i].algorithm, message, VS_SIGNATURE_RAW,
                                          &raw, &err));
            assert_int_equal(raw.len, 2 * part);
            assert_ok(vs_public_key_verify_message(vs_key_public(key), kinds[i].algorithm,
                                                   message, VS_SIGNATURE_RAW,
                                                   vs_signature_bytes(&raw), &verdict, &err));
            assert_int_equal(verdict, VS_SIGNATURE_VALID);
            raw.len--;
            assert_ok(vs_public_key_verify_message(vs_key_public(key), kinds[i].algorithm,
                                                   message, VS_SIGNATURE_RAW,
                                                   vs_signature_bytes(&raw), &verdict, &err));
            assert_int_equal(verdict, VS_SIGNATURE_INVALID);
        }
        uint8_t zeros[2 * 66] = {0};
        enum vs_signature_verdict verdict;
        assert_ok(vs_public_key_verify_message(vs_key_public(key), kinds[i].algorithm,
                                               VS_BYTES_LITERAL("m"), VS_SIGNATURE_RAW,
                                               VS_BYTES(zeros, 2 * part), &verdict, &err));
        assert_int_equal(verdict, VS_SIGNATURE_INVALID);
    }
}

/* The same r and s in BER: one value must have one encoding. */
static void key__refuses_ecdsa_values_that_are_not_der(void **state)
{
    (void)state;
    struct vs_error err;
    VS_PUBLIC_KEY *key = public_key("p256");
    struct vs_bytes value = openssl_file("p256.sig");
    uint8_t longer[VS_SIGNATURE_MAX];
    longer[0] = 0x30;
    longer[1] = 0x81;
    memcpy(longer + 2, value.ptr + 1, value.len - 1);
    enum vs_signature_verdict verdict;
    assert_ok(vs_public_key_verify_message(key, VS_ECDSA_SHA256, openssl_file("message"),
                                           VS_SIGNATURE_DER, VS_BYTES(longer, value.len + 1),
                                           &verdict, &err));
    assert_int_equal(verdict, VS_SIGNATURE_INVALID);
}

static void key__generates_every_kind_and_reads_back_its_files(void **state)
{
    (void)state;
    struct vs_error err;
    static const enum vs_key_kind generated[] = {VS_GENERATE_P256, VS_GENERATE_P384,
                                                 VS_GENERATE_RSA3072, VS_GENERATE_ED25519};
    for (size_t i = 0; i < 4; i++) {
        VS_KEY *key = NULL, *again = NULL, *wrong = NULL;
        assert_ok(vs_key_generate(generated[i], &key, &err));
        VS_BUFFER pem;
        vs_buffer_init(&pem, 65536);
        assert_ok(vs_key_encode_pem(key, VS_BYTES_LITERAL("s3cret"), &pem, &err));
        assert_true(vs_bytes_starts(vs_buffer_view(&pem), "-----BEGIN ENCRYPTED PRIVATE KEY-"));
        assert_ok(
            vs_key_decode_pem(vs_buffer_view(&pem), VS_BYTES_LITERAL("s3cret"), &again, &err));
        assert_bytes_equal(vs_public_key_spki(vs_key_public(key)),
                           vs_public_key_spki(vs_key_public(again)));
        assert_fails(VS_E_KEY, vs_key_decode_pem(vs_buffer_view(&pem),
                                                 VS_BYTES_LITERAL("secret"), &wrong, &err));
        assert_fails(VS_E_KEY,
                     vs_key_decode_pem(vs_buffer_view(&pem), VS_BYTES_NONE, &wrong, &err));
        openssl_write("encrypted.pem", vs_buffer_view(&pem));
        openssl_must("openssl pkey -in encrypted.pem -passin pass:s3cret -noout");
        struct vs_signature_value value;
        struct vs_signature_algorithm algorithm = vs_key_default_algorithm(again);
        enum vs_signature_verdict verdict;
        assert_ok(vs_key_sign_message(again, algorithm, VS_BYTES_LITERAL("m"), VS_SIGNATURE_DER,
                                      &value, &err));
        assert_ok(vs_public_key_verify_message(vs_key_public(key), algorithm,
                                               VS_BYTES_LITERAL("m"), VS_SIGNATURE_DER,
                                               vs_signature_bytes(&value), &verdict, &err));
        assert_int_equal(verdict, VS_SIGNATURE_VALID);
    }
}

static void key__reads_and_writes_pkcs12(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    openssl_must(
        "openssl req -x509 -key p256.pem -subj /CN=holder -days 10 -out c.pem && "
        "openssl x509 -in c.pem -outform DER -out c.der && "
        "openssl pkcs12 -export -inkey p256.pem -in c.pem -passout pass:abc -out t.p12");
    struct vs_pkcs12 content = {0}, again = {0};
    assert_ok(vs_pkcs12_decode(arena, openssl_file("t.p12"), VS_BYTES_LITERAL("abc"), &content,
                               &err));
    assert_bytes_equal(content.certificate, openssl_file("c.der"));
    assert_int_equal(content.n_others, 0);
    content.others = &content.certificate; /* any will do */
    content.n_others = 1;
    VS_BUFFER out;
    vs_buffer_init(&out, 65536);
    assert_ok(vs_pkcs12_encode(&content, "Sınaq", VS_BYTES_LITERAL("xyz"), &out, &err));
    openssl_write("ours.p12", vs_buffer_view(&out));
    openssl_must("openssl pkcs12 -in ours.p12 -passin pass:xyz -noout");
    assert_fails(VS_E_KEY, vs_pkcs12_decode(arena, vs_buffer_view(&out),
                                            VS_BYTES_LITERAL("abc"), &again, &err));
    assert_ok(
        vs_pkcs12_decode(arena, vs_buffer_view(&out), VS_BYTES_LITERAL("xyz"), &again, &err));
    assert_int_equal(again.n_others, 1);
    assert_bytes_equal(again.certificate, openssl_file("c.der"));
    vs_key_unref(again.key);
    vs_key_unref(content.key);
}

/* reliability.md, path building: huge keys. */
static void public_key__refuses_hostile_and_broken_keys(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_public_key *key = NULL;
    openssl_must("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:512 "
                 "-pkeyopt rsa_keygen_pubexp:0x1000000000000000000000000000000f1 -out e.pem && "
                 "openssl pkey -in e.pem -pubout -outform DER -out e.spki");
    assert_fails(VS_E_CERTIFICATE, vs_public_key_decode(openssl_file("e.spki"), &key, &err));
    struct vs_bytes good = openssl_file("p256.spki");
    uint8_t bad[4096];
    memcpy(bad, good.ptr, good.len);
    bad[good.len - 1] ^= 1; /* no longer on the curve */
    assert_fails(VS_E_CERTIFICATE, vs_public_key_decode(VS_BYTES(bad, good.len), &key, &err));
    memcpy(bad, good.ptr, good.len);
    bad[good.len] = 0;
    assert_fails(VS_E_CERTIFICATE,
                 vs_public_key_decode(VS_BYTES(bad, good.len + 1), &key, &err));
    openssl_must("openssl ecparam -name secp256k1 -genkey -noout | "
                 "openssl pkey -pubout -outform DER -out k1.spki");
    assert_ok(vs_public_key_decode(openssl_file("k1.spki"), &key, &err));
    assert_int_equal(vs_public_key_type(key), VS_KEY_UNKNOWN);
    enum vs_signature_verdict verdict;
    assert_ok(vs_public_key_verify_message(key, VS_ECDSA_SHA256, VS_BYTES_NONE,
                                           VS_SIGNATURE_DER, VS_BYTES_NONE, &verdict, &err));
    assert_int_equal(verdict, VS_SIGNATURE_UNSUPPORTED);
    vs_public_key_unref(key);
}

static void counters__count_signatures_and_bytes(void **state)
{
    (void)state;
    struct vs_error err;
    VS_KEY *key = NULL;
    assert_ok(vs_key_generate(VS_GENERATE_P256, &key, &err));
    uint64_t signs = vs_counter(VS_COUNT_SIGNS_ECDSA),
             bytes = vs_counter(VS_COUNT_BYTES_HASHED);
    struct vs_signature_value value;
    assert_ok(vs_key_sign_message(key, VS_ECDSA_SHA256, VS_BYTES_LITERAL("12345"),
                                  VS_SIGNATURE_DER, &value, &err));
    assert_int_equal(vs_counter(VS_COUNT_SIGNS_ECDSA), signs + 1);
    assert_int_equal(vs_counter(VS_COUNT_BYTES_HASHED), bytes + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key__verifies_what_openssl_signed_and_nothing_else),
        cmocka_unit_test(key__says_wrong_key_where_the_algorithm_cannot_be_the_keys),
        cmocka_unit_test(key__signs_what_openssl_verifies),
        cmocka_unit_test(key__converts_ecdsa_values_strictly),
        cmocka_unit_test(key__refuses_ecdsa_values_that_are_not_der),
        cmocka_unit_test(key__generates_every_kind_and_reads_back_its_files),
        cmocka_unit_test(key__reads_and_writes_pkcs12),
        cmocka_unit_test(public_key__refuses_hostile_and_broken_keys),
        cmocka_unit_test(counters__count_signatures_and_bytes),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
