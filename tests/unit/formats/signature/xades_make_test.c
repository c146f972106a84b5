/* What we sign is checked by xmlsec1 and xmllint: tools that share no code with the writer. */
#include "tests/unit/unit.h"
#include "tests/support/signing.h"
#include "tests/support/tools.h"
#include "formats/formats.h"
#include <stdlib.h>

#define EVIDENCE                                                                               \
    "<e:Evidence xmlns:e=\"urn:test\" id=\"x\"><Time>2026-11-21T20:46:48.123Z</Time>"          \
    "<Text>a &amp; b &lt; c</Text><Empty></Empty></e:Evidence>"

static struct vs_error err;
static struct vs_arena *arena;
static struct test_signer signers[4];

static int start(void **state)
{
    (void)state;
    arena = vs_arena_new(64 << 20);
    assert_ok(vs_formats_init(&err));
    for (int kind = 0; kind < 4; kind++)
        test_signer_init(&signers[kind], arena, (enum vs_key_kind)kind);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++)
        test_signer_done(&signers[kind]);
    vs_arena_free(arena);
    vs_formats_done();
    return 0;
}

static struct vs_xades_object objects[2];

static struct vs_xades_options detached(void)
{
    objects[0] =
        (struct vs_xades_object){.name = "Sənəd & \"1\".txt", .media_type = "text/plain"};
    objects[1] =
        (struct vs_xades_object){.name = "evidence.xml", .media_type = "application/xml"};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("salam"), &objects[0].digest);
    vs_digest_of(VS_SHA512, VS_BYTES_LITERAL("evidence"), &objects[1].digest);
    return (struct vs_xades_options){.signing_time = INT64_C(1795294008123),
                                     .objects = objects,
                                     .n_objects = 2,
                                     .claimed_role = "Direktor <əsas>"};
}

static struct vs_xades_options enveloped(void)
{
    return (struct vs_xades_options){.signing_time = INT64_C(1795294008123),
                                     .id = "seal",
                                     .document = VS_BYTES_LITERAL(EVIDENCE)};
}

static int xmlsec(const struct test_signer *signer, struct vs_bytes file)
{
    const char *path = test_file("signed.xml", file);
    const char *pem = test_file("signer.pem", test_signer_pem(signer, arena));
    return test_run("cd %s && xmlsec1 --verify --id-attr:Id "
                    "http://uri.etsi.org/01903/v1.3.2#:SignedProperties --trusted-pem %s %s",
                    test_folder(), pem, path);
}

static int xmllint(const char *schema, struct vs_bytes file)
{
    const char *path = test_file("valid.xml", file);
    return test_run("XML_CATALOG_FILES=%s xmllint --nonet --noout --schema %s %s",
                    test_shared("schemas/catalog.xml"), test_shared(schema), path);
}

static void enveloped__is_accepted_by_xmlsec1(void **state)
{
    (void)state;
    struct vs_xades_options o = enveloped();
    for (int kind = VS_GENERATE_P256; kind <= VS_GENERATE_RSA3072; kind++) {
        struct vs_bytes file = test_sign(&signers[kind], arena, &o, VS_BYTES_NONE, NULL);
        assert_int_equal(xmlsec(&signers[kind], file), 0);
    }
}

static void enveloped__altered_is_refused_by_xmlsec1(void **state)
{
    (void)state;
    struct vs_xades_options o = enveloped();
    struct vs_bytes file = test_sign(&signers[0], arena, &o, VS_BYTES_NONE, NULL);
    ((uint8_t *)(uintptr_t)file.ptr)[60] ^= 1; /* a digit of the time */
    assert_int_not_equal(xmlsec(&signers[0], file), 0);
}

static void detached__is_accepted_by_xmlsec1(void **state)
{
    (void)state;
    struct vs_xades_object one = {.name = "data.txt", .media_type = "text/plain"};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL("salam"), &one.digest);
    struct vs_xades_options o = {.signing_time = 0, .objects = &one, .n_objects = 1};
    test_file("data.txt", VS_BYTES_LITERAL("salam"));
    for (int kind = VS_GENERATE_P256; kind <= VS_GENERATE_RSA3072; kind++) {
        struct vs_bytes file = test_sign(&signers[kind], arena, &o, VS_BYTES_NONE, NULL);
        assert_int_equal(xmlsec(&signers[kind], file), 0);
    }
    test_file("data.txt", VS_BYTES_LITERAL("salaM"));
    struct vs_bytes file = test_sign(&signers[0], arena, &o, VS_BYTES_NONE, NULL);
    assert_int_not_equal(xmlsec(&signers[0], file), 0);
}

static void every_level__is_valid_by_the_schemas(void **state)
{
    (void)state;
    if (test_shared("schemas/catalog.xml") == NULL)
        skip();
    struct vs_bytes some = VS_BYTES_LITERAL("some DER");
    struct vs_xades_validation_data data = {&some, 1, &some, 1, &some, 1};
    struct vs_xades_options o = detached();
    struct vs_bytes b = test_sign(&signers[0], arena, &o, VS_BYTES_NONE, NULL);
    struct vs_bytes t = test_sign(&signers[0], arena, &o, some, NULL);
    struct vs_bytes lt = test_sign(&signers[0], arena, &o, some, &data);
    struct vs_bytes all[] = {b, t, lt};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(xmllint("schemas/en_31916201v010101.xsd", all[i]), 0);
        /* Its schema is lax about ds:Object: the properties by themselves, too. */
        const char *begin = strstr((const char *)all[i].ptr, "<xades:QualifyingProperties");
        const char *stop = strstr(begin, "</ds:Object>");
        char *part = vs_arena_printf(
            arena,
            "<xades:QualifyingProperties xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"%.*s",
            (int)(stop - begin) - 27, begin + 27);
        assert_int_equal(xmllint("schemas/XAdES01903v132-202407.xsd", vs_bytes_text(part)), 0);
    }
}

