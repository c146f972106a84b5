#include "formats/signature/cms.h"
#include "formats/crypto/der.h"
#include "formats/signature/ber.h"

/* Content octets of the OIDs read here. */
#define OID_SIGNED_DATA    "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
#define OID_DATA           "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define OID_CONTENT_TYPE   "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"
#define OID_MESSAGE_DIGEST "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"
#define OID_SIGNING_TIME   "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"
#define OID_ESS_V1         "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0c"
#define OID_ESS_V2         "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f"
#define OID_RI_OCSP        "\x2b\x06\x01\x05\x05\x07\x10\x02"
#define OID_OCSP_BASIC     "\x2b\x06\x01\x05\x05\x07\x30\x01\x01"

enum { MAX_ITEMS = 1024 };

static bool is_oid(struct vs_bytes oid, const char *octets, size_t len)
{
    return oid.len == len && memcmp(oid.ptr, octets, len) == 0;
}
#define IS(oid, octets) is_oid(oid, octets, sizeof(octets) - 1)

static size_t count(struct vs_ber ber)
{
    size_t n = 0;
    for (; vs_ber_more(&ber); n++)
        (void)vs_ber_next(&ber);
    return ber.failed ? 0 : n;
}

static vs_rc malformed(struct vs_error *err, const char *what)
{
    return vs_fail(err, VS_E_SIGNATURE_FORM, "RFC 5652, 5", "%s", what);
}

/* -- attributes ---------------------------------------------------------------------------- */

static vs_rc read_attributes(struct vs_arena *arena, struct vs_bytes content,
                             const struct vs_cms_attribute **ret, size_t *ret_n,
                             struct vs_error *err)
{
    struct vs_ber set = vs_ber_reader(content);
    size_t n = count(set);
    VS_REFUSE_IF(n > MAX_ITEMS, err, VS_E_LIMIT, "RFC 5652, 5.3", "over %d attributes",
                 MAX_ITEMS);
    struct vs_cms_attribute *list = vs_arena_make_n(arena, struct vs_cms_attribute, n + 1);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct vs_ber_element element = vs_ber_next(&set);
        struct vs_ber attribute = vs_ber_reader(element.content);
        list[i].whole = element.whole;
        list[i].oid = vs_ber_take(&attribute, VS_DER_OID);
        list[i].values = vs_ber_take(&attribute, VS_DER_SET);
        struct vs_ber values = vs_ber_reader(list[i].values);
        list[i].n_values = count(values);
        if (list[i].n_values > 0)
            list[i].first = vs_ber_next(&values).whole;
        if (element.tag != VS_DER_SEQUENCE || !vs_ber_done(&attribute))
            return malformed(err, "a broken attribute");
    }
    if (n == 0 && content.len > 0)
        return malformed(err, "broken attributes");
    *ret = list;
    *ret_n = n;
    return VS_OK;
}

const struct vs_cms_attribute *vs_cms_attribute(const struct vs_cms_attribute *list, size_t n,
                                                const char *oid, size_t nth)
{
    VS_ARENA *arena = vs_arena_new(4096);
    struct vs_bytes wanted = arena == NULL ? VS_BYTES_NONE : vs_oid_from_text(arena, oid);
    for (size_t i = 0; i < n; i++)
        if (wanted.len > 0 && vs_bytes_equal(list[i].oid, wanted) && nth-- == 0)
            return &list[i];
    return NULL;
}

/* The one attribute of that type, single-valued; NULL: none. Doubled: refused. */
static vs_rc only(const struct vs_cms_signer *s, const char *octets, size_t len,
                  const struct vs_cms_attribute **ret, struct vs_error *err)
{
    *ret = NULL;
    for (size_t i = 0; i < s->n_signed; i++) {
        const struct vs_cms_attribute *a = &s->signed_attributes[i];
        if (!is_oid(a->oid, octets, len))
            continue;
        VS_REFUSE_IF(*ret != NULL || a->n_values != 1, err, VS_E_SIGNATURE_FORM, "RFC 5652, 11",
                     "an attribute that may be there once is there twice");
        *ret = a;
    }
    return VS_OK;
}
#define ONLY(s, octets, ret, err) only(s, octets, sizeof(octets) - 1, ret, err)

