/* principals.h - who calls: persons and automatic systems authorised by a participant
 * (Art. 27.1).
 *
 * A principal proves itself by a client certificate (kept: SHA-256 of its DER) or a token
 * (kept: SHA-256 of the token only; the token itself is shown once). Roles say what it may do,
 * its participant whose documents it sees. Authentication is answered from a small cache that
 * every change clears; it may be called on any thread. */
#ifndef VS_RELAY_PRINCIPALS_H
#define VS_RELAY_PRINCIPALS_H
#include "relay/exchange/participants.h"

enum vs_role {
    VS_ROLE_SENDER = 1,
    VS_ROLE_RECIPIENT = 2,
    VS_ROLE_ARCHIVIST = 4,
    VS_ROLE_OPERATOR = 8,
    VS_ROLE_AUDITOR = 16, /* the supervising authority: reads, changes nothing (Art. 31.4) */
    VS_ROLE_CENTRE_OFFICER = 32,
    VS_ROLES_ALL = 63,
};
#define VS_ROLES_N 6
/* "sender", "recipient", "archivist", "operator", "auditor", "centre-officer". */
const char *vs_role_name(enum vs_role role);
bool vs_role_decode(const char *name, enum vs_role *ret);

enum vs_credential { VS_CREDENTIAL_CERTIFICATE, VS_CREDENTIAL_TOKEN };

struct vs_principal {
    struct vs_id id, participant; /* participant is VS_ID_NONE for operators of the service */
    const char *name;
    unsigned roles; /* of enum vs_role */
    bool automatic; /* a system, not a person */
    enum vs_credential credential;
    uint8_t digest[32];
    vs_time_ms expires, revoked, created; /* VS_TIME_NONE: never */
    int64_t version;
};

/* An authenticated principal: by value, so that it outlives every arena. */
struct vs_caller {
    struct vs_id principal, participant;
    unsigned roles;
    bool automatic;
    char identifier[VS_IDENTIFIER_MAX + 1]; /* of the participant; "" when none */
    char name[VS_NAME_MAX + 1];             /* of the principal */
};
static inline bool vs_caller_may(const struct vs_caller *caller, unsigned roles)
{
    return (caller->roles & roles) != 0;
}

/* `digest`: SHA-256 of the certificate's DER or of the token's text. The certificate's validity
 * and chain have been checked by the TLS side; here its registration. VS_E_UNAUTHENTICATED,
 * VS_E_CREDENTIAL_EXPIRED, VS_E_CREDENTIAL_REVOKED. */
VS_NODISCARD vs_rc vs_principal_authenticate(struct vs_relay *relay, enum vs_credential kind,
                                             const uint8_t digest[32], vs_time_ms now,
                                             struct vs_caller *ret, struct vs_error *err);

VS_NODISCARD vs_rc vs_principal_get(struct vs_relay *relay, struct vs_arena *arena,
                                    struct vs_id id, const struct vs_principal **ret,
                                    struct vs_error *err);
/* Of one participant (or VS_ID_NONE: of the service), in order of id. */
VS_NODISCARD vs_rc vs_principal_list(struct vs_relay *relay, struct vs_arena *arena,
                                     struct vs_id participant, const struct vs_principal ***ret,
                                     size_t *ret_n, struct vs_error *err);

/* A new principal with a certificate (`principal->digest` filled in by the caller), or with a
 * token made here: then *ret_token (in the job's arena) is what the holder must keep. Sets id
 * and created. VS_E_EXISTS: the credential is registered already. */
VS_NODISCARD vs_rc vs_principal_add_stage(struct vs_relay *relay, struct vs_job *job,
                                          vs_time_ms now, struct vs_principal *principal,
                                          const char **ret_token, struct vs_error *err);
/* Takes effect for every call that is authenticated after the commit. */
VS_NODISCARD vs_rc vs_principal_revoke_stage(struct vs_relay *relay, struct vs_job *job,
                                             vs_time_ms now, struct vs_id id,
                                             struct vs_error *err);

/* The first operator of a new store, from the command line before the service runs: commits by
 * itself. *ret_token in `arena`. VS_E_EXISTS where there is a service principal already. */
VS_NODISCARD vs_rc vs_principal_bootstrap(struct vs_relay *relay, struct vs_arena *arena,
                                          vs_time_ms now, const char **ret_token,
                                          struct vs_error *err);
#endif
