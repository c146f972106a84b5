#include "tests/unit/unit.h"
#include "formats/container/fold.h"
#include "formats/container/zip.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

/* A source of any size without memory: byte i is i * 31. */
static vs_rc read_pattern(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                          struct vs_error *err)
{
    (void)source, (void)err;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)to)[i] = (uint8_t)((offset + i) * 31);
    return VS_OK;
}

/* All zero, and quick: for gigabytes. */
static vs_rc read_zero(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                       struct vs_error *err)
{
    (void)source, (void)offset, (void)err;
    memset(to, 0, len);
    return VS_OK;
}

static vs_rc lay(struct vs_arena *arena, const struct vs_zip_part *parts, size_t n,
                 struct vs_bytes *ret, struct vs_error *err)
{
    const struct vs_source *source;
    VS_TRY(vs_zip_layout(arena, parts, n, &source, err));
    return vs_source_all(source, arena, 1 << 20, ret, err);
}

static uint32_t crc_of(const struct vs_source *source)
{
    struct vs_error err;
    uint32_t crc = 0;
    uint8_t chunk[4096];
    for (uint64_t at = 0; at < source->size; at += sizeof chunk) {
        size_t len =
            source->size - at < sizeof chunk ? (size_t)(source->size - at) : sizeof chunk;
        assert_ok(vs_source_read(source, at, chunk, len, &err));
        crc = vs_zip_crc32(crc, VS_BYTES(chunk, len));
    }
    return crc;
}

static void zip__counts_crc_as_zlib_does(void **state)
{
    (void)state;
    struct vs_bytes text = VS_BYTES_LITERAL("123456789");
    assert_int_equal(vs_zip_crc32(0, text), 0xcbf43926);
    assert_int_equal(vs_zip_crc32(vs_zip_crc32(0, VS_BYTES("1234", 4)), VS_BYTES("56789", 5)),
                     0xcbf43926);
    assert_int_equal(vs_zip_crc32(0, VS_BYTES_NONE), 0);
}

