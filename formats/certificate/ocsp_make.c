#include "formats/certificate/ocsp_make.h"
#include "formats/certificate/issue.h"
#include "formats/crypto/der_writer.h"

#define OID_NONCE "1.3.6.1.5.5.7.48.1.2"

/* -- the request ----------------------------------------------------------------------------
 */

static void read_asked(struct vs_der *list, struct vs_ocsp_asked *ret)
{
    struct vs_der request = vs_der_enter(list, VS_DER_SEQUENCE);
    ret->cert_id = vs_der_whole(&request, VS_DER_SEQUENCE);
    struct vs_bytes extensions;
    (void)vs_der_optional(&request, VS_DER_CONTEXT_CONSTRUCTED(0), &extensions);
    vs_der_leave(list, &request);

    struct vs_der outer = vs_der_reader(ret->cert_id);
    struct vs_der id = vs_der_enter(&outer, VS_DER_SEQUENCE);
    ret->digest = vs_digest_by_der(vs_der_whole(&id, VS_DER_SEQUENCE));
    ret->issuer_name_hash = vs_der_take(&id, VS_DER_OCTET_STRING);
    ret->issuer_key_hash = vs_der_take(&id, VS_DER_OCTET_STRING);
    ret->serial = vs_der_unsigned(&id, 20);
    vs_der_leave(&outer, &id);
    list->failed = list->failed || !vs_der_done(&outer);
}

/* Only the nonce is understood; any other extension may be ignored (RFC 6960, 4.4), a critical
 * one may not. */
static bool read_extensions(struct vs_bytes content, struct vs_ocsp_query *ret)
{
    struct vs_der outer = vs_der_reader(content);
    struct vs_der list = vs_der_enter(&outer, VS_DER_SEQUENCE);
    bool understood = true;
    while (vs_der_more(&list)) {
        struct vs_der one = vs_der_enter(&list, VS_DER_SEQUENCE);
        struct vs_bytes oid = vs_der_oid(&one);
        bool critical = vs_der_peek(&one) == VS_DER_BOOLEAN && vs_der_boolean(&one);
        struct vs_bytes value = vs_der_take(&one, VS_DER_OCTET_STRING);
        vs_der_leave(&list, &one);
        static const uint8_t nonce[] = {0x2B, 6, 1, 5, 5, 7, 0x30, 1, 2};
        if (vs_bytes_equal(oid, VS_BYTES(nonce, sizeof nonce)))
            ret->nonce = value;
        else if (critical)
            understood = false;
    }
    vs_der_leave(&outer, &list);
    return understood && vs_der_done(&outer);
}

/* TBSRequest, RFC 6960, 4.1.1. */
static bool read_request(struct vs_der *tbs, struct vs_ocsp_query *ret, bool *ret_too_many)
{
    struct vs_bytes version, requestor, extensions;
    (void)vs_der_optional(tbs, VS_DER_CONTEXT_CONSTRUCTED(0), &version);
    (void)vs_der_optional(tbs, VS_DER_CONTEXT_CONSTRUCTED(1), &requestor);
    struct vs_der list = vs_der_enter(tbs, VS_DER_SEQUENCE);
    while (vs_der_more(&list) && ret->n_asked < VS_OCSP_MAX_ASKED)
        read_asked(&list, &ret->asked[ret->n_asked++]);
    *ret_too_many = vs_der_more(&list);
    if (*ret_too_many)
        return false;
    vs_der_leave(tbs, &list);
    if (vs_der_optional(tbs, VS_DER_CONTEXT_CONSTRUCTED(2), &extensions) &&
        !read_extensions(extensions, ret))
        return false;
    return vs_der_done(tbs) && ret->n_asked > 0 && ret->nonce.len <= VS_OCSP_NONCE_MAX;
}

