/* Bundles as a relay writes them, and who may have them. */
#include "relay/check.h"
#include "tests/support/bundles.h"
#include "tests/unit/unit.h"
#include <dirent.h>

static int open_fixture(void **state)
{
    static struct relay_fixture fixture;
    relay_fixture_open(&fixture, false);
    *state = &fixture;
    return 0;
}

static int close_fixture(void **state)
{
    relay_fixture_close(*state);
    return 0;
}

static struct vs_id send_one(struct relay_fixture *f, const char *text, bool answer)
{
    struct vs_error err;
    struct vs_receipt receipt;
    struct vs_acknowledged acknowledged;
    struct vs_bytes bytes = relay_fixture_container(f, text);
    assert_ok(relay_fixture_send(f, &f->alfa, bytes, "voen:2345678912", NULL, &receipt, &err));
    assert_true(receipt.accepted);
    if (answer)
        assert_ok(relay_fixture_answer(f, &f->beta, receipt.id, NULL, &acknowledged, &err));
    return receipt.id;
}

static void assert_holds(struct relay_fixture *f, const char *path, uint64_t documents)
{
    struct vs_error err;
    struct vs_bundle_verdict v;
    assert_ok(bundle_verify(f, path, true, &v, &err));
    if (!v.holds)
        fail_msg("%s: %s: %s", v.path, v.rule, v.text);
    for (size_t i = 0; i < v.n_warnings; i++)
        fail_msg("warning: %s", v.warnings[i]);
    assert_false(v.undetermined);
    assert_int_equal(v.documents, documents);
    assert_non_null(v.signed_by);
    assert_string_equal(v.service, "Vasite (voen:9999999999)");
}

static void exports__hold_what_a_party_has_and_verify_packed_and_unpacked(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    static const enum vs_pack_form forms[] = {VS_PACK_TAR_ZST, VS_PACK_ZIP};
    send_one(f, "bir", true);
    send_one(f, "iki", false);
    for (size_t i = 0; i < 2; i++) {
        struct vs_caller archivist = bundle_archivist(f, i == 0 ? &f->alfa : &f->beta);
        struct vs_export_request request = {
            .from = VS_TIME_NONE, .until = VS_TIME_NONE, .form = forms[i]};
        const struct vs_export *export;
        assert_ok(bundle_export(f, &archivist, &request, &export, &err));
        if (export->state != VS_EXPORT_READY)
            fail_msg("%s", export->error);
        assert_int_equal(export->documents, 2);
        const char *path = bundle_fetch(f, &archivist, export->id);
        assert_holds(f, path, 2);
        const char *folder = vs_arena_printf(f->arena, "%s/unpacked%zu", f->folder, i);
        bundle_unpack(f, path, folder);
        assert_holds(f, folder, 2);
    }
    struct vs_check_result check;
    assert_ok(vs_check(f->relay, f->arena, NULL, NULL, &check, &err));
    for (size_t i = 0; i < check.n_findings; i++)
        fail_msg("%s %s: %s", check.findings[i].what, check.findings[i].where,
                 check.findings[i].text);
}

/* What a crash in mid-slice leaves behind the committed length. */
static void append_rubbish(struct relay_fixture *f, struct vs_id id)
{
    static const char *const suffixes[] = {"archive", "directory", "manifest", "csv", "html"};
    char text[VS_ID_TEXT];
    vs_id_text(id, text);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        FILE *file = fopen(
            vs_arena_printf(f->arena, "%s/exports/%s.%s", f->settings.data, text, suffixes[i]),
            "ae");
        if (file == NULL)
            continue; /* no slice has begun */
        fputs("rubbish", file);
        fclose(file);
    }
}

