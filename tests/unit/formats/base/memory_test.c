/* Arena, bytes, buffer and source. */
#include "tests/unit/unit.h"
#include <unistd.h>

static struct vs_error err;

static void arena__hands_out_zeroed_aligned_memory_up_to_its_limit(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(10000);
    size_t pieces = 0;
    for (uint8_t *p; (p = vs_arena_alloc(arena, 100)) != NULL; pieces++) {
        assert_int_equal((uintptr_t)p % 16, 0);
        for (int i = 0; i < 100; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, 100);
    }
    assert_int_equal(pieces, 10000 / 112);
    vs_arena_reset(arena);
    assert_non_null(vs_arena_alloc(arena, 100));
    assert_null(vs_arena_alloc(arena, SIZE_MAX));
    assert_null(vs_arena_array(arena, SIZE_MAX / 2, 3));
}

static void arena__fails_at_the_allocation_that_a_test_names(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(10000);
    vs_alloc_fail_at(2);
    assert_non_null(vs_arena_alloc(arena, 1));
    assert_null(vs_arena_alloc(arena, 1));
    assert_non_null(vs_arena_alloc(arena, 1));
}

static void buffer__remembers_that_something_did_not_fit(void **state)
{
    (void)state;
    VS_BUFFER b;
    vs_buffer_init(&b, 10);
    vs_buffer_text(&b, "0123456789");
    assert_ok(vs_buffer_check(&b, &err));
    vs_buffer_byte(&b, 'x');
    vs_buffer_clear(&b);
    vs_buffer_text(&b, "12345678901");
    vs_buffer_text(&b, "1");
    assert_fails(VS_E_LIMIT, vs_buffer_check(&b, &err));
    assert_int_equal(b.len, 0);
}

static void buffer__escapes_xml_so_that_attributes_survive(void **state)
{
    (void)state;
    VS_BUFFER b;
    vs_buffer_init(&b, 1000);
    vs_buffer_xml(&b, "a<b>&\"'\t\n\r\x01z");
    assert_string_equal((char *)b.ptr, "a&lt;b&gt;&amp;&quot;&#39;&#9;&#10;&#13;\xef\xbf\xbdz");
}

static void crc32c__is_castagnoli(void **state)
{
    (void)state;
    /* RFC 3720, B.4 */
    uint8_t zeros[32] = {0}, ones[32];
    memset(ones, 0xff, sizeof ones);
    assert_int_equal(vs_crc32c(0, VS_BYTES(zeros, 32)), 0x8a9136aa);
    assert_int_equal(vs_crc32c(0, VS_BYTES(ones, 32)), 0x62a8ab43);
    assert_int_equal(vs_crc32c(0, VS_BYTES_LITERAL("123456789")), 0xe3069283);
    uint32_t parts =
        vs_crc32c(vs_crc32c(0, VS_BYTES_LITERAL("12345")), VS_BYTES_LITERAL("6789"));
    assert_int_equal(parts, 0xe3069283);
}

static void bytes__order_as_memcmp_with_prefixes_first(void **state)
{
    (void)state;
    assert_true(vs_bytes_compare(VS_BYTES_LITERAL("ab"), VS_BYTES_LITERAL("abc")) < 0);
    assert_true(vs_bytes_compare(VS_BYTES_LITERAL("b"), VS_BYTES_LITERAL("abc")) > 0);
    assert_true(vs_bytes_compare(VS_BYTES_NONE, VS_BYTES_LITERAL("")) == 0);
    assert_true(vs_bytes_equal_secret(VS_BYTES_LITERAL("ab"), VS_BYTES_LITERAL("ab")));
    assert_false(vs_bytes_equal_secret(VS_BYTES_LITERAL("ab"), VS_BYTES_LITERAL("ac")));
    assert_false(vs_bytes_equal_secret(VS_BYTES_LITERAL("ab"), VS_BYTES_LITERAL("abc")));
}

static void source__stays_within_its_bounds(void **state)
{
    (void)state;
    struct vs_bytes_source whole;
    struct vs_part_source part;
    vs_bytes_source_init(&whole, VS_BYTES_LITERAL("0123456789"));
    vs_part_source_init(&part, &whole.source, 2, 5);
    char got[6] = "";
    assert_ok(vs_source_read(&part.source, 1, got, 4, &err));
    assert_string_equal(got, "3456");
    assert_fails(VS_E_SYNTAX, vs_source_read(&part.source, 2, got, 4, &err));
    assert_fails(VS_E_SYNTAX, vs_source_read(&part.source, UINT64_MAX, got, 4, &err));
    assert_ok(vs_source_read(&part.source, 5, got, 0, &err));
    VS_ARENA *arena = vs_arena_new(1000);
    struct vs_bytes all;
    assert_fails(VS_E_LIMIT, vs_source_all(&part.source, arena, 4, &all, &err));
    assert_ok(vs_source_all(&part.source, arena, 5, &all, &err));
    assert_true(vs_bytes_is(all, "23456"));
}

static void source__says_that_a_file_became_shorter(void **state)
{
    (void)state;
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(fwrite("0123456789", 1, 10, f), 10);
    assert_int_equal(fflush(f), 0);
    struct vs_file_source file;
    assert_ok(vs_file_source_init(&file, fileno(f), &err));
    assert_int_equal(ftruncate(fileno(f), 4), 0);
    char got[10];
    assert_ok(vs_source_read(&file.source, 0, got, 4, &err));
    assert_fails(VS_E_IO, vs_source_read(&file.source, 0, got, 10, &err));
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena__hands_out_zeroed_aligned_memory_up_to_its_limit),
        cmocka_unit_test(arena__fails_at_the_allocation_that_a_test_names),
        cmocka_unit_test(buffer__remembers_that_something_did_not_fit),
        cmocka_unit_test(buffer__escapes_xml_so_that_attributes_survive),
        cmocka_unit_test(crc32c__is_castagnoli),
        cmocka_unit_test(bytes__order_as_memcmp_with_prefixes_first),
        cmocka_unit_test(source__stays_within_its_bounds),
        cmocka_unit_test(source__says_that_a_file_became_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
