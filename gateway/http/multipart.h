/* multipart.h - multipart/form-data (RFC 7578), read as it arrives: a part's bytes are handed
 * on and not kept. Strict: CR LF line ends, a name for each part, no transfer encodings, no
 * nesting. */
#ifndef VS_GATEWAY_HTTP_MULTIPART_H
#define VS_GATEWAY_HTTP_MULTIPART_H
#include "formats/base/base.h"

struct vs_multipart;

struct vs_multipart_part {
    const char *name;       /* of the form's field; valid for the call */
    const char *file_name;  /* NULL: none given */
    const char *media_type; /* lower case, without parameters; "" where absent */
};

/* A failure of either ends the reading and is returned by feed. */
struct vs_multipart_events {
    void *context;
    vs_rc (*part)(void *context, const struct vs_multipart_part *part, struct vs_error *err);
    vs_rc (*data)(void *context, struct vs_bytes bytes, struct vs_error *err);
};

/* `content_type`: the whole header with its boundary. VS_E_SYNTAX. */
VS_NODISCARD vs_rc vs_multipart_new(const char *content_type,
                                    const struct vs_multipart_events *events,
                                    struct vs_multipart **ret, struct vs_error *err);
/* VS_E_SYNTAX says what is wrong; VS_E_LIMIT: more than 16 parts or 8 KiB of headers. */
VS_NODISCARD vs_rc vs_multipart_feed(struct vs_multipart *multipart, struct vs_bytes bytes,
                                     struct vs_error *err);
/* VS_E_SYNTAX where the last boundary has not come. */
VS_NODISCARD vs_rc vs_multipart_end(const struct vs_multipart *multipart, struct vs_error *err);
void vs_multipart_free(struct vs_multipart *multipart); /* NULL is fine */
#endif
