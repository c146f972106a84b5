#include "formats/signature/xades.h"
#include "formats/timestamp/timestamp.h"
#include "formats/validation/forms.h"
#include "formats/validation/process.h"

/* The reader's own part of a subject. */
struct xades_subject {
    struct vs_subject subject;
    const struct vs_xades *xades;
    struct vs_box *box;
    const struct vs_xades_timestamp **origins; /* of each stamp */
};

static void core(struct vs_context *context, struct xades_subject *x,
                 enum vs_indication indication, enum vs_sub_indication sub, const char *clause,
                 const char *text)
{
    vs_verdict_worsen(&x->subject.core, indication, sub);
    vs_reason_add(context->arena, &x->subject.errors, clause, "%s", text);
}

/* -- format checking (5.2.2) --------------------------------------------------------------- */

/* What our reader does not accept is not thereby malformed: an algorithm or transform outside
 * the allow-list leaves the verdict open, everything else breaks the form. */
static void check_format(struct vs_context *context, struct xades_subject *x)
{
    const struct vs_error *refusal = &x->xades->refusal;
    enum vs_indication indication = VS_FAILED;
    enum vs_sub_indication sub = VS_SUB_FORMAT_FAILURE;
    if (x->box != NULL && x->box->format_fault != NULL)
        core(context, x, VS_FAILED, VS_SUB_FORMAT_FAILURE, x->box->format_clause,
             x->box->format_fault);
    if (refusal->code == VS_E_NONE)
        return;
    if (refusal->code == VS_E_ALGORITHM) {
        indication = VS_INDETERMINATE;
        sub = VS_SUB_CRYPTO_CONSTRAINTS_FAILURE;
    } else if (refusal->code == VS_E_TRANSFORM) {
        indication = VS_INDETERMINATE;
        sub = VS_SUB_SIG_CONSTRAINTS_FAILURE;
    }
    vs_verdict_worsen(&x->subject.core, indication, sub);
    vs_reason_add_error(context->arena, &x->subject.errors, refusal);
}

/* -- identification of the signing certificate (5.2.3) ------------------------------------- */

static bool is_referenced(const struct vs_certificate *c, const struct vs_digest *digest)
{
    if (digest->algorithm == VS_SHA256)
        return digest->len == 32 && memcmp(c->sha256, digest->bytes, 32) == 0;
    struct vs_digest own;
    vs_digest_of(digest->algorithm, c->der, &own);
    return vs_digest_equal(&own, digest);
}

/* With a signed reference only the certificate that it names will do, wherever it is found. */
static const struct vs_certificate *by_reference(struct vs_context *context,
                                                 const struct vs_digest *digest)
{
    if (digest->algorithm == VS_DIGEST_NONE)
        return NULL;
    for (size_t i = 0; i < context->n_certificates; i++)
        if (is_referenced(context->certificates[i], digest))
            return context->certificates[i];
    return NULL;
}

/* Plain XMLDSig names none: the one of KeyInfo whose key made the value, else the first. */
static vs_rc by_value(struct vs_context *context, struct xades_subject *x, struct vs_error *err)
{
    const struct vs_dsig *dsig = &x->xades->dsig;
    for (size_t i = 0; i < dsig->n_certificates; i++) {
        const struct vs_certificate *c;
        enum vs_signature_verdict verdict;
        vs_context_add_certificate(context, dsig->certificates[i], &c);
        if (c == NULL)
            continue;
        VS_TRY(vs_dsig_check_value(dsig, c->key, &verdict, err));
        if (x->subject.signer == NULL || verdict == VS_SIGNATURE_VALID)
            x->subject.signer = c;
        if (verdict == VS_SIGNATURE_VALID)
            return VS_OK;
    }
    return VS_OK;
}

static vs_rc identify(struct vs_context *context, struct xades_subject *x, struct vs_error *err)
{
    const struct vs_xades *xades = x->xades;
    for (size_t i = 0; i < xades->dsig.n_certificates; i++)
        vs_context_add_certificate(context, xades->dsig.certificates[i], NULL);
    for (size_t i = 0; i < xades->n_certificates; i++)
        vs_context_add_certificate(context, xades->certificates[i], NULL);
    if (xades->n_certificate_references > 0)
        x->subject.signer = by_reference(context, &xades->certificate_references[0].digest);
    else
        VS_TRY(by_value(context, x, err));
    if (x->subject.signer == NULL)
        core(context, x, VS_INDETERMINATE, VS_SUB_NO_SIGNING_CERTIFICATE_FOUND,
             "EN 319 102-1, 5.2.3",
             xades->n_certificate_references > 0
                 ? "no certificate is the one that the signature names"
                 : "the signature comes without a certificate");
    return VS_OK;
}

