#include "tests/unit/unit.h"
#include "formats/crypto/key.h"
#include "formats/evidence/checkpoint.h"

static struct vs_bytes signed_note(struct vs_arena *arena, struct vs_key *key,
                                   const struct vs_checkpoint *checkpoint, uint8_t raw[32])
{
    struct vs_error err;
    struct vs_bytes body, note;
    struct vs_signature_value value;
    struct vs_signature_algorithm ed25519 = {.scheme = VS_ED25519};
    assert_true(vs_public_key_ed25519(vs_key_public(key), raw));
    assert_ok(vs_checkpoint_body(arena, checkpoint, &body, &err));
    assert_ok(vs_key_sign_message(key, ed25519, body, VS_SIGNATURE_RAW, &value, &err));
    assert_int_equal(value.len, 64);
    assert_ok(
        vs_checkpoint_note(arena, checkpoint->origin, body, raw, value.bytes, &note, &err));
    return note;
}

static struct vs_checkpoint sample(void)
{
    return (struct vs_checkpoint){.origin = "vasite.local/journal",
                                  .size = 1234567890123,
                                  .root = {{1, 2, 3}},
                                  .extensions = {"epoch 1"},
                                  .n_extensions = 1};
}

static void checkpoint__is_verified_by_its_own_key_alone(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    VS_KEY *key = NULL, *other = NULL;
    uint8_t raw[32], other_raw[32];
    assert_ok(vs_key_generate(VS_GENERATE_ED25519, &key, &err));
    assert_ok(vs_key_generate(VS_GENERATE_ED25519, &other, &err));
    assert_true(vs_public_key_ed25519(vs_key_public(other), other_raw));
    struct vs_checkpoint checkpoint = sample(), read;
    struct vs_bytes note = signed_note(arena, key, &checkpoint, raw);
    bool good;
    assert_ok(vs_checkpoint_verify(note, raw, &good, &err));
    assert_true(good);
    assert_ok(vs_checkpoint_verify(note, other_raw, &good, &err));
    assert_false(good);
    assert_ok(vs_checkpoint_read(arena, note, &read, &err));
    assert_string_equal(read.origin, checkpoint.origin);
    assert_int_equal(read.size, checkpoint.size);
    assert_true(vs_hash_equal(&read.root, &checkpoint.root));
    assert_int_equal(read.n_extensions, 1);
    assert_string_equal(read.extensions[0], "epoch 1");
}

static void checkpoint__no_longer_holds_when_any_byte_is_changed(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    VS_KEY *key = NULL;
    uint8_t raw[32];
    assert_ok(vs_key_generate(VS_GENERATE_ED25519, &key, &err));
    struct vs_checkpoint checkpoint = sample();
    struct vs_bytes note = signed_note(arena, key, &checkpoint, raw);
    uint8_t changed[512];
    for (size_t i = 0; i < note.len; i++) {
        memcpy(changed, note.ptr, note.len);
        changed[i] ^= 1;
        bool good = false;
        vs_rc rc = vs_checkpoint_verify(VS_BYTES(changed, note.len), raw, &good, &err);
        assert_false(vs_ok(rc) && good);
    }
}

static void checkpoint__passes_over_lines_of_witnesses(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    VS_KEY *key = NULL;
    uint8_t raw[32];
    assert_ok(vs_key_generate(VS_GENERATE_ED25519, &key, &err));
    struct vs_checkpoint checkpoint = sample();
    struct vs_bytes note = signed_note(arena, key, &checkpoint, raw);
    char *more = vs_arena_printf(arena, "%.*s\xe2\x80\x94 witness.example AAAAAAAA\n",
                                 (int)note.len, (const char *)note.ptr);
    bool good;
    assert_ok(vs_checkpoint_verify(vs_bytes_text(more), raw, &good, &err));
    assert_true(good);
}

static void checkpoint__refuses_what_is_no_checkpoint(void **state)
{
    (void)state;
    static const char *const notes[] = {
        "",
        "origin\n1\n",
        "origin\n01\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n\n\xe2\x80\x94 origin "
        "AAAA\n",
        "origin\n-1\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n\n\xe2\x80\x94 origin "
        "AAAA\n",
        "or gin\n1\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n\n\xe2\x80\x94 origin AAAA\n",
        "origin\n1\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==\n\n\xe2\x80\x94 origin AAAA\n",
        "origin\n1\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n\xe2\x80\x94 origin AAAA\n",
        "origin\n1\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n\n",
    };
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_checkpoint read;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        assert_fails(VS_E_SYNTAX,
                     vs_checkpoint_read(arena, vs_bytes_text(notes[i]), &read, &err));
    assert_ok(vs_checkpoint_read(
        arena,
        vs_bytes_text("origin\n0\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n\n"
                      "\xe2\x80\x94 origin AAAA\n"),
        &read, &err));
}

/* Found by fuzzing: what follows a NUL was not seen, but signed. */
static void checkpoint__refuses_a_nul_that_hides_part_of_its_origin(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    VS_KEY *key = NULL;
    uint8_t raw[32];
    assert_ok(vs_key_generate(VS_GENERATE_ED25519, &key, &err));
    struct vs_checkpoint checkpoint = sample(), read;
    struct vs_bytes note = signed_note(arena, key, &checkpoint, raw);
    assert_ok(vs_checkpoint_read(arena, note, &read, &err));
    ((uint8_t *)(uintptr_t)note.ptr)[6] = 0;
    assert_fails(VS_E_SYNTAX, vs_checkpoint_read(arena, note, &read, &err));
}

static void checkpoint__refuses_to_make_what_could_not_be_read(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes body;
    struct vs_checkpoint bad = sample();
    bad.origin = "a b";
    assert_fails(VS_E_PARAMETER, vs_checkpoint_body(arena, &bad, &body, &err));
    bad = sample();
    bad.extensions[0] = "two\nlines";
    assert_fails(VS_E_PARAMETER, vs_checkpoint_body(arena, &bad, &body, &err));
    bad.extensions[0] = "";
    assert_fails(VS_E_PARAMETER, vs_checkpoint_body(arena, &bad, &body, &err));
}

/* The example key of C2SP signed-note:
 * PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW */
static void checkpoint__names_a_key_as_c2sp_does(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes key;
    assert_ok(vs_base64_decode(
        arena, vs_bytes_text("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &key, &err));
    assert_string_equal(vs_checkpoint_verifier_key(arena, "PeterNeumann", key.ptr + 1),
                        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoint__is_verified_by_its_own_key_alone),
        cmocka_unit_test(checkpoint__no_longer_holds_when_any_byte_is_changed),
        cmocka_unit_test(checkpoint__passes_over_lines_of_witnesses),
        cmocka_unit_test(checkpoint__refuses_what_is_no_checkpoint),
        cmocka_unit_test(checkpoint__refuses_a_nul_that_hides_part_of_its_origin),
        cmocka_unit_test(checkpoint__refuses_to_make_what_could_not_be_read),
        cmocka_unit_test(checkpoint__names_a_key_as_c2sp_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