vs_rc vs_ocsp_query_decode(struct vs_bytes der, struct vs_ocsp_query *ret, struct vs_error *err)
{
    VS_REFUSE_IF(der.len > VS_OCSP_REQUEST_MAX, err, VS_E_LIMIT, NULL,
                 "an OCSP request of %zu bytes", der.len);
    *ret = (struct vs_ocsp_query){.n_asked = 0};
    struct vs_der outer = vs_der_reader(der);
    struct vs_der request = vs_der_enter(&outer, VS_DER_SEQUENCE);
    struct vs_der tbs = vs_der_enter(&request, VS_DER_SEQUENCE);
    bool too_many = false;
    bool sound = read_request(&tbs, ret, &too_many);
    VS_REFUSE_IF(too_many, err, VS_E_LIMIT, NULL, "more than %d certificates are asked about",
                 VS_OCSP_MAX_ASKED);
    struct vs_bytes signature;
    (void)vs_der_optional(&request, VS_DER_CONTEXT_CONSTRUCTED(0), &signature);
    vs_der_leave(&outer, &request);
    if (!sound || !vs_der_done(&outer))
        return vs_fail(err, VS_E_SYNTAX, "RFC 6960, 4.1.1", "not exactly one OCSPRequest");
    return VS_OK;
}

bool vs_ocsp_asked_issuer_is(const struct vs_ocsp_asked *asked, struct vs_bytes issuer_name,
                             struct vs_bytes issuer_key_bits)
{
    if (asked->digest == VS_DIGEST_NONE)
        return false;
    struct vs_digest name, key;
    vs_digest_of(asked->digest, issuer_name, &name);
    vs_digest_of(asked->digest, issuer_key_bits, &key);
    return vs_bytes_equal(asked->issuer_name_hash, vs_digest_bytes(&name)) &&
           vs_bytes_equal(asked->issuer_key_hash, vs_digest_bytes(&key));
}

/* -- the response ---------------------------------------------------------------------------
 */

