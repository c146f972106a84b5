/* Bundles as a relay writes them, and who may have them. */
#include "relay/check.h"
#include "tests/support/bundles.h"
#include "tests/unit/unit.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            exports__hold_what_a_party_has_and_verify_packed_and_unpacked, open_fixture,
            close_fixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