/* -- cryptographic verification (5.2.7) ---------------------------------------------------- */

static void note_digest(struct xades_subject *x, enum vs_digest_algorithm algorithm)
{
    enum vs_digest_algorithm *weakest = &x->subject.weakest_digest;
    if (*weakest == VS_DIGEST_NONE ||
        vs_digest_good_until(algorithm) < vs_digest_good_until(*weakest))
        *weakest = algorithm;
}

static void note_name(struct vs_context *context, struct xades_subject *x,
                      const struct vs_dsig_reference *r, enum vs_dsig_state state)
{
    struct vs_subject *s = &x->subject;
    struct vs_box_object *object = NULL;
    if (r->target == VS_DSIG_OUTSIDE && x->box != NULL)
        object = vs_box_find(x->box, r->name);
    if (object != NULL) {
        object->claimed = true;
        object->intact |= state == VS_DSIG_INTACT;
    }
    bool properties = vs_text_equal(r->type, VS_XADES_TYPE_PROPERTIES);
    const char *name = object != NULL                 ? object->name
                       : r->target == VS_DSIG_OUTSIDE ? (const char *)r->name.ptr
                       : r->uri != NULL               ? r->uri
                                                      : "";
    char *copy = properties ? NULL : vs_arena_strdup(context->arena, name);
    if (copy != NULL && s->signed_names != NULL)
        s->signed_names[s->n_signed_names++] = copy;
}

/* Without a signing certificate that word stands, whatever the data (5.2.3 comes first). */
static void absent(struct vs_context *context, struct xades_subject *x,
                   const struct vs_dsig_reference *r)
{
    vs_verdict_worsen(&x->subject.core, VS_INDETERMINATE, VS_SUB_SIGNED_DATA_NOT_FOUND);
    vs_reason_add(context->arena, &x->subject.errors, "EN 319 102-1, 5.2.7",
                  "the signed data \"%s\" is not at hand", r->uri != NULL ? r->uri : "");
}

static vs_rc check_references(struct vs_context *context, struct xades_subject *x,
                              struct vs_error *err)
{
    const struct vs_dsig *dsig = &x->xades->dsig;
    struct vs_dsig_resolver resolver = {0};
    if (x->box != NULL)
        resolver = vs_box_resolver(x->box);
    x->subject.signed_names =
        vs_arena_make_n(context->arena, const char *, dsig->n_references + 1);
    for (size_t i = 0; i < dsig->n_references; i++) {
        const struct vs_dsig_reference *r = &dsig->references[i];
        enum vs_dsig_state state;
        VS_TRY(
            vs_dsig_check_reference(dsig, i, x->box != NULL ? &resolver : NULL, &state, err));
        note_digest(x, r->algorithm);
        note_name(context, x, r, state);
        if (state == VS_DSIG_INTACT || x->subject.signer == NULL)
            continue;
        if (state == VS_DSIG_ABSENT) {
            absent(context, x, r);
            continue;
        }
        vs_verdict_worsen(&x->subject.core, VS_FAILED, VS_SUB_HASH_FAILURE);
        vs_reason_add(context->arena, &x->subject.errors, "EN 319 102-1, 5.2.7",
                      "the data \"%s\" is not what was signed", r->uri != NULL ? r->uri : "");
    }
    return VS_OK;
}

/* Digests that hold say only that *some* nodes are signed: content put beside or around them
 * (signature wrapping) travels unsigned. Like a file that no signature of a container covers.
 */
static void check_scope(struct vs_context *context, struct xades_subject *x)
{
    static const char text[] = "only parts of the document are signed";
    if (x->xades->covers_document)
        return;
    if (context->policy->report_unsigned_files)
        vs_reason_add(context->arena, &x->subject.warnings, "XMLDSig, 8.1", "%s", text);
    else
        core(context, x, VS_INDETERMINATE, VS_SUB_SIG_CONSTRAINTS_FAILURE, "XMLDSig, 8.1",
             text);
}

