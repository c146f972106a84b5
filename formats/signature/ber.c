#include "formats/signature/ber.h"

enum { MAX_NESTING = 32, CONSTRUCTED = 0x20 };

struct header {
    uint8_t tag;
    bool indefinite;
    size_t header_len, content_len;
};

struct vs_ber vs_ber_reader(struct vs_bytes bytes)
{
    struct vs_ber ber = {bytes.ptr, bytes.ptr, false};
    if (bytes.len > 0)
        ber.end = bytes.ptr + bytes.len;
    return ber;
}

bool vs_ber_more(const struct vs_ber *ber)
{
    return !ber->failed && ber->at < ber->end;
}
bool vs_ber_done(const struct vs_ber *ber)
{
    return !ber->failed && ber->at == ber->end;
}
uint8_t vs_ber_peek(const struct vs_ber *ber)
{
    return vs_ber_more(ber) ? *ber->at : 0;
}

static bool read_header(const uint8_t *at, const uint8_t *end, struct header *h)
{
    size_t room = (size_t)(end - at);
    if (room < 2 || (at[0] & 0x1f) == 0x1f)
        return false;
    *h = (struct header){.tag = at[0], .header_len = 2};
    uint8_t first = at[1];
    if (first < 0x80) {
        h->content_len = first;
    } else if (first == 0x80) {
        h->indefinite = true;
        return (at[0] & CONSTRUCTED) != 0;
    } else {
        size_t n = (size_t)(first & 0x7f);
        if (n > 4 || room < 2 + n)
            return false;
        for (size_t i = 0; i < n; i++)
            h->content_len = h->content_len << 8 | at[2 + i];
        h->header_len += n;
    }
    return h->content_len <= room - h->header_len;
}

/* Where the content that begins at `at` ends, at its end-of-contents octets; NULL: nowhere. */
static const uint8_t *find_end(const uint8_t *at, const uint8_t *end)
{
    int open = 1;
    while (end - at >= 2) {
        struct header h;
        if (at[0] == 0 && at[1] == 0) {
            if (--open == 0)
                return at;
            at += 2;
            continue;
        }
        if (!read_header(at, end, &h))
            return NULL;
        if (h.indefinite && ++open > MAX_NESTING)
            return NULL;
        at += h.header_len + (h.indefinite ? 0 : h.content_len);
    }
    return NULL;
}

struct vs_ber_element vs_ber_next(struct vs_ber *ber)
{
    struct vs_ber_element element = {0};
    struct header h;
    if (!vs_ber_more(ber) || !read_header(ber->at, ber->end, &h)) {
        ber->failed = true;
        return element;
    }
    const uint8_t *content = ber->at + h.header_len, *next;
    if (h.indefinite) {
        const uint8_t *stop = find_end(content, ber->end);
        if (stop == NULL) {
            ber->failed = true;
            return element;
        }
        h.content_len = (size_t)(stop - content);
        next = stop + 2;
    } else {
        next = content + h.content_len;
    }
    element.tag = h.tag;
    element.content = VS_BYTES(content, h.content_len);
    element.whole = VS_BYTES(ber->at, (size_t)(next - ber->at));
    ber->at = next;
    return element;
}

struct vs_bytes vs_ber_take(struct vs_ber *ber, uint8_t tag)
{
    if (vs_ber_peek(ber) != tag)
        ber->failed = true;
    return vs_ber_next(ber).content;
}

struct vs_bytes vs_ber_whole(struct vs_ber *ber, uint8_t tag)
{
    if (vs_ber_peek(ber) != tag)
        ber->failed = true;
    return vs_ber_next(ber).whole;
}

struct vs_ber vs_ber_enter(struct vs_ber *ber, uint8_t tag)
{
    struct vs_bytes content = vs_ber_take(ber, tag);
    struct vs_ber inner = vs_ber_reader(content);
    inner.failed = ber->failed;
    return inner;
}

vs_rc vs_ber_octets(struct vs_arena *arena, struct vs_ber *ber, struct vs_bytes *ret,
                    struct vs_error *err)
{
    struct vs_ber_element element = vs_ber_next(ber);
    if (!ber->failed && element.tag == 0x04) {
        *ret = element.content;
        return VS_OK;
    }
    VS_REFUSE_IF(ber->failed || element.tag != (0x04 | CONSTRUCTED), err, VS_E_SYNTAX,
                 "X.690, 8.7", "not an OCTET STRING");
    uint8_t *joined = vs_arena_alloc(arena, element.content.len + 1);
    if (joined == NULL)
        return vs_fail_memory(err);
    size_t len = 0;
    struct vs_ber pieces = vs_ber_reader(element.content);
    while (vs_ber_more(&pieces)) {
        struct vs_bytes piece = vs_ber_take(&pieces, 0x04);
        if (pieces.failed)
            break;
        if (piece.len > 0)
            memcpy(joined + len, piece.ptr, piece.len);
        len += piece.len;
    }
    VS_REFUSE_IF(!vs_ber_done(&pieces), err, VS_E_SYNTAX, "X.690, 8.7",
                 "a broken constructed OCTET STRING");
    *ret = VS_BYTES(joined, len);
    return VS_OK;
}
