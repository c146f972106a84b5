#include "formats/xml/stream.h"
#include "formats/xml/parse_priv.h"
#include "formats/xml/prescan.h"

enum { FEED_AT_ONCE = 1 << 20 };

struct vs_xml_stream {
    struct parse parse; /* the first member: what the handlers of parse.c find */
    struct vs_xml_stream_events events;
    xmlParserCtxt *context;
    xmlSAXHandler plain; /* parse.c's handlers: check and build */
    const xmlNode *apart;
    size_t kept; /* bytes in the tree */
    struct vs_xml_prescan prescan;
    struct vs_buffer head; /* until it is long enough to be looked at */
    bool begun;
};

static struct vs_xml_stream *stream_of(void *context)
{
    return ((xmlParserCtxt *)context)->_private;
}

static bool stopped(const struct vs_xml_stream *self)
{
    return !vs_ok(self->parse.rc);
}

/* Bounds memory: not a check that a test may switch off. */
static vs_rc check_kept(struct vs_xml_stream *self, size_t len)
{
    self->kept += len;
    if (self->kept > self->parse.limits->max_bytes)
        return vs_fail(self->parse.err, VS_E_XML_LIMIT, NULL, "more than %zu bytes of XML",
                       self->parse.limits->max_bytes);
    return VS_OK;
}

/* -- what libxml2 calls -------------------------------------------------------------------- */

static size_t size_of_tag(const xmlChar *name, int n_namespaces, const xmlChar **namespaces,
                          int n_attributes, const xmlChar **attributes)
{
    size_t size = strlen((const char *)name);
    for (int i = 0; i < n_namespaces; i++)
        size += strlen((const char *)namespaces[2 * i + 1]);
    for (int i = 0; i < n_attributes; i++) /* name, prefix, URI, value, end of value */
        size += strlen((const char *)attributes[5 * i]) +
                (size_t)(attributes[5 * i + 4] - attributes[5 * i + 3]);
    return size;
}

static void on_element(void *context, const xmlChar *name, const xmlChar *prefix,
                       const xmlChar *uri, int n_namespaces, const xmlChar **namespaces,
                       int n_attributes, int n_defaulted, const xmlChar **attributes)
{
    struct vs_xml_stream *self = stream_of(context);
    vs_rc rc =
        check_kept(self, size_of_tag(name, n_namespaces, namespaces, n_attributes, attributes));
    if (!vs_ok(rc)) {
        vs_xml_parse_stop(context, rc);
        return;
    }
    self->plain.startElementNs(context, name, prefix, uri, n_namespaces, namespaces,
                               n_attributes, n_defaulted, attributes);
    const xmlNode *node = self->context->node;
    if (stopped(self) || node == NULL)
        return;
    bool apart = false;
    rc = self->events.element(self->events.context, vs_xml_wrap(node), &apart, self->parse.err);
    if (!vs_ok(rc))
        vs_xml_parse_stop(context, rc);
    else if (apart)
        self->apart = node;
}

static void on_text(void *context, const xmlChar *text, int len)
{
    struct vs_xml_stream *self = stream_of(context);
    bool apart = self->apart != NULL && self->context->node == self->apart;
    vs_rc rc = apart ? self->events.text(self->events.context, VS_BYTES(text, (size_t)len),
                                         self->parse.err)
                     : check_kept(self, (size_t)len);
    if (!vs_ok(rc))
        vs_xml_parse_stop(context, rc);
    else if (!apart)
        self->plain.characters(context, text, len);
}

/* libxml2's push parser leaves the line ends of a CDATA section as they are (XML 1.0, 2.11
 * wants LF): such a text would not be the one that the parser of whole documents gives. */
static vs_rc check_cdata(struct vs_xml_stream *self, struct vs_bytes text)
{
    bool apart = self->apart != NULL && self->context->node == self->apart;
    if (!apart && text.len > 0 && memchr(text.ptr, '\r', text.len) != NULL)
        return vs_fail(self->parse.err, VS_E_XML, "XML 1.0, 2.11",
                       "a carriage return in a CDATA section");
    return VS_OK;
}

static void on_cdata(void *context, const xmlChar *text, int len)
{
    vs_rc rc = check_cdata(stream_of(context), VS_BYTES(text, (size_t)len));
    if (vs_ok(rc))
        on_text(context, text, len);
    else
        vs_xml_parse_stop(context, rc);
}

static vs_rc check_hidden(struct vs_xml_stream *self, size_t len)
{
    VS_REFUSE_IF(self->apart != NULL && self->context->node == self->apart, self->parse.err,
                 VS_E_XML, NULL, "a comment or an instruction within the text of %s",
                 (const char *)self->apart->name);
    return check_kept(self, len);
}

