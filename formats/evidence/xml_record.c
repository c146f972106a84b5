#include "formats/evidence/xml_record.h"
#include "formats/crypto/algorithms.h"
#include "formats/timestamp/timestamp.h"
#include "formats/xml/c14n.h"
#include <stdlib.h>

#define ERS "urn:ietf:params:xml:ns:ers"
enum { MAX_STAMPS = 256, MAX_VALUES = 4096, CANONICAL_BYTES = 64 * 1024 * 1024 };

struct checking {
    struct vs_arena *arena;
    const struct vs_xml *xml;
    const struct vs_xml_node *sequence; /* ArchiveTimeStampSequence */
    const struct vs_xml_record_objects *objects;
    struct vs_xml_record *record;
    struct vs_bytes *tokens;
    struct vs_error *err;
};

/* One chain's ways. */
struct chain {
    const struct vs_xml_node *node;
    enum vs_digest_algorithm digest;
    enum vs_c14n_method c14n;
};

static vs_rc malformed(struct checking *c, const char *what)
{
    return vs_fail(c->err, VS_E_EVIDENCE_RECORD, "RFC 6283, 3.1", "%s", what);
}

static void fault(struct checking *c, enum vs_record_fault what)
{
    if (c->record->fault == VS_RECORD_COVERED)
        c->record->fault = what;
}

/* -- digests ------------------------------------------------------------------------------- */

/* `without` may be NULL. */
static vs_rc canonical_digest(struct checking *c, const struct chain *chain,
                              const struct vs_xml *xml, const struct vs_xml_node *node,
                              const struct vs_xml_node *without, struct vs_digest *ret)
{
    struct vs_c14n_options options = {.method = chain->c14n, .without = without};
    VS_BUFFER canonical;
    vs_buffer_init(&canonical, CANONICAL_BYTES);
    VS_TRY(vs_c14n_buffer(xml, node, &options, &canonical, c->err));
    VS_TRY(vs_buffer_check(&canonical, c->err));
    vs_digest_of(chain->digest, vs_buffer_view(&canonical), ret);
    return VS_OK;
}

/* The canonical form's digest of a data object; `*ret_is` false: it is no XML. */
static vs_rc xml_object_digest(struct checking *c, const struct chain *chain, size_t object,
                               struct vs_digest *ret, bool *ret_is)
{
    struct vs_bytes bytes;
    struct vs_error ignored;
    VS_XML *xml = NULL;
    *ret_is = false;
    VS_TRY(c->objects->bytes(c->objects->context, object, c->arena, &bytes, ret_is, c->err));
    *ret_is = *ret_is && vs_ok(vs_xml_parse(bytes, NULL, &xml, &ignored));
    return *ret_is ? canonical_digest(c, chain, xml, NULL, NULL, ret) : VS_OK;
}

static bool among(const struct vs_bytes *values, size_t n, const struct vs_digest *digest)
{
    for (size_t i = 0; i < n; i++)
        if (vs_bytes_equal(values[i], vs_digest_bytes(digest)))
            return true;
    return false;
}

static int ascending(const void *a, const void *b)
{
    return vs_bytes_compare(*(const struct vs_bytes *)a, *(const struct vs_bytes *)b);
}

/* RFC 6283, 3.2.1: sorted, joined, digested; a lone value stays what it is. */
static vs_rc join(struct checking *c, enum vs_digest_algorithm algorithm,
                  struct vs_bytes *values, size_t n, struct vs_digest *ret)
{
    if (n == 1)
        return vs_digest_from_value(algorithm, values[0], ret, c->err);
    qsort(values, n, sizeof *values, ascending);
    vs_digest_of_parts(algorithm, values, n, ret);
    return VS_OK;
}

/* -- one archive time-stamp ---------------------------------------------------------------- */

/* The values of one Sequence, and room for one more. */
static vs_rc read_values(struct checking *c, const struct vs_xml_node *sequence,
                         struct vs_bytes **ret, size_t *ret_n)
{
    size_t n = 0;
    const struct vs_xml_node *value = vs_xml_child(sequence, ERS, "DigestValue");
    for (; value != NULL; value = vs_xml_next_named(value, ERS, "DigestValue"))
        n++;
    if (n == 0 || n > MAX_VALUES)
        return malformed(c, "a Sequence without values, or with too many");
    *ret = vs_arena_make_n(c->arena, struct vs_bytes, n + 1);
    if (*ret == NULL)
        return vs_fail_memory(c->err);
    *ret_n = 0;
    value = vs_xml_child(sequence, ERS, "DigestValue");
    for (; value != NULL; value = vs_xml_next_named(value, ERS, "DigestValue"))
        VS_TRY(vs_xml_base64(value, c->arena, &(*ret)[(*ret_n)++], c->err));
    return VS_OK;
}

