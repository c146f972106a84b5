/* limits.participants: what some participants may that differs from all others. */
#include "gateway/daemon/settings.h"

static const struct {
    const char *name;
    enum vs_setting_kind kind;
} kinds[VS_OVERRIDES] = {
    [VS_OVERRIDES_DOCUMENT] = {"document", VS_SETTING_BYTES},
    [VS_OVERRIDES_AT_ONCE] = {"requests_at_once", VS_SETTING_NUMBER},
    [VS_OVERRIDES_PER_SECOND] = {"requests_per_second", VS_SETTING_NUMBER},
    [VS_OVERRIDES_UPLOADS] = {"uploads_at_once", VS_SETTING_NUMBER},
    [VS_OVERRIDES_VOLUME] = {"volume_per_day", VS_SETTING_BYTES},
};

static bool read_pair(const char *pair, size_t len, struct vs_setting_override *to)
{
    char value[64];
    for (int i = 0; i < VS_OVERRIDES; i++) {
        size_t name = strlen(kinds[i].name);
        if (len <= name + 1 || memcmp(pair, kinds[i].name, name) != 0 || pair[name] != '=' ||
            len - name - 1 >= sizeof value || to->set[i])
            continue;
        memcpy(value, pair + name + 1, len - name - 1);
        value[len - name - 1] = '\0';
        to->set[i] = vs_setting_number(kinds[i].kind, value, &to->values[i]);
        return to->set[i];
    }
    return false;
}

static vs_rc read_item(const char *path, const char *item, struct vs_arena *arena,
                       struct vs_setting_override *to, struct vs_error *err)
{
    size_t identifier = strcspn(item, " "), n = 0;
    to->identifier = vs_arena_strndup(arena, item, identifier);
    if (to->identifier == NULL)
        return vs_fail_memory(err);
    for (const char *at = item + identifier; *at != '\0';) {
        size_t len = strcspn(at, " ");
        VS_REFUSE_IF(len > 0 && !read_pair(at, len, to), err, VS_E_CONFIG, NULL,
                     "%s: limits.participants: %s: '%.*s' is no limit of one participant", path,
                     to->identifier, (int)len, at);
        n += len > 0;
        at += len + (at[len] == ' ');
    }
    VS_REFUSE_IF(identifier == 0 || n == 0, err, VS_E_CONFIG, NULL,
                 "%s: limits.participants: '%s': an identifier and NAME=VALUE are wanted", path,
                 item);
    return VS_OK;
}

vs_rc vs_settings_overrides(struct vs_settings *settings, const char *path,
                            struct vs_arena *arena, struct vs_error *err)
{
    const struct vs_setting_list *list = &settings->participant_limits;
    struct vs_setting_override *overrides =
        vs_arena_make_n(arena, struct vs_setting_override, list->n + 1);
    if (overrides == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < list->n; i++)
        VS_TRY(read_item(path, list->items[i], arena, &overrides[i], err));
    settings->overrides = overrides;
    settings->n_overrides = list->n;
    return VS_OK;
}
