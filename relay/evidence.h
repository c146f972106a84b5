/* evidence.h - signed statements of ours about events (EN 319 522-3), and their three views:
 * the XML as signed, fields for a JSON view, and an ASiC-S with the batch's evidence record.
 *
 * A piece of evidence proves what the service states happened, when, by our clock; its time
 * mark proves that it existed not later than genTime; the journal proves that it was not
 * taken back. */
#ifndef VS_RELAY_EVIDENCE_H
#define VS_RELAY_EVIDENCE_H
#include "formats/evidence/erds.h"
#include "relay/exchange/principals.h"
#include "storage/segments.h"

struct vs_evidence {
    struct vs_id id, document;
    struct vs_id recipient; /* VS_ID_NONE: does not refer to one */
    const char *event;      /* "SubmissionAcceptance" */
    const char *event_uri;
    const char *actor;     /* who acted (27.1); NULL: the service */
    vs_time_ms event_time; /* EventTime */
    uint8_t digest[32];    /* SHA-256 of the file */
    uint8_t salt[32];      /* of its leaf in the journal */
    int64_t batch;
    struct vs_location location; /* relay's */
    bool sequenced;              /* in the journal */
    uint64_t journal_index;
    uint64_t journal_epoch; /* of the log that it counts in */
    bool marked;
    vs_time_ms mark; /* genTime of the batch's token; VS_TIME_NONE */
};

/* Sender and recipients (their own and the common ones), auditor; else VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_evidence_get(struct vs_relay *relay, struct vs_arena *arena,
                                   const struct vs_caller *caller, struct vs_id id,
                                   const struct vs_evidence **ret, struct vs_error *err);
/* All evidence of a document that the caller may see, in order of time. */
VS_NODISCARD vs_rc vs_evidence_list(struct vs_relay *relay, struct vs_arena *arena,
                                    const struct vs_caller *caller, struct vs_id document,
                                    const struct vs_evidence ***ret, size_t *ret_n,
                                    struct vs_error *err);

/* The signed file, bytes as they were committed. */
VS_NODISCARD vs_rc vs_evidence_xml(struct vs_relay *relay, struct vs_arena *arena,
                                   const struct vs_evidence *evidence, struct vs_bytes *ret,
                                   struct vs_error *err);
/* ASiC-S: mimetype, evidence.xml, META-INF/evidencerecord.ers; the same bits each time.
 * VS_E_STATE while its batch has no time mark yet. */
VS_NODISCARD vs_rc vs_evidence_asic(struct vs_relay *relay, struct vs_arena *arena,
                                    const struct vs_evidence *evidence, struct vs_bytes *ret,
                                    struct vs_error *err);
/* The RFC 4998 evidence record alone; VS_E_STATE likewise. */
VS_NODISCARD vs_rc vs_evidence_record(struct vs_relay *relay, struct vs_arena *arena,
                                      const struct vs_evidence *evidence, struct vs_bytes *ret,
                                      struct vs_error *err);
/* Its leaf in the journal: SHA-256(0x00 || 1 || salt || digest). */
void vs_evidence_leaf(const struct vs_evidence *evidence, uint8_t ret_leaf[32]);
/* For relay itself, which knows that it may: VS_E_CORRUPT where there is none. */
VS_NODISCARD vs_rc vs_evidence_load(struct vs_relay *relay, struct vs_arena *arena,
                                    struct vs_id id, const struct vs_evidence **ret,
                                    struct vs_error *err);

/* The last evidence of this event about a delivery (a row of table delivery), likewise. */
VS_NODISCARD vs_rc vs_evidence_of(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_row *delivery, enum vs_event event,
                                  const struct vs_evidence **ret, struct vs_error *err);

/* The fields of the XML for a JSON view are read by formats/evidence/erds.h from
 * vs_evidence_xml. */
#endif
