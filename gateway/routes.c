#include "gateway/routes.h"
#include "gateway/rest/rest.h"
#include "gateway/soap/soap.h"
#include "gateway/trust/trust.h"

#define SMALL     (UINT64_C(256) << 10)
#define MEDIUM    (UINT64_C(16) << 20)
#define JSON      "application/json"
#define ASIC      "application/vnd.etsi.asic-e+zip application/vnd.etsi.asic-s+zip"
#define NO_BODY   VS_BODY_NONE, NULL, NULL, NULL
#define JSON_BODY SMALL, JSON, NULL, NULL

enum {
    PUBLIC = VS_RIGHT_PUBLIC,
    ANY = VS_RIGHT_ANY,
    SENDER = VS_RIGHT_SENDER,
    RECIPIENT = VS_RIGHT_RECIPIENT,
    OPERATOR = VS_RIGHT_OPERATOR,
    /* Who may see a document at all; relay decides whether it is one of theirs. */
    PARTIES = VS_RIGHT_SENDER | VS_RIGHT_RECIPIENT | VS_RIGHT_ARCHIVIST | VS_RIGHT_AUDITOR,
    REGISTER = VS_RIGHT_OPERATOR | VS_RIGHT_AUDITOR,
    AUDITOR = VS_RIGHT_AUDITOR,
    OFFICER = VS_RIGHT_OFFICER,
    ARCHIVE = VS_RIGHT_ARCHIVIST | VS_RIGHT_AUDITOR,
};

