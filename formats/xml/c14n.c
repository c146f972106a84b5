#include "formats/xml/c14n.h"
#include "formats/xml/xml_priv.h"
#include <libxml/uri.h>
#include <stdlib.h>

#define DSIG_NS "http://www.w3.org/2000/09/xmldsig#"

static const struct {
    const char *uri;
    bool exclusive, comments, v11;
} methods[VS_C14N_METHODS] = {
    [VS_C14N_10] = {.uri = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"},
    [VS_C14N_10_COMMENTS] = {.uri =
                                 "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
                             .comments = true},
    [VS_C14N_11] = {.uri = "http://www.w3.org/2006/12/xml-c14n11", .v11 = true},
    [VS_C14N_11_COMMENTS] = {.uri = "http://www.w3.org/2006/12/xml-c14n11#WithComments",
                             .comments = true,
                             .v11 = true},
    [VS_C14N_EXCLUSIVE] = {.uri = "http://www.w3.org/2001/10/xml-exc-c14n#", .exclusive = true},
    [VS_C14N_EXCLUSIVE_COMMENTS] = {.uri =
                                        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
                                    .exclusive = true,
                                    .comments = true},
};

enum vs_c14n_method vs_c14n_by_uri(const char *uri)
{
    for (int m = VS_C14N_10; m < VS_C14N_METHODS; m++)
        if (uri != NULL && strcmp(methods[m].uri, uri) == 0)
            return (enum vs_c14n_method)m;
    return VS_C14N_NONE;
}

const char *vs_c14n_uri(enum vs_c14n_method method)
{
    return methods[method].uri;
}

/* -- output -------------------------------------------------------------------------------- */

/* Limits of one run; the parser's own limits keep real documents far below them. */
enum { PENDING = 4096, RENDERED = 1024, DEPTH = 256, SORTED = 256 };

struct writer {
    const struct vs_c14n_sink *sink;
    struct vs_error *err;
    vs_rc rc; /* the first failure: nothing is written after it */
    size_t n_pending;
    uint8_t pending[PENDING];
};

static void flush(struct writer *w)
{
    if (vs_ok(w->rc) && w->n_pending > 0)
        w->rc = w->sink->add(w->sink->context, VS_BYTES(w->pending, w->n_pending), w->err);
    w->n_pending = 0;
}

static void put(struct writer *w, const char *text, size_t len)
{
    if (len > PENDING - w->n_pending) {
        flush(w);
        if (len > PENDING) {
            if (vs_ok(w->rc))
                w->rc = w->sink->add(w->sink->context, VS_BYTES(text, len), w->err);
            return;
        }
    }
    memcpy(w->pending + w->n_pending, text, len);
    w->n_pending += len;
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

/* Canonical XML 1.0, 2.3: which characters each kind of node replaces. */
enum { IN_TEXT = 1, IN_ATTRIBUTE = 2, IN_OTHER = 4 };
static const uint8_t special[256] = {
    ['\0'] = IN_TEXT | IN_ATTRIBUTE | IN_OTHER,
    ['&'] = IN_TEXT | IN_ATTRIBUTE,
    ['<'] = IN_TEXT | IN_ATTRIBUTE,
    ['>'] = IN_TEXT,
    ['"'] = IN_ATTRIBUTE,
    ['\t'] = IN_ATTRIBUTE,
    ['\n'] = IN_ATTRIBUTE,
    ['\r'] = IN_TEXT | IN_ATTRIBUTE | IN_OTHER,
};

static const char *replacement(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#x9;";
    case '\n':
        return "&#xA;";
    default:
        return "&#xD;";
    }
}

static void put_escaped(struct writer *w, const char *text, uint8_t kind)
{
    for (;;) {
        const char *c = text;
        while ((special[(uint8_t)*c] & kind) == 0)
            c++;
        put(w, text, (size_t)(c - text));
        if (*c == '\0')
            return;
        put_text(w, replacement(*c));
        text = c + 1;
    }
}

static void put_name(struct writer *w, const xmlNs *ns, const xmlChar *name)
{
    if (ns != NULL && ns->prefix != NULL) {
        put_text(w, (const char *)ns->prefix);
        put(w, ":", 1);
    }
    put_text(w, (const char *)name);
}

/* -- name spaces --------------------------------------------------------------------------- */

struct binding {
    const char *prefix, *uri; /* "" is the default name space, or none */
};

struct run {
    struct writer out;
    const struct vs_c14n_options *options;
    bool exclusive, comments, v11;
    const char *inclusive[64]; /* prefixes that exclusive C14N treats as inclusive does */
    size_t n_inclusive;
    char *inclusive_copy;
    struct binding rendered[RENDERED]; /* by the elements around, the newest last */
    size_t n_rendered;
    size_t marks[DEPTH]; /* n_rendered as it was before each open element */
    size_t depth;
    const xmlNode *apex;
};

static const char *prefix_of(const xmlNs *ns)
{
    return ns->prefix == NULL ? "" : (const char *)ns->prefix;
}

static const char *uri_of(const xmlNs *ns)
{
    return ns->href == NULL ? "" : (const char *)ns->href;
}

static bool same(const char *a, const char *b)
{
    return a == b || strcmp(a, b) == 0;
}

/* What the output has `prefix` bound to here; "" where to nothing. */
static const char *rendered_uri(const struct run *r, const char *prefix)
{
    for (size_t i = r->n_rendered; i > 0; i--)
        if (same(r->rendered[i - 1].prefix, prefix))
            return r->rendered[i - 1].uri;
    return "";
}

static void fail(struct run *r, vs_rc rc)
{
    if (vs_ok(r->out.rc))
        r->out.rc = rc;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* The rest of a URI, made of nothing but `allowed`, beginning with a letter or digit; a # may
 * end it. */
static bool is_plain(const char *rest, const char *allowed)
{
    size_t len = strspn(rest, allowed);
    return strspn(rest, LETTERS) > 0 &&
           (rest[len] == '\0' || (rest[len] == '#' && rest[len + 1] == '\0'));
}

/* Canonical XML 1.0, 1: a relative name space URI is an error. What is no URI at all is one,
 * too: libxml2 refuses it, and nothing is signed here that others could not check. Nearly all
 * are of two plain kinds, which need no parser. */
static bool is_absolute(const char *uri)
{
    if (uri[0] == '\0' ||
        (strncmp(uri, "http://", 7) == 0 && is_plain(uri + 7, LETTERS "-._~/")) ||
        (strncmp(uri, "urn:", 4) == 0 && is_plain(uri + 4, LETTERS "-._~:")))
        return true;
    xmlURI *parsed = xmlParseURI(uri);
    bool absolute = parsed != NULL && parsed->scheme != NULL && parsed->scheme[0] != '\0';
    xmlFreeURI(parsed);
    return absolute;
}

/* Note that this element must render the binding, unless one around it has. */
static void want(struct run *r, const char *prefix, const char *uri)
{
    if (same(prefix, "xml") || same(rendered_uri(r, prefix), uri))
        return;
    if (!is_absolute(uri)) {
        fail(r, vs_fail(r->out.err, VS_E_XML, "Canonical XML 1.0, 1",
                        "a relative name space URI"));
        return;
    }
    if (r->n_rendered == RENDERED) {
        fail(r, vs_fail(r->out.err, VS_E_LIMIT, NULL, "too many name spaces"));
        return;
    }
    r->rendered[r->n_rendered++] = (struct binding){prefix, uri};
}

static void want_inherited(struct run *r, const xmlNode *apex)
{
    for (const xmlNode *n = apex->parent; n != NULL && n->type == XML_ELEMENT_NODE;
         n = n->parent)
        for (const xmlNs *ns = n->nsDef; ns != NULL; ns = ns->next) {
            bool hidden = false; /* by a nearer one, which `want` has seen already */
            for (size_t i = 0; i < r->n_rendered && !hidden; i++)
                hidden = same(r->rendered[i].prefix, prefix_of(ns));
            if (!hidden && same(vs_xml_prefix(vs_xml_wrap(apex), prefix_of(ns)), uri_of(ns)))
                want(r, prefix_of(ns), uri_of(ns));
        }
}

static void want_inclusive(struct run *r, const xmlNode *node)
{
    for (const xmlNs *ns = node->nsDef; ns != NULL; ns = ns->next)
        want(r, prefix_of(ns), uri_of(ns));
    if (node == r->apex)
        want_inherited(r, node);
}

/* Exclusive C14N 1.0, 3: what the element's own names use, and the prefixes of the list. */
static void want_exclusive(struct run *r, const xmlNode *node)
{
    want(r, node->ns == NULL ? "" : prefix_of(node->ns),
         node->ns == NULL ? "" : uri_of(node->ns));
    for (const xmlAttr *a = node->properties; a != NULL; a = a->next)
        if (a->ns != NULL && a->ns->prefix != NULL)
            want(r, prefix_of(a->ns), uri_of(a->ns));
    for (size_t i = 0; i < r->n_inclusive; i++)
        want(r, r->inclusive[i], vs_xml_prefix(vs_xml_wrap(node), r->inclusive[i]));
}

static int compare_bindings(const void *a, const void *b)
{
    return strcmp(((const struct binding *)a)->prefix, ((const struct binding *)b)->prefix);
}

static void put_namespaces(struct run *r, const xmlNode *node)
{
    size_t before = r->n_rendered;
    if (r->exclusive)
        want_exclusive(r, node);
    else
        want_inclusive(r, node);
    size_t n = r->n_rendered - before;
    if (n > 1)
        qsort(r->rendered + before, n, sizeof *r->rendered, compare_bindings);
    for (const struct binding *b = r->rendered + before; n > 0; b++, n--) {
        put_text(&r->out, b->prefix[0] == '\0' ? " xmlns" : " xmlns:");
        put_text(&r->out, b->prefix);
        put_text(&r->out, "=\"");
        put_escaped(&r->out, b->uri, IN_ATTRIBUTE);
        put(&r->out, "\"", 1);
    }
}

/* -- attributes ---------------------------------------------------------------------------- */

static int compare_attributes(const void *a, const void *b)
{
    const xmlAttr *x = *(const xmlAttr *const *)a, *y = *(const xmlAttr *const *)b;
    const char *x_uri = x->ns == NULL ? "" : uri_of(x->ns);
    const char *y_uri = y->ns == NULL ? "" : uri_of(y->ns);
    int order = same(x_uri, y_uri) ? 0 : strcmp(x_uri, y_uri);
    return order != 0 ? order : strcmp((const char *)x->name, (const char *)y->name);
}

static bool is_xml_attribute(const xmlAttr *a)
{
    return a->ns != NULL && same(prefix_of(a->ns), "xml");
}

static bool is_named(const xmlAttr *a, const char *name)
{
    return strcmp((const char *)a->name, name) == 0;
}

/* Inclusive C14N of a subtree: the nearest xml:* attributes of the elements around it belong to
 * it (Canonical XML 1.0, 2.4). In 1.1 only xml:lang and xml:space do; it would also join
 * xml:base values, which is refused here. */
static bool is_inherited(struct run *r, const xmlAttr *a)
{
    if (!is_xml_attribute(a))
        return false;
    if (r->v11 && is_named(a, "base"))
        fail(r, vs_fail(r->out.err, VS_E_XML, "Canonical XML 1.1, 2.4",
                        "a signed element inherits xml:base"));
    return !r->v11 || is_named(a, "lang") || is_named(a, "space");
}

static size_t add_inherited(struct run *r, const xmlNode *apex, const xmlAttr **list, size_t n)
{
    for (const xmlNode *up = apex->parent; up != NULL && up->type == XML_ELEMENT_NODE;
         up = up->parent)
        for (const xmlAttr *a = up->properties; a != NULL; a = a->next) {
            bool wanted = is_inherited(r, a);
            for (size_t i = 0; i < n && wanted; i++)
                wanted =
                    !is_xml_attribute(list[i]) || !is_named(list[i], (const char *)a->name);
            if (wanted && n < SORTED)
                list[n++] = a;
        }
    return n;
}

static void put_attributes(struct run *r, const xmlNode *node)
{
    bool apex = node == r->apex && !r->exclusive;
    if (node->properties == NULL && !apex)
        return;
    const xmlAttr *list[SORTED];
    size_t n = 0;
    for (const xmlAttr *a = node->properties; a != NULL; a = a->next) {
        if (n == SORTED) {
            fail(r, vs_fail(r->out.err, VS_E_LIMIT, NULL, "too many attributes"));
            return;
        }
        list[n++] = a;
    }
    if (apex)
        n = add_inherited(r, node, list, n);
    if (n > 1)
        qsort(list, n, sizeof(const xmlAttr *), compare_attributes);
    for (size_t i = 0; i < n; i++) {
        put(&r->out, " ", 1);
        put_name(&r->out, list[i]->ns, list[i]->name);
        put(&r->out, "=\"", 2);
        put_escaped(&r->out, vs_xml_value(list[i]), IN_ATTRIBUTE);
        put(&r->out, "\"", 1);
    }
}

/* -- nodes --------------------------------------------------------------------------------- */

static void open_element(struct run *r, const xmlNode *node)
{
    if (r->depth == DEPTH) {
        fail(r, vs_fail(r->out.err, VS_E_LIMIT, NULL, "too deep"));
        return;
    }
    r->marks[r->depth++] = r->n_rendered;
    put(&r->out, "<", 1);
    put_name(&r->out, node->ns, node->name);
    put_namespaces(r, node);
    put_attributes(r, node);
    put(&r->out, ">", 1);
}

static void close_element(struct run *r, const xmlNode *node)
{
    put(&r->out, "</", 2);
    put_name(&r->out, node->ns, node->name);
    put(&r->out, ">", 1);
    r->n_rendered = r->marks[--r->depth];
}

static void put_comment(struct run *r, const xmlNode *node)
{
    if (!r->comments)
        return;
    put_text(&r->out, "<!--");
    put_escaped(&r->out, node->content == NULL ? "" : (const char *)node->content, IN_OTHER);
    put_text(&r->out, "-->");
}

static void put_instruction(struct run *r, const xmlNode *node)
{
    put_text(&r->out, "<?");
    put_text(&r->out, (const char *)node->name);
    if (node->content != NULL && node->content[0] != '\0') {
        put(&r->out, " ", 1);
        put_escaped(&r->out, (const char *)node->content, IN_OTHER);
    }
    put_text(&r->out, "?>");
}

static void put_leaf(struct run *r, const xmlNode *node)
{
    switch (node->type) {
    case XML_TEXT_NODE:
    case XML_CDATA_SECTION_NODE:
        if (node->content != NULL)
            put_escaped(&r->out, (const char *)node->content, IN_TEXT);
        return;
    case XML_COMMENT_NODE:
        put_comment(r, node);
        return;
    case XML_PI_NODE:
        put_instruction(r, node);
        return;
    default:
        fail(r, vs_fail(r->out.err, VS_E_XML, NULL, "a node that has no canonical form"));
    }
}

static bool is_left_out(const struct run *r, const xmlNode *node)
{
    const struct vs_xml_node *n = vs_xml_wrap(node);
    return n == r->options->without ||
           (r->options->without_signatures && vs_xml_is(n, DSIG_NS, "Signature"));
}

/* The whole subtree, without recursion: hostile depth costs no stack. */
static void put_subtree(struct run *r, const xmlNode *apex)
{
    const xmlNode *node = apex;
    while (vs_ok(r->out.rc)) {
        bool element = node->type == XML_ELEMENT_NODE;
        if (element && !is_left_out(r, node)) {
            open_element(r, node);
            if (!vs_ok(r->out.rc))
                return;
            if (node->children != NULL) {
                node = node->children;
                continue;
            }
            close_element(r, node);
        } else if (!element) {
            put_leaf(r, node);
        }
        while (node != apex && node->next == NULL) {
            node = node->parent;
            close_element(r, node);
        }
        if (node == apex)
            return;
        node = node->next;
    }
}

/* Canonical XML 1.0, 2.3: line feeds part what stands outside the root element. */
static void put_document(struct run *r, const xmlDoc *doc)
{
    bool before = true;
    for (const xmlNode *n = doc->children; n != NULL && vs_ok(r->out.rc); n = n->next) {
        if (n->type == XML_ELEMENT_NODE) {
            r->apex = n;
            put_subtree(r, n);
            before = false;
        } else if (n->type == XML_PI_NODE || (n->type == XML_COMMENT_NODE && r->comments)) {
            if (!before)
                put(&r->out, "\n", 1);
            put_leaf(r, n);
            if (before)
                put(&r->out, "\n", 1);
        }
    }
}

/* "a b #default" -> {"a", "b", ""}. */
static vs_rc split_prefixes(struct run *r, const char *list)
{
    if (list == NULL || !r->exclusive)
        return VS_OK;
    r->inclusive_copy = vs_heap_strdup(list);
    char *rest = NULL;
    for (char *word = strtok_r(r->inclusive_copy, " \t\r\n", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (r->n_inclusive == sizeof r->inclusive / sizeof *r->inclusive)
            return vs_fail(r->out.err, VS_E_LIMIT, NULL, "too many inclusive prefixes");
        r->inclusive[r->n_inclusive++] = strcmp(word, "#default") == 0 ? "" : word;
    }
    return VS_OK;
}

vs_rc vs_c14n(const struct vs_xml *xml, const struct vs_xml_node *node,
              const struct vs_c14n_options *options, const struct vs_c14n_sink *sink,
              struct vs_error *err)
{
    VS_ASSERT(options->method > VS_C14N_NONE && options->method < VS_C14N_METHODS);
    struct run r;
    r.out.sink = sink;
    r.out.err = err;
    r.out.rc = VS_OK;
    r.out.n_pending = 0;
    r.options = options;
    r.exclusive = methods[options->method].exclusive;
    r.comments = methods[options->method].comments && !options->drop_comments;
    r.v11 = methods[options->method].v11;
    r.n_inclusive = r.n_rendered = r.depth = 0;
    r.inclusive_copy = NULL;
    r.apex = vs_xml_raw(node);
    vs_rc rc = split_prefixes(&r, options->inclusive_prefixes);
    if (vs_ok(rc)) {
        if (node == NULL)
            put_document(&r, xml->doc);
        else
            put_subtree(&r, r.apex);
        flush(&r.out);
        rc = r.out.rc;
    }
    vs_heap_free(r.inclusive_copy);
    return rc;
}

static vs_rc add_to_buffer(void *context, struct vs_bytes piece, struct vs_error *err)
{
    vs_buffer_add(context, piece);
    return vs_buffer_check(context, err);
}

vs_rc vs_c14n_buffer(const struct vs_xml *xml, const struct vs_xml_node *node,
                     const struct vs_c14n_options *options, struct vs_buffer *to,
                     struct vs_error *err)
{
    struct vs_c14n_sink sink = {to, add_to_buffer};
    return vs_c14n(xml, node, options, &sink, err);
}
