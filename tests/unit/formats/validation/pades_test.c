/* PDFs signed with the openssl program: byte ranges and later revisions. */
#include "tests/unit/unit.h"
#include "formats/formats.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/validation.h"
#include "tests/support/openssl.h"
#include <stdlib.h>

enum { HOLE = 4096 }; /* hexadecimal digits of Contents */

static struct vs_trust *trust;
static struct vs_arena *arena;
static vs_time_ms now;

static void put_object(struct vs_buffer *pdf, size_t *offsets, int number, const char *text)
{
    offsets[number] = pdf->len;
    vs_buffer_printf(pdf, "%d 0 obj\n%s\nendobj\n", number, text);
}

static void put_trailer(struct vs_buffer *pdf, const size_t *offsets, int n)
{
    size_t at = pdf->len;
    vs_buffer_printf(pdf, "xref\n0 %d\n0000000000 65535 f \n", n + 1);
    for (int i = 1; i <= n; i++)
        vs_buffer_printf(pdf, "%010zu 00000 n \n", offsets[i]);
    vs_buffer_printf(pdf, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", n + 1,
                     at);
}

/* A PDF of one page with the signature dictionary `range` and Contents of zeros. */
static struct vs_bytes unsigned_pdf(const size_t range[4])
{
    size_t offsets[6];
    char *zeros = vs_arena_alloc(arena, HOLE + 1);
    struct vs_bytes ret;
    struct vs_error err;
    VS_BUFFER pdf;
    vs_buffer_init(&pdf, 1 << 20);
    memset(zeros, '0', HOLE);
    vs_buffer_text(&pdf, "%PDF-1.7\n");
    put_object(&pdf, offsets, 1,
               "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/SigFlags 3>>>>");
    put_object(&pdf, offsets, 2, "<</Type/Pages/Kids[3 0 R]/Count 1>>");
    put_object(&pdf, offsets, 3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots[4 0 R]>>");
    put_object(&pdf, offsets, 4,
               "<</FT/Sig/T(s)/Type/Annot/Subtype/Widget/Rect[0 0 0 0]/V 5 0 R>>");
    put_object(&pdf, offsets, 5,
               vs_arena_printf(arena,
                               "<</Type/Sig/SubFilter/ETSI.CAdES.detached"
                               "/ByteRange[%06zu %06zu %06zu %06zu]/Contents<%s>>>",
                               range[0], range[1], range[2], range[3], zeros));
    put_trailer(&pdf, offsets, 5);
    assert_ok(vs_buffer_copy(&pdf, arena, &ret, &err));
    return ret;
}

/* Signed over the whole but its Contents; `widen` bytes more are left out before them. */
static struct vs_bytes signed_pdf(size_t widen)
{
    size_t range[4] = {0, 0, 0, 0};
    struct vs_bytes pdf = unsigned_pdf(range);
    const uint8_t *hole = memmem(pdf.ptr, pdf.len, "/Contents<", 10);
    assert_non_null(hole);
    size_t from = (size_t)(hole - pdf.ptr) + 9, to = from + HOLE + 2;
    range[1] = from - widen;
    range[2] = to;
    range[3] = pdf.len - to;
    pdf = unsigned_pdf(range);
    struct vs_bytes parts[2] = {VS_BYTES(pdf.ptr, range[1]), VS_BYTES(pdf.ptr + to, range[3])};
    VS_BUFFER content;
    vs_buffer_init(&content, 1 << 20);
    vs_buffer_add(&content, parts[0]);
    vs_buffer_add(&content, parts[1]);
    openssl_write("content", vs_buffer_view(&content));
    openssl_must("openssl cms -sign -binary -cades -md sha256 -in content -signer cert.pem "
                 "-inkey key.pem -outform DER -out s.der");
    struct vs_bytes der = openssl_file("s.der");
    char *hex = vs_hex_new(arena, der);
    assert_true(strlen(hex) <= HOLE);
    memcpy((uint8_t *)pdf.ptr + from + 1, hex, strlen(hex));
    return pdf;
}

static struct vs_verdict verdict_of(struct vs_bytes pdf)
{
    struct vs_error err;
    struct vs_bytes_source source;
    const struct vs_report *report;
    vs_bytes_source_init(&source, pdf);
    struct vs_validation_input input = {.document = &source.source, .at = now, .trust = trust};
    assert_ok(vs_validate(arena, &input, &report, &err));
    assert_int_equal(report->form, VS_FORM_PDF);
    assert_int_equal(report->n_signatures, 1);
    return report->signatures[0].verdict;
}

static void a_whole_signed_file_passes_and_an_altered_one_fails(void **state)
{
    (void)state;
    struct vs_bytes pdf = signed_pdf(0);
    assert_int_equal(verdict_of(pdf).indication, VS_PASSED);
    uint8_t *box = memmem(pdf.ptr, pdf.len, "[0 0 9 9]", 9);
    box[5] = '8';
    assert_int_equal(verdict_of(pdf).indication, VS_FAILED);
    assert_int_equal(verdict_of(pdf).sub, VS_SUB_HASH_FAILURE);
}

/* Its value is right over what it covers: only the rule on ByteRange is in the way. */
static void a_range_that_leaves_out_more_than_contents_breaks_the_form(void **state)
{
    (void)state;
    struct vs_verdict v = verdict_of(signed_pdf(1));
    assert_int_equal(v.indication, VS_FAILED);
    assert_int_equal(v.sub, VS_SUB_FORMAT_FAILURE);
}

/* A later revision that replaces object `number` by `text`. */
static struct vs_bytes revised(struct vs_bytes pdf, int number, const char *text)
{
    const uint8_t *start = memmem(pdf.ptr, pdf.len, "startxref\n", 10);
    unsigned long previous = strtoul((const char *)start + 10, NULL, 10);
    struct vs_bytes ret;
    struct vs_error err;
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 20);
    vs_buffer_add(&out, pdf);
    size_t at = out.len;
    vs_buffer_printf(&out, "%d 0 obj\n%s\nendobj\n", number, text);
    size_t xref = out.len;
    vs_buffer_printf(&out,
                     "xref\n%d 1\n%010zu 00000 n \ntrailer\n<</Size 6/Root 1 0 R/Prev %lu>>\n"
                     "startxref\n%zu\n%%%%EOF\n",
                     number, at, previous, xref);
    assert_ok(vs_buffer_copy(&out, arena, &ret, &err));
    return ret;
}

