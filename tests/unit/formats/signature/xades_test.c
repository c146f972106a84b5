/* Reading: what we made, and what others made (the corpus, with openssl's word on each value
 * and the time marks' own imprints). */
#include "tests/unit/unit.h"
#include "tests/support/forge.h"
#include "tests/support/tools.h"
#include "formats/formats.h"

#define EVIDENCE "<e:Evidence xmlns:e=\"urn:test\"><Text>a &amp; b</Text></e:Evidence>"

static struct vs_error err;
static struct vs_arena *arena;
static struct test_signer signer;

static int start(void **state)
{
    (void)state;
    arena = vs_arena_new(256 << 20);
    assert_ok(vs_formats_init(&err));
    test_signer_init(&signer, arena, VS_GENERATE_P256);
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_signer_done(&signer);
    vs_arena_free(arena);
    return 0;
}

static void what_we_make__is_read_back(void **state)
{
    (void)state;
    struct vs_xades_object object = {.name = "a b+c/ə.txt", .media_type = "text/plain"};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL(FORGE_OUTSIDE), &object.digest);
    struct vs_bytes token = VS_BYTES_LITERAL("a token"), der = VS_BYTES_LITERAL("some DER");
    struct vs_xades_validation_data data = {&der, 1, &der, 1, &der, 1};
    struct vs_xades_options o = {.signing_time = INT64_C(1795294008999),
                                 .objects = &object,
                                 .n_objects = 1,
                                 .claimed_role = "Direktor <əsas>"};
    struct vs_bytes file = test_sign(&signer, arena, &o, token, &data);
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(file, NULL, &read, &err));
    assert_true(read->in_container_form);
    assert_int_equal(read->n_signatures, 1);
    const struct vs_xades *x = &read->signatures[0];
    assert_int_equal(x->refusal.code, VS_E_NONE);
    assert_string_equal(vs_xades_level_text(x->level), "XAdES-B-LT");
    assert_int_equal(x->signing_time, INT64_C(1795294008000));
    assert_true(x->certificate_v2);
    assert_int_equal(x->n_certificate_references, 1);
    struct vs_digest digest;
    vs_digest_of(VS_SHA256, signer.certificate, &digest);
    assert_true(vs_digest_equal(&digest, &x->certificate_references[0].digest));
    assert_bytes_equal(x->dsig.certificates[0], signer.certificate);
    assert_int_equal(x->n_claimed_roles, 1);
    assert_string_equal(x->claimed_roles[0], "Direktor <əsas>");
    assert_int_equal(x->n_data_formats, 1);
    assert_string_equal(x->data_formats[0].media_type, "text/plain");
    assert_ptr_equal(x->data_formats[0].reference, &x->dsig.references[0]);
    assert_true(vs_bytes_is(x->dsig.references[0].name, "a b+c/ə.txt"));
    assert_int_equal(x->dsig.references[0].target, VS_DSIG_OUTSIDE);
    assert_int_equal(x->n_timestamps, 1);
    assert_bytes_equal(x->timestamps[0].tokens[0], token);
    assert_bytes_equal(x->certificates[0], der);
    assert_bytes_equal(x->ocsp_responses[0], der);
    assert_bytes_equal(x->crls[0], der);
    enum vs_code code;
    assert_int_equal(forge_judge(file, vs_key_public(signer.key), &code), FORGE_ACCEPTED);
}

static void imprint__is_what_the_maker_says(void **state)
{
    (void)state;
    struct vs_xades_options o = {.document = VS_BYTES_LITERAL(EVIDENCE)};
    struct vs_bytes file = test_sign(&signer, arena, &o, VS_BYTES_LITERAL("token"), NULL);
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(file, NULL, &read, &err));
    const struct vs_xades *x = &read->signatures[0];
    struct vs_digest made, found;
    bool known;
    assert_ok(vs_xades_written_imprint(file, VS_SHA256, &made, &err));
    assert_ok(vs_xades_imprint(x, &x->timestamps[0], VS_SHA256, NULL, &found, &known, &err));
    assert_true(known);
    assert_true(vs_digest_equal(&made, &found));
}

