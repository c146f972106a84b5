/* commit.h - what one piece of work changes, and the cycle that makes it durable.
 *
 * A worker collects a stage: row operations, bytes for segments, evidence for the journal,
 * moves of deliveries. The committer takes many stages at once: one append and one sync for all
 * bytes, one store transaction for all rows together with the sequencing of the batch before
 * (sequence.h), then the answers. It signs nothing but checkpoints and never waits for an
 * authority.
 *
 * All of a stage lives in its job's arena and is borrowed until done. */
#ifndef VS_RELAY_COMMIT_H
#define VS_RELAY_COMMIT_H
#include "relay/seal/batch.h"
#include "storage/segments.h"

struct vs_stage;

/* Gives the job a new, empty stage; the functions below fill it. */
VS_NODISCARD vs_rc vs_stage_new(struct vs_job *job, struct vs_stage **ret,
                                struct vs_error *err);

VS_NODISCARD vs_rc vs_stage_op(struct vs_stage *stage, struct vs_op op, struct vs_error *err);
/* An array for one row of `table` in the stage's arena, all VS_NULL. NULL: the arena is full.
 */
struct vs_value *vs_stage_row(struct vs_stage *stage, enum vs_table_id table);

/* Zeroed memory that lives as long as the stage; NULL: the arena is full. */
void *vs_stage_memory(struct vs_stage *stage, size_t size);

/* Append `bytes` to the open segment of `class`; *ret_location points to what will hold the
 * encoded location (VS_LOCATION_BYTES) once the cycle has appended it, before rows are written.
 */
VS_NODISCARD vs_rc vs_stage_bytes(struct vs_stage *stage, uint32_t class, struct vs_bytes bytes,
                                  const uint8_t **ret_location, struct vs_error *err);
/* Evidence (or a consignment) for the batch. `batch` is the row's value that the cycle sets to
 * the batch's number; may be NULL. `salt` is of evidence. */
VS_NODISCARD vs_rc vs_stage_leaf(struct vs_stage *stage, const struct vs_leaf *leaf,
                                 const uint8_t *salt, struct vs_value *batch,
                                 struct vs_error *err);
VS_NODISCARD vs_rc vs_stage_move(struct vs_stage *stage, const struct vs_move *move,
                                 struct vs_error *err);
/* Called on the committer's thread once the stage is durable, before done. At most one. */
void vs_stage_after(struct vs_stage *stage,
                    void (*after)(struct vs_relay *relay, void *context), void *context);

/* Its row operations alone, for a commit at open, before any step runs: a stage without bytes,
 * leaves and moves. */
struct vs_item vs_stage_item(struct vs_stage *stage);

/* Hand a stage over that no worker made (marks, recovery): job->done as always. */
void vs_relay_stage_job(struct vs_relay *relay, struct vs_job *job);
#endif
