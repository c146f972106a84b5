/* /metrics: the text format of Prometheus (gateway/metrics.h). Answered on the HTTP thread from
 * counters alone: it works when nothing else does. */
#include "gateway/metrics.h"
#include "formats/crypto/counters.h"
#include "gateway/call.h"
#include "gateway/rest/rest.h"
#include "relay/backup.h"
#include "relay/health.h"
#include "storage/fileops.h"

enum { MOST_BYTES = 4 << 20 };

static void server_metrics(struct vs_buffer *out, struct vs_server *server)
{
    struct vs_server_counts c = vs_server_counts(server);
    vs_metric_gauge(out, "connections", "Open connections.", (double)c.connections);
    vs_metric_gauge(out, "waiting", "Long polls that wait.", (double)c.waiting);
    vs_metric_counter(out, "requests", "Requests whose header was complete.", c.requests);
    vs_metric_counter(out, "received_bytes", "Bytes of bodies received.", c.received_bytes);
    vs_metric_counter(out, "sent_bytes", "Bytes of bodies sent.", c.sent_bytes);
    vs_metric_counter(out, "transport_refusals", "Requests refused before their body.",
                      c.refused_transport);
    vs_metric_counter(out, "rate_refusals", "Requests over a participant's limits.",
                      c.refused_rate);
    vs_metric_counter(out, "slow_connections", "Connections closed for slowness.",
                      c.closed_slow);
}

static void submissions(struct vs_buffer *out, const struct vs_relay_counters *c)
{
    vs_metric_head(out, "submissions", "counter",
                   "Documents submitted, by outcome: held ones repeat another (Art. 27.3.3), "
                   "replayed ones got their first receipt again.");
    vs_metric_sample(out, "submissions_total", "outcome", "accepted", (double)c->accepted);
    vs_metric_sample(out, "submissions_total", "outcome", "refused", (double)c->refused);
    vs_metric_sample(out, "submissions_total", "outcome", "replayed", (double)c->replayed);
    vs_metric_sample(out, "submissions_total", "outcome", "held", (double)c->held);
    vs_metric_counter(out, "accepted", "Submissions accepted.", c->accepted);
    vs_metric_counter(out, "refused", "Submissions refused by verdict.", c->refused);
    vs_metric_counter(out, "replayed", "Submissions answered with their first receipt.",
                      c->replayed);
    vs_metric_counter(out, "held", "Repetitions held (Art. 27.3.3).", c->held);
}

static void relay_metrics(struct vs_buffer *out, struct vs_relay *relay)
{
    struct vs_relay_counters c;
    vs_relay_counters(relay, &c);
    submissions(out, &c);
    vs_metric_counter(out, "acknowledged", "Acknowledgements taken (Art. 27.4).",
                      c.acknowledged);
    vs_metric_counter(out, "handed_over", "Complete first downloads.", c.handed_over);
    vs_metric_counter(out, "commit_cycles", "Cycles of the committer.", c.cycles);
    vs_metric_counter(out, "commit_items", "Items committed.", c.items);
    vs_metric_counter(out, "rows", "Rows written.", c.rows);
    vs_metric_counter(out, "commit_conflicts", "Items that met a conflict.", c.conflicts);
    vs_metric_counter(out, "segment_syncs", "Syncs of segments.", c.segment_syncs);
    vs_metric_counter(out, "file_syncs", "Syncs of files and folders, all there were.",
                      vs_file_counters().syncs);
    vs_metric_counter(out, "store_commits", "Durable transactions of rows.", c.store_commits);
    vs_metric_counter(out, "written_bytes", "Bytes appended to segments.", c.written_bytes);
    vs_metric_counter(out, "evidence", "Evidence issued.", c.evidence);
    vs_metric_counter(out, "batches_marked", "Batches with a time mark.", c.batches_marked);
    vs_metric_counter(out, "mark_failures", "Failed requests to time-marking authorities.",
                      c.mark_failures);
    vs_metric_counter(out, "queue_refusals", "Jobs refused by a full queue.", c.queue_refusals);
    vs_metric_counter(out, "due_taken", "Pieces of due work begun: terms, pushes, notices.",
                      c.due_taken);
    vs_metric_counter(out, "due_failed", "Of them, ended by a failure here: they come again.",
                      c.due_failed);
    vs_metric_gauge(out, "largest_batch", "Most documents in one batch.",
                    (double)c.largest_batch);
    vs_metric_gauge(out, "jobs_waiting", "Jobs that wait for a worker.",
                    (double)c.jobs_waiting);
    vs_metric_gauge(out, "staged_waiting", "Staged changes that wait for the committer.",
                    (double)c.staged_waiting);
    vs_metric_histogram(out, "commit_seconds", "How long the committer's cycles took.",
                        vs_relay_cycle_ms(relay), 1e-3);
    vs_metric_histogram(out, "commit_jobs", "How many jobs each cycle made durable.",
                        vs_relay_cycle_jobs(relay), 1);
}

