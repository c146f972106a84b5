#include "storage/record.h"
#include "storage/segments.h"

enum { SEGMENT_VERSION = 1, RECORD_VERSION = 1, RECORD_MAGIC = 0x5652, FLAG_ERASED = 1 };
static const uint8_t segment_magic[6] = "VSSEG\n";

void vs_location_encode(struct vs_location location, uint8_t out[VS_LOCATION_BYTES])
{
    vs_put_u64(out, location.segment);
    vs_put_u64(out + 8, location.offset);
    vs_put_u64(out + 16, location.length);
}

bool vs_location_decode(struct vs_bytes blob, struct vs_location *ret)
{
    if (blob.len != VS_LOCATION_BYTES)
        return false;
    *ret = (struct vs_location){vs_get_u64(blob.ptr), vs_get_u64(blob.ptr + 8),
                                vs_get_u64(blob.ptr + 16)};
    return true;
}

void vs_segment_header_encode(uint64_t number, uint32_t class, uint8_t out[SEGMENT_HEADER])
{
    memset(out, 0, SEGMENT_HEADER);
    memcpy(out, segment_magic, sizeof segment_magic);
    vs_put_u16(out + 6, SEGMENT_VERSION);
    vs_put_u32(out + 8, class);
    vs_put_u64(out + 16, number);
    vs_put_u32(out + 24, vs_crc32c(0, VS_BYTES(out, 24)));
}

const char *vs_segment_header_fault(const uint8_t in[SEGMENT_HEADER], uint64_t number,
                                    uint32_t class)
{
    uint8_t wanted[SEGMENT_HEADER];
    vs_segment_header_encode(number, class, wanted);
    return memcmp(in, wanted, SEGMENT_HEADER) == 0 ? NULL : "the segment's header is damaged";
}

static uint32_t header_sum(const uint8_t *header, uint64_t number)
{
    uint8_t where[8];
    vs_put_u64(where, number);
    return vs_crc32c(vs_crc32c(0, VS_BYTES(where, sizeof where)),
                     VS_BYTES(header, RECORD_HEADER - 4));
}

void vs_segment_record_encode(const struct vs_record *record, uint64_t number, uint64_t offset,
                              uint8_t out[RECORD_HEADER])
{
    memset(out, 0, RECORD_HEADER);
    vs_put_u16(out, RECORD_MAGIC);
    out[2] = RECORD_VERSION;
    out[3] = record->erased ? FLAG_ERASED : 0;
    vs_put_u32(out + 8, record->class);
    vs_put_u32(out + 12, record->payload_crc);
    vs_put_u64(out + 16, record->length);
    vs_put_u64(out + 24, offset);
    vs_put_u32(out + RECORD_HEADER - 4, header_sum(out, number));
}

const char *vs_segment_record_decode(const uint8_t in[RECORD_HEADER], uint64_t number,
                                     uint64_t offset, struct vs_record *ret)
{
    if (vs_get_u32(in + RECORD_HEADER - 4) != header_sum(in, number))
        return "no record begins here, or its header is damaged";
    if (vs_get_u16(in) != RECORD_MAGIC || vs_get_u64(in + 24) != offset)
        return "the record here belongs elsewhere";
    /* Flags and key ids that this version does not know say how to read the payload. */
    if (in[2] != RECORD_VERSION || (in[3] & ~FLAG_ERASED) != 0 || vs_get_u32(in + 4) != 0)
        return "the record is of a newer version";
    *ret = (struct vs_record){.class = vs_get_u32(in + 8),
                              .payload_crc = vs_get_u32(in + 12),
                              .length = vs_get_u64(in + 16),
                              .erased = in[3] == FLAG_ERASED};
    return NULL;
}
