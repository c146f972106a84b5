#include "formats/crypto/der.h"

struct vs_der vs_der_reader(struct vs_bytes bytes)
{
    /* NULL + 0 is undefined for sanitizers' pointer arithmetic: give an empty view a place. */
    static const uint8_t nothing;
    const uint8_t *at = bytes.ptr == NULL ? &nothing : bytes.ptr;
    return (struct vs_der){at, at + bytes.len, false};
}

bool vs_der_done(const struct vs_der *der)
{
    return !der->failed && der->at == der->end;
}
bool vs_der_more(const struct vs_der *der)
{
    return !der->failed && der->at != der->end;
}
uint8_t vs_der_peek(const struct vs_der *der)
{
    return vs_der_more(der) ? *der->at : 0;
}

static struct vs_bytes fail(struct vs_der *der)
{
    der->failed = true;
    return VS_BYTES(der->end, 0);
}

/* X.690, 10.1: the definite form in the smallest number of octets. `*ret_header` counts tag and
 * length octets. */
static bool read_header(const struct vs_der *der, size_t *ret_header, size_t *ret_length)
{
    size_t left = (size_t)(der->end - der->at);
    if (left < 2 || (der->at[0] & 0x1f) == 0x1f || der->at[0] == 0)
        return false;
    size_t length = der->at[1], header = 2;
    if (length >= 0x80) {
        size_t octets = length & 0x7f;
        if (octets == 0 || octets > 4 || left < 2 + octets || der->at[2] == 0)
            return false;
        length = 0;
        for (size_t i = 0; i < octets; i++)
            length = length << 8 | der->at[2 + i];
        if (length < 0x80)
            return false;
        header += octets;
    }
    if (length > left - header)
        return false;
    *ret_header = header;
    *ret_length = length;
    return true;
}

struct vs_bytes vs_der_take(struct vs_der *der, uint8_t tag)
{
    size_t header, length;
    if (vs_der_peek(der) != tag || !read_header(der, &header, &length))
        return fail(der);
    struct vs_bytes content = VS_BYTES(der->at + header, length);
    der->at += header + length;
    return content;
}

bool vs_der_optional(struct vs_der *der, uint8_t tag, struct vs_bytes *ret)
{
    if (vs_der_peek(der) != tag)
        return false;
    *ret = vs_der_take(der, tag);
    return !der->failed;
}

struct vs_bytes vs_der_element(struct vs_der *der, uint8_t *ret_tag)
{
    size_t header, length;
    if (ret_tag != NULL)
        *ret_tag = vs_der_peek(der);
    if (!vs_der_more(der) || !read_header(der, &header, &length))
        return fail(der);
    struct vs_bytes whole = VS_BYTES(der->at, header + length);
    der->at += whole.len;
    return whole;
}

struct vs_bytes vs_der_whole(struct vs_der *der, uint8_t tag)
{
    return vs_der_peek(der) == tag ? vs_der_element(der, NULL) : fail(der);
}

struct vs_der vs_der_enter(struct vs_der *der, uint8_t tag)
{
    struct vs_der inner = vs_der_reader(vs_der_take(der, tag));
    inner.failed = der->failed;
    return inner;
}

void vs_der_leave(struct vs_der *outer, const struct vs_der *inner)
{
    if (!vs_der_done(inner))
        outer->failed = true;
}

/* X.690, 8.3.2: the first nine bits neither all zero nor all one. */
static bool minimal_integer(struct vs_bytes v)
{
    if (v.len == 0)
        return false;
    return v.len == 1 ||
           !((v.ptr[0] == 0 && v.ptr[1] < 0x80) || (v.ptr[0] == 0xff && v.ptr[1] >= 0x80));
}

