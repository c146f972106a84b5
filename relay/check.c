#include "relay/centre/centre.h"
#include "relay/check_priv.h"
#include "relay/journal.h"
#include <stdarg.h>
#include <stdio.h>

#define SCRATCH_BYTES ((size_t)64 * 1024 * 1024)

void vs_check_found(struct vs_check_run *run, const char *what, const char *where,
                    const char *fmt, ...)
{
    char text[300];
    if (run->result.n_findings == VS_CHECK_FINDINGS) {
        run->result.more = true;
        return;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct vs_check_finding *f = &run->findings[run->result.n_findings];
    f->what = vs_arena_strdup(run->arena, what);
    f->where = vs_arena_strdup(run->arena, where);
    f->text = vs_arena_strdup(run->arena, text);
    if (f->what == NULL || f->where == NULL || f->text == NULL)
        run->result.more = true;
    else
        run->result.n_findings++;
}

const char *vs_check_id(struct vs_check_run *run, const struct vs_value *value)
{
    const char *text = value->type == VS_BLOB ? vs_hex_new(run->scratch, value->bytes) : NULL;
    return text == NULL ? "?" : text;
}

void vs_check_log_ends(struct vs_check_run *run)
{
    VS_ARENA *arena = vs_arena_new(SCRATCH_BYTES);
    struct vs_journal_log log;
    struct vs_error err = {.text = "out of memory"};
    if (arena == NULL ||
        !vs_ok(vs_journal_log(run->relay->journal, arena, run->epoch, &log, &err)))
        vs_check_found(run, "journal", "size", "%s", err.text);
    else if (run->journal_leaves != log.size)
        vs_check_found(run, "journal", "size", "%llu leaves, but the batches account for %llu",
                       (unsigned long long)log.size, (unsigned long long)run->journal_leaves);
}

vs_rc vs_check_tolerate(struct vs_check_run *run, vs_rc rc, const char *what, const char *where,
                        struct vs_error *err)
{
    if (vs_ok(rc) || rc.code == VS_E_NOMEM || rc.code == VS_E_IO)
        return rc;
    vs_check_found(run, what, where, "%s", err->text);
    return VS_OK;
}

struct table_check {
    struct vs_check_run *run;
    const struct vs_table *table;
    vs_check_look *look;
    uint64_t *count;
};

static vs_rc check_row(void *context, const struct vs_row *row, struct vs_error *err)
{
    struct table_check *check = context;
    struct vs_check_run *run = check->run;
    char where[VS_KEY_TEXT];
    run->done++;
    if (run->progress != NULL && (run->done % 256 == 0 || run->done == run->total))
        run->progress(run->progress_context, run->done, run->total);
    if (check->count != NULL)
        ++*check->count;
    if (row->corrupt)
        return VS_OK;
    vs_arena_reset(run->scratch);
    vs_values_text(row->values, check->table->n_key, where);
    vs_rc rc = check->look(run, where, row, err);
    return vs_check_tolerate(run, rc, check->table->name, where, err);
}

vs_rc vs_check_rows(struct vs_check_run *run, enum vs_table_id table, vs_check_look *look,
                    uint64_t *count, struct vs_error *err)
{
    struct table_check check = {run, &vs_schema.tables[table], look, count};
    return vs_store_each(run->relay->store, table, check_row, &check, err);
}

static void row_fault(void *context, const char *table, const char *key, const char *text)
{
    vs_check_found(context, table[0] == '\0' ? "store" : table, key, "%s", text);
}

static void segment_fault(void *context, const char *table, const char *key, const char *text)
{
    (void)table;
    vs_check_found(context, "segment", key, "%s", text);
}

static void journal_fault(void *context, const char *table, const char *key, const char *text)
{
    (void)table;
    vs_check_found(context, "journal", key, "%s", text);
}

static void register_fault(void *context, const char *serial, const char *text)
{
    vs_check_found(context, "certificate", serial, "%s", text);
}

static vs_rc count_work(struct vs_check_run *run, struct vs_error *err)
{
    static const enum vs_table_id tables[] = {VS_T_EVIDENCE,
                                              VS_T_BATCH,
                                              VS_T_DOCUMENT,
                                              VS_T_DELIVERY,
                                              VS_T_REFUSAL,
                                              VS_T_IDEMPOTENCY,
                                              VS_T_REPETITION,
                                              VS_T_TOMBSTONE,
                                              VS_T_ACT,
                                              VS_T_WORK,
                                              VS_T_DELIVERY /* twice */,
                                              VS_T_HOLD,
                                              VS_T_REGISTER};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct vs_query query = {.table = tables[i]};
        uint64_t n;
        VS_TRY(vs_store_count(run->relay->store, &query, &n, err));
        run->total += n;
    }
    return VS_OK;
}

static vs_rc check_all(struct vs_check_run *run, struct vs_error *err)
{
    struct vs_relay *relay = run->relay;
    VS_TRY(count_work(run, err));
    VS_TRY(vs_store_check(relay->store, row_fault, run, err));
    VS_TRY(vs_segments_check(relay->segments, segment_fault, run, err));
    VS_TRY(vs_journal_check(relay->journal, journal_fault, run, err));
    VS_TRY(vs_check_batches(run, err));
    VS_TRY(vs_check_evidence(run, err));
    VS_TRY(vs_check_exchange(run, err));
    VS_TRY(vs_check_keys(run, err));
    VS_TRY(vs_check_work(run, err));
    VS_TRY(vs_check_retention(run, err));
    VS_TRY(vs_check_register(run, err));
    VS_TRY(vs_centre_check(relay->centre, register_fault, run, err));
    run->result.journal_size = vs_journal_size(relay->journal);
    vs_check_log_ends(run);
    if (run->epoch != vs_journal_epoch(relay->journal))
        vs_check_found(run, "journal", "epoch", "log %llu, but the batches end in log %llu",
                       (unsigned long long)vs_journal_epoch(relay->journal),
                       (unsigned long long)run->epoch);
    return VS_OK;
}

vs_rc vs_check(struct vs_relay *relay, struct vs_arena *arena,
               void (*progress)(void *context, uint64_t done, uint64_t total), void *context,
               struct vs_check_result *ret, struct vs_error *err)
{
    VS_ARENA *scratch = vs_arena_new(SCRATCH_BYTES);
    VS_ARENA *batches = vs_arena_new(SCRATCH_BYTES);
    struct vs_check_run run = {.relay = relay,
                               .epoch = 1,
                               .arena = arena,
                               .scratch = scratch,
                               .batch_arena = batches,
                               .progress = progress,
                               .progress_context = context};
    run.findings = vs_arena_make_n(arena, struct vs_check_finding, VS_CHECK_FINDINGS);
    if (scratch == NULL || batches == NULL || run.findings == NULL)
        return vs_fail_memory(err);
    VS_TRY(check_all(&run, err));
    run.result.findings = run.findings;
    *ret = run.result;
    return VS_OK;
}
