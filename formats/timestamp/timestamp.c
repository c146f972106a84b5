#include "formats/timestamp/timestamp.h"
#include "formats/crypto/ber.h"
#include "formats/crypto/der.h"

#define OID(text)                                                                              \
    {                                                                                          \
        (const uint8_t *)("" text), sizeof(text) - 1                                           \
    }
#define PKCS9 "\x2a\x86\x48\x86\xf7\x0d\x01\x09"

static const struct vs_bytes oid_signed_data = OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"),
                             oid_tst_info = OID(PKCS9 "\x10\x01\x04"),
                             oid_content_type = OID(PKCS9 "\x03"),
                             oid_message_digest = OID(PKCS9 "\x04"),
                             oid_signing_certificate = OID(PKCS9 "\x10\x02\x0c"),
                             oid_signing_certificate_v2 = OID(PKCS9 "\x10\x02\x2f"),
                             oid_basic_ocsp = OID("\x2b\x06\x01\x05\x05\x07\x30\x01\x01"),
                             oid_ocsp_response = OID("\x2b\x06\x01\x05\x05\x07\x10\x02");

enum { ATTRIBUTES_MAX = 32, NUMBER_MAX = 64, ALGORITHMS_MAX = 16 };

static vs_rc malformed(struct vs_error *err, const char *clause, const char *what)
{
    return vs_fail(err, VS_E_TIMESTAMP, clause, "time mark: %s", what);
}

/* -- TSTInfo ------------------------------------------------------------------------------- */

static void read_imprint(struct vs_timestamp *ts, struct vs_der *tst)
{
    struct vs_der imprint = vs_der_enter(tst, VS_DER_SEQUENCE);
    enum vs_digest_algorithm algorithm =
        vs_digest_by_der(vs_der_whole(&imprint, VS_DER_SEQUENCE));
    struct vs_bytes value = vs_der_take(&imprint, VS_DER_OCTET_STRING);
    vs_der_leave(tst, &imprint);
    if (tst->failed || algorithm == VS_DIGEST_NONE)
        return;
    ts->imprint_known = true;
    if (!vs_ok(vs_digest_from_value(algorithm, value, &ts->imprint, NULL)))
        tst->failed = true;
}

/* RFC 3161, 2.4.2: seconds, millis and micros of 1 to 999. */
static void read_accuracy(struct vs_timestamp *ts, struct vs_der *tst)
{
    if (vs_der_peek(tst) != VS_DER_SEQUENCE)
        return;
    struct vs_der accuracy = vs_der_enter(tst, VS_DER_SEQUENCE);
    int64_t seconds = 0, parts[2] = {0, 0};
    if (vs_der_peek(&accuracy) == VS_DER_INTEGER)
        seconds = vs_der_small(&accuracy);
    for (uint8_t i = 0; i < 2; i++) {
        struct vs_bytes value;
        if (!vs_der_optional(&accuracy, (uint8_t)VS_DER_CONTEXT(i), &value))
            continue;
        if (value.len < 1 || value.len > 2 || value.ptr[0] >= 0x80)
            accuracy.failed = true;
        for (size_t k = 0; k < value.len && !accuracy.failed; k++)
            parts[i] = parts[i] << 8 | value.ptr[k];
        if (parts[i] > 999)
            accuracy.failed = true;
    }
    vs_der_leave(tst, &accuracy);
    if (seconds > 1000000)
        tst->failed = true;
    ts->accuracy_stated = true;
    ts->accuracy_ms = seconds * VS_SECOND_MS + parts[0] + (parts[1] > 0 ? 1 : 0);
}

/* What is critical and not understood may change the meaning: none is understood. */
static void read_extensions(struct vs_der *tst)
{
    if (vs_der_peek(tst) != VS_DER_CONTEXT_CONSTRUCTED(1))
        return;
    struct vs_der list = vs_der_enter(tst, VS_DER_CONTEXT_CONSTRUCTED(1));
    for (struct vs_der_extension one = {0}; vs_der_extension(&list, &one);)
        list.failed |= one.critical;
    vs_der_leave(tst, &list);
}

