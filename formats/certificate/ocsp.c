#include "formats/certificate/ocsp.h"
#include "formats/certificate/verified.h"
#include "formats/crypto/der.h"

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }
#define AD_OCSP "\x2b\x06\x01\x05\x05\x07\x30\x01"

static const struct vs_bytes oid_basic = OID(AD_OCSP "\x01"), oid_nonce = OID(AD_OCSP "\x02"),
                             oid_cutoff = OID(AD_OCSP "\x06"),
                             oid_cert_hash = OID("\x2b\x24\x08\x03\x0d"),
                             oid_reason = OID("\x55\x1d\x15");

enum { NONCE_MAX = 128, SERIAL_MAX = 64 };

static vs_rc malformed(struct vs_error *err, const char *clause, const char *what)
{
    return vs_fail(err, VS_E_REVOCATION_DATA, clause, "OCSP: %s", what);
}

/* -- CertID -------------------------------------------------------------------------------- */

static void read_cert_id(struct vs_der *der, struct vs_cert_id *ret)
{
    struct vs_der id = vs_der_enter(der, VS_DER_SEQUENCE);
    ret->hash = vs_digest_by_der(vs_der_whole(&id, VS_DER_SEQUENCE));
    ret->issuer_name_hash = vs_der_take(&id, VS_DER_OCTET_STRING);
    ret->issuer_key_hash = vs_der_take(&id, VS_DER_OCTET_STRING);
    ret->serial = vs_der_take(&id, VS_DER_INTEGER);
    vs_der_leave(der, &id);
    if (ret->serial.len < 1 || ret->serial.len > SERIAL_MAX)
        der->failed = true;
}

bool vs_cert_id_of_issuer(const struct vs_cert_id *id, const struct vs_certificate *issuer)
{
    if (id->hash == VS_DIGEST_NONE)
        return false;
    struct vs_digest digest;
    vs_digest_of(id->hash, issuer->key_bits, &digest);
    if (!vs_bytes_equal(vs_digest_bytes(&digest), id->issuer_key_hash))
        return false;
    vs_digest_of(id->hash, issuer->subject, &digest);
    return vs_bytes_equal(vs_digest_bytes(&digest), id->issuer_name_hash);
}

/* The name hash is over the issuer's Name as the certificate or as its issuer writes it. */
bool vs_cert_id_matches(const struct vs_cert_id *id, const struct vs_certificate *certificate,
                        const struct vs_certificate *issuer)
{
    if (id->hash == VS_DIGEST_NONE || !vs_bytes_equal(id->serial, certificate->serial))
        return false;
    if (vs_cert_id_of_issuer(id, issuer))
        return vs_name_equal(certificate->issuer, issuer->subject);
    struct vs_digest key, name;
    vs_digest_of(id->hash, issuer->key_bits, &key);
    vs_digest_of(id->hash, certificate->issuer, &name);
    return vs_bytes_equal(vs_digest_bytes(&key), id->issuer_key_hash) &&
           vs_bytes_equal(vs_digest_bytes(&name), id->issuer_name_hash);
}

/* -- requests ------------------------------------------------------------------------------ */

/* RFC 6960, 4.4: nonce read; a critical one that is not known fails. */
static void read_request_extensions(struct vs_der *request, struct vs_bytes *ret_nonce)
{
    struct vs_der wrapper = vs_der_enter(request, VS_DER_CONTEXT_CONSTRUCTED(2));
    struct vs_der list = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
    for (struct vs_der_extension one = {0}; vs_der_extension(&list, &one);) {
        if (vs_bytes_equal(one.oid, oid_nonce)) {
            struct vs_der inner = vs_der_reader(one.value);
            *ret_nonce = vs_der_take(&inner, VS_DER_OCTET_STRING);
            if (!vs_der_done(&inner) || ret_nonce->len > NONCE_MAX)
                list.failed = true;
        } else if (one.critical) {
            list.failed = true;
        }
    }
    vs_der_leave(&wrapper, &list);
    vs_der_leave(request, &wrapper);
}

/* Counts first, for one allocation. */
static size_t count_elements(struct vs_der list, size_t max)
{
    size_t n = 0;
    for (; vs_der_more(&list) && n <= max; n++)
        (void)vs_der_element(&list, NULL);
    return n;
}

