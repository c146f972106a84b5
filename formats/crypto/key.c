/* The private half of key.h: life and signing. Files of keys are in key_files.c. */
#include "formats/crypto/key.h"
#include "formats/crypto/contexts.h"
#include "formats/crypto/counters.h"
#include "formats/crypto/ec_value.h"
#include <openssl/err.h>
#include <openssl/x509.h>

struct vs_key {
    atomic_uint users;
    EVP_PKEY *evp;
    struct vs_public_key *public;
    struct vs_contexts contexts;
};

VS_DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free);
VS_DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free);

vs_rc vs_fail_openssl(struct vs_error *err, enum vs_code otherwise, const char *doing)
{
    bool memory = false;
    unsigned long last = 0;
    for (unsigned long e; (e = ERR_get_error()) != 0;) {
        last = e;
        memory |= ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
    }
    if (memory)
        return vs_fail(err, VS_E_NOMEM, NULL, "%s: no memory", doing);
    const char *reason = ERR_reason_error_string(last);
    return vs_fail(err, otherwise, NULL, "%s: %s", doing, reason == NULL ? "failed" : reason);
}

vs_rc vs_key_take_evp(EVP_PKEY *evp, struct vs_key **ret, struct vs_error *err)
{
    VS_KEY *key = vs_heap_new(sizeof *key);
    atomic_init(&key->users, 1);
    key->evp = evp;
    uint8_t *spki = NULL;
    int len = i2d_PUBKEY(evp, &spki);
    if (len <= 0)
        return vs_fail_openssl(err, VS_E_KEY, "the key's public part");
    vs_rc rc = vs_public_key_decode(VS_BYTES(spki, (size_t)len), &key->public, err);
    OPENSSL_free(spki);
    if (!vs_ok(rc))
        return vs_fail(err, VS_E_KEY, NULL, "the key's public part cannot be used");
    if (vs_public_key_type(key->public) == VS_KEY_UNKNOWN)
        return vs_fail(err, VS_E_KEY, NULL, "a key of a kind that is not used here");
    *ret = key;
    key = NULL;
    return VS_OK;
}

vs_rc vs_key_generate(enum vs_key_kind kind, struct vs_key **ret, struct vs_error *err)
{
    EVP_PKEY *evp = NULL;
    switch (kind) {
    case VS_GENERATE_P256:
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        break;
    case VS_GENERATE_P384:
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
        break;
    case VS_GENERATE_RSA3072:
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072);
        break;
    case VS_GENERATE_ED25519:
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    }
    if (evp == NULL)
        return vs_fail_openssl(err, VS_E_KEY, "making a key");
    return vs_key_take_evp(evp, ret, err);
}

struct vs_key *vs_key_ref(struct vs_key *key)
{
    atomic_fetch_add_explicit(&key->users, 1, memory_order_relaxed);
    return key;
}

void vs_key_unref(struct vs_key *key)
{
    if (key == NULL || atomic_fetch_sub_explicit(&key->users, 1, memory_order_acq_rel) != 1)
        return;
    vs_contexts_done(&key->contexts);
    EVP_PKEY_free(key->evp); /* wipes the private parts */
    vs_public_key_unref(key->public);
    vs_heap_free(key);
}

enum vs_key_type vs_key_type(const struct vs_key *key)
{
    return vs_public_key_type(key->public);
}
struct vs_public_key *vs_key_public(const struct vs_key *key)
{
    return key->public;
}
EVP_PKEY *vs_key_evp(const struct vs_key *key)
{
    return key->evp;
}

struct vs_signature_algorithm vs_key_default_algorithm(const struct vs_key *key)
{
    struct vs_signature_algorithm a = {.scheme = VS_ECDSA, .digest = VS_SHA256};
    unsigned bits = vs_public_key_bits(key->public);
    switch (vs_key_type(key)) {
    case VS_KEY_EC:
        a.digest = bits > 384 ? VS_SHA512 : bits > 256 ? VS_SHA384 : VS_SHA256;
        break;
    case VS_KEY_RSA:
        a.scheme = VS_RSA_PKCS1;
        break;
    default:
        a = (struct vs_signature_algorithm){.scheme = VS_ED25519};
        break;
    }
    return a;
}

