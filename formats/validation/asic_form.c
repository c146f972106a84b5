#include "formats/validation/cades.h"

#define PROOF_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* -- form (EN 319 162-1, 4.3.3, 4.4.3) ----------------------------------------------------- */

struct rule {
    unsigned note;
    bool only_s; /* of an ASiC-S */
    const char *clause, *text;
};

/* Notes that break the form of every signature in the container; the others are warnings. */
static const struct rule rules[] = {
    {VS_ASIC_NOTE_NO_DATA, false, "EN 319 162-1, 4.2", "the container holds no data object"},
    {VS_ASIC_NOTE_S_SUBFOLDER, true, "EN 319 162-1, 4.3.3",
     "the data object of an ASiC-S does not lie in its root"},
    {VS_ASIC_NOTE_S_SEVERAL_DATA, true, "EN 319 162-1, 4.3.3",
     "an ASiC-S holds not exactly one data object"},
    {VS_ASIC_NOTE_S_SEVERAL_PROOFS, true, "EN 319 162-1, 4.3.3",
     "an ASiC-S holds more than one signature file"},
};
enum { RULES = sizeof rules / sizeof *rules };

static unsigned fatal_notes(const struct vs_asic *asic)
{
    unsigned fatal = 0;
    for (size_t i = 0; i < RULES; i++)
        if ((asic->notes & rules[i].note) != 0 && (!rules[i].only_s || asic->kind == VS_ASIC_S))
            fatal |= rules[i].note;
    return fatal;
}

static void judge_form(struct vs_context *context, const struct vs_asic *asic,
                       struct vs_box *box)
{
    unsigned fatal = fatal_notes(asic);
    for (size_t i = 0; i < RULES && box->format_fault == NULL; i++)
        if ((fatal & rules[i].note) != 0) {
            box->format_fault = rules[i].text;
            box->format_clause = rules[i].clause;
        }
    for (unsigned note = 1; note != 0 && note <= asic->notes; note <<= 1)
        if ((asic->notes & note & ~fatal) != 0)
            vs_reason_add(context->arena, &context->report->warnings, "EN 319 162-1, 4.2", "%s",
                          vs_asic_note_text((enum vs_asic_note)note));
}

/* -- signatures ---------------------------------------------------------------------------- */

/* A refusal of one proof's bytes is that proof's verdict; a failing disk is not. */
static vs_rc settle(struct vs_context *context, vs_rc rc, const char *file,
                    const struct vs_error *refusal, struct vs_error *err)
{
    if (vs_ok(rc))
        return VS_OK;
    enum vs_class class = vs_code_info(rc.code)->class;
    if (class == VS_CLASS_REFUSED || class == VS_CLASS_CALLER)
        return vs_judge_unreadable(context, file, refusal, err);
    *err = *refusal;
    return rc;
}

static vs_rc judge_cades_entry(struct vs_context *context, const struct vs_asic_entry *entry,
                               struct vs_box *box, const struct vs_manifests *manifests,
                               struct vs_error *err)
{
    struct vs_error refusal = {0};
    vs_rc rc = vs_judge_cades_entry(context, entry, box, manifests, &refusal);
    return settle(context, rc, entry->zip->name, &refusal, err);
}

static vs_rc judge_xades_entry(struct vs_context *context, const struct vs_asic_entry *entry,
                               struct vs_box *box, struct vs_error *err)
{
    struct vs_error refusal = {0};
    struct vs_bytes text;
    size_t before = context->report->n_signatures;
    vs_rc rc = vs_zip_read_all(box->asic->zip, entry->zip, context->arena, PROOF_MAX_BYTES,
                               &text, &refusal);
    if (vs_ok(rc))
        rc = vs_judge_xades(context, text, entry->zip->name, box, &refusal);
    VS_TRY(settle(context, rc, entry->zip->name, &refusal, err));
    if (context->report->n_signatures == before)
        vs_reason_add(context->arena, &context->report->warnings, "EN 319 162-1, 4.4.3",
                      "%s holds no signature", entry->zip->name);
    return VS_OK;
}

