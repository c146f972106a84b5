#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/xml/xml.h"

static struct vs_error err;

static int start(void **state)
{
    (void)state;
    assert_ok(vs_formats_init(&err));
    return 0;
}

static vs_rc parse(const char *text, struct vs_xml **ret)
{
    return vs_xml_parse(vs_bytes_text(text), NULL, ret, &err);
}

static void parse__takes_what_xml_is(void **state)
{
    (void)state;
    static const char *const good[] = {
        "<a/>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<a>ə</a>\n",
        "<!-- before --><a/><!-- after --><?p i?>",
        "<a>&amp;&lt;&gt;&quot;&apos;&#xE9;<![CDATA[<b>]]></a>",
        "\xef\xbb\xbf<a/>",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        VS_XML *xml = NULL;
        assert_ok(parse(good[i], &xml));
    }
}

static void parse__refuses_what_it_is_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "a",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>text",
        "<a b='1' b='2'/>",
        "<a xmlns:p='u:1' xmlns:q='u:1' p:b='1' q:b='2'/>",
        "<p:a/>",
        "<a>&unknown;</a>",
        "<a>\x01</a>",
        "<a>\xff</a>",
        "<a>&#0;</a>",
        "<?xml version=\"1.1\"?><a/>",
        "<?xml version=\"1.0\" encoding=\"UTF-7\"?><a/>",
        "<?xml version=\"1.0\" encoding=\"EBCDIC-CP-US\"?><a/>",
        "<?xml version=\"1.0\" encoding=\"windows-1251\"?><a/>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        VS_XML *xml = NULL;
        assert_fails(VS_E_XML, parse(bad[i], &xml));
        assert_null(xml);
    }
}

/* -- limits: at the edge, and one beyond --------------------------------------------------- */

static vs_rc parse_repeated(const char *head, const char *middle, const char *tail, unsigned n,
                            const char *end)
{
    VS_BUFFER text;
    vs_buffer_init(&text, 64 << 20);
    vs_buffer_text(&text, head);
    for (unsigned i = 0; i < n; i++)
        vs_buffer_printf(&text, middle, i, i);
    for (unsigned i = 0; i < n; i++)
        vs_buffer_text(&text, tail);
    vs_buffer_text(&text, end);
    VS_XML *xml = NULL;
    return vs_xml_parse(vs_buffer_view(&text), NULL, &xml, &err);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void limits__hold_exactly(void **state)
{
    (void)state;
    assert_ok(parse_repeated("", "<a>", "</a>", 128, ""));
    assert_fails(VS_E_XML_LIMIT, parse_repeated("", "<a>", "</a>", 129, ""));
    assert_fails(VS_E_XML_LIMIT, parse_repeated("", "<a>", "</a>", 100000, ""));
    assert_ok(parse_repeated("<a", " a%u='%u'", "", 128, "/>"));
    assert_fails(VS_E_XML_LIMIT, parse_repeated("<a", " a%u='%u'", "", 129, "/>"));
    assert_ok(parse_repeated("<a>", "<b xmlns:p%u='u:%u'>", "</b>", 127, "</a>"));
    assert_ok(parse_repeated("<a>", "<b xmlns:p%u='u:%u'/>", "", 1000, "</a>"));
    assert_fails(VS_E_XML_LIMIT, parse_repeated("<a>", "<b xmlns:p%u='u:%u' xmlns:q='u:q'>",
                                                "</b>", 100, "</a>"));
    assert_ok(parse_repeated("<a>", "<b/>", "", 199999, "</a>"));
    assert_fails(VS_E_XML_LIMIT, parse_repeated("<a>", "<b/>", "", 200000, "</a>"));
    assert_fails(VS_E_XML_LIMIT,
                 parse_repeated("<a>", "0123456789abcdef", "", 1 << 20, "</a>"));
}

/* -- Ids ----------------------------------------------------------------------------------- */

static void ids__are_found_where_they_are_ids(void **state)
{
    (void)state;
    VS_XML *xml = NULL;
    assert_ok(parse("<a xmlns:o='u:o' Id='1' o:Id='2'><b ID='3'/><c id='4'/><d xml:id='5'/>"
                    "<e iD='6'/></a>",
                    &xml));
    static const char *const names[] = {"a", NULL, "b", "c", "d", NULL};
    for (int i = 0; i < 6; i++) {
        const char id[] = {(char)('1' + i), '\0'};
        const struct vs_xml_node *node;
        assert_ok(vs_xml_by_id(xml, id, &node, &err));
        if (names[i] == NULL)
            assert_null(node);
        else
            assert_string_equal(vs_xml_name(node), names[i]);
    }
}

static void ids__twice_are_refused(void **state)
{
    (void)state;
    VS_XML *xml = NULL;
    const struct vs_xml_node *node;
    assert_ok(parse("<a Id='x'><b Id='y'/><c Id='x'/><d id='y'/></a>", &xml));
    assert_fails(VS_E_XML_ID, vs_xml_by_id(xml, "x", &node, &err));
    assert_fails(VS_E_XML_ID, vs_xml_by_id(xml, "y", &node, &err));
    assert_fails(VS_E_XML_ID, vs_xml_ids_unique(xml, &err));
    VS_XML *other = NULL;
    assert_ok(parse("<a Id='x'><b Id='y'/><d id='y'/><e xmlns:o='u:o' o:Id='x'/></a>", &other));
    assert_ok(vs_xml_ids_unique(other, &err));
}

/* -- values -------------------------------------------------------------------------------- */

static void text__is_read_whole_or_not_at_all(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 16);
    VS_XML *xml = NULL;
    assert_ok(parse("<a><b> one &amp; <![CDATA[two]]> </b><c>on<!-- -->e</c><c>on<?p?>e</c>"
                    "<c>on<d/>e</c><e/></a>",
                    &xml));
    const char *text;
    const struct vs_xml_node *node = vs_xml_first(vs_xml_root(xml));
    assert_ok(vs_xml_text(node, arena, &text, &err));
    assert_string_equal(text, " one & two ");
    assert_ok(vs_xml_token(node, arena, &text, &err));
    assert_string_equal(text, "one & two");
    for (int i = 0; i < 3; i++) {
        node = vs_xml_next(node);
        assert_fails(VS_E_XML, vs_xml_text(node, arena, &text, &err));
    }
    assert_ok(vs_xml_text(vs_xml_next(node), arena, &text, &err));
    assert_string_equal(text, "");
}

