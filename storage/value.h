/* value.h - what a column of a row holds: nothing, an integer, text or bytes.
 *
 * A value borrows its bytes. Values have one total order, the same in every backend: nothing
 * first, then integers, then text, then bytes; text and bytes compare as unsigned octets. */
#ifndef VS_STORAGE_VALUE_H
#define VS_STORAGE_VALUE_H
#include "formats/base/base.h"

enum vs_type { VS_NULL, VS_INT, VS_TEXT, VS_BLOB };

struct vs_value {
    enum vs_type type;
    int64_t integer;       /* VS_INT */
    struct vs_bytes bytes; /* VS_TEXT (well-formed UTF-8, no NUL) and VS_BLOB */
};

static inline struct vs_value vs_null(void)
{
    return (struct vs_value){VS_NULL, 0, VS_BYTES_NONE};
}
static inline struct vs_value vs_int(int64_t integer)
{
    return (struct vs_value){VS_INT, integer, VS_BYTES_NONE};
}
/* Text of UTF-8 octets. */
static inline struct vs_value vs_text_bytes(struct vs_bytes text)
{
    return (struct vs_value){VS_TEXT, 0, text};
}
/* NULL is vs_null(). */
static inline struct vs_value vs_text(const char *text)
{
    return text == NULL ? vs_null() : vs_text_bytes(vs_bytes_text(text));
}
static inline struct vs_value vs_blob(struct vs_bytes bytes)
{
    return (struct vs_value){VS_BLOB, 0, bytes};
}

/* <0, 0, >0 in the order above. */
int vs_value_compare(const struct vs_value *a, const struct vs_value *b);
/* Of the first `n` values, in turn. */
int vs_values_compare(const struct vs_value *a, const struct vs_value *b, size_t n);
/* A deep copy; VS_E_NOMEM when the arena is full. */
VS_NODISCARD vs_rc vs_values_copy(struct vs_arena *arena, const struct vs_value *from, size_t n,
                                  struct vs_value *to, struct vs_error *err);
/* For errors and reports: integers in decimal, text as it is, bytes in hex, at most about 80
 * characters, parts of a key joined by '/'. `out` has VS_KEY_TEXT bytes. */
#define VS_KEY_TEXT 100
void vs_values_text(const struct vs_value *values, size_t n, char *out);
#endif
