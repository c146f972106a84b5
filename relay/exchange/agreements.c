#include "relay/exchange/agreements.h"
#include "formats/validation/policy.h"
#include "relay/exchange/cache.h"
#include "relay/exchange/commit.h"
#include "relay/relay_priv.h"

/* -- terms --------------------------------------------------------------------------------- */

const char *const vs_requisite_names[] = {"number",    "date",    "subject",   "sender",
                                          "recipient", "address", "telephone", "fax",
                                          "email",     "person",  NULL};

static const char *const forms[] = {"asic-e", "asic-s", "pdf", "xml", "cms", "any", NULL};
static const char *const classes[] = {
    "none", "simple", "enhanced", "qualified", "qualified-authority", NULL};
static const char *const levels[] = {"none", "B-B", "B-T", "B-LT", "B-LTA", NULL};
static const char *const marks[] = {"document", "batch", NULL};
static const char *const receipts[] = {"mailbox", "endpoint", NULL};

#define AT(field) offsetof(struct vs_terms, field)

const struct vs_term_field vs_term_fields[] = {
    {"forms", AT(forms), VS_TERM_SET, forms, 1, 63, VS_TAKES_ASIC_E, "Art. 26",
     "what a document may be"},
    {"signature-class", AT(signature_class), VS_TERM_CHOICE, classes, 0,
     VS_ASKS_QUALIFIED_AUTHORITY, VS_ASKS_ENHANCED, "Art. 3", "least class of its signatures"},
    {"signature-level", AT(signature_level), VS_TERM_CHOICE, levels, 0, VS_LEVEL_LTA,
     VS_LEVEL_B, "EN 319 132-1", "least level of its signatures"},
    {"signer-is-sender", AT(signer_is_sender), VS_TERM_YES_NO, NULL, 0, 1, 0, "Art. 27.1",
     "a signer's certificate names the sending participant"},
    {"requisites", AT(requisites), VS_TERM_SET, vs_requisite_names, 0, 1023, 0, "Art. 21.1.3",
     "requisites that must be given"},
    {"signed-requisites", AT(signed_requisites), VS_TERM_YES_NO, NULL, 0, 1, 0, "Art. 22",
     "the requisites stand in a signed document.xml"},
    {"acknowledgement", AT(acknowledgement), VS_TERM_YES_NO, NULL, 0, 1, 1, "Art. 27.4",
     "counts as not received until acknowledged"},
    {"acknowledgement-term", AT(acknowledgement_term_ms), VS_TERM_DURATION_MS, NULL, 0,
     3660 * VS_DAY_MS, 0, "Art. 27.5", "for the acknowledgement; 0: only what the sender sets"},
    {"further-term", AT(further_term_ms), VS_TERM_DURATION_MS, NULL, VS_SECOND_MS,
     3660 * VS_DAY_MS, 3 * VS_DAY_MS, "Art. 27.5", "set once the first term has passed"},
    {"remind", AT(remind), VS_TERM_YES_NO, NULL, 0, 1, 0, "Art. 27.5",
     "the service reminds the recipient in the sender's name"},
    {"consent", AT(consent), VS_TERM_YES_NO, NULL, 0, 1, 0, "Art. 26",
     "the recipient is asked before hand-over"},
    {"marks", AT(marks), VS_TERM_CHOICE, marks, 0, VS_MARKS_BATCH, VS_MARKS_DOCUMENT,
     "Art. 28.1", "a time mark for each seal, or one for the batch"},
    {"receipt-at", AT(receipt_at), VS_TERM_CHOICE, receipts, 0, VS_RECEIPT_ENDPOINT,
     VS_RECEIPT_MAILBOX, "Art. 28.2", "where the document is received"},
    {"retention", AT(retention_months), VS_TERM_MONTHS, NULL, VS_RETENTION_MINIMUM,
     VS_RETENTION_PERMANENT, VS_RETENTION_MINIMUM, "Art. 29.1.4", "months to keep it"},
    {"consent-term", AT(consent_term_ms), VS_TERM_DURATION_MS, NULL, VS_SECOND_MS,
     3660 * VS_DAY_MS, 5 * VS_DAY_MS, "Art. 26", "for the answer of a recipient that is asked"},
    {"automatic-acknowledgement", AT(automatic_acknowledgement), VS_TERM_YES_NO, NULL, 0, 1, 0,
     "Art. 27.2", "the service acknowledges for the recipient what passed verification"},
};
const size_t vs_term_fields_n = sizeof vs_term_fields / sizeof *vs_term_fields;