static vs_rc read_ids(struct vs_arena *arena, struct vs_der list, struct vs_ocsp_request *ret,
                      struct vs_error *err)
{
    size_t n = count_elements(list, VS_OCSP_MAX_SINGLES);
    if (n < 1 || n > VS_OCSP_MAX_SINGLES)
        return malformed(err, "RFC 6960, 4.1.1", "a request for none or too many");
    struct vs_cert_id *ids = vs_arena_make_n(arena, struct vs_cert_id, n);
    struct vs_bytes *raw = vs_arena_make_n(arena, struct vs_bytes, n);
    if (ids == NULL || raw == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct vs_der one = vs_der_enter(&list, VS_DER_SEQUENCE);
        struct vs_der again = one;
        raw[i] = vs_der_whole(&again, VS_DER_SEQUENCE);
        read_cert_id(&one, &ids[i]);
        if (vs_der_peek(&one) == VS_DER_CONTEXT_CONSTRUCTED(0))
            (void)vs_der_element(&one, NULL); /* extensions of one: hints */
        vs_der_leave(&list, &one);
    }
    if (!vs_der_done(&list))
        return malformed(err, "RFC 6960, 4.1.1", "a malformed CertID");
    ret->ids = ids;
    ret->raw_ids = raw;
    ret->n_ids = n;
    return VS_OK;
}

vs_rc vs_ocsp_request_decode(struct vs_arena *arena, struct vs_bytes der,
                             struct vs_ocsp_request *ret, struct vs_error *err)
{
    struct vs_ocsp_request r = {.n_ids = 0};
    struct vs_der at = vs_der_reader(der);
    struct vs_der whole = vs_der_enter(&at, VS_DER_SEQUENCE);
    struct vs_der request = vs_der_enter(&whole, VS_DER_SEQUENCE);
    if (vs_der_peek(&whole) == VS_DER_CONTEXT_CONSTRUCTED(0))
        (void)vs_der_element(&whole, NULL); /* a requester's signature: not asked for */
    vs_der_leave(&at, &whole);
    for (uint8_t i = 0; i < 2; i++) /* version 1, requestorName */
        if (vs_der_peek(&request) == VS_DER_CONTEXT_CONSTRUCTED(i))
            (void)vs_der_element(&request, NULL);
    struct vs_der list = vs_der_enter(&request, VS_DER_SEQUENCE);
    if (vs_der_peek(&request) == VS_DER_CONTEXT_CONSTRUCTED(2))
        read_request_extensions(&request, &r.nonce);
    if (der.len > VS_OCSP_MAX_BYTES || !vs_der_done(&at) || !vs_der_done(&request))
        return malformed(err, "RFC 6960, 4.1.1", "a malformed request");
    VS_TRY(read_ids(arena, list, &r, err));
    *ret = r;
    return VS_OK;
}

void vs_ocsp_request_encode(const struct vs_certificate *certificate,
                            const struct vs_certificate *issuer, struct vs_bytes nonce,
                            struct vs_buffer *to)
{
    struct vs_digest name, key;
    vs_digest_of(VS_SHA1, certificate->issuer, &name);
    vs_digest_of(VS_SHA1, issuer->key_bits, &key);
    size_t whole = vs_der_begin(to), tbs = whole, list = whole, one = whole, id = whole;
    vs_buffer_add(to, vs_digest_der(VS_SHA1));
    vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&name));
    vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&key));
    vs_der_put(to, VS_DER_INTEGER, certificate->serial);
    vs_der_end(to, id, VS_DER_SEQUENCE);
    vs_der_end(to, one, VS_DER_SEQUENCE);
    vs_der_end(to, list, VS_DER_SEQUENCE);
    if (nonce.len > 0) {
        size_t wrapper = vs_der_begin(to), extensions = wrapper, extension = wrapper;
        vs_der_put(to, VS_DER_OID, oid_nonce);
        size_t value = vs_der_begin(to);
        vs_der_put(to, VS_DER_OCTET_STRING, nonce);
        vs_der_end(to, value, VS_DER_OCTET_STRING);
        vs_der_end(to, extension, VS_DER_SEQUENCE);
        vs_der_end(to, extensions, VS_DER_SEQUENCE);
        vs_der_end(to, wrapper, VS_DER_CONTEXT_CONSTRUCTED(2));
    }
    vs_der_end(to, tbs, VS_DER_SEQUENCE);
    vs_der_end(to, whole, VS_DER_SEQUENCE);
}

