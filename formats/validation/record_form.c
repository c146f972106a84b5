#include "formats/evidence/xml_record.h"
#include "formats/validation/forms.h"
#include "formats/validation/stamps.h"

#define XML_OBJECT_BYTES ((size_t)16 * 1024 * 1024)

/* -- what a record covers ------------------------------------------------------------------ */

struct cover {
    struct vs_box *box;
    struct vs_box_object **objects;
    size_t n;
};

static vs_rc digest_of(void *context, size_t object, enum vs_digest_algorithm algorithm,
                       struct vs_digest *ret, struct vs_error *err)
{
    struct cover *cover = context;
    return vs_box_digest(cover->box, cover->objects[object], algorithm, ret, err);
}

/* -- its time marks ------------------------------------------------------------------------ */

/* The hash trees lead to the imprints already (vs_record_check): a token covers what it says.
 */
static vs_rc own_imprint(void *self, enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                         bool *ret_known, struct vs_error *err)
{
    const struct vs_timestamp *token = self;
    (void)algorithm;
    (void)err;
    *ret = token->imprint;
    *ret_known = true;
    return VS_OK;
}

struct walk {
    struct vs_context *context;
    size_t number; /* of the record's report */
    vs_time_ms poe;
    vs_time_ms first;
};

static struct vs_evidence_record_report *report_of(struct walk *w)
{
    return &w->context->report->evidence_records[w->number];
}

static vs_rc judge_token(struct walk *w, struct vs_bytes token, struct vs_error *err)
{
    const struct vs_timestamp *decoded;
    struct vs_error refusal = {0};
    struct vs_timestamp_report *stamp;
    struct vs_evidence_record_report *report = report_of(w);
    if (!vs_ok(vs_timestamp_decode(w->context->arena, token, &decoded, &refusal))) {
        vs_verdict_worsen(&report->verdict, VS_FAILED, VS_SUB_FORMAT_FAILURE);
        vs_reason_add_error(w->context->arena, &report->errors, &refusal);
        return VS_OK;
    }
    struct vs_stamp_subject subject = {own_imprint, (void *)decoded};
    struct vs_stamp_options options = {
        .kind = VS_TIMESTAMP_EVIDENCE_RECORD, .signature = -1, .poe = w->poe};
    VS_TRY(vs_stamp_judge(w->context, token, &subject, &options, &stamp, NULL, err));
    w->first = decoded->gen_time;
    if (stamp->verdict.indication == VS_PASSED) {
        w->poe = decoded->gen_time;
        return VS_OK;
    }
    vs_verdict_worsen(&report->verdict, stamp->verdict.indication, stamp->verdict.sub);
    vs_reason_add(w->context->arena, &report->errors, "RFC 4998, 5.3",
                  "a time mark of the record does not hold");
    return VS_OK;
}

/* From the newest to the oldest: each proves that the one before existed (RFC 4998, 5.3). */
static vs_rc judge_tokens(struct walk *w, const struct vs_record *record, struct vs_error *err)
{
    for (size_t c = record->n_chains; c-- > 0;)
        for (size_t s = record->chains[c].n; s-- > 0;)
            VS_TRY(judge_token(w, record->chains[c].stamps[s].token, err));
    return VS_OK;
}

/* -- the record ---------------------------------------------------------------------------- */

static void take_fault(struct walk *w, enum vs_record_fault fault)
{
    struct vs_evidence_record_report *report = report_of(w);
    if (fault == VS_RECORD_COVERED)
        return;
    if (fault == VS_RECORD_TIME_ORDER)
        vs_verdict_worsen(&report->verdict, VS_INDETERMINATE, VS_SUB_TIMESTAMP_ORDER_FAILURE);
    else
        vs_verdict_worsen(&report->verdict, VS_FAILED, VS_SUB_HASH_FAILURE);
    vs_reason_add(w->context->arena, &report->errors, "RFC 4998, 5.3", "%s",
                  vs_record_fault_text(fault));
}

