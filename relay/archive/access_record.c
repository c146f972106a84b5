#include "relay/archive/access_record.h"
#include "relay/exchange/commit.h"
#include "relay/relay_priv.h"

#define SLOTS     (2 * VS_ACCESS_WAITING)
#define PAGE      256 /* entries in one job */
#define JOB_ARENA ((size_t)4 << 20)
#define LIST_MAX  1000

struct note {
    struct vs_id document, principal, participant;
    enum vs_access_what what;
    vs_time_ms first, last;
    int64_t count; /* 0: free */
};

struct vs_access_notes {
    pthread_mutex_t lock;
    struct note slots[SLOTS];
    size_t n;
};

const char *vs_access_what_name(enum vs_access_what what)
{
    static const char *const names[VS_ACCESS_WHATS] = {"status", "evidence", "original",
                                                       "consignment"};
    VS_ASSERT((unsigned)what < VS_ACCESS_WHATS);
    return names[what];
}

struct vs_access_notes *vs_access_notes_new(void)
{
    struct vs_access_notes *notes = vs_heap_new(sizeof *notes);
    VS_ASSERT(pthread_mutex_init(&notes->lock, NULL) == 0);
    return notes;
}

void vs_access_notes_free(struct vs_access_notes *notes)
{
    if (notes == NULL)
        return;
    pthread_mutex_destroy(&notes->lock);
    vs_heap_free(notes);
}

/* -- noting -------------------------------------------------------------------------------- */

static struct note *slot_of(struct vs_access_notes *notes, const struct note *wanted)
{
    size_t at = (vs_get_u32(wanted->document.bytes + 12) ^
                 vs_get_u32(wanted->principal.bytes + 12) ^ (unsigned)wanted->what) %
                SLOTS;
    for (;; at = (at + 1) % SLOTS) {
        struct note *slot = &notes->slots[at];
        if (slot->count == 0 ||
            (slot->what == wanted->what && vs_id_equal(slot->document, wanted->document) &&
             vs_id_equal(slot->principal, wanted->principal)))
            return slot;
    }
}

void vs_access_note(struct vs_relay *relay, const struct vs_caller *caller,
                    struct vs_id document, enum vs_access_what what)
{
    struct vs_access_notes *notes = relay->accesses;
    vs_time_ms now = vs_relay_now(relay);
    struct note note = {.document = document,
                        .principal = caller->principal,
                        .participant = caller->participant,
                        .what = what,
                        .first = now,
                        .last = now,
                        .count = 1};
    pthread_mutex_lock(&notes->lock);
    struct note *slot = slot_of(notes, &note);
    if (slot->count == 0) {
        *slot = note;
        notes->n++;
    } else {
        slot->last = now;
        slot->count++;
    }
    bool full = notes->n >= VS_ACCESS_WAITING;
    pthread_mutex_unlock(&notes->lock);
    if (full)
        vs_access_step(relay);
}

/* -- writing ------------------------------------------------------------------------------- */

/* All that waits, as an array on the heap. */
static struct note *take(struct vs_access_notes *notes, size_t *ret_n)
{
    struct note *taken = NULL;
    pthread_mutex_lock(&notes->lock);
    *ret_n = notes->n;
    if (notes->n > 0) {
        taken = vs_heap_array(notes->n, sizeof *taken);
        size_t used = 0;
        for (size_t i = 0; i < SLOTS; i++)
            if (notes->slots[i].count > 0)
                taken[used++] = notes->slots[i];
        memset(notes->slots, 0, sizeof notes->slots);
        notes->n = 0;
    }
    pthread_mutex_unlock(&notes->lock);
    return taken;
}

static vs_rc stage_note(struct vs_relay *relay, struct vs_stage *stage, struct vs_arena *arena,
                        const struct note *note, struct vs_error *err)
{
    struct vs_value *row = vs_stage_row(stage, VS_T_ACCESS);
    const struct vs_row *old, *document;
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_ACCESS_DOCUMENT] = vs_id_value(&note->document);
    row[VS_ACCESS_PRINCIPAL] = vs_id_value(&note->principal);
    row[VS_ACCESS_WHAT] = vs_text(vs_access_what_name(note->what));
    VS_TRY(vs_store_get(relay->store, arena, VS_T_ACCESS, row, &old, err));
    row[VS_ACCESS_PARTICIPANT] = vs_id_value(&note->participant);
    row[VS_ACCESS_FIRST] = old == NULL ? vs_int(note->first) : old->values[VS_ACCESS_FIRST];
    row[VS_ACCESS_LAST] = vs_int(note->last);
    row[VS_ACCESS_COUNT] =
        vs_int(note->count + (old == NULL ? 0 : old->values[VS_ACCESS_COUNT].integer));
    /* Of what was deleted meanwhile nothing is written any more. */
    enum vs_table_id table = VS_T_DOCUMENT;
    VS_TRY(vs_store_get(relay->store, arena, table, row, &document, err));
    if (document == NULL) {
        table = VS_T_REFUSAL;
        VS_TRY(vs_store_get(relay->store, arena, table, row, &document, err));
    }
    if (document == NULL)
        return VS_OK;
    struct vs_value *key = vs_stage_row(stage, table);
    if (key == NULL)
        return vs_fail_memory(err);
    key[0] = row[VS_ACCESS_DOCUMENT];
    VS_TRY(vs_stage_op(stage, vs_op_expect(table, key, VS_ANY_VERSION), err));
    struct vs_op op = vs_op_put(VS_T_ACCESS, row);
    op.if_version = old == NULL ? VS_ANY_VERSION : old->version;
    return vs_stage_op(stage, op, err);
}

