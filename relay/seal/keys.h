/* keys.h - the service's private keys, by purpose: the only place that holds them.
 *
 * One interface: an array of (purpose, input) gives signatures. Nothing else in the service
 * holds a private key, so that a signer process or an HSM can stand behind it. None serves two
 * purposes (design.md, "Keys by purpose"). A purpose has a key, and mostly a certificate with
 * its chain; which algorithm it signs with follows from the key.
 *
 * Any thread may sign at any time. One thread at a time fills it: at start, and when a purpose
 * gets a new key because its certificate ends soon. The old pair stays until vs_keys_free, so
 * that what was borrowed lives on, and whoever prepared a signature with the old certificate
 * names it (vs_signing.certificate). TLS keys are not here: GnuTLS reads them itself, and they
 * sign no statement of ours. */
#ifndef VS_RELAY_SEAL_KEYS_H
#define VS_RELAY_SEAL_KEYS_H
#include "formats/crypto/key.h"

struct vs_certificate;
struct vs_signer;

enum vs_purpose {
    VS_PURPOSE_SEAL,       /* XAdES seal of consignments */
    VS_PURPOSE_EVIDENCE,   /* XAdES signature of evidence */
    VS_PURPOSE_CHECKPOINT, /* journal checkpoints: Ed25519, no certificate */
    VS_PURPOSE_TSA,        /* time marks of the embedded centre */
    VS_PURPOSE_OCSP,       /* OCSP responses of the embedded centre */
    VS_PURPOSE_CA,         /* certificates and CRLs of the issuing authority */
    VS_PURPOSE_ROOT,       /* the root's CRL and the issuing authority's certificate */
    VS_PURPOSE_WEBHOOK,    /* RFC 9421 signatures of deliveries: Ed25519, no certificate */
    VS_PURPOSES
};
/* "seal", "evidence", …: names files, settings and log lines. */
const char *vs_purpose_name(enum vs_purpose purpose);

/* One signature wanted, and then made. */
struct vs_signing {
    enum vs_purpose purpose;
    enum vs_signature_form form; /* matters to ECDSA only */
    struct vs_digest digest;     /* made with the digest of the purpose's algorithm */
    /* Ed25519 only, in place of the digest (RFC 8032: it signs the message); borrowed until
     * done. */
    struct vs_bytes message;
    /* Of vs_keys_chain: sign with its key, though the purpose may have a newer one meanwhile.
     * NULL: the newest. */
    const struct vs_certificate *certificate;
    struct vs_signature_value value;
};

struct vs_keys;

struct vs_keys *vs_keys_new(void);
/* Wipes the keys. Nothing may be in the making. NULL is fine. */
void vs_keys_free(struct vs_keys *keys);

/* Give `purpose` its key and its chain, own certificate first (n_chain may be 0). Takes a
 * reference of each. VS_E_KEY where the certificate does not hold the key's public key, or the
 * key serves another purpose. */
VS_NODISCARD vs_rc vs_keys_set(struct vs_keys *keys, enum vs_purpose purpose,
                               struct vs_key *key, struct vs_certificate *const *chain,
                               size_t n_chain, struct vs_error *err);
bool vs_keys_has(const struct vs_keys *keys, enum vs_purpose purpose);

/* How `purpose` signs; all zero (VS_SCHEME_NONE) where it has no key. */
struct vs_signature_algorithm vs_keys_algorithm(const struct vs_keys *keys,
                                                enum vs_purpose purpose);
/* The certificate and its issuers, own first, the root last where known; borrowed from `keys`.
 * 0 where there are none. */
size_t vs_keys_chain(const struct vs_keys *keys, enum vs_purpose purpose,
                     struct vs_certificate *const **ret);
/* Borrowed; NULL where it has no key. */
struct vs_public_key *vs_keys_public(const struct vs_keys *keys, enum vs_purpose purpose);

/* Called once for each vs_keys_submit: `rc` is VS_OK when all signatures are made. */
typedef void (*vs_keys_done)(void *context, vs_rc rc, const struct vs_error *err);

/* Begin `n` signatures. `done` is called once, by any thread and perhaps before this returns;
 * until then `jobs` is the signer's. A purpose without a key: VS_E_KEY. */
void vs_keys_submit(struct vs_keys *keys, struct vs_signing *jobs, size_t n, vs_keys_done done,
                    void *context);
/* The same, waiting for the end. */
VS_NODISCARD vs_rc vs_keys_sign(struct vs_keys *keys, struct vs_signing *jobs, size_t n,
                                struct vs_error *err);

/* A signer for formats/ (formats/crypto/signer.h) that signs with the newest key of this
 * purpose, DER form. In the caller's memory; `keys` must outlive it. Returns that key's
 * certificate (NULL: it has none). The purpose has a key. */
struct vs_certificate *vs_keys_signer(struct vs_keys *keys, enum vs_purpose purpose,
                                      struct vs_signer *ret);
#endif