static void not_at_hand(struct walk *w)
{
    struct vs_evidence_record_report *report = report_of(w);
    vs_verdict_worsen(&report->verdict, VS_INDETERMINATE, VS_SUB_SIGNED_DATA_NOT_FOUND);
    vs_reason_add(w->context->arena, &report->errors, "EN 319 102-1, 5.2.7",
                  "what the record covers is not at hand");
}

static vs_rc judge_cover(struct walk *w, const struct vs_record *record, struct cover *cover,
                         struct vs_error *err)
{
    struct vs_context *context = w->context;
    struct vs_record_result result;
    if (cover->n == 0) {
        not_at_hand(w);
        return VS_OK;
    }
    VS_TRY(vs_record_check(record, cover->n, digest_of, cover, context->arena, &result, err));
    take_fault(w, result.fault);
    return VS_OK;
}

/* RFC 4998, DER. */
static vs_rc judge_der(struct walk *w, struct vs_bytes der, struct cover *cover,
                       struct vs_error *err)
{
    const struct vs_record *record;
    VS_TRY(vs_record_decode(w->context->arena, der, &record, err));
    VS_TRY(judge_cover(w, record, cover, err));
    return judge_tokens(w, record, err);
}

static vs_rc bytes_of(void *context, size_t object, struct vs_arena *arena,
                      struct vs_bytes *ret, bool *ret_xml, struct vs_error *err)
{
    struct cover *cover = context;
    const struct vs_box_object *o = cover->objects[object];
    uint64_t size = o->entry != NULL ? o->entry->size : o->source->size;
    (void)arena;
    *ret_xml = size <= XML_OBJECT_BYTES;
    return *ret_xml ? vs_box_bytes(cover->box, o, XML_OBJECT_BYTES, ret, err) : VS_OK;
}

/* RFC 6283, XML. */
static vs_rc judge_xml(struct walk *w, struct vs_bytes text, struct cover *cover,
                       struct vs_error *err)
{
    struct vs_xml_record record;
    struct vs_xml_record_objects objects = {
        .context = cover, .n = cover->n, .digest = digest_of, .bytes = bytes_of};
    VS_TRY(vs_xml_record_check(w->context->arena, text, &objects, &record, err));
    if (cover->n == 0)
        not_at_hand(w);
    take_fault(w, record.fault);
    for (size_t i = record.n_tokens; i-- > 0;)
        VS_TRY(judge_token(w, record.tokens[i], err));
    return VS_OK;
}

/* What our reader does not know leaves the verdict open, what is broken fails. */
static vs_rc settle(struct walk *w, vs_rc rc, const struct vs_error *refusal,
                    struct vs_error *err)
{
    bool algorithm = rc.code == VS_E_ALGORITHM;
    enum vs_class class = vs_code_info(rc.code)->class;
    if (vs_ok(rc))
        return VS_OK;
    if (class != VS_CLASS_REFUSED && class != VS_CLASS_CALLER) {
        *err = *refusal;
        return rc;
    }
    vs_verdict_worsen(&report_of(w)->verdict, algorithm ? VS_INDETERMINATE : VS_FAILED,
                      algorithm ? VS_SUB_CRYPTO_CONSTRAINTS_FAILURE : VS_SUB_FORMAT_FAILURE);
    vs_reason_add_error(w->context->arena, &report_of(w)->errors, refusal);
    return VS_OK;
}

