/* Making and reading from several threads at once, one file read by all of them: what the
 * headers promise, for the thread sanitizer to judge. */
#include "tests/unit/unit.h"
#include "tests/support/forge.h"
#include "formats/formats.h"
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 50 };

static struct vs_error err;
static struct test_signer signer;
static struct vs_xades_file *shared;
static const struct vs_xades_options options = {
    .document = VS_BYTES_LITERAL("<e:E xmlns:e=\"urn:e\"><T>a &amp; b</T></e:E>")};

static void *work(void *result)
{
    struct vs_error own;
    size_t *good = result;
    const struct vs_dsig *d = &shared->signatures[0].dsig;
    for (int i = 0; i < ROUNDS; i++) {
        VS_ARENA *arena = vs_arena_new(1 << 22);
        struct vs_bytes file = test_sign(&signer, arena, &options, VS_BYTES_NONE, NULL);
        enum vs_code code;
        *good += forge_judge(file, vs_key_public(signer.key), &code) == FORGE_ACCEPTED;
        for (size_t r = 0; r < d->n_references; r++) {
            enum vs_dsig_state state;
            *good += vs_ok(vs_dsig_check_reference(d, r, NULL, &state, &own)) &&
                     state == VS_DSIG_INTACT;
        }
    }
    return NULL;
}

static void signatures__are_made_and_read_by_several_threads(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 22);
    assert_ok(vs_formats_init(&err));
    test_signer_init(&signer, arena, VS_GENERATE_P256);
    struct vs_bytes file = test_sign(&signer, arena, &options, VS_BYTES_NONE, NULL);
    assert_ok(vs_xades_read(file, NULL, &shared, &err));
    pthread_t threads[THREADS];
    size_t good[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &good[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(good[i], ROUNDS * 3);
    }
    vs_xades_free(shared);
    test_signer_done(&signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures__are_made_and_read_by_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
