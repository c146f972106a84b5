#include "gateway/daemon/settings.h"
#include <stdatomic.h>
#include <stdio.h>

static void *field(struct vs_settings *settings, const struct vs_setting *setting)
{
    return (char *)settings + setting->offset;
}

static const void *const_field(const struct vs_settings *settings,
                               const struct vs_setting *setting)
{
    return (const char *)settings + setting->offset;
}

const struct vs_setting *vs_setting_find(const char *name)
{
    for (size_t i = 0; i < vs_n_settings; i++)
        if (strcmp(vs_setting_table[i].name, name) == 0)
            return &vs_setting_table[i];
    return NULL;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit NO_UNITS[] = {{"", 1}, {NULL, 0}};
static const struct unit BYTE_UNITS[] = {{"", 1},          {"B", 1},         {"KiB", 1 << 10},
                                         {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
static const struct unit TIME_UNITS[] = {
    {"ms", 1},         {"s", VS_SECOND_MS}, {"min", VS_MINUTE_MS},
    {"h", VS_HOUR_MS}, {"d", VS_DAY_MS},    {NULL, 0}};

static const char *unit_names(enum vs_setting_kind kind)
{
    return kind == VS_SETTING_BYTES      ? " (bytes, KiB, MiB or GiB)"
           : kind == VS_SETTING_DURATION ? " with a unit (ms, s, min, h or d)"
                                         : "";
}

static bool parse_number(const char *text, const struct unit *units, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t value;
    if (!vs_u64_decode(VS_BYTES(text, digits), &value) || value > INT32_MAX * INT64_C(1024))
        return false;
    const char *name = text + digits + strspn(text + digits, " ");
    for (; units->name != NULL; units++)
        if (strcmp(units->name, name) == 0) {
            *ret = (int64_t)value * units->factor;
            return (int64_t)value <= INT64_MAX / units->factor;
        }
    return false;
}

static const struct unit *units_of(enum vs_setting_kind kind)
{
    return kind == VS_SETTING_BYTES      ? BYTE_UNITS
           : kind == VS_SETTING_DURATION ? TIME_UNITS
                                         : NO_UNITS;
}

bool vs_setting_number(enum vs_setting_kind kind, const char *text, int64_t *ret)
{
    return parse_number(text, units_of(kind), ret);
}

static vs_rc set_number(const struct vs_setting *setting, const char *text, int64_t *to,
                        struct vs_error *err)
{
    int64_t value;
    VS_REFUSE_IF(!parse_number(text, units_of(setting->kind), &value), err, VS_E_CONFIG, NULL,
                 "'%s' is no whole number%s", text, unit_names(setting->kind));
    VS_REFUSE_IF(value < setting->low || value > setting->high, err, VS_E_CONFIG, NULL,
                 "'%s' is not between %lld and %lld%s", text, (long long)setting->low,
                 (long long)setting->high,
                 setting->kind == VS_SETTING_BYTES      ? " bytes"
                 : setting->kind == VS_SETTING_DURATION ? " ms"
                                                        : "");
    *to = value;
    return VS_OK;
}

static vs_rc set_choice(const struct vs_setting *setting, const char *text, int64_t *to,
                        struct vs_error *err)
{
    int64_t index = 0;
    for (const char *at = setting->choices; *at != '\0'; index++) {
        size_t len = strcspn(at, " ");
        if (strlen(text) == len && memcmp(at, text, len) == 0) {
            *to = index;
            return VS_OK;
        }
        at += len + (at[len] == ' ');
    }
    return vs_fail(err, VS_E_CONFIG, NULL, "'%s' is none of: %s", text, setting->choices);
}

static vs_rc set_yes_no(const char *text, bool *to, struct vs_error *err)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
    VS_REFUSE_IF(!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0, err,
                 VS_E_CONFIG, NULL, "'%s' is neither yes nor no", text);
    *to = yes;
    return VS_OK;
}

static vs_rc add_item(struct vs_setting_list *list, const char *text, struct vs_arena *arena,
                      struct vs_error *err)
{
    const char **grown = vs_arena_make_n(arena, const char *, list->n + 2);
    char *copy = vs_arena_strdup(arena, text);
    if (grown == NULL || copy == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < list->n; i++)
        grown[i] = list->items[i];
    grown[list->n] = copy;
    *list = (struct vs_setting_list){grown, list->n + 1};
    return VS_OK;
}

static vs_rc set_text(const char *text, struct vs_arena *arena, const char **to,
                      struct vs_error *err)
{
    *to = vs_arena_strdup(arena, text);
    return *to == NULL ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_setting_set(const struct vs_setting *setting, const char *text, struct vs_arena *arena,
                     struct vs_settings *settings, struct vs_error *err)
{
    void *to = field(settings, setting);
    VS_REFUSE_IF(text[0] == '\0' && !setting->empty, err, VS_E_CONFIG, NULL,
                 "it may not be empty");
    switch (setting->kind) {
    case VS_SETTING_TEXT:
    case VS_SETTING_PATH:
        return set_text(text, arena, to, err);
    case VS_SETTING_NUMBER:
    case VS_SETTING_BYTES:
    case VS_SETTING_DURATION:
        return set_number(setting, text, to, err);
    case VS_SETTING_YES_NO:
        return set_yes_no(text, to, err);
    case VS_SETTING_CHOICE:
        return set_choice(setting, text, to, err);
    case VS_SETTING_LIST:
    case VS_SETTING_PATHS:
        return text[0] == '\0' ? VS_OK : add_item(to, text, arena, err);
    }
    return vs_fail(err, VS_E_INTERNAL, NULL, "a setting of no kind");
}

/* ---- the reference file ----------------------------------------------------------------- */

static void indent(struct vs_buffer *out, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        vs_buffer_text(out, "  ");
}

/* The names of the sections that `name` is in and the one before it is not. */
static size_t print_sections(struct vs_buffer *out, const char *before, const char *name)
{
    size_t depth = 0;
    for (const char *at = name, *dot; (dot = strchr(at, '.')) != NULL; at = dot + 1, depth++) {
        size_t len = (size_t)(dot - name) + 1;
        if (strncmp(before, name, len) == 0)
            continue;
        if (depth == 0)
            vs_buffer_text(out, "\n");
        indent(out, depth);
        vs_buffer_add(out, VS_BYTES(at, (size_t)(dot - at)));
        vs_buffer_text(out, ":\n");
    }
    return depth;
}

static void print_help(struct vs_buffer *out, const struct vs_setting *setting, size_t depth)
{
    for (const char *at = setting->help; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        indent(out, depth);
        vs_buffer_text(out, "# ");
        vs_buffer_add(out, VS_BYTES(at, len));
        vs_buffer_text(out, "\n");
        at += len + (at[len] == '\n');
    }
    indent(out, depth);
    vs_buffer_printf(out, "# %s", setting->reload ? "reload" : "restart");
    if (setting->choices != NULL)
        vs_buffer_printf(out, "; one of: %s", setting->choices);
    if (setting->kind == VS_SETTING_NUMBER)
        vs_buffer_printf(out, "; %lld to %lld", (long long)setting->low,
                         (long long)setting->high);
    if (setting->kind == VS_SETTING_BYTES)
        vs_buffer_printf(out, "; %lld to %lld bytes", (long long)setting->low,
                         (long long)setting->high);
    if (setting->kind == VS_SETTING_DURATION)
        vs_buffer_printf(out, "; %lld to %lld ms", (long long)setting->low,
                         (long long)setting->high);
    vs_buffer_text(out, "\n");
}

void vs_settings_print(struct vs_buffer *out)
{
    vs_buffer_text(
        out,
        "# vasite.yaml - every setting of vasited with its default, meaning and unit.\n"
        "#\n"
        "# `reload`: SIGHUP takes a change; `restart`: only a new start does. `vasited "
        "--check\n"
        "# --config FILE` checks a file. What a file leaves out has its default. Passphrases\n"
        "# never stand here: they come from files or systemd credentials.\n");
    const char *before = "";
    for (size_t i = 0; i < vs_n_settings; i++) {
        const struct vs_setting *setting = &vs_setting_table[i];
        size_t depth = print_sections(out, before, setting->name);
        print_help(out, setting, depth);
        indent(out, depth);
        const char *last = strrchr(setting->name, '.');
        bool list = setting->kind == VS_SETTING_LIST || setting->kind == VS_SETTING_PATHS;
        bool quoted = setting->kind == VS_SETTING_TEXT || setting->kind == VS_SETTING_PATH;
        vs_buffer_printf(out, quoted ? "%s: \"%s\"\n" : "%s: %s\n",
                         last == NULL ? setting->name : last + 1,
                         list ? "[]" : setting->fallback);
        before = setting->name;
    }
}

/* ---- reload ----------------------------------------------------------------------------- */

static bool same_list(const struct vs_setting_list *a, const struct vs_setting_list *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return a->n == b->n;
}

static bool same(const struct vs_setting *setting, const struct vs_settings *a,
                 const struct vs_settings *b)
{
    const void *x = const_field(a, setting), *y = const_field(b, setting);
    switch (setting->kind) {
    case VS_SETTING_TEXT:
    case VS_SETTING_PATH:
        return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
    case VS_SETTING_YES_NO:
        return *(const bool *)x == *(const bool *)y;
    case VS_SETTING_LIST:
    case VS_SETTING_PATHS:
        return same_list(x, y);
    case VS_SETTING_NUMBER:
    case VS_SETTING_BYTES:
    case VS_SETTING_DURATION:
    case VS_SETTING_CHOICE:
        break;
    }
    return *(const int64_t *)x == *(const int64_t *)y;
}

size_t vs_settings_changed(const struct vs_settings *old, const struct vs_settings *fresh,
                           bool reload, struct vs_buffer *out)
{
    size_t n = 0;
    for (size_t i = 0; i < vs_n_settings; i++) {
        const struct vs_setting *setting = &vs_setting_table[i];
        if (setting->reload != reload || same(setting, old, fresh))
            continue;
        vs_buffer_printf(out, "%s%s", n++ > 0 ? " " : "", setting->name);
    }
    return n;
}

/* -- snapshots ---------------------------------------------------------------------------- */

enum { SNAPSHOT_BYTES = 1 << 20 };

vs_rc vs_snapshot_load(const char *path, struct vs_snapshot **ret, struct vs_error *err)
{
    struct vs_snapshot *snapshot = vs_heap_new(sizeof *snapshot);
    atomic_store(&snapshot->references, 1);
    snapshot->arena = vs_arena_new(SNAPSHOT_BYTES);
    vs_rc rc = snapshot->arena == NULL
                   ? vs_fail_memory(err)
                   : vs_settings_load(path, snapshot->arena, &snapshot->settings, err);
    if (vs_ok(rc))
        *ret = snapshot;
    else
        vs_snapshot_unref(snapshot);
    return rc;
}

struct vs_snapshot *vs_snapshot_ref(struct vs_snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void vs_snapshot_unref(struct vs_snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub(&snapshot->references, 1) != 1)
        return;
    vs_arena_free(snapshot->arena);
    vs_heap_free(snapshot);
}
