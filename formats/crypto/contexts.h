/* contexts.h - prepared OpenSSL contexts of one key, reused by all threads.
 *
 * Preparing a context costs as much as a tenth of a signature. Each key keeps a few that are
 * ready; a thread takes one by exchange, uses it alone and puts it back, without a lock. They
 * live and die with their key, so no private key outlives its last reference. */
#ifndef VS_FORMATS_CRYPTO_CONTEXTS_H
#define VS_FORMATS_CRYPTO_CONTEXTS_H
#include "formats/crypto/evp.h"
#include "formats/crypto/algorithms.h"
#include <stdatomic.h>

enum { VS_CONTEXT_SLOTS = 4 };

struct vs_context; /* an EVP_PKEY_CTX with the algorithm it is prepared for */

struct vs_contexts {
    _Atomic(struct vs_context *) slots[VS_CONTEXT_SLOTS];
};

/* Good for as long as it is taken; NULL: the key cannot do `algorithm`. */
struct vs_context *vs_context_take(struct vs_contexts *contexts, EVP_PKEY *key,
                                   struct vs_signature_algorithm algorithm, bool for_signing);
EVP_PKEY_CTX *vs_context_evp(struct vs_context *context);
void vs_context_put(struct vs_contexts *contexts, struct vs_context *context);
void vs_contexts_done(struct vs_contexts *contexts);
#endif
