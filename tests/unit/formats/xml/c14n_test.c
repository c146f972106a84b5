/* Ours against libxml2's, on examples of the recommendations, on generated documents, and on
 * the corpus; and against the published results. */
#include "tests/unit/unit.h"
#include "tests/support/c14n_oracle.h"
#include "tests/support/tools.h"
#include "formats/formats.h"
#include <dirent.h>

static struct vs_error err;

static int start(void **state)
{
    (void)state;
    assert_ok(vs_formats_init(&err));
    return 0;
}

static void assert_canonical(const char *text, enum vs_c14n_method method, const char *expected)
{
    VS_XML *xml = NULL;
    assert_ok(vs_xml_parse(vs_bytes_text(text), NULL, &xml, &err));
    VS_BUFFER to;
    vs_buffer_init(&to, 1 << 20);
    struct vs_c14n_options how = {.method = method};
    assert_ok(vs_c14n_buffer(xml, NULL, &how, &to, &err));
    assert_string_equal((const char *)to.ptr, expected);
}

static void the_recommendation__examples_come_out_as_published(void **state)
{
    (void)state;
    /* Canonical XML 1.0, 3.1 */
    const char *text =
        "<?xml version=\"1.0\"?>\n\n<?xml-stylesheet   href=\"doc.xsl\"\n"
        "   type=\"text/xsl\"   ?>\n\n<doc>Hello, world!<!-- Comment 1 --></doc>"
        "\n\n<?pi-without-data     ?>\n\n<!-- Comment 2 -->\n\n<!-- Comment 3 -->";
    assert_canonical(text, VS_C14N_10,
                     "<?xml-stylesheet href=\"doc.xsl\"\n   type=\"text/xsl\"   ?>\n"
                     "<doc>Hello, world!</doc>\n<?pi-without-data?>");
    assert_canonical(text, VS_C14N_10_COMMENTS,
                     "<?xml-stylesheet href=\"doc.xsl\"\n   type=\"text/xsl\"   ?>\n"
                     "<doc>Hello, world!<!-- Comment 1 --></doc>\n<?pi-without-data?>\n"
                     "<!-- Comment 2 -->\n<!-- Comment 3 -->");
    /* 3.3, without its DTD */
    assert_canonical(
        "<doc><e1   /><e3   name = \"elem3\"   id=\"elem3\"   />"
        "<e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\"\n"
        "      xmlns:b=\"http://www.ietf.org\"\n      xmlns:a=\"http://www.w3.org\"\n"
        "      xmlns=\"http://example.org\"/><e6 xmlns=\"\" "
        "xmlns:a=\"http://www.w3.org\"><e7 xmlns=\"http://www.ietf.org\"><e8 "
        "xmlns=\"\"><e9 xmlns=\"\" xmlns:a=\"http://www.ietf.org\"/></e8></e7></e6>"
        "</doc>",
        VS_C14N_10,
        "<doc><e1></e1><e3 id=\"elem3\" name=\"elem3\"></e3>"
        "<e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" "
        "xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" attr2=\"all\" "
        "b:attr=\"sorted\" a:attr=\"out\"></e5><e6 xmlns:a=\"http://www.w3.org\">"
        "<e7 xmlns=\"http://www.ietf.org\"><e8 xmlns=\"\"><e9 "
        "xmlns:a=\"http://www.ietf.org\"></e9></e8></e7></e6></doc>");
    /* 3.4 */
    assert_canonical("<doc><text>First line&#x0d;&#10;Second line</text><value>&#x32;</value>"
                     "<compute><![CDATA[value>\"0\" && value<\"10\" ?\"valid\":\"error\"]]>"
                     "</compute><norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/></doc>",
                     VS_C14N_11,
                     "<doc><text>First line&#xD;\nSecond line</text><value>2</value><compute>"
                     "value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"</compute>"
                     "<norm attr=\" '    &#xD;&#xA;&#x9;   ' \"></norm></doc>");
}

