/* Signature wrapping: signed nodes moved, doubled or shadowed. What is not refused must be told
 * truly: the reference's node is the signed one, and covers_document says whether the file as a
 * whole was signed. A plain xmlsec1 verification says OK to most of these. */
#include "tests/unit/unit.h"
#include "tests/support/forge.h"
#include "formats/formats.h"
#include "formats/signature/xades_make.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/validation.h"

#define C14N               FORGE_TRANSFORM(FORGE_C14N)
#define SIGNED(references) FORGE_SIGNATURE(FORGE_SIGNED_INFO(references), "")
#define TO_DATA            FORGE_REFERENCE("URI=\"#data\"", C14N)
#define DATA               "<pay Id=\"data\"><amount>100</amount></pay>"
#define EVIL               "<pay Id=\"evil\"><amount>999</amount></pay>"
#define NO_ID              "<pay><amount>999</amount></pay>"

#define DOCUMENT "<doc>" DATA SIGNED(TO_DATA) "</doc>"

/* A signature over "#data" up to where its KeyInfo belongs. */
#define OPEN(before)                                                                           \
    "<ds:Signature xmlns:ds=\"" FORGE_DSIG "\" Id=\"S\">" FORGE_SIGNED_INFO(                   \
        FORGE_REFERENCE("URI=\"#data\"", before C14N)) "<ds:SignatureValue>" FORGE_VALUE       \
                                                       "</ds:SignatureValue>"

static struct vs_error err;
static struct vs_arena *arena;
static struct test_signer signer, rsa;

static int start(void **state)
{
    (void)state;
    arena = vs_arena_new(256 << 20);
    assert_ok(vs_formats_init(&err));
    test_signer_init(&signer, arena, VS_GENERATE_P256);
    test_signer_init(&rsa, arena, VS_GENERATE_RSA3072);
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_signer_done(&signer);
    test_signer_done(&rsa);
    vs_arena_free(arena);
    return 0;
}

static const char *amount(const struct vs_xml_node *pay)
{
    const char *text;
    assert_ok(vs_xml_text(vs_xml_child(pay, "", "amount"), arena, &text, &err));
    return text;
}

/* Signed as `signed_text`, then moved around in `wrapped`, which has @ where the signature
 * goes. */
static void assert_wrapped_is_told(const char *signed_text, const char *wrapped)
{
    struct vs_bytes file = forge(arena, &signer, signed_text, VS_E_NONE);
    const char *begin = strstr((const char *)file.ptr, "<ds:Signature ");
    const char *stop = strstr(begin, "</ds:Signature>") + 15;
    const char *at = strchr(wrapped, '@');
    char *text = vs_arena_printf(arena, "%.*s%.*s%s", (int)(at - wrapped), wrapped,
                                 (int)(stop - begin), begin, at + 1);
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(vs_bytes_text(text), NULL, &read, &err));
    assert_int_equal(read->n_signatures, 1);
    const struct vs_xades *x = &read->signatures[0];
    assert_int_equal(x->refusal.code, VS_E_NONE);
    enum vs_code code;
    assert_int_equal(forge_judge(vs_bytes_text(text), vs_key_public(signer.key), &code),
                     FORGE_ACCEPTED);
    assert_false(x->covers_document);
    assert_string_equal(amount(x->dsig.references[0].node), "100");
}

static void wrapped_content__is_never_taken_for_the_signed_one(void **state)
{
    (void)state;
    const char *signed_text = "<doc>" DATA SIGNED(TO_DATA) "</doc>";
    assert_wrapped_is_told(signed_text, "<doc>" EVIL "<old>" DATA "</old>@</doc>");
    assert_wrapped_is_told(signed_text, "<doc>" NO_ID DATA "@</doc>");
    assert_wrapped_is_told(signed_text, "<doc>" EVIL "@" DATA "</doc>");
    assert_wrapped_is_told(signed_text, "<doc>" EVIL "<wrap>@</wrap><old>" DATA "</old></doc>");
    assert_wrapped_is_told(signed_text,
                           "<pay xmlns:o=\"urn:o\" o:Id=\"data\"><amount>999</amount>"
                           "<old>" DATA "</old>@</pay>");
}

static void a_wholly_signed_document__is_told_as_such(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "<doc>" NO_ID SIGNED(FORGE_REFERENCE(
            "URI=\"\"", FORGE_TRANSFORM(FORGE_DSIG "enveloped-signature") C14N)) "</doc>",
        "<doc Id=\"data\">" NO_ID SIGNED(FORGE_REFERENCE(
            "URI=\"#data\"", FORGE_TRANSFORM(FORGE_DSIG "enveloped-signature") C14N)) "</doc>",
    };
    for (int i = 0; i < 2; i++) {
        struct vs_bytes file = forge(arena, &signer, texts[i], VS_E_NONE);
        VS_XADES *read = NULL;
        assert_ok(vs_xades_read(file, NULL, &read, &err));
        assert_true(read->signatures[0].covers_document);
        assert_ptr_equal(read->signatures[0].dsig.references[0].node, vs_xml_root(read->xml));
    }
}

