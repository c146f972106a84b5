#include "formats/signature/xades_make.h"
#include "formats/crypto/digest.h"
#include "formats/signature/xades.h"
#include "formats/xml/c14n.h"

#define DS        "xmlns:ds=\"" VS_DSIG_NAMESPACE "\""
#define XADES     "xmlns:xades=\"" VS_XADES_NAMESPACE "\""
#define EXCLUSIVE "http://www.w3.org/2001/10/xml-exc-c14n#"
#define CANON                                                                                  \
    "<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\"></ds:CanonicalizationMethod>"

/* The places that vs_xades_extend finds again. */
#define VALUE_BEGIN    "<ds:SignatureValue " DS " Id=\""
#define VALUE_END      "</ds:SignatureValue>"
#define UNSIGNED_BEGIN "<xades:UnsignedProperties><xades:UnsignedSignatureProperties>"
#define UNSIGNED_END   "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
#define TAIL           "</xades:QualifyingProperties></ds:Object></ds:Signature>"
#define ASIC_BEGIN     "<asic:XAdESSignatures xmlns:asic=\"" VS_ASIC_NAMESPACE "\">"
#define ASIC_END       "</asic:XAdESSignatures>"

enum { ID_MAX = 64, MAX_DRAFT = 64 << 20, USUAL_DRAFT = 2048, USUAL_FRAME = 1024 };

/* -- pieces of canonical XML --------------------------------------------------------------- */

static void put(struct vs_buffer *to, const char *text)
{
    vs_buffer_text(to, text);
}

/* Text or an attribute value as C14N writes it. The value holds no control characters. */
static void put_value(struct vs_buffer *to, const char *value, bool attribute)
{
    for (const char *c = value;; c++) {
        const char *run = c;
        while (*c != '\0' && *c != '&' && *c != '<' && *c != (attribute ? '"' : '>'))
            c++;
        vs_buffer_add(to, VS_BYTES(run, (size_t)(c - run)));
        switch (*c) {
        case '\0':
            return;
        case '&':
            put(to, "&amp;");
            break;
        case '<':
            put(to, "&lt;");
            break;
        case '>':
            put(to, "&gt;");
            break;
        default:
            put(to, "&quot;");
        }
    }
}

static void put_base64(struct vs_buffer *to, const char *element, struct vs_bytes bytes)
{
    vs_buffer_byte(to, '<');
    put(to, element);
    vs_buffer_byte(to, '>');
    vs_buffer_base64(to, bytes);
    put(to, "</");
    put(to, element);
    vs_buffer_byte(to, '>');
}

/* `declare`: where no element around has the prefix ds in its canonical form. */
static void put_digest(struct vs_buffer *to, const struct vs_digest *digest,
                       const char *declare)
{
    put(to, "<ds:DigestMethod ");
    put(to, declare);
    put(to, "Algorithm=\"");
    put(to, vs_digest_uri(digest->algorithm));
    put(to, "\"></ds:DigestMethod><ds:DigestValue");
    if (declare[0] != '\0')
        put(to, " " DS);
    vs_buffer_byte(to, '>');
    vs_buffer_base64(to, vs_digest_bytes(digest));
    put(to, "</ds:DigestValue>");
}

/* -- the signer ---------------------------------------------------------------------------- */

struct vs_xades_signer {
    struct vs_signature_algorithm algorithm;
    struct vs_buffer key_info, certificate, method;
};

vs_rc vs_xades_signer_new(const struct vs_bytes *chain, size_t n_chain,
                          struct vs_signature_algorithm algorithm, struct vs_xades_signer **ret,
                          struct vs_error *err)
{
    const char *uri = vs_signature_algorithm_uri(algorithm);
    if (uri == NULL)
        return vs_fail(err, VS_E_ALGORITHM, "RFC 9231, 2.3", "no XMLDSig name for %s",
                       vs_signature_algorithm_name(algorithm));
    if (n_chain == 0)
        return vs_fail(err, VS_E_PARAMETER, NULL, "no signing certificate");
    struct vs_xades_signer *s = vs_heap_new(sizeof *s);
    s->algorithm = algorithm;
    vs_buffer_init(&s->key_info, MAX_DRAFT);
    vs_buffer_init(&s->certificate, MAX_DRAFT);
    vs_buffer_init(&s->method, MAX_DRAFT);
    put(&s->key_info, "<ds:KeyInfo><ds:X509Data>");
    for (size_t i = 0; i < n_chain; i++)
        put_base64(&s->key_info, "ds:X509Certificate", chain[i]);
    put(&s->key_info, "</ds:X509Data></ds:KeyInfo>");
    struct vs_digest digest;
    vs_digest_of(VS_SHA256, chain[0], &digest);
    put(&s->certificate, "<xades:SigningCertificateV2><xades:Cert><xades:CertDigest>");
    put_digest(&s->certificate, &digest, DS " ");
    put(&s->certificate, "</xades:CertDigest></xades:Cert></xades:SigningCertificateV2>");
    put(&s->method, "<ds:SignatureMethod Algorithm=\"");
    put(&s->method, uri);
    put(&s->method, "\"></ds:SignatureMethod>");
    *ret = s;
    return VS_OK;
}