static vs_rc sign_digest(const struct vs_key *key, struct vs_signature_algorithm algorithm,
                         const struct vs_digest *digest, struct vs_signature_value *ret,
                         struct vs_error *err)
{
    struct vs_contexts *contexts = &((struct vs_key *)key)->contexts;
    struct vs_context *context = vs_context_take(contexts, key->evp, algorithm, true);
    if (context == NULL)
        return vs_fail_openssl(err, VS_E_KEY, "preparing to sign");
    ret->len = sizeof ret->bytes;
    int answer = EVP_PKEY_sign(vs_context_evp(context), ret->bytes, &ret->len, digest->bytes,
                               digest->len);
    vs_context_put(contexts, context);
    vs_count(algorithm.scheme == VS_ECDSA ? VS_COUNT_SIGNS_ECDSA : VS_COUNT_SIGNS_RSA, 1);
    return answer == 1 ? VS_OK : vs_fail_openssl(err, VS_E_KEY, "signing");
}

vs_rc vs_key_sign(const struct vs_key *key, struct vs_signature_algorithm algorithm,
                  const struct vs_digest *digest, enum vs_signature_form form,
                  struct vs_signature_value *ret, struct vs_error *err)
{
    bool fits = vs_scheme_key_type(algorithm.scheme) == vs_key_type(key) &&
                algorithm.scheme != VS_ED25519;
    if (!fits || digest->len == 0 || digest->algorithm != algorithm.digest)
        return vs_fail(err, VS_E_KEY, NULL, "the key cannot sign a %s digest by %s",
                       vs_digest_name(digest->algorithm),
                       vs_signature_algorithm_name(algorithm));
    if (algorithm.scheme != VS_ECDSA || form == VS_SIGNATURE_DER)
        return sign_digest(key, algorithm, digest, ret, err);
    struct vs_signature_value der;
    VS_TRY(sign_digest(key, algorithm, digest, &der, err));
    size_t part = (vs_public_key_bits(key->public) + 7) / 8;
    VS_ASSERT(vs_ec_value_to_raw(vs_signature_bytes(&der), part, ret));
    return VS_OK;
}

static vs_rc sign_ed25519(const struct vs_key *key, struct vs_bytes message,
                          struct vs_signature_value *ret, struct vs_error *err)
{
    static const uint8_t nothing;
    VS_CLEANUP(EVP_MD_CTX) *ctx = EVP_MD_CTX_new();
    ret->len = sizeof ret->bytes;
    if (ctx == NULL ||
        EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key->evp, NULL) != 1 ||
        EVP_DigestSign(ctx, ret->bytes, &ret->len, message.ptr == NULL ? &nothing : message.ptr,
                       message.len) != 1)
        return vs_fail_openssl(err, VS_E_KEY, "signing with Ed25519");
    vs_count(VS_COUNT_SIGNS_ED25519, 1);
    vs_count(VS_COUNT_BYTES_HASHED, 2 * message.len);
    return VS_OK;
}

vs_rc vs_key_sign_message(const struct vs_key *key, struct vs_signature_algorithm algorithm,
                          struct vs_bytes message, enum vs_signature_form form,
                          struct vs_signature_value *ret, struct vs_error *err)
{
    if (algorithm.scheme == VS_ED25519 && vs_key_type(key) == VS_KEY_ED25519)
        return sign_ed25519(key, message, ret, err);
    if (vs_digest_length(algorithm.digest) == 0)
        return vs_fail(err, VS_E_KEY, NULL, "the key cannot sign by %s",
                       vs_signature_algorithm_name(algorithm));
    struct vs_digest digest;
    vs_digest_of(algorithm.digest, message, &digest);
    return vs_key_sign(key, algorithm, &digest, form, ret, err);
}