static void content_in_the_signature__must_be_signed_to_count(void **state)
{
    (void)state;
    static const struct {
        const char *references, *objects;
        bool covered;
    } cases[] = {
        {"", "<ds:Object>" NO_ID "</ds:Object>", false},
        {"", "<ds:Object/><ds:Object>text<o><p/></o></ds:Object>", false},
        {TO_DATA, "<ds:Object>" DATA "</ds:Object>", true},
        {TO_DATA, "<ds:Object>" DATA NO_ID "</ds:Object>", false},
        {TO_DATA, "<ds:Object>" DATA "</ds:Object><ds:Object>" NO_ID "</ds:Object>", false},
        {"", "<ds:Object><QualifyingProperties>" NO_ID "</QualifyingProperties></ds:Object>",
         false},
        {TO_DATA, "<ds:Object Id=\"data\">" NO_ID NO_ID "</ds:Object>", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = vs_arena_printf(
            arena,
            "<doc>" NO_ID "<ds:Signature xmlns:ds=\"" FORGE_DSIG
            "\">" FORGE_SIGNED_INFO(FORGE_REFERENCE(
                "URI=\"\"", FORGE_TRANSFORM(FORGE_DSIG "enveloped-signature")
                                C14N) "%s") "<ds:SignatureValue>" FORGE_VALUE
                                            "</ds:SignatureValue>%s</ds:Signature></doc>",
            cases[i].references, cases[i].objects);
        struct vs_bytes file = forge(arena, &signer, text, VS_E_NONE);
        VS_XADES *read = NULL;
        assert_ok(vs_xades_read(file, NULL, &read, &err));
        assert_int_equal(read->signatures[0].covers_document, cases[i].covered);
    }
}

static void references__into_the_document_are_bounded(void **state)
{
    (void)state;
    for (int n = 64; n <= 65; n++) {
        VS_BUFFER references;
        vs_buffer_init(&references, 1 << 20);
        for (int i = 0; i < n; i++)
            vs_buffer_text(&references, TO_DATA);
        char *text = vs_arena_printf(
            arena,
            "<doc>" DATA "<ds:Signature xmlns:ds=\"" FORGE_DSIG
            "\">" FORGE_SIGNED_INFO("%s") "<ds:SignatureValue>" FORGE_VALUE
                                          "</ds:SignatureValue></ds:Signature></doc>",
            (const char *)references.ptr);
        VS_XADES *read = NULL;
        assert_ok(vs_xades_read(vs_bytes_text(text), NULL, &read, &err));
        assert_int_equal(read->signatures[0].refusal.code, n > 64 ? VS_E_REFERENCE : VS_E_NONE);
    }
}

static void an_id_in_another_name_space__is_none(void **state)
{
    (void)state;
    struct vs_bytes file = forge(arena, &signer, DOCUMENT, VS_E_NONE);
    char *text = vs_arena_strdup(arena, (const char *)file.ptr);
    char *at = strstr(text, "<pay Id=");
    char *moved = vs_arena_printf(arena, "%.*s<pay xmlns:o=\"urn:o\" o:Id=%s", (int)(at - text),
                                  text, at + 8);
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(vs_bytes_text(moved), NULL, &read, &err));
    enum vs_dsig_state reference;
    assert_ok(vs_dsig_check_reference(&read->signatures[0].dsig, 0, NULL, &reference, &err));
    assert_int_equal(reference, VS_DSIG_ABSENT);
}

static void a_signature_within_a_signature__is_not_one_of_the_file(void **state)
{
    (void)state;
    struct vs_bytes inner = forge(arena, &signer, DOCUMENT, VS_E_NONE);
    char *outer = vs_arena_printf(arena,
                                  "<ds:Signature xmlns:ds=\"" FORGE_DSIG "\"><ds:Object>%s"
                                  "</ds:Object></ds:Signature>",
                                  (const char *)inner.ptr);
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(vs_bytes_text(outer), NULL, &read, &err));
    assert_int_equal(read->n_signatures, 1);
    assert_int_equal(read->signatures[0].refusal.code, VS_E_SIGNATURE_FORM);
}