/* SigningCertificate(V2): the first ESSCertID names the signer (RFC 5035, 3, 4). */
static vs_rc read_ess(struct vs_cms_signer *s, struct vs_bytes value, bool v2,
                      struct vs_error *err)
{
    struct vs_der der = vs_der_reader(value);
    struct vs_der outer = vs_der_enter(&der, VS_DER_SEQUENCE);
    struct vs_der ids = vs_der_enter(&outer, VS_DER_SEQUENCE);
    struct vs_der id = vs_der_enter(&ids, VS_DER_SEQUENCE);
    s->reference_algorithm = v2 ? VS_SHA256 : VS_SHA1;
    if (v2 && vs_der_peek(&id) == VS_DER_SEQUENCE)
        s->reference_algorithm = vs_digest_by_der(vs_der_whole(&id, VS_DER_SEQUENCE));
    s->reference_digest = vs_der_take(&id, VS_DER_OCTET_STRING);
    s->reference_v1 = !v2;
    VS_REFUSE_IF(id.failed, err, VS_E_SIGNATURE_FORM, "RFC 5035, 3",
                 "a broken signing-certificate attribute");
    return VS_OK;
}

/* A counter-signature must have no content-type (RFC 5652, 11.4). */
static vs_rc read_signed_facts(struct vs_cms_signer *s, bool counter, struct vs_error *err)
{
    const struct vs_cms_attribute *type, *digest, *time, *v1, *v2;
    VS_TRY(ONLY(s, OID_CONTENT_TYPE, &type, err));
    VS_TRY(ONLY(s, OID_MESSAGE_DIGEST, &digest, err));
    VS_TRY(ONLY(s, OID_SIGNING_TIME, &time, err));
    VS_TRY(ONLY(s, OID_ESS_V1, &v1, err));
    VS_TRY(ONLY(s, OID_ESS_V2, &v2, err));
    VS_REFUSE_IF((type == NULL) != counter || digest == NULL, err, VS_E_SIGNATURE_FORM,
                 "RFC 5652, 5.3", "content-type or message-digest is not as it must be");
    struct vs_der der = vs_der_reader(type == NULL ? VS_BYTES_NONE : type->first);
    if (type != NULL)
        s->content_type = vs_der_take(&der, VS_DER_OID);
    struct vs_der value = vs_der_reader(digest->first);
    s->message_digest = vs_der_take(&value, VS_DER_OCTET_STRING);
    VS_REFUSE_IF(der.failed || value.failed, err, VS_E_SIGNATURE_FORM, "RFC 5652, 11",
                 "a broken content-type or message-digest");
    if (time != NULL) {
        struct vs_der moment = vs_der_reader(time->first);
        vs_time_ms t = vs_der_time(&moment);
        s->signing_time = moment.failed ? VS_TIME_NONE : t;
    }
    if (v2 != NULL)
        return read_ess(s, v2->first, true, err);
    return v1 != NULL ? read_ess(s, v1->first, false, err) : VS_OK;
}

/* -- signers ------------------------------------------------------------------------------- */

static void read_sid(struct vs_ber *ber, struct vs_cms_signer *s)
{
    struct vs_ber_element sid = vs_ber_next(ber);
    s->sid = sid.whole;
    if (sid.tag == 0x80) {
        s->key_id = sid.content;
        return;
    }
    struct vs_ber pair = vs_ber_reader(sid.content);
    s->issuer = vs_ber_whole(&pair, VS_DER_SEQUENCE);
    s->serial = vs_ber_take(&pair, VS_DER_INTEGER);
    if (sid.tag != VS_DER_SEQUENCE || !vs_ber_done(&pair))
        ber->failed = true;
}

