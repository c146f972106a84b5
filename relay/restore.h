/* restore.h - a service from a backup (backup.h): with a new log, never the old one continued.
 *
 * What the lost store gave out after the backup is gone: documents acknowledged, evidence,
 * checkpoints. A tree that went on from the backup would contradict what others hold. So the
 * restored store begins a new log (journal.h). Its first entry is signed evidence
 * (JournalRestarted) that names the old log, its checkpoint in the backup, the one that the
 * anchor knew, and the range of entries that is lost; parties who hold evidence from that range
 * still hold proof of it against the old log's checkpoints.
 *
 * Not restored either: what happened to certificates of the embedded centre after the backup.
 * Revocations since then must be repeated.
 *
 * The anchor says up to where the old log went, and so must be there; where it names another
 * log than the backup's, the store was restored before: that log must be given up by name.
 * Whichever store is not the anchor's does not start any more (VS_E_STORE_OLDER).
 *
 * Cut off at any moment: until the new log is committed the data folder holds a file RESTORING,
 * vasited refuses it (VS_E_RESTORE), and another restore clears the folder and begins anew. */
#ifndef VS_RELAY_RESTORE_H
#define VS_RELAY_RESTORE_H
#include "relay/relay.h"

struct vs_restore_options {
    const char *from;      /* the backup's folder */
    const char *supersede; /* origin of the log to give up; NULL */
    bool anchor_lost;
    void (*progress)(void *context, uint64_t bytes); /* may be NULL; of each piece */
    void *context;
};
struct vs_restored {
    const char *log; /* origin of the new one; all texts in `arena` */
    const char *old_log;
    uint64_t lost_from; /* first entry of the old log that is not in the backup */
    bool until_known;
    uint64_t lost_until;  /* at least: the anchor's size (it may lag by a second) */
    const char *given_up; /* the log of an earlier restore; NULL */
    char evidence[VS_ID_TEXT];
};

/* Every file of the backup against SHA256SUMS; all must be there. VS_E_BACKUP names the first
 * one that is not as it was. Needs no service and changes nothing. */
VS_NODISCARD vs_rc vs_backup_verify(const struct vs_restore_options *options,
                                    uint64_t *ret_files, uint64_t *ret_bytes,
                                    struct vs_error *err);

/* Verify, copy into settings->data (VS_E_EXISTS: it is not empty), begin the new log. After a
 * failure nothing of it is left in the data folder. No service may run. */
VS_NODISCARD vs_rc vs_restore(const struct vs_relay_settings *settings,
                              const struct vs_seams *seams,
                              const struct vs_restore_options *options, struct vs_arena *arena,
                              struct vs_restored *ret, struct vs_error *err);
#endif
