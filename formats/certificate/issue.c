#include "formats/certificate/issue.h"
#include "formats/crypto/der_writer.h"

/* -- names --------------------------------------------------------------------------------- */

static bool is_printable(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
              (*c >= '0' && *c <= '9') || strchr(" '()+,-./:=?", *c) != NULL))
            return false;
    return true;
}

static const char *attribute_oid(enum vs_attribute which)
{
    static const char *const oids[VS_NAME_ATTRIBUTES] = {
        [VS_NAME_CN] = "2.5.4.3",
        [VS_NAME_SURNAME] = "2.5.4.4",
        [VS_NAME_SERIAL_NUMBER] = "2.5.4.5",
        [VS_NAME_COUNTRY] = "2.5.4.6",
        [VS_NAME_LOCALITY] = "2.5.4.7",
        [VS_NAME_STATE] = "2.5.4.8",
        [VS_NAME_STREET] = "2.5.4.9",
        [VS_NAME_ORGANIZATION] = "2.5.4.10",
        [VS_NAME_ORGANIZATIONAL_UNIT] = "2.5.4.11",
        [VS_NAME_TITLE] = "2.5.4.12",
        [VS_NAME_GIVEN_NAME] = "2.5.4.42",
        [VS_NAME_PSEUDONYM] = "2.5.4.65",
        [VS_NAME_ORGANIZATION_IDENTIFIER] = "2.5.4.97",
        [VS_NAME_EMAIL] = "1.2.840.113549.1.9.1",
        [VS_NAME_DOMAIN_COMPONENT] = "0.9.2342.19200300.100.1.25",
        [VS_NAME_USER_ID] = "0.9.2342.19200300.100.1.1",
    };
    VS_ASSERT(which < VS_NAME_ATTRIBUTES);
    return oids[which];
}

/* RFC 5280, A.1: the types of these are fixed. */
static uint8_t attribute_tag(enum vs_attribute which)
{
    if (which == VS_NAME_COUNTRY || which == VS_NAME_SERIAL_NUMBER)
        return VS_DER_PRINTABLE_STRING;
    if (which == VS_NAME_EMAIL || which == VS_NAME_DOMAIN_COMPONENT)
        return VS_DER_IA5_STRING;
    return VS_DER_UTF8_STRING;
}

static bool is_ia5(const char *text)
{
    for (const char *c = text; c != NULL && *c != '\0'; c++)
        if (*c <= ' ' || *c >= 0x7F)
            return false;
    return true;
}

static bool attribute_fits(const struct vs_name_part *part)
{
    if (part->text == NULL || part->text[0] == '\0' ||
        !vs_utf8_valid(vs_bytes_text(part->text)) ||
        vs_text_has_controls(vs_bytes_text(part->text)))
        return false;
    uint8_t tag = attribute_tag(part->which);
    return (tag != VS_DER_PRINTABLE_STRING || is_printable(part->text)) &&
           (tag != VS_DER_IA5_STRING || is_ia5(part->text));
}

static vs_rc put_name(const struct vs_name_part *part, size_t n, struct vs_buffer *to,
                      struct vs_error *err)
{
    size_t name = vs_der_begin(to);
    for (size_t i = 0; i < n; i++) {
        if (!attribute_fits(&part[i]))
            return vs_fail(err, VS_E_PARAMETER, "RFC 5280, 4.1.2.6",
                           "attribute %s of the subject cannot be written",
                           attribute_oid(part[i].which));
        size_t set = vs_der_begin(to), pair = vs_der_begin(to);
        vs_der_put_oid(to, attribute_oid(part[i].which));
        vs_der_put_text(to, attribute_tag(part[i].which), part[i].text);
        vs_der_end(to, pair, VS_DER_SEQUENCE);
        vs_der_end(to, set, VS_DER_SET);
    }
    vs_der_end(to, name, VS_DER_SEQUENCE);
    return VS_OK;
}

/* -- extensions ---------------------------------------------------------------------------- */

/* Extension { extnID, critical, extnValue OCTET STRING { … } }: opened by the first, closed by
 * the second. */
struct extension {
    size_t whole, value;
};

static struct extension extension_begin(struct vs_buffer *to, const char *oid, bool critical)
{
    struct extension e = {.whole = vs_der_begin(to)};
    vs_der_put_oid(to, oid);
    if (critical)
        vs_der_put_boolean(to, true);
    e.value = vs_der_begin(to);
    return e;
}

