/* c14n_oracle.h - libxml2's canonicalisation, which ours must equal. */
#ifndef VS_TESTS_SUPPORT_C14N_ORACLE_H
#define VS_TESTS_SUPPORT_C14N_ORACLE_H
#include "formats/xml/c14n.h"

/* Compare ours with libxml2's for all methods, for every apex and every subtree left out (both
 * up to `max_elements`). NULL where they agree, else a text that says where they do not. */
const char *c14n_compare(struct vs_bytes text, int max_elements);
#endif