static vs_rc read_tst_info(struct vs_timestamp *ts, struct vs_error *err)
{
    struct vs_der der = vs_der_reader(ts->tst_info);
    struct vs_der tst = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_bytes unused;
    if (vs_der_small(&tst) != 1)
        return malformed(err, "RFC 3161, 2.4.2", "TSTInfo's version is not 1");
    ts->policy = vs_der_oid(&tst);
    read_imprint(ts, &tst);
    ts->serial = vs_der_take(&tst, VS_DER_INTEGER);
    const uint8_t *before = tst.at;
    ts->gen_time = vs_der_generalized_time(&tst, NULL);
    ts->gen_time_whole_seconds = tst.at - before == 2 + 15; /* header, YYYYMMDDhhmmssZ */
    read_accuracy(ts, &tst);
    if (vs_der_peek(&tst) == VS_DER_BOOLEAN)
        ts->ordering = vs_der_boolean(&tst);
    vs_der_optional(&tst, VS_DER_INTEGER, &ts->nonce);
    vs_der_optional(&tst, VS_DER_CONTEXT_CONSTRUCTED(0), &unused); /* tsa: a hint */
    read_extensions(&tst);
    vs_der_leave(&der, &tst);
    if (!vs_der_done(&der) || ts->serial.len < 1 || ts->serial.len > NUMBER_MAX ||
        ts->nonce.len > NUMBER_MAX)
        return malformed(err, "RFC 3161, 2.4.2", "TSTInfo");
    return VS_OK;
}

/* -- signed attributes --------------------------------------------------------------------- */

/* ESSCertID (`v2` false: SHA-1) or ESSCertIDv2 (default SHA-256) of the first certificate. */
static bool read_ess(struct vs_bytes value, bool v2, struct vs_ess_cert_id *ret)
{
    struct vs_der der = vs_der_reader(value);
    struct vs_der whole = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_der ids = vs_der_enter(&whole, VS_DER_SEQUENCE);
    struct vs_der id = vs_der_enter(&ids, VS_DER_SEQUENCE);
    enum vs_digest_algorithm algorithm = v2 ? VS_SHA256 : VS_SHA1;
    if (v2 && vs_der_peek(&id) == VS_DER_SEQUENCE)
        algorithm = vs_digest_by_der(vs_der_whole(&id, VS_DER_SEQUENCE));
    struct vs_bytes hash = vs_der_take(&id, VS_DER_OCTET_STRING);
    if (vs_der_peek(&id) == VS_DER_SEQUENCE) {
        struct vs_der pair = vs_der_enter(&id, VS_DER_SEQUENCE);
        struct vs_der names = vs_der_enter(&pair, VS_DER_SEQUENCE);
        struct vs_der directory = vs_der_enter(&names, VS_DER_CONTEXT_CONSTRUCTED(4));
        ret->issuer = vs_der_whole(&directory, VS_DER_SEQUENCE);
        ret->serial = vs_der_take(&pair, VS_DER_INTEGER);
        if (directory.failed || !vs_der_done(&pair))
            return false;
    }
    /* Further certificates and policies may follow; they say nothing about the signer. */
    return vs_der_done(&id) && !whole.failed && vs_der_done(&der) &&
           vs_ok(vs_digest_from_value(algorithm, hash, &ret->digest, NULL));
}