void vs_xades_signer_free(struct vs_xades_signer *signer)
{
    if (signer == NULL)
        return;
    vs_buffer_done(&signer->key_info);
    vs_buffer_done(&signer->certificate);
    vs_buffer_done(&signer->method);
    vs_heap_free(signer);
}

struct vs_signature_algorithm vs_xades_signer_algorithm(const struct vs_xades_signer *signer)
{
    return signer->algorithm;
}

/* -- the draft ----------------------------------------------------------------------------- */

struct vs_xades_draft {
    const struct vs_xades_signer *signer;
    const char *id;
    struct vs_bytes document;
    bool bare; /* the ds:Signature alone is written */
    struct vs_bytes signed_info, properties, value;
    struct vs_digest digest;
    struct vs_bytes token;
    const struct vs_xades_validation_data *validation;
    struct vs_arena *arena;
};

static bool is_ncname(const char *id)
{
    size_t len =
        strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    return id[0] != '\0' && id[len] == '\0' && len <= ID_MAX &&
           strchr("0123456789-.", id[0]) == NULL;
}

/* Text that XML can carry: no control characters, no noncharacters. */
static bool is_carried(const char *text)
{
    return text != NULL && !vs_text_has_controls(vs_bytes_text(text)) &&
           strstr(text, "\xef\xbf\xbe") == NULL && strstr(text, "\xef\xbf\xbf") == NULL;
}

/* "<name ...>...</name>": the offset of the end tag, 0 where it does not look like that. */
static size_t end_tag(struct vs_bytes document)
{
    const uint8_t *d = document.ptr;
    size_t at = document.len, name = 1;
    if (document.len < 7 || d[0] != '<' || d[document.len - 1] != '>')
        return 0;
    while (at > 0 && d[at - 1] != '<')
        at--;
    if (at < 2 || d[at] != '/')
        return 0;
    size_t len = document.len - at - 2;
    while (name < document.len && strchr(" >", d[name]) == NULL)
        name++;
    bool same = name - 1 == len && memcmp(d + 1, d + at + 1, len) == 0;
    return same && len > 0 && d[1] != '?' && d[1] != '!' ? at - 1 : 0;
}

#ifdef VASITE_TEST_BUILD
/* A document that is not canonical would be signed over other bytes than a reader digests. */
static void assert_canonical(struct vs_bytes document)
{
    struct vs_error err;
    VS_XML *xml = NULL;
    VS_BUFFER canonical;
    vs_buffer_init(&canonical, document.len + 1);
    struct vs_c14n_options how = {.method = VS_C14N_EXCLUSIVE};
    VS_ASSERT(vs_ok(vs_xml_parse(document, NULL, &xml, &err)));
    VS_ASSERT(vs_ok(vs_c14n_buffer(xml, NULL, &how, &canonical, &err)));
    VS_ASSERT(vs_bytes_equal(document, vs_buffer_view(&canonical)));
}
#else
#define assert_canonical(document) ((void)0)
#endif

static bool claims_are_carried(const struct vs_signature_claims *c)
{
    if (c == NULL)
        return true;
    const char *const texts[] = {c->role,    c->city,       c->state,     c->postal_code,
                                 c->country, c->policy_oid, c->policy_url};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] != NULL && !is_carried(texts[i]))
            return false;
    return c->policy_oid == NULL || c->policy_digest.len > 0;
}

