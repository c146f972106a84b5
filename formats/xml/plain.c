#include "formats/xml/plain.h"

enum { ATTRIBUTES = 32, DEEPEST = 100, NODE_BYTES = 80, FIRST_BYTES = 4096 };

struct raw_attribute {
    char *prefix, *name, *value; /* prefix: NULL for none */
};

struct plain {
    const struct vs_xml_limits *limits;
    struct vs_arena *arena;
    char *at, *end; /* in a copy that ends with NUL and is cut into strings where it lies */
    unsigned line, depth, nodes, namespaces;
    unsigned declared[DEEPEST + 1]; /* name spaces of each open element */
    xmlDoc *doc;
    xmlNode *current; /* the innermost open element */
    const xmlAttr **ids;
    size_t n_ids, ids_room;
};

/* -- characters ---------------------------------------------------------------------------- */

enum { NAME_START = 1, NAME = 2, TEXT = 4, VALUE = 8, HIGH = 16, ADDRESS = 32 };
#define ANYWHERE (TEXT | VALUE)
static const uint8_t kinds[256] = {
    ['\t'] = TEXT,
    ['\n'] = TEXT,
    [' ' ... '%'] = ANYWHERE, /* then &: a reference */
    ['\'' ... ','] = ANYWHERE,
    ['-' ... '.'] = NAME | ANYWHERE | ADDRESS,
    ['/'] = ANYWHERE | ADDRESS,
    ['0' ... '9'] = NAME | ANYWHERE | ADDRESS,
    [':'] = ANYWHERE | ADDRESS,
    [';'] = ANYWHERE, /* then <: a tag */
    ['=' ... '@'] = ANYWHERE,
    ['A' ... 'Z'] = NAME_START | NAME | ANYWHERE | ADDRESS,
    ['[' ... '^'] = ANYWHERE,
    ['_'] = NAME_START | NAME | ANYWHERE | ADDRESS,
    ['`'] = ANYWHERE,
    ['a' ... 'z'] = NAME_START | NAME | ANYWHERE | ADDRESS,
    ['{' ... '~'] = ANYWHERE,
    [0x80 ... 0xff] = HIGH,
};

