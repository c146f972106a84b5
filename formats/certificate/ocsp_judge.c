/* What an OCSP response says, and whose word it is: the second half of ocsp.h. */
#include "formats/certificate/ocsp.h"
#include "formats/certificate/verified.h"

/* -- what it says -------------------------------------------------------------------------- */

static bool hash_matches(const struct vs_ocsp_single *single, const struct vs_certificate *c)
{
    struct vs_digest digest;
    if (single->cert_hash_algorithm == VS_DIGEST_NONE)
        return false;
    vs_digest_of(single->cert_hash_algorithm, c->der, &digest);
    return vs_bytes_equal(vs_digest_bytes(&digest), single->cert_hash);
}

/* Newer wins; of equally new ones what is worse for the certificate. */
static bool overrides(const struct vs_statement *a, const struct vs_statement *b)
{
    static const int weight[] = {[VS_STATUS_GOOD] = 0,
                                 [VS_STATUS_UNKNOWN] = 1,
                                 [VS_STATUS_ON_HOLD] = 2,
                                 [VS_STATUS_REVOKED] = 3};
    if (a->this_update != b->this_update)
        return a->this_update > b->this_update;
    return weight[a->status] > weight[b->status];
}

bool vs_ocsp_find(const struct vs_ocsp *ocsp, const struct vs_certificate *certificate,
                  const struct vs_certificate *issuer, struct vs_statement *ret)
{
    bool found = false;
    for (size_t i = 0; i < ocsp->n_singles; i++) {
        const struct vs_ocsp_single *single = &ocsp->singles[i];
        if (!vs_cert_id_matches(&single->id, certificate, issuer))
            continue;
        struct vs_statement s = single->statement;
        if (single->cert_hash.len > 0) {
            s.cert_hash_matches = hash_matches(single, certificate);
            /* The responder speaks of another certificate with this number. */
            if (!s.cert_hash_matches && s.status == VS_STATUS_GOOD)
                s.status = VS_STATUS_UNKNOWN;
        }
        if (!found || overrides(&s, ret))
            *ret = s;
        found = true;
    }
    return found;
}

/* -- whose word it is ---------------------------------------------------------------------- */

static bool is_responder(const struct vs_ocsp *ocsp, const struct vs_certificate *c)
{
    if (ocsp->responder_name.len > 0)
        return vs_name_equal(ocsp->responder_name, c->subject);
    struct vs_digest digest;
    vs_digest_of(VS_SHA1, c->key_bits, &digest); /* RFC 6960, 4.2.1: KeyHash is SHA-1 */
    return vs_bytes_equal(vs_digest_bytes(&digest), ocsp->responder_key_hash);
}

struct question {
    const struct vs_ocsp *ocsp;
    const struct vs_certificate *issuer;
    const struct vs_certificate *const *trusted;
    size_t n_trusted;
};

static bool is_trusted(const struct question *q, const struct vs_certificate *c)
{
    for (size_t i = 0; i < q->n_trusted; i++)
        if (vs_certificate_same(q->trusted[i], c))
            return true;
    return false;
}

/* RFC 6960, 4.2.2.2, for a signer whose value verifies. */
static vs_rc find_right(const struct question *q, const struct vs_certificate *c,
                        struct vs_ocsp_signer *ret, struct vs_error *err)
{
    bool same_key =
        vs_bytes_equal(vs_public_key_spki(c->key), vs_public_key_spki(q->issuer->key));
    ret->why = NULL;
    if (same_key && vs_name_equal(c->subject, q->issuer->subject)) {
        ret->right = VS_OCSP_BY_ISSUER;
        return VS_OK;
    }
    if (is_trusted(q, c)) {
        ret->right = VS_OCSP_BY_TRUSTED;
        return VS_OK;
    }
    if (!(c->extended_key_usage & VS_EKU_OCSP_SIGNING) &&
        vs_check_enabled(VS_E_REVOCATION_DATA)) {
        ret->right = VS_OCSP_NO_RIGHT;
        ret->why = "the signer's certificate is not for OCSP signing";
        return VS_OK;
    }
    enum vs_signature_verdict verdict = VS_SIGNATURE_INVALID;
    if (vs_name_equal(c->issuer, q->issuer->subject))
        VS_TRY(vs_certificate_verify_signed_by(c, q->issuer, &verdict, err));
    bool delegate = verdict == VS_SIGNATURE_VALID || !vs_check_enabled(VS_E_REVOCATION_DATA);
    ret->right = delegate ? VS_OCSP_BY_DELEGATE : VS_OCSP_BY_OTHER;
    if (ret->right == VS_OCSP_BY_OTHER)
        ret->why = "the responder's certificate was issued by another authority";
    return VS_OK;
}

