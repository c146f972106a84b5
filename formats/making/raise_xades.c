#include "formats/certificate/certificate.h"
#include "formats/making/raise_priv.h"
#include "formats/signature/xades_raise.h"

enum { FILE_MAX = 64 << 20 };

static vs_rc count(struct vs_raise_part *part, size_t *ret, struct vs_error *err)
{
    VS_XADES *file = NULL;
    VS_TRY(vs_xades_read(part->text, NULL, &file, err));
    *ret = file->n_signatures;
    return VS_OK;
}

static vs_rc copy_list(struct vs_arena *arena, struct vs_bytes *to, size_t *n,
                       const struct vs_bytes *from, size_t n_from, struct vs_error *err)
{
    for (size_t i = 0; i < n_from; i++) {
        to[*n] = vs_bytes_copy(arena, from[i]);
        if (to[(*n)++].ptr == NULL)
            return vs_fail_memory(err);
    }
    return VS_OK;
}

static struct vs_bytes signer_among(const struct vs_xades *x, const struct vs_bytes *known,
                                    size_t n)
{
    for (size_t i = 0; i < n && x->n_certificate_references > 0; i++) {
        struct vs_digest digest;
        vs_digest_of(x->certificate_references[0].digest.algorithm, known[i], &digest);
        if (vs_digest_equal(&digest, &x->certificate_references[0].digest))
            return known[i];
    }
    return n > 0 ? known[0] : VS_BYTES_NONE;
}

static vs_rc tokens_of(struct vs_raise_part *part, const struct vs_xades *x,
                       struct vs_raise_state *ret, struct vs_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n_timestamps; i++)
        n += x->timestamps[i].n_tokens;
    struct vs_bytes *tokens = vs_arena_make_n(part->arena, struct vs_bytes, n + 1);
    if (tokens == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < x->n_timestamps; i++) {
        const struct vs_xades_timestamp *t = &x->timestamps[i];
        VS_TRY(copy_list(part->arena, tokens, &ret->n_tokens, t->tokens, t->n_tokens, err));
        ret->marked = ret->marked || t->kind == VS_XADES_TS_SIGNATURE;
        ret->archived = ret->archived || t->kind == VS_XADES_TS_ARCHIVE;
    }
    ret->tokens = tokens;
    return VS_OK;
}

static vs_rc state(struct vs_raise_part *part, size_t i, struct vs_raise_state *ret,
                   struct vs_error *err)
{
    VS_XADES *file = NULL;
    VS_TRY(vs_xades_read(part->text, NULL, &file, err));
    VS_ASSERT(i < file->n_signatures);
    const struct vs_xades *x = &file->signatures[i];
    size_t room = x->n_certificates + x->dsig.n_certificates + 1;
    struct vs_bytes *known = vs_arena_make_n(part->arena, struct vs_bytes, room);
    struct vs_bytes *signer = vs_arena_make(part->arena, struct vs_bytes);
    *ret = (struct vs_raise_state){.has_data = x->n_ocsp_responses + x->n_crls > 0};
    if (known == NULL || signer == NULL)
        return vs_fail_memory(err);
    VS_TRY(copy_list(part->arena, known, &ret->n_known, x->dsig.certificates,
                     x->dsig.n_certificates, err));
    VS_TRY(
        copy_list(part->arena, known, &ret->n_known, x->certificates, x->n_certificates, err));
    ret->known = known;
    *signer = signer_among(x, known, ret->n_known);
    ret->signers = signer;
    ret->n_signers = signer->len > 0;
    return tokens_of(part, x, ret, err);
}

static vs_rc imprint(struct vs_raise_part *part, size_t i, bool archive, struct vs_digest *ret,
                     struct vs_error *err)
{
    VS_XADES *file = NULL;
    bool known = true;
    VS_TRY(vs_xades_read(part->text, NULL, &file, err));
    const struct vs_xades *x = &file->signatures[i];
    if (!archive)
        return vs_xades_mark_imprint(x, part->digest, ret, err);
    VS_TRY(vs_xades_archive_imprint(x, NULL, &vs_xades_mark_c14n, false, part->digest,
                                    &part->resolver, ret, &known, err));
    return known ? VS_OK : vs_raise_no_content(err);
}

static vs_rc add(struct vs_raise_part *part, size_t i, const struct vs_raise_addition *addition,
                 struct vs_error *err)
{
    VS_XADES *file = NULL;
    VS_BUFFER out;
    struct vs_xades_validation_data data;
    struct vs_xades_raising raising = {0};
    vs_buffer_init(&out, FILE_MAX);
    VS_TRY(vs_xades_read(part->text, NULL, &file, err));
    if (addition->archive)
        raising.archive_mark = addition->mark;
    else
        raising.time_mark = addition->mark;
    if (addition->data != NULL) {
        const struct vs_raise_data *d = addition->data;
        data = (struct vs_xades_validation_data){d->certificates,   d->n_certificates,
                                                 d->ocsp_responses, d->n_ocsp_responses,
                                                 d->crls,           d->n_crls};
        raising.data = &data;
    }
    VS_TRY(vs_xades_raise(part->text, file, i, &raising, &out, err));
    return vs_buffer_copy(&out, part->arena, &part->text, err);
}

const struct vs_raise_form vs_raise_xades = {count, state, imprint, add, false};
