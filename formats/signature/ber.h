/* ber.h - walking BER (X.690, 8), for CMS outer layers only: streaming writers leave indefinite
 * lengths and constructed strings there. Everything signed inside is read as DER
 * (crypto/der.h).
 *
 * Bounded: nesting of indefinite lengths at most 32, tags below 31, lengths of at most 4 octets
 * that fit. Like vs_der, a reader that met a fault stays failed. */
#ifndef VS_FORMATS_SIGNATURE_BER_H
#define VS_FORMATS_SIGNATURE_BER_H
#include "formats/base/base.h"

struct vs_ber {
    const uint8_t *at, *end;
    bool failed;
};

struct vs_ber vs_ber_reader(struct vs_bytes bytes);
bool vs_ber_more(const struct vs_ber *ber);    /* false once failed */
bool vs_ber_done(const struct vs_ber *ber);    /* all read and nothing failed */
uint8_t vs_ber_peek(const struct vs_ber *ber); /* tag of the next element; 0 at the end */

/* One element as it lies there. */
struct vs_ber_element {
    uint8_t tag;
    struct vs_bytes content; /* without end-of-contents octets */
    struct vs_bytes whole;
};
struct vs_ber_element vs_ber_next(struct vs_ber *ber);
/* The content of the next element, which must have `tag`. */
struct vs_bytes vs_ber_take(struct vs_ber *ber, uint8_t tag);
struct vs_ber vs_ber_enter(struct vs_ber *ber, uint8_t tag);
/* The next element whole, with tag and length; it must have `tag`. */
struct vs_bytes vs_ber_whole(struct vs_ber *ber, uint8_t tag);

/* An OCTET STRING in either form; constructed pieces are joined in the arena. */
VS_NODISCARD vs_rc vs_ber_octets(struct vs_arena *arena, struct vs_ber *ber,
                                 struct vs_bytes *ret, struct vs_error *err);
#endif
