/* json.h - JSON of REST: written straight into a buffer, read strictly into structs by tables.
 *
 * Absent values are null, moments RFC 3339 in UTC with milliseconds, ids 32 hex digits. Reading
 * refuses duplicate members, unknown ones and wrong types, and names the member: a misspelt
 * name never is a silent default. */
#ifndef VS_GATEWAY_REST_JSON_H
#define VS_GATEWAY_REST_JSON_H
#include "gateway/http/server.h"
#include "relay/id.h"

/* ---- writing ---------------------------------------------------------------------------- */

struct vs_json {
    struct vs_buffer buffer;
    bool comma;
};
/* `name` NULL: an element of an array, or the outermost value. */
void vs_json_init(struct vs_json *json); /* at most 16 MiB */
void vs_json_done(struct vs_json *json);
void vs_json_object(struct vs_json *json, const char *name);
void vs_json_array(struct vs_json *json, const char *name);
void vs_json_end_object(struct vs_json *json);
void vs_json_end_array(struct vs_json *json);
void vs_json_string(struct vs_json *json, const char *name, const char *text); /* NULL: null */
void vs_json_number(struct vs_json *json, const char *name, int64_t number);
void vs_json_yes_no(struct vs_json *json, const char *name, bool yes);
void vs_json_null(struct vs_json *json, const char *name);
void vs_json_time(struct vs_json *json, const char *name, vs_time_ms t);  /* NONE: null */
void vs_json_id(struct vs_json *json, const char *name, struct vs_id id); /* NONE: null */
void vs_json_hex(struct vs_json *json, const char *name, struct vs_bytes bytes);
/* Bytes that are UTF-8 text, XML mostly. */
void vs_json_text_of(struct vs_json *json, const char *name, struct vs_bytes text);
void vs_json_base64(struct vs_json *json, const char *name, struct vs_bytes bytes);
/* Answer with it; copied into the request's arena. */
VS_NODISCARD vs_rc vs_respond_json(struct vs_request *request, int status,
                                   const struct vs_json *json, struct vs_error *err);

static inline void vs_cleanup_json(struct vs_json *json)
{
    vs_json_done(json);
}
#define VS_JSON __attribute__((cleanup(vs_cleanup_json))) struct vs_json

/* ---- reading ---------------------------------------------------------------------------- */

enum vs_json_kind {
    VS_JSON_TEXT,   /* const char *, without control characters; null: NULL */
    VS_JSON_LINES,  /* the same, line breaks allowed (PEM, statements) */
    VS_JSON_NUMBER, /* int64_t */
    VS_JSON_YES_NO, /* bool */
    VS_JSON_TIME,   /* vs_time_ms; null: VS_TIME_NONE */
    VS_JSON_TEXTS,  /* struct vs_texts */
    VS_JSON_TERMS,  /* struct vs_texts: an object of scalars as name, value, name, value … */
};
struct vs_texts {
    const char **items;
    size_t n;
};
struct vs_json_member {
    const char *name;
    enum vs_json_kind kind;
    size_t offset;
    bool required;
    size_t max; /* bytes of a text, of each text, or the largest number; 0: 4,096 bytes,
                   INT64_MAX */
};
/* One JSON object in `text`; members that are absent leave what is there. VS_E_JSON with line
 * and column, or with the member's name. */
VS_NODISCARD vs_rc vs_json_read(struct vs_bytes text, const struct vs_json_member *members,
                                size_t n, void *to, struct vs_arena *arena,
                                struct vs_error *err);
#endif
