#include "relay/verification.h"
#include "formats/certificate/crl.h"
#include "formats/certificate/ocsp.h"
#include "formats/trustlist/trust.h"
#include "relay/centre/centre.h"
#include "relay/outgoing.h"
#include "relay/trust/anchors.h"
#include "relay/trust/status_cache.h"
#include <stdatomic.h>

enum { CACHE_ENTRIES = 4096, MAX_ROUNDS = 2, MAX_NEEDS = 16 };
#define GATHER_MS  ((int64_t)10000) /* of all requests for one document */
#define REQUEST_MS 5000U
#define CRL_BYTES  ((uint64_t)16 * 1024 * 1024)
#define OCSP_BYTES ((uint64_t)VS_OCSP_MAX_BYTES)
/* An answer without nextUpdate says that newer information is always there (RFC 6960, 4.2.2.1):
 * it is kept only so that a burst of documents does not become a burst of questions. */
#define KEEP_WITHOUT_END_MS VS_MINUTE_MS

struct vs_verification {
    struct vs_relay *relay;
    struct vs_trust *trust;
    struct vs_status_cache *cache;
    bool fetch;
    struct vs_revocation_lookup lookup;
    atomic_uint_fast64_t fetched, failed;
};

/* -- what is at hand (no network) ---------------------------------------------------------- */

/* The embedded centre's newest list is made anew at each change of state, so that a suspension
 * counts from the moment it was entered (centre rule 2). */
static const char *embedded_authority(const struct vs_verification *v, struct vs_bytes issuer)
{
    struct vs_centre *centre = vs_relay_centre(v->relay);
    if (centre == NULL)
        return NULL;
    if (vs_bytes_equal(issuer, vs_centre_authority(centre)->der))
        return "issuing";
    return vs_bytes_equal(issuer, vs_centre_root(centre)->der) ? "root" : NULL;
}

static void url_key(const char *url, uint8_t key[32])
{
    vs_sha256(vs_bytes_text(url), key);
}

static void find_cached(struct vs_verification *v, struct vs_arena *arena,
                        struct vs_bytes certificate, struct vs_bytes *ocsp, size_t *n_ocsp,
                        struct vs_bytes *crls, size_t *n_crls, size_t room)
{
    VS_CERTIFICATE *c = NULL;
    vs_time_ms now = vs_relay_now(v->relay);
    const char *const *urls;
    size_t n;
    if (!vs_ok(vs_certificate_get(certificate, &c, NULL)))
        return;
    struct vs_bytes found = vs_status_cache_get(v->cache, arena, c->sha256, now);
    if (found.ptr != NULL && *n_ocsp < room)
        ocsp[(*n_ocsp)++] = found;
    if (!vs_ok(vs_certificate_addresses(arena, c, VS_ADDRESS_CRL, &urls, &n, NULL)))
        return;
    for (size_t i = 0; i < n && *n_crls < room; i++) {
        uint8_t key[32];
        url_key(urls[i], key);
        found = vs_status_cache_get(v->cache, arena, key, now);
        if (found.ptr != NULL)
            crls[(*n_crls)++] = found;
    }
}

static void find(void *context, struct vs_arena *arena, struct vs_bytes certificate,
                 struct vs_bytes issuer, struct vs_bytes *ocsp, size_t *n_ocsp,
                 struct vs_bytes *crls, size_t *n_crls, size_t room)
{
    struct vs_verification *v = context;
    const char *authority = embedded_authority(v, issuer);
    struct vs_bytes crl;
    if (authority == NULL) {
        find_cached(v, arena, certificate, ocsp, n_ocsp, crls, n_crls, room);
        return;
    }
    if (vs_ok(vs_centre_crl(vs_relay_centre(v->relay), arena, authority, vs_relay_now(v->relay),
                            &crl, NULL)) &&
        *n_crls < room)
        crls[(*n_crls)++] = crl;
}

/* -- what must be fetched ------------------------------------------------------------------ */

struct gathering {
    struct vs_verification *v;
    struct vs_arena *arena;
    int64_t deadline; /* monotonic */
};

static vs_time_ms keep_until(struct gathering *g, vs_time_ms next_update)
{
    vs_time_ms now = vs_relay_now(g->v->relay);
    return next_update != VS_TIME_NONE ? next_update : now + KEEP_WITHOUT_END_MS;
}

static vs_rc ask(struct gathering *g, const struct vs_outgoing_request *request,
                 struct vs_outgoing_answer *ret, struct vs_error *err)
{
    const struct vs_seams *seams = vs_relay_seams(g->v->relay);
    VS_TRY(seams->outgoing(seams->context, g->arena, request, ret, err));
    if (ret->status != 200)
        return vs_fail(err, VS_E_NETWORK, NULL, "answered with status %d", ret->status);
    return VS_OK;
}

