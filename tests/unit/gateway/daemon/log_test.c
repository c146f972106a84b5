/* The log: one record a line whatever a field holds, plain ASCII, to a file that may be moved.
 */
#include "tests/unit/unit.h"
#include "gateway/daemon/log.h"
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/vasite-log-XXXXXX";
static char path[64], aside[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(aside, sizeof aside, "%s/log.1", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    unlink(path);
    unlink(aside);
    return rmdir(folder);
}

static size_t read_back(const char *from, char *to, size_t size)
{
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t n = fread(to, 1, size - 1, file);
    fclose(file);
    to[n] = '\0';
    return n;
}

/* CR, LF, ESC, quotes, C1, bidi, separators, broken UTF-8: in the text and in the name. */
static const char *const hostile[] = {
    "\r\n{\"event\":\"forged\"}\n",
    "\x1b[2J\x1b]0;x\x07",
    "\"},\"level\":\"error",
    "\\",
    "\xc2\x85\xc2\x9b",
    "\xe2\x80\xae\xe2\x81\xa6\xd8\x9c",
    "\xe2\x80\xa8\xe2\x80\xa9",
    "\xff\xfe\xc3(\xe2\x82",
    "\x7f\x01\t",
    "\xf0\x9f\x98\x80\xc9\x99",
    "",
};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

static void log__is_one_record_a_line_whatever_a_field_holds(void **state)
{
    (void)state;
    struct vs_error err;
    static char text[64 << 10];
    assert_ok(vs_log_open(path, VS_LOG_INFO, &err));
    for (int e = 0; e < VS_LOG_EVENTS; e++)
        for (size_t i = 0; i < HOSTILE; i++)
            VS_LOG((enum vs_log_event)e, 0, {"text", hostile[i], 0}, {hostile[i], "x", 0});
    struct vs_error error = {.code = VS_E_IO, .text = "\r\n\x1b"};
    vs_log_error(0, VS_LOG_BROKEN, &error);
    size_t n = read_back(path, text, sizeof text), lines = 0;
    for (size_t i = 0; i < n; i++)
        assert_true(text[i] == '\n' || (text[i] >= 0x20 && text[i] < 0x7f));
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
        *end = '\0';
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(record);
        assert_string_equal(json_string_value(json_object_get(record, "time")),
                            "1970-01-01T00:00:00.000Z");
        assert_non_null(json_object_get(record, "level"));
        assert_non_null(json_object_get(record, "event"));
        json_decref(record);
    }
    assert_int_equal(lines, VS_LOG_EVENTS * HOSTILE + 1);
    assert_int_equal(vs_log_lost(), 0);
}

static void log__keeps_what_a_field_says(void **state)
{
    (void)state;
    struct vs_error err;
    static char text[8192];
    unlink(path);
    assert_ok(vs_log_open(path, VS_LOG_INFO, &err));
    for (size_t i = 0; i < HOSTILE; i++) {
        if (!vs_utf8_valid(vs_bytes_text(hostile[i])))
            continue;
        assert_int_equal(truncate(path, 0), 0);
        VS_LOG(VS_LOG_STARTED, 0, {"text", hostile[i], 0});
        read_back(path, text, sizeof text);
        json_t *record = json_loads(text, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(record, "text")), hostile[i]);
        json_decref(record);
    }
}

static void log__lets_a_moved_file_go(void **state)
{
    (void)state;
    struct vs_error err;
    char text[4096];
    unlink(path);
    assert_ok(vs_log_open(path, VS_LOG_WARNING, &err));
    VS_LOG(VS_LOG_BROKEN, 0, {"n", NULL, 1});
    VS_LOG(VS_LOG_STARTED, 0, {"n", NULL, 2}); /* below the level */
    assert_int_equal(rename(path, aside), 0);
    VS_LOG(VS_LOG_BROKEN, 0, {"n", NULL, 3});
    assert_ok(vs_log_open(path, VS_LOG_WARNING, &err));
    VS_LOG(VS_LOG_BROKEN, 0, {"n", NULL, 4});
    read_back(aside, text, sizeof text);
    assert_non_null(strstr(text, "\"n\":1"));
    assert_null(strstr(text, "\"n\":2"));
    assert_non_null(strstr(text, "\"n\":3"));
    read_back(path, text, sizeof text);
    assert_non_null(strstr(text, "\"n\":4"));
    assert_null(strstr(text, "\"n\":3"));
    /* What cannot be opened changes nothing. */
    assert_fails(VS_E_CONFIG, vs_log_open("/nonexistent/log", VS_LOG_INFO, &err));
    VS_LOG(VS_LOG_BROKEN, 0, {"n", NULL, 5});
    read_back(path, text, sizeof text);
    assert_non_null(strstr(text, "\"n\":5"));
    assert_ok(vs_log_open("", VS_LOG_INFO, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__is_one_record_a_line_whatever_a_field_holds),
        cmocka_unit_test(log__keeps_what_a_field_says),
        cmocka_unit_test(log__lets_a_moved_file_go),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