static vs_rc read_attribute(struct vs_timestamp *ts, struct vs_bytes oid, struct vs_bytes value,
                            struct vs_error *err)
{
    struct vs_der der = vs_der_reader(value);
    if (vs_bytes_equal(oid, oid_content_type)) {
        if (!vs_bytes_equal(vs_der_oid(&der), oid_tst_info))
            return malformed(err, "RFC 5652, 11.1", "its content type");
    } else if (vs_bytes_equal(oid, oid_message_digest)) {
        struct vs_bytes digest = vs_der_take(&der, VS_DER_OCTET_STRING);
        if (!vs_der_done(&der) || !vs_ok(vs_digest_from_value(ts->digest_algorithm, digest,
                                                              &ts->message_digest, NULL)))
            return malformed(err, "RFC 5652, 11.2", "its messageDigest");
    } else if (vs_bytes_equal(oid, oid_signing_certificate)) {
        if (!read_ess(value, false, &ts->ess_cert_id_v1))
            return malformed(err, "RFC 5035, 5", "its signingCertificate");
    } else if (vs_bytes_equal(oid, oid_signing_certificate_v2)) {
        if (!read_ess(value, true, &ts->ess_cert_id_v2))
            return malformed(err, "RFC 5816, 2.2.1", "its signingCertificateV2");
    }
    return VS_OK;
}

/* RFC 5652, 5.3 and 11: each attribute once; those read here with exactly one value. */
static vs_rc read_attributes(struct vs_timestamp *ts, struct vs_error *err)
{
    struct vs_bytes seen[ATTRIBUTES_MAX];
    size_t n = 0;
    bool content_type = false;
    struct vs_der der = vs_der_reader(ts->signed_attributes);
    struct vs_der set = vs_der_enter(&der, VS_DER_CONTEXT_CONSTRUCTED(0));
    while (vs_der_more(&set)) {
        struct vs_der attribute = vs_der_enter(&set, VS_DER_SEQUENCE);
        struct vs_bytes oid = vs_der_oid(&attribute);
        struct vs_der values = vs_der_enter(&attribute, VS_DER_SET);
        struct vs_bytes value = vs_der_element(&values, NULL);
        vs_der_leave(&set, &attribute);
        if (set.failed || values.failed || vs_der_more(&values) || n == ATTRIBUTES_MAX)
            return malformed(err, "RFC 5652, 5.3", "its signed attributes");
        for (size_t i = 0; i < n; i++)
            if (vs_bytes_equal(seen[i], oid))
                return malformed(err, "RFC 5652, 11", "a signed attribute twice");
        seen[n++] = oid;
        content_type |= vs_bytes_equal(oid, oid_content_type);
        VS_TRY(read_attribute(ts, oid, value, err));
    }
    if (!vs_der_done(&der) || set.failed)
        return malformed(err, "RFC 5652, 5.3", "its signed attributes");
    if (!content_type || ts->message_digest.len == 0)
        return malformed(err, "RFC 5652, 11", "no content type or messageDigest is signed");
    return VS_OK;
}

/* -- SignerInfo ---------------------------------------------------------------------------- */

static void read_sid(struct vs_timestamp *ts, struct vs_der *info)
{
    if (vs_der_optional(info, VS_DER_CONTEXT(0), &ts->signer_key_id))
        return;
    struct vs_der pair = vs_der_enter(info, VS_DER_SEQUENCE);
    ts->signer_issuer = vs_der_whole(&pair, VS_DER_SEQUENCE);
    ts->signer_serial = vs_der_take(&pair, VS_DER_INTEGER);
    vs_der_leave(info, &pair);
}

static vs_rc read_signer(struct vs_timestamp *ts, struct vs_der *infos, struct vs_error *err)
{
    struct vs_der info = vs_der_enter(infos, VS_DER_SEQUENCE);
    int64_t version = vs_der_small(&info);
    read_sid(ts, &info);
    if (version != (ts->signer_key_id.len > 0 ? 3 : 1)) /* RFC 5652, 5.3 */
        info.failed = true;
    ts->digest_algorithm = vs_digest_by_der(vs_der_whole(&info, VS_DER_SEQUENCE));
    ts->signed_attributes = vs_der_whole(&info, VS_DER_CONTEXT_CONSTRUCTED(0));
    struct vs_bytes algorithm = vs_der_whole(&info, VS_DER_SEQUENCE);
    ts->signature = vs_der_take(&info, VS_DER_OCTET_STRING);
    if (vs_der_peek(&info) == VS_DER_CONTEXT_CONSTRUCTED(1))
        ts->unsigned_attributes = vs_der_element(&info, NULL);
    vs_der_leave(infos, &info);
    /* RFC 3161, 2.4.2: the signature of the TSA and no other. */
    if (!vs_der_done(infos))
        return malformed(err, "RFC 3161, 2.4.2", "not exactly one readable signer");
    if (ts->digest_algorithm == VS_DIGEST_NONE)
        return malformed(err, "TS 119 312", "its digest algorithm is not known");
    (void)vs_signature_algorithm_by_der(algorithm, ts->digest_algorithm,
                                        &ts->signature_algorithm);
    return read_attributes(ts, err);
}

