/* The logs of one journal: which there are, how a new one begins, and reading any of them. */
#include "relay/journal_priv.h"
#include <stdio.h>

#define PROOF_ARENA ((size_t)4 * 1024 * 1024)

/* -- loading ------------------------------------------------------------------------------ */

static vs_rc wrong_row(struct vs_error *err, int64_t epoch, const char *what)
{
    return vs_fail(err, VS_E_CORRUPT, NULL, "the journal's log %lld: %s", (long long)epoch,
                   what);
}

/* "EPOCH-HEX" behind the first log's origin: the signed origin names the epoch, so that a row
 * whose epoch was changed does not fit its own checkpoint. */
static vs_rc origin_of(const struct vs_journal *journal, const struct vs_row *row,
                       struct vs_arena *arena, char **ret, struct vs_error *err)
{
    int64_t epoch = row->values[VS_JOURNAL_ID].integer;
    const struct vs_value *log = &row->values[VS_JOURNAL_LOG];
    char *wanted = vs_arena_printf(arena, "%lld-", (long long)epoch);
    char *text = log->type == VS_NULL
                     ? NULL
                     : vs_arena_strndup(arena, (const char *)log->bytes.ptr, log->bytes.len);
    if (wanted == NULL)
        return vs_fail_memory(err);
    if (row->values[VS_JOURNAL_EPOCH].integer != epoch || epoch < 1 || epoch > VS_LOGS_MAX)
        return wrong_row(err, epoch, "its epoch was changed");
    if ((epoch == 1) != (text == NULL) ||
        (text != NULL && strncmp(text, wanted, strlen(wanted)) != 0))
        return wrong_row(err, epoch, "its name is not of its epoch");
    *ret = text == NULL ? vs_arena_strdup(arena, journal->base)
                        : vs_arena_printf(arena, "%s/%s", journal->base, text);
    return *ret == NULL ? vs_fail_memory(err) : VS_OK;
}

static void take_record(const struct vs_row *row, uint8_t record[VS_LOG_RECORD], bool *has)
{
    struct vs_bytes id = row->values[VS_JOURNAL_RECORD].bytes;
    *has = row->values[VS_JOURNAL_RECORD].type == VS_BLOB && id.len == VS_LOG_RECORD;
    if (*has)
        memcpy(record, id.ptr, VS_LOG_RECORD);
}

static struct vs_past_log *add_past(struct vs_journal *journal)
{
    journal->past = vs_heap_grow(journal->past, (journal->n_past + 1) * sizeof *journal->past);
    struct vs_past_log *log = &journal->past[journal->n_past++];
    *log = (struct vs_past_log){.epoch = 0};
    vs_buffer_init(&log->note, VS_CHECKPOINT_MAX_BYTES);
    return log;
}

static vs_rc load_past(struct vs_journal *journal, struct vs_arena *arena,
                       const struct vs_row *row, struct vs_error *err)
{
    char *origin;
    struct vs_checkpoint checkpoint;
    struct vs_bytes note = row->values[VS_JOURNAL_NOTE].bytes;
    VS_TRY(origin_of(journal, row, arena, &origin, err));
    VS_TRY(vs_journal_read_note(journal, origin, arena, note, &checkpoint, err));
    int64_t epoch = row->values[VS_JOURNAL_ID].integer;
    if (checkpoint.size != (uint64_t)row->values[VS_JOURNAL_SIZE].integer)
        return wrong_row(err, epoch, "it is not that of its checkpoint");
    struct vs_past_log *log = add_past(journal);
    log->epoch = (uint64_t)epoch;
    log->size = checkpoint.size;
    log->origin = vs_heap_strdup(origin);
    vs_buffer_add(&log->note, note);
    take_record(row, log->record, &log->has_record);
    return vs_buffer_check(&log->note, err);
}

