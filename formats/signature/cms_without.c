#include "formats/crypto/der.h"
#include "formats/signature/ber.h"
#include "formats/signature/cms.h"

enum { MAX_DEPTH = 32, MAX_SKIPPED = 64, CONSTRUCTED = 0x20, UNSIGNED_ATTRIBUTES = 0xa1 };

struct copier {
    struct vs_buffer *to;
    const uint8_t *skipped[MAX_SKIPPED]; /* where the attributes begin that are left out */
    size_t n;
};

static bool is_skipped(const struct copier *c, const uint8_t *at)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->skipped[i] == at)
            return true;
    return false;
}

/* Depth is bounded, so the recursion is too. `false`: too deep, or broken. */
static bool copy(struct copier *c, const struct vs_ber_element *element, int depth)
{
    bool string = element->tag == (VS_DER_OCTET_STRING | CONSTRUCTED);
    if ((element->tag & CONSTRUCTED) == 0) {
        vs_der_put(c->to, element->tag, element->content);
        return true;
    }
    size_t begin = vs_der_begin(c->to), kept = 0, left_out = 0;
    struct vs_ber inner = vs_ber_reader(element->content);
    while (vs_ber_more(&inner)) {
        struct vs_ber_element next = vs_ber_next(&inner);
        if (inner.failed || depth == MAX_DEPTH || (string && next.tag != VS_DER_OCTET_STRING))
            return false;
        bool skip = is_skipped(c, next.whole.ptr);
        kept += !skip;
        left_out += skip;
        if (skip)
            continue;
        if (string)
            vs_buffer_add(c->to, next.content);
        else if (!copy(c, &next, depth + 1))
            return false;
    }
    /* A SET OF unsigned attributes must hold one (RFC 5652, 5.3): none left, none written. */
    if (element->tag == UNSIGNED_ATTRIBUTES && kept == 0 && left_out > 0)
        return !inner.failed;
    vs_der_end(c->to, begin, string ? VS_DER_OCTET_STRING : element->tag);
    return vs_ber_done(&inner);
}

static bool is_one_of(const struct vs_cms_attribute *a, const char *const *oids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (vs_cms_attribute(a, 1, oids[i], 0) != NULL)
            return true;
    return false;
}

vs_rc vs_cms_without(struct vs_arena *arena, const struct vs_cms *cms,
                     const struct vs_cms_signer *signer, const char *const *oids, size_t n_oids,
                     size_t from, struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER out;
    vs_buffer_init(&out, cms->whole.len + 64);
    struct copier c = {.to = &out};
    for (size_t i = 0, seen = 0; i < signer->n_unsigned && c.n < MAX_SKIPPED; i++) {
        const struct vs_cms_attribute *a = &signer->unsigned_attributes[i];
        if (is_one_of(a, oids, n_oids) && seen++ >= from)
            c.skipped[c.n++] = a->whole.ptr;
    }
    struct vs_ber reader = vs_ber_reader(cms->whole);
    struct vs_ber_element whole = vs_ber_next(&reader);
    VS_REFUSE_IF(!vs_ber_done(&reader) || !copy(&c, &whole, 0), err, VS_E_SIGNATURE_FORM,
                 "X.690, 8.1", "too deep to be copied");
    return vs_buffer_copy(&out, arena, ret, err);
}
