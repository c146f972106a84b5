/* authority.h - time marks for the service's own statements (RFC 3161): from the embedded
 * centre, or from outside authorities in the order of the settings.
 *
 * The embedded authority is called in-process behind the same DER interface that its HTTP route
 * wraps. Outside ones are asked one after the other, each with its own time-out; one that
 * failed is passed over for a while that doubles from 1 s to 5 min, unless all have failed.
 * Every response is checked whoever gave it: status, imprint, nonce, policy, and of outside
 * ones the token's signature, the authority's certificate (EKU critical and alone, RFC
 * 3161, 2.3), its chain to an anchor that the configuration trusts, a genTime not far from our
 * clock. What is NOT judged here: revocation, and whether the authority is one that counts in
 * law (relay/verification does).
 *
 * Any thread may ask. vs_authority_mark blocks for as long as the settings allow: never call it
 * from the committer or from an HTTP thread. With the embedded authority it takes the time of
 * one signature. */
#ifndef VS_RELAY_SEAL_AUTHORITY_H
#define VS_RELAY_SEAL_AUTHORITY_H
#include "formats/crypto/digest.h"

struct vs_seams;
struct vs_trust;
struct vs_authority;

struct vs_authority_settings {
    /* The embedded authority: DER request in, DER response out. NULL: outside ones only. */
    vs_rc (*embedded)(void *context, struct vs_bytes request, struct vs_buffer *response,
                      struct vs_error *err);
    void *embedded_context;
    /* Outside authorities: "https://tsa.example/", asked in this order after the embedded one
     * (normally either is set, not both). Borrowed until vs_authority_new returns. */
    const char *const *urls;
    size_t n_urls;
    /* What outside authorities' certificates must chain to; a reference is taken. NULL or
     * empty: no outside authority is believed. */
    struct vs_trust *trust;
    int timeout_ms;               /* for one outside authority; 0: 5,000 */
    const char *policy;           /* OID that tokens must carry, NULL: any */
    vs_time_ms tolerance_ms;      /* genTime against our clock, beyond its accuracy; 0: 60 s */
    const struct vs_seams *seams; /* clock, nonces, outgoing; outlives the authority */
};

/* A time mark that was checked. */
struct vs_mark {
    struct vs_bytes token;  /* the ContentInfo, DER, in the caller's arena */
    vs_time_ms time_ms;     /* genTime; in whole seconds from many outside authorities */
    vs_time_ms accuracy_ms; /* as the token states; 1,000 where a token in whole seconds states
                               none */
    bool embedded;
};

struct vs_authority *vs_authority_new(const struct vs_authority_settings *settings);
void vs_authority_free(struct vs_authority *authority); /* NULL is fine; nobody may be asking */

/* A mark over `imprint` (SHA-256 mostly). VS_E_TSA_AWAY: none answered rightly; the text says
 * which failed last and how. */
VS_NODISCARD vs_rc vs_authority_mark(struct vs_authority *authority,
                                     const struct vs_digest *imprint, struct vs_arena *arena,
                                     struct vs_mark *ret, struct vs_error *err);
#endif
