/* centre_priv.h - what the files of relay/centre share. */
#ifndef VS_RELAY_CENTRE_PRIV_H
#define VS_RELAY_CENTRE_PRIV_H
#include "formats/certificate/issue.h"
#include "formats/timestamp/authority.h"
#include "relay/centre/centre.h"
#include "storage/store.h"
#include <pthread.h>
#include <stdatomic.h>

enum authority { ROOT, CA, AUTHORITIES };

/* A list as it is given out. Guarded by `lists_lock`. */
struct list {
    uint8_t *der; /* heap */
    size_t len;
    uint64_t number;
    vs_time_ms this_update, next_update;
    bool stale; /* the register has changed since */
};

/* The authority prepared with one certificate; after a renewal the next one is put before it,
 * and all live as long as the centre. */
struct marker {
    struct vs_tsa *tsa;
    struct vs_certificate *certificate;
    struct vs_signer signer;
    struct marker *older;
};

struct vs_centre {
    struct vs_arena *arena; /* texts of the settings */
    struct vs_centre_settings settings;
    const struct vs_seams *seams;
    struct vs_store *store;
    struct vs_keys *keys;
    struct vs_certificate *authorities[AUTHORITIES];
    _Atomic(struct marker *) marker; /* NULL: an outside authority marks */
    vs_time_ms renew_at;             /* change_lock: when a certificate of ours ends soon */
    bool outside[VS_PURPOSES];       /* an outside centre's key and certificate */
    atomic_bool tsa_stopped;
    pthread_mutex_t change_lock; /* one change of the register at a time */
    pthread_mutex_t lists_lock;
    struct list lists[AUTHORITIES];
};

static inline const char *authority_name(enum authority a)
{
    return a == ROOT ? "root" : "issuing";
}
static inline enum vs_purpose authority_purpose(enum authority a)
{
    return a == ROOT ? VS_PURPOSE_ROOT : VS_PURPOSE_CA;
}

/* -- centre.c ------------------------------------------------------------------------------ */

/* The service's own certificates that end soon are made anew, with new keys. Needs change_lock.
 */
vs_rc vs_centre_renew(struct vs_centre *centre, vs_time_ms now, struct vs_error *err);

/* -- profiles.c: what certificates state -------------------------------------------------- */

/* A certificate of the service itself. */
struct service {
    const char *name; /* of file, register entry and address */
    int purpose;      /* enum vs_purpose; -1: TLS */
    enum authority issuer;
    uint32_t key_usage, extended_key_usage;
    bool authority, critical_usage, nocheck, statuses; /* statuses: AIA OCSP and CRL DP */
    int64_t days;
    const char *title; /* after the service's name in CN */
};
extern const struct service vs_centre_services[];
extern const size_t vs_centre_n_services;

/* Make the certificate of `service` for the key; DER appended to `to`. */
vs_rc vs_centre_make_service(struct vs_centre *centre, const struct service *service,
                             struct vs_key *key, struct vs_bytes serial, vs_time_ms now,
                             struct vs_buffer *to, struct vs_error *err);
/* The same for a holder; `spki` is its public key. */
vs_rc vs_centre_make_holder(struct vs_centre *centre, struct vs_arena *arena,
                            const struct vs_holder *holder, struct vs_bytes spki,
                            struct vs_bytes serial, vs_time_ms now, struct vs_buffer *to,
                            struct vs_error *err);
const char *vs_centre_holder_profile(enum vs_holder_kind kind); /* "person" */

/* -- register.c: rows ---------------------------------------------------------------------- */

struct entry {
    struct vs_bytes serial, der;
    const char *issuer, *profile, *subject, *identifier; /* identifier may be NULL */
    vs_time_ms not_before, not_after;
    bool client; /* callers prove themselves with it */
};
/* Enter a new certificate and its event "issued" (centre rule 1). */
vs_rc vs_centre_enter(struct vs_centre *centre, const struct entry *entry, const char *officer,
                      vs_time_ms now, struct vs_error *err);
/* The row of a serial number, or NULL. */
vs_rc vs_centre_row(struct vs_centre *centre, struct vs_arena *arena, struct vs_bytes serial,
                    const struct vs_row **ret, struct vs_error *err);
/* As it is at `now`: a suspension whose term has ended is none. */
enum vs_certificate_state vs_centre_state(const struct vs_row *row, vs_time_ms now);

/* -- lists.c ------------------------------------------------------------------------------- */

/* Make the list anew from the register, number one higher, and keep it. Needs change_lock. */
vs_rc vs_centre_make_list(struct vs_centre *centre, enum authority authority, vs_time_ms now,
                          struct vs_error *err);
#endif
