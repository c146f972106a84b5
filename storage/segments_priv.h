/* segments_priv.h - what the files of the segments share. */
#ifndef VS_STORAGE_SEGMENTS_PRIV_H
#define VS_STORAGE_SEGMENTS_PRIV_H
#include "storage/record.h"
#include "storage/segments.h"
#include <pthread.h>
#include <stdatomic.h>

enum { PATH_BYTES = 4096, MOST_IDLE_FILES = 64 };

/* A segment that is written to, or was and is not marked wholly. */
struct vs_appending {
    struct vs_appending *next;
    uint64_t number;
    uint32_t class;
    struct vs_file *file;
    uint64_t length, synced, marking, marked; /* octets; marking: in the mark given out last */
    int64_t records, records_synced;
    bool name_unsynced;
    bool full; /* takes no more records */
};

/* A segment open for reading. */
struct vs_segment_file {
    struct vs_segment_file *next;
    uint64_t number;
    struct vs_file *file;
    unsigned users;
    bool gone; /* removed: closed by its last user */
};

struct vs_segments {
    const struct vs_fileops *files;
    struct vs_store *store;
    char *folder, *segments_folder, *spool_folder;
    uint64_t segment_bytes;
    uint64_t first; /* numbers from here on are this run's */
    _Atomic uint64_t next_number, next_spool;
    atomic_bool broken; /* a write or sync failed: nothing more may be written */

    struct vs_appending *appending; /* the committer's; the list changes under the lock */
    struct vs_buffer headers;
    struct vs_op *mark_ops;
    struct vs_value *mark_values;
    size_t mark_room;

    pthread_mutex_t lock; /* guards the files open for reading, and what is held */
    bool held;
    uint64_t *dropped; /* while held */
    size_t n_dropped;
    struct vs_segment_file *open_files;
    size_t n_idle;
};

/* `out` has PATH_BYTES. */
void vs_segment_path(const struct vs_segments *segments, uint64_t number, char *out);
VS_NODISCARD vs_rc vs_segment_corrupt(struct vs_error *err, uint64_t number, uint64_t offset,
                                      const char *what);
/* A file of its own that nobody wrote to; EEXIST moves on to the next number. */
VS_NODISCARD vs_rc vs_segment_file_take(struct vs_segments *segments, uint64_t number,
                                        struct vs_segment_file **ret, struct vs_error *err);
void vs_segment_file_release(struct vs_segments *segments, struct vs_segment_file *file);
void vs_segment_files_close(struct vs_segments *segments);
/* No new reader gets the file from here on. */
void vs_segment_file_forget(struct vs_segments *segments, uint64_t number);
#endif
