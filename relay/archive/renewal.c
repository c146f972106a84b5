#include "formats/certificate/certificate.h"
#include "formats/crypto/algorithms.h"
#include "formats/timestamp/timestamp.h"
#include "relay/archive/renewal_priv.h"

#define VALUES_VERSION 1
#define CHAIN_MAX      8

/* -- how long a mark is strong ------------------------------------------------------------- */

static vs_time_ms earlier(vs_time_ms a, vs_time_ms b)
{
    return a == VS_TIME_NONE || (b != VS_TIME_NONE && a < b) ? a : b;
}

/* The certificates from the signer up, as far as the token encloses them. */
static vs_time_ms chain_end(const struct vs_timestamp *token, struct vs_certificate *signer)
{
    vs_time_ms end = signer->not_after;
    struct vs_certificate *child = vs_certificate_ref(signer);
    for (int depth = 0; depth < CHAIN_MAX && !child->self_issued; depth++) {
        struct vs_certificate *parent = NULL;
        for (size_t i = 0; i < token->n_certificates && parent == NULL; i++) {
            struct vs_error ignored;
            VS_CERTIFICATE *one = NULL;
            if (vs_ok(vs_certificate_get(token->certificates[i], &one, &ignored)) &&
                vs_name_equal(one->subject, child->issuer) && !vs_certificate_same(one, child))
                parent = vs_certificate_ref(one);
        }
        if (parent == NULL)
            break;
        end = earlier(end, parent->not_after);
        vs_certificate_unref(child);
        child = parent;
    }
    vs_certificate_unref(child);
    return end;
}

/* An algorithm that was about to end when the mark was made, by an authority that uses it all
 * the same, does not count: another mark of that authority would be no better. */
static vs_time_ms algorithm_end(const struct vs_timestamp *token, struct vs_certificate *signer,
                                int64_t margin_ms)
{
    vs_time_ms end = earlier(
        vs_signature_good_until(token->signature_algorithm, vs_public_key_bits(signer->key)),
        vs_digest_good_until(token->digest_algorithm));
    return end == VS_TIME_NONE || end <= token->gen_time + margin_ms ? INT64_MAX : end;
}

vs_time_ms vs_renewal_token_end(struct vs_arena *arena, struct vs_bytes der, int64_t margin_ms)
{
    const struct vs_timestamp *token;
    struct vs_error ignored;
    VS_CERTIFICATE *signer = NULL;
    if (!vs_ok(vs_timestamp_decode(arena, der, &token, &ignored)) ||
        !vs_ok(vs_timestamp_signer(token, NULL, 0, &signer, &ignored)) || signer == NULL)
        return VS_TIME_NONE;
    return earlier(chain_end(token, signer), algorithm_end(token, signer, margin_ms));
}

/* What the operator asks for, where it is stronger; else the first of the table that ends
 * later. */
enum vs_digest_algorithm vs_renewal_target(const struct vs_relay *relay,
                                           enum vs_digest_algorithm algorithm)
{
    static const enum vs_digest_algorithm choices[] = {VS_SHA384, VS_SHA512, VS_SHA3_384,
                                                       VS_SHA3_512};
    enum vs_digest_algorithm wanted = (enum vs_digest_algorithm)relay->settings.renewal_digest;
    if (wanted != VS_DIGEST_NONE && vs_digest_length(wanted) > vs_digest_length(algorithm))
        return wanted;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
        if (vs_digest_good_until(choices[i]) > vs_digest_good_until(algorithm))
            return choices[i];
    return algorithm;
}

/* A tree that nothing stronger could replace does not count: renewing it would change nothing.
 * One that the operator asks to be replaced is due at once. */
static vs_time_ms tree_end(const struct vs_relay *relay, enum vs_digest_algorithm algorithm)
{
    enum vs_digest_algorithm target = vs_renewal_target(relay, algorithm);
    if (target == algorithm)
        return INT64_MAX;
    return (int)target == relay->settings.renewal_digest ? 0 : vs_digest_good_until(algorithm);
}

vs_time_ms vs_renewal_end(const struct vs_relay *relay, struct vs_arena *arena,
                          struct vs_bytes token, enum vs_digest_algorithm algorithm)
{
    vs_time_ms end = vs_renewal_token_end(arena, token, relay->settings.renewal_margin_ms);
    vs_time_ms tree = tree_end(relay, algorithm);
    return end == VS_TIME_NONE || tree < end ? tree : end;
}

/* -- the values of a hash tree ------------------------------------------------------------- */

