#include "tests/unit/unit.h"
#include "formats/document/requisites.h"
#include "formats/formats.h"
#include <stdlib.h>
#include <unistd.h>

static const struct vs_party recipients[] = {
    {.identifier = "voen:2234567891",
     .name = "Al\xc4\xb1"
             "c\xc4\xb1 & Co <MMC>"},
    {.identifier = "fin:1ABCDEF", .email = "a@example.az"}};

static struct vs_requisites full(void)
{
    return (struct vs_requisites){.sender = {"voen:1234567891", "G\xc3\xb6nd\xc9\x99r\xc9\x99n",
                                             "Bak\xc4\xb1, Neft\xc3\xa7il\xc9\x99r 1",
                                             "+994 12 000 00 00", "+994 12 000 00 01",
                                             "post@example.az", "Vəkil \"V\""},
                                  .has_sender = true,
                                  .recipients = recipients,
                                  .n_recipients = 2,
                                  .subject = "M\xc3\xbcraci\xc9\x99t",
                                  .number = "12/A-3",
                                  .date = "2026-11-21",
                                  .deadline = INT64_C(1795294008123),
                                  .retention_class = "minimum",
                                  .marking = VS_MARKING_RESTRICTED,
                                  .repeats = "0123456789abcdef0123456789abcdef"};
}

static void requisites__reads_what_it_makes(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_requisites made = full(), read;
    struct vs_bytes xml, again;
    assert_ok(vs_requisites_make(arena, &made, &xml, &err));
    assert_ok(vs_requisites_read(arena, xml, &read, &err));
    assert_string_equal(read.sender.person, made.sender.person);
    assert_string_equal(read.recipients[0].name, recipients[0].name);
    assert_string_equal(read.recipients[1].email, recipients[1].email);
    assert_null(read.recipients[1].name);
    assert_int_equal(read.deadline, made.deadline);
    assert_int_equal(read.marking, VS_MARKING_RESTRICTED);
    assert_ok(vs_requisites_make(arena, &read, &again, &err));
    assert_bytes_equal(again, xml);
    struct vs_requisites none = {.deadline = VS_TIME_NONE};
    assert_ok(vs_requisites_make(arena, &none, &xml, &err));
    assert_ok(vs_requisites_read(arena, xml, &read, &err));
    assert_false(read.has_sender);
    assert_int_equal(read.deadline, VS_TIME_NONE);
}

static bool xmllint_accepts(struct vs_bytes xml)
{
    char path[] = "/tmp/vasite-requisites-XXXXXX", command[400];
    const char *source = getenv("VASITE_SOURCE");
    int fd = mkstemp(path);
    assert_int_equal(write(fd, xml.ptr, xml.len), xml.len);
    close(fd);
    snprintf(command, sizeof command,
             "xmllint --nonet --noout --schema %s/formats/document/document.xsd %s 2>/dev/null",
             source != NULL ? source : ".", path);
    int status = system(command);
    unlink(path);
    return status == 0;
}

#define DOCUMENT(content)                                                                      \
    "<document xmlns=\"urn:vasite:document:1\" version=\"1\">" content "</document>"

