/* segments.h - bytes that are not lost: records appended to large files.
 *
 * Documents, evidence and seals lie here; rows hold their locations. One segment file is open
 * for appending per retention class. What was appended never changes, but for one thing: a
 * record whose rows are gone is erased where it lies, so that one document that must stay does
 * not keep its neighbours; a segment in which all is erased is deleted. Small records are
 * appended together and synced once per batch; a large document is spooled into a file of its
 * own, which becomes a segment by rename.
 *
 * Order of a commit (relay's committer):
 *   1. vs_segments_append for all new bytes, vs_segments_sync. Adopted files are synced.
 *   2. vs_store_commit with the rows that hold the locations and, in the same call, the
 *      item of vs_segments_mark (how much of each segment counts from now on); an adopted
 *      file's vs_segments_adopted_op goes among the operations of its own item.
 *   3. vs_segments_marked. Only then acknowledge.
 * What was appended but not marked is no part of the store: after a crash
 * vs_segments_sweep cuts or deletes it.
 *
 * On disk. A file segments/%016x.seg is a header and records, all numbers big-endian:
 *
 *   header, 32 octets: "VSSEG\n", version u16 = 1, class u32, zeros u32, number u64,
 *                      CRC-32C of the octets before u32, zeros u32
 *   record, 40 octets: magic u16 = 0x5652, version u8 = 1, flags u8 = 0 (1: erased),
 *                      key id u32 (0 = clear), class u32, CRC-32C of the payload u32,
 *                      length of the payload u64, own offset in the file u64, zeros u32,
 *                      CRC-32C of the segment's number u64 and the octets before u32
 *   and then the payload, and zeros to a multiple of 8
 *
 * An adopted file has one record. Checksums find decay and misplaced writes; against a
 * forger stand the digests in signed evidence.
 *
 * Threads: append, sync and mark belong to the committer; spools, adoption and reading work
 * from any thread. */
#ifndef VS_STORAGE_SEGMENTS_H
#define VS_STORAGE_SEGMENTS_H
#include "storage/store.h"

struct vs_segments;
struct vs_spool;

/* Where a record lies. `length` is of the payload. All zero: nowhere. */
struct vs_location {
    uint64_t segment, offset, length;
};
#define VS_LOCATION_BYTES 24
/* As a blob for a row: three u64, big-endian. */
void vs_location_encode(struct vs_location location, uint8_t out[VS_LOCATION_BYTES]);
bool vs_location_decode(struct vs_bytes blob, struct vs_location *ret);

struct vs_segments_options {
    const char *folder;             /* data folder: segments/ and spool/ are made in it */
    const struct vs_fileops *files; /* NULL: vs_fileops_real */
    struct vs_store *store;         /* has the VS_T_SEGMENT rows; outlives the segments */
    uint64_t segment_bytes;         /* a segment is closed when larger; 0: 64 MiB */
};
/* Appending always begins a new file: what an earlier run left is not touched before
 * vs_segments_sweep. Leftover spool files are removed. */
VS_NODISCARD vs_rc vs_segments_open(const struct vs_segments_options *options,
                                    struct vs_segments **ret, struct vs_error *err);
/* Spools must be freed before. NULL is fine. */
void vs_segments_close(struct vs_segments *segments);

/* Cut what lies beyond the marked length of each segment, delete segment files that no row
 * knows. Call it once after opening, when the store is known to be the newest one (relay
 * compares with journal.anchor first): with an old copy of the rows it would delete newer
 * documents. */
VS_NODISCARD vs_rc vs_segments_sweep(struct vs_segments *segments, struct vs_error *err);

/* -- write --------------------------------------------------------------------------------- */
struct vs_segment_record {
    uint32_t class;               /* retention class, relay's numbers */
    const struct vs_bytes *parts; /* the payload: written without joining them first */
    size_t n_parts;
    /* CRC-32C of the payload, from whoever had it at hand last; NULL: taken by the append. */
    const uint32_t *crc;
    struct vs_location location; /* set by the append */
};
/* Append all records, in order: one write per class. Not yet durable. After a failure nothing
 * of this call may be used; VS_E_DISK_FULL leaves the segments usable, VS_E_IO does not. */
VS_NODISCARD vs_rc vs_segments_append(struct vs_segments *segments,
                                      struct vs_segment_record *records, size_t n_records,
                                      struct vs_error *err);
/* Everything appended so far is durable: one sync per class that was written. A failure is
 * final: every later append and sync fails (the kernel may have dropped the pages). */
VS_NODISCARD vs_rc vs_segments_sync(struct vs_segments *segments, struct vs_error *err);
/* The item that marks what was synced as part of the store; no ops (n_ops 0) when there is
 * nothing new. Borrowed from `segments` until the next mark or append. */
struct vs_item vs_segments_mark(struct vs_segments *segments);
/* The commit that held the mark returned OK. Without this call the next mark repeats it. */
void vs_segments_marked(struct vs_segments *segments);