void vs_ocsp_put_failure(enum vs_ocsp_failure failure, struct vs_buffer *to)
{
    uint8_t status = (uint8_t)failure;
    size_t at = vs_der_begin(to);
    vs_der_put(to, VS_DER_ENUMERATED, VS_BYTES(&status, 1));
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_extension(const char *oid, struct vs_bytes value, struct vs_buffer *to)
{
    size_t at = vs_der_begin(to);
    vs_der_put_oid(to, oid);
    vs_der_put(to, VS_DER_OCTET_STRING, value);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_state(const struct vs_ocsp_answer *answer, struct vs_buffer *to)
{
    if (answer->state != VS_OCSP_REVOKED) {
        vs_der_put(to, VS_DER_CONTEXT(answer->state == VS_OCSP_GOOD ? 0 : 2), VS_BYTES_NONE);
        return;
    }
    size_t at = vs_der_begin(to);
    vs_der_put_time(to, answer->revoked, false);
    if (answer->reason >= 0) {
        uint8_t reason = (uint8_t)answer->reason;
        size_t tagged = vs_der_begin(to);
        vs_der_put(to, VS_DER_ENUMERATED, VS_BYTES(&reason, 1));
        vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
    }
    vs_der_end(to, at, VS_DER_CONTEXT_CONSTRUCTED(1));
}

static void put_answer(const struct vs_ocsp_answer *answer, struct vs_buffer *to)
{
    size_t at = vs_der_begin(to);
    vs_buffer_add(to, answer->cert_id);
    put_state(answer, to);
    vs_der_put_time(to, answer->this_update, false);
    if (answer->next_update != VS_TIME_NONE) {
        size_t tagged = vs_der_begin(to);
        vs_der_put_time(to, answer->next_update, false);
        vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
    }
    if (answer->archive_cutoff != VS_TIME_NONE) {
        VS_BUFFER value;
        vs_buffer_init(&value, 64);
        vs_der_put_time(&value, answer->archive_cutoff, false);
        size_t tagged = vs_der_begin(to), list = vs_der_begin(to);
        put_extension("1.3.6.1.5.5.7.48.1.6", vs_buffer_view(&value), to);
        vs_der_end(to, list, VS_DER_SEQUENCE);
        vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(1));
    }
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

/* The key identifier of RFC 5280's method 1 is the KeyHash of ResponderID. */
static vs_rc responder_key(struct vs_bytes certificate, uint8_t ret[20], struct vs_error *err)
{
    struct vs_der outer = vs_der_reader(certificate);
    struct vs_der whole = vs_der_enter(&outer, VS_DER_SEQUENCE);
    struct vs_der tbs = vs_der_enter(&whole, VS_DER_SEQUENCE);
    struct vs_bytes version;
    (void)vs_der_optional(&tbs, VS_DER_CONTEXT_CONSTRUCTED(0), &version);
    (void)vs_der_whole(&tbs, VS_DER_INTEGER);
    for (int i = 0; i < 4; i++) /* signature, issuer, validity, subject */
        (void)vs_der_whole(&tbs, VS_DER_SEQUENCE);
    return vs_key_identifier(vs_der_whole(&tbs, VS_DER_SEQUENCE), ret, err);
}

static vs_rc put_response_data(const struct vs_ocsp_responder *responder,
                               const struct vs_ocsp_answer *answers, size_t n_answers,
                               struct vs_bytes nonce, vs_time_ms produced, struct vs_buffer *to,
                               struct vs_error *err)
{
    uint8_t key[20];
    VS_TRY(responder_key(responder->certificate, key, err));
    size_t data = vs_der_begin(to), id = vs_der_begin(to);
    vs_der_put(to, VS_DER_OCTET_STRING, VS_BYTES(key, sizeof key));
    vs_der_end(to, id, VS_DER_CONTEXT_CONSTRUCTED(2));
    vs_der_put_time(to, produced, false);
    size_t list = vs_der_begin(to);
    for (size_t i = 0; i < n_answers; i++)
        put_answer(&answers[i], to);
    vs_der_end(to, list, VS_DER_SEQUENCE);
    if (nonce.len > 0) {
        size_t tagged = vs_der_begin(to), extensions = vs_der_begin(to);
        put_extension(OID_NONCE, nonce, to);
        vs_der_end(to, extensions, VS_DER_SEQUENCE);
        vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(1));
    }
    vs_der_end(to, data, VS_DER_SEQUENCE);
    return vs_buffer_check(to, err);
}

vs_rc vs_ocsp_make(const struct vs_ocsp_responder *responder,
                   const struct vs_ocsp_answer *answers, size_t n_answers,
                   struct vs_bytes nonce, vs_time_ms produced, struct vs_buffer *to,
                   struct vs_error *err)
{
    VS_BUFFER data, certificates, basic;
    vs_buffer_init(&data, (size_t)64 * 1024);
    vs_buffer_init(&certificates, (size_t)64 * 1024);
    vs_buffer_init(&basic, (size_t)256 * 1024);
    VS_TRY(put_response_data(responder, answers, n_answers, nonce, produced, &data, err));
    size_t tagged = vs_der_begin(&certificates), list = vs_der_begin(&certificates);
    vs_buffer_add(&certificates, responder->certificate);
    vs_der_end(&certificates, list, VS_DER_SEQUENCE);
    vs_der_end(&certificates, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
    VS_TRY(vs_buffer_check(&certificates, err));
    VS_TRY(vs_signer_put_signed(responder->signer, vs_buffer_view(&data),
                                vs_buffer_view(&certificates), &basic, err));

    static const uint8_t successful = 0;
    size_t response = vs_der_begin(to);
    vs_der_put(to, VS_DER_ENUMERATED, VS_BYTES(&successful, 1));
    size_t bytes = vs_der_begin(to), typed = vs_der_begin(to);
    vs_der_put_oid(to, "1.3.6.1.5.5.7.48.1.1");
    vs_der_put(to, VS_DER_OCTET_STRING, vs_buffer_view(&basic));
    vs_der_end(to, typed, VS_DER_SEQUENCE);
    vs_der_end(to, bytes, VS_DER_CONTEXT_CONSTRUCTED(0));
    vs_der_end(to, response, VS_DER_SEQUENCE);
    return vs_buffer_check(to, err);
}
