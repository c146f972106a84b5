/* splice.h - text put into an XML file as it lies there, byte for byte as it was otherwise.
 *
 * Signed XML must not be written anew: what a canonicalisation does not hide would change. So a
 * place is found in the file's own bytes, by counting elements, and text goes in there. */
#ifndef VS_FORMATS_XML_SPLICE_H
#define VS_FORMATS_XML_SPLICE_H
#include "formats/xml/xml.h"

/* Append `text`, from which `xml` was parsed, with `insertion` as the last content of `node`.
 * `insertion` is ASCII, well-formed content. VS_E_XML: the place is not found. */
VS_NODISCARD vs_rc vs_xml_splice(struct vs_bytes text, const struct vs_xml *xml,
                                 const struct vs_xml_node *node, struct vs_bytes insertion,
                                 struct vs_buffer *to, struct vs_error *err);
#endif
