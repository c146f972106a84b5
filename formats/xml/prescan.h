/* prescan.h - a look at the bytes before the parser sees them (xml.c's first step). */
#ifndef VS_FORMATS_XML_PRESCAN_H
#define VS_FORMATS_XML_PRESCAN_H
#include "formats/base/base.h"

/* VS_E_XML: not ASCII-compatible, or an encoding declared that is not UTF-8, US-ASCII or
 * ISO-8859-1. VS_E_XML_LIMIT: an element with more attributes than that. */
VS_NODISCARD vs_rc vs_xml_prescan(struct vs_bytes text, size_t max_attributes,
                                  struct vs_error *err);
#endif
