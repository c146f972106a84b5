#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/crypto/der.h"
#include "formats/timestamp/request.h"
#include <openssl/ts.h>
#include <stdlib.h>

static struct vs_error err;
static struct vs_arena *arena;
static struct vs_timestamp_request request;

static void write_configuration(void)
{
    openssl_write(
        "ts.cnf",
        VS_BYTES_LITERAL("[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ncrypto_device=builtin\n"
                         "default_policy=1.2.3.4\nother_policies=1.2.3.5\n"
                         "digests=sha1,sha256,sha384,sha512\naccuracy=secs:1,millisecs:500,"
                         "microsecs:100\nclock_precision_digits=0\nordering=yes\n"
                         "tsa_name=yes\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n"
                         "signer_digest=sha256\n"));
}

static int make_world(void **state)
{
    (void)state;
    arena = vs_arena_new((size_t)16 << 20);
    openssl_issue("ca", "/CN=CA", NULL, "basicConstraints=critical,CA:TRUE\n", "");
    openssl_issue("tsa", "/CN=TSA", "ca",
                  "extendedKeyUsage=critical,timeStamping\nkeyUsage=digitalSignature\n", "");
    openssl_issue("lax", "/CN=Lax", "ca", "extendedKeyUsage=timeStamping\n", "");
    openssl_issue("many", "/CN=Many", "ca",
                  "extendedKeyUsage=critical,timeStamping,clientAuth\n", "");
    openssl_issue("none", "/CN=None", "ca", "extendedKeyUsage=critical,clientAuth\n", "");
    openssl_must(
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key; "
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.key");
    openssl_issue("rsa", "/CN=RSA TSA", "ca", "extendedKeyUsage=critical,timeStamping\n", "");
    openssl_issue("p384", "/CN=P-384 TSA", "ca", "extendedKeyUsage=critical,timeStamping\n",
                  "");
    write_configuration();
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("data"), &request.imprint);
    request.nonce = VS_BYTES_LITERAL("\x00\x8f\x01\x02\x03\x04\x05\x06");
    request.cert_req = true;
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

static struct vs_bytes answer_by(const char *signer, const struct vs_timestamp_request *asked)
{
    VS_BUFFER der;
    vs_buffer_init(&der, 4096);
    vs_timestamp_request_encode(asked, &der);
    openssl_write("query", vs_buffer_view(&der));
    openssl_must(
        "openssl ts -reply -config ts.cnf -queryfile query -signer %s.pem -inkey %s.key "
        "-chain ca.pem -out reply",
        signer, signer);
    return openssl_file("reply");
}

static const struct vs_timestamp *token_by(const char *signer)
{
    struct vs_timestamp_response response;
    const struct vs_timestamp *ts;
    assert_ok(vs_timestamp_response_decode(answer_by(signer, &request), &response, &err));
    assert_ok(vs_timestamp_response_match(arena, &response, &request, &ts, &err));
    return ts;
}

static enum vs_timestamp_verdict verdict_of(const struct vs_timestamp *ts)
{
    VS_CERTIFICATE *signer = NULL;
    enum vs_timestamp_verdict verdict;
    const char *why;
    assert_ok(vs_timestamp_signer(ts, NULL, 0, &signer, &err));
    if (signer == NULL)
        return VS_TIMESTAMP_WRONG_CERTIFICATE;
    assert_ok(vs_timestamp_verify(ts, signer, &verdict, &why, &err));
    assert_true((why == NULL) == (verdict == VS_TIMESTAMP_OK));
    return verdict;
}

static void timestamp__reads_and_verifies_what_openssl_made(void **state)
{
    (void)state;
    const char *const signers[] = {"tsa", "rsa", "p384"};
    for (size_t i = 0; i < 3; i++) {
        const struct vs_timestamp *ts = token_by(signers[i]);
        assert_int_equal(verdict_of(ts), VS_TIMESTAMP_OK);
        assert_true(vs_timestamp_covers(ts, &request.imprint));
        assert_string_equal(vs_timestamp_policy_text(arena, ts), "1.2.3.4");
        assert_true(ts->accuracy_stated && ts->ordering && ts->gen_time_whole_seconds);
        assert_int_equal(ts->accuracy_ms, 1501); /* 100 microseconds round up */
        assert_int_equal(ts->n_certificates, 2);
        assert_int_equal(ts->ess_cert_id_v2.digest.algorithm, VS_SHA256);
        /* OpenSSL's own reading of the same token. */
        const uint8_t *at = ts->der.ptr;
        PKCS7 *cms = d2i_PKCS7(NULL, &at, (long)ts->der.len);
        TS_TST_INFO *info = PKCS7_to_TS_TST_INFO(cms);
        struct tm tm;
        assert_int_equal(ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &tm), 1);
        assert_int_equal(ts->gen_time, (int64_t)timegm(&tm) * 1000);
        TS_TST_INFO_free(info);
        PKCS7_free(cms);
    }
}

