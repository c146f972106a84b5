/* Participants, principals, agreements: who may exchange, who calls, on which terms. */
#include "formats/crypto/digest.h"
#include "relay/exchange/principals.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

static struct relay_fixture fixture;

static int open_all(void **state)
{
    relay_fixture_open(&fixture, true);
    *state = &fixture;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    relay_fixture_close(&fixture);
    return 0;
}

static void identifier__has_a_scheme_and_the_scheme_s_form(void **state)
{
    struct relay_fixture *f = *state;
    static const struct {
        const char *text, *wanted; /* NULL: refused */
    } cases[] = {
        {"voen:1234567891", "voen:1234567891"},
        {"voen:123456789", NULL},
        {"voen:12345678912", NULL},
        {"voen:123456789a", NULL},
        {"fin:7abcde1", "fin:7ABCDE1"},
        {"fin:7abcdef1", NULL},
        {"fin:7abcdeı", NULL},
        {"gln:4760001234567", "gln:4760001234567"},
        {"x-road:AZ/GOV/1", "x-road:AZ/GOV/1"},
        {"ad:Şəki", "ad:Şəki"},
        {"ad:bir iki", NULL},
        {"ad:bir\niki", NULL},
        {"ad:\xe2\x80\xae"
         "x",
         NULL},
        {"ad:\xff", NULL},
        {"ad:", NULL},
        {":x", NULL},
        {"VOEN:1234567891", NULL},
        {"voen", NULL},
        {"", NULL},
        {NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found;
        struct vs_error err;
        vs_rc rc = vs_identifier_check(f->arena, cases[i].text, &found, &err);
        assert_int_equal(rc.code, cases[i].wanted == NULL ? VS_E_PARAMETER : VS_E_NONE);
        if (cases[i].wanted != NULL)
            assert_string_equal(found, cases[i].wanted);
    }
}

static vs_rc run_add(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                     struct vs_error *err)
{
    /* As a handler's: gone before the commit. */
    struct vs_participant frame = *(struct vs_participant *)job->context;
    vs_rc rc = vs_participant_add_stage(relay, job, now, &frame, err);
    *(struct vs_participant *)job->context = frame;
    memset(&frame, 0xee, sizeof frame);
    return rc;
}
static vs_rc run_change(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    return vs_participant_change_stage(relay, job, now, job->context, err);
}

static struct vs_participant new_participant(const char *identifier)
{
    return (struct vs_participant){.identifiers = {identifier},
                                   .n_identifiers = 1,
                                   .name = "Şirkət",
                                   .contract = "1",
                                   .contract_from = VS_TIME_NONE,
                                   .contract_until = VS_TIME_NONE};
}

static void participant__identifiers_belong_to_one(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_participant p = new_participant("voen:1234567891");
    const struct vs_participant *found;
    struct vs_error err;
    assert_fails(VS_E_EXISTS, relay_fixture_job(f, run_add, &p, &err));
    p = new_participant("gln:1");
    p.identifiers[p.n_identifiers++] = "gln:2";
    assert_ok(relay_fixture_job(f, run_add, &p, &err));
    assert_ok(vs_participant_find(f->relay, f->arena, "gln:2", &found, &err));
    assert_true(vs_id_equal(found->id, p.id));
    /* Changed: one goes, one comes; the version guards. */
    struct vs_participant next = *found;
    next.identifiers[1] = "gln:3";
    next.name = "Başqa ad";
    assert_ok(relay_fixture_job(f, run_change, &next, &err));
    assert_fails(VS_E_CONFLICT, relay_fixture_job(f, run_change, &next, &err));
    assert_ok(vs_participant_find(f->relay, f->arena, "gln:2", &found, &err));
    assert_null(found);
    assert_ok(vs_participant_find(f->relay, f->arena, "gln:3", &found, &err));
    assert_string_equal(found->name, "Başqa ad");
    p = new_participant("gln:4");
    p.name = "sətir\nsətir";
    assert_fails(VS_E_PARAMETER, relay_fixture_job(f, run_add, &p, &err));
}

/* Art. 31.5 */
static void participant__exchanges_only_while_its_contract_holds(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_participant p = new_participant("gln:contract");
    struct vs_receipt receipt;
    struct vs_error err;
    p.contract_until = f->world.now_ms + VS_DAY_MS;
    assert_ok(relay_fixture_job(f, run_add, &p, &err));
    assert_ok(relay_fixture_send(f, &f->alfa, relay_fixture_container(f, "müqavilə"),
                                 "gln:contract", NULL, &receipt, &err));
    assert_true(receipt.accepted);
    struct vs_participant ended = p;
    ended.contract_until = f->world.now_ms - 1;
    assert_ok(relay_fixture_job(f, run_change, &ended, &err));
    assert_ok(relay_fixture_send(f, &f->alfa, relay_fixture_container(f, "müqaviləsiz"),
                                 "gln:contract", NULL, &receipt, &err));
    assert_false(receipt.accepted);
    assert_int_equal(receipt.refusal.code, VS_E_NO_CONTRACT);
    /* The sender's own: unsigned, nothing kept. */
    struct vs_caller sender = {.participant = p.id, .roles = VS_ROLE_SENDER};
    assert_fails(VS_E_NO_CONTRACT,
                 relay_fixture_send(f, &sender, relay_fixture_container(f, "x"),
                                    "voen:2345678912", NULL, &receipt, &err));
}

struct adding {
    struct vs_principal principal;
    const char *token;
};
static vs_rc run_principal(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                           struct vs_error *err)
{
    struct adding *self = job->context;
    return vs_principal_add_stage(relay, job, now, &self->principal, &self->token, err);
}
static vs_rc run_revoke(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                        struct vs_error *err)
{
    return vs_principal_revoke_stage(relay, job, now, *(struct vs_id *)job->context, err);
}

static void principal__is_known_by_its_token_until_revoked_or_expired(void **state)
{
    struct relay_fixture *f = *state;
    struct adding self = {.principal = {.participant = f->alfa.participant,
                                        .name = "mühasibat",
                                        .roles = VS_ROLE_SENDER,
                                        .credential = VS_CREDENTIAL_TOKEN,
                                        .expires = f->world.now_ms + VS_DAY_MS,
                                        .revoked = VS_TIME_NONE}};
    struct vs_caller caller;
    struct vs_error err;
    uint8_t digest[32];
    assert_ok(relay_fixture_job(f, run_principal, &self, &err));
    vs_sha256(vs_bytes_text(self.token), digest);
    for (int i = 0; i < 2; i++) { /* from rows, then from the cache */
        assert_ok(vs_principal_authenticate(f->relay, VS_CREDENTIAL_TOKEN, digest,
                                            f->world.now_ms, &caller, &err));
        assert_string_equal(caller.identifier, "voen:1234567891");
        assert_true(vs_caller_may(&caller, VS_ROLE_SENDER));
        assert_false(vs_caller_may(&caller, VS_ROLE_OPERATOR));
        assert_fails(VS_E_CREDENTIAL_EXPIRED,
                     vs_principal_authenticate(f->relay, VS_CREDENTIAL_TOKEN, digest,
                                               f->world.now_ms + VS_DAY_MS, &caller, &err));
    }
    assert_fails(VS_E_UNAUTHENTICATED,
                 vs_principal_authenticate(f->relay, VS_CREDENTIAL_CERTIFICATE, digest,
                                           f->world.now_ms, &caller, &err));
    assert_ok(relay_fixture_job(f, run_revoke, &self.principal.id, &err));
    assert_fails(VS_E_CREDENTIAL_REVOKED,
                 vs_principal_authenticate(f->relay, VS_CREDENTIAL_TOKEN, digest,
                                           f->world.now_ms, &caller, &err));
    digest[0] ^= 1;
    assert_fails(VS_E_UNAUTHENTICATED,
                 vs_principal_authenticate(f->relay, VS_CREDENTIAL_TOKEN, digest,
                                           f->world.now_ms, &caller, &err));
}

static vs_rc run_agreement(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                           struct vs_error *err)
{
    return vs_agreement_add_stage(relay, job, now, job->context, err);
}

static void agreement__holds_in_both_directions_within_its_time(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_id a = f->alfa.participant, c = f->gamma.participant;
    struct vs_agreement agreement = {.parties = {c, a},
                                     .from = f->world.now_ms,
                                     .until = f->world.now_ms + VS_DAY_MS,
                                     .terms = vs_terms_law()};
    const struct vs_agreement *found;
    struct vs_error err;
    agreement.terms.forms = VS_TAKES_ASIC_E | VS_TAKES_ANY;
    agreement.terms.signature_class = VS_ASKS_NONE;
    agreement.terms.signature_level = 0;
    agreement.terms.acknowledgement = 0;
    assert_ok(relay_fixture_job(f, run_agreement, &agreement, &err));
    assert_ok(vs_agreement_between(f->relay, f->arena, a, c, f->world.now_ms, &found, &err));
    assert_true(vs_id_equal(found->id, agreement.id));
    assert_memory_equal(&found->terms, &agreement.terms, sizeof found->terms);
    assert_ok(vs_agreement_between(f->relay, f->arena, c, a, agreement.until, &found, &err));
    assert_true(vs_id_is_none(found->id));
    assert_fails(VS_E_EXISTS, relay_fixture_job(f, run_agreement, &agreement, &err));
    agreement.terms.retention_months = 5; /* Art. 31.3 */
    assert_fails(VS_E_PARAMETER, relay_fixture_job(f, run_agreement, &agreement, &err));
    /* What it takes beyond the law: any bytes; waived acknowledgement. */
    struct vs_receipt receipt;
    struct vs_status status;
    assert_ok(relay_fixture_send(f, &f->alfa, VS_BYTES_LITERAL("hər hansı mətn"),
                                 "voen:3456789123", NULL, &receipt, &err));
    if (!receipt.accepted)
        fail_msg("refused: %s", receipt.refusal.text);
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, receipt.id, &status, &err));
    assert_true(status.recipients[0].delivery->counts_as_received);
    assert_string_equal(status.indication, "NOT-VERIFIED");
    /* Nothing was verified here: a person may acknowledge it, an automatic system may not. */
    struct vs_caller automatic = f->gamma;
    struct vs_acknowledged answer;
    automatic.automatic = true;
    assert_fails(VS_E_STATE,
                 relay_fixture_answer(f, &automatic, receipt.id, NULL, &answer, &err));
    assert_ok(relay_fixture_answer(f, &f->gamma, receipt.id, NULL, &answer, &err));
}

