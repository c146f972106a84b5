#include "relay/seal/authority.h"
#include "formats/certificate/path.h"
#include "formats/crypto/der.h"
#include "formats/timestamp/request.h"
#include "formats/trustlist/trust.h"
#include "relay/outgoing.h"
#include "relay/seams.h"
#include <pthread.h>

enum {
    DEFAULT_TIMEOUT_MS = 5000,
    DEFAULT_TOLERANCE_MS = 60000,
    FIRST_REST_MS = 1000,
    LONGEST_REST_MS = 5 * 60 * 1000,
    NONCE_BYTES = 16,
    RESPONSE_MAX = VS_TIMESTAMP_MAX_BYTES + 1024,
};

/* An outside authority and how it fares; the lock of vs_authority guards the last two. */
struct outside {
    char *url;
    int64_t rest_until_ms; /* monotonic */
    int64_t rest_ms;       /* the next rest; 0 while it answers */
};

struct vs_authority {
    struct vs_authority_settings settings;
    char *policy;
    struct outside *outside;
    size_t n_outside;
    pthread_mutex_t lock;
};

struct vs_authority *vs_authority_new(const struct vs_authority_settings *settings)
{
    struct vs_authority *self = vs_heap_new(sizeof *self);
    self->settings = *settings;
    if (self->settings.timeout_ms <= 0)
        self->settings.timeout_ms = DEFAULT_TIMEOUT_MS;
    if (self->settings.tolerance_ms <= 0)
        self->settings.tolerance_ms = DEFAULT_TOLERANCE_MS;
    if (settings->policy != NULL)
        self->policy = vs_heap_strdup(settings->policy);
    if (settings->n_urls > 0)
        self->outside = vs_heap_array(settings->n_urls, sizeof *self->outside);
    for (size_t i = 0; i < settings->n_urls; i++)
        self->outside[i].url = vs_heap_strdup(settings->urls[i]);
    self->n_outside = settings->n_urls;
    if (settings->trust != NULL)
        self->settings.trust = vs_trust_ref(settings->trust);
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

void vs_authority_free(struct vs_authority *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->n_outside; i++)
        vs_heap_free(self->outside[i].url);
    vs_trust_unref(self->settings.trust);
    vs_heap_free(self->outside);
    vs_heap_free(self->policy);
    pthread_mutex_destroy(&self->lock);
    vs_heap_free(self);
}

/* -- one question -------------------------------------------------------------------------- */

struct question {
    struct vs_timestamp_request request;
    struct vs_bytes der;
};

static vs_rc make_question(const struct vs_authority *self, const struct vs_digest *imprint,
                           struct vs_arena *arena, struct question *ret, struct vs_error *err)
{
    uint8_t *nonce = vs_arena_alloc(arena, NONCE_BYTES);
    if (nonce == NULL)
        return vs_fail_memory(err);
    self->settings.seams->random(self->settings.seams->context, nonce, NONCE_BYTES);
    nonce[0] = (uint8_t)((nonce[0] & 0x3F) | 0x40); /* positive, and no leading zero octet */
    ret->request = (struct vs_timestamp_request){
        .imprint = *imprint, .nonce = VS_BYTES(nonce, NONCE_BYTES), .cert_req = true};
    if (self->policy != NULL)
        ret->request.policy = vs_oid_from_text(arena, self->policy);
    VS_BUFFER der;
    vs_buffer_init(&der, 4096);
    vs_timestamp_request_encode(&ret->request, &der);
    return vs_buffer_copy(&der, arena, &ret->der, err);
}

/* Anybody could answer in an authority's place over plain HTTP; only one that chains to an
 * anchor of ours is believed. `others` are the token's certificates. */
