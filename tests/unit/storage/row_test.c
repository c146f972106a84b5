#include "tests/unit/unit.h"
#include "storage/backend.h"
#include "tests/unit/storage/shelf.h"

/* Known answer of RFC 3720, B.4, and both ways of reckoning it. */
static void crc32c__is_castagnolis_by_table_and_by_processor(void **state)
{
    uint8_t zeros[32] = {0}, mixed[300];
    (void)state;
    assert_int_equal(vs_crc32c(0, VS_BYTES(zeros, 32)), 0x8a9136aa);
    assert_int_equal(vs_crc32c(0, VS_BYTES_LITERAL("123456789")), 0xe3069283);
    assert_int_equal(vs_crc32c(0, VS_BYTES_NONE), 0);
    for (size_t i = 0; i < sizeof mixed; i++)
        mixed[i] = (uint8_t)(i * 131 >> 1);
    for (size_t len = 0; len < sizeof mixed; len++) {
        uint32_t whole = vs_crc32c(7, VS_BYTES(mixed, len));
        assert_int_equal(whole, vs_crc32c_by_table(7, VS_BYTES(mixed, len)));
        uint32_t first = vs_crc32c(7, VS_BYTES(mixed, len / 3));
        assert_int_equal(whole, vs_crc32c(first, VS_BYTES(mixed + len / 3, len - len / 3)));
    }
}

/* Long texts go in three pieces at once. */
static void crc32c__is_the_same_for_long_texts_at_every_place(void **state)
{
    static uint8_t text[8000];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * i * 31 >> 3);
    for (size_t len = 1500; len < sizeof text - 8; len += 61) {
        struct vs_bytes bytes = VS_BYTES(text + len % 8, len);
        assert_int_equal(vs_crc32c(7, bytes), vs_crc32c_by_table(7, bytes));
    }
    uint32_t whole = vs_crc32c(0, VS_BYTES(text, sizeof text));
    text[5000] ^= 1;
    assert_int_not_equal(vs_crc32c(0, VS_BYTES(text, sizeof text)), whole);
}

static void row__sum_covers_every_column_its_type_and_the_version(void **state)
{
    (void)state;
    struct vs_value values[SHELF_COLUMNS] = {vs_blob(VS_BYTES_LITERAL("id")), vs_text("place"),
                                             vs_null(), vs_null()};
    struct vs_row row = {values, 1, false};
    const struct vs_table *table = &shelf_tables[0];
    uint32_t sum = vs_row_sum(table, &row);
    row.version = 2;
    assert_int_not_equal(vs_row_sum(table, &row), sum);
    row.version = 1;
    values[SHELF_PLACE] = vs_text("plaCe");
    assert_int_not_equal(vs_row_sum(table, &row), sum);
    values[SHELF_PLACE] = vs_blob(VS_BYTES_LITERAL("place"));
    assert_int_not_equal(vs_row_sum(table, &row), sum);
    values[SHELF_PLACE] = vs_text("place");
    values[SHELF_RANK] = vs_int(0);
    assert_int_not_equal(vs_row_sum(table, &row), sum);
    values[SHELF_RANK] = vs_null();
    assert_int_equal(vs_row_sum(table, &row), sum);
    /* An optional column that comes later changes nothing for rows that lack it. */
    struct vs_table narrow = *table;
    narrow.n_columns = 2;
    assert_int_equal(vs_row_sum(&narrow, &row), sum);
}

static void values__have_one_order_and_a_short_text(void **state)
{
    (void)state;
    struct vs_value ascending[] = {vs_null(),
                                   vs_int(INT64_MIN),
                                   vs_int(-1),
                                   vs_int(INT64_MAX),
                                   vs_text(""),
                                   vs_text("A"),
                                   vs_text("a"),
                                   vs_text("ab"),
                                   vs_text("\xc4\xb1"),
                                   vs_blob(VS_BYTES_NONE),
                                   vs_blob(VS_BYTES_LITERAL("\0")),
                                   vs_blob(VS_BYTES_LITERAL("\xff"))};
    enum { N = sizeof ascending / sizeof *ascending };
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            int order = vs_value_compare(&ascending[i], &ascending[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
    char text[VS_KEY_TEXT];
    struct vs_value key[] = {vs_int(-7), vs_text("x"), vs_blob(VS_BYTES_LITERAL("\x0a\xff"))};
    vs_values_text(key, 3, text);
    assert_string_equal(text, "-7/x/0aff");
    static uint8_t large[500];
    key[2] = vs_blob(VS_BYTES(large, sizeof large));
    vs_values_text(key, 3, text);
    assert_int_equal(strlen(text), VS_KEY_TEXT - 1);
    assert_true(vs_bytes_ends(vs_bytes_text(text), "000..."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c__is_castagnolis_by_table_and_by_processor),
        cmocka_unit_test(crc32c__is_the_same_for_long_texts_at_every_place),
        cmocka_unit_test(row__sum_covers_every_column_its_type_and_the_version),
        cmocka_unit_test(values__have_one_order_and_a_short_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
