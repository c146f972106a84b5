/* verified.h - signatures on certificates, CRLs and OCSP responses, each verified once.
 *
 * That a key's value verifies over certain bytes stays true for ever: no time, name or right is
 * part of it. So a positive answer is remembered under both digests; whatever changes with time
 * is judged anew by each caller. Bounded; any thread. */
#ifndef VS_FORMATS_CERTIFICATE_VERIFIED_H
#define VS_FORMATS_CERTIFICATE_VERIFIED_H
#include "formats/certificate/certificate.h"

struct vs_signed_object {
    struct vs_bytes der;   /* all of it: `tbs`, algorithm and signature lie inside */
    const uint8_t *sha256; /* of `der`, or NULL: taken here */
    struct vs_bytes tbs;
    struct vs_signature_algorithm algorithm;
    struct vs_bytes signature;
};

/* Whether `object` was signed with `signer`'s key. Only memory can fail. */
VS_NODISCARD vs_rc vs_verified(const struct vs_signed_object *object,
                               const struct vs_certificate *signer,
                               enum vs_signature_verdict *ret, struct vs_error *err);

void vs_verified_clear(void);
#endif
