/* reliability.md, the row "ASiC": each sample has an accepted twin, the exact refusal, and is
 * accepted once its check is disabled. Accepted: the directory opens and every entry unpacks.
 */
#include "tests/support/raw_zip.h"
#include "tests/unit/unit.h"
#include "formats/container/zip.h"
#include <zlib.h>

#define LITERAL VS_BYTES_LITERAL

static const struct vs_zip_limits small_limits = {4, 4000, 6000, 100, 1000};

static vs_rc swallow(void *context, struct vs_bytes chunk, struct vs_error *err)
{
    (void)context, (void)chunk, (void)err;
    return VS_OK;
}

static vs_rc open_all(struct vs_bytes bytes, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_bytes_source source;
    vs_bytes_source_init(&source, bytes);
    const struct vs_zip *zip;
    VS_TRY(vs_zip_open(arena, &source.source, &small_limits, &zip, err));
    for (size_t i = 0; i < zip->n_entries; i++)
        VS_TRY(vs_zip_read(zip, &zip->entries[i], swallow, NULL, err));
    return VS_OK;
}

static struct raw_zip plain(void)
{
    return (struct raw_zip){
        .entries = {{.name = "mimetype", .data = LITERAL("application/vnd.etsi.asic-e+zip")},
                    {.name = "letter.txt", .data = LITERAL("Hello")},
                    {.name = "annex/letter.txt", .data = LITERAL("Good day")}},
        .n = 3};
}

/* A deflated entry with its sizes in a data descriptor, as streaming writers make it. */
static struct raw_zip streamed(struct vs_arena *arena)
{
    struct raw_zip zip = plain();
    struct vs_bytes text = LITERAL("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    zip.entries[1] =
        (struct raw_entry){.name = "letter.txt",
                           .data = raw_deflate(arena, text),
                           .method = 8,
                           .flags = 8,
                           .size = text.len,
                           .crc32 = (uint32_t)crc32(0, text.ptr, (unsigned)text.len),
                           .descriptor = 16,
                           .zero_local = true};
    return zip;
}

static void check(const struct raw_zip *twin, const struct raw_zip *attack, enum vs_code code)
{
    VS_BUFFER good, bad;
    vs_buffer_init(&good, 1 << 20);
    vs_buffer_init(&bad, 1 << 20);
    struct vs_error err;
    raw_zip_make(twin, &good);
    raw_zip_make(attack, &bad);
    assert_ok(open_all(vs_buffer_view(&good), &err));
    assert_fails(code, open_all(vs_buffer_view(&bad), &err));
    vs_check_disable(code);
    assert_ok(open_all(vs_buffer_view(&bad), &err));
    vs_check_disable(VS_E_NONE);
}

static void zip__refuses_names_that_are_equal_or_equal_but_for_case_and_form(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"letter.txt", "letter.txt"},
        {"letter.txt", "Letter.TXT"},
        {"\xc3\xa9.txt", "e\xcc\x81.txt"},            /* é composed and decomposed */
        {"\xc3\x89.txt", "e\xcc\x81.txt"},            /* É and decomposed é */
        {"\xce\xa3.txt", "\xcf\x82.txt"},             /* Σ and final ς */
        {"\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1"}, /* Hangul GA */
        {"\xe2\x84\xaa", "k"},                        /* Kelvin sign */
        {"annex", "annex/"},
        {"annex", "annex/letter.txt"},
        {"Annex/a", "annex"},
    };
    /* Other letters, however alike they look to some locale. */
    static const char *const twins[][2] = {
        {"letter.txt", "letter2.txt"},
        {"\xc4\xb0.txt", "i.txt"}, /* İ */
        {"\xc4\xb1.txt", "I.txt"}, /* ı */
        {"\xc3\x9f", "ss"},        /* simple folding, not full */
        {"annex/", "annex/letter.txt"},
        {"annex", "annex.txt"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (size_t j = 0; j < sizeof twins / sizeof *twins; j++) {
            struct raw_zip attack = plain(), twin = plain();
            for (size_t k = 0; k < 2; k++) {
                attack.entries[k + 1].name = pairs[i][k];
                twin.entries[k + 1].name = twins[j][k];
                twin.entries[k + 1].data = VS_BYTES_NONE;
                attack.entries[k + 1].data = VS_BYTES_NONE;
            }
            check(&twin, &attack, VS_E_ZIP_DUPLICATE);
        }
    }
}

