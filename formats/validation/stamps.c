#include "formats/validation/stamps.h"
#include "formats/validation/x509.h"

struct stamp {
    struct vs_context *context;
    const struct vs_timestamp *token;
    const struct vs_stamp_options *options;
    struct vs_timestamp_report *report;
};

static void verdict(struct stamp *s, enum vs_indication indication, enum vs_sub_indication sub,
                    const char *clause, const char *text)
{
    vs_verdict_worsen(&s->report->verdict, indication, sub);
    vs_reason_add(s->context->arena, &s->report->errors, clause, "%s", text);
}

static vs_rc judge_imprint(struct stamp *s, const struct vs_stamp_subject *subject,
                           struct vs_error *err)
{
    struct vs_digest digest;
    bool known = false;
    if (!s->token->imprint_known) {
        verdict(s, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE, "RFC 3161, 2.4.2",
                "the imprint's digest algorithm is not known here");
        return VS_OK;
    }
    VS_TRY(subject->imprint(subject->self, s->token->imprint.algorithm, &digest, &known, err));
    if (!known)
        verdict(s, VS_INDETERMINATE, VS_SUB_SIGNED_DATA_NOT_FOUND, "EN 319 102-1, 5.4",
                "what the time mark covers is not at hand");
    else if (!vs_timestamp_covers(s->token, &digest))
        verdict(s, VS_FAILED, VS_SUB_HASH_FAILURE, "EN 319 102-1, 5.4",
                "the time mark's imprint is not that of the data");
    return VS_OK;
}

static vs_rc judge_value(struct stamp *s, const struct vs_certificate *signer,
                         struct vs_error *err)
{
    static const struct {
        enum vs_indication indication;
        enum vs_sub_indication sub;
    } words[] = {
        [VS_TIMESTAMP_OK] = {VS_PASSED, VS_SUB_NONE},
        [VS_TIMESTAMP_WRONG_CERTIFICATE] = {VS_INDETERMINATE,
                                            VS_SUB_NO_SIGNING_CERTIFICATE_FOUND},
        [VS_TIMESTAMP_DIGEST] = {VS_FAILED, VS_SUB_HASH_FAILURE},
        [VS_TIMESTAMP_SIGNATURE_VALUE] = {VS_FAILED, VS_SUB_SIG_CRYPTO_FAILURE},
        [VS_TIMESTAMP_ALGORITHM] = {VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE},
        [VS_TIMESTAMP_USAGE] = {VS_INDETERMINATE, VS_SUB_CHAIN_CONSTRAINTS_FAILURE},
        [VS_TIMESTAMP_NO_ESS] = {VS_INDETERMINATE, VS_SUB_SIG_CONSTRAINTS_FAILURE},
    };
    enum vs_timestamp_verdict v;
    const char *why = NULL;
    VS_TRY(vs_timestamp_verify(s->token, signer, &v, &why, err));
    if (v != VS_TIMESTAMP_OK)
        verdict(s, words[v].indication, words[v].sub, "RFC 3161, 2.4.2",
                why != NULL ? why : "the token does not verify");
    return VS_OK;
}

static void judge_algorithm(struct stamp *s, const struct vs_certificate *signer)
{
    const char *why = NULL;
    struct vs_signature_algorithm algorithm = s->token->signature_algorithm;
    if (algorithm.scheme != VS_SCHEME_NONE &&
        !vs_signature_acceptable(algorithm, vs_public_key_bits(signer->key), s->options->poe,
                                 &why))
        verdict(s, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "TS 119 312",
                why);
    if (s->token->imprint_known &&
        !vs_digest_acceptable(s->token->imprint.algorithm, s->options->poe, &why))
        verdict(s, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "TS 119 312",
                why);
}

/* The authority's certificate must have been in force when the token was made and, as far as
 * proofs of existence reach, still now; its revocation data must be fresh for the token. */