static void zip__lays_out_what_it_reads_the_same_each_time(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(4 << 20);
    struct vs_source pattern = {100000, NULL, read_pattern};
    struct vs_zip_part parts[] = {
        {.name = "mimetype", .bytes = VS_BYTES_LITERAL("application/vnd.etsi.asic-e+zip")},
        {.name = "m\xc9\x99ktub.bin", .source = &pattern, .source_crc32 = crc_of(&pattern)},
        {.name = "empty"},
    };
    struct vs_bytes first, second;
    assert_ok(lay(arena, parts, 3, &first, &err));
    assert_ok(lay(arena, parts, 3, &second, &err));
    assert_bytes_equal(first, second);
    /* EN 319 162-1, A.1: the media type at byte 38. */
    assert_memory_equal(first.ptr + 30, "mimetypeapplication/vnd.etsi.asic-e+zip", 39);

    struct vs_bytes_source source;
    vs_bytes_source_init(&source, first);
    assert_true(vs_zip_probe(&source.source));
    const struct vs_zip *zip;
    assert_ok(vs_zip_open(arena, &source.source, NULL, &zip, &err));
    assert_int_equal(zip->n_entries, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(zip->entries[i].name, parts[i].name);
    struct vs_bytes content, wanted;
    const struct vs_zip_entry *entry = vs_zip_find(zip, "m\xc9\x99ktub.bin");
    assert_ok(vs_zip_read_all(zip, entry, arena, 100000, &content, &err));
    assert_ok(vs_source_all(&pattern, arena, 100000, &wanted, &err));
    assert_bytes_equal(content, wanted);
    struct vs_part_source part;
    assert_true(vs_zip_stored(zip, entry, &part));
    assert_int_equal(part.source.size, 100000);
    assert_fails(VS_E_LIMIT, vs_zip_read_all(zip, entry, arena, 99999, &content, &err));
    assert_null(vs_zip_find(zip, "Mimetype"));
}

static void zip__reads_a_layout_at_any_offset(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(4 << 20);
    struct vs_source pattern = {300, NULL, read_pattern};
    struct vs_zip_part parts[] = {{.name = "a", .bytes = VS_BYTES_LITERAL("bytes")},
                                  {.name = "b", .source = &pattern},
                                  {.name = "c", .bytes = VS_BYTES_LITERAL("more")}};
    const struct vs_source *source;
    struct vs_bytes whole;
    assert_ok(vs_zip_layout(arena, parts, 3, &source, &err));
    assert_ok(vs_source_all(source, arena, 1 << 20, &whole, &err));
    uint8_t part[1024];
    for (uint64_t from = 0; from < source->size; from += 7) {
        for (size_t len = 1; len <= source->size - from; len += 53) {
            assert_ok(vs_source_read(source, from, part, len, &err));
            assert_memory_equal(part, whole.ptr + from, len);
        }
    }
}

static void zip__refuses_to_lay_out_names_it_would_not_read(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_source *source;
    struct vs_zip_part twice[] = {{.name = "a"}, {.name = "A"}};
    struct vs_zip_part outside[] = {{.name = "../a"}};
    struct vs_zip_part folder[] = {{.name = "a/"}};
    assert_fails(VS_E_ZIP_DUPLICATE, vs_zip_layout(arena, twice, 2, &source, &err));
    assert_fails(VS_E_ZIP_NAME, vs_zip_layout(arena, outside, 1, &source, &err));
    assert_fails(VS_E_ZIP_NAME, vs_zip_layout(arena, folder, 1, &source, &err));
}

/* 5 GB in no memory: ZIP64 in the sizes, the offset and the end. */
static void zip__lays_out_and_reads_what_needs_zip64(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_source large = {UINT64_C(5) << 30, NULL, read_zero};
    struct vs_source edge = {0xffffffff, NULL, read_zero};
    struct vs_zip_part parts[] = {{.name = "small", .bytes = VS_BYTES_LITERAL("x")},
                                  {.name = "large", .source = &large},
                                  {.name = "edge", .source = &edge},
                                  {.name = "after", .bytes = VS_BYTES_LITERAL("y")}};
    const struct vs_source *source;
    const struct vs_zip *zip;
    assert_ok(vs_zip_layout(arena, parts, 4, &source, &err));
    assert_true(source->size > large.size + edge.size);
    assert_ok(vs_zip_open(arena, source, NULL, &zip, &err));
    assert_int_equal(zip->entries[1].size, large.size);
    assert_int_equal(zip->entries[2].size, edge.size);
    struct vs_bytes content;
    assert_ok(vs_zip_read_all(zip, vs_zip_find(zip, "after"), arena, 10, &content, &err));
    assert_true(vs_bytes_is(content, "y"));
    assert_true(vs_arena_used(arena) < 100000);
}

/* A sparse file of the same: its middle is zeros, as the sources are. */
static void write_sparse(const struct vs_source *source, const char *path)
{
    struct vs_error err;
    uint8_t part[4096];
    uint64_t tail = source->size - sizeof part;
    int fd = open(path, O_RDWR);
    assert_int_equal(ftruncate(fd, (off_t)source->size), 0);
    static const uint64_t places[] = {0, UINT64_C(5) << 30};
    for (size_t i = 0; i < 3; i++) {
        uint64_t at = i < 2 ? places[i] : tail;
        assert_ok(vs_source_read(source, at, part, sizeof part, &err));
        assert_int_equal(pwrite(fd, part, sizeof part, (off_t)at), sizeof part);
    }
    close(fd);
}

static void zip__lays_out_zip64_that_libzip_unzip_and_python_read(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_source large = {UINT64_C(5) << 30, NULL, read_zero};
    /* Not 0xffffffff, at which unzip 6.0 takes a real size for the mark of a missing one. */
    struct vs_source edge = {0xfffffffe, NULL, read_zero};
    struct vs_zip_part parts[] = {{.name = "small", .bytes = VS_BYTES_LITERAL("x")},
                                  {.name = "large", .source = &large},
                                  {.name = "edge", .source = &edge},
                                  {.name = "after", .bytes = VS_BYTES_LITERAL("y")}};
    const struct vs_source *source;
    assert_ok(vs_zip_layout(arena, parts, 4, &source, &err));
    char path[] = "/tmp/vasite-zip64-XXXXXX", command[600];
    close(mkstemp(path));
    write_sparse(source, path);
    int code;
    zip_t *other = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    assert_non_null(other);
    zip_stat_t stat;
    assert_int_equal(zip_stat(other, "large", 0, &stat), 0);
    assert_int_equal(stat.size, large.size);
    zip_file_t *file = zip_fopen(other, "after", 0);
    char text[4] = "";
    assert_int_equal(zip_fread(file, text, sizeof text), 1);
    assert_string_equal(text, "y");
    zip_fclose(file);
    zip_discard(other);
    snprintf(
        command, sizeof command,
        "unzip -p %s after | grep -qx y && unzip -Z %s | grep -q ' 5368709120 b. stor ' && "
        "python3 -c \"import zipfile, sys; z = zipfile.ZipFile('%s'); sys.exit("
        "[i.file_size for i in z.infolist()] != [1, 5 << 30, 0xfffffffe, 1] "
        "or z.read('after') != b'y')\"",
        path, path, path);
    int status = system(command);
    unlink(path);
    assert_int_equal(status, 0);
}

/* libzip as the oracle of what we write: with its consistency checks. */
static void zip__is_read_by_libzip(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(4 << 20);
    struct vs_zip_part parts[] = {
        {.name = "mimetype", .bytes = VS_BYTES_LITERAL("type")},
        {.name = "a/\xd0\x96.txt", .bytes = VS_BYTES_LITERAL("text")}};
    struct vs_bytes bytes;
    assert_ok(lay(arena, parts, 2, &bytes, &err));
    zip_error_t error;
    zip_source_t *source = zip_source_buffer_create(bytes.ptr, bytes.len, 0, &error);
    assert_non_null(source);
    zip_t *other = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    assert_non_null(other);
    assert_int_equal(zip_get_num_entries(other, 0), 2);
    assert_string_equal(zip_get_name(other, 1, ZIP_FL_ENC_STRICT), parts[1].name);
    zip_file_t *file = zip_fopen_index(other, 1, 0);
    char text[8] = "";
    assert_int_equal(zip_fread(file, text, sizeof text), 4);
    assert_string_equal(text, "text");
    zip_fclose(file);
    zip_discard(other);
}

/* ... and of what we read: an archive of its own making, deflated, over a megabyte. */
static void zip__reads_what_libzip_writes(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(16 << 20);
    size_t len = 3 << 20;
    uint8_t *data = vs_arena_alloc(arena, len);
    uint32_t seed = 1;
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 28);
    char path[] = "/tmp/vasite-zip-XXXXXX";
    close(mkstemp(path));
    int code;
    zip_t *other = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(other);
    zip_file_add(other, "large", zip_source_buffer(other, data, len, 0), 0);
    zip_file_add(other, "small", zip_source_buffer(other, data, 5000, 0), 0);
    zip_dir_add(other, "folder", 0);
    assert_int_equal(zip_close(other), 0);
    int fd = open(path, O_RDONLY);
    struct vs_file_source source;
    const struct vs_zip *zip;
    assert_ok(vs_file_source_init(&source, fd, &err));
    assert_ok(vs_zip_open(arena, &source.source, NULL, &zip, &err));
    assert_int_equal(zip->n_entries, 3);
    assert_int_equal(zip->entries[0].method, VS_ZIP_DEFLATED);
    assert_true(vs_zip_find(zip, "folder/")->directory);
    struct vs_bytes content;
    assert_ok(vs_zip_read_all(zip, vs_zip_find(zip, "large"), arena, len, &content, &err));
    assert_bytes_equal(content, VS_BYTES(data, len));
    assert_ok(vs_zip_read_all(zip, vs_zip_find(zip, "small"), arena, len, &content, &err));
    assert_bytes_equal(content, VS_BYTES(data, 5000));
    close(fd);
    unlink(path);
}

