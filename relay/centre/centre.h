/* centre.h - the embedded certificate services centre: root and issuing authority, register of
 * certificates, OCSP responder, revocation lists, time-stamping authority (Art. 10-18).
 *
 * So that a fresh installation and a closed group (Art. 7) have one; an outside centre is used
 * in the same way. It is not accredited unless a trust list says so: relay/trust, not this
 * module, decides what its certificates are worth.
 *
 * Rules that hold always (tests cite them as "centre rule N"):
 *  1 a certificate leaves this module only after it was entered in the register (Art. 11.5);
 *    until then the responder answers "unknown";
 *  2 a change of state is entered, with its time mark, before any CRL or OCSP answer shows it;
 *    it shows from the moment the call returns (while the clock is not trusted it is entered
 *    without a mark: a revocation does not wait, and vs_centre_check names the entry);
 *  3 a suspension on the centre's own doubt ends by itself after at most 48 hours (Art. 13.2),
 *    any other with the term set; restoring otherwise is for whoever asked (Art. 13.3), which
 *    the caller states;
 *  4 revoked is final (Art. 14); a CRL number never goes back;
 *  5 private keys lie encrypted under the passphrase, holders' keys are never kept.
 *
 * The register is rows of the store (VS_T_CERTIFICATE, VS_T_CERTIFICATE_EVENT, VS_T_CRL); keys
 * and the service's own certificates also lie in the folder. Any thread may call; changes are
 * serialised inside and commit by themselves, so none may be made on an HTTP thread.
 *
 * NOT DONE: telling holder and requester of a change (Art. 13.4, 14); keys on tokens (PKCS#11);
 * renewing root and issuing authority; moving expired certificates to the archive (Art. 15);
 * delta lists; winding down (Art. 19). */
#ifndef VS_RELAY_CENTRE_H
#define VS_RELAY_CENTRE_H
#include "formats/certificate/revocation.h"
#include "relay/id.h"
#include "relay/seal/keys.h"

struct vs_centre;
struct vs_store;

/* Texts are borrowed for the call of vs_centre_open. */
struct vs_centre_settings {
    const char *folder;           /* data/centre: made when missing, 0700 */
    struct vs_bytes passphrase;   /* for the private keys; not empty */
    const char *public_url;       /* "http://127.0.0.1:8080": AIA and CRL addresses begin so */
    const char *name;             /* of the service and centre: "Vasite" */
    const char *identifier;       /* of the service, "voen:0000000000"; NULL: none */
    const char *country;          /* "AZ" */
    const char *const *tls_names; /* host names and IP addresses of the TLS certificate */
    size_t n_tls_names;
    enum vs_key_kind key_kind; /* of all keys with certificates: P-256 */
    const char *tsa_policy;    /* OID in tokens; NULL: EN 319 421's 0.4.0.2023.1.1 */
    int64_t tsa_accuracy_ms;   /* stated in tokens; 0: 1,000 */
    int64_t crl_ms;            /* from thisUpdate to nextUpdate, at most and by default 3 h */
    /* Called after each change of a certificate's state was entered, by the thread that made
     * it; NULL: nobody wants to know. */
    void (*changed)(void *context);
    void *changed_context;
    int64_t ocsp_ms; /* likewise of OCSP answers; 0: 1 h */
};

/* Open, making what is missing on the way: keys, certificates, register entries. `keys` gets
 * the key and chain of each purpose that it has none for yet (an outside authority's are set
 * before), so that the service can sign. `seams`, `store` and `keys` outlive the centre.
 * VS_E_KEY: wrong passphrase or damaged key file; VS_E_IO; VS_E_CORRUPT: register and folder
 * disagree. */
VS_NODISCARD vs_rc vs_centre_open(const struct vs_centre_settings *settings,
                                  const struct vs_seams *seams, struct vs_store *store,
                                  struct vs_keys *keys, struct vs_centre **ret,
                                  struct vs_error *err);
void vs_centre_close(struct vs_centre *centre); /* NULL is fine; no call under way */

/* Due work: suspensions that end, lists soon over, the service's certificates that end within
 * 30 days: each gets a new key and certificate, which sign from then on (TLS: GnuTLS takes them
 * at the next start or reload). Cheap when nothing is due. Not on an HTTP thread. */
