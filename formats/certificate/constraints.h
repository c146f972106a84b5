/* constraints.h - what certificates of a path demand of those below them: names and policies
 * (RFC 5280, 4.2.1.10, 4.2.1.11, 4.2.1.14, 6.1).
 *
 * Names: directory names, DNS names, e-mail addresses and URIs' hosts are compared; an address
 * or other form that is constrained and present fails. Policies: the sets along the path are
 * intersected; mappings are not applied: NOT DONE: RFC 5280, 6.1.4 (a), (b). A path that needs
 * them fails. */
#ifndef VS_FORMATS_CERTIFICATE_CONSTRAINTS_H
#define VS_FORMATS_CERTIFICATE_CONSTRAINTS_H
#include "formats/certificate/certificate.h"

/* `path` from the certificate to the anchor, whose constraints count too. On false the other
 * results are set: static phrases. */
bool vs_constraints_hold(const struct vs_certificate *const *path, size_t n,
                         size_t *ret_culprit, const char **ret_why, const char **ret_clause);
#endif