static vs_rc stop(void *context, struct vs_bytes chunk, struct vs_error *err)
{
    (void)context, (void)chunk;
    return vs_fail(err, VS_E_BUSY, NULL, "enough");
}

static void zip__passes_on_what_a_consumer_or_a_source_fails_with(void **state)
{
    (void)state;
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    struct vs_zip_part parts[] = {{.name = "a", .bytes = VS_BYTES_LITERAL("bytes")}};
    const struct vs_source *source;
    const struct vs_zip *zip;
    assert_ok(vs_zip_layout(arena, parts, 1, &source, &err));
    assert_ok(vs_zip_open(arena, source, NULL, &zip, &err));
    assert_fails(VS_E_BUSY, vs_zip_read(zip, &zip->entries[0], stop, NULL, &err));
}

/* Wanted keys from Python's unicodedata (Unicode 14). */
static void fold__gives_one_key_to_names_that_are_equal_after_nfc_and_simple_folding(
    void **state)
{
    (void)state;
    static const struct {
        const char *name, *key;
    } cases[] = {
        {"Plain.TXT", "plain.txt"},
        {"\xc7\x95", "u\xcc\x88\xcc\x84"},                        /* Ǖ: splits twice */
        {"\xe1\xbe\x88", "\xce\xb1\xcc\x93\xce\xb9"},             /* ᾈ: iota folds too */
        {"\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"}, /* GAG */
        {"a\xcc\x81\xcc\xa3", "a\xcc\xa3\xcc\x81"},               /* marks in canonical order */
        {"\xe1\xba\x9e", "\xc3\x9f"},                             /* ẞ folds to ß, not ss */
        {"\xc4\xb0", "i\xcc\x87"},                                /* İ decomposes: I + dot */
        {"\xc4\xb1", "\xc4\xb1"},                 /* ı is a letter of its own */
        {"\xc6\x8f", "\xc9\x99"},                 /* Ə */
        {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8"}, /* Deseret */
        {"\xf0\xaf\xa0\x83", "\xf0\xa0\x84\xa2"}, /* CJK compatibility */
    };
    VS_ARENA *arena = vs_arena_new(1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *key = vs_name_key(arena, vs_bytes_text(cases[i].name));
        assert_non_null(key);
        assert_string_equal(key, cases[i].key);
    }
    assert_null(vs_name_key(arena, VS_BYTES_LITERAL("\xff")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zip__counts_crc_as_zlib_does),
        cmocka_unit_test(zip__lays_out_what_it_reads_the_same_each_time),
        cmocka_unit_test(zip__reads_a_layout_at_any_offset),
        cmocka_unit_test(zip__refuses_to_lay_out_names_it_would_not_read),
        cmocka_unit_test(zip__lays_out_and_reads_what_needs_zip64),
        cmocka_unit_test(zip__lays_out_zip64_that_libzip_unzip_and_python_read),
        cmocka_unit_test(zip__is_read_by_libzip),
        cmocka_unit_test(zip__reads_what_libzip_writes),
        cmocka_unit_test(zip__passes_on_what_a_consumer_or_a_source_fails_with),
        cmocka_unit_test(
            fold__gives_one_key_to_names_that_are_equal_after_nfc_and_simple_folding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
