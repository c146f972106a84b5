#include "formats/timestamp/authority.h"
#include "formats/crypto/der_writer.h"

#define CHAIN_MAX 8

/* id-ct-TSTInfo, id-signedData and the attributes, ready to copy. */
static const uint8_t oid_tst_info[] = {0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7,
                                       0x0D, 0x01, 0x09, 0x10, 0x01, 0x04};
static const uint8_t oid_signed_data[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                          0xF7, 0x0D, 0x01, 0x07, 0x02};
static const uint8_t attribute_content_type[] = {
    0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x03, 0x31,
    0x0D, 0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x04};
static const uint8_t oid_message_digest[] = {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                             0xF7, 0x0D, 0x01, 0x09, 0x04};
#define OID_SIGNING_CERTIFICATE_V2 "1.2.840.113549.1.9.16.2.47"

struct vs_tsa {
    char *policy;
    int64_t accuracy_ms;
    struct vs_arena *arena;          /* holds what follows */
    struct vs_bytes certificates;    /* content of SignedData.certificates */
    struct vs_bytes signer_id;       /* IssuerAndSerialNumber */
    struct vs_bytes own_certificate; /* the attribute signing-certificate-v2 */
};

/* -- preparation --------------------------------------------------------------------------- */

static bool put_signer_id(struct vs_bytes certificate, struct vs_buffer *to)
{
    struct vs_der outer = vs_der_reader(certificate);
    struct vs_der whole = vs_der_enter(&outer, VS_DER_SEQUENCE);
    struct vs_der tbs = vs_der_enter(&whole, VS_DER_SEQUENCE);
    struct vs_bytes version;
    (void)vs_der_optional(&tbs, VS_DER_CONTEXT_CONSTRUCTED(0), &version);
    struct vs_bytes serial = vs_der_whole(&tbs, VS_DER_INTEGER);
    (void)vs_der_whole(&tbs, VS_DER_SEQUENCE);
    struct vs_bytes issuer = vs_der_whole(&tbs, VS_DER_SEQUENCE);
    if (tbs.failed || whole.failed || outer.failed)
        return false;
    size_t at = vs_der_begin(to);
    vs_buffer_add(to, issuer);
    vs_buffer_add(to, serial);
    vs_der_end(to, at, VS_DER_SEQUENCE);
    return true;
}

/* RFC 5035, 4: ESSCertIDv2 with its default SHA-256; issuerSerial left out (EN 319 422, 5.2.1
 * needs none). */
static void put_own_certificate(struct vs_bytes certificate, struct vs_buffer *to)
{
    uint8_t digest[32];
    vs_sha256(certificate, digest);
    size_t attribute = vs_der_begin(to);
    vs_der_put_oid(to, OID_SIGNING_CERTIFICATE_V2);
    size_t set = vs_der_begin(to), value = vs_der_begin(to);
    size_t list = vs_der_begin(to), id = vs_der_begin(to);
    vs_der_put(to, VS_DER_OCTET_STRING, VS_BYTES(digest, sizeof digest));
    vs_der_end(to, id, VS_DER_SEQUENCE);
    vs_der_end(to, list, VS_DER_SEQUENCE);
    vs_der_end(to, value, VS_DER_SEQUENCE);
    vs_der_end(to, set, VS_DER_SET);
    vs_der_end(to, attribute, VS_DER_SEQUENCE);
}

static vs_rc prepare(struct vs_tsa *tsa, const struct vs_tsa_settings *settings,
                     struct vs_error *err)
{
    VS_BUFFER part;
    vs_buffer_init(&part, (size_t)256 * 1024);
    vs_der_put_oid(&part, settings->policy);
    if (part.failed)
        return vs_fail(err, VS_E_CONFIG, "RFC 3161, 2.4.2", "the policy %s is no OID",
                       settings->policy);
    vs_buffer_clear(&part);
    if (!put_signer_id(settings->chain[0], &part))
        return vs_fail(err, VS_E_CERTIFICATE, NULL,
                       "the authority's certificate is unreadable");
    VS_TRY(vs_buffer_copy(&part, tsa->arena, &tsa->signer_id, err));
    vs_buffer_clear(&part);
    put_own_certificate(settings->chain[0], &part);
    VS_TRY(vs_buffer_copy(&part, tsa->arena, &tsa->own_certificate, err));
    vs_buffer_clear(&part);
    size_t set = vs_der_begin(&part);
    for (size_t i = 0; i < settings->n_chain; i++)
        vs_buffer_add(&part, settings->chain[i]);
    vs_der_end_set_of(&part, set, VS_DER_CONTEXT_CONSTRUCTED(0));
    return vs_buffer_copy(&part, tsa->arena, &tsa->certificates, err);
}

