#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/certificate/path.h"
#include "formats/crypto/counters.h"

#define CA      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
#define KEY_IDS "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"

static struct vs_error err;

static int make_certificates(void **state)
{
    (void)state;
    openssl_issue("root", "/CN=Root", NULL, CA "subjectKeyIdentifier=hash\n", "");
    openssl_issue("ca", "/CN=CA", "root", CA KEY_IDS, "");
    openssl_issue(
        "leaf", "/C=AZ/O=Org/CN=Leaf", "ca",
        "keyUsage=nonRepudiation\nsubjectAltName=DNS:a.example.az,email:x@example.az\n" KEY_IDS,
        "");
    return 0;
}

static struct vs_path build_at(const char *leaf, const char *const *anchors,
                               const char *const *candidates, vs_time_ms at)
{
    const struct vs_certificate *trusted[32], *others[512];
    struct vs_path_input input = {.certificate = openssl_certificate(leaf),
                                  .anchors = trusted,
                                  .candidates = others,
                                  .at = at};
    for (; *anchors != NULL; anchors++)
        trusted[input.n_anchors++] = openssl_certificate(*anchors);
    for (; *candidates != NULL; candidates++)
        others[input.n_candidates++] = openssl_certificate(*candidates);
    struct vs_path path;
    assert_ok(vs_path_build(&input, &path, &err));
    return path;
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define BUILD(leaf, anchors, candidates)                                                       \
    build_at(leaf, anchors, candidates, openssl_certificate(leaf)->not_before + VS_DAY_MS)

static void path__reaches_a_root_through_an_authority(void **state)
{
    (void)state;
    struct vs_path path = BUILD("leaf", NAMES("root"), NAMES("leaf", "root", "ca"));
    assert_int_equal(path.verdict, VS_PATH_OK);
    assert_int_equal(path.n, 3);
    assert_ptr_equal(path.certificates[0], openssl_certificate("leaf"));
    assert_ptr_equal(path.certificates[2], openssl_certificate("root"));
    assert_int_equal(path.anchor, 0);
}

/* Trusted lists name intermediate authorities, and often the very certificate. */
static void path__ends_at_whatever_is_listed(void **state)
{
    (void)state;
    struct vs_path path = BUILD("leaf", NAMES("ca"), NAMES());
    assert_int_equal(path.verdict, VS_PATH_OK);
    assert_int_equal(path.n, 2);
    vs_time_ms never = openssl_certificate("leaf")->not_after + 100 * 365 * VS_DAY_MS;
    path = build_at("leaf", NAMES("root", "leaf"), NAMES(), never);
    assert_int_equal(path.verdict, VS_PATH_OK);
    assert_int_equal(path.n, 1);
    assert_int_equal(path.anchor, 1);
}

static void path__says_how_far_it_came_without_an_anchor(void **state)
{
    (void)state;
    struct vs_path path = BUILD("leaf", NAMES(), NAMES("ca"));
    assert_int_equal(path.verdict, VS_PATH_NONE);
    assert_int_equal(path.n, 2);
    assert_int_equal(path.anchor, SIZE_MAX);
    path = BUILD("leaf", NAMES("root"), NAMES());
    assert_int_equal(path.verdict, VS_PATH_NONE);
    assert_int_equal(path.n, 1);
}

static void path__does_not_trust_a_name_without_its_key(void **state)
{
    (void)state;
    openssl_issue("false-ca", "/CN=CA", NULL, CA, "");
    openssl_issue("false-root", "/CN=Root", NULL, CA "subjectKeyIdentifier=hash\n", "");
    struct vs_path path = BUILD("leaf", NAMES("false-ca"), NAMES());
    assert_int_equal(path.verdict, VS_PATH_NONE);
    path = BUILD("leaf", NAMES("false-root"), NAMES("ca", "false-ca"));
    assert_int_equal(path.verdict, VS_PATH_NONE);
    path = BUILD("leaf", NAMES("false-root", "root"), NAMES("false-ca", "ca"));
    assert_int_equal(path.verdict, VS_PATH_OK);
}

static void path__judges_validity_at_the_moment_asked_for(void **state)
{
    (void)state;
    const struct vs_certificate *leaf = openssl_certificate("leaf");
    struct vs_path path =
        build_at("leaf", NAMES("root"), NAMES("ca"), leaf->not_after + VS_DAY_MS);
    assert_int_equal(path.verdict, VS_PATH_EXPIRED);
    assert_int_equal(path.culprit, 0);
    path = build_at("leaf", NAMES("root"), NAMES("ca"),
                    openssl_certificate("root")->not_before - VS_DAY_MS);
    assert_int_equal(path.verdict, VS_PATH_NOT_YET);
    assert_int_equal(path.n, 3);
    openssl_issue("short", "/CN=Short", "ca", "", "-days 1");
    const struct vs_certificate *brief = openssl_certificate("short");
    path = build_at("short", NAMES("root"), NAMES("ca"), brief->not_after + 999);
    assert_int_equal(path.verdict, VS_PATH_OK);
    path = build_at("short", NAMES("root"), NAMES("ca"), brief->not_after + 1000);
    assert_int_equal(path.verdict, VS_PATH_EXPIRED);
}

static const struct {
    const char *what, *ca_lines, *leaf_lines;
    enum vs_path_verdict wanted;
} rules[] = {
    {"a sound authority", CA, "", VS_PATH_OK},
    {"not a CA", "basicConstraints=CA:FALSE\n", "", VS_PATH_CONSTRAINT},
    {"no basic constraints", "keyUsage=keyCertSign\n", "", VS_PATH_CONSTRAINT},
    {"no keyCertSign", "basicConstraints=CA:TRUE\nkeyUsage=digitalSignature\n", "",
     VS_PATH_CONSTRAINT},
    {"path length 0 holds for one leaf", "basicConstraints=CA:TRUE,pathlen:0\n", "",
     VS_PATH_OK},
    {"critical extension unknown in the leaf", CA, "1.2.3.4=critical,DER:0500\n",
     VS_PATH_CONSTRAINT},
    {"critical extension unknown in the CA", CA "1.2.3.4=critical,DER:0500\n", "",
     VS_PATH_CONSTRAINT},
    {"unknown, not critical", CA "1.2.3.4=DER:0500\n", "1.2.3.4=DER:0500\n", VS_PATH_OK},
    {"permitted directory name", CA "nameConstraints=critical,permitted;dirName:d\n[d]\nC=AZ\n",
     "", VS_PATH_OK},
    {"directory name not permitted",
     CA "nameConstraints=critical,permitted;dirName:d\n[d]\nC=TR\n", "", VS_PATH_CONSTRAINT},
    {"directory name excluded", CA "nameConstraints=critical,excluded;dirName:d\n[d]\nC=AZ\n",
     "", VS_PATH_CONSTRAINT},
    {"DNS name permitted", CA "nameConstraints=critical,permitted;DNS:example.az\n",
     "subjectAltName=DNS:a.example.az\n", VS_PATH_OK},
    {"DNS name not permitted", CA "nameConstraints=critical,permitted;DNS:example.az\n",
     "subjectAltName=DNS:badexample.az\n", VS_PATH_CONSTRAINT},
    {"e-mail excluded", CA "nameConstraints=critical,excluded;email:.example.az\n",
     "subjectAltName=email:x@a.example.az\n", VS_PATH_CONSTRAINT},
    {"e-mail of another host", CA "nameConstraints=critical,excluded;email:example.az\n",
     "subjectAltName=email:x@a.example.az\n", VS_PATH_OK},
    {"an address under constraint",
     CA "nameConstraints=critical,permitted;IP:10.0.0.0/255.0.0.0\n",
     "subjectAltName=IP:10.0.0.1\n", VS_PATH_CONSTRAINT},
    {"explicit policy, none there", CA "policyConstraints=requireExplicitPolicy:0\n", "",
     VS_PATH_CONSTRAINT},
    {"explicit policy, shared",
     CA "policyConstraints=requireExplicitPolicy:0\ncertificatePolicies=1.2.3\n",
     "certificatePolicies=1.2.3\n", VS_PATH_OK},
    {"explicit policy, disjoint",
     CA "policyConstraints=requireExplicitPolicy:0\ncertificatePolicies=1.2.3\n",
     "certificatePolicies=1.2.4\n", VS_PATH_CONSTRAINT},
    {"explicit policy, any above",
     CA "policyConstraints=requireExplicitPolicy:0\ncertificatePolicies=2.5.29.32.0\n",
     "certificatePolicies=1.2.4\n", VS_PATH_OK},
    {"any policy inhibited below",
     CA "policyConstraints=requireExplicitPolicy:0\ncertificatePolicies=1.2.3\n"
        "inhibitAnyPolicy=0\n",
     "certificatePolicies=2.5.29.32.0\n", VS_PATH_CONSTRAINT},
};

/* Each rule against openssl verify, which must agree. */
static void path__keeps_the_rules_of_rfc_5280(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        char ca[32], leaf[32];
        snprintf(ca, sizeof ca, "rule-ca-%zu", i);
        snprintf(leaf, sizeof leaf, "rule-leaf-%zu", i);
        openssl_issue(ca, "/CN=Rule CA", "root", rules[i].ca_lines, "");
        openssl_issue(leaf, "/C=AZ/O=Org/CN=Leaf", ca, rules[i].leaf_lines, "");
        struct vs_path path = BUILD(leaf, NAMES("root"), NAMES(ca));
        if (path.verdict != rules[i].wanted)
            fail_msg("%s: %s (%s)", rules[i].what, vs_path_verdict_text(path.verdict),
                     path.why == NULL ? "" : path.why);
        bool address = strcmp(rules[i].what, "an address under constraint") == 0;
        bool theirs =
            openssl_run("openssl verify -policy 2.5.29.32.0 -CAfile root.pem -untrusted "
                        "%s.pem %s.pem",
                        ca, leaf) == 0;
        if (!address && theirs != (path.verdict == VS_PATH_OK))
            fail_msg("%s: openssl says %d", rules[i].what, theirs);
    }
}

