/* stamps.h - time-stamp validation (EN 319 102-1, 5.4): one RFC 3161 token. */
#ifndef VS_FORMATS_VALIDATION_STAMPS_H
#define VS_FORMATS_VALIDATION_STAMPS_H
#include "formats/timestamp/timestamp.h"
#include "formats/validation/context.h"

/* What the token must carry: the digest of what it was made over, by `algorithm`. */
struct vs_stamp_subject {
    vs_rc (*imprint)(void *self, enum vs_digest_algorithm algorithm, struct vs_digest *ret,
                     bool *ret_known, struct vs_error *err);
    void *self;
};

struct vs_stamp_options {
    enum vs_timestamp_kind kind;
    int signature; /* index, or -1 */
    vs_time_ms
        poe; /* when the token is known to have existed: the validation time, or earlier */
};

/* Judge one token and append its report. `*ret_token` (may be NULL) is the decoded token or
 * NULL. Certificates and revocation data that it encloses join the context's pools. Only memory
 * and the subject's own failures fail. */
VS_NODISCARD vs_rc vs_stamp_judge(struct vs_context *context, struct vs_bytes token,
                                  const struct vs_stamp_subject *subject,
                                  const struct vs_stamp_options *options,
                                  struct vs_timestamp_report **ret,
                                  const struct vs_timestamp **ret_token, struct vs_error *err);
#endif
