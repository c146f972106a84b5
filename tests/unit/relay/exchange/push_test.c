/* Received at the recipient's endpoint (Art. 28.2): pushed, repeated, given up; one terminal
 * evidence whatever happens in between. */
#include "relay/exchange/push.h"
#include "relay/check.h"
#include "relay/evidence.h"
#include "relay/exchange/webhook.h"
#include "relay/relay_priv.h"
#include "tests/support/relay_fixture.h"
#include "tests/unit/unit.h"

#define BETA "voen:2345678912"
#define URL  "https://beta.example/in"

/* An endpoint that keeps what it got and answers as it is told. */
static struct {
    unsigned requests;
    int status; /* 0: it is away */
    uint32_t retry_after_s;
    char url[128];
    struct vs_bytes body;
    char headers[4096]; /* "name: value\n" each */
    char id[33];        /* Vasite-Delivery-Id of the first request */
} endpoint;

static struct relay_fixture *fixture;

static const char *header(const char *name, char *ret, size_t room)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\n%s: ", name);
    const char *at = strstr(endpoint.headers, wanted);
    if (at == NULL)
        return NULL;
    at += strlen(wanted);
    snprintf(ret, room, "%.*s", (int)strcspn(at, "\n"), at);
    return ret;
}

static vs_rc outgoing(void *context, struct vs_arena *arena,
                      const struct vs_outgoing_request *request, struct vs_outgoing_answer *ret,
                      struct vs_error *err)
{
    (void)context;
    (void)arena;
    size_t len = 0;
    char id[33];
    endpoint.requests++;
    snprintf(endpoint.url, sizeof endpoint.url, "%s", request->url);
    endpoint.headers[len++] = '\n';
    for (const char *const *h = request->headers; *h != NULL; h++)
        len +=
            (size_t)snprintf(endpoint.headers + len, sizeof endpoint.headers - len, "%s\n", *h);
    if (request->source != NULL)
        VS_TRY(vs_source_all(request->source, fixture->arena, 1 << 20, &endpoint.body, err));
    assert_non_null(header("vasite-delivery-id", id, sizeof id));
    if (endpoint.requests == 1)
        memcpy(endpoint.id, id, sizeof id);
    if (endpoint.status == 0)
        return vs_fail(err, VS_E_NETWORK, NULL, "beta.example:443: it is away");
    *ret = (struct vs_outgoing_answer){
        .status = endpoint.status, .media_type = "", .retry_after_s = endpoint.retry_after_s};
    return VS_OK;
}

static vs_rc change_beta(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                         struct vs_error *err)
{
    const struct vs_participant *old;
    const struct vs_participant *wanted = job->context;
    VS_TRY(vs_participant_get(relay, job->arena, fixture->beta.participant, &old, err));
    struct vs_participant p = *old;
    p.endpoint = wanted->endpoint;
    p.endpoint_consignment = wanted->endpoint_consignment;
    return vs_participant_change_stage(relay, job, now, &p, err);
}

static void set_endpoint(const char *url, bool consignment)
{
    struct vs_participant wanted = {.endpoint = url, .endpoint_consignment = consignment};
    struct vs_error err;
    assert_ok(relay_fixture_job(fixture, change_beta, &wanted, &err));
}

static vs_rc add_agreement(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                           struct vs_error *err)
{
    return vs_agreement_add_stage(relay, job, now, job->context, err);
}

static void agree(void)
{
    struct vs_agreement agreement = {
        .parties = {fixture->alfa.participant, fixture->beta.participant},
        .from = VS_TIME_NONE,
        .until = VS_TIME_NONE,
        .terms = vs_terms_law()};
    struct vs_error err;
    agreement.terms.receipt_at = VS_RECEIPT_ENDPOINT;
    assert_ok(relay_fixture_job(fixture, add_agreement, &agreement, &err));
}

