#include "formats/crypto/ec_value.h"
#include "formats/crypto/der.h"

enum { PART_MAX = 66 /* P-521 */ };

static bool read_parts(struct vs_bytes der, size_t part, struct vs_bytes *ret_r,
                       struct vs_bytes *ret_s)
{
    struct vs_der outer = vs_der_reader(der);
    struct vs_der inner = vs_der_enter(&outer, VS_DER_SEQUENCE);
    *ret_r = vs_der_unsigned(&inner, part);
    *ret_s = vs_der_unsigned(&inner, part);
    return vs_der_done(&inner) && vs_der_done(&outer);
}

bool vs_ec_value_is_der(struct vs_bytes der, size_t part)
{
    struct vs_bytes r, s;
    return read_parts(der, part, &r, &s);
}

bool vs_ec_value_to_raw(struct vs_bytes der, size_t part, struct vs_signature_value *ret)
{
    struct vs_bytes r, s;
    if (part > PART_MAX || !read_parts(der, part, &r, &s))
        return false;
    memset(ret->bytes, 0, 2 * part);
    memcpy(ret->bytes + part - r.len, r.ptr, r.len);
    memcpy(ret->bytes + 2 * part - s.len, s.ptr, s.len);
    ret->len = 2 * part;
    return true;
}

/* One INTEGER of at most PART_MAX + 1 octets: its length fits one octet. */
static uint8_t *put_part(uint8_t *at, const uint8_t *value, size_t part)
{
    while (part > 1 && *value == 0) {
        value++;
        part--;
    }
    bool pad = *value >= 0x80;
    *at++ = VS_DER_INTEGER;
    *at++ = (uint8_t)(part + pad);
    if (pad)
        *at++ = 0;
    memcpy(at, value, part);
    return at + part;
}

bool vs_ec_value_to_der(struct vs_bytes raw, size_t part, struct vs_signature_value *ret)
{
    if (part == 0 || part > PART_MAX || raw.len != 2 * part)
        return false;
    uint8_t content[2 * (PART_MAX + 3)];
    uint8_t *end = put_part(put_part(content, raw.ptr, part), raw.ptr + part, part);
    size_t len = (size_t)(end - content);
    uint8_t *at = ret->bytes;
    *at++ = VS_DER_SEQUENCE;
    if (len >= 0x80)
        *at++ = 0x81;
    *at++ = (uint8_t)len;
    memcpy(at, content, len);
    ret->len = (size_t)(at - ret->bytes) + len;
    return true;
}
