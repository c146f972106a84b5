#include "formats/certificate/constraints.h"
#include "formats/crypto/der.h"

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }

static const struct vs_bytes oid_any_policy = OID("\x55\x1d\x20\x00");

/* GeneralName tags. */
enum {
    NAME_EMAIL = 0x81,
    NAME_DNS = 0x82,
    NAME_DIRECTORY = 0xa4,
    NAME_URI = 0x86,
    SUBTREES_MAX = 256,
    NAMES_MAX = 256,
    POLICIES_MAX = 64,
};

/* -- names --------------------------------------------------------------------------------- */

static bool ends_ascii_case(struct vs_bytes text, struct vs_bytes end)
{
    if (end.len > text.len)
        return false;
    for (size_t i = 0; i < end.len; i++) {
        uint8_t a = text.ptr[text.len - end.len + i], b = end.ptr[i];
        a = a >= 'A' && a <= 'Z' ? (uint8_t)(a + 32) : a;
        b = b >= 'A' && b <= 'Z' ? (uint8_t)(b + 32) : b;
        if (a != b)
            return false;
    }
    return true;
}

/* Equal, or a subdomain ("example.com" holds "a.example.com"; ".example.com" subdomains only).
 */
static bool host_within(struct vs_bytes host, struct vs_bytes base)
{
    if (base.len == 0)
        return true;
    if (!ends_ascii_case(host, base))
        return false;
    return host.len == base.len || base.ptr[0] == '.' ||
           host.ptr[host.len - base.len - 1] == '.';
}

/* "a@b" that mailbox, "b" all of that host and only it, ".b" of its subdomains. */
static bool email_within(struct vs_bytes address, struct vs_bytes base)
{
    const uint8_t *at = address.len == 0 ? NULL : memrchr(address.ptr, '@', address.len);
    if (at == NULL)
        return false;
    struct vs_bytes host = VS_BYTES(at + 1, (size_t)(address.ptr + address.len - at) - 1);
    if (base.len > 0 && memchr(base.ptr, '@', base.len) != NULL)
        return address.len == base.len && ends_ascii_case(address, base);
    if (base.len > 0 && base.ptr[0] == '.')
        return host.len > base.len && ends_ascii_case(host, base);
    return host.len == base.len && ends_ascii_case(host, base);
}

static struct vs_bytes uri_host(struct vs_bytes uri)
{
    const uint8_t *from = uri.len == 0 ? NULL : memmem(uri.ptr, uri.len, "://", 3);
    if (from == NULL)
        return VS_BYTES_NONE;
    from += 3;
    const uint8_t *end = uri.ptr + uri.len, *to = from;
    while (to < end && *to != '/' && *to != '?' && *to != '#')
        to++;
    const uint8_t *user = memrchr(from, '@', (size_t)(to - from));
    if (user != NULL)
        from = user + 1;
    const uint8_t *port = memchr(from, ':', (size_t)(to - from));
    return VS_BYTES(from, (size_t)((port == NULL ? to : port) - from));
}

static bool within(uint8_t form, struct vs_bytes name, struct vs_bytes base)
{
    switch (form) {
    case NAME_EMAIL:
        return email_within(name, base);
    case NAME_DNS:
        return host_within(name, base);
    case NAME_URI:
        return host_within(uri_host(name), base);
    case NAME_DIRECTORY:
        return vs_name_within(name, base);
    default:
        return false;
    }
}

