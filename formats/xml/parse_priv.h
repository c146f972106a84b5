/* parse_priv.h - what parse.c (a document at once) shares with stream.c (as it arrives): the
 * checks that run while libxml2 builds the tree. */
#ifndef VS_FORMATS_XML_PARSE_PRIV_H
#define VS_FORMATS_XML_PARSE_PRIV_H
#include "formats/xml/xml_priv.h"
#include <libxml/parser.h>

enum {
    DEEPEST = 250, /* libxml2 itself stops at 256 without XML_PARSE_HUGE */
    PARSE_OPTIONS = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_NOERROR |
                    XML_PARSE_NOWARNING | XML_PARSE_COMPACT | XML_PARSE_BIG_LINES,
};

/* context->_private points to it. */
struct parse {
    const struct vs_xml_limits *limits;
    struct vs_error *err;
    vs_rc rc; /* of the first refusal; the parser was stopped then */
    unsigned depth, nodes, namespaces;
    unsigned short declared[DEEPEST + 1]; /* name spaces declared at each depth */
    const xmlAttr **ids;
    size_t n_ids, ids_room;
};

/* The handlers that check, then build. After the context's options are set: those change them.
 */
void vs_xml_parse_install(xmlSAXHandler *sax);
/* The first refusal: what comes after it is not looked at. */
void vs_xml_parse_stop(void *context, vs_rc rc);
/* A document that plain.h left, by libxml2, into an empty `xml`. */
VS_NODISCARD vs_rc vs_xml_parse_any(struct vs_bytes text, const struct vs_xml_limits *limits,
                                    struct vs_xml *xml, struct vs_error *err);
void vs_xml_sort_ids(struct vs_xml *xml);
/* What libxml2 found wrong, in our codes. */
VS_NODISCARD vs_rc vs_xml_parse_failure(xmlParserCtxt *context, struct vs_error *err);
/* After the last byte: `xml` has its tree; takes the ids. */
VS_NODISCARD vs_rc vs_xml_parse_finish(xmlParserCtxt *context, struct parse *p,
                                       struct vs_xml *xml);
#endif
