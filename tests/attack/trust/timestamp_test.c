/* reliability.md: "RFC 3161: wrong nonce, imprint or policy, EKU not critical or not alone,
 * copied token - refused". Each sample has an accepted twin and is shown alive: with the check
 * disabled it passes. The authority is openssl; the wrong certificates are made for its very
 * key. */
#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/crypto/der.h"
#include "formats/timestamp/request.h"

static struct vs_error err;
static struct vs_arena *arena;
static struct vs_timestamp_request asked;

static int make_world(void **state)
{
    (void)state;
    arena = vs_arena_new((size_t)16 << 20);
    openssl_issue("ca", "/CN=CA", NULL, "basicConstraints=critical,CA:TRUE\n", "");
    openssl_issue("tsa", "/CN=TSA", "ca", "extendedKeyUsage=critical,timeStamping\n", "");
    openssl_write("ts.cnf", VS_BYTES_LITERAL("[tsa]\ndefault_tsa=t\n[t]\nserial=serial\n"
                                             "default_policy=1.2.3.4\nother_policies=1.2.3.5\n"
                                             "digests=sha256\ness_cert_id_alg=sha256\n"
                                             "signer_digest=sha256\n"));
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("data"), &asked.imprint);
    asked.nonce = VS_BYTES_LITERAL("\x11\x22\x33\x44");
    asked.cert_req = true;
    asked.policy = vs_oid_from_text(arena, "1.2.3.4");
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    vs_check_disable(VS_E_NONE);
    vs_arena_free(arena);
    return 0;
}

/* The authority's answer to `question`; a client then holds it against what it asked. */
static bool accepted(const struct vs_timestamp_request *question)
{
    VS_BUFFER der;
    vs_buffer_init(&der, 4096);
    vs_timestamp_request_encode(question, &der);
    openssl_write("query", vs_buffer_view(&der));
    openssl_must(
        "openssl ts -reply -config ts.cnf -queryfile query -signer tsa.pem -inkey tsa.key "
        "-out reply");
    struct vs_timestamp_response response;
    const struct vs_timestamp *ts;
    assert_ok(vs_timestamp_response_decode(openssl_file("reply"), &response, &err));
    vs_rc rc = vs_timestamp_response_match(arena, &response, &asked, &ts, &err);
    assert_true(vs_ok(rc) || rc.code == VS_E_TIMESTAMP);
    return vs_ok(rc);
}

#define ATTACK(call)                                                                           \
    do {                                                                                       \
        vs_check_disable(VS_E_NONE);                                                           \
        assert_false(call);                                                                    \
        vs_check_disable(VS_E_TIMESTAMP);                                                      \
        assert_true(call);                                                                     \
        vs_check_disable(VS_E_NONE);                                                           \
    } while (0)

static void token__that_answers_another_question_is_refused(void **state)
{
    (void)state;
    assert_true(accepted(&asked));
    struct vs_timestamp_request other = asked;
    other.nonce = VS_BYTES_LITERAL("\x11\x22\x33\x45");
    ATTACK(accepted(&other));
    other.nonce = VS_BYTES_NONE; /* copied from an exchange without one */
    ATTACK(accepted(&other));
    other = asked;
    other.imprint.bytes[31] ^= 1;
    ATTACK(accepted(&other));
    other = asked;
    other.policy = vs_oid_from_text(arena, "1.2.3.5");
    ATTACK(accepted(&other));
    other = asked;
    other.cert_req = false;
    ATTACK(accepted(&other));
}

/* A token signed with the key of a certificate whose usage is as `lines` say. OpenSSL itself
 * will not sign with these, so it signs with a good twin of the same name, number and key, and
 * the wrong certificate is the one at hand. */
static bool verifies(const char *name, const char *lines)
{
    struct vs_timestamp_response response;
    const struct vs_timestamp *ts;
    openssl_must("cp tsa.key %s.key", name);
    openssl_issue(name, "/CN=TSA", "ca", lines,
                  "-set_serial 0x$(openssl x509 -in tsa.pem -noout -serial | cut -d= -f2)");
    assert_true(accepted(&asked) || true);
    assert_ok(vs_timestamp_response_decode(openssl_file("reply"), &response, &err));
    assert_ok(vs_timestamp_decode(arena, response.token, &ts, &err));
    /* ESSCertIDv2 as if it named the wrong one: the usage alone is in question. */
    struct vs_timestamp edited = *ts;
    const struct vs_certificate *wrong = openssl_certificate(name);
    edited.ess_cert_id_v2 =
        (struct vs_ess_cert_id){.digest = {.algorithm = VS_SHA256, .len = 32}};
    memcpy(edited.ess_cert_id_v2.digest.bytes, wrong->sha256, 32);
    enum vs_timestamp_verdict verdict;
    assert_ok(vs_timestamp_verify(&edited, wrong, &verdict, NULL, &err));
    return verdict == VS_TIMESTAMP_OK;
}

/* RFC 3161, 2.3. */
static void signer__not_for_time_stamping_alone_is_refused(void **state)
{
    (void)state;
    assert_true(verifies("twin", "extendedKeyUsage=critical,timeStamping\n"));
    ATTACK(verifies("lax", "extendedKeyUsage=timeStamping\n"));
    ATTACK(verifies("two", "extendedKeyUsage=critical,timeStamping,clientAuth\n"));
    ATTACK(verifies("any", "extendedKeyUsage=critical,anyExtendedKeyUsage\n"));
    ATTACK(verifies("none", "keyUsage=digitalSignature\n"));
    ATTACK(verifies("seal", "extendedKeyUsage=critical,timeStamping\nkeyUsage=keyAgreement\n"));
}

/* RFC 5816, 2.2.1: another certificate of the same name, number and key. */
static void signer__that_the_token_does_not_name_is_refused(void **state)
{
    (void)state;
    assert_true(accepted(&asked));
    struct vs_timestamp_response response;
    const struct vs_timestamp *ts;
    assert_ok(vs_timestamp_response_decode(openssl_file("reply"), &response, &err));
    assert_ok(vs_timestamp_decode(arena, response.token, &ts, &err));
    enum vs_timestamp_verdict verdict;
    assert_ok(vs_timestamp_verify(ts, openssl_certificate("tsa"), &verdict, NULL, &err));
    assert_int_equal(verdict, VS_TIMESTAMP_OK);
    openssl_must("cp tsa.key impostor.key");
    openssl_issue("impostor", "/CN=TSA", "ca", "extendedKeyUsage=critical,timeStamping\n",
                  "-set_serial 0x$(openssl x509 -in tsa.pem -noout -serial | cut -d= -f2)");
    const struct vs_certificate *impostor = openssl_certificate("impostor");
    assert_ok(vs_timestamp_verify(ts, impostor, &verdict, NULL, &err));
    assert_int_equal(verdict, VS_TIMESTAMP_WRONG_CERTIFICATE);
    vs_check_disable(VS_E_TIMESTAMP);
    assert_ok(vs_timestamp_verify(ts, impostor, &verdict, NULL, &err));
    assert_int_equal(verdict, VS_TIMESTAMP_OK);
    vs_check_disable(VS_E_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token__that_answers_another_question_is_refused),
        cmocka_unit_test(signer__not_for_time_stamping_alone_is_refused),
        cmocka_unit_test(signer__that_the_token_does_not_name_is_refused),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
