#include "formats/evidence/evidence_record.h"
#include "formats/signature/pdf.h"
#include "formats/validation/cades.h"

#define TOKEN_MAX_BYTES ((size_t)1024 * 1024)
#define XML_MAX_BYTES   ((size_t)16 * 1024 * 1024)

const struct vs_policy *vs_policy_default(void)
{
    static const struct vs_policy neutral = {
        .name = "default",
        .freshness_ms = VS_DAY_MS,
        .revocation_required = true,
        .timestamp_revocation_required = true,
    };
    return &neutral;
}

/* -- one function for each form ------------------------------------------------------------ */

static vs_rc judge_zip(struct vs_context *context, struct vs_error *err)
{
    const struct vs_asic *asic = context->input->asic;
    if (asic == NULL)
        VS_TRY(vs_asic_open(context->arena, context->input->document, NULL, &asic, err));
    return vs_judge_asic(context, asic, err);
}

static vs_rc judge_xml(struct vs_context *context, struct vs_error *err)
{
    struct vs_bytes text;
    struct vs_box *box = NULL;
    VS_TRY(vs_source_all(context->input->document, context->arena, XML_MAX_BYTES, &text, err));
    if (context->input->n_contents > 0)
        VS_TRY(vs_box_of_contents(context->arena, context->input, &box, err));
    return vs_judge_xades(context, text, NULL, box, err);
}

static vs_rc judge_token(struct vs_context *context, struct vs_error *err)
{
    struct vs_bytes bytes;
    struct vs_box *box = NULL;
    VS_TRY(
        vs_source_all(context->input->document, context->arena, TOKEN_MAX_BYTES, &bytes, err));
    if (context->input->n_contents > 0)
        VS_TRY(vs_box_of_contents(context->arena, context->input, &box, err));
    return vs_judge_token(context, bytes, box, err);
}

static vs_rc judge_cms(struct vs_context *context, struct vs_error *err)
{
    struct vs_bytes bytes;
    struct vs_box *box = NULL;
    VS_TRY(
        vs_source_all(context->input->document, context->arena, VS_CMS_MAX_BYTES, &bytes, err));
    if (context->input->n_contents > 0)
        VS_TRY(vs_box_of_contents(context->arena, context->input, &box, err));
    return vs_judge_cades_file(context, bytes, box, err);
}

static vs_rc judge_record(struct vs_context *context, struct vs_error *err)
{
    struct vs_bytes bytes;
    struct vs_box *box = NULL;
    VS_TRY(vs_source_all(context->input->document, context->arena, VS_RECORD_MAX_BYTES, &bytes,
                         err));
    if (context->input->n_contents > 0)
        VS_TRY(vs_box_of_contents(context->arena, context->input, &box, err));
    return vs_judge_record_file(context, bytes, box, err);
}

static vs_rc judge_pdf(struct vs_context *context, struct vs_error *err)
{
    struct vs_bytes file;
    VS_TRY(
        vs_source_all(context->input->document, context->arena, VS_PDF_MAX_BYTES, &file, err));
    return vs_judge_pdf(context, file, err);
}

/* Data of a form without signatures: nothing to judge is no failure. */
static vs_rc judge_data(struct vs_context *context, struct vs_error *err)
{
    (void)context;
    (void)err;
    return VS_OK;
}

static vs_rc (*const judges[])(struct vs_context *context, struct vs_error *err) = {
    [VS_FORM_UNSIGNED] = judge_data,   [VS_FORM_ASIC_E] = judge_zip,
    [VS_FORM_ASIC_S] = judge_zip,      [VS_FORM_XML] = judge_xml,
    [VS_FORM_TIMESTAMP] = judge_token, [VS_FORM_CMS] = judge_cms,
    [VS_FORM_PDF] = judge_pdf,         [VS_FORM_EVIDENCE_RECORD] = judge_record,
};

/* -- the whole ----------------------------------------------------------------------------- */

static void worst(struct vs_verdict *whole, struct vs_verdict one)
{
    if (one.indication > whole->indication)
        *whole = one;
}

static void sum_up(struct vs_report *report)
{
    for (size_t i = 0; i < report->n_signatures; i++)
        worst(&report->verdict, report->signatures[i].verdict);
    if (report->n_signatures > 0)
        return;
    for (size_t i = 0; i < report->n_timestamps; i++)
        worst(&report->verdict, report->timestamps[i].verdict);
    for (size_t i = 0; i < report->n_evidence_records; i++)
        worst(&report->verdict, report->evidence_records[i].verdict);
}

static vs_rc copy_one(struct vs_arena *arena, struct vs_bytes der, struct vs_bytes *to,
                      size_t *n, struct vs_error *err)
{
    to[*n] = vs_bytes_copy(arena, der);
    return to[(*n)++].ptr == NULL ? vs_fail_memory(err) : VS_OK;
}

/* The pools as they were when the verdict stood: copies, because the pools go. */
static vs_rc collect(struct vs_context *context, struct vs_error *err)
{
    struct vs_arena *arena = context->arena;
    struct vs_material *m = &context->report->material;
    struct vs_bytes *all = vs_arena_make_n(arena, struct vs_bytes, 3 * VS_POOL_MAX);
    if (all == NULL)
        return vs_fail_memory(err);
    m->certificates = all;
    m->ocsp = all + VS_POOL_MAX;
    m->crls = all + 2 * (size_t)VS_POOL_MAX;
    for (size_t i = 0; i < context->n_certificates; i++)
        VS_TRY(copy_one(arena, context->certificates[i]->der, all, &m->n_certificates, err));
    for (size_t i = 0; i < context->n_ocsp; i++)
        VS_TRY(copy_one(arena, context->ocsp[i]->der, all + VS_POOL_MAX, &m->n_ocsp, err));
    for (size_t i = 0; i < context->n_crls; i++)
        VS_TRY(copy_one(arena, context->crls[i]->der, all + 2 * (size_t)VS_POOL_MAX, &m->n_crls,
                        err));
    return VS_OK;
}

vs_rc vs_validate(struct vs_arena *arena, const struct vs_validation_input *input,
                  const struct vs_report **ret, struct vs_error *err)
{
    struct vs_report *report = vs_arena_make(arena, struct vs_report);
    struct vs_context *context = vs_arena_alloc(arena, sizeof *context);
    if (report == NULL || context == NULL)
        return vs_fail_memory(err);
    report->at = input->at;
    if (input->asic != NULL)
        report->form = VS_FORM_ASIC_E;
    else
        VS_TRY(vs_document_form_of(input->document, &report->form, err));
    size_t form = report->form;
    if (form >= sizeof judges / sizeof *judges || judges[form] == NULL)
        return vs_fail(err, VS_E_SIGNATURE_FORM, NULL, "%s is not judged by this build",
                       vs_document_form_text(report->form));
    vs_context_init(context, arena, input, report);
    vs_rc rc = judges[form](context, err);
    if (vs_ok(rc) && input->collect)
        rc = collect(context, err);
    vs_context_done(context);
    VS_TRY(rc);
    sum_up(report);
    *ret = report;
    return VS_OK;
}
