#include "gateway/daemon/settings.h"

#define AT(field)    offsetof(struct vs_settings, field)
#define TEXT(field)  VS_SETTING_TEXT, AT(field)
#define PATH(field)  VS_SETTING_PATH, AT(field)
#define LIST(field)  VS_SETTING_LIST, AT(field)
#define PATHS(field) VS_SETTING_PATHS, AT(field)
#define NUM(field)   VS_SETTING_NUMBER, AT(field)
#define BYTES(field) VS_SETTING_BYTES, AT(field)
#define TIME(field)  VS_SETTING_DURATION, AT(field)
#define FLAG(field)  VS_SETTING_YES_NO, AT(field)
#define NO_RANGE     0, 0, NULL
#define RANGE(a, b)  (a), (b), NULL

enum { MUST = false, MAY_BE_EMPTY = true, RESTART = false, RELOAD = true };
#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

/* Sections stand together: the printer writes each section's name once. */
const struct vs_setting vs_setting_table[] = {
    {"service.name", TEXT(service_name), "Vasite", NO_RANGE, MUST, RESTART,
     "Name of the intermediary in all evidence."},
    {"service.identifier", TEXT(service_identifier), "voen:0000000000", NO_RANGE, MUST, RESTART,
     "Its identifier under a scheme (Art. 31.2.3)."},
    {"service.country", TEXT(service_country), "AZ", NO_RANGE, MUST, RESTART,
     "Its country, ISO 3166-1 alpha-2."},
    {"service.url", TEXT(service_url), "https://127.0.0.1:8443", NO_RANGE, MUST, RESTART,
     "Address under which the TLS listener is reached from outside."},
    {"service.public_url", TEXT(public_url), "http://127.0.0.1:8080", NO_RANGE, MUST, RESTART,
     "Address of the plain listener: written into certificates (AIA, CRL, OCSP)."},
    {"service.user", TEXT(user), "vasite", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "User to become when started as root; empty: stay root."},
    {"service.workers", NUM(workers), "2", RANGE(1, 256), MUST, RESTART,
     "Threads that verify, decide and sign; as many as there are cores."},
    {"service.stop_grace", TIME(stop_grace_ms), "20 s", RANGE(0, 600000), MUST, RELOAD,
     "How long requests under way may take to finish at a stop."},

    {"listen.tls_address", TEXT(tls_address), "127.0.0.1", NO_RANGE, MUST, RESTART,
     "IP address of the TLS listener (REST, SOAP); `::` is every address."},
    {"listen.tls_port", NUM(tls_port), "8443", RANGE(0, 65535), MUST, RESTART,
     "Its port; 0 takes any free one and says which."},
    {"listen.plain_address", TEXT(plain_address), "127.0.0.1", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "IP address of the listener without TLS (/tsa, /ocsp, /crl, /certificates,\n"
     "/healthz); empty: no such listener."},
    {"listen.plain_port", NUM(plain_port), "8080", RANGE(0, 65535), MUST, RESTART,
     "Its port; 0 takes any free one."},
    {"listen.threads", NUM(http_threads), "2", RANGE(1, 256), MUST, RESTART,
     "Threads of each listener that move bytes."},

    {"tls.certificate", PATH(tls_certificate), "", NO_RANGE, MAY_BE_EMPTY, RELOAD,
     "PEM file of the server's certificate chain, its own first; empty: one that the\n"
     "embedded centre issues."},
    {"tls.key", PATH(tls_key), "", NO_RANGE, MAY_BE_EMPTY, RELOAD,
     "PEM file of its private key, or the name of a systemd credential; readable by the\n"
     "service alone."},

    {"tls.names", LIST(tls_names), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "Host names and IP addresses in the certificate that the embedded centre issues; none:\n"
     "localhost and 127.0.0.1."},

    {"data.folder", PATH(data), "../var/data", NO_RANGE, MUST, RESTART,
     "Everything the service keeps; made when missing."},
    {"data.passphrase_file", PATH(passphrase_file), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "File with the passphrase of the service's keys, or the name of a systemd\n"
     "credential; empty: made at the first start in data.folder."},
    {"data.disk_reserve", BYTES(disk_reserve), "256 MiB", RANGE(MIB, 1024 * GIB), MUST, RESTART,
     "Free space below which nothing is taken in any more (507)."},

    {"seal.key", PATH(seal_file), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "Key and certificates of the service's seal from an outside centre: PKCS#12, or PEM\n"
     "with its own certificate first; empty: the embedded centre makes them."},
    {"seal.passphrase_file", PATH(seal_passphrase_file), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "File with that file's passphrase; empty: none."},
    {"evidence.key", PATH(evidence_file), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "The same for the signatures of evidence; another key than the seal's."},
    {"evidence.passphrase_file", PATH(evidence_passphrase_file), "", NO_RANGE, MAY_BE_EMPTY,
     RESTART, "File with that file's passphrase; empty: none."},

    {"journal.origin", TEXT(journal_origin), "vasite.local/journal", NO_RANGE, MUST, RESTART,
     "First line of the journal's checkpoints; unique in the world, never changed."},
    {"journal.anchor", PATH(anchor), "../var/journal.anchor", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "File outside it that keeps the journal's last checkpoint; best on another disk.\n"
     "Start-up refuses a store that is older. Empty: none."},

    {"backup.folder", PATH(backup_folder), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "Folder in which `vasite backup` makes a new one each time; best on another disk, and\n"
     "guarded as the data folder is. Empty: no backups."},

    {"time_marks.policy", VS_SETTING_CHOICE, AT(mark_policy), "later", 0, 0, "later wait", MUST,
     RESTART, "`later`: commit and answer first; `wait`: no answer before a time mark."},
    {"time_marks.bound", TIME(mark_bound_ms), "24 h", RANGE(VS_SECOND_MS, 30 * VS_DAY_MS), MUST,
     RESTART,
     "Age of the oldest unmarked batch from which nothing is taken in any more (503)."},
    {"time_marks.authorities", LIST(tsa_urls), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "RFC 3161 addresses of outside authorities, in order of preference; none: the\n"
     "embedded one."},
    {"time_marks.timeout", TIME(tsa_timeout_ms), "5 s", RANGE(100, 60000), MUST, RESTART,
     "How long one of them may take."},
    {"time_marks.batched", FLAG(batch_marks), "no", NO_RANGE, MUST, RESTART,
     "In the built-in agreement `law`: one time mark for a batch instead of one for each\n"
     "document."},

    {"time_marks.renewal_margin", TIME(renewal_margin_ms), "90 d",
     RANGE(VS_DAY_MS, 3650 * VS_DAY_MS), MUST, RESTART,
     "How long before its authority's certificate or its algorithm ends a time mark is\n"
     "renewed (RFC 4998)."},
    {"time_marks.renewal_digest", VS_SETTING_CHOICE, AT(renewal_digest), "table", 0, 0,
     "table sha384 sha512 sha3-384 sha3-512", MUST, RESTART,
     "Digest by which the hash trees of batches shall be renewed, where stronger than\n"
     "theirs; `table`: only when their digest ends by the table of algorithms."},

    {"trust.anchors", PATHS(trust_anchors), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "PEM files of authorities that are trusted besides the embedded centre's root."},
    {"trust.accredited", PATHS(accredited_anchors), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "PEM files of authorities of accredited centres (Art. 3.2): the operator vouches for it."},
    {"trust.lists", PATHS(trust_lists), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "Files of trusted lists (TS 119 612)."},

    {"commit.gather", TIME(gather_ms), "20 ms", RANGE(0, 1000), MUST, RESTART,
     "How long a batch forms while other documents are under way; four times as long while\n"
     "they queue for the workers."},
    {"commit.batch", NUM(batch_max), "128", RANGE(1, 1024), MUST, RESTART,
     "Most documents in one batch."},

    {"limits.document", BYTES(document_max), "2 GiB", RANGE(KIB, 1024 * GIB), MUST, RESTART,
     "Largest document (413)."},
    {"limits.memory", BYTES(memory_max), "1 MiB", RANGE(4 * KIB, GIB), MUST, RESTART,
     "Above this a document is spooled to a file."},
    {"limits.queue", NUM(queue_max), "1024", RANGE(1, 1000000), MUST, RESTART,
     "Jobs that may wait for a worker (503)."},
    {"limits.recipients", NUM(recipients_max), "100", RANGE(1, 10000), MUST, RESTART,
     "Recipients of one document."},
    {"limits.refusals_per_hour", NUM(refusals_per_hour), "1000", RANGE(1, 1000000), MUST,
     RESTART, "Signed refusals that one principal may cause (429)."},
    {"limits.connections", NUM(connections), "4000", RANGE(1, 1000000), MUST, RELOAD,
     "Connections of each kind together (503)."},
    {"limits.connections_per_address", NUM(connections_per_address), "2000", RANGE(1, 1000000),
     MUST, RELOAD, "Connections from one address; more are closed at once."},
    {"limits.waiting", NUM(waiting), "2000", RANGE(0, 1000000), MUST, RELOAD,
     "Long polls at the same time (503)."},
    {"limits.requests_at_once", NUM(requests_at_once), "2000", RANGE(0, 1000000), MUST, RELOAD,
     "Requests of one participant under way, long polls among them (429); 0: no limit."},
    {"limits.requests_per_second", NUM(requests_per_second), "10000", RANGE(0, 1000000), MUST,
     RELOAD, "Requests of one participant (429); 0: no limit."},
    {"limits.uploads_at_once", NUM(uploads_at_once), "512", RANGE(0, 1000000), MUST, RELOAD,
     "Documents of one participant under way (429), so that no one fills the queue for all;\n"
     "0: no limit."},
    {"limits.volume_per_day", BYTES(volume_per_day), "0", RANGE(0, 1024 * 1024 * GIB), MUST,
     RELOAD,
     "Bytes of documents of one participant in a day, UTC (429 until midnight); 0: no limit.\n"
     "Counted anew after a start."},
    {"limits.participants", LIST(participant_limits), "", NO_RANGE, MAY_BE_EMPTY, RELOAD,
     "Participants with limits of their own, one text each: the identifier, then any of\n"
     "requests_at_once, requests_per_second, uploads_at_once, volume_per_day and document\n"
     "(only smaller than limits.document): \"voen:1234567891 uploads_at_once=4 "
     "document=10MiB\"."},
    {"limits.credential_refusals_per_second", NUM(refusals_per_second), "50", RANGE(0, 1000000),
     MUST, RELOAD, "Refused credentials of one address (429); 0: no limit."},
    {"limits.idle", TIME(idle_ms), "60 s", RANGE(1000, 3600000), MUST, RELOAD,
     "How long a connection may lie idle between requests; whole seconds."},
    {"limits.header", TIME(header_ms), "15 s", RANGE(1000, 600000), MUST, RELOAD,
     "Within which TLS and a request's header must have come; whole seconds."},
    {"limits.body_grace", TIME(body_grace_ms), "20 s", RANGE(1000, 600000), MUST, RELOAD,
     "After which a body must come, and an answer be taken, at the minimum rate."},
    {"limits.minimum_rate", BYTES(minimum_rate), "1 KiB", RANGE(1, GIB), MUST, RELOAD,
     "Bytes a second below which a connection is closed."},

    {"outgoing.private_ranges", LIST(outgoing_ranges), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "Address ranges that may be reached though they are not public: `10.1.0.0/16`."},
    {"outgoing.http", FLAG(outgoing_http), "yes", NO_RANGE, MUST, RESTART,
     "Whether http: addresses may be reached too (CRL and OCSP mostly are)."},
    {"outgoing.ca_file", PATH(outgoing_ca_file), "", NO_RANGE, MAY_BE_EMPTY, RESTART,
     "PEM file of the authorities of https servers that are called; else the system's."},

    {"delivery.first", TIME(push_first_ms), "30 s", RANGE(10, 86400000), MUST, RESTART,
     "To participants' endpoints: from the first attempt that failed to the second. Each wait\n"
     "is a random half to whole of its interval."},
    {"delivery.factor", NUM(push_factor), "2", RANGE(1, 10), MUST, RESTART,
     "Each further interval is so much longer."},
    {"delivery.cap", TIME(push_cap_ms), "1 h", RANGE(10, 86400000), MUST, RESTART,
     "The longest interval, and the longest wait that an endpoint can ask for (Retry-After)."},
    {"delivery.term", TIME(push_term_ms), "3 d", RANGE(100, 2592000000), MUST, RESTART,
     "After which an endpoint that takes nothing has failed: ContentHandoverFailure."},
    {"delivery.stall", TIME(push_stall_ms), "30 s", RANGE(1000, 600000), MUST, RESTART,
     "An endpoint that moves no byte for so long is given up; whole seconds."},
    {"delivery.at_once", NUM(push_at_once), "64", RANGE(1, 1000), MUST, RESTART,
     "Requests to endpoints under way."},
    {"delivery.per_host", NUM(push_per_host), "4", RANGE(1, 1000), MUST, RESTART,
     "Of them to one host."},

    {"exchange.state_secrets", FLAG(state_secrets), "no", NO_RANGE, MUST, RESTART,
     "A certified installation that may take documents marked as a state secret (Art. 32.2)."},
    {"exchange.utc_offset", TIME(utc_offset_ms), "4 h", RANGE(0, 14 * VS_HOUR_MS), MUST,
     RESTART,
     "Local time where the service is, ahead of UTC: registers begin a new year by it."},
    {"exchange.clock_back", TIME(clock_back_ms), "2 s", RANGE(0, 3600000), MUST, RESTART,
     "A clock further behind the newest record stops intake."},

    {"health.certificate_warn", TIME(certificate_warn_ms), "30 d", RANGE(0, 3650 * VS_DAY_MS),
     MUST, RELOAD, "/readyz warns when a certificate of the service ends within that."},
    {"health.certificate_fail", TIME(certificate_fail_ms), "1 d", RANGE(0, 3650 * VS_DAY_MS),
     MUST, RELOAD, "/readyz is red (503) when one ends within that."},
    {"health.disk_warn", BYTES(disk_warn), "1 GiB", RANGE(0, 1024 * GIB), MUST, RELOAD,
     "/readyz warns when less is free; below data.reserve it is red."},
    {"health.marks_warn", TIME(marks_warn_ms), "1 h", RANGE(0, 30 * VS_DAY_MS), MUST, RELOAD,
     "/readyz warns when evidence has waited so long for its time mark; beyond\n"
     "time_marks.bound it is red."},
    {"health.list_warn", TIME(list_warn_ms), "7 d", RANGE(0, 365 * VS_DAY_MS), MUST, RELOAD,
     "/readyz warns when a trusted list must be renewed within that."},

    {"log.file", PATH(log_file), "", NO_RANGE, MAY_BE_EMPTY, RELOAD,
     "File that records are appended to; SIGHUP or SIGUSR1 opens it anew, so that it may be\n"
     "moved away. Empty: standard error (systemd's journal)."},
    {"log.level", VS_SETTING_CHOICE, AT(log_level), "info", 0, 0, "info warning error", MUST,
     RELOAD, "From which level on."},
    {"log.requests", VS_SETTING_CHOICE, AT(log_requests), "refused", 0, 0, "failed refused all",
     MUST, RELOAD,
     "Which requests are logged: those that failed here (5xx), refused ones too, or all."},
};
const size_t vs_n_settings = sizeof vs_setting_table / sizeof vs_setting_table[0];
