#include "formats/xml/parse_priv.h"
#include "formats/xml/plain.h"
#include "formats/xml/prescan.h"
#include <libxml/SAX2.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

const struct vs_xml_limits vs_xml_limits_default = {
    .max_bytes = (size_t)16 << 20,
    .max_depth = 128,
    .max_nodes = 200000,
    .max_attributes = 128,
    .max_namespaces = 128,
};
const struct vs_xml_limits vs_xml_limits_large = {
    .max_bytes = (size_t)64 << 20,
    .max_depth = 128,
    .max_nodes = 2000000,
    .max_attributes = 128,
    .max_namespaces = 128,
};

static struct parse *state_of(void *context)
{
    return ((xmlParserCtxt *)context)->_private;
}

void vs_xml_parse_stop(void *context, vs_rc rc)
{
    state_of(context)->rc = rc;
    xmlStopParser(context);
}

static vs_rc check_dtd(struct vs_error *err)
{
    VS_REFUSE_IF(true, err, VS_E_XML_DTD, NULL, "a document type declaration");
    return VS_OK;
}

static void on_dtd(void *context, const xmlChar *name, const xmlChar *external,
                   const xmlChar *system)
{
    vs_rc rc = check_dtd(state_of(context)->err);
    if (!vs_ok(rc))
        vs_xml_parse_stop(context, rc);
    else
        xmlSAX2InternalSubset(context, name, external, system);
}

static vs_rc check_node(struct parse *p)
{
    VS_REFUSE_IF(++p->nodes > p->limits->max_nodes, p->err, VS_E_XML_LIMIT, NULL,
                 "more than %u nodes", p->limits->max_nodes);
    return VS_OK;
}

static vs_rc check_element(struct parse *p, unsigned n_declared, unsigned n_attributes)
{
    VS_TRY(check_node(p));
    unsigned deepest = p->limits->max_depth < DEEPEST ? p->limits->max_depth : DEEPEST;
    VS_REFUSE_IF(++p->depth > deepest, p->err, VS_E_XML_LIMIT, NULL, "deeper than %u elements",
                 deepest);
    VS_REFUSE_IF(n_declared + n_attributes > p->limits->max_attributes, p->err, VS_E_XML_LIMIT,
                 NULL, "an element with more than %u attributes", p->limits->max_attributes);
    p->namespaces += n_declared;
    VS_REFUSE_IF(p->namespaces > p->limits->max_namespaces, p->err, VS_E_XML_LIMIT, NULL,
                 "more than %u name spaces in scope", p->limits->max_namespaces);
    p->declared[p->depth <= DEEPEST ? p->depth : DEEPEST] = (unsigned short)n_declared;
    return VS_OK;
}

/* Spellings of Id that signatures use. One in another name space is none (but for xml:id). */
static bool is_id(const xmlAttr *attribute)
{
    const char *name = (const char *)attribute->name;
    if (attribute->ns != NULL)
        return strcmp(name, "id") == 0 &&
               strcmp((const char *)attribute->ns->href, (const char *)XML_XML_NAMESPACE) == 0;
    return strcmp(name, "Id") == 0 || strcmp(name, "ID") == 0 || strcmp(name, "id") == 0;
}

static void note_id(struct parse *p, const xmlAttr *attribute)
{
    if (p->n_ids == p->ids_room) {
        p->ids_room = p->ids_room == 0 ? 16 : p->ids_room * 2;
        p->ids = vs_heap_grow(p->ids, p->ids_room * sizeof(const xmlAttr *));
    }
    p->ids[p->n_ids++] = attribute;
}

/* Without entities libxml2 gives every attribute value as one text; readers rely on it. */
static vs_rc check_attributes(struct parse *p, const xmlNode *node)
{
    for (const xmlAttr *a = node->properties; a != NULL; a = a->next) {
        const xmlNode *text = a->children;
        if (text != NULL && (text->type != XML_TEXT_NODE || text->next != NULL))
            return vs_fail(p->err, VS_E_XML, NULL, "line %ld: an entity in an attribute",
                           xmlGetLineNo(node));
        if (is_id(a))
            note_id(p, a);
    }
    return VS_OK;
}

static void on_element(void *context, const xmlChar *name, const xmlChar *prefix,
                       const xmlChar *uri, int n_namespaces, const xmlChar **namespaces,
                       int n_attributes, int n_defaulted, const xmlChar **attributes)
{
    struct parse *p = state_of(context);
    vs_rc rc = check_element(p, (unsigned)n_namespaces, (unsigned)n_attributes);
    if (vs_ok(rc)) {
        xmlSAX2StartElementNs(context, name, prefix, uri, n_namespaces, namespaces,
                              n_attributes, n_defaulted, attributes);
        const xmlNode *node = ((xmlParserCtxt *)context)->node;
        if (n_attributes > 0 && node != NULL)
            rc = check_attributes(p, node);
    }
    if (!vs_ok(rc))
        vs_xml_parse_stop(context, rc);
}

