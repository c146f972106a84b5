/* report_json.h - a validation report as JSON: the output of `vasite verify --json` and of
 * REST.
 *
 *   {"indication", "sub_indication", "form", "validation_time",
 *    "signatures": [{"id", "indication", "sub_indication", "level", "signed_by",
 *                    "best_signature_time", "claimed_signing_time", "legal_class", …,
 *                    "errors": [], "warnings": []}],
 *    "timestamps": [{"indication", "sub_indication", …}], "evidence_records": [{…}],
 *    "data": [{"name", "size", "covered"}], "needs": […], "errors": [], "warnings": []}
 *
 * Members only ever get more. Absent values are null, times RFC 3339 UTC, a reason is
 * {"clause", "text"}; the overall indication is the worst one. */
#ifndef VS_FORMATS_REPORT_REPORT_JSON_H
#define VS_FORMATS_REPORT_REPORT_JSON_H
#include "formats/validation/report.h"

/* Appends one JSON object without a final newline; indented where `pretty`.
 * Fails: VS_E_NOMEM, VS_E_LIMIT (the buffer's maximum). */
VS_NODISCARD vs_rc vs_report_json(const struct vs_report *report, bool pretty,
                                  struct vs_buffer *out, struct vs_error *err);
/* {"error":{"code","message","clause"}}: what stands for a report where the file is refused. */
VS_NODISCARD vs_rc vs_report_json_refusal(const struct vs_error *refusal, struct vs_buffer *out,
                                          struct vs_error *err);
#endif
