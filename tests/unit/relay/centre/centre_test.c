/* The centre against OpenSSL's programs, and its numbered rules. */
#include "tests/unit/unit.h"
#include "relay/centre/centre.h"
#include "formats/certificate/identity.h"
#include "formats/certificate/ocsp.h"
#include "formats/timestamp/request.h"
#include "formats/timestamp/timestamp.h"
#include "storage/store.h"
#include "tests/support/tools.h"
#include "tests/support/world.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct test_world world;
static struct vs_store *store;
static struct vs_keys *keys;
static struct vs_centre *centre;
static struct vs_arena *arena;
static struct vs_error err;
static char folder[512];

static const char *const tls_names[] = {"localhost", "127.0.0.1", "::1"};

static int changes;
static void count_change(void *context)
{
    ++*(int *)context;
}

static struct vs_centre_settings settings(void)
{
    return (struct vs_centre_settings){
        .folder = folder,
        .passphrase = VS_BYTES_LITERAL("Zq3vT9xWb1LmPc7RkYd5Hs8NfGj2Ua6EoVi4XtKyM0pBhQrC"),
        .public_url = "http://127.0.0.1:8080",
        .name = "Vasite",
        .identifier = "voen:0000000000",
        .country = "AZ",
        .tls_names = tls_names,
        .n_tls_names = 3,
        .key_kind = VS_GENERATE_P256,
        .changed = count_change,
        .changed_context = &changes,
    };
}

static void open_centre(void)
{
    struct vs_centre_settings s = settings();
    keys = vs_keys_new();
    assert_ok(vs_centre_open(&s, &world.seams, store, keys, &centre, &err));
}

static void close_centre(void)
{
    vs_centre_close(centre);
    vs_keys_free(keys);
    centre = NULL;
}

static void put_pem(const char *name, struct vs_bytes der)
{
    struct vs_certificate *certificate;
    assert_ok(vs_certificate_get(der, &certificate, &err));
    VS_BUFFER pem;
    vs_buffer_init(&pem, 65536);
    vs_certificate_encode_pem(certificate, &pem);
    test_file(name, vs_buffer_view(&pem));
    vs_certificate_unref(certificate);
}

static void put_certificate(const char *name)
{
    struct vs_bytes der;
    assert_ok(vs_centre_certificate(centre, arena, name, &der, &err));
    put_pem(vs_arena_printf(arena, "%s.pem", name), der);
}

static int begin(void **state)
{
    (void)state;
    test_world_init(&world);
    arena = vs_arena_new((size_t)64 * 1024 * 1024);
    snprintf(folder, sizeof folder, "%s/centre", test_folder());
    if (!vs_ok(vs_store_open_memory(NULL, &store, &err)))
        return -1;
    open_centre();
    put_certificate("root");
    put_certificate("issuing");
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_centre();
    vs_store_close(store);
    vs_arena_free(arena);
    vs_certificate_cache_clear();
    return 0;
}

static vs_time_ms now(void)
{
    return atomic_load(&world.now_ms);
}

static struct vs_issued issue(enum vs_holder_kind kind)
{
    struct vs_holder holder = {.kind = kind,
                               .common_name = "Nümunə MMC",
                               .organisation = "Nümunə MMC",
                               .organisation_identifier = "voen:1234567891",
                               .passphrase = VS_BYTES_LITERAL("p12")};
    struct vs_issued issued;
    assert_ok(vs_centre_issue(centre, arena, &holder, "officer", now(), &issued, &err));
    return issued;
}

static vs_rc change(const char *serial, enum vs_certificate_state to, enum vs_requester by)
{
    struct vs_state_change wish = {.to = to,
                                   .requester = by,
                                   .reason = VS_REASON_KEY_COMPROMISE,
                                   .ground = "14.1.3",
                                   .until = VS_TIME_NONE,
                                   .officer = "officer"};
    return vs_centre_change(centre, serial, &wish, now(), &err);
}

