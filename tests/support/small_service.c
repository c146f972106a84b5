#include "tests/support/small_service.h"
#include <stdio.h>

enum { MOST_BYTES = 9000, MOST_IN_BATCH = 8 };

void world_violation(struct world *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (w->violations++ == 0)
        vsnprintf(w->first_violation, sizeof w->first_violation, fmt, args);
    va_end(args);
}

/* -- documents: everything about one follows from its number ------------------------------- */

static size_t length_of(size_t document)
{
    return document % 7 == 0 ? 0 : document * 2654435761u % MOST_BYTES;
}

static void content_of(size_t document, uint8_t *to)
{
    uint32_t x = (uint32_t)document * 2246822519u + 1;
    for (size_t i = 0; i < length_of(document); i++) {
        x = x * 1664525u + 1013904223u;
        to[i] = (uint8_t)(x >> 24);
    }
}

struct document {
    uint8_t id[8], location[VS_LOCATION_BYTES], content[MOST_BYTES];
    struct vs_bytes part;
    struct vs_value row[VS_WORK_COLUMNS];
    struct vs_op ops[2];
    struct vs_spool *spool;
};

static void make_row(struct document *d, size_t number, struct vs_location location)
{
    vs_put_u64(d->id, number);
    vs_location_encode(location, d->location);
    memset(d->row, 0, sizeof d->row);
    d->row[VS_WORK_ID] = vs_blob(VS_BYTES(d->id, sizeof d->id));
    d->row[VS_WORK_KIND] = vs_text("document");
    d->row[VS_WORK_DUE] = vs_int((int64_t)length_of(number));
    d->row[VS_WORK_ATTEMPTS] = vs_int(0);
    d->row[VS_WORK_DATA] = vs_blob(VS_BYTES(d->location, sizeof d->location));
    d->ops[0] = vs_op_insert(VS_T_WORK, d->row);
}

/* -- the service in small: gather, append, sync, commit, acknowledge ----------------------- */

struct batch {
    struct document documents[MOST_IN_BATCH];
    struct vs_segment_record records[MOST_IN_BATCH];
    struct vs_item items[MOST_IN_BATCH + 1];
    size_t first, n;
};

static vs_rc spool_one(struct world *w, struct document *d, struct vs_location *ret,
                       struct vs_error *err)
{
    VS_TRY(vs_spool_new(w->segments, &d->spool, err));
    VS_TRY(vs_spool_add(d->spool, d->part, err));
    return vs_spool_adopt(d->spool, 2, ret, err);
}

static vs_rc write_bytes(struct world *w, struct batch *b, struct vs_error *err)
{
    size_t n_records = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct document *d = &b->documents[i];
        content_of(b->first + i, d->content);
        d->part = VS_BYTES(d->content, length_of(b->first + i));
        bool large = (b->first + i) % 5 == 0;
        if (large) {
            struct vs_location location;
            VS_TRY(spool_one(w, d, &location, err));
            make_row(d, b->first + i, location);
            d->ops[1] = vs_segments_adopted_op(d->spool);
        } else {
            b->records[n_records++] = (struct vs_segment_record){
                .class = (uint32_t)(b->first + i) % 2, .parts = &d->part, .n_parts = 1};
        }
        b->items[i] = (struct vs_item){.ops = d->ops, .n_ops = large ? 2 : 1};
    }
    VS_TRY(vs_segments_append(w->segments, b->records, n_records, err));
    for (size_t i = 0, r = 0; i < b->n; i++)
        if ((b->first + i) % 5 != 0)
            make_row(&b->documents[i], b->first + i, b->records[r++].location);
    return VS_OK;
}

static void acknowledge(struct world *w, const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        w->documents[b->first + i] = ACKNOWLEDGED;
}

static vs_rc commit_rows(struct world *w, struct batch *b, struct vs_error *err)
{
    b->items[b->n] = vs_segments_mark(w->segments);
    VS_TRY(vs_store_commit(w->store, b->items, b->n + 1, err));
    for (size_t i = 0; i <= b->n; i++)
        if (b->items[i].outcome != VS_ITEM_DONE)
            world_violation(w, "a commit had outcome %d", (int)b->items[i].outcome);
    vs_segments_marked(w->segments);
    return VS_OK;
}

