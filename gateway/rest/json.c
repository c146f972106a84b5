#include "gateway/rest/json.h"
#include "formats/base/json_text.h"
#include <jansson.h>
#include <stdio.h>

enum { MAX_JSON = 16 << 20, MAX_TEXT = 4096, MAX_ITEMS = 4096 };

void vs_json_init(struct vs_json *json)
{
    vs_buffer_init(&json->buffer, MAX_JSON);
    json->comma = false;
}

void vs_json_done(struct vs_json *json)
{
    vs_buffer_done(&json->buffer);
}

static struct vs_buffer *member(struct vs_json *json, const char *name)
{
    if (json->comma)
        vs_buffer_byte(&json->buffer, ',');
    json->comma = true;
    if (name != NULL) {
        vs_json_text(&json->buffer, name);
        vs_buffer_byte(&json->buffer, ':');
    }
    return &json->buffer;
}

static void open_with(struct vs_json *json, const char *name, uint8_t bracket)
{
    vs_buffer_byte(member(json, name), bracket);
    json->comma = false;
}

static void close_with(struct vs_json *json, uint8_t bracket)
{
    vs_buffer_byte(&json->buffer, bracket);
    json->comma = true;
}

void vs_json_object(struct vs_json *json, const char *name)
{
    open_with(json, name, '{');
}
void vs_json_array(struct vs_json *json, const char *name)
{
    open_with(json, name, '[');
}
void vs_json_end_object(struct vs_json *json)
{
    close_with(json, '}');
}
void vs_json_end_array(struct vs_json *json)
{
    close_with(json, ']');
}

void vs_json_string(struct vs_json *json, const char *name, const char *text)
{
    vs_json_text(member(json, name), text);
}

void vs_json_number(struct vs_json *json, const char *name, int64_t number)
{
    vs_buffer_printf(member(json, name), "%lld", (long long)number);
}

void vs_json_yes_no(struct vs_json *json, const char *name, bool yes)
{
    vs_buffer_text(member(json, name), yes ? "true" : "false");
}

void vs_json_null(struct vs_json *json, const char *name)
{
    vs_buffer_text(member(json, name), "null");
}

void vs_json_time(struct vs_json *json, const char *name, vs_time_ms t)
{
    char text[VS_TIME_TEXT];
    if (t != VS_TIME_NONE)
        vs_time_text(t, text);
    vs_json_string(json, name, t == VS_TIME_NONE ? NULL : text);
}

void vs_json_id(struct vs_json *json, const char *name, struct vs_id id)
{
    char text[VS_ID_TEXT];
    vs_id_text(id, text);
    vs_json_string(json, name, vs_id_is_none(id) ? NULL : text);
}

void vs_json_hex(struct vs_json *json, const char *name, struct vs_bytes bytes)
{
    struct vs_buffer *buffer = member(json, name);
    vs_buffer_byte(buffer, '"');
    vs_buffer_hex(buffer, bytes);
    vs_buffer_byte(buffer, '"');
}

void vs_json_text_of(struct vs_json *json, const char *name, struct vs_bytes text)
{
    vs_json_bytes(member(json, name), text);
}

void vs_json_base64(struct vs_json *json, const char *name, struct vs_bytes bytes)
{
    struct vs_buffer *buffer = member(json, name);
    vs_buffer_byte(buffer, '"');
    vs_buffer_base64(buffer, bytes);
    vs_buffer_byte(buffer, '"');
}

vs_rc vs_respond_json(struct vs_request *request, int status, const struct vs_json *json,
                      struct vs_error *err)
{
    struct vs_bytes body = VS_BYTES_NONE;
    VS_TRY(vs_buffer_copy(&json->buffer, vs_request_arena(request), &body, err));
    vs_respond(request, status, "application/json", body);
    return VS_OK;
}

/* ---- reading ---------------------------------------------------------------------------- */

struct reading {
    struct vs_arena *arena;
    const char *name; /* of the member */
    struct vs_error *err;
};

static vs_rc wrong(const struct reading *self, const char *what)
{
    return vs_fail(self->err, VS_E_JSON, NULL, "%s: %s", self->name, what);
}

static vs_rc read_text(const struct reading *self, const json_t *value, size_t max, bool lines,
                       const char **ret)
{
    if (!json_is_string(value))
        return wrong(self, "a text is wanted");
    struct vs_bytes text = VS_BYTES(json_string_value(value), json_string_length(value));
    if (text.len > (max == 0 ? MAX_TEXT : max))
        return wrong(self, "too long");
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0')
            return wrong(self, "holds a NUL");
    if (!lines && vs_text_has_controls(text))
        return wrong(self, "holds control characters");
    *ret = vs_arena_strndup(self->arena, (const char *)text.ptr, text.len);
    return *ret == NULL ? vs_fail_memory(self->err) : VS_OK;
}

