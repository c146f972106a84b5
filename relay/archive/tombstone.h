/* tombstone.h - what is left of a deleted document or refusal (retention.h): no party, no name,
 * no digest of it; and how its act of deletion stands for it. */
#ifndef VS_RELAY_ARCHIVE_TOMBSTONE_H
#define VS_RELAY_ARCHIVE_TOMBSTONE_H
#include "relay/id.h"

struct vs_tombstone {
    struct vs_id id;
    bool refusal;
    vs_time_ms latest;       /* recorded event */
    unsigned months, leaves; /* retention class; pieces of evidence that went with it */
};
/* SHA-256 over them, in order of id: each as kind u8 (1 document, 2 refusal), id 16, latest
 * u64, months u32, leaves u32, big-endian. The act's evidence states it. */
void vs_tombstones_digest(const struct vs_tombstone *tombstones, size_t n, uint8_t ret[32]);
#endif