static vs_rc check_chain(const struct vs_authority *self, const struct vs_certificate *signer,
                         struct vs_certificate *const *others, size_t n_others, vs_time_ms at,
                         struct vs_error *err)
{
    const struct vs_trust *trust = self->settings.trust;
    struct vs_path_input input = {.certificate = signer,
                                  .candidates = (const struct vs_certificate *const *)others,
                                  .n_candidates = n_others,
                                  .at = at};
    if (trust != NULL) {
        input.anchors = vs_trust_certificates(trust);
        input.n_anchors = vs_trust_count(trust);
    }
    struct vs_path path;
    VS_TRY(vs_path_build(&input, &path, err));
    bool trusted = path.verdict == VS_PATH_OK && path.anchor != SIZE_MAX &&
                   vs_anchor_trusted_at(vs_trust_anchor(trust, path.anchor), at);
    VS_REFUSE_IF(!trusted, err, VS_E_TIMESTAMP, "RFC 3161, 2.2",
                 "the authority's certificate does not chain to what is trusted: %s",
                 path.verdict == VS_PATH_OK ? "no anchor" : vs_path_verdict_text(path.verdict));
    return VS_OK;
}

static vs_rc check_trust(const struct vs_authority *self, const struct vs_timestamp *token,
                         const struct vs_certificate *signer, struct vs_error *err)
{
    struct vs_certificate *others[VS_TIMESTAMP_MAX_CERTIFICATES];
    size_t n = 0;
    struct vs_error unreadable; /* such a one helps no path */
    for (size_t i = 0; i < token->n_certificates && n < VS_TIMESTAMP_MAX_CERTIFICATES; i++)
        if (vs_ok(vs_certificate_get(token->certificates[i], &others[n], &unreadable)))
            n++;
    vs_rc rc = check_chain(self, signer, others, n, token->gen_time, err);
    while (n > 0)
        vs_certificate_unref(others[--n]);
    return rc;
}

/* RFC 3161, 2.2: the requester verifies signer, usage and value, and compares the times. */
static vs_rc check_outside(const struct vs_authority *self, const struct vs_timestamp *token,
                           struct vs_error *err)
{
    const struct vs_seams *seams = self->settings.seams;
    VS_CERTIFICATE *signer = NULL;
    VS_TRY(vs_timestamp_signer(token, NULL, 0, &signer, err));
    VS_REFUSE_IF(signer == NULL, err, VS_E_TIMESTAMP, "RFC 3161, 2.4.1",
                 "the token does not hold its signer's certificate");
    enum vs_timestamp_verdict verdict;
    const char *why = NULL;
    VS_TRY(vs_timestamp_verify(token, signer, &verdict, &why, err));
    VS_REFUSE_IF(verdict != VS_TIMESTAMP_OK, err, VS_E_TIMESTAMP, "RFC 3161, 2.2",
                 "the token does not verify: %s", why);
    VS_TRY(check_trust(self, token, signer, err));
    vs_time_ms now = seams->now_ms(seams->context);
    vs_time_ms apart = token->gen_time > now ? token->gen_time - now : now - token->gen_time;
    VS_REFUSE_IF(apart > self->settings.tolerance_ms + token->accuracy_ms, err, VS_E_TIMESTAMP,
                 "RFC 3161, 2.2", "genTime is %lld ms away from our clock", (long long)apart);
    return VS_OK;
}

static vs_rc take_answer(const struct vs_authority *self, const struct question *question,
                         struct vs_bytes response, bool embedded, struct vs_arena *arena,
                         struct vs_mark *ret, struct vs_error *err)
{
    struct vs_timestamp_response decoded;
    const struct vs_timestamp *token;
    VS_TRY(vs_timestamp_response_decode(response, &decoded, err));
    VS_TRY(vs_timestamp_response_match(arena, &decoded, &question->request, &token, err));
    /* The embedded authority's value was made by our own key a moment ago. */
    if (!embedded)
        VS_TRY(check_outside(self, token, err));
    int64_t unstated = token->gen_time_whole_seconds ? VS_SECOND_MS : 0;
    *ret = (struct vs_mark){
        .token = token->der,
        .time_ms = token->gen_time,
        .accuracy_ms = token->accuracy_stated ? token->accuracy_ms : unstated,
        .embedded = embedded,
    };
    return VS_OK;
}

static vs_rc ask_embedded(const struct vs_authority *self, const struct question *question,
                          struct vs_arena *arena, struct vs_mark *ret, struct vs_error *err)
{
    VS_BUFFER response;
    vs_buffer_init(&response, RESPONSE_MAX);
    VS_TRY(self->settings.embedded(self->settings.embedded_context, question->der, &response,
                                   err));
    struct vs_bytes kept;
    VS_TRY(vs_buffer_copy(&response, arena, &kept, err));
    return take_answer(self, question, kept, true, arena, ret, err);
}

