#include "formats/validation/process.h"
#include "formats/validation/legal_class.h"
#include "formats/validation/stamps.h"
#include "formats/validation/x509.h"

/* One signature under way. */
struct process {
    struct vs_context *context;
    const struct vs_subject *subject;
    struct vs_signature_report *report;
    size_t index;
    vs_time_ms best;       /* earliest proof of existence of the signature value */
    vs_time_ms not_before; /* latest passed content time mark: signed after it */
    struct vs_x509_answer answer;
};

static void verdict(struct process *p, enum vs_indication indication,
                    enum vs_sub_indication sub, const char *clause, const char *text)
{
    vs_verdict_worsen(&p->report->verdict, indication, sub);
    vs_reason_add(p->context->arena, &p->report->errors, clause, "%s", text);
}

/* -- time marks ---------------------------------------------------------------------------- */

struct imprint {
    struct vs_context *context;
    const struct vs_subject *subject;
    size_t number;
};

static vs_rc imprint_of(void *self, enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                        bool *ret_known, struct vs_error *err)
{
    const struct imprint *i = self;
    return i->subject->imprint(i->context, i->subject, i->number, algorithm, ret, ret_known,
                               err);
}

static void use_stamp(struct process *p, enum vs_timestamp_kind kind,
                      const struct vs_timestamp_report *stamp)
{
    struct vs_arena *arena = p->context->arena;
    if (stamp->verdict.indication != VS_PASSED) {
        const char *sub = vs_sub_indication_text(stamp->verdict.sub);
        vs_reason_add(arena, &p->report->warnings, "EN 319 102-1, 5.5.4",
                      "a time mark does not count: %s", sub != NULL ? sub : "");
        return;
    }
    if (kind == VS_TIMESTAMP_CONTENT) {
        if (stamp->gen_time > p->not_before)
            p->not_before = stamp->gen_time;
        return;
    }
    if (stamp->gen_time < p->best)
        p->best = stamp->gen_time;
}

static vs_rc judge_stamp(struct process *p, size_t i, struct vs_error *err)
{
    const struct vs_subject_stamp *stamp = &p->subject->stamps[i];
    struct imprint imprint = {p->context, p->subject, i};
    struct vs_stamp_subject subject = {imprint_of, &imprint};
    struct vs_stamp_options options = {.kind = stamp->kind,
                                       .signature = (int)p->index,
                                       .poe = vs_poe_of(p->context, stamp->token)};
    struct vs_timestamp_report *report;
    VS_TRY(vs_stamp_judge(p->context, stamp->token, &subject, &options, &report, NULL, err));
    use_stamp(p, stamp->kind, report);
    /* An archive time mark proves that the tokens before it existed (5.6.2.3.4). */
    if (stamp->kind == VS_TIMESTAMP_ARCHIVE && report->verdict.indication == VS_PASSED)
        for (size_t k = 0; k < i; k++)
            vs_poe_add(p->context, p->subject->stamps[k].token, report->gen_time);
    return VS_OK;
}

/* From the last to the first: later archive time marks prove the earlier tokens. */
static vs_rc judge_stamps(struct process *p, struct vs_error *err)
{
    struct vs_report *report = p->context->report;
    size_t first = report->n_timestamps;
    for (size_t i = p->subject->n_stamps; i-- > 0;)
        VS_TRY(judge_stamp(p, i, err));
    /* In the report they stand in the order of the signature. */
    for (size_t a = first, b = report->n_timestamps; a + 1 < b; a++) {
        struct vs_timestamp_report other = report->timestamps[a];
        report->timestamps[a] = report->timestamps[--b];
        report->timestamps[b] = other;
    }
    return VS_OK;
}

/* EN 319 102-1, 5.5.4, step 4 d): content, then signature, then archive time marks. */
static void check_order(struct process *p)
{
    if (p->not_before > p->best)
        verdict(p, VS_INDETERMINATE, VS_SUB_TIMESTAMP_ORDER_FAILURE, "EN 319 102-1, 5.5.4",
                "a content time mark is later than a time mark over the signature");
}

/* -- the signing certificate at the best signature time ------------------------------------ */

/* 5.5.4, step 4: what the basic process could not decide for want of a proof. */
static void refine_times(struct process *p)
{
    struct vs_verdict *v = &p->answer.verdict;
    const struct vs_certificate *c = p->subject->signer;
    if (v->sub == VS_SUB_OUT_OF_BOUNDS_NO_POE || v->sub == VS_SUB_OUT_OF_BOUNDS_NOT_REVOKED) {
        if (p->best < c->not_before)
            *v = (struct vs_verdict){VS_FAILED, VS_SUB_NOT_YET_VALID};
        else if (p->not_before > c->not_after)
            *v = (struct vs_verdict){VS_FAILED, VS_SUB_EXPIRED};
    }
    /* 5.3.4, step 4: a content time mark after the revocation proves the order. */
    if (v->sub == VS_SUB_REVOKED_NO_POE && p->answer.revoked_at != VS_TIME_NONE &&
        p->not_before > p->answer.revoked_at)
        *v = (struct vs_verdict){VS_FAILED, VS_SUB_REVOKED};
}

