#include "gateway/http/json_text.h"

/* Length of the UTF-8 sequence that begins at `at`, 0 where there is none. */
static size_t sequence(const char *at)
{
    for (size_t len = 1; len <= 4 && at[len - 1] != '\0'; len++)
        if (vs_utf8_valid(VS_BYTES(at, len)))
            return len;
    return 0;
}

void vs_json_text(struct vs_buffer *buffer, const char *text)
{
    if (text == NULL) {
        vs_buffer_text(buffer, "null");
        return;
    }
    vs_buffer_byte(buffer, '"');
    for (const char *at = text; *at != '\0';) {
        unsigned char c = (unsigned char)*at;
        size_t len = c < 0x80 ? 1 : sequence(at);
        if (c == '"' || c == '\\')
            vs_buffer_printf(buffer, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            vs_buffer_printf(buffer, "\\u%04x", c);
        else if (len == 0)
            vs_buffer_text(buffer, "\xef\xbf\xbd");
        else
            vs_buffer_add(buffer, VS_BYTES(at, len));
        at += len == 0 ? 1 : len;
    }
    vs_buffer_byte(buffer, '"');
}
