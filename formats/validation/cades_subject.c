#include "formats/crypto/der.h"
#include "formats/signature/ber.h"
#include "formats/signature/cms.h"
#include "formats/validation/cades.h"
#include "formats/validation/process.h"

/* Attribute types of EN 319 122-1 and RFC 5126. */
#define SIGNATURE_TIMESTAMP "1.2.840.113549.1.9.16.2.14"
#define CONTENT_TIMESTAMP   "1.2.840.113549.1.9.16.2.20"
#define CERT_VALUES         "1.2.840.113549.1.9.16.2.23"
#define REVOCATION_VALUES   "1.2.840.113549.1.9.16.2.24"
#define ESC_TIMESTAMP       "1.2.840.113549.1.9.16.2.25"
#define REFS_TIMESTAMP      "1.2.840.113549.1.9.16.2.26"
#define ARCHIVE_V2          "1.2.840.113549.1.9.16.2.48"
#define INTERNAL_RECORD     "1.2.840.113549.1.9.16.2.49"
#define EXTERNAL_RECORD     "1.2.840.113549.1.9.16.2.50"
#define ARCHIVE_V3          "0.4.0.1733.2.4"
#define COUNTER_SIGNATURE   "1.2.840.113549.1.9.6"

struct cades_subject {
    struct vs_subject subject;
    const struct vs_cms *cms;
    const struct vs_cms_signer *signer;
    const struct vs_cms_content *content;
};

static void core(struct vs_context *context, struct cades_subject *x,
                 enum vs_indication indication, enum vs_sub_indication sub, const char *clause,
                 const char *text)
{
    vs_verdict_worsen(&x->subject.core, indication, sub);
    vs_reason_add(context->arena, &x->subject.errors, clause, "%s", text);
}

vs_rc vs_cms_content_digest(const struct vs_cms_content *content,
                            enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                            bool *ret_known, struct vs_error *err)
{
    *ret_known = true;
    if (content->bytes != NULL) {
        vs_digest_of(algorithm, *content->bytes, ret);
        return VS_OK;
    }
    if (content->source != NULL)
        return vs_digest_source(algorithm, content->source, ret, err);
    *ret_known = content->object != NULL;
    return content->object == NULL
               ? VS_OK
               : vs_box_digest(content->box, content->object, algorithm, ret, err);
}

/* -- identification (5.2.3) ---------------------------------------------------------------- */

static bool named(const struct vs_cms_signer *s, const struct vs_certificate *c)
{
    if (s->issuer.len > 0)
        return vs_name_equal(s->issuer, c->issuer) && vs_bytes_equal(s->serial, c->serial);
    return vs_bytes_equal(s->key_id, c->subject_key_id);
}

static bool referenced(const struct vs_cms_signer *s, const struct vs_certificate *c)
{
    struct vs_digest digest;
    if (s->reference_algorithm == VS_DIGEST_NONE)
        return false;
    vs_digest_of(s->reference_algorithm, c->der, &digest);
    return vs_bytes_equal(vs_digest_bytes(&digest), s->reference_digest);
}

static void identify(struct vs_context *context, struct cades_subject *x)
{
    const struct vs_cms_signer *s = x->signer;
    bool signed_reference = s->reference_digest.len > 0;
    for (size_t i = 0; i < x->cms->n_certificates; i++)
        vs_context_add_certificate(context, x->cms->certificates[i], NULL);
    for (size_t i = 0; i < context->n_certificates && x->subject.signer == NULL; i++) {
        const struct vs_certificate *c = context->certificates[i];
        if (named(s, c) && (!signed_reference || referenced(s, c)))
            x->subject.signer = c;
    }
    if (x->subject.signer == NULL)
        core(context, x, VS_INDETERMINATE, VS_SUB_NO_SIGNING_CERTIFICATE_FOUND,
             "EN 319 102-1, 5.2.3",
             x->cms->n_certificates > 0 ? "no certificate is the one that the signature names"
                                        : "the signature comes without a certificate");
    else if (!signed_reference)
        vs_reason_add(context->arena, &x->subject.warnings, "EN 319 122-1, 5.2.2",
                      "the signing certificate is not among what is signed");
}