/* RFC 3161, 2.3: critical, and this purpose alone. */
static void timestamp__refuses_a_signer_without_the_right_key_usage(void **state)
{
    (void)state;
    /* OpenSSL will not sign with these itself: sign with the good key under their names. */
    const struct vs_timestamp *ts = token_by("tsa");
    const char *const wrong[] = {"lax", "many", "none"};
    for (size_t i = 0; i < 3; i++) {
        struct vs_certificate forged = *openssl_certificate("tsa");
        const struct vs_certificate *other = openssl_certificate(wrong[i]);
        forged.extended_key_usage = other->extended_key_usage;
        forged.extended_key_usage_critical = other->extended_key_usage_critical;
        forged.n_extended_key_usages = other->n_extended_key_usages;
        enum vs_timestamp_verdict verdict;
        const char *why;
        assert_ok(vs_timestamp_verify(ts, &forged, &verdict, &why, &err));
        assert_int_equal(verdict, VS_TIMESTAMP_USAGE);
        assert_non_null(why);
    }
    struct vs_certificate forged = *openssl_certificate("tsa");
    forged.key_usage = VS_KU_KEY_CERT_SIGN;
    enum vs_timestamp_verdict verdict;
    assert_ok(vs_timestamp_verify(ts, &forged, &verdict, NULL, &err));
    assert_int_equal(verdict, VS_TIMESTAMP_USAGE);
}

static void timestamp__belongs_to_the_certificate_it_names(void **state)
{
    (void)state;
    const struct vs_timestamp *ts = token_by("tsa");
    enum vs_timestamp_verdict verdict;
    assert_ok(vs_timestamp_verify(ts, openssl_certificate("rsa"), &verdict, NULL, &err));
    assert_int_equal(verdict, VS_TIMESTAMP_WRONG_CERTIFICATE);
    /* The same name, number and key in another certificate: ESSCertIDv2 tells them apart. */
    openssl_must("cp tsa.key twin.key");
    openssl_issue("twin", "/CN=TSA", "ca", "extendedKeyUsage=critical,timeStamping\n",
                  "-set_serial 0x$(openssl x509 -in tsa.pem -noout -serial | cut -d= -f2)");
    assert_ok(vs_timestamp_verify(ts, openssl_certificate("twin"), &verdict, NULL, &err));
    assert_int_equal(verdict, VS_TIMESTAMP_WRONG_CERTIFICATE);
}

/* RFC 3161, 2.2: what a client must check. */
static void response__must_answer_the_request(void **state)
{
    (void)state;
    struct vs_timestamp_response response;
    const struct vs_timestamp *ts;
    assert_ok(vs_timestamp_response_decode(answer_by("tsa", &request), &response, &err));
    struct vs_timestamp_request other = request;
    other.nonce = VS_BYTES_LITERAL("\x01");
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_response_match(arena, &response, &other, &ts, &err));
    other.nonce = VS_BYTES_NONE; /* a token copied from another exchange */
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_response_match(arena, &response, &other, &ts, &err));
    other = request;
    other.imprint.bytes[3] ^= 1;
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_response_match(arena, &response, &other, &ts, &err));
    other = request;
    other.policy = vs_oid_from_text(arena, "1.2.3.5");
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_response_match(arena, &response, &other, &ts, &err));
    other.policy = vs_oid_from_text(arena, "1.2.3.4");
    assert_ok(vs_timestamp_response_match(arena, &response, &other, &ts, &err));
}

