/* reliability.md, the row "ASiC", what is above the ZIP: each sample has an accepted twin, the
 * exact refusal, and is accepted once its check is disabled. */
#include "tests/support/raw_zip.h"
#include "tests/unit/unit.h"
#include "formats/container/asic.h"
#include "formats/formats.h"
#include <zlib.h>

#define LITERAL VS_BYTES_LITERAL
#define ODF(entries)                                                                           \
    LITERAL("<m:manifest xmlns:m=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\" "      \
            "m:version=\"1.2\">" entries "</m:manifest>")
#define FILE_ENTRY(path, type)                                                                 \
    "<m:file-entry m:full-path=\"" path "\" m:media-type=\"" type "\"/>"
#define HONEST FILE_ENTRY("/", VS_ASIC_E_TYPE) FILE_ENTRY("letter.txt", "text/plain")

enum { MIMETYPE, MANIFEST, LETTER, SIGNATURE };

static struct raw_zip extended(void)
{
    return (struct raw_zip){
        .entries = {{.name = "mimetype", .data = LITERAL(VS_ASIC_E_TYPE)},
                    {.name = "META-INF/manifest.xml", .data = ODF(HONEST)},
                    {.name = "letter.txt", .data = LITERAL("Hello")},
                    {.name = "META-INF/signatures0.xml", .data = LITERAL("<x/>")}},
        .n = 4};
}

static struct raw_zip simple(void)
{
    return (struct raw_zip){
        .entries = {{.name = "mimetype", .data = LITERAL(VS_ASIC_S_TYPE)},
                    {.name = "letter.txt", .data = LITERAL("Hello")},
                    {.name = "META-INF/timestamp.tst", .data = LITERAL("token")}},
        .n = 3};
}

static vs_rc open_bytes(struct vs_bytes bytes, bool strict, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, bytes);
    const struct vs_asic *asic;
    VS_TRY(vs_asic_open(arena, &source.source, NULL, &asic, err));
    return strict ? vs_asic_check_strict(asic, 0, err) : VS_OK;
}

static void check(const struct raw_zip *twin, const struct raw_zip *attack, bool strict,
                  enum vs_code code)
{
    VS_BUFFER good, bad;
    vs_buffer_init(&good, 1 << 20);
    vs_buffer_init(&bad, 1 << 20);
    struct vs_error err;
    raw_zip_make(twin, &good);
    raw_zip_make(attack, &bad);
    assert_ok(open_bytes(vs_buffer_view(&good), strict, &err));
    assert_fails(code, open_bytes(vs_buffer_view(&bad), strict, &err));
    vs_check_disable(code);
    assert_ok(open_bytes(vs_buffer_view(&bad), strict, &err));
    vs_check_disable(VS_E_NONE);
}

#define ATTACK(twin_expression, code, ...)                                                     \
    do {                                                                                       \
        struct raw_zip twin = twin_expression, zip = twin_expression;                          \
        __VA_ARGS__;                                                                           \
        check(&twin, &zip, false, code);                                                       \
    } while (0)
#define NOT_STRICT(twin_expression, ...)                                                       \
    do {                                                                                       \
        struct raw_zip twin = twin_expression, zip = twin_expression;                          \
        __VA_ARGS__;                                                                           \
        check(&twin, &zip, true, VS_E_NOT_ASIC);                                               \
        VS_BUFFER lenient;                                                                     \
        struct vs_error lenient_err;                                                           \
        vs_buffer_init(&lenient, 1 << 20);                                                     \
        raw_zip_make(&zip, &lenient);                                                          \
        vs_rc rc = open_bytes(vs_buffer_view(&lenient), false, &lenient_err);                  \
        assert_true(vs_ok(rc));                                                                \
    } while (0)