/* -- responses ----------------------------------------------------------------------------- */

static void read_revoked(struct vs_der *single, struct vs_statement *s)
{
    struct vs_der info = vs_der_enter(single, VS_DER_CONTEXT_CONSTRUCTED(1));
    s->status = VS_STATUS_REVOKED;
    s->revoked_at = vs_der_generalized_time(&info, NULL);
    if (vs_der_peek(&info) == VS_DER_CONTEXT_CONSTRUCTED(0)) {
        struct vs_der wrapper = vs_der_enter(&info, VS_DER_CONTEXT_CONSTRUCTED(0));
        struct vs_bytes reason = vs_der_take(&wrapper, VS_DER_ENUMERATED);
        vs_der_leave(&info, &wrapper);
        if (reason.len != 1 || reason.ptr[0] > 10)
            info.failed = true;
        else
            s->reason = reason.ptr[0];
    }
    if (s->reason == VS_REASON_CERTIFICATE_HOLD)
        s->status = VS_STATUS_ON_HOLD;
    vs_der_leave(single, &info);
}

static void read_status(struct vs_der *single, struct vs_statement *s)
{
    struct vs_bytes empty = VS_BYTES_NONE;
    s->revoked_at = VS_TIME_NONE;
    s->reason = -1;
    switch (vs_der_peek(single)) {
    case VS_DER_CONTEXT(0):
        empty = vs_der_take(single, VS_DER_CONTEXT(0));
        s->status = VS_STATUS_GOOD;
        break;
    case VS_DER_CONTEXT(2):
        empty = vs_der_take(single, VS_DER_CONTEXT(2));
        s->status = VS_STATUS_UNKNOWN;
        break;
    default:
        read_revoked(single, s);
        break;
    }
    if (empty.len != 0)
        single->failed = true;
}

/* A positive statement (ISIS-MTT, Common PKI): the responder has the very certificate. */
static void read_cert_hash(struct vs_bytes value, struct vs_ocsp_single *single,
                           struct vs_der *list)
{
    struct vs_der der = vs_der_reader(value);
    struct vs_der inner = vs_der_enter(&der, VS_DER_SEQUENCE);
    single->cert_hash_algorithm = vs_digest_by_der(vs_der_whole(&inner, VS_DER_SEQUENCE));
    single->cert_hash = vs_der_take(&inner, VS_DER_OCTET_STRING);
    vs_der_leave(&der, &inner);
    if (!vs_der_done(&der))
        list->failed = true;
}

static void read_single_extensions(struct vs_der *at, struct vs_ocsp_single *single)
{
    struct vs_der wrapper = vs_der_enter(at, VS_DER_CONTEXT_CONSTRUCTED(1));
    struct vs_der list = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
    for (struct vs_der_extension one = {0}; vs_der_extension(&list, &one);) {
        struct vs_der inner = vs_der_reader(one.value);
        if (vs_bytes_equal(one.oid, oid_cutoff)) {
            single->statement.archive_cutoff = vs_der_generalized_time(&inner, NULL);
            if (!vs_der_done(&inner))
                list.failed = true;
        } else if (vs_bytes_equal(one.oid, oid_cert_hash)) {
            read_cert_hash(one.value, single, &list);
        } else if (one.critical && !vs_bytes_equal(one.oid, oid_reason)) {
            list.failed = true; /* its meaning could change the answer */
        }
    }
    vs_der_leave(&wrapper, &list);
    vs_der_leave(at, &wrapper);
}

static void read_single(struct vs_der *list, vs_time_ms produced_at, struct vs_ocsp_single *ret)
{
    struct vs_der one = vs_der_enter(list, VS_DER_SEQUENCE);
    struct vs_statement *s = &ret->statement;
    *s = (struct vs_statement){.is_ocsp = true,
                               .produced_at = produced_at,
                               .next_update = VS_TIME_NONE,
                               .archive_cutoff = VS_TIME_NONE};
    read_cert_id(&one, &ret->id);
    read_status(&one, s);
    s->this_update = vs_der_generalized_time(&one, NULL);
    if (vs_der_peek(&one) == VS_DER_CONTEXT_CONSTRUCTED(0)) {
        struct vs_der wrapper = vs_der_enter(&one, VS_DER_CONTEXT_CONSTRUCTED(0));
        s->next_update = vs_der_generalized_time(&wrapper, NULL);
        vs_der_leave(&one, &wrapper);
        if (s->next_update < s->this_update)
            one.failed = true;
    }
    if (vs_der_peek(&one) == VS_DER_CONTEXT_CONSTRUCTED(1))
        read_single_extensions(&one, ret);
    vs_der_leave(list, &one);
}

