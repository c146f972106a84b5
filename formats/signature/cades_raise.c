#include "formats/signature/ber.h"
#include "formats/signature/cades_priv.h"

enum { INDEX_MAX = 256 * 1024 };

/* -- the same file with more in it --------------------------------------------------------- */

/* Re-encoded as DER where a streaming writer left BER: nothing that a signature value covers
 * changes by it, but the parts that an archive time mark digests might. */
static vs_rc to_der(struct vs_arena *arena, const struct vs_cms *cms, size_t signer,
                    const struct vs_cms **ret, struct vs_error *err)
{
    struct vs_bytes der;
    VS_TRY(vs_cms_without(arena, cms, &cms->signers[signer], NULL, 0, 0, &der, err));
    *ret = cms;
    if (vs_bytes_equal(der, cms->whole))
        return VS_OK;
    for (size_t i = 0; i < cms->n_signers; i++)
        VS_REFUSE_IF(vs_cms_attribute(cms->signers[i].unsigned_attributes,
                                      cms->signers[i].n_unsigned, VS_OID_ARCHIVE_MARK_V3,
                                      0) != NULL,
                     err, VS_E_SIGNATURE_FORM, "EN 319 122-1, 5.5.3",
                     "an archive time mark covers it, and it is not DER");
    return vs_cms_decode(arena, der, false, ret, err);
}

static void put_unsigned(const struct vs_cms_signer *s, const struct vs_cades_raising *raising,
                         struct vs_buffer *to)
{
    const struct {
        const char *oid;
        struct vs_bytes value;
    } added[] = {{VS_OID_SIGNATURE_MARK, raising->time_mark},
                 {VS_OID_COUNTER, raising->counter},
                 {VS_OID_ARCHIVE_MARK_V3, raising->archive_mark}};
    size_t at = vs_der_begin(to), n = s->n_unsigned;
    for (size_t i = 0; i < s->n_unsigned; i++)
        vs_buffer_add(to, s->unsigned_attributes[i].whole);
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        if (added[i].value.len > 0) {
            vs_cades_put_attribute(to, added[i].oid, added[i].value);
            n++;
        }
    if (n > 0)
        vs_der_end_set_of(to, at, VS_DER_CONTEXT_CONSTRUCTED(1));
}

/* All of a SignerInfo but its unsigned attributes. */
static void put_signed_fields(const struct vs_cms_signer *s, struct vs_buffer *to)
{
    vs_buffer_add(to, s->version);
    vs_buffer_add(to, s->sid);
    vs_buffer_add(to, s->digest_algorithm_der);
    vs_buffer_add(to, s->signed_whole);
    vs_buffer_add(to, s->algorithm_der);
    vs_buffer_add(to, s->value_whole);
}

static void put_raised(const struct vs_cms_signer *s, const struct vs_cades_raising *raising,
                       struct vs_buffer *to)
{
    size_t at = vs_der_begin(to);
    put_signed_fields(s, to);
    put_unsigned(s, raising, to);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

vs_rc vs_cades_raise(struct vs_arena *arena, const struct vs_cms *cms, size_t signer,
                     const struct vs_cades_raising *raising, struct vs_buffer *to,
                     struct vs_error *err)
{
    VS_CADES_PARTS parts;
    VS_BUFFER raised;
    const struct vs_cms *der;
    vs_cades_parts_init(&parts, to->max);
    vs_buffer_init(&raised, to->max);
    VS_ASSERT(signer < cms->n_signers);
    if (cms->signers[signer].refusal.code != VS_E_NONE) {
        *err = cms->signers[signer].refusal;
        return (vs_rc){err->code};
    }
    VS_TRY(to_der(arena, cms, signer, &der, err));
    put_raised(&der->signers[signer], raising, &raised);
    VS_TRY(vs_buffer_check(&raised, err));
    vs_cades_parts_copy(&parts, der, signer, vs_buffer_view(&raised));
    for (size_t i = 0; i < raising->n_certificates; i++)
        vs_cades_part_add(&parts.certificates, raising->certificates[i]);
    for (size_t i = 0; i < raising->n_crls; i++)
        vs_cades_part_add(&parts.revocations, raising->crls[i]);
    for (size_t i = 0; i < raising->n_ocsp_responses; i++)
        vs_cades_part_ocsp(&parts, raising->ocsp_responses[i]);
    return vs_cades_parts_write(&parts, to, err);
}

/* -- time marks ---------------------------------------------------------------------------- */

void vs_cades_imprint(const struct vs_cms_signer *signer, enum vs_digest_algorithm algorithm,
                      struct vs_digest *ret)
{
    vs_digest_of(algorithm, signer->value, ret);
}

static void put_digests(struct vs_buffer *to, const struct vs_bytes *objects, size_t n,
                        enum vs_digest_algorithm algorithm)
{
    size_t at = vs_der_begin(to);
    for (size_t i = 0; i < n; i++) {
        struct vs_digest digest;
        vs_digest_of(algorithm, objects[i], &digest);
        vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&digest));
    }
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

