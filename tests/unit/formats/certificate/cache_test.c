#include "tests/unit/unit.h"
#include "tests/support/openssl.h"
#include "formats/certificate/cache_table.h"
#include "formats/certificate/path.h"
#include "formats/crypto/counters.h"
#include <pthread.h>

#define CA "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"

enum { THREADS = 4, LEAVES = 8, ROUNDS = 60 };

static int make_certificates(void **state)
{
    (void)state;
    openssl_issue("root", "/CN=Root", NULL, CA, "");
    openssl_issue("ca", "/CN=CA", "root", CA, "");
    for (int i = 0; i < LEAVES; i++) {
        char name[16];
        snprintf(name, sizeof name, "leaf%d", i);
        openssl_issue(name, "/CN=Leaf", "ca", "", "");
    }
    return 0;
}

/* -- the table ----------------------------------------------------------------------------- */

static int alive;
static void *count_ref(void *value)
{
    __atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
    return value;
}
static void count_unref(void *value)
{
    (void)value;
    __atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
}

static void key_of(int i, uint8_t key[VS_CACHE_KEY])
{
    vs_sha256(VS_BYTES(&i, sizeof i), key);
}

static void cache__stays_within_its_weight_and_drops_the_oldest(void **state)
{
    (void)state;
    static struct vs_cache cache = VS_CACHE_INIT(16 * 10 * 1000, count_ref, count_unref);
    uint8_t key[VS_CACHE_KEY], first[VS_CACHE_KEY];
    key_of(0, first);
    int value;
    for (int i = 0; i < 1000; i++) {
        key_of(i, key);
        vs_cache_put(&cache, key, &value, 1000);
        void *found = NULL;
        assert_true(vs_cache_get(&cache, key, &found));
        assert_ptr_equal(found, &value);
        count_unref(found);
        /* Used again and again, the first one stays. */
        assert_true(vs_cache_get(&cache, first, NULL));
    }
    size_t entries, weight;
    vs_cache_size(&cache, &entries, &weight);
    assert_true(weight <= 16 * 10 * 1000);
    assert_true(entries > 100 && entries < 160);
    assert_int_equal(alive, (int)entries);
    key_of(1, key);
    assert_false(vs_cache_get(&cache, key, NULL));
    vs_cache_put(&cache, key, &value, 1 << 20); /* heavier than all: not kept */
    assert_false(vs_cache_get(&cache, key, NULL));
    vs_cache_clear(&cache);
    assert_int_equal(alive, 0);
}

/* -- certificates and paths by many threads ------------------------------------------------ */

struct work {
    struct vs_bytes root, ca, leaves[LEAVES];
    int bad;
};

static void build_one(struct work *work, int leaf)
{
    struct vs_error err;
    VS_CERTIFICATE *root = NULL, *ca = NULL, *c = NULL;
    if (!vs_ok(vs_certificate_get(work->root, &root, &err)) ||
        !vs_ok(vs_certificate_get(work->ca, &ca, &err)) ||
        !vs_ok(vs_certificate_get(work->leaves[leaf], &c, &err))) {
        __atomic_add_fetch(&work->bad, 1, __ATOMIC_RELAXED);
        return;
    }
    const struct vs_certificate *anchor = root, *candidate = ca;
    struct vs_path_input input = {.certificate = c,
                                  .anchors = &anchor,
                                  .n_anchors = 1,
                                  .candidates = &candidate,
                                  .n_candidates = 1,
                                  .at = c->not_before};
    struct vs_path path;
    if (!vs_ok(vs_path_build(&input, &path, &err)) || path.verdict != VS_PATH_OK)
        __atomic_add_fetch(&work->bad, 1, __ATOMIC_RELAXED);
}

static void *run(void *context)
{
    for (int i = 0; i < ROUNDS; i++) {
        build_one(context, i % LEAVES);
        if (i % 20 == 19) /* under the others' feet */
            vs_certificate_cache_clear();
    }
    return NULL;
}

/* For TSan: decoding, verifying, remembering and forgetting at once. */
static void caches__serve_many_threads_at_once(void **state)
{
    (void)state;
    struct work work = {.root = openssl_file("root.der"), .ca = openssl_file("ca.der")};
    for (int i = 0; i < LEAVES; i++) {
        char name[32];
        snprintf(name, sizeof name, "leaf%d.der", i);
        work.leaves[i] = openssl_file(name);
    }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &work), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(work.bad, 0);
}

static void paths__verify_each_signature_once(void **state)
{
    (void)state;
    struct work work = {.root = openssl_file("root.der"), .ca = openssl_file("ca.der")};
    work.leaves[0] = openssl_file("leaf0.der");
    vs_certificate_cache_clear();
    uint64_t before = vs_counter(VS_COUNT_VERIFIES_ECDSA);
    uint64_t decoded = vs_counter(VS_COUNT_CERTIFICATES_DECODED);
    for (int i = 0; i < 50; i++)
        build_one(&work, 0);
    assert_int_equal(work.bad, 0);
    assert_int_equal(vs_counter(VS_COUNT_VERIFIES_ECDSA) - before, 2);
    assert_int_equal(vs_counter(VS_COUNT_CERTIFICATES_DECODED) - decoded, 3);
}

/* -- one key by many threads --------------------------------------------------------------- */

static void *sign_and_verify(void *context)
{
    struct vs_key *key = context;
    struct vs_error err;
    intptr_t bad = 0;
    for (int i = 0; i < 40; i++) {
        struct vs_signature_value value;
        enum vs_signature_verdict verdict = VS_SIGNATURE_INVALID;
        struct vs_bytes message = VS_BYTES(&i, sizeof i);
        bad += !vs_ok(vs_key_sign_message(key, VS_ECDSA_SHA256, message, VS_SIGNATURE_RAW,
                                          &value, &err)) ||
               !vs_ok(vs_public_key_verify_message(vs_key_public(key), VS_ECDSA_SHA256, message,
                                                   VS_SIGNATURE_RAW, vs_signature_bytes(&value),
                                                   &verdict, &err)) ||
               verdict != VS_SIGNATURE_VALID;
    }
    return (void *)bad;
}

static void key__serves_many_threads_at_once(void **state)
{
    (void)state;
    struct vs_error err;
    VS_KEY *key = NULL;
    assert_ok(vs_key_generate(VS_GENERATE_P256, &key, &err));
    pthread_t threads[2 * THREADS];
    for (int i = 0; i < 2 * THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_and_verify, key), 0);
    for (int i = 0; i < 2 * THREADS; i++) {
        void *bad;
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
}

static int forget(void **state)
{
    (void)state;
    vs_certificate_cache_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache__stays_within_its_weight_and_drops_the_oldest),
        cmocka_unit_test(caches__serve_many_threads_at_once),
        cmocka_unit_test(paths__verify_each_signature_once),
        cmocka_unit_test(key__serves_many_threads_at_once),
    };
    return cmocka_run_group_tests(tests, make_certificates, forget);
}
