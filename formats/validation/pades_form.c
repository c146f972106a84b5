#include "formats/signature/ber.h"
#include "formats/signature/pdf.h"
#include "formats/validation/cades.h"
#include "formats/validation/stamps.h"

/* -- document time-stamps (EN 319 142-1, 5.4.3) -------------------------------------------- */

static vs_rc imprint_of_range(void *self, enum vs_digest_algorithm algorithm,
                              struct vs_digest *ret, bool *ret_known, struct vs_error *err)
{
    const struct vs_pdf_range *range = self;
    *ret_known = true;
    return vs_digest_source(algorithm, &range->source, ret, err);
}

/* The token without the zeros that pad Contents. */
static struct vs_bytes unpadded(struct vs_bytes padded)
{
    struct vs_ber ber = vs_ber_reader(padded);
    struct vs_bytes token = vs_ber_next(&ber).whole;
    for (const uint8_t *at = ber.at; at < ber.end; at++)
        if (*at != 0)
            return padded; /* something rides along: the token's reader refuses it */
    return ber.failed ? padded : token;
}

enum { MAX_COMPARED = 16 }; /* each comparison reads the whole file twice */

struct pdf_judge {
    struct vs_context *context;
    const struct vs_pdf *pdf;
    vs_time_ms
        poe[VS_PDF_MAX_SIGNATURES]; /* of each signature, by later document time-stamps */
    size_t archived; /* signatures before this one: a time mark over the store protects them */
};

static vs_rc judge_timestamp(struct pdf_judge *j, size_t i, struct vs_error *err)
{
    const struct vs_pdf_signature *s = &j->pdf->signatures[i];
    struct vs_pdf_range range;
    vs_pdf_range_init(&range, j->pdf, s);
    struct vs_stamp_subject subject = {imprint_of_range, &range};
    struct vs_stamp_options options = {
        .kind = VS_TIMESTAMP_DOCUMENT, .signature = -1, .poe = j->poe[i]};
    struct vs_timestamp_report *report;
    VS_TRY(vs_stamp_judge(j->context, unpadded(s->contents), &subject, &options, &report, NULL,
                          err));
    if (s->fault != NULL) {
        vs_verdict_worsen(&report->verdict, VS_FAILED, VS_SUB_FORMAT_FAILURE);
        vs_reason_add(j->context->arena, &report->errors, "EN 319 142-1, 5.4.3", "%s",
                      s->fault);
    }
    for (size_t k = 0; report->verdict.indication == VS_PASSED && k < i; k++)
        if (report->gen_time < j->poe[k])
            j->poe[k] = report->gen_time;
    return VS_OK;
}

/* -- signatures (EN 319 142-1, 5.3) -------------------------------------------------------- */

static bool known_filter(const char *name)
{
    return vs_text_equal(name, "/ETSI.CAdES.detached") ||
           vs_text_equal(name, "/adbe.pkcs7.detached");
}

/* Which level the store and the document time-stamps after a signature give it. */
static enum vs_level level_by_document(const struct pdf_judge *j, size_t i)
{
    bool later = false;
    for (size_t k = i + 1; k < j->pdf->n_signatures; k++)
        later |= j->pdf->signatures[k].timestamp;
    bool values = j->pdf->has_dss && j->pdf->n_ocsp + j->pdf->n_crls > 0;
    if (!values)
        return later ? VS_LEVEL_T : VS_LEVEL_NONE;
    return i < j->archived ? VS_LEVEL_LTA : VS_LEVEL_LT;
}

static void format_fault(struct pdf_judge *j, struct vs_cades_input *input,
                         enum vs_indication indication, enum vs_sub_indication sub,
                         const char *text)
{
    vs_verdict_worsen(&input->core, indication, sub);
    vs_reason_add(j->context->arena, &input->errors, "EN 319 142-1, 5.3", "%s", text);
}

