/* Who signed a token, and whether they did: the second half of timestamp.h. */
#include "formats/timestamp/timestamp.h"
#include "formats/crypto/der.h"

/* One ESSCertID against one certificate: the digest, and the issuerSerial where it is given. */
static bool ess_names(const struct vs_ess_cert_id *id, const struct vs_certificate *c)
{
    if (id->digest.algorithm == VS_DIGEST_NONE)
        return true;
    struct vs_digest digest = {.algorithm = VS_SHA256, .len = 32};
    memcpy(digest.bytes, c->sha256, 32);
    if (id->digest.algorithm != VS_SHA256)
        vs_digest_of(id->digest.algorithm, c->der, &digest);
    if (!vs_digest_equal(&digest, &id->digest))
        return false;
    return id->serial.len == 0 ||
           (vs_bytes_equal(id->serial, c->serial) && vs_name_equal(id->issuer, c->issuer));
}

static bool sid_names(const struct vs_timestamp *ts, const struct vs_certificate *c)
{
    if (ts->signer_issuer.len == 0)
        return ts->signer_key_id.len > 0 &&
               vs_bytes_equal(ts->signer_key_id, c->subject_key_id);
    return vs_bytes_equal(ts->signer_serial, c->serial) &&
           vs_name_equal(ts->signer_issuer, c->issuer);
}

static bool names(const struct vs_timestamp *ts, const struct vs_certificate *c)
{
    return sid_names(ts, c) && ess_names(&ts->ess_cert_id_v2, c) &&
           ess_names(&ts->ess_cert_id_v1, c);
}

/* Cheaper than decoding each enclosed certificate: the serial number and issuer first. */
static bool may_be(const struct vs_timestamp *ts, struct vs_bytes der)
{
    if (ts->signer_serial.len == 0)
        return true;
    return memmem(der.ptr, der.len, ts->signer_serial.ptr, ts->signer_serial.len) != NULL;
}

vs_rc vs_timestamp_signer(const struct vs_timestamp *ts,
                          const struct vs_certificate *const *others, size_t n_others,
                          struct vs_certificate **ret, struct vs_error *err)
{
    *ret = NULL;
    for (size_t i = 0; i < ts->n_certificates; i++) {
        if (!may_be(ts, ts->certificates[i]))
            continue;
        VS_CERTIFICATE *c = NULL;
        vs_rc rc = vs_certificate_get(ts->certificates[i], &c, err);
        if (rc.code == VS_E_NOMEM)
            return rc;
        if (!vs_ok(rc) || !names(ts, c))
            continue; /* a broken one beside the signer's harms nobody */
        *ret = c;
        c = NULL;
        return VS_OK;
    }
    for (size_t i = 0; i < n_others; i++)
        if (names(ts, others[i])) {
            *ret = vs_certificate_ref((struct vs_certificate *)others[i]);
            return VS_OK;
        }
    return VS_OK;
}

/* RFC 5652, 5.4: signed is the DER of SET OF Attribute, sent is [0] IMPLICIT of the same. */
static vs_rc verify_value(const struct vs_timestamp *ts, const struct vs_certificate *signer,
                          enum vs_signature_verdict *ret, struct vs_error *err)
{
    static const uint8_t set_tag = VS_DER_SET;
    struct vs_bytes parts[] = {VS_BYTES(&set_tag, 1), VS_BYTES(ts->signed_attributes.ptr + 1,
                                                               ts->signed_attributes.len - 1)};
    if (ts->signature_algorithm.scheme != VS_ED25519) {
        struct vs_digest digest;
        vs_digest_of_parts(ts->signature_algorithm.digest, parts, 2, &digest);
        return vs_public_key_verify(signer->key, ts->signature_algorithm, &digest,
                                    VS_SIGNATURE_DER, ts->signature, ret, err);
    }
    VS_BUFFER whole;
    vs_buffer_init(&whole, ts->signed_attributes.len);
    vs_buffer_add(&whole, parts[0]);
    vs_buffer_add(&whole, parts[1]);
    return vs_public_key_verify_message(signer->key, ts->signature_algorithm,
                                        vs_buffer_view(&whole), VS_SIGNATURE_DER, ts->signature,
                                        ret, err);
}

