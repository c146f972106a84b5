#include "formats/certificate/path.h"
#include "formats/certificate/constraints.h"
#include "formats/crypto/counters.h"

/* Whatever is submitted, one build verifies at most so many values and takes so many steps. */
enum { VERIFIES_MAX = 48, STEPS_MAX = 500 };

struct search {
    const struct vs_path_input *input;
    struct vs_path current, best;
    unsigned verifies, steps;
};

const char *vs_path_verdict_text(enum vs_path_verdict verdict)
{
    switch (verdict) {
    case VS_PATH_OK:
        return "ok";
    case VS_PATH_EXPIRED:
        return "expired";
    case VS_PATH_NOT_YET:
        return "not yet in force";
    case VS_PATH_CONSTRAINT:
        return "constraint broken";
    case VS_PATH_NONE:
        break;
    }
    return "no path to a trust anchor";
}

/* -- one finished path --------------------------------------------------------------------- */

static void blame(struct vs_path *path, enum vs_path_verdict verdict, size_t culprit,
                  const char *why, const char *clause)
{
    if (path->verdict != VS_PATH_OK || !vs_check_enabled(VS_E_CERTIFICATE))
        return;
    path->verdict = verdict;
    path->culprit = culprit;
    path->why = why;
    path->clause = clause;
}

/* RFC 5280, 6.1.3 (a)(2), 6.1.4 and 4.2.1.9: from the anchor's side down to the certificate.
 * The anchor is trusted as it is; what it says about paths below it holds all the same. */
static void judge_authorities(struct vs_path *path)
{
    int64_t below = 0; /* intermediate certificates that are not self-issued, under this one */
    for (size_t i = 1; i < path->n; i++) {
        const struct vs_certificate *c = path->certificates[i];
        bool anchor = i + 1 == path->n;
        if (c->version == 3 && c->has_basic_constraints ? !c->is_ca : !anchor)
            blame(path, VS_PATH_CONSTRAINT, i, "an issuer is not a CA", "RFC 5280, 6.1.4 (k)");
        if (c->has_key_usage && !(c->key_usage & VS_KU_KEY_CERT_SIGN))
            blame(path, VS_PATH_CONSTRAINT, i, "an issuer may not sign certificates",
                  "RFC 5280, 6.1.4 (n)");
        if (c->path_length >= 0 && below > c->path_length)
            blame(path, VS_PATH_CONSTRAINT, i, "the path is longer than an issuer allows",
                  "RFC 5280, 6.1.4 (m)");
        below += !c->self_issued;
    }
}

static void judge(struct search *s, struct vs_path *path)
{
    path->verdict = VS_PATH_OK;
    path->why = path->clause = NULL;
    path->culprit = 0;
    if (path->n == 1)
        return; /* the listed certificate itself */
    for (size_t i = 0; i < path->n; i++)
        if (path->certificates[i]->unknown_critical)
            blame(path, VS_PATH_CONSTRAINT, i, "a critical extension is not understood",
                  "RFC 5280, 4.2");
    judge_authorities(path);
    size_t culprit;
    const char *why, *clause;
    if (!vs_constraints_hold(path->certificates, path->n, &culprit, &why, &clause))
        blame(path, VS_PATH_CONSTRAINT, culprit, why, clause);
    /* Last and least: with proof of existence at another moment it may turn out well. */
    for (size_t i = 0; i + 1 < path->n; i++) {
        if (s->input->at < path->certificates[i]->not_before)
            blame(path, VS_PATH_NOT_YET, i, "not yet in force", "RFC 5280, 6.1.3 (a)(2)");
        else if (!vs_certificate_in_force(path->certificates[i], s->input->at))
            blame(path, VS_PATH_EXPIRED, i, "no longer in force", "RFC 5280, 6.1.3 (a)(2)");
    }
}

static void offer(struct search *s)
{
    struct vs_path path = s->current;
    judge(s, &path);
    if (s->best.n == 0 || s->best.verdict == VS_PATH_NONE || path.verdict < s->best.verdict)
        s->best = path;
}

/* The longest chain without an anchor tells where to look for what is missing. */
static void offer_loose(struct search *s)
{
    if (s->best.verdict != VS_PATH_NONE || s->current.n <= s->best.n)
        return;
    s->best = s->current;
    s->best.verdict = VS_PATH_NONE;
    s->best.culprit = s->current.n - 1;
    s->best.why = "its issuer is not at hand or not trusted";
    s->best.clause = "EN 319 102-1, 5.2.6.2";
}

/* -- the search ---------------------------------------------------------------------------- */

