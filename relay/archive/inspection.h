/* inspection.h - the supervising authority looks into a document (Art. 31.4).
 *
 * An auditor reads metadata and evidence as it is; content only by an act: an inspection, with
 * a reason, evidence and a journal entry, by which this principal may read this document's
 * content for VS_INSPECTION_MS. Parties do not see it among their evidence. */
#ifndef VS_RELAY_ARCHIVE_INSPECTION_H
#define VS_RELAY_ARCHIVE_INSPECTION_H
#include "relay/archive/deed.h"

#define VS_INSPECTION_MS VS_DAY_MS

/* VS_E_FORBIDDEN, VS_E_PARAMETER, VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_inspection_stage(struct vs_relay *relay, struct vs_job *job,
                                       const struct vs_caller *caller, struct vs_id document,
                                       const char *reason, vs_time_ms now, struct vs_deed *ret,
                                       struct vs_error *err);
/* VS_E_INSPECTION: the caller has begun no inspection of it that still holds. */
VS_NODISCARD vs_rc vs_inspection_check(struct vs_relay *relay, struct vs_arena *arena,
                                       const struct vs_caller *caller, struct vs_id document,
                                       struct vs_error *err);
#endif
