#include "tests/support/ades.h"
#include "formats/trustlist/trust.h"
#include <stdio.h>
#include <stdlib.h>

#define MUST(call) must((call), &err)

static void must(vs_rc rc, const struct vs_error *err)
{
    if (vs_ok(rc))
        return;
    fprintf(stderr, "test ades: %s\n", err->text);
    abort();
}

static const struct vs_pki_party *signer_of(struct vs_pki *pki, const struct test_ades *o)
{
    return o->signer != NULL ? o->signer : &pki->person;
}

static struct vs_signature_algorithm algorithm_of(struct vs_pki *pki, const struct test_ades *o)
{
    return o->algorithm.scheme != VS_SCHEME_NONE
               ? o->algorithm
               : vs_key_default_algorithm(signer_of(pki, o)->key);
}

static struct vs_bytes taken(struct vs_pki *pki, struct vs_buffer *from)
{
    struct vs_error err;
    struct vs_bytes ret;
    MUST(vs_buffer_copy(from, pki->arena, &ret, &err));
    vs_buffer_done(from);
    return ret;
}

/* -- CAdES --------------------------------------------------------------------------------- */

static struct vs_bytes raise(struct vs_pki *pki, struct vs_bytes file, size_t signer,
                             const struct vs_cades_raising *raising)
{
    struct vs_error err;
    const struct vs_cms *cms;
    struct vs_buffer out;
    vs_buffer_init(&out, 1 << 24);
    MUST(vs_cms_decode(pki->arena, file, false, &cms, &err));
    MUST(vs_cades_raise(pki->arena, cms, signer, raising, &out, &err));
    return taken(pki, &out);
}

static const struct vs_cms_signer *signer_in(struct vs_pki *pki, struct vs_bytes file,
                                             const struct test_ades *o, size_t *ret,
                                             const struct vs_cms **ret_cms)
{
    struct vs_error err;
    MUST(vs_cms_decode(pki->arena, file, false, ret_cms, &err));
    /* The new one is who lacks a time mark. */
    (void)o;
    for (*ret = 0; *ret < (*ret_cms)->n_signers; ++*ret)
        if ((*ret_cms)->signers[*ret].n_unsigned == 0)
            return &(*ret_cms)->signers[*ret];
    *ret = 0;
    return &(*ret_cms)->signers[0];
}

static struct vs_bytes first_file(struct vs_pki *pki, const struct test_ades *o,
                                  struct vs_bytes content, bool pades)
{
    struct vs_error err;
    struct vs_signature_value value;
    struct vs_cades_draft *draft;
    const struct vs_cms *existing = NULL;
    struct vs_buffer out;
    struct vs_bytes chain[] = {signer_of(pki, o)->certificate, pki->authority.certificate};
    struct vs_cades_options options = {.chain = chain,
                                       .n_chain = 2,
                                       .algorithm = algorithm_of(pki, o),
                                       .signing_time = pades ? VS_TIME_NONE : o->signed_at,
                                       .claims = o->claims};
    if (o->attached)
        options.attached = content;
    vs_digest_of(vs_cades_digest(options.algorithm), content, &options.content);
    if (o->existing.len > 0)
        MUST(vs_cms_decode(pki->arena, o->existing, false, &existing, &err));
    MUST(vs_cades_prepare(pki->arena, &options, &draft, &err));
    MUST(vs_key_sign_message(signer_of(pki, o)->key, options.algorithm,
                             vs_cades_draft_message(draft), VS_SIGNATURE_DER, &value, &err));
    vs_buffer_init(&out, 1 << 24);
    MUST(vs_cades_finish(draft, vs_signature_bytes(&value), existing, &out, &err));
    return taken(pki, &out);
}

static struct vs_bytes mark(struct vs_pki *pki, struct vs_bytes file, const struct test_ades *o)
{
    const struct vs_cms *cms;
    struct vs_digest imprint;
    size_t number;
    vs_cades_imprint(signer_in(pki, file, o, &number, &cms), VS_SHA256, &imprint);
    struct vs_cades_raising raising = {
        .time_mark = test_token(pki, NULL, &imprint, o->signed_at + VS_SECOND_MS)};
    return raise(pki, file, number, &raising);
}

struct data {
    struct vs_bytes ocsp[2], certificates[2];
};

static void gather(struct vs_pki *pki, const struct test_ades *o, struct data *ret)
{
    vs_time_ms at = o->signed_at + 2 * VS_SECOND_MS;
    ret->ocsp[0] = test_ocsp(pki, signer_of(pki, o), NULL, at, VS_STATUS_GOOD, 0);
    ret->ocsp[1] = test_ocsp(pki, &pki->tsa, NULL, at, VS_STATUS_GOOD, 0);
    ret->certificates[0] = pki->authority.certificate;
    ret->certificates[1] = pki->tsa.certificate;
}

