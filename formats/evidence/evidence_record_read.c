#include "formats/evidence/evidence_record.h"
#include "formats/crypto/algorithms.h"
#include "formats/crypto/der.h"
#include "formats/timestamp/timestamp.h"
#include <stdlib.h>

#define MOST_CHAINS 100
#define MOST_STAMPS 1000
#define MOST_LISTS  64 /* a tree of 2^63 leaves */
#define MOST_VALUES 100000

struct reading {
    struct vs_arena *arena;
    struct vs_error *err;
};

static vs_rc wrong(struct reading *r, const char *what)
{
    return vs_fail(r->err, VS_E_EVIDENCE_RECORD, "RFC 4998, 3", "evidence record: %s", what);
}

/* How many elements are left, all of one tag; SIZE_MAX: too many, or one of another tag. */
static size_t count(struct vs_der der, uint8_t tag, size_t most)
{
    size_t n = 0;
    while (vs_der_more(&der)) {
        (void)vs_der_take(&der, tag);
        if (++n > most)
            return SIZE_MAX;
    }
    return der.failed ? SIZE_MAX : n;
}

/* PartialHashtree ::= SEQUENCE OF OCTET STRING */
static vs_rc read_list(struct reading *r, struct vs_der *from, struct vs_record_values *to)
{
    struct vs_der list = vs_der_enter(from, VS_DER_SEQUENCE);
    size_t n = count(list, VS_DER_OCTET_STRING, MOST_VALUES);
    if (n == 0 || n == SIZE_MAX)
        return wrong(r, "a hash list that is none");
    struct vs_bytes *values = vs_arena_make_n(r->arena, struct vs_bytes, n);
    if (values == NULL)
        return vs_fail_memory(r->err);
    for (size_t i = 0; i < n; i++)
        values[i] = vs_der_take(&list, VS_DER_OCTET_STRING);
    vs_der_leave(from, &list);
    *to = (struct vs_record_values){values, n};
    return VS_OK;
}