static int open_fixture(void **state)
{
    static struct relay_fixture f;
    memset(&endpoint, 0, sizeof endpoint);
    relay_fixture_init(&f, false);
    f.world.seams.outgoing = outgoing;
    f.settings.push_term_ms = VS_HOUR_MS;
    fixture = *state = &f;
    relay_fixture_start(&f);
    set_endpoint(URL, false);
    agree();
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static void pass(int64_t ms)
{
    test_world_pass(&fixture->world, ms);
    vs_relay_run_until_idle(fixture->relay);
}

static struct vs_id send(const char *text)
{
    struct vs_bytes bytes = relay_fixture_container(fixture, text);
    struct vs_receipt receipt;
    struct vs_error err;
    assert_ok(relay_fixture_send(fixture, &fixture->alfa, bytes, BETA, text, &receipt, &err));
    assert_true(receipt.accepted);
    pass(1000);
    return receipt.id;
}

static struct vs_status status_of(struct vs_id id)
{
    struct vs_status status;
    struct vs_error err;
    assert_ok(vs_status_get(fixture->relay, fixture->arena, &fixture->alfa, id, &status, &err));
    return status;
}

static const struct vs_delivery *delivery_of(struct vs_id id)
{
    return status_of(id).recipients[0].delivery;
}

static size_t count(struct vs_id id, const char *event)
{
    struct vs_status status = status_of(id);
    size_t n = 0;
    for (size_t i = 0; i < status.n_evidence; i++)
        n += strcmp(status.evidence[i]->event, event) == 0;
    return n;
}

static void assert_store_holds(void)
{
    struct vs_check_result result;
    struct vs_error err;
    assert_ok(vs_check(fixture->relay, fixture->arena, NULL, NULL, &result, &err));
    for (size_t i = 0; i < result.n_findings; i++)
        print_error("%s %s: %s\n", result.findings[i].what, result.findings[i].where,
                    result.findings[i].text);
    assert_int_equal(result.n_findings, 0);
}

static void push__2xx_is_the_receipt(void **state)
{
    (void)state;
    struct vs_error err;
    endpoint.status = 204;
    struct vs_id id = send("bir");
    const struct vs_delivery *d = delivery_of(id);
    assert_int_equal(endpoint.requests, 1);
    assert_string_equal(endpoint.url, URL);
    assert_int_equal(d->state, VS_DELIVERY_HANDED_OVER);
    assert_int_equal(d->received, d->handed_over);
    assert_true(d->received >= d->sent);
    assert_false(d->counts_as_received); /* 27.4: not before it is acknowledged */
    assert_int_equal(count(id, "ContentHandover"), 1);
    assert_int_equal(count(id, "ContentConsignment"), 0);
    /* It has the document, so it sees it here too, and may acknowledge. */
    struct vs_acknowledged answered;
    assert_ok(relay_fixture_answer(fixture, &fixture->beta, id, NULL, &answered, &err));
    pass(1000);
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_REACHED);
    assert_store_holds();
    pass(VS_DAY_MS);
    assert_int_equal(endpoint.requests, 1);
}

static void push__names_sender_document_and_digest(void **state)
{
    (void)state;
    char value[512], id_text[VS_ID_TEXT];
    uint8_t digest[32];
    struct vs_error err;
    const struct vs_delivery *d;
    endpoint.status = 200;
    struct vs_id id = send("bir");
    d = delivery_of(id);
    vs_sha256(endpoint.body, digest);
    assert_memory_equal(digest, d->digest, 32);
    vs_id_text(id, id_text);
    assert_string_equal(header("vasite-document-id", value, sizeof value), id_text);
    assert_string_equal(header("content-digest", value, sizeof value),
                        vs_content_digest(fixture->arena, digest));
    assert_string_equal(header("vasite-document-digest", value, sizeof value),
                        vs_content_digest(fixture->arena, digest));
    assert_string_equal(header("vasite-sender", value, sizeof value), "voen:1234567891");
    assert_string_equal(header("vasite-recipient", value, sizeof value), BETA);
    assert_string_equal(header("vasite-content", value, sizeof value), "original");
    assert_string_equal(header("vasite-name", value, sizeof value), "m%C9%99ktub.asice");
    assert_string_equal(header("vasite-attempt", value, sizeof value), "1");
    (void)err;
}

static void push__sends_the_consignment_where_that_was_chosen(void **state)
{
    (void)state;
    char value[512];
    uint8_t digest[32];
    endpoint.status = 200;
    set_endpoint(URL, true);
    struct vs_id id = send("bir");
    vs_sha256(endpoint.body, digest);
    assert_memory_not_equal(digest, delivery_of(id)->digest, 32);
    assert_string_equal(header("content-digest", value, sizeof value),
                        vs_content_digest(fixture->arena, digest));
    assert_string_equal(header("content-type", value, sizeof value),
                        "application/vnd.etsi.asic-e+zip");
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_HANDED_OVER);
}

