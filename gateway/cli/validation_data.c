#include "gateway/cli/validation_data.h"
#include "formats/certificate/crl.h"
#include "formats/certificate/ocsp.h"

enum { MOST_CERTIFICATES = 64, MOST_ANSWERS = 64, TIMEOUT_MS = 20000, ANSWER_MAX = 16 << 20 };

struct gather {
    struct vs_cli *cli;
    struct vs_certificate *known[MOST_CERTIFICATES]; /* references of ours */
    size_t n_known;
    const struct vs_certificate *chain[MOST_CERTIFICATES]; /* to be looked after, in order */
    size_t n_chain;
    struct vs_bytes certificates[MOST_CERTIFICATES], ocsp[MOST_ANSWERS], crls[MOST_ANSWERS];
    size_t n_ocsp, n_crls;
};

vs_rc vs_cli_open_network(struct vs_cli *cli)
{
    static const char *const everywhere[] = {"0.0.0.0/0", "::/0", NULL};
    struct vs_outgoing_policy policy = {
        .allowed_ranges = everywhere, .http = true, .user_agent = "vasite"};
    if (cli->outgoing != NULL)
        return VS_OK;
    return vs_outgoing_new(&policy, &cli->outgoing, &cli->err);
}

vs_rc vs_cli_ask(struct vs_cli *cli, const char *url, const char *media_type,
                 struct vs_bytes body, struct vs_bytes *ret)
{
    const char *header = vs_arena_printf(cli->arena, "Content-Type: %s", media_type);
    const char *const headers[] = {header, NULL};
    struct vs_outgoing_request request = {.method = body.len > 0 ? "POST" : "GET",
                                          .url = url,
                                          .headers = body.len > 0 ? headers : NULL,
                                          .body = body,
                                          .timeout_ms = TIMEOUT_MS,
                                          .max_answer_bytes = ANSWER_MAX};
    struct vs_outgoing_answer answer;
    VS_TRY(vs_cli_open_network(cli));
    VS_TRY(vs_outgoing_send(cli->outgoing, cli->arena, &request, &answer, &cli->err));
    if (answer.status != 200)
        return vs_fail(&cli->err, VS_E_NETWORK, NULL, "%s answers with status %d", url,
                       answer.status);
    *ret = answer.body;
    return VS_OK;
}

/* -- certificates -------------------------------------------------------------------------- */

static vs_rc learn(struct gather *g, struct vs_bytes der, const struct vs_certificate **ret)
{
    for (size_t i = 0; i < g->n_known; i++)
        if (vs_bytes_equal(g->known[i]->der, der)) {
            *ret = g->known[i];
            return VS_OK;
        }
    if (g->n_known == MOST_CERTIFICATES)
        return vs_fail(&g->cli->err, VS_E_LIMIT, NULL, "more than %d certificates",
                       MOST_CERTIFICATES);
    VS_TRY(vs_certificate_get(der, &g->known[g->n_known], &g->cli->err));
    *ret = g->known[g->n_known++];
    return VS_OK;
}

static void look_after(struct gather *g, const struct vs_certificate *certificate)
{
    for (size_t i = 0; i < g->n_chain; i++)
        if (g->chain[i] == certificate)
            return;
    if (g->n_chain < MOST_CERTIFICATES)
        g->chain[g->n_chain++] = certificate;
}

static vs_rc issuer_among_known(struct gather *g, const struct vs_certificate *certificate,
                                const struct vs_certificate **ret)
{
    for (size_t i = 0; i < g->n_known; i++) {
        enum vs_signature_verdict verdict;
        if (!vs_name_equal(g->known[i]->subject, certificate->issuer))
            continue;
        VS_TRY(
            vs_certificate_verify_signed_by(certificate, g->known[i], &verdict, &g->cli->err));
        if (verdict == VS_SIGNATURE_VALID) {
            *ret = g->known[i];
            return VS_OK;
        }
    }
    return VS_OK;
}

