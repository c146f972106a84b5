/* The envelope, element by element as it arrives. What decides whether the call may go on is
 * looked at before the first byte of a document is handed on. */
#include "gateway/soap/soap_priv.h"
#include <ctype.h>
#include <stdio.h>

const struct vs_xml_limits vs_soap_limits = {
    .max_bytes = VS_SOAP_ENVELOPE_MAX,
    .max_depth = 32,
    .max_nodes = 16384,
    .max_attributes = 64,
    .max_namespaces = 64,
};

static const char *namespace_of(enum vs_soap_version version)
{
    return version == VS_SOAP_1_2 ? VS_SOAP_1_2_NAMESPACE : VS_SOAP_1_1_NAMESPACE;
}

static vs_rc on_envelope(struct vs_soap_call *self, const struct vs_xml_node *element,
                         struct vs_error *err)
{
    enum vs_soap_version is =
        vs_xml_is(element, VS_SOAP_1_1_NAMESPACE, "Envelope")   ? VS_SOAP_1_1
        : vs_xml_is(element, VS_SOAP_1_2_NAMESPACE, "Envelope") ? VS_SOAP_1_2
                                                                : VS_SOAP_UNKNOWN;
    VS_REFUSE_IF(is == VS_SOAP_UNKNOWN && strcmp(vs_xml_name(element), "Envelope") == 0, err,
                 VS_E_SOAP_VERSION, NULL, "an Envelope of another name space");
    VS_REFUSE_IF(is == VS_SOAP_UNKNOWN, err, VS_E_SOAP, NULL, "the root is no Envelope");
    /* The binding is that of the media type: an envelope of the other one is not its. */
    VS_REFUSE_IF(self->version != VS_SOAP_UNKNOWN && self->version != is, err,
                 VS_E_SOAP_VERSION, NULL,
                 "the Content-Type is that of one version, the Envelope that of the other");
    self->version = is;
    self->envelope = element;
    return VS_OK;
}

static vs_rc on_envelope_child(struct vs_soap_call *self, const struct vs_xml_node *element,
                               struct vs_error *err)
{
    const char *soap = namespace_of(self->version);
    bool first = vs_xml_first(self->envelope) == element;
    if (vs_xml_is(element, soap, "Body") && self->body == NULL) {
        self->body = element;
        return VS_OK;
    }
    VS_REFUSE_IF(!vs_xml_is(element, soap, "Header") || !first, err, VS_E_SOAP, NULL,
                 "an Envelope has one Header, which may be absent, and then one Body");
    return VS_OK;
}

/* SOAP 1.1, 4.2.2; SOAP 1.2, 5.2.2: a block of nobody in particular is the last node's: ours.
 */
static bool is_ours(const struct vs_soap_call *self, const struct vs_xml_node *block)
{
    bool v1_1 = self->version == VS_SOAP_1_1;
    const char *role =
        vs_xml_attribute_ns(block, namespace_of(self->version), v1_1 ? "actor" : "role");
    static const char *const ours[] = {
        "",
        "http://schemas.xmlsoap.org/soap/actor/next",
        VS_SOAP_1_2_NAMESPACE "/role/next",
        VS_SOAP_1_2_NAMESPACE "/role/ultimateReceiver",
    };
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (role == NULL || strcmp(role, ours[i]) == 0)
            return true;
    return false;
}

static vs_rc on_header_block(struct vs_soap_call *self, const struct vs_xml_node *block,
                             struct vs_error *err)
{
    const char *must =
        vs_xml_attribute_ns(block, namespace_of(self->version), "mustUnderstand");
    bool mandatory = must != NULL && (strcmp(must, "1") == 0 || strcmp(must, "true") == 0);
    if (!mandatory || !is_ours(self, block))
        return VS_OK;
    self->block_namespace = vs_xml_namespace(block);
    self->block_name = vs_xml_name(block);
    VS_REFUSE_IF(true, err, VS_E_SOAP_HEADER, NULL, "{%.100s}%.60s", self->block_namespace,
                 self->block_name);
    return VS_OK;
}

