/* signer.h - whoever holds a private key, as the makers of signed structures see it.
 *
 * formats/ makes certificates, CRLs, OCSP responses and time marks without holding a key: it
 * hands the bytes to be signed to a signer and puts the value in its place. The service's keys
 * stand behind one (relay/seal/keys.h, vs_keys_signer), a holder's own key behind another. */
#ifndef VS_FORMATS_CRYPTO_SIGNER_H
#define VS_FORMATS_CRYPTO_SIGNER_H
#include "formats/crypto/key.h"

struct vs_signer {
    struct vs_signature_algorithm algorithm;
    void *context;
    int selector; /* the maker's own */
    /* Sign `message`, hashed as the algorithm says; ECDSA values as DER. Any thread. */
    vs_rc (*sign)(const struct vs_signer *signer, struct vs_bytes message,
                  struct vs_signature_value *ret, struct vs_error *err);
};

/* Signs with `key`, by its default algorithm. `key` must outlive the signer. */
void vs_key_signer(struct vs_key *key, struct vs_signer *ret);

/* Append the signed form that certificates, CRLs, OCSP responses and requests share (RFC 5280,
 * 4.1): SEQUENCE { tbs, AlgorithmIdentifier, BIT STRING, extra }. `extra` is what a structure
 * has behind its signature (OCSP: certificates) or empty. */
VS_NODISCARD vs_rc vs_signer_put_signed(const struct vs_signer *signer, struct vs_bytes tbs,
                                        struct vs_bytes extra, struct vs_buffer *to,
                                        struct vs_error *err);
#endif
