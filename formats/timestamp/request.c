#include "formats/timestamp/request.h"
#include "formats/crypto/der.h"

enum { REQUEST_MAX_BYTES = 4096, NUMBER_MAX = 64, STATUS_TEXTS_MAX = 16 };

void vs_timestamp_request_encode(const struct vs_timestamp_request *request,
                                 struct vs_buffer *to)
{
    size_t whole = vs_der_begin(to);
    vs_der_put_small(to, 1);
    size_t imprint = vs_der_begin(to);
    vs_buffer_add(to, vs_digest_der(request->imprint.algorithm));
    vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&request->imprint));
    vs_der_end(to, imprint, VS_DER_SEQUENCE);
    if (request->policy.len > 0)
        vs_der_put(to, VS_DER_OID, request->policy);
    if (request->nonce.len > 0)
        vs_der_put_unsigned(to, request->nonce);
    if (request->cert_req)
        vs_der_put_boolean(to, true);
    vs_der_end(to, whole, VS_DER_SEQUENCE);
}

static vs_rc refuse(enum vs_pki_failure failure, enum vs_pki_failure *ret_failure,
                    struct vs_error *err, const char *what)
{
    *ret_failure = failure;
    return vs_fail(err, VS_E_TIMESTAMP, "RFC 3161, 2.4.1", "time mark request: %s", what);
}

vs_rc vs_timestamp_request_decode(struct vs_bytes der, struct vs_timestamp_request *ret,
                                  enum vs_pki_failure *ret_failure, struct vs_error *err)
{
    struct vs_timestamp_request r = {.cert_req = false};
    struct vs_der at = vs_der_reader(der);
    struct vs_der whole = vs_der_enter(&at, VS_DER_SEQUENCE);
    int64_t version = vs_der_small(&whole);
    struct vs_der imprint = vs_der_enter(&whole, VS_DER_SEQUENCE);
    struct vs_bytes algorithm = vs_der_whole(&imprint, VS_DER_SEQUENCE);
    struct vs_bytes value = vs_der_take(&imprint, VS_DER_OCTET_STRING);
    vs_der_leave(&whole, &imprint);
    if (vs_der_peek(&whole) == VS_DER_OID)
        r.policy = vs_der_oid(&whole);
    vs_der_optional(&whole, VS_DER_INTEGER, &r.nonce);
    if (vs_der_peek(&whole) == VS_DER_BOOLEAN)
        r.cert_req = vs_der_boolean(&whole);
    bool extensions = vs_der_peek(&whole) == VS_DER_CONTEXT_CONSTRUCTED(0);
    if (extensions)
        (void)vs_der_element(&whole, NULL);
    vs_der_leave(&at, &whole);
    if (der.len > REQUEST_MAX_BYTES || !vs_der_done(&at) || r.nonce.len > NUMBER_MAX)
        return refuse(VS_PKI_BAD_DATA_FORMAT, ret_failure, err, "malformed");
    if (version != 1)
        return refuse(VS_PKI_BAD_REQUEST, ret_failure, err, "its version is not 1");
    /* RFC 3161, 2.4.1: what is not recognised is refused, critical or not. */
    if (extensions)
        return refuse(VS_PKI_UNACCEPTED_EXTENSION, ret_failure, err, "an extension");
    enum vs_digest_algorithm digest = vs_digest_by_der(algorithm);
    if (digest == VS_DIGEST_NONE)
        return refuse(VS_PKI_BAD_ALG, ret_failure, err, "a digest algorithm that is not known");
    if (!vs_ok(vs_digest_from_value(digest, value, &r.imprint, NULL)))
        return refuse(VS_PKI_BAD_DATA_FORMAT, ret_failure, err, "the digest's length");
    *ret = r;
    *ret_failure = VS_PKI_NONE;
    return VS_OK;
}

/* -- responses ----------------------------------------------------------------------------- */

/* PKIFailureInfo: bit 25 is the highest that has a name; DER's named bits, first bit highest.
 */
static uint32_t failure_bits(struct vs_der *info)
{
    struct vs_bytes v = vs_der_take(info, VS_DER_BIT_STRING);
    uint32_t bits = 0;
    if (info->failed || v.len < 1 || v.len > 5 || v.ptr[0] > 7) {
        info->failed = true;
        return 0;
    }
    for (unsigned i = 0; i < (v.len - 1) * 8; i++)
        if (v.ptr[1 + i / 8] & (0x80 >> i % 8))
            bits |= UINT32_C(1) << i;
    return bits;
}

