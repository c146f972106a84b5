#include "relay/seams.h"
#include "formats/crypto/random.h"
#include <time.h>

static vs_time_ms real_now_ms(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (vs_time_ms)now.tv_sec * VS_SECOND_MS + now.tv_nsec / 1000000;
}

static int64_t real_monotonic_ms(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * VS_SECOND_MS + now.tv_nsec / 1000000;
}

static void real_random(void *context, uint8_t *to, size_t len)
{
    (void)context;
    vs_random(to, len);
}

struct vs_seams vs_seams_real(void)
{
    return (struct vs_seams){
        .now_ms = real_now_ms, .monotonic_ms = real_monotonic_ms, .random = real_random};
}
