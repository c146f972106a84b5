/* multipart.h - multipart/form-data (RFC 7578) and multipart/related (RFC 2387, as MTOM uses
 * it), read as they arrive: a part's bytes are handed on and not kept. Strict: CR LF line ends,
 * no transfer encoding that would change bytes, no nesting; in a form a name for each part. */
#ifndef VS_GATEWAY_HTTP_MULTIPART_H
#define VS_GATEWAY_HTTP_MULTIPART_H
#include "formats/base/base.h"

struct vs_multipart;

enum vs_multipart_kind { VS_MULTIPART_FORM, VS_MULTIPART_RELATED };

/* Texts are valid for the call. */
struct vs_multipart_part {
    const char *name;       /* of the form's field; "" in multipart/related */
    const char *file_name;  /* NULL: none given */
    const char *id;         /* Content-ID without its brackets; "" where absent */
    const char *media_type; /* lower case, without parameters; "" where absent */
};

/* A failure of either ends the reading and is returned by feed. */
struct vs_multipart_events {
    void *context;
    vs_rc (*part)(void *context, const struct vs_multipart_part *part, struct vs_error *err);
    vs_rc (*data)(void *context, struct vs_bytes bytes, struct vs_error *err);
};

/* `content_type`: the whole header with its boundary. VS_E_SYNTAX. */
VS_NODISCARD vs_rc vs_multipart_new(const char *content_type, enum vs_multipart_kind kind,
                                    const struct vs_multipart_events *events,
                                    struct vs_multipart **ret, struct vs_error *err);
/* VS_E_SYNTAX says what is wrong; VS_E_LIMIT: more than 16 parts or 8 KiB of headers. */
VS_NODISCARD vs_rc vs_multipart_feed(struct vs_multipart *multipart, struct vs_bytes bytes,
                                     struct vs_error *err);
/* VS_E_SYNTAX where the last boundary has not come. */
VS_NODISCARD vs_rc vs_multipart_end(const struct vs_multipart *multipart, struct vs_error *err);
void vs_multipart_free(struct vs_multipart *multipart); /* NULL is fine */

/* The value of a header's parameter `name="..."` or `name=...`; false where there is none, or
 * it does not end within `size`. */
bool vs_header_parameter(const char *header, const char *name, char *out, size_t size);
#endif
