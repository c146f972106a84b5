/* subject.h - one signature as the process of EN 319 102-1 sees it, whatever its format.
 *
 * The readers of formats (xades_subject.c, cades_subject.c) fill it: format checking (5.2.2),
 * identification of the signing certificate (5.2.3) and cryptographic verification (5.2.7) are
 * done there, because only they know the format; process.c does the rest. */
#ifndef VS_FORMATS_VALIDATION_SUBJECT_H
#define VS_FORMATS_VALIDATION_SUBJECT_H
#include "formats/crypto/algorithms.h"
#include "formats/validation/report.h"

struct vs_context;
struct vs_certificate;

struct vs_subject_stamp {
    enum vs_timestamp_kind kind;
    struct vs_bytes token; /* ContentInfo */
    size_t number;         /* for the imprint function */
};

struct vs_subject {
    const char *id, *file, *counter_of;
    enum vs_level level;
    const char *level_text;
    /* What format checking, identification and cryptographic verification said; PASSED is
     * "go on". Their reasons are in `errors`. */
    struct vs_verdict core;
    bool value_verifies; /* digests and value */
    const struct vs_certificate
        *signer; /* borrowed from the context's pool; NULL: not identified */
    struct vs_signature_algorithm algorithm;
    /* The weakest digest algorithm among the references. */
    enum vs_digest_algorithm weakest_digest;
    vs_time_ms claimed_time;
    struct vs_bytes value; /* the signature value: what a proof of existence is for */
    vs_time_ms poe;        /* of the file that holds it, by a container's proof; 0: none */
    const char **signed_names;
    size_t n_signed_names;
    const struct vs_subject_stamp *stamps;
    size_t n_stamps;
    /* The digest that the tokens of stamps[i] must carry; *ret_known false: not computable. */
    vs_rc (*imprint)(struct vs_context *context, const struct vs_subject *subject, size_t i,
                     enum vs_digest_algorithm algorithm, struct vs_digest *ret, bool *ret_known,
                     struct vs_error *err);
    const void *format; /* the reader's own */
    struct vs_reasons errors, warnings;
};
#endif