static void asic__refuses_an_untrue_mimetype(void **state)
{
    (void)state;
    static const char *const types[] = {"application/zip", "application/vnd.etsi.asic-e+zip\n",
                                        "application/epub+zip", "", "image/png"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        ATTACK(extended(), VS_E_NOT_ASIC, zip.entries[MIMETYPE].data = vs_bytes_text(types[i]));
}

static void asic__refuses_reserved_names_in_another_case(void **state)
{
    (void)state;
    ATTACK(extended(), VS_E_NOT_ASIC, zip.entries[MIMETYPE].name = "MimeType");
    ATTACK(extended(), VS_E_NOT_ASIC, zip.entries[SIGNATURE].name = "meta-inf/signatures0.xml");
    ATTACK(extended(), VS_E_NOT_ASIC, {
        zip.entries[zip.n++] = (struct raw_entry){.name = "Meta-Inf/x"};
        twin.entries[twin.n++] = (struct raw_entry){.name = "META-INF/x"};
    });
}

static void asic__refuses_what_holds_nothing_to_judge(void **state)
{
    (void)state;
    ATTACK(simple(), VS_E_NOT_ASIC, zip.entries[2].name = "data/META-INF/timestamp.tst");
    ATTACK(simple(), VS_E_NOT_ASIC, {
        zip.entries[0].name = "readme";
        zip.entries[2].name = "token.tst";
    });
}

static void asic__refuses_an_asic_s_that_is_ambiguous(void **state)
{
    (void)state;
    ATTACK(simple(), VS_E_NOT_ASIC, zip.entries[1].name = "META-INF/letter.txt");
    ATTACK(simple(), VS_E_NOT_ASIC, zip.entries[1].name = "folder/letter.txt");
    ATTACK(simple(), VS_E_NOT_ASIC, {
        zip.entries[zip.n++] =
            (struct raw_entry){.name = "META-INF/signatures.xml", .data = LITERAL("<x/>")};
        twin.entries[twin.n++] =
            (struct raw_entry){.name = "META-INF/timestamp2.tst", .data = LITERAL("<x/>")};
    });
}

static void asic__refuses_a_manifest_with_doubled_empty_or_escaping_paths(void **state)
{
    (void)state;
    ATTACK(extended(), VS_E_ASIC_MANIFEST,
           zip.entries[MANIFEST].data = ODF(HONEST FILE_ENTRY("letter.txt", "image/png")));
    ATTACK(extended(), VS_E_ASIC_MANIFEST,
           zip.entries[MANIFEST].data = ODF(HONEST FILE_ENTRY("../letter.txt", "image/png")));
    ATTACK(extended(), VS_E_ASIC_MANIFEST,
           zip.entries[MANIFEST].data = ODF(HONEST FILE_ENTRY("/etc/passwd", "image/png")));
}

/* An empty path is not even a name: refused without a check that could be disabled. */
static void asic__refuses_manifests_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        enum vs_code code;
    } cases[] = {
        {"<x/>", VS_E_ASIC_MANIFEST},
        {"not xml", VS_E_XML},
        {"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>", VS_E_XML_DTD},
        {"<m:manifest xmlns:m=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\">"
         "<m:file-entry m:full-path=\"\" m:media-type=\"x\"/></m:manifest>",
         VS_E_ASIC_MANIFEST},
        {"<m:manifest xmlns:m=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\">"
         "<m:file-entry m:full-path=\"letter.txt\"/></m:manifest>",
         VS_E_ASIC_MANIFEST},
    };
    struct vs_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct raw_zip zip = extended();
        VS_BUFFER bytes;
        vs_buffer_init(&bytes, 1 << 20);
        zip.entries[MANIFEST].data = vs_bytes_text(cases[i].xml);
        raw_zip_make(&zip, &bytes);
        assert_fails(cases[i].code, open_bytes(vs_buffer_view(&bytes), false, &err));
    }
}

/* EN 319 162-1, A.1 and 4.4.3: noted always, refused where strict ASiC is agreed. */
static void asic__refuses_matters_of_form_when_asked_to_be_strict(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes type = LITERAL(VS_ASIC_E_TYPE);
    NOT_STRICT(extended(), {
        zip.entries[MIMETYPE] = twin.entries[LETTER];
        zip.entries[LETTER] = twin.entries[MIMETYPE];
    });
    NOT_STRICT(extended(), {
        zip.entries[MIMETYPE].data = raw_deflate(arena, type);
        zip.entries[MIMETYPE].method = 8;
        zip.entries[MIMETYPE].size = type.len;
        zip.entries[MIMETYPE].crc32 = (uint32_t)crc32(0, type.ptr, (unsigned)type.len);
    });
    NOT_STRICT(extended(), zip.entries[MIMETYPE].local_extra = LITERAL("UT\1\0\0"));
    NOT_STRICT(extended(), {
        zip.n = 3;
        for (size_t i = 0; i < 3; i++)
            zip.entries[i] = twin.entries[i + 1];
    });
    NOT_STRICT(extended(), zip.entries[MANIFEST].name = "META-INF/other.xml");
    NOT_STRICT(extended(), {
        zip.entries[MANIFEST].data =
            ODF(FILE_ENTRY("/", VS_ASIC_S_TYPE) FILE_ENTRY("letter.txt", "text/plain"));
    });
    NOT_STRICT(extended(), {
        zip.entries[MANIFEST].data = ODF(HONEST FILE_ENTRY("ghost.txt", "text/plain"));
    });
    NOT_STRICT(extended(),
               { zip.entries[MANIFEST].data = ODF(FILE_ENTRY("/", VS_ASIC_E_TYPE)); });
    NOT_STRICT(extended(), zip.entries[SIGNATURE].name = "META-INF/nothing.xml");
    NOT_STRICT(simple(), {
        zip.entries[zip.n++] = (struct raw_entry){.name = "second.txt"};
        twin.entries[twin.n++] = (struct raw_entry){.name = "META-INF/more"};
    });
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
        cmocka_unit_test(asic__refuses_an_untrue_mimetype),
        cmocka_unit_test(asic__refuses_reserved_names_in_another_case),
        cmocka_unit_test(asic__refuses_what_holds_nothing_to_judge),
        cmocka_unit_test(asic__refuses_an_asic_s_that_is_ambiguous),
        cmocka_unit_test(asic__refuses_a_manifest_with_doubled_empty_or_escaping_paths),
        cmocka_unit_test(asic__refuses_manifests_that_are_none),
        cmocka_unit_test(asic__refuses_matters_of_form_when_asked_to_be_strict),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
