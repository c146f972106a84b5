/* What we add to a PDF is read by pdfsig and qpdf, which share no code with the writer, and
 * judged by formats/validation at the level meant. */
#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/signature/pdf_update.h"
#include "tests/support/ades.h"
#include <unistd.h>

#define SIGNED (VS_PKI_EPOCH + VS_DAY_MS)

static struct vs_pki *pki;
static const char *folder;

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    assert_ok(vs_formats_init(&err));
    pki = vs_pki_new();
    folder = vs_pki_folder(pki);
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_pki_free(pki);
    vs_formats_done();
    return 0;
}

/* Nothing for another reader to repair, and as many valid signatures as meant. */
static void expect_sound(struct vs_bytes file, unsigned signatures)
{
    const char *path = vs_pki_file(pki, folder, "signed.pdf", file);
    assert_int_equal(vs_pki_run(pki, "qpdf --check %s", path), 0);
    assert_int_equal(vs_pki_run(pki, "pdfsig -nocert %s >%s/pdfsig.txt", path, folder), 0);
    assert_int_equal(vs_pki_run(pki,
                                "test $(grep -c 'Signature is Valid' %s/pdfsig.txt) -eq %u",
                                folder, signatures),
                     0);
}

static void expect(struct vs_bytes file, enum vs_level level, const char *text, vs_time_ms at)
{
    VS_ARENA *arena = vs_arena_new(1 << 25);
    const struct vs_report *r = test_judge(pki, arena, file, VS_BYTES_NONE, at);
    assert_true(r->n_signatures > 0);
    const struct vs_signature_report *s = &r->signatures[0];
    if (s->verdict.indication != VS_PASSED)
        fail_msg("%s: %s", vs_sub_indication_text(s->verdict.sub),
                 s->errors.n > 0 ? s->errors.items[0].text : "");
    assert_int_equal(r->verdict.indication, VS_PASSED);
    assert_int_equal(s->level, level);
    assert_string_equal(s->level_text, text);
}

static const struct {
    enum vs_level level;
    const char *text;
    vs_time_ms later;
} levels[] = {{VS_LEVEL_B, "PAdES-B-B", VS_MINUTE_MS},
              {VS_LEVEL_T, "PAdES-B-T", VS_MINUTE_MS},
              {VS_LEVEL_LT, "PAdES-B-LT", 9 * 365 * VS_DAY_MS},
              {VS_LEVEL_LTA, "PAdES-B-LTA", 9 * 365 * VS_DAY_MS}};

static void each_level_passes_with_table_and_with_stream(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (int stream = 0; stream < 2; stream++) {
            struct test_ades o = {.level = levels[i].level, .signed_at = SIGNED};
            struct vs_bytes pdf = test_pdf(pki->arena, 3, stream != 0);
            struct vs_bytes file = test_pades(pki, &o, pdf);
            assert_memory_equal(file.ptr, pdf.ptr, pdf.len);
            expect_sound(file, 1);
            expect(file, levels[i].level, levels[i].text, SIGNED + levels[i].later);
        }
}

static void a_second_signature_leaves_the_first_as_it_is(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 25);
    struct test_ades o = {.level = VS_LEVEL_LTA, .signed_at = SIGNED};
    struct vs_bytes once = test_pades(pki, &o, test_pdf(pki->arena, 1, false));
    struct test_ades p = {
        .level = VS_LEVEL_LT, .signed_at = SIGNED + VS_HOUR_MS, .signer = &pki->organisation};
    struct vs_bytes twice = test_pades(pki, &p, once);
    expect_sound(twice, 2);
    const struct vs_report *r =
        test_judge(pki, arena, twice, VS_BYTES_NONE, SIGNED + 2 * VS_HOUR_MS);
    assert_int_equal(r->n_signatures, 2);
    assert_int_equal(r->verdict.indication, VS_PASSED);
}

static void a_changed_octet_is_seen(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 25);
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED};
    struct vs_bytes pdf = test_pdf(pki->arena, 1, false);
    struct vs_bytes file = test_pades(pki, &o, pdf);
    uint8_t *letter = memmem((uint8_t *)(uintptr_t)file.ptr, file.len, "A letter", 8);
    *letter = 'B';
    const struct vs_report *r = test_judge(pki, arena, file, VS_BYTES_NONE, SIGNED + 1);
    assert_int_equal(r->verdict.indication, VS_FAILED);
}

