/* An arena that ends anywhere: making and reading fail with VS_E_NOMEM, and nothing else
 * happens. (Heap memory that runs out ends the process by design: formats/base/arena.h.) */
#include "tests/unit/unit.h"
#include "tests/support/forge.h"
#include "formats/formats.h"

static struct vs_error err;
static struct test_signer signer;
static struct vs_arena *lasting;

static int start(void **state)
{
    (void)state;
    lasting = vs_arena_new(64 << 20);
    assert_ok(vs_formats_init(&err));
    test_signer_init(&signer, lasting, VS_GENERATE_P256);
    return 0;
}

static int end(void **state)
{
    (void)state;
    test_signer_done(&signer);
    vs_arena_free(lasting);
    return 0;
}

static struct vs_xades_options options(void)
{
    static struct vs_xades_object object = {.name = "a b.txt", .media_type = "text/plain"};
    vs_digest_of(VS_SHA256, VS_BYTES_LITERAL(FORGE_OUTSIDE), &object.digest);
    return (struct vs_xades_options){
        .objects = &object, .n_objects = 1, .claimed_role = "role"};
}

static vs_rc make(struct vs_arena *arena)
{
    struct vs_xades_options o = options();
    struct vs_xades_draft *draft;
    VS_TRY(vs_xades_prepare(arena, signer.xades, &o, &draft, &err));
    return vs_xades_set_value(draft, VS_BYTES_LITERAL("value"), &err);
}

static void making__fails_cleanly_wherever_memory_ends(void **state)
{
    (void)state;
    bool made = false;
    for (size_t room = 0; !made; room += 16) {
        VS_ARENA *arena = vs_arena_new(room);
        vs_rc rc = make(arena);
        made = vs_ok(rc);
        assert_true(made || rc.code == VS_E_NOMEM || rc.code == VS_E_LIMIT);
        assert_true(room < 65536);
    }
}

static void reading__fails_cleanly_wherever_memory_ends(void **state)
{
    (void)state;
    struct vs_bytes token = VS_BYTES_LITERAL("token"), der = VS_BYTES_LITERAL("der");
    struct vs_xades_validation_data data = {&der, 1, &der, 1, &der, 1};
    struct vs_xades_options o = options();
    struct vs_bytes file = test_sign(&signer, lasting, &o, token, &data);
    VS_XML *xml = NULL;
    assert_ok(vs_xml_parse(file, NULL, &xml, &err));
    const struct vs_xml_node *node = vs_xml_first(vs_xml_root(xml));
    bool read = false;
    for (size_t room = 0; !read; room += 16) {
        VS_ARENA *arena = vs_arena_new(room);
        struct vs_dsig dsig;
        vs_rc rc = vs_dsig_read(arena, xml, node, &dsig, &err);
        read = vs_ok(rc);
        assert_true(read || rc.code == VS_E_NOMEM);
        assert_true(room < 65536);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making__fails_cleanly_wherever_memory_ends),
        cmocka_unit_test(reading__fails_cleanly_wherever_memory_ends),
    };
    return cmocka_run_group_tests(tests, start, end);
}
