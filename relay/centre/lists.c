/* Revocation lists of the two authorities. */
#include "formats/certificate/crl_make.h"
#include "relay/centre/centre_priv.h"

/* At least that much of a list's time is left when it is given out. */
#define RESERVE 4

struct listing {
    struct vs_crl_listed *listed; /* heap */
    size_t n, room;
};

static void add(struct listing *listing, const struct vs_row *row, struct vs_arena *arena,
                vs_time_ms now)
{
    enum vs_certificate_state state = vs_centre_state(row, now);
    if (state == VS_CERTIFICATE_VALID)
        return; /* a suspension whose term has just ended */
    if (listing->n == listing->room) {
        listing->room = listing->room == 0 ? 256 : listing->room * 2;
        listing->listed =
            vs_heap_grow(listing->listed, listing->room * sizeof *listing->listed);
    }
    const struct vs_value *v = row->values;
    bool held = state == VS_CERTIFICATE_SUSPENDED;
    listing->listed[listing->n++] = (struct vs_crl_listed){
        .serial = vs_bytes_copy(arena, v[VS_CERTIFICATE_SERIAL].bytes),
        .since = v[VS_CERTIFICATE_SINCE].integer,
        .reason = held ? VS_REASON_CERTIFICATE_HOLD : (int)v[VS_CERTIFICATE_REASON].integer,
    };
}

/* All that is listed, page by page. Serial numbers go to `arena`. */
static vs_rc gather(struct vs_centre *centre, enum authority authority, vs_time_ms now,
                    struct vs_arena *arena, struct listing *listing, struct vs_error *err)
{
    VS_ARENA *page = vs_arena_new((size_t)64 * 1024 * 1024);
    if (page == NULL)
        return vs_fail_memory(err);
    struct vs_value issuer = vs_text(authority_name(authority)), after;
    struct vs_query query = {.table = VS_T_CERTIFICATE,
                             .index = VS_CERTIFICATE_BY_LISTED,
                             .equal = &issuer,
                             .n_equal = 1,
                             .limit = 500};
    for (;;) {
        const struct vs_row *rows;
        size_t n;
        VS_TRY(vs_store_select(centre->store, page, &query, &rows, &n, err));
        for (size_t i = 0; i < n; i++)
            add(listing, &rows[i], arena, now);
        if (n < query.limit)
            return VS_OK;
        struct vs_bytes last =
            vs_bytes_copy(arena, rows[n - 1].values[VS_CERTIFICATE_SERIAL].bytes);
        if (last.ptr == NULL)
            return vs_fail_memory(err);
        after = vs_blob(last);
        query.after = &after;
        query.n_after = 1;
        vs_arena_reset(page);
    }
}

