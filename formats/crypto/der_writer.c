#include "formats/crypto/der_writer.h"
#include <stdio.h>

#define SET_MEMBERS 64

size_t vs_der_open(struct vs_buffer *out, uint8_t tag)
{
    vs_buffer_byte(out, tag);
    vs_buffer_byte(out, 0); /* a short length; close makes room when it becomes a long one */
    return out->len;
}

static size_t length_octets(size_t len)
{
    size_t n = 1;
    while (len > 0x7F && n < 5 && (len >> (8 * (n - 1))) > 0)
        n++;
    return len <= 0x7F ? 1 : n;
}

static void write_length(uint8_t *at, size_t len, size_t octets)
{
    if (octets == 1) {
        at[0] = (uint8_t)len;
        return;
    }
    at[0] = (uint8_t)(0x80 | (octets - 1));
    for (size_t i = 1; i < octets; i++)
        at[i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
}

void vs_der_close(struct vs_buffer *out, size_t mark)
{
    if (out->failed)
        return;
    size_t len = out->len - mark;
    size_t octets = length_octets(len);
    if (octets > 1 && vs_buffer_reserve(out, octets - 1) == NULL)
        return;
    uint8_t *content = out->ptr + mark;
    if (octets > 1)
        memmove(content + octets - 1, content, len);
    write_length(content - 1, len, octets);
}

/* The whole size of the encoding at `at`; 0 when it does not lie within `room`. Only ever sees
 * what this file wrote. */
static size_t encoding_size(const uint8_t *at, size_t room)
{
    if (room < 2)
        return 0;
    size_t head = 2, len = at[1];
    if (len > 0x7F) {
        size_t octets = len & 0x7F;
        if (octets > 4 || room < 2 + octets)
            return 0;
        len = 0;
        for (size_t i = 0; i < octets; i++)
            len = len << 8 | at[2 + i];
        head += octets;
    }
    return len <= room - head ? head + len : 0;
}

static int split_set(struct vs_bytes set, struct vs_bytes member[SET_MEMBERS])
{
    int n = 0;
    for (size_t at = 0; at < set.len; n++) {
        size_t size = encoding_size(set.ptr + at, set.len - at);
        if (size == 0 || n == SET_MEMBERS)
            return -1;
        member[n] = VS_BYTES(set.ptr + at, size);
        at += size;
    }
    return n;
}

void vs_der_close_set_of(struct vs_buffer *out, size_t mark)
{
    if (out->failed)
        return;
    size_t len = out->len - mark;
    VS_BUFFER copy;
    vs_buffer_init(&copy, len + 1);
    vs_buffer_add(&copy, VS_BYTES(out->ptr + mark, len));
    struct vs_bytes member[SET_MEMBERS];
    int n = copy.failed ? -1 : split_set(vs_buffer_view(&copy), member);
    if (n < 0) {
        out->failed = true;
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
        memcpy(out->ptr + at, member[i].ptr, member[i].len);
        at += member[i].len;
    }
    vs_der_close(out, mark);
}

void vs_der_put(struct vs_buffer *out, uint8_t tag, struct vs_bytes content)
{
    uint8_t head[6] = {tag};
    size_t octets = length_octets(content.len);
    write_length(head + 1, content.len, octets);
    vs_buffer_add(out, VS_BYTES(head, 1 + octets));
    vs_buffer_add(out, content);
}

void vs_der_put_text(struct vs_buffer *out, uint8_t tag, const char *text)
{
    vs_der_put(out, tag, vs_bytes_text(text));
}

void vs_der_put_boolean(struct vs_buffer *out, bool value)
{
    uint8_t octet = value ? 0xFF : 0; /* X.690, 11.1 */
    vs_der_put(out, VS_DER_TAG_BOOLEAN, VS_BYTES(&octet, 1));
}

void vs_der_put_null(struct vs_buffer *out)
{
    vs_der_put(out, VS_DER_TAG_NULL, VS_BYTES_NONE);
}

static void put_unsigned(struct vs_buffer *out, uint8_t tag, struct vs_bytes number)
{
    while (number.len > 1 && number.ptr[0] == 0)
        number = VS_BYTES(number.ptr + 1, number.len - 1);
    size_t mark = vs_der_open(out, tag);
    if (number.len == 0 || (number.ptr[0] & 0x80) != 0)
        vs_buffer_byte(out, 0);
    vs_buffer_add(out, number);
    vs_der_close(out, mark);
}

void vs_der_put_u64(struct vs_buffer *out, uint8_t tag, uint64_t value)
{
    uint8_t octets[8];
    vs_put_u64(octets, value);
    put_unsigned(out, tag, VS_BYTES(octets, sizeof octets));
}

void vs_der_put_unsigned(struct vs_buffer *out, struct vs_bytes big_endian)
{
    put_unsigned(out, VS_DER_TAG_INTEGER, big_endian);
}

void vs_der_put_bit_string(struct vs_buffer *out, struct vs_bytes bits)
{
    size_t mark = vs_der_open(out, VS_DER_TAG_BIT_STRING);
    vs_buffer_byte(out, 0);
    vs_buffer_add(out, bits);
    vs_der_close(out, mark);
}

void vs_der_put_named_bits(struct vs_buffer *out, uint8_t tag, uint32_t bits)
{
    uint8_t content[5] = {0};
    size_t last = 0;
    for (size_t i = 0; i < 32; i++)
        if ((bits >> i & 1) != 0) {
            content[1 + i / 8] |= (uint8_t)(0x80 >> i % 8);
            last = i + 1;
        }
    content[0] = (uint8_t)((8 - last % 8) % 8);
    vs_der_put(out, tag, VS_BYTES(content, 1 + (last + 7) / 8));
}

static void add_base128(struct vs_buffer *out, uint64_t value)
{
    uint8_t octet[10];
    size_t n = 0;
    do {
        octet[n++] = (uint8_t)(value & 0x7F);
        value >>= 7;
    } while (value > 0);
    while (n-- > 0)
        vs_buffer_byte(out, (uint8_t)(octet[n] | (n > 0 ? 0x80 : 0)));
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

void vs_der_put_oid(struct vs_buffer *out, const char *dotted)
{
    uint64_t first, second;
    size_t mark = vs_der_open(out, VS_DER_TAG_OID);
    if (!take_arc(&dotted, &first) || *dotted == '\0' || !take_arc(&dotted, &second) ||
        first > 2 || (first < 2 && second > 39)) {
        out->failed = true;
        return;
    }
    add_base128(out, first * 40 + second);
    while (*dotted != '\0') {
        uint64_t arc;
        if (!take_arc(&dotted, &arc)) {
            out->failed = true;
            return;
        }
        add_base128(out, arc);
    }
    vs_der_close(out, mark);
}

void vs_der_put_time(struct vs_buffer *out, vs_time_ms t)
{
    struct vs_civil c = vs_time_civil(t);
    if (c.year >= 2050 || c.year < 1950) {
        vs_der_put_generalized_time(out, VS_DER_TAG_GENERALIZED_TIME, t, false);
        return;
    }
    size_t mark = vs_der_open(out, VS_DER_TAG_UTC_TIME);
    vs_buffer_printf(out, "%02d%02d%02d%02d%02d%02dZ", c.year % 100, c.month, c.day, c.hour,
                     c.minute, c.second);
    vs_der_close(out, mark);
}

void vs_der_put_generalized_time(struct vs_buffer *out, uint8_t tag, vs_time_ms t,
                                 bool fraction)
{
    struct vs_civil c = vs_time_civil(t);
    size_t mark = vs_der_open(out, tag);
    vs_buffer_printf(out, "%04d%02d%02d%02d%02d%02d", c.year, c.month, c.day, c.hour, c.minute,
                     c.second);
    if (fraction && c.ms > 0) {
        char digits[8];
        int len = snprintf(digits, sizeof digits, ".%03d", c.ms);
        while (len > 0 && digits[len - 1] == '0')
            len--;
        vs_buffer_add(out, VS_BYTES(digits, (size_t)len));
    }
    vs_buffer_byte(out, 'Z');
    vs_der_close(out, mark);
}
