/* The journal for whoever checks it: C2SP tlog-tiles (checkpoint, tiles), proofs as JSON. It
 * holds salted leaves only, so it is open to all; what belongs to a piece of evidence is given
 * to those who may see that evidence. */
#include "relay/journal.h"
#include "formats/evidence/checkpoint.h"
#include "gateway/call.h"
#include "gateway/rest/json.h"
#include "gateway/rest/rest.h"
#include "relay/evidence.h"

#define TEXT "text/plain; charset=utf-8"

/* The log that the query names; the newest one where it names none. */
static vs_rc query_epoch(struct vs_relay *relay, const struct vs_request *request,
                         uint64_t *ret, struct vs_error *err)
{
    uint64_t newest = vs_journal_epoch(vs_relay_journal(relay));
    return vs_request_query_number(request, "epoch", 1, newest, newest, ret, err);
}

static vs_rc query_log(struct vs_relay *relay, struct vs_job *job,
                       const struct vs_request *request, struct vs_journal_log *ret,
                       struct vs_error *err)
{
    uint64_t epoch;
    VS_TRY(query_epoch(relay, request, &epoch, err));
    return vs_journal_log(vs_relay_journal(relay), job->arena, epoch, ret, err);
}

static vs_rc run_checkpoint(struct vs_relay *relay, struct vs_job *job,
                            struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_journal_log log;
    VS_TRY(query_log(relay, job, request, &log, err));
    vs_respond_header(request, "Cache-Control", "no-store");
    vs_respond(request, 200, TEXT, log.checkpoint);
    return VS_OK;
}

static vs_rc run_logs(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    const struct vs_journal_log *logs;
    size_t n;
    VS_TRY(vs_journal_logs(vs_relay_journal(relay), job->arena, &logs, &n, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_array(&json, "logs");
    for (size_t i = 0; i < n; i++) {
        vs_json_object(&json, NULL);
        vs_json_number(&json, "epoch", (int64_t)logs[i].epoch);
        vs_json_string(&json, "origin", logs[i].origin);
        vs_json_number(&json, "size", (int64_t)logs[i].size);
        vs_json_text_of(&json, "checkpoint", logs[i].checkpoint);
        vs_json_string(&json, "key", logs[i].key);
        if (logs[i].record.len > 0)
            vs_json_hex(&json, "evidence", logs[i].record);
        else
            vs_json_null(&json, "evidence");
        vs_json_end_object(&json);
    }
    vs_json_end_array(&json);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_journal_logs(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_logs, NULL, err);
}

vs_rc vs_rest_journal_checkpoint(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "epoch", err));
    return vs_call(request, run_checkpoint, NULL, err);
}

static vs_rc run_key(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                     vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct vs_journal_log log;
    VS_TRY(query_log(relay, job, request, &log, err));
    char *line = vs_arena_printf(job->arena, "%s\n", log.key);
    if (line == NULL)
        return vs_fail_memory(err);
    vs_respond(request, 200, TEXT, vs_bytes_text(line));
    return VS_OK;
}

vs_rc vs_rest_journal_key(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "epoch", err));
    return vs_call(request, run_key, NULL, err);
}

/* -- tiles -------------------------------------------------------------------------------- */

struct tile {
    uint64_t level, number, width;
};

/* C2SP tlog-tiles: N in groups of three digits, "x" before all but the last, then for a partial
 * tile ".p/W". One writing of each number only. */
static bool tile_number(struct vs_bytes *rest, uint64_t *ret)
{
    uint64_t number = 0;
    bool first = true;
    for (;; first = false) {
        bool more = vs_bytes_starts(*rest, "x");
        struct vs_bytes digits = VS_BYTES(rest->ptr + more, rest->len < more + 3U ? 0 : 3);
        uint64_t group;
        if (digits.len != 3 || !vs_u64_decode(digits, &group) || number > UINT64_MAX / 2000 ||
            (first && more && group == 0))
            return false;
        number = number * 1000 + group;
        *rest = VS_BYTES(digits.ptr + 3, rest->len - more - 3);
        if (!more)
            break;
        if (!vs_bytes_starts(*rest, "/"))
            return false;
        *rest = VS_BYTES(rest->ptr + 1, rest->len - 1);
    }
    *ret = number;
    return true;
}