static void on_element_end(void *context, const xmlChar *name, const xmlChar *prefix,
                           const xmlChar *uri)
{
    struct parse *p = state_of(context);
    if (p->depth > 0) {
        p->namespaces -= p->declared[p->depth <= DEEPEST ? p->depth : DEEPEST];
        p->depth--;
    }
    xmlSAX2EndElementNs(context, name, prefix, uri);
}

static void on_text(void *context, const xmlChar *text, int len)
{
    vs_rc rc = check_node(state_of(context));
    if (vs_ok(rc))
        xmlSAX2Characters(context, text, len);
    else
        vs_xml_parse_stop(context, rc);
}

static void on_comment(void *context, const xmlChar *text)
{
    vs_rc rc = check_node(state_of(context));
    if (vs_ok(rc))
        xmlSAX2Comment(context, text);
    else
        vs_xml_parse_stop(context, rc);
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    vs_rc rc = check_node(state_of(context));
    if (vs_ok(rc))
        xmlSAX2ProcessingInstruction(context, target, data);
    else
        vs_xml_parse_stop(context, rc);
}

/* libxml2 keeps the last error by itself; without this it writes some of them, which quote the
 * document, to stderr. */
static void on_error(void *context, xmlError *error)
{
    (void)context, (void)error;
}

void vs_xml_parse_install(xmlSAXHandler *sax)
{
    sax->serror = on_error;
    sax->internalSubset = on_dtd;
    sax->startElementNs = on_element;
    sax->endElementNs = on_element_end;
    sax->characters = on_text;
    sax->ignorableWhitespace = on_text;
    sax->comment = on_comment;
    sax->processingInstruction = on_instruction;
}

/* libxml2's own messages quote the document, which our errors never do. */
static const char *describe(int code)
{
    switch (code) {
    case XML_ERR_DOCUMENT_EMPTY:
        return "no element";
    case XML_ERR_DOCUMENT_END:
        return "something after the root element";
    case XML_ERR_INVALID_CHAR:
        return "a character that XML has not";
    case XML_ERR_INVALID_CHARREF:
        return "a character reference to none";
    case XML_ERR_INVALID_ENCODING:
        return "bytes that are not of the encoding";
    case XML_ERR_UNDECLARED_ENTITY:
    case XML_WAR_UNDECLARED_ENTITY:
        return "an entity that is not predefined";
    case XML_ERR_ATTRIBUTE_REDEFINED:
    case XML_NS_ERR_ATTRIBUTE_REDEFINED:
        return "an attribute twice";
    case XML_ERR_TAG_NAME_MISMATCH:
        return "an end tag of another element";
    case XML_ERR_TAG_NOT_FINISHED:
        return "an element without end";
    case XML_ERR_GT_REQUIRED:
        return "a tag without end";
    case XML_ERR_LT_IN_ATTRIBUTE:
        return "a < in an attribute";
    case XML_ERR_COMMENT_NOT_FINISHED:
        return "a comment without end";
    case XML_NS_ERR_UNDEFINED_NAMESPACE:
        return "a prefix that nothing declares";
    default:
        return "not well-formed";
    }
}

/* What libxml2 found wrong, in our codes. */
vs_rc vs_xml_parse_failure(xmlParserCtxt *context, struct vs_error *err)
{
    const xmlError *e = xmlCtxtGetLastError(context);
    if (e == NULL)
        return vs_fail(err, VS_E_XML, NULL, "not well-formed");
    if (e->code == XML_ERR_NO_MEMORY)
        return vs_fail(err, VS_E_NOMEM, NULL, "the XML parser is out of memory");
    /* libxml2 calls a text of more than 10 MB an internal error. */
    bool limit = e->code == XML_ERR_INTERNAL_ERROR || e->code == XML_ERR_NAME_TOO_LONG;
    return vs_fail(err, limit ? VS_E_XML_LIMIT : VS_E_XML, NULL, "line %d: %s", e->line,
                   limit ? "a text or name longer than any real one" : describe(e->code));
}

static vs_rc check_version(const xmlDoc *doc, struct vs_error *err)
{
    VS_REFUSE_IF(doc->version != NULL && strcmp((const char *)doc->version, "1.0") != 0, err,
                 VS_E_XML, "XML 1.0, 2.8", "not XML 1.0");
    return VS_OK;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(vs_xml_value(*(const xmlAttr *const *)a),
                  vs_xml_value(*(const xmlAttr *const *)b));
}