static void a_visible_field_shows_the_page_that_is_given(void **state)
{
    (void)state;
    struct vs_pades_visible visible = {.page = 1,
                                       .left = 50,
                                       .bottom = 60,
                                       .width = 200,
                                       .height = 80,
                                       .appearance = test_pdf(pki->arena, 1, true)};
    struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED, .visible = &visible};
    struct vs_bytes file = test_pades(pki, &o, test_pdf(pki->arena, 2, false));
    expect_sound(file, 1);
    expect(file, VS_LEVEL_B, "PAdES-B-B", SIGNED + VS_MINUTE_MS);
    /* The words stand on the page once more: its own and the field's. */
    const char *path = vs_pki_file(pki, folder, "visible.pdf", file);
    assert_int_equal(
        vs_pki_run(pki,
                   "pdftoppm -r 40 -png %s %s/visible && pdftoppm -r 40 -png -hide-annotations "
                   "%s %s/plain && ! cmp %s/visible-2.png %s/plain-2.png && "
                   "cmp %s/visible-1.png %s/plain-1.png",
                   path, folder, path, folder, folder, folder, folder, folder),
        0);
}

/* A form of another's making: one empty signature field, which is a widget of page 1. */
static struct vs_bytes pdf_with_field(void)
{
    struct vs_error err;
    VS_PDF_UPDATE u;
    assert_ok(vs_pdf_update_begin(&u, test_pdf(pki->arena, 1, false), 1 << 20, &err));
    int field = vs_pdf_update_id(&u);
    vs_pdf_update_object(&u, field, 0);
    vs_buffer_text(&u.out, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Direktor) /F 4 "
                           "/P 5 0 R /Rect [10 10 90 40] >>");
    vs_pdf_update_end(&u);
    vs_pdf_update_object(&u, 1, 0);
    vs_buffer_printf(
        &u.out, "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [%d 0 R] >> >>", field);
    vs_pdf_update_end(&u);
    assert_ok(vs_pdf_update_finish(&u, &err));
    VS_BUFFER whole;
    vs_buffer_init(&whole, 1 << 20);
    vs_buffer_add(&whole, u.file);
    vs_buffer_add(&whole, vs_buffer_view(&u.out));
    return vs_bytes_copy(pki->arena, vs_buffer_view(&whole));
}

static void an_empty_field_that_is_named_is_signed(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_pades_draft *draft;
    struct vs_bytes pdf = pdf_with_field();
    struct test_ades o = {.level = VS_LEVEL_LT, .signed_at = SIGNED, .field = "Direktor"};
    struct vs_bytes file = test_pades(pki, &o, pdf);
    expect_sound(file, 1);
    assert_int_equal(
        vs_pki_run(pki, "grep -q 'Signature Field Name: Direktor' %s/pdfsig.txt", folder), 0);
    expect(file, VS_LEVEL_LT, "PAdES-B-LT", SIGNED + VS_DAY_MS);
    struct vs_pades_options again = {.file = file, .signing_time = SIGNED, .field = "Direktor"};
    assert_fails(VS_E_STATE, vs_pades_prepare(pki->arena, &again, &draft, &err));
    /* Beside it, a field of another name is a new one. */
    o = (struct test_ades){.level = VS_LEVEL_B, .signed_at = SIGNED, .field = "Katib"};
    expect_sound(test_pades(pki, &o, pdf), 1);
}

static void what_forbids_changes_is_not_changed(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_pades_draft *draft;
    for (unsigned p = 1; p <= 3; p++) {
        struct test_ades o = {.level = VS_LEVEL_B, .signed_at = SIGNED, .certify = p};
        struct vs_bytes file = test_pades(pki, &o, test_pdf(pki->arena, 1, p == 2));
        expect_sound(file, 1);
        struct vs_pades_options next = {.file = file, .signing_time = SIGNED};
        vs_rc rc = vs_pades_prepare(pki->arena, &next, &draft, &err);
        assert_int_equal(rc.code, p == 1 ? VS_E_STATE : VS_E_NONE);
        next.time_mark = true;
        assert_ok(vs_pades_prepare(pki->arena, &next, &draft, &err));
        next = (struct vs_pades_options){.file = file, .signing_time = SIGNED, .certify = 2};
        assert_fails(VS_E_STATE, vs_pades_prepare(pki->arena, &next, &draft, &err));
    }
}

static struct vs_bytes made_by(const char *command, struct vs_bytes from)
{
    const char *in = vs_pki_file(pki, folder, "in.pdf", from);
    const char *out = vs_arena_printf(pki->arena, "%s/out.pdf", folder);
    assert_int_equal(vs_pki_run(pki, "qpdf %s %s %s", command, in, out), 0);
    FILE *file = fopen(out, "rb");
    assert_non_null(file);
    uint8_t *bytes = vs_arena_alloc(pki->arena, 1 << 20);
    size_t len = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return VS_BYTES(bytes, len);
}

