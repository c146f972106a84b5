#include "relay/archive/report.h"
#include "formats/container/zip.h"
#include "formats/crypto/digest.h"
#include "relay/journal.h"
#include "relay/relay_priv.h"
#include "relay/seal/seal.h"

#define PAGE          256
#define CODES_MAX     512
#define ACTS_MAX      1000
#define SCRATCH       ((size_t)32 << 20)
#define CONTAINER_MAX ((size_t)64 << 20)

/* The count of one period in the making. */
struct tally {
    struct vs_relay *relay;
    struct vs_arena *arena;   /* of the report */
    struct vs_arena *scratch; /* of one page */
    struct vs_report *report;
    struct vs_report_code *codes;
    struct vs_report_party *parties; /* open addressing */
    size_t party_room;
    uint64_t looked;
};

/* -- parties and codes --------------------------------------------------------------------- */

static struct vs_report_party *place_of(struct vs_report_party *parties, size_t room,
                                        struct vs_id id)
{
    size_t at = vs_get_u32(id.bytes + 12) % room;
    while (!vs_id_is_none(parties[at].id) && !vs_id_equal(parties[at].id, id))
        at = (at + 1) % room;
    return &parties[at];
}

static vs_rc grow_parties(struct tally *tally, struct vs_error *err)
{
    size_t room = tally->party_room == 0 ? 256 : tally->party_room * 2;
    struct vs_report_party *grown = vs_arena_make_n(tally->arena, struct vs_report_party, room);
    if (grown == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < tally->party_room; i++)
        if (!vs_id_is_none(tally->parties[i].id))
            *place_of(grown, room, tally->parties[i].id) = tally->parties[i];
    tally->parties = grown;
    tally->party_room = room;
    return VS_OK;
}

static vs_rc party_of(struct tally *tally, const struct vs_value *id,
                      struct vs_report_party **ret, struct vs_error *err)
{
    if (tally->report->n_parties * 2 >= tally->party_room)
        VS_TRY(grow_parties(tally, err));
    *ret = place_of(tally->parties, tally->party_room, vs_value_id(id));
    if (vs_id_is_none((*ret)->id)) {
        (*ret)->id = vs_value_id(id);
        tally->report->n_parties++;
    }
    return VS_OK;
}

static vs_rc count_code(struct tally *tally, struct vs_bytes code, struct vs_error *err)
{
    for (size_t i = 0; i < tally->report->n_codes; i++)
        if (vs_bytes_is(code, tally->codes[i].code)) {
            tally->codes[i].n++;
            return VS_OK;
        }
    if (tally->report->n_codes == CODES_MAX)
        return VS_OK; /* there are fewer codes than that */
    struct vs_report_code *fresh = &tally->codes[tally->report->n_codes++];
    fresh->n = 1;
    fresh->code = vs_arena_strndup(tally->arena, (const char *)code.ptr, code.len);
    return fresh->code == NULL ? vs_fail_memory(err) : VS_OK;
}

/* -- rows ---------------------------------------------------------------------------------- */

static vs_rc count_deliveries(struct tally *tally, const struct vs_value *document,
                              struct vs_error *err)
{
    struct vs_query query = {
        .table = VS_T_DELIVERY, .equal = document, .n_equal = 1, .limit = 10000};
    const struct vs_row *rows;
    size_t n;
    VS_TRY(vs_store_select(tally->relay->store, tally->scratch, &query, &rows, &n, err));
    for (size_t i = 0; i < n; i++) {
        const struct vs_value *v = rows[i].values;
        struct vs_report_party *recipient;
        int64_t state = v[VS_DELIVERY_STATE].integer;
        tally->report->deliveries++;
        if (state >= 0 && state < VS_DELIVERY_STATES)
            tally->report->states[state]++;
        tally->report->overdue += v[VS_DELIVERY_OVERDUE_AT].type == VS_INT;
        tally->report->not_sent += v[VS_DELIVERY_NOTICE_AT].type == VS_INT;
        if (v[VS_DELIVERY_RECEIVED_AT].type != VS_INT)
            continue;
        VS_TRY(party_of(tally, &v[VS_DELIVERY_RECIPIENT], &recipient, err));
        recipient->received++;
    }
    return VS_OK;
}

static vs_rc count_document(struct tally *tally, const struct vs_value *row,
                            struct vs_error *err)
{
    struct vs_report_party *sender;
    tally->report->documents++;
    VS_TRY(party_of(tally, &row[VS_DOCUMENT_SENDER], &sender, err));
    sender->sent++;
    return count_deliveries(tally, &row[VS_DOCUMENT_ID], err);
}

