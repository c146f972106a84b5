#include "relay/exchange/register.h"
#include "relay/exchange/delivery.h"
#include "relay/exchange/transitions.h"
#include "relay/relay_priv.h"
#include <stdio.h>

#define PAGE_MAX     500
#define LOOKED_MAX   2000 /* rows in one call, found or not */
#define CURSOR_MARK  "r1-"
#define CURSOR_BYTES (8 + 2 * VS_ID_BYTES)

struct search {
    struct vs_relay *relay;
    struct vs_arena *arena;
    const struct vs_register_query *query;
    bool incoming;
    unsigned column;    /* of the number */
    int64_t low, high;  /* registrations, included */
    int64_t exact;      /* of ours; 0: none */
    struct vs_id party; /* VS_ID_NONE: any */
    int state;          /* -1: any */
    struct vs_value after[3];
    size_t n_after;
    struct vs_id after_ids[2];
};

/* -- what is asked ------------------------------------------------------------------------- */

static int64_t year_of(struct vs_relay *relay, vs_time_ms time)
{
    return vs_time_civil(time + relay->settings.utc_offset_ms).year;
}

/* "2026/17"; anything else is the sender's own number. */
static int64_t own_number(const char *text)
{
    uint64_t year, number;
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    if (slash == NULL || slash - text != 4 ||
        !vs_u64_decode(VS_BYTES((const uint8_t *)text, 4), &year) ||
        !vs_u64_decode(vs_bytes_text(slash + 1), &number) || number == 0 ||
        number >= UINT64_C(1) << 40)
        return 0;
    return vs_registration((int64_t)year, (int64_t)number);
}

static vs_rc read_cursor(struct search *search, struct vs_error *err)
{
    uint8_t bytes[CURSOR_BYTES];
    const char *text = search->query->cursor;
    if (text == NULL || text[0] == '\0')
        return VS_OK;
    if (!vs_text_starts(text, CURSOR_MARK) ||
        !vs_hex_decode(text + strlen(CURSOR_MARK), bytes, sizeof bytes) ||
        vs_get_u64(bytes) > INT64_MAX)
        return vs_fail(err, VS_E_PARAMETER, NULL, "cursor: give back one that a page had");
    memcpy(search->after_ids[0].bytes, bytes + 8, VS_ID_BYTES);
    memcpy(search->after_ids[1].bytes, bytes + 8 + VS_ID_BYTES, VS_ID_BYTES);
    search->after[0] = vs_int((int64_t)vs_get_u64(bytes));
    search->after[1] = vs_id_value(&search->after_ids[0]);
    search->after[2] = vs_id_value(&search->after_ids[1]);
    search->n_after = search->incoming ? 2 : 3;
    return VS_OK;
}

static char *cursor_of(struct search *search, const struct vs_value *row)
{
    uint8_t bytes[CURSOR_BYTES];
    vs_put_u64(bytes, (uint64_t)row[search->column].integer);
    memcpy(bytes + 8, vs_value_id(&row[VS_DELIVERY_DOCUMENT]).bytes, VS_ID_BYTES);
    memcpy(bytes + 8 + VS_ID_BYTES, vs_value_id(&row[VS_DELIVERY_RECIPIENT]).bytes,
           VS_ID_BYTES);
    char *hex = vs_hex_new(search->arena, VS_BYTES(bytes, sizeof bytes));
    return hex == NULL ? NULL : vs_arena_printf(search->arena, CURSOR_MARK "%s", hex);
}

static vs_rc find_party(struct search *search, bool *ret_nobody, struct vs_error *err)
{
    const struct vs_participant *party;
    *ret_nobody = false;
    if (search->query->party == NULL)
        return VS_OK;
    VS_TRY(
        vs_participant_find(search->relay, search->arena, search->query->party, &party, err));
    *ret_nobody = party == NULL;
    search->party = party == NULL ? VS_ID_NONE : party->id;
    return VS_OK;
}

static vs_rc find_state(struct search *search, struct vs_error *err)
{
    search->state = -1;
    if (search->query->state == NULL)
        return VS_OK;
    for (int s = 0; s < VS_DELIVERY_STATES; s++)
        if (strcmp(search->query->state, vs_delivery_state_name((enum vs_delivery_state)s)) ==
            0)
            search->state = s;
    if (search->state < 0)
        return vs_fail(err, VS_E_PARAMETER, NULL, "state: there is no such state");
    return VS_OK;
}

