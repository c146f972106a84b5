#include "tests/unit/unit.h"
#include "formats/evidence/erds.h"
#include "formats/formats.h"
#include "formats/xml/c14n.h"
#include <stdlib.h>
#include <unistd.h>

static const struct vs_erds_reason reasons[] = {
    {"urn:vasite:reason:signature-invalid", "The signature <b> & \"c\" does not hold\r\n"},
    {"urn:vasite:reason:unsigned", NULL}};
static const char *const policies[] = {"urn:vasite:policy:time-mark:later"};
static const struct vs_erds_user recipients[] = {{"Al\xc4\xb1"
                                                  "c\xc4\xb1 MMC",
                                                  "1234567891", "voen"},
                                                 {NULL, "2234567891", "voen"}};
static const uint8_t digest[32] = {1, 2, 3};
static const struct vs_erds_part parts[] = {{"m\xc9\x99ktub & <1>.asice",
                                             "application/vnd.etsi.asic-e+zip",
                                             "http://www.w3.org/2001/04/xmlenc#sha256",
                                             {digest, 32}},
                                            {"no digest", "text/plain", NULL, {NULL, 0}}};
static const struct vs_erds_extension extensions[] = {{VS_ERDS_EXT_COUNTS_AS, "not-received"},
                                                      {VS_ERDS_EXT_PREVIOUS, "0123abcd"}};

static struct vs_erds full(void)
{
    return (struct vs_erds){
        .id = "019ABC",
        .event = VS_EVENT_CONTENT_CONSIGNMENT,
        .reasons = reasons,
        .n_reasons = 2,
        .event_time = INT64_C(1795294008123),
        .policies = policies,
        .n_policies = 1,
        .issuer = {"Vasite \xc9\x99", "0000000000", "voen"},
        .issuer_certificate = VS_BYTES_LITERAL("not really DER"),
        .sender = {"G\xc3\xb6nd\xc9\x99r\xc9\x99n", "3234567891", "voen"},
        .sender_delegate = {"Vəkil", NULL, NULL},
        .recipients = recipients,
        .n_recipients = 2,
        .submission_time = INT64_C(1795294007001),
        .refers_to = 2,
        .message_id = "doc-1",
        .parts = parts,
        .n_parts = 2,
        .extensions = extensions,
        .n_extensions = 2,
    };
}

static struct vs_erds least(void)
{
    return (struct vs_erds){
        .id = "1",
        .event = VS_EVENT_SUBMISSION_ACCEPTANCE,
        .issuer = {"Vasite", NULL, NULL},
        .recipients = recipients,
        .n_recipients = 1,
        .submission_time = VS_TIME_NONE,
    };
}

static void erds__reads_what_it_makes(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_erds made = full(), read;
    struct vs_bytes xml;
    assert_ok(vs_erds_make(arena, &made, &xml, &err));
    assert_ok(vs_erds_read(arena, xml, &read, &err));
    assert_string_equal(read.id, made.id);
    assert_int_equal(read.event, made.event);
    assert_string_equal(read.event_uri, "http://uri.etsi.org/19522/Event/ContentConsignment");
    assert_int_equal(read.n_reasons, 2);
    assert_string_equal(read.reasons[0].details, reasons[0].details);
    assert_null(read.reasons[1].details);
    assert_int_equal(read.event_time, made.event_time);
    assert_string_equal(read.policies[0], policies[0]);
    assert_string_equal(read.issuer.name, made.issuer.name);
    assert_string_equal(read.issuer.identifier, made.issuer.identifier);
    assert_string_equal(read.issuer.scheme, "voen");
    assert_bytes_equal(read.issuer_certificate, made.issuer_certificate);
    assert_string_equal(read.sender.name, made.sender.name);
    assert_string_equal(read.sender_delegate.name, made.sender_delegate.name);
    assert_null(read.sender_delegate.identifier);
    assert_int_equal(read.n_recipients, 2);
    assert_string_equal(read.recipients[0].name, recipients[0].name);
    assert_string_equal(read.recipients[1].identifier, recipients[1].identifier);
    assert_int_equal(read.submission_time, made.submission_time);
    assert_int_equal(read.refers_to, 2);
    assert_string_equal(read.message_id, "doc-1");
    assert_int_equal(read.n_parts, 2);
    assert_string_equal(read.parts[0].identifier, parts[0].identifier);
    assert_bytes_equal(read.parts[0].digest, parts[0].digest);
    assert_null(read.parts[1].digest_uri);
    assert_string_equal(vs_erds_extension(&read, VS_ERDS_EXT_COUNTS_AS), "not-received");
    assert_null(vs_erds_extension(&read, VS_ERDS_EXT_REPEATS));
    assert_false(read.is_signed);
}

/* So that formats/signature may digest what was made as it is. */
static void erds__is_made_in_exclusive_canonical_form(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_erds all[] = {full(), least()};
    for (size_t i = 0; i < 2; i++) {
        struct vs_bytes xml;
        VS_XML *document = NULL;
        VS_BUFFER canonical;
        vs_buffer_init(&canonical, 1 << 20);
        assert_ok(vs_erds_make(arena, &all[i], &xml, &err));
        assert_true(vs_bytes_ends(xml, VS_ERDS_END));
        assert_ok(vs_xml_parse(xml, NULL, &document, &err));
        struct vs_c14n_options options = {.method = VS_C14N_EXCLUSIVE};
        assert_ok(vs_c14n_buffer(document, NULL, &options, &canonical, &err));
        assert_bytes_equal(vs_buffer_view(&canonical), xml);
    }
}

