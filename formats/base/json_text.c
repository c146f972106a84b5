#include "formats/base/json_text.h"

/* Length of the UTF-8 sequence at the beginning, 0 where there is none. */
static size_t sequence(struct vs_bytes text)
{
    for (size_t len = 1; len <= 4 && len <= text.len; len++)
        if (vs_utf8_valid(VS_BYTES(text.ptr, len)))
            return len;
    return 0;
}

/* Bytes that need no escape, in one piece: most of a text is such. */
static size_t plain(struct vs_bytes text)
{
    static const bool escaped[256] = {
        [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true, [0x7f ... 0xff] = true};
    size_t len = 0;
    while (len < text.len && !escaped[text.ptr[len]])
        len++;
    return len;
}

static size_t escape(struct vs_buffer *buffer, struct vs_bytes text)
{
    uint8_t c = text.ptr[0];
    size_t len = c < 0x80 ? 1 : sequence(text);
    if (c == '\n')
        vs_buffer_text(buffer, "\\n");
    else if (c < 0x20 || c == 0x7f)
        vs_buffer_printf(buffer, "\\u%04x", c);
    else if (len == 0)
        vs_buffer_text(buffer, "\xef\xbf\xbd");
    else
        vs_buffer_add(buffer, VS_BYTES(text.ptr, len));
    return len == 0 ? 1 : len;
}

void vs_json_bytes(struct vs_buffer *buffer, struct vs_bytes text)
{
    vs_buffer_byte(buffer, '"');
    while (text.len > 0) {
        size_t len = plain(text);
        if (len < text.len && (text.ptr[len] == '"' || text.ptr[len] == '\\')) {
            /* What XML has most of, in one step with the text before it. */
            uint8_t *to = vs_buffer_reserve(buffer, len + 2);
            if (to == NULL)
                return;
            memcpy(to, text.ptr, len);
            to[len] = '\\';
            to[len + 1] = text.ptr[len];
            len++;
        } else if (len > 0) {
            vs_buffer_add(buffer, VS_BYTES(text.ptr, len));
        } else {
            len = escape(buffer, text);
        }
        text = VS_BYTES(text.ptr + len, text.len - len);
    }
    vs_buffer_byte(buffer, '"');
}

void vs_json_text(struct vs_buffer *buffer, const char *text)
{
    if (text == NULL)
        vs_buffer_text(buffer, "null");
    else
        vs_json_bytes(buffer, vs_bytes_text(text));
}
