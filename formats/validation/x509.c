#include "formats/validation/x509.h"

struct judge {
    struct vs_context *context;
    const struct vs_x509_question *q;
    struct vs_x509_answer *a;
    struct vs_reasons *errors, *warnings;
    struct vs_path path;
};

static const char *name_of(struct judge *j, const struct vs_certificate *certificate)
{
    const char *name = vs_name_attribute(j->context->arena, certificate->subject, VS_NAME_CN);
    return name != NULL ? name : "(no common name)";
}

static void fail(struct judge *j, enum vs_sub_indication sub)
{
    vs_verdict_worsen(&j->a->verdict, VS_INDETERMINATE, sub);
}

/* Only a CA of which nothing is known leaves a need: for its issuer's certificate. */
static void no_path(struct judge *j)
{
    fail(j, VS_SUB_NO_CERTIFICATE_CHAIN_FOUND);
    const struct vs_certificate *last =
        j->path.n > 0 ? j->path.certificates[j->path.n - 1] : j->q->certificate;
    vs_reason_add(j->context->arena, j->errors, "EN 319 102-1, 5.2.6",
                  "no path from \"%s\" to a trust anchor", name_of(j, last));
    if (!last->self_issued)
        vs_context_need_issuer(j->context, last);
}

static void judge_path(struct judge *j)
{
    struct vs_path *p = &j->path;
    const struct vs_certificate *culprit =
        p->culprit < p->n ? p->certificates[p->culprit] : NULL;
    switch (p->verdict) {
    case VS_PATH_OK:
        break;
    case VS_PATH_EXPIRED:
    case VS_PATH_NOT_YET:
        fail(j, VS_SUB_OUT_OF_BOUNDS_NO_POE);
        vs_reason_add(j->context->arena, j->errors, "EN 319 102-1, 5.2.6",
                      "the certificate of \"%s\" %s at the time that counts",
                      culprit == NULL ? "" : name_of(j, culprit),
                      p->verdict == VS_PATH_EXPIRED ? "was no longer in force"
                                                    : "was not yet in force");
        break;
    case VS_PATH_CONSTRAINT:
        fail(j, VS_SUB_CERTIFICATE_CHAIN_GENERAL_FAILURE);
        vs_reason_add(j->context->arena, j->errors,
                      p->clause != NULL ? p->clause : "RFC 5280, 6.1", "%s: %s",
                      culprit == NULL ? "" : name_of(j, culprit),
                      p->why != NULL ? p->why : "a rule of the path is broken");
        break;
    case VS_PATH_NONE:
        no_path(j);
        break;
    }
}

/* A listed service that was withdrawn at the time that counts is no anchor then. */
static void judge_anchor(struct judge *j)
{
    const struct vs_trust *trust = j->context->input->trust;
    if (j->path.anchor == SIZE_MAX || trust == NULL)
        return;
    j->a->anchor = vs_trust_anchor(trust, j->path.anchor);
    if (j->a->anchor != NULL && !vs_anchor_trusted_at(j->a->anchor, j->q->fresh_at)) {
        fail(j, VS_SUB_NO_CERTIFICATE_CHAIN_FOUND);
        vs_reason_add(j->context->arena, j->errors, "TS 119 612, 5.5.4",
                      "the service \"%s\" was not granted at the time that counts",
                      name_of(j, j->a->anchor->certificate));
    }
}

/* Art. 12.9: used outside the relations written in it. */
static void judge_usage(struct judge *j)
{
    const struct vs_certificate *c = j->q->certificate;
    uint32_t wanted = VS_KU_DIGITAL_SIGNATURE | VS_KU_NON_REPUDIATION;
    if (j->q->time_mark || !c->has_key_usage || (c->key_usage & wanted) != 0)
        return;
    fail(j, VS_SUB_CHAIN_CONSTRAINTS_FAILURE);
    vs_reason_add(j->context->arena, j->errors, "RFC 5280, 4.2.1.3",
                  "the key usage of \"%s\" does not allow signing", name_of(j, c));
}

static void judge_algorithms(struct judge *j)
{
    size_t culprit;
    const char *why;
    if (vs_path_algorithms_acceptable(&j->path, j->q->at, &culprit, &why))
        return;
    fail(j, VS_SUB_CRYPTO_CONSTRAINTS_FAILURE_NO_POE);
    vs_reason_add(j->context->arena, j->errors, "TS 119 312", "the certificate of \"%s\": %s",
                  name_of(j, j->path.certificates[culprit]), why);
}

