#include "formats/xml/prescan.h"
#include "formats/xml/xml_priv.h"
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <limits.h>
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

enum { DEEPEST = 250 }; /* libxml2 itself stops at 256 without XML_PARSE_HUGE */

/* -- parsing ---------------------------------------------------------------------------------
 */

struct parse {
    const struct vs_xml_limits *limits;
    struct vs_error *err;
    vs_rc rc; /* of the first refusal; the parser was stopped then */
    unsigned depth, nodes, namespaces;
    unsigned short declared[DEEPEST + 1]; /* name spaces declared at each depth */
    const xmlAttr **ids;
    size_t n_ids, ids_room;
};

static struct parse *state_of(void *context)
{
    return ((xmlParserCtxt *)context)->_private;
}

static void stop(void *context, vs_rc rc)
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
        stop(context, rc);
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
        stop(context, rc);
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
        stop(context, rc);
}

static void on_comment(void *context, const xmlChar *text)
{
    vs_rc rc = check_node(state_of(context));
    if (vs_ok(rc))
        xmlSAX2Comment(context, text);
    else
        stop(context, rc);
}

static void on_instruction(void *context, const xmlChar *target, const xmlChar *data)
{
    vs_rc rc = check_node(state_of(context));
    if (vs_ok(rc))
        xmlSAX2ProcessingInstruction(context, target, data);
    else
        stop(context, rc);
}

/* libxml2 keeps the last error by itself; without this it writes some of them, which quote the
 * document, to stderr. */
static void on_error(void *context, xmlError *error)
{
    (void)context, (void)error;
}

static void install(xmlSAXHandler *sax)
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