static void a_revision_may_annotate_but_not_change_what_was_signed(void **state)
{
    (void)state;
    struct vs_bytes pdf = signed_pdf(0);
    struct vs_bytes same =
        revised(pdf, 3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots[4 0 R null]>>");
    assert_int_equal(verdict_of(same).indication, VS_PASSED);
    struct vs_bytes shadow =
        revised(pdf, 3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 8 9]/Annots[4 0 R]>>");
    assert_int_equal(verdict_of(shadow).indication, VS_INDETERMINATE);
    assert_int_equal(verdict_of(shadow).sub, VS_SUB_SIG_CONSTRAINTS_FAILURE);
}

static int start(void **state)
{
    struct vs_error err;
    (void)state;
    if (!vs_ok(vs_formats_init(&err)))
        return -1;
    openssl_must("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
                 "key.pem -out cert.pem -days 30 -subj '/CN=Signer' "
                 "-addext keyUsage=critical,nonRepudiation");
    arena = vs_arena_new((size_t)256 << 20);
    trust = vs_trust_new();
    if (!vs_ok(vs_trust_add_pem(trust, openssl_file("cert.pem"), false, &err)))
        return -1;
    now = vs_trust_certificates(trust)[0]->not_before + VS_HOUR_MS;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    vs_arena_free(arena);
    vs_trust_unref(trust);
    vs_certificate_cache_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_signed_file_passes_and_an_altered_one_fails),
        cmocka_unit_test(a_range_that_leaves_out_more_than_contents_breaks_the_form),
        cmocka_unit_test(a_revision_may_annotate_but_not_change_what_was_signed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