/* Reader and schema take and refuse the same. */
static void requisites__agrees_with_its_schema(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        bool good;
    } cases[] = {
        {DOCUMENT(""), true},
        {DOCUMENT("<sender/>"), true},
        {DOCUMENT("<recipient><identifier>voen:1234567891</identifier></recipient>"), true},
        {DOCUMENT("<recipient><name>no identifier</name></recipient>"), false},
        {DOCUMENT("<recipient><identifier>1234567891</identifier></recipient>"), false},
        {DOCUMENT("<recipient><identifier>voen:12 34</identifier></recipient>"), false},
        {DOCUMENT("<recipient><identifier>VOEN:1234</identifier></recipient>"), false},
        {DOCUMENT("<subject>a</subject><number>b</number>"), true},
        {DOCUMENT("<number>b</number><subject>a</subject>"), false},
        {DOCUMENT("<subject>a</subject><subject>a</subject>"), false},
        {DOCUMENT("<subject></subject>"), false},
        {DOCUMENT("<subject> \n a </subject>"), true},
        {DOCUMENT("<subject>a<b/></subject>"), false},
        {DOCUMENT("<date>2026-11-21</date>"), true},
        {DOCUMENT("<date>2026-02-30</date>"), false},
        {DOCUMENT("<date>21.11.2026</date>"), false},
        {DOCUMENT("<deadline>2026-11-21T10:00:00+04:00</deadline>"), true},
        {DOCUMENT("<deadline>2026-11-21T10:00:00</deadline>"), false},
        {DOCUMENT("<retentionClass>ten-years</retentionClass>"), true},
        {DOCUMENT("<retentionClass>Ten years</retentionClass>"), false},
        {DOCUMENT("<marking>state-secret</marking>"), true},
        {DOCUMENT("<marking>secret</marking>"), false},
        {DOCUMENT("<repeats>0123456789abcdef0123456789abcdef</repeats>"), true},
        {DOCUMENT("<repeats>1</repeats>"), false},
        {DOCUMENT("<stranger/>"), false},
        {"<document xmlns=\"urn:vasite:document:1\"/>", false},
        {"<document xmlns=\"urn:vasite:document:1\" version=\"2\"/>", false},
        {"<document version=\"1\"/>", false},
    };
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_requisites read;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_bytes xml = vs_bytes_text(cases[i].xml);
        vs_rc rc = vs_requisites_read(arena, xml, &read, &err);
        if (vs_ok(rc) != cases[i].good || xmllint_accepts(xml) != cases[i].good)
            fail_msg("%s: reader %s, wanted %d", cases[i].xml, vs_code_info(rc.code)->name,
                     cases[i].good);
    }
    struct vs_requisites made = full();
    struct vs_bytes xml;
    assert_ok(vs_requisites_make(arena, &made, &xml, &err));
    assert_true(xmllint_accepts(xml));
}

static void requisites__refuses_controls_and_hidden_text(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_requisites read;
    assert_fails(VS_E_REQUISITES,
                 vs_requisites_read(arena,
                                    vs_bytes_text(DOCUMENT("<subject>a\xe2\x80\xae"
                                                           "b</subject>")),
                                    &read, &err));
    assert_fails(VS_E_XML, vs_requisites_read(
                               arena, vs_bytes_text(DOCUMENT("<subject>a<!--x-->b</subject>")),
                               &read, &err));
    assert_fails(VS_E_XML_DTD,
                 vs_requisites_read(arena, vs_bytes_text("<!DOCTYPE document>" DOCUMENT("")),
                                    &read, &err));
}

static void requisites__refuses_to_make_what_it_would_not_read(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes xml;
    struct vs_party nobody = {.name = "nobody"};
    struct vs_requisites bad[5];
    for (size_t i = 0; i < 5; i++)
        bad[i] = full();
    bad[0].subject = "two\nlines";
    bad[1].date = "yesterday";
    bad[2].recipients = &nobody;
    bad[2].n_recipients = 1;
    bad[3].retention_class = "";
    bad[4].n_recipients = VS_REQUISITES_MAX_RECIPIENTS + 1;
    for (size_t i = 0; i < 5; i++)
        assert_fails(VS_E_REQUISITES, vs_requisites_make(arena, &bad[i], &xml, &err));
}

static void requisites__says_which_are_given(void **state)
{
    (void)state;
    struct vs_requisites all = full(), none = {.deadline = VS_TIME_NONE};
    static const char *const names[] = {"sender", "recipient", "subject",   "date",
                                        "number", "address",   "telephone", "fax",
                                        "email",  "person",    "deadline",  "retention-class"};
    bool known;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(vs_requisites_has(&all, names[i], &known) && known);
        assert_true(!vs_requisites_has(&none, names[i], &known) && known);
    }
    assert_false(vs_requisites_has(&all, "colour", &known) || known);
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
        cmocka_unit_test(requisites__reads_what_it_makes),
        cmocka_unit_test(requisites__agrees_with_its_schema),
        cmocka_unit_test(requisites__refuses_controls_and_hidden_text),
        cmocka_unit_test(requisites__refuses_to_make_what_it_would_not_read),
        cmocka_unit_test(requisites__says_which_are_given),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
