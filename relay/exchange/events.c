/* Webhooks of what happened to a sender's documents (notify.h, `events`). */
#include "formats/base/json_text.h"
#include "formats/crypto/digest.h"
#include "relay/exchange/act.h"
#include "relay/exchange/notify.h"
#include "relay/exchange/push.h"
#include "relay/exchange/transitions.h"
#include "relay/exchange/webhook.h"
#include "relay/relay_priv.h"
#include <stdlib.h>

#define DATA_VERSION 1
#define DATA_BYTES   13
#define PAGE         100
#define BODY_MAX     ((size_t)256 * 1024)
#define IDLE_MS      VS_HOUR_MS /* then it is looked at, though nobody said that it must be */
#define OPEN_ARENA   ((size_t)16 << 20)
#define OPEN_PAGE    256
#define STEP_MAX     64

/* -- the row ------------------------------------------------------------------------------- */

/* Version 1, the place up to which a 2xx came (8), how often in a row it failed (4). */
struct progress {
    int64_t place;
    uint32_t failures;
};

static vs_rc decode(const struct vs_due *work, struct progress *ret, struct vs_error *err)
{
    struct vs_bytes data = work->data;
    if (data.len != DATA_BYTES || data.ptr[0] != DATA_VERSION)
        return vs_fail(err, VS_E_CORRUPT, NULL, "work of kind events cannot be read");
    ret->place = (int64_t)vs_get_u64(data.ptr + 1);
    ret->failures = vs_get_u32(data.ptr + 9);
    return VS_OK;
}

static struct vs_bytes encode(struct progress progress, uint8_t ret[DATA_BYTES])
{
    ret[0] = DATA_VERSION;
    vs_put_u64(ret + 1, (uint64_t)progress.place);
    vs_put_u32(ret + 9, progress.failures);
    return VS_BYTES(ret, DATA_BYTES);
}

vs_rc vs_events_stage(struct vs_relay *relay, struct vs_stage *stage, struct vs_arena *arena,
                      const struct vs_participant *participant, vs_time_ms now,
                      struct vs_error *err)
{
    uint8_t data[DATA_BYTES];
    const struct vs_due *work;
    struct progress progress = {.place = atomic_load(&relay->last_sequence)};
    if (participant->events_endpoint == NULL)
        return VS_OK;
    VS_TRY(vs_due_get(relay, arena, VS_DUE_EVENTS, vs_id_bytes(&participant->id), &work, err));
    if (work != NULL)
        return VS_OK;
    return vs_due_stage(stage, VS_DUE_EVENTS, now + IDLE_MS, vs_id_bytes(&participant->id),
                        encode(progress, data), err);
}

static vs_rc participant_of(struct vs_relay *relay, struct vs_arena *arena,
                            const struct vs_due *work, const struct vs_participant **ret,
                            struct vs_error *err)
{
    struct vs_id id;
    if (!vs_id_from_bytes(work->subject, &id))
        return vs_fail(err, VS_E_CORRUPT, NULL, "work of kind events names nobody");
    VS_TRY(vs_participant_get(relay, arena, id, ret, err));
    if (*ret == NULL)
        return vs_fail(err, VS_E_CORRUPT, NULL, "a participant is not there");
    return VS_OK;
}

vs_rc vs_events_host(struct vs_relay *relay, struct vs_arena *arena, const struct vs_due *work,
                     const char **ret, struct vs_error *err)
{
    const struct vs_participant *participant;
    struct vs_endpoint endpoint = {.host = ""};
    VS_TRY(participant_of(relay, arena, work, &participant, err));
    if (participant->events_endpoint != NULL)
        VS_TRY(vs_outgoing_endpoint(arena, participant->events_endpoint, &endpoint, err));
    *ret = endpoint.host;
    return VS_OK;
}

/* -- telling ------------------------------------------------------------------------------- */

struct telling {
    bool unwanted; /* it has no events endpoint any more */
    int64_t place; /* up to which this request tells */
    bool more;
};