static bool read_tile(const struct vs_request *request, struct tile *ret)
{
    struct vs_bytes level = vs_bytes_text(vs_request_param(request, "level"));
    struct vs_bytes rest = vs_bytes_text(vs_request_param(request, "number"));
    ret->width = 256;
    if (level.len != 1 || !vs_u64_decode(level, &ret->level) ||
        !tile_number(&rest, &ret->number))
        return false;
    if (rest.len == 0)
        return true;
    if (!vs_bytes_starts(rest, ".p/"))
        return false;
    rest = VS_BYTES(rest.ptr + 3, rest.len - 3);
    return vs_u64_decode(rest, &ret->width) && ret->width >= 1 && ret->width <= 255 &&
           rest.ptr[0] != '0';
}

static vs_rc run_tile(struct vs_relay *relay, struct vs_job *job, struct vs_request *request,
                      vs_time_ms now, struct vs_error *err)
{
    (void)now;
    struct tile tile;
    struct vs_bytes hashes;
    uint64_t epoch;
    VS_TRY(query_epoch(relay, request, &epoch, err));
    if (!read_tile(request, &tile))
        return vs_fail(err, VS_E_NOT_FOUND, "C2SP tlog-tiles", "no path of a tile");
    VS_TRY(vs_journal_tile_of(vs_relay_journal(relay), epoch, (unsigned)tile.level, tile.number,
                              (unsigned)tile.width, job->arena, &hashes, err));
    /* A log's tile never changes: it may be kept for ever. Which log is the newest, may. */
    bool named = vs_request_query(request, "epoch") != NULL;
    vs_respond_header(request, "Cache-Control",
                      named ? "public, max-age=31536000, immutable" : "public, max-age=3600");
    vs_respond(request, 200, "application/octet-stream", hashes);
    return VS_OK;
}

vs_rc vs_rest_journal_tile(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "epoch", err));
    return vs_call(request, run_tile, NULL, err);
}

/* -- proofs ------------------------------------------------------------------------------- */

static void put_hashes(struct vs_json *json, const char *name,
                       const struct vs_merkle_proof *proof)
{
    vs_json_array(json, name);
    for (size_t i = 0; i < proof->n; i++)
        vs_json_hex(json, NULL, VS_BYTES(proof->nodes[i].bytes, 32));
    vs_json_end_array(json);
}

/* A size from the query; the log's own where there is none. */
static vs_rc query_size(const struct vs_request *request, const char *name,
                        const struct vs_journal_log *log, uint64_t *ret, struct vs_error *err)
{
    return vs_request_query_number(request, name, 0, INT64_MAX, log->size, ret, err);
}

static vs_rc run_inclusion(struct vs_relay *relay, struct vs_job *job,
                           struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)now;
    uint64_t index, size;
    struct vs_journal_log log;
    struct vs_merkle_proof proof;
    struct vs_hash leaf;
    if (vs_request_query(request, "index") == NULL)
        return vs_fail(err, VS_E_PARAMETER, NULL, "index is missing");
    VS_TRY(vs_request_query_number(request, "index", 0, INT64_MAX, 0, &index, err));
    VS_TRY(query_log(relay, job, request, &log, err));
    VS_TRY(query_size(request, "size", &log, &size, err));
    VS_TRY(
        vs_journal_inclusion_of(vs_relay_journal(relay), log.epoch, index, size, &proof, err));
    VS_TRY(vs_journal_leaf_of(vs_relay_journal(relay), log.epoch, index, &leaf, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_number(&json, "index", (int64_t)index);
    vs_json_number(&json, "size", (int64_t)size);
    vs_json_hex(&json, "leaf", VS_BYTES(leaf.bytes, 32));
    put_hashes(&json, "hashes", &proof);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_journal_inclusion(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "epoch index size", err));
    return vs_call(request, run_inclusion, NULL, err);
}

