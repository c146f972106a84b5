#include "formats/certificate/certificate.h"
#include "formats/signature/cades_priv.h"

#define OID_CONTENT_TYPE           "1.2.840.113549.1.9.3"
#define OID_MESSAGE_DIGEST         "1.2.840.113549.1.9.4"
#define OID_SIGNING_TIME           "1.2.840.113549.1.9.5"
#define OID_SIGNING_CERTIFICATE_V2 "1.2.840.113549.1.9.16.2.47"
#define OID_POLICY                 "1.2.840.113549.1.9.16.2.15"
#define OID_POLICY_URI             "1.2.840.113549.1.9.16.5.1"
#define OID_COMMITMENT             "1.2.840.113549.1.9.16.2.16"
#define OID_LOCATION               "1.2.840.113549.1.9.16.2.17"
#define OID_SIGNER_ATTRIBUTES_V2   "0.4.0.19122.1.1"
#define OID_MIME_TYPE              "0.4.0.1733.2.1"
#define OID_NAME                   "2.5.4.41"

enum { CHAIN_MAX = 16, ATTRIBUTES_MAX = 64 * 1024, POSTAL_LINES = 2 };

struct vs_cades_draft {
    const struct vs_cades_options *options;
    struct vs_bytes signer_id;
    struct vs_bytes attributes; /* the SET OF, whole */
    struct vs_arena *arena;
};

enum vs_digest_algorithm vs_cades_digest(struct vs_signature_algorithm algorithm)
{
    return algorithm.scheme == VS_ED25519 ? VS_SHA512 : algorithm.digest;
}

/* -- signed attributes --------------------------------------------------------------------- */

struct attributes {
    struct vs_buffer *to;
    struct vs_buffer value; /* the one being made */
};

static void put(struct attributes *a, const char *oid)
{
    vs_cades_put_attribute(a->to, oid, vs_buffer_view(&a->value));
    a->to->failed = a->to->failed || a->value.failed;
    vs_buffer_clear(&a->value);
}

/* RFC 5035, 4: ESSCertIDv2 with its default, SHA-256; issuerSerial is not asked for (EN
 * 319 122-1, 5.2.2.3). */
static void put_certificate(struct attributes *a, struct vs_bytes certificate)
{
    uint8_t digest[32];
    vs_sha256(certificate, digest);
    size_t value = vs_der_begin(&a->value), list = vs_der_begin(&a->value);
    size_t id = vs_der_begin(&a->value);
    vs_der_put(&a->value, VS_DER_OCTET_STRING, VS_BYTES(digest, sizeof digest));
    vs_der_end(&a->value, id, VS_DER_SEQUENCE);
    vs_der_end(&a->value, list, VS_DER_SEQUENCE);
    vs_der_end(&a->value, value, VS_DER_SEQUENCE);
    put(a, OID_SIGNING_CERTIFICATE_V2);
}

/* A DirectoryString under an explicit tag. */
static void put_directory(struct vs_buffer *to, unsigned tag, const char *text)
{
    if (text == NULL)
        return;
    size_t at = vs_der_begin(to);
    vs_der_put_text(to, VS_DER_UTF8_STRING, text);
    vs_der_end(to, at, (uint8_t)VS_DER_CONTEXT_CONSTRUCTED(tag));
}

/* EN 319 122-1, 5.2.5; the postal address holds state and postal code. */
static void put_location(struct attributes *a, const struct vs_signature_claims *claims)
{
    const char *lines[POSTAL_LINES] = {claims->state, claims->postal_code};
    size_t at = vs_der_begin(&a->value);
    put_directory(&a->value, 0, claims->country);
    put_directory(&a->value, 1, claims->city);
    if (claims->state != NULL || claims->postal_code != NULL) {
        size_t address = vs_der_begin(&a->value), inner = vs_der_begin(&a->value);
        for (size_t i = 0; i < POSTAL_LINES; i++)
            if (lines[i] != NULL)
                vs_der_put_text(&a->value, VS_DER_UTF8_STRING, lines[i]);
        vs_der_end(&a->value, inner, VS_DER_SEQUENCE);
        vs_der_end(&a->value, address, VS_DER_CONTEXT_CONSTRUCTED(2));
    }
    vs_der_end(&a->value, at, VS_DER_SEQUENCE);
    put(a, OID_LOCATION);
}

/* EN 319 122-1, 5.2.6.1: claimedAttributes; the role as the attribute `name`, as validators
 * read it. */
