/* check_register.c - registration numbers: each once, none beyond the counter, no gap but those
 * that deleted documents left (Rule of exchange). */
#include "relay/check_priv.h"
#include "relay/exchange/register.h"

#define PAGE 500

struct numbers {
    struct vs_check_run *run;
    const char *where;
    const char *name;
    unsigned index, column;
    int64_t counter, last, seen;
};

static vs_rc look_at_page(struct numbers *self, const struct vs_row *rows, size_t n,
                          struct vs_error *err)
{
    (void)err;
    for (size_t i = 0; i < n; i++) {
        int64_t number = vs_registration_number(rows[i].values[self->column].integer);
        bool again = number == self->last;
        /* One outgoing number for all recipients of a document; an incoming one is one's own.
         */
        if (again && self->column == VS_DELIVERY_INCOMING)
            vs_check_found(self->run, "register", self->where, "%s number %lld was given twice",
                           self->name, (long long)number);
        self->seen += !again;
        self->last = number;
    }
    return VS_OK;
}

static vs_rc walk_numbers(struct numbers *self, const struct vs_value *participant,
                          int64_t year, struct vs_error *err)
{
    struct vs_value low = vs_int(vs_registration(year, 0)),
                    high = vs_int(vs_registration(year + 1, 0) - 1), after[3];
    struct vs_query query = {.table = VS_T_DELIVERY,
                             .index = self->index,
                             .equal = participant,
                             .n_equal = 1,
                             .low = &low,
                             .high = &high,
                             .limit = PAGE};
    size_t n_after = self->column == VS_DELIVERY_INCOMING ? 2 : 3;
    for (size_t n = PAGE; n == PAGE;) {
        VS_ARENA *arena = vs_arena_new((size_t)32 << 20);
        const struct vs_row *rows;
        struct vs_id ids[2];
        if (arena == NULL)
            return vs_fail_memory(err);
        VS_TRY(vs_store_select(self->run->relay->store, arena, &query, &rows, &n, err));
        VS_TRY(look_at_page(self, rows, n, err));
        if (n == 0)
            break;
        const struct vs_value *end = rows[n - 1].values;
        ids[0] = vs_value_id(&end[VS_DELIVERY_DOCUMENT]);
        ids[1] = vs_value_id(&end[VS_DELIVERY_RECIPIENT]);
        after[0] = vs_int(end[self->column].integer);
        after[1] = vs_id_value(&ids[0]);
        after[2] = vs_id_value(&ids[1]);
        query.after = after;
        query.n_after = n_after;
    }
    return VS_OK;
}

static vs_rc check_direction(struct numbers *self, const struct vs_value *row,
                             uint64_t tombstones, struct vs_error *err)
{
    VS_TRY(
        walk_numbers(self, &row[VS_REGISTER_PARTICIPANT], row[VS_REGISTER_YEAR].integer, err));
    if (self->last > self->counter)
        vs_check_found(self->run, "register", self->where,
                       "%s number %lld is beyond the counter", self->name,
                       (long long)self->last);
    else if ((uint64_t)(self->counter - self->seen) > tombstones)
        vs_check_found(self->run, "register", self->where,
                       "%lld %s numbers of %lld are missing, and so many documents were not "
                       "deleted",
                       (long long)(self->counter - self->seen), self->name,
                       (long long)self->counter);
    return VS_OK;
}

static vs_rc look_at_register(struct vs_check_run *run, const char *where,
                              const struct vs_row *found, struct vs_error *err)
{
    const struct vs_value *row = found->values;
    struct vs_query query = {.table = VS_T_TOMBSTONE};
    uint64_t tombstones;
    VS_TRY(vs_store_count(run->relay->store, &query, &tombstones, err));
    struct numbers outgoing = {.run = run,
                               .where = where,
                               .name = "outgoing",
                               .index = VS_DELIVERY_BY_OUTGOING,
                               .column = VS_DELIVERY_OUTGOING,
                               .counter = row[VS_REGISTER_OUTGOING].integer};
    struct numbers incoming = {.run = run,
                               .where = where,
                               .name = "incoming",
                               .index = VS_DELIVERY_BY_INCOMING,
                               .column = VS_DELIVERY_INCOMING,
                               .counter = row[VS_REGISTER_INCOMING].integer};
    VS_TRY(check_direction(&outgoing, row, tombstones, err));
    return check_direction(&incoming, row, tombstones, err);
}

vs_rc vs_check_register(struct vs_check_run *run, struct vs_error *err)
{
    return vs_check_rows(run, VS_T_REGISTER, look_at_register, NULL, err);
}
