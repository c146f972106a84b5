/* A row's answer as an envelope: JSON member by member, a problem as a fault, bytes as base64
 * or as a part. Bytes are read from their source as they are sent: nothing of them stands here.
 */
#include "gateway/soap/soap_priv.h"
#include <jansson.h>

enum { MAX_ENVELOPE = 32 << 20 };
#define JSON        "application/json"
#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define ENVELOPE_ID "envelope@vasite"
#define CONTENT_ID  "content@vasite"

static const struct dialect {
    const char *namespace, *media_type, *content_type;
} DIALECTS[] = {
    [VS_SOAP_1_1] = {VS_SOAP_1_1_NAMESPACE, VS_SOAP_1_1_TYPE, "text/xml; charset=utf-8"},
    [VS_SOAP_1_2] = {VS_SOAP_1_2_NAMESPACE, VS_SOAP_1_2_TYPE,
                     "application/soap+xml; charset=utf-8"},
};

static void open_envelope(struct vs_buffer *to, enum vs_soap_version version)
{
    vs_buffer_printf(to, DECLARATION "<soap:Envelope xmlns:soap=\"%s\">",
                     DIALECTS[version].namespace);
}

static void open_body(struct vs_buffer *to, const char *element, const char *suffix)
{
    vs_buffer_printf(to, "<soap:Body><v:%s%s xmlns:v=\"" VS_SOAP_NAMESPACE "\">", element,
                     suffix);
}

static void close_body(struct vs_buffer *to, const char *element, const char *suffix)
{
    vs_buffer_printf(to, "</v:%s%s></soap:Body></soap:Envelope>\n", element, suffix);
}

/* ---- members ---------------------------------------------------------------------------- */

static void members(struct vs_buffer *to, json_t *object, bool problem);

/* null is no element, a list one element for each of its items. */
static void member(struct vs_buffer *to, const char *name, json_t *value)
{
    if (json_is_null(value))
        return;
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            member(to, name, json_array_get(value, i));
        return;
    }
    vs_buffer_printf(to, "<v:%s>", name);
    if (json_is_object(value))
        members(to, value, false);
    else if (json_is_string(value))
        vs_buffer_xml(to, json_string_value(value));
    else if (json_is_integer(value))
        vs_buffer_printf(to, "%lld", (long long)json_integer_value(value));
    else
        vs_buffer_text(to, json_is_true(value) ? "true" : "false");
    vs_buffer_printf(to, "</v:%s>", name);
}

static void members(struct vs_buffer *to, json_t *object, bool problem)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        /* The fault has a code and a status of its own. */
        if (!problem || (strcmp(name, "type") != 0 && strcmp(name, "status") != 0))
            member(to, name, value);
    }
}

static vs_rc respond(struct vs_request *request, const struct vs_buffer *envelope, int status,
                     enum vs_soap_version version, struct vs_answer *answer,
                     struct vs_error *err)
{
    VS_TRY(vs_buffer_copy(envelope, vs_request_arena(request), &answer->body, err));
    answer->status = status;
    answer->media_type = DIALECTS[version].content_type;
    return VS_OK;
}

static vs_rc answer_members(const struct vs_soap_call *call, struct vs_answer *answer,
                            struct vs_error *err)
{
    json_t *root = json_loadb((const char *)answer->body.ptr, answer->body.len, 0, NULL);
    if (root == NULL && answer->body.len > 0)
        return vs_fail(err, VS_E_INTERNAL, NULL, "an answer that is no JSON");
    VS_BUFFER envelope;
    vs_buffer_init(&envelope, MAX_ENVELOPE);
    open_envelope(&envelope, call->version);
    open_body(&envelope, call->operation->name, "Response");
    members(&envelope, root, false);
    close_body(&envelope, call->operation->name, "Response");
    json_decref(root);
    return respond(call->request, &envelope, 200, call->version, answer, err);
}

/* ---- faults ----------------------------------------------------------------------------- */