static vs_rc read_singles(struct vs_arena *arena, struct vs_ocsp *ocsp, struct vs_der *list,
                          struct vs_error *err)
{
    size_t n = count_elements(*list, VS_OCSP_MAX_SINGLES);
    if (n > VS_OCSP_MAX_SINGLES)
        return malformed(err, NULL, "too many answers");
    struct vs_ocsp_single *singles = vs_arena_make_n(arena, struct vs_ocsp_single, n);
    if (singles == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n && !list->failed; i++)
        read_single(list, ocsp->produced_at, &singles[i]);
    if (!vs_der_done(list))
        return malformed(err, "RFC 6960, 4.2.1", "a malformed SingleResponse");
    ocsp->singles = singles;
    ocsp->n_singles = n;
    return VS_OK;
}

static void read_responder(struct vs_der *tbs, struct vs_ocsp *ocsp)
{
    uint8_t tag = vs_der_peek(tbs) == VS_DER_CONTEXT_CONSTRUCTED(1)
                      ? VS_DER_CONTEXT_CONSTRUCTED(1)
                      : VS_DER_CONTEXT_CONSTRUCTED(2);
    struct vs_der wrapper = vs_der_enter(tbs, tag);
    if (tag == VS_DER_CONTEXT_CONSTRUCTED(1))
        ocsp->responder_name = vs_der_whole(&wrapper, VS_DER_SEQUENCE);
    else
        ocsp->responder_key_hash = vs_der_take(&wrapper, VS_DER_OCTET_STRING);
    vs_der_leave(tbs, &wrapper);
}

static void read_response_extensions(struct vs_der *tbs, struct vs_ocsp *ocsp)
{
    struct vs_der wrapper = vs_der_enter(tbs, VS_DER_CONTEXT_CONSTRUCTED(1));
    struct vs_der list = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
    for (struct vs_der_extension one = {0}; vs_der_extension(&list, &one);) {
        if (vs_bytes_equal(one.oid, oid_nonce)) {
            /* Old clients and servers leave the inner OCTET STRING out. */
            struct vs_der inner = vs_der_reader(one.value);
            struct vs_bytes nonce = vs_der_take(&inner, VS_DER_OCTET_STRING);
            ocsp->nonce = vs_der_done(&inner) ? nonce : one.value;
        } else if (one.critical) {
            list.failed = true;
        }
    }
    vs_der_leave(&wrapper, &list);
    vs_der_leave(tbs, &wrapper);
}

static vs_rc read_tbs(struct vs_arena *arena, struct vs_ocsp *ocsp, struct vs_error *err)
{
    struct vs_der der = vs_der_reader(ocsp->tbs);
    struct vs_der tbs = vs_der_enter(&der, VS_DER_SEQUENCE);
    int64_t version = 0;
    if (vs_der_peek(&tbs) == VS_DER_CONTEXT_CONSTRUCTED(0)) {
        struct vs_der wrapper = vs_der_enter(&tbs, VS_DER_CONTEXT_CONSTRUCTED(0));
        version = vs_der_small(&wrapper);
        vs_der_leave(&tbs, &wrapper);
    }
    read_responder(&tbs, ocsp);
    ocsp->produced_at = vs_der_generalized_time(&tbs, NULL);
    struct vs_der list = vs_der_enter(&tbs, VS_DER_SEQUENCE);
    if (vs_der_peek(&tbs) == VS_DER_CONTEXT_CONSTRUCTED(1))
        read_response_extensions(&tbs, ocsp);
    if (version != 0 || !vs_der_done(&tbs) || !vs_der_done(&der))
        return malformed(err, "RFC 6960, 4.2.1", "malformed ResponseData");
    return read_singles(arena, ocsp, &list, err);
}

