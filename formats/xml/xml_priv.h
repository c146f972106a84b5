/* xml_priv.h - what xml.c shares with c14n.c: the libxml2 tree behind struct vs_xml. */
#ifndef VS_FORMATS_XML_XML_PRIV_H
#define VS_FORMATS_XML_XML_PRIV_H
#include "formats/xml/xml.h"
#include <libxml/tree.h>

struct vs_xml {
    xmlDoc *doc;
    struct vs_arena *arena; /* the tree lies in it (plain.h); NULL: libxml2's own */
    const xmlAttr **ids;    /* sorted by value */
    size_t n_ids;
};

/* A vs_xml_node is libxml2's node under another name, so that its header stays in here. */
static inline const xmlNode *vs_xml_raw(const struct vs_xml_node *node)
{
    return (const xmlNode *)node;
}
static inline const struct vs_xml_node *vs_xml_wrap(const xmlNode *node)
{
    return (const struct vs_xml_node *)node;
}

/* The value of an attribute; the parser made sure that it is one piece. */
static inline const char *vs_xml_value(const xmlAttr *attribute)
{
    const xmlNode *text = attribute->children;
    return text == NULL || text->content == NULL ? "" : (const char *)text->content;
}
#endif
