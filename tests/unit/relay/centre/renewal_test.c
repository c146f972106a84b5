/* The service's own certificates are renewed while it runs, before they end. */
#include "formats/certificate/certificate.h"
#include "relay/centre/centre.h"
#include "relay/check.h"
#include "relay/relay_priv.h"
#include "relay/seal/keys.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"

static vs_rc agree(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                   struct vs_error *err)
{
    return vs_agreement_add_stage(relay, job, now, job->context, err);
}

static int open_rows(void **state, bool memory)
{
    static struct relay_fixture fixture;
    struct vs_error err;
    relay_fixture_open(&fixture, memory);
    struct vs_agreement agreement = {
        .parties = {fixture.alfa.participant, fixture.beta.participant},
        .from = VS_TIME_NONE,
        .until = VS_TIME_NONE,
        .terms = vs_terms_law()};
    agreement.terms.forms = VS_TAKES_ANY;
    agreement.terms.signature_class = VS_ASKS_NONE;
    agreement.terms.signature_level = 0;
    assert_ok(relay_fixture_job(&fixture, agree, &agreement, &err));
    *state = &fixture;
    return 0;
}

static int open_memory(void **state)
{
    return open_rows(state, true);
}

static int open_files(void **state)
{
    return open_rows(state, false);
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static const struct vs_certificate *certificate_of(struct relay_fixture *f,
                                                   enum vs_purpose purpose)
{
    struct vs_certificate *const *chain;
    assert_true(vs_keys_chain(f->relay->keys, purpose, &chain) > 0);
    return chain[0];
}

/* Time passes while the service runs: its clockwork has a turn now and then. */
static void run_until(struct relay_fixture *f, vs_time_ms moment)
{
    while (f->world.now_ms < moment) {
        int64_t left = moment - f->world.now_ms;
        test_world_pass(&f->world, left < 20 * VS_DAY_MS ? left : 20 * VS_DAY_MS);
        vs_relay_run_until_idle(f->relay);
    }
}

static struct vs_id send(struct relay_fixture *f, const char *text)
{
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(f, &f->alfa, vs_bytes_text(text), BETA, NULL, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    return receipt.id;
}

/* Signed by whom now signs, marked, and nothing is wrong with any of it. */
static void assert_sound(struct relay_fixture *f, struct vs_id id)
{
    struct vs_status status;
    struct vs_check_result check;
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, id, &status, &err));
    assert_true(status.sent.marked);
    assert_ok(vs_check(f->relay, f->arena, NULL, NULL, &check, &err));
    if (check.n_findings > 0)
        fail_msg("%s %s: %s", check.findings[0].what, check.findings[0].where,
                 check.findings[0].text);
}

static void renewal__takes_place_while_the_service_runs(void **state)
{
    struct relay_fixture *f = *state;
    static const enum vs_purpose purposes[] = {VS_PURPOSE_OCSP, VS_PURPOSE_SEAL,
                                               VS_PURPOSE_EVIDENCE, VS_PURPOSE_TSA};
    (void)send(f, "the first");
    for (size_t i = 0; i < sizeof purposes / sizeof *purposes; i++) {
        const struct vs_certificate *before = certificate_of(f, purposes[i]);
        run_until(f, before->not_after - 31 * VS_DAY_MS);
        assert_ptr_equal(certificate_of(f, purposes[i]), before);
        run_until(f, before->not_after - 29 * VS_DAY_MS);
        const struct vs_certificate *after = certificate_of(f, purposes[i]);
        assert_ptr_not_equal(after, before);
        assert_true(after->not_before < before->not_after);
        assert_true(after->not_after > before->not_after);
        run_until(f, before->not_after + VS_DAY_MS);
        char text[40];
        snprintf(text, sizeof text, "under certificate %zu", i);
        assert_sound(f, send(f, text));
    }
}

/* What was prepared with the old certificate is signed with its key. */
static void renewal__leaves_what_was_prepared_to_the_old_key(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    const struct vs_certificate *before = certificate_of(f, VS_PURPOSE_SEAL);
    struct vs_signing job = {
        .purpose = VS_PURPOSE_SEAL, .form = VS_SIGNATURE_DER, .certificate = before};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("prepared before"), &job.digest);
    run_until(f, before->not_after - 29 * VS_DAY_MS);
    const struct vs_certificate *after = certificate_of(f, VS_PURPOSE_SEAL);
    assert_ptr_not_equal(after, before);
    const struct vs_certificate *const signers[] = {before, after, NULL};
    for (size_t i = 0; i < 3; i++) {
        enum vs_signature_verdict verdict;
        const struct vs_certificate *expected = i == 0 ? before : after;
        job.certificate = signers[i];
        assert_ok(vs_keys_sign(f->relay->keys, &job, 1, &err));
        assert_ok(vs_public_key_verify(
            expected->key, vs_keys_algorithm(f->relay->keys, VS_PURPOSE_SEAL), &job.digest,
            VS_SIGNATURE_DER, vs_signature_bytes(&job.value), &verdict, &err));
        assert_int_equal(verdict, VS_SIGNATURE_VALID);
    }
    job.certificate = certificate_of(f, VS_PURPOSE_EVIDENCE);
    assert_fails(VS_E_KEY, vs_keys_sign(f->relay->keys, &job, 1, &err));
}

/* Ten years: the issuing authority ends, and all that it issued. The service starts and says
 * so, and takes nothing that it could not mark. */
static void renewal__ends_with_the_issuing_authority(void **state)
{
    struct relay_fixture *f = *state;
    vs_time_ms end = certificate_of(f, VS_PURPOSE_CA)->not_after;
    run_until(f, end - 10 * VS_DAY_MS);
    assert_sound(f, send(f, "the last"));
    const struct vs_certificate *seal = certificate_of(f, VS_PURPOSE_SEAL);
    assert_int_equal(seal->not_after, end);
    run_until(f, end - VS_DAY_MS);
    assert_ptr_equal(certificate_of(f, VS_PURPOSE_SEAL), seal);
    test_world_pass(&f->world, 3 * VS_DAY_MS);
    relay_fixture_reopen(f);
    struct vs_relay_health health;
    vs_relay_run_until_idle(f->relay);
    vs_relay_health(f->relay, f->world.now_ms, &health);
    assert_false(health.broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(renewal__takes_place_while_the_service_runs,
                                        open_memory, close_fixture),
        cmocka_unit_test_setup_teardown(renewal__leaves_what_was_prepared_to_the_old_key,
                                        open_memory, close_fixture),
        cmocka_unit_test_setup_teardown(renewal__ends_with_the_issuing_authority, open_files,
                                        close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
