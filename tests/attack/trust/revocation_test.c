/* reliability.md: "OCSP/CRL: stale, future, wrong issuer, responder without right, replay from
 * before the revocation - never good". Each sample has an accepted twin and is shown alive:
 * with the check disabled it passes. Material made by openssl. */
#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/certificate/crl.h"
#include "formats/certificate/ocsp.h"

#define CA            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
#define GOOD_INDEX    "V\t360101000000Z\t\t11\tunknown\t/CN=Holder\n"
#define REVOKED_INDEX "R\t360101000000Z\t260301120000Z,keyCompromise\t11\tunknown\t/CN=Holder\n"

static struct vs_error err;
static struct vs_arena *arena;

static int make_world(void **state)
{
    (void)state;
    arena = vs_arena_new((size_t)16 << 20);
    openssl_issue("ca", "/CN=CA", NULL, CA, "");
    openssl_issue("mallory-ca", "/CN=Mallory", NULL, CA, "");
    openssl_issue("twin-ca", "/CN=CA", NULL, CA, ""); /* the name, another key */
    openssl_issue("holder", "/CN=Holder", "ca", "", "-set_serial 17");
    openssl_issue("responder", "/CN=Responder", "ca", "extendedKeyUsage=OCSPSigning\n", "");
    openssl_issue("holder2", "/CN=Holder 2", "ca", "extendedKeyUsage=clientAuth\n", "");
    openssl_issue("mallory", "/CN=Responder", "mallory-ca", "extendedKeyUsage=OCSPSigning\n",
                  "");
    openssl_issue("twin", "/CN=Responder", "twin-ca", "extendedKeyUsage=OCSPSigning\n", "");
    openssl_must(
        "echo 01 >number; printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\n"
        "crlnumber=number\\ndefault_md=sha256\\ndefault_crl_days=7\\n"
        "[i]\\nissuingDistributionPoint=critical,@p\\n[p]\\nindirectCRL=TRUE\\n' >cnf");
    openssl_write("index", VS_BYTES_LITERAL(GOOD_INDEX));
    return 0;
}

static int free_world(void **state)
{
    (void)state;
    vs_check_disable(VS_E_NONE);
    vs_arena_free(arena);
    return 0;
}

/* What a verifier concludes that trusts the CA alone: good at `t`, asked at `now`? */
static bool ocsp_says_good(struct vs_bytes der, vs_time_ms t, vs_time_ms now)
{
    const struct vs_certificate *ca = openssl_certificate("ca");
    const struct vs_ocsp *ocsp;
    struct vs_statement s;
    if (!vs_ok(vs_ocsp_decode(arena, der, &ocsp, &err)) ||
        !vs_ocsp_find(ocsp, openssl_certificate("holder"), ca, &s))
        return false;
    VS_OCSP_SIGNER signer = {.right = VS_OCSP_NO_SIGNER};
    assert_ok(vs_ocsp_verify(ocsp, ca, NULL, 0, NULL, 0, &signer, &err));
    return signer.right <= VS_OCSP_BY_DELEGATE && s.status == VS_STATUS_GOOD &&
           vs_statement_fresh(&s, t, now, 0);
}

static bool crl_says_good(struct vs_bytes der, vs_time_ms t, vs_time_ms now)
{
    const struct vs_crl *crl;
    struct vs_statement s;
    enum vs_crl_right right;
    if (!vs_ok(vs_crl_decode(arena, der, &crl, &err)))
        return false;
    assert_ok(vs_crl_verify(crl, openssl_certificate("ca"), &right, &err));
    return right == VS_CRL_BY_ISSUER && vs_crl_find(crl, openssl_certificate("holder"), &s) &&
           s.status == VS_STATUS_GOOD && vs_statement_fresh(&s, t, now, 0);
}

static struct vs_bytes respond(const char *ca, const char *signer)
{
    openssl_must(
        "openssl ocsp -index index -CA ca.pem -issuer ca.pem -cert holder.pem -rsigner "
        "%s.pem -rkey %s.key -ndays 1 -respout r.der %s; [ -s r.der ]",
        signer, signer, ca);
    return openssl_file("r.der");
}

static struct vs_bytes list(const char *ca, const char *options)
{
    openssl_must("openssl ca -config cnf -gencrl -cert %s.pem -keyfile %s.key %s -out l.pem && "
                 "openssl crl -in l.pem -outform DER -out l.der",
                 ca, ca, options);
    return openssl_file("l.der");
}

static vs_time_ms made(struct vs_bytes der)
{
    const struct vs_ocsp *ocsp;
    assert_ok(vs_ocsp_decode(arena, der, &ocsp, &err));
    return ocsp->produced_at;
}

