/* Whatever is changed in an unpacked bundle is found, and the file named. */
#include "tests/support/bundles.h"
#include "tests/unit/unit.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 400 };

static struct relay_fixture fixture;
static const char *folder;
static char *files[MOST_FILES]; /* below the folder */
static size_t n_files;

static int add_file(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)walk;
    if (flag == FTW_F && n_files < MOST_FILES)
        files[n_files++] = vs_arena_strdup(fixture.arena, path + strlen(folder) + 1);
    return 0;
}

static int open_bundle(void **state)
{
    struct vs_error err;
    struct vs_receipt receipt;
    struct vs_acknowledged acknowledged;
    const struct vs_export *export;
    relay_fixture_open(&fixture, false);
    for (int i = 0; i < 2; i++) {
        struct vs_bytes bytes = relay_fixture_container(&fixture, i == 0 ? "bir" : "iki");
        assert_ok(relay_fixture_send(&fixture, &fixture.alfa, bytes, "voen:2345678912", NULL,
                                     &receipt, &err));
        test_world_pass(&fixture.world, 5);
    }
    assert_ok(
        relay_fixture_answer(&fixture, &fixture.beta, receipt.id, NULL, &acknowledged, &err));
    struct vs_caller archivist = bundle_archivist(&fixture, &fixture.alfa);
    struct vs_export_request request = {
        .from = VS_TIME_NONE, .until = VS_TIME_NONE, .form = VS_PACK_TAR_ZST};
    assert_ok(bundle_export(&fixture, &archivist, &request, &export, &err));
    assert_int_equal(export->state, VS_EXPORT_READY);
    folder = vs_arena_printf(fixture.arena, "%s/unpacked", fixture.folder);
    bundle_unpack(&fixture, bundle_fetch(&fixture, &archivist, export->id), folder);
    nftw(folder, add_file, 16, FTW_PHYS);
    assert_true(n_files > 30 && n_files < MOST_FILES);
    *state = &fixture;
    return 0;
}

static int close_bundle(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static const char *at(const char *name)
{
    return vs_arena_printf(fixture.arena, "%s/%s", folder, name);
}

static void verify(struct vs_bundle_verdict *v)
{
    struct vs_error err;
    assert_ok(bundle_verify(&fixture, folder, true, v, &err));
}

static void assert_found(const char *what, const char *path)
{
    struct vs_bundle_verdict v;
    verify(&v);
    if (v.holds)
        fail_msg("%s %s: not found", what, path);
    if (strcmp(v.path, path) != 0)
        fail_msg("%s %s: %s is named: %s (%s)", what, path, v.path, v.text, v.rule);
    assert_string_not_equal(vs_bundle_remedy(v.rule), "");
}

static void assert_unchanged(void)
{
    struct vs_bundle_verdict v;
    verify(&v);
    if (!v.holds)
        fail_msg("%s: %s: %s", v.path, v.rule, v.text);
}

static void flip(const char *name, double share, uint8_t mask)
{
    uint8_t byte;
    struct stat status;
    int fd = open(at(name), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &status) == 0);
    off_t place = (off_t)((double)(status.st_size - 1) * share);
    assert_int_equal(pread(fd, &byte, 1, place), 1);
    byte ^= mask;
    assert_int_equal(pwrite(fd, &byte, 1, place), 1);
    close(fd);
}

static void bundle__names_every_file_in_which_a_byte_was_changed(void **state)
{
    (void)state;
    static const double places[] = {0, 0.5, 1};
    assert_unchanged();
    for (size_t i = 0; i < n_files; i++)
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            flip(files[i], places[k], 0x01);
            assert_found("changed", files[i]);
            flip(files[i], places[k], 0x01);
        }
    assert_unchanged();
}

static void bundle__names_every_file_that_was_taken_away_or_renamed(void **state)
{
    (void)state;
    const char *aside = vs_arena_printf(fixture.arena, "%s.aside", folder);
    for (size_t i = 0; i < n_files; i++) {
        assert_int_equal(rename(at(files[i]), aside), 0);
        assert_found("removed", files[i]);
        assert_int_equal(rename(aside, at(files[i])), 0);
        /* By another name it is one missing and one too many: whichever sorts first. */
        const char *other = vs_arena_printf(fixture.arena, "%s0", files[i]);
        assert_int_equal(rename(at(files[i]), at(other)), 0);
        struct vs_bundle_verdict v;
        verify(&v);
        assert_false(v.holds);
        assert_true(strcmp(v.path, files[i]) == 0 || strcmp(v.path, other) == 0);
        assert_int_equal(rename(at(other), at(files[i])), 0);
    }
    assert_unchanged();
}

