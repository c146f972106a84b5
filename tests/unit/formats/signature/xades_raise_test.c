/* Signatures raised level by level, in files of ours and of others, are judged at the level
 * meant; nothing that was in the file changes. */
#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/signature/xades_raise.h"
#include "tests/support/ades.h"
#include "tests/support/tools.h"
#include <glob.h>

#define SIGNED (VS_PKI_EPOCH + VS_DAY_MS)
#define LETTER "<l:Letter xmlns:l=\"urn:test\"><To>Bakı</To><Empty></Empty></l:Letter>"

static struct vs_pki *pki;

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    assert_ok(vs_formats_init(&err));
    pki = vs_pki_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_pki_free(pki);
    vs_formats_done();
    return 0;
}

static struct vs_bytes sign(void)
{
    struct vs_error err;
    struct vs_xades_signer *signer;
    struct vs_xades_draft *draft;
    struct vs_signature_value value;
    struct vs_bytes ret;
    struct vs_xades_options options = {.signing_time = SIGNED,
                                       .document = VS_BYTES_LITERAL(LETTER)};
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 20);
    assert_ok(vs_xades_signer_new(&pki->person.certificate, 1, VS_ECDSA_SHA256, &signer, &err));
    assert_ok(vs_xades_prepare(pki->arena, signer, &options, &draft, &err));
    assert_ok(vs_key_sign_message(pki->person.key, VS_ECDSA_SHA256,
                                  vs_xades_draft_message(draft), VS_SIGNATURE_RAW, &value,
                                  &err));
    assert_ok(vs_xades_set_value(draft, vs_signature_bytes(&value), &err));
    assert_ok(vs_xades_write(draft, &out, &err));
    vs_xades_signer_free(signer);
    assert_ok(vs_buffer_copy(&out, pki->arena, &ret, &err));
    return ret;
}

static struct vs_bytes raise(struct vs_bytes text, const struct vs_xades_file *file,
                             const struct vs_xades_raising *raising)
{
    struct vs_error err;
    struct vs_bytes ret;
    VS_BUFFER out;
    vs_buffer_init(&out, text.len + (1 << 20));
    assert_ok(vs_xades_raise(text, file, 0, raising, &out, &err));
    assert_ok(vs_buffer_copy(&out, pki->arena, &ret, &err));
    return ret;
}

static struct vs_bytes mark(struct vs_bytes text, vs_time_ms at)
{
    struct vs_error err;
    struct vs_digest imprint;
    VS_XADES *file = NULL;
    assert_ok(vs_xades_read(text, NULL, &file, &err));
    assert_ok(vs_xades_mark_imprint(&file->signatures[0], VS_SHA256, &imprint, &err));
    struct vs_xades_raising raising = {.time_mark = test_token(pki, NULL, &imprint, at)};
    return raise(text, file, &raising);
}

static struct vs_bytes add_data(struct vs_bytes text, vs_time_ms at)
{
    struct vs_error err;
    VS_XADES *file = NULL;
    struct vs_bytes ocsp[] = {test_ocsp(pki, &pki->person, NULL, at, VS_STATUS_GOOD, 0),
                              test_ocsp(pki, &pki->tsa, NULL, at, VS_STATUS_GOOD, 0)};
    struct vs_bytes certificates[] = {pki->authority.certificate, pki->tsa.certificate};
    struct vs_xades_validation_data data = {.certificates = certificates,
                                            .n_certificates = 2,
                                            .ocsp_responses = ocsp,
                                            .n_ocsp_responses = 2};
    struct vs_xades_raising raising = {.data = &data};
    assert_ok(vs_xades_read(text, NULL, &file, &err));
    return raise(text, file, &raising);
}

static struct vs_bytes archive(struct vs_bytes text, vs_time_ms at)
{
    struct vs_error err;
    struct vs_digest imprint;
    bool known;
    VS_XADES *file = NULL;
    assert_ok(vs_xades_read(text, NULL, &file, &err));
    assert_ok(vs_xades_archive_imprint(&file->signatures[0], NULL, &vs_xades_mark_c14n, false,
                                       VS_SHA256, NULL, &imprint, &known, &err));
    assert_true(known);
    struct vs_xades_raising raising = {.archive_mark = test_token(pki, NULL, &imprint, at)};
    return raise(text, file, &raising);
}

static const struct vs_report *judge(struct vs_arena *arena, struct vs_bytes text,
                                     vs_time_ms at, const char *level)
{
    const struct vs_report *r = test_judge(pki, arena, text, VS_BYTES_NONE, at);
    assert_int_equal(r->n_signatures, 1);
    const struct vs_signature_report *s = &r->signatures[0];
    if (s->verdict.indication != VS_PASSED)
        fail_msg("%s: %s", vs_sub_indication_text(s->verdict.sub),
                 s->errors.n > 0 ? s->errors.items[0].text : "");
    assert_string_equal(s->level_text, level);
    return r;
}

static void each_level_follows_from_the_one_before(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 25);
    vs_time_ms soon = SIGNED + VS_MINUTE_MS, late = SIGNED + 9 * 365 * VS_DAY_MS;
    struct vs_bytes b = sign();
    judge(arena, b, soon, "XAdES-B-B");
    struct vs_bytes t = mark(b, SIGNED + VS_SECOND_MS);
    judge(arena, t, soon, "XAdES-B-T");
    struct vs_bytes lt = add_data(t, SIGNED + 2 * VS_SECOND_MS);
    judge(arena, lt, late, "XAdES-B-LT");
    struct vs_bytes lta = archive(lt, SIGNED + 3 * VS_SECOND_MS);
    const struct vs_report *r = judge(arena, lta, late, "XAdES-B-LTA");
    assert_int_equal(r->n_timestamps, 2);
    assert_int_equal(r->timestamps[1].kind, VS_TIMESTAMP_ARCHIVE);
    assert_int_equal(r->timestamps[1].verdict.indication, VS_PASSED);
}

