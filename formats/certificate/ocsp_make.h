/* ocsp_make.h - be an OCSP responder: make an OCSPResponse (RFC 6960).
 *
 * The state of a certificate and the times come from the caller (relay/centre has the
 * register); nothing is looked up here. Reading requests, and responses: ocsp.h. */
#ifndef VS_FORMATS_CERTIFICATE_OCSP_MAKE_H
#define VS_FORMATS_CERTIFICATE_OCSP_MAKE_H
#include "formats/certificate/ocsp.h"
#include "formats/crypto/signer.h"

/* Responses without content: any status but VS_OCSP_SUCCESSFUL. */
void vs_ocsp_put_failure(enum vs_ocsp_response_status failure, struct vs_buffer *to);

struct vs_ocsp_answer {
    struct vs_bytes cert_id; /* the whole CertID as it was asked (vs_ocsp_request.raw_ids) */
    /* status, revoked_at, reason, this_update, next_update, archive_cutoff are written; on hold
     * is revoked with the reason certificateHold. */
    struct vs_statement statement;
};

struct vs_ocsp_responder {
    struct vs_bytes certificate; /* DER: goes along */
    const struct vs_signer *signer;
};

/* Append a successful OCSPResponse. `nonce`: its content (vs_ocsp_request.nonce), empty: none.
 * The responder is named by its key (RFC 6960, 4.2.1: SHA-1 of the key bits). */
VS_NODISCARD vs_rc vs_ocsp_make(const struct vs_ocsp_responder *responder,
                                const struct vs_ocsp_answer *answers, size_t n_answers,
                                struct vs_bytes nonce, vs_time_ms produced,
                                struct vs_buffer *to, struct vs_error *err);
#endif
