#include "tests/unit/unit.h"
#include "gateway/daemon/settings.h"
#include <stdlib.h>
#include <unistd.h>

static struct vs_arena *arena;
static struct vs_error err;
static char path[] = "/tmp/vasite-settings-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    arena = vs_arena_new(4 << 20);
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    return fd < 0 ? 1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    vs_arena_free(arena);
    return unlink(path);
}

static vs_rc load(const char *yaml, const struct vs_settings **ret)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(yaml, file);
    fclose(file);
    return vs_settings_load(path, arena, ret, &err);
}

/* VASITE_WRITE=1 writes the file anew. */
static void settings__are_what_conf_vasite_yaml_says(void **state)
{
    (void)state;
    VS_BUFFER wanted;
    vs_buffer_init(&wanted, 1 << 20);
    vs_settings_print(&wanted);
    if (getenv("VASITE_WRITE") != NULL) {
        FILE *out = fopen("conf/vasite.yaml", "w");
        assert_non_null(out);
        fwrite(wanted.ptr, 1, wanted.len, out);
        fclose(out);
    }
    FILE *file = fopen("conf/vasite.yaml", "r");
    assert_non_null(file);
    static char text[1 << 20];
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_bytes_equal(VS_BYTES(text, len), vs_buffer_view(&wanted));
}

static void settings__of_the_reference_file_are_the_defaults(void **state)
{
    (void)state;
    const struct vs_settings *read, *defaults;
    VS_BUFFER names;
    vs_buffer_init(&names, 4096);
    assert_ok(vs_settings_load("conf/vasite.yaml", arena, &read, &err));
    assert_ok(vs_settings_load(NULL, arena, &defaults, &err));
    assert_int_equal(vs_settings_changed(read, defaults, false, &names), 0);
    assert_int_equal(read->tls_port, 8443);
    assert_int_equal(read->mark_bound_ms, 24 * VS_HOUR_MS);
    assert_int_equal(read->document_max, INT64_C(2) << 30);
    assert_string_equal(read->data, "conf/../var/data");
}

static void settings__every_default_is_within_its_range(void **state)
{
    (void)state;
    struct vs_settings settings = {0};
    for (size_t i = 0; i < vs_n_settings; i++)
        assert_ok(vs_setting_set(&vs_setting_table[i], vs_setting_table[i].fallback, arena,
                                 &settings, &err));
}

static void settings__errors_name_file_line_and_setting(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"limits:\n  idle: 5\n", ":2: limits.idle: '5' is no whole number with a unit"},
        {"limits:\n  idle: 5 ms\n", ":2: limits.idle: '5 ms' is not between"},
        {"limits:\n  document: 1 KB\n", ":2: limits.document: '1 KB' is no whole number"},
        {"limits:\n  idel: 5 s\n", ":2: limits.idel: there is no such setting"},
        {"limit:\n  idle: 5 s\n", ":2: limit: there is no such section"},
        {"limits: 5\n", ":1: limits: settings are wanted below it"},
        {"limits:\n  idle:\n    x: 5\n", ":3: limits.idle: one value is wanted, not a section"},
        {"limits:\n  idle: [5 s]\n", ":2: limits.idle: one value is wanted, not a list"},
        {"limits:\n  idle: 5 s\n  idle: 6 s\n", ":3: limits.idle: given twice"},
        {"time_marks:\n  policy: never\n", "is none of: later wait"},
        {"time_marks:\n  authorities: http://a\n",
         ":2: time_marks.authorities: a list is wanted"},
        {"time_marks:\n  authorities: [[a]]\n", "a list of texts is wanted"},
        {"exchange:\n  state_secrets: maybe\n", "is neither yes nor no"},
        {"listen:\n  tls_port: 65536\n", "is not between 0 and 65535"},
        {"listen:\n  tls_port: -1\n", "is no whole number"},
        {"service:\n  name: \"\"\n", "it may not be empty"},
        {"service:\n  name: \"a\\x07b\"\n", "control characters"},
        {"a: &x 1\nb: *x\n", ":1: a: there is no such setting"},
        {"service: *x\n", ":1:"},
        {"- a\n", ":1: settings are wanted"},
        {"service: {name: [\n", ":1: service.name: one value is wanted"},
        {"service: \"a\nb: 1\n", ":"},
    };
    const struct vs_settings *settings;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_fails(VS_E_CONFIG, load(cases[i].yaml, &settings));
        if (strstr(err.text, cases[i].says) == NULL || !vs_text_starts(err.text, path))
            fail_msg("'%s' is not in: %s", cases[i].says, err.text);
    }
    assert_fails(VS_E_CONFIG, vs_settings_load("/nonexistent.yaml", arena, &settings, &err));
}

static void settings__are_read_from_any_yaml_shape(void **state)
{
    (void)state;
    const struct vs_settings *settings;
    assert_ok(load("{limits: {idle: \"90 s\", connections: 7}, time_marks: {authorities: "
                   "[\"http://a\", 'http://b'], batched: true}}\n",
                   &settings));
    assert_int_equal(settings->idle_ms, 90000);
    assert_int_equal(settings->connections, 7);
    assert_int_equal(settings->tsa_urls.n, 2);
    assert_string_equal(settings->tsa_urls.items[1], "http://b");
    assert_true(settings->batch_marks);
    assert_ok(load("", &settings));
    assert_ok(load("# nothing\n", &settings));
    assert_int_equal(settings->connections, 4000);
}

static const char *changed(const struct vs_settings *a, const struct vs_settings *b,
                           bool reload)
{
    static char text[4096];
    VS_BUFFER names;
    vs_buffer_init(&names, sizeof text - 1);
    (void)vs_settings_changed(a, b, reload, &names);
    memcpy(text, names.ptr == NULL ? (uint8_t *)"" : names.ptr, names.len);
    text[names.len] = '\0';
    return text;
}

static void settings__name_what_changed_and_what_needs_a_restart(void **state)
{
    (void)state;
    const struct vs_settings *a, *b;
    assert_ok(load("limits:\n  idle: 5 s\n", &a));
    assert_ok(load("limits:\n  idle: 6 s\n", &b));
    assert_string_equal(changed(a, b, false), "");
    assert_string_equal(changed(a, b, true), "limits.idle");
    assert_string_equal(changed(a, a, true), "");
    assert_ok(load(
        "outgoing:\n  private_ranges: [10.0.0.0/8]\ncommit: {batch: 5}\nlimits:\n  idle: 5 s\n",
        &b));
    assert_string_equal(changed(a, b, false), "commit.batch outgoing.private_ranges");
    assert_string_equal(changed(a, b, true), "");
}

static void settings__live_in_a_counted_snapshot(void **state)
{
    (void)state;
    struct vs_snapshot *snapshot = NULL, *same;
    assert_ok(vs_snapshot_load("conf/vasite.yaml", &snapshot, &err));
    same = vs_snapshot_ref(snapshot);
    vs_snapshot_unref(snapshot);
    assert_int_equal(same->settings->tls_port, 8443); /* the sanitizer sees a freed one */
    vs_snapshot_unref(same);
    assert_fails(VS_E_CONFIG, vs_snapshot_load("/nonexistent", &snapshot, &err));
    vs_snapshot_unref(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(settings__are_what_conf_vasite_yaml_says),
        T(settings__of_the_reference_file_are_the_defaults),
        T(settings__every_default_is_within_its_range),
        T(settings__errors_name_file_line_and_setting),
        T(settings__are_read_from_any_yaml_shape),
        T(settings__name_what_changed_and_what_needs_a_restart),
        T(settings__live_in_a_counted_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
