#include "formats/base/text.h"
#include "formats/base/buffer.h"

bool vs_text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

bool vs_text_equal_ascii_case(const char *a, const char *b)
{
    while (*a != '\0' && lower((unsigned char)*a) == lower((unsigned char)*b)) {
        a++;
        b++;
    }
    return lower((unsigned char)*a) == lower((unsigned char)*b);
}

bool vs_text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The code point at *at, which moves on; -1 where the sequence is not well-formed. */
static int32_t next_code_point(const uint8_t **at, const uint8_t *end)
{
    static const int32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    uint8_t first = *(*at)++;
    if (first < 0x80)
        return first;
    int more = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 0;
    if (more == 0 || first >= 0xf8 || end - *at < more)
        return -1;
    int32_t point = first & (0x3f >> more);
    for (int i = 0; i < more; i++, (*at)++) {
        if ((**at & 0xc0) != 0x80)
            return -1;
        point = point << 6 | (**at & 0x3f);
    }
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < smallest[more] || point > 0x10ffff || surrogate ? -1 : point;
}

bool vs_utf8_valid(struct vs_bytes text)
{
    const uint8_t *at = text.ptr, *end = text.len == 0 ? at : at + text.len;
    while (at < end)
        if (next_code_point(&at, end) < 0)
            return false;
    return true;
}

static bool is_control(int32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 ||
           c == 0x2029 || c == 0x061c;
}

bool vs_text_has_controls(struct vs_bytes text)
{
    const uint8_t *at = text.ptr, *end = text.len == 0 ? at : at + text.len;
    while (at < end)
        if (is_control(next_code_point(&at, end)))
            return true;
    return false;
}

void vs_hex(struct vs_bytes bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = digits[bytes.ptr[i] >> 4];
        *out++ = digits[bytes.ptr[i] & 15];
    }
    *out = '\0';
}

char *vs_hex_new(struct vs_arena *arena, struct vs_bytes bytes)
{
    char *text = vs_arena_array(arena, bytes.len + 1, 2);
    if (text != NULL)
        vs_hex(bytes, text);
    return text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool vs_hex_decode(const char *text, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]);
        int low_digit = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low_digit < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low_digit);
    }
    return text[2 * len] == '\0';
}

char *vs_base64_new(struct vs_arena *arena, struct vs_bytes bytes)
{
    VS_BUFFER buffer;
    vs_buffer_init(&buffer, SIZE_MAX / 2);
    vs_buffer_base64(&buffer, bytes);
    return vs_arena_strndup(arena, (const char *)buffer.ptr, buffer.len);
}

static const int8_t base64_digits[256] = {
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 62,
    -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1, -1, 0,
    1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
    23, 24, 25, -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,
    39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
    -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
};

static int base64_digit(uint8_t c)
{
    return base64_digits[c];
}

/* Whole groups of four digits, as far as they go: where nearly all time is spent. Returns how
 * many characters it took. */
static size_t base64_groups(struct vs_bytes text, uint8_t *out)
{
    size_t i = 0;
    for (; i + 4 <= text.len; i += 4) {
        const uint8_t *c = text.ptr + i;
        int a = base64_digits[c[0]], b = base64_digits[c[1]];
        int d = base64_digits[c[2]], e = base64_digits[c[3]];
        if ((a | b | d | e) < 0)
            break;
        *out++ = (uint8_t)(a << 2 | b >> 4);
        *out++ = (uint8_t)(b << 4 | d >> 2);
        *out++ = (uint8_t)(d << 6 | e);
    }
    return i;
}

/* One digit or '=' that completes no whole group of base64_groups. */
static vs_rc base64_character(struct vs_base64 *self, uint8_t c, struct vs_error *err)
{
    bool pads = c == '=' && self->digits >= 2;
    int digit = pads ? 0 : base64_digit(c);
    if (digit < 0 || (self->padding > 0 && !pads))
        return vs_fail(err, VS_E_SYNTAX, "RFC 4648, 4", "not base64");
    self->padding += pads;
    self->group = self->group << 6 | (uint32_t)digit;
    self->digits++;
    return VS_OK;
}