/* The base built here again from what went out, by the words of RFC 9421, 2.5. */
static bool signature_holds(const char *changed_from, const char *changed_to)
{
    struct vs_webhook_key key;
    struct vs_error err;
    char input[1024], signature[256], base[4096] = "", value[1024];
    assert_ok(vs_webhook_key(fixture->relay, fixture->arena, &key, &err));
    assert_non_null(header("Signature-Input", input, sizeof input));
    assert_non_null(header("Signature", signature, sizeof signature));
    const char *parameters = strchr(input, '=') + 1;
    size_t len = 0;
    for (const char *at = strchr(parameters, '"'); at != NULL && at < strchr(parameters, ')');
         at = strchr(strchr(at + 1, '"') + 1, '"')) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
        const char *text = strcmp(name, "@method") == 0 ? "POST"
                           : strcmp(name, "@target-uri") == 0
                               ? endpoint.url
                               : header(name, value, sizeof value);
        assert_non_null(text);
        if (strcmp(name, changed_from) == 0)
            text = changed_to;
        len += (size_t)snprintf(base + len, sizeof base - len, "\"%s\": %s\n", name, text);
    }
    len += (size_t)snprintf(base + len, sizeof base - len, "\"@signature-params\": %s",
                            parameters);
    struct vs_bytes raw, spki;
    const char *pem = strchr(key.pem, '\n') + 1;
    assert_ok(vs_base64_decode(fixture->arena, VS_BYTES(pem, strcspn(pem, "-")), &spki, &err));
    char *b64 = strchr(signature, ':') + 1;
    assert_ok(vs_base64_decode(fixture->arena, VS_BYTES(b64, strcspn(b64, ":")), &raw, &err));
    struct vs_public_key *public;
    assert_ok(vs_public_key_decode(spki, &public, &err));
    enum vs_signature_verdict verdict;
    assert_ok(vs_public_key_verify_message(
        public, (struct vs_signature_algorithm){.scheme = VS_ED25519}, VS_BYTES(base, len),
        VS_SIGNATURE_RAW, raw, &verdict, &err));
    vs_public_key_unref(public);
    return verdict == VS_SIGNATURE_VALID;
}

static void push__is_signed_by_the_published_key(void **state)
{
    (void)state;
    char value[512];
    struct vs_webhook_key key;
    struct vs_error err;
    endpoint.status = 200;
    send("bir");
    assert_true(signature_holds("", ""));
    assert_false(signature_holds("@target-uri", "https://beta.example/out"));
    assert_false(signature_holds("@method", "PUT"));
    assert_false(signature_holds("content-digest", "sha-256=:AAAA:"));
    assert_false(signature_holds("vasite-sender", "voen:9999999999"));
    assert_false(signature_holds("vasite-document-id", "00"));
    assert_ok(vs_webhook_key(fixture->relay, fixture->arena, &key, &err));
    assert_non_null(strstr(header("Signature-Input", value, sizeof value), key.id));
    assert_non_null(strstr(value, ";alg=\"ed25519\";tag=\"vasite\""));
}

static void push__that_fails_is_repeated_with_one_id(void **state)
{
    (void)state;
    char id_text[33], value[64];
    struct vs_push_view view;
    struct vs_error err;
    bool found;
    endpoint.status = 500;
    struct vs_id id = send("bir");
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_WAITING);
    assert_int_equal(delivery_of(id)->received, VS_TIME_NONE);
    assert_ok(vs_push_view(fixture->relay, fixture->arena, id, fixture->beta.participant, &view,
                           &found, &err));
    assert_true(found);
    assert_int_equal(view.attempts, 1);
    assert_string_equal(view.error, "the endpoint answered 500");
    assert_in_range(view.next - fixture->world.now_ms, 13000, 30000);
    endpoint.status = 0;
    pass(31000);
    assert_int_equal(endpoint.requests, 2);
    endpoint.status = 200;
    pass(61000);
    assert_int_equal(endpoint.requests, 3);
    assert_string_equal(header("vasite-delivery-id", id_text, sizeof id_text), endpoint.id);
    assert_string_equal(header("vasite-attempt", value, sizeof value), "3");
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_HANDED_OVER);
    assert_int_equal(count(id, "ContentHandover"), 1);
    assert_store_holds();
}