static void put_lists(void)
{
    static const char *const names[] = {"root", "issuing"};
    for (int i = 0; i < 2; i++) {
        struct vs_bytes der;
        assert_ok(vs_centre_crl(centre, arena, names[i], now(), &der, &err));
        test_file(vs_arena_printf(arena, "%s.crl", names[i]), der);
        assert_int_equal(test_run("cd '%s' && openssl crl -inform DER -in %s.crl -CAfile "
                                  "%s.pem -noout && openssl crl -inform DER -in %s.crl -out "
                                  "%s.crl.pem",
                                  test_folder(), names[i], names[i], names[i], names[i]),
                         0);
    }
    assert_int_equal(
        test_run("cd '%s' && cat root.crl.pem issuing.crl.pem >crls.pem", test_folder()), 0);
}

static int openssl_verify(const char *name)
{
    return test_run("cd '%s' && openssl verify -x509_strict -attime %lld -crl_check_all "
                    "-CAfile root.pem -untrusted issuing.pem -CRLfile crls.pem %s.pem",
                    test_folder(), (long long)(now() / 1000 + 1), name);
}

static void openssl_verifies_every_certificate_against_the_lists(void **state)
{
    (void)state;
    put_lists();
    static const char *const names[] = {"issuing", "tsa", "ocsp", "seal", "evidence", "tls"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        put_certificate(names[i]);
        assert_int_equal(openssl_verify(names[i]), 0);
    }
}

static void a_second_start_reuses_what_is_there(void **state)
{
    (void)state;
    struct vs_bytes before, after, seal, seal_after;
    assert_ok(vs_centre_certificate(centre, arena, "root", &before, &err));
    assert_ok(vs_centre_certificate(centre, arena, "seal", &seal, &err));
    close_centre();
    open_centre();
    assert_ok(vs_centre_certificate(centre, arena, "root", &after, &err));
    assert_ok(vs_centre_certificate(centre, arena, "seal", &seal_after, &err));
    assert_bytes_equal(before, after);
    assert_bytes_equal(seal, seal_after);
}

static void keys_lie_encrypted_and_a_wrong_passphrase_is_an_error(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/seal.key", folder);
    struct vs_bytes pem = test_read(arena, path);
    assert_non_null(memmem(pem.ptr, pem.len, "BEGIN ENCRYPTED PRIVATE KEY", 27));
    assert_null(memmem(pem.ptr, pem.len, "BEGIN PRIVATE KEY", 17));
    struct vs_centre_settings s = settings();
    s.passphrase = VS_BYTES_LITERAL("wrong");
    struct vs_keys *others = vs_keys_new();
    struct vs_centre *other;
    assert_fails(VS_E_KEY, vs_centre_open(&s, &world.seams, store, others, &other, &err));
    vs_keys_free(others);
}

static void a_lost_store_gets_the_services_certificates_back(void **state)
{
    (void)state;
    struct vs_store *empty;
    assert_ok(vs_store_open_memory(NULL, &empty, &err));
    struct vs_centre_settings s = settings();
    struct vs_keys *others = vs_keys_new();
    struct vs_centre *other;
    assert_ok(vs_centre_open(&s, &world.seams, empty, others, &other, &err));
    const struct vs_register_entry *entries;
    size_t n;
    assert_ok(vs_centre_list(other, arena, NULL, 100, now(), &entries, &n, &err));
    assert_int_equal(n, 7);
    vs_centre_close(other);
    vs_keys_free(others);
    vs_store_close(empty);
}

static void an_outside_keys_purpose_is_left_alone(void **state)
{
    (void)state;
    struct vs_keys *others = vs_keys_new();
    struct vs_key *key;
    assert_ok(vs_key_generate(VS_GENERATE_P256, &key, &err));
    assert_ok(vs_keys_set(others, VS_PURPOSE_SEAL, key, NULL, 0, &err));
    struct vs_centre_settings s = settings();
    struct vs_centre *other;
    assert_ok(vs_centre_open(&s, &world.seams, store, others, &other, &err));
    assert_ptr_equal(vs_keys_public(others, VS_PURPOSE_SEAL), vs_key_public(key));
    vs_centre_close(other);
    vs_keys_free(others);
    vs_key_unref(key);
}

