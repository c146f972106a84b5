#include "formats/certificate/certificate.h"
#include "formats/making/raise_priv.h"
#include "formats/signature/cades_make.h"

#define SIGNATURE_MARK "1.2.840.113549.1.9.16.2.14"
#define ARCHIVE_V3     "0.4.0.1733.2.4"

enum { FILE_MAX = 128 << 20, MARKS_MAX = 64 };

static vs_rc count(struct vs_raise_part *part, size_t *ret, struct vs_error *err)
{
    const struct vs_cms *cms;
    VS_TRY(vs_cms_decode(part->arena, part->text, false, &cms, err));
    *ret = cms->n_signers;
    return VS_OK;
}

static vs_rc signer_of(struct vs_raise_part *part, size_t i, const struct vs_cms **ret_cms,
                       const struct vs_cms_signer **ret, struct vs_error *err)
{
    VS_TRY(vs_cms_decode(part->arena, part->text, false, ret_cms, err));
    VS_ASSERT(i < (*ret_cms)->n_signers);
    *ret = &(*ret_cms)->signers[i];
    if ((*ret)->refusal.code == VS_E_NONE)
        return VS_OK;
    *err = (*ret)->refusal;
    return (vs_rc){err->code};
}

static size_t add_tokens(const struct vs_cms_signer *s, const char *oid, struct vs_bytes *to,
                         size_t n)
{
    const struct vs_cms_attribute *a;
    for (size_t nth = 0;
         n < MARKS_MAX &&
         (a = vs_cms_attribute(s->unsigned_attributes, s->n_unsigned, oid, nth)) != NULL;
         nth++)
        if (a->first.len > 0)
            to[n++] = a->first;
    return n;
}

/* By issuer and serial number; the path is the caller's matter. */
struct vs_bytes vs_raise_signer_of(const struct vs_cms *cms, const struct vs_cms_signer *signer)
{
    struct vs_error ignored;
    for (size_t i = 0; i < cms->n_certificates; i++) {
        VS_CERTIFICATE *c = NULL;
        if (!vs_ok(vs_certificate_get(cms->certificates[i], &c, &ignored)))
            continue;
        bool named = signer->issuer.len > 0 ? vs_bytes_equal(c->serial, signer->serial) &&
                                                  vs_name_equal(c->issuer, signer->issuer)
                                            : vs_bytes_equal(c->subject_key_id, signer->key_id);
        if (named)
            return cms->certificates[i];
    }
    return VS_BYTES_NONE;
}

static vs_rc state(struct vs_raise_part *part, size_t i, struct vs_raise_state *ret,
                   struct vs_error *err)
{
    const struct vs_cms *cms;
    const struct vs_cms_signer *s;
    struct vs_bytes *tokens = vs_arena_make_n(part->arena, struct vs_bytes, MARKS_MAX);
    struct vs_bytes *signer = vs_arena_make(part->arena, struct vs_bytes);
    if (tokens == NULL || signer == NULL)
        return vs_fail_memory(err);
    VS_TRY(signer_of(part, i, &cms, &s, err));
    size_t n = add_tokens(s, SIGNATURE_MARK, tokens, 0);
    size_t all = add_tokens(s, ARCHIVE_V3, tokens, n);
    *signer = vs_raise_signer_of(cms, s);
    *ret = (struct vs_raise_state){.marked = n > 0,
                                   .has_data = cms->n_ocsp + cms->n_crls > 0,
                                   .archived = all > n,
                                   .signers = signer,
                                   .n_signers = signer->len > 0,
                                   .tokens = tokens,
                                   .n_tokens = all,
                                   .known = cms->certificates,
                                   .n_known = cms->n_certificates};
    return VS_OK;
}

static vs_rc content_digest(struct vs_raise_part *part, const struct vs_cms *cms,
                            struct vs_digest *ret, struct vs_error *err)
{
    if (cms->has_content) {
        vs_digest_of(part->digest, cms->content, ret);
        return VS_OK;
    }
    if (part->content == NULL)
        return vs_raise_no_content(err);
    return vs_digest_source(part->digest, part->content, ret, err);
}

static vs_rc archive_index(struct vs_raise_part *part, size_t i, const struct vs_cms **cms,
                           const struct vs_cms_signer **s, struct vs_bytes *ret,
                           struct vs_error *err)
{
    VS_TRY(signer_of(part, i, cms, s, err));
    return vs_cades_mark_index(part->arena, *cms, *s, part->digest, ret, err);
}

static vs_rc imprint(struct vs_raise_part *part, size_t i, bool archive, struct vs_digest *ret,
                     struct vs_error *err)
{
    const struct vs_cms *cms;
    const struct vs_cms_signer *s;
    struct vs_bytes index;
    struct vs_digest content;
    VS_TRY(archive_index(part, i, &cms, &s, &index, err));
    if (!archive) {
        vs_cades_imprint(s, part->digest, ret);
        return VS_OK;
    }
    VS_TRY(content_digest(part, cms, &content, err));
    return vs_cades_mark_imprint(cms, s, &content, index, ret, err);
}

static vs_rc add(struct vs_raise_part *part, size_t i, const struct vs_raise_addition *addition,
                 struct vs_error *err)
{
    const struct vs_cms *cms;
    const struct vs_cms_signer *s;
    struct vs_bytes index;
    VS_BUFFER out;
    struct vs_cades_raising raising = {0};
    vs_buffer_init(&out, FILE_MAX);
    VS_TRY(archive_index(part, i, &cms, &s, &index, err));
    if (addition->archive)
        VS_TRY(
            vs_cades_add_index(part->arena, addition->mark, index, &raising.archive_mark, err));
    else
        raising.time_mark = addition->mark;
    if (addition->data != NULL) {
        const struct vs_raise_data *d = addition->data;
        raising.certificates = d->certificates;
        raising.n_certificates = d->n_certificates;
        raising.ocsp_responses = d->ocsp_responses;
        raising.n_ocsp_responses = d->n_ocsp_responses;
        raising.crls = d->crls;
        raising.n_crls = d->n_crls;
    }
    VS_TRY(vs_cades_raise(part->arena, cms, i, &raising, &out, err));
    return vs_buffer_copy(&out, part->arena, &part->text, err);
}

const struct vs_raise_form vs_raise_cades = {count, state, imprint, add, false};
