/* json_text.h - a JSON string, written straight into a buffer. */
#ifndef VS_FORMATS_BASE_JSON_TEXT_H
#define VS_FORMATS_BASE_JSON_TEXT_H
#include "formats/base/base.h"

/* With its quotes; controls escaped, invalid UTF-8 replaced by U+FFFD. NULL writes null. */
void vs_json_text(struct vs_buffer *buffer, const char *text);
/* The same of bytes; a NUL among them is escaped. */
void vs_json_bytes(struct vs_buffer *buffer, struct vs_bytes text);
#endif
