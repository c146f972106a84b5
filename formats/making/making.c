#include "formats/making/making.h"
#include "formats/container/asic.h"
#include "formats/signature/cades_make.h"
#include "formats/signature/pades_make.h"
#include "formats/signature/xades_make.h"
#include "formats/xml/c14n.h"
#include "formats/xml/splice.h"

enum {
    FILE_MAX = 128 << 20, /* of what is enclosed or spliced into */
    STEP = 256 << 10,
    PDF_ROOM = 48 << 10, /* for a CMS that is raised to B-T before it goes in */
};

struct vs_making {
    struct vs_arena *arena;
    const struct vs_making_options *o;
    const struct making_form *form;
    struct vs_xades_signer *signer;
    struct vs_xades_draft *xades;
    struct vs_cades_options cades_options;
    struct vs_cades_draft *cades;
    struct vs_pades_options pades_options;
    struct vs_pades_draft *pades;
    struct vs_bytes text;     /* of the one file, where it is needed whole */
    struct vs_bytes manifest; /* ASiCManifest */
    struct vs_asic_object *objects;
    struct vs_digest *digests; /* of the files */
};

struct making_form {
    const char *name, *ending;
    bool many, xml;
    vs_rc (*begin)(struct vs_making *m, struct vs_error *err);
    vs_rc (*finish)(struct vs_making *m, struct vs_bytes value, const struct vs_source **ret,
                    struct vs_error *err);
};

/* -- files --------------------------------------------------------------------------------- */

/* One pass: the digest for the signature, the CRC for the container. */
static vs_rc look_at_file(struct vs_making *m, size_t i, enum vs_digest_algorithm algorithm,
                          struct vs_error *err)
{
    const struct vs_making_file *file = &m->o->files[i];
    VS_HASHER *hasher = vs_hasher_new(algorithm);
    uint8_t *step = vs_arena_alloc(m->arena, STEP);
    uint32_t crc = 0;
    if (step == NULL)
        return vs_fail_memory(err);
    for (uint64_t at = 0; at < file->source->size;) {
        uint64_t left = file->source->size - at;
        size_t n = left < STEP ? (size_t)left : STEP;
        VS_TRY(vs_source_read(file->source, at, step, n, err));
        vs_hasher_add(hasher, VS_BYTES(step, n));
        crc = vs_zip_crc32(crc, VS_BYTES(step, n));
        at += n;
    }
    vs_hasher_finish(hasher, &m->digests[i]);
    m->objects[i] = (struct vs_asic_object){
        .part = {.name = file->name, .source = file->source, .source_crc32 = crc},
        .media_type = file->media_type};
    return VS_OK;
}

