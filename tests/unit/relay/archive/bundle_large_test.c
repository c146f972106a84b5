/* A bundle of many documents is written and verified in flat memory. By itself the program
 * takes a few hundred; `tests/run bundles` gives it 10,000, optimised and without sanitizers
 * (whose own memory would hide the service's). */
#include "tests/support/bundles.h"
#include "tests/unit/unit.h"
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1, DOCUMENTS = 150 };
#else
enum { SANITIZED = 0, DOCUMENTS = 600 };
#endif
enum { TOGETHER = 100, MOST_KIB = 64 * 1024 };

static struct relay_fixture fixture;
static size_t documents = DOCUMENTS;

/* "VmRSS", "VmHWM" in KiB. */
static long status_of(const char *name)
{
    char line[200];
    long value = 0;
    FILE *status = fopen("/proc/self/status", "re");
    assert_non_null(status);
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(status);
    return value;
}

/* From now on VmHWM begins at what is used now. */
static long measure_from_here(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
    return status_of("VmRSS");
}

static void assert_flat(const char *what, long before)
{
    long grew = status_of("VmHWM") - before;
    print_message("%s %zu documents: %ld KiB more than before\n", what, documents, grew);
    if (!SANITIZED && grew > MOST_KIB)
        fail_msg("%s took %ld KiB", what, grew);
}

/* What the fixture gives back lives in its arena: here in one that goes. */
static void send_some(size_t from, size_t n)
{
    struct vs_submission *submissions[TOGETHER];
    struct vs_arena *kept = fixture.arena;
    fixture.arena = vs_arena_new((size_t)256 << 20);
    for (size_t i = 0; i < n; i++) {
        char text[40];
        snprintf(text, sizeof text, "sənəd %zu", from + i);
        submissions[i] = relay_fixture_queue(&fixture, &fixture.alfa,
                                             relay_fixture_container(&fixture, text),
                                             "voen:2345678912", NULL);
        test_world_pass(&fixture.world, 1);
    }
    vs_relay_run_until_idle(fixture.relay);
    for (size_t i = 0; i < n; i++) {
        struct vs_error err;
        const struct vs_receipt *receipt;
        assert_ok(vs_submission_result(submissions[i], &receipt, &err));
        assert_true(receipt->accepted);
        vs_submission_free(submissions[i]);
    }
    vs_arena_free(fixture.arena);
    fixture.arena = kept;
}

static int open_fixture(void **state)
{
    relay_fixture_init(&fixture, false);
    fixture.settings.batch_marks = true;
    relay_fixture_start(&fixture);
    for (size_t i = 0; i < documents; i += TOGETHER)
        send_some(i, documents - i < TOGETHER ? documents - i : TOGETHER);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static void bundle_of(enum vs_pack_form form)
{
    struct vs_error err;
    struct vs_bundle_verdict v;
    const struct vs_export *export;
    struct vs_caller archivist = bundle_archivist(&fixture, &fixture.alfa);
    struct vs_export_request request = {
        .from = VS_TIME_NONE, .until = VS_TIME_NONE, .form = form};
    long before = measure_from_here();
    assert_ok(bundle_export(&fixture, &archivist, &request, &export, &err));
    assert_int_equal(export->state, VS_EXPORT_READY);
    assert_int_equal(export->documents, documents);
    assert_flat("writing", before);
    const char *path = bundle_fetch(&fixture, &archivist, export->id);
    before = measure_from_here();
    assert_ok(bundle_verify(&fixture, path, true, &v, &err));
    if (!v.holds)
        fail_msg("%s: %s", v.path, v.text);
    assert_false(v.undetermined);
    assert_int_equal(v.documents, documents);
    assert_true(v.evidence >= 2 * documents);
    assert_flat("verifying", before);
}

static void bundle__of_many_documents_takes_flat_memory(void **state)
{
    (void)state;
    bundle_of(VS_PACK_TAR_ZST);
}

static void bundle__of_many_documents_as_zip_takes_flat_memory(void **state)
{
    (void)state;
    bundle_of(VS_PACK_ZIP);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundle__of_many_documents_takes_flat_memory),
        cmocka_unit_test(bundle__of_many_documents_as_zip_takes_flat_memory),
    };
    if (argc > 1)
        documents = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