struct vs_terms vs_terms_law(void)
{
    struct vs_terms terms;
    for (size_t i = 0; i < vs_term_fields_n; i++)
        *vs_term_of(&terms, &vs_term_fields[i]) = vs_term_fields[i].fallback;
    return terms;
}

vs_rc vs_terms_check(const struct vs_terms *terms, struct vs_error *err)
{
    struct vs_terms copy = *terms;
    for (size_t i = 0; i < vs_term_fields_n; i++) {
        const struct vs_term_field *field = &vs_term_fields[i];
        int64_t value = *vs_term_of(&copy, field);
        if (value < field->least || value > field->most)
            return vs_fail(err, VS_E_PARAMETER, field->clause, "%s: from %lld to %lld",
                           field->name, (long long)field->least, (long long)field->most);
    }
    return VS_OK;
}

/* -- rows ---------------------------------------------------------------------------------- */

static void terms_encode(const struct vs_terms *terms, struct vs_buffer *to)
{
    struct vs_terms copy = *terms;
    for (size_t i = 0; i < vs_term_fields_n; i++)
        vs_buffer_printf(to, "%s=%lld\n", vs_term_fields[i].name,
                         (long long)*vs_term_of(&copy, &vs_term_fields[i]));
}

/* Names that this version does not know are a newer one's: refused, never ignored. */
static vs_rc term_decode(struct vs_bytes line, struct vs_terms *terms, struct vs_error *err)
{
    const uint8_t *equals = memchr(line.ptr, '=', line.len);
    size_t name_len = equals == NULL ? 0 : (size_t)(equals - line.ptr);
    uint64_t value;
    for (size_t i = 0; i < vs_term_fields_n && name_len > 0; i++) {
        const struct vs_term_field *field = &vs_term_fields[i];
        if (!vs_bytes_is(VS_BYTES(line.ptr, name_len), field->name))
            continue;
        if (!vs_u64_decode(VS_BYTES(equals + 1, line.len - name_len - 1), &value) ||
            value > INT64_MAX)
            break;
        *vs_term_of(terms, field) = (int64_t)value;
        return VS_OK;
    }
    return vs_fail(err, VS_E_CORRUPT, NULL, "an agreement's terms cannot be read");
}

static vs_rc terms_decode(struct vs_bytes text, struct vs_terms *ret, struct vs_error *err)
{
    *ret = vs_terms_law();
    while (text.len > 0) {
        const uint8_t *end = memchr(text.ptr, '\n', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.ptr);
        VS_TRY(term_decode(VS_BYTES(text.ptr, len), ret, err));
        size_t skip = len + (end != NULL);
        text = VS_BYTES(text.ptr + skip, text.len - skip);
    }
    return VS_OK;
}

static vs_rc from_row(struct vs_arena *arena, const struct vs_row *row,
                      const struct vs_agreement **ret, struct vs_error *err)
{
    const struct vs_value *v = row->values;
    struct vs_agreement *a = vs_arena_make(arena, struct vs_agreement);
    if (a == NULL)
        return vs_fail_memory(err);
    a->id = vs_value_id(&v[VS_AGREEMENT_ID]);
    a->parties[0] = vs_value_id(&v[VS_AGREEMENT_LESSER]);
    a->parties[1] = vs_value_id(&v[VS_AGREEMENT_GREATER]);
    a->reference = vs_value_text_new(arena, &v[VS_AGREEMENT_REFERENCE]);
    a->from = vs_value_time(&v[VS_AGREEMENT_FROM]);
    a->until = vs_value_time(&v[VS_AGREEMENT_UNTIL]);
    a->created = v[VS_AGREEMENT_CREATED].integer;
    a->version = row->version;
    VS_TRY(terms_decode(v[VS_AGREEMENT_TERMS].bytes, &a->terms, err));
    *ret = a;
    return VS_OK;
}

static void sort_pair(struct vs_id parties[2])
{
    if (vs_bytes_compare(vs_id_bytes(&parties[0]), vs_id_bytes(&parties[1])) > 0) {
        struct vs_id lesser = parties[1];
        parties[1] = parties[0];
        parties[0] = lesser;
    }
}

static vs_rc find_pair(struct vs_relay *relay, struct vs_arena *arena,
                       const struct vs_id parties[2], const struct vs_agreement **ret,
                       struct vs_error *err)
{
    struct vs_value equal[2] = {vs_id_value(&parties[0]), vs_id_value(&parties[1])};
    struct vs_query query = {.table = VS_T_AGREEMENT,
                             .index = VS_AGREEMENT_BY_PAIR,
                             .equal = equal,
                             .n_equal = 2,
                             .limit = 1};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &n, err));
    *ret = NULL;
    return n == 0 ? VS_OK : from_row(arena, rows, ret, err);
}

