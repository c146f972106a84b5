/* acknowledgement.h - the recipient's statement about a document, to be signed (Art. 27.4).
 *
 * It lies in acknowledgement.xml, a signed data object of an ASiC container; its schema is
 * acknowledgement.xsd beside this file. Here it is read and made; that it is signed, by whom,
 * and that it is about the document in question is relay's matter (relay/exchange/reply.h).
 *
 * Reading is strict: what the schema does not know is refused. */
#ifndef VS_FORMATS_DOCUMENT_ACKNOWLEDGEMENT_H
#define VS_FORMATS_DOCUMENT_ACKNOWLEDGEMENT_H
#include "formats/base/base.h"

#define VS_STATEMENT_NAME      "acknowledgement.xml"
#define VS_STATEMENT_TYPE      "application/vnd.vasite.acknowledgement+xml"
#define VS_STATEMENT_NAMESPACE "urn:vasite:acknowledgement:1"
#define VS_STATEMENT_MAX_BYTES ((size_t)64 * 1024)

struct vs_statement {
    const char *document; /* its id: 32 hex digits */
    uint8_t sha256[32];   /* of its bytes */
    bool conforms;        /* false where it does not say so */
    const char *reason;   /* NULL: none */
};

/* VS_E_XML and its kin; VS_E_REQUISITES where it is not what the schema says, naming what. */
VS_NODISCARD vs_rc vs_statement_read(struct vs_arena *arena, struct vs_bytes xml,
                                     struct vs_statement *ret, struct vs_error *err);
/* What read takes, valid against the schema. VS_E_REQUISITES on values that it does not allow.
 */
VS_NODISCARD vs_rc vs_statement_make(struct vs_arena *arena,
                                     const struct vs_statement *statement, struct vs_bytes *ret,
                                     struct vs_error *err);
#endif
