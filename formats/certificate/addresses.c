/* Addresses and policies that a certificate names. */
#include "formats/certificate/certificate_priv.h"

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }
#define AD "\x2b\x06\x01\x05\x05\x07\x30"

enum { ADDRESSES_MAX = 16, ADDRESS_MAX_BYTES = 2048, URI_TAG = VS_DER_CONTEXT(6) };

struct found {
    const char *list[ADDRESSES_MAX];
    size_t n;
};

/* Anything but a plain http(s) URI of printable ASCII is passed over: it is of no use, and must
 * not reach a log or a client. */
static bool usable(struct vs_bytes uri)
{
    if (uri.len > ADDRESS_MAX_BYTES ||
        (!vs_bytes_starts(uri, "http://") && !vs_bytes_starts(uri, "https://")))
        return false;
    for (size_t i = 0; i < uri.len; i++)
        if (uri.ptr[i] <= 0x20 || uri.ptr[i] >= 0x7f)
            return false;
    return true;
}

static vs_rc add(struct vs_arena *arena, struct found *found, struct vs_bytes uri,
                 struct vs_error *err)
{
    if (!usable(uri) || found->n == ADDRESSES_MAX)
        return VS_OK;
    const char *text = vs_arena_strndup(arena, (const char *)uri.ptr, uri.len);
    if (text == NULL)
        return vs_fail_memory(err);
    found->list[found->n++] = text;
    return VS_OK;
}

/* AuthorityInfoAccessSyntax. */
static vs_rc from_info(struct vs_arena *arena, struct vs_bytes info, struct vs_bytes method,
                       struct found *found, struct vs_error *err)
{
    struct vs_der der = vs_der_reader(info);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    while (vs_der_more(&list)) {
        struct vs_der one = vs_der_enter(&list, VS_DER_SEQUENCE);
        struct vs_bytes oid = vs_der_oid(&one), uri;
        if (vs_der_optional(&one, URI_TAG, &uri) && vs_bytes_equal(oid, method))
            VS_TRY(add(arena, found, uri, err));
    }
    return VS_OK;
}

/* CRLDistributionPoints: the URIs of each point's fullName. Points with reasons or another
 * issuer (parts of lists) are left out. */
static vs_rc from_points(struct vs_arena *arena, struct vs_bytes points, struct found *found,
                         struct vs_error *err)
{
    struct vs_der der = vs_der_reader(points);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    while (vs_der_more(&list)) {
        struct vs_der point = vs_der_enter(&list, VS_DER_SEQUENCE);
        if (vs_der_peek(&point) != VS_DER_CONTEXT_CONSTRUCTED(0))
            continue;
        struct vs_der name = vs_der_enter(&point, VS_DER_CONTEXT_CONSTRUCTED(0));
        if (vs_der_more(&point) || vs_der_peek(&name) != VS_DER_CONTEXT_CONSTRUCTED(0))
            continue;
        struct vs_der full = vs_der_enter(&name, VS_DER_CONTEXT_CONSTRUCTED(0));
        while (vs_der_more(&full)) {
            struct vs_bytes uri;
            if (vs_der_optional(&full, URI_TAG, &uri))
                VS_TRY(add(arena, found, uri, err));
            else
                (void)vs_der_element(&full, NULL);
        }
    }
    return VS_OK;
}

vs_rc vs_certificate_addresses(struct vs_arena *arena, const struct vs_certificate *c,
                               enum vs_address which, const char *const **ret, size_t *ret_n,
                               struct vs_error *err)
{
    static const struct vs_bytes ocsp = OID(AD "\x01"), issuers = OID(AD "\x02");
    struct found found = {.n = 0};
    if (which == VS_ADDRESS_CRL)
        VS_TRY(from_points(arena, c->crl_points, &found, err));
    else
        VS_TRY(from_info(arena, c->authority_info, which == VS_ADDRESS_OCSP ? ocsp : issuers,
                         &found, err));
    const char **list = vs_arena_make_n(arena, const char *, found.n);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < found.n; i++)
        list[i] = found.list[i];
    *ret = list;
    *ret_n = found.n;
    return VS_OK;
}

bool vs_certificate_has_policy(const struct vs_certificate *c, const char *policy)
{
    VS_ARENA *arena = vs_arena_new(4096);
    struct vs_bytes wanted = arena == NULL ? VS_BYTES_NONE : vs_oid_from_text(arena, policy);
    struct vs_der der = vs_der_reader(c->policies);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    while (wanted.len > 0 && vs_der_more(&list)) {
        struct vs_der one = vs_der_enter(&list, VS_DER_SEQUENCE);
        if (vs_bytes_equal(vs_der_oid(&one), wanted))
            return true;
    }
    return false;
}
