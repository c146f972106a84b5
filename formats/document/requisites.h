/* requisites.h - the general part of a document (Art. 22): to whom, from whom, what it is.
 *
 * The requisites lie in document.xml, a signed data object of the container; its schema is
 * document.xsd beside this file. Here they are read and made; that they are signed is the
 * signature's matter, that they agree with the call and with the exchange agreement is relay's.
 *
 * Reading is strict: what the schema does not know is refused, so that no reader sees a
 * requisite that another does not. */
#ifndef VS_FORMATS_DOCUMENT_REQUISITES_H
#define VS_FORMATS_DOCUMENT_REQUISITES_H
#include "formats/base/base.h"

#define VS_REQUISITES_NAME           "document.xml"
#define VS_REQUISITES_TYPE           "application/vnd.vasite.document+xml"
#define VS_REQUISITES_NAMESPACE      "urn:vasite:document:1"
#define VS_REQUISITES_MAX_BYTES      ((size_t)1024 * 1024)
#define VS_REQUISITES_MAX_RECIPIENTS 1000

/* All text is UTF-8 without control characters; NULL: not given. */
struct vs_party {
    const char *identifier; /* "voen:1234567891"; a sender may leave it out, a recipient not */
    const char *name;
    const char *address;
    const char *telephone;
    const char *fax;
    const char *email;
    const char *person; /* entitled to confirm (Rule of exchange) */
};

/* Whose eyes it is for. A state secret is not for this service (Art. 32.2). */
enum vs_marking { VS_MARKING_NONE, VS_MARKING_RESTRICTED, VS_MARKING_STATE_SECRET };

struct vs_requisites {
    struct vs_party sender;
    bool has_sender;
    const struct vs_party *recipients;
    size_t n_recipients;
    const char *subject;
    const char *number;          /* registration number */
    const char *date;            /* xs:date of the document, as its author wrote it */
    vs_time_ms deadline;         /* for the acknowledgement (27.5), VS_TIME_NONE: none */
    const char *retention_class; /* [a-z0-9-]{1,64} */
    enum vs_marking marking;
    const char *repeats; /* id of the document that this one intends to repeat (27.3.3) */
};

/* Read document.xml. VS_E_XML and its kin; VS_E_REQUISITES where it is not what the schema
 * says, naming the element. */
VS_NODISCARD vs_rc vs_requisites_read(struct vs_arena *arena, struct vs_bytes xml,
                                      struct vs_requisites *ret, struct vs_error *err);

/* Make document.xml, valid against the schema; what read takes. VS_E_REQUISITES on values that
 * the schema does not allow. */
VS_NODISCARD vs_rc vs_requisites_make(struct vs_arena *arena,
                                      const struct vs_requisites *requisites,
                                      struct vs_bytes *ret, struct vs_error *err);

/* Whether the requisite of this name (as an agreement lists it: "sender", "recipient",
 * "subject", "date", "number", "address", "telephone", "fax", "email", "person", "deadline",
 * "retention-class") is given. *known says whether there is such a requisite. */
bool vs_requisites_has(const struct vs_requisites *requisites, const char *name, bool *known);
#endif
