#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/xml/c14n.h"
#include "formats/xml/stream.h"

static struct vs_error err;
static struct vs_buffer taken; /* what came to `text` */
static unsigned elements;
static size_t taken_bytes;

static const struct vs_xml_limits LIMITS = {.max_bytes = 4096,
                                            .max_depth = 8,
                                            .max_nodes = 64,
                                            .max_attributes = 8,
                                            .max_namespaces = 8};

static vs_rc on_element(void *context, const struct vs_xml_node *element, bool *ret_apart,
                        struct vs_error *error)
{
    (void)context;
    elements++;
    assert_non_null(vs_xml_name(element));
    *ret_apart = vs_xml_is(element, "u:1", "content");
    VS_REFUSE_IF(vs_xml_attribute(element, "refuse") != NULL, error, VS_E_PARAMETER, NULL,
                 "told to");
    return VS_OK;
}

static vs_rc on_text(void *context, struct vs_bytes piece, struct vs_error *error)
{
    (void)context, (void)error;
    taken_bytes += piece.len;
    vs_buffer_add(&taken, piece);
    return VS_OK;
}

static const struct vs_xml_stream_events EVENTS = {NULL, on_element, on_text};

/* In pieces of `step` bytes. */
static vs_rc feed(struct vs_bytes text, size_t step, struct vs_xml **ret)
{
    struct vs_xml_stream *stream;
    vs_buffer_done(&taken);
    vs_buffer_init(&taken, 1 << 20);
    elements = 0;
    taken_bytes = 0;
    VS_TRY(vs_xml_stream_new(&LIMITS, &EVENTS, &stream, &err));
    vs_rc rc = VS_OK;
    for (size_t i = 0; i < text.len && vs_ok(rc); i += step)
        rc = vs_xml_stream_feed(
            stream, VS_BYTES(text.ptr + i, text.len - i < step ? text.len - i : step), &err);
    if (vs_ok(rc))
        rc = vs_xml_stream_end(stream, ret, &err);
    vs_xml_stream_free(stream);
    return rc;
}

static void stream__builds_the_same_tree_however_it_is_cut(void **state)
{
    (void)state;
    const char *text =
        "<?xml version='1.0' encoding=\"utf-8\"?>\n<a xmlns='u:1' x='1 &amp; \"2'>"
        "<!-- c --><b>\xc9\x99\xe2\x84\x96\xf0\x9f\x96\x8b&#x259; ]]&gt;</b><c:d "
        "xmlns:c='u:2'/>\r\nend</a>";
    VS_XML *whole = NULL;
    assert_ok(vs_xml_parse(vs_bytes_text(text), NULL, &whole, &err));
    VS_BUFFER wanted;
    vs_buffer_init(&wanted, 1 << 16);
    struct vs_c14n_options how = {.method = VS_C14N_10_COMMENTS};
    assert_ok(vs_c14n_buffer(whole, NULL, &how, &wanted, &err));
    for (size_t step = 1; step <= strlen(text); step++) {
        VS_XML *xml = NULL;
        assert_ok(feed(vs_bytes_text(text), step, &xml));
        VS_BUFFER is;
        vs_buffer_init(&is, 1 << 16);
        assert_ok(vs_c14n_buffer(xml, NULL, &how, &is, &err));
        assert_bytes_equal(vs_buffer_view(&is), vs_buffer_view(&wanted));
        assert_int_equal(elements, 3);
        assert_int_equal(taken.len, 0);
    }
}

static void stream__takes_text_apart_out_of_the_tree(void **state)
{
    (void)state;
    const char *text = "<a xmlns='u:1'><b>1</b><content>QUJD&#13;\nREVG<![CDATA[R0\r\nhJ]]>"
                       "<i>in</i>=</content><b>2</b></a>";
    VS_ARENA *arena = vs_arena_new(4096);
    for (size_t step = 1; step <= strlen(text); step++) {
        VS_XML *xml = NULL;
        assert_ok(feed(vs_bytes_text(text), step, &xml));
        assert_string_equal((char *)taken.ptr, "QUJD\r\nREVGR0\r\nhJ=");
        const struct vs_xml_node *content = vs_xml_child(vs_xml_root(xml), "u:1", "content");
        const char *inner;
        assert_ok(vs_xml_text(vs_xml_first(content), arena, &inner, &err));
        assert_string_equal(inner, "in");
        assert_null(vs_xml_next(vs_xml_first(content)));
        assert_ok(vs_xml_text(vs_xml_next(content), arena, &inner, &err));
        assert_string_equal(inner, "2");
    }
}