static vs_rc judge_record(struct vs_context *context, struct vs_bytes bytes,
                          struct cover *cover, struct vs_error *err)
{
    struct vs_error refusal = {0};
    struct walk w = {.context = context,
                     .number = context->report->n_evidence_records,
                     .poe = context->input->at,
                     .first = VS_TIME_NONE};
    struct vs_evidence_record_report *report = vs_context_new_record(context);
    if (report == NULL)
        return vs_fail_memory(err);
    report->verdict = (struct vs_verdict){VS_PASSED, VS_SUB_NONE};
    bool der = bytes.len > 0 && bytes.ptr[0] == 0x30;
    vs_rc rc =
        der ? judge_der(&w, bytes, cover, &refusal) : judge_xml(&w, bytes, cover, &refusal);
    VS_TRY(settle(&w, rc, &refusal, err));
    report_of(&w)->gen_time = w.first;
    bool passed = report_of(&w)->verdict.indication == VS_PASSED;
    for (size_t i = 0; i < cover->n; i++) {
        cover->objects[i]->claimed = true;
        cover->objects[i]->intact |= passed;
        if (passed && w.first < cover->objects[i]->poe)
            cover->objects[i]->poe = w.first;
    }
    return VS_OK;
}

vs_rc vs_judge_record_file(struct vs_context *context, struct vs_bytes bytes,
                           struct vs_box *box, struct vs_error *err)
{
    struct cover cover = {.box = box};
    if (box != NULL) {
        cover.objects =
            vs_arena_make_n(context->arena, struct vs_box_object *, box->n_objects + 1);
        if (cover.objects == NULL)
            return vs_fail_memory(err);
        for (size_t i = 0; i < box->n_objects; i++)
            cover.objects[cover.n++] = &box->objects[i];
    }
    return judge_record(context, bytes, &cover, err);
}

vs_rc vs_judge_embedded_record(struct vs_context *context, struct vs_bytes bytes,
                               struct vs_box *box, struct vs_box_object *const *objects,
                               size_t n, int signature, struct vs_error *err)
{
    struct cover cover = {.box = box, .n = n};
    size_t number = context->report->n_evidence_records;
    cover.objects = vs_arena_make_n(context->arena, struct vs_box_object *, n + 1);
    if (cover.objects == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        cover.objects[i] = objects[i];
    VS_TRY(judge_record(context, bytes, &cover, err));
    context->report->evidence_records[number].signature = signature;
    return VS_OK;
}

/* By manifest what it lists; without one the data object of an ASiC-S (EN 319 162-1, 4.3.3.4).
 */
static vs_rc find_cover(struct vs_context *context, struct vs_box *box,
                        const struct vs_manifest_file *manifest, struct cover *cover,
                        struct vs_error *err)
{
    cover->objects =
        vs_arena_make_n(context->arena, struct vs_box_object *, box->n_objects + 1);
    if (cover->objects == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < box->n_objects; i++) {
        struct vs_box_object *o = &box->objects[i];
        const struct vs_asic_entry *entry = vs_asic_find(box->asic, o->name);
        if (manifest != NULL ? vs_manifest_lists(manifest->manifest, entry) : o->data)
            cover->objects[cover->n++] = o;
    }
    return VS_OK;
}

vs_rc vs_judge_container_records(struct vs_context *context, struct vs_box *box,
                                 const struct vs_manifests *manifests, struct vs_error *err)
{
    const struct vs_asic *asic = box->asic;
    for (size_t i = 0; i < asic->n_entries; i++) {
        const struct vs_asic_entry *entry = &asic->entries[i];
        struct cover cover = {.box = box};
        struct vs_bytes bytes;
        if (entry->role != VS_ASIC_EVIDENCE_RECORD)
            continue;
        const struct vs_manifest_file *manifest = vs_manifest_of(manifests, entry);
        size_t number = context->report->n_evidence_records;
        VS_TRY(vs_zip_read_all(asic->zip, entry->zip, context->arena, VS_RECORD_MAX_BYTES,
                               &bytes, err));
        VS_TRY(find_cover(context, box, manifest, &cover, err));
        VS_TRY(judge_record(context, bytes, &cover, err));
        struct vs_evidence_record_report *report = &context->report->evidence_records[number];
        if (manifest != NULL)
            VS_TRY(vs_manifest_check(context, box, manifest, &report->verdict, &report->errors,
                                     NULL, NULL, err));
    }
    return VS_OK;
}