/* Every constraint of `constraints` against one name; `*ret_why` where it fails. */
static bool name_allowed(struct vs_bytes constraints, uint8_t form, struct vs_bytes name,
                         const char **ret_why)
{
    struct vs_der der = vs_der_reader(constraints);
    struct vs_der lists = vs_der_enter(&der, VS_DER_SEQUENCE);
    for (uint8_t kind = 0; kind < 2; kind++) { /* 0 permitted, 1 excluded */
        if (vs_der_peek(&lists) != VS_DER_CONTEXT_CONSTRUCTED(kind))
            continue;
        struct vs_der subtrees =
            vs_der_enter(&lists, (uint8_t)VS_DER_CONTEXT_CONSTRUCTED(kind));
        bool constrained = false, matched = false;
        for (int n = 0; vs_der_more(&subtrees) && n < SUBTREES_MAX; n++) {
            struct vs_der subtree = vs_der_enter(&subtrees, VS_DER_SEQUENCE);
            uint8_t tag = vs_der_peek(&subtree);
            struct vs_bytes base = vs_der_take(&subtree, tag);
            if (tag != form)
                continue;
            constrained = true;
            matched |= within(form, name, base);
        }
        *ret_why = kind == 0 ? "a name lies outside what an issuer permits"
                             : "a name is excluded by an issuer";
        if (vs_der_more(&subtrees) || subtrees.failed)
            return false;
        bool comparable = form == NAME_EMAIL || form == NAME_DNS || form == NAME_URI ||
                          form == NAME_DIRECTORY;
        if (constrained && (!comparable || (kind == 0 ? !matched : matched)))
            return false;
    }
    *ret_why = "name constraints that cannot be read";
    return vs_der_done(&lists) && vs_der_done(&der);
}

/* RFC 5280, 4.2.1.10: an e-mail address in the subject counts where the certificate has no
 * alternative names. */
static bool subject_email_allowed(struct vs_bytes constraints, const struct vs_certificate *c,
                                  const char **ret_why)
{
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const char *text =
        arena == NULL ? NULL : vs_name_attribute(arena, c->subject, VS_NAME_EMAIL);
    return text == NULL || name_allowed(constraints, NAME_EMAIL, vs_bytes_text(text), ret_why);
}

static bool names_allowed(struct vs_bytes constraints, const struct vs_certificate *c,
                          const char **ret_why)
{
    struct vs_der subject = vs_der_reader(c->subject);
    if (vs_der_take(&subject, VS_DER_SEQUENCE).len > 0 &&
        !name_allowed(constraints, NAME_DIRECTORY, c->subject, ret_why))
        return false;
    if (c->subject_alt_name.len == 0)
        return subject_email_allowed(constraints, c, ret_why);
    struct vs_der der = vs_der_reader(c->subject_alt_name);
    struct vs_der names = vs_der_enter(&der, VS_DER_SEQUENCE);
    for (int n = 0; vs_der_more(&names) && n < NAMES_MAX; n++) {
        uint8_t form = vs_der_peek(&names);
        struct vs_bytes name = vs_der_take(&names, form);
        if (!name_allowed(constraints, form, name, ret_why))
            return false;
    }
    *ret_why = "alternative names that cannot be read";
    return vs_der_done(&names) && vs_der_done(&der);
}

static bool names_hold(const struct vs_certificate *const *path, size_t n, size_t *ret_culprit,
                       const char **ret_why)
{
    for (size_t i = 1; i < n; i++) {
        if (path[i]->name_constraints.len == 0)
            continue;
        for (size_t k = 0; k < i; k++) {
            /* RFC 5280, 6.1.3 (b): self-issued ones inside the path are free. */
            if (path[k]->self_issued && k > 0)
                continue;
            *ret_culprit = k;
            if (!names_allowed(path[i]->name_constraints, path[k], ret_why))
                return false;
        }
    }
    return true;
}

/* -- policies ------------------------------------------------------------------------------ */

struct policies {
    struct vs_bytes list[POLICIES_MAX];
    size_t n;
    bool any; /* anyPolicy: all */
};

/* False: unreadable or too many. */
static bool read_policies(const struct vs_certificate *c, struct policies *ret)
{
    *ret = (struct policies){.n = 0};
    if (c->policies.len == 0)
        return true;
    struct vs_der der = vs_der_reader(c->policies);
    struct vs_der list = vs_der_enter(&der, VS_DER_SEQUENCE);
    while (vs_der_more(&list)) {
        struct vs_der one = vs_der_enter(&list, VS_DER_SEQUENCE);
        struct vs_bytes oid = vs_der_oid(&one);
        if (one.failed || ret->n == POLICIES_MAX)
            return false;
        if (vs_bytes_equal(oid, oid_any_policy))
            ret->any = true;
        else
            ret->list[ret->n++] = oid;
    }
    return vs_der_done(&list) && vs_der_done(&der);
}

