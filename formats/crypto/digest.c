#include "formats/crypto/digest.h"
#include "formats/crypto/counters.h"
#include "formats/crypto/evp.h"
#include <pthread.h>

enum { SOURCE_STEP = 64 * 1024 };

static const struct {
    const char *name;     /* as people write it */
    const char *fetch_as; /* as OpenSSL knows it */
    size_t len;
} table[VS_DIGESTS] = {
    [VS_DIGEST_NONE] = {"none", NULL, 0},         [VS_SHA1] = {"SHA-1", "SHA1", 20},
    [VS_SHA224] = {"SHA-224", "SHA2-224", 28},    [VS_SHA256] = {"SHA-256", "SHA2-256", 32},
    [VS_SHA384] = {"SHA-384", "SHA2-384", 48},    [VS_SHA512] = {"SHA-512", "SHA2-512", 64},
    [VS_SHA3_224] = {"SHA3-224", "SHA3-224", 28}, [VS_SHA3_256] = {"SHA3-256", "SHA3-256", 32},
    [VS_SHA3_384] = {"SHA3-384", "SHA3-384", 48}, [VS_SHA3_512] = {"SHA3-512", "SHA3-512", 64},
};

static EVP_MD *fetched[VS_DIGESTS];
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch_all(void)
{
    for (int i = VS_SHA1; i < VS_DIGESTS; i++) {
        fetched[i] = EVP_MD_fetch(NULL, table[i].fetch_as, NULL);
        VS_ASSERT(fetched[i] != NULL);
    }
}

const EVP_MD *vs_digest_evp(enum vs_digest_algorithm algorithm)
{
    VS_ASSERT(algorithm > VS_DIGEST_NONE && algorithm < VS_DIGESTS);
    pthread_once(&fetch_once, fetch_all);
    return fetched[algorithm];
}

/* One context per thread, freed with it. The pointer in thread storage is the fast way; the key
 * exists for its destructor. */
static _Thread_local EVP_MD_CTX *thread_context;
static pthread_key_t context_key;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}
static void make_context_key(void)
{
    VS_ASSERT(pthread_key_create(&context_key, free_context) == 0);
}

static EVP_MD_CTX *context(void)
{
    if (thread_context == NULL) {
        pthread_once(&context_once, make_context_key);
        thread_context = EVP_MD_CTX_new();
        VS_ASSERT(thread_context != NULL);
        VS_ASSERT(pthread_setspecific(context_key, thread_context) == 0);
    }
    return thread_context;
}

size_t vs_digest_length(enum vs_digest_algorithm algorithm)
{
    return (unsigned)algorithm < VS_DIGESTS ? table[algorithm].len : 0;
}

const char *vs_digest_name(enum vs_digest_algorithm algorithm)
{
    return (unsigned)algorithm < VS_DIGESTS ? table[algorithm].name : "unknown";
}

static void start(EVP_MD_CTX *ctx, enum vs_digest_algorithm algorithm)
{
    VS_ASSERT(EVP_DigestInit_ex2(ctx, vs_digest_evp(algorithm), NULL) == 1);
}

static void add(EVP_MD_CTX *ctx, struct vs_bytes bytes)
{
    if (bytes.len > 0)
        VS_ASSERT(EVP_DigestUpdate(ctx, bytes.ptr, bytes.len) == 1);
    vs_count(VS_COUNT_BYTES_HASHED, bytes.len);
}

static void finish(EVP_MD_CTX *ctx, enum vs_digest_algorithm algorithm, struct vs_digest *ret)
{
    unsigned len = 0;
    memset(ret, 0, sizeof *ret);
    VS_ASSERT(EVP_DigestFinal_ex(ctx, ret->bytes, &len) == 1 && len == table[algorithm].len);
    ret->algorithm = algorithm;
    ret->len = len;
    vs_count(VS_COUNT_DIGESTS, 1);
}

void vs_digest_of(enum vs_digest_algorithm algorithm, struct vs_bytes bytes,
                  struct vs_digest *ret)
{
    vs_digest_of_parts(algorithm, &bytes, 1, ret);
}

