/* text.h - encodings of bytes as text, and text as the protocols compare it.
 *
 * ASCII case rules only: the user's locale (Azerbaijani i and ı) never decides. */
#ifndef VS_FORMATS_BASE_TEXT_H
#define VS_FORMATS_BASE_TEXT_H
#include "formats/base/bytes.h"

bool vs_text_equal(const char *a, const char *b); /* two NULLs are equal */
bool vs_text_equal_ascii_case(const char *a, const char *b);
bool vs_text_starts(const char *text, const char *prefix);

/* Whether it is well-formed UTF-8 (RFC 3629: shortest form, no surrogates). */
bool vs_utf8_valid(struct vs_bytes text);

/* Whether it holds a control character (C0, DEL, C1) or a bidirectional override, which could
 * forge a line of a log or a name on a screen. Invalid UTF-8 counts as one. */
bool vs_text_has_controls(struct vs_bytes text);

/* Lower-case hex. `out` has 2*len+1 bytes. */
void vs_hex(struct vs_bytes bytes, char *out);
char *vs_hex_new(struct vs_arena *arena, struct vs_bytes bytes);
/* Exactly `len` bytes from 2*len digits of either case, nothing after. */
bool vs_hex_decode(const char *text, uint8_t *out, size_t len);

char *vs_base64_new(struct vs_arena *arena, struct vs_bytes bytes);
/* xs:base64Binary: white space allowed, padding required, stray bits refused.
 * VS_E_SYNTAX where it is not. */
VS_NODISCARD vs_rc vs_base64_decode(struct vs_arena *arena, struct vs_bytes text,
                                    struct vs_bytes *ret, struct vs_error *err);
/* The same as it arrives, cut anywhere: begin with a zeroed one, feed, feed, ... end. `out` has
 * VS_BASE64_ROOM(text.len) bytes. VS_E_SYNTAX. */
struct vs_base64 {
    uint32_t group;
    unsigned digits, padding; /* of the group under way */
};
#define VS_BASE64_ROOM(text_len) ((text_len) / 4 * 3 + 6)
VS_NODISCARD vs_rc vs_base64_feed(struct vs_base64 *self, struct vs_bytes text, uint8_t *out,
                                  size_t *ret_len, struct vs_error *err);
VS_NODISCARD vs_rc vs_base64_end(const struct vs_base64 *self, struct vs_error *err);

/* RFC 3986 percent-encoding of all but unreserved characters and '/'. */
char *vs_percent_encode(struct vs_arena *arena, struct vs_bytes bytes);
/* VS_E_SYNTAX on a broken or NUL escape. */
VS_NODISCARD vs_rc vs_percent_decode(struct vs_arena *arena, struct vs_bytes text,
                                     struct vs_bytes *ret, struct vs_error *err);

/* Decimal, no sign, no leading white space, nothing after; false on overflow. */
bool vs_u64_decode(struct vs_bytes text, uint64_t *ret);
#endif