static vs_rc read_tree(struct reading *r, struct vs_bytes content, struct vs_record_stamp *to)
{
    struct vs_der der = vs_der_reader(content);
    size_t n = count(der, VS_DER_SEQUENCE, MOST_LISTS);
    if (n == 0 || n == SIZE_MAX)
        return wrong(r, "a hash tree that is none");
    struct vs_record_values *lists = vs_arena_make_n(r->arena, struct vs_record_values, n);
    if (lists == NULL)
        return vs_fail_memory(r->err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(read_list(r, &der, &lists[i]));
    to->lists = lists;
    to->n_lists = n;
    return VS_OK;
}

/* digestAlgorithm [0] IMPLICIT AlgorithmIdentifier: given back its own tag to be looked up. */
static enum vs_digest_algorithm algorithm_of(struct vs_bytes content)
{
    VS_BUFFER whole;
    vs_buffer_init(&whole, 256);
    vs_der_put(&whole, VS_DER_SEQUENCE, content);
    return whole.failed ? VS_DIGEST_NONE : vs_digest_by_der(vs_buffer_view(&whole));
}

static vs_rc read_stamp(struct reading *r, struct vs_der *from, struct vs_record_stamp *to)
{
    to->der = vs_der_whole(from, VS_DER_SEQUENCE);
    struct vs_der outer = vs_der_reader(to->der);
    struct vs_der der = vs_der_enter(&outer, VS_DER_SEQUENCE);
    struct vs_bytes part;
    if (vs_der_optional(&der, VS_DER_CONTEXT_CONSTRUCTED(0), &part)) {
        to->algorithm = algorithm_of(part);
        if (to->algorithm == VS_DIGEST_NONE)
            return vs_fail(r->err, VS_E_ALGORITHM, "RFC 4998, 4.1",
                           "evidence record: an unknown digest algorithm");
    }
    vs_der_optional(&der, VS_DER_CONTEXT_CONSTRUCTED(1), &part); /* attributes: say nothing */
    if (vs_der_optional(&der, VS_DER_CONTEXT_CONSTRUCTED(2), &part))
        VS_TRY(read_tree(r, part, to));
    to->token = vs_der_whole(&der, VS_DER_SEQUENCE);
    vs_der_leave(&outer, &der);
    return from->failed || outer.failed ? wrong(r, "a broken archive time-stamp") : VS_OK;
}

static vs_rc read_chain(struct reading *r, struct vs_der *from, struct vs_record_chain *to)
{
    to->der = vs_der_whole(from, VS_DER_SEQUENCE);
    struct vs_der outer = vs_der_reader(to->der);
    struct vs_der der = vs_der_enter(&outer, VS_DER_SEQUENCE);
    size_t n = from->failed ? SIZE_MAX : count(der, VS_DER_SEQUENCE, MOST_STAMPS);
    if (n == 0 || n == SIZE_MAX)
        return wrong(r, "a chain that is none");
    struct vs_record_stamp *stamps = vs_arena_make_n(r->arena, struct vs_record_stamp, n);
    if (stamps == NULL)
        return vs_fail_memory(r->err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(read_stamp(r, &der, &stamps[i]));
    to->stamps = stamps;
    to->n = n;
    return VS_OK;
}

vs_rc vs_record_decode(struct vs_arena *arena, struct vs_bytes bytes,
                       const struct vs_record **ret, struct vs_error *err)
{
    struct reading r = {arena, err};
    if (bytes.len > VS_RECORD_MAX_BYTES)
        return vs_fail(err, VS_E_LIMIT, NULL, "an evidence record of %zu bytes", bytes.len);
    struct vs_der outer = vs_der_reader(bytes);
    struct vs_der der = vs_der_enter(&outer, VS_DER_SEQUENCE);
    int64_t version = vs_der_small(&der);
    (void)vs_der_take(&der, VS_DER_SEQUENCE); /* digestAlgorithms: what is used says itself */
    struct vs_bytes part;
    vs_der_optional(&der, VS_DER_CONTEXT_CONSTRUCTED(0), &part); /* cryptoInfos: unprotected */
    if (vs_der_peek(&der) == VS_DER_CONTEXT_CONSTRUCTED(1))
        return wrong(&r, "it is over encrypted data, which is not supported");
    struct vs_der sequence = vs_der_enter(&der, VS_DER_SEQUENCE);
    size_t n = count(sequence, VS_DER_SEQUENCE, MOST_CHAINS);
    if (der.failed || version != 1 || n == 0 || n == SIZE_MAX)
        return wrong(&r, "not an EvidenceRecord of version 1");
    struct vs_record *record = vs_arena_make(arena, struct vs_record);
    struct vs_record_chain *chains = vs_arena_make_n(arena, struct vs_record_chain, n);
    if (record == NULL || chains == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        VS_TRY(read_chain(&r, &sequence, &chains[i]));
    vs_der_leave(&der, &sequence);
    vs_der_leave(&outer, &der);
    if (!vs_der_done(&outer))
        return wrong(&r, "it has bytes that do not belong there");
    record->chains = chains;
    record->n_chains = n;
    *ret = record;
    return VS_OK;
}

/* -- checking (RFC 4998, 4.3 and 5.3) ----------------------------------------------------- */

struct checking {
    const struct vs_record *record;
    size_t n_objects;
    vs_record_digest digest;
    void *context;
    struct vs_arena *arena;
    struct vs_record_result *result;
    struct vs_error *err;
    vs_time_ms last_time;
};

static int compare_bytes(const void *a, const void *b)
{
    return vs_bytes_compare(*(const struct vs_bytes *)a, *(const struct vs_bytes *)b);
}

/* Sorted, joined, hashed. */
static void hash_list(enum vs_digest_algorithm algorithm, struct vs_bytes *values, size_t n,
                      struct vs_digest *ret)
{
    qsort(values, n, sizeof *values, compare_bytes);
    vs_digest_of_parts(algorithm, values, n, ret);
}

static bool holds(const struct vs_record_values *list, struct vs_bytes value)
{
    for (size_t i = 0; i < list->n; i++)
        if (vs_bytes_equal(list->values[i], value))
            return true;
    return false;
}

static bool is_among(const struct vs_digest *digests, size_t n, struct vs_bytes value)
{
    for (size_t i = 0; i < n; i++)
        if (vs_bytes_equal(vs_digest_bytes(&digests[i]), value))
            return true;
    return false;
}

/* Every value of a list has the length of its algorithm: else two lists could join to the same
 * bytes. */
static bool good_lengths(const struct vs_record_values *list,
                         enum vs_digest_algorithm algorithm)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->values[i].len != vs_digest_length(algorithm))
            return false;
    return true;
}

/* The root of the reduced tree, its first list already found to hold the objects. */
static vs_rc climb(struct checking *c, const struct vs_record_stamp *stamp,
                   enum vs_digest_algorithm algorithm, struct vs_digest *ret, bool *ret_good)
{
    struct vs_digest value = {.algorithm = algorithm};
    *ret_good = false;
    for (size_t i = 0; i < stamp->n_lists; i++) {
        const struct vs_record_values *list = &stamp->lists[i];
        if (!good_lengths(list, algorithm))
            return VS_OK;
        if (i == 0 && list->n == 1) {
            value.len = list->values[0].len;
            memcpy(value.bytes, list->values[0].ptr, value.len);
            continue;
        }
        struct vs_bytes *all = vs_arena_make_n(c->arena, struct vs_bytes, list->n + 1);
        if (all == NULL)
            return vs_fail_memory(c->err);
        memcpy(all, list->values, list->n * sizeof *all);
        struct vs_digest below = value;
        if (i > 0)
            all[list->n] = vs_digest_bytes(&below);
        hash_list(algorithm, all, list->n + (i > 0 ? 1 : 0), &value);
    }
    *ret = value;
    *ret_good = true;
    return VS_OK;
}

static bool fault(struct checking *c, enum vs_record_fault what)
{
    if (c->result->fault == VS_RECORD_COVERED)
        c->result->fault = what;
    return false;
}

/* Whether the stamp covers these digests. */
static vs_rc check_tree(struct checking *c, const struct vs_record_stamp *stamp,
                        enum vs_digest_algorithm algorithm, const struct vs_digest *digests,
                        size_t n, const struct vs_digest *imprint)
{
    struct vs_digest root = digests[0];
    bool good = true;
    if (stamp->lists == NULL && n > 1) {
        fault(c, VS_RECORD_NOT_FOUND);
        return VS_OK;
    }
    for (size_t i = 0; stamp->lists != NULL && i < n; i++)
        if (!holds(&stamp->lists[0], vs_digest_bytes(&digests[i]))) {
            fault(c, VS_RECORD_NOT_FOUND);
            return VS_OK;
        }
    for (size_t i = 0; stamp->lists != NULL && i < stamp->lists[0].n; i++)
        c->result->orphans += !is_among(digests, n, stamp->lists[0].values[i]);
    if (stamp->lists != NULL)
        VS_TRY(climb(c, stamp, algorithm, &root, &good));
    if (!good || !vs_digest_equal(&root, imprint))
        fault(c, VS_RECORD_IMPRINT);
    return VS_OK;
}

/* Digest of the ArchiveTimeStampSequence of the chains before `chain` (RFC 4998, 5.2). */
static vs_rc hash_earlier(struct checking *c, size_t chain, enum vs_digest_algorithm algorithm,
                          struct vs_digest *ret)
{
    VS_BUFFER sequence;
    vs_buffer_init(&sequence, VS_RECORD_MAX_BYTES + 16);
    size_t begin = vs_der_begin(&sequence);
    for (size_t i = 0; i < chain; i++)
        vs_buffer_add(&sequence, c->record->chains[i].der);
    vs_der_end(&sequence, begin, VS_DER_SEQUENCE);
    VS_TRY(vs_buffer_check(&sequence, c->err));
    vs_digest_of(algorithm, vs_buffer_view(&sequence), ret);
    return VS_OK;
}

/* What the first stamp of a chain must cover: the objects' digests, joined unsorted with that
 * of all earlier chains. */
static vs_rc chain_digests(struct checking *c, size_t chain, enum vs_digest_algorithm algorithm,
                           struct vs_digest *ret)
{
    struct vs_digest earlier;
    if (chain > 0)
        VS_TRY(hash_earlier(c, chain, algorithm, &earlier));
    for (size_t i = 0; i < c->n_objects; i++) {
        VS_TRY(c->digest(c->context, i, algorithm, &ret[i], c->err));
        if (chain == 0)
            continue;
        struct vs_digest own = ret[i];
        struct vs_bytes parts[] = {vs_digest_bytes(&own), vs_digest_bytes(&earlier)};
        vs_digest_of_parts(algorithm, parts, 2, &ret[i]);
    }
    return VS_OK;
}

static vs_rc check_stamp(struct checking *c, size_t chain, size_t at,
                         enum vs_digest_algorithm *chain_algorithm)
{
    const struct vs_record_stamp *stamp = &c->record->chains[chain].stamps[at];
    const struct vs_timestamp *token;
    VS_TRY(vs_timestamp_decode(c->arena, stamp->token, &token, c->err));
    enum vs_digest_algorithm algorithm =
        stamp->algorithm != VS_DIGEST_NONE ? stamp->algorithm : token->imprint.algorithm;
    if (at == 0)
        *chain_algorithm = algorithm;
    /* One algorithm in a chain, and in a stamp's tree and token (RFC 4998, 5.3). */
    if (!token->imprint_known || algorithm != token->imprint.algorithm ||
        algorithm != *chain_algorithm) {
        fault(c, VS_RECORD_ALGORITHM);
        return VS_OK;
    }
    size_t n = at == 0 ? c->n_objects : 1;
    struct vs_digest *digests = vs_arena_make_n(c->arena, struct vs_digest, n);
    if (digests == NULL)
        return vs_fail_memory(c->err);
    if (at == 0)
        VS_TRY(chain_digests(c, chain, algorithm, digests));
    else
        vs_digest_of(algorithm, stamp[-1].token, &digests[0]);
    VS_TRY(check_tree(c, stamp, algorithm, digests, n, &token->imprint));
    if (token->gen_time < c->last_time)
        fault(c, VS_RECORD_TIME_ORDER);
    c->last_time = token->gen_time;
    return VS_OK;
}

vs_rc vs_record_check(const struct vs_record *record, size_t n_objects, vs_record_digest digest,
                      void *context, struct vs_arena *arena, struct vs_record_result *ret,
                      struct vs_error *err)
{
    VS_ASSERT(n_objects > 0);
    struct vs_record_result result = {.fault = VS_RECORD_COVERED};
    struct checking c = {record, n_objects, digest, context, arena, &result, err, VS_TIME_NONE};
    for (size_t i = 0; i < record->n_chains && result.fault == VS_RECORD_COVERED; i++) {
        enum vs_digest_algorithm algorithm = VS_DIGEST_NONE;
        for (size_t j = 0; j < record->chains[i].n && result.fault == VS_RECORD_COVERED; j++) {
            result.chain = i;
            result.stamp = j;
            VS_TRY(check_stamp(&c, i, j, &algorithm));
        }
    }
    *ret = result;
    return VS_OK;
}

const char *vs_record_fault_text(enum vs_record_fault what)
{
    static const char *const texts[] = {
        [VS_RECORD_COVERED] = "the data is covered",
        [VS_RECORD_NOT_FOUND] = "a data object's digest is not in the first hash list",
        [VS_RECORD_IMPRINT] = "the hash tree does not lead to the token's imprint",
        [VS_RECORD_ALGORITHM] = "tree and token have different digest algorithms",
        [VS_RECORD_TIME_ORDER] = "a later archive time-stamp has an earlier time",
    };
    VS_ASSERT((size_t)what < sizeof texts / sizeof *texts);
    return texts[what];
}
