/* agreements.h - what two participants agreed about their exchange (Art. 26), and the built-in
 * agreement `law` that serves parties without one: its terms are the law's defaults.
 *
 * The rules of 27.2, 27.4, 28.1 and 28.2 are defaults that parties may change; the fields of
 * struct vs_terms are what they may change. vs_term_fields is the one table of them: REST, CLI,
 * rows and documentation follow from it. An agreement holds in both directions. */
#ifndef VS_RELAY_AGREEMENTS_H
#define VS_RELAY_AGREEMENTS_H
#include "relay/exchange/participants.h"

/* Bits of vs_terms.forms: what the document may be. */
enum vs_takes {
    VS_TAKES_ASIC_E = 1,
    VS_TAKES_ASIC_S = 2,
    VS_TAKES_PDF = 4,
    VS_TAKES_XML = 8,
    VS_TAKES_CMS = 16,
    VS_TAKES_ANY = 32, /* any other bytes, unsigned ones too */
};
/* Least class of Art. 3 that is asked for; compared in submit's decision only. */
enum vs_asks {
    VS_ASKS_NONE,
    VS_ASKS_SIMPLE,
    VS_ASKS_ENHANCED,
    VS_ASKS_QUALIFIED,
    VS_ASKS_QUALIFIED_AUTHORITY,
};
enum vs_mark_mode { VS_MARKS_DOCUMENT, VS_MARKS_BATCH };
enum vs_receipt_at { VS_RECEIPT_MAILBOX, VS_RECEIPT_ENDPOINT };

/* Bit i of vs_terms.requisites asks for the requisite named here (requisites.h, Art. 21.1.3).
 */
extern const char *const vs_requisite_names[];

struct vs_terms {
    int64_t forms;             /* bits of enum vs_takes; default asic-e */
    int64_t signature_class;   /* enum vs_asks; default enhanced */
    int64_t signature_level;   /* enum vs_level (formats/validation/policy.h); default B-B */
    int64_t signer_is_sender;  /* the signer must be of the sending participant; default no */
    int64_t requisites;        /* bits that must be given: vs_requisite_names; default none */
    int64_t signed_requisites; /* document.xml required; default no */
    int64_t acknowledgement;   /* required (27.4); default yes */
    int64_t acknowledgement_term_ms; /* 0: only what the sender gives */
    int64_t further_term_ms;         /* 27.5; default 3 days */
    int64_t remind;                  /* authority to remind in the sender's name; default no */
    int64_t consent;                 /* asked before hand-over; default no */
    int64_t marks;                   /* enum vs_mark_mode */
    int64_t receipt_at;              /* enum vs_receipt_at */
    int64_t retention_months;        /* not below 6 (31.3); default 6 */
    int64_t consent_term_ms;         /* for the answer to being asked; default 5 days */
    int64_t automatic_acknowledgement; /* by the service, after a passed verdict; default no */
};

enum vs_term_kind {
    VS_TERM_YES_NO,
    VS_TERM_CHOICE,
    VS_TERM_SET,
    VS_TERM_DURATION_MS,
    VS_TERM_MONTHS
};
struct vs_term_field {
    const char *name; /* in JSON, rows and CLI: "signature-class" */
    size_t offset;    /* of an int64_t in struct vs_terms */
    enum vs_term_kind kind;
    const char *const *choices; /* CHOICE: value i; SET: bit i; NULL-terminated */
    int64_t least, most, fallback;
    const char *clause, *help;
};
extern const struct vs_term_field vs_term_fields[];
extern const size_t vs_term_fields_n;
struct vs_terms vs_terms_law(void);
static inline int64_t *vs_term_of(struct vs_terms *terms, const struct vs_term_field *field)
{
    return (int64_t *)(void *)((char *)terms + field->offset);
}
/* VS_E_PARAMETER names the field that is out of its range. */
VS_NODISCARD vs_rc vs_terms_check(const struct vs_terms *terms, struct vs_error *err);

struct vs_agreement {
    struct vs_id id; /* VS_ID_NONE: the built-in `law` */
    struct vs_id parties[2];
    const char *reference;           /* number of the parties' own paper; may be NULL */
    vs_time_ms from, until, created; /* VS_TIME_NONE: unbounded */
    struct vs_terms terms;
    int64_t version;
};

/* The agreement in force between the two at `at`; the built-in one where there is none. */
VS_NODISCARD vs_rc vs_agreement_between(struct vs_relay *relay, struct vs_arena *arena,
                                        struct vs_id a, struct vs_id b, vs_time_ms at,
                                        const struct vs_agreement **ret, struct vs_error *err);
VS_NODISCARD vs_rc vs_agreement_get(struct vs_relay *relay, struct vs_arena *arena,
                                    struct vs_id id, const struct vs_agreement **ret,
                                    struct vs_error *err);
/* Of one participant, or of all (VS_ID_NONE), in order of id. */
VS_NODISCARD vs_rc vs_agreement_list(struct vs_relay *relay, struct vs_arena *arena,
                                     struct vs_id party, struct vs_id after, size_t limit,
                                     const struct vs_agreement ***ret, size_t *ret_n,
                                     struct vs_error *err);
/* New (id and created set here), or changed if the row still has `version`. One agreement per
 * pair: VS_E_EXISTS. */
VS_NODISCARD vs_rc vs_agreement_add_stage(struct vs_relay *relay, struct vs_job *job,
                                          vs_time_ms now, struct vs_agreement *agreement,
                                          struct vs_error *err);
VS_NODISCARD vs_rc vs_agreement_change_stage(struct vs_relay *relay, struct vs_job *job,
                                             vs_time_ms now,
                                             const struct vs_agreement *agreement,
                                             struct vs_error *err);
#endif
