#include "tests/unit/unit.h"
#include "relay/seal/keys.h"
#include "relay/seal/key_files.h"
#include "tests/support/pki.h"
#include "tests/support/tools.h"

static struct vs_pki *pki;
static struct vs_keys *keys;
static struct vs_error err;

static struct vs_certificate *certificate_of(const struct vs_pki_party *party)
{
    struct vs_certificate *certificate;
    assert_ok(vs_certificate_get(party->certificate, &certificate, &err));
    return certificate;
}

static int begin(void **state)
{
    (void)state;
    pki = vs_pki_new();
    keys = vs_keys_new();
    struct vs_certificate *own = certificate_of(&pki->organisation);
    struct vs_key *checkpoint;
    assert_ok(vs_keys_set(keys, VS_PURPOSE_SEAL, pki->organisation.key, &own, 1, &err));
    assert_ok(vs_key_generate(VS_GENERATE_ED25519, &checkpoint, &err));
    assert_ok(vs_keys_set(keys, VS_PURPOSE_CHECKPOINT, checkpoint, NULL, 0, &err));
    vs_key_unref(checkpoint);
    vs_certificate_unref(own);
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_keys_free(keys);
    vs_pki_free(pki);
    vs_certificate_cache_clear();
    return 0;
}

static void several_purposes_sign_in_one_call_each_with_its_key(void **state)
{
    (void)state;
    struct vs_bytes message = VS_BYTES_LITERAL("checkpoint");
    struct vs_signing jobs[2] = {{.purpose = VS_PURPOSE_SEAL, .form = VS_SIGNATURE_RAW},
                                 {.purpose = VS_PURPOSE_CHECKPOINT, .message = message}};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("seal"), &jobs[0].digest);
    assert_ok(vs_keys_sign(keys, jobs, 2, &err));
    assert_int_equal(jobs[0].value.len, 64);

    enum vs_signature_verdict verdict;
    assert_ok(vs_public_key_verify(
        vs_keys_public(keys, VS_PURPOSE_SEAL), vs_keys_algorithm(keys, VS_PURPOSE_SEAL),
        &jobs[0].digest, VS_SIGNATURE_RAW, vs_signature_bytes(&jobs[0].value), &verdict, &err));
    assert_int_equal(verdict, VS_SIGNATURE_VALID);
    assert_ok(vs_public_key_verify_message(vs_keys_public(keys, VS_PURPOSE_CHECKPOINT),
                                           vs_keys_algorithm(keys, VS_PURPOSE_CHECKPOINT),
                                           message, VS_SIGNATURE_RAW,
                                           vs_signature_bytes(&jobs[1].value), &verdict, &err));
    assert_int_equal(verdict, VS_SIGNATURE_VALID);
}

static void a_purpose_without_a_key_signs_nothing(void **state)
{
    (void)state;
    struct vs_signing job = {.purpose = VS_PURPOSE_WEBHOOK};
    assert_fails(VS_E_KEY, vs_keys_sign(keys, &job, 1, &err));
    assert_false(vs_keys_has(keys, VS_PURPOSE_WEBHOOK));
    assert_null(vs_keys_public(keys, VS_PURPOSE_WEBHOOK));
    assert_int_equal(vs_keys_algorithm(keys, VS_PURPOSE_WEBHOOK).scheme, VS_SCHEME_NONE);
}

static void a_certificate_for_another_key_is_refused(void **state)
{
    (void)state;
    struct vs_certificate *other = certificate_of(&pki->person);
    assert_fails(VS_E_KEY, vs_keys_set(keys, VS_PURPOSE_EVIDENCE, pki->organisation.key, &other,
                                       1, &err));
    assert_false(vs_keys_has(keys, VS_PURPOSE_EVIDENCE));
    vs_certificate_unref(other);
}

static void no_key_serves_two_purposes(void **state)
{
    (void)state;
    assert_fails(VS_E_KEY,
                 vs_keys_set(keys, VS_PURPOSE_EVIDENCE, pki->organisation.key, NULL, 0, &err));
    assert_non_null(strstr(err.text, "serves seal already"));
    assert_false(vs_keys_has(keys, VS_PURPOSE_EVIDENCE));
}

struct outcome {
    int calls;
    vs_rc rc;
};

static void note(void *context, vs_rc rc, const struct vs_error *why)
{
    (void)why;
    struct outcome *outcome = context;
    outcome->calls++;
    outcome->rc = rc;
}