static vs_rc check_value(struct vs_context *context, struct xades_subject *x,
                         struct vs_error *err)
{
    enum vs_signature_verdict verdict;
    if (x->subject.signer == NULL)
        return VS_OK;
    VS_TRY(vs_dsig_check_value(&x->xades->dsig, x->subject.signer->key, &verdict, err));
    if (verdict == VS_SIGNATURE_VALID)
        x->subject.value_verifies = x->subject.core.indication == VS_PASSED;
    else if (verdict == VS_SIGNATURE_UNSUPPORTED)
        core(context, x, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE, "TS 119 312",
             "the signature algorithm or the key's kind is not known here");
    else
        core(context, x, VS_FAILED, VS_SUB_SIG_CRYPTO_FAILURE, "EN 319 102-1, 5.2.7",
             verdict == VS_SIGNATURE_WRONG_KEY
                 ? "the algorithm does not belong to the certificate's key"
                 : "the signature value does not verify");
    return VS_OK;
}

/* -- time marks ---------------------------------------------------------------------------- */

/* EU DSS digests a ds:Object for an archive time mark even where a reference covers it already
 * (EN 319 132-1, 5.5.2.2, step 6 leaves it out): more is covered, so its marks are taken. */
static vs_rc other_imprint(struct vs_context *context, const struct xades_subject *x,
                           const struct vs_subject_stamp *stamp,
                           const struct vs_dsig_resolver *resolver, struct vs_digest *ret,
                           struct vs_error *err)
{
    const struct vs_xades_timestamp *t = x->origins[stamp->number];
    const struct vs_timestamp *token;
    struct vs_error ignored;
    struct vs_digest other;
    bool known;
    if (t->kind != VS_XADES_TS_ARCHIVE ||
        !vs_ok(vs_timestamp_decode(context->arena, stamp->token, &token, &ignored)) ||
        vs_timestamp_covers(token, ret))
        return VS_OK;
    struct vs_c14n_options how = {.method = t->c14n,
                                  .inclusive_prefixes = t->inclusive_prefixes};
    VS_TRY(vs_xades_archive_imprint(x->xades, t->node, &how, true, ret->algorithm, resolver,
                                    &other, &known, err));
    if (known && vs_timestamp_covers(token, &other))
        *ret = other;
    return VS_OK;
}

static vs_rc imprint(struct vs_context *context, const struct vs_subject *subject, size_t i,
                     enum vs_digest_algorithm algorithm, struct vs_digest *ret, bool *ret_known,
                     struct vs_error *err)
{
    const struct xades_subject *x = subject->format;
    const struct vs_subject_stamp *stamp = &subject->stamps[i];
    struct vs_dsig_resolver in_box = {0};
    if (x->box != NULL)
        in_box = vs_box_resolver(x->box);
    const struct vs_dsig_resolver *resolver = x->box != NULL ? &in_box : NULL;
    VS_TRY(vs_xades_imprint(x->xades, x->origins[stamp->number], algorithm, resolver, ret,
                            ret_known, err));
    return *ret_known ? other_imprint(context, x, stamp, resolver, ret, err) : VS_OK;
}

static enum vs_timestamp_kind stamp_kind(enum vs_xades_timestamp_kind kind)
{
    switch (kind) {
    case VS_XADES_TS_ALL_DATA:
    case VS_XADES_TS_DATA:
        return VS_TIMESTAMP_CONTENT;
    case VS_XADES_TS_SIGNATURE:
        return VS_TIMESTAMP_SIGNATURE;
    case VS_XADES_TS_REFERENCES:
        return VS_TIMESTAMP_REFS;
    default:
        return VS_TIMESTAMP_ARCHIVE;
    }
}