static void health_metrics(struct vs_buffer *out, struct vs_gateway *gateway)
{
    struct vs_relay_health health;
    struct vs_health_check checks[VS_HEALTH_CHECKS];
    vs_time_ms now = vs_relay_now(gateway->relay);
    vs_relay_health(gateway->relay, now, &health);
    int64_t age = health.oldest_unmarked == VS_TIME_NONE ? 0 : now - health.oldest_unmarked;
    vs_metric_gauge(out, "ready", "Whether intake is open.", health.ready);
    vs_metric_gauge(out, "disk_free_bytes", "Free space of the data folder.",
                    (double)health.disk_free);
    vs_metric_gauge(out, "unmarked_batches", "Batches without a time mark.",
                    (double)health.unmarked);
    vs_metric_gauge(out, "oldest_unmarked_seconds", "Age of the oldest of them.",
                    (double)age / 1e3);
    vs_metric_gauge(out, "journal_size", "Entries of the journal.",
                    (double)health.journal_size);
    size_t n = vs_rest_checks(gateway, checks);
    vs_metric_head(out, "check", "gauge", "Checks of /readyz: 0 ok, 1 warn, 2 fail.");
    for (size_t i = 0; i < n; i++)
        vs_metric_sample(out, "check", "name", checks[i].name, checks[i].state);
}

static void work_metrics(struct vs_buffer *out, struct vs_gateway *gateway)
{
    struct vs_backlog backlogs[VS_BACKLOGS];
    vs_time_ms now = vs_relay_now(gateway->relay);
    size_t n = vs_relay_backlogs(gateway->relay, backlogs);
    vs_metric_head(out, "due_work", "gauge",
                   "Work whose time has come, by kind (at most 10000 are counted).");
    for (size_t i = 0; i < n; i++)
        vs_metric_sample(out, "due_work", "kind", backlogs[i].kind, (double)backlogs[i].due);
    vs_metric_head(out, "due_work_age_seconds", "gauge",
                   "How long the oldest of it has been due, by kind.");
    for (size_t i = 0; i < n; i++)
        vs_metric_sample(out, "due_work_age_seconds", "kind", backlogs[i].kind,
                         backlogs[i].due == 0 ? 0 : (double)(now - backlogs[i].oldest) / 1e3);
}

static void certificate_metrics(struct vs_buffer *out, struct vs_gateway *gateway)
{
    struct vs_term terms[VS_TERMS];
    vs_time_ms now = vs_relay_now(gateway->relay), tls = atomic_load(&gateway->tls_until);
    size_t n = vs_relay_terms(gateway->relay, terms);
    vs_metric_head(out, "certificate_days", "gauge",
                   "Days left of the service's certificates, by purpose.");
    for (size_t i = 0; i < n; i++)
        vs_metric_sample(out, "certificate_days", "purpose", terms[i].purpose,
                         (double)(terms[i].not_after - now) / (double)VS_DAY_MS);
    if (tls != VS_TIME_NONE)
        vs_metric_sample(out, "certificate_days", "purpose", "tls",
                         (double)(tls - now) / (double)VS_DAY_MS);
}

static void crypto_metrics(struct vs_buffer *out, struct vs_relay *relay)
{
    struct vs_relay_counters c;
    uint64_t signs = vs_counter(VS_COUNT_SIGNS_ECDSA) + vs_counter(VS_COUNT_SIGNS_RSA) +
                     vs_counter(VS_COUNT_SIGNS_ED25519);
    uint64_t verifies = vs_counter(VS_COUNT_VERIFIES_ECDSA) +
                        vs_counter(VS_COUNT_VERIFIES_RSA) +
                        vs_counter(VS_COUNT_VERIFIES_ED25519);
    vs_relay_counters(relay, &c);
    double documents = c.accepted == 0 ? 1 : (double)c.accepted;
    vs_metric_counter(out, "signs", "Signatures made.", signs);
    vs_metric_counter(out, "verifies", "Signatures verified.", verifies);
    vs_metric_counter(out, "hashed_bytes", "Bytes hashed.", vs_counter(VS_COUNT_BYTES_HASHED));
    vs_metric_gauge(out, "signs_per_document",
                    "Signatures made for each document accepted since the start.",
                    c.accepted == 0 ? 0 : (double)signs / documents);
    vs_metric_gauge(out, "verifies_per_document",
                    "Signatures verified for each document accepted since the start.",
                    c.accepted == 0 ? 0 : (double)verifies / documents);
}

static void backup_metrics(struct vs_buffer *out, struct vs_relay *relay)
{
    struct vs_backup_progress p;
    vs_backup_progress(relay, &p);
    vs_metric_gauge(out, "backup_running", "Whether a backup is being made.",
                    p.state == VS_BACKUP_RUNNING);
    vs_metric_gauge(out, "backup_ended_timestamp_seconds",
                    "When the last backup of this process was made; 0: none.",
                    p.state == VS_BACKUP_DONE ? (double)p.ended / 1e3 : 0);
}

vs_rc vs_rest_metrics(struct vs_request *request, struct vs_error *err)
{
    struct vs_gateway *gateway = vs_gateway_of(request);
    struct vs_bytes body;
    VS_BUFFER out;
    vs_buffer_init(&out, MOST_BYTES);
    server_metrics(&out, gateway->server);
    if (gateway->metrics != NULL)
        vs_metrics_print(gateway->metrics, &out);
    relay_metrics(&out, gateway->relay);
    health_metrics(&out, gateway);
    work_metrics(&out, gateway);
    certificate_metrics(&out, gateway);
    crypto_metrics(&out, gateway->relay);
    backup_metrics(&out, gateway->relay);
    if (gateway->log_lost != NULL)
        vs_metric_counter(&out, "log_lost", "Log records that could not be written.",
                          gateway->log_lost());
    VS_TRY(vs_buffer_copy(&out, vs_request_arena(request), &body, err));
    vs_respond(request, 200, "text/plain; version=0.0.4; charset=utf-8", body);
    return VS_OK;
}