static void values__of_their_types(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 16);
    VS_XML *xml = NULL;
    assert_ok(parse("<a><b>c2Fs\n YW0=</b><b>c2Fs!</b><t> 2026-11-21T20:46:48.123+04:00 </t>"
                    "<t>2026-11-21T20:46:48</t></a>",
                    &xml));
    const struct vs_xml_node *node = vs_xml_first(vs_xml_root(xml));
    struct vs_bytes bytes;
    vs_time_ms t;
    assert_ok(vs_xml_base64(node, arena, &bytes, &err));
    assert_true(vs_bytes_is(bytes, "salam"));
    node = vs_xml_next(node);
    assert_fails(VS_E_SYNTAX, vs_xml_base64(node, arena, &bytes, &err));
    node = vs_xml_next(node);
    assert_ok(vs_xml_time(node, &t, &err));
    char text[VS_TIME_TEXT];
    vs_time_text(t, text);
    assert_string_equal(text, "2026-11-21T16:46:48.123Z");
    assert_fails(VS_E_XML, vs_xml_time(vs_xml_next(node), &t, &err));
}

static void attributes__are_told_apart_by_name_space(void **state)
{
    (void)state;
    VS_XML *xml = NULL;
    assert_ok(parse("<a xmlns:o='u:o' o:x='2' x='1&#10;&lt;' y=''/>", &xml));
    const struct vs_xml_node *root = vs_xml_root(xml);
    assert_string_equal(vs_xml_attribute(root, "x"), "1\n<");
    assert_string_equal(vs_xml_attribute(root, "y"), "");
    assert_string_equal(vs_xml_attribute_ns(root, "u:o", "x"), "2");
    assert_null(vs_xml_attribute(root, "z"));
    assert_string_equal(vs_xml_prefix(root, "o"), "u:o");
    assert_string_equal(vs_xml_prefix(root, "p"), "");
}

/* -- walking ------------------------------------------------------------------------------- */

static void walk__goes_in_document_order_and_stays_inside(void **state)
{
    (void)state;
    VS_XML *xml = NULL;
    assert_ok(parse("<a><b><c/>t<d/></b><!-- --><e><f><g/></f></e><h/></a>", &xml));
    char seen[16] = "";
    const struct vs_xml_node *root = vs_xml_root(xml);
    for (const struct vs_xml_node *n = root; n != NULL; n = vs_xml_walk(root, n))
        strncat(seen, vs_xml_name(n), 1);
    assert_string_equal(seen, "abcdefgh");
    const struct vs_xml_node *e = vs_xml_child(root, "", "e");
    seen[0] = '\0';
    for (const struct vs_xml_node *n = e; n != NULL; n = vs_xml_walk(e, n))
        strncat(seen, vs_xml_name(n), 1);
    assert_string_equal(seen, "efg");
    assert_true(vs_xml_inside(vs_xml_first(e), root));
    assert_false(vs_xml_inside(root, e));
}

static void only_child__is_there_once(void **state)
{
    (void)state;
    VS_XML *xml = NULL;
    assert_ok(parse("<a xmlns:o='u:o'><b/><c/><c/><o:b/></a>", &xml));
    const struct vs_xml_node *node, *root = vs_xml_root(xml);
    assert_ok(vs_xml_only_child(root, "", "b", &node, &err));
    assert_fails(VS_E_XML, vs_xml_only_child(root, "", "c", &node, &err));
    assert_fails(VS_E_XML, vs_xml_only_child(root, "", "d", &node, &err));
}

static void split_text__is_refused_between_elements_it_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool refused;
    } cases[] = {
        {"<a> <!-- --> <b>x</b></a>", false}, {"<a><b>x<!-- -->y</b></a>", true},
        {"<a><b><!-- -->y</b></a>", true},    {"<a><b><?p?>y</b></a>", true},
        {"<a><s>x<!-- -->y</s></a>", false},  {"<a><s>x</s><b>x<!-- -->y</b></a>", true},
        {"<a><b><?p?></b></a>", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        VS_XML *xml = NULL;
        assert_ok(parse(cases[i].text, &xml));
        const struct vs_xml_node *root = vs_xml_root(xml);
        vs_rc rc = vs_xml_refuse_split_text(root, vs_xml_child(root, "", "s"), &err);
        assert_int_equal(vs_ok(rc), !cases[i].refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__takes_what_xml_is),
        cmocka_unit_test(parse__refuses_what_it_is_not),
        cmocka_unit_test(limits__hold_exactly),
        cmocka_unit_test(ids__are_found_where_they_are_ids),
        cmocka_unit_test(ids__twice_are_refused),
        cmocka_unit_test(text__is_read_whole_or_not_at_all),
        cmocka_unit_test(values__of_their_types),
        cmocka_unit_test(attributes__are_told_apart_by_name_space),
        cmocka_unit_test(walk__goes_in_document_order_and_stays_inside),
        cmocka_unit_test(only_child__is_there_once),
        cmocka_unit_test(split_text__is_refused_between_elements_it_is_not),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