static vs_rc check_options(const struct vs_xades_options *o, struct vs_error *err)
{
    bool enveloped = o->document.len > 0;
    if (enveloped + (o->n_objects > 0) + (o->enveloping.len > 0) != 1)
        return vs_fail(err, VS_E_PARAMETER, NULL, "either data objects or a document");
    if (!claims_are_carried(o->claims))
        return vs_fail(err, VS_E_PARAMETER, NULL, "a claim that XML cannot carry");
    if (o->id != NULL && !is_ncname(o->id))
        return vs_fail(err, VS_E_PARAMETER, NULL, "an id that is no NCName");
    if (enveloped && end_tag(o->document) == 0)
        return vs_fail(err, VS_E_PARAMETER, NULL, "a document that is not canonical");
    if (o->media_type != NULL && !is_carried(o->media_type))
        return vs_fail(err, VS_E_PARAMETER, NULL, "a media type that XML cannot carry");
    if (o->claimed_role != NULL && !is_carried(o->claimed_role))
        return vs_fail(err, VS_E_PARAMETER, NULL, "a role that XML cannot carry");
    for (size_t i = 0; i < o->n_objects; i++)
        if (!is_carried(o->objects[i].media_type) || o->objects[i].name[0] == '\0' ||
            vs_digest_length(o->objects[i].digest.algorithm) != o->objects[i].digest.len ||
            o->objects[i].digest.len == 0)
            return vs_fail(err, VS_E_PARAMETER, NULL, "data object %zu is incomplete", i);
    return VS_OK;
}

static void put_time(struct vs_buffer *to, vs_time_ms t)
{
    char text[VS_TIME_TEXT];
    vs_time_text(t, text);
    vs_buffer_add(to, VS_BYTES(text, sizeof "2026-11-21T20:46:48" - 1));
    vs_buffer_byte(to, 'Z');
}

/* "S0-R1" */
static void put_reference_id(struct vs_buffer *to, const char *id, size_t i)
{
    put(to, id);
    put(to, "-R");
    if (i < 10)
        vs_buffer_byte(to, (uint8_t)('0' + i));
    else
        vs_buffer_printf(to, "%zu", i);
}

static void put_format(struct vs_buffer *to, const char *id, size_t i, const char *media_type)
{
    put(to, "<xades:DataObjectFormat ObjectReference=\"#");
    put_reference_id(to, id, i);
    put(to, "\"><xades:MimeType>");
    put_value(to, media_type, false);
    put(to, "</xades:MimeType></xades:DataObjectFormat>");
}

static void put_element(struct vs_buffer *to, const char *name, const char *text)
{
    if (text == NULL)
        return;
    vs_buffer_printf(to, "<xades:%s>", name);
    put_value(to, text, false);
    vs_buffer_printf(to, "</xades:%s>", name);
}

/* EN 319 132-1, 5.2.9: an OID as an identifier by its URN (XAdES, 4.4). */
static void put_policy(struct vs_buffer *to, const struct vs_signature_claims *c)
{
    if (c->policy_oid == NULL)
        return;
    put(to, "<xades:SignaturePolicyIdentifier><xades:SignaturePolicyId><xades:SigPolicyId>"
            "<xades:Identifier Qualifier=\"OIDAsURN\">urn:oid:");
    put_value(to, c->policy_oid, false);
    put(to, "</xades:Identifier></xades:SigPolicyId><xades:SigPolicyHash>");
    put_digest(to, &c->policy_digest, DS " ");
    put(to, "</xades:SigPolicyHash>");
    if (c->policy_url != NULL) {
        put(to, "<xades:SigPolicyQualifiers><xades:SigPolicyQualifier>");
        put_element(to, "SPURI", c->policy_url);
        put(to, "</xades:SigPolicyQualifier></xades:SigPolicyQualifiers>");
    }
    put(to, "</xades:SignaturePolicyId></xades:SignaturePolicyIdentifier>");
}

static void put_place(struct vs_buffer *to, const struct vs_signature_claims *c)
{
    put(to, "<xades:SignatureProductionPlaceV2>");
    put_element(to, "City", c->city);
    put_element(to, "StateOrProvince", c->state);
    put_element(to, "PostalCode", c->postal_code);
    put_element(to, "CountryName", c->country);
    put(to, "</xades:SignatureProductionPlaceV2>");
}

