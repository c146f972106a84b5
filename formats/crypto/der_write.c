/* The writing half of der.h. */
#include "formats/crypto/der.h"

static size_t encode_length(size_t length, uint8_t out[5])
{
    if (length < 0x80) {
        out[0] = (uint8_t)length;
        return 1;
    }
    size_t octets = length > 0xffffff ? 4 : length > 0xffff ? 3 : length > 0xff ? 2 : 1;
    out[0] = (uint8_t)(0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        out[1 + i] = (uint8_t)(length >> 8 * (octets - 1 - i));
    return 1 + octets;
}

void vs_der_put(struct vs_buffer *to, uint8_t tag, struct vs_bytes content)
{
    uint8_t length[5];
    vs_buffer_byte(to, tag);
    vs_buffer_add(to, VS_BYTES(length, encode_length(content.len, length)));
    vs_buffer_add(to, content);
}

void vs_der_put_unsigned(struct vs_buffer *to, struct vs_bytes value)
{
    while (value.len > 0 && value.ptr[0] == 0)
        value = VS_BYTES(value.ptr + 1, value.len - 1);
    size_t begin = vs_der_begin(to);
    if (value.len == 0 || value.ptr[0] >= 0x80)
        vs_buffer_byte(to, 0);
    vs_buffer_add(to, value);
    vs_der_end(to, begin, VS_DER_INTEGER);
}

void vs_der_put_small(struct vs_buffer *to, uint64_t value)
{
    uint8_t octets[8];
    vs_put_u64(octets, value);
    vs_der_put_unsigned(to, VS_BYTES(octets, sizeof octets));
}

void vs_der_put_boolean(struct vs_buffer *to, bool value)
{
    uint8_t octet = value ? 0xff : 0;
    vs_der_put(to, VS_DER_BOOLEAN, VS_BYTES(&octet, 1));
}

void vs_der_put_time(struct vs_buffer *to, vs_time_ms t, bool with_ms)
{
    struct vs_civil c = vs_time_civil(t);
    size_t begin = vs_der_begin(to);
    vs_buffer_printf(to, "%04d%02d%02d%02d%02d%02d", c.year, c.month, c.day, c.hour, c.minute,
                     c.second);
    if (with_ms && c.ms != 0) {
        int digits = 3, fraction = c.ms;
        for (; fraction % 10 == 0; fraction /= 10)
            digits--;
        vs_buffer_printf(to, ".%0*d", digits, fraction);
    }
    vs_buffer_byte(to, 'Z');
    vs_der_end(to, begin, VS_DER_GENERALIZED_TIME);
}

size_t vs_der_begin(const struct vs_buffer *to)
{
    return to->len;
}

void vs_der_end(struct vs_buffer *to, size_t begin, uint8_t tag)
{
    if (to->failed)
        return;
    uint8_t header[6] = {tag};
    size_t content = to->len - begin;
    size_t n = 1 + encode_length(content, header + 1);
    if (vs_buffer_reserve(to, n) == NULL)
        return;
    memmove(to->ptr + begin + n, to->ptr + begin, content);
    memcpy(to->ptr + begin, header, n);
}
