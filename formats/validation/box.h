/* box.h - where signed data lies: a container's entries, or detached contents.
 *
 * Digests are made once per object and algorithm, however many signatures refer to it. The box
 * also keeps which objects are referred to, and which of these references hold, because a file
 * that no signature covers must not ride along (EN 319 162-1, 4.4.3). */
#ifndef VS_FORMATS_VALIDATION_BOX_H
#define VS_FORMATS_VALIDATION_BOX_H
#include "formats/container/asic.h"
#include "formats/signature/xmldsig.h"
#include "formats/validation/context.h"

struct vs_box_object {
    const char *name;
    const struct vs_zip_entry *entry; /* of the container, or … */
    const struct vs_source *source;   /* … a detached content */
    bool data;                        /* a data object of the container; a detached content */
    bool claimed, intact;
    vs_time_ms poe; /* proved to exist then, by a container's own proof; INT64_MAX: not */
    struct vs_digest digests[2]; /* by the algorithms asked for first */
};

struct vs_box {
    struct vs_arena *arena;
    const struct vs_asic *asic; /* NULL: detached contents */
    struct vs_box_object *objects;
    size_t n_objects;
    bool any_name;            /* one detached content: whatever name it is referred to by */
    const char *format_fault; /* static: makes every signature in it FORMAT_FAILURE; or NULL */
    const char *format_clause;
};

/* Over a container, or over the input's detached contents. */
VS_NODISCARD vs_rc vs_box_of_asic(struct vs_arena *arena, const struct vs_asic *asic,
                                  struct vs_box **ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_box_of_contents(struct vs_arena *arena,
                                      const struct vs_validation_input *input,
                                      struct vs_box **ret, struct vs_error *err);

/* The object of that name, or NULL. */
struct vs_box_object *vs_box_find(struct vs_box *box, struct vs_bytes name);
VS_NODISCARD vs_rc vs_box_digest(struct vs_box *box, struct vs_box_object *object,
                                 enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                                 struct vs_error *err);
VS_NODISCARD vs_rc vs_box_bytes(struct vs_box *box, const struct vs_box_object *object,
                                size_t max_bytes, struct vs_bytes *ret, struct vs_error *err);
/* For xmldsig.h; lives as long as the box. */
struct vs_dsig_resolver vs_box_resolver(struct vs_box *box);
#endif