static bool in_repeated_prefix(const char *at)
{
    const char *name = at;
    while (*name != ' ' && *name != '<')
        name--;
    return strncmp(name + 1, "xmlns:", 6) == 0 && at < strchr(name, '=') && at > name + 6;
}

static void each_altered_byte__of_a_signed_file_is_noticed(void **state)
{
    (void)state;
    struct vs_xades_options o = {.document =
                                     VS_BYTES_LITERAL("<e:E xmlns:e=\"urn:e\"><a>1</a></e:E>")};
    struct vs_bytes good = test_sign(&signer, arena, &o, VS_BYTES_NONE, NULL);
    enum vs_code code;
    assert_int_equal(forge_judge(good, vs_key_public(signer.key), &code), FORGE_ACCEPTED);
    uint8_t *bytes = (uint8_t *)(uintptr_t)good.ptr;
    const char *key_info = strstr((const char *)good.ptr, "<ds:KeyInfo>");
    const char *object = strstr((const char *)good.ptr, "<ds:Object>");
    const char *value_id = strstr((const char *)good.ptr, "Id=\"S0-V\"");
    for (size_t i = 0; i < good.len; i++) {
        const char *at = (const char *)bytes + i;
        /* Not signed: certificates (SigningCertificateV2 names the one), the value's own Id,
         * and the prefix of a declaration that repeats one around it. */
        if ((at >= key_info && at < object) || (at >= value_id && at < value_id + 9) ||
            (i > 60 && in_repeated_prefix(at)))
            continue;
        uint8_t was = bytes[i];
        bytes[i] = was ^ 1;
        VS_XADES *read = NULL;
        bool accepted = vs_ok(vs_xades_read(good, NULL, &read, &err)) &&
                        read->n_signatures == 1 && read->signatures[0].has_properties &&
                        read->signatures[0].covers_document &&
                        forge_judge(good, vs_key_public(signer.key), &code) == FORGE_ACCEPTED;
        bytes[i] = was;
        if (accepted)
            fail_msg("byte %zu (%.20s) can change", i, at);
    }
}

/* What the whole validation makes of a file, with the signer's certificate as the anchor. */
static struct vs_verdict validate(const char *text, bool report_only)
{
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, vs_bytes_text(text));
    VS_TRUST *trust = vs_trust_new();
    struct vs_policy policy = *vs_policy_default();
    policy.report_unsigned_files = report_only;
    assert_ok(vs_trust_add_pem(trust, test_signer_pem(&signer, arena), false, &err));
    struct vs_validation_input input = {.document = &source.source,
                                        .name = "a.xml",
                                        .at = INT64_C(1795294008000),
                                        .policy = &policy,
                                        .trust = trust};
    const struct vs_report *report;
    assert_ok(vs_validate(arena, &input, &report, &err));
    assert_int_equal(report->n_signatures, 1);
    return report->signatures[0].verdict;
}

static void a_wrapped_document__never_passes_as_a_whole(void **state)
{
    (void)state;
    char *key_info = vs_arena_printf(arena,
                                     "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s"
                                     "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
                                     vs_base64_new(arena, signer.certificate));
    char *whole =
        vs_arena_printf(arena,
                        "<pay Id=\"data\"><amount>100</amount>%s%s"
                        "</ds:Signature></pay>",
                        OPEN(FORGE_TRANSFORM(FORGE_DSIG "enveloped-signature")), key_info);
    char *part = vs_arena_printf(arena, "<doc>" DATA NO_ID "%s%s</ds:Signature></doc>",
                                 OPEN(""), key_info);
    const char *good = (const char *)forge(arena, &signer, whole, VS_E_NONE).ptr;
    const char *wrapped = (const char *)forge(arena, &signer, part, VS_E_NONE).ptr;
    assert_int_equal(validate(good, false).indication, VS_PASSED);
    assert_int_equal(validate(wrapped, false).indication, VS_INDETERMINATE);
    assert_int_equal(validate(wrapped, false).sub, VS_SUB_SIG_CONSTRAINTS_FAILURE);
    /* `vasite verify` says what is signed and warns: its reader sees the report. */
    assert_int_equal(validate(wrapped, true).indication, VS_PASSED);
}

/* -- algorithms and values ----------------------------------------------------------------- */

