/* What the files of relay/ share when they read and write rows. */
#include "relay/relay_priv.h"

char *vs_value_text_new(struct vs_arena *arena, const struct vs_value *value)
{
    if (value->type != VS_TEXT)
        return NULL;
    return vs_arena_strndup(arena, (const char *)value->bytes.ptr, value->bytes.len);
}

struct vs_id vs_value_id(const struct vs_value *value)
{
    struct vs_id id = VS_ID_NONE;
    if (value->type == VS_BLOB && !vs_id_from_bytes(value->bytes, &id))
        id = VS_ID_NONE;
    return id;
}

unsigned vs_retention_months(const char *class)
{
    uint64_t months;
    if (vs_text_equal(class, "minimum"))
        return VS_RETENTION_MINIMUM;
    if (vs_text_equal(class, "permanent"))
        return VS_RETENTION_PERMANENT;
    if (class == NULL || !vs_text_starts(class, "months-") ||
        !vs_u64_decode(vs_bytes_text(class + strlen("months-")), &months) ||
        months < VS_RETENTION_MINIMUM || months >= VS_RETENTION_PERMANENT)
        return 0;
    return (unsigned)months;
}
