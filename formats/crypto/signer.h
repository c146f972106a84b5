/* signer.h - whoever holds a private key, as the makers of signed structures see it.
 *
 * formats/ makes certificates, CRLs, OCSP responses and time marks without holding a key: it
 * hands a digest to a signer and puts the value in its place. relay/seal/keys.h is one; a
 * holder's own key (vs_key_signer) another. */
#ifndef VS_FORMATS_CRYPTO_SIGNER_H
#define VS_FORMATS_CRYPTO_SIGNER_H
#include "formats/crypto/algorithms.h"
#include "formats/crypto/key.h"

#define VS_SIGNER_VALUE_MAX 512 /* bytes: RSA-4096 */

struct vs_signer {
    const struct vs_signature_algorithm *algorithm;
    void *context;
    /* Sign `digest` (by the algorithm's digest; the message itself where it has none: Ed25519).
     * ECDSA values are DER. `value` has VS_SIGNER_VALUE_MAX bytes. Any thread. */
    vs_rc (*sign)(const struct vs_signer *signer, struct vs_bytes digest, uint8_t *value,
                  size_t *ret_len, struct vs_error *err);
};
