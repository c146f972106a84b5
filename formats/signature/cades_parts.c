#include "formats/signature/cades_priv.h"

void vs_cades_parts_init(struct vs_cades_parts *parts, size_t max)
{
    *parts = (struct vs_cades_parts){.other_revocations = false};
    vs_buffer_init(&parts->digests, max);
    vs_buffer_init(&parts->certificates, max);
    vs_buffer_init(&parts->revocations, max);
    vs_buffer_init(&parts->signers, max);
}

void vs_cades_parts_done(struct vs_cades_parts *parts)
{
    vs_buffer_done(&parts->digests);
    vs_buffer_done(&parts->certificates);
    vs_buffer_done(&parts->revocations);
    vs_buffer_done(&parts->signers);
}

void vs_cades_part_add(struct vs_buffer *part, struct vs_bytes element)
{
    struct vs_der there = vs_der_reader(vs_buffer_view(part));
    while (vs_der_more(&there))
        if (vs_bytes_equal(vs_der_element(&there, NULL), element))
            return;
    vs_buffer_add(part, element);
}

void vs_cades_part_ocsp(struct vs_cades_parts *parts, struct vs_bytes response)
{
    VS_BUFFER choice;
    vs_buffer_init(&choice, response.len + 64);
    size_t at = vs_der_begin(&choice);
    vs_der_put_oid(&choice, VS_OID_OCSP_RESPONSE);
    vs_buffer_add(&choice, response);
    vs_der_end(&choice, at, VS_DER_CONTEXT_CONSTRUCTED(1));
    vs_cades_part_add(&parts->revocations, vs_buffer_view(&choice));
    parts->other_revocations = true;
}

static void copy_all(struct vs_buffer *to, const struct vs_bytes *elements, size_t n)
{
    for (size_t i = 0; i < n; i++)
        vs_cades_part_add(to, elements[i]);
}

void vs_cades_parts_copy(struct vs_cades_parts *parts, const struct vs_cms *cms, size_t which,
                         struct vs_bytes instead)
{
    parts->content_info = cms->content_info;
    copy_all(&parts->digests, cms->digest_algorithms, cms->n_digest_algorithms);
    copy_all(&parts->certificates, cms->certificate_choices, cms->n_certificate_choices);
    copy_all(&parts->revocations, cms->revocation_choices, cms->n_revocation_choices);
    for (size_t i = 0; i < cms->n_revocation_choices; i++)
        parts->other_revocations |=
            cms->revocation_choices[i].ptr[0] == VS_DER_CONTEXT_CONSTRUCTED(1);
    for (size_t i = 0; i < cms->n_signers; i++)
        vs_buffer_add(&parts->signers, i == which ? instead : cms->signers[i].whole);
}

static void put_set(struct vs_buffer *to, struct vs_bytes members, uint8_t tag)
{
    size_t at = vs_der_begin(to);
    vs_buffer_add(to, members);
    vs_der_end_set_of(to, at, tag);
}

/* RFC 5652, 5.1: 5 with other revocation information, 3 with signers of version 3 or content of
 * another type than id-data, else 1. */
static unsigned version_of(const struct vs_cades_parts *parts)
{
    if (parts->other_revocations)
        return 5;
    VS_BUFFER data;
    vs_buffer_init(&data, 64);
    vs_der_put_oid(&data, VS_OID_DATA);
    struct vs_der outer = vs_der_reader(parts->content_info);
    struct vs_der info = vs_der_enter(&outer, VS_DER_SEQUENCE);
    bool other = !vs_bytes_equal(vs_der_whole(&info, VS_DER_OID), vs_buffer_view(&data));
    struct vs_der signers = vs_der_reader(vs_buffer_view(&parts->signers));
    while (vs_der_more(&signers)) {
        struct vs_der signer = vs_der_enter(&signers, VS_DER_SEQUENCE);
        other = other || vs_der_small(&signer) == 3;
    }
    return other ? 3 : 1;
}

vs_rc vs_cades_parts_write(struct vs_cades_parts *parts, struct vs_buffer *to,
                           struct vs_error *err)
{
    size_t info = vs_der_begin(to);
    vs_der_put_oid(to, VS_OID_SIGNED_DATA);
    size_t explicit = vs_der_begin(to), data = vs_der_begin(to);
    vs_der_put_small(to, version_of(parts));
    put_set(to, vs_buffer_view(&parts->digests), VS_DER_SET);
    vs_buffer_add(to, parts->content_info);
    if (parts->certificates.len > 0)
        put_set(to, vs_buffer_view(&parts->certificates), VS_DER_CONTEXT_CONSTRUCTED(0));
    if (parts->revocations.len > 0)
        put_set(to, vs_buffer_view(&parts->revocations), VS_DER_CONTEXT_CONSTRUCTED(1));
    /* In the order of signing, not of DER: only signed attributes must be DER (RFC 5652, 5.3).
     */
    vs_der_put(to, VS_DER_SET, vs_buffer_view(&parts->signers));
    vs_der_end(to, data, VS_DER_SEQUENCE);
    vs_der_end(to, explicit, VS_DER_CONTEXT_CONSTRUCTED(0));
    vs_der_end(to, info, VS_DER_SEQUENCE);
    VS_TRY(vs_buffer_check(&parts->digests, err));
    VS_TRY(vs_buffer_check(&parts->certificates, err));
    VS_TRY(vs_buffer_check(&parts->revocations, err));
    VS_TRY(vs_buffer_check(&parts->signers, err));
    return vs_buffer_check(to, err);
}

void vs_cades_put_attribute(struct vs_buffer *to, const char *oid, struct vs_bytes value)
{
    size_t at = vs_der_begin(to);
    vs_der_put_oid(to, oid);
    vs_der_put(to, VS_DER_SET, value);
    vs_der_end(to, at, VS_DER_SEQUENCE);
}
