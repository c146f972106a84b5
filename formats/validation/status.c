#include "formats/validation/x509.h"

/* What was found so far about one certificate. */
struct search {
    struct vs_context *context;
    const struct vs_certificate *certificate, *issuer;
    vs_time_ms fresh_at;
    bool found, fresh;
    unsigned asked;
    struct vs_statement best;
    const char *why;
};

/* A fresh statement beats a stale one; of the same kind the newer one speaks (a suspension that
 * was lifted is told by the later answer). */
static void consider(struct search *s, const struct vs_statement *statement)
{
    const struct vs_context *c = s->context;
    if (statement->status == VS_STATUS_UNKNOWN) {
        s->why = "the responder does not know the certificate";
        return;
    }
    if (statement->this_update > c->input->at) {
        s->why = "the revocation data is from the future";
        return;
    }
    if (!vs_statement_covers(statement, s->certificate)) {
        s->why = "the revocation data does not speak of certificates that had expired";
        return;
    }
    bool fresh =
        vs_statement_fresh(statement, s->fresh_at, c->input->at, c->policy->freshness_ms);
    if (s->found && (s->fresh > fresh ||
                     (s->fresh == fresh && s->best.this_update >= statement->this_update)))
        return;
    s->found = true;
    s->fresh = fresh;
    s->best = *statement;
}

/* A responder that is itself listed needs no validity check; any other must have been in force
 * when it spoke (RFC 6960, 4.2.2.2; EN 319 102-1, 5.2.6.4). Whether a delegate without
 * ocsp-nocheck was revoked itself is left to local policy by RFC 6960, 4.2.2.2.1: not asked. */
static bool responder_may_speak(struct search *s, const struct vs_ocsp *ocsp,
                                const struct vs_ocsp_signer *signer)
{
    const struct vs_trust *trust = s->context->input->trust;
    bool listed = trust != NULL && signer->certificate != NULL &&
                  vs_trust_find(trust, signer->certificate) != NULL;
    switch (signer->right) {
    case VS_OCSP_BY_TRUSTED:
        return true;
    case VS_OCSP_BY_ISSUER:
        return true; /* the issuer's own validity is the path's matter */
    case VS_OCSP_BY_DELEGATE:
        if (listed || vs_certificate_in_force(signer->certificate, ocsp->produced_at))
            return true;
        s->why = "the OCSP responder's certificate was not in force when it answered";
        return false;
    default:
        s->why = signer->why != NULL ? signer->why : "the OCSP responder may not speak";
        return false;
    }
}

static vs_rc ask_ocsp(struct search *s, const struct vs_ocsp *ocsp, struct vs_error *err)
{
    struct vs_context *c = s->context;
    struct vs_statement statement;
    if (!vs_ocsp_find(ocsp, s->certificate, s->issuer, &statement))
        return VS_OK;
    /* A stale answer cannot improve on what is known: spare its verification. */
    if ((s->found && s->fresh && statement.this_update <= s->best.this_update) ||
        s->asked == VS_ANSWERS_MAX)
        return VS_OK;
    s->asked++;
    VS_OCSP_SIGNER signer = {0};
    const struct vs_certificate *const *trusted =
        c->input->trust == NULL ? NULL : vs_trust_certificates(c->input->trust);
    size_t n = c->input->trust == NULL ? 0 : vs_trust_count(c->input->trust);
    VS_TRY(vs_ocsp_verify(ocsp, s->issuer, trusted, n, c->certificates, c->n_certificates,
                          &signer, err));
    if (responder_may_speak(s, ocsp, &signer))
        consider(s, &statement);
    return VS_OK;
}

static vs_rc ask_crl(struct search *s, const struct vs_crl *crl, struct vs_error *err)
{
    struct vs_statement statement;
    if (!vs_crl_find(crl, s->certificate, &statement) || s->asked == VS_ANSWERS_MAX)
        return VS_OK;
    s->asked++;
    enum vs_crl_right right;
    VS_TRY(vs_crl_verify(crl, s->issuer, &right, err));
    if (right == VS_CRL_BY_ISSUER)
        consider(s, &statement);
    else
        s->why = "the CRL is not signed by the certificate's issuer";
    return VS_OK;
}

vs_rc vs_status_of(struct vs_context *context, const struct vs_certificate *certificate,
                   const struct vs_certificate *issuer, vs_time_ms fresh_at,
                   enum vs_status_result *ret, struct vs_statement *ret_statement,
                   const char **ret_why, struct vs_error *err)
{
    struct search s = {
        .context = context, .certificate = certificate, .issuer = issuer, .fresh_at = fresh_at};
    vs_context_look_up(context, certificate, issuer);
    for (size_t i = 0; i < context->n_ocsp; i++)
        VS_TRY(ask_ocsp(&s, context->ocsp[i], err));
    for (size_t i = 0; i < context->n_crls; i++)
        VS_TRY(ask_crl(&s, context->crls[i], err));
    *ret = !s.found ? VS_STATUS_NOT_FOUND : s.fresh ? VS_STATUS_FOUND : VS_STATUS_STALE;
    *ret_statement = s.best;
    *ret_why = s.why;
    return VS_OK;
}