static size_t files_in(const char *path)
{
    size_t n = 0;
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

/* A service that dies between slices, or in one: the bundle goes on where it was committed. */
static void exports__go_on_after_a_restart_as_if_nothing_had_been(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    static const enum vs_pack_form forms[] = {VS_PACK_TAR_ZST, VS_PACK_ZIP};
    send_one(f, "bir", false);
    send_one(f, "iki", true);
    struct vs_caller archivist = bundle_archivist(f, &f->alfa);
    for (size_t i = 0; i < 2; i++) {
        struct vs_export_request request = {
            .from = VS_TIME_NONE, .until = VS_TIME_NONE, .form = forms[i]};
        const struct vs_export *export;
        assert_ok(bundle_begin(f, &archivist, &request, &export, &err));
        struct vs_id id = export->id;
        for (int step = 0; step < 200 && export->state == VS_EXPORT_RUNNING; step++) {
            /* One step of one kind, then the plug; what a slice left unfinished lies there. */
            test_world_pass(&f->world, 1000);
            vs_time_ms now = atomic_load(&f->world.now_ms);
            bool did = vs_relay_clockwork(f->relay, now);
            did = vs_relay_work(f->relay, now) || did;
            if (step % 3 != 0)
                did = vs_relay_commit(f->relay, now) || did;
            append_rubbish(f, id);
            relay_fixture_reopen(f);
            assert_ok(vs_export_get(f->relay, f->arena, &archivist, id, &export, &err));
        }
        assert_int_equal(export->state, VS_EXPORT_READY);
        assert_holds(f, bundle_fetch(f, &archivist, id), 2);
    }
}

static void exports__are_removed_when_their_time_has_come(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    send_one(f, "bir", false);
    struct vs_caller archivist = bundle_archivist(f, &f->alfa);
    struct vs_export_request request = {
        .from = VS_TIME_NONE, .until = VS_TIME_NONE, .form = VS_PACK_ZIP};
    const struct vs_export *export;
    assert_ok(bundle_export(f, &archivist, &request, &export, &err));
    const char *path = vs_arena_printf(f->arena, "%s/exports", f->settings.data);
    assert_true(files_in(path) > 0);
    test_world_pass(&f->world, export->expires - atomic_load(&f->world.now_ms) - 5000);
    vs_relay_run_until_idle(f->relay);
    assert_ok(vs_export_get(f->relay, f->arena, &archivist, export->id, &export, &err));
    test_world_pass(&f->world, 60000);
    vs_relay_run_until_idle(f->relay);
    assert_fails(VS_E_NOT_FOUND,
                 vs_export_get(f->relay, f->arena, &archivist, export->id, &export, &err));
    assert_int_equal(files_in(path), 0);
}

static void exports__are_for_their_participant_alone(void **state)
{
    struct relay_fixture *f = *state;
    struct vs_error err;
    struct vs_id document = send_one(f, "bir", false);
    struct vs_caller alfa = bundle_archivist(f, &f->alfa);
    struct vs_caller gamma = bundle_archivist(f, &f->gamma);
    struct vs_export_request request = {
        .from = VS_TIME_NONE, .until = VS_TIME_NONE, .form = VS_PACK_ZIP};
    const struct vs_export *export, *none;
    assert_ok(bundle_export(f, &alfa, &request, &export, &err));
    struct vs_export_file file;
    const struct vs_caller *const others[] = {&gamma, &f->alfa, &f->beta, &f->auditor};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_fails(VS_E_NOT_FOUND,
                     vs_export_get(f->relay, f->arena, others[i], export->id, &none, &err));
        assert_fails(VS_E_NOT_FOUND,
                     vs_export_open(f->relay, f->arena, others[i], export->id, &file, &err));
    }
    request.document = document;
    assert_fails(VS_E_NOT_FOUND, bundle_export(f, &gamma, &request, &none, &err));
    request.document = VS_ID_NONE;
    request.participant = "voen:1234567891";
    assert_fails(VS_E_NOT_FOUND, bundle_export(f, &gamma, &request, &none, &err));
    request.from = 10;
    request.until = 10;
    assert_fails(VS_E_PARAMETER, bundle_export(f, &alfa, &request, &none, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exports__hold_what_a_party_has_and_verify_packed_and_unpacked),
        TEST(exports__go_on_after_a_restart_as_if_nothing_had_been),
        TEST(exports__are_removed_when_their_time_has_come),
        TEST(exports__are_for_their_participant_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
