#include "tests/unit/unit.h"
#include "formats/certificate/identity.h"
#include "tests/support/pki.h"

static struct vs_arena *arena;
static struct vs_error err;

static int begin(void **state)
{
    (void)state;
    arena = vs_arena_new(1 << 16);
    return 0;
}

static int end(void **state)
{
    (void)state;
    vs_arena_free(arena);
    vs_certificate_cache_clear();
    return 0;
}

static void identifiers_go_into_certificates_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *identifier, *semantics;
    } rows[] = {{"voen:1234567891", "VATAZ-1234567891"},
                {"fin:7ABCDEF", "PNOAZ-7ABCDEF"},
                {"gln:4006381333931", "gln:4006381333931"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(vs_identity_encode(arena, rows[i].identifier), rows[i].semantics);
        assert_string_equal(vs_identity_decode(arena, rows[i].semantics), rows[i].identifier);
    }
}

static void what_is_no_identifier_names_nobody(void **state)
{
    (void)state;
    static const char *const others[] = {"", "12345", "PASAZ-C1234567", "NTRDE-HRB1", "VATA"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_null(vs_identity_decode(arena, others[i]));
}

static void a_certificate_names_its_organisation_and_person(void **state)
{
    (void)state;
    struct vs_pki *pki = vs_pki_new();
    struct vs_certificate *person, *root;
    assert_ok(vs_certificate_get(pki->person.certificate, &person, &err));
    assert_ok(vs_certificate_get(pki->root.certificate, &root, &err));
    struct vs_identity of_person = vs_identity_of(arena, person);
    struct vs_identity of_root = vs_identity_of(arena, root);
    assert_true(vs_identity_has(&of_person, "voen:1234567891"));
    assert_true(vs_identity_has(&of_person, "fin:7ABCDEF"));
    assert_false(vs_identity_has(&of_person, "fin:7abcdef"));
    assert_false(vs_identity_has(&of_person, "voen:1234567890"));
    assert_false(vs_identity_has(&of_root, "voen:1234567891"));
    vs_certificate_unref(person);
    vs_certificate_unref(root);
    vs_pki_free(pki);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_go_into_certificates_and_back),
        cmocka_unit_test(what_is_no_identifier_names_nobody),
        cmocka_unit_test(a_certificate_names_its_organisation_and_person),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