/* `from` replaced by `to` in a signed file. */
static enum forge_outcome judge_changed(const char *text, const char *from, const char *to,
                                        enum vs_code *code)
{
    const char *at = strstr(text, from);
    assert_non_null(at);
    char *changed =
        vs_arena_printf(arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return forge_judge(vs_bytes_text(changed), vs_key_public(signer.key), code);
}

static void algorithms__that_are_no_signatures_are_refused(void **state)
{
    (void)state;
    static const char *const uris[] = {
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256#",
        "none",
        "",
    };
    const char *text = (const char *)forge(arena, &signer, DOCUMENT, VS_E_NONE).ptr;
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        enum vs_code code;
        assert_int_equal(judge_changed(text, FORGE_ECDSA, uris[i], &code), FORGE_REFUSED);
        assert_int_equal(code, VS_E_ALGORITHM);
        /* Alive: nothing but this check refuses it. It still proves nothing. */
        vs_check_disable(VS_E_ALGORITHM);
        enum forge_outcome outcome = judge_changed(text, FORGE_ECDSA, uris[i], &code);
        vs_check_disable(VS_E_NONE);
        assert_int_equal(outcome, FORGE_INVALID);
    }
    enum vs_code code;
    assert_int_equal(
        judge_changed(text, FORGE_SHA256, "http://www.w3.org/2001/04/xmldsig-more#md5", &code),
        FORGE_REFUSED);
    assert_int_equal(code, VS_E_ALGORITHM);
}

static void the_key__decides_the_algorithm(void **state)
{
    (void)state;
    enum vs_code code;
    struct vs_bytes file = forge(arena, &signer, DOCUMENT, VS_E_NONE);
    const char *text = (const char *)file.ptr;
    assert_int_equal(forge_judge(file, vs_key_public(rsa.key), &code), FORGE_INVALID);
    assert_int_equal(judge_changed(text, FORGE_ECDSA,
                                   "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", &code),
                     FORGE_INVALID);
    assert_int_equal(judge_changed(text, FORGE_ECDSA,
                                   "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
                                   &code),
                     FORGE_INVALID);
}

static void a_truncated_digest__is_refused(void **state)
{
    (void)state;
    struct vs_bytes file = forge(arena, &signer, DOCUMENT, VS_E_NONE);
    char *text = vs_arena_strdup(arena, (const char *)file.ptr);
    char *value = strstr(text, "<ds:DigestValue>") + 16;
    value[2] = value[3] = '='; /* one byte is left of it */
    memmove(value + 4, strstr(value, "</ds:"), strlen(strstr(value, "</ds:")) + 1);
    enum vs_code code;
    assert_int_equal(forge_judge(vs_bytes_text(text), vs_key_public(signer.key), &code),
                     FORGE_REFUSED);
    /* Base64 with stray bits is refused before, where the byte has some. */
    assert_true(code == VS_E_REFERENCE || code == VS_E_SYNTAX);
}

static void values__are_r_and_s_and_nothing_else(void **state)
{
    (void)state;
    struct vs_bytes file = forge(arena, &signer, DOCUMENT, VS_E_NONE);
    VS_XADES *read = NULL;
    assert_ok(vs_xades_read(file, NULL, &read, &err));
    struct vs_dsig d = read->signatures[0].dsig;
    uint8_t longer[65] = {0}, zero[64] = {0};
    memcpy(longer, d.value.ptr, 64);
    struct vs_signature_value der;
    assert_ok(vs_key_sign_message(signer.key, VS_ECDSA_SHA256, d.signed_info, VS_SIGNATURE_DER,
                                  &der, &err));
    const struct vs_bytes bad[] = {VS_BYTES(longer, 65), VS_BYTES(longer, 63),
                                   VS_BYTES(zero, 64), vs_signature_bytes(&der)};
    enum vs_signature_verdict verdict;
    assert_ok(vs_dsig_check_value(&d, vs_key_public(signer.key), &verdict, &err));
    assert_int_equal(verdict, VS_SIGNATURE_VALID);
    for (int i = 0; i < 4; i++) {
        d.value = bad[i];
        assert_ok(vs_dsig_check_value(&d, vs_key_public(signer.key), &verdict, &err));
        assert_int_not_equal(verdict, VS_SIGNATURE_VALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapped_content__is_never_taken_for_the_signed_one),
        cmocka_unit_test(a_wholly_signed_document__is_told_as_such),
        cmocka_unit_test(content_in_the_signature__must_be_signed_to_count),
        cmocka_unit_test(references__into_the_document_are_bounded),
        cmocka_unit_test(an_id_in_another_name_space__is_none),
        cmocka_unit_test(a_signature_within_a_signature__is_not_one_of_the_file),
        cmocka_unit_test(a_wrapped_document__never_passes_as_a_whole),
        cmocka_unit_test(each_altered_byte__of_a_signed_file_is_noticed),
        cmocka_unit_test(algorithms__that_are_no_signatures_are_refused),
        cmocka_unit_test(the_key__decides_the_algorithm),
        cmocka_unit_test(a_truncated_digest__is_refused),
        cmocka_unit_test(values__are_r_and_s_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, start, end);
}