/* SOAP 1.1, 4.4.1; SOAP 1.2, 5.4.6: whose matter it is (formats/base/error.h). */
static const char *fault_code(enum vs_code code, enum vs_soap_version version)
{
    enum vs_class class = vs_code_info(code)->class;
    bool caller = class == VS_CLASS_CALLER || class == VS_CLASS_REFUSED;
    if (code == VS_E_SOAP_VERSION)
        return "VersionMismatch";
    if (code == VS_E_SOAP_HEADER)
        return "MustUnderstand";
    if (version == VS_SOAP_1_1)
        return caller ? "Client" : "Server";
    return caller ? "Sender" : "Receiver";
}

/* What HTTP refused keeps HTTP's status (a client answers 401 with its credential); of faults
 * proper 1.1 has one (6.2), 1.2 two (part 2, 7.5.2.2). */
static int fault_status(const struct vs_soap_call *call, const char *fault,
                        const struct vs_answer *problem)
{
    if (call == NULL)
        return problem->status;
    return call->version == VS_SOAP_1_2 && strcmp(fault, "Sender") == 0 ? 400 : 500;
}

/* SOAP 1.2, 5.4.7 and 5.4.8: what would have been understood, and what was not. */
static void fault_header(struct vs_buffer *to, const struct vs_soap_call *call,
                         enum vs_code code)
{
    if (code == VS_E_SOAP_VERSION)
        vs_buffer_printf(to,
                         "<soap:Header><soap:Upgrade>"
                         "<soap:SupportedEnvelope qname=\"e12:Envelope\" xmlns:e12=\"%s\"/>"
                         "<soap:SupportedEnvelope qname=\"e11:Envelope\" xmlns:e11=\"%s\"/>"
                         "</soap:Upgrade></soap:Header>",
                         VS_SOAP_1_2_NAMESPACE, VS_SOAP_1_1_NAMESPACE);
    if (code != VS_E_SOAP_HEADER || call == NULL || call->block_name == NULL)
        return;
    vs_buffer_text(to, "<soap:Header><soap:NotUnderstood qname=\"b:");
    vs_buffer_xml(to, call->block_name);
    vs_buffer_text(to, "\" xmlns:b=\"");
    vs_buffer_xml(to, call->block_namespace);
    vs_buffer_text(to, "\"/></soap:Header>");
}

static void fault(struct vs_buffer *to, enum vs_soap_version version, const char *code,
                  const char *language, const char *reason)
{
    bool v1_1 = version == VS_SOAP_1_1;
    vs_buffer_text(to, "<soap:Body><soap:Fault>");
    vs_buffer_printf(to,
                     v1_1 ? "<faultcode>soap:%s</faultcode><faultstring xml:lang=\"%s\">"
                          : "<soap:Code><soap:Value>soap:%s</soap:Value></soap:Code>"
                            "<soap:Reason><soap:Text xml:lang=\"%s\">",
                     code, language);
    vs_buffer_xml(to, reason);
    vs_buffer_text(to,
                   v1_1 ? "</faultstring><detail>" : "</soap:Text></soap:Reason><soap:Detail>");
}

/* A problem is translated whatever it is: what cannot be read of it is left out. */
static vs_rc answer_fault(struct vs_request *request, const struct vs_soap_call *call,
                          enum vs_soap_version version, struct vs_answer *answer,
                          struct vs_error *err)
{
    static const char *const languages[VS_LANGUAGES] = {"az", "en", "ru"};
    enum vs_language language = vs_request_language(request);
    enum vs_code code = vs_request_failure(request);
    const struct vs_code_info *info = vs_code_info(code);
    const char *name = fault_code(code, version);
    json_t *root = json_loadb((const char *)answer->body.ptr, answer->body.len, 0, NULL);
    VS_BUFFER envelope;
    vs_buffer_init(&envelope, MAX_ENVELOPE);
    open_envelope(&envelope, version);
    if (version == VS_SOAP_1_2)
        fault_header(&envelope, call, code);
    fault(&envelope, version, name, languages[language], info->title[language]);
    vs_buffer_printf(&envelope,
                     "<v:Problem xmlns:v=\"" VS_SOAP_NAMESPACE "\"><v:code>%s</v:code>",
                     info->name);
    members(&envelope, root, true);
    json_decref(root);
    vs_buffer_printf(&envelope, "</v:Problem>%s</soap:Fault></soap:Body></soap:Envelope>\n",
                     version == VS_SOAP_1_1 ? "</detail>" : "</soap:Detail>");
    return respond(request, &envelope, fault_status(call, name, answer), version, answer, err);
}