vs_rc vs_journal_load_logs(struct vs_journal *journal, struct vs_arena *arena,
                           const struct vs_row **ret, struct vs_error *err)
{
    struct vs_query query = {.table = VS_T_JOURNAL, .limit = VS_LOGS_MAX};
    const struct vs_row *rows;
    size_t n;
    char *origin;
    *ret = NULL;
    VS_TRY(vs_store_select(journal->options.store, arena, &query, &rows, &n, err));
    if (n == 0)
        return VS_OK;
    for (size_t i = 0; i + 1 < n; i++)
        VS_TRY(load_past(journal, arena, &rows[i], err));
    const struct vs_row *last = &rows[n - 1];
    VS_TRY(origin_of(journal, last, arena, &origin, err));
    vs_heap_free(journal->origin);
    journal->origin = vs_heap_strdup(origin);
    journal->epoch = (uint64_t)last->values[VS_JOURNAL_ID].integer;
    take_record(last, journal->record, &journal->has_record);
    if (last->values[VS_JOURNAL_TAKEN].type == VS_BLOB)
        vs_buffer_add(&journal->taken, last->values[VS_JOURNAL_TAKEN].bytes);
    *ret = last;
    return vs_buffer_check(&journal->taken, err);
}

/* -- a new log ---------------------------------------------------------------------------- */

/* The epoch that an origin of this journal names; 0: it is none of ours. */
static uint64_t epoch_of(const struct vs_journal *journal, const char *origin)
{
    size_t len = strlen(journal->base);
    uint64_t epoch;
    if (strncmp(origin, journal->base, len) != 0)
        return 0;
    if (origin[len] == '\0')
        return 1;
    size_t digits = strspn(origin + len + 1, "0123456789");
    bool ours = origin[len] == '/' && origin[len + 1 + digits] == '-' &&
                vs_u64_decode(VS_BYTES(origin + len + 1, digits), &epoch);
    return ours ? epoch : 0;
}

static void begin_log(struct vs_journal *journal, uint64_t epoch)
{
    char hex[2 * VS_LOG_UNIQUE + 1], origin[1024];
    vs_hex(VS_BYTES(journal->options.restart->unique, VS_LOG_UNIQUE), hex);
    snprintf(origin, sizeof origin, "%s/%llu-%s", journal->base, (unsigned long long)epoch,
             hex);
    journal->origin = vs_heap_strdup(origin);
    journal->epoch = epoch;
    journal->version = 0;
    journal->verified = 0;
    journal->has_record = false;
    journal->anchor_size = 0;
    memset(&journal->now, 0, sizeof journal->now);
}

vs_rc vs_journal_restart_log(struct vs_journal *journal, struct vs_error *err)
{
    struct vs_journal_restart *restart = journal->options.restart;
    uint64_t epoch = journal->epoch;
    if (journal->version == 0)
        return vs_fail(err, VS_E_BACKUP, NULL, "the backup has no journal: nothing was kept");
    struct vs_past_log *old = add_past(journal);
    old->epoch = journal->epoch;
    old->size = journal->size;
    old->origin = journal->origin; /* taken over */
    journal->origin = NULL;
    vs_buffer_add(&old->note, VS_BYTES(journal->note, journal->note_len));
    memcpy(old->record, journal->record, sizeof old->record);
    old->has_record = journal->has_record;
    restart->old_origin = old->origin;
    restart->old_size = old->size;
    restart->old_note = vs_buffer_view(&old->note);
    restart->anchor = vs_buffer_view(&journal->anchor_note);
    vs_buffer_clear(&journal->taken);
    vs_buffer_add(&journal->taken, restart->anchor);
    if (restart->anchor_origin != NULL && epoch_of(journal, restart->anchor_origin) > epoch)
        epoch = epoch_of(journal, restart->anchor_origin);
    if (epoch >= VS_LOGS_MAX)
        return vs_fail(err, VS_E_LIMIT, NULL, "a store has at most %d logs", VS_LOGS_MAX);
    begin_log(journal, epoch + 1);
    return vs_buffer_check(&journal->taken, err);
}

void vs_journal_begin_with(struct vs_journal *journal, struct vs_bytes record)
{
    VS_ASSERT(record.len == VS_LOG_RECORD && journal->version == 0);
    memcpy(journal->record, record.ptr, VS_LOG_RECORD);
    journal->has_record = true;
}