struct vs_bytes vs_der_unsigned(struct vs_der *der, size_t max_octets)
{
    struct vs_bytes v = vs_der_take(der, VS_DER_INTEGER);
    if (der->failed || !minimal_integer(v) || v.ptr[0] >= 0x80)
        return fail(der);
    if (v.len > 1 && v.ptr[0] == 0)
        v = VS_BYTES(v.ptr + 1, v.len - 1);
    return v.len > max_octets ? fail(der) : v;
}

int64_t vs_der_small(struct vs_der *der)
{
    struct vs_bytes v = vs_der_unsigned(der, 8);
    uint64_t n = 0;
    for (size_t i = 0; i < v.len; i++)
        n = n << 8 | v.ptr[i];
    if (n > INT64_MAX) {
        fail(der);
        return 0;
    }
    return (int64_t)n;
}

bool vs_der_boolean(struct vs_der *der)
{
    struct vs_bytes v = vs_der_take(der, VS_DER_BOOLEAN);
    if (der->failed || v.len != 1 || (v.ptr[0] != 0 && v.ptr[0] != 0xff)) {
        fail(der);
        return false;
    }
    return v.ptr[0] == 0xff;
}

/* X.690, 8.19: each arc in the fewest octets, the last octet of an arc present. */
static bool well_formed_oid(struct vs_bytes oid)
{
    bool starts = true;
    for (size_t i = 0; i < oid.len; i++) {
        if (starts && oid.ptr[i] == 0x80)
            return false;
        starts = oid.ptr[i] < 0x80;
    }
    return oid.len > 0 && starts;
}

struct vs_bytes vs_der_oid(struct vs_der *der)
{
    struct vs_bytes oid = vs_der_take(der, VS_DER_OID);
    return der->failed || !well_formed_oid(oid) ? fail(der) : oid;
}

bool vs_der_extension(struct vs_der *list, struct vs_der_extension *ret)
{
    if (!vs_der_more(list))
        return false;
    struct vs_der one = vs_der_enter(list, VS_DER_SEQUENCE);
    ret->oid = vs_der_oid(&one);
    ret->critical = vs_der_peek(&one) == VS_DER_BOOLEAN && vs_der_boolean(&one);
    ret->value = vs_der_take(&one, VS_DER_OCTET_STRING);
    vs_der_leave(list, &one);
    if (++ret->count > VS_DER_EXTENSIONS_MAX)
        fail(list);
    return !list->failed;
}

struct vs_bytes vs_der_bits(struct vs_der *der)
{
    struct vs_bytes v = vs_der_take(der, VS_DER_BIT_STRING);
    if (der->failed || v.len < 1 || v.ptr[0] != 0)
        return fail(der);
    return VS_BYTES(v.ptr + 1, v.len - 1);
}

uint32_t vs_der_named_bits(struct vs_der *der)
{
    struct vs_bytes v = vs_der_take(der, VS_DER_BIT_STRING);
    if (der->failed || v.len < 1 || v.ptr[0] > 7 || (v.len == 1 && v.ptr[0] != 0)) {
        fail(der);
        return 0;
    }
    size_t bits = (v.len - 1) * 8 - v.ptr[0];
    uint32_t set = 0;
    for (size_t i = 0; i < bits && i < 16; i++)
        if (v.ptr[1 + i / 8] & (0x80 >> i % 8))
            set |= UINT32_C(1) << i;
    return set;
}

/* `n` decimal digits, or -1. */
static int digits(const uint8_t *at, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        v = v * 10 + (at[i] - '0');
    }
    return v;
}

/* MMDDHHMMSS after a year; VS_TIME_NONE where it is no time. */
static vs_time_ms read_civil(int year, const uint8_t *at)
{
    struct vs_civil c = {year,
                         digits(at, 2),
                         digits(at + 2, 2),
                         digits(at + 4, 2),
                         digits(at + 6, 2),
                         digits(at + 8, 2),
                         0};
    if (year < 0 || c.month < 0 || c.day < 0 || c.hour < 0 || c.minute < 0 || c.second < 0)
        return VS_TIME_NONE;
    return vs_time_from_civil(c);
}

