/* The anchor: the one witness outside the data folder. What it knows, the store must know; what
 * somebody else wrote into it, is not ours to replace. */
#include "relay/journal_priv.h"
#include <errno.h>
#include <stdio.h>

enum { PATH_BYTES = 4096 };

/* -- one process -------------------------------------------------------------------------- */

vs_rc vs_journal_lock_anchor(struct vs_journal *journal, struct vs_error *err)
{
    const struct vs_fileops *files = journal->options.files;
    char path[PATH_BYTES];
    if (journal->anchor == NULL || strlen(journal->anchor) + sizeof ".lock" > sizeof path)
        return VS_OK;
    snprintf(path, sizeof path, "%s.lock", journal->anchor);
    /* Where not even this file can be made, writing the anchor will say so. */
    if (files->open(files->context, path, VS_FILE_WRITE | VS_FILE_CREATE,
                    &journal->anchor_lock) != 0) {
        journal->anchor_lock = NULL;
        return VS_OK;
    }
    int error = files->lock(journal->anchor_lock, 0, 1);
    if (error != EAGAIN)
        return VS_OK; /* a file system without locks: the notes are compared all the same */
    vs_journal_unlock_anchor(journal);
    return vs_fail(err, VS_E_STORE_IN_USE, NULL, "another process has the anchor %s",
                   journal->anchor);
}

void vs_journal_unlock_anchor(struct vs_journal *journal)
{
    if (journal->anchor_lock != NULL)
        journal->options.files->close(journal->anchor_lock);
    journal->anchor_lock = NULL;
}

/* -- reading ------------------------------------------------------------------------------ */

vs_rc vs_journal_read_anchor(const struct vs_journal *journal, struct vs_arena *arena,
                             struct vs_bytes *ret, struct vs_error *err)
{
    *ret = VS_BYTES_NONE;
    if (journal->anchor == NULL)
        return VS_OK;
    vs_rc rc = vs_file_read(journal->options.files, journal->anchor, arena,
                            VS_CHECKPOINT_MAX_BYTES, ret, err);
    return rc.code == VS_E_NOT_FOUND ? VS_OK : rc;
}

/* Another log of this journal: given up by a restore, or begun by one. */
static vs_rc foreign_log(struct vs_journal *journal, const struct vs_checkpoint *anchor,
                         struct vs_error *err)
{
    struct vs_journal_restart *restart = journal->options.restart;
    bool given_up = restart != NULL && restart->supersede != NULL &&
                    strcmp(restart->supersede, anchor->origin) == 0;
    if (given_up)
        return VS_OK;
    if (restart != NULL)
        return vs_fail(err, VS_E_STORE_OLDER, NULL,
                       "the anchor %s knows the log %s with %llu entries, begun by another "
                       "restore; --supersede %s gives it up",
                       journal->anchor, anchor->origin, (unsigned long long)anchor->size,
                       anchor->origin);
    return vs_fail(err, VS_E_STORE_OLDER, NULL,
                   "the store's log is %s, the anchor %s knows %s: this store was restored "
                   "elsewhere since, or is a copy from before",
                   journal->origin, journal->anchor, anchor->origin);
}

/* The anchor is of the store's own log: what it knows must be a prefix. With a backup it may
 * know more: that is lost. */
static vs_rc own_log(struct vs_journal *journal, struct vs_tile_reader *reader,
                     const struct vs_checkpoint *anchor, struct vs_error *err)
{
    struct vs_hash root;
    if (anchor->size > journal->size && journal->options.restart != NULL)
        return VS_OK;
    if (anchor->size > journal->size)
        return vs_fail(err, VS_E_STORE_OLDER, NULL,
                       "the journal has %llu entries, the anchor %s knows %llu",
                       (unsigned long long)journal->size, journal->anchor,
                       (unsigned long long)anchor->size);
    VS_TRY(vs_journal_root_at(reader, anchor->size, &root, err));
    if (!vs_hash_equal(&root, &anchor->root))
        return vs_fail(err, VS_E_STORE_OLDER, NULL,
                       "the journal is another one than the anchor %s knows", journal->anchor);
    journal->anchor_size = anchor->size;
    return VS_OK;
}

static vs_rc no_anchor(struct vs_journal *journal, struct vs_error *err)
{
    const struct vs_journal_restart *restart = journal->options.restart;
    if (restart == NULL || restart->anchor_lost || journal->anchor == NULL)
        return VS_OK;
    return vs_fail(err, VS_E_STORE_OLDER, NULL,
                   "there is no anchor %s, which says what was given out after the backup; "
                   "--anchor-lost goes on without",
                   journal->anchor);
}

vs_rc vs_journal_check_anchor(struct vs_journal *journal, struct vs_tile_reader *reader,
                              struct vs_error *err)
{
    struct vs_journal_restart *restart = journal->options.restart;
    struct vs_bytes note;
    struct vs_checkpoint anchor;
    VS_TRY(vs_journal_read_anchor(journal, reader->arena, &note, err));
    if (note.ptr == NULL)
        return no_anchor(journal, err);
    vs_buffer_clear(&journal->anchor_note);
    vs_buffer_add(&journal->anchor_note, note);
    VS_TRY(vs_buffer_check(&journal->anchor_note, err));
    if (!vs_ok(vs_journal_read_signed(journal, reader->arena, note, &anchor, err)))
        return vs_fail(err, VS_E_STORE_OLDER, NULL,
                       "the anchor %s is not by this journal's key and origin",
                       journal->anchor);
    if (restart != NULL) {
        restart->anchor_origin = vs_heap_strdup(anchor.origin);
        restart->anchor_size = anchor.size;
    }
    if (strcmp(anchor.origin, journal->origin) == 0)
        return own_log(journal, reader, &anchor, err);
    /* A restore that ended between its commit and the anchor: exactly this note it took over.
     */
    if (restart == NULL && vs_bytes_equal(vs_buffer_view(&journal->taken), note))
        return VS_OK;
    return foreign_log(journal, &anchor, err);
}

/* -- writing ------------------------------------------------------------------------------ */

static vs_rc still_ours(const struct vs_journal *journal, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(2 * VS_CHECKPOINT_MAX_BYTES);
    struct vs_bytes note;
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_journal_read_anchor(journal, arena, &note, err));
    if (note.ptr == NULL || vs_bytes_equal(note, vs_buffer_view(&journal->anchor_note)))
        return VS_OK;
    return vs_fail(err, VS_E_STORE_OLDER, NULL,
                   "somebody else has written the anchor %s: another copy of this store runs",
                   journal->anchor);
}

vs_rc vs_journal_write_anchor(struct vs_journal *journal, struct vs_error *err)
{
    struct vs_bytes note = VS_BYTES(journal->note, journal->note_len);
    VS_TRY(still_ours(journal, err));
    VS_TRY(vs_file_replace(journal->options.files, journal->anchor, note, err));
    vs_buffer_clear(&journal->anchor_note);
    vs_buffer_add(&journal->anchor_note, note);
    return vs_buffer_check(&journal->anchor_note, err);
}
