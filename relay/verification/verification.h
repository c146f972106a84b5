/* verification.h - a verdict with everything that it needs: validates, gathers what is missing,
 * validates again.
 *
 * formats/validation judges; here are the trust anchors of the configuration, the caches of
 * revocation data, and the gathering: the embedded centre in-process, everything else through
 * the outgoing seam, only from certificates that chain to an anchor, in at most two rounds and
 * within one time limit. What stays missing leaves the verdict INDETERMINATE; it is never a
 * failure of the call.
 *
 * Thread-safe. The workers call it; it may block on the network, so no HTTP thread may. */
#ifndef VS_RELAY_VERIFICATION_H
#define VS_RELAY_VERIFICATION_H
#include "formats/validation/validation.h"
#include "relay/seams.h"

struct vs_verification;
struct vs_centre;

/* Texts are borrowed for the call of vs_verification_open. */
struct vs_verification_settings {
    const char *const *anchor_files; /* PEM: trusted */
    size_t n_anchor_files;
    const char *const *accredited_files; /* PEM: trusted, and the operator says: accredited */
    size_t n_accredited_files;
    const char *const *list_files; /* trusted lists, TS 119 612 */
    size_t n_list_files;
    bool trust_embedded;       /* the embedded centre's root is an anchor: true */
    bool embedded_accredited;  /* and it is accredited here: false */
    bool fetch;                /* ask outside responders and lists: true */
    int64_t fetch_timeout_ms;  /* of one request: 5 s */
    int64_t gather_ms;         /* of all requests for one document: 10 s */
    size_t cache_entries;      /* OCSP answers and CRLs kept: 4,096 */
};
struct vs_verification_settings vs_verification_settings_default(void);

/* Reads the files. `centre` may be NULL (none embedded); it and the seams outlive the result.
 * VS_E_CONFIG names the file that cannot be read; a list or anchor that is broken is never
 * left out silently. */
VS_NODISCARD vs_rc vs_verification_open(const struct vs_verification_settings *settings,
                                        const struct vs_seams *seams, struct vs_centre *centre,
                                        struct vs_verification **ret, struct vs_error *err);
void vs_verification_close(struct vs_verification *verification); /* NULL is fine */

struct vs_verification_request {
    const struct vs_source *document;
    const char *name;           /* for messages; may be NULL */
    const struct vs_asic *asic; /* opened already, or NULL */
    const struct vs_content *contents;
    size_t n_contents;
    vs_time_ms at;
    const struct vs_policy *policy; /* NULL: the neutral one */
    bool offline;                   /* nothing is fetched from outside for this one */
};
/* `*ret` lives in `arena`. Fails as vs_validate does. */
VS_NODISCARD vs_rc vs_verification_judge(struct vs_verification *verification,
                                         struct vs_arena *arena,
                                         const struct vs_verification_request *request,
                                         const struct vs_report **ret, struct vs_error *err);

/* For health and tests. */
struct vs_verification_health {
    size_t anchors;          /* none: nothing can be TOTAL-PASSED */
    size_t skipped;          /* certificates of lists that could not be read */
    vs_time_ms lists_end;    /* earliest nextUpdate of a list; VS_TIME_NONE: no list */
    uint64_t fetched, failed; /* requests for revocation data */
};
void vs_verification_health(const struct vs_verification *verification,
                            struct vs_verification_health *ret);
#endif
