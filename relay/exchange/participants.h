/* participants.h - the organisations and persons that exchange documents (Art. 26, 31.5).
 *
 * A participant has an id of ours and one or more identifiers under a scheme: `voen:` (10
 * digits), `fin:` (7 characters), others free (`gln:`, `x-road:`...). Two participants never
 * share one. Names may be any UTF-8 without control characters. A participant exchanges only
 * while its service contract with us holds (Art. 31.5).
 *
 * Reads may be called by any worker; *_stage functions from a job's run (relay/job.h). */
#ifndef VS_RELAY_PARTICIPANTS_H
#define VS_RELAY_PARTICIPANTS_H
#include "relay/relay.h"

#define VS_IDENTIFIER_MAX  128 /* bytes */
#define VS_IDENTIFIERS_MAX 8   /* of one participant */
#define VS_NAME_MAX        400

struct vs_participant {
    struct vs_id id;
    const char *identifiers[VS_IDENTIFIERS_MAX]; /* the first is the one shown */
    size_t n_identifiers;
    const char *name;
    bool public_body;            /* Art. 6: enhanced signatures only */
    bool agreed_senders_only;    /* takes nothing under the built-in agreement */
    const char *endpoint;        /* NULL: its mailbox here (Art. 28.2) */
    bool endpoint_consignment;   /* the endpoint takes the consignment, not the original */
    const char *events_endpoint; /* told what happened to documents it sent; NULL: nothing */
    const char *contract;        /* number of the service contract; NULL: none (Art. 31.5) */
    vs_time_ms contract_from, contract_until; /* VS_TIME_NONE: unbounded */
    const char *retention;                    /* class for its documents; NULL: `minimum` */
    vs_time_ms created;
    int64_t version; /* of the row: for changes */
};

/* Check and normalise `scheme:value`: scheme [a-z][a-z0-9-]{1,31}, value 1..95 bytes of
 * printable UTF-8 without spaces; voen: 10 digits; fin: 7 of [0-9A-Z], upper-cased.
 * VS_E_PARAMETER names what is wrong. */
VS_NODISCARD vs_rc vs_identifier_check(struct vs_arena *arena, const char *text,
                                       const char **ret, struct vs_error *err);

/* *ret is NULL where there is none. */
VS_NODISCARD vs_rc vs_participant_get(struct vs_relay *relay, struct vs_arena *arena,
                                      struct vs_id id, const struct vs_participant **ret,
                                      struct vs_error *err);
VS_NODISCARD vs_rc vs_participant_find(struct vs_relay *relay, struct vs_arena *arena,
                                       const char *identifier,
                                       const struct vs_participant **ret, struct vs_error *err);
/* In order of id, after `after` (VS_ID_NONE: from the start). */
VS_NODISCARD vs_rc vs_participant_list(struct vs_relay *relay, struct vs_arena *arena,
                                       struct vs_id after, size_t limit,
                                       const struct vs_participant ***ret, size_t *ret_n,
                                       struct vs_error *err);

/* Whether its service contract holds at `at`. */
bool vs_participant_has_contract(const struct vs_participant *participant, vs_time_ms at);

/* A new one; `participant->id` and `created` are set here. VS_E_EXISTS: an identifier is taken;
 * VS_E_PARAMETER names the field. */
VS_NODISCARD vs_rc vs_participant_add_stage(struct vs_relay *relay, struct vs_job *job,
                                            vs_time_ms now, struct vs_participant *participant,
                                            struct vs_error *err);
/* All fields anew, if the row still has `participant->version` (VS_E_CONFLICT). */
VS_NODISCARD vs_rc vs_participant_change_stage(struct vs_relay *relay, struct vs_job *job,
                                               vs_time_ms now,
                                               const struct vs_participant *participant,
                                               struct vs_error *err);
#endif