/* The same, from the cache where it is there. */
static vs_rc recall_pair(struct vs_relay *relay, struct vs_arena *arena,
                         const struct vs_id parties[2], const struct vs_agreement **ret,
                         struct vs_error *err)
{
    bool none;
    *ret = vs_pair_cache_get(relay->parties, arena, parties, &none);
    if (*ret != NULL || none)
        return VS_OK;
    uint64_t generation = vs_party_cache_generation(relay->parties);
    VS_TRY(find_pair(relay, arena, parties, ret, err));
    vs_pair_cache_put(relay->parties, generation, parties, *ret);
    return VS_OK;
}

vs_rc vs_agreement_between(struct vs_relay *relay, struct vs_arena *arena, struct vs_id a,
                           struct vs_id b, vs_time_ms at, const struct vs_agreement **ret,
                           struct vs_error *err)
{
    struct vs_id parties[2] = {a, b};
    sort_pair(parties);
    VS_TRY(recall_pair(relay, arena, parties, ret, err));
    const struct vs_agreement *found = *ret;
    if (found != NULL && (found->from == VS_TIME_NONE || found->from <= at) &&
        (found->until == VS_TIME_NONE || at < found->until))
        return VS_OK;
    struct vs_agreement *law = vs_arena_make(arena, struct vs_agreement);
    if (law == NULL)
        return vs_fail_memory(err);
    memcpy(law->parties, parties, sizeof parties);
    law->from = law->until = law->created = VS_TIME_NONE;
    law->terms = vs_terms_law();
    law->terms.marks = relay->settings.batch_marks ? VS_MARKS_BATCH : VS_MARKS_DOCUMENT;
    *ret = law;
    return VS_OK;
}

vs_rc vs_agreement_get(struct vs_relay *relay, struct vs_arena *arena, struct vs_id id,
                       const struct vs_agreement **ret, struct vs_error *err)
{
    struct vs_value key = vs_id_value(&id);
    const struct vs_row *row;
    VS_TRY(vs_store_get(relay->store, arena, VS_T_AGREEMENT, &key, &row, err));
    *ret = NULL;
    return row == NULL ? VS_OK : from_row(arena, row, ret, err);
}

static vs_rc append_rows(struct vs_relay *relay, struct vs_arena *arena, unsigned index,
                         const struct vs_value *party, const struct vs_agreement **list,
                         size_t *n, struct vs_error *err)
{
    struct vs_query query = {
        .table = VS_T_AGREEMENT, .index = index, .equal = party, .n_equal = 1};
    const struct vs_row *rows;
    size_t got;
    VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &got, err));
    for (size_t i = 0; i < got; i++)
        VS_TRY(from_row(arena, &rows[i], &list[(*n)++], err));
    return VS_OK;
}

#define OF_ONE_PARTY 2000 /* two selects of at most 1,000 rows */

vs_rc vs_agreement_list(struct vs_relay *relay, struct vs_arena *arena, struct vs_id party,
                        struct vs_id after, size_t limit, const struct vs_agreement ***ret,
                        size_t *ret_n, struct vs_error *err)
{
    const struct vs_agreement **list =
        vs_arena_make_n(arena, const struct vs_agreement *, OF_ONE_PARTY);
    if (list == NULL)
        return vs_fail_memory(err);
    struct vs_value value = vs_id_value(&party), from = vs_id_value(&after);
    size_t n = 0;
    if (!vs_id_is_none(party)) {
        VS_TRY(append_rows(relay, arena, VS_AGREEMENT_BY_PAIR, &value, list, &n, err));
        VS_TRY(append_rows(relay, arena, VS_AGREEMENT_BY_GREATER, &value, list, &n, err));
    } else {
        struct vs_query query = {.table = VS_T_AGREEMENT, .limit = limit};
        if (!vs_id_is_none(after)) {
            query.after = &from;
            query.n_after = 1;
        }
        const struct vs_row *rows;
        size_t got;
        VS_TRY(vs_store_select(relay->store, arena, &query, &rows, &got, err));
        for (; n < got; n++)
            VS_TRY(from_row(arena, &rows[n], &list[n], err));
    }
    *ret = list;
    *ret_n = n;
    return VS_OK;
}

/* -- changes ------------------------------------------------------------------------------- */

