/* acknowledgement.xml: what is read is made, and its schema takes and refuses the same. */
#include "formats/document/acknowledgement.h"
#include "formats/formats.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <unistd.h>

#define ID     "00112233445566778899aabbccddeeff"
#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD   "<document>" ID "</document><sha256>" DIGEST "</sha256>"
#define STATEMENT(content)                                                                     \
    "<acknowledgement xmlns=\"urn:vasite:acknowledgement:1\" version=\"1\">" content           \
    "</acknowledgement>"

static struct vs_arena *arena;

static int open_arena(void **state)
{
    (void)state;
    struct vs_error err;
    arena = vs_arena_new(16 << 20);
    return vs_ok(vs_formats_init(&err)) ? 0 : 1;
}

static int close_arena(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return 0;
}

static void statement__is_read_as_it_was_made(void **state)
{
    (void)state;
    struct vs_statement made = {.document = ID, .sha256 = {1, 2, 3}, .conforms = true}, read;
    struct vs_bytes xml, again;
    struct vs_error err;
    assert_ok(vs_statement_make(arena, &made, &xml, &err));
    assert_ok(vs_statement_read(arena, xml, &read, &err));
    assert_string_equal(read.document, ID);
    assert_memory_equal(read.sha256, made.sha256, 32);
    assert_true(read.conforms);
    assert_null(read.reason);
    made.conforms = false;
    made.reason = "imza <yoxdur> & ya səhvdir";
    assert_ok(vs_statement_make(arena, &made, &xml, &err));
    assert_ok(vs_statement_read(arena, xml, &read, &err));
    assert_false(read.conforms);
    assert_string_equal(read.reason, made.reason);
    assert_ok(vs_statement_make(arena, &read, &again, &err));
    assert_bytes_equal(again, xml);
    made.document = "1";
    assert_fails(VS_E_REQUISITES, vs_statement_make(arena, &made, &xml, &err));
    made.document = ID;
    made.reason = " boşluq";
    assert_fails(VS_E_REQUISITES, vs_statement_make(arena, &made, &xml, &err));
}

static bool xmllint_accepts(struct vs_bytes xml)
{
    char path[] = "/tmp/vasite-statement-XXXXXX", command[400];
    const char *source = getenv("VASITE_SOURCE");
    int fd = mkstemp(path);
    assert_int_equal(write(fd, xml.ptr, xml.len), xml.len);
    close(fd);
    snprintf(command, sizeof command,
             "xmllint --nonet --noout --schema %s/formats/document/acknowledgement.xsd %s "
             "2>/dev/null",
             source != NULL ? source : ".", path);
    int status = system(command);
    unlink(path);
    return status == 0;
}

static void statement__agrees_with_its_schema(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        bool good, conforms;
    } cases[] = {
        {STATEMENT(HEAD "<conforms>true</conforms>"), true, true},
        {STATEMENT(HEAD "<conforms>false</conforms>"), true, false},
        {STATEMENT(HEAD), true, false}, /* without the statement: a refusal */
        {STATEMENT(HEAD "<reason>yox</reason>"), true, false},
        {STATEMENT(HEAD "<conforms> true </conforms>"), true, true},
        {STATEMENT(HEAD "<conforms>1</conforms>"), false, false},
        {STATEMENT(HEAD "<conforms>TRUE</conforms>"), false, false},
        {STATEMENT(HEAD "<conforms/>"), false, false},
        {STATEMENT(HEAD "<conforms>true</conforms><conforms>true</conforms>"), false, false},
        {STATEMENT(HEAD "<reason>a</reason><conforms>true</conforms>"), false, false},
        {STATEMENT(HEAD "<conforms>true</conforms><more/>"), false, false},
        {STATEMENT("<document>" ID "</document><conforms>true</conforms>"), false, false},
        {STATEMENT("<sha256>" DIGEST "</sha256><conforms>true</conforms>"), false, false},
        {STATEMENT("<document>" ID "0</document><sha256>" DIGEST "</sha256>"), false, false},
        {STATEMENT("<document>" ID "</document><sha256>" ID "</sha256>"), false, false},
        {"<acknowledgement xmlns=\"urn:vasite:acknowledgement:2\" version=\"1\">" HEAD
         "</acknowledgement>",
         false, false},
        {"<acknowledgement xmlns=\"urn:vasite:acknowledgement:1\" version=\"2\">" HEAD
         "</acknowledgement>",
         false, false},
        {"<acknowledgement version=\"1\">" HEAD "</acknowledgement>", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_statement read;
        struct vs_error err;
        struct vs_bytes xml = vs_bytes_text(cases[i].xml);
        bool good = vs_ok(vs_statement_read(arena, xml, &read, &err));
        if (good != cases[i].good || xmllint_accepts(xml) != cases[i].good)
            fail_msg("%s", cases[i].xml);
        if (good)
            assert_int_equal(read.conforms, cases[i].conforms);
    }
}

/* Half a word must not become the other one. */
static void statement__refuses_text_that_is_split(void **state)
{
    (void)state;
    static const char *const bad[] = {
        STATEMENT(HEAD "<conforms>tr<!-- -->ue</conforms>"),
        STATEMENT(HEAD "<conforms>true<?x y?></conforms>"),
        STATEMENT(HEAD "<conforms>true</conforms>") "<x/>",
        "<!DOCTYPE a>" STATEMENT(HEAD),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct vs_statement read;
        struct vs_error err;
        assert_false(vs_ok(vs_statement_read(arena, vs_bytes_text(bad[i]), &read, &err)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statement__is_read_as_it_was_made),
        cmocka_unit_test(statement__agrees_with_its_schema),
        cmocka_unit_test(statement__refuses_text_that_is_split),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