void vs_renewal_values_encode(struct vs_buffer *to, const struct vs_record_leaf *values,
                              size_t n)
{
    vs_buffer_byte(to, VALUES_VERSION);
    for (size_t i = 0; i < n; i++) {
        vs_buffer_byte(to, (uint8_t)values[i].n);
        for (size_t k = 0; k < values[i].n; k++)
            vs_buffer_add(to, vs_digest_bytes(&values[i].digests[k]));
    }
}

static vs_rc corrupt(struct vs_error *err, const struct vs_batch *batch)
{
    return vs_fail(err, VS_E_CORRUPT, NULL, "a renewal of batch %lld cannot be read",
                   (long long)batch->number);
}

static vs_rc read_digests(struct vs_arena *arena, enum vs_digest_algorithm algorithm,
                          const uint8_t *from, size_t n, struct vs_record_leaf *ret,
                          struct vs_error *err)
{
    size_t len = vs_digest_length(algorithm);
    struct vs_digest *digests = vs_arena_make_n(arena, struct vs_digest, n + 1);
    if (digests == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++) {
        digests[i] = (struct vs_digest){.algorithm = algorithm, .len = len};
        memcpy(digests[i].bytes, from + i * len, len);
    }
    *ret = (struct vs_record_leaf){digests, n};
    return VS_OK;
}

static vs_rc decode_values(struct vs_arena *arena, const struct vs_batch *batch,
                           struct vs_bytes from, struct vs_renewed *to, struct vs_error *err)
{
    size_t len = vs_digest_length(to->algorithm), at = 1;
    to->values = vs_arena_make_n(arena, struct vs_record_leaf, batch->n_leaves + 1);
    if (to->values == NULL)
        return vs_fail_memory(err);
    if (from.len < 1 || from.ptr[0] != VALUES_VERSION)
        return corrupt(err, batch);
    for (size_t i = 0; i < batch->n_leaves; i++) {
        size_t n = at < from.len ? from.ptr[at] : SIZE_MAX;
        if (n > 16 || from.len - at - 1 < n * len)
            return corrupt(err, batch);
        VS_TRY(read_digests(arena, to->algorithm, from.ptr + at + 1, n, &to->values[i], err));
        at += 1 + n * len;
    }
    return at == from.len ? VS_OK : corrupt(err, batch);
}

/* One leaf a batch. */
static vs_rc decode_leaves(struct vs_arena *arena, const struct vs_batch *batch,
                           struct vs_bytes from, struct vs_renewed *to, struct vs_error *err)
{
    size_t len = vs_digest_length(to->algorithm);
    size_t n = len == 0 ? 0 : from.len / len;
    if (n == 0 || from.len % len != 0 || to->place >= n)
        return corrupt(err, batch);
    to->leaves = vs_arena_make_n(arena, struct vs_record_leaf, n);
    if (to->leaves == NULL)
        return vs_fail_memory(err);
    to->n_leaves = n;
    for (size_t i = 0; i < n; i++)
        VS_TRY(read_digests(arena, to->algorithm, from.ptr + i * len, 1, &to->leaves[i], err));
    return VS_OK;
}

vs_rc vs_renewal_values_tree(struct vs_arena *arena, const struct vs_record_leaf *values,
                             size_t n, struct vs_record_leaf **ret, size_t *ret_n,
                             struct vs_error *err)
{
    struct vs_record_leaf *leaves = vs_arena_make_n(arena, struct vs_record_leaf, n + 1);
    if (leaves == NULL)
        return vs_fail_memory(err);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        if (values[i].n > 0)
            leaves[(*ret_n)++] = values[i];
    *ret = leaves;
    return VS_OK;
}

/* -- history ------------------------------------------------------------------------------- */

static vs_rc load_one(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_batch *batch, const struct vs_value *v,
                      struct vs_renewed *to, struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_RENEWAL, &v[VS_BATCH_RENEWAL_RENEWAL], &row,
                        err));
    if (row == NULL)
        return corrupt(err, batch);
    const struct vs_value *r = row->values;
    int64_t algorithm = r[VS_RENEWAL_ALGORITHM].integer;
    if (algorithm <= VS_DIGEST_NONE || algorithm >= VS_DIGESTS)
        return corrupt(err, batch);
    to->kind = (enum vs_renewal_kind)r[VS_RENEWAL_KIND].integer;
    to->algorithm = (enum vs_digest_algorithm)algorithm;
    to->token = r[VS_RENEWAL_TOKEN].bytes;
    to->marked = r[VS_RENEWAL_MARKED].integer;
    to->place = (size_t)v[VS_BATCH_RENEWAL_PLACE].integer;
    VS_TRY(decode_leaves(arena, batch, r[VS_RENEWAL_LEAVES].bytes, to, err));
    if (to->kind == VS_RENEWAL_TIME_MARK)
        return VS_OK;
    return decode_values(arena, batch, v[VS_BATCH_RENEWAL_VALUES].bytes, to, err);
}