/* EN 319 122-1, 5.5.2: attrType and attrValue joined, one digest for each value. */
static void put_attribute_digests(struct vs_buffer *to, const struct vs_cms_signer *s,
                                  enum vs_digest_algorithm algorithm)
{
    size_t at = vs_der_begin(to);
    for (size_t i = 0; i < s->n_unsigned; i++) {
        const struct vs_cms_attribute *a = &s->unsigned_attributes[i];
        struct vs_ber values = vs_ber_reader(a->values);
        VS_BUFFER type;
        vs_buffer_init(&type, a->oid.len + 8);
        vs_der_put(&type, VS_DER_OID, a->oid);
        for (size_t k = 0; k < a->n_values; k++) {
            struct vs_bytes parts[] = {vs_buffer_view(&type), vs_ber_next(&values).whole};
            struct vs_digest digest;
            vs_digest_of_parts(algorithm, parts, 2, &digest);
            vs_der_put(to, VS_DER_OCTET_STRING, vs_digest_bytes(&digest));
        }
    }
    vs_der_end(to, at, VS_DER_SEQUENCE);
}

vs_rc vs_cades_mark_index(struct vs_arena *arena, const struct vs_cms *cms,
                          const struct vs_cms_signer *signer,
                          enum vs_digest_algorithm algorithm, struct vs_bytes *ret,
                          struct vs_error *err)
{
    VS_BUFFER index;
    vs_buffer_init(&index, INDEX_MAX);
    size_t at = vs_der_begin(&index);
    vs_buffer_add(&index, vs_digest_der(algorithm));
    put_digests(&index, cms->certificate_choices, cms->n_certificate_choices, algorithm);
    put_digests(&index, cms->revocation_choices, cms->n_revocation_choices, algorithm);
    put_attribute_digests(&index, signer, algorithm);
    vs_der_end(&index, at, VS_DER_SEQUENCE);
    return vs_buffer_copy(&index, arena, ret, err);
}

vs_rc vs_cades_mark_imprint(const struct vs_cms *cms, const struct vs_cms_signer *signer,
                            const struct vs_digest *content, struct vs_bytes index,
                            struct vs_digest *ret, struct vs_error *err)
{
    VS_BUFFER type;
    vs_buffer_init(&type, 256);
    vs_der_put(&type, VS_DER_OID, cms->content_type);
    VS_TRY(vs_buffer_check(&type, err));
    const struct vs_bytes parts[] = {
        vs_buffer_view(&type), vs_digest_bytes(content),     signer->version,
        signer->sid,           signer->digest_algorithm_der, signer->signed_whole,
        signer->algorithm_der, signer->value_whole,          index};
    vs_digest_of_parts(content->algorithm, parts, sizeof parts / sizeof *parts, ret);
    return VS_OK;
}

vs_rc vs_cades_add_index(struct vs_arena *arena, struct vs_bytes token, struct vs_bytes index,
                         struct vs_bytes *ret, struct vs_error *err)
{
    const struct vs_cms *cms;
    VS_CADES_PARTS parts;
    VS_BUFFER out;
    VS_BUFFER attribute;
    VS_BUFFER marked;
    vs_buffer_init(&out, token.len + index.len + 1024);
    vs_buffer_init(&attribute, index.len + 64);
    vs_buffer_init(&marked, out.max);
    vs_cades_parts_init(&parts, out.max);
    VS_TRY(vs_cms_decode(arena, token, false, &cms, err));
    VS_REFUSE_IF(cms->n_signers != 1, err, VS_E_TIMESTAMP, "RFC 3161, 2.4.2",
                 "a token has one signer");
    const struct vs_cms_signer *s = &cms->signers[0];
    vs_cades_put_attribute(&attribute, VS_OID_HASH_INDEX_V3, index);
    size_t at = vs_der_begin(&marked);
    put_signed_fields(s, &marked);
    size_t set = vs_der_begin(&marked);
    for (size_t i = 0; i < s->n_unsigned; i++)
        vs_buffer_add(&marked, s->unsigned_attributes[i].whole);
    vs_buffer_add(&marked, vs_buffer_view(&attribute));
    vs_der_end_set_of(&marked, set, VS_DER_CONTEXT_CONSTRUCTED(1));
    vs_der_end(&marked, at, VS_DER_SEQUENCE);
    vs_cades_parts_copy(&parts, cms, 0, vs_buffer_view(&marked));
    VS_TRY(vs_buffer_check(&marked, err));
    VS_TRY(vs_buffer_check(&attribute, err));
    VS_TRY(vs_cades_parts_write(&parts, &out, err));
    return vs_buffer_copy(&out, arena, ret, err);
}