static vs_rc run_consistency(struct vs_relay *relay, struct vs_job *job,
                             struct vs_request *request, vs_time_ms now, struct vs_error *err)
{
    (void)now;
    uint64_t from, to;
    struct vs_journal_log log;
    struct vs_merkle_proof proof;
    if (vs_request_query(request, "from") == NULL)
        return vs_fail(err, VS_E_PARAMETER, NULL, "from is missing");
    VS_TRY(vs_request_query_number(request, "from", 0, INT64_MAX, 0, &from, err));
    VS_TRY(query_log(relay, job, request, &log, err));
    VS_TRY(query_size(request, "to", &log, &to, err));
    VS_TRY(
        vs_journal_consistency_of(vs_relay_journal(relay), log.epoch, from, to, &proof, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_number(&json, "from", (int64_t)from);
    vs_json_number(&json, "to", (int64_t)to);
    put_hashes(&json, "hashes", &proof);
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_journal_consistency(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "epoch from to", err));
    return vs_call(request, run_consistency, NULL, err);
}

/* -- the place of one piece of evidence --------------------------------------------------- */

static vs_rc put_place(struct vs_relay *relay, struct vs_job *job, struct vs_json *json,
                       const struct vs_evidence *evidence, struct vs_error *err)
{
    struct vs_journal *journal = vs_relay_journal(relay);
    struct vs_merkle_proof proof;
    struct vs_journal_log log;
    uint8_t leaf[32];
    vs_evidence_leaf(evidence, leaf);
    /* The proof is for the tree of exactly this checkpoint, of the log that it is in. */
    VS_TRY(vs_journal_log(journal, job->arena, evidence->journal_epoch, &log, err));
    uint64_t index = evidence->journal_index, size = log.size;
    if (!evidence->sequenced || index >= size)
        return vs_fail(err, VS_E_STATE, NULL, "the evidence has no place in the journal yet");
    VS_TRY(vs_journal_inclusion_of(journal, log.epoch, index, size, &proof, err));
    vs_json_number(json, "version", 1);
    vs_json_number(json, "epoch", (int64_t)log.epoch);
    vs_json_hex(json, "digest", VS_BYTES(evidence->digest, 32));
    vs_json_hex(json, "salt", VS_BYTES(evidence->salt, 32));
    vs_json_hex(json, "leaf", VS_BYTES(leaf, 32));
    vs_json_number(json, "index", (int64_t)index);
    vs_json_number(json, "size", (int64_t)size);
    put_hashes(json, "hashes", &proof);
    vs_json_string(
        json, "checkpoint",
        vs_arena_strndup(job->arena, (const char *)log.checkpoint.ptr, log.checkpoint.len));
    vs_json_string(json, "key", log.key);
    return VS_OK;
}

static vs_rc run_evidence_proof(struct vs_relay *relay, struct vs_job *job,
                                struct vs_request *request, vs_time_ms now,
                                struct vs_error *err)
{
    (void)now;
    struct vs_id id;
    const struct vs_evidence *evidence;
    VS_TRY(vs_request_id_param(request, "id", &id, err));
    VS_TRY(vs_evidence_get(relay, job->arena, vs_caller_of(request), id, &evidence, err));
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    VS_TRY(put_place(relay, job, &json, evidence, err));
    vs_json_end_object(&json);
    return vs_respond_json(request, 200, &json, err);
}

vs_rc vs_rest_evidence_proof(struct vs_request *request, struct vs_error *err)
{
    VS_TRY(vs_request_query_only(request, "", err));
    return vs_call(request, run_evidence_proof, NULL, err);
}
