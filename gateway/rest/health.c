#include "formats/crypto/counters.h"
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "gateway/rest/json.h"
#include "storage/fileops.h"

vs_rc vs_rest_healthz(struct vs_request *request, struct vs_error *err)
{
    (void)err;
    vs_respond(request, 200, "application/json", VS_BYTES_LITERAL("{\"status\":\"ok\"}"));
    return VS_OK;
}

/* Whether a load balancer should send work here: why not is said in words, not only by the
 * status. */
vs_rc vs_rest_readyz(struct vs_request *request, struct vs_error *err)
{
    struct vs_relay *relay = vs_relay_of(request);
    vs_time_ms now = vs_relay_now(relay);
    struct vs_relay_health health;
    struct vs_error why;
    vs_relay_health(relay, now, &health);
    vs_rc intake = vs_relay_intake(relay, now, &why);
    VS_JSON json;
    vs_json_init(&json);
    vs_json_object(&json, NULL);
    vs_json_yes_no(&json, "ready", health.ready && vs_ok(intake));
    vs_json_string(&json, "reason", vs_ok(intake) ? NULL : vs_code_info(intake.code)->name);
    vs_json_yes_no(&json, "stopping", health.stopping);
    vs_json_yes_no(&json, "disk_short", health.disk_short);
    vs_json_yes_no(&json, "clock_wrong", health.clock_wrong);
    vs_json_yes_no(&json, "marks_overdue", health.marks_overdue);
    vs_json_time(&json, "oldest_unmarked", health.oldest_unmarked);
    vs_json_end_object(&json);
    return vs_respond_json(request, health.ready && vs_ok(intake) ? 200 : 503, &json, err);
}

/* ---- /metrics: the text format of Prometheus, 0.0.4 ------------------------------------- */

static void counter(struct vs_buffer *out, const char *name, const char *help, uint64_t value)
{
    vs_buffer_printf(out, "# HELP vasite_%s_total %s\n# TYPE vasite_%s_total counter\n", name,
                     help, name);
    vs_buffer_printf(out, "vasite_%s_total %llu\n", name, (unsigned long long)value);
}

static void gauge(struct vs_buffer *out, const char *name, const char *help, int64_t value)
{
    vs_buffer_printf(out, "# HELP vasite_%s %s\n# TYPE vasite_%s gauge\nvasite_%s %lld\n", name,
                     help, name, name, (long long)value);
}

static void server_metrics(struct vs_buffer *out, struct vs_server *server)
{
    struct vs_server_counts c = vs_server_counts(server);
    gauge(out, "connections", "Open connections.", (int64_t)c.connections);
    gauge(out, "waiting", "Long polls that wait.", (int64_t)c.waiting);
    counter(out, "requests", "Requests whose header was complete.", c.requests);
    counter(out, "received_bytes", "Bytes of bodies received.", c.received_bytes);
    counter(out, "sent_bytes", "Bytes of bodies sent.", c.sent_bytes);
    counter(out, "transport_refusals", "Requests refused before their body.",
            c.refused_transport);
    counter(out, "rate_refusals", "Requests over a rate.", c.refused_rate);
    counter(out, "slow_connections", "Connections closed for slowness.", c.closed_slow);
}

static void relay_metrics(struct vs_buffer *out, struct vs_relay *relay)
{
    struct vs_relay_counters c;
    vs_relay_counters(relay, &c);
    counter(out, "accepted", "Submissions accepted.", c.accepted);
    counter(out, "refused", "Submissions refused by verdict.", c.refused);
    counter(out, "replayed", "Submissions answered with their first receipt.", c.replayed);
    counter(out, "held", "Repetitions held (Art. 27.3.3).", c.held);
    counter(out, "acknowledged", "Acknowledgements taken (Art. 27.4).", c.acknowledged);
    counter(out, "handed_over", "Complete first downloads.", c.handed_over);
    counter(out, "commit_cycles", "Cycles of the committer.", c.cycles);
    counter(out, "commit_items", "Items committed.", c.items);
    counter(out, "rows", "Rows written.", c.rows);
    counter(out, "commit_conflicts", "Items that met a conflict.", c.conflicts);
    counter(out, "segment_syncs", "Syncs of segments.", c.segment_syncs);
    counter(out, "file_syncs", "Syncs of files and folders, all there were.",
            vs_file_counters().syncs);
    counter(out, "store_commits", "Durable transactions of rows.", c.store_commits);
    counter(out, "written_bytes", "Bytes appended to segments.", c.written_bytes);
    counter(out, "evidence", "Evidence issued.", c.evidence);
    counter(out, "batches_marked", "Batches with a time mark.", c.batches_marked);
    counter(out, "mark_failures", "Failed requests to time-marking authorities.",
            c.mark_failures);
    counter(out, "queue_refusals", "Jobs refused by a full queue.", c.queue_refusals);
    gauge(out, "largest_batch", "Most documents in one batch.", (int64_t)c.largest_batch);
    gauge(out, "jobs_waiting", "Jobs that wait for a worker.", (int64_t)c.jobs_waiting);
    gauge(out, "staged_waiting", "Staged changes that wait for the committer.",
          (int64_t)c.staged_waiting);
}

static void health_metrics(struct vs_buffer *out, struct vs_relay *relay)
{
    struct vs_relay_health health;
    vs_relay_health(relay, vs_relay_now(relay), &health);
    gauge(out, "ready", "Whether intake is open.", health.ready);
    gauge(out, "disk_free_bytes", "Free space of the data folder.", (int64_t)health.disk_free);
    gauge(out, "unmarked_batches", "Batches without a time mark.", (int64_t)health.unmarked);
    gauge(out, "journal_size", "Entries of the journal.", (int64_t)health.journal_size);
}

static void crypto_metrics(struct vs_buffer *out)
{
    counter(out, "signs", "Signatures made.",
            vs_counter(VS_COUNT_SIGNS_ECDSA) + vs_counter(VS_COUNT_SIGNS_RSA) +
                vs_counter(VS_COUNT_SIGNS_ED25519));
    counter(out, "verifies", "Signatures verified.",
            vs_counter(VS_COUNT_VERIFIES_ECDSA) + vs_counter(VS_COUNT_VERIFIES_RSA) +
                vs_counter(VS_COUNT_VERIFIES_ED25519));
    counter(out, "hashed_bytes", "Bytes hashed.", vs_counter(VS_COUNT_BYTES_HASHED));
}

vs_rc vs_rest_metrics(struct vs_request *request, struct vs_error *err)
{
    struct vs_gateway *gateway = vs_gateway_of(request);
    struct vs_bytes body;
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 20);
    server_metrics(&out, gateway->server);
    relay_metrics(&out, gateway->relay);
    health_metrics(&out, gateway->relay);
    crypto_metrics(&out);
    VS_TRY(vs_buffer_copy(&out, vs_request_arena(request), &body, err));
    vs_respond(request, 200, "text/plain; version=0.0.4; charset=utf-8", body);
    return VS_OK;
}
