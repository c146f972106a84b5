#include "tests/support/plain_oracle.h"
#include "formats/xml/parse_priv.h"
#include "formats/xml/plain.h"

static bool same(const void *a, const void *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_ns(const xmlNs *a, const xmlNs *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return same(a->href, b->href) && same(a->prefix, b->prefix);
}

static const char *compare_attributes(const xmlNode *a, const xmlNode *b)
{
    const xmlAttr *x = a->properties, *y = b->properties;
    for (; x != NULL && y != NULL; x = x->next, y = y->next)
        if (!same(x->name, y->name) || !same_ns(x->ns, y->ns) || x->parent != a ||
            strcmp(vs_xml_value(x), vs_xml_value(y)) != 0)
            return "an attribute differs";
    return x == NULL && y == NULL ? NULL : "one has more attributes";
}

static const char *compare_node(const xmlNode *a, const xmlNode *b)
{
    if (a->type != b->type)
        return "a node's type differs";
    if (a->type == XML_TEXT_NODE)
        return same(a->content, b->content) ? NULL : "a text differs";
    if (a->type != XML_ELEMENT_NODE)
        return "a node that the quick reader should not know";
    if (!same(a->name, b->name) || !same_ns(a->ns, b->ns))
        return "an element's name differs";
    if (xmlGetLineNo(a) != xmlGetLineNo(b))
        return "an element's line differs";
    const xmlNs *x = a->nsDef, *y = b->nsDef;
    for (; x != NULL && y != NULL; x = x->next, y = y->next)
        if (!same_ns(x, y))
            return "a declaration of a name space differs";
    return x == NULL && y == NULL ? compare_attributes(a, b) : "one declares more";
}

static const char *compare_children(const xmlNode *a, const xmlNode *b)
{
    const xmlNode *x = a->children, *y = b->children, *before = NULL;
    for (; x != NULL && y != NULL; before = x, x = x->next, y = y->next) {
        const char *difference = compare_node(x, y);
        if (difference == NULL && x->type == XML_ELEMENT_NODE)
            difference = compare_children(x, y);
        if (difference != NULL)
            return difference;
        if (x->parent != a || x->prev != before)
            return "the quick reader's tree is not linked";
    }
    if (a->last != before)
        return "the quick reader's tree has another last child";
    return x == NULL && y == NULL ? NULL : "one has more children";
}

static const char *compare_ids(struct vs_xml *a, struct vs_xml *b)
{
    vs_xml_sort_ids(a);
    if (a->n_ids != b->n_ids)
        return "the number of Ids differs";
    for (size_t i = 0; i < a->n_ids; i++)
        if (strcmp(vs_xml_value(a->ids[i]), vs_xml_value(b->ids[i])) != 0)
            return "an Id differs";
    return NULL;
}

const char *plain_compare(struct vs_bytes text, bool *ret_taken)
{
    VS_XML *quick = vs_heap_new(sizeof *quick);
    VS_XML *whole = vs_heap_new(sizeof *whole);
    struct vs_error err;
    bool taken = vs_xml_read_plain(text, &vs_xml_limits_default, quick);
    if (ret_taken != NULL)
        *ret_taken = taken;
    if (!taken)
        return quick->doc == NULL && quick->n_ids == 0 ? NULL : "something is left behind";
    if (!vs_ok(vs_xml_parse_any(text, &vs_xml_limits_default, whole, &err)))
        return "libxml2 refuses it";
    const char *difference =
        compare_children((const xmlNode *)quick->doc, (const xmlNode *)whole->doc);
    return difference != NULL ? difference : compare_ids(quick, whole);
}
