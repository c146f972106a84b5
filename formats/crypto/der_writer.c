#include "formats/crypto/der_writer.h"
#include <stdio.h>

#define SET_MEMBERS 64

static int split_set(struct vs_bytes set, struct vs_bytes member[SET_MEMBERS])
{
    int n = 0;
    struct vs_der reader = vs_der_reader(set);
    for (; vs_der_more(&reader) && n < SET_MEMBERS; n++)
        member[n] = vs_der_element(&reader, NULL);
    return vs_der_done(&reader) ? n : -1;
}

void vs_der_end_set_of(struct vs_buffer *to, size_t mark, uint8_t tag)
{
    if (to->failed)
        return;
    size_t len = to->len - mark;
    VS_BUFFER copy;
    vs_buffer_init(&copy, len + 1);
    vs_buffer_add(&copy, VS_BYTES(to->ptr + mark, len));
    struct vs_bytes member[SET_MEMBERS];
    int n = copy.failed ? -1 : split_set(vs_buffer_view(&copy), member);
    if (n < 0) {
        to->failed = true;
        return;
    }
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && vs_bytes_compare(member[j], member[j - 1]) < 0; j--) {
            struct vs_bytes swap = member[j];
            member[j] = member[j - 1];
            member[j - 1] = swap;
        }
    size_t at = mark;
    for (int i = 0; i < n; i++) {
        memcpy(to->ptr + at, member[i].ptr, member[i].len);
        at += member[i].len;
    }
    vs_der_end(to, mark, tag);
}

void vs_der_put_text(struct vs_buffer *to, uint8_t tag, const char *text)
{
    vs_der_put(to, tag, vs_bytes_text(text));
}

void vs_der_put_null(struct vs_buffer *to)
{
    vs_der_put(to, VS_DER_NULL, VS_BYTES_NONE);
}

void vs_der_put_bits(struct vs_buffer *to, struct vs_bytes octets)
{
    size_t mark = vs_der_begin(to);
    vs_buffer_byte(to, 0);
    vs_buffer_add(to, octets);
    vs_der_end(to, mark, VS_DER_BIT_STRING);
}

void vs_der_put_named_bits(struct vs_buffer *to, uint8_t tag, uint32_t bits)
{
    uint8_t content[5] = {0};
    size_t last = 0;
    for (size_t i = 0; i < 32; i++)
        if ((bits >> i & 1) != 0) {
            content[1 + i / 8] |= (uint8_t)(0x80 >> i % 8);
            last = i + 1;
        }
    content[0] = (uint8_t)((8 - last % 8) % 8);
    vs_der_put(to, tag, VS_BYTES(content, 1 + (last + 7) / 8));
}

static void add_base128(struct vs_buffer *to, uint64_t value)
{
    uint8_t octet[10];
    size_t n = 0;
    do {
        octet[n++] = (uint8_t)(value & 0x7F);
        value >>= 7;
    } while (value > 0);
    while (n-- > 0)
        vs_buffer_byte(to, (uint8_t)(octet[n] | (n > 0 ? 0x80 : 0)));
}

/* One arc and its dot; false where there is none. */
static bool take_arc(const char **text, uint64_t *arc)
{
    const char *start = *text;
    *arc = 0;
    for (; **text >= '0' && **text <= '9' && *text - start < 18; ++*text)
        *arc = *arc * 10 + (uint64_t)(**text - '0');
    if (*text == start || (**text != '\0' && **text != '.'))
        return false;
    if (**text == '.' && *++*text == '\0')
        return false;
    return true;
}

void vs_der_put_oid(struct vs_buffer *to, const char *dotted)
{
    uint64_t first, second;
    size_t mark = vs_der_begin(to);
    if (!take_arc(&dotted, &first) || *dotted == '\0' || !take_arc(&dotted, &second) ||
        first > 2 || (first < 2 && second > 39)) {
        to->failed = true;
        return;
    }
    add_base128(to, first * 40 + second);
    while (*dotted != '\0') {
        uint64_t arc;
        if (!take_arc(&dotted, &arc)) {
            to->failed = true;
            return;
        }
        add_base128(to, arc);
    }
    vs_der_end(to, mark, VS_DER_OID);
}

void vs_der_put_validity(struct vs_buffer *to, vs_time_ms t)
{
    struct vs_civil c = vs_time_civil(t);
    if (c.year >= 2050 || c.year < 1950) {
        vs_der_put_time(to, t, false);
        return;
    }
    char text[32];
    int len = snprintf(text, sizeof text, "%02d%02d%02d%02d%02d%02dZ", c.year % 100, c.month,
                       c.day, c.hour, c.minute, c.second);
    vs_der_put(to, VS_DER_UTC_TIME, VS_BYTES(text, (size_t)len));
}