static vs_rc judge_certificate(struct process *p, struct vs_error *err)
{
    struct vs_x509_question q = {
        .certificate = p->subject->signer,
        .at = p->best,
        .fresh_at = p->best,
        .revocation = p->context->policy->revocation_required,
    };
    VS_TRY(vs_x509_judge(p->context, &q, &p->answer, &p->report->errors, &p->report->warnings,
                         err));
    refine_times(p);
    vs_verdict_worsen(&p->report->verdict, p->answer.verdict.indication, p->answer.verdict.sub);
    return VS_OK;
}

/* -- acceptance (5.2.8) -------------------------------------------------------------------- */

static void judge_algorithms(struct process *p)
{
    const struct vs_subject *s = p->subject;
    const char *why = NULL;
    if (s->algorithm.scheme != VS_SCHEME_NONE &&
        !vs_signature_acceptable(s->algorithm, vs_public_key_bits(s->signer->key), p->best,
                                 &why))
        verdict(p, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "TS 119 312",
                why);
    else if (s->weakest_digest != VS_DIGEST_NONE &&
             !vs_digest_acceptable(s->weakest_digest, p->best, &why))
        verdict(p, VS_INDETERMINATE, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE, "TS 119 312",
                why);
}

static void judge_policy(struct process *p)
{
    const struct vs_policy *policy = p->context->policy;
    const struct vs_subject *s = p->subject;
    if (s->level < policy->minimum_level)
        verdict(p, VS_INDETERMINATE, VS_SUB_SIG_CONSTRAINTS_FAILURE, "EN 319 102-1, 5.2.8",
                "the signature's level is below what the policy asks for");
    if (s->claimed_time == VS_TIME_NONE)
        return;
    if (s->claimed_time > p->best + VS_MINUTE_MS * 5)
        vs_reason_add(p->context->arena, &p->report->warnings, "EN 319 102-1, 5.2.8",
                      "the claimed signing time is later than its proof");
    else if (policy->timestamp_delay_ms > 0 &&
             p->best - s->claimed_time > policy->timestamp_delay_ms)
        verdict(p, VS_INDETERMINATE, VS_SUB_SIG_CONSTRAINTS_FAILURE, "EN 319 102-1, 5.5.4",
                "the time mark came too long after the claimed signing time");
}

/* -- all ----------------------------------------------------------------------------------- */

static void fill_report(struct process *p)
{
    const struct vs_subject *s = p->subject;
    struct vs_signature_report *r = p->report;
    r->id = s->id;
    r->file = s->file;
    r->counter_of = s->counter_of;
    r->verdict = s->core;
    r->level = s->level;
    r->level_text = s->level_text;
    r->claimed_time = s->claimed_time;
    r->signed_names = s->signed_names;
    r->n_signed_names = s->n_signed_names;
    r->errors = s->errors;
    r->warnings = s->warnings;
    if (s->algorithm.scheme != VS_SCHEME_NONE)
        r->algorithm = vs_signature_algorithm_name(s->algorithm);
    if (s->signer != NULL) {
        r->certificate = vs_bytes_copy(p->context->arena, s->signer->der);
        r->signed_by = vs_name_attribute(p->context->arena, s->signer->subject, VS_NAME_CN);
    }
}

vs_rc vs_process_signature(struct vs_context *context, const struct vs_subject *subject,
                           struct vs_error *err)
{
    struct process p = {.context = context,
                        .subject = subject,
                        .index = context->report->n_signatures,
                        .best = vs_context_proved(context),
                        .not_before = VS_TIME_NONE};
    if (subject->poe != 0 && subject->poe < p.best)
        p.best = subject->poe;
    VS_REFUSE_IF(p.index >= VS_SIGNATURES_MAX, err, VS_E_LIMIT, NULL, "over %d signatures",
                 VS_SIGNATURES_MAX);
    p.report = vs_context_new_signature(context);
    if (p.report == NULL)
        return vs_fail_memory(err);
    fill_report(&p);
    /* Time marks are judged even where the signature failed: each has a verdict of its own. */
    VS_TRY(judge_stamps(&p, err));
    p.report->best_signature_time = p.best;
    if (p.report->verdict.indication == VS_PASSED) {
        VS_TRY(judge_certificate(&p, err));
        judge_algorithms(&p);
        check_order(&p);
        judge_policy(&p);
    }
    vs_legal_judge(context, subject, p.answer.anchor, p.report);
    return VS_OK;
}