static void a_holders_pkcs12_opens_and_names_the_participant(void **state)
{
    (void)state;
    struct vs_issued issued = issue(VS_HOLDER_ORGANISATION);
    test_file("holder.p12", issued.pkcs12);
    assert_int_equal(
        test_run("cd '%s' && openssl pkcs12 -in holder.p12 -passin pass:p12 -nodes "
                 "-out holder.all",
                 test_folder()),
        0);
    put_pem("holder.pem", issued.certificate);
    put_lists();
    assert_int_equal(openssl_verify("holder"), 0);
    struct vs_certificate *certificate;
    assert_ok(vs_certificate_get(issued.certificate, &certificate, &err));
    struct vs_identity identity = vs_identity_of(arena, certificate);
    assert_true(vs_identity_has(&identity, "voen:1234567891"));
    assert_false(vs_identity_has(&identity, "voen:1234567890"));
    assert_int_equal(certificate->key_usage, VS_KU_NON_REPUDIATION);
    vs_certificate_unref(certificate);
}

static void a_client_certificate_authenticates_and_signs_nothing(void **state)
{
    (void)state;
    struct vs_issued issued = issue(VS_HOLDER_CLIENT);
    struct vs_certificate *certificate;
    assert_ok(vs_certificate_get(issued.certificate, &certificate, &err));
    assert_int_equal(certificate->key_usage, VS_KU_DIGITAL_SIGNATURE);
    assert_int_equal(certificate->extended_key_usage, VS_EKU_CLIENT);
    vs_certificate_unref(certificate);
}

