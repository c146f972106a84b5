/* The OCSP responder and the time-stamping authority. */
#include "formats/certificate/ocsp_make.h"
#include "relay/centre/centre_priv.h"

/* -- OCSP ---------------------------------------------------------------------------------- */

static vs_rc look_up(struct vs_centre *centre, struct vs_arena *arena,
                     const struct vs_cert_id *id, vs_time_ms now, struct vs_statement *ret,
                     struct vs_error *err)
{
    *ret = (struct vs_statement){
        .status = VS_STATUS_UNKNOWN,
        .revoked_at = VS_TIME_NONE,
        .reason = -1,
        .this_update = now - now % VS_SECOND_MS,
        .next_update = now - now % VS_SECOND_MS + centre->settings.ocsp_ms,
        .archive_cutoff = centre->authorities[ROOT]->not_before,
    };
    if (!vs_cert_id_of_issuer(id, centre->authorities[CA]))
        return VS_OK;
    const struct vs_row *row;
    VS_TRY(vs_centre_row(centre, arena, id->serial, &row, err));
    if (row == NULL ||
        !vs_bytes_is(row->values[VS_CERTIFICATE_ISSUER].bytes, authority_name(CA)))
        return VS_OK;
    switch (vs_centre_state(row, now)) {
    case VS_CERTIFICATE_VALID:
        ret->status = VS_STATUS_GOOD;
        return VS_OK;
    case VS_CERTIFICATE_SUSPENDED:
        ret->status = VS_STATUS_ON_HOLD;
        break;
    case VS_CERTIFICATE_REVOKED:
        ret->status = VS_STATUS_REVOKED;
        ret->reason = (int)row->values[VS_CERTIFICATE_REASON].integer;
        break;
    }
    ret->revoked_at = row->values[VS_CERTIFICATE_SINCE].integer;
    return VS_OK;
}

/* RFC 6960, 2.3: a responder answers for its own authority's certificates only. */
static bool is_ours(struct vs_centre *centre, const struct vs_ocsp_request *request)
{
    for (size_t i = 0; i < request->n_ids; i++)
        if (vs_cert_id_of_issuer(&request->ids[i], centre->authorities[CA]))
            return true;
    return false;
}

static vs_rc answer(struct vs_centre *centre, struct vs_arena *arena,
                    const struct vs_ocsp_request *request, vs_time_ms now, struct vs_buffer *to,
                    struct vs_error *err)
{
    struct vs_ocsp_answer *answers =
        vs_arena_make_n(arena, struct vs_ocsp_answer, request->n_ids);
    if (answers == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < request->n_ids; i++) {
        answers[i].cert_id = request->raw_ids[i];
        VS_TRY(look_up(centre, arena, &request->ids[i], now, &answers[i].statement, err));
    }
    struct vs_signer signer;
    if (!vs_keys_has(centre->keys, VS_PURPOSE_OCSP))
        return vs_fail(err, VS_E_KEY, NULL, "there is no OCSP signer");
    struct vs_certificate *own = vs_keys_signer(centre->keys, VS_PURPOSE_OCSP, &signer);
    struct vs_ocsp_responder responder = {own->der, &signer};
    return vs_ocsp_make(&responder, answers, request->n_ids, request->nonce, now, to, err);
}

vs_rc vs_centre_ocsp(struct vs_centre *centre, struct vs_bytes request, vs_time_ms now,
                     struct vs_buffer *response, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)4 * 1024 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_ocsp_request decoded;
    struct vs_error why;
    if (!vs_ok(vs_ocsp_request_decode(arena, request, &decoded, &why)))
        vs_ocsp_put_failure(VS_OCSP_MALFORMED_REQUEST, response);
    else if (!is_ours(centre, &decoded))
        vs_ocsp_put_failure(VS_OCSP_UNAUTHORIZED, response);
    else
        VS_TRY(answer(centre, arena, &decoded, now, response, err));
    return vs_buffer_check(response, err);
}

/* -- TSA ----------------------------------------------------------------------------------- */

void vs_centre_tsa_stop(struct vs_centre *centre, bool stopped)
{
    atomic_store(&centre->tsa_stopped, stopped);
}

vs_rc vs_centre_tsa(struct vs_centre *centre, struct vs_bytes request,
                    struct vs_buffer *response, struct vs_error *err)
{
    const struct marker *marker = atomic_load(&centre->marker);
    if (marker == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "this service marks no times");
    vs_time_ms now = centre->seams->now_ms(centre->seams->context);
    struct vs_id serial = vs_id_new(centre->seams, now);
    struct vs_tsa_moment moment = {
        .time = now, .serial = vs_id_bytes(&serial), .signer = &marker->signer};
    if (atomic_load(&centre->tsa_stopped) || !vs_certificate_in_force(marker->certificate, now))
        moment.time = VS_TIME_NONE;
    enum vs_pki_failure refusal;
    return vs_tsa_answer(marker->tsa, request, &moment, response, &refusal, err);
}

vs_rc vs_centre_tsa_embedded(void *context, struct vs_bytes request, struct vs_buffer *response,
                             struct vs_error *err)
{
    return vs_centre_tsa(context, request, response, err);
}