static void push__ends_when_its_term_has_passed(void **state)
{
    (void)state;
    struct vs_page page;
    struct vs_error err;
    struct vs_id id = send("bir"); /* it is away */
    vs_time_ms began = fixture->world.now_ms;
    while (delivery_of(id)->state == VS_DELIVERY_WAITING &&
           fixture->world.now_ms < began + 2 * VS_HOUR_MS)
        pass(10000);
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_FAILED);
    /* The last attempt is made at the end of the term, not before. */
    assert_in_range(fixture->world.now_ms - began, VS_HOUR_MS - 10000, VS_HOUR_MS + 20000);
    assert_in_range(endpoint.requests, 6, 12);
    assert_int_equal(count(id, "ContentHandoverFailure"), 1);
    assert_int_equal(count(id, "ContentHandover"), 0);
    unsigned requests = endpoint.requests;
    endpoint.status = 200;
    pass(VS_DAY_MS);
    assert_int_equal(endpoint.requests, requests);
    assert_ok(
        vs_events_list(fixture->relay, fixture->arena, &fixture->alfa, "", 10, &page, &err));
    assert_int_equal(page.n, 1); /* the sender learns */
    assert_int_equal(page.entries[0]->state, VS_DELIVERY_FAILED);
    assert_store_holds();
}

static void push__ends_at_once_where_repeating_is_in_vain(void **state)
{
    (void)state;
    endpoint.status = 410;
    struct vs_id id = send("bir");
    assert_int_equal(endpoint.requests, 1);
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_FAILED);
    assert_int_equal(count(id, "ContentHandoverFailure"), 1);
    assert_store_holds();
}

static void push__waits_as_long_as_it_is_asked_to(void **state)
{
    (void)state;
    endpoint.status = 429;
    endpoint.retry_after_s = 600;
    send("bir");
    pass(598000);
    assert_int_equal(endpoint.requests, 1);
    pass(3000);
    assert_int_equal(endpoint.requests, 2);
}

static void push__follows_an_endpoint_that_moves(void **state)
{
    (void)state;
    struct vs_id id = send("bir");
    set_endpoint("https://new.example/in", false);
    endpoint.status = 200;
    pass(31000);
    assert_string_equal(endpoint.url, "https://new.example/in");
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_HANDED_OVER);
}

static void push__is_not_made_to_who_named_no_endpoint(void **state)
{
    (void)state;
    set_endpoint(NULL, false);
    struct vs_id id = send("bir");
    assert_int_equal(endpoint.requests, 0);
    assert_int_equal(delivery_of(id)->state, VS_DELIVERY_AVAILABLE);
    assert_store_holds();
}

/* Whatever was the last step before the end: one hand-over, one id. */
static void push__goes_on_after_a_crash(void **state)
{
    (void)state;
    struct vs_error err;
    char id_text[33];
    endpoint.status = 200;
    for (unsigned steps = 0; steps < 8; steps++) {
        char text[16];
        snprintf(text, sizeof text, "%u", steps);
        memset(&endpoint, 0, sizeof endpoint);
        endpoint.status = 200;
        struct vs_bytes bytes = relay_fixture_container(fixture, text);
        struct vs_submission *submission =
            relay_fixture_queue(fixture, &fixture->alfa, bytes, BETA, text);
        const struct vs_receipt *receipt;
        struct vs_relay *relay = fixture->relay;
        while (vs_relay_work(relay, fixture->world.now_ms))
            ;
        assert_true(vs_relay_commit(relay, fixture->world.now_ms));
        assert_ok(vs_submission_result(submission, &receipt, &err));
        struct vs_id id = receipt->id;
        vs_submission_free(submission);
        test_world_pass(&fixture->world, 1000);
        for (unsigned i = 0; i < steps; i++) {
            vs_relay_commit(relay, fixture->world.now_ms);
            vs_relay_deliver(relay, fixture->world.now_ms);
            vs_relay_work(relay, fixture->world.now_ms);
        }
        relay_fixture_reopen(fixture);
        pass(1000);
        pass(31000);
        assert_int_equal(delivery_of(id)->state, VS_DELIVERY_HANDED_OVER);
        assert_int_equal(count(id, "ContentHandover"), 1);
        assert_in_range(endpoint.requests, 1, 2);
        assert_string_equal(header("vasite-delivery-id", id_text, sizeof id_text), endpoint.id);
    }
    assert_store_holds();
}

