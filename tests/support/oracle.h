/* oracle.h - what must be true of the exchange, known without asking relay: a model of who sent
 * what to whom and who answered, against which everything that relay shows is held.
 *
 * The invariants are those of reliability: (1) every acknowledged document is there,
 * byte-equal, once, with its evidence; (2) what was not acknowledged is wholly there or wholly
 * absent; (3) no evidence without its event, and one terminal evidence for a document and
 * recipient; (4) the journal never forks or shrinks; (5) nothing leaves before its term; (6) a
 * party sees its own only. Checking follows what changed (a document that was touched, what is
 * new in mailboxes and journal) and goes round the rest a little with each step; oracle_sweep
 * looks at everything.
 *
 * The table of events, the walk of RFC 9162 and the calendar of terms are the oracle's own. */
#ifndef VS_TESTS_SUPPORT_ORACLE_H
#define VS_TESTS_SUPPORT_ORACLE_H
#include "formats/evidence/merkle.h"
#include "relay/exchange/status.h"
#include "relay/exchange/submit.h"
#include "tests/support/simulation.h"

enum { ORACLE_PARTIES = 6, ORACLE_RECIPIENTS = 3, ORACLE_EVIDENCE = 32, ORACLE_EVENTS = 32 };

enum oracle_answer { NOT_ANSWERED, CONFORMS, REFUSES };

struct oracle_delivery {
    unsigned party;
    bool acknowledgement; /* required */
    bool endpoint;        /* received there (28.2) */
    bool consent;         /* asked before hand-over */
    bool remind, automatic;
    vs_time_ms deadline;                         /* 27.5; VS_TIME_NONE */
    vs_time_ms asked, reminded, answered, taken; /* VS_TIME_NONE: not yet */
    vs_time_ms refused_for_good;                 /* the endpoint said 410 */
    bool told, told_lost;                        /* the endpoint took a notice that it waits */
    unsigned notices;                            /* attempts of these */
    unsigned pushes;
    vs_time_ms pushed; /* first */
    bool settled;      /* its end was seen */
    bool taken_lost;   /* the process died between the endpoint's 2xx and its evidence */
    enum oracle_answer consented, maybe_consented;
    bool downloaded;       /* to the last byte, and the service was told */
    bool maybe_downloaded; /* the process died when it was told */
    enum oracle_answer answer, maybe_answer;
    bool in_mailbox;
    uint8_t counts[ORACLE_EVENTS]; /* of evidence, by event */
};

struct oracle_evidence {
    struct vs_id id;
    uint8_t event;   /* of the oracle's table */
    int8_t delivery; /* -1: of the document */
    bool marked;
    vs_time_ms time;
    uint8_t digest[32];
    uint64_t index;
};

struct oracle_document {
    struct vs_id id;
    unsigned sender;
    struct vs_bytes bytes;
    char key[24]; /* "": none */
    bool accepted, held, gone, legal_hold, notice, maybe_notice, passed;
    struct oracle_document *repeats;
    vs_time_ms fed; /* its last byte */
    unsigned months;
    unsigned holds; /* legal holds that were set or lifted, or may have been */
    unsigned n;
    struct oracle_delivery to[ORACLE_RECIPIENTS];
    size_t n_evidence;
    struct oracle_evidence evidence[ORACLE_EVIDENCE];
    uint8_t counts[ORACLE_EVENTS]; /* of the document */
    vs_time_ms latest;             /* EventTime */
};

struct oracle_party {
    struct vs_caller caller;
    char inbox[80]; /* cursor */
    int64_t newest;
};

struct oracle_root {
    uint64_t size;
    struct vs_hash root;
};

struct oracle {
    struct sim *sim;
    struct vs_arena *arena;
    unsigned n_parties;
    struct oracle_party parties[ORACLE_PARTIES];
    struct vs_caller auditor;
    size_t n_documents, most_documents, next_look;
    struct oracle_document *documents, **by_id;
    size_t id_slots;
    uint64_t n_leaves, most_leaves;
    struct vs_hash *leaves;
    uint8_t *claimed;     /* by evidence, one octet a leaf */
    vs_time_ms news_from; /* evidence made before was seen */
    struct vs_hash edge[64];
    size_t n_roots, most_roots;
    struct oracle_root *roots; /* of the checkpoints that were given out */
    uint64_t looks, contents, strangers, proofs, sweeps, gone, records;
};

void oracle_init(struct oracle *oracle, struct sim *sim, size_t documents);
void oracle_done(struct oracle *oracle);

/* A new document of the model, not yet sent. */
struct oracle_document *oracle_draft(struct oracle *oracle, unsigned sender,
                                     struct vs_bytes bytes);
void oracle_receipt(struct oracle *oracle, struct oracle_document *document,
                    const struct vs_receipt *receipt);
struct oracle_document *oracle_find(struct oracle *oracle, struct vs_id id);

/* What is shown of one document against the model; what is new in it is judged and learned.
 * Relay must be idle. `content`: its bytes, too. */
void oracle_look(struct oracle *oracle, struct oracle_document *document, bool content);
/* `party`, who has nothing to do with it, gets the answer of an unknown id. */
void oracle_stranger(struct oracle *oracle, const struct oracle_document *document,
                     unsigned party);
/* The checkpoint of now against all earlier ones. */
void oracle_journal(struct oracle *oracle);
/* Every piece of evidence made since the last time: its document is looked at. */
void oracle_news(struct oracle *oracle);
/* What is new in the mailboxes. */
void oracle_mailboxes(struct oracle *oracle);
/* The process died. */
void oracle_crashed(struct oracle *oracle);
/* The journal, what is new, the mailboxes. */
void oracle_learn(struct oracle *oracle);
/* After each step: that, `touched` (may be NULL) and a few others. */
void oracle_step(struct oracle *oracle, struct oracle_document *touched);
/* Everything: every document, row and leaf, and vs_check where `check`. */
void oracle_sweep(struct oracle *oracle, bool check);
/* From when on it may go: months of the calendar after its latest event; INT64_MAX while a
 * legal hold stands. */
vs_time_ms oracle_term(const struct oracle_document *document);
/* Whether the recipient may have and answer it. */
bool oracle_open(const struct oracle_document *document, const struct oracle_delivery *to);
#endif