static void zip__refuses_names_that_lead_out_or_deceive(void **state)
{
    (void)state;
    static const char *const names[] = {
        "../letter.txt",
        "a/../../letter.txt",
        "/etc/passwd",
        ".",
        "..",
        "./letter.txt",
        "a/./b",
        "a//b",
        "C:letter.txt",
        "..\\letter.txt",
        "a\\b",
        "letter\n.txt",
        "letter\x1b[2J",
        "\xe2\x80\xaetxt.exe",
        "a/..",
    };
    struct raw_zip twin = plain();
    twin.entries[1].name = "a/..b/...txt";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct raw_zip attack = plain();
        attack.entries[1].name = names[i];
        check(&twin, &attack, VS_E_ZIP_NAME);
    }
}

/* Each row sets one lie in an archive that is accepted without it. */
#define LIE(twin_expression, statement)                                                        \
    do {                                                                                       \
        struct raw_zip twin = twin_expression, zip = twin_expression;                          \
        statement;                                                                             \
        check(&twin, &zip, VS_E_ZIP_STRUCTURE);                                                \
    } while (0)

static void zip__refuses_a_local_header_that_contradicts_the_directory(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    LIE(plain(), zip.entries[1].local_name = "Letter.txt");
    LIE(plain(), zip.entries[1].local_name = "../letter.txt");
    LIE(plain(), zip.entries[1].local_flags_xor = 1 << 11);
    LIE(plain(), zip.entries[1].local_method_xor = 8);
    LIE(plain(), zip.entries[1].local_crc_xor = 1);
    LIE(plain(), zip.entries[1].local_size_add = 1);
    LIE(plain(), zip.entries[1].local_packed_add = -1);
    LIE(plain(), zip.entries[1].zero_local = true); /* no descriptor is announced */
    LIE(streamed(arena), zip.entries[1].descriptor_crc_xor = 1);
    LIE(streamed(arena), zip.entries[1].descriptor = 0);
    LIE(streamed(arena), zip.entries[2].gap_before = LITERAL("."));
}

static void zip__takes_every_honest_data_descriptor(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    for (unsigned len = 12; len <= 24; len += 4) {
        struct raw_zip twin = streamed(arena), attack = streamed(arena);
        twin.entries[1].descriptor = attack.entries[1].descriptor = len;
        twin.entries[1].zero_local = len % 8 == 0;
        attack.entries[1].descriptor_crc_xor = 0x80000000;
        check(&twin, &attack, VS_E_ZIP_STRUCTURE);
    }
}

static void zip__refuses_bytes_that_belong_to_no_entry_and_overlaps(void **state)
{
    (void)state;
    struct vs_bytes junk = LITERAL("PK\5\6junk");
    LIE(plain(), zip.trailing = LITERAL("trailing"));
    LIE(plain(), zip.gap_before_directory = junk);
    LIE(plain(), zip.entries[0].gap_before = LITERAL("#!/bin/sh\n"));
    LIE(plain(), zip.entries[1].gap_before = junk);
    /* Two entries of one local header: a bomb that counts its bytes twice, or two names. */
    LIE(plain(), zip.entries[2].offset_add = -(int64_t)(30 + strlen("letter.txt") + 5));
    /* The second entry reaches into the third. */
    LIE(plain(), zip.entries[1].packed_add = zip.entries[1].size_add = 3);
}