/* ---- content ---------------------------------------------------------------------------- */

/* What stands before the content, the content as it is or in base64, and what stands behind. */
struct content {
    struct vs_source source;
    struct vs_bytes before, after;
    const struct vs_source *inner;
    struct vs_bytes_source bytes; /* inner, where the answer had no source */
    bool base64;
    uint64_t middle; /* bytes of the content as it is sent */
};

/* Any stretch of the base64 of `inner`: whole groups of four around it are made. */
static vs_rc read_base64(const struct vs_source *inner, uint64_t offset, uint8_t *to,
                         size_t len, struct vs_error *err)
{
    enum { GROUPS = 1024 };
    uint8_t bytes[GROUPS * 3];
    VS_BUFFER text;
    vs_buffer_init(&text, GROUPS * 4 + 1);
    while (len > 0) {
        uint64_t from = offset / 4 * 3, left = inner->size - from;
        size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;
        size_t skip = (size_t)(offset % 4);
        VS_TRY(vs_source_read(inner, from, bytes, n, err));
        vs_buffer_clear(&text);
        vs_buffer_base64(&text, VS_BYTES(bytes, n));
        VS_TRY(vs_buffer_check(&text, err));
        size_t take = text.len - skip < len ? text.len - skip : len;
        memcpy(to, text.ptr + skip, take);
        to += take;
        offset += take;
        len -= take;
    }
    return VS_OK;
}

static vs_rc read_middle(const struct content *self, uint64_t offset, uint8_t *to, size_t len,
                         struct vs_error *err)
{
    return self->base64 ? read_base64(self->inner, offset, to, len, err)
                        : vs_source_read(self->inner, offset, to, len, err);
}

static vs_rc read_content(const struct vs_source *source, uint64_t offset, void *to, size_t len,
                          struct vs_error *err)
{
    const struct content *self = source->context;
    uint64_t behind = self->before.len + self->middle;
    uint8_t *at = to;
    while (len > 0) {
        bool before = offset < self->before.len, after = offset >= behind;
        uint64_t end = before ? self->before.len : after ? source->size : behind;
        size_t n = end - offset < len ? (size_t)(end - offset) : len;
        if (before)
            memcpy(at, self->before.ptr + offset, n);
        else if (after)
            memcpy(at, self->after.ptr + (offset - behind), n);
        else
            VS_TRY(read_middle(self, offset - self->before.len, at, n, err));
        at += n;
        offset += n;
        len -= n;
    }
    return VS_OK;
}

static void content_members(struct vs_buffer *to, const struct vs_answer *answer)
{
    if (answer->name != NULL) {
        vs_buffer_text(to, "<v:name>");
        vs_buffer_xml(to, answer->name);
        vs_buffer_text(to, "</v:name>");
    }
    vs_buffer_text(to, "<v:media_type>");
    vs_buffer_xml(to, answer->media_type);
    vs_buffer_text(to, "</v:media_type>");
    if (answer->sha256 != NULL) {
        vs_buffer_text(to, "<v:sha256>");
        vs_buffer_hex(to, VS_BYTES(answer->sha256, 32));
        vs_buffer_text(to, "</v:sha256>");
    }
    vs_buffer_text(to, "<v:content>");
}

/* The request's id is random and younger than the content: it does not occur in it. */
static const char *open_parts(struct vs_buffer *to, const struct vs_soap_call *call)
{
    const char *id = vs_request_id(call->request);
    const char *type = DIALECTS[call->version].media_type;
    vs_buffer_printf(to,
                     "--vasite-%s\r\nContent-Type: " VS_XOP_TYPE
                     "; charset=utf-8; type=\"%s\"\r\n"
                     "Content-Transfer-Encoding: 8bit\r\nContent-ID: <" ENVELOPE_ID ">\r\n\r\n",
                     id, type);
    return vs_arena_printf(vs_request_arena(call->request),
                           "multipart/related; type=\"" VS_XOP_TYPE
                           "\"; boundary=\"vasite-%s\"; start=\"<" ENVELOPE_ID
                           ">\"; start-info=\"%s\"",
                           id, type);
}