static vs_rc look_at_files(struct vs_making *m, enum vs_digest_algorithm algorithm,
                           struct vs_error *err)
{
    size_t n = m->o->n_files;
    m->objects = vs_arena_make_n(m->arena, struct vs_asic_object, n);
    m->digests = vs_arena_make_n(m->arena, struct vs_digest, n);
    if (m->objects == NULL || m->digests == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(look_at_file(m, i, algorithm, err));
    return VS_OK;
}

static vs_rc read_file(struct vs_making *m, struct vs_error *err)
{
    return vs_source_all(m->o->files[0].source, m->arena, FILE_MAX, &m->text, err);
}

static vs_rc as_source(struct vs_making *m, const struct vs_buffer *from,
                       const struct vs_source **ret, struct vs_error *err)
{
    struct vs_bytes_source *source = vs_arena_make(m->arena, struct vs_bytes_source);
    struct vs_bytes bytes;
    VS_TRY(vs_buffer_copy(from, m->arena, &bytes, err));
    if (source == NULL)
        return vs_fail_memory(err);
    vs_bytes_source_init(source, bytes);
    *ret = &source->source;
    return VS_OK;
}

static vs_rc lay_out(struct vs_making *m, enum vs_asic_kind kind,
                     const struct vs_zip_part *proofs, size_t n, const struct vs_source **ret,
                     struct vs_error *err)
{
    struct vs_asic_options options = {.kind = kind,
                                      .objects = m->objects,
                                      .n_objects = m->o->n_files,
                                      .proofs = proofs,
                                      .n_proofs = n};
    return vs_asic_layout(m->arena, &options, ret, err);
}

/* -- XAdES --------------------------------------------------------------------------------- */

static vs_rc prepare_xades(struct vs_making *m, struct vs_xades_options *options,
                           struct vs_error *err)
{
    options->signing_time = m->o->signing_time;
    options->claims = m->o->claims;
    VS_TRY(vs_xades_signer_new(m->o->chain, m->o->n_chain, m->o->algorithm, &m->signer, err));
    return vs_xades_prepare(m->arena, m->signer, options, &m->xades, err);
}

static vs_rc begin_xades_over_files(struct vs_making *m, struct vs_error *err)
{
    struct vs_xades_options options = {.n_objects = m->o->n_files};
    struct vs_xades_object *objects =
        vs_arena_make_n(m->arena, struct vs_xades_object, m->o->n_files);
    if (objects == NULL)
        return vs_fail_memory(err);
    VS_TRY(look_at_files(m, VS_SHA256, err));
    for (size_t i = 0; i < m->o->n_files; i++)
        objects[i] = (struct vs_xades_object){m->o->files[i].name, m->o->files[i].media_type,
                                              m->digests[i]};
    options.objects = objects;
    return prepare_xades(m, &options, err);
}

static vs_rc write_xades(struct vs_making *m, struct vs_bytes value, struct vs_buffer *to,
                         struct vs_error *err)
{
    VS_TRY(vs_xades_set_value(m->xades, value, err));
    return vs_xades_write(m->xades, to, err);
}

static vs_rc finish_detached(struct vs_making *m, struct vs_bytes value,
                             const struct vs_source **ret, struct vs_error *err)
{
    VS_BUFFER out;
    vs_buffer_init(&out, FILE_MAX);
    VS_TRY(write_xades(m, value, &out, err));
    return as_source(m, &out, ret, err);
}

static vs_rc finish_asic_xades(struct vs_making *m, struct vs_bytes value,
                               const struct vs_source **ret, struct vs_error *err)
{
    bool s = m->o->form == VS_MAKE_ASIC_S;
    struct vs_zip_part proof = {.name =
                                    s ? "META-INF/signatures.xml" : "META-INF/signatures0.xml"};
    VS_BUFFER out;
    vs_buffer_init(&out, FILE_MAX);
    VS_TRY(write_xades(m, value, &out, err));
    VS_TRY(vs_buffer_copy(&out, m->arena, &proof.bytes, err));
    return lay_out(m, s ? VS_ASIC_S : VS_ASIC_E, &proof, 1, ret, err);
}

static vs_rc begin_enveloped(struct vs_making *m, struct vs_error *err)
{
    const struct vs_c14n_options how = {.method = VS_C14N_EXCLUSIVE};
    struct vs_xades_options options = {.media_type = m->o->files[0].media_type};
    VS_XML *xml = NULL;
    VS_BUFFER canonical;
    vs_buffer_init(&canonical, FILE_MAX);
    VS_TRY(read_file(m, err));
    VS_TRY(vs_xml_parse(m->text, NULL, &xml, err));
    const struct vs_xml_node *root = vs_xml_root(xml);
    for (const struct vs_xml_node *n = root; n != NULL; n = vs_xml_walk(root, n))
        VS_REFUSE_IF(vs_xml_is(n, "http://www.w3.org/2000/09/xmldsig#", "Signature"), err,
                     VS_E_STATE, "XMLDSig, 6.6.4",
                     "the document is signed already: a second enveloped signature would break "
                     "the first; use asic-e");
    VS_TRY(vs_c14n_buffer(xml, NULL, &how, &canonical, err));
    vs_digest_of(VS_SHA256, vs_buffer_view(&canonical), &options.enveloping);
    return prepare_xades(m, &options, err);
}

static vs_rc finish_enveloped(struct vs_making *m, struct vs_bytes value,
                              const struct vs_source **ret, struct vs_error *err)
{
    VS_XML *xml = NULL;
    VS_BUFFER signature, out;
    vs_buffer_init(&signature, FILE_MAX);
    vs_buffer_init(&out, 2 * (size_t)FILE_MAX);
    VS_TRY(write_xades(m, value, &signature, err));
    VS_TRY(vs_xml_parse(m->text, NULL, &xml, err));
    VS_TRY(
        vs_xml_splice(m->text, xml, vs_xml_root(xml), vs_buffer_view(&signature), &out, err));
    return as_source(m, &out, ret, err);
}

/* -- CAdES --------------------------------------------------------------------------------- */

static vs_rc prepare_cades(struct vs_making *m, const struct vs_digest *content,
                           struct vs_bytes attached, bool with_time, struct vs_error *err)
{
    m->cades_options =
        (struct vs_cades_options){.chain = m->o->chain,
                                  .n_chain = m->o->n_chain,
                                  .algorithm = m->o->algorithm,
                                  .content = *content,
                                  .attached = attached,
                                  .signing_time = with_time ? m->o->signing_time : VS_TIME_NONE,
                                  .claims = m->o->claims};
    return vs_cades_prepare(m->arena, &m->cades_options, &m->cades, err);
}

static vs_rc begin_attached(struct vs_making *m, struct vs_error *err)
{
    struct vs_digest digest;
    VS_TRY(read_file(m, err));
    if (m->text.ptr == NULL) /* an empty content is enclosed too */
        m->text = VS_BYTES("", 0);
    vs_digest_of(vs_cades_digest(m->o->algorithm), m->text, &digest);
    return prepare_cades(m, &digest, m->text, true, err);
}

static vs_rc begin_cades_over_file(struct vs_making *m, struct vs_error *err)
{
    VS_TRY(look_at_files(m, vs_cades_digest(m->o->algorithm), err));
    return prepare_cades(m, &m->digests[0], VS_BYTES_NONE, true, err);
}

static vs_rc begin_manifest(struct vs_making *m, struct vs_error *err)
{
    struct vs_digest digest;
    struct vs_asic_covered *covered =
        vs_arena_make_n(m->arena, struct vs_asic_covered, m->o->n_files);
    if (covered == NULL)
        return vs_fail_memory(err);
    VS_TRY(look_at_files(m, VS_SHA256, err));
    for (size_t i = 0; i < m->o->n_files; i++)
        covered[i] = (struct vs_asic_covered){m->o->files[i].name, m->o->files[i].media_type,
                                              m->digests[i].bytes};
    VS_TRY(vs_asic_manifest_make(m->arena, "META-INF/signature001.p7s",
                                 "application/pkcs7-signature", covered, m->o->n_files,
                                 &m->manifest, err));
    vs_digest_of(vs_cades_digest(m->o->algorithm), m->manifest, &digest);
    return prepare_cades(m, &digest, VS_BYTES_NONE, true, err);
}

static vs_rc write_cades(struct vs_making *m, struct vs_bytes value, struct vs_buffer *to,
                         struct vs_error *err)
{
    return vs_cades_finish(m->cades, value, NULL, to, err);
}

static vs_rc finish_cades(struct vs_making *m, struct vs_bytes value,
                          const struct vs_source **ret, struct vs_error *err)
{
    VS_BUFFER out;
    vs_buffer_init(&out, 2 * (size_t)FILE_MAX);
    VS_TRY(write_cades(m, value, &out, err));
    return as_source(m, &out, ret, err);
}

static vs_rc finish_asic_cades(struct vs_making *m, struct vs_bytes value,
                               const struct vs_source **ret, struct vs_error *err)
{
    bool s = m->o->form == VS_MAKE_ASIC_S_CADES;
    struct vs_zip_part proofs[2] = {
        {.name = s ? "META-INF/signature.p7s" : "META-INF/signature001.p7s"},
        {.name = "META-INF/ASiCManifest001.xml", .bytes = m->manifest}};
    VS_BUFFER out;
    vs_buffer_init(&out, FILE_MAX);
    VS_TRY(write_cades(m, value, &out, err));
    VS_TRY(vs_buffer_copy(&out, m->arena, &proofs[0].bytes, err));
    return lay_out(m, s ? VS_ASIC_S : VS_ASIC_E, proofs, s ? 1 : 2, ret, err);
}

/* -- PAdES --------------------------------------------------------------------------------- */

static vs_rc begin_pdf(struct vs_making *m, struct vs_error *err)
{
    struct vs_digest digest;
    VS_TRY(read_file(m, err));
    m->pades_options = (struct vs_pades_options){.file = m->text,
                                                 .signing_time = m->o->signing_time,
                                                 .certify = m->o->pdf_certify,
                                                 .field = m->o->pdf_field,
                                                 .name = m->o->pdf_name,
                                                 .reason = m->o->pdf_reason,
                                                 .visible = m->o->pdf_visible,
                                                 .contents_room = PDF_ROOM};
    VS_TRY(vs_pades_prepare(m->arena, &m->pades_options, &m->pades, err));
    vs_pades_digest(m->pades, vs_cades_digest(m->o->algorithm), &digest);
    return prepare_cades(m, &digest, VS_BYTES_NONE, false, err);
}

static vs_rc finish_pdf(struct vs_making *m, struct vs_bytes value,
                        const struct vs_source **ret, struct vs_error *err)
{
    VS_BUFFER cms, out;
    vs_buffer_init(&cms, PDF_ROOM);
    vs_buffer_init(&out, 2 * (size_t)FILE_MAX);
    VS_TRY(write_cades(m, value, &cms, err));
    VS_TRY(vs_pades_set_contents(m->pades, vs_buffer_view(&cms), err));
    vs_buffer_add(&out, m->text);
    vs_buffer_add(&out, vs_pades_update(m->pades));
    return as_source(m, &out, ret, err);
}

/* -- the forms ----------------------------------------------------------------------------- */

static const struct making_form forms[VS_MAKE_FORMS] = {
    [VS_MAKE_ASIC_E] = {"asic-e", ".asice", true, true, begin_xades_over_files,
                        finish_asic_xades},
    [VS_MAKE_ASIC_E_CADES] = {"asic-e-cades", ".asice", true, false, begin_manifest,
                              finish_asic_cades},
    [VS_MAKE_ASIC_S] = {"asic-s", ".asics", false, true, begin_xades_over_files,
                        finish_asic_xades},
    [VS_MAKE_ASIC_S_CADES] = {"asic-s-cades", ".asics", false, false, begin_cades_over_file,
                              finish_asic_cades},
    [VS_MAKE_XADES] = {"xades", ".xml", false, true, begin_enveloped, finish_enveloped},
    [VS_MAKE_XADES_DETACHED] = {"xades-detached", ".xml", true, true, begin_xades_over_files,
                                finish_detached},
    [VS_MAKE_CADES] = {"cades", ".p7m", false, false, begin_attached, finish_cades},
    [VS_MAKE_CADES_DETACHED] = {"cades-detached", ".p7s", false, false, begin_cades_over_file,
                                finish_cades},
    [VS_MAKE_PADES] = {"pades", ".pdf", false, false, begin_pdf, finish_pdf},
};

const char *vs_making_form_name(enum vs_making_form form)
{
    VS_ASSERT((unsigned)form < VS_MAKE_FORMS);
    return forms[form].name;
}

const char *vs_making_form_ending(enum vs_making_form form)
{
    VS_ASSERT((unsigned)form < VS_MAKE_FORMS);
    return forms[form].ending;
}

enum vs_making_form vs_making_form_by_name(const char *name)
{
    unsigned i = 0;
    while (i < VS_MAKE_FORMS && !vs_text_equal(forms[i].name, name))
        i++;
    return (enum vs_making_form)i;
}

vs_rc vs_making_begin(struct vs_arena *arena, const struct vs_making_options *options,
                      struct vs_making **ret, struct vs_error *err)
{
    VS_ASSERT((unsigned)options->form < VS_MAKE_FORMS);
    struct vs_making *m = vs_arena_make(arena, struct vs_making);
    if (m == NULL)
        return vs_fail_memory(err);
    m->arena = arena;
    m->o = options;
    m->form = &forms[options->form];
    VS_REFUSE_IF(options->n_chain == 0, err, VS_E_PARAMETER, NULL,
                 "a signature needs its certificate");
    VS_REFUSE_IF(options->n_files == 0 || (options->n_files > 1 && !m->form->many), err,
                 VS_E_PARAMETER, NULL, "%s holds exactly one file", m->form->name);
    vs_rc rc = m->form->begin(m, err);
    if (!vs_ok(rc)) {
        vs_xades_signer_free(m->signer);
        return rc;
    }
    *ret = m;
    return VS_OK;
}

struct vs_bytes vs_making_message(const struct vs_making *making)
{
    return making->form->xml ? vs_xades_draft_message(making->xades)
                             : vs_cades_draft_message(making->cades);
}

enum vs_signature_form vs_making_value_form(const struct vs_making *making)
{
    return making->form->xml ? VS_SIGNATURE_RAW : VS_SIGNATURE_DER;
}

vs_rc vs_making_finish(struct vs_making *making, struct vs_bytes value,
                       const struct vs_source **ret, struct vs_error *err)
{
    return making->form->finish(making, value, ret, err);
}

void vs_making_done(struct vs_making *making)
{
    if (making == NULL)
        return;
    vs_xades_signer_free(making->signer);
    making->signer = NULL;
}
