/* request.h - RFC 3161 requests, and responses as a client reads them. */
#ifndef VS_FORMATS_TIMESTAMP_REQUEST_H
#define VS_FORMATS_TIMESTAMP_REQUEST_H
#include "formats/timestamp/timestamp.h"

struct vs_timestamp_request {
    struct vs_digest imprint;
    struct vs_bytes policy; /* content octets of the OID asked for, or empty */
    struct vs_bytes nonce;  /* content octets of the INTEGER, or empty */
    bool cert_req;
};

/* Why a request cannot be answered: RFC 3161, 2.4.2, PKIFailureInfo bit numbers. */
enum vs_pki_failure {
    VS_PKI_NONE = -1,
    VS_PKI_BAD_ALG = 0,
    VS_PKI_BAD_REQUEST = 2,
    VS_PKI_BAD_DATA_FORMAT = 5,
    VS_PKI_TIME_NOT_AVAILABLE = 14,
    VS_PKI_UNACCEPTED_POLICY = 15,
    VS_PKI_UNACCEPTED_EXTENSION = 16,
    VS_PKI_ADD_INFO_NOT_AVAILABLE = 17,
    VS_PKI_SYSTEM_FAILURE = 25,
};

/* Append a DER TimeStampReq. `nonce`: an unsigned big-endian number, or empty. */
void vs_timestamp_request_encode(const struct vs_timestamp_request *request,
                                 struct vs_buffer *to);
/* Views point into `der`. VS_E_TIMESTAMP with `*ret_failure` saying which refusal fits. */
VS_NODISCARD vs_rc vs_timestamp_request_decode(struct vs_bytes der,
                                               struct vs_timestamp_request *ret,
                                               enum vs_pki_failure *ret_failure,
                                               struct vs_error *err);

struct vs_timestamp_response {
    int status; /* PKIStatus: 0 granted, 1 granted with modifications, 2 rejection … */
    uint32_t failure_bits; /* bit n: failInfo bit n */
    struct vs_bytes token; /* ContentInfo where status is 0 or 1 */
};
/* Views point into `der`. VS_E_TIMESTAMP: malformed, or a token without a grant or the reverse.
 */
VS_NODISCARD vs_rc vs_timestamp_response_decode(struct vs_bytes der,
                                                struct vs_timestamp_response *ret,
                                                struct vs_error *err);

/* The client's checks of RFC 3161, 2.2: granted, same imprint, same nonce, the policy asked
 * for. Decodes the token. VS_E_TIMESTAMP: it does not answer this request; VS_E_TSA_AWAY:
 * refused with a failure that may pass (time not available, system failure, waiting). */
VS_NODISCARD vs_rc vs_timestamp_response_match(struct vs_arena *arena,
                                               const struct vs_timestamp_response *response,
                                               const struct vs_timestamp_request *request,
                                               const struct vs_timestamp **ret,
                                               struct vs_error *err);
#endif
