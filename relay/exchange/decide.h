/* decide.h - the agreement's decision about one document for one recipient: the third layer of
 * the verdict, after the technical one (EN 319 102-1) and the legal class (Art. 3).
 *
 * VS_OK: accepted. A refusal is a code of class VS_CLASS_REFUSED with its clause and one line
 * that says what is lacking; the caller makes it a SubmissionRejection. Pure but for memory. */
#ifndef VS_RELAY_DECIDE_H
#define VS_RELAY_DECIDE_H
#include "formats/document/requisites.h"
#include "formats/validation/validation.h"
#include "relay/exchange/agreements.h"

struct vs_offer {
    const struct vs_participant *sender;
    enum vs_document_form form;
    const struct vs_report *report; /* NULL: a form that is taken as it is, nothing verified */
    /* Of the call and document.xml together. */
    struct vs_requisites requisites;
    bool signed_requisites; /* a document.xml is among the signed data objects */
};

VS_NODISCARD vs_rc vs_decide(const struct vs_offer *offer,
                             const struct vs_participant *recipient,
                             const struct vs_terms *terms, struct vs_arena *arena,
                             struct vs_error *err);

/* Bit of enum vs_takes for a form. */
int64_t vs_takes_of(enum vs_document_form form);
/* The best class among the document's signatures; VS_LEGAL_NONE without any. */
enum vs_legal_class vs_offer_class(const struct vs_offer *offer);
#endif