/* -- cryptographic verification (5.2.7) ---------------------------------------------------- */

static void check_digest(struct vs_context *context, struct cades_subject *x,
                         const struct vs_digest *digest, bool known)
{
    const struct vs_cms_signer *s = x->signer;
    if (!known) {
        core(context, x, VS_INDETERMINATE, VS_SUB_SIGNED_DATA_NOT_FOUND, "EN 319 102-1, 5.2.7",
             "the signed data is not at hand");
        return;
    }
    if (s->n_signed > 0 && !vs_bytes_equal(vs_digest_bytes(digest), s->message_digest))
        core(context, x, VS_FAILED, VS_SUB_HASH_FAILURE, "EN 319 102-1, 5.2.7",
             "the data is not what was signed");
}

static void value_verdict(struct vs_context *context, struct cades_subject *x,
                          enum vs_signature_verdict verdict)
{
    if (verdict == VS_SIGNATURE_VALID)
        x->subject.value_verifies = x->subject.core.indication == VS_PASSED;
    else if (verdict == VS_SIGNATURE_UNSUPPORTED)
        core(context, x, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE, "TS 119 312",
             "the signature algorithm or the key's kind is not known here");
    else
        core(context, x, VS_FAILED, VS_SUB_SIG_CRYPTO_FAILURE, "EN 319 102-1, 5.2.7",
             "the signature value does not verify");
}

static vs_rc verify(struct vs_context *context, struct cades_subject *x, struct vs_error *err)
{
    const struct vs_cms_signer *s = x->signer;
    enum vs_signature_verdict verdict = VS_SIGNATURE_UNSUPPORTED;
    struct vs_digest digest = {0};
    bool known = false;
    if (x->subject.signer == NULL)
        return VS_OK;
    if (s->digest_algorithm != VS_DIGEST_NONE) {
        VS_TRY(vs_cms_content_digest(x->content, s->digest_algorithm, &digest, &known, err));
        check_digest(context, x, &digest, known);
    }
    if (s->n_signed == 0 && !known)
        return VS_OK;
    if (s->digest_algorithm != VS_DIGEST_NONE && s->algorithm.scheme != VS_SCHEME_NONE)
        VS_TRY(vs_cms_check_value(s, x->subject.signer->key, &digest, &verdict, err));
    value_verdict(context, x, verdict);
    /* The content type that was signed must be the one that is there (RFC 5652, 11.1). */
    if (s->n_signed > 0 && !vs_bytes_equal(s->content_type, x->cms->content_type) &&
        x->subject.counter_of == NULL)
        core(context, x, VS_FAILED, VS_SUB_FORMAT_FAILURE, "RFC 5652, 11.1",
             "content-type is not that of the content");
    return VS_OK;
}

/* -- attributes ---------------------------------------------------------------------------- */

static const struct vs_cms_attribute *unsigned_attribute(const struct vs_cms_signer *s,
                                                         const char *oid, size_t nth)
{
    return vs_cms_attribute(s->unsigned_attributes, s->n_unsigned, oid, nth);
}

/* SEQUENCE OF in `whole`, each element given to `add`. */
static void each(struct vs_context *context, struct vs_bytes content,
                 void (*add)(struct vs_context *context, struct vs_bytes der))
{
    struct vs_ber list = vs_ber_reader(content);
    while (vs_ber_more(&list)) {
        struct vs_bytes der = vs_ber_next(&list).whole;
        if (!list.failed)
            add(context, der);
    }
}

static void add_certificate(struct vs_context *context, struct vs_bytes der)
{
    vs_context_add_certificate(context, der, NULL);
}