static vs_rc check(struct vs_relay *relay, struct vs_arena *arena, struct vs_agreement *a,
                   struct vs_error *err)
{
    VS_TRY(vs_terms_check(&a->terms, err));
    if (vs_id_equal(a->parties[0], a->parties[1]))
        return vs_fail(err, VS_E_PARAMETER, NULL, "parties: two different ones");
    for (size_t i = 0; i < 2; i++) {
        const struct vs_participant *party;
        VS_TRY(vs_participant_get(relay, arena, a->parties[i], &party, err));
        if (party == NULL)
            return vs_fail(err, VS_E_PARAMETER, NULL, "parties: one is not known here");
    }
    if (a->from != VS_TIME_NONE && a->until != VS_TIME_NONE && a->until <= a->from)
        return vs_fail(err, VS_E_PARAMETER, NULL, "until: it ends before it begins");
    if (a->reference != NULL &&
        (strlen(a->reference) > 200 || vs_text_has_controls(vs_bytes_text(a->reference))))
        return vs_fail(err, VS_E_PARAMETER, NULL,
                       "reference: at most 200 bytes without control characters");
    sort_pair(a->parties);
    return VS_OK;
}

static void pairs_changed(struct vs_relay *relay, void *context)
{
    (void)context;
    vs_party_cache_forget(relay->parties);
}

static vs_rc stage_row(struct vs_stage *stage, struct vs_arena *arena,
                       const struct vs_agreement *a, int64_t if_version, struct vs_error *err)
{
    VS_BUFFER terms;
    vs_buffer_init(&terms, 4096);
    terms_encode(&a->terms, &terms);
    struct vs_bytes text;
    VS_TRY(vs_buffer_copy(&terms, arena, &text, err));
    struct vs_value *row = vs_stage_row(stage, VS_T_AGREEMENT);
    if (row == NULL)
        return vs_fail_memory(err);
    row[VS_AGREEMENT_ID] = vs_id_value(&a->id);
    row[VS_AGREEMENT_LESSER] = vs_id_value(&a->parties[0]);
    row[VS_AGREEMENT_GREATER] = vs_id_value(&a->parties[1]);
    row[VS_AGREEMENT_CREATED] = vs_int(a->created);
    row[VS_AGREEMENT_TERMS] = vs_text_bytes(text);
    row[VS_AGREEMENT_REFERENCE] = vs_text(a->reference);
    row[VS_AGREEMENT_FROM] = vs_time_value(a->from);
    row[VS_AGREEMENT_UNTIL] = vs_time_value(a->until);
    vs_stage_after(stage, pairs_changed, NULL);
    struct vs_op op = vs_op_insert(VS_T_AGREEMENT, row);
    if (if_version > 0) {
        op = vs_op_put(VS_T_AGREEMENT, row);
        op.if_version = if_version;
    }
    return vs_stage_op(stage, op, err);
}

vs_rc vs_agreement_add_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                             struct vs_agreement *agreement, struct vs_error *err)
{
    VS_TRY(check(relay, job->arena, agreement, err));
    const struct vs_agreement *other;
    VS_TRY(find_pair(relay, job->arena, agreement->parties, &other, err));
    if (other != NULL)
        return vs_fail(err, VS_E_EXISTS, NULL, "these parties have an agreement already");
    agreement->id = vs_id_new(&relay->seams, now);
    agreement->created = now;
    agreement->version = 1;
    /* Rows borrow until the commit; the caller's struct need not live as long. */
    struct vs_agreement *kept = vs_arena_make(job->arena, struct vs_agreement);
    struct vs_stage *stage;
    if (kept == NULL)
        return vs_fail_memory(err);
    *kept = *agreement;
    VS_TRY(vs_stage_new(job, &stage, err));
    return stage_row(stage, job->arena, kept, 0, err);
}

vs_rc vs_agreement_change_stage(struct vs_relay *relay, struct vs_job *job, vs_time_ms now,
                                const struct vs_agreement *agreement, struct vs_error *err)
{
    (void)now;
    struct vs_agreement *a = vs_arena_make(job->arena, struct vs_agreement);
    if (a == NULL)
        return vs_fail_memory(err);
    *a = *agreement;
    const struct vs_agreement *old;
    VS_TRY(vs_agreement_get(relay, job->arena, a->id, &old, err));
    if (old == NULL)
        return vs_fail(err, VS_E_NOT_FOUND, NULL, "there is no such agreement");
    if (old->version != a->version)
        return vs_fail(err, VS_E_CONFLICT, NULL, "it has version %lld now",
                       (long long)old->version);
    memcpy(a->parties, old->parties, sizeof a->parties);
    a->created = old->created;
    VS_TRY(check(relay, job->arena, a, err));
    struct vs_stage *stage;
    VS_TRY(vs_stage_new(job, &stage, err));
    return stage_row(stage, job->arena, a, a->version, err);
}
