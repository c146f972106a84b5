/* plain_oracle.h - formats/xml/plain.c against libxml2. */
#ifndef VS_TESTS_SUPPORT_PLAIN_ORACLE_H
#define VS_TESTS_SUPPORT_PLAIN_ORACLE_H
#include "formats/base/base.h"

/* What is wrong, or NULL: the quick reader left the text to libxml2, or libxml2 takes it too
 * and both trees are the same. `*ret_taken` (may be NULL): the quick reader took it. */
const char *plain_compare(struct vs_bytes text, bool *ret_taken);
#endif
