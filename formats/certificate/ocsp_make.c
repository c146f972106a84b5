#include "formats/certificate/ocsp_make.h"
#include "formats/certificate/issue.h"
#include "formats/crypto/der_writer.h"

#define OID_NONCE "1.3.6.1.5.5.7.48.1.2"

void vs_ocsp_put_failure(enum vs_ocsp_response_status failure, struct vs_buffer *to)
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

static void put_state(const struct vs_statement *statement, struct vs_buffer *to)
{
    if (statement->status == VS_STATUS_GOOD || statement->status == VS_STATUS_UNKNOWN) {
        bool good = statement->status == VS_STATUS_GOOD;
        vs_der_put(to, VS_DER_CONTEXT(good ? 0 : 2), VS_BYTES_NONE);
        return;
    }
    bool held = statement->status == VS_STATUS_ON_HOLD;
    int reason = held ? VS_REASON_CERTIFICATE_HOLD : statement->reason;
    size_t at = vs_der_begin(to);
    vs_der_put_time(to, statement->revoked_at, false);
    if (reason >= 0) {
        uint8_t octet = (uint8_t)reason;
        size_t tagged = vs_der_begin(to);
        vs_der_put(to, VS_DER_ENUMERATED, VS_BYTES(&octet, 1));
        vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
    }
    vs_der_end(to, at, VS_DER_CONTEXT_CONSTRUCTED(1));
}

static void put_answer(const struct vs_ocsp_answer *answer, struct vs_buffer *to)
{
    const struct vs_statement *statement = &answer->statement;
    size_t at = vs_der_begin(to);
    vs_buffer_add(to, answer->cert_id);
    put_state(statement, to);
    vs_der_put_time(to, statement->this_update, false);
    if (statement->next_update != VS_TIME_NONE) {
        size_t tagged = vs_der_begin(to);
        vs_der_put_time(to, statement->next_update, false);
        vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
    }
    if (statement->archive_cutoff != VS_TIME_NONE) {
        VS_BUFFER value;
        vs_buffer_init(&value, 64);
        vs_der_put_time(&value, statement->archive_cutoff, false);
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
        VS_BUFFER value; /* RFC 8954, 2: an OCTET STRING within extnValue's */
        vs_buffer_init(&value, 1024);
        vs_der_put(&value, VS_DER_OCTET_STRING, nonce);
        put_extension(OID_NONCE, vs_buffer_view(&value), to);
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
