/* identity.h - which participant a certificate's subject names.
 *
 * Certificates carry identifiers in the semantics of EN 319 412-1, 5.1.3 and 5.1.4: the VÖEN of
 * an organisation as organizationIdentifier VATAZ-1234567891, the FİN of a person as
 * serialNumber PNOAZ-7ABCDEF. Participants have them as voen:1234567891 and fin:7ABCDEF; other
 * schemes stand in both places as they are (gln:…). Nothing here says that the certificate is
 * worth anything. */
#ifndef VS_FORMATS_CERTIFICATE_IDENTITY_H
#define VS_FORMATS_CERTIFICATE_IDENTITY_H
#include "formats/certificate/certificate.h"

/* "voen:1234567891" -> "VATAZ-1234567891". NULL: the arena is full. */
const char *vs_identity_encode(struct vs_arena *arena, const char *identifier);
/* The reverse; NULL where the text is no identifier, or the arena is full. */
const char *vs_identity_decode(struct vs_arena *arena, const char *semantics);

struct vs_identity {
    const char *organisation; /* "voen:…", NULL where the subject states none */
    const char *person;       /* "fin:…" */
};
/* What the subject of `certificate` states, in `arena`. */
struct vs_identity vs_identity_of(struct vs_arena *arena,
                                  const struct vs_certificate *certificate);
/* Whether `identifier` is one of them, compared exactly. */
bool vs_identity_has(const struct vs_identity *identity, const char *identifier);
#endif