static vs_rc judge_authority(struct stamp *s, const struct vs_certificate *signer,
                             struct vs_error *err)
{
    struct vs_x509_question q = {
        .certificate = signer,
        .at = s->options->poe,
        .fresh_at = s->token->gen_time,
        .time_mark = true,
        .revocation = s->context->policy->timestamp_revocation_required,
    };
    struct vs_x509_answer a;
    VS_TRY(vs_x509_judge(s->context, &q, &a, &s->report->errors, &s->report->warnings, err));
    vs_verdict_worsen(&s->report->verdict, a.verdict.indication, a.verdict.sub);
    if (a.anchor != NULL) {
        vs_time_ms t = s->token->gen_time;
        s->report->accredited =
            a.anchor->n_services == 0
                ? a.anchor->accredited
                : vs_anchor_granted(a.anchor, VS_SERVICE_TSA_QTST, t) != NULL ||
                      vs_anchor_granted(a.anchor, VS_SERVICE_TSA, t) != NULL;
    }
    if (s->token->gen_time < signer->not_before)
        verdict(s, VS_FAILED, VS_SUB_NOT_YET_VALID, "EN 319 102-1, 5.4",
                "the time mark is older than its authority's certificate");
    if (s->token->gen_time > s->context->input->at + s->token->accuracy_ms)
        verdict(s, VS_INDETERMINATE, VS_SUB_TIMESTAMP_ORDER_FAILURE, "EN 319 102-1, 5.4",
                "the time mark is from the future");
    return VS_OK;
}

static void join_pools(struct stamp *s)
{
    for (size_t i = 0; i < s->token->n_certificates; i++)
        vs_context_add_certificate(s->context, s->token->certificates[i], NULL);
    for (size_t i = 0; i < s->token->n_crls; i++)
        vs_context_add_crl(s->context, s->token->crls[i]);
    for (size_t i = 0; i < s->token->n_ocsp; i++)
        vs_context_add_ocsp(s->context, s->token->ocsp[i]);
}

static vs_rc judge_signer(struct stamp *s, struct vs_error *err)
{
    VS_CERTIFICATE *signer = NULL;
    struct vs_context *c = s->context;
    VS_TRY(vs_timestamp_signer(s->token, c->certificates, c->n_certificates, &signer, err));
    if (signer == NULL) {
        verdict(s, VS_INDETERMINATE, VS_SUB_NO_SIGNING_CERTIFICATE_FOUND, "EN 319 102-1, 5.2.3",
                "the time mark authority's certificate is not at hand");
        return VS_OK;
    }
    s->report->certificate = vs_bytes_copy(c->arena, signer->der);
    s->report->signed_by = vs_name_attribute(c->arena, signer->subject, VS_NAME_CN);
    VS_TRY(judge_value(s, signer, err));
    if (s->report->verdict.indication == VS_FAILED)
        return VS_OK;
    judge_algorithm(s, signer);
    /* The pools keep a reference, so that a path may point to the certificate. */
    const struct vs_certificate *kept;
    vs_context_add_certificate(c, signer->der, &kept);
    return judge_authority(s, kept != NULL ? kept : signer, err);
}

vs_rc vs_stamp_judge(struct vs_context *context, struct vs_bytes token,
                     const struct vs_stamp_subject *subject,
                     const struct vs_stamp_options *options, struct vs_timestamp_report **ret,
                     const struct vs_timestamp **ret_token, struct vs_error *err)
{
    struct vs_error refusal = {0};
    struct stamp s = {.context = context, .options = options};
    VS_REFUSE_IF(context->report->n_timestamps >= VS_STAMPS_MAX, err, VS_E_LIMIT, NULL,
                 "over %d time marks", VS_STAMPS_MAX);
    s.report = vs_context_new_timestamp(context);
    if (s.report == NULL)
        return vs_fail_memory(err);
    *ret = s.report;
    if (ret_token != NULL)
        *ret_token = NULL;
    s.report->kind = options->kind;
    s.report->signature = options->signature;
    s.report->verdict = (struct vs_verdict){VS_PASSED, VS_SUB_NONE};
    if (!vs_ok(vs_timestamp_decode(context->arena, token, &s.token, &refusal))) {
        vs_verdict_worsen(&s.report->verdict, VS_FAILED, VS_SUB_FORMAT_FAILURE);
        vs_reason_add_error(context->arena, &s.report->errors, &refusal);
        return VS_OK;
    }
    if (ret_token != NULL)
        *ret_token = s.token;
    s.report->gen_time = s.token->gen_time;
    s.report->accuracy_ms = s.token->accuracy_ms;
    s.report->policy = vs_timestamp_policy_text(context->arena, s.token);
    join_pools(&s);
    VS_TRY(judge_imprint(&s, subject, err));
    return judge_signer(&s, err);
}