static vs_rc ask_outside(const struct vs_authority *self, const char *url,
                         const struct question *question, struct vs_arena *arena,
                         struct vs_mark *ret, struct vs_error *err)
{
    static const char *const headers[] = {"Content-Type: application/timestamp-query",
                                          "Accept: application/timestamp-reply", NULL};
    const struct vs_seams *seams = self->settings.seams;
    if (seams->outgoing == NULL)
        return vs_fail(err, VS_E_NETWORK, NULL, "nothing may go out");
    struct vs_outgoing_request request = {.method = "POST",
                                          .url = url,
                                          .headers = headers,
                                          .body = question->der,
                                          .timeout_ms = (uint32_t)self->settings.timeout_ms,
                                          .max_answer_bytes = RESPONSE_MAX};
    struct vs_outgoing_answer answer;
    VS_TRY(seams->outgoing(seams->context, arena, &request, &answer, err));
    if (answer.status != 200)
        return vs_fail(err, VS_E_NETWORK, "RFC 3161, 3.4", "it answered with status %d",
                       answer.status);
    if (!vs_text_equal(answer.media_type, "application/timestamp-reply"))
        return vs_fail(err, VS_E_NETWORK, "RFC 3161, 3.4", "its answer is no timestamp-reply");
    return take_answer(self, question, answer.body, false, arena, ret, err);
}

/* -- failover ------------------------------------------------------------------------------ */

static int64_t ticks(const struct vs_authority *self)
{
    return self->settings.seams->monotonic_ms(self->settings.seams->context);
}

static bool rests(struct vs_authority *self, size_t i)
{
    pthread_mutex_lock(&self->lock);
    bool yes = ticks(self) < self->outside[i].rest_until_ms;
    pthread_mutex_unlock(&self->lock);
    return yes;
}

static void note(struct vs_authority *self, size_t i, bool answered)
{
    pthread_mutex_lock(&self->lock);
    struct outside *one = &self->outside[i];
    int64_t doubled = one->rest_ms == 0 ? FIRST_REST_MS : one->rest_ms * 2;
    one->rest_ms = answered ? 0 : doubled < LONGEST_REST_MS ? doubled : LONGEST_REST_MS;
    one->rest_until_ms = answered ? 0 : ticks(self) + one->rest_ms;
    pthread_mutex_unlock(&self->lock);
}

/* Those that do not rest, or (second round) those that do: a mark is worth a try with each. */
static bool ask_round(struct vs_authority *self, const struct question *question, bool resting,
                      bool *asked, struct vs_arena *arena, struct vs_mark *ret,
                      struct vs_error *last)
{
    for (size_t i = 0; i < self->n_outside; i++) {
        if (asked[i] || rests(self, i) != resting)
            continue;
        asked[i] = true;
        vs_rc rc = ask_outside(self, self->outside[i].url, question, arena, ret, last);
        note(self, i, vs_ok(rc));
        if (vs_ok(rc))
            return true;
    }
    return false;
}

vs_rc vs_authority_mark(struct vs_authority *self, const struct vs_digest *imprint,
                        struct vs_arena *arena, struct vs_mark *ret, struct vs_error *err)
{
    struct question question;
    VS_TRY(make_question(self, imprint, arena, &question, err));
    struct vs_error last = {.text = "no authority is configured"};
    if (self->settings.embedded != NULL &&
        vs_ok(ask_embedded(self, &question, arena, ret, &last)))
        return VS_OK;
    bool *asked = vs_arena_array(arena, self->n_outside + 1, sizeof *asked);
    if (asked == NULL)
        return vs_fail_memory(err);
    if (ask_round(self, &question, false, asked, arena, ret, &last) ||
        ask_round(self, &question, true, asked, arena, ret, &last))
        return VS_OK;
    return vs_fail(err, VS_E_TSA_AWAY, NULL, "no time mark: %s", last.text);
}
