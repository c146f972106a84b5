/* zip.h - read and lay out ZIP archives (APPNOTE 6.3.10), strictly.
 *
 * Reading: one archive has one meaning here or none. Whatever two readers could understand
 * differently is refused: bytes before, between or after the entries, a local header that says
 * other than the directory, two entries of one name (after NFC and simple case folding), names
 * that lead out of a folder, encryption, methods other than stored and deflate, ZIP64 fields
 * that are not needed or not true. Nothing is believed about sizes before it is counted: every
 * read stops at the size that the directory names, and checks the CRC-32.
 *
 * Writing: a layout. Entries are stored, never deflated; the same parts give the same bytes. A
 * part of any size stays where it is (a vs_source): the archive is itself a vs_source, computed
 * where it is read, so that a container of 1 GB costs no memory.
 *
 * What is proved: structure. Nothing here says that an entry is signed; asic.h and
 * formats/validation do. Codes: VS_E_NOT_ZIP, VS_E_ZIP_STRUCTURE, VS_E_ZIP_NAME,
 * VS_E_ZIP_DUPLICATE, VS_E_ZIP_BOMB, VS_E_IO, VS_E_NOMEM.
 *
 * NOT DONE: APPNOTE 8 (split archives), 7 (encryption), 5 (other methods): all refused. */
#ifndef VS_FORMATS_CONTAINER_ZIP_H
#define VS_FORMATS_CONTAINER_ZIP_H
#include "formats/base/base.h"

/* Limits of reading; NULL where one is asked for means vs_zip_default_limits. */
struct vs_zip_limits {
    size_t max_entries;
    uint64_t max_entry_bytes;  /* unpacked, one entry */
    uint64_t max_total_bytes;  /* unpacked, all entries */
    uint64_t max_ratio;        /* unpacked : packed, judged only ... */
    uint64_t ratio_from_bytes; /* ... for entries that unpack to more than this */
};
extern const struct vs_zip_limits vs_zip_default_limits;

enum vs_zip_method { VS_ZIP_STORED = 0, VS_ZIP_DEFLATED = 8 };

struct vs_zip_entry {
    const char *name; /* UTF-8, no control characters, relative, no "." or ".." segment */
    const char *key;  /* NFD and simple case folding of the name: what must be unique */
    uint64_t size, packed_size;
    uint64_t header_offset, data_offset;
    uint32_t crc32;
    uint16_t method;
    bool directory;   /* the name ends with '/', the size is 0 */
    bool local_extra; /* its local header has an extra field (ASiC's mimetype must not) */
};

/* Immutable; lives in the arena it was opened with. `source` must outlive it. */
struct vs_zip {
    const struct vs_source *source;
    const struct vs_zip_entry *entries; /* in the order of their bytes in the archive */
    size_t n_entries;
    struct vs_bytes comment; /* of the archive: part of no signature, believed by nobody */
};

/* Read and check the directory and every local header; no entry's data yet. */
VS_NODISCARD vs_rc vs_zip_open(struct vs_arena *arena, const struct vs_source *source,
                               const struct vs_zip_limits *limits, const struct vs_zip **ret,
                               struct vs_error *err);

/* Whether the source may be a ZIP at all: it begins with a local header. */
bool vs_zip_probe(const struct vs_source *source);

/* The entry of exactly this name, or NULL. */
const struct vs_zip_entry *vs_zip_find(const struct vs_zip *zip, const char *name);

/* Takes an entry's bytes in order; a failure ends the reading and is passed on. */
typedef vs_rc (*vs_zip_consumer)(void *context, struct vs_bytes chunk, struct vs_error *err);

/* Unpack one entry in flat memory. OK only when size and CRC-32 are as the directory says;
 * until then what the consumer got proves nothing. */
VS_NODISCARD vs_rc vs_zip_read(const struct vs_zip *zip, const struct vs_zip_entry *entry,
                               vs_zip_consumer consumer, void *context, struct vs_error *err);

/* All of one entry in the arena; VS_E_LIMIT over `max_bytes`. */
VS_NODISCARD vs_rc vs_zip_read_all(const struct vs_zip *zip, const struct vs_zip_entry *entry,
                                   struct vs_arena *arena, size_t max_bytes,
                                   struct vs_bytes *ret, struct vs_error *err);

/* A stored entry where it lies, without a copy and WITHOUT its CRC-32 being checked (whoever
 * needs it intact compares a digest). False when the entry is deflated. */
bool vs_zip_stored(const struct vs_zip *zip, const struct vs_zip_entry *entry,
                   struct vs_part_source *ret);

/* CRC-32 (ISO-HDLC, as ZIP has it) of bytes that come in pieces; start with 0. */
uint32_t vs_zip_crc32(uint32_t crc, struct vs_bytes bytes);
VS_NODISCARD vs_rc vs_zip_crc32_source(const struct vs_source *source, uint32_t *ret,
                                       struct vs_error *err);

/* -- writing ------------------------------------------------------------------------------- */

/* One entry to lay out: bytes, or (source != NULL) a source with its CRC-32, which must be
 * true: whoever spooled the bytes counted it. All are borrowed and must outlive the layout. */
struct vs_zip_part {
    const char *name;
    struct vs_bytes bytes;
    const struct vs_source *source;
    uint32_t source_crc32;
};

/* Lay out `parts`, in this order: stored, no extra field but ZIP64's where the size needs it,
 * no data descriptor, the date 1980-01-01 00:00, so that the same parts give the same bits. The
 * source lives in the arena and reads from several threads at once.
 * VS_E_ZIP_NAME, VS_E_ZIP_DUPLICATE: a name that our own reader would refuse. */
VS_NODISCARD vs_rc vs_zip_layout(struct vs_arena *arena, const struct vs_zip_part *parts,
                                 size_t n, const struct vs_source **ret, struct vs_error *err);

/* Whether a name is safe as an entry's: what vs_zip_open accepts. */
VS_NODISCARD vs_rc vs_zip_check_name(struct vs_bytes name, struct vs_error *err);
#endif
