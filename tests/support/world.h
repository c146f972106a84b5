/* world.h - relay's seams for tests: a clock that stands until it is moved, randomness of the
 * system, nothing that goes out. */
#ifndef VS_TESTS_SUPPORT_WORLD_H
#define VS_TESTS_SUPPORT_WORLD_H
#include "relay/seams.h"
#include <stdatomic.h>

struct test_world {
    struct vs_seams seams;
    _Atomic int64_t now_ms; /* both clocks */
};

/* `now` begins at the clock of the machine, so that public tools agree on what is in force. */
void test_world_init(struct test_world *world);
void test_world_pass(struct test_world *world, int64_t ms);
#endif