static void bundle__names_every_file_that_was_added(void **state)
{
    (void)state;
    const char *document = vs_arena_strndup(fixture.arena, files[0], 0);
    for (size_t i = 0; i < n_files && document[0] == '\0'; i++)
        if (strstr(files[i], "/document.txt") != NULL)
            document = vs_arena_strndup(fixture.arena, files[i],
                                        strlen(files[i]) - strlen("/document.txt"));
    const char *const added[] = {
        "extra.txt",
        "data/extra.txt",
        "data/authority/another.cer",
        "data/zzz",
        vs_arena_printf(fixture.arena, "%s/zzz", document),
        vs_arena_printf(fixture.arena, "%s/evidence/0009-x.xml", document),
    };
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        int fd = open(at(added[i]), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
        assert_found("added", added[i]);
        assert_int_equal(unlink(at(added[i])), 0);
    }
    assert_unchanged();
}

static void swap(const char *a, const char *b)
{
    const char *aside = vs_arena_printf(fixture.arena, "%s.aside", folder);
    assert_int_equal(rename(at(a), aside), 0);
    assert_int_equal(rename(at(b), at(a)), 0);
    assert_int_equal(rename(aside, at(b)), 0);
}

static void bundle__names_one_of_two_files_that_changed_places(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < n_files; i++) {
        struct vs_bundle_verdict v;
        swap(files[i], files[i + 1]);
        verify(&v);
        swap(files[i], files[i + 1]);
        if (!v.holds && (strcmp(v.path, files[i]) == 0 || strcmp(v.path, files[i + 1]) == 0))
            continue;
        fail_msg("%s and %s: %s is named", files[i], files[i + 1], v.holds ? "none" : v.path);
    }
    assert_unchanged();
}

static void bundle__follows_no_link_and_opens_no_pipe(void **state)
{
    (void)state;
    assert_int_equal(symlink("/etc/passwd", at("data/link")), 0);
    struct vs_bundle_verdict v;
    verify(&v);
    assert_false(v.holds);
    assert_non_null(strstr(v.text, "no plain file"));
    assert_int_equal(unlink(at("data/link")), 0);
    assert_int_equal(mkfifo(at("data/pipe"), 0600), 0);
    verify(&v);
    assert_false(v.holds);
    assert_int_equal(unlink(at("data/pipe")), 0);
    assert_unchanged();
}

static void bundle__without_an_anchor_holds_with_a_warning(void **state)
{
    (void)state;
    struct vs_error err;
    struct vs_bundle_verdict v;
    assert_ok(bundle_verify(&fixture, folder, false, &v, &err));
    assert_true(v.holds);
    assert_int_equal(v.n_warnings, 1);
    assert_non_null(strstr(v.warnings[0], "no anchor was given"));
}

static void bundle__of_another_root_stays_undetermined(void **state)
{
    (void)state;
    struct relay_fixture other;
    struct vs_error err;
    struct vs_bundle_verdict v;
    relay_fixture_open(&other, true);
    assert_ok(bundle_verify(&other, folder, true, &v, &err));
    assert_true(!v.holds || v.undetermined);
    relay_fixture_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundle__names_every_file_in_which_a_byte_was_changed),
        cmocka_unit_test(bundle__names_every_file_that_was_taken_away_or_renamed),
        cmocka_unit_test(bundle__names_every_file_that_was_added),
        cmocka_unit_test(bundle__names_one_of_two_files_that_changed_places),
        cmocka_unit_test(bundle__follows_no_link_and_opens_no_pipe),
        cmocka_unit_test(bundle__without_an_anchor_holds_with_a_warning),
        cmocka_unit_test(bundle__of_another_root_stays_undetermined),
    };
    return cmocka_run_group_tests(tests, open_bundle, close_bundle);
}
