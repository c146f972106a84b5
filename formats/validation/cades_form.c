#include "formats/validation/cades.h"

#define CADES_MAX_BYTES VS_CMS_MAX_BYTES

vs_rc vs_judge_cades_file(struct vs_context *context, struct vs_bytes bytes, struct vs_box *box,
                          struct vs_error *err)
{
    static const char *whole[] = {""};
    const struct vs_cms *cms;
    VS_TRY(vs_cms_decode(context->arena, bytes, false, &cms, err));
    struct vs_cms_content content = {0};
    struct vs_cades_input input = {
        .content = &content, .core = {VS_PASSED, VS_SUB_NONE}, .claimed_time = VS_TIME_NONE};
    if (cms->has_content) {
        content.bytes = &cms->content;
        input.signed_names = whole;
        input.n_signed_names = 1;
    } else if (box != NULL && box->n_objects > 0) {
        content.box = box;
        content.object = &box->objects[0];
        input.signed_names = &box->objects[0].name;
        input.n_signed_names = 1;
    }
    return vs_judge_cades(context, cms, &input, err);
}

/* The one data object that an ASiC-S's signature covers. */
static struct vs_box_object *only_data(struct vs_box *box)
{
    struct vs_box_object *found = NULL;
    for (size_t i = 0; i < box->n_objects; i++)
        if (box->objects[i].data) {
            if (found != NULL)
                return NULL;
            found = &box->objects[i];
        }
    return found;
}

/* ASiC-E: the manifest is what is signed, and through it what it lists (EN 319 162-1, 4.4.3.2);
 * ASiC-S: the data object (4.3.3.2). */
static vs_rc find_content(struct vs_context *context, const struct vs_asic_entry *entry,
                          struct vs_box *box, const struct vs_manifests *manifests,
                          struct vs_cms_content *content, struct vs_cades_input *input,
                          struct vs_error *err)
{
    const struct vs_manifest_file *manifest = vs_manifest_of(manifests, entry);
    content->box = box;
    if (manifest == NULL) {
        content->object = box->asic->kind == VS_ASIC_S ? only_data(box) : NULL;
        if (content->object == NULL)
            return VS_OK;
        content->object->claimed = true;
        input->signed_names = &content->object->name;
        input->n_signed_names = 1;
        return VS_OK;
    }
    content->object = vs_box_find(box, vs_bytes_text(manifest->entry->zip->name));
    input->signed_names =
        vs_arena_make_n(context->arena, const char *, manifest->manifest->n_references + 1);
    if (input->signed_names == NULL)
        return vs_fail_memory(err);
    return vs_manifest_check(context, box, manifest, &input->core, &input->errors,
                             input->signed_names, &input->n_signed_names, err);
}

vs_rc vs_judge_cades_entry(struct vs_context *context, const struct vs_asic_entry *entry,
                           struct vs_box *box, const struct vs_manifests *manifests,
                           struct vs_error *err)
{
    struct vs_bytes bytes;
    const struct vs_cms *cms;
    VS_TRY(vs_zip_read_all(box->asic->zip, entry->zip, context->arena, CADES_MAX_BYTES, &bytes,
                           err));
    VS_TRY(vs_cms_decode(context->arena, bytes, false, &cms, err));
    struct vs_cms_content content = {0};
    struct vs_cades_input input = {.content = &content,
                                   .file = entry->zip->name,
                                   .core = {VS_PASSED, VS_SUB_NONE},
                                   .claimed_time = VS_TIME_NONE};
    struct vs_box_object *own = vs_box_find(box, vs_bytes_text(entry->zip->name));
    input.poe = own == NULL ? 0 : own->poe;
    if (box->format_fault != NULL) {
        vs_verdict_worsen(&input.core, VS_FAILED, VS_SUB_FORMAT_FAILURE);
        vs_reason_add(context->arena, &input.errors, box->format_clause, "%s",
                      box->format_fault);
    }
    VS_TRY(find_content(context, entry, box, manifests, &content, &input, err));
    size_t first = context->report->n_signatures;
    VS_TRY(vs_judge_cades(context, cms, &input, err));
    if (content.object != NULL && context->report->n_signatures > first &&
        context->report->signatures[first].verdict.indication != VS_FAILED)
        content.object->intact = true;
    return VS_OK;
}