static void mtom_before(struct vs_buffer *to, const struct vs_soap_call *call,
                        const char *media_type)
{
    vs_buffer_text(to, "<xop:Include xmlns:xop=\"" VS_XOP_NAMESPACE "\" href=\"cid:" CONTENT_ID
                       "\"/></v:content>");
    close_body(to, call->operation->name, "Response");
    vs_buffer_printf(to,
                     "\r\n--vasite-%s\r\nContent-Type: %s\r\n"
                     "Content-Transfer-Encoding: binary\r\nContent-ID: <" CONTENT_ID
                     ">\r\n\r\n",
                     vs_request_id(call->request), media_type);
}

static vs_rc lay_out(const struct vs_soap_call *call, struct content *self,
                     struct vs_answer *answer, struct vs_error *err)
{
    struct vs_arena *arena = vs_request_arena(call->request);
    const char *content_type = DIALECTS[call->version].content_type;
    VS_BUFFER before, after;
    vs_buffer_init(&before, VS_SOAP_ENVELOPE_MAX);
    vs_buffer_init(&after, VS_SOAP_ENVELOPE_MAX);
    if (call->answer_mtom)
        content_type = open_parts(&before, call);
    open_envelope(&before, call->version);
    open_body(&before, call->operation->name, "Response");
    content_members(&before, answer);
    if (call->answer_mtom) {
        mtom_before(&before, call, answer->media_type);
        vs_buffer_printf(&after, "\r\n--vasite-%s--\r\n", vs_request_id(call->request));
    } else {
        vs_buffer_text(&after, "</v:content>");
        close_body(&after, call->operation->name, "Response");
    }
    if (content_type == NULL)
        return vs_fail_memory(err);
    answer->media_type = content_type;
    VS_TRY(vs_buffer_copy(&before, arena, &self->before, err));
    return vs_buffer_copy(&after, arena, &self->after, err);
}

static vs_rc answer_content(const struct vs_soap_call *call, struct vs_answer *answer,
                            struct vs_error *err)
{
    struct content *self = vs_arena_make(vs_request_arena(call->request), struct content);
    if (self == NULL)
        return vs_fail_memory(err);
    vs_bytes_source_init(&self->bytes, answer->body);
    self->inner = answer->source != NULL ? answer->source : &self->bytes.source;
    self->base64 = !call->answer_mtom;
    uint64_t size = self->inner->size;
    VS_REFUSE_IF(self->base64 && size > VS_SOAP_INLINE_MAX, err, VS_E_USE_MTOM, NULL,
                 "content of %llu bytes, more than %d, in the envelope",
                 (unsigned long long)size, VS_SOAP_INLINE_MAX);
    VS_TRY(lay_out(call, self, answer, err));
    self->middle = self->base64 ? (size + 2) / 3 * 4 : size;
    self->source = (struct vs_source){self->before.len + self->middle + self->after.len, self,
                                      read_content};
    answer->source = &self->source;
    answer->body = VS_BYTES_NONE;
    answer->name = NULL;
    answer->sha256 = NULL;
    return VS_OK;
}

/* ---- the server's hook --------------------------------------------------------------------
 */

vs_rc vs_soap_translate(struct vs_request *request, struct vs_answer *answer,
                        struct vs_error *err)
{
    const struct vs_route *route = vs_request_route(request);
    if (route == NULL || route->handle != vs_soap)
        return VS_OK;
    const struct vs_soap_call *call = vs_request_door(request);
    bool asked_1_2 = strcmp(vs_request_media_type(request), VS_SOAP_1_2_TYPE) == 0;
    enum vs_soap_version version = call != NULL && call->version != VS_SOAP_UNKNOWN
                                       ? call->version
                                   : asked_1_2 ? VS_SOAP_1_2
                                               : VS_SOAP_1_1;
    const char *type = answer->media_type == NULL ? JSON : answer->media_type;
    if (strcmp(type, "application/problem+json") == 0)
        return answer_fault(request, call, version, answer, err);
    return answer->source == NULL && strcmp(type, JSON) == 0
               ? answer_members(call, answer, err)
               : answer_content(call, answer, err);
}
