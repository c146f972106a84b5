#include "formats/crypto/der.h"
#include "formats/signature/ber.h"
#include "formats/timestamp/timestamp.h"
#include "formats/validation/cades.h"

#define HASH_INDEX_V3 "0.4.0.19122.1.5"
#define HASH_INDEX_V1 "0.4.0.1733.2.5"

/* The ats-hash-index of a token: the digests of what it protects. */
struct hash_index {
    enum vs_digest_algorithm algorithm;
    struct vs_bytes whole;                          /* its DER */
    struct vs_bytes certificates, crls, attributes; /* contents of the SEQUENCEs OF */
};

static bool read_index(struct vs_bytes value, struct hash_index *ret)
{
    struct vs_ber outer = vs_ber_reader(value);
    struct vs_ber ber = vs_ber_enter(&outer, VS_DER_SEQUENCE);
    ret->whole = value;
    ret->algorithm = VS_SHA256;
    /* Version 1 may leave the algorithm out; its first list then is a SEQUENCE too, but of
     * OCTET STRINGs. */
    struct vs_ber probe = ber;
    struct vs_bytes first = vs_ber_whole(&probe, VS_DER_SEQUENCE);
    enum vs_digest_algorithm named = vs_digest_by_der(first);
    if (named != VS_DIGEST_NONE) {
        ret->algorithm = named;
        ber = probe;
    }
    ret->certificates = vs_ber_take(&ber, VS_DER_SEQUENCE);
    ret->crls = vs_ber_take(&ber, VS_DER_SEQUENCE);
    ret->attributes = vs_ber_take(&ber, VS_DER_SEQUENCE);
    return vs_ber_done(&ber);
}

static bool index_of(struct vs_context *context, struct vs_bytes token, struct hash_index *ret)
{
    const struct vs_cms *cms;
    if (!vs_ok(vs_cms_decode(context->arena, token, false, &cms, NULL)) || cms->n_signers != 1)
        return false;
    const struct vs_cms_signer *s = &cms->signers[0];
    const struct vs_cms_attribute *a =
        vs_cms_attribute(s->unsigned_attributes, s->n_unsigned, HASH_INDEX_V3, 0);
    if (a == NULL)
        a = vs_cms_attribute(s->unsigned_attributes, s->n_unsigned, HASH_INDEX_V1, 0);
    return a != NULL && read_index(a->first, ret);
}

static bool among(struct vs_bytes digest, const struct vs_bytes *objects, size_t n,
                  enum vs_digest_algorithm algorithm)
{
    for (size_t i = 0; i < n; i++) {
        struct vs_digest d;
        vs_digest_of(algorithm, objects[i], &d);
        if (vs_bytes_equal(vs_digest_bytes(&d), digest))
            return true;
    }
    return false;
}

/* Every digest of the list must be that of an object that is there (5.5.2). */
static bool all_there(struct vs_bytes list, const struct vs_bytes *objects, size_t n,
                      enum vs_digest_algorithm algorithm)
{
    struct vs_ber ber = vs_ber_reader(list);
    while (vs_ber_more(&ber)) {
        struct vs_bytes digest = vs_ber_take(&ber, VS_DER_OCTET_STRING);
        if (ber.failed || !among(digest, objects, n, algorithm))
            return false;
    }
    return vs_ber_done(&ber);
}

/* V3 digests attrType and one value joined, for each value; V1 the whole attribute. */
static vs_rc attribute_objects(struct vs_arena *arena, const struct vs_cms_signer *s,
                               struct vs_bytes **ret, size_t *ret_n, struct vs_error *err)
{
    size_t n = 0, room = 0;
    for (size_t i = 0; i < s->n_unsigned; i++)
        room += 1 + s->unsigned_attributes[i].n_values;
    *ret = vs_arena_make_n(arena, struct vs_bytes, room + 1);
    if (*ret == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < s->n_unsigned; i++) {
        const struct vs_cms_attribute *a = &s->unsigned_attributes[i];
        (*ret)[n++] = a->whole;
        struct vs_ber values = vs_ber_reader(a->values);
        for (size_t k = 0; k < a->n_values; k++) {
            struct vs_bytes value = vs_ber_next(&values).whole;
            VS_BUFFER joined;
            vs_buffer_init(&joined, a->whole.len + 16);
            vs_der_put(&joined, VS_DER_OID, a->oid);
            vs_buffer_add(&joined, value);
            VS_TRY(vs_buffer_copy(&joined, arena, &(*ret)[n++], err));
        }
    }
    *ret_n = n;
    return VS_OK;
}

vs_rc vs_cades_archive_imprint(struct vs_context *context, const struct vs_cms *cms,
                               const struct vs_cms_signer *signer,
                               const struct vs_cms_content *content, struct vs_bytes token,
                               enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                               bool *ret_known, struct vs_error *err)
{
    struct hash_index index;
    struct vs_bytes *attributes;
    size_t n_attributes;
    struct vs_digest data;
    VS_BUFFER type;
    vs_buffer_init(&type, 256);
    *ret_known = false;
    if (!index_of(context, token, &index))
        return VS_OK;
    VS_TRY(vs_cms_content_digest(content, algorithm, &data, ret_known, err));
    if (!*ret_known)
        return VS_OK;
    VS_TRY(attribute_objects(context->arena, signer, &attributes, &n_attributes, err));
    bool whole = all_there(index.certificates, cms->certificate_choices,
                           cms->n_certificate_choices, index.algorithm) &&
                 all_there(index.crls, cms->revocation_choices, cms->n_revocation_choices,
                           index.algorithm) &&
                 all_there(index.attributes, attributes, n_attributes, index.algorithm);
    vs_der_put(&type, VS_DER_OID, cms->content_type);
    VS_TRY(vs_buffer_check(&type, err));
    /* A digest of something that is gone or altered: an imprint that no token can carry. */
    struct vs_bytes broken = VS_BYTES_LITERAL("!");
    const struct vs_bytes parts[] = {vs_buffer_view(&type),
                                     vs_digest_bytes(&data),
                                     signer->version,
                                     signer->sid,
                                     signer->digest_algorithm_der,
                                     signer->signed_whole,
                                     signer->algorithm_der,
                                     signer->value_whole,
                                     index.whole,
                                     whole ? VS_BYTES_NONE : broken};
    vs_digest_of_parts(algorithm, parts, sizeof parts / sizeof *parts, ret);
    return VS_OK;
}