static void agreement__terms_have_one_table(void **state)
{
    (void)state;
    struct vs_terms law = vs_terms_law();
    struct vs_error err;
    assert_ok(vs_terms_check(&law, &err));
    assert_int_equal(law.forms, VS_TAKES_ASIC_E);
    assert_int_equal(law.signature_class, VS_ASKS_ENHANCED);
    assert_int_equal(law.acknowledgement, 1);
    assert_int_equal(law.acknowledgement_term_ms, 0); /* none unless the sender gives one */
    assert_int_equal(law.remind, 0);
    assert_int_equal(law.receipt_at, VS_RECEIPT_MAILBOX);
    for (size_t i = 0; i < vs_term_fields_n; i++) {
        struct vs_terms terms = law;
        *vs_term_of(&terms, &vs_term_fields[i]) = vs_term_fields[i].most + 1;
        assert_fails(VS_E_PARAMETER, vs_terms_check(&terms, &err));
        assert_non_null(strstr(err.text, vs_term_fields[i].name));
    }
}

/* Art. 6.3: to and by a public body enhanced signatures only, whatever was agreed. */
static void public_body__takes_enhanced_signatures_only(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_participant body = new_participant("gln:nazirlik");
    struct vs_receipt receipt;
    struct vs_error err;
    body.public_body = true;
    assert_ok(relay_fixture_job(f, run_add, &body, &err));
    struct vs_agreement agreement = {.parties = {f->alfa.participant, body.id},
                                     .from = VS_TIME_NONE,
                                     .until = VS_TIME_NONE,
                                     .terms = vs_terms_law()};
    agreement.terms.forms = 63;
    agreement.terms.signature_class = VS_ASKS_NONE;
    agreement.terms.signature_level = 0;
    assert_ok(relay_fixture_job(f, run_agreement, &agreement, &err));
    assert_ok(relay_fixture_send(f, &f->alfa, VS_BYTES_LITERAL("imzasız"), "gln:nazirlik", NULL,
                                 &receipt, &err));
    assert_false(receipt.accepted);
    assert_int_equal(receipt.refusal.code, VS_E_UNSIGNED);
    assert_ok(relay_fixture_send(f, &f->alfa, relay_fixture_container(f, "imzalı"),
                                 "gln:nazirlik", NULL, &receipt, &err));
    assert_true(receipt.accepted);
}

static void recipient__that_takes_agreed_senders_only_refuses_others(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_participant p = new_participant("gln:seçici");
    struct vs_receipt receipt;
    struct vs_error err;
    p.agreed_senders_only = true;
    assert_ok(relay_fixture_job(f, run_add, &p, &err));
    assert_ok(relay_fixture_send(f, &f->alfa, relay_fixture_container(f, "seç"), "gln:seçici",
                                 NULL, &receipt, &err));
    assert_int_equal(receipt.refusal.code, VS_E_SENDER_NOT_AGREED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifier__has_a_scheme_and_the_scheme_s_form),
        cmocka_unit_test(participant__identifiers_belong_to_one),
        cmocka_unit_test(participant__exchanges_only_while_its_contract_holds),
        cmocka_unit_test(principal__is_known_by_its_token_until_revoked_or_expired),
        cmocka_unit_test(agreement__holds_in_both_directions_within_its_time),
        cmocka_unit_test(agreement__terms_have_one_table),
        cmocka_unit_test(public_body__takes_enhanced_signatures_only),
        cmocka_unit_test(recipient__that_takes_agreed_senders_only_refuses_others),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
