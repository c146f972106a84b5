#include "formats/making/raise_priv.h"
#include "formats/signature/cms.h"
#include "formats/signature/pades_make.h"

#define SIGNATURE_MARK "1.2.840.113549.1.9.16.2.14"

enum { TOKENS_MAX = VS_PDF_MAX_SIGNATURES * 2, KNOWN_MAX = 1024 };

static vs_rc count(struct vs_raise_part *part, size_t *ret, struct vs_error *err)
{
    const struct vs_pdf *pdf;
    VS_TRY(vs_pdf_read(part->arena, part->text, &pdf, err));
    *ret = 0;
    for (size_t i = 0; i < pdf->n_signatures; i++)
        *ret += !pdf->signatures[i].timestamp;
    return VS_OK;
}

struct found {
    struct vs_bytes *tokens, *known, *signers;
    size_t n_tokens, n_known, n_signers;
};

static void add_known(struct found *f, const struct vs_bytes *list, size_t n)
{
    for (size_t i = 0; i < n && f->n_known < KNOWN_MAX; i++)
        f->known[f->n_known++] = list[i];
}

static void add_token(struct found *f, struct vs_bytes token)
{
    if (f->n_tokens < TOKENS_MAX)
        f->tokens[f->n_tokens++] = token;
}

/* A signature and the time marks inside it; whether it has one. */
static bool look_at_signature(const struct vs_cms *cms, struct found *f)
{
    size_t before = f->n_tokens;
    for (size_t i = 0; i < cms->n_signers; i++) {
        const struct vs_cms_signer *s = &cms->signers[i];
        struct vs_bytes signer = vs_raise_signer_of(cms, s);
        const struct vs_cms_attribute *mark =
            vs_cms_attribute(s->unsigned_attributes, s->n_unsigned, SIGNATURE_MARK, 0);
        if (signer.len > 0 && f->n_signers < TOKENS_MAX)
            f->signers[f->n_signers++] = signer;
        if (mark != NULL)
            add_token(f, mark->first);
    }
    return f->n_tokens > before;
}

/* In the order of the file: a document time mark marks every signature before it. */
static void look_at(struct vs_raise_part *part, const struct vs_pdf *pdf, struct found *f,
                    struct vs_raise_state *ret)
{
    ret->marked = true;
    for (size_t i = 0; i < pdf->n_signatures; i++) {
        const struct vs_pdf_signature *s = &pdf->signatures[i];
        const struct vs_cms *cms;
        struct vs_error ignored;
        if (s->fault != NULL ||
            !vs_ok(vs_cms_decode(part->arena, s->contents, true, &cms, &ignored)))
            continue;
        add_known(f, cms->certificates, cms->n_certificates);
        if (s->timestamp)
            add_token(f, cms->whole);
        ret->marked = s->timestamp || (look_at_signature(cms, f) && ret->marked);
        ret->archived = ret->archived || s->timestamp;
    }
}

static vs_rc state(struct vs_raise_part *part, size_t i, struct vs_raise_state *ret,
                   struct vs_error *err)
{
    const struct vs_pdf *pdf;
    struct found f = {.tokens = vs_arena_make_n(part->arena, struct vs_bytes, TOKENS_MAX),
                      .known = vs_arena_make_n(part->arena, struct vs_bytes, KNOWN_MAX),
                      .signers = vs_arena_make_n(part->arena, struct vs_bytes, TOKENS_MAX)};
    (void)i; /* one store and one mark serve all */
    if (f.tokens == NULL || f.known == NULL || f.signers == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_pdf_read(part->arena, part->text, &pdf, err));
    /* Of which signature the store speaks is not said: data is asked for each time. */
    *ret = (struct vs_raise_state){.has_data = false};
    look_at(part, pdf, &f, ret);
    add_known(&f, pdf->certificates, pdf->n_certificates);
    ret->tokens = f.tokens;
    ret->n_tokens = f.n_tokens;
    ret->signers = f.signers;
    ret->n_signers = f.n_signers;
    ret->known = f.known;
    ret->n_known = f.n_known;
    return VS_OK;
}

static vs_rc append(struct vs_raise_part *part, struct vs_bytes update, struct vs_error *err)
{
    VS_BUFFER whole;
    vs_buffer_init(&whole, part->text.len + update.len);
    vs_buffer_add(&whole, part->text);
    vs_buffer_add(&whole, update);
    return vs_buffer_copy(&whole, part->arena, &part->text, err);
}

static vs_rc draft_mark(struct vs_raise_part *part, struct vs_pades_draft **ret,
                        struct vs_error *err)
{
    struct vs_pades_options *options = vs_arena_make(part->arena, struct vs_pades_options);
    if (options == NULL)
        return vs_fail_memory(err);
    *options = (struct vs_pades_options){.file = part->text, .time_mark = true};
    return vs_pades_prepare(part->arena, options, ret, err);
}

static vs_rc imprint(struct vs_raise_part *part, size_t i, bool archive, struct vs_digest *ret,
                     struct vs_error *err)
{
    struct vs_pades_draft *draft;
    (void)i;
    (void)archive;
    VS_TRY(draft_mark(part, &draft, err));
    vs_pades_digest(draft, part->digest, ret);
    return VS_OK;
}

static vs_rc add(struct vs_raise_part *part, size_t i, const struct vs_raise_addition *addition,
                 struct vs_error *err)
{
    (void)i;
    if (addition->data != NULL) {
        const struct vs_raise_data *d = addition->data;
        struct vs_pades_store store = {.certificates = d->certificates,
                                       .n_certificates = d->n_certificates,
                                       .ocsp_responses = d->ocsp_responses,
                                       .n_ocsp_responses = d->n_ocsp_responses,
                                       .crls = d->crls,
                                       .n_crls = d->n_crls};
        struct vs_bytes update;
        VS_TRY(vs_pades_add_store(part->arena, part->text, &store, &update, err));
        VS_TRY(append(part, update, err));
    }
    if (addition->mark.len == 0)
        return VS_OK;
    struct vs_pades_draft *draft;
    VS_TRY(draft_mark(part, &draft, err));
    VS_TRY(vs_pades_set_contents(draft, addition->mark, err));
    return append(part, vs_pades_update(draft), err);
}

const struct vs_raise_form vs_raise_pades = {count, state, imprint, add, true};