static void extension_end(struct vs_buffer *to, struct extension e)
{
    vs_der_end(to, e.value, VS_DER_OCTET_STRING);
    vs_der_end(to, e.whole, VS_DER_SEQUENCE);
}

static void put_constraints(const struct vs_certificate_profile *p, struct vs_buffer *to)
{
    if (!p->authority)
        return;
    struct extension e = extension_begin(to, "2.5.29.19", true);
    size_t at = vs_der_begin(to);
    vs_der_put_boolean(to, true);
    if (p->path_length >= 0)
        vs_der_put_small(to, (uint64_t)p->path_length);
    vs_der_end(to, at, VS_DER_SEQUENCE);
    extension_end(to, e);
}

static void put_usages(const struct vs_certificate_profile *p, struct vs_buffer *to)
{
    struct extension e = extension_begin(to, "2.5.29.15", true);
    vs_der_put_named_bits(to, VS_DER_BIT_STRING, p->key_usage);
    extension_end(to, e);
    if (p->extended_key_usage == 0)
        return;
    static const struct {
        uint32_t bit;
        const char *oid;
    } rows[] = {{VS_EKU_SERVER, "1.3.6.1.5.5.7.3.1"},
                {VS_EKU_CLIENT, "1.3.6.1.5.5.7.3.2"},
                {VS_EKU_EMAIL, "1.3.6.1.5.5.7.3.4"},
                {VS_EKU_TIME_STAMPING, "1.3.6.1.5.5.7.3.8"},
                {VS_EKU_OCSP_SIGNING, "1.3.6.1.5.5.7.3.9"}};
    e = extension_begin(to, "2.5.29.37", p->extended_key_usage_critical);
    size_t at = vs_der_begin(to);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((p->extended_key_usage & rows[i].bit) != 0)
            vs_der_put_oid(to, rows[i].oid);
    vs_der_end(to, at, VS_DER_SEQUENCE);
    extension_end(to, e);
}

static void put_key_ids(struct vs_bytes own, struct vs_bytes issuers, struct vs_buffer *to)
{
    struct extension e = extension_begin(to, "2.5.29.14", false);
    vs_der_put(to, VS_DER_OCTET_STRING, own);
    extension_end(to, e);
    e = extension_begin(to, "2.5.29.35", false);
    size_t at = vs_der_begin(to);
    vs_der_put(to, VS_DER_CONTEXT(0), issuers);
    vs_der_end(to, at, VS_DER_SEQUENCE);
    extension_end(to, e);
}

static void put_policies(const struct vs_certificate_profile *p, struct vs_buffer *to)
{
    if (p->n_policies == 0)
        return;
    struct extension e = extension_begin(to, "2.5.29.32", false);
    size_t all = vs_der_begin(to);
    for (size_t i = 0; i < p->n_policies; i++) {
        size_t one = vs_der_begin(to);
        vs_der_put_oid(to, p->policies[i]);
        if (p->statement_url != NULL) {
            size_t qualifiers = vs_der_begin(to), qualifier = vs_der_begin(to);
            vs_der_put_oid(to, "1.3.6.1.5.5.7.2.1");
            vs_der_put_text(to, VS_DER_IA5_STRING, p->statement_url);
            vs_der_end(to, qualifier, VS_DER_SEQUENCE);
            vs_der_end(to, qualifiers, VS_DER_SEQUENCE);
        }
        vs_der_end(to, one, VS_DER_SEQUENCE);
    }
    vs_der_end(to, all, VS_DER_SEQUENCE);
    extension_end(to, e);
}