static void levels__follow_from_what_is_there(void **state)
{
    (void)state;
    struct vs_bytes der = VS_BYTES_LITERAL("DER");
    struct vs_xades_validation_data certificates = {.certificates = &der, .n_certificates = 1};
    struct vs_xades_validation_data all = {&der, 1, &der, 1, NULL, 0};
    const struct {
        struct vs_bytes token;
        const struct vs_xades_validation_data *data;
        enum vs_xades_level level;
    } cases[] = {
        {VS_BYTES_NONE, NULL, VS_XADES_B},
        {VS_BYTES_NONE, &all, VS_XADES_B}, /* no time mark: nothing proves when */
        {der, NULL, VS_XADES_T},
        {der, &certificates, VS_XADES_T},
        {der, &all, VS_XADES_LT},
    };
    struct vs_xades_options o = {.document = VS_BYTES_LITERAL(EVIDENCE)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vs_bytes file = test_sign(&signer, arena, &o, cases[i].token, cases[i].data);
        VS_XADES *read = NULL;
        assert_ok(vs_xades_read(file, NULL, &read, &err));
        assert_int_equal(read->signatures[0].level, cases[i].level);
        assert_true(read->signatures[0].covers_document);
    }
}

static void one_bad_signature__does_not_hide_a_good_one(void **state)
{
    (void)state;
    struct vs_xades_object object = {.name = "a", .media_type = "text/plain"};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL(FORGE_OUTSIDE), &object.digest);
    struct vs_xades_options o = {.objects = &object, .n_objects = 1};
    struct vs_bytes file = test_sign(&signer, arena, &o, VS_BYTES_NONE, NULL);
    const char *text = (const char *)file.ptr, *at = strstr(text, "<ds:Signature ");
    char *two = vs_arena_printf(
        arena, "%.*s<ds:Signature xmlns:ds=\"" FORGE_DSIG "\"></ds:Signature>%s",
        (int)(at - text), text, at);
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(vs_bytes_text(two), NULL, &read, &err));
    assert_int_equal(read->n_signatures, 2);
    assert_int_equal(read->signatures[0].refusal.code, VS_E_XML);
    assert_int_equal(read->signatures[1].refusal.code, VS_E_NONE);
}

static void no_signature__is_no_failure(void **state)
{
    (void)state;
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(VS_BYTES_LITERAL("<a><b/></a>"), NULL, &read, &err));
    assert_int_equal(read->n_signatures, 0);
}

static void more_signatures__than_any_file_has_are_refused(void **state)
{
    (void)state;
    VS_BUFFER text;
    vs_buffer_init(&text, 1 << 20);
    vs_buffer_text(&text, "<a xmlns:d=\"" FORGE_DSIG "\">");
    for (int i = 0; i < 64; i++)
        vs_buffer_text(&text, "<d:Signature/>");
    struct vs_buffer more = {.max = 1 << 20};
    vs_buffer_add(&more, vs_buffer_view(&text));
    vs_buffer_text(&text, "</a>");
    vs_buffer_text(&more, "<d:Signature/></a>");
    VS_XADES *read = NULL;
    assert_fails(VS_E_SIGNATURE_FORM, vs_xades_read(vs_buffer_view(&more), NULL, &read, &err));
    assert_ok(vs_xades_read(vs_buffer_view(&text), NULL, &read, &err));
    assert_int_equal(read->n_signatures, 64);
    vs_buffer_done(&more);
}

/* -- the corpus ---------------------------------------------------------------------------- */

/* Reference states in order: i intact, a altered, - absent. */
static const struct {
    const char *path, *data, *level, *references;
    int value; /* 1 verifies, 0 does not, -1 no certificate in KeyInfo */
} corpus[] = {
    {"xades/TEST_ESTEID2018_XAdES_B_enveloping.xml", NULL, "XAdES-B-B", "ii", 1},
    {"xades/TEST_ESTEID2018_XAdES_LT_enveloping.xml", NULL, "XAdES-B-LT", "ii", 1},
    {"xades/TEST_ESTEID2018_XAdES_LTA_enveloping.xml", NULL, "XAdES-B-LTA", "ii", 1},
    {"xades/TEST_ESTEID2018_XAdES_LT_detached.xml", NULL, "XAdES-B-LT", "-i", 1},
    {"xades/xades-detached.xml", "xades/data/sample.xml", "XAdES-B-B", "ii", 1},
    {"xades/xades-detached.xml", "xades/data/sample.png", "XAdES-B-B", "ai", 1},
    {"xades/xades-detached.xml", NULL, "XAdES-B-B", "-i", 1},
    {"xades/xades-enveloped-arcTst132.xml", NULL, "XAdES-B-LTA", "iii", 1},
    {"xades/xades-invalid-reference.xml", NULL, NULL, "ii", 1},
    {"xades/dss1788-noCertProvided.xml", NULL, "XAdES-B-LT", "ii", -1},
    {"xmldsig/phaos-signature-rsa-enveloped.xml", NULL, NULL, "i", 1},
    {"xmldsig/phaos-signature-rsa-enveloped-bad-digest-val.xml", NULL, NULL, "a", 0},
    {"xmldsig/xmldsig11-signature-enveloping-p256_sha256.xml", NULL, NULL, "i", -1},
    {"attack/TSL-CY-sign.xml", NULL, "XAdES-B-B", "ii", 1},
    /* The manifest is signed, what it lists is not there. */
    {"attack/XSW-enveloping-fake-manifest.xml", NULL, "XAdES-B-B", "ii---", 1},
    {"evidence-record/X-E-ERS-two-parallel-ers-one-invalid.xml", NULL, "XAdES-B-B", "ii", 1},
    {"trust/EE_T.xml", NULL, "XAdES-B-B", "ii", 1},
    {"trust/EE-2023.xml", NULL, "XAdES-B-B", "ii", 1},
};