void vs_xml_sort_ids(struct vs_xml *xml)
{
    if (xml->n_ids > 1)
        qsort(xml->ids, xml->n_ids, sizeof *xml->ids, compare_ids);
}

vs_rc vs_xml_parse_finish(xmlParserCtxt *context, struct parse *p, struct vs_xml *xml)
{
    xml->ids = p->ids;
    xml->n_ids = p->n_ids;
    if (!vs_ok(p->rc))
        return p->rc;
    if (xml->doc == NULL || !context->wellFormed || xmlDocGetRootElement(xml->doc) == NULL)
        return vs_xml_parse_failure(context, p->err);
    /* Well-formed, but with a prefix that nothing declares: C14N could not tell what it is. */
    if (!context->nsWellFormed)
        return vs_xml_parse_failure(context, p->err);
    VS_TRY(check_version(xml->doc, p->err));
    vs_xml_sort_ids(xml);
    return VS_OK;
}

static vs_rc run(xmlParserCtxt *context, struct vs_bytes text, struct parse *p,
                 struct vs_xml *xml)
{
    vs_xml_parse_install(context->sax);
    context->_private = p;
    xml->doc = xmlCtxtReadMemory(context, (const char *)text.ptr, (int)text.len, NULL, NULL,
                                 PARSE_OPTIONS);
    return vs_xml_parse_finish(context, p, xml);
}

/* Each thread keeps a parser with its dictionary of names: signatures use the same few, and a
 * new one costs a dozen allocations. One that met an error, or too many strange names, is not
 * kept. The pointer in thread storage is the fast way; the key exists for its destructor. */
enum { NAMES_KEPT = 32 * 1024 };
static _Thread_local xmlParserCtxt *thread_context;
static pthread_key_t context_key;
static pthread_once_t context_once = PTHREAD_ONCE_INIT;

static void free_thread_context(void *context)
{
    xmlFreeParserCtxt(context);
}
static void make_context_key(void)
{
    VS_ASSERT(pthread_key_create(&context_key, free_thread_context) == 0);
}

static xmlParserCtxt *take_context(void)
{
    xmlParserCtxt *context = thread_context;
    if (context == NULL)
        return xmlNewParserCtxt();
    thread_context = NULL;
    VS_ASSERT(pthread_setspecific(context_key, NULL) == 0);
    return context;
}

static void give_context(xmlParserCtxt *context, bool good)
{
    if (!good || thread_context != NULL || xmlDictGetUsage(context->dict) > NAMES_KEPT) {
        xmlFreeParserCtxt(context);
        return;
    }
    pthread_once(&context_once, make_context_key);
    xmlCtxtReset(context);
    context->_private = NULL;
    thread_context = context;
    VS_ASSERT(pthread_setspecific(context_key, context) == 0);
}

vs_rc vs_xml_parse_any(struct vs_bytes text, const struct vs_xml_limits *limits,
                       struct vs_xml *xml, struct vs_error *err)
{
    VS_TRY(vs_xml_prescan(text, limits->max_attributes, err));
    xmlParserCtxt *context = take_context();
    if (context == NULL)
        return vs_fail(err, VS_E_NOMEM, NULL, "the XML parser is out of memory");
    struct parse p = {.limits = limits, .err = err};
    vs_rc rc = run(context, text, &p, xml);
    if (xml->doc == NULL && context->myDoc != NULL) {
        xmlFreeDoc(context->myDoc);
        context->myDoc = NULL;
    }
    give_context(context, vs_ok(rc));
    return rc;
}

vs_rc vs_xml_parse(struct vs_bytes text, const struct vs_xml_limits *limits,
                   struct vs_xml **ret, struct vs_error *err)
{
    if (limits == NULL)
        limits = &vs_xml_limits_default;
    VS_REFUSE_IF(text.len > limits->max_bytes || text.len > INT_MAX, err, VS_E_XML_LIMIT, NULL,
                 "XML of %zu bytes", text.len);
    if (text.len == 0)
        return vs_fail(err, VS_E_XML, NULL, "empty");
    VS_XML *xml = vs_heap_new(sizeof *xml);
    if (vs_xml_read_plain(text, limits, xml))
        vs_xml_sort_ids(xml);
    else
        VS_TRY(vs_xml_parse_any(text, limits, xml, err));
    *ret = xml;
    xml = NULL;
    return VS_OK;
}

void vs_xml_free(struct vs_xml *xml)
{
    if (xml == NULL)
        return;
    if (xml->doc != NULL && xml->arena == NULL)
        xmlFreeDoc(xml->doc);
    vs_arena_free(xml->arena);
    vs_heap_free(xml->ids);
    vs_heap_free(xml);
}