static void revoked(struct judge *j, size_t i, const struct vs_statement *statement)
{
    char moment[VS_TIME_TEXT];
    vs_time_text(statement->revoked_at, moment);
    if (i == 0)
        j->a->revoked_at = statement->revoked_at;
    fail(j, i == 0 ? VS_SUB_REVOKED_NO_POE : VS_SUB_REVOKED_CA_NO_POE);
    vs_reason_add(j->context->arena, j->errors, "EN 319 102-1, 5.2.6",
                  "the certificate of \"%s\" was %s at %s (%s)",
                  name_of(j, j->path.certificates[i]),
                  statement->status == VS_STATUS_ON_HOLD ? "suspended" : "revoked", moment,
                  vs_revocation_reason_text(statement->reason));
}

static vs_rc judge_status(struct judge *j, size_t i, struct vs_error *err)
{
    const struct vs_certificate *c = j->path.certificates[i];
    const struct vs_certificate *issuer = j->path.certificates[i + 1];
    enum vs_status_result result;
    struct vs_statement statement;
    const char *why = NULL;
    VS_TRY(vs_status_of(j->context, c, issuer, j->q->fresh_at, &result, &statement, &why, err));
    if (result != VS_STATUS_NOT_FOUND && vs_statement_revoked_at(&statement, j->q->at)) {
        revoked(j, i, &statement);
        return VS_OK;
    }
    if (result == VS_STATUS_FOUND) {
        j->a->known_good |= i == 0;
        return VS_OK;
    }
    vs_context_need_status(j->context, c, issuer, j->q->fresh_at);
    struct vs_reasons *to = j->q->revocation ? j->errors : j->warnings;
    vs_reason_add(j->context->arena, to, "EN 319 102-1, 5.2.5",
                  "%s for the certificate of \"%s\"%s%s",
                  result == VS_STATUS_STALE ? "no fresh revocation data" : "no revocation data",
                  name_of(j, c), why != NULL ? ": " : "", why != NULL ? why : "");
    if (j->q->revocation)
        fail(j, VS_SUB_TRY_LATER);
    return VS_OK;
}

static vs_rc judge_revocation(struct judge *j, struct vs_error *err)
{
    for (size_t i = 0; i + 1 < j->path.n; i++)
        VS_TRY(judge_status(j, i, err));
    return VS_OK;
}

/* Out of its validity, but known as not revoked: the standard has a word of its own. */
static void refine_out_of_bounds(struct judge *j)
{
    if (j->a->verdict.sub == VS_SUB_OUT_OF_BOUNDS_NO_POE && j->a->known_good &&
        j->path.culprit == 0)
        j->a->verdict.sub = VS_SUB_OUT_OF_BOUNDS_NOT_REVOKED;
}

vs_rc vs_x509_judge(struct vs_context *context, const struct vs_x509_question *question,
                    struct vs_x509_answer *ret, struct vs_reasons *errors,
                    struct vs_reasons *warnings, struct vs_error *err)
{
    struct judge j = {
        .context = context, .q = question, .a = ret, .errors = errors, .warnings = warnings};
    const struct vs_trust *trust = context->input->trust;
    *ret = (struct vs_x509_answer){.verdict = {VS_PASSED, VS_SUB_NONE},
                                   .revoked_at = VS_TIME_NONE};
    struct vs_path_input input = {
        .certificate = question->certificate,
        .anchors = trust == NULL ? NULL : vs_trust_certificates(trust),
        .n_anchors = trust == NULL ? 0 : vs_trust_count(trust),
        .candidates = context->certificates,
        .n_candidates = context->n_certificates,
        .at = question->at,
    };
    VS_TRY(vs_path_build(&input, &j.path, err));
    if (j.path.n > 1)
        ret->issuer = j.path.certificates[1];
    judge_anchor(&j);
    judge_path(&j);
    if (j.path.anchor == SIZE_MAX)
        return VS_OK;
    judge_usage(&j);
    VS_TRY(judge_revocation(&j, err));
    refine_out_of_bounds(&j);
    judge_algorithms(&j);
    return VS_OK;
}
