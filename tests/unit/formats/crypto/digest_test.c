#include "tests/unit/unit.h"
#include "formats/crypto/digest.h"

static struct vs_error err;

/* FIPS 180-4 and FIPS 202, "abc". */
static const struct {
    enum vs_digest_algorithm algorithm;
    const char *wanted; /* its beginning */
} vectors[] = {
    {VS_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {VS_SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
    {VS_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {VS_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"},
    {VS_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2"},
    {VS_SHA3_224, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"},
    {VS_SHA3_256, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"},
    {VS_SHA3_384, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c25"},
    {VS_SHA3_512, "b751850b1a57168a5693cd924b6b096e08f621827444f70d"},
};

static void digest__gives_the_published_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct vs_digest d;
        char text[2 * VS_DIGEST_MAX + 1];
        vs_digest_of(vectors[i].algorithm, VS_BYTES_LITERAL("abc"), &d);
        assert_int_equal(d.len, vs_digest_length(d.algorithm));
        vs_hex(vs_digest_bytes(&d), text);
        assert_memory_equal(text, vectors[i].wanted, strlen(vectors[i].wanted));
    }
}

static void digest__is_the_same_in_parts_as_a_stream_and_from_a_source(void **state)
{
    (void)state;
    uint8_t *bytes = vs_heap_new(200001);
    for (size_t i = 0; i < 200001; i++)
        bytes[i] = (uint8_t)(i * 7);
    struct vs_bytes all = VS_BYTES(bytes, 200001);
    struct vs_digest whole, other;
    vs_digest_of(VS_SHA256, all, &whole);
    struct vs_bytes parts[] = {VS_BYTES(bytes, 1), VS_BYTES_NONE, VS_BYTES(bytes + 1, 200000)};
    vs_digest_of_parts(VS_SHA256, parts, 3, &other);
    assert_true(vs_digest_equal(&whole, &other));
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, all);
    assert_ok(vs_digest_source(VS_SHA256, &source.source, &other, &err));
    assert_true(vs_digest_equal(&whole, &other));
    VS_HASHER *hasher = vs_hasher_new(VS_SHA512);
    vs_hasher_add(hasher, VS_BYTES_LITERAL("thrown away"));
    vs_hasher_reset(hasher, VS_SHA256);
    for (size_t at = 0; at < all.len; at += 777)
        vs_hasher_add(hasher, VS_BYTES(bytes + at, all.len - at < 777 ? all.len - at : 777));
    vs_hasher_finish(hasher, &other);
    assert_true(vs_digest_equal(&whole, &other));
    vs_heap_free(bytes);
}

static vs_rc fail_late(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                       struct vs_error *e)
{
    (void)source;
    if (offset > 0)
        return vs_fail(e, VS_E_IO, NULL, "the disk is gone");
    memset(to, 0, len);
    return VS_OK;
}

/* A failure to read must never become a digest of what was read. */
static void digest__of_a_failing_source_is_a_failure(void **state)
{
    (void)state;
    struct vs_source source = {.size = 200000, .read_at = fail_late};
    struct vs_digest d = {.algorithm = VS_DIGEST_NONE};
    assert_fails(VS_E_IO, vs_digest_source(VS_SHA256, &source, &d, &err));
    assert_int_equal(d.algorithm, VS_DIGEST_NONE);
}

static void digest__equals_only_its_own_kind_and_value(void **state)
{
    (void)state;
    struct vs_digest a, b, none = {.algorithm = VS_DIGEST_NONE};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("a"), &a);
    vs_digest_of(VS_SHA3_256, VS_BYTES_LITERAL("a"), &b);
    assert_false(vs_digest_equal(&a, &b));
    b = a;
    assert_true(vs_digest_equal(&a, &b));
    b.algorithm = VS_SHA3_256;
    assert_false(vs_digest_equal(&a, &b));
    assert_false(vs_digest_equal(&none, &none));
    assert_ok(vs_digest_from_value(VS_SHA256, vs_digest_bytes(&a), &b, &err));
    assert_true(vs_digest_equal(&a, &b));
    assert_fails(VS_E_SYNTAX, vs_digest_from_value(VS_SHA256, VS_BYTES(a.bytes, 31), &b, &err));
    assert_fails(VS_E_SYNTAX, vs_digest_from_value(VS_DIGEST_NONE, VS_BYTES_NONE, &b, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest__gives_the_published_values),
        cmocka_unit_test(digest__is_the_same_in_parts_as_a_stream_and_from_a_source),
        cmocka_unit_test(digest__of_a_failing_source_is_a_failure),
        cmocka_unit_test(digest__equals_only_its_own_kind_and_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