static bool has(const struct policies *p, struct vs_bytes oid)
{
    for (size_t i = 0; i < p->n; i++)
        if (vs_bytes_equal(p->list[i], oid))
            return true;
    return false;
}

/* What both allow: RFC 5280, 6.1.3 (d), without mappings. */
static void intersect(struct policies *valid, const struct policies *own)
{
    struct policies both = {.any = valid->any && own->any};
    for (size_t i = 0; i < valid->n; i++)
        if (own->any || has(own, valid->list[i]))
            both.list[both.n++] = valid->list[i];
    for (size_t i = 0; valid->any && i < own->n && both.n < POLICIES_MAX; i++)
        if (!has(&both, own->list[i]))
            both.list[both.n++] = own->list[i];
    *valid = both;
}

/* requireExplicitPolicy's skip count, -1: absent; -2: unreadable. */
static int64_t explicit_after(const struct vs_certificate *c)
{
    if (c->policy_constraints.len == 0)
        return -1;
    struct vs_der der = vs_der_reader(c->policy_constraints);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_bytes value, unused;
    int64_t skip = -1;
    if (vs_der_optional(&inner, VS_DER_CONTEXT(0), &value))
        skip = value.len == 1 && value.ptr[0] < 0x80 ? value.ptr[0] : INT64_MAX;
    vs_der_optional(&inner, VS_DER_CONTEXT(1), &unused);
    vs_der_leave(&der, &inner);
    return vs_der_done(&der) ? skip : -2;
}

static int64_t inhibit_after(const struct vs_certificate *c)
{
    if (c->inhibit_any_policy.len == 0)
        return INT64_MAX;
    struct vs_der der = vs_der_reader(c->inhibit_any_policy);
    int64_t skip = vs_der_small(&der);
    return vs_der_done(&der) ? skip : 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool demands_policies(const struct vs_certificate *const *path, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (path[i]->policy_constraints.len > 0)
            return true;
    return false;
}

static bool policies_hold(const struct vs_certificate *const *path, size_t n,
                          size_t *ret_culprit, const char **ret_why)
{
    struct policies valid = {.any = true}, own;
    int64_t explicit_in = INT64_MAX, any_for = INT64_MAX;
    bool mapped = false;
    for (size_t i = n; i-- > 0;) { /* from the anchor down */
        const struct vs_certificate *c = path[i];
        *ret_culprit = i;
        *ret_why = "certificate policies that cannot be read";
        if (!read_policies(c, &own) || explicit_after(c) == -2)
            return false;
        bool anchor = i + 1 == n, inner = c->self_issued && i > 0;
        if (!anchor) {
            own.any &= any_for > 0 || inner;
            intersect(&valid, &own);
            *ret_why = mapped ? "policies that hold by a mapping only"
                              : "no policy holds along the path, and one is required";
            if (explicit_in <= 0 && !valid.any && valid.n == 0)
                return false;
        }
        if (!anchor && !inner) {
            explicit_in -= explicit_in != INT64_MAX && explicit_in > 0;
            any_for -= any_for != INT64_MAX && any_for > 0;
        }
        if (explicit_after(c) >= 0)
            explicit_in = least(explicit_in, explicit_after(c));
        any_for = least(any_for, inhibit_after(c));
        mapped |= c->policy_mappings.len > 0;
    }
    /* RFC 5280, 6.1.5 (a): what the last certificate demands counts for itself. */
    return !(explicit_in <= 0 && !valid.any && valid.n == 0);
}

bool vs_constraints_hold(const struct vs_certificate *const *path, size_t n,
                         size_t *ret_culprit, const char **ret_why, const char **ret_clause)
{
    *ret_clause = "RFC 5280, 4.2.1.10";
    if (!names_hold(path, n, ret_culprit, ret_why))
        return false;
    *ret_clause = "RFC 5280, 6.1.3 (d)";
    /* Any set of policies will do unless a certificate demands one. */
    return !demands_policies(path, n) || policies_hold(path, n, ret_culprit, ret_why);
}