static void on_comment(void *context, const xmlChar *text)
{
    struct vs_xml_stream *self = stream_of(context);
    vs_rc rc = check_hidden(self, strlen((const char *)text));
    if (vs_ok(rc))
        self->plain.comment(context, text);
    else
        vs_xml_parse_stop(context, rc);
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    struct vs_xml_stream *self = stream_of(context);
    vs_rc rc = check_hidden(self, strlen((const char *)target) +
                                      (data == NULL ? 0 : strlen((const char *)data)));
    if (vs_ok(rc))
        self->plain.processingInstruction(context, target, data);
    else
        vs_xml_parse_stop(context, rc);
}

/* -- bytes --------------------------------------------------------------------------------- */

vs_rc vs_xml_stream_new(const struct vs_xml_limits *limits,
                        const struct vs_xml_stream_events *events, struct vs_xml_stream **ret,
                        struct vs_error *err)
{
    xmlParserCtxt *context = xmlCreatePushParserCtxt(NULL, NULL, NULL, 0, NULL);
    if (context == NULL)
        return vs_fail(err, VS_E_NOMEM, NULL, "the XML parser is out of memory");
    struct vs_xml_stream *self = vs_heap_new(sizeof *self);
    self->parse.limits = limits;
    self->events = *events;
    self->context = context;
    vs_buffer_init(&self->head, FEED_AT_ONCE);
    xmlCtxtUseOptions(context, PARSE_OPTIONS);
    vs_xml_parse_install(context->sax);
    self->plain = *context->sax;
    context->sax->startElementNs = on_element;
    context->sax->characters = on_text;
    context->sax->ignorableWhitespace = on_text;
    context->sax->cdataBlock = on_cdata;
    context->sax->comment = on_comment;
    context->sax->processingInstruction = on_instruction;
    context->_private = self;
    *ret = self;
    return VS_OK;
}

void vs_xml_stream_free(struct vs_xml_stream *self)
{
    if (self == NULL)
        return;
    if (self->context != NULL) {
        if (self->context->myDoc != NULL)
            xmlFreeDoc(self->context->myDoc);
        xmlFreeParserCtxt(self->context);
    }
    vs_heap_free(self->parse.ids);
    vs_buffer_done(&self->head);
    vs_heap_free(self);
}

static vs_rc push(struct vs_xml_stream *self, struct vs_bytes bytes, struct vs_error *err)
{
    self->parse.err = err;
    VS_TRY(
        vs_xml_prescan_piece(&self->prescan, bytes, self->parse.limits->max_attributes, err));
    for (size_t at = 0; at < bytes.len; at += FEED_AT_ONCE) {
        size_t len = bytes.len - at < FEED_AT_ONCE ? bytes.len - at : FEED_AT_ONCE;
        (void)xmlParseChunk(self->context, (const char *)bytes.ptr + at, (int)len, 0);
        if (stopped(self))
            return self->parse.rc;
        if (!self->context->wellFormed)
            return vs_xml_parse_failure(self->context, err);
        const xmlParserInput *input = self->context->input;
        size_t held = input == NULL ? 0 : (size_t)(input->end - input->cur);
        if (held > self->parse.limits->max_bytes) /* bounds memory */
            return vs_fail(err, VS_E_XML_LIMIT, NULL, "a tag of more than %zu bytes",
                           self->parse.limits->max_bytes);
    }
    return VS_OK;
}

/* What came first is looked at before libxml2 sees it. */
static vs_rc begin(struct vs_xml_stream *self, struct vs_error *err)
{
    self->begun = true;
    VS_TRY(vs_xml_prescan_head(vs_buffer_view(&self->head), err));
    return push(self, vs_buffer_view(&self->head), err);
}

vs_rc vs_xml_stream_feed(struct vs_xml_stream *self, struct vs_bytes bytes,
                         struct vs_error *err)
{
    if (self->begun)
        return push(self, bytes, err);
    size_t wanted = VS_XML_DECLARATION_MAX + 8 - self->head.len;
    size_t len = bytes.len < wanted ? bytes.len : wanted;
    vs_buffer_add(&self->head, VS_BYTES(bytes.ptr, len));
    if (len < wanted)
        return VS_OK;
    VS_TRY(begin(self, err));
    return push(self, VS_BYTES(bytes.ptr + len, bytes.len - len), err);
}

vs_rc vs_xml_stream_end(struct vs_xml_stream *self, struct vs_xml **ret, struct vs_error *err)
{
    if (!self->begun && self->head.len == 0)
        return vs_fail(err, VS_E_XML, NULL, "empty");
    if (!self->begun)
        VS_TRY(begin(self, err));
    VS_TRY(vs_xml_prescan_end(&self->prescan, err));
    self->parse.err = err;
    (void)xmlParseChunk(self->context, NULL, 0, 1);
    VS_XML *xml = vs_heap_new(sizeof *xml);
    xml->doc = self->context->myDoc;
    self->context->myDoc = NULL;
    vs_rc rc = vs_xml_parse_finish(self->context, &self->parse, xml);
    self->parse.ids = NULL; /* the document's now */
    VS_TRY(rc);
    *ret = xml;
    xml = NULL;
    return VS_OK;
}
