/* revocation.h - what an OCSP response or a CRL says about one certificate, and what that means
 * at a moment.
 *
 * Judged by ourselves: a library asked for a past time ignores the date of revocation and calls
 * later data "not yet valid". Statements are facts; which of them counts is EN 319 102-1's
 * (5.2.5, 5.2.6.4), for the moment that the caller names. */
#ifndef VS_FORMATS_CERTIFICATE_REVOCATION_H
#define VS_FORMATS_CERTIFICATE_REVOCATION_H
#include "formats/certificate/certificate.h"

enum vs_revocation_status {
    VS_STATUS_UNKNOWN, /* the responder does not know it */
    VS_STATUS_GOOD,
    VS_STATUS_REVOKED,
    VS_STATUS_ON_HOLD, /* suspended (Art. 13): revoked with reason certificateHold */
};

/* RFC 5280, 5.3.1. */
enum vs_revocation_reason {
    VS_REASON_UNSPECIFIED = 0,
    VS_REASON_KEY_COMPROMISE = 1,
    VS_REASON_CA_COMPROMISE = 2,
    VS_REASON_AFFILIATION_CHANGED = 3,
    VS_REASON_SUPERSEDED = 4,
    VS_REASON_CESSATION_OF_OPERATION = 5,
    VS_REASON_CERTIFICATE_HOLD = 6,
    VS_REASON_REMOVE_FROM_CRL = 8,
    VS_REASON_PRIVILEGE_WITHDRAWN = 9,
    VS_REASON_AA_COMPROMISE = 10,
};

struct vs_statement {
    enum vs_revocation_status status;
    vs_time_ms revoked_at; /* VS_TIME_NONE unless revoked or on hold */
    int reason;            /* enum vs_revocation_reason; -1: not said */
    vs_time_ms this_update;
    vs_time_ms next_update;    /* VS_TIME_NONE: not said */
    vs_time_ms produced_at;    /* OCSP producedAt; a CRL's thisUpdate */
    vs_time_ms archive_cutoff; /* OCSP archiveCutoff, CRL expiredCertsOnCRL; VS_TIME_NONE */
    bool cert_hash_matches;    /* OCSP certHash names this very certificate (positive proof) */
    bool is_ocsp;
};

/* "keyCompromise"; "unspecified" for what is no reason. */
const char *vs_revocation_reason_text(int reason);

/* Whether the certificate counted as revoked (or suspended) at `t` by this statement. */
bool vs_statement_revoked_at(const struct vs_statement *statement, vs_time_ms t);

/* EN 319 102-1, 5.2.5.4: whether the statement is fresh for the moment `t`: not made in the
 * future of `now`, and made at or after `t`, or `t` before its nextUpdate, or (without
 * nextUpdate) not older than `max_age_ms` at `t`. */
bool vs_statement_fresh(const struct vs_statement *statement, vs_time_ms t, vs_time_ms now,
                        int64_t max_age_ms);
/* Whether the statement can speak of a certificate that expired before it was made: true unless
 * thisUpdate lies after notAfter and no archive cutoff reaches back to it (RFC 6960, 4.4.4). */
bool vs_statement_covers(const struct vs_statement *statement,
                         const struct vs_certificate *certificate);
#endif