static struct vs_bytes archive(struct vs_pki *pki, struct vs_bytes file,
                               const struct test_ades *o, struct vs_bytes content)
{
    struct vs_error err;
    const struct vs_cms *cms;
    struct vs_digest data, imprint;
    struct vs_bytes index, token;
    MUST(vs_cms_decode(pki->arena, file, false, &cms, &err));
    const struct vs_cms_signer *s = &cms->signers[0];
    vs_digest_of(VS_SHA256, content, &data);
    MUST(vs_cades_mark_index(pki->arena, cms, s, VS_SHA256, &index, &err));
    MUST(vs_cades_mark_imprint(cms, s, &data, index, &imprint, &err));
    token = test_token(pki, NULL, &imprint, o->signed_at + 3 * VS_SECOND_MS);
    MUST(vs_cades_add_index(pki->arena, token, index, &token, &err));
    struct vs_cades_raising raising = {.archive_mark = token};
    return raise(pki, file, 0, &raising);
}

struct vs_bytes test_cades(struct vs_pki *pki, const struct test_ades *o,
                           struct vs_bytes content)
{
    struct vs_bytes file = first_file(pki, o, content, false);
    if (o->level >= VS_LEVEL_T)
        file = mark(pki, file, o);
    if (o->level >= VS_LEVEL_LT) {
        struct data data;
        gather(pki, o, &data);
        struct vs_cades_raising raising = {.certificates = data.certificates,
                                           .ocsp_responses = data.ocsp,
                                           .n_certificates = 2,
                                           .n_ocsp_responses = 2};
        file = raise(pki, file, 0, &raising);
    }
    return o->level >= VS_LEVEL_LTA ? archive(pki, file, o, content) : file;
}

/* -- PAdES --------------------------------------------------------------------------------- */

static struct vs_bytes appended(struct vs_pki *pki, struct vs_bytes file,
                                struct vs_bytes update)
{
    struct vs_buffer out;
    vs_buffer_init(&out, file.len + update.len);
    vs_buffer_add(&out, file);
    vs_buffer_add(&out, update);
    return taken(pki, &out);
}

static struct vs_bytes sign_pdf(struct vs_pki *pki, const struct test_ades *o,
                                struct vs_bytes pdf)
{
    struct vs_error err;
    struct vs_pades_draft *draft;
    struct vs_pades_options options = {.file = pdf,
                                       .signing_time = o->signed_at,
                                       .certify = o->certify,
                                       .field = o->field,
                                       .visible = o->visible,
                                       .name = "Əli Məmmədov",
                                       .reason = "Təsdiq edirəm"};
    MUST(vs_pades_prepare(pki->arena, &options, &draft, &err));
    /* The CMS is made over the bytes of the range: joined here, digested there. */
    const struct vs_pdf *read;
    struct vs_bytes whole = appended(pki, pdf, vs_pades_update(draft));
    MUST(vs_pdf_read(pki->arena, whole, &read, &err));
    struct vs_pdf_range range;
    vs_pdf_range_init(&range, read, &read->signatures[read->n_signatures - 1]);
    uint8_t *covered = vs_arena_alloc(pki->arena, (size_t)range.source.size);
    MUST(vs_source_read(&range.source, 0, covered, (size_t)range.source.size, &err));
    struct vs_bytes content = VS_BYTES(covered, (size_t)range.source.size);
    struct vs_digest a, b;
    vs_digest_of(VS_SHA256, content, &a);
    vs_pades_digest(draft, VS_SHA256, &b);
    VS_ASSERT(vs_bytes_equal(vs_digest_bytes(&a), vs_digest_bytes(&b)));
    struct vs_bytes cms = first_file(pki, o, content, true);
    if (o->level >= VS_LEVEL_T)
        cms = mark(pki, cms, o);
    MUST(vs_pades_set_contents(draft, cms, &err));
    return appended(pki, pdf, vs_pades_update(draft));
}

static struct vs_bytes mark_pdf(struct vs_pki *pki, const struct test_ades *o,
                                struct vs_bytes pdf)
{
    struct vs_error err;
    struct vs_pades_draft *draft;
    struct vs_digest imprint;
    struct vs_pades_options options = {.file = pdf, .time_mark = true};
    MUST(vs_pades_prepare(pki->arena, &options, &draft, &err));
    vs_pades_digest(draft, VS_SHA256, &imprint);
    struct vs_bytes token = test_token(pki, NULL, &imprint, o->signed_at + 3 * VS_SECOND_MS);
    MUST(vs_pades_set_contents(draft, token, &err));
    return appended(pki, pdf, vs_pades_update(draft));
}