/* `vasite check` finds work that nobody would take, and a need without its row. */
static void check__finds_due_work_that_is_wrong(void **state)
{
    (void)state;
    struct vs_id id = send("bir"), other = send("iki"); /* it is away */
    uint8_t subject[VS_DUE_DELIVERY_BYTES];
    const struct vs_due *work;
    struct vs_check_result result;
    struct vs_error err;
    struct vs_relay *relay = fixture->relay;
    assert_store_holds();
    vs_due_delivery(id, fixture->beta.participant, subject);
    assert_ok(vs_due_get(relay, fixture->arena, "push", VS_BYTES(subject, sizeof subject),
                         &work, &err));
    struct vs_value key[VS_WORK_COLUMNS] = {[VS_WORK_ID] = vs_id_value(&work->id)};
    struct vs_value unknown[VS_WORK_COLUMNS] = {[VS_WORK_ID] = vs_id_value(&other),
                                                [VS_WORK_KIND] = vs_text("nobody"),
                                                [VS_WORK_DUE] = vs_int(1),
                                                [VS_WORK_ATTEMPTS] = vs_int(0)};
    struct vs_op ops[] = {vs_op_delete(VS_T_WORK, key, VS_ANY_VERSION),
                          vs_op_insert(VS_T_WORK, unknown)};
    struct vs_item item = {.ops = ops, .n_ops = 2};
    assert_ok(vs_store_commit(relay->store, &item, 1, &err));
    assert_ok(vs_check(relay, fixture->arena, NULL, NULL, &result, &err));
    assert_int_equal(result.n_findings, 2);
    assert_string_equal(result.findings[0].text, "kind nobody is not known: nobody takes it");
    assert_string_equal(result.findings[1].text, "it waits for its endpoint without due work");
}

static void endpoint__is_checked_when_it_is_set(void **state)
{
    (void)state;
    static const char *const refused[] = {"http://beta.example/in",
                                          "https://user:secret@beta.example/in",
                                          "https://user@beta.example/",
                                          "https://beta.example/in#part",
                                          "ftp://beta.example/",
                                          "file:///etc/passwd",
                                          "beta.example",
                                          "https://",
                                          "https://beta.example/a b",
                                          "https://beta.example/\r\nX: y",
                                          "https://beta.example\\@evil.example/",
                                          "https://bet\xc9\x99.example/"};
    static const struct {
        const char *given, *kept;
    } taken[] = {{"https://beta.example", "https://beta.example/"},
                 {"HTTPS://Beta.Example:443/In?a=b", "https://beta.example/In?a=b"},
                 {"https://beta.example:8443/a/../in", "https://beta.example:8443/in"},
                 {"https://[2001:db8::1]/in", "https://[2001:db8::1]/in"}};
    struct vs_endpoint ret;
    struct vs_error err;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct vs_participant wanted = {.endpoint = refused[i]};
        assert_fails(VS_E_ENDPOINT, relay_fixture_job(fixture, change_beta, &wanted, &err));
        assert_null(strstr(err.text, "secret"));
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        assert_ok(vs_outgoing_endpoint(fixture->arena, taken[i].given, &ret, &err));
        assert_string_equal(ret.url, taken[i].kept);
    }
    assert_string_equal(ret.host, "[2001:db8::1]:443");
}

int main(void)
{
#define with_fixture(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)
    const struct CMUnitTest tests[] = {
        with_fixture(push__2xx_is_the_receipt),
        with_fixture(push__names_sender_document_and_digest),
        with_fixture(push__sends_the_consignment_where_that_was_chosen),
        with_fixture(push__is_signed_by_the_published_key),
        with_fixture(push__that_fails_is_repeated_with_one_id),
        with_fixture(push__ends_when_its_term_has_passed),
        with_fixture(push__ends_at_once_where_repeating_is_in_vain),
        with_fixture(push__waits_as_long_as_it_is_asked_to),
        with_fixture(push__follows_an_endpoint_that_moves),
        with_fixture(push__is_not_made_to_who_named_no_endpoint),
        with_fixture(push__goes_on_after_a_crash),
        with_fixture(check__finds_due_work_that_is_wrong),
        with_fixture(endpoint__is_checked_when_it_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