/* -- what is covered ----------------------------------------------------------------------- */

static vs_rc report_data(struct vs_context *context, const struct vs_box *box,
                         struct vs_error *err)
{
    struct vs_report *report = context->report;
    report->data = vs_arena_make_n(context->arena, struct vs_data_report, box->n_objects + 1);
    if (report->data == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < box->n_objects; i++) {
        const struct vs_box_object *o = &box->objects[i];
        if (!o->data)
            continue;
        report->data[report->n_data++] =
            (struct vs_data_report){.name = o->name,
                                    .size = o->entry != NULL ? o->entry->size : o->source->size,
                                    .covered = o->intact};
    }
    return VS_OK;
}

/* Without mimetype, two files of which one is unsigned are no ASiC-S (4.3.3), and an ASiC-E
 * only by guess: nothing in it is believed. */
static void break_form(struct vs_context *context)
{
    static const char text[] = "without mimetype, a container with an unsigned file is no ASiC";
    for (size_t i = 0; i < context->report->n_signatures; i++) {
        struct vs_signature_report *s = &context->report->signatures[i];
        if (s->verdict.indication == VS_FAILED)
            continue;
        s->verdict = (struct vs_verdict){VS_FAILED, VS_SUB_FORMAT_FAILURE};
        s->legal_class = s->legal_reach = VS_LEGAL_NONE;
        vs_reason_add(context->arena, &s->errors, "EN 319 162-1, 4.3.3", "%s", text);
    }
}

/* A file that no signature refers to would ride along as if it were signed. Only where there
 * are readable proofs at all: an unsigned container says so itself. */
static vs_rc check_unsigned_files(struct vs_context *context, const struct vs_box *box,
                                  struct vs_error *err)
{
    bool any = false;
    for (size_t i = 0; i < box->n_objects; i++)
        any |= box->objects[i].claimed;
    for (size_t i = 0; any && box->format_fault == NULL && i < box->n_objects; i++) {
        if (!box->objects[i].data || box->objects[i].claimed)
            continue;
        VS_REFUSE_IF(!context->policy->report_unsigned_files, err, VS_E_ASIC_UNSIGNED_FILE,
                     "EN 319 162-1, 4.4.3", "a data object is covered by no signature");
        if ((box->asic->notes & VS_ASIC_NOTE_NO_MIMETYPE) != 0)
            break_form(context);
        vs_verdict_worsen(&context->report->verdict, VS_INDETERMINATE,
                          VS_SUB_SIG_CONSTRAINTS_FAILURE);
        vs_reason_add(context->arena, &context->report->errors, "EN 319 162-1, 4.4.3",
                      "\"%s\" is covered by no signature", box->objects[i].name);
    }
    return VS_OK;
}

vs_rc vs_judge_asic(struct vs_context *context, const struct vs_asic *asic,
                    struct vs_error *err)
{
    struct vs_box *box;
    struct vs_manifests manifests;
    context->report->form = asic->kind == VS_ASIC_S ? VS_FORM_ASIC_S : VS_FORM_ASIC_E;
    VS_TRY(vs_box_of_asic(context->arena, asic, &box, err));
    VS_TRY(vs_manifests_read(context->arena, asic, &manifests, err));
    judge_form(context, asic, box);
    /* First what proves the existence of whole files, then the signatures in them. */
    VS_TRY(vs_judge_container_stamps(context, box, &manifests, err));
    VS_TRY(vs_judge_container_records(context, box, &manifests, err));
    for (size_t i = 0; i < asic->n_entries; i++) {
        const struct vs_asic_entry *entry = &asic->entries[i];
        if (entry->role == VS_ASIC_XADES)
            VS_TRY(judge_xades_entry(context, entry, box, err));
        else if (entry->role == VS_ASIC_CADES)
            VS_TRY(judge_cades_entry(context, entry, box, &manifests, err));
    }
    VS_TRY(check_unsigned_files(context, box, err));
    return report_data(context, box, err);
}