static int value_of(const struct vs_dsig *d)
{
    if (d->n_certificates == 0)
        return -1;
    VS_PUBLIC_KEY *key = test_certificate_key(d->certificates[0]);
    enum vs_signature_verdict verdict;
    assert_non_null(key);
    assert_ok(vs_dsig_check_value(d, key, &verdict, &err));
    return verdict == VS_SIGNATURE_VALID;
}

static void corpus__is_read_as_its_authors_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        const char *path = test_shared(vs_arena_printf(arena, "corpus/%s", corpus[i].path));
        if (path == NULL)
            skip();
        VS_XADES *read = NULL;
        assert_ok(vs_xades_read(test_read(arena, path), NULL, &read, &err));
        assert_int_equal(read->n_signatures, 1);
        const struct vs_xades *x = &read->signatures[0];
        struct vs_bytes_source data;
        struct vs_dsig_resolver resolver = {0};
        if (corpus[i].data != NULL) {
            const char *file = test_shared(vs_arena_printf(arena, "corpus/%s", corpus[i].data));
            vs_bytes_source_init(&data, test_read(arena, file));
            resolver = vs_dsig_resolver_of_source(&data.source);
        }
        char states[16] = "";
        for (size_t r = 0; r < x->dsig.n_references; r++) {
            enum vs_dsig_state s;
            assert_ok(vs_dsig_check_reference(
                &x->dsig, r, corpus[i].data == NULL ? NULL : &resolver, &s, &err));
            assert_true(r + 1 < sizeof states);
            states[r] = s == VS_DSIG_INTACT ? 'i' : s == VS_DSIG_ALTERED ? 'a' : '-';
        }
        if (strcmp(states, corpus[i].references) != 0 ||
            value_of(&x->dsig) != corpus[i].value ||
            !vs_text_equal(vs_xades_level_text(x->level), corpus[i].level))
            fail_msg("%s: references %s, value %d, level %s", corpus[i].path, states,
                     value_of(&x->dsig), vs_xades_level_text(x->level));
    }
}

/* Signature time marks of the corpus carry the imprint that we compute. */
static void corpus__time_marks_carry_our_imprint(void **state)
{
    (void)state;
    static const char *const files[] = {"corpus/xades/TEST_ESTEID2018_XAdES_LT_detached.xml",
                                        "corpus/xades/TEST_ESTEID2018_XAdES_LTA_enveloping.xml",
                                        "corpus/evidence-record/data/valid-xades-t.xml",
                                        "corpus/xades/xades-enveloped-arcTst132.xml"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = test_shared(files[i]);
        if (path == NULL)
            skip();
        VS_XADES *read = NULL;
        assert_ok(vs_xades_read(test_read(arena, path), NULL, &read, &err));
        const struct vs_xades *x = &read->signatures[0];
        const struct vs_xades_timestamp *t = &x->timestamps[0];
        assert_int_equal(t->kind, VS_XADES_TS_SIGNATURE);
        bool carried = false, known;
        for (enum vs_digest_algorithm a = VS_SHA1; a <= VS_SHA512; a++) {
            struct vs_digest digest;
            assert_ok(vs_xades_imprint(x, t, a, NULL, &digest, &known, &err));
            carried |=
                memmem(t->tokens[0].ptr, t->tokens[0].len, digest.bytes, digest.len) != NULL;
        }
        assert_true(carried);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_make__is_read_back),
        cmocka_unit_test(imprint__is_what_the_maker_says),
        cmocka_unit_test(levels__follow_from_what_is_there),
        cmocka_unit_test(one_bad_signature__does_not_hide_a_good_one),
        cmocka_unit_test(no_signature__is_no_failure),
        cmocka_unit_test(more_signatures__than_any_file_has_are_refused),
        cmocka_unit_test(corpus__is_read_as_its_authors_say),
        cmocka_unit_test(corpus__time_marks_carry_our_imprint),
    };
    return cmocka_run_group_tests(tests, start, end);
}