/* Numbers grow with time but for what was held: years bound them, moments are looked at. */
static vs_rc prepare(struct search *search, bool *ret_nobody, struct vs_error *err)
{
    const struct vs_register_query *q = search->query;
    if (q->limit < 1 || q->limit > PAGE_MAX)
        return vs_fail(err, VS_E_PARAMETER, NULL, "limit: 1 to %d", PAGE_MAX);
    search->incoming = q->direction == VS_INCOMING;
    search->column = search->incoming ? VS_DELIVERY_INCOMING : VS_DELIVERY_OUTGOING;
    search->exact = own_number(q->number);
    search->high = INT64_MAX;
    if (search->exact != 0)
        search->low = search->high = search->exact;
    else if (q->from != VS_TIME_NONE)
        search->low = vs_registration(year_of(search->relay, q->from), 0);
    VS_TRY(read_cursor(search, err));
    VS_TRY(find_state(search, err));
    return find_party(search, ret_nobody, err);
}

/* -- what fits ----------------------------------------------------------------------------- */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static bool contains(const char *text, const char *part)
{
    size_t len = strlen(part);
    for (; text != NULL; text = *text == '\0' ? NULL : text + 1) {
        size_t i = 0;
        while (i < len && lower((uint8_t)text[i]) == lower((uint8_t)part[i]))
            i++;
        if (i == len)
            return true;
    }
    return false;
}

/* By its own row, before more is read. */
static bool row_fits(const struct search *search, const struct vs_value *row)
{
    const struct vs_value *other =
        &row[search->incoming ? VS_DELIVERY_SENDER : VS_DELIVERY_RECIPIENT];
    if (!vs_id_is_none(search->party) && !vs_id_equal(search->party, vs_value_id(other)))
        return false;
    return search->state < 0 || row[VS_DELIVERY_STATE].integer == search->state;
}

static bool entry_fits(const struct search *search, const struct vs_delivery *delivery)
{
    const struct vs_register_query *q = search->query;
    vs_time_ms time = search->incoming ? delivery->received : delivery->sent;
    if (q->from != VS_TIME_NONE && (time == VS_TIME_NONE || time < q->from))
        return false;
    if (q->until != VS_TIME_NONE && (time == VS_TIME_NONE || time >= q->until))
        return false;
    if (q->number != NULL && search->exact == 0 && !vs_text_equal(delivery->number, q->number))
        return false;
    return q->subject == NULL || contains(delivery->subject, q->subject);
}

/* -- the page ------------------------------------------------------------------------------ */

static vs_rc select_rows(struct search *search, const struct vs_row **ret, size_t *ret_n,
                         struct vs_error *err)
{
    struct vs_value equal = vs_id_value(&search->query->participant);
    struct vs_value low = vs_int(search->low), high = vs_int(search->high);
    struct vs_query query = {.table = VS_T_DELIVERY,
                             .index = search->incoming ? VS_DELIVERY_BY_INCOMING
                                                       : VS_DELIVERY_BY_OUTGOING,
                             .equal = &equal,
                             .n_equal = 1,
                             .low = &low,
                             .high = &high,
                             .after = search->after,
                             .n_after = search->n_after,
                             .limit = LOOKED_MAX};
    return vs_store_select(search->relay->store, search->arena, &query, ret, ret_n, err);
}

static vs_rc fill(struct search *search, const struct vs_row *rows, size_t n,
                  struct vs_register_page *page, struct vs_error *err)
{
    struct vs_register_entry *entries =
        vs_arena_make_n(search->arena, struct vs_register_entry, search->query->limit);
    struct vs_delivery_loader loader = {.relay = search->relay, .arena = search->arena};
    size_t i;
    if (entries == NULL)
        return vs_fail_memory(err);
    for (i = 0; i < n && page->n < search->query->limit; i++) {
        const struct vs_delivery *delivery;
        if (!row_fits(search, rows[i].values))
            continue;
        VS_TRY(vs_delivery_load(&loader, &rows[i], search->column, &delivery, err));
        if (entry_fits(search, delivery))
            entries[page->n++] =
                (struct vs_register_entry){delivery, rows[i].values[search->column].integer};
    }
    page->entries = entries;
    page->more = i < n || n == LOOKED_MAX;
    page->cursor = i == 0 ? (search->query->cursor == NULL ? "" : search->query->cursor)
                          : cursor_of(search, rows[i - 1].values);
    return page->cursor == NULL ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_register_list(struct vs_relay *relay, struct vs_arena *arena,
                       const struct vs_register_query *query, struct vs_register_page *ret,
                       struct vs_error *err)
{
    struct search search = {.relay = relay, .arena = arena, .query = query};
    struct vs_register_page page = {.cursor = ""};
    const struct vs_row *rows;
    size_t n;
    bool nobody;
    VS_TRY(prepare(&search, &nobody, err));
    if (!nobody) {
        VS_TRY(select_rows(&search, &rows, &n, err));
        VS_TRY(fill(&search, rows, n, &page, err));
    }
    *ret = page;
    return VS_OK;
}