static void response__that_refuses_is_told_from_one_that_may_pass(void **state)
{
    (void)state;
    struct vs_timestamp_request asked = request;
    asked.policy = vs_oid_from_text(arena, "1.2.3.9");
    struct vs_timestamp_response response;
    const struct vs_timestamp *ts;
    assert_ok(vs_timestamp_response_decode(answer_by("tsa", &asked), &response, &err));
    assert_int_equal(response.status, 2);
    assert_int_equal(response.failure_bits, UINT32_C(1) << VS_PKI_UNACCEPTED_POLICY);
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_response_match(arena, &response, &asked, &ts, &err));
    response.failure_bits = UINT32_C(1) << VS_PKI_TIME_NOT_AVAILABLE;
    assert_fails(VS_E_TSA_AWAY,
                 vs_timestamp_response_match(arena, &response, &asked, &ts, &err));
}

static void request__reads_what_openssl_asks(void **state)
{
    (void)state;
    openssl_must(
        "printf data >data; openssl ts -query -data data -sha256 -cert -tspolicy 1.2.3.5 "
        "-out q1; openssl ts -query -data data -sha512 -no_nonce -out q2");
    struct vs_timestamp_request read;
    enum vs_pki_failure failure;
    assert_ok(vs_timestamp_request_decode(openssl_file("q1"), &read, &failure, &err));
    assert_true(vs_digest_equal(&read.imprint, &request.imprint));
    assert_true(read.cert_req && read.nonce.len > 0);
    assert_bytes_equal(read.policy, vs_oid_from_text(arena, "1.2.3.5"));
    assert_ok(vs_timestamp_request_decode(openssl_file("q2"), &read, &failure, &err));
    assert_int_equal(read.imprint.algorithm, VS_SHA512);
    assert_false(read.cert_req || read.nonce.len > 0 || read.policy.len > 0);
    struct vs_bytes whole = openssl_file("q1");
    for (size_t len = 0; len < whole.len; len++) {
        assert_fails(VS_E_TIMESTAMP, vs_timestamp_request_decode(VS_BYTES(whole.ptr, len),
                                                                 &read, &failure, &err));
        assert_int_equal(failure, VS_PKI_BAD_DATA_FORMAT);
    }
    openssl_must("openssl ts -query -data data -md5 -out q3 || openssl ts -query -digest "
                 "00112233445566778899aabbccddeeff -md5 -out q3");
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_request_decode(openssl_file("q3"), &read, &failure, &err));
    assert_int_equal(failure, VS_PKI_BAD_ALG);
}

/* Every octet altered in turn: refused, or not OK. What is outside the signature (enclosed
 * certificates but the signer's, the set of digest algorithms) may change. */
static void timestamp__is_never_ok_when_a_signed_octet_is_altered(void **state)
{
    (void)state;
    const struct vs_timestamp *ts = token_by("tsa");
    size_t len = ts->der.len, unsigned_changes = 0;
    uint8_t *altered = vs_heap_new(len);
    struct vs_bytes ca = openssl_file("ca.der");
    const uint8_t *ca_at = memmem(ts->der.ptr, len, ca.ptr, ca.len);
    assert_non_null(ca_at);
    for (size_t i = 0; i < len; i++) {
        memcpy(altered, ts->der.ptr, len);
        altered[i] ^= 0x02;
        VS_ARENA *own = vs_arena_new(1 << 20);
        const struct vs_timestamp *other;
        if (!vs_ok(vs_timestamp_decode(own, VS_BYTES(altered, len), &other, &err)) ||
            verdict_of(other) != VS_TIMESTAMP_OK)
            continue;
        unsigned_changes++;
        assert_true(vs_timestamp_covers(other, &request.imprint));
        assert_int_equal(other->gen_time, ts->gen_time);
        bool in_ca = ts->der.ptr + i >= ca_at && ts->der.ptr + i < ca_at + ca.len;
        if (!in_ca && i >= 64) /* before: versions, digestAlgorithms */
            fail_msg("octet %zu of %zu", i, len);
    }
    assert_true(unsigned_changes > 0);
    vs_heap_free(altered);
    for (size_t cut = 0; cut < len; cut++) {
        const struct vs_timestamp *other;
        assert_fails(VS_E_TIMESTAMP,
                     vs_timestamp_decode(arena, VS_BYTES(ts->der.ptr, cut), &other, &err));
    }
}

