#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/certificate/crl.h"

static struct vs_error err;
static struct vs_arena *arena;

static int make_world(void **state)
{
    (void)state;
    arena = vs_arena_new((size_t)16 << 20);
    openssl_issue("ca", "/CN=CA", NULL,
                  "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n",
                  "");
    openssl_issue("no-crl", "/CN=CA", NULL,
                  "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n", "");
    openssl_issue("other", "/CN=Other", NULL, "basicConstraints=critical,CA:TRUE\n", "");
    openssl_issue("good", "/CN=Good", "ca", "", "-set_serial 17");
    openssl_issue("bad", "/CN=Bad", "ca", "", "-set_serial 18");
    openssl_issue("held", "/CN=Held", "ca", "crlDistributionPoints=URI:http://h/a.crl\n",
                  "-set_serial 19");
    openssl_issue("sub", "/CN=Sub", "ca", "basicConstraints=CA:TRUE\n", "-set_serial 20");
    openssl_write(
        "index",
        VS_BYTES_LITERAL("V\t360101000000Z\t\t11\tunknown\t/CN=Good\n"
                         "R\t360101000000Z\t260301120000Z,keyCompromise\t12\tunknown\t/CN=Bad\n"
                         "R\t360101000000Z\t260302120000Z,holdInstruction,holdInstructionNone"
                         "\t13\tunknown\t/CN=Held\n"));
    openssl_must("echo 01 >number; printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\n"
                 "crlnumber=number\\ndefault_md=sha256\\ndefault_crl_days=7\\n[user]\\n"
                 "issuingDistributionPoint=critical,@u\\n[u]\\nonlyuser=TRUE\\n[point]\\n"
                 "issuingDistributionPoint=critical,@p\\n[p]\\nfullname=URI:http://h/a.crl\\n"
                 "[indirect]\\nissuingDistributionPoint=critical,@i\\n[i]\\nindirectCRL=TRUE\\n"
                 "[delta]\\n2.5.29.27=critical,DER:020101\\n[number]\\nauthorityKeyIdentifier="
                 "keyid:always\\n' >cnf");
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

static const struct vs_crl *make_list(const char *options)
{
    openssl_must("openssl ca -config cnf -gencrl -cert ca.pem -keyfile ca.key %s -out l.pem && "
                 "openssl crl -in l.pem -outform DER -out l.der",
                 options);
    const struct vs_crl *crl;
    assert_ok(vs_crl_decode(arena, openssl_file("l.der"), &crl, &err));
    return crl;
}

static enum vs_crl_right right_of(const struct vs_crl *crl, const char *issuer)
{
    enum vs_crl_right right;
    assert_ok(vs_crl_verify(crl, openssl_certificate(issuer), &right, &err));
    return right;
}

static void crl__says_who_is_listed_since_when_and_why(void **state)
{
    (void)state;
    const struct vs_crl *crl = make_list("");
    assert_int_equal(right_of(crl, "ca"), VS_CRL_BY_ISSUER);
    assert_int_equal(crl->n_entries, 2);
    assert_int_equal(crl->next_update - crl->this_update, 7 * VS_DAY_MS);
    struct vs_statement s;
    vs_time_ms when;
    assert_true(vs_crl_find(crl, openssl_certificate("good"), &s));
    assert_int_equal(s.status, VS_STATUS_GOOD);
    assert_true(vs_crl_find(crl, openssl_certificate("bad"), &s));
    assert_int_equal(s.status, VS_STATUS_REVOKED);
    assert_int_equal(s.reason, VS_REASON_KEY_COMPROMISE);
    assert_true(vs_time_decode(VS_BYTES_LITERAL("2026-03-01T12:00:00Z"), &when));
    assert_int_equal(s.revoked_at, when);
    assert_true(vs_crl_find(crl, openssl_certificate("held"), &s));
    assert_int_equal(s.status, VS_STATUS_ON_HOLD);
}

static void crl__is_its_issuers_and_nobody_elses(void **state)
{
    (void)state;
    const struct vs_crl *crl = make_list("");
    assert_int_equal(right_of(crl, "other"), VS_CRL_WRONG_ISSUER);
    assert_int_equal(right_of(crl, "no-crl"), VS_CRL_NO_RIGHT);
    openssl_issue("twin", "/CN=CA", NULL, "basicConstraints=critical,CA:TRUE\n", "");
    assert_int_equal(right_of(crl, "twin"), VS_CRL_BAD_SIGNATURE);
    struct vs_statement s;
    assert_false(vs_crl_find(crl, openssl_certificate("other"), &s));
}

static void crl__speaks_only_of_what_its_distribution_point_covers(void **state)
{
    (void)state;
    struct vs_statement s;
    const struct vs_crl *crl = make_list("-crlexts user");
    assert_true(vs_crl_find(crl, openssl_certificate("good"), &s));
    assert_false(vs_crl_find(crl, openssl_certificate("sub"), &s));
    crl = make_list("-crlexts point");
    assert_false(vs_crl_find(crl, openssl_certificate("good"), &s));
    assert_true(vs_crl_find(crl, openssl_certificate("held"), &s));
    crl = make_list("-crlexts indirect");
    assert_false(vs_crl_find(crl, openssl_certificate("bad"), &s));
    crl = make_list("-crlexts delta");
    assert_false(vs_crl_find(crl, openssl_certificate("bad"), &s));
    crl = make_list("-crlexts number");
    assert_true(vs_crl_find(crl, openssl_certificate("bad"), &s));
}

static void crl__never_verifies_when_an_octet_is_altered(void **state)
{
    (void)state;
    (void)make_list("");
    struct vs_bytes der = openssl_file("l.der");
    uint8_t *altered = vs_heap_new(der.len);
    for (size_t i = 0; i < der.len; i++) {
        memcpy(altered, der.ptr, der.len);
        altered[i] ^= 0x04;
        VS_ARENA *own = vs_arena_new(1 << 20);
        const struct vs_crl *crl;
        if (vs_ok(vs_crl_decode(own, VS_BYTES(altered, der.len), &crl, &err)))
            assert_int_not_equal(right_of(crl, "ca"), VS_CRL_BY_ISSUER);
    }
    vs_heap_free(altered);
    for (size_t len = 0; len < der.len; len++) {
        const struct vs_crl *crl;
        assert_fails(VS_E_REVOCATION_DATA,
                     vs_crl_decode(arena, VS_BYTES(der.ptr, len), &crl, &err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crl__says_who_is_listed_since_when_and_why),
        cmocka_unit_test(crl__is_its_issuers_and_nobody_elses),
        cmocka_unit_test(crl__speaks_only_of_what_its_distribution_point_covers),
        cmocka_unit_test(crl__never_verifies_when_an_octet_is_altered),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