static void collect_values(struct vs_context *context, const struct cades_subject *x)
{
    const struct vs_cms_attribute *certificates = unsigned_attribute(x->signer, CERT_VALUES, 0);
    const struct vs_cms_attribute *revocation =
        unsigned_attribute(x->signer, REVOCATION_VALUES, 0);
    for (size_t i = 0; i < x->cms->n_ocsp; i++)
        vs_context_add_ocsp(context, x->cms->ocsp[i]);
    for (size_t i = 0; i < x->cms->n_crls; i++)
        vs_context_add_crl(context, x->cms->crls[i]);
    if (certificates != NULL) {
        struct vs_ber value = vs_ber_reader(certificates->first);
        each(context, vs_ber_take(&value, VS_DER_SEQUENCE), add_certificate);
    }
    if (revocation == NULL)
        return;
    struct vs_ber value = vs_ber_reader(revocation->first);
    struct vs_ber parts = vs_ber_enter(&value, VS_DER_SEQUENCE);
    while (vs_ber_more(&parts)) {
        struct vs_ber_element part = vs_ber_next(&parts);
        struct vs_ber list = vs_ber_reader(part.content);
        struct vs_bytes items = vs_ber_take(&list, VS_DER_SEQUENCE);
        if (!list.failed && part.tag == VS_DER_CONTEXT_CONSTRUCTED(0))
            each(context, items, vs_context_add_crl);
        else if (!list.failed && part.tag == VS_DER_CONTEXT_CONSTRUCTED(1))
            each(context, items, vs_context_add_ocsp);
    }
}

static const struct {
    const char *oid;
    bool is_signed;
    enum vs_timestamp_kind kind;
} stamp_rows[] = {
    {CONTENT_TIMESTAMP, true, VS_TIMESTAMP_CONTENT},
    {SIGNATURE_TIMESTAMP, false, VS_TIMESTAMP_SIGNATURE},
    {ESC_TIMESTAMP, false, VS_TIMESTAMP_REFS},
    {REFS_TIMESTAMP, false, VS_TIMESTAMP_REFS},
    {ARCHIVE_V2, false, VS_TIMESTAMP_ARCHIVE},
    {ARCHIVE_V3, false, VS_TIMESTAMP_ARCHIVE},
};
enum { STAMP_ROWS = sizeof stamp_rows / sizeof *stamp_rows, ARCHIVE_V3_ROW = 5 };

/* `number` keeps row and attribute apart: row * MAX + place among the row's attributes. */
enum { ROW_FACTOR = 4096 };

static const struct vs_cms_attribute *stamp_attribute(const struct vs_cms_signer *s, size_t row,
                                                      size_t nth)
{
    return stamp_rows[row].is_signed
               ? vs_cms_attribute(s->signed_attributes, s->n_signed, stamp_rows[row].oid, nth)
               : unsigned_attribute(s, stamp_rows[row].oid, nth);
}

static vs_rc imprint(struct vs_context *context, const struct vs_subject *subject, size_t i,
                     enum vs_digest_algorithm algorithm, struct vs_digest *ret, bool *ret_known,
                     struct vs_error *err)
{
    const struct cades_subject *x = subject->format;
    size_t row = subject->stamps[i].number / ROW_FACTOR;
    *ret_known = true;
    switch (stamp_rows[row].kind) {
    case VS_TIMESTAMP_CONTENT:
        return vs_cms_content_digest(x->content, algorithm, ret, ret_known, err);
    case VS_TIMESTAMP_SIGNATURE:
        vs_digest_of(algorithm, x->signer->value, ret);
        return VS_OK;
    default:
        if (row == ARCHIVE_V3_ROW)
            return vs_cades_archive_imprint(context, x->cms, x->signer, x->content,
                                            subject->stamps[i].token, algorithm, ret, ret_known,
                                            err);
        *ret_known = false;
        return VS_OK;
    }
}

static vs_rc collect_stamps(struct vs_context *context, struct cades_subject *x,
                            struct vs_error *err)
{
    const struct vs_cms_signer *s = x->signer;
    struct vs_subject_stamp *stamps = vs_arena_make_n(context->arena, struct vs_subject_stamp,
                                                      s->n_signed + s->n_unsigned + 1);
    if (stamps == NULL)
        return vs_fail_memory(err);
    for (size_t row = 0; row < STAMP_ROWS; row++) {
        const struct vs_cms_attribute *a;
        for (size_t nth = 0; (a = stamp_attribute(s, row, nth)) != NULL; nth++)
            stamps[x->subject.n_stamps++] = (struct vs_subject_stamp){
                stamp_rows[row].kind, a->first, row * ROW_FACTOR + nth};
    }
    x->subject.stamps = stamps;
    x->subject.imprint = imprint;
    return VS_OK;
}