void vs_journal_logs_free(struct vs_journal *journal)
{
    if (journal->options.restart != NULL)
        vs_heap_free((char *)(uintptr_t)journal->options.restart->anchor_origin);
    for (size_t i = 0; i < journal->n_past; i++) {
        vs_heap_free(journal->past[i].origin);
        vs_buffer_done(&journal->past[i].note);
    }
    vs_heap_free(journal->past);
}

/* -- which there are ---------------------------------------------------------------------- */

uint64_t vs_journal_epoch(const struct vs_journal *journal)
{
    return journal->epoch;
}

static vs_rc view_of(const struct vs_journal *journal, struct vs_arena *arena,
                     const char *origin, struct vs_bytes note, const uint8_t *record,
                     struct vs_journal_log *ret, struct vs_error *err)
{
    ret->origin = vs_arena_strdup(arena, origin);
    ret->checkpoint = vs_bytes_copy(arena, note);
    ret->key = vs_checkpoint_verifier_key(arena, origin, journal->public_key);
    ret->record =
        record == NULL ? VS_BYTES_NONE : vs_bytes_copy(arena, VS_BYTES(record, VS_LOG_RECORD));
    bool full = ret->origin == NULL || ret->checkpoint.ptr == NULL || ret->key == NULL ||
                (record != NULL && ret->record.ptr == NULL);
    return full ? vs_fail_memory(err) : VS_OK;
}

static const struct vs_past_log *find_past(const struct vs_journal *journal, uint64_t epoch)
{
    for (size_t i = 0; i < journal->n_past; i++)
        if (journal->past[i].epoch == epoch)
            return &journal->past[i];
    return NULL;
}

vs_rc vs_journal_log(struct vs_journal *journal, struct vs_arena *arena, uint64_t epoch,
                     struct vs_journal_log *ret, struct vs_error *err)
{
    const struct vs_past_log *log = find_past(journal, epoch);
    struct vs_bytes note;
    if (log != NULL) {
        *ret = (struct vs_journal_log){.epoch = epoch, .size = log->size};
        return view_of(journal, arena, log->origin, vs_buffer_view(&log->note),
                       log->has_record ? log->record : NULL, ret, err);
    }
    if (epoch != journal->epoch)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "the journal has no log %llu",
                       (unsigned long long)epoch);
    VS_TRY(vs_journal_checkpoint(journal, arena, &note, err));
    struct vs_checkpoint checkpoint;
    VS_TRY(vs_checkpoint_read(arena, note, &checkpoint, err));
    *ret = (struct vs_journal_log){.epoch = epoch, .size = checkpoint.size};
    return view_of(journal, arena, journal->origin, note,
                   journal->has_record ? journal->record : NULL, ret, err);
}

vs_rc vs_journal_logs(struct vs_journal *journal, struct vs_arena *arena,
                      const struct vs_journal_log **ret, size_t *ret_n, struct vs_error *err)
{
    size_t n = journal->n_past + 1;
    struct vs_journal_log *logs = vs_arena_make_n(arena, struct vs_journal_log, n);
    if (logs == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(vs_journal_log(journal, arena,
                              i + 1 < n ? journal->past[i].epoch : journal->epoch, &logs[i],
                              err));
    *ret = logs;
    *ret_n = n;
    return VS_OK;
}

/* -- reading ------------------------------------------------------------------------------ */

/* A reader of that log and how many entries it has given out. */
static vs_rc reader_of(struct vs_journal *journal, struct vs_arena *arena, uint64_t epoch,
                       struct vs_tile_reader *ret, uint64_t *ret_size, struct vs_error *err)
{
    if (arena == NULL)
        return vs_fail_memory(err);
    const struct vs_past_log *log = find_past(journal, epoch);
    if (log == NULL && epoch != journal->epoch)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "the journal has no log %llu",
                       (unsigned long long)epoch);
    *ret = (struct vs_tile_reader){
        .store = journal->options.store, .arena = arena, .first_level = vs_log_level(epoch)};
    *ret_size = log != NULL ? log->size : vs_journal_size(journal);
    return VS_OK;
}

