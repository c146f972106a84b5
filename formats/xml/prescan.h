/* prescan.h - a look at the bytes before the parser sees them (xml.c's first step). */
#ifndef VS_FORMATS_XML_PRESCAN_H
#define VS_FORMATS_XML_PRESCAN_H
#include "formats/base/base.h"

enum { VS_XML_DECLARATION_MAX = 256 }; /* bytes: no longer one is taken */

/* VS_E_XML: not ASCII-compatible, or an encoding declared that is not UTF-8, US-ASCII or
 * ISO-8859-1. VS_E_XML_LIMIT: an element with more attributes than that. */
VS_NODISCARD vs_rc vs_xml_prescan(struct vs_bytes text, size_t max_attributes,
                                  struct vs_error *err);

/* The same for bytes that arrive in pieces. `head` is what came first, at least as long as any
 * XML declaration or all there is; a declared encoding must be UTF-8 or US-ASCII, and the bytes
 * must be UTF-8: in a CDATA section libxml2's push parser takes other ones. */
VS_NODISCARD vs_rc vs_xml_prescan_head(struct vs_bytes head, struct vs_error *err);
struct vs_xml_prescan { /* zeroed before the first piece */
    size_t attributes;  /* of the tag under way */
    uint8_t quote;
    bool in_tag, in_name; /* in_name: the tag's first byte is still to come */
    uint8_t cut[4];       /* of a character that the last piece cut */
    size_t n_cut;
};
VS_NODISCARD vs_rc vs_xml_prescan_piece(struct vs_xml_prescan *self, struct vs_bytes piece,
                                        size_t max_attributes, struct vs_error *err);
/* After the last one: VS_E_XML where it was cut. */
VS_NODISCARD vs_rc vs_xml_prescan_end(const struct vs_xml_prescan *self, struct vs_error *err);
#endif
