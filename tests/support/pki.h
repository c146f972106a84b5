/* pki.h - a small certificate world in memory for tests: root, issuing authority, and what it
 * issued. Made anew by each test program with formats/certificate/issue.h; nothing is secret.
 *
 * Times: certificates hold from VS_PKI_EPOCH for ten years; tests live within them. */
#ifndef VS_TESTS_PKI_H
#define VS_TESTS_PKI_H
#include "formats/certificate/issue.h"

#define VS_PKI_EPOCH INT64_C(1790000000000) /* 2026-09-21T14:13:20Z */
#define VS_PKI_URL   "http://127.0.0.1:8080"

struct vs_pki_party {
    struct vs_key *key;
    struct vs_signer signer;
    struct vs_bytes certificate; /* DER */
    struct vs_bytes name;        /* its subject, DER */
    struct vs_bytes key_id;
    uint64_t serial;
};

struct vs_pki {
    struct vs_arena *arena;
    struct vs_pki_party root, authority; /* P-256 */
    struct vs_pki_party tsa;             /* critical EKU timeStamping alone */
    struct vs_pki_party ocsp;            /* EKU OCSPSigning, ocsp-nocheck */
    struct vs_pki_party person;          /* nonRepudiation; fin:7ABCDEF of voen:1234567891 */
    struct vs_pki_party organisation;    /* nonRepudiation; voen:1234567891 */
};

/* Aborts where something fails: a test cannot go on. */
struct vs_pki *vs_pki_new(void);
void vs_pki_free(struct vs_pki *pki);

/* One more party: a new key of `kind`, its certificate by `profile` from `issuer` (NULL: self-
 * signed). Validity of the profile 0: from the epoch for ten years. Free the key with the pki's
 * parties' helper vs_pki_party_done. */
void vs_pki_issue(struct vs_pki *pki, const struct vs_certificate_profile *profile,
                  enum vs_key_kind kind, const struct vs_pki_party *issuer,
                  struct vs_pki_party *ret);
void vs_pki_party_done(struct vs_pki_party *party);

/* Write bytes to a new file in `folder`; the path in the pki's arena. For OpenSSL's programs.
 */
const char *vs_pki_file(struct vs_pki *pki, const char *folder, const char *name,
                        struct vs_bytes content);
/* The same as PEM ("CERTIFICATE", "X509 CRL"). */
const char *vs_pki_pem(struct vs_pki *pki, const char *folder, const char *name,
                       const char *label, struct vs_bytes der);
/* A new folder under TMPDIR or /tmp; removed with all in it by vs_pki_free. */
const char *vs_pki_folder(struct vs_pki *pki);
/* Run a command of the shell, output thrown away (kept in `folder`/log for a failing test);
 * its exit status. */
int vs_pki_run(struct vs_pki *pki, const char *fmt, ...) VS_PRINTF(2, 3);
#endif