static void put_role(struct vs_buffer *to, const struct vs_xades_options *o)
{
    const char *role = o->claimed_role;
    if (role == NULL && o->claims != NULL)
        role = o->claims->role;
    if (role == NULL)
        return;
    put(to, "<xades:SignerRoleV2><xades:ClaimedRoles>");
    put_element(to, "ClaimedRole", role);
    put(to, "</xades:ClaimedRoles></xades:SignerRoleV2>");
}

static void put_properties(struct vs_buffer *to, const struct vs_xades_draft *d,
                           const struct vs_xades_options *o)
{
    put(to, "<xades:SignedProperties " XADES " Id=\"");
    put(to, d->id);
    put(to, "-P\"><xades:SignedSignatureProperties><xades:SigningTime>");
    put_time(to, o->signing_time);
    put(to, "</xades:SigningTime>");
    vs_buffer_add(to, vs_buffer_view(&d->signer->certificate));
    if (o->claims != NULL)
        put_policy(to, o->claims);
    if (o->claims != NULL && vs_claims_place(o->claims))
        put_place(to, o->claims);
    put_role(to, o);
    put(to, "</xades:SignedSignatureProperties><xades:SignedDataObjectProperties>");
    if (d->document.len > 0 || d->bare)
        put_format(to, d->id, 0, o->media_type == NULL ? "application/xml" : o->media_type);
    for (size_t i = 0; i < o->n_objects; i++)
        put_format(to, d->id, i, o->objects[i].media_type);
    if (o->claims != NULL && o->claims->commitment != VS_COMMITMENT_NONE) {
        put(to, "<xades:CommitmentTypeIndication><xades:CommitmentTypeId><xades:Identifier>");
        put(to, vs_commitment_uri(o->claims->commitment));
        put(to, "</xades:Identifier></xades:CommitmentTypeId><xades:AllSignedDataObjects>"
                "</xades:AllSignedDataObjects></xades:CommitmentTypeIndication>");
    }
    put(to, "</xades:SignedDataObjectProperties></xades:SignedProperties>");
}

static void put_object_references(struct vs_buffer *to, const struct vs_xades_draft *d,
                                  const struct vs_xades_options *o)
{
    for (size_t i = 0; i < o->n_objects; i++) {
        const struct vs_xades_object *object = &o->objects[i];
        char *uri = vs_percent_encode(d->arena, vs_bytes_text(object->name));
        put(to, "<ds:Reference Id=\"");
        put_reference_id(to, d->id, i);
        put(to, "\" URI=\"");
        if (uri == NULL)
            to->failed = true;
        put_value(to, uri == NULL ? "" : uri, true);
        put(to, "\">");
        put_digest(to, &object->digest, "");
        put(to, "</ds:Reference>");
    }
}

static void put_document_reference(struct vs_buffer *to, const struct vs_xades_draft *d,
                                   const struct vs_digest *digest)
{
    put(to, "<ds:Reference Id=\"");
    put(to, d->id);
    put(to, "-R0\" URI=\"\"><ds:Transforms><ds:Transform Algorithm=\"" VS_DSIG_NAMESPACE
            "enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"" EXCLUSIVE
            "\"></ds:Transform></ds:Transforms>");
    put_digest(to, digest, "");
    put(to, "</ds:Reference>");
}

static void put_signed_info(struct vs_buffer *to, const struct vs_xades_draft *d,
                            const struct vs_xades_options *o)
{
    enum vs_digest_algorithm algorithm = o->digest == VS_DIGEST_NONE ? VS_SHA256 : o->digest;
    put(to, "<ds:SignedInfo " DS ">" CANON);
    vs_buffer_add(to, vs_buffer_view(&d->signer->method));
    struct vs_digest digest = o->enveloping;
    if (d->document.len > 0)
        vs_digest_of(algorithm, d->document, &digest);
    if (d->document.len > 0 || d->bare)
        put_document_reference(to, d, &digest);
    else
        put_object_references(to, d, o);
    vs_digest_of(algorithm, d->properties, &digest);
    put(to, "<ds:Reference Type=\"" VS_XADES_TYPE_PROPERTIES "\" URI=\"#");
    put(to, d->id);
    put(to, "-P\"><ds:Transforms><ds:Transform Algorithm=\"" EXCLUSIVE
            "\"></ds:Transform></ds:Transforms>");
    put_digest(to, &digest, "");
    put(to, "</ds:Reference></ds:SignedInfo>");
}