/* -- level (EN 319 122-1, 6.3) ------------------------------------------------------------- */

static void find_level(struct cades_subject *x, bool pades)
{
    static const char *const texts[2][5] = {
        {"CAdES", "CAdES-B-B", "CAdES-B-T", "CAdES-B-LT", "CAdES-B-LTA"},
        {"PAdES", "PAdES-B-B", "PAdES-B-T", "PAdES-B-LT", "PAdES-B-LTA"}};
    const struct vs_cms_signer *s = x->signer;
    enum vs_level level = VS_LEVEL_NONE;
    bool record = unsigned_attribute(s, INTERNAL_RECORD, 0) != NULL ||
                  unsigned_attribute(s, EXTERNAL_RECORD, 0) != NULL;
    bool values = unsigned_attribute(s, REVOCATION_VALUES, 0) != NULL ||
                  x->cms->n_crls + x->cms->n_ocsp > 0;
    if (s->reference_digest.len > 0 && (s->signing_time != VS_TIME_NONE || pades))
        level = VS_LEVEL_B;
    if (level == VS_LEVEL_B && unsigned_attribute(s, SIGNATURE_TIMESTAMP, 0) != NULL)
        level = VS_LEVEL_T;
    if (level == VS_LEVEL_T && values)
        level = VS_LEVEL_LT;
    if (level == VS_LEVEL_LT && unsigned_attribute(s, ARCHIVE_V3, 0) != NULL)
        level = VS_LEVEL_LTA;
    x->subject.level = level;
    x->subject.level_text = s->n_signed == 0                  ? "CMS"
                            : record && level > VS_LEVEL_NONE ? "CAdES-ERS"
                            : s->reference_digest.len == 0    ? "CMS"
                                                              : texts[pades][level];
}

/* -- evidence records in unsigned attributes (RFC 4998, appendix A; RFC 5276) ------------- */

static const char *const record_oids[] = {INTERNAL_RECORD, EXTERNAL_RECORD};

static bool is_record(const struct vs_cms_attribute *a, bool *ret_external)
{
    *ret_external = vs_cms_attribute(a, 1, EXTERNAL_RECORD, 0) != NULL;
    return *ret_external || vs_cms_attribute(a, 1, INTERNAL_RECORD, 0) != NULL;
}

/* A record covers the message without itself and the records added after it; an external one
 * covers the detached content too. */
static vs_rc judge_record(struct vs_context *context, const struct cades_subject *x,
                          const struct vs_cms_attribute *a, bool external, size_t nth,
                          int signature, struct vs_error *err)
{
    struct vs_bytes stripped;
    struct vs_box_object objects[2] = {{.poe = INT64_MAX}, {.poe = INT64_MAX}};
    struct vs_box_object *list[2] = {&objects[0], &objects[1]};
    struct vs_bytes_source source;
    struct vs_box box = {.arena = context->arena};
    size_t n = 1;
    VS_TRY(
        vs_cms_without(context->arena, x->cms, x->signer, record_oids, 2, nth, &stripped, err));
    vs_bytes_source_init(&source, stripped);
    objects[0].source = &source.source;
    if (external && x->content->source != NULL) {
        objects[1].source = x->content->source;
        n = 2;
    } else if (external && x->content->object != NULL) {
        list[1] = x->content->object;
        box.asic = x->content->box->asic;
        n = 2;
    }
    return vs_judge_embedded_record(context, a->first, &box, list, n, signature, err);
}

static vs_rc judge_records(struct vs_context *context, const struct cades_subject *x,
                           int signature, struct vs_error *err)
{
    const struct vs_cms_signer *s = x->signer;
    for (size_t i = 0, nth = 0; i < s->n_unsigned; i++) {
        bool external;
        if (is_record(&s->unsigned_attributes[i], &external))
            VS_TRY(judge_record(context, x, &s->unsigned_attributes[i], external, nth++,
                                signature, err));
    }
    return VS_OK;
}

/* -- all ----------------------------------------------------------------------------------- */

