/* The quick reader takes what signing software writes; what it takes, libxml2 takes too, as the
 * same tree; everything else it leaves. */
#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/xml/plain.h"
#include "tests/support/plain_oracle.h"
#include "tests/support/tools.h"
#include <dirent.h>

#define DSIG "http://www.w3.org/2000/09/xmldsig#"

static const char signature[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<asic:XAdESSignatures xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\">"
    "<ds:Signature xmlns:ds=\"" DSIG "\" Id=\"S0\"><ds:SignedInfo xmlns:ds=\"" DSIG "\">"
    "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\n"
    "<ds:Reference Id='S0-R0'\n URI=\"s\xc9\x99n\xc9\x99"
    "d.txt\" ><ds:DigestValue>AAAA\nBBBB=\t</ds:DigestValue></ds:Reference ></ds:SignedInfo>"
    "<ds:Object><q:P xmlns:q=\"urn:x:y:1.0\" xmlns=\"http://a/b\" q:a=\"1\" a=\"1\">"
    "<plain>Leyla \xc6\x8fliyeva > ]] \" '</plain></q:P></ds:Object>"
    "</ds:Signature></asic:XAdESSignatures>\n";

static int start(void **state)
{
    (void)state;
    struct vs_error err;
    assert_ok(vs_formats_init(&err));
    return 0;
}

static bool taken(struct vs_bytes text)
{
    bool ret;
    const char *difference = plain_compare(text, &ret);
    if (difference != NULL)
        fail_msg("%s\n%.*s", difference, (int)text.len, (const char *)text.ptr);
    return ret;
}

static void plain__takes_a_signature(void **state)
{
    (void)state;
    assert_true(taken(vs_bytes_text(signature)));
    assert_true(taken(VS_BYTES_LITERAL("<a/>")));
    assert_true(taken(VS_BYTES_LITERAL("\n<a b=\"\" c='\"'></a>\n")));
}

static void plain__leaves_everything_else_to_libxml2(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        " ",
        "a",
        "<",
        "<a",
        "<a ",
        "<a b",
        "<a b=",
        "<a b=\"",
        "<a b=\"c",
        "<a b=\"c\"",
        "<a/",
        "<a></a",
        "<a></a ",
        "<a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a/ >",
        "< a/>",
        "<a b='1'c='2'/>",
        "<a b='1' b='2'/>",
        "<a b=\"<\"/>",
        "<a>&amp;</a>",
        "<a b=\"&#10;\"/>",
        "<a b=\"\n\"/>",
        "<a b=\"\t\"/>",
        "<a>\r\n</a>",
        "<a>]]></a>",
        "<a>\x01</a>",
        "<a>\x7f</a>",
        "<a>\xff</a>",
        "<a>\xc3</a>",
        "<a>\xef\xbf\xbe</a>",
        "<a>\xed\xa0\x80</a>",
        "<a b=\"\xff\"/>",
        "\xef\xbb\xbf<a/>",
        "<!DOCTYPE a><a/>",
        "<!-- --><a/>",
        "<a><!-- --></a>",
        "<a><?p?></a>",
        "<a><![CDATA[x]]></a>",
        "<?xml version=\"1.1\"?><a/>",
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>",
        " <?xml version=\"1.0\"?><a/>",
        "<p:a/>",
        "<a p:b=\"\"/>",
        "<a xmlns:p=\"\"/>",
        "<a xmlns=\"\"/>",
        "<a:b:c/>",
        "<:a/>",
        "<a:/>",
        "<1a/>",
        "<\xc9\x99/>",
        "<a xml:id=\"x\"/>",
        "<a xmlns:xml=\"http://a\"/>",
        "<a xmlns:xmlns=\"http://a\"/>",
        "<xmlns:a/>",
        "<xml:a/>",
        "<a xmlns:p=\"http://a\" xmlns:p=\"http://b\"/>",
        "<a xmlns:p=\"http://a\" xmlns:q=\"http://a\" p:b=\"1\" q:b=\"2\"/>",
        "<a xmlns:p=\"http://www.w3.org/XML/1998/namespace\"/>",
        "<a xmlns:p=\"http://www.w3.org/2000/xmlns/\"/>",
        "<a xmlns:p=\"relative\"/>",
        "<a xmlns:p=\"http://a:b/\"/>",
        "<a xmlns:p=\"http://a b\"/>",
        "<a xmlns:p=\"http://a#b#c\"/>",
        "<a xmlns:p=\"http://a%zz\"/>",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (taken(vs_bytes_text(others[i])))
            fail_msg("taken: %s", others[i]);
    assert_false(taken(VS_BYTES("<a>\0</a>", 8)));
}

/* -- bounds -------------------------------------------------------------------------------- */

static bool taken_within(const char *text, const struct vs_xml_limits *limits)
{
    VS_XML *xml = vs_heap_new(sizeof *xml);
    return vs_xml_read_plain(vs_bytes_text(text), limits, xml);
}

static void plain__keeps_every_limit(void **state)
{
    (void)state;
    static const char text[] = "<a xmlns:p=\"http://a\" b=\"\"><b><c>x</c></b></a>";
    struct vs_xml_limits exact = {sizeof text - 1, 3, 4, 2, 1}, less;
    assert_true(taken_within(text, &exact));
    less = exact, less.max_bytes--;
    assert_false(taken_within(text, &less));
    less = exact, less.max_depth--;
    assert_false(taken_within(text, &less));
    less = exact, less.max_nodes--;
    assert_false(taken_within(text, &less));
    less = exact, less.max_attributes--;
    assert_false(taken_within(text, &less));
    less = exact, less.max_namespaces--;
    assert_false(taken_within(text, &less));
}

/* -- damaged ------------------------------------------------------------------------------- */

static uint32_t seed;
static uint32_t any(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

/* One to three small damages: a byte, a piece left out or doubled, a piece of markup put in. */
static struct vs_bytes damaged(struct vs_bytes text, uint8_t *room)
{
    static const char *const pieces[] = {
        "<",  ">",    "/",    "\"", "'",       "&",      "=",     " ",         "\n",
        "\r", "]]>",  "<!--", ":",  "xmlns:",  "xmlns",  " xml:", " Id=\"a\"", "<a>",
        "#",  "</a>", "\xc9", "%",  "<a b=\"", " a='1'", "\t",    "<?",        "<![CDATA[",
    };
    size_t len = text.len;
    memcpy(room, text.ptr, len);
    for (uint32_t n = 1 + any(3); n > 0 && len > 40; n--) {
        size_t at = any((uint32_t)len - 30), size = 1 + any(20);
        const char *piece = pieces[any(sizeof pieces / sizeof *pieces)];
        switch (any(4)) {
        case 0:
            room[at] = (uint8_t)any(256);
            break;
        case 1:
            memmove(room + at, room + at + size, len - at - size);
            len -= size;
            break;
        case 2:
            memmove(room + at + size, room + at, len - at);
            len += size;
            break;
        default:
            size = strlen(piece);
            memmove(room + at + size, room + at, len - at);
            memcpy(room + at, piece, size);
            len += size;
        }
    }
    return VS_BYTES(room, len);
}

static unsigned compare_damaged(struct vs_bytes text, unsigned rounds)
{
    unsigned n = 0;
    uint8_t *room = vs_heap_new(text.len + 100);
    for (unsigned i = 0; i < rounds; i++)
        n += taken(damaged(text, room));
    vs_heap_free(room);
    return n;
}

static void plain__takes_nothing_damaged_that_libxml2_would_refuse(void **state)
{
    (void)state;
    seed = 1;
    unsigned n = compare_damaged(vs_bytes_text(signature), 20000);
    assert_in_range(n, 1000, 19000); /* some damages are none: both ways are walked */
}

static void plain__agrees_with_libxml2_on_the_corpus(void **state)
{
    (void)state;
    static const char *const folders[] = {"corpus/xades", "corpus/xmldsig", "corpus/attack",
                                          "corpus/evidence-record", "corpus/trust"};
    if (test_shared(folders[0]) == NULL)
        skip(); /* leaves by longjmp: before anything is allocated */
    VS_ARENA *arena = vs_arena_new(256 << 20);
    unsigned n = 0;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        const char *folder = test_shared(folders[f]);
        DIR *dir = opendir(folder);
        assert_non_null(dir);
        for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
            size_t len = strlen(e->d_name);
            if (len < 4 || strcmp(e->d_name + len - 4, ".xml") != 0)
                continue;
            struct vs_bytes text =
                test_read(arena, vs_arena_printf(arena, "%s/%s", folder, e->d_name));
            n += taken(text);
            if (text.len > 40 && text.len <= 20000)
                compare_damaged(text, 20);
        }
        closedir(dir);
    }
    assert_true(n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain__takes_a_signature),
        cmocka_unit_test(plain__leaves_everything_else_to_libxml2),
        cmocka_unit_test(plain__keeps_every_limit),
        cmocka_unit_test(plain__takes_nothing_damaged_that_libxml2_would_refuse),
        cmocka_unit_test(plain__agrees_with_libxml2_on_the_corpus),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