vs_rc vs_tsa_new(const struct vs_tsa_settings *settings, struct vs_tsa **ret,
                 struct vs_error *err)
{
    VS_ASSERT(settings->n_chain > 0 && settings->n_chain <= CHAIN_MAX);
    struct vs_tsa *tsa = vs_heap_new(sizeof *tsa);
    tsa->arena = vs_arena_new((size_t)512 * 1024);
    tsa->policy = vs_heap_strdup(settings->policy);
    tsa->accuracy_ms = settings->accuracy_ms;
    vs_rc rc = tsa->arena == NULL ? vs_fail_memory(err) : prepare(tsa, settings, err);
    if (!vs_ok(rc)) {
        vs_tsa_free(tsa);
        return rc;
    }
    *ret = tsa;
    return VS_OK;
}

void vs_tsa_free(struct vs_tsa *tsa)
{
    if (tsa == NULL)
        return;
    vs_arena_free(tsa->arena);
    vs_heap_free(tsa->policy);
    vs_heap_free(tsa);
}

/* -- the request --------------------------------------------------------------------------- */

struct query {
    struct vs_bytes imprint; /* the whole MessageImprint */
    struct vs_bytes policy;  /* content of the OID; empty: any */
    struct vs_bytes nonce;   /* content of the INTEGER; empty: none */
    bool wants_certificates;
};

/* RFC 3161, 2.4.1: the digest's length must be its algorithm's. SHA-1 is not marked any more
 * (TS 119 312). */
static enum vs_pki_failure read_imprint(struct vs_bytes whole, vs_time_ms now)
{
    struct vs_der outer = vs_der_reader(whole);
    struct vs_der imprint = vs_der_enter(&outer, VS_DER_SEQUENCE);
    struct vs_bytes identifier = vs_der_whole(&imprint, VS_DER_SEQUENCE);
    struct vs_bytes digest = vs_der_take(&imprint, VS_DER_OCTET_STRING);
    vs_der_leave(&outer, &imprint);
    if (!vs_der_done(&outer))
        return VS_PKI_BAD_DATA_FORMAT;
    enum vs_digest_algorithm algorithm = vs_digest_by_der(identifier);
    if (algorithm == VS_DIGEST_NONE || !vs_digest_acceptable(algorithm, now, NULL))
        return VS_PKI_BAD_ALG;
    return digest.len == vs_digest_length(algorithm) ? VS_PKI_NONE : VS_PKI_BAD_DATA_FORMAT;
}

static enum vs_pki_failure read_query(struct vs_bytes request, vs_time_ms now,
                                      struct query *ret)
{
    if (request.len > VS_TIMESTAMP_REQUEST_MAX)
        return VS_PKI_BAD_DATA_FORMAT;
    *ret = (struct query){.wants_certificates = false};
    struct vs_der outer = vs_der_reader(request);
    struct vs_der body = vs_der_enter(&outer, VS_DER_SEQUENCE);
    int64_t version = vs_der_small(&body);
    ret->imprint = vs_der_whole(&body, VS_DER_SEQUENCE);
    (void)vs_der_optional(&body, VS_DER_OID, &ret->policy);
    if (vs_der_peek(&body) == VS_DER_INTEGER)
        ret->nonce = vs_der_take(&body, VS_DER_INTEGER);
    if (vs_der_peek(&body) == VS_DER_BOOLEAN)
        ret->wants_certificates = vs_der_boolean(&body);
    struct vs_bytes extensions = VS_BYTES_NONE;
    bool extended = vs_der_optional(&body, VS_DER_CONTEXT_CONSTRUCTED(0), &extensions);
    vs_der_leave(&outer, &body);
    if (!vs_der_done(&outer))
        return VS_PKI_BAD_DATA_FORMAT;
    if (version != 1)
        return VS_PKI_BAD_REQUEST;
    /* RFC 3161, 2.4.1: an extension that is not understood is refused, critical or not. */
    if (extended)
        return VS_PKI_UNACCEPTED_EXTENSION;
    return read_imprint(ret->imprint, now);
}

