/* reasons.h - lists of reasons that grow in an arena. */
#ifndef VS_FORMATS_VALIDATION_REASONS_H
#define VS_FORMATS_VALIDATION_REASONS_H
#include "formats/validation/report.h"

/* Append one; `clause` is static. A full arena loses the reason, never the verdict: whoever
 * cannot allocate a reason fails soon after for want of memory. */
void vs_reason_add(struct vs_arena *arena, struct vs_reasons *list, const char *clause,
                   const char *fmt, ...) VS_PRINTF(4, 5);
/* Append the reason that a failure carries. */
void vs_reason_add_error(struct vs_arena *arena, struct vs_reasons *list,
                         const struct vs_error *err);

/* `*verdict` becomes {indication, sub} where that is worse; an equal one keeps the first. */
void vs_verdict_worsen(struct vs_verdict *verdict, enum vs_indication indication,
                       enum vs_sub_indication sub);
#endif
