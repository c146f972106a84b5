/* der.h - a strict, bounded reader of DER, and a writer of small structures.
 *
 * The reader walks borrowed bytes and copies nothing. It takes DER only (X.690, 10): definite,
 * shortest lengths; low tag numbers below 31; no indefinite form. Every element must fill its
 * place exactly, so that no byte rides along unread. Depth is the caller's code: nothing here
 * recurses. A reader that met a fault stays failed, so that a caller may read several fields
 * and check once, at the end, with vs_der_done. */
#ifndef VS_FORMATS_CRYPTO_DER_H
#define VS_FORMATS_CRYPTO_DER_H
#include "formats/base/base.h"

enum {
    VS_DER_BOOLEAN = 0x01,
    VS_DER_INTEGER = 0x02,
    VS_DER_BIT_STRING = 0x03,
    VS_DER_OCTET_STRING = 0x04,
    VS_DER_NULL = 0x05,
    VS_DER_OID = 0x06,
    VS_DER_ENUMERATED = 0x0a,
    VS_DER_UTF8_STRING = 0x0c,
    VS_DER_PRINTABLE_STRING = 0x13,
    VS_DER_T61_STRING = 0x14,
    VS_DER_IA5_STRING = 0x16,
    VS_DER_UTC_TIME = 0x17,
    VS_DER_GENERALIZED_TIME = 0x18,
    VS_DER_VISIBLE_STRING = 0x1a,
    VS_DER_BMP_STRING = 0x1e,
    VS_DER_SEQUENCE = 0x30,
    VS_DER_SET = 0x31,
};
#define VS_DER_CONTEXT(n)             (0x80 + (n)) /* [n] IMPLICIT of a primitive */
#define VS_DER_CONTEXT_CONSTRUCTED(n) (0xa0 + (n)) /* [n] EXPLICIT, or IMPLICIT of SEQUENCE */

/* What is left to read. */
struct vs_der {
    const uint8_t *at, *end;
    bool failed;
};

struct vs_der vs_der_reader(struct vs_bytes bytes);
/* The reader is at its end and nothing failed. */
bool vs_der_done(const struct vs_der *der);
/* More elements follow (false once failed). */
bool vs_der_more(const struct vs_der *der);
/* Tag of the next element; 0 at the end. */
uint8_t vs_der_peek(const struct vs_der *der);

/* Content of the next element, which must have `tag`; empty and failed otherwise. */
struct vs_bytes vs_der_take(struct vs_der *der, uint8_t tag);
/* The same, but an absent element is no fault: false then, nothing is read. */
bool vs_der_optional(struct vs_der *der, uint8_t tag, struct vs_bytes *ret);
/* The whole next element with tag and length, whatever its tag (`ret_tag` may be NULL). */
struct vs_bytes vs_der_element(struct vs_der *der, uint8_t *ret_tag);
/* The whole next element, which must have `tag`. */
struct vs_bytes vs_der_whole(struct vs_der *der, uint8_t tag);
/* A reader of the content of the next element (SEQUENCE, SET, [n]). */
struct vs_der vs_der_enter(struct vs_der *der, uint8_t tag);
/* `outer` fails where `inner` was not read wholly and well. */
void vs_der_leave(struct vs_der *outer, const struct vs_der *inner);

/* Content of INTEGER, minimal; negative ones and those over `max` octets fail. Leading zero
 * octet taken off: zero is one octet 00. */
struct vs_bytes vs_der_unsigned(struct vs_der *der, size_t max_octets);
/* 0 to INT64_MAX. */
int64_t vs_der_small(struct vs_der *der);
bool vs_der_boolean(struct vs_der *der);
struct vs_bytes vs_der_oid(struct vs_der *der);
/* BIT STRING without unused bits. */
struct vs_bytes vs_der_bits(struct vs_der *der);
/* BIT STRING of named bits: bit 0 is the value's lowest bit; at most 16 bits are read. */
uint32_t vs_der_named_bits(struct vs_der *der);
/* UTCTime or GeneralizedTime as RFC 5280, 4.1.2.5 writes them: seconds given, Z, no fraction.
 */
vs_time_ms vs_der_time(struct vs_der *der);
/* GeneralizedTime as RFC 3161, 2.4.2: Z, a fraction without trailing zeros allowed, cut to ms.
 * `ret_cut` (may be NULL): microseconds and less were cut off. */
vs_time_ms vs_der_generalized_time(struct vs_der *der, bool *ret_cut);

/* One Extension of RFC 5280, 4.1; CRLs, OCSP and time marks have the same. */
struct vs_der_extension {
    struct vs_bytes oid, value; /* content of extnValue */
    bool critical;
    unsigned count; /* of those read so far */
};
#define VS_DER_EXTENSIONS_MAX 64
/* The next one of `list`, the content of a SEQUENCE OF Extension: false at its end, and where
 * it is malformed or goes on after 64 (`list` has failed then). `ret` begins as {0}. */
bool vs_der_extension(struct vs_der *list, struct vs_der_extension *ret);

/* "1.2.840.113549.1.1.11" in the arena; NULL: malformed, or the arena is full. */
char *vs_oid_text(struct vs_arena *arena, struct vs_bytes oid);
/* Content octets from dotted text; VS_BYTES_NONE: not an OID. */
struct vs_bytes vs_oid_from_text(struct vs_arena *arena, const char *text);
/* Whether it is a character string of a DER type, well-formed and without NUL. */
bool vs_der_is_text(uint8_t tag, struct vs_bytes content);
/* A character string of any of the DER types, as UTF-8 (NUL refused); NULL: malformed. */
char *vs_der_text(struct vs_arena *arena, uint8_t tag, struct vs_bytes content);

/* -- writing ------------------------------------------------------------------------------- */

/* Append one element. */
void vs_der_put(struct vs_buffer *to, uint8_t tag, struct vs_bytes content);
void vs_der_put_unsigned(struct vs_buffer *to, struct vs_bytes value); /* big-endian, any */
void vs_der_put_small(struct vs_buffer *to, uint64_t value);
void vs_der_put_boolean(struct vs_buffer *to, bool value);
/* YYYYMMDDHHMMSS[.f]Z; `with_ms`: the fraction, without trailing zeros. */
void vs_der_put_time(struct vs_buffer *to, vs_time_ms t, bool with_ms);
/* Everything appended between the two becomes one element: at = begin(to); …; end(to, at, tag)
 */
size_t vs_der_begin(const struct vs_buffer *to);
void vs_der_end(struct vs_buffer *to, size_t begin, uint8_t tag);
#endif