static bool in_path(const struct vs_path *path, const struct vs_certificate *c)
{
    for (size_t i = 0; i < path->n; i++) {
        const struct vs_certificate *other = path->certificates[i];
        /* The same name with the same key again would be a loop by another certificate. */
        if (vs_certificate_same(other, c) ||
            (vs_bytes_equal(other->subject, c->subject) &&
             vs_bytes_equal(vs_public_key_spki(other->key), vs_public_key_spki(c->key))))
            return true;
    }
    return false;
}

/* Whether `issuer` may have issued `c`, before any signature is verified. Trusted lists hold
 * thousands of anchors: nearly all leave at the first line, and only the others count as steps.
 */
static bool may_issue(struct search *s, const struct vs_certificate *issuer,
                      const struct vs_certificate *c)
{
    if (c->issuer_hash != issuer->subject_hash || ++s->steps > STEPS_MAX)
        return false;
    if (c->authority_key_id.len > 0 && issuer->subject_key_id.len > 0 &&
        !vs_bytes_equal(c->authority_key_id, issuer->subject_key_id))
        return false;
    return vs_name_equal(c->issuer, issuer->subject);
}

static vs_rc issued_by(struct search *s, const struct vs_certificate *c,
                       const struct vs_certificate *issuer, bool *ret, struct vs_error *err)
{
    *ret = false;
    if (!may_issue(s, issuer, c) || in_path(&s->current, issuer) || s->verifies == VERIFIES_MAX)
        return VS_OK;
    s->verifies++;
    enum vs_signature_verdict verdict;
    VS_TRY(vs_certificate_verify_signed_by(c, issuer, &verdict, err));
    *ret = verdict == VS_SIGNATURE_VALID;
    return VS_OK;
}

static bool enough(const struct search *s)
{
    return (s->best.n > 0 && s->best.verdict == VS_PATH_OK) || s->steps > STEPS_MAX ||
           s->verifies == VERIFIES_MAX;
}

static vs_rc climb(struct search *s, struct vs_error *err);

static vs_rc try_anchors(struct search *s, struct vs_error *err)
{
    const struct vs_certificate *last = s->current.certificates[s->current.n - 1];
    for (size_t i = 0; i < s->input->n_anchors && !enough(s); i++) {
        bool issued;
        VS_TRY(issued_by(s, last, s->input->anchors[i], &issued, err));
        if (!issued)
            continue;
        s->current.certificates[s->current.n++] = s->input->anchors[i];
        s->current.anchor = i;
        offer(s);
        s->current.anchor = SIZE_MAX;
        s->current.n--;
    }
    return VS_OK;
}

static vs_rc try_candidates(struct search *s, struct vs_error *err)
{
    const struct vs_certificate *last = s->current.certificates[s->current.n - 1];
    for (size_t i = 0; i < s->input->n_candidates && !enough(s); i++) {
        bool issued;
        VS_TRY(issued_by(s, last, s->input->candidates[i], &issued, err));
        if (!issued)
            continue;
        s->current.certificates[s->current.n++] = s->input->candidates[i];
        VS_TRY(climb(s, err));
        s->current.n--;
    }
    return VS_OK;
}

/* Depth first, at most VS_PATH_MAX deep. */
static vs_rc climb(struct search *s, struct vs_error *err)
{
    offer_loose(s);
    if (s->current.n == VS_PATH_MAX)
        return VS_OK;
    VS_TRY(try_anchors(s, err));
    return try_candidates(s, err);
}

vs_rc vs_path_build(const struct vs_path_input *input, struct vs_path *ret,
                    struct vs_error *err)
{
    struct search s = {.input = input};
    s.current.certificates[0] = input->certificate;
    s.current.n = 1;
    s.current.anchor = SIZE_MAX;
    s.best.verdict = VS_PATH_NONE;
    s.best.anchor = SIZE_MAX;
    vs_count(VS_COUNT_CHAINS_BUILT, 1);
    for (size_t i = 0; i < input->n_anchors && s.best.n == 0; i++)
        if (vs_certificate_same(input->anchors[i], input->certificate)) {
            s.current.anchor = i;
            offer(&s);
        }
    if (s.best.n == 0)
        VS_TRY(climb(&s, err));
    *ret = s.best;
    return VS_OK;
}

bool vs_path_algorithms_acceptable(const struct vs_path *path, vs_time_ms at,
                                   size_t *ret_culprit, const char **ret_why)
{
    for (size_t i = 0; i + 1 < path->n; i++) {
        unsigned bits = vs_public_key_bits(path->certificates[i + 1]->key);
        if (!vs_signature_acceptable(path->certificates[i]->signature_algorithm, bits, at,
                                     ret_why)) {
            *ret_culprit = i;
            return false;
        }
    }
    return true;
}