/* The number after the one last used (centre rule 4). */
static vs_rc next_number(struct vs_centre *centre, enum authority authority, uint64_t *ret,
                         struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(VS_CRL_MAKE_MAX + (size_t)1024 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    struct vs_value key = vs_text(authority_name(authority));
    const struct vs_row *row;
    VS_TRY(vs_store_get(centre->store, arena, VS_T_CRL, &key, &row, err));
    *ret = row == NULL ? 1 : (uint64_t)row->values[VS_CRL_NUMBER].integer + 1;
    return VS_OK;
}

static vs_rc keep(struct vs_centre *centre, enum authority authority,
                  const struct vs_crl_profile *profile, struct vs_bytes der,
                  struct vs_error *err)
{
    struct vs_value row[VS_CRL_COLUMNS] = {
        [VS_CRL_ISSUER] = vs_text(authority_name(authority)),
        [VS_CRL_NUMBER] = vs_int((int64_t)profile->number),
        [VS_CRL_THIS_UPDATE] = vs_int(profile->this_update),
        [VS_CRL_NEXT_UPDATE] = vs_int(profile->next_update),
        [VS_CRL_DER] = vs_blob(der),
    };
    struct vs_op op = vs_op_put(VS_T_CRL, row);
    struct vs_item item = {.ops = &op, .n_ops = 1};
    VS_TRY(vs_store_commit(centre->store, &item, 1, err));
    if (item.outcome != VS_ITEM_DONE)
        return vs_fail(err, VS_E_CORRUPT, NULL, "the row of a revocation list is damaged");

    pthread_mutex_lock(&centre->lists_lock);
    struct list *list = &centre->lists[authority];
    vs_heap_free(list->der);
    list->der = vs_heap_new(der.len);
    memcpy(list->der, der.ptr, der.len);
    list->len = der.len;
    list->number = profile->number;
    list->this_update = profile->this_update;
    list->next_update = profile->next_update;
    list->stale = false;
    pthread_mutex_unlock(&centre->lists_lock);
    return VS_OK;
}

static vs_rc make(struct vs_centre *centre, enum authority authority, vs_time_ms now,
                  struct listing *listing, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new(VS_CRL_MAKE_MAX);
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_TRY(gather(centre, authority, now, arena, listing, err));
    const struct vs_certificate *by = centre->authorities[authority];
    struct vs_crl_profile profile = {
        .this_update = now - now % VS_SECOND_MS,
        .next_update = now - now % VS_SECOND_MS + centre->settings.crl_ms,
        .expired_since = by->not_before, /* nothing ever leaves the list */
    };
    VS_TRY(next_number(centre, authority, &profile.number, err));
    struct vs_signer signer;
    vs_keys_signer(centre->keys, authority_purpose(authority), &signer);
    struct vs_issuer issuer = {by->subject, by->subject_key_id, &signer};
    VS_BUFFER der;
    vs_buffer_init(&der, VS_CRL_MAKE_MAX);
    VS_TRY(vs_crl_make(&profile, &issuer, listing->listed, listing->n, &der, err));
    return keep(centre, authority, &profile, vs_buffer_view(&der), err);
}

vs_rc vs_centre_make_list(struct vs_centre *centre, enum authority authority, vs_time_ms now,
                          struct vs_error *err)
{
    /* Should it fail now, the next question for the list makes it. */
    pthread_mutex_lock(&centre->lists_lock);
    centre->lists[authority].stale = true;
    pthread_mutex_unlock(&centre->lists_lock);
    struct listing listing = {.n = 0};
    vs_rc rc = make(centre, authority, now, &listing, err);
    vs_heap_free(listing.listed);
    return rc;
}

/* A copy of the list where it is good for a while yet. */
static bool take(struct vs_centre *centre, enum authority authority, struct vs_arena *arena,
                 vs_time_ms now, struct vs_bytes *ret)
{
    pthread_mutex_lock(&centre->lists_lock);
    const struct list *list = &centre->lists[authority];
    vs_time_ms reserve = (list->next_update - list->this_update) / RESERVE;
    bool good = list->der != NULL && !list->stale && now < list->next_update - reserve;
    if (good)
        *ret = vs_bytes_copy(arena, VS_BYTES(list->der, list->len));
    pthread_mutex_unlock(&centre->lists_lock);
    return good;
}

vs_rc vs_centre_crl(struct vs_centre *centre, struct vs_arena *arena, const char *authority,
                    vs_time_ms now, struct vs_bytes *ret, struct vs_error *err)
{
    enum authority a = vs_text_equal(authority, authority_name(ROOT)) ? ROOT : CA;
    if (a == CA && !vs_text_equal(authority, authority_name(CA)))
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "no authority of this name");
    if (!take(centre, a, arena, now, ret)) {
        pthread_mutex_lock(&centre->change_lock);
        vs_rc rc =
            take(centre, a, arena, now, ret) ? VS_OK : vs_centre_make_list(centre, a, now, err);
        pthread_mutex_unlock(&centre->change_lock);
        VS_TRY(rc);
        (void)take(centre, a, arena, now, ret);
    }
    return ret->ptr == NULL ? vs_fail_memory(err) : VS_OK;
}
