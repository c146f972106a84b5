/* record.h - inside storage: the headers of segment files (segments.h, "On disk"). Pure. */
#ifndef VS_STORAGE_RECORD_H
#define VS_STORAGE_RECORD_H
#include "formats/base/base.h"

enum { SEGMENT_HEADER = 32, RECORD_HEADER = 40, RECORD_ALIGN = 8 };

struct vs_record {
    uint32_t class, payload_crc;
    uint64_t length; /* of the payload */
    bool erased;     /* the payload is zeros, or will be (segments.h, "Erase") */
};

void vs_segment_header_encode(uint64_t number, uint32_t class, uint8_t out[SEGMENT_HEADER]);
/* What is wrong with it, or NULL. */
const char *vs_segment_header_fault(const uint8_t in[SEGMENT_HEADER], uint64_t number,
                                    uint32_t class);

/* `number`, `offset`: where the record lies; both enter its checksum, so that a misplaced
 * record is none. */
void vs_segment_record_encode(const struct vs_record *record, uint64_t number, uint64_t offset,
                              uint8_t out[RECORD_HEADER]);
const char *vs_segment_record_decode(const uint8_t in[RECORD_HEADER], uint64_t number,
                                     uint64_t offset, struct vs_record *ret);

/* Octets that a record with this payload takes, padding included. */
static inline uint64_t vs_segment_record_size(uint64_t length)
{
    return RECORD_HEADER + ((length + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1));
}
#endif