static vs_rc read_signer_fields(struct vs_arena *arena, struct vs_cms_signer *s,
                                struct vs_error *err)
{
    struct vs_ber outer = vs_ber_reader(s->whole);
    struct vs_ber ber = vs_ber_enter(&outer, VS_DER_SEQUENCE);
    s->version = vs_ber_whole(&ber, VS_DER_INTEGER);
    read_sid(&ber, s);
    s->digest_algorithm_der = vs_ber_whole(&ber, VS_DER_SEQUENCE);
    if (vs_ber_peek(&ber) == VS_DER_CONTEXT_CONSTRUCTED(0)) {
        struct vs_ber_element attributes = vs_ber_next(&ber);
        s->signed_whole = attributes.whole;
        s->signed_content = attributes.content;
    }
    s->algorithm_der = vs_ber_whole(&ber, VS_DER_SEQUENCE);
    if (vs_ber_peek(&ber) == VS_DER_OCTET_STRING) {
        struct vs_ber_element value = vs_ber_next(&ber);
        s->value = value.content;
        s->value_whole = value.whole;
    } else {
        ber.failed = true;
    }
    struct vs_bytes unsigned_content = VS_BYTES_NONE;
    if (vs_ber_peek(&ber) == VS_DER_CONTEXT_CONSTRUCTED(1))
        unsigned_content = vs_ber_next(&ber).content;
    if (!vs_ber_done(&ber) || !vs_ber_done(&outer))
        return malformed(err, "a broken SignerInfo");
    s->digest_algorithm = vs_digest_by_der(s->digest_algorithm_der);
    if (!vs_signature_algorithm_by_der(s->algorithm_der, s->digest_algorithm, &s->algorithm))
        s->algorithm = (struct vs_signature_algorithm){0};
    VS_TRY(read_attributes(arena, s->signed_content, &s->signed_attributes, &s->n_signed, err));
    return read_attributes(arena, unsigned_content, &s->unsigned_attributes, &s->n_unsigned,
                           err);
}

static vs_rc read_signer(struct vs_arena *arena, struct vs_bytes whole, bool counter,
                         struct vs_cms_signer *s, struct vs_error *err)
{
    *s = (struct vs_cms_signer){.whole = whole, .signing_time = VS_TIME_NONE};
    VS_TRY(read_signer_fields(arena, s, err));
    return s->n_signed > 0 ? read_signed_facts(s, counter, err) : VS_OK;
}

vs_rc vs_cms_decode_signer(struct vs_arena *arena, struct vs_bytes bytes,
                           struct vs_cms_signer *ret, struct vs_error *err)
{
    return read_signer(arena, bytes, true, ret, err);
}

/* A signer that is broken is kept with its refusal: it must not hide a good one. */
static vs_rc read_signers(struct vs_arena *arena, struct vs_bytes content, struct vs_cms *cms,
                          struct vs_error *err)
{
    struct vs_ber set = vs_ber_reader(content);
    size_t n = count(set);
    VS_REFUSE_IF(n > VS_CMS_MAX_SIGNERS, err, VS_E_LIMIT, "RFC 5652, 5.1", "over %d signers",
                 VS_CMS_MAX_SIGNERS);
    struct vs_cms_signer *list = vs_arena_make_n(arena, struct vs_cms_signer, n + 1);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct vs_error refusal = {0};
        vs_rc rc = read_signer(arena, vs_ber_next(&set).whole, false, &list[i], &refusal);
        if (rc.code == VS_E_NOMEM) {
            *err = refusal;
            return rc;
        }
        if (!vs_ok(rc))
            list[i].refusal = refusal;
        bool data = IS(cms->content_type, OID_DATA);
        if (vs_ok(rc) && list[i].n_signed == 0 && !data)
            (void)vs_fail(&list[i].refusal, VS_E_SIGNATURE_FORM, "RFC 5652, 5.3",
                          "signed attributes are missing")
                .code;
    }
    if (n == 0 && content.len > 0)
        return malformed(err, "broken signer infos");
    cms->signers = list;
    cms->n_signers = n;
    return VS_OK;
}

