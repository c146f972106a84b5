/* renewal_priv.h - a batch's history of archive time-stamps: renewal.c reads it and builds
 * records from it, renewal_run.c adds to it. */
#ifndef VS_RELAY_RENEWAL_PRIV_H
#define VS_RELAY_RENEWAL_PRIV_H
#include "formats/evidence/evidence_record.h"
#include "relay/archive/renewal.h"
#include "relay/relay_priv.h"

#define VS_RENEWALS_MAX 100 /* of one batch: as many as a reader takes (RFC 4998 sets none) */

/* One renewal of one batch. */
struct vs_renewed {
    enum vs_renewal_kind kind;
    enum vs_digest_algorithm algorithm;
    struct vs_record_leaf *leaves; /* of all batches that it serves */
    size_t n_leaves, place;
    struct vs_bytes token;
    vs_time_ms marked;
    /* Of a hash tree: for each leaf of the batch what stands for it; n 0: nothing. */
    struct vs_record_leaf *values;
};
struct vs_history {
    const struct vs_batch *batch;
    struct vs_renewed *renewals; /* oldest first */
    size_t n;
};
/* VS_E_CORRUPT where the rows do not fit together. */
VS_NODISCARD vs_rc vs_history_load(struct vs_relay *relay, struct vs_arena *arena,
                                   const struct vs_batch *batch, struct vs_history *ret,
                                   struct vs_error *err);
static inline enum vs_digest_algorithm vs_history_algorithm(const struct vs_history *h)
{
    return h->n == 0 ? VS_SHA256 : h->renewals[h->n - 1].algorithm;
}
static inline struct vs_bytes vs_history_token(const struct vs_history *h)
{
    return h->n == 0 ? h->batch->token : h->renewals[h->n - 1].token;
}
/* The chains of one leaf's record. *ret_whole false: it was left out of a hash-tree renewal, so
 * the newest ones are not among them. */
VS_NODISCARD vs_rc vs_history_links(struct vs_arena *arena, const struct vs_history *history,
                                    size_t leaf, const struct vs_record_link **ret,
                                    size_t *ret_n, bool *ret_whole, struct vs_error *err);

/* The values' places among the batch's leaves, without those that have none: the tree that one
 * batch stands for in a hash-tree renewal. */
VS_NODISCARD vs_rc vs_renewal_values_tree(struct vs_arena *arena,
                                          const struct vs_record_leaf *values, size_t n,
                                          struct vs_record_leaf **ret, size_t *ret_n,
                                          struct vs_error *err);
/* Column VALUES: version 1, then for each leaf a count and its digests. */
void vs_renewal_values_encode(struct vs_buffer *to, const struct vs_record_leaf *values,
                              size_t n);
/* Whether every batch's column RENEW is by the table and settings of now. */
VS_NODISCARD vs_rc vs_renewal_surveyed(const struct vs_relay *relay, struct vs_arena *arena,
                                       bool *ret, struct vs_error *err);
/* By which algorithm the trees of a batch shall be renewed, where not by its own. */
enum vs_digest_algorithm vs_renewal_target(const struct vs_relay *relay,
                                           enum vs_digest_algorithm algorithm);
#endif
