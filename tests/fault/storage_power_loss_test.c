/* Rows and segments under random loss of power, on a disk that forgets what was not synced
 * (tests/support/fileops_lossy.h); VASITE_SEEDS says how many runs of 100 rounds. The same are
 * run with planted bugs, which must be noticed: a harness that does not notice them would show
 * nothing. */
#include "tests/unit/unit.h"
#include "tests/support/small_service.h"
#include <stdlib.h>

enum { ROUNDS = 100 };

/* One life: sometimes the power fails while the store recovers from the last time. */
static void life(struct world *w)
{
    bool early = vs_lossy_random(w->disk, 4) == 0;
    vs_lossy_die_at(w->disk, early ? 1 + vs_lossy_random(w->disk, 30) : 0);
    struct vs_error err;
    vs_rc rc = world_start(w, &err);
    if (vs_ok(rc)) {
        vs_lossy_die_at(w->disk, 0);
        world_verify(w);
        vs_lossy_die_at(w->disk, 1 + vs_lossy_random(w->disk, 150));
        while (vs_ok(rc))
            rc = world_batch(w, &err);
    }
    if (!vs_lossy_dead(w->disk))
        world_violation(w, "without loss of power: %s", err.text);
    vs_lossy_die_now(w->disk);
    world_stop(w);
    vs_lossy_power_on(w->disk);
}

struct plan {
    enum bug bug;
    const char *lie_files, *lie_folders;
    uint64_t seed;
};

static void run(const struct plan *plan, struct world *w)
{
    memset(w, 0, sizeof *w);
    w->disk = vs_lossy_new(plan->seed);
    w->bug = plan->bug;
    vs_lossy_lie_about_files(w->disk, plan->lie_files);
    vs_lossy_lie_about_folders(w->disk, plan->lie_folders);
    for (int round = 0; round < ROUNDS && w->violations == 0; round++)
        life(w);
    struct vs_error err;
    if (w->violations == 0 && vs_ok(world_start(w, &err)))
        world_verify(w);
    world_stop(w);
    vs_lossy_free(w->disk);
}

static struct world world;

static void power_loss__loses_and_doubles_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    const char *most = getenv("VASITE_SEEDS");
    for (uint64_t seed = 1; seed <= (most == NULL ? 3 : strtoull(most, NULL, 10)); seed++) {
        run(&(struct plan){.seed = seed}, &world);
        if (world.violations > 0)
            fail_msg("seed %d: %s", (int)seed, world.first_violation);
        size_t kept = 0;
        for (size_t i = 0; i < world.n_documents; i++)
            kept += world.documents[i] == ACKNOWLEDGED;
        assert_true(kept > 300); /* the rounds did work */
        assert_true(kept < world.n_documents);
    }
}

static void assert_caught(const struct plan *plan)
{
    run(plan, &world);
    if (world.violations == 0)
        fail_msg("the planted bug was not noticed in %d rounds", ROUNDS);
}

static void power_loss__catches_an_acknowledgement_before_the_commit(void **state)
{
    (void)state;
    assert_caught(&(struct plan){.bug = ACKNOWLEDGES_EARLY, .seed = 1});
}

static void power_loss__catches_a_missing_sync_of_a_segment(void **state)
{
    (void)state;
    assert_caught(&(struct plan){.lie_files = ".seg", .seed = 1});
}

static void power_loss__catches_a_missing_sync_of_a_spool_file(void **state)
{
    (void)state;
    assert_caught(&(struct plan){.lie_files = "/spool/", .seed = 1});
}

static void power_loss__catches_a_missing_sync_of_the_log(void **state)
{
    (void)state;
    assert_caught(&(struct plan){.lie_files = "store-wal", .seed = 1});
}

static void power_loss__catches_a_missing_sync_of_the_database(void **state)
{
    (void)state;
    assert_caught(&(struct plan){.lie_files = "/store$", .seed = 1});
}

static void power_loss__catches_a_folder_that_is_not_synced(void **state)
{
    (void)state;
    assert_caught(&(struct plan){.lie_folders = "/data/segments", .seed = 1});
}

static void power_loss__catches_rows_committed_before_their_bytes_are_synced(void **state)
{
    (void)state;
    assert_caught(&(struct plan){.bug = SWAPS_THE_WRITES, .seed = 1});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_loss__loses_and_doubles_nothing_that_was_acknowledged),
        cmocka_unit_test(power_loss__catches_an_acknowledgement_before_the_commit),
        cmocka_unit_test(power_loss__catches_a_missing_sync_of_a_segment),
        cmocka_unit_test(power_loss__catches_a_missing_sync_of_a_spool_file),
        cmocka_unit_test(power_loss__catches_a_missing_sync_of_the_log),
        cmocka_unit_test(power_loss__catches_a_missing_sync_of_the_database),
        cmocka_unit_test(power_loss__catches_a_folder_that_is_not_synced),
        cmocka_unit_test(power_loss__catches_rows_committed_before_their_bytes_are_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