static bool is(char c, unsigned kind)
{
    return (kinds[(uint8_t)c] & kind) != 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Bytes above ASCII: characters of XML 1.0, 2.2 in good UTF-8. */
static bool good_characters(const char *from, const char *to)
{
    struct vs_bytes bytes = VS_BYTES(from, (size_t)(to - from));
    return vs_utf8_valid(bytes) && memmem(from, bytes.len, "\xef\xbf\xbe", 3) == NULL &&
           memmem(from, bytes.len, "\xef\xbf\xbf", 3) == NULL;
}

/* Name space names that nobody could call no URI or relative: "http://..." and "urn:...", with
 * at most one '#', at the end of what follows no other. libxml2 refuses the broken ones. */
static bool good_address(const char *uri)
{
    bool http = strncmp(uri, "http://", 7) == 0;
    if (!http && strncmp(uri, "urn:", 4) != 0)
        return false;
    const char *c = uri + (http ? 7 : 4);
    if (!is(*c, NAME_START))
        return false;
    while (is(*c, ADDRESS) && !(http && *c == ':'))
        c++;
    if (*c == '#')
        c++;
    while (is(*c, NAME))
        c++;
    return *c == '\0';
}

/* -- pieces -------------------------------------------------------------------------------- */

static bool take_ncname(struct plain *p, char **ret)
{
    *ret = p->at;
    if (!is(*p->at, NAME_START))
        return false;
    while (is(*p->at, NAME))
        p->at++;
    return true;
}

/* A qualified name; `*ret_after` is the byte behind it, whose place its NUL takes. */
static bool take_name(struct plain *p, char **ret_prefix, char **ret_name, char *ret_after)
{
    *ret_prefix = NULL;
    if (!take_ncname(p, ret_name))
        return false;
    if (*p->at == ':') {
        *p->at++ = '\0';
        *ret_prefix = *ret_name;
        if (!take_ncname(p, ret_name) || *p->at == ':')
            return false;
    }
    *ret_after = *p->at;
    *p->at++ = '\0';
    return true;
}

static bool take_value(struct plain *p, char **ret)
{
    char quote = *p->at++;
    if (quote != '"' && quote != '\'')
        return false;
    char *from = p->at, seen = 0;
    while (*p->at != quote) {
        uint8_t kind = kinds[(uint8_t)*p->at++];
        if ((kind & (VALUE | HIGH)) == 0)
            return false;
        seen = (char)(seen | kind);
    }
    if ((seen & HIGH) != 0 && !good_characters(from, p->at))
        return false;
    *p->at++ = '\0';
    *ret = from;
    return true;
}

/* White space from `*c` on, which was taken already; `*c` becomes what is behind. */
static bool skip_space(struct plain *p, char *c)
{
    bool any = false;
    while (is_space(*c)) {
        p->line += *c == '\n';
        *c = *p->at++;
        any = true;
    }
    return any;
}

/* What lies between a tag's name and its end. */
static bool take_attributes(struct plain *p, char after, struct raw_attribute *list, size_t *n,
                            bool *ret_empty)
{
    *n = 0;
    for (;;) {
        bool apart = skip_space(p, &after);
        *ret_empty = after == '/';
        if (after == '/')
            after = *p->at++;
        else if (after != '>' && apart && *n < ATTRIBUTES) {
            struct raw_attribute *a = &list[(*n)++];
            p->at--;
            if (!take_name(p, &a->prefix, &a->name, &after) || after != '=' ||
                !take_value(p, &a->value))
                return false;
            after = *p->at++;
            continue;
        }
        return after == '>';
    }
}

/* -- the tree ------------------------------------------------------------------------------ */

static xmlNode *new_node(struct plain *p, xmlElementType type)
{
    xmlNode *node = vs_arena_make(p->arena, xmlNode);
    if (node == NULL || ++p->nodes > p->limits->max_nodes)
        return NULL;
    node->type = type;
    node->doc = p->doc;
    node->line = (unsigned short)p->line;
    return node;
}

static void append(struct plain *p, xmlNode *node)
{
    xmlNode *parent = p->current == NULL ? (xmlNode *)p->doc : p->current;
    node->parent = parent;
    node->prev = parent->last;
    if (parent->last != NULL)
        parent->last->next = node;
    else
        parent->children = node;
    parent->last = node;
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *declares(const struct raw_attribute *a, const char **ret_prefix)
{
    *ret_prefix = a->prefix == NULL ? NULL : a->name;
    bool is_one =
        a->prefix == NULL ? strcmp(a->name, "xmlns") == 0 : strcmp(a->prefix, "xmlns") == 0;
    return is_one ? a->value : NULL;
}

static bool add_namespace(struct plain *p, xmlNode *node, const char *prefix, const char *uri)
{
    xmlNs **place = &node->nsDef;
    for (; *place != NULL; place = &(*place)->next)
        if (same((const char *)(*place)->prefix, prefix))
            return false;
    if (same(prefix, "xml") || same(prefix, "xmlns") || !good_address(uri) ||
        strcmp(uri, (const char *)XML_XML_NAMESPACE) == 0 ||
        strcmp(uri, "http://www.w3.org/2000/xmlns/") == 0)
        return false;
    xmlNs *ns = vs_arena_make(p->arena, xmlNs);
    if (ns == NULL)
        return false;
    ns->type = XML_NAMESPACE_DECL;
    ns->href = (const xmlChar *)uri;
    ns->prefix = (const xmlChar *)prefix;
    *place = ns;
    return true;
}

/* False: nothing declares the prefix. No prefix and no default is no name space. */
static bool resolve(const xmlNode *node, const char *prefix, xmlNs **ret)
{
    for (; node != NULL && node->type == XML_ELEMENT_NODE; node = node->parent)
        for (xmlNs *ns = node->nsDef; ns != NULL; ns = ns->next)
            if (same((const char *)ns->prefix, prefix)) {
                *ret = ns;
                return true;
            }
    *ret = NULL;
    return prefix == NULL;
}

static void note_id(struct plain *p, const xmlAttr *a)
{
    const char *name = (const char *)a->name;
    if (a->ns != NULL ||
        (strcmp(name, "Id") != 0 && strcmp(name, "ID") != 0 && strcmp(name, "id") != 0))
        return;
    if (p->n_ids == p->ids_room) {
        p->ids_room = p->ids_room == 0 ? 16 : p->ids_room * 2;
        p->ids = vs_heap_grow(p->ids, p->ids_room * sizeof(const xmlAttr *));
    }
    p->ids[p->n_ids++] = a;
}

static bool add_attribute(struct plain *p, xmlNode *node, const struct raw_attribute *raw)
{
    xmlNs *ns = NULL;
    if (same(raw->prefix, "xml") || (raw->prefix != NULL && !resolve(node, raw->prefix, &ns)))
        return false;
    xmlAttr **place = &node->properties, *last = NULL;
    for (; *place != NULL; last = *place, place = &(*place)->next)
        if (same((const char *)(*place)->name, raw->name) &&
            same((*place)->ns == NULL ? NULL : (const char *)(*place)->ns->href,
                 ns == NULL ? NULL : (const char *)ns->href))
            return false;
    xmlAttr *a = vs_arena_make(p->arena, xmlAttr);
    xmlNode *text = vs_arena_make(p->arena, xmlNode);
    if (a == NULL || text == NULL)
        return false;
    *a = (xmlAttr){.type = XML_ATTRIBUTE_NODE,
                   .name = (const xmlChar *)raw->name,
                   .children = text,
                   .last = text,
                   .parent = node,
                   .prev = last,
                   .doc = p->doc,
                   .ns = ns};
    text->type = XML_TEXT_NODE;
    text->content = (xmlChar *)raw->value;
    text->parent = (xmlNode *)a;
    text->doc = p->doc;
    *place = a;
    note_id(p, a);
    return true;
}

/* -- markup -------------------------------------------------------------------------------- */

static bool fill_element(struct plain *p, xmlNode *node, const char *prefix,
                         const struct raw_attribute *list, size_t n, unsigned *ret_declared)
{
    const char *declared, *uri;
    *ret_declared = 0;
    for (size_t i = 0; i < n; i++)
        if ((uri = declares(&list[i], &declared)) != NULL) {
            ++*ret_declared;
            if (!add_namespace(p, node, declared, uri))
                return false;
        }
    p->namespaces += *ret_declared;
    if (n > p->limits->max_attributes || p->namespaces > p->limits->max_namespaces ||
        !resolve(node, prefix, &node->ns))
        return false;
    for (size_t i = 0; i < n; i++)
        if (declares(&list[i], &declared) == NULL && !add_attribute(p, node, &list[i]))
            return false;
    return true;
}

static bool start_tag(struct plain *p)
{
    struct raw_attribute list[ATTRIBUTES];
    char *prefix, *name, after;
    size_t n;
    bool empty;
    unsigned declared;
    if (!take_name(p, &prefix, &name, &after) || !take_attributes(p, after, list, &n, &empty))
        return false;
    xmlNode *node = new_node(p, XML_ELEMENT_NODE);
    if (node == NULL || (p->current == NULL && p->doc->children != NULL) ||
        ++p->depth > DEEPEST || p->depth > p->limits->max_depth)
        return false;
    node->name = (const xmlChar *)name;
    append(p, node);
    if (!fill_element(p, node, prefix, list, n, &declared))
        return false;
    p->declared[p->depth] = declared;
    if (empty) {
        p->namespaces -= declared;
        p->depth--;
    } else {
        p->current = node;
    }
    return true;
}

static bool end_tag(struct plain *p)
{
    char *prefix, *name, after;
    const xmlNode *node = p->current;
    if (node == NULL || !take_name(p, &prefix, &name, &after))
        return false;
    skip_space(p, &after);
    if (after != '>' || strcmp(name, (const char *)node->name) != 0 ||
        !same(prefix, node->ns == NULL ? NULL : (const char *)node->ns->prefix))
        return false;
    p->namespaces -= p->declared[p->depth--];
    p->current = node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
    return true;
}

/* Up to the next tag, whose '<' becomes the text's NUL. */
static bool text_run(struct plain *p)
{
    char *from = p->at;
    unsigned seen = 0, lines = 0;
    bool space = true;
    for (; *p->at != '<' && p->at < p->end; p->at++) {
        uint8_t kind = kinds[(uint8_t)*p->at];
        if ((kind & (TEXT | HIGH)) == 0 ||
            (*p->at == '>' && p->at - from >= 2 && p->at[-1] == ']' && p->at[-2] == ']'))
            return false;
        seen |= kind;
        lines += *p->at == '\n';
        space = space && is_space(*p->at);
    }
    p->line += lines;
    if (p->at == from)
        return true;
    if (p->current == NULL)
        return space; /* around the root element */
    xmlNode *node = new_node(p, XML_TEXT_NODE);
    if (node == NULL || ((seen & HIGH) != 0 && !good_characters(from, p->at)))
        return false;
    node->content = (xmlChar *)from;
    append(p, node);
    return true;
}

static void skip_declaration(struct plain *p)
{
    static const char *const usual[] = {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
        "<?xml version=\"1.0\"?>",
    };
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (strncmp(p->at, usual[i], strlen(usual[i])) == 0) {
            p->at += strlen(usual[i]);
            return;
        }
}

static bool read_document(struct plain *p)
{
    skip_declaration(p);
    for (;;) {
        if (!text_run(p))
            return false;
        if (p->at == p->end)
            return p->current == NULL && p->doc->children != NULL;
        *p->at++ = '\0';
        if (*p->at == '/') {
            p->at++;
            if (!end_tag(p))
                return false;
        } else if (!start_tag(p)) { /* declarations, comments and the like begin no name */
            return false;
        }
    }
}

bool vs_xml_read_plain(struct vs_bytes text, const struct vs_xml_limits *limits,
                       struct vs_xml *xml)
{
    if (text.len == 0 || text.len > VS_XML_PLAIN_MAX || text.len > limits->max_bytes)
        return false;
    struct plain p = {.limits = limits, .line = 1};
    p.arena = vs_arena_new(text.len * NODE_BYTES + FIRST_BYTES);
    if (p.arena == NULL)
        return false;
    p.doc = vs_arena_make(p.arena, xmlDoc);
    p.at = vs_arena_strndup(p.arena, (const char *)text.ptr, text.len);
    if (p.doc != NULL && p.at != NULL) {
        p.doc->type = XML_DOCUMENT_NODE;
        p.doc->doc = p.doc;
        p.end = p.at + text.len;
        if (read_document(&p)) {
            xml->doc = p.doc;
            xml->arena = p.arena;
            xml->ids = p.ids;
            xml->n_ids = p.n_ids;
            return true;
        }
    }
    vs_heap_free(p.ids);
    vs_arena_free(p.arena);
    return false;
}
