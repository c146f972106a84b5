/* Distinguished names (RFC 5280, 4.1.2.4; RFC 4514). */
#include "formats/certificate/certificate_priv.h"
#include <stdlib.h>

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }
#define AT  "\x55\x04"
#define UCL "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01"

enum { ATTRIBUTES_MAX = 64, NAME_TEXT_MAX = 64 * 1024 };

static const struct {
    struct vs_bytes oid;
    const char *label;
} attributes[VS_NAME_ATTRIBUTES] = {
    [VS_NAME_CN] = {OID(AT "\x03"), "CN"},
    [VS_NAME_SURNAME] = {OID(AT "\x04"), "SN"},
    [VS_NAME_SERIAL_NUMBER] = {OID(AT "\x05"), "serialNumber"},
    [VS_NAME_COUNTRY] = {OID(AT "\x06"), "C"},
    [VS_NAME_LOCALITY] = {OID(AT "\x07"), "L"},
    [VS_NAME_STATE] = {OID(AT "\x08"), "ST"},
    [VS_NAME_STREET] = {OID(AT "\x09"), "STREET"},
    [VS_NAME_ORGANIZATION] = {OID(AT "\x0a"), "O"},
    [VS_NAME_ORGANIZATIONAL_UNIT] = {OID(AT "\x0b"), "OU"},
    [VS_NAME_TITLE] = {OID(AT "\x0c"), "title"},
    [VS_NAME_GIVEN_NAME] = {OID(AT "\x2a"), "GN"},
    [VS_NAME_PSEUDONYM] = {OID(AT "\x41"), "pseudonym"},
    [VS_NAME_ORGANIZATION_IDENTIFIER] = {OID(AT "\x61"), "organizationIdentifier"},
    [VS_NAME_EMAIL] = {OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), "emailAddress"},
    [VS_NAME_DOMAIN_COMPONENT] = {OID(UCL "\x19"), "DC"},
    [VS_NAME_USER_ID] = {OID(UCL "\x01"), "UID"},
};

struct attribute {
    struct vs_bytes oid, whole, value;
    uint8_t tag;
    unsigned rdn; /* number of its RelativeDistinguishedName */
};

/* All attributes in order; false: malformed or too many. */
static bool read_attributes(struct vs_bytes name, struct attribute list[ATTRIBUTES_MAX],
                            size_t *ret_n)
{
    struct vs_der der = vs_der_reader(name);
    struct vs_der rdns = vs_der_enter(&der, VS_DER_SEQUENCE);
    size_t n = 0;
    for (unsigned rdn = 0; vs_der_more(&rdns); rdn++) {
        struct vs_der set = vs_der_enter(&rdns, VS_DER_SET);
        if (!vs_der_more(&set))
            return false;
        while (vs_der_more(&set)) {
            if (n == ATTRIBUTES_MAX)
                return false;
            struct attribute *a = &list[n++];
            struct vs_der pair = vs_der_enter(&set, VS_DER_SEQUENCE);
            a->oid = vs_der_oid(&pair);
            a->whole = vs_der_element(&pair, &a->tag);
            vs_der_leave(&set, &pair);
            struct vs_der inside = vs_der_reader(a->whole);
            a->value = vs_der_take(&inside, a->tag);
            a->rdn = rdn;
        }
        if (set.failed)
            return false;
    }
    *ret_n = n;
    return vs_der_done(&rdns) && vs_der_done(&der);
}

bool vs_name_well_formed(struct vs_bytes name)
{
    struct attribute list[ATTRIBUTES_MAX];
    size_t n;
    if (!read_attributes(name, list, &n))
        return false;
    /* All attributes that are met are strings, but for x500UniqueIdentifier (a BIT STRING) and
     * those that are structures of their own. */
    for (size_t i = 0; i < n; i++)
        if (list[i].tag != VS_DER_BIT_STRING && list[i].tag != VS_DER_SEQUENCE &&
            !vs_der_is_text(list[i].tag, list[i].value))
            return false;
    return true;
}

char *vs_name_attribute(struct vs_arena *arena, struct vs_bytes name, enum vs_attribute which)
{
    VS_ASSERT((unsigned)which < VS_NAME_ATTRIBUTES);
    struct attribute list[ATTRIBUTES_MAX];
    size_t n;
    if (!read_attributes(name, list, &n))
        return NULL;
    while (n-- > 0)
        if (vs_bytes_equal(list[n].oid, attributes[which].oid))
            return vs_der_text(arena, list[n].tag, list[n].value);
    return NULL;
}

/* -- text ---------------------------------------------------------------------------------- */

/* RFC 4514, 2.4. */
static void put_escaped(struct vs_buffer *to, const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool edge = (c == ' ' && (i == 0 || i + 1 == len)) || (c == '#' && i == 0);
        if ((unsigned char)c < 0x20 || c == 0x7f)
            vs_buffer_printf(to, "\\%02X", (unsigned)(unsigned char)c);
        else if (edge || strchr("\"+,;<>\\", c) != NULL)
            vs_buffer_printf(to, "\\%c", c);
        else
            vs_buffer_byte(to, (uint8_t)c);
    }
}

static bool put_attribute(struct vs_arena *arena, struct vs_buffer *to,
                          const struct attribute *a)
{
    for (size_t i = 0; i < VS_NAME_ATTRIBUTES; i++) {
        if (!vs_bytes_equal(a->oid, attributes[i].oid))
            continue;
        char *text = vs_der_text(arena, a->tag, a->value);
        if (text == NULL)
            return false;
        vs_buffer_printf(to, "%s=", attributes[i].label);
        put_escaped(to, text);
        return true;
    }
    char *oid = vs_oid_text(arena, a->oid);
    if (oid == NULL)
        return false;
    vs_buffer_printf(to, "%s=#", oid);
    vs_buffer_hex(to, a->whole);
    return true;
}

