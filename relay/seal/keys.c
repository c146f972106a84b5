#include "relay/seal/keys.h"
#include "formats/certificate/certificate.h"
#include "formats/crypto/signer.h"
#include <stdatomic.h>

#define CHAIN_MAX 8

/* A key with its chain; never changed once it is in the list. */
struct pair {
    struct vs_key *key;
    struct vs_certificate *chain[CHAIN_MAX];
    size_t n_chain;
    struct pair *older;
};

struct vs_keys {
    _Atomic(struct pair *) newest[VS_PURPOSES]; /* NULL: the purpose has no key */
};

const char *vs_purpose_name(enum vs_purpose purpose)
{
    static const char *const names[] = {
        [VS_PURPOSE_SEAL] = "seal",
        [VS_PURPOSE_EVIDENCE] = "evidence",
        [VS_PURPOSE_CHECKPOINT] = "checkpoint",
        [VS_PURPOSE_TSA] = "tsa",
        [VS_PURPOSE_OCSP] = "ocsp",
        [VS_PURPOSE_CA] = "ca",
        [VS_PURPOSE_ROOT] = "root",
        [VS_PURPOSE_WEBHOOK] = "webhook",
    };
    _Static_assert(sizeof names / sizeof names[0] == VS_PURPOSES, "a name for each purpose");
    VS_ASSERT(purpose < VS_PURPOSES);
    return names[purpose];
}

struct vs_keys *vs_keys_new(void)
{
    return vs_heap_new(sizeof(struct vs_keys));
}

static void free_pair(struct pair *pair)
{
    vs_key_unref(pair->key);
    for (size_t i = 0; i < pair->n_chain; i++)
        vs_certificate_unref(pair->chain[i]);
    vs_heap_free(pair);
}

void vs_keys_free(struct vs_keys *keys)
{
    if (keys == NULL)
        return;
    for (enum vs_purpose p = 0; p < VS_PURPOSES; p++)
        for (struct pair *pair = atomic_load(&keys->newest[p]), *older; pair != NULL;
             pair = older) {
            older = pair->older;
            free_pair(pair);
        }
    vs_heap_free(keys);
}

static const struct pair *newest(const struct vs_keys *keys, enum vs_purpose purpose)
{
    VS_ASSERT(purpose < VS_PURPOSES);
    return atomic_load(&keys->newest[purpose]);
}

vs_rc vs_keys_set(struct vs_keys *keys, enum vs_purpose purpose, struct vs_key *key,
                  struct vs_certificate *const *chain, size_t n_chain, struct vs_error *err)
{
    VS_ASSERT(purpose < VS_PURPOSES && key != NULL);
    if (n_chain > CHAIN_MAX)
        return vs_fail(err, VS_E_KEY, NULL, "the chain of %s has more than %d certificates",
                       vs_purpose_name(purpose), CHAIN_MAX);
    if (n_chain > 0 && !vs_bytes_equal(vs_public_key_spki(vs_key_public(key)),
                                       vs_public_key_spki(chain[0]->key)))
        return vs_fail(err, VS_E_KEY, NULL, "the certificate of %s is not for its key",
                       vs_purpose_name(purpose));
    for (enum vs_purpose p = 0; p < VS_PURPOSES; p++)
        if (p != purpose && vs_keys_has(keys, p) &&
            vs_bytes_equal(vs_public_key_spki(vs_keys_public(keys, p)),
                           vs_public_key_spki(vs_key_public(key))))
            return vs_fail(err, VS_E_KEY, NULL, "the key of %s serves %s already",
                           vs_purpose_name(purpose), vs_purpose_name(p));
    struct pair *pair = vs_heap_new(sizeof *pair);
    pair->key = vs_key_ref(key);
    for (size_t i = 0; i < n_chain; i++)
        pair->chain[i] = vs_certificate_ref(chain[i]);
    pair->n_chain = n_chain;
    pair->older = atomic_load(&keys->newest[purpose]);
    atomic_store(&keys->newest[purpose], pair);
    return VS_OK;
}

