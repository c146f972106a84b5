/* der_writer.h - write DER (X.690) straight into a buffer: certificates, CRLs, OCSP, time
 * marks.
 *
 * Nothing here can fail by itself: the buffer remembers that it overflowed (vs_buffer_check).
 * A constructed value is opened, filled and closed; `close` sets the length. Order within a
 * SET OF is the caller's (vs_der_close_set_of sorts). The reader is der.h. */
#ifndef VS_FORMATS_CRYPTO_DER_WRITER_H
#define VS_FORMATS_CRYPTO_DER_WRITER_H
#include "formats/base/base.h"

/* Tags of X.690, 8.1.2, complete with class and constructed bit. */
enum {
    VS_DER_TAG_BOOLEAN = 0x01,
    VS_DER_TAG_INTEGER = 0x02,
    VS_DER_TAG_BIT_STRING = 0x03,
    VS_DER_TAG_OCTET_STRING = 0x04,
    VS_DER_TAG_NULL = 0x05,
    VS_DER_TAG_OID = 0x06,
    VS_DER_TAG_ENUMERATED = 0x0A,
    VS_DER_TAG_UTF8_STRING = 0x0C,
    VS_DER_TAG_PRINTABLE_STRING = 0x13,
    VS_DER_TAG_IA5_STRING = 0x16,
    VS_DER_TAG_UTC_TIME = 0x17,
    VS_DER_TAG_GENERALIZED_TIME = 0x18,
    VS_DER_TAG_SEQUENCE = 0x30,
    VS_DER_TAG_SET = 0x31,
};
#define VS_DER_TAG_CONTEXT(n)             ((uint8_t)(0x80 | (n))) /* [n] IMPLICIT, primitive */
#define VS_DER_TAG_CONTEXT_CONSTRUCTED(n) ((uint8_t)(0xA0 | (n))) /* [n], constructed */

/* Begin a value; the mark goes to the close that ends it. Values nest. */
size_t vs_der_open(struct vs_buffer *out, uint8_t tag);
void vs_der_close(struct vs_buffer *out, size_t mark);
/* As vs_der_close, the members brought into the order of X.690, 11.6 (at most 64 of them). */
void vs_der_close_set_of(struct vs_buffer *out, size_t mark);

/* A whole primitive value, or a ready-made encoding under another tag. */
void vs_der_put(struct vs_buffer *out, uint8_t tag, struct vs_bytes content);
void vs_der_put_text(struct vs_buffer *out, uint8_t tag, const char *text);
void vs_der_put_boolean(struct vs_buffer *out, bool value);
void vs_der_put_null(struct vs_buffer *out);
/* Not negative. */
void vs_der_put_u64(struct vs_buffer *out, uint8_t tag, uint64_t value);
/* A not negative big-endian number of any length: serial numbers, nonces. */
void vs_der_put_unsigned(struct vs_buffer *out, struct vs_bytes big_endian);
/* Whole octets. */
void vs_der_put_bit_string(struct vs_buffer *out, struct vs_bytes bits);
/* Named bits (key usage): bit 0 first, trailing zero bits dropped (X.690, 11.2.2). */
void vs_der_put_named_bits(struct vs_buffer *out, uint8_t tag, uint32_t bits);
/* "1.2.840.10045.4.3.2"; a text that is no OID fails the buffer. */
void vs_der_put_oid(struct vs_buffer *out, const char *dotted);
/* Time of RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050; whole seconds. */
void vs_der_put_time(struct vs_buffer *out, vs_time_ms t);
/* GeneralizedTime in whole seconds (OCSP) or with up to three digits of fraction, trailing
 * zeros dropped (RFC 3161, 2.4.2). */
void vs_der_put_generalized_time(struct vs_buffer *out, uint8_t tag, vs_time_ms t,
                                 bool fraction);
#endif