static void exclusive__keeps_only_what_is_visibly_utilised(void **state)
{
    (void)state;
    const char *text = "<n0:a xmlns:n0=\"urn:0\" xmlns:n1=\"urn:1\"><n2:b xmlns:n2=\"urn:2\" "
                       "n1:x=\"1\" xmlns:n3=\"urn:3\"><c/></n2:b></n0:a>";
    assert_canonical(text, VS_C14N_EXCLUSIVE,
                     "<n0:a xmlns:n0=\"urn:0\"><n2:b xmlns:n1=\"urn:1\" xmlns:n2=\"urn:2\" "
                     "n1:x=\"1\"><c></c></n2:b></n0:a>");
}

static void a_relative_name_space__is_an_error(void **state)
{
    (void)state;
    VS_XML *xml = NULL;
    assert_ok(vs_xml_parse(VS_BYTES_LITERAL("<a xmlns=\"relative/uri\"/>"), NULL, &xml, &err));
    VS_BUFFER to;
    vs_buffer_init(&to, 1 << 20);
    struct vs_c14n_options how = {.method = VS_C14N_EXCLUSIVE};
    assert_fails(VS_E_XML, vs_c14n_buffer(xml, NULL, &how, &to, &err));
}

static void a_sink_that_fails__fails_the_whole(void **state)
{
    (void)state;
    VS_XML *xml = NULL;
    assert_ok(vs_xml_parse(VS_BYTES_LITERAL("<a>0123456789</a>"), NULL, &xml, &err));
    VS_BUFFER to;
    vs_buffer_init(&to, 8);
    struct vs_c14n_options how = {.method = VS_C14N_10};
    assert_fails(VS_E_LIMIT, vs_c14n_buffer(xml, NULL, &how, &to, &err));
}

static void assert_same(const char *text)
{
    const char *difference = c14n_compare(vs_bytes_text(text), 12);
    if (difference != NULL)
        fail_msg("%s\n%s", text, difference);
}

/* Accepted and refused as libxml2 does: ours has a short way for the usual ones. */
static void name_space_uris__are_judged_as_libxml2_judges_them(void **state)
{
    (void)state;
    static const char *const uris[] = {
        "urn:",          "urn:a",        "urn:a:b",
        "urn::a",        "urn:a#",       "urn:a#b",
        "http://",       "http://h",     "http://h/",
        "http:///x",     "http://h:8/",  "http://h:x/",
        "http://h//#",   "http://h/#a#", "http://h/ b",
        "http://[::1]/", "//h/x",        "x",
        "x:y",           ":y",           "1:y",
        "http:",         "HTTP://h",     "u:%zz",
        "u:%41",         "#a",           "?a",
        "u:a?b",         "u:ə",          "mailto:a@b",
    };
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        char text[128];
        snprintf(text, sizeof text, "<p:a xmlns:p='%s'/>", uris[i]);
        assert_same(text);
    }
}

static void crafted__equal_libxml2(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<a xmlns='u:1'><b xmlns=''><c xmlns='u:1'/></b></a>",
        "<a xmlns='u:1'><p:b xmlns:p='u:2'><c xmlns=''/></p:b></a>",
        "<a:a xmlns:a='u:1' xmlns:b='u:2'><b:b a:x='1' xmlns:a='u:3'><a:c/></b:b></a:a>",
        "<a:a xmlns:a='u:1'><a:b xmlns:a='u:2'><a:c xmlns:a='u:1'/></a:b></a:a>",
        "<a xml:lang='az' xml:space='preserve'><b xml:lang='en'><c y='1'/></b></a>",
        "<a xml:id='i' xml:lang='az'><b><c xml:space='default'/></b></a>",
        "<a z='1' xml:b='2' b:q='3' a:q='4' xmlns:a='u:z' xmlns:b='u:a'><b:c a:r='1'/></a>",
        "<a>&lt;&gt;&amp;&quot;&#13;&#9;<b q='&lt;&gt;&amp;&quot;&#13;&#10;&#9;&apos;'/></a>",
        "<?x y?><!--c--><a><!--d--><?p  q ?><b/>t<!--e--></a><!--f--><?z?>",
        "<a xmlns:a='u:1' xmlns:b='u:1'><b:b a:x='1' b:y='2'/><a:c/></a>",
        "<c:a xmlns:c='u:3' xmlns:b='u:2' xmlns='u:d'><b><b:e c:x=''/></b></c:a>",
        "<a xmlns:b='u:2'><b:b xmlns='u:1'><d xmlns='' b:x='1'/></b:b><b:b/></a>",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_same(texts[i]);
}