void vs_digest_of_parts(enum vs_digest_algorithm algorithm, const struct vs_bytes *parts,
                        size_t n_parts, struct vs_digest *ret)
{
    EVP_MD_CTX *ctx = context();
    start(ctx, algorithm);
    for (size_t i = 0; i < n_parts; i++)
        add(ctx, parts[i]);
    finish(ctx, algorithm, ret);
}

void vs_sha256(struct vs_bytes bytes, uint8_t out[32])
{
    struct vs_digest digest;
    vs_digest_of(VS_SHA256, bytes, &digest);
    memcpy(out, digest.bytes, 32);
}

vs_rc vs_hasher_add_source(struct vs_hasher *hasher, const struct vs_source *source,
                           struct vs_error *err)
{
    uint8_t *step = vs_heap_new(SOURCE_STEP);
    vs_rc rc = VS_OK;
    for (uint64_t at = 0; at < source->size && vs_ok(rc);) {
        size_t len =
            source->size - at < SOURCE_STEP ? (size_t)(source->size - at) : SOURCE_STEP;
        rc = vs_source_read(source, at, step, len, err);
        if (vs_ok(rc))
            vs_hasher_add(hasher, VS_BYTES(step, len));
        at += len;
    }
    vs_heap_free(step);
    return rc;
}

vs_rc vs_digest_source(enum vs_digest_algorithm algorithm, const struct vs_source *source,
                       struct vs_digest *ret, struct vs_error *err)
{
    /* Not the thread's context: read_at is foreign code and may hash by itself. */
    VS_HASHER *hasher = vs_hasher_new(algorithm);
    VS_TRY(vs_hasher_add_source(hasher, source, err));
    vs_hasher_finish(hasher, ret);
    return VS_OK;
}

vs_rc vs_digest_from_value(enum vs_digest_algorithm algorithm, struct vs_bytes value,
                           struct vs_digest *ret, struct vs_error *err)
{
    size_t wanted = vs_digest_length(algorithm);
    if (wanted == 0 || value.len != wanted)
        return vs_fail(err, VS_E_SYNTAX, NULL, "a %s value has %zu bytes, not %zu",
                       vs_digest_name(algorithm), wanted, value.len);
    memset(ret, 0, sizeof *ret);
    ret->algorithm = algorithm;
    ret->len = wanted;
    memcpy(ret->bytes, value.ptr, wanted);
    return VS_OK;
}

bool vs_digest_equal(const struct vs_digest *a, const struct vs_digest *b)
{
    return a->algorithm != VS_DIGEST_NONE && a->algorithm == b->algorithm &&
           vs_bytes_equal(vs_digest_bytes(a), vs_digest_bytes(b));
}

struct vs_hasher {
    EVP_MD_CTX *ctx;
    enum vs_digest_algorithm algorithm;
};

struct vs_hasher *vs_hasher_new(enum vs_digest_algorithm algorithm)
{
    struct vs_hasher *hasher = vs_heap_new(sizeof *hasher);
    hasher->ctx = EVP_MD_CTX_new();
    VS_ASSERT(hasher->ctx != NULL);
    vs_hasher_reset(hasher, algorithm);
    return hasher;
}

void vs_hasher_reset(struct vs_hasher *hasher, enum vs_digest_algorithm algorithm)
{
    hasher->algorithm = algorithm;
    start(hasher->ctx, algorithm);
}

void vs_hasher_add(struct vs_hasher *hasher, struct vs_bytes bytes)
{
    add(hasher->ctx, bytes);
}

void vs_hasher_finish(struct vs_hasher *hasher, struct vs_digest *ret)
{
    finish(hasher->ctx, hasher->algorithm, ret);
}

void vs_hasher_free(struct vs_hasher *hasher)
{
    if (hasher == NULL)
        return;
    EVP_MD_CTX_free(hasher->ctx);
    vs_heap_free(hasher);
}
