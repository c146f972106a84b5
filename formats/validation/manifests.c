#include "formats/validation/manifests.h"

static bool is_manifest(enum vs_asic_role role)
{
    return role == VS_ASIC_MANIFEST || role == VS_ASIC_ARCHIVE_MANIFEST ||
           role == VS_ASIC_EVIDENCE_RECORD_MANIFEST;
}

vs_rc vs_manifests_read(struct vs_arena *arena, const struct vs_asic *asic,
                        struct vs_manifests *ret, struct vs_error *err)
{
    struct vs_manifest_file *files =
        vs_arena_make_n(arena, struct vs_manifest_file, asic->n_entries + 1);
    if (files == NULL)
        return vs_fail_memory(err);
    *ret = (struct vs_manifests){files, 0};
    for (size_t i = 0; i < asic->n_entries; i++) {
        const struct vs_asic_entry *entry = &asic->entries[i];
        if (!is_manifest(entry->role))
            continue;
        files[ret->n].entry = entry;
        VS_TRY(vs_asic_manifest_read(arena, asic, entry, &files[ret->n].manifest, err));
        ret->n++;
    }
    return VS_OK;
}

const struct vs_manifest_file *vs_manifest_of(const struct vs_manifests *manifests,
                                              const struct vs_asic_entry *proof)
{
    for (size_t i = 0; i < manifests->n; i++)
        if (manifests->files[i].manifest->sig_reference == proof)
            return &manifests->files[i];
    return NULL;
}

bool vs_manifest_lists(const struct vs_asic_manifest *manifest,
                       const struct vs_asic_entry *entry)
{
    for (size_t i = 0; i < manifest->n_references; i++)
        if (manifest->references[i].entry == entry)
            return true;
    return false;
}

static vs_rc check_one(struct vs_context *context, struct vs_box *box,
                       const struct vs_asic_reference *r, struct vs_verdict *verdict,
                       struct vs_reasons *errors, struct vs_error *err)
{
    struct vs_digest digest;
    enum vs_digest_algorithm algorithm = vs_digest_by_uri(vs_bytes_text(r->digest_uri));
    struct vs_box_object *object =
        r->entry == NULL ? NULL : vs_box_find(box, vs_bytes_text(r->name));
    if (object == NULL) {
        vs_verdict_worsen(verdict, VS_INDETERMINATE, VS_SUB_SIGNED_DATA_NOT_FOUND);
        vs_reason_add(context->arena, errors, "EN 319 102-1, 5.2.7",
                      "\"%s\", which the manifest lists, is not at hand", r->uri);
        return VS_OK;
    }
    object->claimed = true;
    if (algorithm == VS_DIGEST_NONE) {
        vs_verdict_worsen(verdict, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE);
        vs_reason_add(context->arena, errors, "TS 119 312",
                      "the manifest's digest algorithm is not known here");
        return VS_OK;
    }
    VS_TRY(vs_box_digest(box, object, algorithm, &digest, err));
    if (vs_bytes_equal(vs_digest_bytes(&digest), r->digest)) {
        object->intact = true;
        return VS_OK;
    }
    vs_verdict_worsen(verdict, VS_FAILED, VS_SUB_HASH_FAILURE);
    vs_reason_add(context->arena, errors, "EN 319 102-1, 5.2.7",
                  "\"%s\" is not what the manifest lists", r->uri);
    return VS_OK;
}

vs_rc vs_manifest_check(struct vs_context *context, struct vs_box *box,
                        const struct vs_manifest_file *file, struct vs_verdict *verdict,
                        struct vs_reasons *errors, const char **names, size_t *n_names,
                        struct vs_error *err)
{
    for (size_t i = 0; i < file->manifest->n_references; i++) {
        const struct vs_asic_reference *r = &file->manifest->references[i];
        VS_TRY(check_one(context, box, r, verdict, errors, err));
        if (names != NULL)
            names[(*n_names)++] = r->name;
    }
    return VS_OK;
}