static void put_role(struct attributes *a, const char *role)
{
    size_t at = vs_der_begin(&a->value), claimed = vs_der_begin(&a->value);
    VS_BUFFER text;
    vs_buffer_init(&text, ATTRIBUTES_MAX);
    vs_der_put_text(&text, VS_DER_UTF8_STRING, role);
    vs_cades_put_attribute(&a->value, OID_NAME, vs_buffer_view(&text));
    a->value.failed = a->value.failed || text.failed;
    vs_der_end(&a->value, claimed, VS_DER_CONTEXT_CONSTRUCTED(0));
    vs_der_end(&a->value, at, VS_DER_SEQUENCE);
    put(a, OID_SIGNER_ATTRIBUTES_V2);
}

static void put_commitment(struct attributes *a, enum vs_commitment commitment)
{
    size_t at = vs_der_begin(&a->value);
    vs_der_put_oid(&a->value, vs_commitment_oid(commitment));
    vs_der_end(&a->value, at, VS_DER_SEQUENCE);
    put(a, OID_COMMITMENT);
}

/* EN 319 122-1, 5.2.9.1. */
static void put_policy(struct attributes *a, const struct vs_signature_claims *claims)
{
    struct vs_buffer *to = &a->value;
    size_t at = vs_der_begin(to);
    vs_der_put_oid(to, claims->policy_oid);
    size_t hash = vs_der_begin(to);
    vs_buffer_add(to, vs_digest_der(claims->policy_digest.algorithm));
    vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&claims->policy_digest));
    vs_der_end(to, hash, VS_DER_SEQUENCE);
    if (claims->policy_url != NULL) {
        size_t qualifiers = vs_der_begin(to), one = vs_der_begin(to);
        vs_der_put_oid(to, OID_POLICY_URI);
        vs_der_put_text(to, VS_DER_IA5_STRING, claims->policy_url);
        vs_der_end(to, one, VS_DER_SEQUENCE);
        vs_der_end(to, qualifiers, VS_DER_SEQUENCE);
    }
    vs_der_end(to, at, VS_DER_SEQUENCE);
    put(a, OID_POLICY);
}

static void put_claims(struct attributes *a, const struct vs_signature_claims *claims)
{
    if (vs_claims_place(claims))
        put_location(a, claims);
    if (claims->role != NULL)
        put_role(a, claims->role);
    if (claims->commitment != VS_COMMITMENT_NONE)
        put_commitment(a, claims->commitment);
    if (claims->policy_oid != NULL)
        put_policy(a, claims);
}

static void put_attributes(struct attributes *a, const struct vs_cades_options *o)
{
    if (!o->counter) { /* RFC 5652, 11.4 forbids it there */
        vs_der_put_oid(&a->value, VS_OID_DATA);
        put(a, OID_CONTENT_TYPE);
    }
    vs_der_put(&a->value, VS_DER_OCTET_STRING, vs_digest_bytes(&o->content));
    put(a, OID_MESSAGE_DIGEST);
    if (o->signing_time != VS_TIME_NONE) {
        vs_der_put_validity(&a->value, o->signing_time);
        put(a, OID_SIGNING_TIME);
    }
    put_certificate(a, o->chain[0]);
    if (o->media_type != NULL) {
        vs_der_put_text(&a->value, VS_DER_UTF8_STRING, o->media_type);
        put(a, OID_MIME_TYPE);
    }
    if (o->claims != NULL)
        put_claims(a, o->claims);
}

static vs_rc make_attributes(struct vs_cades_draft *draft, struct vs_error *err)
{
    VS_BUFFER out;
    struct attributes a = {.to = &out};
    vs_buffer_init(&out, ATTRIBUTES_MAX);
    vs_buffer_init(&a.value, ATTRIBUTES_MAX);
    size_t at = vs_der_begin(&out);
    put_attributes(&a, draft->options);
    vs_der_end_set_of(&out, at, VS_DER_SET);
    vs_buffer_done(&a.value);
    return vs_buffer_copy(&out, draft->arena, &draft->attributes, err);
}

/* -- the draft ----------------------------------------------------------------------------- */

static vs_rc make_signer_id(struct vs_cades_draft *draft, struct vs_error *err)
{
    VS_CERTIFICATE *certificate = NULL;
    VS_BUFFER id;
    vs_buffer_init(&id, VS_CERTIFICATE_MAX_BYTES);
    VS_TRY(vs_certificate_get(draft->options->chain[0], &certificate, err));
    size_t at = vs_der_begin(&id);
    vs_buffer_add(&id, certificate->issuer);
    vs_der_put(&id, VS_DER_INTEGER, certificate->serial);
    vs_der_end(&id, at, VS_DER_SEQUENCE);
    return vs_buffer_copy(&id, draft->arena, &draft->signer_id, err);
}