/* Refused, and accepted only when the one check is off. */
#define ATTACK(call)                                                                           \
    do {                                                                                       \
        vs_check_disable(VS_E_NONE);                                                           \
        assert_false(call);                                                                    \
        vs_check_disable(VS_E_REVOCATION_DATA);                                                \
        assert_true(call);                                                                     \
        vs_check_disable(VS_E_NONE);                                                           \
    } while (0)

static void ocsp__of_a_responder_without_right_is_never_good(void **state)
{
    (void)state;
    struct vs_bytes twin = respond("", "responder");
    vs_time_ms t = made(twin);
    assert_true(ocsp_says_good(twin, t, t));
    struct vs_bytes by_holder = respond("", "holder2"); /* same CA, no OCSPSigning */
    ATTACK(ocsp_says_good(by_holder, t, made(by_holder)));
    struct vs_bytes by_mallory = respond("", "mallory"); /* OCSPSigning by another CA */
    ATTACK(ocsp_says_good(by_mallory, t, made(by_mallory)));
    struct vs_bytes by_twin = respond("", "twin"); /* and by one of the same name */
    ATTACK(ocsp_says_good(by_twin, t, made(by_twin)));
}

static void ocsp__stale_or_from_the_future_is_never_good(void **state)
{
    (void)state;
    struct vs_bytes der = respond("", "responder");
    vs_time_ms t = made(der);
    assert_true(ocsp_says_good(der, t + VS_DAY_MS, t + VS_DAY_MS));
    ATTACK(ocsp_says_good(der, t + VS_DAY_MS + 1, t + 2 * VS_DAY_MS));
    ATTACK(ocsp_says_good(der, t - VS_DAY_MS, t - 1)); /* made later than now */
}

/* A good answer from before the revocation, shown for a signature made after it. */
static void ocsp__replayed_from_before_the_revocation_is_not_fresh(void **state)
{
    (void)state;
    struct vs_bytes old = respond("", "responder");
    vs_time_ms before = made(old), signed_at = before + 3 * VS_DAY_MS;
    assert_true(ocsp_says_good(old, before, signed_at));
    ATTACK(ocsp_says_good(old, signed_at, signed_at + VS_HOUR_MS));
    openssl_write("index", VS_BYTES_LITERAL(REVOKED_INDEX));
    struct vs_bytes fresh = respond("", "responder");
    assert_false(ocsp_says_good(fresh, made(fresh), made(fresh)));
    openssl_write("index", VS_BYTES_LITERAL(GOOD_INDEX));
}

/* An answer about another certificate, or about one of another CA with the same number. */
static void ocsp__about_somebody_else_says_nothing(void **state)
{
    (void)state;
    openssl_issue("stranger", "/CN=Stranger", "mallory-ca", "", "-set_serial 17");
    openssl_must(
        "openssl ocsp -index index -CA mallory-ca.pem -issuer mallory-ca.pem -cert "
        "stranger.pem -rsigner responder.pem -rkey responder.key -ndays 1 -respout r.der; "
        "[ -s r.der ]");
    struct vs_bytes der = openssl_file("r.der");
    assert_false(ocsp_says_good(der, made(der), made(der)));
}

static void crl__of_another_key_name_or_kind_is_never_good(void **state)
{
    (void)state;
    struct vs_bytes der = list("ca", "");
    const struct vs_crl *crl;
    assert_ok(vs_crl_decode(arena, der, &crl, &err));
    vs_time_ms t = crl->this_update;
    assert_true(crl_says_good(der, t, t));
    struct vs_bytes by_twin = list("twin-ca", ""), by_mallory, indirect;
    ATTACK(crl_says_good(by_twin, t, t + VS_HOUR_MS));
    by_mallory = list("mallory-ca", "");
    ATTACK(crl_says_good(by_mallory, t, t + VS_HOUR_MS));
    indirect = list("ca", "-crlexts i");
    ATTACK(crl_says_good(indirect, t, t + VS_HOUR_MS));
    ATTACK(crl_says_good(der, t + 8 * VS_DAY_MS, t + 8 * VS_DAY_MS));
    ATTACK(crl_says_good(der, t - VS_DAY_MS, t - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ocsp__of_a_responder_without_right_is_never_good),
        cmocka_unit_test(ocsp__stale_or_from_the_future_is_never_good),
        cmocka_unit_test(ocsp__replayed_from_before_the_revocation_is_not_fresh),
        cmocka_unit_test(ocsp__about_somebody_else_says_nothing),
        cmocka_unit_test(crl__of_another_key_name_or_kind_is_never_good),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