static bool policy_is(const struct vs_tsa *tsa, struct vs_bytes wanted)
{
    if (wanted.len == 0)
        return true;
    VS_BUFFER own;
    vs_buffer_init(&own, 256);
    vs_der_put_oid(&own, tsa->policy);
    struct vs_der reader = vs_der_reader(vs_buffer_view(&own));
    return vs_bytes_equal(vs_der_oid(&reader), wanted);
}

/* -- the token ----------------------------------------------------------------------------- */

/* RFC 3161, 2.4.2: seconds, millis [0] from 1 to 999. */
static void put_accuracy(int64_t accuracy_ms, struct vs_buffer *to)
{
    if (accuracy_ms <= 0)
        return;
    size_t at = vs_der_begin(to);
    if (accuracy_ms >= 1000)
        vs_der_put_small(to, (uint64_t)(accuracy_ms / 1000));
    if (accuracy_ms % 1000 != 0) {
        size_t millis = to->len;
        vs_der_put_small(to, (uint64_t)(accuracy_ms % 1000));
        if (!to->failed)
            to->ptr[millis] = VS_DER_CONTEXT(0); /* IMPLICIT: the same octets, another tag */
    }
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_info(const struct vs_tsa *tsa, const struct query *query,
                     const struct vs_tsa_moment *moment, struct vs_buffer *to)
{
    size_t at = vs_der_begin(to);
    vs_der_put_small(to, 1);
    vs_der_put_oid(to, tsa->policy);
    vs_buffer_add(to, query->imprint);
    vs_der_put_unsigned(to, moment->serial);
    vs_der_put_time(to, moment->time, true);
    put_accuracy(tsa->accuracy_ms, to);
    if (query->nonce.len > 0)
        vs_der_put(to, VS_DER_INTEGER, query->nonce); /* as it came, negative ones too */
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

/* The members of SignedAttributes in DER order (X.690, 11.6: by their lengths here, 1A, 2F or
 * more, then the certificate's, which is the longest with any digest up to SHA-512). */
static void put_attributes(const struct vs_tsa *tsa, enum vs_digest_algorithm algorithm,
                           struct vs_bytes info, struct vs_buffer *to)
{
    struct vs_digest digest;
    vs_digest_of(algorithm, info, &digest);
    size_t set = vs_der_begin(to);
    vs_buffer_add(to, VS_BYTES(attribute_content_type, sizeof attribute_content_type));
    size_t attribute = vs_der_begin(to);
    vs_buffer_add(to, VS_BYTES(oid_message_digest, sizeof oid_message_digest));
    size_t values = vs_der_begin(to);
    vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&digest));
    vs_der_end(to, values, VS_DER_SET);
    vs_der_end(to, attribute, VS_DER_SEQUENCE);
    vs_buffer_add(to, tsa->own_certificate);
    vs_der_end_set_of(to, set, VS_DER_SET);
}

/* SignerInfo, RFC 5652, 5.3. `attributes` is the SET that was signed: in place its tag is [0].
 */
static void put_signer_info(const struct vs_tsa *tsa, const struct vs_signer *signer,
                            struct vs_bytes attributes, struct vs_bytes value,
                            struct vs_buffer *to)
{
    enum vs_digest_algorithm digest =
        signer->algorithm.digest == VS_DIGEST_NONE ? VS_SHA512 : signer->algorithm.digest;
    size_t info = vs_der_begin(to);
    vs_der_put_small(to, 1);
    vs_buffer_add(to, tsa->signer_id);
    vs_buffer_add(to, vs_digest_der(digest));
    size_t signed_attributes = to->len;
    vs_buffer_add(to, attributes);
    if (!to->failed)
        to->ptr[signed_attributes] = VS_DER_CONTEXT_CONSTRUCTED(0);
    vs_buffer_add(to, vs_signature_algorithm_der(signer->algorithm));
    vs_der_put(to, VS_DER_OCTET_STRING, value);
    vs_der_end(to, info, VS_DER_SEQUENCE);
}