struct write {
    struct vs_job job;
    struct note notes[PAGE];
    size_t n;
};

static vs_rc run_write(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                       struct vs_error *err)
{
    struct write *self = job->context;
    struct vs_stage *stage;
    (void)now;
    VS_TRY(vs_stage_new(job, &stage, err));
    for (size_t i = 0; i < self->n; i++)
        VS_TRY(stage_note(relay, stage, job->arena, &self->notes[i], err));
    return VS_OK;
}

static void write_done(struct vs_job *job)
{
    vs_arena_free(job->arena);
    vs_heap_free(job->context);
}

static struct write *new_write(const struct note *notes, size_t n)
{
    struct write *self = vs_heap_new(sizeof *self);
    self->job = (struct vs_job){.arena = vs_arena_new(JOB_ARENA),
                                .run = run_write,
                                .done = write_done,
                                .context = self};
    self->n = n;
    memcpy(self->notes, notes, n * sizeof *notes);
    VS_ASSERT(self->job.arena != NULL);
    return self;
}

void vs_access_step(struct vs_relay *relay)
{
    size_t n;
    struct note *notes = take(relay->accesses, &n);
    for (size_t i = 0; i < n; i += PAGE)
        vs_relay_submit_background(relay,
                                   &new_write(notes + i, n - i < PAGE ? n - i : PAGE)->job);
    vs_heap_free(notes);
}

void vs_access_flush(struct vs_relay *relay)
{
    size_t n;
    struct vs_error err;
    struct note *notes = take(relay->accesses, &n);
    for (size_t i = 0; i < n; i += PAGE) {
        struct write *self = new_write(notes + i, n - i < PAGE ? n - i : PAGE);
        vs_rc rc = run_write(relay, &self->job, vs_relay_now(relay), &err);
        if (vs_ok(rc)) {
            struct vs_item item = vs_stage_item(self->job.stage);
            rc = vs_store_commit(relay->store, &item, 1, &err);
        }
        write_done(&self->job);
        if (!vs_ok(rc))
            break; /* the store is as it is: nothing more can be written */
    }
    vs_heap_free(notes);
}

/* -- reading ------------------------------------------------------------------------------- */

vs_rc vs_access_list(struct vs_relay *relay, struct vs_arena *arena,
                     const struct vs_caller *caller, struct vs_id document,
                     const struct vs_access_entry **ret, size_t *ret_n, struct vs_error *err)
{
    VS_REFUSE_IF(!vs_caller_may(caller, VS_ROLE_OPERATOR | VS_ROLE_AUDITOR), err,
                 VS_E_FORBIDDEN, "Art. 31.4",
                 "operators and the supervising authority read the access record");
    struct vs_value equal = vs_id_value(&document);
    struct vs_query query = {
        .table = VS_T_ACCESS, .equal = &equal, .n_equal = 1, .limit = LIST_MAX};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    struct vs_access_entry *entries = vs_arena_make_n(arena, struct vs_access_entry, n + 1);
    if (entries == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct vs_value *v = rows[i].values;
        entries[i] =
            (struct vs_access_entry){.document = document,
                                     .principal = vs_value_id(&v[VS_ACCESS_PRINCIPAL]),
                                     .participant = vs_value_id(&v[VS_ACCESS_PARTICIPANT]),
                                     .what = vs_value_text_new(arena, &v[VS_ACCESS_WHAT]),
                                     .first = v[VS_ACCESS_FIRST].integer,
                                     .last = v[VS_ACCESS_LAST].integer,
                                     .count = v[VS_ACCESS_COUNT].integer};
    }
    *ret = entries;
    *ret_n = n;
    return VS_OK;
}
