/* The answer as a signed document (Art. 27.2, 27.4; relay/exchange/reply.h). */
#include "relay/exchange/reply.h"
#include "formats/container/zip.h"
#include "formats/crypto/digest.h"
#include "formats/document/acknowledgement.h"
#include "formats/evidence/erds.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"

static int open_with(void **state, int64_t signer_is_sender)
{
    static struct relay_fixture fixture;
    struct vs_terms terms = vs_terms_law();
    terms.signer_is_sender = signer_is_sender;
    terms.requisites = 4; /* of documents, not of replies */
    relay_fixture_open(&fixture, false);
    relay_fixture_agree(&fixture, &terms);
    *state = &fixture;
    return 0;
}

static int open_any(void **state)
{
    return open_with(state, 0);
}

static int open_own(void **state)
{
    return open_with(state, 1);
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

struct sent {
    struct vs_id id;
    struct vs_statement statement; /* that would acknowledge it */
};

static struct sent send_one(struct relay_fixture *f, const char *text)
{
    struct vs_bytes bytes = relay_fixture_container(f, text);
    struct vs_submission *submission = relay_fixture_queue(f, &f->alfa, bytes, BETA, NULL);
    const struct vs_receipt *receipt;
    struct vs_error err;
    vs_submission_parameters(submission)->subject = "mövzu";
    vs_relay_run_until_idle(f->relay);
    assert_ok(vs_submission_result(submission, &receipt, &err));
    if (!receipt->accepted)
        fail_msg("refused: %s", receipt->refusal.text);
    struct sent sent = {.id = receipt->id, .statement = {.conforms = true}};
    sent.statement.document = vs_id_text_new(f->arena, receipt->id);
    vs_sha256(bytes, sent.statement.sha256);
    vs_submission_free(submission);
    return sent;
}

/* A signed container with this acknowledgement.xml. */
static struct vs_bytes signed_(struct relay_fixture *f, const struct vs_statement *statement)
{
    struct vs_bytes xml;
    struct vs_error err;
    assert_ok(vs_statement_make(f->arena, statement, &xml, &err));
    return relay_fixture_container_and(f, "əlavə", VS_STATEMENT_NAME, VS_STATEMENT_TYPE, xml);
}

struct replying {
    const struct vs_caller *caller;
    struct vs_id id;
    struct vs_acknowledgement given;
    struct vs_acknowledged result;
};

static vs_rc run_reply(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                       struct vs_error *err)
{
    struct replying *self = job->context;
    return vs_acknowledge_stage(relay, job, self->caller, self->id, &self->given, now,
                                &self->result, err);
}

static vs_rc reply(struct relay_fixture *f, struct vs_id id, struct vs_bytes bytes,
                   struct vs_acknowledged *ret, struct vs_error *err)
{
    struct replying self = {&f->beta, id, {.conforms = true, .reply = bytes}, {.time = 0}};
    vs_rc rc = relay_fixture_job(f, run_reply, &self, err);
    *ret = self.result;
    return rc;
}

static enum vs_delivery_state state_of(struct relay_fixture *f, struct vs_id id)
{
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, id, &status, &err));
    return status.recipients[0].delivery->state;
}

static void reply__that_states_conformity_is_kept_and_evidenced(void **state)
{
    struct relay_fixture *f = *state;
    struct sent sent = send_one(f, "təsdiq");
    struct vs_bytes bytes = signed_(f, &sent.statement);
    struct vs_acknowledged answer, again;
    struct vs_reply_view view;
    struct vs_erds erds;
    struct vs_error err;
    uint8_t digest[32];
    assert_ok(reply(f, sent.id, bytes, &answer, &err));
    assert_int_equal(state_of(f, sent.id), VS_DELIVERY_REACHED);
    assert_ok(vs_erds_read(f->arena, answer.evidence_xml, &erds, &err));
    vs_sha256(bytes, digest);
    assert_string_equal(vs_erds_extension(&erds, VS_ERDS_EXT_REPLY),
                        vs_hex_new(f->arena, VS_BYTES(digest, 32)));
    const struct vs_caller *parties[] = {&f->alfa, &f->beta};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(
            vs_reply_get(f->relay, f->arena, parties[i], sent.id, VS_ID_NONE, &view, &err));
        assert_bytes_equal(view.bytes, bytes);
    }
    assert_fails(VS_E_NOT_FOUND,
                 vs_reply_get(f->relay, f->arena, &f->gamma, sent.id, VS_ID_NONE, &view, &err));
    assert_fails(VS_E_NOT_FOUND, vs_reply_get(f->relay, f->arena, &f->auditor, sent.id,
                                              VS_ID_NONE, &view, &err));
    assert_ok(reply(f, sent.id, bytes, &again, &err));
    assert_true(again.repeated);
    relay_fixture_check(f);
}