/* -- SignedData ---------------------------------------------------------------------------- */

struct list {
    struct vs_bytes items[VS_TIMESTAMP_MAX_CERTIFICATES];
    size_t n;
};

static bool add(struct list *list, struct vs_bytes item)
{
    if (list->n == VS_TIMESTAMP_MAX_CERTIFICATES)
        return false;
    list->items[list->n++] = item;
    return true;
}

static vs_rc keep(struct vs_arena *arena, const struct list *list, const struct vs_bytes **ret,
                  size_t *ret_n, struct vs_error *err)
{
    struct vs_bytes *copy = vs_arena_make_n(arena, struct vs_bytes, list->n);
    if (copy == NULL)
        return vs_fail_memory(err);
    memcpy(copy, list->items, list->n * sizeof *copy);
    *ret = copy;
    *ret_n = list->n;
    return VS_OK;
}

/* RFC 5652, 10.2.2: only certificates are of use, attribute certificates are passed over. */
static vs_rc read_certificates(struct vs_arena *arena, struct vs_timestamp *ts,
                               struct vs_der *data, struct vs_error *err)
{
    struct list list = {.n = 0};
    if (vs_der_peek(data) == VS_DER_CONTEXT_CONSTRUCTED(0)) {
        struct vs_der set = vs_der_enter(data, VS_DER_CONTEXT_CONSTRUCTED(0));
        while (vs_der_more(&set)) {
            uint8_t tag;
            struct vs_bytes one = vs_der_element(&set, &tag);
            if (tag == VS_DER_SEQUENCE && !add(&list, one))
                return malformed(err, NULL, "too many certificates");
        }
        vs_der_leave(data, &set);
    }
    return keep(arena, &list, &ts->certificates, &ts->n_certificates, err);
}

/* RFC 5652, 10.2.1 and RFC 5940: CRLs, and OCSP responses as other revocation information. */
static vs_rc read_revocation(struct vs_arena *arena, struct vs_timestamp *ts,
                             struct vs_der *data, struct vs_error *err)
{
    struct list crls = {.n = 0}, ocsp = {.n = 0};
    if (vs_der_peek(data) == VS_DER_CONTEXT_CONSTRUCTED(1)) {
        struct vs_der set = vs_der_enter(data, VS_DER_CONTEXT_CONSTRUCTED(1));
        while (vs_der_more(&set)) {
            bool good = true;
            if (vs_der_peek(&set) == VS_DER_CONTEXT_CONSTRUCTED(1)) {
                struct vs_der other = vs_der_enter(&set, VS_DER_CONTEXT_CONSTRUCTED(1));
                struct vs_bytes oid = vs_der_oid(&other), value = vs_der_element(&other, NULL);
                vs_der_leave(&set, &other);
                if (vs_bytes_equal(oid, oid_basic_ocsp) ||
                    vs_bytes_equal(oid, oid_ocsp_response))
                    good = add(&ocsp, value);
            } else {
                good = add(&crls, vs_der_whole(&set, VS_DER_SEQUENCE));
            }
            if (!good)
                return malformed(err, NULL, "too much revocation data");
        }
        vs_der_leave(data, &set);
    }
    VS_TRY(keep(arena, &crls, &ts->crls, &ts->n_crls, err));
    return keep(arena, &ocsp, &ts->ocsp, &ts->n_ocsp, err);
}

