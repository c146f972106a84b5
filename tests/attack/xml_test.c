/* Attacks on the XML parsers (reliability.md), that of whole documents and that of documents as
 * they arrive: entities, external identifiers, floods. Canaries
 * (a named pipe and a listening socket) show that nothing is opened or fetched. */
#include "tests/unit/unit.h"
#include "tests/support/tools.h"
#include "formats/formats.h"
#include "formats/xml/stream.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct vs_error err;
static int listener;
static int port;
static char pipe_path[256];

static int start(void **state)
{
    (void)state;
    assert_ok(vs_formats_init(&err));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    port = ntohs(at.sin_port);
    snprintf(pipe_path, sizeof pipe_path, "%s/canary", test_folder());
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    close(listener);
    return 0;
}

/* Whoever opens the pipe for reading lets this open for writing succeed; nobody may. */
static void assert_canaries_silent(void)
{
    assert_int_equal(open(pipe_path, O_WRONLY | O_NONBLOCK), -1);
    assert_int_equal(errno, ENXIO);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_true(errno == EAGAIN || errno == EWOULDBLOCK);
}

static vs_rc no_event(void *context, const struct vs_xml_node *element, bool *ret_apart,
                      struct vs_error *error)
{
    (void)context, (void)element, (void)ret_apart, (void)error;
    return VS_OK;
}

static vs_rc parse_as_it_arrives(const char *text)
{
    static const struct vs_xml_stream_events events = {NULL, no_event, NULL};
    enum { PIECE = 999 };
    struct vs_error error;
    struct vs_xml_stream *stream = NULL;
    VS_XML *xml = NULL;
    VS_TRY(vs_xml_stream_new(&vs_xml_limits_default, &events, &stream, &error));
    vs_rc rc = VS_OK;
    for (size_t left = strlen(text); left > 0 && vs_ok(rc);) {
        size_t len = left < PIECE ? left : PIECE;
        rc = vs_xml_stream_feed(stream, VS_BYTES(text, len), &error);
        text += len;
        left -= len;
    }
    if (vs_ok(rc))
        rc = vs_xml_stream_end(stream, &xml, &error);
    vs_xml_stream_free(stream);
    return rc;
}

/* By both; they say the same. */
static vs_rc parse(const char *text)
{
    VS_XML *xml = NULL;
    alarm(60); /* reading the pipe would block for ever */
    vs_rc rc = vs_xml_parse(vs_bytes_text(text), NULL, &xml, &err);
    vs_rc arrived = parse_as_it_arrives(text);
    alarm(0);
    if (rc.code != arrived.code)
        fail_msg("%.200s: %s at once, %s as it arrives", text, vs_code_info(rc.code)->name,
                 vs_code_info(arrived.code)->name);
    return rc;
}

static void external_entities__are_refused_and_nothing_is_opened(void **state)
{
    (void)state;
    static const char *const dtds[] = {
        "<!DOCTYPE a SYSTEM \"%s\">",
        "<!DOCTYPE a PUBLIC \"-//X//Y\" \"%s\">",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"%s\">]>",
        "<!DOCTYPE a [<!ENTITY %% x SYSTEM \"%s\"> %%x;]>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"%s\" NDATA n>]>",
        "<!DOCTYPE a [<!NOTATION n SYSTEM \"%s\">]>",
    };
    char addresses[3][300], text[1024], dtd[512];
    snprintf(addresses[0], sizeof addresses[0], "%s", pipe_path);
    snprintf(addresses[1], sizeof addresses[1], "file://%s", pipe_path);
    snprintf(addresses[2], sizeof addresses[2], "http://127.0.0.1:%d/x", port);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    for (size_t i = 0; i < sizeof dtds / sizeof *dtds; i++)
        for (int a = 0; a < 3; a++) {
            snprintf(dtd, sizeof dtd, dtds[i], addresses[a]);
            snprintf(text, sizeof text, "<?xml version=\"1.0\"?>\n%s<a>&x;</a>", dtd);
            assert_fails(VS_E_XML_DTD, parse(text));
            assert_canaries_silent();
        }
#pragma GCC diagnostic pop
    assert_ok(parse("<?xml version=\"1.0\"?>\n<a>x</a>"));
}

static void addresses__in_attributes_and_instructions_are_not_followed(void **state)
{
    (void)state;
    char text[1024];
    snprintf(text, sizeof text,
             "<?xml-stylesheet href='%s'?><?xml-model href='http://127.0.0.1:%d/'?>"
             "<a xmlns:i='http://www.w3.org/2001/XInclude' "
             "xmlns:s='http://www.w3.org/2001/XMLSchema-instance' "
             "s:schemaLocation='u:x http://127.0.0.1:%d/' xml:base='%s'>"
             "<i:include href='%s' parse='text'/></a>",
             pipe_path, port, port, pipe_path, pipe_path);
    assert_ok(parse(text));
    assert_canaries_silent();
}

static void entity_bombs__are_refused_before_they_grow(void **state)
{
    (void)state;
    assert_fails(
        VS_E_XML_DTD,
        parse("<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;\">"
              "<!ENTITY d \"&c;&c;&c;&c;&c;&c;\"><!ENTITY e \"&d;&d;&d;&d;&d;&d;\">]>"
              "<a>&e;&e;&e;</a>"));
    assert_fails(VS_E_XML_DTD, parse("<!DOCTYPE a [<!ENTITY b \"&b;\">]><a>&b;</a>"));
    /* Default attributes would change what a signature covers. */
    assert_fails(VS_E_XML_DTD, parse("<!DOCTYPE a [<!ATTLIST a Id ID \"x\">]><a/>"));
    const char *bomb = test_shared("corpus/attack/xml-bomb-cont.xml");
    if (bomb == NULL)
        return;
    VS_ARENA *arena = vs_arena_new(64 << 20);
    struct vs_bytes text = test_read(arena, bomb);
    VS_XML *xml = NULL;
    assert_fails(VS_E_XML_DTD, vs_xml_parse(text, NULL, &xml, &err));
}