static vs_rc run_batch(struct world *w, struct batch *b, struct vs_error *err)
{
    VS_TRY(write_bytes(w, b, err));
    if (w->bug == ACKNOWLEDGES_EARLY)
        acknowledge(w, b);
    if (w->bug == SWAPS_THE_WRITES) {
        VS_TRY(commit_rows(w, b, err));
        acknowledge(w, b);
        return vs_segments_sync(w->segments, err);
    }
    VS_TRY(vs_segments_sync(w->segments, err));
    VS_TRY(commit_rows(w, b, err));
    acknowledge(w, b);
    return VS_OK;
}

vs_rc world_batch(struct world *w, struct vs_error *err)
{
    struct batch *b = vs_heap_new(sizeof *b);
    b->first = w->n_documents;
    b->n = 1 + (size_t)vs_lossy_random(w->disk, MOST_IN_BATCH);
    VS_ASSERT(b->first + b->n <= MOST_DOCUMENTS);
    for (size_t i = 0; i < b->n; i++)
        w->documents[b->first + i] = IN_FLIGHT;
    w->n_documents += b->n;
    vs_rc rc = run_batch(w, b, err);
    for (size_t i = 0; i < b->n; i++)
        vs_spool_free(b->documents[i].spool);
    vs_heap_free(b);
    return rc;
}

/* -- after the power is back --------------------------------------------------------------- */

static void verify_document(struct world *w, size_t number)
{
    struct vs_error err;
    VS_ARENA *arena = vs_arena_new(1 << 20);
    static uint8_t content[MOST_BYTES];
    uint8_t id[8];
    vs_put_u64(id, number);
    struct vs_value key = vs_blob(VS_BYTES(id, sizeof id));
    const struct vs_row *row;
    vs_rc rc = vs_store_get(w->store, arena, VS_T_WORK, &key, &row, &err);
    if (!vs_ok(rc) || (row == NULL && w->documents[number] == ACKNOWLEDGED)) {
        world_violation(w, "document %zu is lost: %s", number, vs_ok(rc) ? "no row" : err.text);
        w->documents[number] = ABSENT;
        return;
    }
    w->documents[number] = row == NULL ? ABSENT : ACKNOWLEDGED;
    if (row == NULL)
        return;
    struct vs_location location;
    struct vs_bytes got;
    content_of(number, content);
    if (!vs_location_decode(row->values[VS_WORK_DATA].bytes, &location))
        world_violation(w, "document %zu has no location", number);
    else if (!vs_ok(vs_segments_read(w->segments, location, arena, MOST_BYTES, &got, &err)))
        world_violation(w, "document %zu: %s", number, err.text);
    else if (!vs_bytes_equal(got, VS_BYTES(content, length_of(number))))
        world_violation(w, "document %zu has other bytes", number);
}

static void fault(void *context, const char *table, const char *key, const char *text)
{
    world_violation(context, "check: %s %s: %s", table, key, text);
}

void world_verify(struct world *w)
{
    struct vs_error err;
    for (size_t i = 0; i < w->n_documents; i++)
        if (w->documents[i] != ABSENT)
            verify_document(w, i);
    if (!vs_ok(vs_store_check(w->store, fault, w, &err)) ||
        !vs_ok(vs_segments_check(w->segments, fault, w, &err)))
        world_violation(w, "no check: %s", err.text);
}

vs_rc world_start(struct world *w, struct vs_error *err)
{
    struct vs_store_options options = {
        .path = "/data/store", .files = vs_lossy_files(w->disk), .checkpoint_pages = 30};
    VS_TRY(vs_store_open(&options, &w->store, err));
    struct vs_segments_options s = {.folder = "/data",
                                    .files = vs_lossy_files(w->disk),
                                    .store = w->store,
                                    .segment_bytes = 100 * 1000};
    VS_TRY(vs_segments_open(&s, &w->segments, err));
    return vs_segments_sweep(w->segments, err);
}

void world_stop(struct world *w)
{
    vs_segments_close(w->segments);
    vs_store_close(w->store);
    w->segments = NULL;
    w->store = NULL;
}
