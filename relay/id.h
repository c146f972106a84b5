/* id.h - identifiers of everything that relay keeps: 128 bits, a time-ordered prefix (48 bits
 * of milliseconds) and 80 random bits. Made here, never by a database. An id says when it was
 * made and nothing else; it cannot be guessed. Printed as 32 lower-case hex digits. */
#ifndef VS_RELAY_ID_H
#define VS_RELAY_ID_H
#include "relay/seams.h"

#define VS_ID_BYTES 16
#define VS_ID_TEXT  33 /* with its NUL */

struct vs_id {
    uint8_t bytes[VS_ID_BYTES];
};

/* When it was made. */
static inline vs_time_ms vs_id_time(struct vs_id id)
{
    return (vs_time_ms)(vs_get_u64(id.bytes) >> 16);
}

struct vs_id vs_id_new(const struct vs_seams *seams, vs_time_ms now);
/* A bound for what was made at `time`: the lowest such id (`rest` 0) or the highest (0xff). */
struct vs_id vs_id_at(vs_time_ms time, uint8_t rest);
void vs_id_text(struct vs_id id, char out[VS_ID_TEXT]);
char *vs_id_text_new(struct vs_arena *arena, struct vs_id id);
/* Exactly 32 hex digits. Callers answer `false` as an unknown id (VS_E_NOT_FOUND). */
bool vs_id_decode(const char *text, struct vs_id *ret);
/* As kept in rows. */
bool vs_id_from_bytes(struct vs_bytes bytes, struct vs_id *ret);
bool vs_id_equal(struct vs_id a, struct vs_id b);
bool vs_id_is_none(struct vs_id id); /* all zero: "no such thing" in optional fields */
static inline struct vs_bytes vs_id_bytes(const struct vs_id *id)
{
    return VS_BYTES(id->bytes, sizeof id->bytes);
}
#define VS_ID_NONE ((struct vs_id){{0}})
#endif