static vs_rc check_options(const struct vs_cades_options *o, struct vs_error *err)
{
    VS_REFUSE_IF(o->n_chain == 0 || o->n_chain > CHAIN_MAX, err, VS_E_PARAMETER, NULL,
                 "a signature needs its certificate, and at most %d with it", CHAIN_MAX);
    VS_REFUSE_IF(vs_signature_algorithm_der(o->algorithm).len == 0, err, VS_E_ALGORITHM,
                 "RFC 5652, 10.1.2", "CMS has no name for this algorithm");
    VS_REFUSE_IF(o->content.algorithm != vs_cades_digest(o->algorithm), err, VS_E_PARAMETER,
                 "RFC 5652, 5.4", "the content's digest is not by the signature's algorithm");
    VS_REFUSE_IF(o->claims != NULL && o->claims->policy_oid != NULL &&
                     o->claims->policy_digest.algorithm == VS_DIGEST_NONE,
                 err, VS_E_PARAMETER, "EN 319 122-1, 5.2.9.1",
                 "the policy's digest is missing");
    return VS_OK;
}

vs_rc vs_cades_prepare(struct vs_arena *arena, const struct vs_cades_options *options,
                       struct vs_cades_draft **ret, struct vs_error *err)
{
    VS_TRY(check_options(options, err));
    struct vs_cades_draft *draft = vs_arena_make(arena, struct vs_cades_draft);
    if (draft == NULL)
        return vs_fail_memory(err);
    draft->options = options;
    draft->arena = arena;
    VS_TRY(make_signer_id(draft, err));
    VS_TRY(make_attributes(draft, err));
    *ret = draft;
    return VS_OK;
}

struct vs_bytes vs_cades_draft_message(const struct vs_cades_draft *draft)
{
    return draft->attributes;
}

/* -- the file ------------------------------------------------------------------------------ */

static void put_signer(const struct vs_cades_draft *draft, struct vs_bytes value,
                       struct vs_buffer *to)
{
    const struct vs_cades_options *o = draft->options;
    struct vs_der attributes = vs_der_reader(draft->attributes);
    size_t at = vs_der_begin(to);
    vs_der_put_small(to, 1);
    vs_buffer_add(to, draft->signer_id);
    vs_buffer_add(to, vs_digest_der(o->content.algorithm));
    vs_der_put(to, VS_DER_CONTEXT_CONSTRUCTED(0), vs_der_take(&attributes, VS_DER_SET));
    vs_buffer_add(to, vs_signature_algorithm_der(o->algorithm));
    vs_der_put(to, VS_DER_OCTET_STRING, value);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

static vs_rc content_info(const struct vs_cades_draft *draft, struct vs_bytes *ret,
                          struct vs_error *err)
{
    struct vs_bytes attached = draft->options->attached;
    VS_BUFFER info;
    vs_buffer_init(&info, attached.len + 64);
    size_t at = vs_der_begin(&info);
    vs_der_put_oid(&info, VS_OID_DATA);
    if (attached.ptr != NULL) {
        size_t inner = vs_der_begin(&info);
        vs_der_put(&info, VS_DER_OCTET_STRING, attached);
        vs_der_end(&info, inner, VS_DER_CONTEXT_CONSTRUCTED(0));
    }
    vs_der_end(&info, at, VS_DER_SEQUENCE);
    return vs_buffer_copy(&info, draft->arena, ret, err);
}

vs_rc vs_cades_finish(struct vs_cades_draft *draft, struct vs_bytes value,
                      const struct vs_cms *existing, struct vs_buffer *to, struct vs_error *err)
{
    const struct vs_cades_options *o = draft->options;
    VS_CADES_PARTS parts;
    vs_cades_parts_init(&parts, to->max);
    VS_REFUSE_IF(existing != NULL && existing->has_content != (o->attached.ptr != NULL), err,
                 VS_E_PARAMETER, "RFC 5652, 5.1",
                 "one signature encloses the content, the other does not");
    if (existing != NULL)
        vs_cades_parts_copy(&parts, existing, SIZE_MAX, VS_BYTES_NONE);
    else
        VS_TRY(content_info(draft, &parts.content_info, err));
    vs_cades_part_add(&parts.digests, vs_digest_der(o->content.algorithm));
    for (size_t i = 0; i < o->n_chain; i++)
        vs_cades_part_add(&parts.certificates, o->chain[i]);
    put_signer(draft, value, &parts.signers);
    return vs_cades_parts_write(&parts, to, err);
}

vs_rc vs_cades_finish_counter(struct vs_cades_draft *draft, struct vs_bytes value,
                              struct vs_buffer *to, struct vs_error *err)
{
    VS_ASSERT(draft->options->counter);
    put_signer(draft, value, to);
    return vs_buffer_check(to, err);
}
