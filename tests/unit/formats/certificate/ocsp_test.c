#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/certificate/ocsp.h"

#define CA "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"

static struct vs_error err;
static struct vs_arena *arena;

/* Index lines of openssl ca: V, or R with the date and reason of a revocation. */
static int make_world(void **state)
{
    (void)state;
    arena = vs_arena_new((size_t)16 << 20);
    openssl_issue("ca", "/CN=CA", NULL, CA, "");
    openssl_issue("other-ca", "/CN=Other CA", NULL, CA, "");
    openssl_issue("good", "/CN=Good", "ca", "", "-set_serial 17");
    openssl_issue("bad", "/CN=Bad", "ca", "", "-set_serial 18");
    openssl_issue("held", "/CN=Held", "ca", "", "-set_serial 19");
    openssl_issue("unknown", "/CN=Unknown", "ca", "", "-set_serial 20");
    openssl_issue("responder", "/CN=Responder", "ca",
                  "extendedKeyUsage=OCSPSigning\nnoCheck=x\n", "");
    openssl_issue("no-right", "/CN=No right", "ca", "extendedKeyUsage=clientAuth\n", "");
    openssl_issue("foreign", "/CN=Foreign", "other-ca", "extendedKeyUsage=OCSPSigning\n", "");
    openssl_write(
        "index",
        VS_BYTES_LITERAL(
            "V\t360101000000Z\t\t11\tunknown\t/CN=Good\n"
            "R\t360101000000Z\t260301120000Z,keyCompromise\t12\tunknown\t/CN=Bad\n"
            "R\t360101000000Z\t260302120000Z,certificateHold\t13\tunknown\t/CN=Held\n"));
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

static const struct vs_ocsp *respond(const char *subject, const char *signer, const char *more)
{
    openssl_must(
        "openssl ocsp -index index -CA ca.pem -issuer ca.pem -cert %s.pem -rsigner %s.pem "
        "-rkey %s.key -ndays 1 -respout response.der %s; [ -s response.der ]",
        subject, signer, signer, more);
    const struct vs_ocsp *ocsp;
    assert_ok(vs_ocsp_decode(arena, openssl_file("response.der"), &ocsp, &err));
    return ocsp;
}

static enum vs_ocsp_right right_of(const struct vs_ocsp *ocsp, const char *trusted)
{
    const struct vs_certificate *list = trusted == NULL ? NULL : openssl_certificate(trusted);
    struct vs_ocsp_signer signer;
    assert_ok(vs_ocsp_verify(ocsp, openssl_certificate("ca"), &list, trusted != NULL, NULL, 0,
                             &signer, &err));
    vs_certificate_unref(signer.certificate);
    return signer.right;
}

static vs_time_ms moment(const char *text)
{
    vs_time_ms t;
    assert_true(vs_time_decode(vs_bytes_text(text), &t));
    return t;
}

static void ocsp__reads_each_status_of_openssls_responder(void **state)
{
    (void)state;
    const struct vs_certificate *ca = openssl_certificate("ca");
    struct vs_statement s;
    const struct vs_ocsp *ocsp = respond("good", "responder", "");
    assert_true(vs_ocsp_find(ocsp, openssl_certificate("good"), ca, &s));
    assert_int_equal(s.status, VS_STATUS_GOOD);
    assert_int_equal(s.next_update - s.this_update, VS_DAY_MS);
    assert_false(vs_ocsp_find(ocsp, openssl_certificate("bad"), ca, &s));
    assert_false(
        vs_ocsp_find(ocsp, openssl_certificate("good"), openssl_certificate("other-ca"), &s));
    ocsp = respond("bad", "responder", "");
    assert_true(vs_ocsp_find(ocsp, openssl_certificate("bad"), ca, &s));
    assert_int_equal(s.status, VS_STATUS_REVOKED);
    assert_int_equal(s.reason, VS_REASON_KEY_COMPROMISE);
    assert_int_equal(s.revoked_at, moment("2026-03-01T12:00:00Z"));
    assert_false(vs_statement_revoked_at(&s, s.revoked_at - 1));
    assert_true(vs_statement_revoked_at(&s, s.revoked_at));
    ocsp = respond("held", "responder", "");
    assert_true(vs_ocsp_find(ocsp, openssl_certificate("held"), ca, &s));
    assert_int_equal(s.status, VS_STATUS_ON_HOLD);
    ocsp = respond("unknown", "responder", "");
    assert_true(vs_ocsp_find(ocsp, openssl_certificate("unknown"), ca, &s));
    assert_int_equal(s.status, VS_STATUS_UNKNOWN);
}

/* RFC 6960, 4.2.2.2. */
static void ocsp__says_by_what_right_the_responder_speaks(void **state)
{
    (void)state;
    assert_int_equal(right_of(respond("good", "responder", ""), NULL), VS_OCSP_BY_DELEGATE);
    assert_int_equal(right_of(respond("good", "responder", "-resp_key_id"), NULL),
                     VS_OCSP_BY_DELEGATE);
    assert_int_equal(right_of(respond("good", "ca", ""), NULL), VS_OCSP_BY_ISSUER);
    assert_int_equal(right_of(respond("good", "ca", "-resp_no_certs"), NULL),
                     VS_OCSP_BY_ISSUER);
    assert_int_equal(right_of(respond("good", "no-right", ""), NULL), VS_OCSP_NO_RIGHT);
    assert_int_equal(right_of(respond("good", "foreign", ""), NULL), VS_OCSP_BY_OTHER);
    assert_int_equal(right_of(respond("good", "foreign", ""), "foreign"), VS_OCSP_BY_TRUSTED);
    assert_int_equal(right_of(respond("good", "responder", "-resp_no_certs"), NULL),
                     VS_OCSP_NO_SIGNER);
    assert_int_equal(right_of(respond("good", "responder", "-resp_no_certs"), "responder"),
                     VS_OCSP_BY_TRUSTED);
}

/* No octet can change without the response being refused, unsigned, or found to say the same.
 */
static void ocsp__never_verifies_when_an_octet_is_altered(void **state)
{
    (void)state;
    (void)respond("bad", "ca", "-resp_no_certs");
    struct vs_bytes der = openssl_file("response.der");
    uint8_t *altered = vs_heap_new(der.len);
    for (size_t i = 0; i < der.len; i++) {
        memcpy(altered, der.ptr, der.len);
        altered[i] ^= 0x01;
        VS_ARENA *own = vs_arena_new(1 << 20);
        const struct vs_ocsp *ocsp;
        if (vs_ok(vs_ocsp_decode(own, VS_BYTES(altered, der.len), &ocsp, &err)))
            assert_int_not_equal(right_of(ocsp, NULL), VS_OCSP_BY_ISSUER);
    }
    vs_heap_free(altered);
    for (size_t len = 0; len < der.len; len++) {
        const struct vs_ocsp *ocsp;
        assert_fails(VS_E_REVOCATION_DATA,
                     vs_ocsp_decode(arena, VS_BYTES(der.ptr, len), &ocsp, &err));
    }
}

static void ocsp__requests_what_openssl_reads_and_reads_what_it_requests(void **state)
{
    (void)state;
    const struct vs_certificate *ca = openssl_certificate("ca");
    const struct vs_certificate *good = openssl_certificate("good");
    VS_BUFFER request;
    vs_buffer_init(&request, 4096);
    vs_ocsp_request_encode(good, ca, VS_BYTES_LITERAL("0123456789abcdef"), &request);
    openssl_write("request.der", vs_buffer_view(&request));
    openssl_must(
        "openssl ocsp -index index -CA ca.pem -reqin request.der -rsigner ca.pem -rkey "
        "ca.key -respout response.der && openssl ocsp -reqin request.der -respin "
        "response.der -CAfile ca.pem");
    const struct vs_ocsp *ocsp;
    struct vs_statement s;
    assert_ok(vs_ocsp_decode(arena, openssl_file("response.der"), &ocsp, &err));
    assert_true(vs_ocsp_find(ocsp, good, ca, &s));
    assert_true(vs_bytes_is(ocsp->nonce, "0123456789abcdef"));
    for (int sha256 = 0; sha256 < 2; sha256++) {
        openssl_must(
            "openssl ocsp %s -issuer ca.pem -cert good.pem -cert bad.pem -reqout theirs",
            sha256 ? "-sha256" : "");
        struct vs_ocsp_request read;
        assert_ok(vs_ocsp_request_decode(arena, openssl_file("theirs"), &read, &err));
        assert_int_equal(read.nonce.len, 16);
        assert_true(read.n_ids == 1 + !sha256 || read.n_ids == 2);
        assert_true(vs_cert_id_matches(&read.ids[0], good, ca));
        assert_true(vs_cert_id_of_issuer(&read.ids[0], ca));
        assert_false(vs_cert_id_matches(&read.ids[0], openssl_certificate("bad"), ca));
        assert_false(vs_cert_id_of_issuer(&read.ids[0], good));
    }
}

static void ocsp__reads_refusals(void **state)
{
    (void)state;
    const struct vs_ocsp *ocsp;
    static const uint8_t later[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
    assert_ok(vs_ocsp_decode(arena, VS_BYTES(later, sizeof later), &ocsp, &err));
    assert_int_equal(ocsp->status, VS_OCSP_TRY_LATER);
    assert_int_equal(right_of(ocsp, NULL), VS_OCSP_NO_SIGNER);
    static const uint8_t empty_success[] = {0x30, 0x03, 0x0a, 0x01, 0x00};
    assert_fails(
        VS_E_REVOCATION_DATA,
        vs_ocsp_decode(arena, VS_BYTES(empty_success, sizeof empty_success), &ocsp, &err));
}

/* EN 319 102-1, 5.2.5. */
static void statement__is_fresh_or_stale_at_the_moment_that_counts(void **state)
{
    (void)state;
    struct vs_statement s = {.status = VS_STATUS_GOOD,
                             .this_update = 1000,
                             .produced_at = 1000,
                             .next_update = 2000,
                             .archive_cutoff = VS_TIME_NONE};
    assert_true(vs_statement_fresh(&s, 900, 5000, 0)); /* made after the moment */
    assert_true(vs_statement_fresh(&s, 1000, 5000, 0));
    assert_true(vs_statement_fresh(&s, 2000, 5000, 0));  /* its last one */
    assert_false(vs_statement_fresh(&s, 2001, 5000, 0)); /* stale */
    assert_false(vs_statement_fresh(&s, 900, 999, 0));   /* from the future */
    s.next_update = VS_TIME_NONE;
    assert_true(vs_statement_fresh(&s, 1500, 5000, 500));
    assert_false(vs_statement_fresh(&s, 1501, 5000, 500));
}

/* RFC 6960, 4.4.4: a responder forgets expired certificates. */
static void statement__covers_an_expired_certificate_only_within_its_cutoff(void **state)
{
    (void)state;
    const struct vs_certificate *c = openssl_certificate("good");
    struct vs_statement s = {
        .status = VS_STATUS_GOOD, .this_update = c->not_after, .archive_cutoff = VS_TIME_NONE};
    assert_true(vs_statement_covers(&s, c));
    s.this_update = c->not_after + VS_DAY_MS;
    assert_false(vs_statement_covers(&s, c));
    s.archive_cutoff = c->not_after;
    assert_true(vs_statement_covers(&s, c));
    s.archive_cutoff = c->not_after + 1;
    assert_false(vs_statement_covers(&s, c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ocsp__reads_each_status_of_openssls_responder),
        cmocka_unit_test(ocsp__says_by_what_right_the_responder_speaks),
        cmocka_unit_test(ocsp__never_verifies_when_an_octet_is_altered),
        cmocka_unit_test(ocsp__requests_what_openssl_reads_and_reads_what_it_requests),
        cmocka_unit_test(ocsp__reads_refusals),
        cmocka_unit_test(statement__is_fresh_or_stale_at_the_moment_that_counts),
        cmocka_unit_test(statement__covers_an_expired_certificate_only_within_its_cutoff),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