static void what_is_submitted_is_answered_once(void **state)
{
    (void)state;
    struct outcome outcome = {.calls = 0};
    struct vs_signing job = {.purpose = VS_PURPOSE_SEAL};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("x"), &job.digest);
    vs_keys_submit(keys, &job, 1, note, &outcome);
    assert_int_equal(outcome.calls, 1);
    assert_true(vs_ok(outcome.rc) && job.value.len > 0);
    job.purpose = VS_PURPOSE_WEBHOOK;
    vs_keys_submit(keys, &job, 1, note, &outcome);
    assert_int_equal(outcome.calls, 2);
    assert_int_equal(outcome.rc.code, VS_E_KEY);
}

/* -- files --------------------------------------------------------------------------------- */

static const char *pkcs12_file(const struct vs_pki_party *party)
{
    struct vs_bytes others[] = {pki->authority.certificate, pki->root.certificate};
    struct vs_pkcs12 content = {
        .key = party->key, .certificate = party->certificate, .others = others, .n_others = 2};
    VS_BUFFER p12;
    vs_buffer_init(&p12, 65536);
    assert_ok(vs_pkcs12_encode(&content, "seal", VS_BYTES_LITERAL("secret"), &p12, &err));
    return test_file("seal.p12", vs_buffer_view(&p12));
}

static vs_rc load(const char *path, struct vs_bytes passphrase, vs_time_ms now, size_t *ret_n)
{
    struct vs_keys *fresh = vs_keys_new();
    vs_rc rc = vs_keys_load(fresh, VS_PURPOSE_SEAL, path, passphrase, now, &err);
    struct vs_certificate *const *chain;
    *ret_n = vs_keys_chain(fresh, VS_PURPOSE_SEAL, &chain);
    vs_keys_free(fresh);
    return rc;
}

#define IN_FORCE (VS_PKI_EPOCH + VS_DAY_MS)

static void an_outside_centres_pkcs12_and_pem_are_taken(void **state)
{
    (void)state;
    size_t n;
    assert_ok(load(pkcs12_file(&pki->organisation), VS_BYTES_LITERAL("secret"), IN_FORCE, &n));
    assert_int_equal(n, 3);
    assert_int_equal(
        test_run("cd '%s' && openssl pkcs12 -in seal.p12 -passin pass:secret -nodes "
                 "-out clear.pem && openssl pkcs12 -in seal.p12 -passin pass:secret "
                 "-passout pass:other -out closed.pem",
                 test_folder()),
        0);
    char path[600];
    snprintf(path, sizeof path, "%s/clear.pem", test_folder());
    assert_ok(load(path, VS_BYTES_NONE, IN_FORCE, &n));
    assert_int_equal(n, 3);
    snprintf(path, sizeof path, "%s/closed.pem", test_folder());
    assert_ok(load(path, VS_BYTES_LITERAL("other"), IN_FORCE, &n));
    assert_int_equal(n, 3);
}

static void files_that_cannot_serve_are_refused_by_name(void **state)
{
    (void)state;
    size_t n;
    const char *path = pkcs12_file(&pki->organisation);
    struct vs_bytes secret = VS_BYTES_LITERAL("secret");
    assert_fails(VS_E_KEY, load(path, VS_BYTES_LITERAL("wrong"), IN_FORCE, &n));
    assert_non_null(strstr(err.text, path));
    assert_fails(VS_E_KEY, load(path, secret, VS_PKI_EPOCH - 1, &n));
    assert_fails(VS_E_KEY, load(path, secret, VS_PKI_EPOCH + 3651 * VS_DAY_MS, &n));
    assert_fails(VS_E_KEY, load(pkcs12_file(&pki->authority), secret, IN_FORCE, &n));
    assert_fails(VS_E_KEY, load(test_file("x", VS_BYTES_LITERAL("nonsense")), secret, 0, &n));
    assert_fails(VS_E_CONFIG, load("/nowhere/at/all", secret, IN_FORCE, &n));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_purposes_sign_in_one_call_each_with_its_key),
        cmocka_unit_test(a_purpose_without_a_key_signs_nothing),
        cmocka_unit_test(a_certificate_for_another_key_is_refused),
        cmocka_unit_test(no_key_serves_two_purposes),
        cmocka_unit_test(what_is_submitted_is_answered_once),
        cmocka_unit_test(an_outside_centres_pkcs12_and_pem_are_taken),
        cmocka_unit_test(files_that_cannot_serve_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
