#include "relay/id.h"

struct vs_id vs_id_new(const struct vs_seams *seams, vs_time_ms now)
{
    struct vs_id id;
    uint8_t prefix[8];
    vs_put_u64(prefix, (uint64_t)now);
    memcpy(id.bytes, prefix + 2, 6);
    seams->random(seams->context, id.bytes + 6, sizeof id.bytes - 6);
    return id;
}

struct vs_id vs_id_at(vs_time_ms time, uint8_t rest)
{
    struct vs_id id;
    uint8_t prefix[8];
    vs_put_u64(prefix, time < 0 ? 0 : (uint64_t)time);
    memset(id.bytes, rest, sizeof id.bytes);
    memcpy(id.bytes, prefix + 2, 6);
    return id;
}

void vs_id_text(struct vs_id id, char out[VS_ID_TEXT])
{
    vs_hex(vs_id_bytes(&id), out);
}

char *vs_id_text_new(struct vs_arena *arena, struct vs_id id)
{
    return vs_hex_new(arena, vs_id_bytes(&id));
}

bool vs_id_decode(const char *text, struct vs_id *ret)
{
    struct vs_id id;
    if (text == NULL || !vs_hex_decode(text, id.bytes, sizeof id.bytes))
        return false;
    *ret = id;
    return true;
}

bool vs_id_from_bytes(struct vs_bytes bytes, struct vs_id *ret)
{
    if (bytes.len != VS_ID_BYTES)
        return false;
    memcpy(ret->bytes, bytes.ptr, VS_ID_BYTES);
    return true;
}

bool vs_id_equal(struct vs_id a, struct vs_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool vs_id_is_none(struct vs_id id)
{
    return vs_id_equal(id, VS_ID_NONE);
}
