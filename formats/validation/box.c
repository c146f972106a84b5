#include "formats/validation/box.h"

#define TRANSFORMED_MAX_BYTES ((size_t)16 * 1024 * 1024)

static vs_rc new_box(struct vs_arena *arena, size_t n, struct vs_box **ret,
                     struct vs_error *err)
{
    struct vs_box *box = vs_arena_make(arena, struct vs_box);
    if (box == NULL)
        return vs_fail_memory(err);
    box->arena = arena;
    box->objects = vs_arena_make_n(arena, struct vs_box_object, n + 1);
    *ret = box;
    return box->objects == NULL ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_box_of_asic(struct vs_arena *arena, const struct vs_asic *asic, struct vs_box **ret,
                     struct vs_error *err)
{
    VS_TRY(new_box(arena, asic->n_entries, ret, err));
    struct vs_box *box = *ret;
    box->asic = asic;
    for (size_t i = 0; i < asic->n_entries; i++) {
        const struct vs_asic_entry *entry = &asic->entries[i];
        if (entry->role != VS_ASIC_FOLDER)
            box->objects[box->n_objects++] =
                (struct vs_box_object){.name = entry->zip->name,
                                       .entry = entry->zip,
                                       .poe = INT64_MAX,
                                       .data = entry->role == VS_ASIC_DATA};
    }
    return VS_OK;
}

vs_rc vs_box_of_contents(struct vs_arena *arena, const struct vs_validation_input *input,
                         struct vs_box **ret, struct vs_error *err)
{
    VS_TRY(new_box(arena, input->n_contents, ret, err));
    struct vs_box *box = *ret;
    for (size_t i = 0; i < input->n_contents; i++)
        box->objects[box->n_objects++] = (struct vs_box_object){
            .name = input->contents[i].name, .source = input->contents[i].source, .data = true};
    box->any_name = input->n_contents == 1;
    return VS_OK;
}

struct vs_box_object *vs_box_find(struct vs_box *box, struct vs_bytes name)
{
    if (box->any_name)
        return &box->objects[0];
    for (size_t i = 0; i < box->n_objects; i++)
        if (box->objects[i].name != NULL && vs_bytes_is(name, box->objects[i].name))
            return &box->objects[i];
    return NULL;
}

static vs_rc add_chunk(void *context, struct vs_bytes chunk, struct vs_error *err)
{
    (void)err;
    vs_hasher_add(context, chunk);
    return VS_OK;
}

static vs_rc digest_now(struct vs_box *box, const struct vs_box_object *object,
                        enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                        struct vs_error *err)
{
    if (object->source != NULL)
        return vs_digest_source(algorithm, object->source, ret, err);
    VS_HASHER *hasher = vs_hasher_new(algorithm);
    VS_TRY(vs_zip_read(box->asic->zip, object->entry, add_chunk, hasher, err));
    vs_hasher_finish(hasher, ret);
    return VS_OK;
}

vs_rc vs_box_digest(struct vs_box *box, struct vs_box_object *object,
                    enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                    struct vs_error *err)
{
    size_t places = sizeof object->digests / sizeof object->digests[0];
    for (size_t i = 0; i < places; i++) {
        struct vs_digest *kept = &object->digests[i];
        if (kept->algorithm == VS_DIGEST_NONE)
            VS_TRY(digest_now(box, object, algorithm, kept, err));
        if (kept->algorithm == algorithm) {
            *ret = *kept;
            return VS_OK;
        }
    }
    return digest_now(box, object, algorithm, ret, err);
}

vs_rc vs_box_bytes(struct vs_box *box, const struct vs_box_object *object, size_t max_bytes,
                   struct vs_bytes *ret, struct vs_error *err)
{
    if (object->source != NULL)
        return vs_source_all(object->source, box->arena, max_bytes, ret, err);
    return vs_zip_read_all(box->asic->zip, object->entry, box->arena, max_bytes, ret, err);
}

static vs_rc resolve_digest(void *context, struct vs_bytes name,
                            enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                            bool *ret_found, struct vs_error *err)
{
    struct vs_box_object *object = vs_box_find(context, name);
    *ret_found = object != NULL;
    return object == NULL ? VS_OK : vs_box_digest(context, object, algorithm, ret, err);
}

static vs_rc resolve_feed(void *context, struct vs_bytes name, struct vs_hasher *hasher,
                          bool *ret_found, struct vs_error *err)
{
    struct vs_box *box = context;
    struct vs_box_object *object = vs_box_find(box, name);
    *ret_found = object != NULL;
    if (object == NULL)
        return VS_OK;
    if (object->source != NULL)
        return vs_hasher_add_source(hasher, object->source, err);
    return vs_zip_read(box->asic->zip, object->entry, add_chunk, hasher, err);
}

static vs_rc resolve_bytes(void *context, struct vs_bytes name, struct vs_arena *arena,
                           struct vs_bytes *ret, bool *ret_found, struct vs_error *err)
{
    struct vs_box *box = context;
    struct vs_box_object *object = vs_box_find(box, name);
    *ret_found = object != NULL;
    if (object == NULL)
        return VS_OK;
    if (object->source != NULL)
        return vs_source_all(object->source, arena, TRANSFORMED_MAX_BYTES, ret, err);
    return vs_zip_read_all(box->asic->zip, object->entry, arena, TRANSFORMED_MAX_BYTES, ret,
                           err);
}

struct vs_dsig_resolver vs_box_resolver(struct vs_box *box)
{
    return (struct vs_dsig_resolver){
        .context = box, .digest = resolve_digest, .feed = resolve_feed, .bytes = resolve_bytes};
}