/* Three bytes, less what padding stands for. */
static vs_rc base64_complete(struct vs_base64 *self, uint8_t *out, size_t *len,
                             struct vs_error *err)
{
    /* Bits that padding hides would make two texts of one value. */
    uint32_t hidden = self->padding == 2 ? 0xffff : self->padding == 1 ? 0xff : 0;
    if ((self->group & hidden) != 0)
        return vs_fail(err, VS_E_SYNTAX, "RFC 4648, 3.5", "base64 does not end as it must");
    for (unsigned i = 0; i < 3 - self->padding; i++)
        out[(*len)++] = (uint8_t)(self->group >> (16 - 8 * i));
    self->digits = 0;
    return VS_OK;
}

vs_rc vs_base64_feed(struct vs_base64 *self, struct vs_bytes text, uint8_t *out,
                     size_t *ret_len, struct vs_error *err)
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (self->digits == 0 && self->padding == 0) {
            size_t taken = base64_groups(VS_BYTES(text.ptr + i, text.len - i), out + len);
            i += taken;
            len += taken / 4 * 3;
            if (i == text.len)
                break;
        }
        uint8_t c = text.ptr[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            continue;
        VS_TRY(base64_character(self, c, err));
        if (self->digits == 4)
            VS_TRY(base64_complete(self, out, &len, err));
    }
    *ret_len = len;
    return VS_OK;
}

vs_rc vs_base64_end(const struct vs_base64 *self, struct vs_error *err)
{
    if (self->digits != 0)
        return vs_fail(err, VS_E_SYNTAX, "RFC 4648, 3.5", "base64 does not end as it must");
    return VS_OK;
}

vs_rc vs_base64_decode(struct vs_arena *arena, struct vs_bytes text, struct vs_bytes *ret,
                       struct vs_error *err)
{
    uint8_t *out = vs_arena_alloc(arena, VS_BASE64_ROOM(text.len));
    if (out == NULL)
        return vs_fail_memory(err);
    struct vs_base64 reader = {0};
    size_t len = 0;
    VS_TRY(vs_base64_feed(&reader, text, out, &len, err));
    VS_TRY(vs_base64_end(&reader, err));
    *ret = VS_BYTES(out, len);
    return VS_OK;
}

char *vs_percent_encode(struct vs_arena *arena, struct vs_bytes bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    char *text = vs_arena_array(arena, bytes.len + 1, 3);
    if (text == NULL)
        return NULL;
    char *at = text;
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.ptr[i];
        bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || (c != '\0' && strchr("-._~/", c) != NULL)) {
            *at++ = (char)c;
            continue;
        }
        *at++ = '%';
        *at++ = digits[c >> 4];
        *at++ = digits[c & 15];
    }
    return text;
}

vs_rc vs_percent_decode(struct vs_arena *arena, struct vs_bytes text, struct vs_bytes *ret,
                        struct vs_error *err)
{
    uint8_t *out = vs_arena_alloc(arena, text.len + 1);
    if (out == NULL)
        return vs_fail_memory(err);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit((char)text.ptr[i + 1]) : -1;
            int low_digit = i + 2 < text.len ? hex_digit((char)text.ptr[i + 2]) : -1;
            c = high < 0 || low_digit < 0 ? 0 : high << 4 | low_digit;
            i += 2;
        }
        if (c == 0)
            return vs_fail(err, VS_E_SYNTAX, "RFC 3986, 2.1", "a broken percent-encoding");
        out[len++] = (uint8_t)c;
    }
    *ret = VS_BYTES(out, len);
    return VS_OK;
}

bool vs_u64_decode(struct vs_bytes text, uint64_t *ret)
{
    uint64_t value = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t digit = (uint8_t)(text.ptr[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret = value;
    return true;
}
