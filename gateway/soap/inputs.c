#include "gateway/rest/json.h"
#include "gateway/soap/soap_priv.h"

#define UNTOLD_TYPE "application/octet-stream"

struct inputs {
    struct vs_soap_call *call;
    struct vs_arena *arena;
    struct vs_error *err;
    const char *media_type;
    struct vs_json json; /* of the row's body, where it has fields of such places */
    bool have_json;
};

static vs_rc put(struct inputs *self, enum vs_input where, const struct vs_soap_field *field,
                 const char *value)
{
    return vs_request_put(self->call->request, where,
                          field->as != NULL ? field->as : field->name, value, self->err);
}

static vs_rc read_boolean(struct inputs *self, const struct vs_soap_field *field,
                          const char *text, bool *ret)
{
    *ret = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    VS_REFUSE_IF(!*ret && strcmp(text, "false") != 0 && strcmp(text, "0") != 0, self->err,
                 VS_E_PARAMETER, NULL, "%s: true or false is wanted", field->name);
    return VS_OK;
}

/* Every element of that name, joined: the row's query separates them by commas. */
static vs_rc join(struct inputs *self, const struct vs_xml_node *first, const char **ret)
{
    VS_BUFFER list;
    vs_buffer_init(&list, VS_SOAP_ENVELOPE_MAX);
    for (const struct vs_xml_node *node = first; node != NULL;
         node = vs_xml_next_named(node, VS_SOAP_NAMESPACE, vs_xml_name(first))) {
        const char *text;
        VS_TRY(vs_xml_token(node, self->arena, &text, self->err));
        VS_REFUSE_IF(strchr(text, ',') != NULL, self->err, VS_E_PARAMETER, NULL,
                     "%s: one identifier an element is wanted", vs_xml_name(first));
        vs_buffer_text(&list, node == first ? "" : ",");
        vs_buffer_text(&list, text);
    }
    struct vs_bytes all = VS_BYTES_NONE;
    VS_TRY(vs_buffer_copy(&list, self->arena, &all, self->err));
    *ret = vs_arena_strndup(self->arena, (const char *)all.ptr, all.len);
    return *ret == NULL ? vs_fail_memory(self->err) : VS_OK;
}

static vs_rc put_word(struct inputs *self, const struct vs_soap_field *field, const char *text)
{
    size_t len = strlen(text);
    const char *at = field->words;
    while (*at != '\0' && (strcspn(at, " ") != len || memcmp(at, text, len) != 0)) {
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    VS_REFUSE_IF(*at == '\0', self->err, VS_E_PARAMETER, NULL, "%s is none of: %s", field->name,
                 field->words);
    return put(self, VS_INPUT_HEADER, field, text);
}

static vs_rc put_media_type(struct inputs *self, const char *text)
{
    size_t len = strcspn(text, "/");
    bool one = len > 0 && text[len] == '/' && text[len + 1] != '\0';
    /* A row must not take the document apart. */
    VS_REFUSE_IF(!one || vs_text_has_controls(vs_bytes_text(text)) ||
                     strncasecmp(text, "multipart/", 10) == 0,
                 self->err, VS_E_MEDIA_TYPE, NULL, "media_type: no type of a document");
    self->media_type = text;
    return VS_OK;
}

static vs_rc put_field(struct inputs *self, const struct vs_soap_field *field,
                       const struct vs_xml_node *node)
{
    const char *text = NULL;
    bool yes = false;
    if (field->place == VS_SOAP_CONTENT)
        return VS_OK;
    if (field->place == VS_SOAP_QUERY_LIST) {
        VS_TRY(join(self, node, &text));
        return put(self, VS_INPUT_QUERY, field, text);
    }
    VS_TRY(vs_xml_token(node, self->arena, &text, self->err));
    switch (field->place) {
    case VS_SOAP_PARAM:
        return put(self, VS_INPUT_PARAM, field, text);
    case VS_SOAP_HEADER:
        return field->words != NULL ? put_word(self, field, text)
                                    : put(self, VS_INPUT_HEADER, field, text);
    case VS_SOAP_QUERY_YES:
        VS_TRY(read_boolean(self, field, text, &yes));
        return yes ? put(self, VS_INPUT_QUERY, field, "yes") : VS_OK;
    case VS_SOAP_JSON:
        vs_json_string(&self->json, field->name, text);
        return VS_OK;
    case VS_SOAP_JSON_BOOLEAN:
        VS_TRY(read_boolean(self, field, text, &yes));
        vs_json_yes_no(&self->json, field->name, yes);
        return VS_OK;
    case VS_SOAP_MEDIA_TYPE:
        return put_media_type(self, text);
    case VS_SOAP_QUERY:
    case VS_SOAP_QUERY_LIST:
    case VS_SOAP_CONTENT:
        break;
    }
    return put(self, VS_INPUT_QUERY, field, text);
}

static vs_rc put_absent(struct inputs *self, const struct vs_soap_field *field)
{
    VS_REFUSE_IF(field->required, self->err, VS_E_PARAMETER, NULL, "%s: it is missing",
                 field->name);
    if (field->words == NULL)
        return VS_OK;
    const char *first = vs_arena_strndup(self->arena, field->words, strcspn(field->words, " "));
    return first == NULL ? vs_fail_memory(self->err) : put(self, VS_INPUT_HEADER, field, first);
}

static vs_rc put_fields(struct inputs *self)
{
    const struct vs_soap_call *call = self->call;
    for (const struct vs_soap_field *field = call->operation->fields; field->name != NULL;
         field++) {
        bool json = field->place == VS_SOAP_JSON || field->place == VS_SOAP_JSON_BOOLEAN;
        if (json && !self->have_json)
            vs_json_object(&self->json, NULL);
        self->have_json |= json;
        const struct vs_xml_node *node =
            vs_xml_child(call->element, VS_SOAP_NAMESPACE, field->name);
        VS_TRY(node == NULL ? put_absent(self, field) : put_field(self, field, node));
    }
    return VS_OK;
}

static vs_rc begin_row(struct inputs *self)
{
    struct vs_soap_call *call = self->call;
    VS_TRY(put_fields(self));
    VS_TRY(vs_request_put_row(call->request, call->row,
                              self->have_json ? "application/json" : self->media_type,
                              self->err));
    if (call->row->begin != NULL)
        VS_TRY(call->row->begin(call->request, self->err));
    if (!self->have_json)
        return VS_OK;
    vs_json_end_object(&self->json);
    VS_TRY(vs_buffer_check(&self->json.buffer, self->err));
    return vs_request_put_body(call->request, vs_buffer_view(&self->json.buffer), self->err);
}

vs_rc vs_soap_begin_row(struct vs_soap_call *call, const char *media_type, struct vs_error *err)
{
    struct inputs self = {.call = call,
                          .arena = vs_request_arena(call->request),
                          .err = err,
                          .media_type = UNTOLD_TYPE};
    call->row_begun = true;
    if (media_type[0] != '\0') {
        const char *copy = vs_arena_strdup(self.arena, media_type);
        if (copy == NULL)
            return vs_fail_memory(err);
        VS_TRY(put_media_type(&self, copy));
    }
    vs_json_init(&self.json);
    vs_rc rc = begin_row(&self);
    vs_json_done(&self.json);
    return rc;
}
