/* Whatever bytes come: a report or a refusal, never a crash, never TOTAL-PASSED without trust.
 */
#include "formats/formats.h"
#include "formats/validation/validation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    struct vs_error err;
    struct vs_bytes_source source;
    const struct vs_report *report;
    struct vs_policy policy = *vs_policy_default();
    if (!started)
        VS_ASSERT(vs_ok(vs_formats_init(&err)));
    started = true;
    VS_ARENA *arena = vs_arena_new((size_t)64 << 20);
    VS_ASSERT(arena != NULL);
    vs_bytes_source_init(&source, VS_BYTES(data, size));
    policy.report_unsigned_files = true;
    struct vs_validation_input input = {
        .document = &source.source, .at = INT64_C(1790000000000), .policy = &policy};
    if (vs_ok(vs_validate(arena, &input, &report, &err)))
        VS_ASSERT(report->verdict.indication != VS_PASSED);
    return 0;
}