struct vs_bytes test_pades(struct vs_pki *pki, const struct test_ades *o, struct vs_bytes pdf)
{
    struct vs_error err;
    struct vs_bytes file = sign_pdf(pki, o, pdf), update;
    if (o->level >= VS_LEVEL_LT) {
        struct data data;
        gather(pki, o, &data);
        struct vs_pades_store store = {.certificates = data.certificates,
                                       .ocsp_responses = data.ocsp,
                                       .n_certificates = 2,
                                       .n_ocsp_responses = 2};
        MUST(vs_pades_add_store(pki->arena, file, &store, &update, &err));
        file = appended(pki, file, update);
    }
    return o->level >= VS_LEVEL_LTA ? mark_pdf(pki, o, file) : file;
}

/* -- a PDF --------------------------------------------------------------------------------- */

struct writer {
    struct vs_buffer out;
    size_t at[64];
    unsigned n;
};

static void object(struct writer *w, const char *text)
{
    w->at[++w->n] = w->out.len;
    vs_buffer_printf(&w->out, "%u 0 obj\n%s\nendobj\n", w->n, text);
}

static void put_xref_stream(struct writer *w)
{
    size_t at = w->out.len;
    unsigned own = ++w->n;
    w->at[own] = at;
    vs_buffer_printf(&w->out,
                     "%u 0 obj\n<< /Type /XRef /Size %u /W [1 4 1] /Root 1 0 R /Length %u >>\n"
                     "stream\n",
                     own, own + 1, (own + 1) * 6);
    for (unsigned i = 0; i <= own; i++) {
        vs_buffer_byte(&w->out, i > 0);
        vs_buffer_u32(&w->out, i > 0 ? (uint32_t)w->at[i] : 0);
        vs_buffer_byte(&w->out, i > 0 ? 0 : 255);
    }
    vs_buffer_printf(&w->out, "\nendstream\nendobj\nstartxref\n%zu\n%%%%EOF\n", at);
}

static void put_xref_table(struct writer *w)
{
    size_t at = w->out.len;
    vs_buffer_printf(&w->out, "xref\n0 %u\n0000000000 65535 f \n", w->n + 1);
    for (unsigned i = 1; i <= w->n; i++)
        vs_buffer_printf(&w->out, "%010zu 00000 n \n", w->at[i]);
    vs_buffer_printf(&w->out, "trailer\n<< /Size %u /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
                     w->n + 1, at);
}

struct vs_bytes test_pdf(struct vs_arena *arena, unsigned pages, bool stream)
{
    static const char content[] = "BT /F1 24 Tf 72 720 Td (A letter) Tj ET";
    struct writer w = {.n = 0};
    struct vs_error err;
    struct vs_bytes ret;
    vs_buffer_init(&w.out, 1 << 20);
    vs_buffer_text(&w.out,
                   stream ? "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" : "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
    object(&w, "<< /Type /Catalog /Pages 2 0 R >>");
    VS_BUFFER kids;
    vs_buffer_init(&kids, 4096);
    for (unsigned i = 0; i < pages; i++)
        vs_buffer_printf(&kids, "%u 0 R ", 5 + i);
    object(&w, vs_arena_printf(arena, "<< /Type /Pages /Count %u /Kids [%s] >>", pages,
                               (const char *)kids.ptr));
    object(&w, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
    object(&w, vs_arena_printf(arena, "<< /Length %zu >>\nstream\n%s\nendstream",
                               strlen(content), content));
    for (unsigned i = 0; i < pages; i++)
        object(&w, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
                   "/Resources << /Font << /F1 3 0 R >> >> >>");
    if (stream)
        put_xref_stream(&w);
    else
        put_xref_table(&w);
    MUST(vs_buffer_copy(&w.out, arena, &ret, &err));
    vs_buffer_done(&w.out);
    return ret;
}

/* -- the verdict --------------------------------------------------------------------------- */

const struct vs_report *test_judge(struct vs_pki *pki, struct vs_arena *arena,
                                   struct vs_bytes file, struct vs_bytes content, vs_time_ms at)
{
    struct vs_error err;
    const struct vs_report *report;
    struct vs_bytes_source *source = vs_arena_make(arena, struct vs_bytes_source);
    struct vs_bytes_source *outside = vs_arena_make(arena, struct vs_bytes_source);
    struct vs_trust *trust = test_trust(pki);
    struct vs_bytes ocsp[] = {test_ocsp(pki, &pki->person, NULL, at, VS_STATUS_GOOD, 0),
                              test_ocsp(pki, &pki->organisation, NULL, at, VS_STATUS_GOOD, 0),
                              test_ocsp(pki, &pki->tsa, NULL, at, VS_STATUS_GOOD, 0)};
    struct vs_content detached = {.name = "content"};
    vs_bytes_source_init(source, file);
    vs_bytes_source_init(outside, content);
    detached.source = &outside->source;
    struct vs_validation_input input = {.document = &source->source,
                                        .at = at,
                                        .trust = trust,
                                        .contents = &detached,
                                        .n_contents = content.ptr != NULL,
                                        .ocsp = ocsp,
                                        .n_ocsp = 3};
    MUST(vs_validate(arena, &input, &report, &err));
    vs_trust_unref(trust);
    return report;
}