bool vs_keys_has(const struct vs_keys *keys, enum vs_purpose purpose)
{
    return newest(keys, purpose) != NULL;
}

struct vs_signature_algorithm vs_keys_algorithm(const struct vs_keys *keys,
                                                enum vs_purpose purpose)
{
    const struct pair *pair = newest(keys, purpose);
    if (pair == NULL)
        return (struct vs_signature_algorithm){.scheme = VS_SCHEME_NONE};
    return vs_key_default_algorithm(pair->key);
}

size_t vs_keys_chain(const struct vs_keys *keys, enum vs_purpose purpose,
                     struct vs_certificate *const **ret)
{
    const struct pair *pair = newest(keys, purpose);
    *ret = pair == NULL ? NULL : pair->chain;
    return pair == NULL ? 0 : pair->n_chain;
}

struct vs_public_key *vs_keys_public(const struct vs_keys *keys, enum vs_purpose purpose)
{
    const struct pair *pair = newest(keys, purpose);
    return pair == NULL ? NULL : vs_key_public(pair->key);
}

static vs_rc sign_with(struct vs_key *key, struct vs_signing *job, struct vs_error *err)
{
    struct vs_signature_algorithm algorithm = vs_key_default_algorithm(key);
    if (algorithm.digest == VS_DIGEST_NONE)
        return vs_key_sign_message(key, algorithm, job->message, job->form, &job->value, err);
    return vs_key_sign(key, algorithm, &job->digest, job->form, &job->value, err);
}

static vs_rc sign_one(const struct vs_keys *keys, struct vs_signing *job, struct vs_error *err)
{
    const struct pair *pair = newest(keys, job->purpose);
    while (pair != NULL && job->certificate != NULL &&
           (pair->n_chain == 0 || pair->chain[0] != job->certificate))
        pair = pair->older;
    if (pair == NULL)
        return vs_fail(err, VS_E_KEY, NULL, "there is no key for the purpose %s",
                       vs_purpose_name(job->purpose));
    return sign_with(pair->key, job, err);
}

vs_rc vs_keys_sign(struct vs_keys *keys, struct vs_signing *jobs, size_t n,
                   struct vs_error *err)
{
    for (size_t i = 0; i < n; i++)
        VS_TRY(sign_one(keys, &jobs[i], err));
    return VS_OK;
}

void vs_keys_submit(struct vs_keys *keys, struct vs_signing *jobs, size_t n, vs_keys_done done,
                    void *context)
{
    struct vs_error err = {.code = VS_E_NONE};
    vs_rc rc = vs_keys_sign(keys, jobs, n, &err);
    done(context, rc, &err);
}

static vs_rc sign_for_formats(const struct vs_signer *signer, struct vs_bytes message,
                              struct vs_signature_value *ret, struct vs_error *err)
{
    const struct pair *pair = signer->context;
    struct vs_signing job = {.form = VS_SIGNATURE_DER, .message = message};
    if (signer->algorithm.digest != VS_DIGEST_NONE)
        vs_digest_of(signer->algorithm.digest, message, &job.digest);
    VS_TRY(sign_with(pair->key, &job, err));
    ret->len = job.value.len;
    memcpy(ret->bytes, job.value.bytes, job.value.len);
    return VS_OK;
}

struct vs_certificate *vs_keys_signer(struct vs_keys *keys, enum vs_purpose purpose,
                                      struct vs_signer *ret)
{
    struct pair *pair = atomic_load(&keys->newest[purpose]);
    VS_ASSERT(pair != NULL);
    *ret = (struct vs_signer){.algorithm = vs_key_default_algorithm(pair->key),
                              .context = pair,
                              .selector = (int)purpose,
                              .sign = sign_for_formats};
    return pair->n_chain == 0 ? NULL : pair->chain[0];
}
