#include "formats/xml/xml_priv.h"

/* -- Ids ----------------------------------------------------------------------------------- */

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

/* -- walking ------------------------------------------------------------------------------- */

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

/* -- values -------------------------------------------------------------------------------- */

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

/* -- what may hide ------------------------------------------------------------------------- */

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
