/* backup.h - a copy of the whole store that is true for one moment, made while the service
 * runs.
 *
 * A backup is a folder of its own below settings.backup_folder, named by the moment it began:
 *
 *   vasite.db          the rows of one moment (SQLite)
 *   segments/NNN.seg   every segment that these rows name, up to the length they have marked
 *   keys/, centre/     key files as they are: what was encrypted stays so. The passphrase is in
 *                      there only where the service made it itself (settings.passphrase_file
 *                      unset): then whoever has the backup has the keys
 *   checkpoint         the journal's newest signed checkpoint in these rows
 *   about.txt          what this is, for people
 *   SHA256SUMS         of all of it, as `sha256sum -c` takes it
 *
 * Everything is synced and read again before the folder gets its name; until then it is
 * NAME.partial, which the next backup removes. A segment that has not changed since the backup
 * before, of the same log, is linked to that one's file (after its digest was compared):
 * backups are whole folders each, and cost only what is new.
 *
 * Intake is not stopped: rows are read in one snapshot; segments only ever grow behind the
 * length marked in it; none is removed meanwhile (vs_segments_hold). Memory is flat.
 *
 * Restoring is relay/restore.h: it begins a new log. What a backup does not hold: the settings,
 * and key files that they name outside the data folder.
 *
 * relay makes no thread: somebody calls vs_backup_step, each a bounded piece (one file; it
 * looks once a megabyte whether the service stops). A backup does not outlive the process: one
 * that was cut off is begun anew. */
#ifndef VS_RELAY_BACKUP_H
#define VS_RELAY_BACKUP_H
#include "relay/relay.h"

#define VS_BACKUP_ID 20 /* "20261122T001442123Z" and NUL */

enum vs_backup_state {
    VS_BACKUP_NONE,
    VS_BACKUP_RUNNING,
    VS_BACKUP_DONE,
    VS_BACKUP_FAILED,
};
struct vs_backup_progress {
    enum vs_backup_state state;
    char id[VS_BACKUP_ID];
    const char *phase;     /* "rows", "segments", "keys", "done"; static text */
    uint64_t bytes, total; /* total grows until the rows are there */
    uint64_t files, linked;
    vs_time_ms began, ended;
    struct vs_error error; /* FAILED: why */
};

/* VS_E_CONFIG: no backup_folder; VS_E_STATE: one is running, or the store lies in memory. */
VS_NODISCARD vs_rc vs_backup_start(struct vs_relay *relay, vs_time_ms now,
                                   char ret_id[VS_BACKUP_ID], struct vs_error *err);
/* One piece of the running backup, if any; returns whether there was one. One thread. */
bool vs_backup_step(struct vs_relay *relay, vs_time_ms now);
/* Sleep until there may be something to do; false once vs_relay_stop was called and the step
 * after it has ended the backup. */
bool vs_backup_wait(struct vs_relay *relay, int64_t timeout_ms);
/* Of the running one, or the last one of this process. */
void vs_backup_progress(struct vs_relay *relay, struct vs_backup_progress *ret);

/* The finished ones in the folder, oldest first; ids in `arena`. */
VS_NODISCARD vs_rc vs_backup_list(struct vs_relay *relay, struct vs_arena *arena,
                                  const char *const **ret, size_t *ret_n, struct vs_error *err);
#endif