/* libxml2 refuses a text over 10 MB: one that is apart has no such bound, and no tree. */
static void stream__text_apart_is_as_long_as_it_likes(void **state)
{
    (void)state;
    struct vs_xml_stream *stream;
    assert_ok(vs_xml_stream_new(&LIMITS, &EVENTS, &stream, &err));
    vs_buffer_done(&taken);
    vs_buffer_init(&taken, 16); /* drops what it gets */
    taken_bytes = 0;
    assert_ok(vs_xml_stream_feed(stream, vs_bytes_text("<content xmlns='u:1'>"), &err));
    uint8_t block[16 << 10];
    memset(block, 'Q', sizeof block);
    for (unsigned i = 0; i < 1024; i++)
        assert_ok(vs_xml_stream_feed(stream, VS_BYTES(block, sizeof block), &err));
    assert_ok(vs_xml_stream_feed(stream, vs_bytes_text("</content>"), &err));
    VS_XML *xml = NULL;
    assert_ok(vs_xml_stream_end(stream, &xml, &err));
    vs_xml_stream_free(stream);
    assert_int_equal(taken_bytes, sizeof block * 1024);
    assert_null(vs_xml_first(vs_xml_root(xml)));
}

static void refused(enum vs_code code, struct vs_bytes text)
{
    static const size_t steps[] = {1, 7, 300, 1 << 20};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct vs_xml *xml = NULL;
        assert_fails(code, feed(text, steps[i], &xml));
        assert_null(xml);
        assert_false(vs_text_has_controls(vs_bytes_text(err.text)));
    }
}

static void stream__refuses_what_xml_h_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum vs_code code;
    } cases[] = {
        {"", VS_E_XML},
        {" ", VS_E_XML},
        {"<a>", VS_E_XML},
        {"<a></b>", VS_E_XML},
        {"<a/>x", VS_E_XML},
        {"<a>&x;</a>", VS_E_XML},
        {"<p:a/>", VS_E_XML},
        {"<a b='1' b='2'/>", VS_E_XML},
        {"<a>\xff</a>", VS_E_XML},
        {"<a><![CDATA[\xc1\x99]]></a>", VS_E_XML},
        {"<a>\xc9</a>", VS_E_XML},
        {"<a/>\xc9", VS_E_XML},
        {"<?xml version='1.1'?><a/>", VS_E_XML},
        {"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", VS_E_XML},
        {"<?xml version='1.0' encoding='UTF-16'?><a/>", VS_E_XML},
        {"<!DOCTYPE a><a/>", VS_E_XML_DTD},
        {"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", VS_E_XML_DTD},
        {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", VS_E_XML_DTD},
        {"<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>", VS_E_XML_LIMIT},
        {"<a b='' c='' d='' e='' f='' g='' h='' i='' j=''/>", VS_E_XML_LIMIT},
        {"<content xmlns='u:1'>QU<!-- -->JD</content>", VS_E_XML},
        {"<content xmlns='u:1'>QU<?pi x?>JD</content>", VS_E_XML},
        {"<a><![CDATA[b\r\nc]]></a>", VS_E_XML},
        {"<a><b refuse=''/></a>", VS_E_PARAMETER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].code, vs_bytes_text(cases[i].text));
    refused(VS_E_XML, VS_BYTES("<a>\0</a>", 8));
    refused(VS_E_XML, VS_BYTES("\xff\xfe<\0a\0/\0>\0", 10));
}

/* A text, an attribute, a comment, a tag that never ends, many nodes: each within its bound,
 * and one too far. */
static void stream__bounds_what_it_keeps(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } places[] = {
        {"<a>", "</a>"}, {"<a b='", "'/>"}, {"<a><!--", "--></a>"}, {"<a><?p ", "?></a>"}};
    VS_BUFFER text;
    vs_buffer_init(&text, 1 << 16);
    for (size_t i = 0; i < 2 * sizeof places / sizeof *places; i++) {
        size_t place = i / 2, len = i % 2 == 0 ? 4000 : 4200;
        vs_buffer_clear(&text);
        vs_buffer_text(&text, places[place].before);
        memset(vs_buffer_reserve(&text, len), 'x', len);
        vs_buffer_text(&text, places[place].after);
        VS_XML *xml = NULL;
        if (i % 2 == 0)
            assert_ok(feed(vs_buffer_view(&text), 100, &xml));
        else
            refused(VS_E_XML_LIMIT, vs_buffer_view(&text));
    }
    vs_buffer_clear(&text);
    vs_buffer_text(&text, "<a b='");
    memset(vs_buffer_reserve(&text, 9000), 'x', 9000);
    struct vs_xml *none = NULL;
    assert_fails(VS_E_XML_LIMIT, feed(vs_buffer_view(&text), 100, &none));
    vs_buffer_clear(&text);
    vs_buffer_text(&text, "<a>");
    for (unsigned i = 0; i < 64; i++)
        vs_buffer_text(&text, "<b/>");
    vs_buffer_text(&text, "</a>");
    refused(VS_E_XML_LIMIT, vs_buffer_view(&text));
}

static int start(void **state)
{
    (void)state;
    return vs_ok(vs_formats_init(&err)) ? 0 : 1;
}

static int stop(void **state)
{
    (void)state;
    vs_buffer_done(&taken);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream__builds_the_same_tree_however_it_is_cut),
        cmocka_unit_test(stream__takes_text_apart_out_of_the_tree),
        cmocka_unit_test(stream__text_apart_is_as_long_as_it_likes),
        cmocka_unit_test(stream__refuses_what_xml_h_refuses),
        cmocka_unit_test(stream__bounds_what_it_keeps),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