static void later__gives_the_same_file_as_at_once(void **state)
{
    (void)state;
    struct vs_bytes token = VS_BYTES_LITERAL("token"), der = VS_BYTES_LITERAL("der");
    struct vs_xades_validation_data data = {&der, 1, &der, 1, NULL, 0};
    struct vs_xades_options shapes[] = {detached(), enveloped()};
    for (int i = 0; i < 2; i++) {
        struct vs_xades_draft *d;
        assert_ok(vs_xades_prepare(arena, signers[0].xades, &shapes[i], &d, &err));
        assert_ok(vs_xades_set_value(d, VS_BYTES_LITERAL("any value"), &err));
        struct vs_digest now, then;
        vs_xades_draft_imprint(d, VS_SHA256, &now);
        VS_BUFFER b, t, lt, at_once;
        vs_buffer_init(&b, 1 << 20);
        vs_buffer_init(&t, 1 << 20);
        vs_buffer_init(&lt, 1 << 20);
        vs_buffer_init(&at_once, 1 << 20);
        assert_ok(vs_xades_write(d, &b, &err));
        assert_ok(vs_xades_written_imprint(vs_buffer_view(&b), VS_SHA256, &then, &err));
        assert_true(vs_digest_equal(&now, &then));
        assert_ok(vs_xades_extend(vs_buffer_view(&b), token, NULL, &t, &err));
        assert_ok(vs_xades_extend(vs_buffer_view(&t), VS_BYTES_NONE, &data, &lt, &err));
        vs_xades_set_timestamp(d, token);
        vs_xades_set_validation_data(d, &data);
        assert_ok(vs_xades_write(d, &at_once, &err));
        assert_bytes_equal(vs_buffer_view(&lt), vs_buffer_view(&at_once));
    }
}

static void the_same_options__give_the_same_bytes(void **state)
{
    (void)state;
    struct vs_xades_options o = detached();
    struct vs_xades_draft *a, *b;
    assert_ok(vs_xades_prepare(arena, signers[0].xades, &o, &a, &err));
    assert_ok(vs_xades_prepare(arena, signers[0].xades, &o, &b, &err));
    assert_bytes_equal(vs_xades_draft_message(a), vs_xades_draft_message(b));
}

static void what_cannot_be_signed__is_refused(void **state)
{
    (void)state;
    struct vs_xades_draft *d;
    struct vs_xades_options o = detached();
    o.document = VS_BYTES_LITERAL(EVIDENCE);
    assert_fails(VS_E_PARAMETER, vs_xades_prepare(arena, signers[0].xades, &o, &d, &err));
    o = (struct vs_xades_options){.signing_time = 0};
    assert_fails(VS_E_PARAMETER, vs_xades_prepare(arena, signers[0].xades, &o, &d, &err));
    static const char *const bad[] = {"<?xml version=\"1.0\"?><a></a>",
                                      "<a/>",
                                      "<a></b>",
                                      "<a></a>\n",
                                      "text",
                                      "<ab></a>",
                                      "<!-- --><a></a>",
                                      "</a></a></a>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o = enveloped();
        o.document = vs_bytes_text(bad[i]);
        assert_fails(VS_E_PARAMETER, vs_xades_prepare(arena, signers[0].xades, &o, &d, &err));
    }
    o = enveloped();
    o.id = "1x";
    assert_fails(VS_E_PARAMETER, vs_xades_prepare(arena, signers[0].xades, &o, &d, &err));
    o = detached();
    o.claimed_role = "a\nb";
    assert_fails(VS_E_PARAMETER, vs_xades_prepare(arena, signers[0].xades, &o, &d, &err));
    objects[1].digest.len = 0;
    o.claimed_role = NULL;
    assert_fails(VS_E_PARAMETER, vs_xades_prepare(arena, signers[0].xades, &o, &d, &err));
}

static void a_foreign_file__is_not_extended(void **state)
{
    (void)state;
    VS_BUFFER to;
    vs_buffer_init(&to, 1 << 20);
    struct vs_digest digest;
    struct vs_bytes foreign = VS_BYTES_LITERAL("<a><ds:Signature></ds:Signature></a>");
    assert_fails(VS_E_SIGNATURE_FORM,
                 vs_xades_extend(foreign, VS_BYTES_LITERAL("t"), NULL, &to, &err));
    assert_fails(VS_E_SIGNATURE_FORM,
                 vs_xades_written_imprint(foreign, VS_SHA256, &digest, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enveloped__is_accepted_by_xmlsec1),
        cmocka_unit_test(enveloped__altered_is_refused_by_xmlsec1),
        cmocka_unit_test(detached__is_accepted_by_xmlsec1),
        cmocka_unit_test(every_level__is_valid_by_the_schemas),
        cmocka_unit_test(later__gives_the_same_file_as_at_once),
        cmocka_unit_test(the_same_options__give_the_same_bytes),
        cmocka_unit_test(what_cannot_be_signed__is_refused),
        cmocka_unit_test(a_foreign_file__is_not_extended),
    };
    return cmocka_run_group_tests(tests, start, end);
}
