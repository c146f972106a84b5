/* legal_class.h - which force a signature has under the law: Art. 3, from the technical
 * verdict.
 *
 * Handwritten force (3.2) needs all of: TOTAL-PASSED; a natural person as holder; an issuer
 * accredited at issue and at the best signature time; a qualified certificate; certified means
 * (QcSSCD). The same with authority data in the certificate counts as handwritten and stamped
 * (3.3). What is lacking is named, and the class falls to enhanced; an organisation's seal is
 * enhanced at most.
 *
 *   TOTAL-FAILED by form, digest or value        no class
 *   value verifies, certificate expired,         simple, with the ground of 12.9 (3.1: a
 *   suspended, revoked, unknown or absent        signature is not void for that alone)
 *   any other INDETERMINATE                      not determined: what is missing, and the class
 *                                                within reach */
#ifndef VS_FORMATS_VALIDATION_LEGAL_CLASS_H
#define VS_FORMATS_VALIDATION_LEGAL_CLASS_H
#include "formats/validation/report.h"

struct vs_legal_facts {
    bool value_verifies;  /* digests and signature value, with the certificate's key or a bare
                             one */
    bool certificate;     /* one was identified */
    bool natural_person;  /* it names a person, or a pseudonym marked as one */
    bool authority;       /* and whom or what that person acts for */
    bool accredited;      /* issuer, at issue and at best signature time */
    bool qualified;       /* QCStatements or the trusted list's word */
    bool certified_means; /* QcSSCD or the trusted list's word */
};

/* Fills legal_class, legal_reach, legal_lacks and stages of `report`, whose verdict is final.
 */
void vs_legal_classify(struct vs_arena *arena, const struct vs_legal_facts *facts,
                       struct vs_signature_report *report);
#endif
