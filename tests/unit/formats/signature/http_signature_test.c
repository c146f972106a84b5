#include "formats/signature/http_signature.h"
#include "formats/crypto/digest.h"
#include "formats/formats.h"
#include "tests/unit/unit.h"

static struct vs_arena *arena;
static struct vs_error err;

/* RFC 9421, B.2.6: signing a request using ed25519. */
static const struct vs_http_component rfc_components[] = {
    {"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
    {"@method", "POST"},
    {"@path", "/foo"},
    {"@authority", "example.com"},
    {"content-type", "application/json"},
    {"content-length", "18"}};
static const struct vs_http_signature rfc = {.label = "sig-b26",
                                             .components = rfc_components,
                                             .n_components = 6,
                                             .created = INT64_C(1618884473) * 1000 + 999,
                                             .key_id = "test-key-ed25519"};
#define RFC_KEY "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
#define RFC_VALUE                                                                              \
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="

static struct vs_bytes decode(const char *text)
{
    struct vs_bytes bytes;
    assert_ok(vs_base64_decode(arena, vs_bytes_text(text), &bytes, &err));
    return bytes;
}

static bool verifies(const struct vs_http_signature *signature)
{
    struct vs_public_key *key;
    struct vs_bytes base;
    enum vs_signature_verdict verdict;
    assert_ok(vs_http_signature_base(arena, signature, &base, &err));
    assert_ok(vs_public_key_decode(decode(RFC_KEY), &key, &err));
    assert_ok(vs_public_key_verify_message(
        key, (struct vs_signature_algorithm){.scheme = VS_ED25519}, base, VS_SIGNATURE_RAW,
        decode(RFC_VALUE), &verdict, &err));
    vs_public_key_unref(key);
    return verdict == VS_SIGNATURE_VALID;
}

static void http_signature__base_is_that_of_the_rfc(void **state)
{
    (void)state;
    assert_true(verifies(&rfc));
    assert_string_equal(
        vs_http_signature_input(arena, &rfc),
        "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" "
        "\"content-length\");created=1618884473;keyid=\"test-key-ed25519\"");
    assert_string_equal(vs_http_signature_value(arena, &rfc, decode(RFC_VALUE)),
                        "sig-b26=:" RFC_VALUE ":");
}

static void http_signature__covers_every_part(void **state)
{
    (void)state;
    struct vs_http_component components[6];
    struct vs_http_signature tampered = rfc;
    tampered.components = components;
    for (size_t i = 0; i < 6; i++) {
        memcpy(components, rfc_components, sizeof components);
        components[i].value = "other";
        assert_false(verifies(&tampered));
    }
    memcpy(components, rfc_components, sizeof components);
    assert_true(verifies(&tampered));
    tampered.created += 1000;
    assert_false(verifies(&tampered));
    tampered = rfc;
    tampered.key_id = "other";
    assert_false(verifies(&tampered));
    tampered = rfc;
    tampered.algorithm = "ed25519";
    assert_false(verifies(&tampered));
    tampered = rfc;
    tampered.tag = "vasite";
    assert_false(verifies(&tampered));
    tampered = rfc;
    tampered.n_components--;
    assert_false(verifies(&tampered));
}

static void http_signature__refuses_what_could_pass_for_another(void **state)
{
    (void)state;
    static const struct vs_http_component wrong[] = {{"content-type", "a\nb"},
                                                     {"content-type", "a\r\nx: y"},
                                                     {"content-type", " a"},
                                                     {"content-type", "a "},
                                                     {"content-type", "\xc9\x99"},
                                                     {"Content-Type", "a"},
                                                     {"content-type\": x\n\"", "a"},
                                                     {"", "a"},
                                                     {"@", "a"}};
    struct vs_http_signature signature = rfc;
    struct vs_bytes base;
    signature.n_components = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        signature.components = &wrong[i];
        assert_fails(VS_E_PARAMETER, vs_http_signature_base(arena, &signature, &base, &err));
    }
    static const struct vs_http_component twice[] = {{"date", "a"}, {"date", "a"}};
    signature.components = twice;
    signature.n_components = 2;
    assert_fails(VS_E_PARAMETER, vs_http_signature_base(arena, &signature, &base, &err));
    signature = rfc;
    signature.key_id = "a\";alg=\"none";
    assert_fails(VS_E_PARAMETER, vs_http_signature_base(arena, &signature, &base, &err));
    signature = rfc;
    signature.tag = "a\\";
    assert_fails(VS_E_PARAMETER, vs_http_signature_base(arena, &signature, &base, &err));
}

/* RFC 9530, D.1. */
static void content_digest__is_that_of_the_rfc(void **state)
{
    (void)state;
    static const char body[] = "{\"hello\": \"world\"}\n";
    uint8_t digest[32];
    vs_sha256(vs_bytes_text(body), digest);
    assert_string_equal(vs_content_digest(arena, digest),
                        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
}

static void algorithm__has_its_name_or_none(void **state)
{
    (void)state;
    struct vs_signature_algorithm a = {.scheme = VS_ED25519};
    assert_string_equal(vs_http_signature_algorithm(a), "ed25519");
    assert_string_equal(vs_http_signature_algorithm(VS_ECDSA_SHA256), "ecdsa-p256-sha256");
    a = (struct vs_signature_algorithm){.scheme = VS_ECDSA, .digest = VS_SHA384};
    assert_string_equal(vs_http_signature_algorithm(a), "ecdsa-p384-sha384");
    a = (struct vs_signature_algorithm){.scheme = VS_RSA_PKCS1, .digest = VS_SHA256};
    assert_null(vs_http_signature_algorithm(a));
    a = (struct vs_signature_algorithm){.scheme = VS_SCHEME_NONE};
    assert_null(vs_http_signature_algorithm(a));
}

static int open_arena(void **state)
{
    (void)state;
    assert_ok(vs_formats_init(&err));
    arena = vs_arena_new((size_t)1 << 20);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_signature__base_is_that_of_the_rfc),
        cmocka_unit_test(http_signature__covers_every_part),
        cmocka_unit_test(http_signature__refuses_what_could_pass_for_another),
        cmocka_unit_test(content_digest__is_that_of_the_rfc),
        cmocka_unit_test(algorithm__has_its_name_or_none),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