static void files_of_another_writer_are_signed(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "--object-streams=generate", "--linearize",
        "--object-streams=disable --newline-before-endstream", "--qdf"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct test_ades o = {.level = VS_LEVEL_LTA, .signed_at = SIGNED};
        struct vs_bytes pdf = made_by(commands[i], test_pdf(pki->arena, 2, false));
        struct vs_bytes file = test_pades(pki, &o, pdf);
        expect_sound(file, 1);
        expect(file, VS_LEVEL_LTA, "PAdES-B-LTA", SIGNED + VS_DAY_MS);
    }
}

static void what_cannot_be_signed_is_refused_with_its_reason(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_pades_draft *draft;
    struct vs_bytes pdf = test_pdf(pki->arena, 1, false);
    struct vs_pades_options o = {.file = made_by("--encrypt \"\" owner 256 --", pdf),
                                 .signing_time = SIGNED};
    assert_fails(VS_E_SIGNATURE_FORM, vs_pades_prepare(pki->arena, &o, &draft, &err));
    assert_non_null(strstr(err.text, "encrypted"));
    o.file = VS_BYTES(pdf.ptr, pdf.len / 2);
    assert_fails(VS_E_SIGNATURE_FORM, vs_pades_prepare(pki->arena, &o, &draft, &err));
    o.file = VS_BYTES_LITERAL("no PDF");
    assert_fails(VS_E_SIGNATURE_FORM, vs_pades_prepare(pki->arena, &o, &draft, &err));
    VS_BUFFER moved;
    vs_buffer_init(&moved, pdf.len + 16);
    vs_buffer_text(&moved, "junk\n");
    vs_buffer_add(&moved, pdf);
    o.file = vs_buffer_view(&moved);
    assert_fails(VS_E_SIGNATURE_FORM, vs_pades_prepare(pki->arena, &o, &draft, &err));
    o = (struct vs_pades_options){.file = pdf, .signing_time = SIGNED, .field = "a.b"};
    assert_fails(VS_E_PARAMETER, vs_pades_prepare(pki->arena, &o, &draft, &err));
    struct vs_pades_visible beyond = {.page = 1, .appearance = pdf};
    o = (struct vs_pades_options){.file = pdf, .signing_time = SIGNED, .visible = &beyond};
    assert_fails(VS_E_PARAMETER, vs_pades_prepare(pki->arena, &o, &draft, &err));
}

static void contents_fit_into_the_room_or_are_refused(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_pades_draft *draft;
    struct vs_pades_options o = {
        .file = test_pdf(pki->arena, 1, false), .signing_time = SIGNED, .contents_room = 100};
    uint8_t der[101] = {0x30};
    assert_ok(vs_pades_prepare(pki->arena, &o, &draft, &err));
    assert_ok(vs_pades_set_contents(draft, VS_BYTES(der, 100), &err));
    assert_fails(VS_E_LIMIT, vs_pades_set_contents(draft, VS_BYTES(der, 101), &err));
}

static void validation_data_is_stored_once(void **state)
{
    (void)state;
    struct vs_error err;
    const struct vs_pdf *read;
    struct test_ades o = {.level = VS_LEVEL_LT, .signed_at = SIGNED};
    struct vs_bytes file = test_pades(pki, &o, test_pdf(pki->arena, 1, false)), update;
    struct vs_bytes certificates[] = {pki->authority.certificate, pki->root.certificate,
                                      pki->root.certificate};
    struct vs_pades_store store = {.certificates = certificates, .n_certificates = 3};
    assert_ok(vs_pades_add_store(pki->arena, file, &store, &update, &err));
    VS_BUFFER both;
    vs_buffer_init(&both, file.len + update.len);
    vs_buffer_add(&both, file);
    vs_buffer_add(&both, update);
    assert_ok(vs_pdf_read(pki->arena, vs_buffer_view(&both), &read, &err));
    assert_int_equal(read->n_certificates, 3);
    expect(vs_buffer_view(&both), VS_LEVEL_LT, "PAdES-B-LT", SIGNED + VS_DAY_MS);
    store.n_certificates = 1;
    assert_ok(vs_pades_add_store(pki->arena, file, &store, &update, &err));
    assert_int_equal(update.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_passes_with_table_and_with_stream),
        cmocka_unit_test(a_second_signature_leaves_the_first_as_it_is),
        cmocka_unit_test(a_changed_octet_is_seen),
        cmocka_unit_test(a_visible_field_shows_the_page_that_is_given),
        cmocka_unit_test(an_empty_field_that_is_named_is_signed),
        cmocka_unit_test(what_forbids_changes_is_not_changed),
        cmocka_unit_test(files_of_another_writer_are_signed),
        cmocka_unit_test(what_cannot_be_signed_is_refused_with_its_reason),
        cmocka_unit_test(contents_fit_into_the_room_or_are_refused),
        cmocka_unit_test(validation_data_is_stored_once),
    };
    return cmocka_run_group_tests(tests, start, end);
}
