/* rest.h - the handlers of the rows of gateway/routes.c that speak JSON; each file of this
 * folder has one resource. Contract of a handler: gateway/http/server.h; of its work:
 * gateway/call.h. */
#ifndef VS_GATEWAY_REST_H
#define VS_GATEWAY_REST_H
#include "gateway/http/server.h"
#include "relay/exchange/participants.h"

/* vs_server_options.authenticate: a token's or client certificate's principal. */
vs_handler vs_rest_authenticate;

vs_handler vs_rest_healthz, vs_rest_readyz, vs_rest_metrics;
vs_handler vs_rest_self;
vs_handler vs_rest_participant_add, vs_rest_participant_list, vs_rest_participant_get,
    vs_rest_participant_change;
vs_handler vs_rest_principal_add, vs_rest_principal_list, vs_rest_principal_get,
    vs_rest_principal_revoke;
vs_handler vs_rest_agreement_add, vs_rest_agreement_list, vs_rest_agreement_get,
    vs_rest_agreement_change;
vs_handler vs_rest_submit_begin, vs_rest_submit;
vs_rc vs_rest_submit_chunk(struct vs_request *request, struct vs_bytes bytes,
                           struct vs_error *err);
vs_handler vs_rest_sent, vs_rest_status, vs_rest_original, vs_rest_consignment,
    vs_rest_repeat_confirm;
vs_handler vs_rest_evidence_list, vs_rest_evidence, vs_rest_evidence_record;
vs_handler vs_rest_certificate_issue, vs_rest_certificate_list, vs_rest_certificate_get,
    vs_rest_certificate_change;
vs_handler vs_rest_evidence_proof, vs_rest_journal_checkpoint, vs_rest_journal_key,
    vs_rest_journal_tile, vs_rest_journal_inclusion, vs_rest_journal_consistency;
vs_handler vs_rest_journal_logs;
vs_handler vs_rest_backup_start, vs_rest_backup_list, vs_rest_backup_get;
vs_handler vs_rest_verify;
vs_handler vs_rest_inbox, vs_rest_events, vs_rest_webhook_key;
vs_handler vs_rest_acknowledge, vs_rest_reply, vs_rest_consent, vs_rest_notice, vs_rest_remind;
vs_handler vs_rest_register;
vs_handler vs_rest_document_retention, vs_rest_retention, vs_rest_clock_confirm, vs_rest_hold,
    vs_rest_hold_list, vs_rest_inspect;
vs_handler vs_rest_act_list, vs_rest_access_list, vs_rest_report, vs_rest_report_seal;
vs_handler vs_rest_export_add, vs_rest_export_get, vs_rest_export_bundle;

/* relay's checks and those of the gateway; `ret` has VS_HEALTH_CHECKS. */
struct vs_gateway;
struct vs_health_check;
size_t vs_rest_checks(struct vs_gateway *gateway, struct vs_health_check *ret);

/* For the files of this folder, on a worker: `text` is an id of ours or an identifier;
 * VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_rest_participant(struct vs_request *request, const char *text,
                                       const struct vs_participant **ret, struct vs_error *err);
/* The query's `after`. */
VS_NODISCARD vs_rc vs_rest_after(const struct vs_request *request, struct vs_id *ret,
                                 struct vs_error *err);
/* stream.c: GET /v1/inbox or /v1/events as text/event-stream. */
VS_NODISCARD vs_rc vs_rest_stream(struct vs_request *request, bool events,
                                  struct vs_error *err);
#endif