VS_NODISCARD vs_rc vs_centre_step(struct vs_centre *centre, vs_time_ms now,
                                  struct vs_error *err);

/* -- what it answers ----------------------------------------------------------------------- */

/* RFC 6960 over DER: a response for every request, malformed ones included. Blocks for one
 * row read and one signature. */
VS_NODISCARD vs_rc vs_centre_ocsp(struct vs_centre *centre, struct vs_bytes request,
                                  vs_time_ms now, struct vs_buffer *response,
                                  struct vs_error *err);
/* RFC 3161 over DER, likewise. The time in the token is the clock's when it is made, unless
 * vs_centre_tsa_stop said that it cannot be trusted. */
VS_NODISCARD vs_rc vs_centre_tsa(struct vs_centre *centre, struct vs_bytes request,
                                 struct vs_buffer *response, struct vs_error *err);
/* The same in the shape of vs_authority_settings.embedded; `context` is the centre. */
vs_rc vs_centre_tsa_embedded(void *context, struct vs_bytes request, struct vs_buffer *response,
                             struct vs_error *err);
/* While stopped, requests are answered with timeNotAvailable. */
void vs_centre_tsa_stop(struct vs_centre *centre, bool stopped);

/* The newest list of "root" or "issuing", DER in `arena`; a new one is made where the last is
 * about to end. VS_E_NOT_FOUND: no such authority. */
VS_NODISCARD vs_rc vs_centre_crl(struct vs_centre *centre, struct vs_arena *arena,
                                 const char *authority, vs_time_ms now, struct vs_bytes *ret,
                                 struct vs_error *err);
/* "root", "issuing", "tsa", "ocsp", "seal", "evidence", "tls", or a serial number in hex: its
 * certificate, DER in `arena`. VS_E_NOT_FOUND. */
VS_NODISCARD vs_rc vs_centre_certificate(struct vs_centre *centre, struct vs_arena *arena,
                                         const char *name, struct vs_bytes *ret,
                                         struct vs_error *err);
/* The root's certificate, for trust stores; borrowed. */
struct vs_certificate *vs_centre_root(const struct vs_centre *centre);
/* The issuing authority's; borrowed. */
struct vs_certificate *vs_centre_authority(const struct vs_centre *centre);
/* TLS key (clear PEM, to be wiped by the caller) and chain (PEM, own first), in `arena`. */
VS_NODISCARD vs_rc vs_centre_tls(struct vs_centre *centre, struct vs_arena *arena,
                                 struct vs_bytes *ret_key_pem, struct vs_bytes *ret_chain_pem,
                                 struct vs_error *err);

/* -- the register -------------------------------------------------------------------------- */

enum vs_holder_kind {
    VS_HOLDER_PERSON,       /* a natural person: signs (nonRepudiation) */
    VS_HOLDER_ORGANISATION, /* an organisation: seals (nonRepudiation) */
    VS_HOLDER_CLIENT,       /* a principal: TLS client authentication, nothing else */
};

/* Who gets a certificate, and what for (Art. 12). NULL or empty: not stated. */
struct vs_holder {
    enum vs_holder_kind kind;
    const char *common_name; /* required; a pseudonym's is marked by us (Art. 12.1.3) */
    const char *surname, *given_name, *pseudonym, *title, *email;
    const char *organisation;
    const char *organisation_identifier; /* "voen:1234567891" */
    const char *person_identifier;       /* "fin:7ABCDEF" */
    int64_t days;                        /* of validity; 0: 365; at most 1,825 */
    struct vs_bytes request;             /* PKCS#10, DER; empty: the key is made here, given out
                                            as PKCS#12 and forgotten */
    struct vs_bytes passphrase;          /* of the PKCS#12 */
};

struct vs_issued {
    const char *serial; /* hex */
    struct vs_bytes certificate;
    struct vs_bytes pkcs12; /* with key and chain; empty where a request was given */
};

/* VS_E_PARAMETER names the field; VS_E_CERTIFICATE, VS_E_ALGORITHM, VS_E_SYNTAX: the request.
 * `ret` in `arena`. `officer` (a principal's name) is recorded. */
