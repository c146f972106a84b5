#include "gateway/trust/trust.h"
#include "gateway/call.h"
#include "relay/centre/centre.h"

#define RESPONSE_MAX ((size_t)512 * 1024)

/* Answers may be kept by nobody: a revocation shows from the moment it was entered. */
static vs_rc respond(struct vs_request *request, const char *media_type,
                     const struct vs_buffer *body, struct vs_error *err)
{
    struct vs_bytes copy;
    VS_TRY(vs_buffer_copy(body, vs_request_arena(request), &copy, err));
    vs_respond_header(request, "Cache-Control", "no-cache");
    vs_respond(request, 200, media_type, copy);
    return VS_OK;
}

/* -- time marks ---------------------------------------------------------------------------- */

static vs_rc run_tsa(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)job, (void)now; /* the token's time is read when it is made */
    VS_BUFFER response;
    vs_buffer_init(&response, RESPONSE_MAX);
    VS_TRY(vs_centre_tsa(vs_relay_centre(relay), vs_request_body(request), &response, err));
    return respond(request, "application/timestamp-reply", &response, err);
}

vs_rc vs_trust_tsa(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_tsa, NULL, err);
}

/* -- OCSP ---------------------------------------------------------------------------------- */

static vs_rc answer_ocsp(struct vs_relay *relay, struct vs_request *request,
                         struct vs_bytes question, vs_time_ms now, struct vs_error *err)
{
    VS_BUFFER response;
    vs_buffer_init(&response, RESPONSE_MAX);
    VS_TRY(vs_centre_ocsp(vs_relay_centre(relay), question, now, &response, err));
    return respond(request, "application/ocsp-response", &response, err);
}

static vs_rc run_ocsp_post(struct vs_relay *relay, struct vs_job *job,
                           struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)job;
    return answer_ocsp(relay, request, vs_request_body(request), now, err);
}

vs_rc vs_trust_ocsp_post(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_ocsp_post, NULL, err);
}

/* RFC 6960, A.1: {url}/{url-encoding of base64 encoding of the DER encoding}. What is no base64
 * is answered as what is no request. */
static vs_rc run_ocsp_get(struct vs_relay *relay, struct vs_job *job,
                          struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)job;
    struct vs_bytes question = VS_BYTES_NONE;
    struct vs_error why;
    const char *text = vs_request_param(request, "request");
    if (!vs_ok(
            vs_base64_decode(vs_request_arena(request), vs_bytes_text(text), &question, &why)))
        question = VS_BYTES_NONE;
    return answer_ocsp(relay, request, question, now, err);
}

vs_rc vs_trust_ocsp_get(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_ocsp_get, NULL, err);
}

/* -- files --------------------------------------------------------------------------------- */

/* The {file} without `ending`. VS_E_NOT_FOUND where it has another one. */
static vs_rc file_name(struct vs_request *request, const char *ending, const char **ret,
                       struct vs_error *err)
{
    const char *file = vs_request_param(request, "file");
    size_t len = strlen(file), tail = strlen(ending);
    VS_REFUSE_IF(len <= tail || !vs_text_equal(file + len - tail, ending), err, VS_E_NOT_FOUND,
                 NULL, "no such file");
    *ret = vs_arena_strndup(vs_request_arena(request), file, len - tail);
    return *ret == NULL ? vs_fail_memory(err) : VS_OK;
}

static vs_rc run_crl(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    const char *name;
    struct vs_bytes der;
    VS_TRY(file_name(request, ".crl", &name, err));
    VS_TRY(vs_centre_crl(vs_relay_centre(relay), job->arena, name, now, &der, err));
    vs_respond_header(request, "Cache-Control", "no-cache");
    vs_respond(request, 200, "application/pkix-crl", der);
    return VS_OK;
}

vs_rc vs_trust_crl(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_crl, NULL, err);
}

static vs_rc run_certificate(struct vs_relay *relay, struct vs_job *job,
                             struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)now;
    const char *name;
    struct vs_bytes der;
    VS_TRY(file_name(request, ".cer", &name, err));
    VS_TRY(vs_centre_certificate(vs_relay_centre(relay), job->arena, name, &der, err));
    vs_respond(request, 200, "application/pkix-cert", der);
    return VS_OK;
}

vs_rc vs_trust_certificate(struct vs_request *request, struct vs_error *err)
{
    return vs_call(request, run_certificate, NULL, err);
}