static void timestamp__refuses_bytes_after_the_token(void **state)
{
    (void)state;
    const struct vs_timestamp *ts = token_by("tsa"), *other;
    uint8_t *longer = vs_heap_new(ts->der.len + 1);
    memcpy(longer, ts->der.ptr, ts->der.len);
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_decode(arena, VS_BYTES(longer, ts->der.len + 1), &other, &err));
    vs_heap_free(longer);
}

/* RFC 5652 allows it around the signed parts; Java's libraries stream so. */
static void timestamp__reads_indefinite_lengths_around_what_is_signed(void **state)
{
    (void)state;
    const struct vs_timestamp *ts = token_by("tsa"), *other;
    struct vs_der outer = vs_der_reader(ts->der);
    struct vs_bytes content = vs_der_take(&outer, VS_DER_SEQUENCE);
    VS_BUFFER ber;
    vs_buffer_init(&ber, 65536);
    vs_buffer_add(&ber, VS_BYTES_LITERAL("\x30\x80"));
    vs_buffer_add(&ber, content);
    vs_buffer_add(&ber, VS_BYTES(NULL, 0));
    vs_buffer_u32(&ber, 0);
    ber.len -= 2; /* two end-of-contents octets */
    assert_ok(vs_timestamp_decode(arena, vs_buffer_view(&ber), &other, &err));
    assert_int_equal(verdict_of(other), VS_TIMESTAMP_OK);
    assert_bytes_equal(other->der, vs_buffer_view(&ber));
    ber.len++;
    assert_fails(VS_E_TIMESTAMP,
                 vs_timestamp_decode(arena, vs_buffer_view(&ber), &other, &err));
}

/* Tokens that our code and OpenSSL did not make. */
static void timestamp__reads_tokens_of_other_authorities(void **state)
{
    (void)state;
    const char *shared = getenv("VASITE_SHARED");
    char path[512];
    snprintf(path, sizeof path, "%s/corpus/rfc3161/d-trust.tsr", shared == NULL ? "" : shared);
    struct vs_bytes token = openssl_outside_file(path);
    if (token.len == 0)
        skip();
    const struct vs_timestamp *ts;
    assert_ok(vs_timestamp_decode(arena, token, &ts, &err));
    assert_int_equal(verdict_of(ts), VS_TIMESTAMP_OK);
    assert_int_equal(ts->signature_algorithm.scheme, VS_RSA_PSS);
    struct vs_digest digest;
    vs_digest_of(ts->imprint.algorithm, VS_BYTES_LITERAL("Test123"), &digest);
    assert_true(vs_timestamp_covers(ts, &digest));
    snprintf(path, sizeof path, "%s/corpus/rfc3161/disig.tst", shared);
    assert_ok(vs_timestamp_decode(arena, openssl_outside_file(path), &ts, &err));
    assert_int_equal(verdict_of(ts), VS_TIMESTAMP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamp__reads_and_verifies_what_openssl_made),
        cmocka_unit_test(timestamp__refuses_a_signer_without_the_right_key_usage),
        cmocka_unit_test(timestamp__belongs_to_the_certificate_it_names),
        cmocka_unit_test(response__must_answer_the_request),
        cmocka_unit_test(response__that_refuses_is_told_from_one_that_may_pass),
        cmocka_unit_test(request__reads_what_openssl_asks),
        cmocka_unit_test(timestamp__is_never_ok_when_a_signed_octet_is_altered),
        cmocka_unit_test(timestamp__refuses_bytes_after_the_token),
        cmocka_unit_test(timestamp__reads_indefinite_lengths_around_what_is_signed),
        cmocka_unit_test(timestamp__reads_tokens_of_other_authorities),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
