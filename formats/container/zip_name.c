#include "formats/container/fold.h"
#include "formats/container/zip_priv.h"
#include <stdlib.h>

/* Each part between slashes; a final slash makes a folder of it. */
static bool safe_segments(struct vs_bytes name)
{
    size_t from = 0;
    for (size_t i = 0; i <= name.len; i++) {
        if (i < name.len && name.ptr[i] != '/')
            continue;
        struct vs_bytes part = VS_BYTES(name.ptr + from, i - from);
        bool last_slash = i == name.len && part.len == 0;
        if (!last_slash && (part.len == 0 || vs_bytes_is(part, ".") || vs_bytes_is(part, "..")))
            return false;
        from = i + 1;
    }
    return true;
}

vs_rc vs_zip_check_name(struct vs_bytes name, struct vs_error *err)
{
    if (name.len == 0 || !vs_utf8_valid(name) || memchr(name.ptr, 0, name.len) != NULL)
        return vs_fail(err, VS_E_ZIP_NAME, NULL, "a name that is empty or not UTF-8");
    VS_REFUSE_IF(name.len > VS_ZIP_NAME_MAX, err, VS_E_ZIP_NAME, NULL, "a name of %zu bytes",
                 name.len);
    /* A name that forges a line of a log, or shows itself backwards on a screen. */
    VS_REFUSE_IF(vs_text_has_controls(name), err, VS_E_ZIP_NAME, NULL,
                 "a name with control characters");
    bool drive = name.len >= 2 && name.ptr[1] == ':';
    bool backslash = memchr(name.ptr, '\\', name.len) != NULL;
    VS_REFUSE_IF(drive || backslash || !safe_segments(name), err, VS_E_ZIP_NAME,
                 "APPNOTE, 4.4.17.1", "the name '%.*s' leads out of its folder",
                 (int)(name.len < 100 ? name.len : 100), (const char *)name.ptr);
    return VS_OK;
}

static int compare_key(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether a part of the path of `key` is itself the key of a file. */
static bool file_as_folder(const char **keys, size_t n, const char *key)
{
    char parent[VS_ZIP_NAME_MAX * 12 + 1];
    for (const char *slash = strchr(key, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - key);
        if (slash[1] == '\0' || len >= sizeof parent)
            continue;
        memcpy(parent, key, len);
        parent[len] = '\0';
        const char *wanted = parent;
        if (bsearch(&wanted, keys, n, sizeof *keys, compare_key) != NULL)
            return true;
    }
    return false;
}

vs_rc vs_zip_check_keys(const char **keys, size_t n, struct vs_error *err)
{
    qsort(keys, n, sizeof *keys, compare_key);
    for (size_t i = 0; i < n; i++) {
        VS_REFUSE_IF(i > 0 && strcmp(keys[i - 1], keys[i]) == 0, err, VS_E_ZIP_DUPLICATE, NULL,
                     "two entries are named '%.100s' but for case", keys[i]);
        size_t len = strlen(keys[i]);
        const char *bare = keys[i];
        char folder[VS_ZIP_NAME_MAX * 12 + 1];
        bool is_folder = len > 0 && len < sizeof folder && keys[i][len - 1] == '/';
        if (is_folder) {
            memcpy(folder, keys[i], len - 1);
            folder[len - 1] = '\0';
            bare = folder;
        }
        bool twin = is_folder && bsearch(&bare, keys, n, sizeof *keys, compare_key) != NULL;
        VS_REFUSE_IF(twin || file_as_folder(keys, n, keys[i]), err, VS_E_ZIP_DUPLICATE, NULL,
                     "'%.100s' is a file and a folder", bare);
    }
    return VS_OK;
}