/* The set of digest algorithms is a hint of CMS for one-pass readers: walked, not used. */
static void skip_algorithms(struct vs_der *data)
{
    struct vs_der set = vs_der_enter(data, VS_DER_SET);
    for (int n = 0; vs_der_more(&set); n++) {
        (void)vs_der_whole(&set, VS_DER_SEQUENCE);
        if (n == ALGORITHMS_MAX)
            set.failed = true;
    }
    vs_der_leave(data, &set);
}

static vs_rc read_signed_data(struct vs_arena *arena, struct vs_timestamp *ts,
                              struct vs_der *data, struct vs_error *err)
{
    int64_t version = vs_der_small(data);
    skip_algorithms(data);
    struct vs_der content = vs_der_enter(data, VS_DER_SEQUENCE);
    struct vs_bytes type = vs_der_oid(&content);
    struct vs_der wrapper = vs_der_enter(&content, VS_DER_CONTEXT_CONSTRUCTED(0));
    ts->tst_info = vs_der_take(&wrapper, VS_DER_OCTET_STRING);
    vs_der_leave(&content, &wrapper);
    vs_der_leave(data, &content);
    if (data->failed || version < 1 || version > 5 || !vs_bytes_equal(type, oid_tst_info))
        return malformed(err, "RFC 3161, 2.4.2", "no TSTInfo inside");
    VS_TRY(read_certificates(arena, ts, data, err));
    VS_TRY(read_revocation(arena, ts, data, err));
    struct vs_der infos = vs_der_enter(data, VS_DER_SET);
    if (!vs_der_done(data))
        return malformed(err, "RFC 5652, 5.1", "its SignedData");
    VS_TRY(read_signer(ts, &infos, err));
    return read_tst_info(ts, err);
}

vs_rc vs_timestamp_decode(struct vs_arena *arena, struct vs_bytes der,
                          const struct vs_timestamp **ret, struct vs_error *err)
{
    if (der.len > VS_TIMESTAMP_MAX_BYTES)
        return malformed(err, NULL, "over 256 KiB");
    struct vs_timestamp *ts = vs_arena_make(arena, struct vs_timestamp);
    if (ts == NULL)
        return vs_fail_memory(err);
    ts->der = der;
    /* RFC 5652 allows BER around the signed parts, and some authorities' libraries stream it.
     */
    if (vs_ber_is_indefinite(der) && !vs_ok(vs_ber_to_der(arena, der, &der, err)))
        return malformed(err, "RFC 5652, 10", "neither DER nor BER");
    struct vs_der at = vs_der_reader(der);
    struct vs_der info = vs_der_enter(&at, VS_DER_SEQUENCE);
    struct vs_bytes type = vs_der_oid(&info);
    struct vs_der wrapper = vs_der_enter(&info, VS_DER_CONTEXT_CONSTRUCTED(0));
    struct vs_der data = vs_der_enter(&wrapper, VS_DER_SEQUENCE);
    vs_der_leave(&info, &wrapper);
    vs_der_leave(&at, &info);
    /* No signature covers what follows the ContentInfo: nothing may ride along. */
    if (!vs_der_done(&at) || !vs_bytes_equal(type, oid_signed_data))
        return malformed(err, "RFC 3161, 2.4.2", "not exactly one ContentInfo of SignedData");
    VS_TRY(read_signed_data(arena, ts, &data, err));
    *ret = ts;
    return VS_OK;
}

char *vs_timestamp_policy_text(struct vs_arena *arena, const struct vs_timestamp *ts)
{
    return vs_oid_text(arena, ts->policy);
}

bool vs_timestamp_covers(const struct vs_timestamp *ts, const struct vs_digest *digest)
{
    return ts->imprint_known && vs_digest_equal(&ts->imprint, digest);
}