vs_time_ms vs_der_time(struct vs_der *der)
{
    vs_time_ms t = VS_TIME_NONE;
    if (vs_der_peek(der) == VS_DER_UTC_TIME) {
        struct vs_bytes v = vs_der_take(der, VS_DER_UTC_TIME);
        if (!der->failed && v.len == 13 && v.ptr[12] == 'Z') {
            int year = digits(v.ptr, 2);
            if (year >= 0)
                t = read_civil(year < 50 ? 2000 + year : 1900 + year, v.ptr + 2);
        }
    } else {
        struct vs_bytes v = vs_der_take(der, VS_DER_GENERALIZED_TIME);
        if (!der->failed && v.len == 15 && v.ptr[14] == 'Z')
            t = read_civil(digits(v.ptr, 4), v.ptr + 4);
    }
    if (t == VS_TIME_NONE)
        fail(der);
    return t;
}

vs_time_ms vs_der_generalized_time(struct vs_der *der, bool *ret_cut)
{
    struct vs_bytes v = vs_der_take(der, VS_DER_GENERALIZED_TIME);
    if (ret_cut != NULL)
        *ret_cut = false;
    vs_time_ms t = VS_TIME_NONE;
    if (!der->failed && v.len >= 15 && v.len <= 40 && v.ptr[v.len - 1] == 'Z')
        t = read_civil(digits(v.ptr, 4), v.ptr + 4);
    if (t == VS_TIME_NONE) {
        fail(der);
        return t;
    }
    if (v.len == 15)
        return t;
    /* RFC 3161, 2.4.2: a point, then digits, the last of them not 0. */
    size_t n = v.len - 16;
    bool good = v.ptr[14] == '.' && n > 0 && v.ptr[v.len - 2] != '0';
    int ms = 0, weight = 100;
    for (size_t i = 0; good && i < n; i++) {
        int d = digits(v.ptr + 15 + i, 1);
        good = d >= 0;
        ms += d * weight;
        weight /= 10;
    }
    if (!good) {
        fail(der);
        return VS_TIME_NONE;
    }
    if (ret_cut != NULL)
        *ret_cut = n > 3;
    return t + ms;
}

static void put_decimal(struct vs_buffer *to, uint64_t n)
{
    uint8_t digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    vs_buffer_add(to, VS_BYTES(digits + at, sizeof digits - at));
}

char *vs_oid_text(struct vs_arena *arena, struct vs_bytes oid)
{
    if (!well_formed_oid(oid) || oid.len > 128)
        return NULL;
    VS_BUFFER text;
    vs_buffer_init(&text, 1024);
    uint64_t arc = 0;
    bool first = true;
    for (size_t i = 0; i < oid.len; i++) {
        if (arc > UINT64_MAX >> 7)
            return NULL;
        arc = arc << 7 | (oid.ptr[i] & 0x7f);
        if (oid.ptr[i] >= 0x80)
            continue;
        uint64_t root = arc < 40 ? 0 : arc < 80 ? 1 : 2;
        if (first)
            vs_buffer_byte(&text, (uint8_t)('0' + root));
        vs_buffer_byte(&text, '.');
        put_decimal(&text, first ? arc - root * 40 : arc);
        first = false;
        arc = 0;
    }
    return text.failed ? NULL : vs_arena_strndup(arena, (const char *)text.ptr, text.len);
}

static void put_arc(struct vs_buffer *to, uint64_t arc)
{
    uint8_t octets[10];
    size_t at = sizeof octets;
    uint8_t more = 0;
    do {
        octets[--at] = (uint8_t)((arc & 0x7f) | more);
        more = 0x80;
        arc >>= 7;
    } while (arc > 0);
    vs_buffer_add(to, VS_BYTES(octets + at, sizeof octets - at));
}

