/* process.h - the validation processes of EN 319 102-1 over one signature: basic (5.3), with
 * time (5.5), and past validation by the proofs of existence that time marks give (5.6). */
#ifndef VS_FORMATS_VALIDATION_PROCESS_H
#define VS_FORMATS_VALIDATION_PROCESS_H
#include "formats/validation/context.h"
#include "formats/validation/subject.h"

/* Judge `subject`, append its report and those of its time marks. Only memory and what the
 * subject's imprint function fails with can fail. */
VS_NODISCARD vs_rc vs_process_signature(struct vs_context *context,
                                        const struct vs_subject *subject, struct vs_error *err);

/* Art. 3 (legal_facts.c): what the certificate and its anchor say, then vs_legal_classify. */
void vs_legal_judge(struct vs_context *context, const struct vs_subject *subject,
                    const struct vs_anchor *anchor, struct vs_signature_report *report);
#endif
