#include "tests/support/c14n_oracle.h"
#include <libxml/c14n.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>

static xmlNode *nth(xmlNode *node, int *n)
{
    for (; node != NULL; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        if ((*n)-- == 0)
            return node;
        xmlNode *found = nth(node->children, n);
        if (found != NULL)
            return found;
    }
    return NULL;
}

struct view {
    const xmlNode *apex, *without;
    bool drop_comments;
};

static bool inside(const xmlNode *node, const xmlNode *ancestor)
{
    while (node != NULL && node != ancestor)
        node = node->parent;
    return node != NULL;
}

static int is_visible(void *context, xmlNode *node, xmlNode *parent)
{
    const struct view *v = context;
    const xmlNode *place = node->type == XML_NAMESPACE_DECL ? parent : node;
    if (v->drop_comments && node->type == XML_COMMENT_NODE)
        return 0;
    if (v->apex != NULL && !inside(place, v->apex))
        return 0;
    return v->without == NULL || !inside(place, v->without);
}

static xmlChar **split(const char *list)
{
    static char copy[256];
    static xmlChar *parts[32];
    size_t n = 0;
    if (list == NULL)
        return NULL;
    snprintf(copy, sizeof copy, "%s", list);
    char *rest = NULL;
    for (char *w = strtok_r(copy, " ", &rest); w != NULL && n < 31;
         w = strtok_r(NULL, " ", &rest))
        parts[n++] = (xmlChar *)w;
    parts[n] = NULL;
    return parts;
}

static bool oracle(xmlDoc *doc, int apex, int without, const struct vs_c14n_options *how,
                   char **ret)
{
    static const int modes[] = {0,
                                XML_C14N_1_0,
                                XML_C14N_1_0,
                                XML_C14N_1_1,
                                XML_C14N_1_1,
                                XML_C14N_EXCLUSIVE_1_0,
                                XML_C14N_EXCLUSIVE_1_0};
    struct view v = {.drop_comments = how->drop_comments};
    v.apex = apex < 0 ? NULL : nth(doc->children, &apex);
    v.without = without < 0 ? NULL : nth(doc->children, &without);
    xmlOutputBuffer *out = xmlAllocOutputBuffer(NULL);
    bool comments = how->method == VS_C14N_10_COMMENTS || how->method == VS_C14N_11_COMMENTS ||
                    how->method == VS_C14N_EXCLUSIVE_COMMENTS;
    int len = xmlC14NExecute(doc, is_visible, &v, modes[how->method],
                             split(how->inclusive_prefixes), comments, out);
    if (len >= 0)
        *ret =
            strndup((const char *)xmlOutputBufferGetContent(out), xmlOutputBufferGetSize(out));
    xmlOutputBufferClose(out);
    return len >= 0;
}

static const struct vs_xml_node *ours_nth(const struct vs_xml *xml, int n)
{
    const struct vs_xml_node *node = vs_xml_root(xml);
    while (n-- > 0 && node != NULL)
        node = vs_xml_walk(vs_xml_root(xml), node);
    return node;
}

static char difference[4096];

static bool compare_one(const struct vs_xml *xml, xmlDoc *doc, int apex, int without,
                        const struct vs_c14n_options *options)
{
    struct vs_c14n_options how = *options;
    how.without = without < 0 ? NULL : ours_nth(xml, without);
    const struct vs_xml_node *node = apex < 0 ? NULL : ours_nth(xml, apex);
    /* Nothing is left: a signature over it has no meaning and ours is never asked. */
    if (without == 0 ||
        (node != NULL && how.without != NULL && vs_xml_inside(node, how.without)))
        return true;
    char *theirs = NULL;
    struct vs_error err = {0};
    VS_BUFFER ours;
    vs_buffer_init(&ours, 64 << 20);
    bool they = oracle(doc, apex, without, &how, &theirs);
    bool we = vs_ok(vs_c14n_buffer(xml, node, &how, &ours, &err));
    /* We may refuse what libxml2 does (an inherited xml:base in 1.1). It refuses relative name
     * spaces where they are not rendered, too; ours are looked at when they are. */
    bool rendered = without < 0 && apex < 0 && how.method < VS_C14N_EXCLUSIVE;
    bool equal = they && ours.len == strlen(theirs) &&
                 (ours.len == 0 || memcmp(ours.ptr, theirs, ours.len) == 0);
    bool same = !we || equal || (!they && !rendered);
    if (!same)
        snprintf(difference, sizeof difference,
                 "method %d, apex %d, without %d, prefixes %s\n--- libxml2\n%.1500s\n--- "
                 "ours\n%.1500s",
                 how.method, apex, without,
                 how.inclusive_prefixes == NULL ? "-" : how.inclusive_prefixes,
                 they ? theirs : "(refused)", ours.len == 0 ? "" : (const char *)ours.ptr);
    free(theirs);
    return same;
}

static bool compare_all(const struct vs_xml *xml, xmlDoc *doc, int n)
{
    static const char *const lists[] = {NULL, "a #default", "b c"};
    for (int method = VS_C14N_10; method < VS_C14N_METHODS; method++)
        for (int list = 0; list < (method >= VS_C14N_EXCLUSIVE ? 3 : 1); list++)
            for (int apex = -1; apex < n; apex++)
                for (int without = -1; without < n; without++) {
                    struct vs_c14n_options how = {.method = (enum vs_c14n_method)method,
                                                  .inclusive_prefixes = lists[list],
                                                  .drop_comments =
                                                      (apex & 1) != 0 && method % 2 == 0};
                    if (!compare_one(xml, doc, apex, without, &how))
                        return false;
                }
    return true;
}

static void silent(void *context, const char *message, ...)
{
    (void)context, (void)message;
}

const char *c14n_compare(struct vs_bytes text, int max_elements)
{
    struct vs_error err;
    VS_XML *xml = NULL;
    if (!vs_ok(vs_xml_parse(text, NULL, &xml, &err)))
        return NULL;
    xmlSetGenericErrorFunc(NULL, silent); /* libxml2 tells stderr what it refuses */
    int n = 0;
    while (n < max_elements && ours_nth(xml, n) != NULL)
        n++;
    xmlDoc *doc = xmlReadMemory((const char *)text.ptr, (int)text.len, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR |
                                    XML_PARSE_NOWARNING);
    if (doc == NULL)
        return "libxml2 refuses what we accept";
    bool same = compare_all(xml, doc, n);
    xmlFreeDoc(doc);
    return same ? NULL : difference;
}
