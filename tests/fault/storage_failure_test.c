/* Every operation on the disk fails once, in turn, with each error: whatever the caller was
 * told must be true, and a restart must find the store whole. */
#include "tests/unit/unit.h"
#include "tests/support/small_service.h"
#include <errno.h>

enum { BATCHES = 12 };

static struct world world;

static void begin(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof *w);
    w->disk = vs_lossy_new(seed);
}

/* Several batches; with a known outcome the service goes on after a failure, as the committer
 * does. Returns whether anything failed. */
static bool work(struct world *w)
{
    bool failed = false;
    for (int i = 0; i < BATCHES; i++) {
        struct vs_error err;
        vs_rc rc = world_batch(w, &err);
        if (vs_ok(rc))
            continue;
        failed = true;
        if (rc.code != VS_E_DISK_FULL && rc.code != VS_E_IO)
            world_violation(w, "code %s: %s", vs_code_info(rc.code)->name, err.text);
        if (rc.code == VS_E_DISK_FULL && vs_store_poisoned(w->store))
            world_violation(w, "a full disk poisoned the store: %s", err.text);
    }
    return failed;
}

/* The nth operation of a run fails; false when the run had fewer. */
static bool fail_nth(uint64_t n, int error, bool lasting)
{
    struct world *w = &world;
    struct vs_error err;
    begin(w, 7);
    vs_lossy_fail_at(w->disk, n, error, lasting);
    vs_rc rc = world_start(w, &err);
    bool met = vs_lossy_failed(w->disk);
    if (vs_ok(rc))
        work(w);
    else if (!met || (rc.code != VS_E_DISK_FULL && rc.code != VS_E_IO))
        world_violation(w, "start: %s", err.text);
    met = vs_lossy_failed(w->disk);
    vs_lossy_fail_at(w->disk, 0, 0, false);
    world_stop(w);
    rc = world_start(w, &err);
    if (!vs_ok(rc))
        world_violation(w, "restart: %s", err.text);
    else
        world_verify(w);
    if (vs_ok(rc) && !vs_ok(world_batch(w, &err)))
        world_violation(w, "after the restart: %s", err.text);
    world_stop(w);
    vs_lossy_free(w->disk);
    if (w->violations > 0)
        fail_msg("operation %d failing with %s: %s", (int)n, strerror(error),
                 w->first_violation);
    return met;
}

static void fail_each(int error, bool lasting, uint64_t step)
{
    uint64_t n = 1;
    while (fail_nth(n, error, lasting))
        n += step;
    assert_true(n > 100);
}

static void failure__of_any_operation_once_loses_nothing(void **state)
{
    (void)state;
    fail_each(EIO, false, 1);
}

static void failure__of_all_operations_from_any_on_loses_nothing(void **state)
{
    (void)state;
    fail_each(EIO, true, 3);
}

static void failure__for_want_of_space_is_said_and_the_store_goes_on(void **state)
{
    (void)state;
    fail_each(ENOSPC, false, 1);
}

/* A disk that fills, refuses, and takes again when room was made. */
static void failure__a_full_disk_refuses_and_recovers_without_a_restart(void **state)
{
    (void)state;
    struct world *w = &world;
    struct vs_error err;
    begin(w, 11);
    assert_ok(world_start(w, &err));
    for (int i = 0; i < 20; i++)
        assert_ok(world_batch(w, &err));
    uint64_t room;
    vs_lossy_capacity(w->disk, vs_lossy_used(w->disk) + 30000);
    assert_ok(vs_store_free_bytes(w->store, &room, &err));
    assert_true(room <= 30000);
    int refused = 0;
    for (int i = 0; i < 20; i++) {
        vs_rc rc = world_batch(w, &err);
        refused += !vs_ok(rc);
        assert_true(vs_ok(rc) || rc.code == VS_E_DISK_FULL);
    }
    assert_true(refused > 5);
    assert_false(vs_store_poisoned(w->store));
    vs_lossy_capacity(w->disk, 0);
    for (int i = 0; i < 5; i++)
        assert_ok(world_batch(w, &err));
    world_verify(w);
    world_stop(w);
    assert_ok(world_start(w, &err));
    world_verify(w);
    world_stop(w);
    vs_lossy_free(w->disk);
    if (w->violations > 0)
        fail_msg("%s", w->first_violation);
}

/* After a failed sync the kernel may have dropped the pages: trying again would lie. */
static void failure__of_a_sync_is_final(void **state)
{
    (void)state;
    struct world *w = &world;
    struct vs_error err;
    begin(w, 13);
    assert_ok(world_start(w, &err));
    assert_ok(world_batch(w, &err));
    bool poisoned = false;
    for (uint64_t n = 1; n < 12 && !poisoned; n++) {
        vs_lossy_fail_at(w->disk, n, EIO, false);
        vs_rc rc = world_batch(w, &err);
        poisoned = !vs_ok(rc);
    }
    assert_true(poisoned);
    vs_lossy_fail_at(w->disk, 0, 0, false);
    for (int i = 0; i < 3; i++)
        assert_fails(VS_E_IO, world_batch(w, &err));
    world_stop(w);
    assert_ok(world_start(w, &err));
    world_verify(w);
    assert_ok(world_batch(w, &err));
    world_stop(w);
    vs_lossy_free(w->disk);
    if (w->violations > 0)
        fail_msg("%s", w->first_violation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failure__of_any_operation_once_loses_nothing),
        cmocka_unit_test(failure__of_all_operations_from_any_on_loses_nothing),
        cmocka_unit_test(failure__for_want_of_space_is_said_and_the_store_goes_on),
        cmocka_unit_test(failure__a_full_disk_refuses_and_recovers_without_a_restart),
        cmocka_unit_test(failure__of_a_sync_is_final),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