/* What must stand in the first Sequence: `wanted`, each by one of two digests. */
struct wanted {
    struct vs_digest first, second; /* second: of VS_DIGEST_NONE where there is none */
};

static bool stands(const struct vs_bytes *values, size_t n, const struct wanted *w)
{
    return among(values, n, &w->first) ||
           (w->second.algorithm != VS_DIGEST_NONE && among(values, n, &w->second));
}

static vs_rc root_of(struct checking *c, const struct chain *chain,
                     const struct vs_xml_node *tree, const struct wanted *wanted, size_t n,
                     struct vs_digest *ret)
{
    struct vs_bytes *values;
    size_t n_values;
    const struct vs_xml_node *sequence = vs_xml_child(tree, ERS, "Sequence");
    if (sequence == NULL)
        return malformed(c, "a HashTree without Sequence");
    VS_TRY(read_values(c, sequence, &values, &n_values));
    for (size_t i = 0; i < n; i++)
        if (!stands(values, n_values, &wanted[i]))
            fault(c, VS_RECORD_NOT_FOUND);
    VS_TRY(join(c, chain->digest, values, n_values, ret));
    sequence = vs_xml_next_named(sequence, ERS, "Sequence");
    for (; sequence != NULL; sequence = vs_xml_next_named(sequence, ERS, "Sequence")) {
        struct vs_digest below = *ret;
        VS_TRY(read_values(c, sequence, &values, &n_values));
        values[n_values] = vs_digest_bytes(&below);
        VS_TRY(join(c, chain->digest, values, n_values + 1, ret));
    }
    return VS_OK;
}

static vs_rc token_of(struct checking *c, const struct vs_xml_node *stamp,
                      const struct vs_timestamp **ret)
{
    const struct vs_xml_node *outer, *inner;
    VS_TRY(vs_xml_only_child(stamp, ERS, "TimeStamp", &outer, c->err));
    VS_TRY(vs_xml_only_child(outer, ERS, "TimeStampToken", &inner, c->err));
    if (!vs_text_equal(vs_xml_attribute(inner, "Type"), "RFC3161"))
        return malformed(c, "a token that is not of RFC 3161");
    if (c->record->n_tokens == MAX_STAMPS)
        return malformed(c, "too many archive time-stamps");
    struct vs_bytes *token = &c->tokens[c->record->n_tokens++];
    VS_TRY(vs_xml_base64(inner, c->arena, token, c->err));
    return vs_timestamp_decode(c->arena, *token, ret, c->err);
}

static vs_rc check_stamp(struct checking *c, const struct chain *chain,
                         const struct vs_xml_node *stamp, const struct wanted *wanted, size_t n)
{
    const struct vs_timestamp *token;
    struct vs_digest root;
    const struct vs_xml_node *tree = vs_xml_child(stamp, ERS, "HashTree");
    VS_TRY(token_of(c, stamp, &token));
    if (n == 0)
        return VS_OK; /* nothing is at hand: the form only */
    if (tree != NULL)
        VS_TRY(root_of(c, chain, tree, wanted, n, &root));
    else if (n == 1)
        root = wanted[0].second.algorithm != VS_DIGEST_NONE &&
                       vs_timestamp_covers(token, &wanted[0].second)
                   ? wanted[0].second
                   : wanted[0].first;
    else
        return malformed(c, "several objects and no HashTree");
    if (token->imprint.algorithm != chain->digest)
        fault(c, VS_RECORD_ALGORITHM);
    else if (!vs_timestamp_covers(token, &root))
        fault(c, VS_RECORD_IMPRINT);
    return VS_OK;
}

/* -- chains -------------------------------------------------------------------------------- */