static void put_access(const char *method, const char *url, struct vs_buffer *to)
{
    if (url == NULL)
        return;
    size_t at = vs_der_begin(to);
    vs_der_put_oid(to, method);
    vs_der_put_text(to, VS_DER_CONTEXT(6), url);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_addresses(const struct vs_certificate_profile *p, struct vs_buffer *to)
{
    if (p->ocsp_url != NULL || p->issuer_url != NULL) {
        struct extension e = extension_begin(to, "1.3.6.1.5.5.7.1.1", false);
        size_t at = vs_der_begin(to);
        put_access("1.3.6.1.5.5.7.48.1", p->ocsp_url, to);
        put_access("1.3.6.1.5.5.7.48.2", p->issuer_url, to);
        vs_der_end(to, at, VS_DER_SEQUENCE);
        extension_end(to, e);
    }
    if (p->crl_url != NULL) {
        struct extension e = extension_begin(to, "2.5.29.31", false);
        size_t points = vs_der_begin(to), point = vs_der_begin(to);
        size_t name = vs_der_begin(to), full = vs_der_begin(to);
        vs_der_put_text(to, VS_DER_CONTEXT(6), p->crl_url);
        vs_der_end(to, full, VS_DER_CONTEXT_CONSTRUCTED(0));
        vs_der_end(to, name, VS_DER_CONTEXT_CONSTRUCTED(0));
        vs_der_end(to, point, VS_DER_SEQUENCE);
        vs_der_end(to, points, VS_DER_SEQUENCE);
        extension_end(to, e);
    }
    if (p->ocsp_nocheck) {
        struct extension e = extension_begin(to, "1.3.6.1.5.5.7.48.1.5", false);
        vs_der_put_null(to);
        extension_end(to, e);
    }
}

static void put_alternative_names(const struct vs_certificate_profile *p, struct vs_buffer *to)
{
    if (p->n_dns_names == 0 && p->n_addresses == 0 && p->email == NULL)
        return;
    struct extension e = extension_begin(to, "2.5.29.17", false);
    size_t at = vs_der_begin(to);
    if (p->email != NULL)
        vs_der_put_text(to, VS_DER_CONTEXT(1), p->email);
    for (size_t i = 0; i < p->n_dns_names; i++)
        vs_der_put_text(to, VS_DER_CONTEXT(2), p->dns_names[i]);
    for (size_t i = 0; i < p->n_addresses; i++)
        vs_der_put(to, VS_DER_CONTEXT(7), p->addresses[i]);
    vs_der_end(to, at, VS_DER_SEQUENCE);
    extension_end(to, e);
}

static void put_bare_statement(const char *oid, bool wanted, struct vs_buffer *to)
{
    if (!wanted)
        return;
    size_t at = vs_der_begin(to);
    vs_der_put_oid(to, oid);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static void put_statements_with_values(const struct vs_qc_profile *q, struct vs_buffer *to)
{
    if (q->limit_currency != NULL) {
        size_t at = vs_der_begin(to);
        vs_der_put_oid(to, "0.4.0.1862.1.2");
        size_t value = vs_der_begin(to);
        vs_der_put_text(to, VS_DER_PRINTABLE_STRING, q->limit_currency);
        vs_der_put_small(to, q->limit_amount);
        vs_der_put_small(to, q->limit_exponent);
        vs_der_end(to, value, VS_DER_SEQUENCE);
        vs_der_end(to, at, VS_DER_SEQUENCE);
    }
    if (q->disclosure_url != NULL) {
        size_t at = vs_der_begin(to);
        vs_der_put_oid(to, "0.4.0.1862.1.5");
        size_t all = vs_der_begin(to), one = vs_der_begin(to);
        vs_der_put_text(to, VS_DER_IA5_STRING, q->disclosure_url);
        vs_der_put_text(to, VS_DER_PRINTABLE_STRING, "en");
        vs_der_end(to, one, VS_DER_SEQUENCE);
        vs_der_end(to, all, VS_DER_SEQUENCE);
        vs_der_end(to, at, VS_DER_SEQUENCE);
    }
    if (q->type_signature || q->type_seal) {
        size_t at = vs_der_begin(to);
        vs_der_put_oid(to, "0.4.0.1862.1.6");
        size_t types = vs_der_begin(to);
        if (q->type_signature)
            vs_der_put_oid(to, "0.4.0.1862.1.6.1");
        if (q->type_seal)
            vs_der_put_oid(to, "0.4.0.1862.1.6.2");
        vs_der_end(to, types, VS_DER_SEQUENCE);
        vs_der_end(to, at, VS_DER_SEQUENCE);
    }
}

static void put_qualified(const struct vs_qc_profile *q, struct vs_buffer *to)
{
    if (!q->compliance && !q->sscd && !q->type_signature && !q->type_seal &&
        q->limit_currency == NULL && q->disclosure_url == NULL)
        return;
    struct extension e = extension_begin(to, "1.3.6.1.5.5.7.1.3", false);
    size_t at = vs_der_begin(to);
    put_bare_statement("0.4.0.1862.1.1", q->compliance, to);
    put_bare_statement("0.4.0.1862.1.4", q->sscd, to);
    put_statements_with_values(q, to);
    vs_der_end(to, at, VS_DER_SEQUENCE);
    extension_end(to, e);
}

/* -- the certificate ----------------------------------------------------------------------- */

static bool serial_is_sound(struct vs_bytes serial)
{
    if (serial.len == 0 || serial.len > 20 || (serial.ptr[0] & 0x80) != 0)
        return false;
    for (size_t i = 0; i < serial.len; i++)
        if (serial.ptr[i] != 0)
            return true;
    return false;
}

static vs_rc profile_check(const struct vs_certificate_profile *p, struct vs_bytes serial,
                           struct vs_error *err)
{
    if (!serial_is_sound(serial))
        return vs_fail(err, VS_E_PARAMETER, "RFC 5280, 4.1.2.2", "unsound serial number");
    if (p->not_after < p->not_before)
        return vs_fail(err, VS_E_PARAMETER, "RFC 5280, 4.1.2.5",
                       "validity ends before it begins");
    bool ia5 = is_ia5(p->ocsp_url) && is_ia5(p->issuer_url) && is_ia5(p->crl_url) &&
               is_ia5(p->statement_url) && is_ia5(p->email) &&
               is_ia5(p->qualified.disclosure_url);
    for (size_t i = 0; i < p->n_dns_names; i++)
        ia5 = ia5 && is_ia5(p->dns_names[i]);
    if (!ia5)
        return vs_fail(err, VS_E_PARAMETER, "RFC 5280, 7.4", "an address is not plain ASCII");
    for (size_t i = 0; i < p->n_addresses; i++)
        if (p->addresses[i].len != 4 && p->addresses[i].len != 16)
            return vs_fail(err, VS_E_PARAMETER, "RFC 5280, 4.2.1.6", "no IP address");
    return VS_OK;
}

static void put_extensions(const struct vs_certificate_profile *p, struct vs_bytes key_id,
                           struct vs_bytes issuer_key_id, struct vs_buffer *to)
{
    size_t tagged = vs_der_begin(to), list = vs_der_begin(to);
    put_constraints(p, to);
    put_usages(p, to);
    put_key_ids(key_id, issuer_key_id, to);
    put_policies(p, to);
    put_addresses(p, to);
    put_alternative_names(p, to);
    put_qualified(&p->qualified, to);
    vs_der_end(to, list, VS_DER_SEQUENCE);
    vs_der_end(to, tagged, VS_DER_CONTEXT_CONSTRUCTED(3));
}

static vs_rc put_tbs(const struct vs_certificate_profile *p, const struct vs_issuer *issuer,
                     struct vs_bytes serial, struct vs_bytes spki, struct vs_buffer *to,
                     struct vs_error *err)
{
    uint8_t key_id[20];
    VS_TRY(vs_key_identifier(spki, key_id, err));
    struct vs_bytes own = VS_BYTES(key_id, sizeof key_id);

    size_t tbs = vs_der_begin(to), version = vs_der_begin(to);
    vs_der_put_small(to, 2);
    vs_der_end(to, version, VS_DER_CONTEXT_CONSTRUCTED(0));
    vs_der_put_unsigned(to, serial);
    vs_buffer_add(to, vs_signature_algorithm_der(issuer->signer->algorithm));
    if (issuer->name.len == 0)
        VS_TRY(put_name(p->subject, p->n_subject, to, err));
    vs_buffer_add(to, issuer->name);
    size_t validity = vs_der_begin(to);
    vs_der_put_validity(to, p->not_before);
    vs_der_put_validity(to, p->not_after);
    vs_der_end(to, validity, VS_DER_SEQUENCE);
    VS_TRY(put_name(p->subject, p->n_subject, to, err));
    vs_buffer_add(to, spki);
    put_extensions(p, own, issuer->key_id.len > 0 ? issuer->key_id : own, to);
    vs_der_end(to, tbs, VS_DER_SEQUENCE);
    return vs_buffer_check(to, err);
}

vs_rc vs_certificate_make(const struct vs_certificate_profile *profile,
                          const struct vs_issuer *issuer, struct vs_bytes serial,
                          struct vs_bytes spki, struct vs_buffer *to, struct vs_error *err)
{
    VS_TRY(profile_check(profile, serial, err));
    VS_BUFFER tbs;
    vs_buffer_init(&tbs, VS_CERTIFICATE_MAKE_MAX);
    VS_TRY(put_tbs(profile, issuer, serial, spki, &tbs, err));
    return vs_signer_put_signed(issuer->signer, vs_buffer_view(&tbs), VS_BYTES_NONE, to, err);
}

vs_rc vs_key_identifier(struct vs_bytes spki, uint8_t ret[20], struct vs_error *err)
{
    struct vs_der outer = vs_der_reader(spki);
    struct vs_der info = vs_der_enter(&outer, VS_DER_SEQUENCE);
    (void)vs_der_whole(&info, VS_DER_SEQUENCE);
    struct vs_bytes bits = vs_der_bits(&info);
    vs_der_leave(&outer, &info);
    if (!vs_der_done(&outer))
        return vs_fail(err, VS_E_CERTIFICATE, "RFC 5280, 4.1", "no SubjectPublicKeyInfo");
    struct vs_digest digest;
    vs_digest_of(VS_SHA1, bits, &digest);
    memcpy(ret, digest.bytes, 20);
    return VS_OK;
}

/* -- requests ------------------------------------------------------------------------------ */

struct request_parts {
    struct vs_bytes tbs, subject, spki, algorithm, value;
};

/* RFC 2986, 4. */
static bool request_split(struct vs_bytes der, struct request_parts *ret)
{
    struct vs_der outer = vs_der_reader(der);
    struct vs_der request = vs_der_enter(&outer, VS_DER_SEQUENCE);
    ret->tbs = vs_der_whole(&request, VS_DER_SEQUENCE);
    ret->algorithm = vs_der_whole(&request, VS_DER_SEQUENCE);
    ret->value = vs_der_bits(&request);
    vs_der_leave(&outer, &request);
    if (!vs_der_done(&outer))
        return false;

    struct vs_der whole = vs_der_reader(ret->tbs);
    struct vs_der info = vs_der_enter(&whole, VS_DER_SEQUENCE);
    int64_t version = vs_der_small(&info);
    ret->subject = vs_der_whole(&info, VS_DER_SEQUENCE);
    ret->spki = vs_der_whole(&info, VS_DER_SEQUENCE);
    /* OpenSSL leaves the empty attributes out of some requests; RFC 2986 requires them. */
    if (vs_der_more(&info))
        (void)vs_der_whole(&info, VS_DER_CONTEXT_CONSTRUCTED(0));
    vs_der_leave(&whole, &info);
    return vs_der_done(&whole) && version == 0;
}

vs_rc vs_certificate_request_decode(struct vs_bytes der, vs_time_ms now,
                                    struct vs_certificate_request *ret, struct vs_error *err)
{
    struct request_parts part;
    VS_REFUSE_IF(der.len > VS_CERTIFICATE_REQUEST_MAX, err, VS_E_LIMIT, NULL,
                 "a certificate request of %zu bytes", der.len);
    if (!request_split(der, &part))
        return vs_fail(err, VS_E_SYNTAX, "RFC 2986, 4", "not exactly one certificate request");

    struct vs_signature_algorithm algorithm;
    const char *why = "its signature algorithm";
    VS_PUBLIC_KEY *key = NULL;
    VS_TRY(vs_public_key_decode(part.spki, &key, err));
    bool strong = vs_signature_algorithm_by_der(part.algorithm, VS_DIGEST_NONE, &algorithm) &&
                  vs_signature_acceptable(algorithm, vs_public_key_bits(key), now, &why);
    VS_REFUSE_IF(!strong, err, VS_E_ALGORITHM, "TS 119 312", "too weak in the request: %s",
                 why);

    enum vs_signature_verdict verdict;
    VS_TRY(vs_public_key_verify_message(key, algorithm, part.tbs, VS_SIGNATURE_DER, part.value,
                                        &verdict, err));
    VS_REFUSE_IF(verdict != VS_SIGNATURE_VALID, err, VS_E_CERTIFICATE, "RFC 2986, 3",
                 "the request is not signed by the key that it names");
    *ret = (struct vs_certificate_request){.subject = part.subject, .spki = part.spki};
    return VS_OK;
}