vs_rc vs_history_load(struct vs_relay *relay, struct vs_arena *arena,
                      const struct vs_batch *batch, struct vs_history *ret,
                      struct vs_error *err)
{
    struct vs_value equal = vs_int(batch->number);
    struct vs_query query = {.table = VS_T_BATCH_RENEWAL,
                             .equal = &equal,
                             .n_equal = 1,
                             .limit = VS_RENEWALS_MAX + 1};
    const struct vs_row *rows;
    struct vs_history history = {.batch = batch};
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &history.n, err));
    if (history.n > VS_RENEWALS_MAX)
        return corrupt(err, batch);
    history.renewals = vs_arena_make_n(arena, struct vs_renewed, history.n + 1);
    if (history.renewals == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < history.n; i++) {
        if (rows[i].values[VS_BATCH_RENEWAL_NUMBER].integer != (int64_t)i + 1)
            return corrupt(err, batch);
        VS_TRY(load_one(relay, arena, batch, rows[i].values, &history.renewals[i], err));
    }
    *ret = history;
    return VS_OK;
}

/* -- records ------------------------------------------------------------------------------- */

/* The stamp that one renewal gives one leaf; *ret.ptr NULL: none. */
static vs_rc renewal_stamp(struct vs_arena *arena, const struct vs_batch *batch,
                           const struct vs_renewed *r, size_t leaf, struct vs_bytes *ret,
                           struct vs_error *err)
{
    struct vs_record_place places[2];
    size_t n = 0;
    *ret = VS_BYTES_NONE;
    if (r->kind == VS_RENEWAL_HASH_TREE) {
        struct vs_record_leaf *own;
        if (r->values[leaf].n == 0)
            return VS_OK;
        VS_TRY(
            vs_renewal_values_tree(arena, r->values, batch->n_leaves, &own, &places[0].n, err));
        places[0].leaves = own;
        places[0].index = 0;
        for (size_t i = 0; i < leaf; i++)
            places[0].index += r->values[i].n > 0;
        n++;
    }
    places[n++] = (struct vs_record_place){r->leaves, r->n_leaves, r->place};
    return vs_record_stamp_make(arena, r->algorithm, places, n, r->token, ret, err);
}

/* The only stamp of the record that the batch gives. */
static vs_rc first_stamp(struct vs_arena *arena, const struct vs_batch *batch, size_t leaf,
                         struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_bytes der;
    const struct vs_record *record;
    VS_TRY(vs_batch_record(arena, batch, leaf, &der, err));
    VS_TRY(vs_record_decode(arena, der, &record, err));
    *ret = record->chains[0].stamps[0].der;
    return VS_OK;
}

vs_rc vs_history_links(struct vs_arena *arena, const struct vs_history *history, size_t leaf,
                       const struct vs_record_link **ret, size_t *ret_n, bool *ret_whole,
                       struct vs_error *err)
{
    struct vs_record_link *links =
        vs_arena_make_n(arena, struct vs_record_link, history->n + 1);
    struct vs_bytes *stamps = vs_arena_make_n(arena, struct vs_bytes, history->n + 1);
    size_t n = 0;
    if (links == NULL || stamps == NULL)
        return vs_fail_memory(err);
    VS_TRY(first_stamp(arena, history->batch, leaf, &stamps[0], err));
    links[n++] = (struct vs_record_link){VS_SHA256, stamps, 1};
    *ret_whole = true;
    for (size_t i = 0; i < history->n && *ret_whole; i++) {
        const struct vs_renewed *r = &history->renewals[i];
        struct vs_bytes *stamp = &stamps[i + 1];
        VS_TRY(renewal_stamp(arena, history->batch, r, leaf, stamp, err));
        *ret_whole = stamp->ptr != NULL;
        if (!*ret_whole)
            break;
        if (r->kind == VS_RENEWAL_HASH_TREE)
            links[n++] = (struct vs_record_link){r->algorithm, stamp, 0};
        links[n - 1].n++;
    }
    *ret = links;
    *ret_n = n;
    return VS_OK;
}

vs_rc vs_renewal_record(struct vs_relay *relay, struct vs_arena *arena,
                        const struct vs_batch *batch, size_t leaf, struct vs_bytes *ret,
                        struct vs_error *err)
{
    struct vs_history history;
    const struct vs_record_link *links;
    size_t n;
    bool whole;
    VS_TRY(vs_history_load(relay, arena, batch, &history, err));
    if (history.n == 0)
        return vs_batch_record(arena, batch, leaf, ret, err);
    VS_TRY(vs_history_links(arena, &history, leaf, &links, &n, &whole, err));
    return vs_record_join(arena, links, n, ret, err);
}
