#include "gateway/daemon/settings.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

enum { MAX_DEPTH = 8, MAX_NAME = 128, MAX_VALUE = 4096, MAX_ROWS = 128 };

struct loading {
    const char *path;
    struct vs_arena *arena;
    struct vs_settings *settings;
    yaml_parser_t yaml;
    char name[MAX_NAME]; /* of the section or setting being read */
    bool seen[MAX_ROWS];
    struct vs_error *err;
};

static vs_rc wrong(struct loading *self, size_t line, const char *what)
{
    return vs_fail(self->err, VS_E_CONFIG, NULL, "%s:%zu: %s%s%s", self->path, line + 1,
                   self->name, self->name[0] != '\0' ? ": " : "", what);
}

static vs_rc next(struct loading *self, yaml_event_t *event)
{
    if (yaml_parser_parse(&self->yaml, event))
        return VS_OK;
    return wrong(self, self->yaml.problem_mark.line,
                 self->yaml.problem != NULL ? self->yaml.problem : "not YAML");
}

/* Whether a section of this name holds settings. */
static bool is_section(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < vs_n_settings; i++)
        if (strncmp(vs_setting_table[i].name, name, len) == 0 &&
            vs_setting_table[i].name[len] == '.')
            return true;
    return false;
}

static vs_rc take_value(struct loading *self, const struct vs_setting *setting,
                        const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    struct vs_error why;
    if (event->data.scalar.length > MAX_VALUE || strlen(text) != event->data.scalar.length ||
        vs_text_has_controls(vs_bytes_text(text)))
        return wrong(self, event->start_mark.line, "too long or with control characters");
    if (!vs_ok(vs_setting_set(setting, text, self->arena, self->settings, &why)))
        return wrong(self, event->start_mark.line, why.text);
    return VS_OK;
}

static vs_rc take_list(struct loading *self, const struct vs_setting *setting, size_t line)
{
    if (setting->kind != VS_SETTING_LIST && setting->kind != VS_SETTING_PATHS)
        return wrong(self, line, "one value is wanted, not a list");
    for (;;) {
        yaml_event_t event;
        VS_TRY(next(self, &event));
        vs_rc rc = VS_OK;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (event.type == YAML_SCALAR_EVENT)
            rc = take_value(self, setting, &event);
        else if (!end)
            rc = wrong(self, event.start_mark.line, "a list of texts is wanted");
        yaml_event_delete(&event);
        if (end || !vs_ok(rc))
            return rc;
    }
}

static vs_rc take_setting(struct loading *self, const yaml_event_t *event)
{
    const struct vs_setting *setting = vs_setting_find(self->name);
    size_t line = event->start_mark.line;
    if (setting == NULL)
        return wrong(self, line,
                     is_section(self->name) ? "settings are wanted below it"
                                            : "there is no such setting");
    size_t row = (size_t)(setting - vs_setting_table);
    VS_ASSERT(row < MAX_ROWS);
    if (self->seen[row])
        return wrong(self, line, "given twice");
    self->seen[row] = true;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return take_list(self, setting, line);
    if ((setting->kind == VS_SETTING_LIST || setting->kind == VS_SETTING_PATHS) &&
        event->data.scalar.length > 0)
        return wrong(self, line, "a list is wanted: [a, b]");
    return take_value(self, setting, event);
}

static vs_rc take_mapping(struct loading *self, int depth);

static vs_rc take_entry(struct loading *self, const yaml_event_t *event, int depth)
{
    size_t line = event->start_mark.line;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return take_setting(self, event);
    case YAML_MAPPING_START_EVENT:
        if (!is_section(self->name))
            return wrong(self, line,
                         vs_setting_find(self->name) != NULL
                             ? "one value is wanted, not a section"
                             : "there is no such section");
        return take_mapping(self, depth + 1);
    default:
        return wrong(self, line, "aliases are not taken here");
    }
}