/* -- large documents ----------------------------------------------------------------------- */
/* A file that grows in spool/. */
VS_NODISCARD vs_rc vs_spool_new(struct vs_segments *segments, struct vs_spool **ret,
                                struct vs_error *err);
VS_NODISCARD vs_rc vs_spool_add(struct vs_spool *spool, struct vs_bytes bytes,
                                struct vs_error *err);
/* Its bytes so far; valid until freed, also after adoption. */
const struct vs_source *vs_spool_source(struct vs_spool *spool);
/* Make it a segment of its own: header and content synced, renamed, folder synced. Returns when
 * all that is durable; it is part of the store when its op is committed. */
VS_NODISCARD vs_rc vs_spool_adopt(struct vs_spool *spool, uint32_t class,
                                  struct vs_location *ret, struct vs_error *err);
/* The row for VS_T_SEGMENT, for the item that commits the location. Lives as long as the spool.
 */
struct vs_op vs_segments_adopted_op(const struct vs_spool *spool);
/* Removes the file unless it was adopted. NULL is fine. An adopted file whose op was not
 * committed is given back with vs_segments_disown, else the next sweep does it. */
void vs_spool_free(struct vs_spool *spool);
void vs_segments_disown(struct vs_segments *segments, struct vs_location location);

/* -- read ---------------------------------------------------------------------------------- */
/* The payload in memory, header and checksum verified. Fails: VS_E_CORRUPT naming segment and
 * offset (also where the file is missing or shorter), VS_E_LIMIT, VS_E_NOMEM, VS_E_IO. */
VS_NODISCARD vs_rc vs_segments_read(struct vs_segments *segments, struct vs_location location,
                                    struct vs_arena *arena, size_t max_bytes,
                                    struct vs_bytes *ret, struct vs_error *err);

/* The payload where it lies. The header is verified here; the payload's checksum when it is
 * read through from start to end in order (the last read then fails with VS_E_CORRUPT). */
struct vs_segment_source {
    struct vs_source source;
    struct vs_segments *segments;
    struct vs_location location;
    struct vs_segment_file *file; /* held open */
    uint64_t summed;              /* octets from the start that the running checksum covers */
    uint32_t crc, wanted_crc;
};
VS_NODISCARD vs_rc vs_segments_source(struct vs_segments *segments, struct vs_location location,
                                      struct vs_segment_source *ret, struct vs_error *err);
void vs_segment_source_done(struct vs_segment_source *self);

/* -- care ---------------------------------------------------------------------------------- */
struct vs_segment_view {
    struct vs_location location;
    uint32_t class;
    bool corrupt;      /* header or payload fails its checksum */
    const char *fault; /* what is wrong, else NULL; static text */
};
/* Every record of every marked segment, in order, payload checksums verified. A stretch that is
 * no record is one corrupt view with length 0; reading goes on at the next record after it.
 * `visit` returns a failure to stop. */
VS_NODISCARD vs_rc vs_segments_each(struct vs_segments *segments,
                                    vs_rc (*visit)(void *context,
                                                   const struct vs_segment_view *view,
                                                   struct vs_error *err),
                                    void *context, struct vs_error *err);
/* Every octet of every marked segment, padding too: `fault` gets "segments" and
 * "SEGMENT/OFFSET". OK when it could be done, whatever it found. */
VS_NODISCARD vs_rc vs_segments_check(struct vs_segments *segments, vs_store_fault *fault,
                                     void *context, struct vs_error *err);

/* -- erase --------------------------------------------------------------------------------- */
/* Overwrite these records for good: each keeps its header, marked as erased, the payload
 * becomes zeros, and the file system gets whole blocks back where it can. Durable when it
 * returns; what a crash left half done, the same call does again. The rows that named them must
 * be gone, and durably so, before: nothing reads them any more. Locations of segments that are
 * gone are passed over. VS_E_BUSY: the segments are held; ask again later. Any thread. */
VS_NODISCARD vs_rc vs_segments_erase(struct vs_segments *segments,
                                     const struct vs_location *locations, size_t n,
                                     struct vs_error *err);
/* Whether nothing will be appended to it any more. */
bool vs_segments_closed(struct vs_segments *segments, uint64_t number);

/* All in segment `number` may go: commit this op (retention's, in one item with what it
 * removes), then vs_segments_drop removes the file. A crash between is mended by the sweep.
 * `key` is the caller's memory for one value. */
struct vs_op vs_segments_drop_op(uint64_t number, struct vs_value *key);
VS_NODISCARD vs_rc vs_segments_drop(struct vs_segments *segments, uint64_t number,
                                    struct vs_error *err);

/* While held, no file of a segment is removed and no record erased: what is dropped meanwhile
 * goes with the release, what is to be erased waits (VS_E_BUSY).
 * A backup copies what its rows named when it began. One holder at a time; any thread. */
void vs_segments_hold(struct vs_segments *segments);
void vs_segments_release(struct vs_segments *segments);
#endif
