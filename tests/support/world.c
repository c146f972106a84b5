#include "tests/support/world.h"

static vs_time_ms now_ms(void *context)
{
    struct test_world *world = context;
    return atomic_load(&world->now_ms);
}

static void random_bytes(void *context, uint8_t *to, size_t len)
{
    (void)context;
    struct vs_seams real = vs_seams_real();
    real.random(real.context, to, len);
}

void test_world_init(struct test_world *world)
{
    struct vs_seams real = vs_seams_real();
    atomic_init(&world->now_ms, real.now_ms(real.context));
    world->seams = (struct vs_seams){
        .context = world, .now_ms = now_ms, .monotonic_ms = now_ms, .random = random_bytes};
}

void test_world_pass(struct test_world *world, int64_t ms)
{
    atomic_fetch_add(&world->now_ms, ms);
}