static vs_rc count_refusal(struct tally *tally, const struct vs_value *row,
                           struct vs_error *err)
{
    struct vs_report_party *sender;
    tally->report->refusals++;
    VS_TRY(party_of(tally, &row[VS_REFUSAL_SENDER], &sender, err));
    sender->refused++;
    return count_code(tally, row[VS_REFUSAL_CODE].bytes, err);
}

static vs_rc count_one(struct tally *tally, enum vs_table_id table, const struct vs_row *row,
                       struct vs_error *err)
{
    if (++tally->looked > VS_REPORT_DOCUMENTS_MAX)
        return vs_fail(err, VS_E_LIMIT, NULL,
                       "more than %d documents in this period: choose a shorter one",
                       VS_REPORT_DOCUMENTS_MAX);
    return table == VS_T_DOCUMENT ? count_document(tally, row->values, err)
                                  : count_refusal(tally, row->values, err);
}

/* Ids are in order of time: the period is a range of keys. */
static vs_rc count_table(struct tally *tally, enum vs_table_id table, struct vs_error *err)
{
    struct vs_id low = vs_id_at(tally->report->from, 0),
                 high = vs_id_at(tally->report->until - 1, 0xff), last;
    struct vs_value low_value = vs_id_value(&low), high_value = vs_id_value(&high),
                    after = vs_id_value(&last);
    struct vs_query query = {.table = table,
                             .low = &low_value,
                             .high = &high_value,
                             .tolerate = true,
                             .limit = PAGE};
    for (size_t n = PAGE; n == PAGE;) {
        const struct vs_row *rows;
        vs_arena_reset(tally->scratch);
        VS_TRY(vs_store_select(tally->relay->store, tally->scratch, &query, &rows, &n, err));
        for (size_t i = 0; i < n; i++)
            if (!rows[i].corrupt)
                VS_TRY(count_one(tally, table, &rows[i], err));
        if (n == 0)
            break;
        last = vs_value_id(&rows[n - 1].values[0]);
        query.after = &after;
        query.n_after = 1;
    }
    return VS_OK;
}

/* Numbers of batches are in order of time, nearly: from the newest back to the period. */
static vs_rc count_batches(struct tally *tally, struct vs_error *err)
{
    struct vs_value after;
    struct vs_query query = {
        .table = VS_T_BATCH, .descending = true, .tolerate = true, .limit = PAGE};
    for (size_t n = PAGE; n == PAGE;) {
        const struct vs_row *rows;
        vs_arena_reset(tally->scratch);
        VS_TRY(vs_store_select(tally->relay->store, tally->scratch, &query, &rows, &n, err));
        for (size_t i = 0; i < n; i++) {
            const struct vs_value *v = rows[i].values;
            vs_time_ms created = rows[i].corrupt ? INT64_MAX : v[VS_BATCH_CREATED].integer;
            if (created < tally->report->from)
                return VS_OK;
            if (created >= tally->report->until)
                continue;
            tally->report->batches++;
            tally->report->marked += v[VS_BATCH_TOKEN].type == VS_BLOB;
        }
        if (n == 0)
            break;
        after = vs_int(rows[n - 1].values[VS_BATCH_NUMBER].integer);
        query.after = &after;
        query.n_after = 1;
    }
    return VS_OK;
}

static vs_rc count_acts(struct tally *tally, struct vs_error *err)
{
    struct vs_report *report = tally->report;
    struct vs_query holds = {.table = VS_T_HOLD};
    VS_TRY(vs_deed_list(tally->relay, tally->arena, report->from, report->until - 1, VS_ID_NONE,
                        ACTS_MAX, &report->acts, &report->n_acts, err));
    report->more_acts = report->n_acts == ACTS_MAX;
    for (size_t i = 0; i < report->n_acts; i++) {
        if (report->acts[i].event != VS_EVENT_RETENTION_DELETION)
            continue;
        report->deletions++;
        report->deleted += (uint64_t)report->acts[i].count;
    }
    return vs_store_count(tally->relay->store, &holds, &report->holds_now, err);
}

static vs_rc name_parties(struct tally *tally, struct vs_error *err)
{
    struct vs_report_party *named =
        vs_arena_make_n(tally->arena, struct vs_report_party, tally->report->n_parties + 1);
    size_t n = 0;
    if (named == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < tally->party_room; i++) {
        const struct vs_participant *participant;
        if (vs_id_is_none(tally->parties[i].id))
            continue;
        named[n] = tally->parties[i];
        VS_TRY(vs_participant_get(tally->relay, tally->arena, named[n].id, &participant, err));
        if (participant != NULL) {
            named[n].identifier = participant->identifiers[0];
            named[n].name = participant->name;
        }
        n++;
    }
    tally->report->parties = named;
    tally->report->codes = tally->codes;
    return VS_OK;
}