/* xmllint with the standard's schema; skipped where the shared folder is absent. */
static void erds__is_valid_by_the_schema(void **state)
{
    (void)state;
    const char *shared = getenv("VASITE_SHARED");
    if (shared == NULL)
        skip();
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    for (enum vs_event event = VS_EVENT_UNKNOWN + 1; event < VS_EVENTS; event++) {
        struct vs_erds all[] = {full(), least()};
        for (size_t i = 0; i < 2; i++) {
            char path[] = "/tmp/vasite-erds-XXXXXX", command[600];
            struct vs_bytes xml;
            all[i].event = event;
            all[i].refers_to = 1;
            assert_ok(vs_erds_make(arena, &all[i], &xml, &err));
            int fd = mkstemp(path);
            assert_int_equal(write(fd, xml.ptr, xml.len), xml.len);
            close(fd);
            snprintf(
                command, sizeof command,
                "XML_CATALOG_FILES=%s/schemas/catalog.xml xmllint --nonet --noout --schema "
                "%s/schemas/erds-evidence.xsd %s 2>&1 | grep -q ' validates'",
                shared, shared, path);
            int status = system(command);
            unlink(path);
            assert_int_equal(status, 0);
        }
    }
}

static void erds__replaces_characters_that_xml_forbids(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_erds made = least(), read;
    struct vs_bytes xml;
    made.message_id = "a\x01"
                      "b\xef\xbf\xbf"
                      "c\xf0\x9f\x98\x80";
    assert_ok(vs_erds_make(arena, &made, &xml, &err));
    assert_ok(vs_erds_read(arena, xml, &read, &err));
    assert_string_equal(read.message_id, "a\xef\xbf\xbd"
                                         "b\xef\xbf\xbd"
                                         "c\xf0\x9f\x98\x80");
}

static void erds__refuses_to_make_what_says_too_little(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes xml;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_erds bad[9];
    for (size_t i = 0; i < 9; i++)
        bad[i] = full();
    bad[0].id = NULL;
    bad[1].event = VS_EVENT_UNKNOWN;
    bad[2].n_recipients = 0;
    bad[3].refers_to = 3;
    bad[4].refers_to = 0; /* the event concerns one */
    bad[5].issuer.name = NULL;
    bad[6].event_time = VS_TIME_NONE;
    bad[7].message_id = "\xff";
    bad[8].sender.scheme = NULL;
    for (size_t i = 0; i < 9; i++)
        assert_fails(VS_E_PARAMETER, vs_erds_make(arena, &bad[i], &xml, &err));
    struct vs_erds good = full();
    assert_ok(vs_erds_make(arena, &good, &xml, &err));
}

static void erds__refuses_to_read_what_the_schema_does_not_have(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_erds made = full(), read;
    struct vs_bytes xml;
    assert_ok(vs_erds_make(arena, &made, &xml, &err));
    static const char *const changes[][2] = {
        {"<EventTime>", "<EventTime >x"},
        {"erds:EvidenceIdentifier>", "erds:EvidenceIdentifiex>"},
        {"<erds:SenderDetails>", "<erds:Stranger></erds:Stranger><erds:SenderDetails>"},
        {" version=\"1.1.1\"", " versiox=\"1.1.1\""},
        {"Recipient>2<", "Recipient>3<"},
        {"Recipient>2<", "Recipient>0<"},
        {"isCritical=\"false\"><v:CountsAs xmlns:v=\"urn:vasite:evidence:1\"",
         "isCritical=\"true\"><v:CountsAs xmlns:v=\"urn:somebody:else\""},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        VS_BUFFER changed;
        vs_buffer_init(&changed, 1 << 20);
        char *text = vs_arena_strndup(arena, (const char *)xml.ptr, xml.len);
        /* Replace every occurrence, so that tags stay balanced. */
        for (char *at; (at = strstr(text, changes[i][0])) != NULL;
             text = at + strlen(changes[i][0])) {
            vs_buffer_add(&changed, VS_BYTES(text, (size_t)(at - text)));
            vs_buffer_text(&changed, changes[i][1]);
        }
        vs_buffer_text(&changed, text);
        vs_rc rc = vs_erds_read(arena, vs_buffer_view(&changed), &read, &err);
        assert_false(vs_ok(rc));
    }
    assert_ok(vs_erds_read(arena, xml, &read, &err));
}

static void events__are_found_by_name_and_uri(void **state)
{
    (void)state;
    for (enum vs_event event = VS_EVENT_UNKNOWN + 1; event < VS_EVENTS; event++) {
        const struct vs_event_info *info = vs_event_info(event);
        assert_int_equal(vs_event_by_name(info->name), event);
        assert_int_equal(vs_event_by_uri(info->uri), event);
    }
    assert_int_equal(vs_event_by_name("submissionacceptance"), VS_EVENT_UNKNOWN);
    assert_int_equal(vs_event_by_uri(""), VS_EVENT_UNKNOWN);
    assert_string_equal(vs_event_info(VS_EVENT_ACKNOWLEDGEMENT_OVERDUE)->uri,
                        "urn:vasite:event:AcknowledgementOverdue");
    assert_int_equal(vs_event_info(VS_EVENT_ACKNOWLEDGEMENT_OVERDUE)->terminal,
                     VS_EVENT_TERMINAL_NO);
}

static int start(void **state)
{
    (void)state;
    struct vs_error err;
    assert_ok(vs_formats_init(&err));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erds__reads_what_it_makes),
        cmocka_unit_test(erds__is_made_in_exclusive_canonical_form),
        cmocka_unit_test(erds__is_valid_by_the_schema),
        cmocka_unit_test(erds__replaces_characters_that_xml_forbids),
        cmocka_unit_test(erds__refuses_to_make_what_says_too_little),
        cmocka_unit_test(erds__refuses_to_read_what_the_schema_does_not_have),
        cmocka_unit_test(events__are_found_by_name_and_uri),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