static void a_document_type__is_accepted_without_the_check(void **state)
{
    (void)state;
    const char *text = "<!DOCTYPE a><a>x</a>";
    assert_fails(VS_E_XML_DTD, parse(text));
    vs_check_disable(VS_E_XML_DTD);
    vs_rc rc = parse(text);
    vs_check_disable(VS_E_NONE);
    assert_true(vs_ok(rc));
}

/* n times `piece`, then n times `close`. */
static const char *flood(struct vs_buffer *text, const char *head, const char *piece,
                         const char *close_piece, const char *tail, unsigned n)
{
    vs_buffer_init(text, 64 << 20);
    vs_buffer_text(text, head);
    for (unsigned i = 0; i < n; i++) {
        char letters[16];
        snprintf(letters, sizeof letters, "%05u", i);
        for (const char *c = piece; *c != '\0'; c++)
            if (*c == '@')
                vs_buffer_text(text, letters);
            else
                vs_buffer_byte(text, (uint8_t)*c);
    }
    for (unsigned i = 0; i < n; i++)
        vs_buffer_text(text, close_piece);
    vs_buffer_text(text, tail);
    return (const char *)text->ptr;
}

static void floods__are_refused_and_each_limit_is_alive(void **state)
{
    (void)state;
    static const struct {
        const char *name, *head, *piece, *close_piece, *tail;
        unsigned fits, too_many;
    } floods[] = {
        {"depth", "", "<a>", "</a>", "", 100, 200},
        {"attributes", "<a", " a@='1'", "", "/>", 100, 5000},
        {"attributes of which many", "<a><b>=========</b><c", " a@=\">\"", "", "/></a>", 100,
         5000},
        {"name spaces", "<a", " xmlns:p@='u:@'", "", "/>", 100, 5000},
        {"name spaces in depth", "", "<a xmlns:p@='u:@' xmlns:q@='u:@'>", "</a>", "", 60, 100},
        {"elements", "<a>", "<b/>", "", "</a>", 1000, 200100},
        {"comments", "<a>", "<!---->", "", "</a>", 1000, 200100},
        {"instructions", "<a>", "<?p?>", "", "</a>", 1000, 200100},
    };
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        VS_BUFFER good, bad;
        assert_ok(parse(flood(&good, floods[i].head, floods[i].piece, floods[i].close_piece,
                              floods[i].tail, floods[i].fits)));
        const char *text = flood(&bad, floods[i].head, floods[i].piece, floods[i].close_piece,
                                 floods[i].tail, floods[i].too_many);
        vs_rc refused = parse(text);
        vs_check_disable(VS_E_XML_LIMIT);
        vs_rc alive = parse(text);
        vs_check_disable(VS_E_NONE);
        if (refused.code != VS_E_XML_LIMIT || !vs_ok(alive))
            fail_msg("%s: %s, without the check %s", floods[i].name,
                     vs_code_info(refused.code)->name, vs_code_info(alive.code)->name);
    }
}

static void encodings__that_hide_markup_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<?xml version='1.0' encoding='UTF-7'?><a>+ADw-b/+AD4-</a>",
        "<?xml version='1.0' encoding='ISO-2022-JP'?><a/>",
        "<a>\xc0\xbc</a>",     /* "<", not in its shortest form */
        "<a>\xed\xa0\x80</a>", /* a surrogate */
        "<?xml version='1.0'\nencoding = 'UTF-16'?><a/>",
        "<?xml version='1.0' encoding?><a/>",
        "<?xml version='1.0 encoding\"UTF-8\"' encoding='UTF-7'?><a/>",
        "\x4c\x6f\xa7\x94", /* "<?xm" in EBCDIC */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(VS_E_XML, parse(bad[i]));
    static const char latin[] = "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
    VS_XML *read = NULL, *xml = NULL;
    assert_ok(vs_xml_parse(vs_bytes_text(latin), NULL, &read, &err));
    assert_fails(VS_E_XML, parse_as_it_arrives(latin));
    struct vs_bytes utf16 = VS_BYTES_LITERAL("\xff\xfe<\0a\0/\0>\0");
    assert_fails(VS_E_XML, vs_xml_parse(utf16, NULL, &xml, &err));
}

static void errors__quote_no_content(void **state)
{
    (void)state;
    assert_fails(VS_E_XML, parse("<a><secret>\n\x1b[31m</secrets></a>"));
    assert_null(strstr(err.text, "secret"));
    assert_string_equal(err.text, "line 2: an end tag of another element");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(external_entities__are_refused_and_nothing_is_opened),
        cmocka_unit_test(addresses__in_attributes_and_instructions_are_not_followed),
        cmocka_unit_test(entity_bombs__are_refused_before_they_grow),
        cmocka_unit_test(a_document_type__is_accepted_without_the_check),
        cmocka_unit_test(floods__are_refused_and_each_limit_is_alive),
        cmocka_unit_test(encodings__that_hide_markup_are_refused),
        cmocka_unit_test(errors__quote_no_content),
    };
    return cmocka_run_group_tests(tests, start, end);
}