static vs_rc judge_signature(struct pdf_judge *j, size_t i, struct vs_error *err)
{
    static const char *whole[] = {""};
    const struct vs_pdf_signature *s = &j->pdf->signatures[i];
    struct vs_error refusal = {0};
    const struct vs_cms *cms;
    const char *changes = NULL;
    struct vs_pdf_range range;
    vs_pdf_range_init(&range, j->pdf, s);
    struct vs_cms_content content = {.source = &range.source};
    struct vs_cades_input input = {.content = &content,
                                   .core = {VS_PASSED, VS_SUB_NONE},
                                   .signed_names = whole,
                                   .n_signed_names = 1,
                                   .claimed_time = s->signed_at,
                                   .poe = j->poe[i],
                                   .pades = true,
                                   .level_at_least = level_by_document(j, i)};
    if (s->fault != NULL)
        (void)vs_fail(&refusal, VS_E_SIGNATURE_FORM, "EN 319 142-1, 5.3", "%s", s->fault).code;
    else if (!vs_ok(vs_cms_decode(j->context->arena, s->contents, true, &cms, &refusal)) &&
             refusal.code == VS_E_NOMEM)
        return vs_fail_memory(err);
    if (refusal.code != VS_E_NONE)
        return vs_judge_unreadable(j->context, NULL, &refusal, err);
    if (!known_filter(s->sub_filter))
        format_fault(j, &input, VS_INDETERMINATE, VS_SUB_SIG_CONSTRAINTS_FAILURE,
                     "its SubFilter is not accepted here");
    if (cms->has_content)
        format_fault(j, &input, VS_FAILED, VS_SUB_FORMAT_FAILURE,
                     "the signature holds a content of its own");
    if (i < MAX_COMPARED)
        VS_TRY(vs_pdf_changes(j->pdf->file, s->covered, &changes, err));
    else
        changes = "too many signatures for their revisions to be compared";
    if (changes != NULL)
        format_fault(j, &input, VS_INDETERMINATE, VS_SUB_SIG_CONSTRAINTS_FAILURE, changes);
    return vs_judge_cades(j->context, cms, &input, err);
}

/* The last document time-stamp covers most: where its revision had no store, none had. */
static vs_rc find_archived(struct pdf_judge *j, struct vs_error *err)
{
    size_t i = j->pdf->n_signatures;
    bool had = false;
    while (i > 0 && !j->pdf->signatures[i - 1].timestamp)
        i--;
    if (i > 0 && j->pdf->has_dss)
        VS_TRY(vs_pdf_had_store(j->pdf->file, j->pdf->signatures[i - 1].covered, &had, err));
    j->archived = had ? i : 0;
    return VS_OK;
}

static void collect_store(struct vs_context *context, const struct vs_pdf *pdf)
{
    for (size_t i = 0; i < pdf->n_certificates; i++)
        vs_context_add_certificate(context, pdf->certificates[i], NULL);
    for (size_t i = 0; i < pdf->n_ocsp; i++)
        vs_context_add_ocsp(context, pdf->ocsp[i]);
    for (size_t i = 0; i < pdf->n_crls; i++)
        vs_context_add_crl(context, pdf->crls[i]);
}

vs_rc vs_judge_pdf(struct vs_context *context, struct vs_bytes file, struct vs_error *err)
{
    struct pdf_judge j = {.context = context};
    VS_TRY(vs_pdf_read(context->arena, file, &j.pdf, err));
    collect_store(context, j.pdf);
    VS_TRY(find_archived(&j, err));
    for (size_t i = 0; i < j.pdf->n_signatures; i++)
        j.poe[i] = vs_context_proved(context);
    for (size_t i = j.pdf->n_signatures; i-- > 0;)
        if (j.pdf->signatures[i].timestamp)
            VS_TRY(judge_timestamp(&j, i, err));
    for (size_t i = 0; i < j.pdf->n_signatures; i++)
        if (!j.pdf->signatures[i].timestamp)
            VS_TRY(judge_signature(&j, i, err));
    return VS_OK;
}