char *vs_name_text(struct vs_arena *arena, struct vs_bytes name)
{
    struct attribute list[ATTRIBUTES_MAX];
    size_t n;
    if (!read_attributes(name, list, &n))
        return NULL;
    VS_BUFFER text;
    vs_buffer_init(&text, NAME_TEXT_MAX);
    /* RFC 4514, 2.1: the last RDN first; inside one, in the order written. */
    for (size_t end = n; end > 0;) {
        size_t begin = end - 1;
        while (begin > 0 && list[begin - 1].rdn == list[begin].rdn)
            begin--;
        for (size_t i = begin; i < end; i++) {
            if (i > begin || end < n)
                vs_buffer_byte(&text, i > begin ? '+' : ',');
            if (!put_attribute(arena, &text, &list[i]))
                return NULL;
        }
        end = begin;
    }
    if (text.failed)
        return NULL;
    return vs_arena_strndup(arena, text.len == 0 ? "" : (const char *)text.ptr, text.len);
}

/* -- comparison ---------------------------------------------------------------------------- */

/* RFC 5280, 7.1, as far as ASCII goes: folded case, outer spaces gone, inner runs one space. */
static void fold(char *text)
{
    char *to = text;
    bool space = true;
    for (const char *at = text; *at != '\0'; at++) {
        char c = *at;
        if (c == ' ' && space)
            continue;
        space = c == ' ';
        *to++ = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    if (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

static bool same_value(struct vs_arena *arena, const struct attribute *a,
                       const struct attribute *b)
{
    if (vs_bytes_equal(a->whole, b->whole))
        return true;
    char *left = vs_der_text(arena, a->tag, a->value);
    char *right = vs_der_text(arena, b->tag, b->value);
    if (left == NULL || right == NULL)
        return false;
    fold(left);
    fold(right);
    return strcmp(left, right) == 0;
}

/* Over OIDs and the ASCII characters that folding keeps, so that whatever vs_name_equal calls
 * equal hashes equally, in any string type. FNV-1a; nobody's choice of names can harm: a
 * collision costs one comparison. */
uint32_t vs_name_hash(struct vs_bytes name)
{
    struct attribute list[ATTRIBUTES_MAX];
    size_t n;
    uint32_t hash = 2166136261;
    if (!read_attributes(name, list, &n))
        return 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < list[i].oid.len; k++)
            hash = (hash ^ list[i].oid.ptr[k]) * 16777619;
        size_t width = list[i].tag == VS_DER_BMP_STRING ? 2 : list[i].tag == 0x1c ? 4 : 1;
        for (size_t k = 0; k + width <= list[i].value.len; k += width) {
            uint32_t c = 0;
            for (size_t b = 0; b < width; b++)
                c = c << 8 | list[i].value.ptr[k + b];
            if (c >= 'A' && c <= 'Z')
                c += 32;
            if (c != ' ' && c < 0x80)
                hash = (hash ^ c) * 16777619;
        }
    }
    return hash;
}

/* Whether the attributes of `b` are the first of `a`, RDN by RDN. */
static bool begins_with(struct vs_bytes a, struct vs_bytes b, bool wholly)
{
    struct attribute left[ATTRIBUTES_MAX], right[ATTRIBUTES_MAX];
    size_t n, m;
    if (!read_attributes(a, left, &n) || !read_attributes(b, right, &m) || n < m ||
        (wholly && n != m))
        return false;
    VS_ARENA *arena = vs_arena_new(1024 * 1024);
    if (arena == NULL)
        return false;
    /* DER sorts a SET OF, so attributes of one RDN stand in the same order in both. */
    for (size_t i = 0; i < m; i++)
        if (left[i].rdn != right[i].rdn || !vs_bytes_equal(left[i].oid, right[i].oid) ||
            !same_value(arena, &left[i], &right[i]))
            return false;
    return m == 0 || m == n || left[m].rdn != left[m - 1].rdn;
}

bool vs_name_equal(struct vs_bytes a, struct vs_bytes b)
{
    return vs_bytes_equal(a, b) || begins_with(a, b, true);
}

bool vs_name_within(struct vs_bytes name, struct vs_bytes base)
{
    return begins_with(name, base, false);
}

/* -- serial number ------------------------------------------------------------------------- */

char *vs_certificate_serial_text(struct vs_arena *arena, const struct vs_certificate *c)
{
    uint8_t magnitude[64];
    char digits[160]; /* 64 octets are at most 155 digits */
    size_t len = c->serial.len, n = sizeof digits;
    bool negative = c->serial.ptr[0] >= 0x80;
    memcpy(magnitude, c->serial.ptr, len);
    if (negative) { /* two's complement */
        unsigned carry = 1;
        for (size_t i = len; i-- > 0;) {
            unsigned v = (uint8_t)~magnitude[i] + carry;
            magnitude[i] = (uint8_t)v;
            carry = v >> 8;
        }
    }
    bool zero;
    do {
        unsigned rest = 0;
        zero = true;
        for (size_t i = 0; i < len; i++) {
            unsigned v = rest << 8 | magnitude[i];
            magnitude[i] = (uint8_t)(v / 10);
            rest = v % 10;
            zero = zero && magnitude[i] == 0;
        }
        digits[--n] = (char)('0' + rest);
    } while (!zero);
    if (negative)
        digits[--n] = '-';
    return vs_arena_strndup(arena, digits + n, sizeof digits - n);
}