static vs_rc read_texts(const struct reading *self, const json_t *value, size_t max,
                        struct vs_texts *ret)
{
    if (!json_is_array(value) || json_array_size(value) > MAX_ITEMS)
        return wrong(self, "a list of texts is wanted");
    size_t n = json_array_size(value);
    const char **items = vs_arena_make_n(self->arena, const char *, n + 1);
    if (items == NULL)
        return vs_fail_memory(self->err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(read_text(self, json_array_get(value, i), max, false, &items[i]));
    *ret = (struct vs_texts){items, n};
    return VS_OK;
}

/* A scalar in the words of the command line: yes, no, 12, text. */
static vs_rc scalar(const struct reading *self, const json_t *value, size_t max,
                    const char **ret)
{
    if (json_is_boolean(value))
        *ret = json_is_true(value) ? "yes" : "no";
    else if (json_is_integer(value))
        *ret = vs_arena_printf(self->arena, "%lld", (long long)json_integer_value(value));
    else
        return read_text(self, value, max, false, ret);
    return *ret == NULL ? vs_fail_memory(self->err) : VS_OK;
}

static vs_rc read_terms(const struct reading *self, json_t *value, size_t max,
                        struct vs_texts *ret)
{
    if (!json_is_object(value) || json_object_size(value) > MAX_ITEMS)
        return wrong(self, "an object is wanted");
    const char **items =
        vs_arena_make_n(self->arena, const char *, 2 * json_object_size(value) + 1);
    size_t n = 0;
    if (items == NULL)
        return vs_fail_memory(self->err);
    const char *name;
    json_t *of;
    json_object_foreach(value, name, of)
    {
        items[n] = vs_arena_strdup(self->arena, name);
        struct reading inner = {self->arena, items[n], self->err};
        if (items[n] == NULL)
            return vs_fail_memory(self->err);
        VS_TRY(scalar(&inner, of, max, &items[n + 1]));
        n += 2;
    }
    *ret = (struct vs_texts){items, n};
    return VS_OK;
}

static vs_rc read_time(const struct reading *self, const json_t *value, vs_time_ms *ret)
{
    *ret = VS_TIME_NONE;
    if (json_is_null(value))
        return VS_OK;
    if (!json_is_string(value) ||
        !vs_time_decode(VS_BYTES(json_string_value(value), json_string_length(value)), ret))
        return wrong(self, "a moment like 2026-01-31T12:00:00Z is wanted");
    return VS_OK;
}

static vs_rc read_number(const struct reading *self, const json_t *value, size_t max,
                         int64_t *ret)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (max != 0 && json_integer_value(value) > (json_int_t)max))
        return wrong(self, "a whole number within its range is wanted");
    *ret = json_integer_value(value);
    return VS_OK;
}

static vs_rc read_member(const struct reading *self, const struct vs_json_member *row,
                         json_t *value, void *to)
{
    switch (row->kind) {
    case VS_JSON_TEXT:
    case VS_JSON_LINES:
        if (json_is_null(value) && !row->required) {
            *(const char **)to = NULL;
            return VS_OK;
        }
        return read_text(self, value, row->max, row->kind == VS_JSON_LINES, to);
    case VS_JSON_NUMBER:
        return read_number(self, value, row->max, to);
    case VS_JSON_YES_NO:
        if (!json_is_boolean(value))
            return wrong(self, "true or false is wanted");
        *(bool *)to = json_is_true(value);
        return VS_OK;
    case VS_JSON_TIME:
        return read_time(self, value, to);
    case VS_JSON_TEXTS:
        return read_texts(self, value, row->max, to);
    case VS_JSON_TERMS:
        return read_terms(self, value, row->max, to);
    }
    return wrong(self, "a member of no kind");
}

static vs_rc read_object(json_t *root, const struct vs_json_member *members, size_t n, void *to,
                         struct vs_arena *arena, struct vs_error *err)
{
    VS_REFUSE_IF(!json_is_object(root), err, VS_E_JSON, NULL, "an object is wanted");
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value)
    {
        size_t i = 0;
        while (i < n && strcmp(members[i].name, name) != 0)
            i++;
        VS_REFUSE_IF(i == n, err, VS_E_JSON, NULL, "%.80s: there is no such member", name);
        struct reading self = {arena, members[i].name, err};
        VS_TRY(read_member(&self, &members[i], value, (char *)to + members[i].offset));
    }
    for (size_t i = 0; i < n; i++)
        VS_REFUSE_IF(members[i].required && json_object_get(root, members[i].name) == NULL, err,
                     VS_E_JSON, NULL, "%s: it is missing", members[i].name);
    return VS_OK;
}

vs_rc vs_json_read(struct vs_bytes text, const struct vs_json_member *members, size_t n,
                   void *to, struct vs_arena *arena, struct vs_error *err)
{
    json_error_t why;
    json_t *root = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    VS_REFUSE_IF(root == NULL, err, VS_E_JSON, NULL, "line %d, column %d: %s", why.line,
                 why.column, why.text);
    vs_rc rc = read_object(root, members, n, to, arena, err);
    json_decref(root);
    return rc;
}