static vs_rc body_of(struct vs_arena *arena, const struct vs_page *page, struct vs_bytes *ret,
                     struct vs_error *err)
{
    VS_BUFFER body;
    vs_buffer_init(&body, BODY_MAX);
    vs_buffer_text(&body, "{\"cursor\":");
    vs_json_text(&body, page->cursor);
    vs_buffer_text(&body, ",\"events\":[");
    for (size_t i = 0; i < page->n; i++) {
        const struct vs_delivery *d = page->entries[i];
        vs_buffer_text(&body, i == 0 ? "{\"document\":\"" : ",{\"document\":\"");
        vs_buffer_hex(&body, vs_id_bytes(&d->document));
        vs_buffer_text(&body, "\",\"recipient\":");
        vs_json_text(&body, d->recipient_identifier);
        vs_buffer_text(&body, ",\"state\":");
        vs_json_text(&body, vs_delivery_state_name(d->state));
        vs_buffer_text(&body, ",\"cursor\":");
        vs_json_text(&body, vs_cursor_new(arena, d->sequence));
        vs_buffer_byte(&body, '}');
    }
    vs_buffer_text(&body, "]}\n");
    return vs_buffer_copy(&body, arena, ret, err);
}

/* The same content has the same id, whenever it is repeated. */
static struct vs_id delivery_of(const struct vs_due *work, const uint8_t digest[32])
{
    struct vs_id id;
    uint8_t both[VS_ID_BYTES + 32], whole[32];
    memcpy(both, work->id.bytes, VS_ID_BYTES);
    memcpy(both + VS_ID_BYTES, digest, 32);
    vs_sha256(VS_BYTES(both, sizeof both), whole);
    memcpy(id.bytes, whole, sizeof id.bytes);
    return id;
}

static vs_rc prepare_page(struct vs_relay *relay, struct vs_remote *remote,
                          const struct vs_participant *participant, const struct vs_page *page,
                          uint32_t failures, vs_time_ms now, struct vs_error *err)
{
    struct vs_endpoint endpoint;
    VS_TRY(vs_outgoing_endpoint(remote->arena, participant->events_endpoint, &endpoint, err));
    struct vs_webhook webhook = {.url = endpoint.url,
                                 .content_type = "application/json",
                                 .attempt = (int64_t)failures + 1};
    VS_TRY(body_of(remote->arena, page, &webhook.body, err));
    vs_sha256(webhook.body, webhook.digest);
    webhook.delivery = delivery_of(remote->work, webhook.digest);
    vs_webhook_add(&webhook, "vasite-event", "events");
    vs_webhook_add(&webhook, "vasite-recipient", participant->identifiers[0]);
    VS_TRY(vs_webhook_request(relay, remote->arena, &webhook, now, &remote->request, err));
    remote->send = true;
    return VS_OK;
}

vs_rc vs_events_prepare(struct vs_relay *relay, struct vs_remote *remote, vs_time_ms now,
                        struct vs_error *err)
{
    struct telling *telling = vs_arena_make(remote->arena, struct telling);
    const struct vs_participant *participant;
    struct progress progress;
    struct vs_page page;
    if (telling == NULL)
        return vs_fail_memory(err);
    remote->state = telling;
    VS_TRY(decode(remote->work, &progress, err));
    VS_TRY(participant_of(relay, remote->arena, remote->work, &participant, err));
    telling->place = progress.place;
    telling->unwanted = participant->events_endpoint == NULL;
    if (telling->unwanted)
        return VS_OK;
    struct vs_caller caller = {.participant = participant->id, .roles = VS_ROLE_SENDER};
    const char *cursor = vs_cursor_new(remote->arena, progress.place);
    if (cursor == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_events_list(relay, remote->arena, &caller, cursor, PAGE, &page, err));
    if (page.n == 0)
        return VS_OK;
    telling->place = page.entries[page.n - 1]->sequence;
    telling->more = page.more;
    return prepare_page(relay, remote, participant, &page, progress.failures, now, err);
}