static vs_rc read_chain(struct checking *c, const struct vs_xml_node *node, struct chain *ret)
{
    const struct vs_xml_node *digest, *c14n;
    VS_TRY(vs_xml_only_child(node, ERS, "DigestMethod", &digest, c->err));
    VS_TRY(vs_xml_only_child(node, ERS, "CanonicalizationMethod", &c14n, c->err));
    ret->node = node;
    ret->digest = vs_digest_by_uri(vs_bytes_text(vs_xml_attribute(digest, "Algorithm")));
    ret->c14n = vs_c14n_by_uri(vs_xml_attribute(c14n, "Algorithm"));
    if (ret->digest == VS_DIGEST_NONE || ret->c14n == VS_C14N_NONE)
        return vs_fail(c->err, VS_E_ALGORITHM, "RFC 6283, 3.1.1",
                       "a digest or canonicalisation that is not known here");
    return VS_OK;
}

/* What the first time-stamp of a chain covers: the data objects and, by a later chain, the
 * sequence as it was before it (RFC 6283, 4.2.2). */
static vs_rc first_wanted(struct checking *c, const struct chain *chain, size_t number,
                          struct wanted *ret, size_t *ret_n)
{
    *ret_n = c->objects->n;
    for (size_t i = 0; i < c->objects->n; i++) {
        bool is_xml;
        VS_TRY(
            c->objects->digest(c->objects->context, i, chain->digest, &ret[i].first, c->err));
        VS_TRY(xml_object_digest(c, chain, i, &ret[i].second, &is_xml));
        if (!is_xml)
            ret[i].second = (struct vs_digest){0};
    }
    if (number == 0 || c->objects->n == 0)
        return VS_OK;
    if (number > 1 || vs_xml_next_named(chain->node, ERS, "ArchiveTimeStampChain") != NULL)
        return malformed(c, "more than two chains are not read here");
    return canonical_digest(c, chain, c->xml, c->sequence, chain->node, &ret[(*ret_n)++].first);
}

static vs_rc check_chain(struct checking *c, const struct vs_xml_node *node, size_t number)
{
    struct chain chain;
    size_t n;
    struct wanted *wanted = vs_arena_make_n(c->arena, struct wanted, c->objects->n + 2);
    if (wanted == NULL)
        return vs_fail_memory(c->err);
    VS_TRY(read_chain(c, node, &chain));
    VS_TRY(first_wanted(c, &chain, number, wanted, &n));
    const struct vs_xml_node *stamp = vs_xml_child(node, ERS, "ArchiveTimeStamp");
    if (stamp == NULL)
        return malformed(c, "a chain without ArchiveTimeStamp");
    for (; stamp != NULL; stamp = vs_xml_next_named(stamp, ERS, "ArchiveTimeStamp")) {
        VS_TRY(check_stamp(c, &chain, stamp, wanted, n));
        /* The next one renews this one's time mark (RFC 6283, 4.2.1). */
        const struct vs_xml_node *mark = vs_xml_child(stamp, ERS, "TimeStamp");
        wanted[0] = (struct wanted){0};
        VS_TRY(canonical_digest(c, &chain, c->xml, mark, NULL, &wanted[0].first));
        n = c->objects->n == 0 ? 0 : 1;
    }
    return VS_OK;
}

vs_rc vs_xml_record_check(struct vs_arena *arena, struct vs_bytes text,
                          const struct vs_xml_record_objects *objects,
                          struct vs_xml_record *ret, struct vs_error *err)
{
    VS_XML *xml = NULL;
    struct vs_xml_record record = {.fault = VS_RECORD_COVERED};
    struct checking c = {.arena = arena, .objects = objects, .record = &record, .err = err};
    VS_TRY(vs_xml_parse(text, NULL, &xml, err));
    c.xml = xml;
    if (!vs_xml_is(vs_xml_root(xml), ERS, "EvidenceRecord"))
        return malformed(&c, "the root is not EvidenceRecord");
    VS_TRY(
        vs_xml_only_child(vs_xml_root(xml), ERS, "ArchiveTimeStampSequence", &c.sequence, err));
    c.tokens = vs_arena_make_n(arena, struct vs_bytes, MAX_STAMPS);
    if (c.tokens == NULL)
        return vs_fail_memory(err);
    record.tokens = c.tokens;
    size_t number = 0;
    const struct vs_xml_node *chain = vs_xml_child(c.sequence, ERS, "ArchiveTimeStampChain");
    if (chain == NULL)
        return malformed(&c, "no ArchiveTimeStampChain");
    for (; chain != NULL; chain = vs_xml_next_named(chain, ERS, "ArchiveTimeStampChain"))
        VS_TRY(check_chain(&c, chain, number++));
    *ret = record;
    return VS_OK;
}