/* Entries up to the mapping's end; self->name holds the section's name on entry and return. */
static vs_rc take_mapping(struct loading *self, int depth)
{
    size_t section = strlen(self->name);
    yaml_event_t event;
    if (depth > MAX_DEPTH)
        return wrong(self, 0, "nested too deep");
    for (;;) {
        VS_TRY(next(self, &event));
        bool end = event.type == YAML_MAPPING_END_EVENT;
        vs_rc rc = VS_OK;
        if (!end && (event.type != YAML_SCALAR_EVENT ||
                     section + event.data.scalar.length + 2 > MAX_NAME))
            rc = wrong(self, event.start_mark.line, "the name of a setting is wanted");
        else if (!end)
            snprintf(self->name + section, MAX_NAME - section, "%s%s", section > 0 ? "." : "",
                     (const char *)event.data.scalar.value);
        yaml_event_delete(&event);
        if (end || !vs_ok(rc))
            return rc;
        VS_TRY(next(self, &event));
        rc = take_entry(self, &event, depth);
        yaml_event_delete(&event);
        if (!vs_ok(rc))
            return rc;
        self->name[section] = '\0';
    }
}

static vs_rc take_document(struct loading *self)
{
    yaml_event_t event;
    vs_rc rc = VS_OK;
    for (bool end = false; !end && vs_ok(rc);) {
        VS_TRY(next(self, &event));
        end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_MAPPING_START_EVENT)
            rc = take_mapping(self, 0);
        else if (event.type == YAML_SEQUENCE_START_EVENT ||
                 (event.type == YAML_SCALAR_EVENT && event.data.scalar.length > 0))
            rc = wrong(self, event.start_mark.line, "settings are wanted: name: value");
        yaml_event_delete(&event);
    }
    return rc;
}

/* systemd's credentials: a secret named without a folder is taken from there when it is there.
 */
static const char *credential(struct vs_arena *arena, const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || strchr(name, '/') != NULL)
        return NULL;
    const char *path = vs_arena_printf(arena, "%s/%s", folder, name);
    return path != NULL && access(path, R_OK) == 0 ? path : NULL;
}

/* What a path is relative to does not change with the folder that vasited was started in. */
static vs_rc resolve_path(struct loading *self, const char **path)
{
    if ((*path)[0] == '\0' || (*path)[0] == '/')
        return VS_OK;
    const char *slash = strrchr(self->path, '/');
    const char *secret = credential(self->arena, *path);
    *path = secret != NULL ? secret
                           : vs_arena_printf(self->arena, "%.*s%s",
                                             slash == NULL ? 0 : (int)(slash - self->path) + 1,
                                             self->path, *path);
    return *path == NULL ? vs_fail_memory(self->err) : VS_OK;
}

static vs_rc resolve_paths(struct loading *self)
{
    for (size_t i = 0; i < vs_n_settings; i++) {
        const struct vs_setting *setting = &vs_setting_table[i];
        void *to = (char *)self->settings + setting->offset;
        const struct vs_setting_list *list = to;
        if (setting->kind == VS_SETTING_PATH)
            VS_TRY(resolve_path(self, to));
        for (size_t j = 0; setting->kind == VS_SETTING_PATHS && j < list->n; j++)
            VS_TRY(resolve_path(self, &list->items[j]));
    }
    return VS_OK;
}

static vs_rc take_defaults(struct loading *self)
{
    for (size_t i = 0; i < vs_n_settings; i++)
        VS_TRY(vs_setting_set(&vs_setting_table[i], vs_setting_table[i].fallback, self->arena,
                              self->settings, self->err));
    return VS_OK;
}

static vs_rc read_file(struct loading *self)
{
    FILE *file = fopen(self->path, "re");
    if (file == NULL)
        return vs_fail(self->err, VS_E_CONFIG, NULL, "%s: %s", self->path, strerror(errno));
    vs_rc rc = VS_OK;
    if (yaml_parser_initialize(&self->yaml)) {
        yaml_parser_set_input_file(&self->yaml, file);
        rc = take_document(self);
        yaml_parser_delete(&self->yaml);
    } else {
        rc = vs_fail_memory(self->err);
    }
    fclose(file);
    return rc;
}

vs_rc vs_settings_load(const char *path, struct vs_arena *arena, const struct vs_settings **ret,
                       struct vs_error *err)
{
    struct loading self = {.path = path == NULL ? "conf/" : path, .arena = arena, .err = err};
    self.settings = vs_arena_make(arena, struct vs_settings);
    if (self.settings == NULL)
        return vs_fail_memory(err);
    VS_TRY(take_defaults(&self));
    if (path != NULL)
        VS_TRY(read_file(&self));
    VS_TRY(resolve_paths(&self));
    VS_TRY(vs_settings_overrides(self.settings, self.path, arena, err));
    *ret = self.settings;
    return VS_OK;
}
