#include "formats/crypto/ber.h"
#include "formats/crypto/der.h"

enum { DEPTH_MAX = 32, CONSTRUCTED = 0x20, CONSTRUCTED_OCTETS = 0x24 };

struct ber {
    const uint8_t *at, *end;
};

bool vs_ber_is_indefinite(struct vs_bytes bytes)
{
    return bytes.len >= 2 && (bytes.ptr[0] & CONSTRUCTED) && bytes.ptr[1] == 0x80;
}

/* Any length form; `*ret_length` is SIZE_MAX for the indefinite one. */
static bool read_header(struct ber *ber, uint8_t *ret_tag, size_t *ret_length)
{
    size_t left = (size_t)(ber->end - ber->at);
    if (left < 2 || (ber->at[0] & 0x1f) == 0x1f)
        return false;
    *ret_tag = ber->at[0];
    size_t first = ber->at[1], octets = first & 0x7f, length = first;
    if (first == 0x80) {
        *ret_length = SIZE_MAX;
        ber->at += 2;
        return (*ret_tag & CONSTRUCTED) != 0;
    }
    if (first < 0x80)
        octets = 0;
    if (octets > 4 || left < 2 + octets)
        return false;
    if (octets > 0)
        length = 0;
    for (size_t i = 0; i < octets; i++)
        length = length << 8 | ber->at[2 + i];
    ber->at += 2 + octets;
    *ret_length = length;
    return length <= (size_t)(ber->end - ber->at);
}

static bool at_end_of_contents(const struct ber *ber)
{
    return ber->end - ber->at >= 2 && ber->at[0] == 0 && ber->at[1] == 0;
}

static bool convert(struct ber *ber, struct vs_buffer *to, bool only_octets, int depth);

/* Elements until the end of `ber`, or until end-of-contents octets. */
static bool convert_all(struct ber *ber, struct vs_buffer *to, bool indefinite,
                        bool only_octets, int depth)
{
    while (ber->at != ber->end) {
        if (indefinite && at_end_of_contents(ber)) {
            ber->at += 2;
            return true;
        }
        if (!convert(ber, to, only_octets, depth))
            return false;
    }
    return !indefinite;
}

/* `only_octets`: a piece of a constructed OCTET STRING (X.690, 8.7.3), of which the contents
 * alone are wanted. */
static bool convert(struct ber *ber, struct vs_buffer *to, bool only_octets, int depth)
{
    uint8_t tag;
    size_t length;
    if (depth > DEPTH_MAX || !read_header(ber, &tag, &length) || tag == 0)
        return false;
    if (only_octets && tag != VS_DER_OCTET_STRING && tag != CONSTRUCTED_OCTETS)
        return false;
    if (!(tag & CONSTRUCTED)) {
        struct vs_bytes content = VS_BYTES(ber->at, length);
        ber->at += length;
        if (only_octets)
            vs_buffer_add(to, content);
        else
            vs_der_put(to, tag, content);
        return true;
    }
    bool pieces = tag == CONSTRUCTED_OCTETS, indefinite = length == SIZE_MAX;
    struct ber inner = {ber->at, indefinite ? ber->end : ber->at + length};
    size_t begin = vs_der_begin(to);
    if (!convert_all(&inner, to, indefinite, pieces, depth + 1))
        return false;
    if (!only_octets)
        vs_der_end(to, begin, pieces ? VS_DER_OCTET_STRING : tag);
    ber->at = inner.at;
    return true;
}

vs_rc vs_ber_to_der(struct vs_arena *arena, struct vs_bytes ber, struct vs_bytes *ret,
                    struct vs_error *err)
{
    VS_BUFFER der;
    vs_buffer_init(&der, 2 * ber.len + 64);
    struct ber at = {ber.ptr, ber.ptr + ber.len};
    if (ber.len == 0 || !convert(&at, &der, false, 0) || at.at != at.end || der.failed)
        return vs_fail(err, VS_E_SYNTAX, "X.690, 8", "not exactly one element of BER");
    return vs_buffer_copy(&der, arena, ret, err);
}