static void zip__refuses_prefix_data_even_with_mended_offsets(void **state)
{
    (void)state;
    struct vs_error err;
    struct raw_zip zip = plain();
    VS_BUFFER bytes;
    vs_buffer_init(&bytes, 1 << 20);
    zip.prefix = LITERAL("MZ self-extracting");
    raw_zip_make(&zip, &bytes);
    assert_fails(VS_E_ZIP_STRUCTURE, open_all(vs_buffer_view(&bytes), &err));
    vs_check_disable(VS_E_ZIP_STRUCTURE);
    assert_ok(open_all(vs_buffer_view(&bytes), &err));
    vs_check_disable(VS_E_NONE);
    /* Offsets that are not mended: every header is elsewhere, no check is needed. */
    struct vs_bytes whole = vs_buffer_view(&bytes);
    assert_fails(VS_E_ZIP_STRUCTURE, open_all(VS_BYTES(whole.ptr + 3, whole.len - 3), &err));
}

static void zip__refuses_encrypted_entries_and_unknown_flags(void **state)
{
    (void)state;
    static const uint16_t flags[] = {1, 1 << 4, 1 << 5, 1 << 6, 1 << 13, 1 << 15};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        LIE(plain(), zip.entries[1].flags = flags[i]);
}

static void zip__refuses_zip64_fields_that_lie(void **state)
{
    (void)state;
    struct vs_bytes eight = LITERAL("\1\0\10\0\5\0\0\0\0\0\0\0");
    LIE(plain(), zip.entries[1].extra = eight); /* not needed: which size counts? */
    LIE(plain(), zip.entries[1].local_extra = eight);
    struct raw_zip wide = plain();
    wide.entries[1].wide_local = true; /* as writers do that do not know the size yet */
    wide.end64 = true;
    LIE(wide, zip.end64_n_add = -1; zip.n_add = 0);
    LIE(wide, zip.entries[1].local_size_add = 1);
    LIE(wide, zip.gap_after_directory = LITERAL("????"));
    wide.end_saturated = true;
    LIE(wide, zip.gap_after_directory = LITERAL("????"));
}

static void zip__refuses_an_entry_with_a_second_name(void **state)
{
    (void)state;
    struct raw_zip honest = plain();
    honest.entries[1].extra = LITERAL("up\17\0\1\0\0\0\0letter.txt");
    LIE(honest, zip.entries[1].extra = LITERAL("up\17\0\1\0\0\0\0invoic.txt"));
}

static void zip__refuses_archives_in_parts_and_a_wrong_crc(void **state)
{
    (void)state;
    LIE(plain(), zip.entries[1].crc_xor = 1);
    LIE(plain(), {
        zip.entries[1].size_add = 0;
        zip.entries[1].crc_xor = 0x100;
    });
}

static struct raw_zip deflated(struct vs_arena *arena, size_t len)
{
    uint8_t *zeros = vs_arena_alloc(arena, len);
    assert_non_null(zeros);
    struct raw_zip zip = plain();
    zip.entries[1] = (struct raw_entry){.name = "letter.txt",
                                        .data = raw_deflate(arena, VS_BYTES(zeros, len)),
                                        .method = 8,
                                        .size = len,
                                        .crc32 = (uint32_t)crc32(0, zeros, (unsigned)len)};
    return zip;
}

static void zip__refuses_bombs(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct raw_zip twin = deflated(arena, 999), attack = deflated(arena, 3999);
    check(&twin, &attack, VS_E_ZIP_BOMB); /* ratio */
    static uint8_t noise[4001];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * i >> 3);
    twin = attack = plain();
    twin.entries[1].data = VS_BYTES(noise, 4000);
    attack.entries[1].data = VS_BYTES(noise, 4001);
    check(&twin, &attack, VS_E_ZIP_BOMB); /* one entry */
    twin.entries[2].data = VS_BYTES(noise, 2000 - 31);
    attack.entries[1].data = VS_BYTES(noise, 4000);
    attack.entries[2].data = VS_BYTES(noise, 2001 - 31);
    check(&twin, &attack, VS_E_ZIP_BOMB); /* all together */
    twin = attack = plain();
    twin.entries[twin.n++] = (struct raw_entry){.name = "a"};
    attack.entries[attack.n++] = (struct raw_entry){.name = "a"};
    attack.entries[attack.n++] = (struct raw_entry){.name = "b"};
    check(&twin, &attack, VS_E_ZIP_BOMB); /* number of entries */
}