vs_rc vs_xades_prepare(struct vs_arena *arena, const struct vs_xades_signer *signer,
                       const struct vs_xades_options *options, struct vs_xades_draft **ret,
                       struct vs_error *err)
{
    VS_TRY(check_options(options, err));
    struct vs_xades_draft *d = vs_arena_make(arena, struct vs_xades_draft);
    if (d == NULL)
        return vs_fail_memory(err);
    d->signer = signer;
    d->arena = arena;
    d->id = options->id == NULL ? "S0" : vs_arena_strdup(arena, options->id);
    if (d->id == NULL)
        return vs_fail_memory(err);
    d->document = options->document;
    d->bare = options->enveloping.len > 0;
    if (d->document.len > 0)
        assert_canonical(d->document);
    VS_BUFFER text;
    vs_buffer_init(&text, MAX_DRAFT);
    vs_buffer_expect(&text, USUAL_DRAFT);
    put_properties(&text, d, options);
    VS_TRY(vs_buffer_copy(&text, arena, &d->properties, err));
    vs_buffer_clear(&text);
    put_signed_info(&text, d, options);
    VS_TRY(vs_buffer_copy(&text, arena, &d->signed_info, err));
    if (signer->algorithm.digest != VS_DIGEST_NONE)
        vs_digest_of(signer->algorithm.digest, d->signed_info, &d->digest);
    *ret = d;
    return VS_OK;
}

struct vs_bytes vs_xades_draft_message(const struct vs_xades_draft *draft)
{
    return draft->signed_info;
}

const struct vs_digest *vs_xades_draft_digest(const struct vs_xades_draft *draft)
{
    return &draft->digest;
}

vs_rc vs_xades_set_value(struct vs_xades_draft *draft, struct vs_bytes value,
                         struct vs_error *err)
{
    VS_BUFFER text;
    vs_buffer_init(&text, MAX_DRAFT);
    vs_buffer_expect(&text, USUAL_FRAME);
    put(&text, VALUE_BEGIN);
    put(&text, draft->id);
    put(&text, "-V\">");
    vs_buffer_base64(&text, value);
    put(&text, VALUE_END);
    return vs_buffer_copy(&text, draft->arena, &draft->value, err);
}

void vs_xades_draft_imprint(const struct vs_xades_draft *draft,
                            enum vs_digest_algorithm algorithm, struct vs_digest *ret)
{
    VS_ASSERT(draft->value.len > 0);
    vs_digest_of(algorithm, draft->value, ret);
}

void vs_xades_set_timestamp(struct vs_xades_draft *draft, struct vs_bytes token)
{
    draft->token = token;
}

void vs_xades_set_validation_data(struct vs_xades_draft *draft,
                                  const struct vs_xades_validation_data *data)
{
    draft->validation = data;
}

/* -- the file ------------------------------------------------------------------------------ */

static void put_list(struct vs_buffer *to, const char *around, const char *element,
                     const struct vs_bytes *list, size_t n)
{
    if (n == 0)
        return;
    vs_buffer_printf(to, "<%s>", around);
    for (size_t i = 0; i < n; i++)
        put_base64(to, element, list[i]);
    vs_buffer_printf(to, "</%s>", around);
}

static void put_unsigned(struct vs_buffer *to, struct vs_bytes token,
                         const struct vs_xades_validation_data *data)
{
    if (token.len > 0) {
        put(to, "<xades:SignatureTimeStamp>" CANON);
        put_base64(to, "xades:EncapsulatedTimeStamp", token);
        put(to, "</xades:SignatureTimeStamp>");
    }
    if (data == NULL)
        return;
    put_list(to, "xades:CertificateValues", "xades:EncapsulatedX509Certificate",
             data->certificates, data->n_certificates);
    if (data->n_crls + data->n_ocsp_responses == 0)
        return;
    put(to, "<xades:RevocationValues>");
    put_list(to, "xades:CRLValues", "xades:EncapsulatedCRLValue", data->crls, data->n_crls);
    put_list(to, "xades:OCSPValues", "xades:EncapsulatedOCSPValue", data->ocsp_responses,
             data->n_ocsp_responses);
    put(to, "</xades:RevocationValues>");
}

static bool adds_nothing(struct vs_bytes token, const struct vs_xades_validation_data *data)
{
    return token.len == 0 &&
           (data == NULL || data->n_certificates + data->n_crls + data->n_ocsp_responses == 0);
}