static vs_rc check_size(uint64_t now, uint64_t size, struct vs_error *err)
{
    if (size > now)
        return vs_fail(err, VS_E_PARAMETER, NULL, "size %llu: the journal has %llu entries",
                       (unsigned long long)size, (unsigned long long)now);
    return VS_OK;
}

vs_rc vs_journal_inclusion_of(struct vs_journal *journal, uint64_t epoch, uint64_t index,
                              uint64_t size, struct vs_merkle_proof *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(PROOF_ARENA);
    struct vs_tile_reader reader;
    uint64_t now;
    VS_TRY(reader_of(journal, arena, epoch, &reader, &now, err));
    VS_TRY(check_size(now, size, err));
    return vs_merkle_inclusion(index, size, vs_tile_fetch, &reader, ret, err);
}

vs_rc vs_journal_consistency_of(struct vs_journal *journal, uint64_t epoch, uint64_t from,
                                uint64_t to, struct vs_merkle_proof *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(PROOF_ARENA);
    struct vs_tile_reader reader;
    uint64_t now;
    VS_TRY(reader_of(journal, arena, epoch, &reader, &now, err));
    VS_TRY(check_size(now, to, err));
    return vs_merkle_consistency(from, to, vs_tile_fetch, &reader, ret, err);
}

vs_rc vs_journal_tile_of(struct vs_journal *journal, uint64_t epoch, unsigned level,
                         uint64_t index, unsigned width, struct vs_arena *arena,
                         struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_tile_reader reader;
    uint64_t now;
    VS_TRY(reader_of(journal, arena, epoch, &reader, &now, err));
    /* What is stored may be newer than the size that was given out: never more than that. */
    uint64_t most = level < VS_TILE_LEVELS ? now >> (8 * level) : 0;
    bool there = width >= 1 && width <= VS_TILE_WIDTH && index < UINT64_MAX / VS_TILE_WIDTH &&
                 index * VS_TILE_WIDTH + width <= most;
    if (!there)
        return vs_fail(err, VS_E_NOT_FOUND, "C2SP tlog-tiles", "there is no such tile");
    struct vs_bytes tile;
    VS_TRY(vs_tile_read(&reader, level, index, &tile, err));
    if (tile.len < (size_t)width * 32)
        return vs_fail(err, VS_E_CORRUPT, NULL, "tile %u/%llu lacks hashes", level,
                       (unsigned long long)index);
    *ret = VS_BYTES(tile.ptr, (size_t)width * 32);
    return VS_OK;
}

vs_rc vs_journal_leaf_of(struct vs_journal *journal, uint64_t epoch, uint64_t index,
                         struct vs_hash *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(PROOF_ARENA);
    struct vs_tile_reader reader;
    uint64_t now;
    VS_TRY(reader_of(journal, arena, epoch, &reader, &now, err));
    if (index >= now)
        return vs_fail(err, VS_E_PARAMETER, NULL, "there is no entry %llu",
                       (unsigned long long)index);
    return vs_tile_fetch(&reader, 0, index, ret, err);
}

/* -- the newest one ----------------------------------------------------------------------- */

vs_rc vs_journal_inclusion(struct vs_journal *journal, uint64_t index, uint64_t size,
                           struct vs_merkle_proof *ret, struct vs_error *err)
{
    return vs_journal_inclusion_of(journal, journal->epoch, index, size, ret, err);
}

vs_rc vs_journal_consistency(struct vs_journal *journal, uint64_t from, uint64_t to,
                             struct vs_merkle_proof *ret, struct vs_error *err)
{
    return vs_journal_consistency_of(journal, journal->epoch, from, to, ret, err);
}

vs_rc vs_journal_tile(struct vs_journal *journal, unsigned level, uint64_t index,
                      unsigned width, struct vs_arena *arena, struct vs_bytes *ret,
                      struct vs_error *err)
{
    return vs_journal_tile_of(journal, journal->epoch, level, index, width, arena, ret, err);
}

vs_rc vs_journal_leaf(struct vs_journal *journal, uint64_t index, struct vs_hash *ret,
                      struct vs_error *err)
{
    return vs_journal_leaf_of(journal, journal->epoch, index, ret, err);
}