/* 27.4: a reply without the statement, or denying it, is a refusal. */
static void reply__without_the_statement_is_a_refusal(void **state)
{
    struct relay_fixture *f = *state;
    struct sent denied = send_one(f, "bir"), silent = send_one(f, "iki");
    struct vs_acknowledged answer;
    struct vs_status status;
    struct vs_error err;
    denied.statement.conforms = false;
    denied.statement.reason = "format uyğun deyil";
    assert_ok(reply(f, denied.id, signed_(f, &denied.statement), &answer, &err));
    assert_ok(vs_status_get(f->relay, f->arena, &f->alfa, denied.id, &status, &err));
    assert_int_equal(status.recipients[0].delivery->state, VS_DELIVERY_REFUSED);
    assert_string_equal(status.recipients[0].delivery->refusal_reason, "format uyğun deyil");
    char *xml = vs_arena_printf(
        f->arena,
        "<acknowledgement xmlns=\"urn:vasite:acknowledgement:1\" version=\"1\"><document>%s"
        "</document><sha256>%s</sha256></acknowledgement>",
        silent.statement.document, vs_hex_new(f->arena, VS_BYTES(silent.statement.sha256, 32)));
    struct vs_bytes bytes = relay_fixture_container_and(f, "susdu", VS_STATEMENT_NAME,
                                                        VS_STATEMENT_TYPE, vs_bytes_text(xml));
    assert_ok(reply(f, silent.id, bytes, &answer, &err));
    assert_int_equal(answer.state, VS_DELIVERY_REFUSED);
    assert_int_equal(relay_fixture_evidence(f, silent.id, "AcknowledgementRefusal"), 1);
    relay_fixture_check(f);
}

static void replace(struct vs_bytes in, struct vs_bytes from, struct vs_bytes to)
{
    uint8_t *at = (uint8_t *)(uintptr_t)in.ptr, *end = at + in.len;
    unsigned n = 0;
    while ((at = memmem(at, (size_t)(end - at), from.ptr, from.len)) != NULL) {
        memcpy(at, to.ptr, to.len);
        at += to.len;
        n++;
    }
    assert_true(n > 0);
}

/* A signed denial that was made to say yes: a sound ZIP, only the signature tells. */
static struct vs_bytes forge(struct relay_fixture *f, const struct vs_statement *denial)
{
    struct vs_bytes container = vs_bytes_copy(f->arena, signed_(f, denial)), xml;
    struct vs_bytes no = VS_BYTES_LITERAL("false"), yes = VS_BYTES_LITERAL("true ");
    struct vs_error err;
    uint8_t was[4], now[4];
    assert_ok(vs_statement_make(f->arena, denial, &xml, &err));
    uint32_t crc = vs_zip_crc32(0, xml);
    replace(xml, no, yes);
    uint32_t changed = vs_zip_crc32(0, xml);
    for (unsigned i = 0; i < 4; i++) {
        was[i] = (uint8_t)(crc >> 8 * i);
        now[i] = (uint8_t)(changed >> 8 * i);
    }
    replace(container, no, yes);
    replace(container, VS_BYTES(was, 4), VS_BYTES(now, 4));
    return container;
}

static void reply__that_does_not_hold_is_none(void **state)
{
    struct relay_fixture *f = *state;
    struct sent sent = send_one(f, "saxta"), other = send_one(f, "başqa");
    struct vs_bytes good = signed_(f, &sent.statement), xml;
    struct vs_acknowledged answer;
    struct vs_error err;
    assert_ok(vs_statement_make(f->arena, &sent.statement, &xml, &err));
    struct vs_statement denial = sent.statement;
    denial.conforms = false;
    struct vs_statement bytes_of_other = sent.statement;
    memcpy(bytes_of_other.sha256, other.statement.sha256, 32);
    const struct {
        struct vs_bytes bytes;
        enum vs_code code;
    } cases[] = {
        {VS_BYTES_LITERAL("təsdiq edirəm"), VS_E_FORM_NOT_AGREED},
        {xml, VS_E_FORM_NOT_AGREED}, /* the statement, unsigned */
        {relay_fixture_container(f, "bəyanatsız"), VS_E_REQUISITES},
        {signed_(f, &other.statement), VS_E_REQUISITES_CONFLICT},
        {signed_(f, &bytes_of_other), VS_E_REQUISITES_CONFLICT},
        {forge(f, &denial), VS_E_SIGNATURE_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_fails(cases[i].code, reply(f, sent.id, cases[i].bytes, &answer, &err));
    assert_int_equal(state_of(f, sent.id), VS_DELIVERY_AVAILABLE);
    assert_int_equal(relay_fixture_evidence(f, sent.id, "Acknowledgement"), 0);
    assert_int_equal(relay_fixture_evidence(f, sent.id, "AcknowledgementRefusal"), 0);
    assert_ok(reply(f, sent.id, good, &answer, &err));
    relay_fixture_check(f);
}

/* Art. 27.1: where the parties agreed that a signer is of the sending side, it holds for who
 * replies too. */
static void reply__is_signed_by_the_recipient_where_that_is_agreed(void **state)
{
    struct relay_fixture *f = *state;
    struct sent sent = send_one(f, "kim imzaladı");
    struct vs_acknowledged answer;
    struct vs_error err;
    assert_fails(VS_E_SIGNER_NOT_SENDER,
                 reply(f, sent.id, signed_(f, &sent.statement), &answer, &err));
    assert_int_equal(state_of(f, sent.id), VS_DELIVERY_AVAILABLE);
}

int main(void)
{
#define WITH(test, open) cmocka_unit_test_setup_teardown(test, open, close_fixture)
    const struct CMUnitTest tests[] = {
        WITH(reply__that_states_conformity_is_kept_and_evidenced, open_any),
        WITH(reply__without_the_statement_is_a_refusal, open_any),
        WITH(reply__that_does_not_hold_is_none, open_any),
        WITH(reply__is_signed_by_the_recipient_where_that_is_agreed, open_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