static vs_rc read_certificates(struct vs_arena *arena, struct vs_ocsp *ocsp,
                               struct vs_der *basic, struct vs_error *err)
{
    if (vs_der_peek(basic) != VS_DER_CONTEXT_CONSTRUCTED(0))
        return VS_OK;
    struct vs_der wrapper = vs_der_enter(basic, VS_DER_CONTEXT_CONSTRUCTED(0));
    struct vs_der list = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
    vs_der_leave(basic, &wrapper);
    size_t n = count_elements(list, VS_OCSP_MAX_CERTIFICATES);
    if (n > VS_OCSP_MAX_CERTIFICATES)
        return malformed(err, NULL, "too many certificates");
    struct vs_bytes *certificates = vs_arena_make_n(arena, struct vs_bytes, n);
    if (certificates == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        certificates[i] = vs_der_whole(&list, VS_DER_SEQUENCE);
    ocsp->certificates = certificates;
    ocsp->n_certificates = n;
    return vs_der_done(&list) ? VS_OK : malformed(err, NULL, "its certificates");
}

static vs_rc read_basic(struct vs_arena *arena, struct vs_ocsp *ocsp, struct vs_bytes response,
                        struct vs_error *err)
{
    struct vs_der der = vs_der_reader(response);
    struct vs_der basic = vs_der_enter(&der, VS_DER_SEQUENCE);
    ocsp->tbs = vs_der_whole(&basic, VS_DER_SEQUENCE);
    struct vs_bytes algorithm = vs_der_whole(&basic, VS_DER_SEQUENCE);
    ocsp->signature = vs_der_bits(&basic);
    VS_TRY(read_certificates(arena, ocsp, &basic, err));
    vs_der_leave(&der, &basic);
    if (!vs_der_done(&der))
        return malformed(err, "RFC 6960, 4.2.1", "a malformed BasicOCSPResponse");
    (void)vs_signature_algorithm_by_der(algorithm, VS_DIGEST_NONE, &ocsp->signature_algorithm);
    return read_tbs(arena, ocsp, err);
}

/* OCSPResponse begins with an ENUMERATED, BasicOCSPResponse with a SEQUENCE. */
static vs_rc read_response(struct vs_arena *arena, struct vs_ocsp *ocsp, struct vs_error *err)
{
    struct vs_der der = vs_der_reader(ocsp->der);
    struct vs_der whole = vs_der_enter(&der, VS_DER_SEQUENCE);
    if (vs_der_peek(&whole) == VS_DER_SEQUENCE)
        return read_basic(arena, ocsp, ocsp->der, err);
    struct vs_bytes status = vs_der_take(&whole, VS_DER_ENUMERATED);
    if (status.len != 1 || status.ptr[0] > 6)
        return malformed(err, "RFC 6960, 4.2.1", "not a response");
    ocsp->status = status.ptr[0];
    struct vs_bytes basic = VS_BYTES_NONE, type = VS_BYTES_NONE;
    if (vs_der_more(&whole)) {
        struct vs_der wrapper = vs_der_enter(&whole, VS_DER_CONTEXT_CONSTRUCTED(0));
        struct vs_der bytes = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
        type = vs_der_oid(&bytes);
        basic = vs_der_take(&bytes, VS_DER_OCTET_STRING);
        vs_der_leave(&wrapper, &bytes);
        vs_der_leave(&whole, &wrapper);
    }
    vs_der_leave(&der, &whole);
    if (!vs_der_done(&der) || (ocsp->status == VS_OCSP_SUCCESSFUL) != (basic.len > 0))
        return malformed(err, "RFC 6960, 4.2.1", "not exactly one response");
    if (ocsp->status != VS_OCSP_SUCCESSFUL)
        return VS_OK;
    if (!vs_bytes_equal(type, oid_basic))
        return malformed(err, "RFC 6960, 4.2.1", "a type of response that is not known");
    return read_basic(arena, ocsp, basic, err);
}

vs_rc vs_ocsp_decode(struct vs_arena *arena, struct vs_bytes der, const struct vs_ocsp **ret,
                     struct vs_error *err)
{
    if (der.len > VS_OCSP_MAX_BYTES)
        return malformed(err, NULL, "over 256 KiB");
    struct vs_ocsp *ocsp = vs_arena_make(arena, struct vs_ocsp);
    if (ocsp == NULL)
        return vs_fail_memory(err);
    ocsp->der = der;
    VS_TRY(read_response(arena, ocsp, err));
    *ret = ocsp;
    return VS_OK;
}
