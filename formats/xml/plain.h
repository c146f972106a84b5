/* plain.h - the quick way into struct vs_xml, for XML as signing software writes it: UTF-8,
 * elements, attributes and text, no markup declarations, comments, instructions, references or
 * carriage returns. A strict subset of XML 1.0 with name spaces, of at most VS_XML_PLAIN_MAX
 * bytes, read in one pass into one block of memory.
 *
 * Whatever is not surely of that subset, well-formed or not, is left to libxml2, and so is
 * every refusal: what this reader takes, libxml2 takes too, and its tree is the same
 * (plain_test.c compares them). */
#ifndef VS_FORMATS_XML_PLAIN_H
#define VS_FORMATS_XML_PLAIN_H
#include "formats/xml/xml_priv.h"

#define VS_XML_PLAIN_MAX ((size_t)60 * 1000) /* lines are counted in 16 bits */

/* Fills `xml` (which is empty) and returns true, or leaves it as it was. */
bool vs_xml_read_plain(struct vs_bytes text, const struct vs_xml_limits *limits,
                       struct vs_xml *xml);
#endif
