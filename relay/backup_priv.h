/* backup_priv.h - files of a backup: copying with digests, SHA256SUMS. For backup.c, restore.c.
 */
#ifndef VS_RELAY_BACKUP_PRIV_H
#define VS_RELAY_BACKUP_PRIV_H
#include "formats/crypto/digest.h"
#include "formats/evidence/checkpoint.h"
#include "relay/backup.h"
#include "storage/segments.h"
#include <pthread.h>

#define VS_BACKUP_SUMS       "SHA256SUMS"
#define VS_BACKUP_ROWS       "vasite.db"
#define VS_BACKUP_CHECKPOINT "checkpoint"
#define VS_BACKUP_ABOUT      "about.txt"
#define VS_BACKUP_PARTIAL    ".partial"
#define VS_BACKUP_PATH       4096
#define VS_BACKUP_NAME       256 /* of a file within a backup, with its folder */

/* What copies: a buffer, and somebody who is told of each piece. */
struct vs_copier {
    const struct vs_fileops *files;
    uint8_t *buffer;
    struct vs_hasher *hasher;
    bool (*moved)(void *context, uint64_t bytes); /* false: stop (VS_E_STOPPING); may be NULL */
    void *context;
};
void vs_copier_init(struct vs_copier *copier, const struct vs_fileops *files,
                    bool (*moved)(void *context, uint64_t bytes), void *context);
void vs_copier_done(struct vs_copier *copier);
/* The first `length` octets (UINT64_MAX: all) of a file into a new one, synced (its name is
 * not), and read again. VS_E_CORRUPT: the source is shorter, or the copy is not what was
 * written. */
VS_NODISCARD vs_rc vs_copier_copy(struct vs_copier *copier, const char *from, const char *to,
                                  uint64_t length, struct vs_digest *ret, struct vs_error *err);
/* The digest and size of a file as it lies there. VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_copier_digest(struct vs_copier *copier, const char *path,
                                    struct vs_digest *ret, uint64_t *ret_size,
                                    struct vs_error *err);

/* A line of SHA256SUMS: digest, two spaces, name. */
struct vs_sum {
    struct vs_digest digest;
    char name[VS_BACKUP_NAME];
};
struct vs_sums; /* a file of them, read or written in flat memory */
VS_NODISCARD vs_rc vs_sums_create(const struct vs_fileops *files, const char *path,
                                  struct vs_sums **ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_sums_add(struct vs_sums *sums, const char *name,
                               const struct vs_digest *digest, struct vs_error *err);
VS_NODISCARD vs_rc vs_sums_finish(struct vs_sums *sums, struct vs_error *err); /* synced */
/* VS_E_BACKUP: there is none. */
VS_NODISCARD vs_rc vs_sums_open(const struct vs_fileops *files, const char *path,
                                struct vs_sums **ret, struct vs_error *err);
/* `*ret_end`: there are no more. VS_E_BACKUP: no such line, or a name that no backup has. */
VS_NODISCARD vs_rc vs_sums_next(struct vs_sums *sums, struct vs_sum *ret, bool *ret_end,
                                struct vs_error *err);
void vs_sums_close(struct vs_sums *sums); /* NULL is fine */

/* Remove the files of a backup or of a half-restored store, and `folder` itself where `whole`;
 * what else lies in there stays. */
void vs_backup_remove(const struct vs_fileops *files, const char *folder, bool whole);
/* Each name in a folder, oldest first (sorted by octets), in `arena`; none where there is no
 * folder. */
VS_NODISCARD vs_rc vs_folder_names(const struct vs_fileops *files, const char *folder,
                                   struct vs_arena *arena, const char ***ret, size_t *ret_n,
                                   struct vs_error *err);
/* "FOLDER/NAME" into VS_BACKUP_PATH octets. VS_E_LIMIT. */
VS_NODISCARD vs_rc vs_backup_path(char *out, const char *folder, const char *name,
                                  struct vs_error *err);
VS_NODISCARD vs_rc vs_backup_make_folder(const struct vs_fileops *files, const char *path,
                                         struct vs_error *err);

/* -- the running one ---------------------------------------------------------------------- */
/* The running one. Only the stepping thread touches it but for `progress`. */
struct vs_backup_run {
    struct vs_copier copier;
    char folder[VS_BACKUP_PATH], before[VS_BACKUP_PATH]; /* before: "" where there is none */
    struct vs_store_copy *copy;
    struct vs_store *rows; /* the copied ones */
    bool held;             /* the segments */
    struct vs_sums *sums, *sums_before;
    struct vs_sum line_before; /* read, but not yet used */
    bool end_before;
    int64_t last_segment;
    struct vs_checkpoint checkpoint;
    struct vs_arena *arena; /* of the checkpoint */
};

struct vs_backup {
    pthread_mutex_t lock; /* guards progress */
    pthread_cond_t started;
    struct vs_backup_progress progress;
    struct vs_backup_run *run;
};

/* backup.c: a megabyte was moved; false: the service stops. */
bool vs_backup_moved(void *relay, uint64_t bytes);
void vs_backup_tell(struct vs_backup *backup, const char *phase, uint64_t more_total,
                    unsigned files, unsigned linked);
/* backup_run.c: one bounded piece; *ret_done: it was the last, all is durable. */
VS_NODISCARD vs_rc vs_backup_piece(struct vs_relay *relay, struct vs_backup_run *run,
                                   bool *ret_done, struct vs_error *err);
#endif