vs_rc vs_events_settle(struct vs_relay *relay, struct vs_job *job,
                       const struct vs_remote *remote, vs_time_ms now, struct vs_error *err)
{
    const struct telling *telling = remote->state;
    struct progress progress;
    uint8_t data[DATA_BYTES];
    struct vs_stage *stage;
    if (telling != NULL && telling->unwanted)
        return vs_act_drop(job, remote->work, err);
    VS_TRY(decode(remote->work, &progress, err));
    bool nothing = !remote->send && vs_ok(remote->rc);
    vs_time_ms due = now + IDLE_MS;
    if (vs_remote_taken(remote)) {
        progress = (struct progress){.place = telling->place};
        if (telling->more)
            due = now;
    } else if (!nothing) {
        progress.failures++;
        due = vs_remote_again(relay, progress.failures, remote->answer.retry_after_s, now,
                              INT64_MAX / 2);
    }
    VS_TRY(vs_stage_new(job, &stage, err));
    return vs_due_move_stage(stage, remote->work, due, encode(progress, data), err);
}

/* -- who is to be told --------------------------------------------------------------------- */

struct watched {
    struct vs_id id;
    bool poked;
};
struct vs_events_watched { /* guarded by relay->lock */
    struct watched *items; /* in order of id */
    size_t n, room;
    bool poked; /* any of them */
};

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct watched *)a)->id.bytes, ((const struct watched *)b)->id.bytes,
                  VS_ID_BYTES);
}

static struct watched *find(const struct vs_events_watched *w, struct vs_id id)
{
    struct watched key = {.id = id};
    return w->n == 0 ? NULL : bsearch(&key, w->items, w->n, sizeof *w->items, compare);
}

static void add(struct vs_events_watched *w, struct vs_id id)
{
    if (w->n == w->room) {
        size_t room = w->room == 0 ? 64 : 2 * w->room;
        struct watched *items = vs_heap_new(room * sizeof *items);
        if (w->n > 0)
            memcpy(items, w->items, w->n * sizeof *items);
        vs_heap_free(w->items);
        w->items = items;
        w->room = room;
    }
    w->items[w->n++] = (struct watched){.id = id, .poked = true};
    w->poked = true;
    qsort(w->items, w->n, sizeof *w->items, compare);
}

void vs_events_watch(struct vs_relay *relay, struct vs_id participant, bool told)
{
    struct vs_events_watched *w = relay->watched;
    pthread_mutex_lock(&relay->lock);
    struct watched *item = find(w, participant);
    if (told && item == NULL)
        add(w, participant);
    else if (!told && item != NULL) {
        memmove(item, item + 1, (size_t)(w->items + w->n - item - 1) * sizeof *item);
        w->n--;
    }
    pthread_mutex_unlock(&relay->lock);
}

void vs_events_poke(struct vs_relay *relay, const struct vs_move *moves, size_t n)
{
    struct vs_events_watched *w = relay->watched;
    bool any = false;
    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < n && w->n > 0; i++) {
        struct watched *item = find(w, moves[i].sender);
        if (item == NULL)
            continue;
        item->poked = any = true;
    }
    w->poked = w->poked || any;
    pthread_mutex_unlock(&relay->lock);
    if (any)
        vs_relay_wake_delivery(relay);
}

/* One who has events, and no longer marked so; false: there is none. */
static bool next_poked(struct vs_relay *relay, struct vs_id *ret)
{
    struct vs_events_watched *w = relay->watched;
    bool found = false;
    pthread_mutex_lock(&relay->lock);
    for (size_t i = 0; i < w->n && w->poked && !found; i++)
        if (w->items[i].poked) {
            w->items[i].poked = false;
            *ret = w->items[i].id;
            found = true;
        }
    w->poked = w->poked && found;
    pthread_mutex_unlock(&relay->lock);
    return found;
}

