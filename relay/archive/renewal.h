/* renewal.h - time marks that stay good for longer than their authority's certificate and than
 * their algorithms: RFC 4998 renewal of batches.
 *
 * A batch's evidence records end with its newest archive time-stamp. While that one is still
 * strong, a new one is put over it:
 *   time mark   over H(ContentInfo of the newest token), by the tree's own algorithm: when the
 *               authority's certificate, its chain or the token's algorithms end (5.2)
 *   hash tree   over H(H(document) || H(DER of the earlier sequence)) of every leaf, by a
 *               stronger algorithm: when the tree's digest ends (5.2). Needs the documents: a
 *               leaf whose bytes are gone (retention) or no longer are those of its digest is
 *               left out and has no newer record.
 * One token serves many batches: their values are the leaves of one tree more. It is stored
 * once (table RENEWAL), each batch holds its place and, for a hash tree, its leaves' values
 * (table BATCH_RENEWAL); records are built when asked for and hold the whole history.
 *
 * When: a batch row's column `renew` is the moment from which it is no longer strong, the
 * earliest of these; it is due from `renewal_margin_ms` before. A token that would not last
 * longer than the old one is not taken: it is tried again later, sooner as the end draws near.
 *
 * NOT DONE: tokens inside documents, and inside seals with a mark of their own (XAdES): the
 * acceptance evidence, which names the original's digest, is renewed, the seal is not. To judge
 * an authority is relay/seal/authority.h's matter, before the token is taken. */
#ifndef VS_RELAY_RENEWAL_H
#define VS_RELAY_RENEWAL_H
#include "formats/crypto/digest.h"
#include "relay/seal/batch.h"

enum vs_renewal_kind { VS_RENEWAL_TIME_MARK = 1, VS_RENEWAL_HASH_TREE = 2 };

/* When a token stops to be strong: by its chain's certificates, and by the table of
 * formats/crypto unless the algorithm was within `margin_ms` of its end when the token was made
 * (its authority then has nothing better). VS_TIME_NONE where it cannot be read. Pure. */
vs_time_ms vs_renewal_token_end(struct vs_arena *arena, struct vs_bytes token,
                                int64_t margin_ms);
/* What BATCH.RENEW of a batch marked with `token`, its trees by `algorithm`, must hold. */
vs_time_ms vs_renewal_end(const struct vs_relay *relay, struct vs_arena *arena,
                          struct vs_bytes token, enum vs_digest_algorithm algorithm);

/* The evidence record of one leaf with all renewals, as of now. VS_E_STATE while the batch has
 * no mark. `ret` in `arena`. */
VS_NODISCARD vs_rc vs_renewal_record(struct vs_relay *relay, struct vs_arena *arena,
                                     const struct vs_batch *batch, size_t leaf,
                                     struct vs_bytes *ret, struct vs_error *err);

/* The standing row of due work, made where it is missing. */
VS_NODISCARD vs_rc vs_renewal_open(struct vs_relay *relay, struct vs_error *err);
#define VS_DUE_RENEWAL "renewal"
/* For relay/due.c: one slice of the work of kind "renewal". */
struct vs_due;
VS_NODISCARD vs_rc vs_renewal_run(struct vs_relay *relay, struct vs_job *job,
                                  const struct vs_due *work, vs_time_ms now,
                                  struct vs_error *err);
#endif
