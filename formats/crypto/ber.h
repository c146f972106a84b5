/* ber.h - BER as some make CMS, brought into the definite form that der.h reads.
 *
 * RFC 5652 allows BER around what is signed, and widespread libraries stream it: indefinite
 * lengths, octet strings in pieces. Contents of primitive elements, and so all that is signed
 * or hashed inside octet strings, stay as they are. */
#ifndef VS_FORMATS_CRYPTO_BER_H
#define VS_FORMATS_CRYPTO_BER_H
#include "formats/base/base.h"

/* Whether the first element has an indefinite length: cheap, and enough to know that a
 * conversion is needed (an inner one may need it all the same). */
bool vs_ber_is_indefinite(struct vs_bytes bytes);

/* One element and nothing after it, as definite-length encoding with the shortest lengths, in
 * `arena`. VS_E_SYNTAX: malformed, nested over 32 deep; VS_E_NOMEM. */
VS_NODISCARD vs_rc vs_ber_to_der(struct vs_arena *arena, struct vs_bytes ber,
                                 struct vs_bytes *ret, struct vs_error *err);
#endif