struct vs_bytes vs_oid_from_text(struct vs_arena *arena, const char *text)
{
    VS_BUFFER oid;
    vs_buffer_init(&oid, 128);
    uint64_t root = 0;
    int n = 0;
    for (const char *at = text;; n++) {
        size_t len = strcspn(at, ".");
        uint64_t arc;
        if (!vs_u64_decode(VS_BYTES(at, len), &arc) || (len > 1 && *at == '0'))
            return VS_BYTES_NONE;
        if (n == 0 && arc > 2)
            return VS_BYTES_NONE;
        if (n == 1 && ((root < 2 && arc > 39) || arc > UINT64_MAX - 80))
            return VS_BYTES_NONE;
        if (n == 0)
            root = arc;
        else
            put_arc(&oid, n == 1 ? root * 40 + arc : arc);
        at += len;
        if (*at++ == '\0')
            break;
    }
    if (n < 1 || oid.failed)
        return VS_BYTES_NONE;
    return vs_bytes_copy(arena, vs_buffer_view(&oid));
}

static void put_utf8(struct vs_buffer *to, uint32_t c)
{
    if (c < 0x80) {
        vs_buffer_byte(to, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        vs_buffer_byte(to, (uint8_t)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            vs_buffer_byte(to, (uint8_t)(0xe0 | c >> 12));
        } else {
            vs_buffer_byte(to, (uint8_t)(0xf0 | c >> 18));
            vs_buffer_byte(to, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        }
        vs_buffer_byte(to, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    vs_buffer_byte(to, (uint8_t)(0x80 | (c & 0x3f)));
}

/* Octets per character, 0 for UTF-8; -1: no string type. T61String is read as Latin-1, as all
 * do that meet it. */
static int character_width(uint8_t tag)
{
    switch (tag) {
    case VS_DER_UTF8_STRING:
        return 0;
    case 0x12: /* NumericString */
    case VS_DER_PRINTABLE_STRING:
    case VS_DER_T61_STRING:
    case VS_DER_IA5_STRING:
    case VS_DER_VISIBLE_STRING:
        return 1;
    case VS_DER_BMP_STRING:
        return 2;
    case 0x1c: /* UniversalString */
        return 4;
    default:
        return -1;
    }
}

enum { TEXT_MAX = 65536 };

/* The next character of a fixed-width type; 0: none that may stand in a text. */
static uint32_t character(uint8_t tag, const uint8_t *at, size_t width)
{
    uint32_t c = 0;
    for (size_t k = 0; k < width; k++)
        c = c << 8 | at[k];
    bool ascii_only = width == 1 && tag != VS_DER_T61_STRING;
    bool bad = c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || (ascii_only && c > 0x7f);
    return bad ? 0 : c;
}

bool vs_der_is_text(uint8_t tag, struct vs_bytes content)
{
    int width = character_width(tag);
    if (width < 0 || content.len > TEXT_MAX)
        return false;
    if (width == 0) /* "good.example\0.evil.example" must not shorten itself */
        return (content.len == 0 || memchr(content.ptr, 0, content.len) == NULL) &&
               vs_utf8_valid(content);
    if (content.len % (size_t)width != 0)
        return false;
    for (size_t i = 0; i < content.len; i += (size_t)width)
        if (character(tag, content.ptr + i, (size_t)width) == 0)
            return false;
    return true;
}

char *vs_der_text(struct vs_arena *arena, uint8_t tag, struct vs_bytes content)
{
    if (!vs_der_is_text(tag, content))
        return NULL;
    size_t width = (size_t)character_width(tag);
    if (width == 0)
        return vs_arena_strndup(arena, (const char *)content.ptr, content.len);
    VS_BUFFER text;
    vs_buffer_init(&text, 4 * content.len + 1);
    for (size_t i = 0; i < content.len; i += width)
        put_utf8(&text, character(tag, content.ptr + i, width));
    return text.failed ? NULL : vs_arena_strndup(arena, (const char *)text.ptr, text.len);
}