static void poke_again(struct vs_relay *relay, struct vs_id id)
{
    pthread_mutex_lock(&relay->lock);
    struct watched *item = find(relay->watched, id);
    if (item != NULL)
        item->poked = relay->watched->poked = true;
    pthread_mutex_unlock(&relay->lock);
}

/* Rows that are due now, in one commit. */
struct made_due {
    struct vs_arena *arena;
    struct vs_item items[STEP_MAX];
    size_t n;
    struct vs_id busy[STEP_MAX]; /* to be looked at again */
    size_t n_busy;
};

/* One that failed keeps its time: it will tell all. One that is being told is looked at again
 * after that. */
static vs_rc make_due(struct vs_relay *relay, struct made_due *made, struct vs_id id,
                      vs_time_ms now, struct vs_error *err)
{
    const struct vs_due *work;
    struct progress progress;
    VS_TRY(vs_due_get(relay, made->arena, VS_DUE_EVENTS, vs_id_bytes(&id), &work, err));
    if (work != NULL && work->leased)
        made->busy[made->n_busy++] = id;
    if (work == NULL || work->leased || work->due <= now)
        return VS_OK;
    VS_TRY(decode(work, &progress, err));
    if (progress.failures > 0)
        return VS_OK;
    struct vs_value *row = vs_arena_make_n(made->arena, struct vs_value, VS_WORK_COLUMNS);
    struct vs_op *op = vs_arena_make(made->arena, struct vs_op);
    if (row == NULL || op == NULL)
        return vs_fail_memory(err);
    row[VS_WORK_ID] = vs_id_value(&work->id);
    row[VS_WORK_DUE] = vs_int(now);
    *op = vs_op_update(VS_T_WORK, row, VS_SET(VS_WORK_DUE), work->version);
    made->items[made->n++] = (struct vs_item){.ops = op, .n_ops = 1};
    return VS_OK;
}

bool vs_events_step(struct vs_relay *relay, vs_time_ms now)
{
    struct made_due made = {.n = 0};
    struct vs_error err;
    struct vs_id id;
    VS_ARENA *arena = NULL;
    for (size_t i = 0; i < STEP_MAX && next_poked(relay, &id); i++) {
        if (arena == NULL)
            made.arena = arena = vs_arena_new(OPEN_ARENA);
        if (arena != NULL && vs_ok(make_due(relay, &made, id, now, &err)))
            continue;
        vs_relay_count(relay, due_failed, 1); /* its idle time ends in an hour at most */
    }
    bool done = made.n > 0 && vs_ok(vs_store_commit(relay->store, made.items, made.n, &err));
    if (made.n > 0 && !done && vs_store_poisoned(relay->store))
        vs_relay_break(relay, &err);
    for (size_t i = 0; i < made.n_busy; i++)
        poke_again(relay, made.busy[i]);
    return done;
}

/* -- life ---------------------------------------------------------------------------------- */

vs_rc vs_events_open(struct vs_relay *relay, struct vs_error *err)
{
    struct vs_id after = VS_ID_NONE;
    relay->watched = vs_heap_new(sizeof *relay->watched);
    if (relay->settings.inspect)
        return VS_OK;
    for (size_t n = OPEN_PAGE; n == OPEN_PAGE;) {
        VS_ARENA *arena = vs_arena_new(OPEN_ARENA);
        const struct vs_participant **list;
        if (arena == NULL)
            return vs_fail_memory(err);
        VS_TRY(vs_participant_list(relay, arena, after, OPEN_PAGE, &list, &n, err));
        for (size_t i = 0; i < n; i++)
            vs_events_watch(relay, list[i]->id, list[i]->events_endpoint != NULL);
        if (n > 0)
            after = list[n - 1]->id;
    }
    return VS_OK;
}

void vs_events_close(struct vs_relay *relay)
{
    if (relay->watched == NULL)
        return;
    vs_heap_free(relay->watched->items);
    vs_heap_free(relay->watched);
    relay->watched = NULL;
}