VS_NODISCARD vs_rc vs_centre_issue(struct vs_centre *centre, struct vs_arena *arena,
                                   const struct vs_holder *holder, const char *officer,
                                   vs_time_ms now, struct vs_issued *ret, struct vs_error *err);

enum vs_certificate_state {
    VS_CERTIFICATE_VALID,
    VS_CERTIFICATE_SUSPENDED,
    VS_CERTIFICATE_REVOKED
};
const char *vs_certificate_state_text(enum vs_certificate_state state); /* "valid" */

/* On whose request (Art. 13.1, 13.3). */
enum vs_requester { VS_BY_HOLDER, VS_BY_AUTHORITY, VS_BY_CENTRE };

struct vs_state_change {
    enum vs_certificate_state to; /* VALID: restore */
    enum vs_requester requester;
    int reason;         /* of a revocation: enum vs_revocation_reason, not certificateHold */
    const char *ground; /* "14.1.3", or words; required (Art. 13.5, 14) */
    vs_time_ms until;   /* of a suspension; VS_TIME_NONE: open, for VS_BY_CENTRE 48 h */
    struct vs_bytes
        statement; /* the written request (Art. 13.5), at most 1 MiB; may be empty */
    const char *officer;
};
/* VS_E_NOT_FOUND; VS_E_STATE: revoked already, or nothing to restore, or another requester than
 * the one who asked for the suspension; VS_E_PARAMETER names the field. */
VS_NODISCARD vs_rc vs_centre_change(struct vs_centre *centre, const char *serial,
                                    const struct vs_state_change *change, vs_time_ms now,
                                    struct vs_error *err);

/* An entry of the register. Texts live in the arena. */
struct vs_register_entry {
    const char *serial, *subject, *profile; /* profile: "person", "tsa", … */
    const char *identifier;                 /* of the holder, NULL: none */
    vs_time_ms not_before, not_after, created;
    enum vs_certificate_state state; /* at the moment of the question */
    int reason;                      /* where revoked */
    vs_time_ms since, until;         /* of the state; VS_TIME_NONE where it does not apply */
    struct vs_bytes certificate;
};
VS_NODISCARD vs_rc vs_centre_entry(struct vs_centre *centre, struct vs_arena *arena,
                                   const char *serial, vs_time_ms now,
                                   const struct vs_register_entry **ret, struct vs_error *err);
/* Whether a client certificate of ours, by the SHA-256 of its DER, is suspended or revoked at
 * `now`. One that is not ours is not. */
VS_NODISCARD vs_rc vs_centre_refuses(struct vs_centre *centre, const uint8_t sha256[32],
                                     vs_time_ms now, bool *ret, struct vs_error *err);
/* In order of issuing, after `after` (a serial number; NULL: from the start). */
VS_NODISCARD vs_rc vs_centre_list(struct vs_centre *centre, struct vs_arena *arena,
                                  const char *after, size_t limit, vs_time_ms now,
                                  const struct vs_register_entry **ret, size_t *ret_n,
                                  struct vs_error *err);

struct vs_register_event {
    vs_time_ms time;
    const char *kind; /* "issued", "suspended", "restored", "revoked" */
    enum vs_requester requester;
    int reason;
    const char *ground, *officer; /* NULL: none */
    vs_time_ms until;
    struct vs_bytes statement;
    struct vs_bytes mark; /* time-stamp token over the entry (vs_register_event_digest) */
};
/* History of one certificate, oldest first (Art. 15). */
VS_NODISCARD vs_rc vs_centre_history(struct vs_centre *centre, struct vs_arena *arena,
                                     const char *serial, const struct vs_register_event **ret,
                                     size_t *ret_n, struct vs_error *err);
/* Called for each thing wrong with the certificate of this serial number (hex). */
typedef void vs_centre_fault(void *context, const char *serial, const char *text);
/* The whole register: each certificate against its row and its issuer's key, each state against
 * its history, each event against its time mark. OK when it could be done, whatever it found.
 */
VS_NODISCARD vs_rc vs_centre_check(struct vs_centre *centre, vs_centre_fault *fault,
                                   void *context, struct vs_error *err);
/* What the mark of an event covers: SHA-256 over serial, time and all fields, as one text. */
void vs_register_event_digest(const char *serial, const struct vs_register_event *event,
                              struct vs_digest *ret);
#endif
