/* der_writer.h - what the makers of certificates, CRLs, OCSP responses and time marks write
 * besides the elements of der.h.
 *
 * Nothing here can fail by itself: the buffer remembers that it overflowed, or that a text was
 * no OID (vs_buffer_check). */
#ifndef VS_FORMATS_CRYPTO_DER_WRITER_H
#define VS_FORMATS_CRYPTO_DER_WRITER_H
#include "formats/crypto/der.h"

/* As vs_der_end for a SET OF: the members brought into the order of X.690, 11.6 (at most 64).
 */
void vs_der_end_set_of(struct vs_buffer *to, size_t begin, uint8_t tag);

void vs_der_put_text(struct vs_buffer *to, uint8_t tag, const char *text);
void vs_der_put_null(struct vs_buffer *to);
/* A bit string of whole octets. */
void vs_der_put_bits(struct vs_buffer *to, struct vs_bytes octets);
/* Named bits (key usage): bit 0 first, trailing zero bits dropped (X.690, 11.2.2). */
void vs_der_put_named_bits(struct vs_buffer *to, uint8_t tag, uint32_t bits);
/* "1.2.840.10045.4.3.2"; a text that is no OID fails the buffer. */
void vs_der_put_oid(struct vs_buffer *to, const char *dotted);
/* Time of RFC 5280, 4.1.2.5: UTCTime until 2049, GeneralizedTime from 2050; whole seconds. */
void vs_der_put_validity(struct vs_buffer *to, vs_time_ms t);
#endif