/* SOAPAction of 1.1, quoted or not; the action parameter of 1.2. */
static const char *action_of(struct vs_soap_call *self)
{
    char text[256] = "";
    const char *header = vs_request_header(self->request, "SOAPAction");
    if (self->version == VS_SOAP_1_1 && header != NULL) {
        size_t len = strlen(header);
        bool quoted = len >= 2 && header[0] == '"' && header[len - 1] == '"';
        return vs_arena_strndup(vs_request_arena(self->request), header + quoted,
                                len - 2 * quoted);
    }
    const char *type = vs_request_header(self->request, "Content-Type");
    if (self->version == VS_SOAP_1_2 && type != NULL)
        (void)vs_header_parameter(type, "action", text, sizeof text);
    return vs_arena_strdup(vs_request_arena(self->request), text);
}

/* A proxy that decides by the action must not be told of one and send another. */
static vs_rc check_action(struct vs_soap_call *self, struct vs_error *err)
{
    const char *action = action_of(self);
    if (action == NULL)
        return vs_fail_memory(err);
    char wanted[128];
    snprintf(wanted, sizeof wanted, VS_SOAP_NAMESPACE "/%s", self->operation->name);
    VS_REFUSE_IF(action[0] != '\0' && strcmp(action, wanted) != 0, err, VS_E_SOAP_ACTION, NULL,
                 "the body asks for %s, whose action is %s", self->operation->name, wanted);
    return VS_OK;
}

static vs_rc on_operation(struct vs_soap_call *self, const struct vs_xml_node *element,
                          struct vs_error *err)
{
    VS_REFUSE_IF(self->element != NULL, err, VS_E_SOAP, NULL, "Body has more than one element");
    const struct vs_soap_operation *operation =
        strcmp(vs_xml_namespace(element), VS_SOAP_NAMESPACE) == 0
            ? vs_soap_operation_by_name(vs_xml_name(element))
            : NULL;
    if (operation == NULL)
        return vs_fail(err, VS_E_SOAP, NULL, "Body's element {%.80s}%.60s is no operation",
                       vs_xml_namespace(element), vs_xml_name(element));
    self->element = element;
    self->operation = operation;
    self->row = vs_soap_row(operation);
    VS_TRY(check_action(self, err));
    return vs_request_may(self->request, self->row, err);
}

static vs_rc on_field(struct vs_soap_call *self, const struct vs_xml_node *element,
                      bool *ret_apart, struct vs_error *err)
{
    const char *name = vs_xml_name(element);
    const struct vs_soap_field *field =
        strcmp(vs_xml_namespace(element), VS_SOAP_NAMESPACE) == 0
            ? vs_soap_field_of(self->operation, name)
            : NULL;
    VS_REFUSE_IF(field == NULL, err, VS_E_PARAMETER, NULL,
                 "{%.80s}%.60s: %s has no such element", vs_xml_namespace(element), name,
                 self->operation->name);
    VS_REFUSE_IF(self->content != NULL, err, VS_E_PARAMETER, NULL,
                 "%.60s: content is the last element, and one", name);
    bool again = vs_xml_child(self->element, VS_SOAP_NAMESPACE, name) != element;
    VS_REFUSE_IF(again && field != NULL && field->place != VS_SOAP_QUERY_LIST, err,
                 VS_E_PARAMETER, NULL, "%.60s: given twice", name);
    if (field != NULL && field->place == VS_SOAP_CONTENT) {
        self->content = element;
        *ret_apart = true;
    }
    return VS_OK;
}