static void path__counts_authorities_against_the_path_length(void **state)
{
    (void)state;
    openssl_issue("len0", "/CN=Len0", "root", "basicConstraints=CA:TRUE,pathlen:0\n", "");
    openssl_issue("under", "/CN=Under", "len0", CA, "");
    openssl_issue("deep", "/CN=Deep", "under", "", "");
    struct vs_path path = BUILD("deep", NAMES("root"), NAMES("len0", "under"));
    assert_int_equal(path.verdict, VS_PATH_CONSTRAINT);
    assert_int_equal(path.culprit, 2);
    path = BUILD("deep", NAMES("under"), NAMES("len0"));
    assert_int_equal(path.verdict, VS_PATH_OK);
}

/* reliability.md, path building: loops. */
static void path__ends_in_a_ring_of_authorities(void **state)
{
    (void)state;
    openssl_issue("ring-a", "/CN=Ring A", NULL, CA, "");
    openssl_issue("ring-b", "/CN=Ring B", "ring-a", CA, "");
    openssl_must("cp ring-a.key ring-a2.key");
    openssl_issue("ring-a2", "/CN=Ring A", "ring-b", CA, "");
    openssl_issue("ring-leaf", "/CN=Ring leaf", "ring-b", "", "");
    struct vs_path path =
        BUILD("ring-leaf", NAMES("root"), NAMES("ring-a2", "ring-b", "ring-a"));
    assert_int_equal(path.verdict, VS_PATH_NONE);
    path = BUILD("ring-leaf", NAMES("ring-a"), NAMES("ring-a2", "ring-b"));
    assert_int_equal(path.verdict, VS_PATH_OK);
}

