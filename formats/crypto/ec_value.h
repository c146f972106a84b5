/* ec_value.h - the two encodings of an ECDSA value, read strictly. */
#ifndef VS_FORMATS_CRYPTO_EC_VALUE_H
#define VS_FORMATS_CRYPTO_EC_VALUE_H
#include "formats/crypto/key.h"

/* `part`: octets of r and of s. False: not exactly one value of that shape. */
bool vs_ec_value_to_der(struct vs_bytes raw, size_t part, struct vs_signature_value *ret);
bool vs_ec_value_to_raw(struct vs_bytes der, size_t part, struct vs_signature_value *ret);
/* Whether it is SEQUENCE { INTEGER r, INTEGER s } and nothing else. */
bool vs_ec_value_is_der(struct vs_bytes der, size_t part);
#endif