static void put_content(struct vs_bytes info, struct vs_buffer *to)
{
    size_t content = vs_der_begin(to);
    vs_buffer_add(to, VS_BYTES(oid_tst_info, sizeof oid_tst_info));
    size_t tagged = vs_der_begin(to);
    vs_der_put(to, VS_DER_OCTET_STRING, info);
    vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
    vs_der_end(to, content, VS_DER_SEQUENCE);
}

/* ContentInfo { SignedData }, RFC 5652, 5.1: version 3, as the content is not id-data. */
static vs_rc put_token(const struct vs_tsa *tsa, const struct query *query,
                       const struct vs_tsa_moment *moment, struct vs_buffer *to,
                       struct vs_error *err)
{
    const struct vs_signer *signer = moment->signer;
    /* RFC 8419, 2.3: with Ed25519 the attributes' digest is SHA-512. */
    enum vs_digest_algorithm digest =
        signer->algorithm.digest == VS_DIGEST_NONE ? VS_SHA512 : signer->algorithm.digest;
    VS_BUFFER info, attributes;
    vs_buffer_init(&info, 8192);
    vs_buffer_init(&attributes, 8192);
    put_info(tsa, query, moment, &info);
    put_attributes(tsa, digest, vs_buffer_view(&info), &attributes);
    VS_TRY(vs_buffer_check(&info, err));
    VS_TRY(vs_buffer_check(&attributes, err));
    struct vs_signature_value value;
    VS_TRY(signer->sign(signer, vs_buffer_view(&attributes), &value, err));

    size_t whole = vs_der_begin(to);
    vs_buffer_add(to, VS_BYTES(oid_signed_data, sizeof oid_signed_data));
    size_t tagged = vs_der_begin(to), data = vs_der_begin(to);
    vs_der_put_small(to, 3);
    size_t digests = vs_der_begin(to);
    vs_buffer_add(to, vs_digest_der(digest));
    vs_der_end(to, digests, VS_DER_SET);
    put_content(vs_buffer_view(&info), to);
    if (query->wants_certificates)
        vs_buffer_add(to, tsa->certificates);
    size_t infos = vs_der_begin(to);
    put_signer_info(tsa, signer, vs_buffer_view(&attributes), vs_signature_bytes(&value), to);
    vs_der_end(to, infos, VS_DER_SET);
    vs_der_end(to, data, VS_DER_SEQUENCE);
    vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(0));
    vs_der_end(to, whole, VS_DER_SEQUENCE);
    return VS_OK;
}

/* PKIStatusInfo: granted (0), or rejection (2) with one failure bit. */
static void put_status(enum vs_pki_failure refusal, struct vs_buffer *to)
{
    size_t at = vs_der_begin(to);
    vs_der_put_small(to, refusal == VS_PKI_NONE ? 0 : 2);
    if (refusal != VS_PKI_NONE)
        vs_der_put_named_bits(to, VS_DER_BIT_STRING, 1u << (unsigned)refusal);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

vs_rc vs_tsa_answer(const struct vs_tsa *tsa, struct vs_bytes request,
                    const struct vs_tsa_moment *moment, struct vs_buffer *to,
                    enum vs_pki_failure *ret_refusal, struct vs_error *err)
{
    struct query query;
    enum vs_pki_failure refusal = VS_PKI_TIME_NOT_AVAILABLE;
    if (moment->time != VS_TIME_NONE)
        refusal = read_query(request, moment->time, &query);
    if (refusal == VS_PKI_NONE && !policy_is(tsa, query.policy))
        refusal = VS_PKI_UNACCEPTED_POLICY;

    size_t response = vs_der_begin(to);
    put_status(refusal, to);
    if (refusal == VS_PKI_NONE)
        VS_TRY(put_token(tsa, &query, moment, to, err));
    vs_der_end(to, response, VS_DER_SEQUENCE);
    VS_TRY(vs_buffer_check(to, err));
    *ret_refusal = refusal;
    return VS_OK;
}