static vs_rc find_issuer(struct gather *g, const struct vs_certificate *certificate,
                         const struct vs_certificate **ret)
{
    struct vs_cli *cli = g->cli;
    const char *const *urls;
    size_t n;
    *ret = NULL;
    VS_TRY(issuer_among_known(g, certificate, ret));
    if (*ret != NULL)
        return VS_OK;
    VS_TRY(vs_certificate_addresses(cli->arena, certificate, VS_ADDRESS_ISSUERS, &urls, &n,
                                    &cli->err));
    for (size_t i = 0; i < n && *ret == NULL; i++) {
        struct vs_bytes der;
        const struct vs_certificate *fetched;
        if (vs_ok(vs_cli_ask(cli, urls[i], "", VS_BYTES_NONE, &der)) &&
            vs_ok(learn(g, der, &fetched)))
            VS_TRY(issuer_among_known(g, certificate, ret));
    }
    if (*ret == NULL)
        return vs_fail(&cli->err, VS_E_CERTIFICATE, "RFC 5280, 6.1",
                       "the issuer of a certificate of the chain cannot be found");
    return VS_OK;
}

/* -- what issuers say ---------------------------------------------------------------------- */

static vs_rc check_status(struct gather *g, const struct vs_statement *statement)
{
    if (statement->status == VS_STATUS_GOOD)
        return VS_OK;
    return vs_fail(&g->cli->err, VS_E_CERTIFICATE, "Art. 12",
                   statement->status == VS_STATUS_UNKNOWN
                       ? "its issuer does not know a certificate of the chain"
                       : "a certificate of the chain is revoked or suspended");
}

static vs_rc ask_ocsp(struct gather *g, const char *url, const struct vs_certificate *subject,
                      const struct vs_certificate *issuer)
{
    struct vs_cli *cli = g->cli;
    VS_BUFFER request;
    struct vs_bytes der;
    const struct vs_ocsp *ocsp;
    struct vs_statement statement;
    vs_buffer_init(&request, 64 * 1024);
    vs_ocsp_request_encode(subject, issuer, VS_BYTES_NONE, &request);
    VS_TRY(vs_buffer_check(&request, &cli->err));
    VS_TRY(vs_cli_ask(cli, url, "application/ocsp-request", vs_buffer_view(&request), &der));
    VS_TRY(vs_ocsp_decode(cli->arena, der, &ocsp, &cli->err));
    if (ocsp->status != VS_OCSP_SUCCESSFUL || !vs_ocsp_find(ocsp, subject, issuer, &statement))
        return vs_fail(&cli->err, VS_E_REVOCATION_DATA, "RFC 6960, 4.2.1",
                       "the OCSP responder says nothing of a certificate of the chain");
    VS_OCSP_SIGNER signer = {.certificate = NULL};
    VS_TRY(vs_ocsp_verify(ocsp, issuer, NULL, 0, NULL, 0, &signer, &cli->err));
    if (signer.right != VS_OCSP_BY_ISSUER && signer.right != VS_OCSP_BY_DELEGATE)
        return vs_fail(&cli->err, VS_E_REVOCATION_DATA, "RFC 6960, 4.2.2.2",
                       "the OCSP answer: %s",
                       signer.why == NULL ? "not by its issuer's right" : signer.why);
    VS_TRY(check_status(g, &statement));
    if (g->n_ocsp < MOST_ANSWERS)
        g->ocsp[g->n_ocsp++] = der;
    return VS_OK;
}

static vs_rc ask_crl(struct gather *g, const char *url, const struct vs_certificate *subject,
                     const struct vs_certificate *issuer)
{
    struct vs_cli *cli = g->cli;
    struct vs_bytes der;
    const struct vs_crl *crl;
    enum vs_crl_right right;
    struct vs_statement statement;
    VS_TRY(vs_cli_ask(cli, url, "", VS_BYTES_NONE, &der));
    VS_TRY(vs_crl_decode(cli->arena, der, &crl, &cli->err));
    VS_TRY(vs_crl_verify(crl, issuer, &right, &cli->err));
    if (right != VS_CRL_BY_ISSUER || !vs_crl_find(crl, subject, &statement))
        return vs_fail(&cli->err, VS_E_REVOCATION_DATA, "RFC 5280, 6.3",
                       "the revocation list says nothing of a certificate of the chain");
    VS_TRY(check_status(g, &statement));
    for (size_t i = 0; i < g->n_crls; i++)
        if (vs_bytes_equal(g->crls[i], der))
            return VS_OK;
    if (g->n_crls < MOST_ANSWERS)
        g->crls[g->n_crls++] = der;
    return VS_OK;
}