/* One candidate; `ret` keeps the best right found so far (the enum is ordered by it). */
static vs_rc try_signer(const struct question *q, const struct vs_certificate *c,
                        struct vs_ocsp_signer *ret, struct vs_error *err)
{
    if (!is_responder(q->ocsp, c))
        return VS_OK;
    const struct vs_signed_object object = {.der = q->ocsp->der,
                                            .tbs = q->ocsp->tbs,
                                            .algorithm = q->ocsp->signature_algorithm,
                                            .signature = q->ocsp->signature};
    enum vs_signature_verdict verdict;
    struct vs_ocsp_signer found = {.right = VS_OCSP_BAD_SIGNATURE,
                                   .why = "the response's signature does not verify"};
    VS_TRY(vs_verified(&object, c, &verdict, err));
    if (verdict == VS_SIGNATURE_VALID)
        VS_TRY(find_right(q, c, &found, err));
    if (found.right >= ret->right)
        return VS_OK;
    vs_certificate_unref(ret->certificate);
    found.certificate = vs_certificate_ref((struct vs_certificate *)c);
    *ret = found;
    return VS_OK;
}

static bool settled(const struct vs_ocsp_signer *s)
{
    return s->right <= VS_OCSP_BY_TRUSTED;
}

static vs_rc try_enclosed(const struct question *q, struct vs_ocsp_signer *ret,
                          struct vs_error *err)
{
    for (size_t i = 0; i < q->ocsp->n_certificates && !settled(ret); i++) {
        VS_CERTIFICATE *c = NULL;
        vs_rc rc = vs_certificate_get(q->ocsp->certificates[i], &c, err);
        if (rc.code == VS_E_NOMEM)
            return rc;
        if (vs_ok(rc))
            VS_TRY(try_signer(q, c, ret, err));
    }
    return VS_OK;
}

static vs_rc try_all(const struct question *q, const struct vs_certificate *const *others,
                     size_t n_others, struct vs_ocsp_signer *ret, struct vs_error *err)
{
    VS_TRY(try_enclosed(q, ret, err));
    if (!settled(ret))
        VS_TRY(try_signer(q, q->issuer, ret, err));
    for (size_t i = 0; i < q->n_trusted && !settled(ret); i++)
        VS_TRY(try_signer(q, q->trusted[i], ret, err));
    for (size_t i = 0; i < n_others && !settled(ret); i++)
        VS_TRY(try_signer(q, others[i], ret, err));
    return VS_OK;
}

vs_rc vs_ocsp_verify(const struct vs_ocsp *ocsp, const struct vs_certificate *issuer,
                     const struct vs_certificate *const *trusted, size_t n_trusted,
                     const struct vs_certificate *const *others, size_t n_others,
                     struct vs_ocsp_signer *ret, struct vs_error *err)
{
    const struct question q = {ocsp, issuer, trusted, n_trusted};
    struct vs_ocsp_signer best = {.right = VS_OCSP_NO_SIGNER,
                                  .why = "the responder's certificate is not at hand"};
    if (ocsp->status == VS_OCSP_SUCCESSFUL) {
        vs_rc rc = try_all(&q, others, n_others, &best, err);
        if (!vs_ok(rc)) {
            vs_certificate_unref(best.certificate);
            return rc;
        }
    }
    *ret = best;
    return VS_OK;
}