static vs_rc look_at_journal(struct tally *tally, struct vs_error *err)
{
    struct vs_journal *journal = tally->relay->journal;
    tally->report->journal_size = vs_journal_size(journal);
    tally->report->journal_key = vs_journal_verifier_key(journal, tally->arena);
    return vs_journal_checkpoint(journal, tally->arena, &tally->report->checkpoint, err);
}

static vs_rc count_all(struct tally *tally, struct vs_error *err)
{
    VS_TRY(grow_parties(tally, err));
    VS_TRY(count_table(tally, VS_T_DOCUMENT, err));
    VS_TRY(count_table(tally, VS_T_REFUSAL, err));
    VS_TRY(count_batches(tally, err));
    VS_TRY(count_acts(tally, err));
    VS_TRY(name_parties(tally, err));
    return look_at_journal(tally, err);
}

vs_rc vs_report_make(struct vs_relay *relay, struct vs_arena *arena,
                     const struct vs_caller *caller, vs_time_ms from, vs_time_ms until,
                     vs_time_ms now, struct vs_report *ret, struct vs_error *err)
{
    VS_REFUSE_IF(!vs_caller_may(caller, VS_ROLE_OPERATOR | VS_ROLE_AUDITOR), err,
                 VS_E_FORBIDDEN, "Art. 31.4",
                 "operators and the supervising authority ask for reports");
    VS_REFUSE_IF(from == VS_TIME_NONE || until == VS_TIME_NONE || from >= until || from < 0,
                 err, VS_E_PARAMETER, NULL, "from and until: a period");
    VS_ARENA *scratch = vs_arena_new(SCRATCH);
    *ret = (struct vs_report){.from = from, .until = until, .made = now};
    struct tally tally = {.relay = relay, .arena = arena, .scratch = scratch, .report = ret};
    tally.codes = vs_arena_make_n(arena, struct vs_report_code, CODES_MAX);
    if (scratch == NULL || tally.codes == NULL)
        return vs_fail_memory(err);
    return count_all(&tally, err);
}

/* -- a report that proves itself ----------------------------------------------------------- */

static vs_rc lay_out(struct vs_arena *arena, const struct vs_deed *deed, const char *name,
                     struct vs_bytes content, const struct vs_sealed *sealed,
                     struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_bytes_source *original = vs_arena_make(arena, struct vs_bytes_source);
    const struct vs_source *source;
    if (original == NULL)
        return vs_fail_memory(err);
    vs_bytes_source_init(original, content);
    struct vs_consignment parts = {.name = name,
                                   .media_type = "application/json",
                                   .original = &original->source,
                                   .original_crc32 = vs_zip_crc32(0, content),
                                   .original_digest = deed->digest,
                                   .seal_digest = sealed->digest,
                                   .evidence_digest = deed->file->digest,
                                   .evidence = deed->file->xml,
                                   .seal = sealed->xml};
    VS_TRY(vs_consignment_layout(arena, &parts, &source, err));
    return vs_source_all(source, arena, CONTAINER_MAX, ret, err);
}

vs_rc vs_report_seal_stage(struct vs_relay *relay, struct vs_job *job,
                           const struct vs_caller *caller, struct vs_bytes content,
                           const char *name, uint64_t count, vs_time_ms now,
                           struct vs_deed *deed, struct vs_bytes *ret, struct vs_error *err)
{
    struct vs_stage *stage;
    uint8_t *digest = vs_arena_alloc(job->arena, 32);
    struct vs_sealed sealed;
    if (digest == NULL)
        return vs_fail_memory(err);
    VS_TRY(vs_stage_new(job, &stage, err));
    vs_sha256(content, digest);
    *deed = (struct vs_deed){
        .event = VS_EVENT_SUPERVISION_REPORT, .count = (int64_t)count, .digest = digest};
    VS_TRY(vs_deed_stage(relay, job, stage, caller, now, deed, err));
    struct vs_seal_input input = {.name = name,
                                  .media_type = "application/json",
                                  .original = digest,
                                  .evidence = deed->file->digest,
                                  .own_mark = true};
    VS_TRY(vs_seal_make(relay, job->arena, &input, now, &sealed, err));
    return lay_out(job->arena, deed, name, content, &sealed, ret, err);
}
