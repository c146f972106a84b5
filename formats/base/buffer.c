#include "formats/base/buffer.h"
#include "formats/base/text.h"
#include <stdio.h>

void vs_buffer_init(struct vs_buffer *buffer, size_t max_bytes)
{
    *buffer = (struct vs_buffer){.max = max_bytes};
}

void vs_buffer_done(struct vs_buffer *buffer)
{
    vs_heap_free(buffer->ptr);
    vs_buffer_init(buffer, buffer->max);
}

void vs_buffer_clear(struct vs_buffer *buffer)
{
    buffer->len = 0;
    buffer->failed = false;
}

void vs_buffer_expect(struct vs_buffer *buffer, size_t len)
{
    if (buffer->failed || len > buffer->max - buffer->len || buffer->len + len < buffer->room)
        return;
    buffer->room = buffer->len + len + 1;
    buffer->ptr = vs_heap_grow(buffer->ptr, buffer->room);
    buffer->ptr[buffer->len] = '\0';
}

uint8_t *vs_buffer_reserve(struct vs_buffer *buffer, size_t len)
{
    if (buffer->failed || len > buffer->max - buffer->len) {
        buffer->failed = true;
        return NULL;
    }
    size_t need = buffer->len + len + 1;
    if (need > buffer->room) {
        size_t room = buffer->room < 256 ? 256 : buffer->room * 2;
        buffer->room = room < need ? need : room;
        buffer->ptr = vs_heap_grow(buffer->ptr, buffer->room);
    }
    uint8_t *at = buffer->ptr + buffer->len;
    buffer->len += len;
    buffer->ptr[buffer->len] = '\0';
    return at;
}

void vs_buffer_add(struct vs_buffer *buffer, struct vs_bytes bytes)
{
    uint8_t *at = vs_buffer_reserve(buffer, bytes.len);
    if (at != NULL && bytes.len > 0)
        memcpy(at, bytes.ptr, bytes.len);
}

void vs_buffer_text(struct vs_buffer *buffer, const char *text)
{
    vs_buffer_add(buffer, vs_bytes_text(text));
}

void vs_buffer_byte(struct vs_buffer *buffer, uint8_t byte)
{
    if (!buffer->failed && buffer->len + 1 < buffer->room && buffer->len < buffer->max) {
        buffer->ptr[buffer->len++] = byte;
        buffer->ptr[buffer->len] = '\0';
        return;
    }
    vs_buffer_add(buffer, VS_BYTES(&byte, 1));
}

void vs_buffer_u32(struct vs_buffer *buffer, uint32_t v)
{
    uint8_t at[4];
    vs_put_u32(at, v);
    vs_buffer_add(buffer, VS_BYTES(at, sizeof at));
}

void vs_buffer_u64(struct vs_buffer *buffer, uint64_t v)
{
    uint8_t at[8];
    vs_put_u64(at, v);
    vs_buffer_add(buffer, VS_BYTES(at, sizeof at));
}

void vs_buffer_vprintf(struct vs_buffer *buffer, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    uint8_t *at = len < 0 ? NULL : vs_buffer_reserve(buffer, (size_t)len);
    if (at != NULL)
        vsnprintf((char *)at, (size_t)len + 1, fmt, again);
    va_end(again);
}

void vs_buffer_printf(struct vs_buffer *buffer, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vs_buffer_vprintf(buffer, fmt, args);
    va_end(args);
}

static const char *xml_escape(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return c < 0x20 ? "\xef\xbf\xbd" : NULL;
    }
}

void vs_buffer_xml(struct vs_buffer *buffer, const char *text)
{
    const char *run = text;
    for (const char *c = text; *c != '\0'; c++) {
        const char *escape = xml_escape((unsigned char)*c);
        if (escape == NULL)
            continue;
        vs_buffer_add(buffer, VS_BYTES(run, (size_t)(c - run)));
        vs_buffer_text(buffer, escape);
        run = c + 1;
    }
    vs_buffer_text(buffer, run);
}

void vs_buffer_base64(struct vs_buffer *buffer, struct vs_bytes bytes)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *at = vs_buffer_reserve(buffer, (bytes.len + 2) / 3 * 4);
    if (at == NULL)
        return;
    const uint8_t *p = bytes.ptr;
    size_t left = bytes.len;
    for (; left >= 3; at += 4, p += 3, left -= 3) {
        uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        at[0] = (uint8_t)digits[v >> 18];
        at[1] = (uint8_t)digits[v >> 12 & 63];
        at[2] = (uint8_t)digits[v >> 6 & 63];
        at[3] = (uint8_t)digits[v & 63];
    }
    if (left > 0) {
        size_t n = left;
        uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) |
                     (n > 2 ? (uint32_t)p[2] : 0);
        at[0] = (uint8_t)digits[v >> 18];
        at[1] = (uint8_t)digits[v >> 12 & 63];
        at[2] = n > 1 ? (uint8_t)digits[v >> 6 & 63] : '=';
        at[3] = n > 2 ? (uint8_t)digits[v & 63] : '=';
    }
}

void vs_buffer_hex(struct vs_buffer *buffer, struct vs_bytes bytes)
{
    uint8_t *at = vs_buffer_reserve(buffer, bytes.len * 2);
    if (at != NULL)
        vs_hex(bytes, (char *)at);
}

vs_rc vs_buffer_check(const struct vs_buffer *buffer, struct vs_error *err)
{
    if (buffer->failed)
        return vs_fail(err, VS_E_LIMIT, NULL, "more than %zu bytes", buffer->max);
    return VS_OK;
}

vs_rc vs_buffer_copy(const struct vs_buffer *buffer, struct vs_arena *arena,
                     struct vs_bytes *ret, struct vs_error *err)
{
    VS_TRY(vs_buffer_check(buffer, err));
    char *copy = vs_arena_strndup(arena, (const char *)buffer->ptr, buffer->len);
    if (copy == NULL)
        return vs_fail_memory(err);
    *ret = VS_BYTES(copy, buffer->len);
    return VS_OK;
}
