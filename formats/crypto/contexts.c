#include "formats/crypto/contexts.h"
#include <openssl/rsa.h>

struct vs_context {
    EVP_PKEY_CTX *evp;
    struct vs_signature_algorithm algorithm;
};

/* Threads start their search at different slots, so that they seldom meet. */
static unsigned first_slot(void)
{
    static atomic_uint threads;
    static _Thread_local unsigned mine = UINT32_MAX;
    if (mine == UINT32_MAX)
        mine = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % VS_CONTEXT_SLOTS;
    return mine;
}

static bool same(struct vs_signature_algorithm a, struct vs_signature_algorithm b)
{
    return a.scheme == b.scheme && a.digest == b.digest && a.mgf_digest == b.mgf_digest &&
           a.salt_bytes == b.salt_bytes;
}

static bool set_pss(EVP_PKEY_CTX *evp, struct vs_signature_algorithm a)
{
    enum vs_digest_algorithm mgf = a.mgf_digest == VS_DIGEST_NONE ? a.digest : a.mgf_digest;
    int salt = a.salt_bytes == 0 ? (int)vs_digest_length(a.digest) : a.salt_bytes;
    return EVP_PKEY_CTX_set_rsa_padding(evp, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(evp, salt) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(evp, vs_digest_evp(mgf)) == 1;
}

static bool prepare(EVP_PKEY_CTX *evp, struct vs_signature_algorithm a, bool for_signing)
{
    if ((for_signing ? EVP_PKEY_sign_init(evp) : EVP_PKEY_verify_init(evp)) != 1)
        return false;
    if (a.scheme == VS_ECDSA)
        return true; /* signs the digest's leftmost bits, whatever made it */
    if (EVP_PKEY_CTX_set_signature_md(evp, vs_digest_evp(a.digest)) != 1)
        return false;
    if (a.scheme == VS_RSA_PSS)
        return set_pss(evp, a);
    return EVP_PKEY_CTX_set_rsa_padding(evp, RSA_PKCS1_PADDING) == 1;
}

static void free_context(struct vs_context *context)
{
    if (context == NULL)
        return;
    EVP_PKEY_CTX_free(context->evp);
    vs_heap_free(context);
}

static struct vs_context *new_context(EVP_PKEY *key, struct vs_signature_algorithm algorithm,
                                      bool for_signing)
{
    struct vs_context *context = vs_heap_new(sizeof *context);
    context->algorithm = algorithm;
    context->evp = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (context->evp != NULL && prepare(context->evp, algorithm, for_signing))
        return context;
    free_context(context);
    return NULL;
}

struct vs_context *vs_context_take(struct vs_contexts *contexts, EVP_PKEY *key,
                                   struct vs_signature_algorithm algorithm, bool for_signing)
{
    unsigned first = first_slot();
    for (unsigned i = 0; i < VS_CONTEXT_SLOTS; i++) {
        struct vs_context *found =
            atomic_exchange(&contexts->slots[(first + i) % VS_CONTEXT_SLOTS], NULL);
        if (found != NULL && same(found->algorithm, algorithm))
            return found;
        if (found != NULL)
            vs_context_put(contexts, found);
    }
    return new_context(key, algorithm, for_signing);
}

EVP_PKEY_CTX *vs_context_evp(struct vs_context *context)
{
    return context->evp;
}

void vs_context_put(struct vs_contexts *contexts, struct vs_context *context)
{
    unsigned first = first_slot();
    for (unsigned i = 0; i < VS_CONTEXT_SLOTS; i++) {
        struct vs_context *nobody = NULL;
        if (atomic_compare_exchange_strong(&contexts->slots[(first + i) % VS_CONTEXT_SLOTS],
                                           &nobody, context))
            return;
    }
    free_context(context);
}

void vs_contexts_done(struct vs_contexts *contexts)
{
    for (unsigned i = 0; i < VS_CONTEXT_SLOTS; i++)
        free_context(atomic_exchange(&contexts->slots[i], NULL));
}
