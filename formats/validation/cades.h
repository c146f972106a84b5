/* cades.h - CMS signatures on their way into the process: CAdES files, those of containers,
 * those inside a PDF. */
#ifndef VS_FORMATS_VALIDATION_CADES_H
#define VS_FORMATS_VALIDATION_CADES_H
#include "formats/signature/cms.h"
#include "formats/validation/forms.h"

/* What is signed: exactly one of these, or nothing at hand. */
struct vs_cms_content {
    const struct vs_bytes *bytes;
    const struct vs_source *source;
    struct vs_box *box; /* with `object` */
    struct vs_box_object *object;
};
/* `*ret_known` false: not at hand. */
VS_NODISCARD vs_rc vs_cms_content_digest(const struct vs_cms_content *content,
                                         enum vs_digest_algorithm algorithm,
                                         struct vs_digest *ret, bool *ret_known,
                                         struct vs_error *err);

struct vs_cades_input {
    const struct vs_cms_content *content;
    const char *file, *counter_of;
    struct vs_verdict core; /* what the surroundings say already: PASSED at best */
    struct vs_reasons errors;
    const char **signed_names;
    size_t n_signed_names;
    vs_time_ms claimed_time; /* a PDF's /M; VS_TIME_NONE: the signed attribute counts */
    vs_time_ms poe;          /* of the file, by a container's proof; 0: none */
    bool pades;
    enum vs_level level_at_least; /* a PDF's, by its DSS dictionary and document time-stamps */
};
/* All signers of `cms`, and their counter-signatures. */
VS_NODISCARD vs_rc vs_judge_cades(struct vs_context *context, const struct vs_cms *cms,
                                  const struct vs_cades_input *input, struct vs_error *err);

/* The digest that an archive-time-stamp-v3 token must carry (EN 319 122-1, 5.5.3), computed by
 * the ats-hash-index-v3 in the token. `*ret_known` false: it has none that is read here. */
VS_NODISCARD vs_rc vs_cades_archive_imprint(
    struct vs_context *context, const struct vs_cms *cms, const struct vs_cms_signer *signer,
    const struct vs_cms_content *content, struct vs_bytes token,
    enum vs_digest_algorithm algorithm, struct vs_digest *ret, bool *ret_known,
    struct vs_error *err);
/* A .p7s/.p7m file: its content inside, or the box's (NULL: none given). */
VS_NODISCARD vs_rc vs_judge_cades_file(struct vs_context *context, struct vs_bytes bytes,
                                       struct vs_box *box, struct vs_error *err);
/* Signature `entry` of a container. */
VS_NODISCARD vs_rc vs_judge_cades_entry(struct vs_context *context,
                                        const struct vs_asic_entry *entry, struct vs_box *box,
                                        const struct vs_manifests *manifests,
                                        struct vs_error *err);
/* A whole PDF: its signatures and document time-stamps (pades_form.c). */
VS_NODISCARD vs_rc vs_judge_pdf(struct vs_context *context, struct vs_bytes file,
                                struct vs_error *err);
#endif
