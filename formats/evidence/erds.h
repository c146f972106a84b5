/* erds.h - evidence of the exchange: ETSI EN 319 522-3 (namespace of V1.1.1), made and read.
 *
 * Making gives the unsigned XML in exclusive canonical form (no declaration, no white space
 * between elements, attributes in order), ending with exactly VS_ERDS_END, so that
 * formats/signature can digest it as it is and put ds:Signature before that end tag. Reading
 * takes any evidence of that schema, with or without a signature, which it does not judge.
 *
 * Children that the standard's schema declares locally are in no namespace; referenced ones
 * are qualified. Times are to the millisecond, UTC. */
#ifndef VS_FORMATS_EVIDENCE_ERDS_H
#define VS_FORMATS_EVIDENCE_ERDS_H
#include "formats/base/base.h"

#define VS_ERDS_NAMESPACE     "http://uri.etsi.org/19522/v1#"
#define VS_ERDS_OWN_NAMESPACE "urn:vasite:evidence:1"
#define VS_ERDS_END           "</erds:Evidence>"
#define VS_ERDS_NAME          "evidence.xml"
#define VS_ERDS_TYPE          "application/xml"
#define VS_ERDS_MAX_BYTES     ((size_t)8 * 1024 * 1024)

enum vs_event {
    VS_EVENT_UNKNOWN, /* read from others: see event_uri */
#define VS_EVENT(symbol, ...) VS_EVENT_##symbol,
#include "formats/evidence/events.def"
#undef VS_EVENT
    VS_EVENTS
};

enum vs_event_terminal { VS_EVENT_TERMINAL_NO, VS_EVENT_TERMINAL_MODE, VS_EVENT_TERMINAL_YES };

struct vs_event_info {
    const char *name; /* "SubmissionAcceptance" */
    const char *uri;
    bool concerns_recipient;
    enum vs_event_terminal terminal;
};
const struct vs_event_info *vs_event_info(enum vs_event event); /* a known one */
enum vs_event vs_event_by_name(const char *name);
enum vs_event vs_event_by_uri(const char *uri);

/* A person or organisation. NULL: not given. */
struct vs_erds_user {
    const char *name;       /* as saml:Attribute "LegalName" */
    const char *identifier; /* "1234567891" */
    const char *scheme;     /* "voen"; given whenever identifier is */
};

struct vs_erds_reason {
    const char *uri;     /* http://uri.etsi.org/19522/EventReason/NAME or urn:vasite:... */
    const char *details; /* may be NULL */
};

struct vs_erds_part {
    const char *identifier; /* the file's name as given */
    const char *content_type;
    const char *digest_uri; /* NULL: no digest */
    struct vs_bytes digest;
};

/* One statement of ours: <v:NAME xmlns:v="urn:vasite:evidence:1">TEXT</v:NAME> in an Extension
 * that is not critical. Names in use: see the VS_ERDS_EXT_ macros. */
struct vs_erds_extension {
    const char *name;
    const char *value;
};
#define VS_ERDS_EXT_COUNTS_AS    "CountsAs"         /* "not-received", "received", "not-sent" */
#define VS_ERDS_EXT_PREVIOUS     "PreviousEvidence" /* EvidenceIdentifier of the one before */
#define VS_ERDS_EXT_REPEATS      "Repeats"          /* id of the document that this repeats */
#define VS_ERDS_EXT_AGREEMENT    "Agreement"        /* id of the agreement that decided */
#define VS_ERDS_EXT_LEGAL_CLASS  "LegalClass"       /* Art. 3 */
#define VS_ERDS_EXT_VERDICT      "Verdict"          /* EN 319 102-1 indication */
#define VS_ERDS_EXT_TIME_MARK    "TimeMarkPolicy"   /* "wait", "later", "document" */
#define VS_ERDS_EXT_RECEIPT_TIME "ReceiptTime"      /* Art. 28.2, RFC 3339 */
#define VS_ERDS_EXT_STATEMENT    "Statement"        /* of conformity (27.4), or why refused */
#define VS_ERDS_EXT_TERM         "Term"             /* end of the term that it is about */
#define VS_ERDS_EXT_FURTHER      "FurtherTerm"      /* end of the term that is set (27.5) */
#define VS_ERDS_EXT_ENDPOINT     "Endpoint"         /* host and port that it was pushed to */
#define VS_ERDS_EXT_DELIVERY     "DeliveryId"       /* that the pushed request named */
#define VS_ERDS_EXT_ATTEMPTS     "Attempts"         /* how often it was tried */
#define VS_ERDS_EXT_REPLY        "ReplyDigest"      /* SHA-256 of the signed answer (27.4) */
#define VS_ERDS_EXT_PRINCIPAL    "PrincipalName"    /* who acted (27.1) */
#define VS_ERDS_EXT_GROUND       "Ground"           /* why: of holds, inspections, deletions */
#define VS_ERDS_EXT_COUNT        "Count"            /* of what an act is about */
/* Of JournalRestarted (relay/restore.h): the log that was left, with its last checkpoint known;
 * its entries that are lost, from and up to (not including; "unknown"); the anchor's note. */
#define VS_ERDS_EXT_LOG               "Log"
#define VS_ERDS_EXT_LOG_CHECKPOINT    "LogCheckpoint"
#define VS_ERDS_EXT_LOST_FROM         "LostFrom"
#define VS_ERDS_EXT_LOST_UNTIL        "LostUntilAtLeast"
#define VS_ERDS_EXT_ANCHOR_CHECKPOINT "AnchorCheckpoint"
#define VS_ERDS_EXT_LOG_GIVEN_UP      "LogGivenUp" /* begun by an earlier restore */

struct vs_erds {
    const char *id; /* EvidenceIdentifier */
    enum vs_event event;
    const char *event_uri; /* set by read; make takes `event` */
    const struct vs_erds_reason *reasons;
    size_t n_reasons;
    vs_time_ms event_time;
    const char *const *policies; /* EvidenceIssuerPolicyID */
    size_t n_policies;
    struct vs_erds_user issuer;         /* name, and identifier as a second attribute */
    struct vs_bytes issuer_certificate; /* DER; empty: none */
    struct vs_erds_user sender;
    struct vs_erds_user sender_delegate;   /* all NULL: none */
    const struct vs_erds_user *recipients; /* at least one */
    size_t n_recipients;
    vs_time_ms submission_time; /* VS_TIME_NONE: none */
    size_t refers_to;           /* 1-based index of the recipient concerned; 0: none */
    const char *message_id;     /* the document's id; NULL: none */
    const struct vs_erds_part *parts;
    size_t n_parts;
    const struct vs_erds_extension *extensions;
    size_t n_extensions;
    bool is_signed; /* set by read: a ds:Signature is there, whatever it is worth */
};

/* The XML, unsigned; the root's Id is "evidence". Text is escaped; a character
 * that XML forbids becomes U+FFFD. VS_E_PARAMETER: what the schema or the events' table does
 * not allow (no recipient, refers_to out of range, ...). */
VS_NODISCARD vs_rc vs_erds_make(struct vs_arena *arena, const struct vs_erds *evidence,
                                struct vs_bytes *ret, struct vs_error *err);

/* Read evidence. VS_E_XML and its kin; VS_E_SYNTAX where it is not the schema's. */
VS_NODISCARD vs_rc vs_erds_read(struct vs_arena *arena, struct vs_bytes xml,
                                struct vs_erds *ret, struct vs_error *err);

/* The first value of this name among the extensions, or NULL. */
const char *vs_erds_extension(const struct vs_erds *evidence, const char *name);
#endif
