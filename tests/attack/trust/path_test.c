/* reliability.md: "path building: constraints, EKU, loops, huge keys - right verdict, bounded
 * time". Each sample has an accepted twin and is shown alive: with the check disabled it
 * passes. The rules one by one, beside openssl verify:
 * tests/unit/formats/certificate/path_test.c. */
#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/certificate/path.h"
#include "formats/crypto/counters.h"

#define CA "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"

static struct vs_error err;

static int make_world(void **state)
{
    (void)state;
    openssl_issue("root", "/CN=Root", NULL, CA, "");
    openssl_issue("ca", "/CN=CA", "root", CA, "");
    openssl_issue("leaf", "/C=AZ/CN=Leaf", "ca", "basicConstraints=CA:FALSE\n", "");
    return 0;
}

static int enable_checks(void **state)
{
    (void)state;
    vs_check_disable(VS_E_NONE);
    return 0;
}

static enum vs_path_verdict judged(const char *name, const char *one, const char *two)
{
    const struct vs_certificate *root = openssl_certificate("root");
    const struct vs_certificate *candidates[] = {openssl_certificate(one),
                                                 openssl_certificate(two)};
    struct vs_path_input input = {.certificate = openssl_certificate(name),
                                  .anchors = &root,
                                  .n_anchors = 1,
                                  .candidates = candidates,
                                  .n_candidates = 2};
    input.at = input.certificate->not_before;
    struct vs_path path;
    assert_ok(vs_path_build(&input, &path, &err));
    return path.verdict;
}

#define ATTACK(...)                                                                            \
    do {                                                                                       \
        vs_check_disable(VS_E_NONE);                                                           \
        assert_int_equal(judged(__VA_ARGS__), VS_PATH_CONSTRAINT);                             \
        vs_check_disable(VS_E_CERTIFICATE);                                                    \
        assert_int_equal(judged(__VA_ARGS__), VS_PATH_OK);                                     \
        vs_check_disable(VS_E_NONE);                                                           \
    } while (0)

/* A holder issues certificates with its own key. */
static void holder__cannot_play_the_authority(void **state)
{
    (void)state;
    assert_int_equal(judged("leaf", "ca", "ca"), VS_PATH_OK);
    openssl_issue("forged", "/CN=Minister", "leaf", "", "");
    ATTACK("forged", "leaf", "ca");
}

static void authority__cannot_exceed_its_path_length_or_its_names(void **state)
{
    (void)state;
    openssl_issue("short", "/CN=Short", "root", "basicConstraints=critical,CA:TRUE,pathlen:0\n",
                  "");
    openssl_issue("sub", "/CN=Sub", "short", CA, "");
    openssl_issue("direct", "/CN=x", "short", "", "");
    openssl_issue("deep", "/CN=x", "sub", "", "");
    assert_int_equal(judged("direct", "short", "ca"), VS_PATH_OK);
    ATTACK("deep", "sub", "short");
    openssl_issue("named", "/CN=Named", "root",
                  CA "nameConstraints=critical,permitted;dirName:d\n[d]\nC=AZ\n", "");
    openssl_issue("inside", "/C=AZ/CN=x", "named", "", "");
    openssl_issue("outside", "/C=TR/CN=x", "named", "", "");
    assert_int_equal(judged("inside", "named", "ca"), VS_PATH_OK);
    ATTACK("outside", "named", "ca");
}

/* A name with a forged key never leads anywhere, checks or not: the signature is arithmetic. */
static void authority__of_the_right_name_with_another_key_leads_nowhere(void **state)
{
    (void)state;
    openssl_issue("twin", "/CN=CA", NULL, CA, "");
    openssl_issue("victim", "/CN=x", "twin", "", "");
    assert_int_equal(judged("victim", "ca", "twin"), VS_PATH_NONE);
}

/* The largest key that is read, used by as many candidates as fit a document. */
static void hostile_keys__cost_a_bounded_number_of_verifications(void **state)
{
    (void)state;
    enum { MANY = 400 };
    const struct vs_certificate *candidates[MANY];
    openssl_must("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out big.key");
    openssl_issue("big", "/CN=Big", NULL, CA, "");
    openssl_issue("under-big", "/CN=x", "big", "", "");
    for (int i = 0; i < MANY; i++)
        candidates[i] = openssl_certificate(i % 2 == 0 ? "big" : "ca");
    const struct vs_certificate *root = openssl_certificate("root");
    struct vs_path_input input = {.certificate = openssl_certificate("under-big"),
                                  .anchors = &root,
                                  .n_anchors = 1,
                                  .candidates = candidates,
                                  .n_candidates = MANY};
    struct vs_path path;
    uint64_t before = vs_counter(VS_COUNT_VERIFIES_RSA);
    assert_ok(vs_path_build(&input, &path, &err));
    assert_int_equal(path.verdict, VS_PATH_NONE);
    assert_true(vs_counter(VS_COUNT_VERIFIES_RSA) - before <= 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holder__cannot_play_the_authority),
        cmocka_unit_test(authority__cannot_exceed_its_path_length_or_its_names),
        cmocka_unit_test(authority__of_the_right_name_with_another_key_leads_nowhere),
        cmocka_unit_test(hostile_keys__cost_a_bounded_number_of_verifications),
    };
    return cmocka_run_group_tests(tests, make_world, enable_checks);
}