static void a_suspended_or_revoked_client_is_refused_at_once(void **state)
{
    (void)state;
    struct vs_issued client = issue(VS_HOLDER_CLIENT), other = issue(VS_HOLDER_ORGANISATION);
    uint8_t digest[32], others[32];
    vs_sha256(client.certificate, digest);
    vs_sha256(other.certificate, others);
    bool refused = true;
    int before = changes;
    assert_ok(vs_centre_refuses(centre, digest, now(), &refused, &err));
    assert_false(refused);
    assert_ok(change(client.serial, VS_CERTIFICATE_SUSPENDED, VS_BY_HOLDER));
    assert_ok(vs_centre_refuses(centre, digest, now(), &refused, &err));
    assert_true(refused);
    assert_ok(change(client.serial, VS_CERTIFICATE_VALID, VS_BY_HOLDER));
    assert_ok(vs_centre_refuses(centre, digest, now(), &refused, &err));
    assert_false(refused);
    assert_ok(change(client.serial, VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
    assert_ok(vs_centre_refuses(centre, digest, now(), &refused, &err));
    assert_true(refused);
    assert_int_equal(changes, before + 3);
    assert_ok(vs_centre_refuses(centre, others, now(), &refused, &err));
    assert_false(refused);
}

static void a_pseudonym_is_marked_as_one(void **state)
{
    (void)state;
    struct vs_holder holder = {.kind = VS_HOLDER_PERSON,
                               .common_name = "Qartal",
                               .pseudonym = "Qartal",
                               .passphrase = VS_BYTES_LITERAL("x")};
    struct vs_issued issued;
    assert_ok(vs_centre_issue(centre, arena, &holder, NULL, now(), &issued, &err));
    const struct vs_register_entry *entry;
    assert_ok(vs_centre_entry(centre, arena, issued.serial, now(), &entry, &err));
    assert_non_null(strstr(entry->subject, "təxəllüs"));
}

static void holders_without_what_the_law_asks_get_none(void **state)
{
    (void)state;
    struct vs_bytes p = VS_BYTES_LITERAL("x");
    const struct vs_holder rows[] = {
        {.kind = VS_HOLDER_PERSON, .passphrase = p},
        {.kind = VS_HOLDER_PERSON, .common_name = "", .passphrase = p},
        {.kind = VS_HOLDER_PERSON, .common_name = "a\nb", .passphrase = p},
        {.kind = VS_HOLDER_PERSON, .common_name = "a"},
        {.kind = VS_HOLDER_ORGANISATION, .common_name = "a", .passphrase = p},
        {.kind = VS_HOLDER_PERSON, .common_name = "a", .days = 1826, .passphrase = p},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vs_issued issued;
        assert_fails(VS_E_PARAMETER,
                     vs_centre_issue(centre, arena, &rows[i], NULL, now(), &issued, &err));
    }
}

/* -- OCSP ---------------------------------------------------------------------------------- */

/* What `openssl ocsp` says of a certificate: its exit code, and its words in the file "said".
 */
static int openssl_ocsp(const char *name, const char *nonce, const char *digest)
{
    struct vs_bytes request;
    assert_int_equal(
        test_run("cd '%s' && openssl ocsp -issuer issuing.pem %s %s -cert %s.pem -reqout q",
                 test_folder(), nonce, digest, name),
        0);
    request = test_read(arena, vs_arena_printf(arena, "%s/q", test_folder()));
    VS_BUFFER response;
    vs_buffer_init(&response, 65536);
    assert_ok(vs_centre_ocsp(centre, request, now(), &response, &err));
    test_file("r", vs_buffer_view(&response));
    /* The first call compares the nonces, the second says the state. */
    return test_run(
        "cd '%s' && openssl ocsp -reqin q -respin r -no_nonce -CAfile root.pem "
        "-verify_other issuing.pem && openssl ocsp -issuer issuing.pem %s -cert %s.pem "
        "-no_nonce "
        "-respin r -CAfile root.pem -verify_other issuing.pem >said 2>&1 && grep -q "
        "'Response verify OK' said",
        test_folder(), digest, name);
}

static int said(const char *words)
{
    return test_run("cd '%s' && grep -q '%s' said", test_folder(), words);
}

static void openssl_ocsp_sees_good_suspended_revoked_and_good_again(void **state)
{
    (void)state;
    struct vs_issued issued = issue(VS_HOLDER_ORGANISATION);
    put_pem("holder.pem", issued.certificate);
    assert_int_equal(openssl_ocsp("holder", "-nonce", "-sha1"), 0);
    assert_int_equal(said("holder.pem: good"), 0);
    assert_ok(change(issued.serial, VS_CERTIFICATE_SUSPENDED, VS_BY_HOLDER));
    assert_int_equal(openssl_ocsp("holder", "-no_nonce", "-sha256"), 0);
    assert_int_equal(said("certificateHold"), 0);
    put_lists();
    assert_int_not_equal(openssl_verify("holder"), 0);
    test_world_pass(&world, 1000);
    assert_ok(change(issued.serial, VS_CERTIFICATE_VALID, VS_BY_HOLDER));
    assert_int_equal(openssl_ocsp("holder", "-nonce", "-sha1"), 0);
    assert_int_equal(said("holder.pem: good"), 0);
    put_lists();
    assert_int_equal(openssl_verify("holder"), 0);
    test_world_pass(&world, 1000);
    assert_ok(change(issued.serial, VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
    assert_int_equal(openssl_ocsp("holder", "-nonce", "-sha1"), 0);
    assert_int_equal(said("keyCompromise"), 0);
    put_lists();
    assert_int_not_equal(openssl_verify("holder"), 0);
}

static void a_certificate_that_was_never_entered_is_unknown(void **state)
{
    (void)state; /* centre rule 1 */
    assert_int_equal(
        test_run("cd '%s' && openssl ocsp -issuer issuing.pem -serial 0x1234567 -reqout "
                 "q",
                 test_folder()),
        0);
    struct vs_bytes request = test_read(arena, vs_arena_printf(arena, "%s/q", test_folder()));
    VS_BUFFER response;
    vs_buffer_init(&response, 65536);
    assert_ok(vs_centre_ocsp(centre, request, now(), &response, &err));
    test_file("r", vs_buffer_view(&response));
    assert_int_equal(
        test_run("cd '%s' && openssl ocsp -issuer issuing.pem -serial 0x1234567 -no_nonce "
                 "-respin r -CAfile root.pem -verify_other issuing.pem >said 2>&1 && grep -q "
                 "': unknown' said",
                 test_folder()),
        0);
}

static void a_request_that_is_none_or_for_others_gets_a_status(void **state)
{
    (void)state;
    VS_BUFFER response;
    vs_buffer_init(&response, 65536);
    assert_ok(vs_centre_ocsp(centre, VS_BYTES_LITERAL("nonsense"), now(), &response, &err));
    assert_bytes_equal(vs_buffer_view(&response), VS_BYTES("\x30\x03\x0A\x01\x01", 5));
    vs_buffer_clear(&response);
    assert_int_equal(
        test_run("cd '%s' && openssl ocsp -issuer root.pem -serial 1 -reqout q", test_folder()),
        0);
    struct vs_bytes request = test_read(arena, vs_arena_printf(arena, "%s/q", test_folder()));
    assert_ok(vs_centre_ocsp(centre, request, now(), &response, &err));
    assert_bytes_equal(vs_buffer_view(&response), VS_BYTES("\x30\x03\x0A\x01\x06", 5));
}

/* -- states -------------------------------------------------------------------------------- */

static void revoked_is_final(void **state)
{
    (void)state; /* centre rule 4 */
    struct vs_issued issued = issue(VS_HOLDER_PERSON);
    assert_ok(change(issued.serial, VS_CERTIFICATE_REVOKED, VS_BY_AUTHORITY));
    assert_fails(VS_E_STATE, change(issued.serial, VS_CERTIFICATE_VALID, VS_BY_AUTHORITY));
    assert_fails(VS_E_STATE, change(issued.serial, VS_CERTIFICATE_SUSPENDED, VS_BY_HOLDER));
    assert_fails(VS_E_STATE, change(issued.serial, VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
}

static void only_who_asked_may_end_a_suspension(void **state)
{
    (void)state; /* Art. 13.3 */
    struct vs_issued issued = issue(VS_HOLDER_PERSON);
    assert_fails(VS_E_STATE, change(issued.serial, VS_CERTIFICATE_VALID, VS_BY_HOLDER));
    assert_ok(change(issued.serial, VS_CERTIFICATE_SUSPENDED, VS_BY_AUTHORITY));
    assert_fails(VS_E_STATE, change(issued.serial, VS_CERTIFICATE_VALID, VS_BY_HOLDER));
    assert_ok(change(issued.serial, VS_CERTIFICATE_VALID, VS_BY_AUTHORITY));
}

static void the_centres_own_doubt_ends_after_48_hours(void **state)
{
    (void)state; /* Art. 13.2, centre rule 3 */
    struct vs_issued issued = issue(VS_HOLDER_PERSON);
    struct vs_state_change wish = {.to = VS_CERTIFICATE_SUSPENDED,
                                   .requester = VS_BY_CENTRE,
                                   .ground = "doubt",
                                   .until = now() + 48 * VS_HOUR_MS + 1};
    assert_fails(VS_E_PARAMETER, vs_centre_change(centre, issued.serial, &wish, now(), &err));
    assert_ok(change(issued.serial, VS_CERTIFICATE_SUSPENDED, VS_BY_CENTRE));
    const struct vs_register_entry *entry;
    vs_time_ms end_of_term = now() + 48 * VS_HOUR_MS;
    assert_ok(vs_centre_entry(centre, arena, issued.serial, end_of_term - 1, &entry, &err));
    assert_int_equal(entry->state, VS_CERTIFICATE_SUSPENDED);
    assert_int_equal(entry->until, end_of_term);
    assert_ok(vs_centre_entry(centre, arena, issued.serial, end_of_term, &entry, &err));
    assert_int_equal(entry->state, VS_CERTIFICATE_VALID);

    test_world_pass(&world, 48 * VS_HOUR_MS);
    assert_ok(vs_centre_step(centre, now(), &err));
    const struct vs_register_event *events;
    size_t n;
    assert_ok(vs_centre_history(centre, arena, issued.serial, &events, &n, &err));
    assert_int_equal(n, 3);
    assert_string_equal(events[2].kind, "restored");
    put_pem("holder.pem", issued.certificate);
    put_lists();
    assert_int_equal(openssl_verify("holder"), 0);
}

static void a_change_needs_a_ground_and_a_sound_reason(void **state)
{
    (void)state;
    struct vs_issued issued = issue(VS_HOLDER_PERSON);
    const struct vs_state_change rows[] = {
        {.to = VS_CERTIFICATE_REVOKED, .reason = 1, .until = VS_TIME_NONE},
        {.to = VS_CERTIFICATE_REVOKED, .reason = 6, .ground = "x", .until = VS_TIME_NONE},
        {.to = VS_CERTIFICATE_REVOKED, .reason = 11, .ground = "x", .until = VS_TIME_NONE},
        {.to = VS_CERTIFICATE_REVOKED, .reason = -1, .ground = "x", .until = VS_TIME_NONE},
        {.to = VS_CERTIFICATE_SUSPENDED, .ground = "x", .until = 5},
        {.to = VS_CERTIFICATE_SUSPENDED, .ground = "x\ny", .until = VS_TIME_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_fails(VS_E_PARAMETER,
                     vs_centre_change(centre, issued.serial, &rows[i], now(), &err));
    assert_fails(VS_E_NOT_FOUND, change("00", VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
    assert_fails(VS_E_NOT_FOUND, change("zz", VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
    assert_fails(VS_E_NOT_FOUND, change("", VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
}

static void every_event_carries_a_time_mark_over_itself(void **state)
{
    (void)state; /* centre rule 2 */
    struct vs_issued issued = issue(VS_HOLDER_PERSON);
    assert_ok(change(issued.serial, VS_CERTIFICATE_SUSPENDED, VS_BY_HOLDER));
    const struct vs_register_event *events;
    size_t n;
    assert_ok(vs_centre_history(centre, arena, issued.serial, &events, &n, &err));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        const struct vs_timestamp *token;
        struct vs_digest digest;
        assert_ok(vs_timestamp_decode(arena, events[i].mark, &token, &err));
        vs_register_event_digest(issued.serial, &events[i], &digest);
        assert_true(vs_timestamp_covers(token, &digest));
        struct vs_register_event tampered = events[i];
        tampered.time++;
        vs_register_event_digest(issued.serial, &tampered, &digest);
        assert_false(vs_timestamp_covers(token, &digest));
    }
}

/* -- the whole register --------------------------------------------------------------- */

static char fault_text[8][200];
static size_t n_faults;
static void keep_fault(void *context, const char *serial, const char *text)
{
    (void)context;
    if (n_faults < 8)
        snprintf(fault_text[n_faults++], sizeof fault_text[0], "%s: %s", serial, text);
}

static void the_register_agrees_with_itself(void **state)
{
    (void)state;
    n_faults = 0;
    assert_ok(vs_centre_check(centre, keep_fault, NULL, &err));
    assert_string_equal(n_faults > 0 ? fault_text[0] : "", "");
}

static void put_back(enum vs_table_id table, const struct vs_value *values)
{
    struct vs_op op = vs_op_put(table, values);
    struct vs_item item = {.ops = &op, .n_ops = 1};
    assert_ok(vs_store_commit(store, &item, 1, &err));
    assert_int_equal(item.outcome, VS_ITEM_DONE);
}

/* A forger who writes whole, well-formed rows: checksums hold, the marks do not. */
static void every_forged_column_of_the_register_is_found(void **state)
{
    (void)state;
    struct vs_issued issued = issue(VS_HOLDER_CLIENT);
    assert_ok(change(issued.serial, VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
    uint8_t serial[16];
    assert_true(vs_hex_decode(issued.serial, serial, sizeof serial));
    const struct {
        enum vs_table_id table;
        size_t columns, first; /* `first`: after the key */
    } tables[] = {{VS_T_CERTIFICATE, VS_CERTIFICATE_COLUMNS, 1},
                  {VS_T_CERTIFICATE_EVENT, VS_CERTIFICATE_EVENT_COLUMNS, 2}};
    for (size_t t = 0; t < 2; t++) {
        struct vs_value key[] = {vs_blob(VS_BYTES(serial, 16)), vs_int(2)};
        const struct vs_row *row;
        assert_ok(vs_store_get(store, arena, tables[t].table, key, &row, &err));
        assert_non_null(row);
        for (size_t c = tables[t].first; c < tables[t].columns; c++) {
            struct vs_value forged[32];
            memcpy(forged, row->values, tables[t].columns * sizeof forged[0]);
            /* Nothing is decided by the profile; the certificate says what it is for. */
            bool unused = t == 0 && c == VS_CERTIFICATE_PROFILE;
            if (forged[c].type == VS_NULL || unused)
                continue;
            forged[c].integer++;
            if (forged[c].type != VS_INT) {
                uint8_t *copy = vs_arena_alloc(arena, forged[c].bytes.len);
                memcpy(copy, forged[c].bytes.ptr, forged[c].bytes.len);
                copy[forged[c].bytes.len - 1] ^= 1;
                forged[c].bytes.ptr = copy;
            }
            put_back(tables[t].table, forged);
            n_faults = 0;
            assert_ok(vs_centre_check(centre, keep_fault, NULL, &err));
            if (n_faults == 0)
                fail_msg("column %zu of table %zu is not missed", c, t);
            assert_true(vs_text_starts(fault_text[0], issued.serial));
            put_back(tables[t].table, row->values);
        }
    }
    the_register_agrees_with_itself(state);
}

/* -- lists --------------------------------------------------------------------------------- */

static uint64_t list_number(struct vs_bytes *ret)
{
    assert_ok(vs_centre_crl(centre, arena, "issuing", now(), ret, &err));
    test_file("n.crl", *ret);
    assert_int_equal(test_run("cd '%s' && openssl crl -inform DER -in n.crl -noout -crlnumber "
                              ">number",
                              test_folder()),
                     0);
    struct vs_bytes text = test_read(arena, vs_arena_printf(arena, "%s/number", test_folder()));
    return strtoull((const char *)text.ptr + strlen("crlNumber=0x"), NULL, 16);
}

static void a_lists_number_only_grows_and_it_never_is_stale(void **state)
{
    (void)state;
    struct vs_bytes first, second, third;
    uint64_t a = list_number(&first);
    uint64_t b = list_number(&second);
    assert_int_equal(a, b);
    assert_bytes_equal(first, second);
    test_world_pass(&world, 3 * VS_HOUR_MS - VS_MINUTE_MS);
    uint64_t c = list_number(&third);
    assert_true(c > b);
    close_centre();
    open_centre();
    assert_true(list_number(&third) > c);
}

static void no_list_of_an_unknown_authority(void **state)
{
    (void)state;
    struct vs_bytes der;
    assert_fails(VS_E_NOT_FOUND, vs_centre_crl(centre, arena, "x", now(), &der, &err));
    assert_fails(VS_E_NOT_FOUND, vs_centre_certificate(centre, arena, "x", &der, &err));
}

/* -- TSA ----------------------------------------------------------------------------------- */

static void openssl_ts_verifies_the_centres_marks_until_it_stops(void **state)
{
    (void)state;
    test_file("data", vs_bytes_text("salam"));
    assert_int_equal(test_run("cd '%s' && openssl ts -query -data data -sha256 -cert -out tq",
                              test_folder()),
                     0);
    struct vs_bytes query = test_read(arena, vs_arena_printf(arena, "%s/tq", test_folder()));
    for (int stopped = 0; stopped < 2; stopped++) {
        VS_BUFFER response;
        vs_buffer_init(&response, 65536);
        vs_centre_tsa_stop(centre, stopped == 1);
        assert_ok(vs_centre_tsa(centre, query, &response, &err));
        test_file("tr", vs_buffer_view(&response));
        int code = test_run("cd '%s' && openssl ts -verify -attime %lld -queryfile tq -in tr "
                            "-CAfile root.pem -untrusted issuing.pem",
                            test_folder(), (long long)(now() / 1000 + 1));
        assert_int_equal(code != 0, stopped);
    }
    vs_centre_tsa_stop(centre, false);
}

static void the_tls_chain_serves_localhost(void **state)
{
    (void)state;
    struct vs_bytes key, chain;
    assert_ok(vs_centre_tls(centre, arena, &key, &chain, &err));
    test_file("tls.key", key);
    test_file("tls.pem", chain);
    assert_int_equal(
        test_run("cd '%s' && openssl pkey -in tls.key -noout && openssl verify "
                 "-attime %lld -CAfile root.pem -untrusted tls.pem -purpose "
                 "sslserver -verify_ip 127.0.0.1 tls.pem && openssl verify -attime "
                 "%lld -CAfile root.pem -untrusted tls.pem -verify_hostname "
                 "localhost tls.pem",
                 test_folder(), (long long)(now() / 1000 + 1), (long long)(now() / 1000 + 1)),
        0);
}

/* -- threads ------------------------------------------------------------------------------- */

static _Atomic bool enough;
static struct vs_bytes ocsp_question, tsa_question;

/* Asks for everything until told to stop; its failures end up in the return value. */
static void *ask_all(void *unused)
{
    (void)unused;
    struct vs_arena *own = vs_arena_new(1 << 24);
    struct vs_error why;
    bool good = true;
    while (good && !atomic_load(&enough)) {
        struct vs_bytes list;
        VS_BUFFER answer;
        vs_buffer_init(&answer, 65536);
        vs_arena_reset(own);
        good = vs_ok(vs_centre_ocsp(centre, ocsp_question, now(), &answer, &why)) &&
               vs_ok(vs_centre_tsa(centre, tsa_question, &answer, &why)) &&
               vs_ok(vs_centre_crl(centre, own, "issuing", now(), &list, &why));
    }
    vs_arena_free(own);
    return good ? NULL : &enough;
}

static void threads_ask_while_states_change(void **state)
{
    (void)state;
    struct vs_certificate *seal;
    struct vs_bytes der;
    assert_ok(vs_centre_certificate(centre, arena, "seal", &der, &err));
    assert_ok(vs_certificate_get(der, &seal, &err));
    VS_BUFFER question, marking;
    vs_buffer_init(&question, 4096);
    vs_buffer_init(&marking, 4096);
    vs_ocsp_request_encode(seal, vs_centre_authority(centre), VS_BYTES_NONE, &question);
    struct vs_timestamp_request request = {.cert_req = true};
    vs_digest_of(VS_SHA256, VS_BYTES_NONE, &request.imprint);
    vs_timestamp_request_encode(&request, &marking);
    ocsp_question = vs_buffer_view(&question);
    tsa_question = vs_buffer_view(&marking);
    pthread_t threads[3];
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_all, NULL), 0);
    for (int i = 0; i < 5; i++) {
        struct vs_issued issued = issue(VS_HOLDER_CLIENT);
        assert_ok(change(issued.serial, VS_CERTIFICATE_SUSPENDED, VS_BY_HOLDER));
        assert_ok(change(issued.serial, VS_CERTIFICATE_REVOKED, VS_BY_HOLDER));
        assert_ok(vs_centre_step(centre, now(), &err));
    }
    atomic_store(&enough, true);
    for (size_t i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    vs_certificate_unref(seal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_verifies_every_certificate_against_the_lists),
        cmocka_unit_test(a_second_start_reuses_what_is_there),
        cmocka_unit_test(keys_lie_encrypted_and_a_wrong_passphrase_is_an_error),
        cmocka_unit_test(a_lost_store_gets_the_services_certificates_back),
        cmocka_unit_test(an_outside_keys_purpose_is_left_alone),
        cmocka_unit_test(a_holders_pkcs12_opens_and_names_the_participant),
        cmocka_unit_test(a_client_certificate_authenticates_and_signs_nothing),
        cmocka_unit_test(a_suspended_or_revoked_client_is_refused_at_once),
        cmocka_unit_test(a_pseudonym_is_marked_as_one),
        cmocka_unit_test(holders_without_what_the_law_asks_get_none),
        cmocka_unit_test(openssl_ocsp_sees_good_suspended_revoked_and_good_again),
        cmocka_unit_test(a_certificate_that_was_never_entered_is_unknown),
        cmocka_unit_test(a_request_that_is_none_or_for_others_gets_a_status),
        cmocka_unit_test(revoked_is_final),
        cmocka_unit_test(only_who_asked_may_end_a_suspension),
        cmocka_unit_test(the_centres_own_doubt_ends_after_48_hours),
        cmocka_unit_test(a_change_needs_a_ground_and_a_sound_reason),
        cmocka_unit_test(every_event_carries_a_time_mark_over_itself),
        cmocka_unit_test(the_register_agrees_with_itself),
        cmocka_unit_test(every_forged_column_of_the_register_is_found),
        cmocka_unit_test(a_lists_number_only_grows_and_it_never_is_stale),
        cmocka_unit_test(no_list_of_an_unknown_authority),
        cmocka_unit_test(openssl_ts_verifies_the_centres_marks_until_it_stops),
        cmocka_unit_test(the_tls_chain_serves_localhost),
        cmocka_unit_test(threads_ask_while_states_change),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