const struct vs_route vs_routes[] = {
    /* The service itself. */
    {"GET", "/healthz", vs_rest_healthz, PUBLIC, VS_ON_BOTH, NO_BODY,
     "Whether the process runs"},
    {"GET", "/readyz", vs_rest_readyz, PUBLIC, VS_ON_BOTH, NO_BODY,
     "Whether documents are taken in, and why not"},
    {"GET", "/metrics", vs_rest_metrics, REGISTER, VS_ON_TLS, NO_BODY,
     "Counters in the text format of Prometheus"},
    {"GET", "/v1/self", vs_rest_self, ANY, VS_ON_TLS, NO_BODY, "Who the caller is"},

    {"POST", "/v1/backups", vs_rest_backup_start, OPERATOR, VS_ON_TLS, NO_BODY,
     "Begin a backup"},
    {"GET", "/v1/backups", vs_rest_backup_list, REGISTER, VS_ON_TLS, NO_BODY,
     "Backups that are there, and the one under way"},
    {"GET", "/v1/backups/{id}", vs_rest_backup_get, REGISTER, VS_ON_TLS, NO_BODY,
     "How far a backup is"},

    /* Participants, principals, agreements (Art. 26, 27.1, 31.5). */
    {"POST", "/v1/participants", vs_rest_participant_add, OPERATOR, VS_ON_TLS, JSON_BODY,
     "Enter a participant"},
    {"GET", "/v1/participants", vs_rest_participant_list, REGISTER, VS_ON_TLS, NO_BODY,
     "List participants"},
    {"GET", "/v1/participants/{id}", vs_rest_participant_get, REGISTER, VS_ON_TLS, NO_BODY,
     "One participant, by id or identifier"},
    {"PUT", "/v1/participants/{id}", vs_rest_participant_change, OPERATOR, VS_ON_TLS, JSON_BODY,
     "Change a participant"},
    {"POST", "/v1/principals", vs_rest_principal_add, OPERATOR, VS_ON_TLS, JSON_BODY,
     "Register a principal by certificate, or make its token"},
    {"GET", "/v1/principals", vs_rest_principal_list, REGISTER, VS_ON_TLS, NO_BODY,
     "Principals of a participant, or of the service"},
    {"GET", "/v1/principals/{id}", vs_rest_principal_get, REGISTER, VS_ON_TLS, NO_BODY,
     "One principal"},
    {"DELETE", "/v1/principals/{id}", vs_rest_principal_revoke, OPERATOR, VS_ON_TLS, NO_BODY,
     "Revoke a principal's credential"},
    {"POST", "/v1/agreements", vs_rest_agreement_add, OPERATOR, VS_ON_TLS, JSON_BODY,
     "Enter an agreement between two participants"},
    {"GET", "/v1/agreements", vs_rest_agreement_list, ANY, VS_ON_TLS, NO_BODY,
     "Agreements: a party's own, or all"},
    {"GET", "/v1/agreements/{id}", vs_rest_agreement_get, ANY, VS_ON_TLS, NO_BODY,
     "One agreement; `law` is the built-in one"},
    {"PUT", "/v1/agreements/{id}", vs_rest_agreement_change, OPERATOR, VS_ON_TLS, JSON_BODY,
     "Change an agreement"},

    /* The exchange. */
    {"POST", "/v1/documents", vs_rest_submit, SENDER, VS_ON_TLS, VS_BODY_DOCUMENT, "*",
     vs_rest_submit_begin, vs_rest_submit_chunk, "Submit a document"},
    {"GET", "/v1/documents", vs_rest_sent, SENDER, VS_ON_TLS, NO_BODY,
     "Documents that the caller's participant sent, newest first"},
    {"GET", "/v1/documents/{id}", vs_rest_status, PARTIES | OPERATOR, VS_ON_TLS, NO_BODY,
     "How a document stands, with both legal times"},
    {"GET", "/v1/documents/{id}/original", vs_rest_original, PARTIES, VS_ON_TLS, NO_BODY,
     "The original, bit for bit"},
    {"GET", "/v1/documents/{id}/consignment", vs_rest_consignment, PARTIES, VS_ON_TLS, NO_BODY,
     "The original with its submission evidence, sealed by the service"},
    {"GET", "/v1/documents/{id}/evidence", vs_rest_evidence_list, PARTIES | OPERATOR, VS_ON_TLS,
     NO_BODY, "Evidence of a document, in order of time"},
    {"POST", "/v1/documents/{id}/acknowledgement", vs_rest_acknowledge, RECIPIENT, VS_ON_TLS,
     MEDIUM, JSON " " ASIC, NULL, NULL, "Acknowledge receipt, or refuse"},
    {"GET", "/v1/documents/{id}/acknowledgement", vs_rest_reply, PARTIES, VS_ON_TLS, NO_BODY,
     "The recipient's answer, where it was a signed document"},
    {"POST", "/v1/documents/{id}/consent", vs_rest_consent, RECIPIENT, VS_ON_TLS, JSON_BODY,
     "Say whether a document may be handed over, where that is asked"},
    {"POST", "/v1/documents/{id}/non-sending-notice", vs_rest_notice, SENDER, VS_ON_TLS,
     JSON_BODY, "Give notice that a document was not sent by the caller"},
    {"POST", "/v1/documents/{id}/reminder", vs_rest_remind, SENDER, VS_ON_TLS, JSON_BODY,
     "Remind a recipient whose term has passed, and set a further one"},
    {"POST", "/v1/documents/{id}/repeat-confirmation", vs_rest_repeat_confirm, SENDER,
     VS_ON_TLS, NO_BODY, "Confirm that a held repetition is intended"},
    {"GET", "/v1/evidence/{id}", vs_rest_evidence, PARTIES | OPERATOR, VS_ON_TLS, NO_BODY,
     "One piece of evidence as XML, JSON view or ASiC-S"},
    {"GET", "/v1/evidence/{id}/record", vs_rest_evidence_record, PARTIES | OPERATOR, VS_ON_TLS,
     NO_BODY, "Its evidence record (RFC 4998)"},
    {"GET", "/v1/evidence/{id}/proof", vs_rest_evidence_proof, PARTIES | OPERATOR, VS_ON_TLS,
     NO_BODY, "Its place in the journal, with everything needed to check it"},
    {"GET", "/v1/register", vs_rest_register, PARTIES | OPERATOR, VS_ON_TLS, NO_BODY,
     "A participant's register of outgoing or incoming documents, as JSON or CSV"},

    /* Retention and supervision (Art. 29.1, 31.2.3-31.4). Nothing here deletes. */
    {"GET", "/v1/documents/{id}/retention", vs_rest_document_retention, PARTIES, VS_ON_TLS,
     NO_BODY, "Until when a document is kept, and why"},
    {"POST", "/v1/documents/{id}/hold", vs_rest_hold, REGISTER, VS_ON_TLS, JSON_BODY,
     "Set or lift a legal hold, with its reason"},
    {"POST", "/v1/documents/{id}/inspection", vs_rest_inspect, AUDITOR, VS_ON_TLS, JSON_BODY,
     "Begin an inspection: content may be read for a day"},
    {"GET", "/v1/documents/{id}/accesses", vs_rest_access_list, REGISTER, VS_ON_TLS, NO_BODY,
     "Who looked at what of a document"},
    {"GET", "/v1/holds", vs_rest_hold_list, REGISTER, VS_ON_TLS, NO_BODY,
     "What is held, by whom and why"},
    {"GET", "/v1/retention", vs_rest_retention, REGISTER, VS_ON_TLS, NO_BODY,
     "The time that terms are measured by, and whether the clock is doubted"},
    {"POST", "/v1/retention/clock", vs_rest_clock_confirm, OPERATOR, VS_ON_TLS, JSON_BODY,
     "Confirm the clock after a jump, with the reason"},
    {"GET", "/v1/acts", vs_rest_act_list, REGISTER, VS_ON_TLS, NO_BODY,
     "Holds, inspections, deletions and reports, in order of time"},
    {"GET", "/v1/report", vs_rest_report, REGISTER, VS_ON_TLS, NO_BODY,
     "How the service did over a period"},
    {"POST", "/v1/report", vs_rest_report_seal, REGISTER, VS_ON_TLS, JSON_BODY,
     "The same as a sealed container that proves itself"},
    {"GET", "/v1/inbox", vs_rest_inbox, RECIPIENT, VS_ON_TLS, NO_BODY,
     "The mailbox, after a cursor; waits when asked to"},
    {"GET", "/v1/events", vs_rest_events, SENDER, VS_ON_TLS, NO_BODY,
     "What happened to the caller's documents, after a cursor"},

    {"POST", "/v1/verifications", vs_rest_verify, ANY, VS_ON_TLS, MEDIUM, "*", NULL, NULL,
     "A verdict of a signed document, by EN 319 102-1 and Art. 3"},

    /* The same in SOAP; an operation's own rights are those of its row (soap/operations.c). */
    {"POST", "/soap", vs_soap, ANY, VS_ON_TLS, VS_BODY_DOOR,
     "text/xml application/soap+xml multipart/related", vs_soap_begin, vs_soap_chunk,
     "An operation of the exchange, in SOAP 1.1 or 1.2"},
    {"GET", "/soap", vs_soap_wsdl, PUBLIC, VS_ON_TLS, NO_BODY,
     "The WSDL of these operations, asked for as /soap?wsdl"},
    /* Bundles for archivists and the supervising authority (Art. 29, 31.4). */
    {"POST", "/v1/exports", vs_rest_export_add, ARCHIVE, VS_ON_TLS, JSON_BODY,
     "Begin a bundle of a period, a participant or a document"},
    {"GET", "/v1/exports/{id}", vs_rest_export_get, ARCHIVE, VS_ON_TLS, NO_BODY,
     "How far a bundle is"},
    {"GET", "/v1/exports/{id}/bundle", vs_rest_export_bundle, ARCHIVE, VS_ON_TLS, NO_BODY,
     "The finished bundle: everything to check its documents without the service"},

    /* The register of certificates (Art. 10-18). */
    {"POST", "/v1/certificates", vs_rest_certificate_issue, OFFICER, VS_ON_TLS, JSON_BODY,
     "Issue a certificate, for a PKCS#10 request or with a new key as PKCS#12"},
    {"GET", "/v1/certificates", vs_rest_certificate_list, OFFICER | REGISTER, VS_ON_TLS,
     NO_BODY, "The register of certificates"},
    {"GET", "/v1/certificates/{serial}", vs_rest_certificate_get, OFFICER | REGISTER, VS_ON_TLS,
     NO_BODY, "A certificate, its state and history"},
    {"POST", "/v1/certificates/{serial}/state", vs_rest_certificate_change, OFFICER, VS_ON_TLS,
     JSON_BODY, "Suspend, restore or revoke a certificate"},

    /* The journal, for everybody: salted leaves reveal nothing (C2SP tlog-tiles). */
    {"GET", "/v1/journal/logs", vs_rest_journal_logs, PUBLIC, VS_ON_BOTH, NO_BODY,
     "The logs: a restored service begins a new one"},
    {"GET", "/v1/journal/checkpoint", vs_rest_journal_checkpoint, PUBLIC, VS_ON_BOTH, NO_BODY,
     "The newest signed checkpoint"},
    {"GET", "/v1/journal/key", vs_rest_journal_key, PUBLIC, VS_ON_BOTH, NO_BODY,
     "The key that signs checkpoints, as verifiers of signed notes take it"},
    {"GET", "/v1/webhook-key", vs_rest_webhook_key, PUBLIC, VS_ON_BOTH, NO_BODY,
     "The key that signs requests to endpoints (RFC 9421)"},
    {"GET", "/v1/journal/tile/{level}/{number...}", vs_rest_journal_tile, PUBLIC, VS_ON_BOTH,
     NO_BODY, "A tile of hashes"},
    {"GET", "/v1/journal/inclusion", vs_rest_journal_inclusion, PUBLIC, VS_ON_BOTH, NO_BODY,
     "Proof that the entry at an index is in the tree of a size"},
    {"GET", "/v1/journal/consistency", vs_rest_journal_consistency, PUBLIC, VS_ON_BOTH, NO_BODY,
     "Proof that the tree of one size grew from that of another"},

    /* The embedded centre, for everybody (gateway/trust/trust.h). */
    {"POST", "/tsa", vs_trust_tsa, PUBLIC, VS_ON_BOTH, 4096, "application/timestamp-query",
     NULL, NULL, "A time mark (RFC 3161)"},
    {"POST", "/ocsp", vs_trust_ocsp_post, PUBLIC, VS_ON_BOTH, 16384, "application/ocsp-request",
     NULL, NULL, "State of certificates (RFC 6960)"},
    {"GET", "/ocsp/{request...}", vs_trust_ocsp_get, PUBLIC, VS_ON_BOTH, NO_BODY,
     "State of certificates, the request in base64"},
    {"GET", "/crl/{file}", vs_trust_crl, PUBLIC, VS_ON_BOTH, NO_BODY,
     "Revocation list of an authority: root.crl, issuing.crl"},
    {"GET", "/certificates/{file}", vs_trust_certificate, PUBLIC, VS_ON_BOTH, NO_BODY,
     "A certificate: root.cer, issuing.cer, SERIAL.cer"},
};
const size_t vs_n_routes = sizeof vs_routes / sizeof vs_routes[0];