vs_rc vs_timestamp_response_decode(struct vs_bytes der, struct vs_timestamp_response *ret,
                                   struct vs_error *err)
{
    struct vs_timestamp_response r = {.status = 0};
    struct vs_der at = vs_der_reader(der);
    struct vs_der whole = vs_der_enter(&at, VS_DER_SEQUENCE);
    struct vs_der info = vs_der_enter(&whole, VS_DER_SEQUENCE);
    struct vs_bytes texts;
    int64_t status = vs_der_small(&info);
    vs_der_optional(&info, VS_DER_SEQUENCE, &texts); /* for people; not ours to repeat */
    if (vs_der_peek(&info) == VS_DER_BIT_STRING)
        r.failure_bits = failure_bits(&info);
    vs_der_leave(&whole, &info);
    if (vs_der_more(&whole))
        r.token = vs_der_whole(&whole, VS_DER_SEQUENCE);
    vs_der_leave(&at, &whole);
    if (der.len > VS_TIMESTAMP_MAX_BYTES + 4096 || !vs_der_done(&at) || status > 5)
        return vs_fail(err, VS_E_TIMESTAMP, "RFC 3161, 2.4.2", "time mark response: malformed");
    r.status = (int)status;
    if ((r.status <= 1) != (r.token.len > 0))
        return vs_fail(err, VS_E_TIMESTAMP, "RFC 3161, 2.4.2",
                       "time mark response: status %d %s a token", r.status,
                       r.token.len > 0 ? "with" : "without");
    *ret = r;
    return VS_OK;
}

static vs_rc refused(const struct vs_timestamp_response *response, struct vs_error *err)
{
    uint32_t passing = UINT32_C(1) << VS_PKI_TIME_NOT_AVAILABLE | UINT32_C(1)
                                                                      << VS_PKI_SYSTEM_FAILURE;
    bool may_pass = response->status == 3 || (response->failure_bits & passing) != 0;
    return vs_fail(err, may_pass ? VS_E_TSA_AWAY : VS_E_TIMESTAMP, "RFC 3161, 2.4.2",
                   "the authority refused: status %d, failure bits %08x", response->status,
                   (unsigned)response->failure_bits);
}

/* The INTEGER's content against an unsigned number as given. */
static bool same_number(struct vs_bytes integer, struct vs_bytes number)
{
    while (number.len > 1 && number.ptr[0] == 0)
        number = VS_BYTES(number.ptr + 1, number.len - 1);
    if (integer.len > 1 && integer.ptr[0] == 0)
        integer = VS_BYTES(integer.ptr + 1, integer.len - 1);
    return vs_bytes_equal(integer, number);
}

vs_rc vs_timestamp_response_match(struct vs_arena *arena,
                                  const struct vs_timestamp_response *response,
                                  const struct vs_timestamp_request *request,
                                  const struct vs_timestamp **ret, struct vs_error *err)
{
    if (response->status > 1)
        return refused(response, err);
    const struct vs_timestamp *ts;
    VS_TRY(vs_timestamp_decode(arena, response->token, &ts, err));
    const char *clause = "RFC 3161, 2.2";
    VS_REFUSE_IF(!vs_timestamp_covers(ts, &request->imprint), err, VS_E_TIMESTAMP, clause,
                 "the token is over another digest than was sent");
    bool same_nonce = request->nonce.len == 0
                          ? ts->nonce.len == 0
                          : ts->nonce.len > 0 && same_number(ts->nonce, request->nonce);
    VS_REFUSE_IF(!same_nonce, err, VS_E_TIMESTAMP, clause, "the token bears another nonce");
    VS_REFUSE_IF(request->policy.len > 0 && !vs_bytes_equal(ts->policy, request->policy), err,
                 VS_E_TIMESTAMP, clause, "the token is under another policy");
    VS_REFUSE_IF(request->cert_req && ts->n_certificates == 0, err, VS_E_TIMESTAMP, clause,
                 "the authority's certificate was asked for");
    *ret = ts;
    return VS_OK;
}
