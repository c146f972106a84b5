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

/* The few certificates that a thread meets again and again are known by their bytes, without
 * the digest that the common table goes by. The pointer in thread storage is the fast way; the
 * key exists for its destructor. */
enum { RECENT = 32, SHORTEST = 64 };
static _Thread_local struct vs_certificate **recent;
static pthread_key_t recent_key;
static pthread_once_t recent_once = PTHREAD_ONCE_INIT;

static void free_recent(void *of_thread)
{
    struct vs_certificate **list = of_thread;
    for (size_t i = 0; i < RECENT; i++)
        vs_certificate_unref(list[i]);
    vs_heap_free(list);
}

static void make_recent_key(void)
{
    VS_ASSERT(pthread_key_create(&recent_key, free_recent) == 0);
}

/* Its place in the thread's list: a signature's last octets are as good as random. */
static struct vs_certificate **recent_place(struct vs_bytes der)
{
    if (der.len < SHORTEST)
        return NULL;
    if (recent == NULL) {
        pthread_once(&recent_once, make_recent_key);
        recent = vs_heap_array(RECENT, sizeof(struct vs_certificate *));
        VS_ASSERT(pthread_setspecific(recent_key, recent) == 0);
    }
    return &recent[(der.ptr[der.len - 1] ^ der.ptr[der.len - 2]) % RECENT];
}

static void forget_recent(void)
{
    if (recent == NULL)
        return;
    VS_ASSERT(pthread_setspecific(recent_key, NULL) == 0);
    free_recent(recent);
    recent = NULL;
}

static vs_rc get_by_digest(struct vs_bytes der, struct vs_certificate **ret,
                           struct vs_error *err)
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

vs_rc vs_certificate_get(struct vs_bytes der, struct vs_certificate **ret, struct vs_error *err)
{
    struct vs_certificate **place = recent_place(der);
    if (place != NULL && *place != NULL && vs_bytes_equal((*place)->der, der)) {
        *ret = vs_certificate_ref(*place);
        return VS_OK;
    }
    VS_TRY(get_by_digest(der, ret, err));
    if (place != NULL) {
        vs_certificate_unref(*place);
        *place = vs_certificate_ref(*ret);
    }
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
    forget_recent();
    vs_cache_clear(&certificates);
    vs_cache_clear(&verified);
}