/* The first address that answers; an answer that says no ends it. */
static vs_rc ask_any(struct gather *g, const struct vs_certificate *subject,
                     const struct vs_certificate *issuer, enum vs_address which, bool *ret_done)
{
    const char *const *urls;
    size_t n;
    VS_TRY(vs_certificate_addresses(g->cli->arena, subject, which, &urls, &n, &g->cli->err));
    vs_rc rc = VS_OK;
    for (size_t i = 0; i < n; i++) {
        rc = which == VS_ADDRESS_OCSP ? ask_ocsp(g, urls[i], subject, issuer)
                                      : ask_crl(g, urls[i], subject, issuer);
        if (vs_ok(rc) || rc.code == VS_E_CERTIFICATE) {
            *ret_done = true;
            return rc;
        }
    }
    return rc;
}

static vs_rc gather_one(struct gather *g, const struct vs_certificate *subject)
{
    if (subject->self_issued)
        return VS_OK;
    const struct vs_certificate *issuer;
    VS_TRY(find_issuer(g, subject, &issuer));
    look_after(g, issuer);
    if (subject->ocsp_nocheck)
        return VS_OK;
    bool done = false;
    vs_rc ocsp = ask_any(g, subject, issuer, VS_ADDRESS_OCSP, &done);
    if (done)
        return ocsp;
    vs_rc crl = ask_any(g, subject, issuer, VS_ADDRESS_CRL, &done);
    return done || !vs_ok(crl) ? crl : ocsp;
}

static vs_rc gather_all(struct gather *g, const struct vs_bytes *subjects, size_t n_subjects,
                        const struct vs_bytes *known, size_t n_known)
{
    const struct vs_certificate *certificate;
    for (size_t i = 0; i < n_known; i++)
        VS_TRY(learn(g, known[i], &certificate));
    for (size_t i = 0; i < n_subjects; i++) {
        VS_TRY(learn(g, subjects[i], &certificate));
        look_after(g, certificate);
    }
    for (size_t i = 0; i < g->n_chain; i++) /* grows while it goes up */
        VS_TRY(gather_one(g, g->chain[i]));
    return VS_OK;
}

static vs_rc copy_list(struct vs_arena *arena, const struct vs_bytes *from, size_t n,
                       const struct vs_bytes **ret, struct vs_error *err)
{
    struct vs_bytes *list = vs_arena_make_n(arena, struct vs_bytes, n + 1);
    for (size_t i = 0; list != NULL && i < n; i++)
        list[i] = vs_bytes_copy(arena, from[i]);
    *ret = list;
    return list == NULL || (n > 0 && list[n - 1].ptr == NULL) ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_cli_validation_data(struct vs_cli *cli, const struct vs_bytes *subjects,
                             size_t n_subjects, const struct vs_bytes *known, size_t n_known,
                             struct vs_xades_validation_data *ret)
{
    struct gather *g = vs_arena_make(cli->arena, struct gather);
    if (g == NULL)
        return vs_fail_memory(&cli->err);
    g->cli = cli;
    vs_rc rc = gather_all(g, subjects, n_subjects, known, n_known);
    for (size_t i = 0; i < g->n_chain; i++)
        g->certificates[i] = g->chain[i]->der;
    ret->n_certificates = g->n_chain;
    ret->n_ocsp_responses = g->n_ocsp;
    ret->n_crls = g->n_crls;
    if (vs_ok(rc))
        rc = copy_list(cli->arena, g->certificates, g->n_chain, &ret->certificates, &cli->err);
    if (vs_ok(rc))
        rc = copy_list(cli->arena, g->ocsp, g->n_ocsp, &ret->ocsp_responses, &cli->err);
    if (vs_ok(rc))
        rc = copy_list(cli->arena, g->crls, g->n_crls, &ret->crls, &cli->err);
    for (size_t i = 0; i < g->n_known; i++)
        vs_certificate_unref(g->known[i]);
    return rc;
}