/* -- SignedData ---------------------------------------------------------------------------- */

static vs_rc read_list(struct vs_arena *arena, struct vs_bytes content,
                       const struct vs_bytes **ret, size_t *ret_n, struct vs_error *err)
{
    struct vs_ber set = vs_ber_reader(content);
    size_t n = count(set);
    VS_REFUSE_IF(n > MAX_ITEMS, err, VS_E_LIMIT, "RFC 5652, 5.1", "over %d items in a set",
                 MAX_ITEMS);
    if (n == 0 && content.len > 0)
        return malformed(err, "a broken set");
    struct vs_bytes *list = vs_arena_make_n(arena, struct vs_bytes, n + 1);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        list[i] = vs_ber_next(&set).whole;
    *ret = list;
    *ret_n = n;
    return VS_OK;
}

static vs_rc read_certificates(struct vs_arena *arena, struct vs_bytes content,
                               struct vs_cms *cms, struct vs_error *err)
{
    VS_TRY(
        read_list(arena, content, &cms->certificate_choices, &cms->n_certificate_choices, err));
    struct vs_bytes *list =
        vs_arena_make_n(arena, struct vs_bytes, cms->n_certificate_choices + 1);
    if (list == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < cms->n_certificate_choices; i++)
        if (cms->certificate_choices[i].ptr[0] == VS_DER_SEQUENCE)
            list[cms->n_certificates++] = cms->certificate_choices[i];
    cms->certificates = list;
    return VS_OK;
}

/* OtherRevocationInfoFormat ::= [1] { OID, ANY } */
static struct vs_bytes other_ocsp(struct vs_bytes choice)
{
    struct vs_ber outer = vs_ber_reader(choice);
    struct vs_ber ber = vs_ber_enter(&outer, VS_DER_CONTEXT_CONSTRUCTED(1));
    struct vs_bytes oid = vs_ber_take(&ber, VS_DER_OID);
    struct vs_bytes value = vs_ber_next(&ber).whole;
    bool known = IS(oid, OID_RI_OCSP) || IS(oid, OID_OCSP_BASIC);
    return known && vs_ber_done(&ber) ? value : VS_BYTES_NONE;
}

static vs_rc read_revocation(struct vs_arena *arena, struct vs_bytes content,
                             struct vs_cms *cms, struct vs_error *err)
{
    VS_TRY(
        read_list(arena, content, &cms->revocation_choices, &cms->n_revocation_choices, err));
    size_t n = cms->n_revocation_choices;
    struct vs_bytes *crls = vs_arena_make_n(arena, struct vs_bytes, n + 1);
    struct vs_bytes *ocsp = vs_arena_make_n(arena, struct vs_bytes, n + 1);
    if (crls == NULL || ocsp == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        struct vs_bytes choice = cms->revocation_choices[i], other;
        if (choice.ptr[0] == VS_DER_SEQUENCE)
            crls[cms->n_crls++] = choice;
        else if ((other = other_ocsp(choice)).len > 0)
            ocsp[cms->n_ocsp++] = other;
    }
    cms->crls = crls;
    cms->ocsp = ocsp;
    return VS_OK;
}

static vs_rc read_content(struct vs_arena *arena, struct vs_bytes content, struct vs_cms *cms,
                          struct vs_error *err)
{
    struct vs_ber ber = vs_ber_reader(content);
    cms->content_type = vs_ber_take(&ber, VS_DER_OID);
    if (ber.failed)
        return malformed(err, "a broken EncapsulatedContentInfo");
    if (vs_ber_more(&ber)) {
        struct vs_ber explicit = vs_ber_enter(&ber, VS_DER_CONTEXT_CONSTRUCTED(0));
        VS_TRY(vs_ber_octets(arena, &explicit, &cms->content, err));
        cms->has_content = true;
        if (!vs_ber_done(&explicit) || !vs_ber_done(&ber))
            return malformed(err, "more than one content");
    }
    return VS_OK;
}