static void an_archive_mark_is_renewed_with_data_about_the_one_before(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 25);
    struct vs_bytes lta =
        archive(add_data(mark(sign(), SIGNED + 1000), SIGNED + 2000), SIGNED + 3000);
    struct vs_bytes again = add_data(lta, SIGNED + VS_DAY_MS);
    assert_non_null(memmem(again.ptr, again.len, "TimeStampValidationData", 23));
    struct vs_bytes renewed = archive(again, SIGNED + VS_DAY_MS + 1000);
    const struct vs_report *r =
        judge(arena, renewed, SIGNED + 9 * 365 * VS_DAY_MS, "XAdES-B-LTA");
    assert_int_equal(r->n_timestamps, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(r->timestamps[i].verdict.indication, VS_PASSED);
}

static void an_archive_mark_covers_what_was_there_before_it(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 25);
    struct vs_bytes lta =
        archive(add_data(mark(sign(), SIGNED + 1000), SIGNED + 2000), SIGNED + 3000);
    /* One certificate value, which nothing else protects, loses an octet's meaning. */
    uint8_t *value = memmem((uint8_t *)(uintptr_t)lta.ptr, lta.len, "CertificateValues ", 18);
    value = memmem(value, 4096, "EncapsulatedX509Certificate>", 28);
    assert_non_null(value);
    value[500] = value[500] == 'A' ? 'B' : 'A';
    const struct vs_report *r = test_judge(pki, arena, lta, VS_BYTES_NONE, SIGNED + VS_DAY_MS);
    assert_int_equal(r->timestamps[1].kind, VS_TIMESTAMP_ARCHIVE);
    assert_int_equal(r->timestamps[1].verdict.indication, VS_FAILED);
}

/* -- files of others ----------------------------------------------------------------------- */

static struct vs_bytes canonical(const struct vs_xml *xml, const struct vs_xml_node *node)
{
    struct vs_error err;
    struct vs_bytes ret;
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 24);
    assert_ok(vs_c14n_buffer(xml, node, &vs_xades_mark_c14n, &out, &err));
    assert_ok(vs_buffer_copy(&out, pki->arena, &ret, &err));
    return ret;
}

static bool try_one(const char *path)
{
    struct vs_error err;
    struct vs_bytes text = test_read(pki->arena, path);
    VS_XADES *before = NULL;
    if (!vs_ok(vs_xades_read(text, NULL, &before, &err)) || before->n_signatures == 0 ||
        before->signatures[0].refusal.code != VS_E_NONE ||
        !before->signatures[0].has_properties)
        return false;
    struct vs_digest imprint;
    vs_digest_of(VS_SHA256, text, &imprint);
    struct vs_xades_raising raising = {.time_mark = test_token(pki, NULL, &imprint, SIGNED)};
    struct vs_bytes raised = raise(text, before, &raising);
    VS_XADES *after = NULL;
    assert_ok(vs_xades_read(raised, NULL, &after, &err));
    const struct vs_xades *a = &before->signatures[0], *b = &after->signatures[0];
    assert_int_equal(b->n_timestamps, a->n_timestamps + 1);
    assert_bytes_equal(b->timestamps[b->n_timestamps - 1].tokens[0], raising.time_mark);
    assert_bytes_equal(a->dsig.signed_info, b->dsig.signed_info);
    assert_bytes_equal(canonical(a->dsig.xml, a->dsig.value_node),
                       canonical(b->dsig.xml, b->dsig.value_node));
    return true;
}

static void files_of_others_keep_what_they_had(void **state)
{
    (void)state;
    glob_t found;
    const char *folder = test_shared("corpus/xades");
    const char *pattern = folder == NULL ? "" : vs_arena_printf(pki->arena, "%s/*.xml", folder);
    if (folder == NULL || glob(pattern, 0, NULL, &found) != 0) {
        fprintf(stderr, "NOT RUN: no corpus at VASITE_SHARED\n");
        skip();
    }
    size_t tried = 0;
    for (size_t i = 0; i < found.gl_pathc; i++)
        tried += try_one(found.gl_pathv[i]);
    globfree(&found);
    assert_true(tried >= 5);
}

static void what_is_no_signature_of_this_form_is_refused(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bytes bad = VS_BYTES_LITERAL(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"></ds:Signature>");
    VS_XADES *file = NULL;
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 16);
    assert_ok(vs_xades_read(bad, NULL, &file, &err));
    struct vs_xades_raising raising = {.time_mark = VS_BYTES_LITERAL("x")};
    assert_int_not_equal(vs_xades_raise(bad, file, 0, &raising, &out, &err).code, VS_E_NONE);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_follows_from_the_one_before),
        cmocka_unit_test(an_archive_mark_is_renewed_with_data_about_the_one_before),
        cmocka_unit_test(an_archive_mark_covers_what_was_there_before_it),
        cmocka_unit_test(files_of_others_keep_what_they_had),
        cmocka_unit_test(what_is_no_signature_of_this_form_is_refused),
    };
    return cmocka_run_group_tests(tests, start, end);
}