static vs_rc fetch_ocsp(struct gathering *g, const struct vs_need *need, struct vs_error *err)
{
    static const char *const headers[] = {"Content-Type: application/ocsp-request", NULL};
    VS_CERTIFICATE *certificate = NULL;
    VS_CERTIFICATE *issuer = NULL;
    const struct vs_ocsp *response;
    struct vs_outgoing_answer answer;
    struct vs_statement statement;
    VS_TRY(vs_certificate_get(need->certificate, &certificate, err));
    VS_TRY(vs_certificate_get(need->issuer, &issuer, err));
    VS_BUFFER request;
    vs_buffer_init(&request, 4096);
    vs_ocsp_request_encode(certificate, issuer, VS_BYTES_NONE, &request);
    VS_TRY(vs_buffer_check(&request, err));
    struct vs_outgoing_request out = {.method = "POST",
                                      .url = need->url,
                                      .headers = headers,
                                      .body = vs_buffer_view(&request),
                                      .timeout_ms = REQUEST_MS,
                                      .max_answer_bytes = OCSP_BYTES};
    VS_TRY(ask(g, &out, &answer, err));
    VS_TRY(vs_ocsp_decode(g->arena, answer.body, &response, err));
    if (response->status != 0 || !vs_ocsp_find(response, certificate, issuer, &statement))
        return vs_fail(err, VS_E_REVOCATION_DATA, "RFC 6960, 3.2", "answers another question");
    vs_status_cache_put(g->v->cache, certificate->sha256, answer.body,
                        keep_until(g, statement.next_update));
    return VS_OK;
}

static vs_rc fetch_crl(struct gathering *g, const struct vs_need *need, struct vs_error *err)
{
    const struct vs_crl *crl;
    struct vs_outgoing_answer answer;
    uint8_t key[32];
    struct vs_outgoing_request out = {.method = "GET",
                                      .url = need->url,
                                      .timeout_ms = REQUEST_MS,
                                      .max_answer_bytes = CRL_BYTES};
    VS_TRY(ask(g, &out, &answer, err));
    VS_TRY(vs_crl_decode(g->arena, answer.body, &crl, err));
    url_key(need->url, key);
    vs_status_cache_put(g->v->cache, key, answer.body, keep_until(g, crl->next_update));
    return VS_OK;
}

/* A second address of one certificate is only asked where the first did not answer. */
static bool answered(const struct vs_need *needs, const bool *done, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (done[k] && vs_bytes_equal(needs[k].certificate, needs[i].certificate))
            return true;
    return false;
}

/* What was fetched lies in the cache then, where the next validation's lookup finds it.
 * NOT DONE: AIA of issuers (design.md: only to configured hosts): such needs stay open. */
static bool gather(struct gathering *g, const struct vs_report *report)
{
    bool done[MAX_NEEDS] = {false}, any = false;
    const struct vs_seams *seams = vs_relay_seams(g->v->relay);
    size_t n = report->n_needs < MAX_NEEDS ? report->n_needs : MAX_NEEDS;
    for (size_t i = 0; i < n; i++) {
        const struct vs_need *need = &report->needs[i];
        struct vs_error ignored;
        if (!need->anchored || need->kind == VS_NEED_ISSUER || answered(report->needs, done, i))
            continue;
        if (seams->monotonic_ms(seams->context) >= g->deadline)
            break;
        vs_rc rc = need->kind == VS_NEED_OCSP ? fetch_ocsp(g, need, &ignored)
                                              : fetch_crl(g, need, &ignored);
        done[i] = vs_ok(rc);
        any |= done[i];
        atomic_fetch_add(done[i] ? &g->v->fetched : &g->v->failed, 1);
    }
    return any;
}

/* -- the verdict --------------------------------------------------------------------------- */

vs_rc vs_verify(struct vs_relay *relay, struct vs_arena *arena,
                const struct vs_validation_input *input, const struct vs_report **ret,
                struct vs_error *err)
{
    struct vs_verification *v = vs_relay_verification(relay);
    const struct vs_seams *seams = vs_relay_seams(relay);
    struct vs_validation_input own = *input;
    if (own.trust == NULL)
        own.trust = v->trust;
    if (own.lookup == NULL)
        own.lookup = &v->lookup;
    VS_TRY(vs_validate(arena, &own, ret, err));
    if (!v->fetch || (*ret)->n_needs == 0 || (*ret)->verdict.indication == VS_FAILED)
        return VS_OK;
    struct gathering g = {v, arena, seams->monotonic_ms(seams->context) + GATHER_MS};
    for (int round = 0; round < MAX_ROUNDS && (*ret)->n_needs > 0 && gather(&g, *ret); round++)
        VS_TRY(vs_validate(arena, &own, ret, err));
    return VS_OK;
}

/* -- life ---------------------------------------------------------------------------------- */

static vs_rc add_embedded(struct vs_verification *v, struct vs_error *err)
{
    struct vs_centre *centre = vs_relay_centre(v->relay);
    if (centre == NULL)
        return VS_OK;
    return vs_trust_add_pem(v->trust, vs_centre_root(centre)->der, false, err);
}

vs_rc vs_verification_open(struct vs_relay *relay, struct vs_verification **ret,
                           struct vs_error *err)
{
    struct vs_verification *v = vs_heap_new(sizeof *v);
    v->relay = relay;
    v->trust = vs_trust_new();
    v->cache = vs_status_cache_new(CACHE_ENTRIES);
    v->fetch = vs_relay_seams(relay)->outgoing != NULL;
    v->lookup = (struct vs_revocation_lookup){v, find};
    atomic_init(&v->fetched, 0);
    atomic_init(&v->failed, 0);
    vs_rc rc = add_embedded(v, err);
    if (vs_ok(rc))
        rc = vs_trust_load(v->trust, vs_relay_settings_of(relay), err);
    if (!vs_ok(rc)) {
        vs_verification_close(v);
        return rc;
    }
    *ret = v;
    return VS_OK;
}

vs_time_ms vs_verification_lists_until(const struct vs_verification *verification)
{
    return vs_trust_lists_until(verification->trust);
}

void vs_verification_close(struct vs_verification *verification)
{
    if (verification == NULL)
        return;
    vs_trust_unref(verification->trust);
    vs_status_cache_free(verification->cache);
    vs_heap_free(verification);
}