static vs_rc read_signed_data(struct vs_arena *arena, struct vs_ber *ber, struct vs_cms *cms,
                              struct vs_error *err)
{
    (void)vs_ber_take(ber, VS_DER_INTEGER);
    struct vs_bytes digests = vs_ber_take(ber, VS_DER_SET);
    if (vs_ber_peek(ber) != VS_DER_SEQUENCE)
        ber->failed = true;
    struct vs_ber_element content = vs_ber_next(ber);
    if (ber->failed)
        return malformed(err, "a broken SignedData");
    cms->content_info = content.whole;
    VS_TRY(read_list(arena, digests, &cms->digest_algorithms, &cms->n_digest_algorithms, err));
    VS_TRY(read_content(arena, content.content, cms, err));
    if (vs_ber_peek(ber) == VS_DER_CONTEXT_CONSTRUCTED(0))
        VS_TRY(read_certificates(arena, vs_ber_next(ber).content, cms, err));
    if (vs_ber_peek(ber) == VS_DER_CONTEXT_CONSTRUCTED(1))
        VS_TRY(read_revocation(arena, vs_ber_next(ber).content, cms, err));
    VS_TRY(read_signers(arena, vs_ber_take(ber, VS_DER_SET), cms, err));
    return vs_ber_done(ber) ? VS_OK : malformed(err, "something follows the signer infos");
}

static bool only_zeros(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at == 0)
        at++;
    return at == end;
}

vs_rc vs_cms_decode(struct vs_arena *arena, struct vs_bytes bytes, bool padded,
                    const struct vs_cms **ret, struct vs_error *err)
{
    VS_REFUSE_IF(bytes.len > VS_CMS_MAX_BYTES, err, VS_E_LIMIT, NULL, "a CMS of %zu bytes",
                 bytes.len);
    struct vs_cms *cms = vs_arena_make(arena, struct vs_cms);
    if (cms == NULL)
        return vs_fail_memory(err);
    struct vs_ber outer = vs_ber_reader(bytes);
    struct vs_ber info = vs_ber_enter(&outer, VS_DER_SEQUENCE);
    struct vs_bytes type = vs_ber_take(&info, VS_DER_OID);
    struct vs_ber explicit = vs_ber_enter(&info, VS_DER_CONTEXT_CONSTRUCTED(0));
    struct vs_ber data = vs_ber_enter(&explicit, VS_DER_SEQUENCE);
    if (!IS(type, OID_SIGNED_DATA) || !vs_ber_done(&info) || !vs_ber_done(&explicit))
        return malformed(err, "not one SignedData");
    if (!vs_ber_done(&outer) && !(padded && only_zeros(outer.at, outer.end)))
        return malformed(err, "bytes after the ContentInfo");
    VS_TRY(read_signed_data(arena, &data, cms, err));
    cms->whole = VS_BYTES(bytes.ptr, (size_t)(outer.at - bytes.ptr));
    *ret = cms;
    return VS_OK;
}

vs_rc vs_cms_check_value(const struct vs_cms_signer *signer, const struct vs_public_key *key,
                         const struct vs_digest *content_digest, enum vs_signature_verdict *ret,
                         struct vs_error *err)
{
    if (signer->n_signed == 0)
        return vs_public_key_verify(key, signer->algorithm, content_digest, VS_SIGNATURE_DER,
                                    signer->value, ret, err);
    /* RFC 5652, 5.4: digested as SET OF, with DER length, whatever lies there. */
    VS_BUFFER set;
    vs_buffer_init(&set, signer->signed_content.len + 16);
    vs_der_put(&set, VS_DER_SET, signer->signed_content);
    VS_TRY(vs_buffer_check(&set, err));
    return vs_public_key_verify_message(key, signer->algorithm, vs_buffer_view(&set),
                                        VS_SIGNATURE_DER, signer->value, ret, err);
}
