#include "relay/verification.h"
#include "formats/report/report_json.h"
#include "gateway/call.h"
#include "gateway/rest/rest.h"

enum { VERDICT_BYTES = 128 << 20, REPORT_BYTES = 8 << 20 };

/* A verdict of any signed document, by this service's trust: nothing is kept, no exchange is
 * judged. A document that cannot be judged at all is a problem with the code that says why. */
static vs_rc run_verify(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                        vs_time_ms now, struct vs_error *err)
{
    (void)job;
    VS_ARENA *arena = vs_arena_new(VERDICT_BYTES);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_bytes_source document;
    vs_bytes_source_init(&document, vs_request_body(request));
    struct vs_validation_input input = {
        .document = &document.source, .name = vs_request_query(request, "name"), .at = now};
    const struct vs_report *report;
    VS_TRY(vs_verify(relay, arena, &input, &report, err));
    VS_BUFFER json;
    struct vs_bytes body;
    vs_buffer_init(&json, REPORT_BYTES);
    VS_TRY(vs_report_json(report, false, &json, err));
    VS_TRY(vs_buffer_copy(&json, vs_request_arena(request), &body, err));
    vs_respond(request, 200, "application/json", body);
    return VS_OK;
}

vs_rc vs_rest_verify(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "name", err));
    VS_REFUSE_IF(vs_request_body(request).len == 0, err, VS_E_PARAMETER, NULL,
                 "the document to verify is the body, and it is empty");
    return vs_call(request, run_verify, NULL, err);
}