static void put_signature(struct vs_buffer *to, const struct vs_xades_draft *d)
{
    put(to, "<ds:Signature " DS " Id=\"");
    put(to, d->id);
    put(to, "\">");
    vs_buffer_add(to, d->signed_info);
    vs_buffer_add(to, d->value);
    vs_buffer_add(to, vs_buffer_view(&d->signer->key_info));
    put(to, "<ds:Object><xades:QualifyingProperties " XADES " Target=\"#");
    put(to, d->id);
    put(to, "\">");
    vs_buffer_add(to, d->properties);
    if (!adds_nothing(d->token, d->validation)) {
        put(to, UNSIGNED_BEGIN);
        put_unsigned(to, d->token, d->validation);
        put(to, UNSIGNED_END);
    }
    put(to, TAIL);
}

vs_rc vs_xades_write(const struct vs_xades_draft *draft, struct vs_buffer *to,
                     struct vs_error *err)
{
    VS_ASSERT(draft->value.len > 0);
    vs_buffer_expect(to, draft->document.len + draft->signed_info.len + draft->value.len +
                             draft->signer->key_info.len + draft->properties.len +
                             draft->token.len / 2 * 3 + USUAL_FRAME);
    if (draft->bare) {
        put_signature(to, draft);
        return vs_buffer_check(to, err);
    }
    if (draft->document.len == 0) {
        put(to, ASIC_BEGIN);
        put_signature(to, draft);
        put(to, ASIC_END);
        return vs_buffer_check(to, err);
    }
    size_t end = end_tag(draft->document);
    vs_buffer_add(to, VS_BYTES(draft->document.ptr, end));
    put_signature(to, draft);
    vs_buffer_add(to, VS_BYTES(draft->document.ptr + end, draft->document.len - end));
    return vs_buffer_check(to, err);
}

/* -- later --------------------------------------------------------------------------------- */

/* The last place where `what` begins, or file.len: our signature is the last thing in a file,
 * so nothing that a document contains can be taken for it. */
static size_t find_last(struct vs_bytes file, struct vs_bytes what)
{
    for (size_t at = file.len < what.len ? 0 : file.len - what.len + 1; at > 0; at--)
        if (memcmp(file.ptr + at - 1, what.ptr, what.len) == 0)
            return at - 1;
    return file.len;
}

vs_rc vs_xades_written_imprint(struct vs_bytes file, enum vs_digest_algorithm algorithm,
                               struct vs_digest *ret, struct vs_error *err)
{
    size_t begin = find_last(file, VS_BYTES_LITERAL(VALUE_BEGIN));
    size_t end = find_last(file, VS_BYTES_LITERAL(VALUE_END));
    if (begin >= end || end == file.len)
        return vs_fail(err, VS_E_SIGNATURE_FORM, NULL, "not a signature that was written here");
    size_t len = end + sizeof VALUE_END - 1 - begin;
    vs_digest_of(algorithm, VS_BYTES(file.ptr + begin, len), ret);
    return VS_OK;
}

vs_rc vs_xades_extend(struct vs_bytes file, struct vs_bytes token,
                      const struct vs_xades_validation_data *data, struct vs_buffer *to,
                      struct vs_error *err)
{
    static const struct vs_bytes tail = VS_BYTES_LITERAL(TAIL);
    static const struct vs_bytes end = VS_BYTES_LITERAL(UNSIGNED_END);
    size_t at = find_last(file, tail);
    struct vs_bytes rest = VS_BYTES(file.ptr + at, file.len - at);
    bool one_tag = rest.len > tail.len + 3 &&
                   memchr(rest.ptr + tail.len + 1, '<', rest.len - tail.len - 1) == NULL &&
                   vs_bytes_starts(VS_BYTES(rest.ptr + tail.len, 2), "</");
    if (!one_tag)
        return vs_fail(err, VS_E_SIGNATURE_FORM, NULL, "not a signature that was written here");
    bool has = at >= end.len && memcmp(file.ptr + at - end.len, end.ptr, end.len) == 0;
    vs_buffer_add(to, VS_BYTES(file.ptr, has ? at - end.len : at));
    if (!adds_nothing(token, data)) {
        put(to, has ? "" : UNSIGNED_BEGIN);
        put_unsigned(to, token, data);
        put(to, has ? "" : UNSIGNED_END);
    }
    if (has)
        vs_buffer_add(to, end);
    vs_buffer_add(to, rest);
    return vs_buffer_check(to, err);
}
