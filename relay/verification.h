/* verification.h - a verdict with all it needs: the validation of formats/, what is trusted,
 * and whatever the verdict lacks (OCSP answers, CRLs, issuers' certificates) fetched and asked
 * again.
 *
 * The embedded centre answers in-process; other addresses through the seam for outgoing calls,
 * only for certificates that chain to an anchor. An authority that is away leaves the verdict
 * INDETERMINATE with its needs named: it is never a failure. */
#ifndef VS_RELAY_VERIFICATION_H
#define VS_RELAY_VERIFICATION_H
#include "formats/validation/validation.h"
#include "relay/relay.h"

struct vs_verification;

/* Reads what is trusted (the embedded centre's root, the files of the settings). */
VS_NODISCARD vs_rc vs_verification_open(struct vs_relay *relay, struct vs_verification **ret,
                                        struct vs_error *err);
void vs_verification_close(struct vs_verification *verification); /* NULL is fine */

/* vs_trust_lists_until of what is trusted. */
vs_time_ms vs_verification_lists_until(const struct vs_verification *verification);

/* Judge `input->document` at `input->at` by `input->policy`; `trust` may be NULL: the service's
 * own. Blocks where something must be fetched: on a worker only. `*ret` lives in `arena`.
 * Fails as vs_validate does. */
VS_NODISCARD vs_rc vs_verify(struct vs_relay *relay, struct vs_arena *arena,
                             const struct vs_validation_input *input,
                             const struct vs_report **ret, struct vs_error *err);
#endif