/* reliability.md, path building: bounded time. A thousand authorities of one name and key, each
 * issued by all others, would be searched for ever. */
static void path__is_bounded_however_many_candidates_there_are(void **state)
{
    (void)state;
    enum { MANY = 24, COPIES = 20 };
    const struct vs_certificate *candidates[MANY * COPIES];
    openssl_issue("many", "/CN=Many", NULL, CA, "");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "many-%d", i);
        if (i % 2 == 0)
            openssl_must("cp many.key %s.key", name);
        openssl_issue(name, "/CN=Many", "many", CA, "");
        candidates[i] = openssl_certificate(name);
        for (int k = 1; k < COPIES; k++)
            candidates[k * MANY + i] = candidates[i];
    }
    const struct vs_certificate *root = openssl_certificate("root");
    struct vs_path_input input = {.certificate = openssl_certificate("many-1"),
                                  .anchors = &root,
                                  .n_anchors = 1,
                                  .candidates = candidates,
                                  .n_candidates = MANY * COPIES};
    struct vs_path path;
    uint64_t before = vs_counter(VS_COUNT_VERIFIES_ECDSA);
    vs_certificate_cache_clear();
    assert_ok(vs_path_build(&input, &path, &err));
    assert_int_equal(path.verdict, VS_PATH_NONE);
    assert_true(vs_counter(VS_COUNT_VERIFIES_ECDSA) - before <= 48);
}

static void path__names_the_weak_algorithm_of_its_time(void **state)
{
    (void)state;
    openssl_issue("sha1", "/CN=Old", "ca", "", "-sha1");
    struct vs_path path = BUILD("sha1", NAMES("root"), NAMES("ca"));
    assert_int_equal(path.verdict, VS_PATH_OK);
    size_t culprit = 9;
    const char *why = NULL;
    vs_time_ms y2008, y2010;
    assert_true(vs_time_decode(VS_BYTES_LITERAL("2008-06-01T00:00:00Z"), &y2008));
    assert_true(vs_time_decode(VS_BYTES_LITERAL("2010-06-01T00:00:00Z"), &y2010));
    assert_true(vs_path_algorithms_acceptable(&path, y2008, &culprit, &why));
    assert_false(vs_path_algorithms_acceptable(&path, y2010, &culprit, &why));
    assert_int_equal(culprit, 0);
    assert_string_equal(why, "SHA-1");
    path = BUILD("leaf", NAMES("root"), NAMES("ca"));
    assert_true(vs_path_algorithms_acceptable(&path, y2010, &culprit, &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path__reaches_a_root_through_an_authority),
        cmocka_unit_test(path__ends_at_whatever_is_listed),
        cmocka_unit_test(path__says_how_far_it_came_without_an_anchor),
        cmocka_unit_test(path__does_not_trust_a_name_without_its_key),
        cmocka_unit_test(path__judges_validity_at_the_moment_asked_for),
        cmocka_unit_test(path__keeps_the_rules_of_rfc_5280),
        cmocka_unit_test(path__counts_authorities_against_the_path_length),
        cmocka_unit_test(path__ends_in_a_ring_of_authorities),
        cmocka_unit_test(path__is_bounded_however_many_candidates_there_are),
        cmocka_unit_test(path__names_the_weak_algorithm_of_its_time),
    };
    return cmocka_run_group_tests(tests, make_certificates, NULL);
}