static void fill(struct vs_context *context, struct cades_subject *x,
                 const struct vs_cades_input *input, size_t number)
{
    struct vs_subject *s = &x->subject;
    s->core = input->core;
    s->errors = input->errors;
    s->file = input->file;
    s->counter_of = input->counter_of;
    s->id = vs_arena_printf(context->arena, "S-%zu", number);
    s->algorithm = x->signer->algorithm;
    s->weakest_digest = x->signer->digest_algorithm;
    s->claimed_time =
        input->claimed_time != VS_TIME_NONE ? input->claimed_time : x->signer->signing_time;
    s->value = x->signer->value;
    s->poe = input->poe;
    s->signed_names = input->signed_names;
    s->n_signed_names = input->n_signed_names;
    s->format = x;
    find_level(x, input->pades);
    if (input->level_at_least > s->level && s->level > VS_LEVEL_NONE) {
        s->level = input->level_at_least;
        s->level_text = s->level == VS_LEVEL_LTA  ? "PAdES-B-LTA"
                        : s->level == VS_LEVEL_LT ? "PAdES-B-LT"
                                                  : "PAdES-B-T";
    }
}

static vs_rc judge_signer(struct vs_context *context, const struct vs_cms *cms,
                          const struct vs_cms_signer *signer,
                          const struct vs_cades_input *input, int depth, struct vs_error *err);

/* Counter-signatures sign the signature's value (RFC 5652, 11.4); their own are not followed
 * further than four deep. */
static vs_rc judge_counters(struct vs_context *context, const struct vs_cms *cms,
                            const struct vs_cms_signer *signer, const char *id, int depth,
                            struct vs_error *err)
{
    const struct vs_cms_attribute *a;
    for (size_t nth = 0; depth < 4; nth++) {
        a = unsigned_attribute(signer, COUNTER_SIGNATURE, nth);
        if (a == NULL)
            return VS_OK;
        struct vs_cms_content content = {.bytes = &signer->value};
        struct vs_cades_input input = {.content = &content,
                                       .core = {VS_PASSED, VS_SUB_NONE},
                                       .counter_of = id,
                                       .claimed_time = VS_TIME_NONE};
        struct vs_ber values = vs_ber_reader(a->values);
        while (vs_ber_more(&values)) {
            struct vs_cms_signer *counter = vs_arena_make(context->arena, struct vs_cms_signer);
            struct vs_bytes bytes = vs_ber_next(&values).whole;
            struct vs_error refusal = {0};
            if (counter == NULL)
                return vs_fail_memory(err);
            if (values.failed)
                break;
            vs_rc rc = vs_cms_decode_signer(context->arena, bytes, counter, &refusal);
            if (rc.code == VS_E_NOMEM)
                return vs_fail_memory(err);
            counter->refusal = refusal;
            VS_TRY(judge_signer(context, cms, counter, &input, depth + 1, err));
        }
    }
    return VS_OK;
}

static vs_rc judge_signer(struct vs_context *context, const struct vs_cms *cms,
                          const struct vs_cms_signer *signer,
                          const struct vs_cades_input *input, int depth, struct vs_error *err)
{
    struct cades_subject x = {.cms = cms, .signer = signer, .content = input->content};
    fill(context, &x, input, context->report->n_signatures);
    if (signer->refusal.code != VS_E_NONE) {
        vs_verdict_worsen(&x.subject.core, VS_FAILED, VS_SUB_FORMAT_FAILURE);
        vs_reason_add_error(context->arena, &x.subject.errors, &signer->refusal);
        return vs_process_signature(context, &x.subject, err);
    }
    collect_values(context, &x);
    identify(context, &x);
    VS_TRY(verify(context, &x, err));
    VS_TRY(collect_stamps(context, &x, err));
    int number = (int)context->report->n_signatures;
    VS_TRY(vs_process_signature(context, &x.subject, err));
    if (depth == 0)
        VS_TRY(judge_records(context, &x, number, err));
    return judge_counters(context, cms, signer, x.subject.id, depth, err);
}

vs_rc vs_judge_cades(struct vs_context *context, const struct vs_cms *cms,
                     const struct vs_cades_input *input, struct vs_error *err)
{
    for (size_t i = 0; i < cms->n_signers; i++)
        VS_TRY(judge_signer(context, cms, &cms->signers[i], input, 0, err));
    return VS_OK;
}