/* XOP, 3.1: the one child of an element in whose place its part stands. */
static vs_rc on_include(struct vs_soap_call *self, const struct vs_xml_node *element,
                        struct vs_error *err)
{
    const char *href = vs_xml_attribute(element, "href");
    VS_REFUSE_IF(!vs_xml_is(element, VS_XOP_NAMESPACE, "Include") || self->include != NULL ||
                     self->have_text,
                 err, VS_E_SOAP, "XOP, 3.1", "content holds base64, or one xop:Include");
    VS_REFUSE_IF(self->multipart == NULL, err, VS_E_SOAP, "XOP, 4.1",
                 "xop:Include stands in multipart/related only");
    if (href == NULL || strncmp(href, "cid:", 4) != 0)
        return vs_fail(err, VS_E_SOAP, "XOP, 4.1", "xop:Include names its part by cid:");
    struct vs_bytes id = VS_BYTES_NONE;
    VS_TRY(
        vs_percent_decode(vs_request_arena(self->request), vs_bytes_text(href + 4), &id, err));
    self->include =
        vs_arena_strndup(vs_request_arena(self->request), (const char *)id.ptr, id.len);
    return self->include == NULL ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_soap_on_element(void *call, const struct vs_xml_node *element, bool *ret_apart,
                         struct vs_error *err)
{
    struct vs_soap_call *self = call;
    const struct vs_xml_node *parent = vs_xml_parent(element);
    if (parent == NULL)
        return on_envelope(self, element, err);
    if (parent == self->envelope)
        return on_envelope_child(self, element, err);
    if (self->body == NULL) /* within Header */
        return vs_xml_parent(parent) == self->envelope ? on_header_block(self, element, err)
                                                       : VS_OK;
    if (parent == self->body)
        return on_operation(self, element, err);
    if (parent == self->element)
        return on_field(self, element, ret_apart, err);
    if (parent == self->content)
        return on_include(self, element, err);
    return vs_fail(err, VS_E_PARAMETER, NULL, "%.60s: a text is wanted", vs_xml_name(parent));
}

/* ---- base64 ----------------------------------------------------------------------------- */

static bool is_space(struct vs_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!isspace(text.ptr[i]))
            return false;
    return true;
}

static vs_rc too_large(struct vs_error *err)
{
    return vs_fail(err, VS_E_USE_MTOM, NULL, "content of more than %d bytes in the envelope",
                   VS_SOAP_INLINE_MAX);
}

vs_rc vs_soap_on_text(void *call, struct vs_bytes piece, struct vs_error *err)
{
    struct vs_soap_call *self = call;
    if (!self->have_text && is_space(piece))
        return VS_OK;
    VS_REFUSE_IF(self->include != NULL, err, VS_E_SOAP, "XOP, 3.1",
                 "content holds base64, or one xop:Include");
    self->have_text = true;
    if (!self->row_begun)
        VS_TRY(vs_soap_begin_row(self, "", err));
    self->inline_text += piece.len;
    if (self->inline_text > VS_SOAP_INLINE_TEXT_MAX) /* bounds time */
        return too_large(err);
    enum { AT_ONCE = 8 << 10 };
    uint8_t bytes[VS_BASE64_ROOM(AT_ONCE)];
    for (size_t at = 0; at < piece.len; at += AT_ONCE) {
        size_t len = piece.len - at < AT_ONCE ? piece.len - at : AT_ONCE, n = 0;
        VS_TRY(vs_base64_feed(&self->base64, VS_BYTES(piece.ptr + at, len), bytes, &n, err));
        self->inline_bytes += n;
        if (self->inline_bytes > VS_SOAP_INLINE_MAX)
            return too_large(err);
        if (n > 0)
            VS_TRY(vs_request_put_body(self->request, VS_BYTES(bytes, n), err));
    }
    return VS_OK;
}

vs_rc vs_soap_envelope_end(struct vs_soap_call *self, struct vs_error *err)
{
    VS_TRY(vs_xml_stream_end(self->stream, &self->xml, err));
    if (self->element == NULL)
        return vs_fail(err, VS_E_SOAP, NULL, "no Body with an operation in it");
    if (self->have_text)
        VS_TRY(vs_base64_end(&self->base64, err));
    return VS_OK;
}