/* What libxml2 found wrong, in our codes. */
static vs_rc parser_failure(xmlParserCtxt *context, struct vs_error *err)
{
    const xmlError *e = xmlCtxtGetLastError(context);
    if (e == NULL)
        return vs_fail(err, VS_E_XML, NULL, "not well-formed");
    if (e->code == XML_ERR_NO_MEMORY)
        return vs_fail(err, VS_E_NOMEM, NULL, "the XML parser is out of memory");
    size_t len = e->message == NULL ? 0 : strcspn(e->message, "\n");
    /* libxml2 calls a text of more than 10 MB an internal error. */
    bool limit = e->code == XML_ERR_INTERNAL_ERROR || e->code == XML_ERR_NAME_TOO_LONG;
    return vs_fail(err, limit ? VS_E_XML_LIMIT : VS_E_XML, NULL, "line %d: %.*s", e->line,
                   (int)(len > 120 ? 120 : len), e->message == NULL ? "" : e->message);
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

static vs_rc run(xmlParserCtxt *context, struct vs_bytes text, struct parse *p,
                 struct vs_xml *xml)
{
    install(context->sax);
    context->_private = p;
    xml->doc =
        xmlCtxtReadMemory(context, (const char *)text.ptr, (int)text.len, NULL, NULL,
                          XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR |
                              XML_PARSE_NOWARNING | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES);
    xml->ids = p->ids;
    xml->n_ids = p->n_ids;
    if (!vs_ok(p->rc))
        return p->rc;
    if (xml->doc == NULL || !context->wellFormed || xmlDocGetRootElement(xml->doc) == NULL)
        return parser_failure(context, p->err);
    /* Well-formed, but with a prefix that nothing declares: C14N could not tell what it is. */
    if (!context->nsWellFormed)
        return parser_failure(context, p->err);
    VS_TRY(check_version(xml->doc, p->err));
    if (xml->n_ids > 1)
        qsort(xml->ids, xml->n_ids, sizeof *xml->ids, compare_ids);
    return VS_OK;
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
    VS_TRY(vs_xml_prescan(text, limits->max_attributes, err));
    xmlParserCtxt *context = xmlNewParserCtxt();
    if (context == NULL)
        return vs_fail(err, VS_E_NOMEM, NULL, "the XML parser is out of memory");
    struct parse p = {.limits = limits, .err = err};
    VS_XML *xml = vs_heap_new(sizeof *xml);
    vs_rc rc = run(context, text, &p, xml);
    if (xml->doc == NULL && context->myDoc != NULL)
        xmlFreeDoc(context->myDoc);
    xmlFreeParserCtxt(context);
    if (!vs_ok(rc))
        return rc;
    *ret = xml;
    xml = NULL;
    return VS_OK;
}

void vs_xml_free(struct vs_xml *xml)
{
    if (xml == NULL)
        return;
    if (xml->doc != NULL)
        xmlFreeDoc(xml->doc);
    vs_heap_free(xml->ids);
    vs_heap_free(xml);
}

/* -- Ids -------------------------------------------------------------------------------------
 */

vs_rc vs_xml_by_id(const struct vs_xml *xml, const char *id, const struct vs_xml_node **ret,
                   struct vs_error *err)
{
    size_t low = 0, high = xml->n_ids;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(vs_xml_value(xml->ids[middle]), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret = NULL;
    for (size_t i = low; i < xml->n_ids && strcmp(vs_xml_value(xml->ids[i]), id) == 0; i++) {
        VS_REFUSE_IF(i > low, err, VS_E_XML_ID, NULL, "an Id that a reference names twice");
        *ret = vs_xml_wrap(xml->ids[i]->parent);
    }
    return VS_OK;
}

vs_rc vs_xml_ids_unique(const struct vs_xml *xml, struct vs_error *err)
{
    const char *before = NULL;
    for (size_t i = 0; i < xml->n_ids; i++) {
        const xmlAttr *a = xml->ids[i];
        if (a->ns != NULL || !vs_text_equal((const char *)a->name, "Id"))
            continue;
        VS_REFUSE_IF(before != NULL && strcmp(before, vs_xml_value(a)) == 0, err, VS_E_XML_ID,
                     NULL, "line %ld: an Id that occurred before", xmlGetLineNo(a->parent));
        before = vs_xml_value(a);
    }
    return VS_OK;
}

/* -- walking ---------------------------------------------------------------------------------
 */

static const struct vs_xml_node *element(const xmlNode *n)
{
    while (n != NULL && n->type != XML_ELEMENT_NODE)
        n = n->next;
    return vs_xml_wrap(n);
}

const struct vs_xml_node *vs_xml_root(const struct vs_xml *xml)
{
    return element(xml->doc->children);
}

const char *vs_xml_name(const struct vs_xml_node *node)
{
    return (const char *)vs_xml_raw(node)->name;
}

const char *vs_xml_namespace(const struct vs_xml_node *node)
{
    const xmlNs *ns = vs_xml_raw(node)->ns;
    return ns == NULL || ns->href == NULL ? "" : (const char *)ns->href;
}

bool vs_xml_is(const struct vs_xml_node *node, const char *namespace, const char *name)
{
    return strcmp(vs_xml_name(node), name) == 0 &&
           strcmp(vs_xml_namespace(node), namespace) == 0;
}

const struct vs_xml_node *vs_xml_parent(const struct vs_xml_node *node)
{
    const xmlNode *parent = vs_xml_raw(node)->parent;
    return parent == NULL || parent->type != XML_ELEMENT_NODE ? NULL : vs_xml_wrap(parent);
}

const struct vs_xml_node *vs_xml_first(const struct vs_xml_node *node)
{
    return element(vs_xml_raw(node)->children);
}

const struct vs_xml_node *vs_xml_next(const struct vs_xml_node *node)
{
    return element(vs_xml_raw(node)->next);
}

static const struct vs_xml_node *named(const struct vs_xml_node *from, const char *namespace,
                                       const char *name)
{
    while (from != NULL && !vs_xml_is(from, namespace, name))
        from = vs_xml_next(from);
    return from;
}

const struct vs_xml_node *vs_xml_child(const struct vs_xml_node *node, const char *namespace,
                                       const char *name)
{
    return named(vs_xml_first(node), namespace, name);
}

const struct vs_xml_node *vs_xml_next_named(const struct vs_xml_node *node,
                                            const char *namespace, const char *name)
{
    return named(vs_xml_next(node), namespace, name);
}

vs_rc vs_xml_only_child(const struct vs_xml_node *node, const char *namespace, const char *name,
                        const struct vs_xml_node **ret, struct vs_error *err)
{
    const struct vs_xml_node *child = vs_xml_child(node, namespace, name);
    VS_REFUSE_IF(child == NULL, err, VS_E_XML, NULL, "line %ld: %s without %s",
                 vs_xml_line(node), vs_xml_name(node), name);
    if (child == NULL)
        return vs_fail(err, VS_E_XML, NULL, "no %s", name);
    VS_REFUSE_IF(vs_xml_next_named(child, namespace, name) != NULL, err, VS_E_XML, NULL,
                 "line %ld: %s with more than one %s", vs_xml_line(node), vs_xml_name(node),
                 name);
    *ret = child;
    return VS_OK;
}

/* The next element below `within` that does not lie in `node`. */
static const struct vs_xml_node *behind(const struct vs_xml_node *within,
                                        const struct vs_xml_node *node)
{
    const struct vs_xml_node *next = NULL;
    while (next == NULL && node != within) {
        next = vs_xml_next(node);
        node = vs_xml_wrap(vs_xml_raw(node)->parent);
    }
    return next;
}

const struct vs_xml_node *vs_xml_walk(const struct vs_xml_node *within,
                                      const struct vs_xml_node *node)
{
    const struct vs_xml_node *first = vs_xml_first(node);
    return first != NULL ? first : behind(within, node);
}

bool vs_xml_inside(const struct vs_xml_node *node, const struct vs_xml_node *ancestor)
{
    while (node != NULL && node != ancestor)
        node = vs_xml_parent(node);
    return node != NULL;
}

long vs_xml_line(const struct vs_xml_node *node)
{
    return xmlGetLineNo(vs_xml_raw(node));
}

/* -- values ----------------------------------------------------------------------------------
 */

const char *vs_xml_attribute_ns(const struct vs_xml_node *node, const char *namespace,
                                const char *name)
{
    for (const xmlAttr *a = vs_xml_raw(node)->properties; a != NULL; a = a->next) {
        const char *uri = a->ns == NULL ? "" : (const char *)a->ns->href;
        if (strcmp((const char *)a->name, name) == 0 && strcmp(uri, namespace) == 0)
            return vs_xml_value(a);
    }
    return NULL;
}

const char *vs_xml_attribute(const struct vs_xml_node *node, const char *name)
{
    return vs_xml_attribute_ns(node, "", name);
}

vs_rc vs_xml_text(const struct vs_xml_node *node, struct vs_arena *arena, const char **ret,
                  struct vs_error *err)
{
    const xmlNode *first = vs_xml_raw(node)->children;
    size_t total = 0;
    for (const xmlNode *n = first; n != NULL; n = n->next) {
        /* A comment here would cut the text for some readers and not for others. */
        VS_REFUSE_IF(n->type != XML_TEXT_NODE, err, VS_E_XML, NULL,
                     "line %ld: something else than text in %s", vs_xml_line(node),
                     vs_xml_name(node));
        if (n->type == XML_TEXT_NODE)
            total += strlen((const char *)n->content);
    }
    if (first == NULL || (first->next == NULL && first->type == XML_TEXT_NODE)) {
        *ret = first == NULL ? "" : (const char *)first->content;
        return VS_OK;
    }
    char *joined = vs_arena_alloc(arena, total + 1);
    if (joined == NULL)
        return vs_fail_memory(err);
    char *end = joined;
    for (const xmlNode *n = first; n != NULL; n = n->next) {
        if (n->type != XML_TEXT_NODE)
            continue;
        size_t len = strlen((const char *)n->content);
        memcpy(end, n->content, len);
        end += len;
    }
    *ret = joined;
    return VS_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

vs_rc vs_xml_token(const struct vs_xml_node *node, struct vs_arena *arena, const char **ret,
                   struct vs_error *err)
{
    const char *text;
    VS_TRY(vs_xml_text(node, arena, &text, err));
    while (is_space(*text))
        text++;
    size_t len = strlen(text);
    if (len == 0 || !is_space(text[len - 1])) {
        *ret = text;
        return VS_OK;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    char *trimmed = vs_arena_strndup(arena, text, len);
    if (trimmed == NULL)
        return vs_fail_memory(err);
    *ret = trimmed;
    return VS_OK;
}

vs_rc vs_xml_base64(const struct vs_xml_node *node, struct vs_arena *arena,
                    struct vs_bytes *ret, struct vs_error *err)
{
    const char *text;
    VS_TRY(vs_xml_text(node, arena, &text, err));
    return vs_base64_decode(arena, vs_bytes_text(text), ret, err);
}

vs_rc vs_xml_time(const struct vs_xml_node *node, vs_time_ms *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(4096);
    if (arena == NULL)
        return vs_fail_memory(err);
    const char *text;
    VS_TRY(vs_xml_token(node, arena, &text, err));
    if (!vs_time_decode(vs_bytes_text(text), ret))
        return vs_fail(err, VS_E_XML, "XML Schema 2, 3.2.7",
                       "line %ld: %s is no time with a zone", vs_xml_line(node),
                       vs_xml_name(node));
    return VS_OK;
}

const char *vs_xml_prefix(const struct vs_xml_node *node, const char *prefix)
{
    for (const xmlNode *n = vs_xml_raw(node); n != NULL && n->type == XML_ELEMENT_NODE;
         n = n->parent)
        for (const xmlNs *ns = n->nsDef; ns != NULL; ns = ns->next)
            if (strcmp(ns->prefix == NULL ? "" : (const char *)ns->prefix, prefix) == 0)
                return ns->href == NULL ? "" : (const char *)ns->href;
    return "";
}

/* -- what may hide ---------------------------------------------------------------------------
 */

static bool is_hidden(const xmlNode *n)
{
    return n->type == XML_COMMENT_NODE || n->type == XML_PI_NODE;
}

static bool is_words(const xmlNode *n)
{
    if (n->type != XML_TEXT_NODE)
        return false;
    const char *c = (const char *)n->content;
    while (is_space(*c))
        c++;
    return *c != '\0';
}

vs_rc vs_xml_refuse_comments(const struct vs_xml_node *node, struct vs_error *err)
{
    for (const struct vs_xml_node *e = node; e != NULL; e = vs_xml_walk(node, e))
        for (const xmlNode *n = vs_xml_raw(e)->children; n != NULL; n = n->next)
            VS_REFUSE_IF(is_hidden(n), err, VS_E_XML, NULL,
                         "line %ld: a comment or an instruction in %s", xmlGetLineNo(n),
                         vs_xml_name(e));
    return VS_OK;
}

static vs_rc refuse_split(const struct vs_xml_node *node, struct vs_error *err)
{
    const xmlNode *hidden = NULL;
    bool words = false;
    for (const xmlNode *n = vs_xml_raw(node)->children; n != NULL; n = n->next) {
        hidden = is_hidden(n) ? n : hidden;
        words = words || is_words(n);
    }
    VS_REFUSE_IF(hidden != NULL && words, err, VS_E_XML, NULL,
                 "line %ld: a comment or an instruction within the text of %s",
                 xmlGetLineNo(hidden), vs_xml_name(node));
    return VS_OK;
}

vs_rc vs_xml_refuse_split_text(const struct vs_xml_node *node,
                               const struct vs_xml_node *without, struct vs_error *err)
{
    const struct vs_xml_node *e = node;
    while (e != NULL) {
        if (e == without) {
            e = behind(node, e);
            continue;
        }
        VS_TRY(refuse_split(e, err));
        e = vs_xml_walk(node, e);
    }
    return VS_OK;
}
