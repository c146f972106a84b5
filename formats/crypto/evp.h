/* evp.h - what formats/crypto, formats/certificate and formats/timestamp share of
 * OpenSSL. Not for other folders: they see digest.h and key.h. */
#ifndef VS_FORMATS_CRYPTO_EVP_H
#define VS_FORMATS_CRYPTO_EVP_H
#include "formats/crypto/digest.h"
#include <openssl/evp.h>

struct vs_key;
struct vs_public_key;

/* The fetched algorithm, good until the process ends. */
const EVP_MD *vs_digest_evp(enum vs_digest_algorithm algorithm);

/* Borrowed. For libraries that must sign themselves (X.509, CRL, OCSP, PKCS#12 writing). */
EVP_PKEY *vs_key_evp(const struct vs_key *key);
EVP_PKEY *vs_public_key_evp(const struct vs_public_key *key);

/* A key around `evp`, which is taken (freed on failure too). VS_E_KEY: of no kind used here. */
VS_NODISCARD vs_rc vs_key_take_evp(EVP_PKEY *evp, struct vs_key **ret, struct vs_error *err);

/* VS_E_NOMEM when OpenSSL's error queue says so, else `otherwise`; clears the queue. */
VS_NODISCARD vs_rc vs_fail_openssl(struct vs_error *err, enum vs_code otherwise,
                                   const char *doing);
#endif