/* RFC 3161, 2.3: one extended key usage, critical; RFC 5280, 4.2.1.12: with a fitting one. */
static const char *usage_fault(const struct vs_certificate *c)
{
    uint32_t signing = VS_KU_DIGITAL_SIGNATURE | VS_KU_NON_REPUDIATION;
    if (!c->has_extended_key_usage || !(c->extended_key_usage & VS_EKU_TIME_STAMPING))
        return "the signer's certificate is not for time stamping";
    if (c->n_extended_key_usages != 1)
        return "the signer's certificate is not for time stamping alone";
    if (!c->extended_key_usage_critical)
        return "the signer's extended key usage is not critical";
    if (c->has_key_usage && !(c->key_usage & signing))
        return "the signer's key is not for signing";
    return NULL;
}

static enum vs_timestamp_verdict of_value(enum vs_signature_verdict value, const char **why)
{
    switch (value) {
    case VS_SIGNATURE_VALID:
        return VS_TIMESTAMP_OK;
    case VS_SIGNATURE_INVALID:
        *why = "the signature value does not verify";
        return VS_TIMESTAMP_SIGNATURE_VALUE;
    case VS_SIGNATURE_WRONG_KEY:
        *why = "the signature algorithm cannot be the signer's key's";
        return VS_TIMESTAMP_ALGORITHM;
    case VS_SIGNATURE_UNSUPPORTED:
        break;
    }
    *why = "the signature algorithm or key is not known";
    return VS_TIMESTAMP_ALGORITHM;
}

/* A check that refuses; see VS_REFUSE_IF. */
#define REFUSED_IF(condition) ((condition) && vs_check_enabled(VS_E_TIMESTAMP))

static vs_rc judge(const struct vs_timestamp *ts, const struct vs_certificate *signer,
                   enum vs_timestamp_verdict *ret, const char **why, struct vs_error *err)
{
    if (REFUSED_IF(!names(ts, signer))) {
        *why = "the token names another certificate";
        *ret = VS_TIMESTAMP_WRONG_CERTIFICATE;
        return VS_OK;
    }
    struct vs_digest digest;
    vs_digest_of(ts->digest_algorithm, ts->tst_info, &digest);
    if (REFUSED_IF(!vs_digest_equal(&digest, &ts->message_digest))) {
        *why = "messageDigest is not the TSTInfo's";
        *ret = VS_TIMESTAMP_DIGEST;
        return VS_OK;
    }
    if (ts->signature_algorithm.scheme == VS_SCHEME_NONE) {
        *ret = of_value(VS_SIGNATURE_UNSUPPORTED, why);
        return VS_OK;
    }
    enum vs_signature_verdict value;
    VS_TRY(verify_value(ts, signer, &value, err));
    *ret = of_value(value, why);
    if (*ret != VS_TIMESTAMP_OK)
        return VS_OK;
    if (REFUSED_IF(ts->ess_cert_id_v1.digest.len == 0 && ts->ess_cert_id_v2.digest.len == 0)) {
        *why = "no signing-certificate attribute is signed";
        *ret = VS_TIMESTAMP_NO_ESS;
    } else if (REFUSED_IF(usage_fault(signer) != NULL)) {
        *why = usage_fault(signer);
        *ret = VS_TIMESTAMP_USAGE;
    }
    return VS_OK;
}

vs_rc vs_timestamp_verify(const struct vs_timestamp *ts, const struct vs_certificate *signer,
                          enum vs_timestamp_verdict *ret, const char **ret_why,
                          struct vs_error *err)
{
    const char *why = NULL;
    VS_TRY(judge(ts, signer, ret, &why, err));
    if (ret_why != NULL)
        *ret_why = why;
    return VS_OK;
}
