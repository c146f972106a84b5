/* issue.h - making one piece of evidence: fields, signature, digest, row, journal entry.
 *
 * What is stated about a document (sender, recipients, part, times) comes from its rows, so
 * that evidence made after a restart says what evidence made before it would have said. */
#ifndef VS_RELAY_ISSUE_H
#define VS_RELAY_ISSUE_H
#include "formats/evidence/erds.h"
#include "relay/exchange/agreements.h"
#include "relay/exchange/commit.h"
#include "relay/exchange/principals.h"

#define VS_ISSUER_POLICY "urn:vasite:policy:1" /* EvidenceIssuerPolicyID */

/* What all evidence about one exchange has in common. */
struct vs_facts {
    struct vs_id document, sender_id;
    struct vs_erds_user sender;
    const struct vs_erds_user *recipients;
    const struct vs_id *recipient_ids; /* of each; VS_ID_NONE: not known here */
    size_t n_recipients;
    const struct vs_row *deliveries; /* of each recipient; NULL before they are committed */
    vs_time_ms sent;
    const char *name, *media_type;
    uint8_t digest[32];
    unsigned retention; /* months: the class of its segments */
    bool accepted;
    bool not_confirmed; /* 27.3.2: its authenticity was judged and not confirmed */
};
/* Of an accepted document, from the rows; *ret_found false where there is none. */
VS_NODISCARD vs_rc vs_facts_load(struct vs_relay *relay, struct vs_arena *arena,
                                 struct vs_id document, struct vs_facts *ret, bool *ret_found,
                                 struct vs_error *err);
/* Scheme, value and name of a participant, or of an identifier that nobody here has. */
VS_NODISCARD vs_rc vs_user_of(struct vs_arena *arena, const char *identifier, const char *name,
                              struct vs_erds_user *ret, struct vs_error *err);

#define VS_ISSUE_EXTENSIONS 12
struct vs_issue {
    enum vs_event event;
    vs_time_ms event_time;
    struct vs_id recipient;        /* that it concerns; VS_ID_NONE: none */
    const struct vs_caller *actor; /* who acted (27.1); NULL: the service */
    struct vs_erds_reason reason;  /* uri NULL: none */
    struct vs_erds_extension extensions[VS_ISSUE_EXTENSIONS];
    size_t n_extensions;
};
void vs_issue_extend(struct vs_issue *issue, const char *name, const char *value);

struct vs_evidence_file {
    struct vs_id id;
    struct vs_bytes xml;
    uint8_t digest[32], salt[32];
};
/* Make and sign. `issue->recipient`, where set, is among the facts' recipients. */
VS_NODISCARD vs_rc vs_issue_make(struct vs_relay *relay, struct vs_arena *arena,
                                 const struct vs_facts *facts, const struct vs_issue *issue,
                                 vs_time_ms now, struct vs_evidence_file *ret,
                                 struct vs_error *err);
/* Its bytes, row and journal entry into the stage. `issued` lives in the job's arena. */
VS_NODISCARD vs_rc vs_issue_stage(struct vs_stage *stage, const struct vs_facts *facts,
                                  const struct vs_issue *issue,
                                  const struct vs_evidence_file *issued, struct vs_error *err);
#endif
