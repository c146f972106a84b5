/* The sequencer's counters: a participant's last numbers of the year, kept in memory once read.
 */
#include "relay/exchange/register.h"
#include "relay/relay_priv.h"
#include "relay/seal/batch.h"

#define KEPT_MOST ((size_t)64 << 10) /* participants; beyond, all are read again */

struct counter {
    struct vs_id participant;
    int64_t year;
    int64_t last[2], next[2]; /* by direction; next: of the item in the making */
    bool touched;
};

struct vs_registrar {
    struct counter *counters; /* open addressing; year 0: free */
    size_t room, n;
    size_t *touched; /* places; room as many as counters */
    size_t n_touched;
};

struct vs_registrar *vs_registrar_new(void)
{
    return vs_heap_new(sizeof(struct vs_registrar));
}

void vs_registrar_free(struct vs_registrar *registrar)
{
    if (registrar == NULL)
        return;
    vs_heap_free(registrar->counters);
    vs_heap_free(registrar->touched);
    vs_heap_free(registrar);
}

/* -- the table ----------------------------------------------------------------------------- */

static size_t place_of(const struct vs_registrar *registrar, struct vs_id participant)
{
    size_t at = vs_get_u32(participant.bytes + 12) % registrar->room;
    while (registrar->counters[at].year != 0 &&
           !vs_id_equal(registrar->counters[at].participant, participant))
        at = (at + 1) % registrar->room;
    return at;
}

/* Only between items: places of touched counters must not move. */
static void make_room(struct vs_registrar *registrar, size_t more)
{
    if (registrar->room > 0 && (registrar->n + more) * 2 <= registrar->room)
        return;
    struct vs_registrar old = *registrar;
    size_t wanted = (old.n + more) * 4;
    bool forget = old.n > KEPT_MOST;
    registrar->room = wanted < 64 ? 64 : wanted;
    registrar->counters = vs_heap_array(registrar->room, sizeof *registrar->counters);
    registrar->touched = vs_heap_array(registrar->room, sizeof *registrar->touched);
    registrar->n = 0;
    for (size_t i = 0; i < old.room && !forget; i++)
        if (old.counters[i].year != 0) {
            registrar->counters[place_of(registrar, old.counters[i].participant)] =
                old.counters[i];
            registrar->n++;
        }
    vs_heap_free(old.counters);
    vs_heap_free(old.touched);
}

static vs_rc load(struct vs_relay *relay, struct vs_arena *arena, struct counter *counter,
                  struct vs_id participant, int64_t year, struct vs_error *err)
{
    struct vs_value key[2] = {vs_id_value(&participant), vs_int(year)};
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_REGISTER, key, &row, err));
    *counter = (struct counter){.participant = participant, .year = year};
    if (row == NULL)
        return VS_OK;
    counter->last[VS_OUTGOING] = row->values[VS_REGISTER_OUTGOING].integer;
    counter->last[VS_INCOMING] = row->values[VS_REGISTER_INCOMING].integer;
    return VS_OK;
}

static vs_rc next(struct vs_relay *relay, struct vs_registrar *registrar,
                  struct vs_arena *arena, struct vs_id participant, enum vs_direction direction,
                  int64_t year, int64_t *ret, struct vs_error *err)
{
    size_t at = place_of(registrar, participant);
    struct counter *counter = &registrar->counters[at];
    bool fresh = counter->year == 0;
    if (counter->year != year) {
        VS_TRY(load(relay, arena, counter, participant, year, err));
        registrar->n += fresh;
    }
    if (!counter->touched) {
        counter->touched = true;
        memcpy(counter->next, counter->last, sizeof counter->next);
        registrar->touched[registrar->n_touched++] = at;
    }
    *ret = vs_registration(year, ++counter->next[direction]);
    return VS_OK;
}

/* -- an item ------------------------------------------------------------------------------- */

static bool is_sent(const struct vs_move *move)
{
    return (move->kind == VS_MOVE_ENTER || move->kind == VS_MOVE_ASK ||
            move->kind == VS_MOVE_WAIT) &&
           !move->numbered;
}

static bool is_received(const struct vs_move *move)
{
    return move->kind == VS_MOVE_ENTER || move->kind == VS_MOVE_PUSHED;
}

/* A document's moves stand together: one outgoing number for all its recipients. */
static int64_t number_before(const struct vs_move *moves, const struct vs_numbers *numbers,
                             size_t i)
{
    for (size_t j = i; j > 0 && vs_id_equal(moves[j - 1].document, moves[i].document); j--)
        if (numbers[j - 1].outgoing != 0)
            return numbers[j - 1].outgoing;
    return 0;
}

static vs_rc stage_counters(const struct vs_registrar *registrar, struct vs_arena *arena,
                            const struct vs_op **ret, size_t *ret_n, struct vs_error *err)
{
    size_t n = registrar->n_touched;
    struct vs_op *ops = vs_arena_make_n(arena, struct vs_op, n + 1);
    struct vs_value *values =
        vs_arena_make_n(arena, struct vs_value, (n + 1) * VS_REGISTER_COLUMNS);
    struct vs_id *ids = vs_arena_make_n(arena, struct vs_id, n + 1);
    if (ops == NULL || values == NULL || ids == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        const struct counter *counter = &registrar->counters[registrar->touched[i]];
        struct vs_value *row = values + i * VS_REGISTER_COLUMNS;
        ids[i] = counter->participant;
        row[VS_REGISTER_PARTICIPANT] = vs_id_value(&ids[i]);
        row[VS_REGISTER_YEAR] = vs_int(counter->year);
        row[VS_REGISTER_OUTGOING] = vs_int(counter->next[VS_OUTGOING]);
        row[VS_REGISTER_INCOMING] = vs_int(counter->next[VS_INCOMING]);
        ops[i] = vs_op_put(VS_T_REGISTER, row);
    }
    *ret = ops;
    *ret_n = n;
    return VS_OK;
}

vs_rc vs_registrar_prepare(struct vs_relay *relay, struct vs_registrar *registrar,
                           struct vs_arena *arena, const struct vs_move *moves, size_t n,
                           vs_time_ms now, struct vs_numbers *ret, const struct vs_op **ret_ops,
                           size_t *ret_n_ops, struct vs_error *err)
{
    int64_t year = vs_time_civil(now + relay->settings.utc_offset_ms).year;
    make_room(registrar, 2 * n);
    for (size_t i = 0; i < n; i++) {
        const struct vs_move *move = &moves[i];
        ret[i] = (struct vs_numbers){0};
        if (is_sent(move)) {
            ret[i].outgoing = number_before(moves, ret, i);
            if (ret[i].outgoing == 0)
                VS_TRY(next(relay, registrar, arena, move->sender, VS_OUTGOING, year,
                            &ret[i].outgoing, err));
        }
        if (is_received(move))
            VS_TRY(next(relay, registrar, arena, move->recipient, VS_INCOMING, year,
                        &ret[i].incoming, err));
    }
    return stage_counters(registrar, arena, ret_ops, ret_n_ops, err);
}

void vs_registrar_done(struct vs_registrar *registrar)
{
    for (size_t i = 0; i < registrar->n_touched; i++) {
        struct counter *counter = &registrar->counters[registrar->touched[i]];
        memcpy(counter->last, counter->next, sizeof counter->last);
        counter->touched = false;
    }
    registrar->n_touched = 0;
}

void vs_registrar_undo(struct vs_registrar *registrar)
{
    for (size_t i = 0; i < registrar->n_touched; i++)
        registrar->counters[registrar->touched[i]].touched = false;
    registrar->n_touched = 0;
}
