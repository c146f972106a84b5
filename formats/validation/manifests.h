/* manifests.h - ASiC manifests (EN 319 162-1, A.4): which proof covers which files through
 * them. */
#ifndef VS_FORMATS_VALIDATION_MANIFESTS_H
#define VS_FORMATS_VALIDATION_MANIFESTS_H
#include "formats/validation/box.h"

struct vs_manifest_file {
    const struct vs_asic_entry *entry;
    const struct vs_asic_manifest *manifest;
};
struct vs_manifests {
    const struct vs_manifest_file *files;
    size_t n;
};

/* All manifests of the container. Fails as vs_asic_manifest_read: a container with a broken one
 * is refused. */
VS_NODISCARD vs_rc vs_manifests_read(struct vs_arena *arena, const struct vs_asic *asic,
                                     struct vs_manifests *ret, struct vs_error *err);
/* The manifest whose SigReference is `proof`, or NULL. */
const struct vs_manifest_file *vs_manifest_of(const struct vs_manifests *manifests,
                                              const struct vs_asic_entry *proof);
bool vs_manifest_lists(const struct vs_asic_manifest *manifest,
                       const struct vs_asic_entry *entry);

/* Compare each file that the manifest lists with its digest: the worst of HASH_FAILURE and
 * SIGNED_DATA_NOT_FOUND joins `verdict`. Marks the box's objects as claimed and intact, appends
 * names to `names` (with room for all references; may be NULL). */
VS_NODISCARD vs_rc vs_manifest_check(struct vs_context *context, struct vs_box *box,
                                     const struct vs_manifest_file *file,
                                     struct vs_verdict *verdict, struct vs_reasons *errors,
                                     const char **names, size_t *n_names, struct vs_error *err);
#endif
