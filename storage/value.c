#include "storage/value.h"
#include <stdio.h>

int vs_value_compare(const struct vs_value *a, const struct vs_value *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->type == VS_INT)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    return a->type == VS_NULL ? 0 : vs_bytes_compare(a->bytes, b->bytes);
}

int vs_values_compare(const struct vs_value *a, const struct vs_value *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int order = vs_value_compare(&a[i], &b[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

vs_rc vs_values_copy(struct vs_arena *arena, const struct vs_value *from, size_t n,
                     struct vs_value *to, struct vs_error *err)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
        if (from[i].type < VS_TEXT || from[i].bytes.len == 0)
            continue;
        to[i].bytes = vs_bytes_copy(arena, from[i].bytes);
        if (to[i].bytes.ptr == NULL)
            return vs_fail_memory(err);
    }
    return VS_OK;
}

static void add_value(struct vs_buffer *out, const struct vs_value *value)
{
    switch (value->type) {
    case VS_NULL:
        vs_buffer_text(out, "-");
        return;
    case VS_INT:
        vs_buffer_printf(out, "%lld", (long long)value->integer);
        return;
    case VS_TEXT:
        vs_buffer_add(out, value->bytes);
        return;
    case VS_BLOB:
        vs_buffer_hex(out, value->bytes);
        return;
    }
}

void vs_values_text(const struct vs_value *values, size_t n, char *out)
{
    VS_BUFFER text;
    vs_buffer_init(&text, 64 * 1024);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            vs_buffer_byte(&text, '/');
        add_value(&text, &values[i]);
    }
    size_t len = text.len < VS_KEY_TEXT - 4 ? text.len : VS_KEY_TEXT - 4;
    if (len > 0)
        memcpy(out, text.ptr, len);
    memcpy(out + len, len < text.len ? "..." : "", len < text.len ? 4 : 1);
}
