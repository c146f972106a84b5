/* x509.h - X.509 certificate validation (EN 319 102-1, 5.2.6) at one moment: path, usage,
 * revocation, algorithms of the chain.
 *
 * The moment is the best proof of existence of what was signed, so that one call serves basic
 * validation (the moment is now) and past certificate validation (5.6.2.1): revocation data
 * must be fresh for that moment or made after it, and only a revocation before it counts. */
#ifndef VS_FORMATS_VALIDATION_X509_H
#define VS_FORMATS_VALIDATION_X509_H
#include "formats/certificate/path.h"
#include "formats/validation/context.h"

struct vs_x509_question {
    const struct vs_certificate *certificate;
    vs_time_ms at; /* in force, not revoked, algorithms good */
    vs_time_ms
        fresh_at;    /* what revocation data must be fresh for: `at`, or a token's genTime */
    bool time_mark;  /* of a TSA: its keyUsage and EKU are the token's check */
    bool revocation; /* asked for by the policy */
};

struct vs_x509_answer {
    struct vs_verdict verdict;
    const struct vs_anchor *anchor;      /* NULL: none found */
    const struct vs_certificate *issuer; /* of the certificate, in the path; NULL: none */
    vs_time_ms revoked_at;               /* of the certificate; VS_TIME_NONE */
    bool known_good;                     /* revocation data says that it is not revoked */
};

/* Judge; what is missing is added to the context's needs, why to `errors` and `warnings`.
 * Only memory can fail. */
VS_NODISCARD vs_rc vs_x509_judge(struct vs_context *context,
                                 const struct vs_x509_question *question,
                                 struct vs_x509_answer *ret, struct vs_reasons *errors,
                                 struct vs_reasons *warnings, struct vs_error *err);

/* -- status.c: what the pools say about one certificate (5.2.5, 5.2.6.4) ------------------- */

enum vs_status_result {
    VS_STATUS_NOT_FOUND, /* nothing that may speak does */
    VS_STATUS_STALE,     /* what speaks is not fresh for the moment */
    VS_STATUS_FOUND,
};
/* The newest statement that may speak about `certificate`, fresh for `fresh_at` where there is
 * one. `ret_why` (static) says what was wrong with the rest. */
VS_NODISCARD vs_rc vs_status_of(struct vs_context *context,
                                const struct vs_certificate *certificate,
                                const struct vs_certificate *issuer, vs_time_ms fresh_at,
                                enum vs_status_result *ret, struct vs_statement *ret_statement,
                                const char **ret_why, struct vs_error *err);
#endif
