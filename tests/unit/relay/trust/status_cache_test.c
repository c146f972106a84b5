#include "tests/unit/unit.h"
#include "relay/trust/status_cache.h"

static void key_of(uint8_t key[32], uint8_t n)
{
    memset(key, 0, 32);
    key[1] = n;
}

static void keeps_until_the_end_and_not_longer(void **state)
{
    (void)state;
    uint8_t key[32];
    VS_ARENA *arena = vs_arena_new(10000);
    struct vs_status_cache *cache = vs_status_cache_new(4);
    key_of(key, 1);
    vs_status_cache_put(cache, key, VS_BYTES_LITERAL("answer"), 100);
    assert_bytes_equal(vs_status_cache_get(cache, arena, key, 99), VS_BYTES_LITERAL("answer"));
    assert_null(vs_status_cache_get(cache, arena, key, 100).ptr);
    assert_null(vs_status_cache_get(cache, arena, key, 50).ptr); /* it was dropped */
    vs_status_cache_free(cache);
}

static void a_newer_answer_replaces_the_older(void **state)
{
    (void)state;
    uint8_t key[32];
    VS_ARENA *arena = vs_arena_new(10000);
    struct vs_status_cache *cache = vs_status_cache_new(4);
    key_of(key, 1);
    vs_status_cache_put(cache, key, VS_BYTES_LITERAL("old"), 100);
    vs_status_cache_put(cache, key, VS_BYTES_LITERAL("new"), 200);
    assert_bytes_equal(vs_status_cache_get(cache, arena, key, 150), VS_BYTES_LITERAL("new"));
    vs_status_cache_free(cache);
}

static void when_full_what_ends_first_goes(void **state)
{
    (void)state;
    uint8_t key[32];
    VS_ARENA *arena = vs_arena_new(10000);
    struct vs_status_cache *cache = vs_status_cache_new(2);
    for (uint8_t i = 1; i <= 3; i++) {
        key_of(key, i);
        vs_status_cache_put(cache, key, VS_BYTES_LITERAL("x"), i == 2 ? 10 : 100);
    }
    key_of(key, 2);
    assert_null(vs_status_cache_get(cache, arena, key, 1).ptr);
    key_of(key, 1);
    assert_non_null(vs_status_cache_get(cache, arena, key, 1).ptr);
    key_of(key, 3);
    assert_non_null(vs_status_cache_get(cache, arena, key, 1).ptr);
    vs_status_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_until_the_end_and_not_longer),
        cmocka_unit_test(a_newer_answer_replaces_the_older),
        cmocka_unit_test(when_full_what_ends_first_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
