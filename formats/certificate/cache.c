/* The process's caches: decoded certificates, and signatures that were verified. */
#include "formats/certificate/cache_table.h"
#include "formats/certificate/verified.h"

enum {
    CERTIFICATES_WEIGHT = 48 * 1024 * 1024,
    DECODED_COST = 6 * 1024, /* key, contexts: beside the DER */
    VERIFIED_WEIGHT = 8 * 1024 * 1024,
};

static void *ref(void *certificate)
{
    return vs_certificate_ref(certificate);
}
static void unref(void *certificate)
{
    vs_certificate_unref(certificate);
}

static struct vs_cache certificates = VS_CACHE_INIT(CERTIFICATES_WEIGHT, ref, unref);
static struct vs_cache verified = VS_CACHE_INIT(VERIFIED_WEIGHT, NULL, NULL);

vs_rc vs_certificate_get(struct vs_bytes der, struct vs_certificate **ret, struct vs_error *err)
{
    uint8_t key[VS_CACHE_KEY];
    if (der.len > VS_CERTIFICATE_MAX_BYTES)
        return vs_certificate_decode(der, ret, err); /* which says why not */
    vs_sha256(der, key);
    void *found;
    if (vs_cache_get(&certificates, key, &found)) {
        *ret = found;
        return VS_OK;
    }
    VS_TRY(vs_certificate_decode(der, ret, err));
    vs_cache_put(&certificates, key, *ret, der.len + DECODED_COST);
    return VS_OK;
}

vs_rc vs_verified(const struct vs_signed_object *object, const struct vs_certificate *signer,
                  enum vs_signature_verdict *ret, struct vs_error *err)
{
    uint8_t both[64], key[VS_CACHE_KEY];
    if (object->sha256 != NULL)
        memcpy(both, object->sha256, 32);
    else
        vs_sha256(object->der, both);
    memcpy(both + 32, signer->sha256, 32);
    vs_sha256(VS_BYTES(both, sizeof both), key);
    if (vs_cache_get(&verified, key, NULL)) {
        *ret = VS_SIGNATURE_VALID;
        return VS_OK;
    }
    VS_TRY(vs_public_key_verify_message(signer->key, object->algorithm, object->tbs,
                                        VS_SIGNATURE_DER, object->signature, ret, err));
    if (*ret == VS_SIGNATURE_VALID)
        vs_cache_put(&verified, key, NULL, 0);
    return VS_OK;
}

void vs_verified_clear(void)
{
    vs_cache_clear(&verified);
}

void vs_certificate_cache_clear(void)
{
    vs_cache_clear(&certificates);
    vs_cache_clear(&verified);
}