static vs_rc collect_stamps(struct vs_context *context, struct xades_subject *x,
                            struct vs_error *err)
{
    const struct vs_xades *xades = x->xades;
    size_t n = 0;
    for (size_t i = 0; i < xades->n_timestamps; i++)
        n += xades->timestamps[i].n_tokens;
    struct vs_subject_stamp *stamps =
        vs_arena_make_n(context->arena, struct vs_subject_stamp, n + 1);
    x->origins = vs_arena_make_n(context->arena, const struct vs_xades_timestamp *, n + 1);
    if (stamps == NULL || x->origins == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < xades->n_timestamps; i++) {
        const struct vs_xades_timestamp *t = &xades->timestamps[i];
        for (size_t k = 0; k < t->n_tokens; k++) {
            size_t at = x->subject.n_stamps++;
            stamps[at] = (struct vs_subject_stamp){stamp_kind(t->kind), t->tokens[k], at};
            x->origins[at] = t;
        }
    }
    x->subject.stamps = stamps;
    x->subject.imprint = imprint;
    return VS_OK;
}

static void collect_values(struct vs_context *context, const struct vs_xades *xades)
{
    for (size_t i = 0; i < xades->n_ocsp_responses; i++)
        vs_context_add_ocsp(context, xades->ocsp_responses[i]);
    for (size_t i = 0; i < xades->n_crls; i++)
        vs_context_add_crl(context, xades->crls[i]);
}

/* -- all ----------------------------------------------------------------------------------- */

static enum vs_level level_of(enum vs_xades_level level)
{
    static const enum vs_level levels[] = {
        [VS_XADES_NONE] = VS_LEVEL_NONE, [VS_XADES_B] = VS_LEVEL_B,
        [VS_XADES_T] = VS_LEVEL_T,       [VS_XADES_LT] = VS_LEVEL_LT,
        [VS_XADES_LTA] = VS_LEVEL_LTA,
    };
    return levels[level];
}

static void fill(struct vs_context *context, struct xades_subject *x, const char *file)
{
    const struct vs_xades *xades = x->xades;
    struct vs_subject *s = &x->subject;
    const char *text = vs_xades_level_text(xades->level);
    s->core = (struct vs_verdict){VS_PASSED, VS_SUB_NONE};
    s->file = file;
    s->id = xades->dsig.id != NULL
                ? vs_arena_strdup(context->arena, xades->dsig.id)
                : vs_arena_printf(context->arena, "S-%zu", context->report->n_signatures);
    s->level = level_of(xades->level);
    s->level_text = text != NULL ? text : xades->has_properties ? "XAdES" : "XMLDSig";
    s->algorithm = xades->dsig.algorithm;
    s->claimed_time = xades->has_properties ? xades->signing_time : VS_TIME_NONE;
    s->value = xades->dsig.value;
    struct vs_box_object *own =
        file == NULL || x->box == NULL ? NULL : vs_box_find(x->box, vs_bytes_text(file));
    s->poe = own == NULL ? 0 : own->poe;
    s->format = x;
}

static vs_rc judge_one(struct vs_context *context, const struct vs_xades *xades,
                       const char *file, struct vs_box *box, struct vs_error *err)
{
    struct xades_subject x = {.xades = xades, .box = box};
    fill(context, &x, file);
    check_format(context, &x);
    if (xades->refusal.code == VS_E_NONE) {
        collect_values(context, xades);
        VS_TRY(identify(context, &x, err));
        VS_TRY(check_references(context, &x, err));
        VS_TRY(check_value(context, &x, err));
        check_scope(context, &x);
        VS_TRY(collect_stamps(context, &x, err));
    }
    return vs_process_signature(context, &x.subject, err);
}

static void free_file(void *file)
{
    vs_xades_free(file);
}

vs_rc vs_judge_xades(struct vs_context *context, struct vs_bytes text, const char *file,
                     struct vs_box *box, struct vs_error *err)
{
    struct vs_xades_file *xades;
    VS_TRY(vs_xades_read(text, NULL, &xades, err));
    VS_TRY(vs_context_keep(context, xades, free_file, err));
    for (size_t i = 0; i < xades->n_signatures; i++)
        VS_TRY(judge_one(context, &xades->signatures[i], file, box, err));
    return VS_OK;
}

vs_rc vs_judge_unreadable(struct vs_context *context, const char *file,
                          const struct vs_error *refusal, struct vs_error *err)
{
    struct vs_subject subject = {.id = file,
                                 .file = file,
                                 .core = {VS_FAILED, VS_SUB_FORMAT_FAILURE},
                                 .claimed_time = VS_TIME_NONE};
    vs_reason_add_error(context->arena, &subject.errors, refusal);
    return vs_process_signature(context, &subject, err);
}