static void zip__refuses_data_that_unpacks_to_another_size(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(4 << 20);
    VS_BUFFER bytes;
    struct vs_error err;
    vs_buffer_init(&bytes, 4 << 20);
    for (int add = -1; add <= 1; add++) {
        struct raw_zip zip = deflated(arena, 900);
        zip.entries[1].size_add = add;
        vs_buffer_clear(&bytes);
        raw_zip_make(&zip, &bytes);
        if (add == 0)
            assert_ok(open_all(vs_buffer_view(&bytes), &err));
        else
            assert_fails(VS_E_ZIP_STRUCTURE, open_all(vs_buffer_view(&bytes), &err));
    }
    /* Bytes behind the end of the deflate stream would ride along unread. */
    struct raw_zip zip = deflated(arena, 900);
    struct vs_bytes packed = zip.entries[1].data;
    uint8_t *longer = vs_arena_alloc(arena, packed.len + 4);
    assert_non_null(longer);
    memcpy(longer, packed.ptr, packed.len);
    zip.entries[1].data = VS_BYTES(longer, packed.len + 4);
    vs_buffer_clear(&bytes);
    raw_zip_make(&zip, &bytes);
    assert_fails(VS_E_ZIP_STRUCTURE, open_all(vs_buffer_view(&bytes), &err));
}

static void zip__refuses_every_cut_and_survives_every_flipped_byte(void **state)
{
    (void)state;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    VS_BUFFER bytes;
    struct vs_error err;
    vs_buffer_init(&bytes, 1 << 20);
    struct raw_zip zip = streamed(arena);
    zip.end64 = true;
    raw_zip_make(&zip, &bytes);
    struct vs_bytes whole = vs_buffer_view(&bytes);
    for (size_t len = 0; len < whole.len; len++)
        assert_false(vs_ok(open_all(VS_BYTES(whole.ptr, len), &err)));
    for (size_t i = 0; i < whole.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.ptr[i] ^= (uint8_t)(1 << bit);
            (void)!vs_ok(open_all(whole, &err));
            vs_check_disable(VS_E_ZIP_STRUCTURE); /* checks off: still no crash */
            (void)!vs_ok(open_all(whole, &err));
            vs_check_disable(VS_E_NONE);
            bytes.ptr[i] ^= (uint8_t)(1 << bit);
        }
    }
}

static void zip__says_what_is_no_zip(void **state)
{
    (void)state;
    struct vs_error err;
    assert_fails(VS_E_NOT_ZIP, open_all(VS_BYTES_NONE, &err));
    assert_fails(VS_E_NOT_ZIP, open_all(LITERAL("%PDF-1.7 and so on, long enough"), &err));
    assert_fails(VS_E_ZIP_STRUCTURE, open_all(LITERAL("PK\3\4 and so on, long enough"), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zip__refuses_names_that_are_equal_or_equal_but_for_case_and_form),
        cmocka_unit_test(zip__refuses_names_that_lead_out_or_deceive),
        cmocka_unit_test(zip__refuses_a_local_header_that_contradicts_the_directory),
        cmocka_unit_test(zip__takes_every_honest_data_descriptor),
        cmocka_unit_test(zip__refuses_bytes_that_belong_to_no_entry_and_overlaps),
        cmocka_unit_test(zip__refuses_prefix_data_even_with_mended_offsets),
        cmocka_unit_test(zip__refuses_encrypted_entries_and_unknown_flags),
        cmocka_unit_test(zip__refuses_zip64_fields_that_lie),
        cmocka_unit_test(zip__refuses_an_entry_with_a_second_name),
        cmocka_unit_test(zip__refuses_archives_in_parts_and_a_wrong_crc),
        cmocka_unit_test(zip__refuses_bombs),
        cmocka_unit_test(zip__refuses_data_that_unpacks_to_another_size),
        cmocka_unit_test(zip__refuses_every_cut_and_survives_every_flipped_byte),
        cmocka_unit_test(zip__says_what_is_no_zip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