/* -- generated ----------------------------------------------------------------------------- */

static uint32_t seed;
static unsigned roll(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % n;
}

/* A prefix that is in scope, or "" ; `scope` has a bit for each of a, b, c. */
static const char *any_prefix(unsigned scope)
{
    static const char *const names[] = {"a:", "b:", "c:"};
    unsigned i = roll(4);
    return i < 3 && (scope >> i & 1) != 0 ? names[i] : "";
}

static void generate(struct vs_buffer *to, unsigned depth, unsigned scope)
{
    static const char *const uris[] = {"u:1", "u:2", "u:3"};
    static const char *const texts[] = {"x",       "&lt;&amp;", "<!--c-->",
                                        "<?p q?>", "&#13;",     "\n "};
    char declarations[256] = "";
    size_t at = 0;
    for (unsigned i = 0; i < 3; i++)
        if (roll(3) == 0) {
            at += (size_t)snprintf(declarations + at, sizeof declarations - at,
                                   " xmlns:%c='%s'", 'a' + (int)i, uris[roll(3)]);
            scope |= 1U << i;
        }
    if (roll(3) == 0)
        snprintf(declarations + at, sizeof declarations - at, " xmlns='%s'",
                 roll(3) == 0 ? "" : uris[roll(3)]);
    char name[16];
    snprintf(name, sizeof name, "%se%u", any_prefix(scope), roll(3));
    vs_buffer_printf(to, "<%s%s", name, declarations);
    if (roll(2) == 0)
        vs_buffer_printf(to, " %sx%u='&#9;v'", any_prefix(scope), roll(2));
    if (roll(6) == 0)
        vs_buffer_printf(to, " xml:lang='l%u'", roll(3));
    vs_buffer_byte(to, '>');
    for (unsigned n = depth == 0 ? 0 : roll(4); n > 0; n--) {
        vs_buffer_text(to, texts[roll(6)]);
        generate(to, depth - 1, scope);
    }
    vs_buffer_text(to, texts[roll(6)]);
    vs_buffer_printf(to, "</%s>", name);
}

static void generated__equal_libxml2(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 150; round++) {
        seed = round;
        VS_BUFFER text;
        vs_buffer_init(&text, 1 << 20);
        generate(&text, 3, 0);
        const char *difference = c14n_compare(vs_buffer_view(&text), 8);
        if (difference != NULL)
            fail_msg("round %u\n%s\n%s", round, (const char *)text.ptr, difference);
    }
}

static void corpus__equals_libxml2(void **state)
{
    (void)state;
    static const char *const folders[] = {"corpus/xades",
                                          "corpus/xmldsig",
                                          "corpus/attack",
                                          "corpus/evidence-record",
                                          "corpus/evidence-record/data",
                                          "corpus/trust"};
    if (test_shared(folders[0]) == NULL)
        skip(); /* leaves by longjmp: before anything is allocated */
    VS_ARENA *arena = vs_arena_new(256 << 20);
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        const char *folder = test_shared(folders[f]);
        DIR *dir = opendir(folder);
        assert_non_null(dir);
        for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
            size_t len = strlen(e->d_name);
            if (len < 4 || strcmp(e->d_name + len - 4, ".xml") != 0)
                continue;
            char *path = vs_arena_printf(arena, "%s/%s", folder, e->d_name);
            struct vs_bytes text = test_read(arena, path);
            const char *difference = c14n_compare(text, text.len > 50000 ? 0 : 3);
            if (difference != NULL)
                fail_msg("%s\n%s", path, difference);
        }
        closedir(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recommendation__examples_come_out_as_published),
        cmocka_unit_test(exclusive__keeps_only_what_is_visibly_utilised),
        cmocka_unit_test(a_relative_name_space__is_an_error),
        cmocka_unit_test(a_sink_that_fails__fails_the_whole),
        cmocka_unit_test(name_space_uris__are_judged_as_libxml2_judges_them),
        cmocka_unit_test(crafted__equal_libxml2),
        cmocka_unit_test(generated__equal_libxml2),
        cmocka_unit_test(corpus__equals_libxml2),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
