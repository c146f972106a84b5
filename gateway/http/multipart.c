#include "gateway/http/multipart.h"
#include <ctype.h>

enum {
    MAX_BOUNDARY = 70, /* RFC 2046, 5.1.1 */
    MAX_PARTS = 16,
    MAX_HEADERS_BYTES = 8 << 10,
    MAX_PENDING = 1 << 20,
};

enum state { PREAMBLE, AFTER_BOUNDARY, HEADERS, DATA, EPILOGUE };

struct vs_multipart {
    struct vs_multipart_events events;
    enum vs_multipart_kind kind;
    enum state state;
    char delimiter[MAX_BOUNDARY + 5]; /* CR LF -- boundary */
    size_t delimiter_len;
    unsigned parts;
    struct vs_buffer pending; /* not yet handed on; at most a delimiter or a header block */
};

static bool is_boundary_char(char c)
{
    return isalnum((unsigned char)c) || (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

/* boundary=token or boundary="text" of a Content-Type. */
static size_t find_boundary(const char *content_type, const char **ret)
{
    const char *at = strcasestr(content_type, "boundary=");
    if (at == NULL || (at > content_type && strchr("; \t", at[-1]) == NULL))
        return 0;
    at += strlen("boundary=");
    bool quoted = *at == '"';
    at += quoted;
    size_t len = 0;
    while (is_boundary_char(at[len]) && (quoted || at[len] != ' '))
        len++;
    if ((quoted && at[len] != '"') ||
        (!quoted && at[len] != '\0' && strchr("; \t", at[len]) == NULL))
        return 0;
    *ret = at;
    return len;
}

vs_rc vs_multipart_new(const char *content_type, enum vs_multipart_kind kind,
                       const struct vs_multipart_events *events, struct vs_multipart **ret,
                       struct vs_error *err)
{
    const char *boundary = NULL;
    size_t len = find_boundary(content_type, &boundary);
    VS_REFUSE_IF(len == 0 || len > MAX_BOUNDARY, err, VS_E_SYNTAX, "RFC 2046, 5.1.1",
                 "Content-Type: a boundary of 1 to %d characters is wanted", MAX_BOUNDARY);
    struct vs_multipart *self = vs_heap_new(sizeof *self);
    self->events = *events;
    self->kind = kind;
    memcpy(self->delimiter, "\r\n--", 4);
    memcpy(self->delimiter + 4, boundary, len);
    self->delimiter_len = len + 4;
    vs_buffer_init(&self->pending, MAX_PENDING);
    /* The first boundary has no line before it: pretend one. */
    vs_buffer_text(&self->pending, "\r\n");
    *ret = self;
    return VS_OK;
}

void vs_multipart_free(struct vs_multipart *self)
{
    if (self == NULL)
        return;
    vs_buffer_done(&self->pending);
    vs_heap_free(self);
}

static void drop(struct vs_multipart *self, size_t len)
{
    struct vs_buffer *pending = &self->pending;
    memmove(pending->ptr, pending->ptr + len, pending->len - len);
    pending->len -= len;
}

bool vs_header_parameter(const char *header, const char *name, char *out, size_t size)
{
    size_t name_len = strlen(name), len = 0;
    for (const char *at = header; (at = strchr(at, ';')) != NULL;) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, name, name_len) != 0 || at[name_len] != '=')
            continue;
        at += name_len + 1;
        bool quoted = *at == '"';
        at += quoted;
        for (; *at != '\0' && *at != (quoted ? '"' : ';') && len + 1 < size; at++)
            out[len++] = *at;
        out[len] = '\0';
        return quoted ? *at == '"' : true;
    }
    return false;
}

static void media_type_of(const char *value, char *out, size_t size)
{
    size_t len = 0;
    for (; value[len] != '\0' && strchr("; \t", value[len]) == NULL && len + 1 < size; len++)
        out[len] = (char)tolower((unsigned char)value[len]);
    out[len] = '\0';
}

struct headers {
    char name[128], file_name[512], media_type[128], id[256];
    bool have_file;
};

/* Identity encodings leave the bytes as they are; a form may not even name one. */
static bool keeps_bytes(const struct vs_multipart *self, const char *encoding)
{
    static const char *const identity[] = {"binary", "8bit", "7bit"};
    for (size_t i = 0; i < sizeof identity / sizeof *identity; i++)
        if (self->kind == VS_MULTIPART_RELATED && strcasecmp(encoding, identity[i]) == 0)
            return true;
    return false;
}

/* RFC 2045, 7: <addr-spec>. */
static bool read_id(const char *value, struct headers *to)
{
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    if (len < 3 || len - 2 >= sizeof to->id || value[0] != '<' || value[len - 1] != '>')
        return false;
    memcpy(to->id, value + 1, len - 2);
    to->id[len - 2] = '\0';
    return true;
}

/* The value of header `name`, or NULL where the line is another's. */
static const char *value_of(const char *line, const char *name)
{
    size_t len = strlen(name);
    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    return line + len + 1 + strspn(line + len + 1, " \t");
}

static vs_rc read_header(const struct vs_multipart *self, const char *line, struct headers *to,
                         struct vs_error *err)
{
    bool form = self->kind == VS_MULTIPART_FORM;
    const char *value;
    VS_REFUSE_IF(vs_text_has_controls(vs_bytes_text(line)), err, VS_E_SYNTAX, NULL,
                 "a part's header holds control characters or no UTF-8");
    if (form && value_of(line, "Content-Disposition") != NULL) {
        VS_REFUSE_IF(!vs_header_parameter(line, "name", to->name, sizeof to->name), err,
                     VS_E_SYNTAX, "RFC 7578, 4.2", "a part has no name");
        to->have_file =
            vs_header_parameter(line, "filename", to->file_name, sizeof to->file_name);
    }
    if ((value = value_of(line, "Content-Type")) != NULL)
        media_type_of(value, to->media_type, sizeof to->media_type);
    if (!form && (value = value_of(line, "Content-ID")) != NULL)
        VS_REFUSE_IF(to->id[0] != '\0' || !read_id(value, to), err, VS_E_SYNTAX, "RFC 2045, 7",
                     "a part's Content-ID is no <id>, or comes twice");
    if ((value = value_of(line, "Content-Transfer-Encoding")) != NULL)
        VS_REFUSE_IF(!keeps_bytes(self, value), err, VS_E_SYNTAX,
                     form ? "RFC 7578, 4.7" : "XOP, 4.1",
                     "this Content-Transfer-Encoding is not taken");
    return VS_OK;
}

static vs_rc read_headers(struct vs_multipart *self, char *lines, struct vs_error *err)
{
    struct headers of = {.name = ""};
    for (char *line = lines, *end; *line != '\0'; line = end + 2) {
        end = strstr(line, "\r\n");
        VS_REFUSE_IF(end == NULL || end == line, err, VS_E_SYNTAX, "RFC 7578, 4.2",
                     "a part's header line does not end");
        *end = '\0';
        VS_TRY(read_header(self, line, &of, err));
    }
    VS_REFUSE_IF(self->kind == VS_MULTIPART_FORM && of.name[0] == '\0', err, VS_E_SYNTAX,
                 "RFC 7578, 4.2", "a part has no name");
    VS_REFUSE_IF(++self->parts > MAX_PARTS, err, VS_E_LIMIT, NULL, "more than %d parts",
                 MAX_PARTS);
    struct vs_multipart_part part = {of.name, of.have_file ? of.file_name : NULL, of.id,
                                     of.media_type};
    return self->events.part(self->events.context, &part, err);
}

/* Each returns whether it got on; false: more bytes are wanted. */

static vs_rc take_text(struct vs_multipart *self, bool *ret, struct vs_error *err)
{
    struct vs_buffer *pending = &self->pending;
    const uint8_t *at = pending->len == 0 ? NULL
                                          : memmem(pending->ptr, pending->len, self->delimiter,
                                                   self->delimiter_len);
    size_t ready = at != NULL ? (size_t)(at - pending->ptr)
                   : pending->len >= self->delimiter_len
                       ? pending->len - self->delimiter_len + 1
                       : 0;
    if (ready > 0 && self->state == DATA)
        VS_TRY(self->events.data(self->events.context, VS_BYTES(pending->ptr, ready), err));
    if (self->state == PREAMBLE) {
        /* .NET puts an empty line before the first boundary. */
        bool empty_line = self->kind == VS_MULTIPART_RELATED && ready <= 2 &&
                          memcmp(pending->ptr, "\r\n\r\n", at != NULL ? 2 + ready : ready) == 0;
        VS_REFUSE_IF(ready > 0 && !empty_line, err, VS_E_SYNTAX, "RFC 2046, 5.1.1",
                     "the body does not begin with its boundary");
        if (at == NULL && empty_line) {
            *ret = false;
            return VS_OK;
        }
    }
    drop(self, at != NULL ? ready + self->delimiter_len : ready);
    if (at != NULL)
        self->state = AFTER_BOUNDARY;
    *ret = at != NULL;
    return VS_OK;
}

static vs_rc take_boundary_end(struct vs_multipart *self, bool *ret, struct vs_error *err)
{
    const struct vs_buffer *pending = &self->pending;
    *ret = pending->len >= 2;
    if (!*ret)
        return VS_OK;
    bool last = memcmp(pending->ptr, "--", 2) == 0;
    VS_REFUSE_IF(!last && memcmp(pending->ptr, "\r\n", 2) != 0, err, VS_E_SYNTAX,
                 "RFC 2046, 5.1.1", "a boundary's line does not end");
    drop(self, 2);
    self->state = last ? EPILOGUE : HEADERS;
    return VS_OK;
}

static vs_rc take_headers(struct vs_multipart *self, bool *ret, struct vs_error *err)
{
    struct vs_buffer *pending = &self->pending;
    const uint8_t *end =
        pending->len == 0 ? NULL : memmem(pending->ptr, pending->len, "\r\n\r\n", 4);
    *ret = end != NULL;
    /* Without an end in sight the block is at least as long as what is there, but for a last
     * byte that may belong to the end. */
    size_t len = end != NULL        ? (size_t)(end - pending->ptr) + 2
                 : pending->len > 0 ? pending->len - 1
                                    : 0;
    if (len > MAX_HEADERS_BYTES) /* bounds memory: not a check that a test may switch off */
        return vs_fail(err, VS_E_LIMIT, NULL, "a part's headers are too long");
    if (end == NULL)
        return VS_OK;
    char lines[MAX_HEADERS_BYTES + 1];
    memcpy(lines, pending->ptr, len);
    lines[len] = '\0';
    VS_REFUSE_IF(strlen(lines) != len, err, VS_E_SYNTAX, NULL, "a part's header holds a NUL");
    drop(self, len + 2);
    self->state = DATA;
    return read_headers(self, lines, err);
}

static vs_rc advance(struct vs_multipart *self, bool *ret, struct vs_error *err)
{
    switch (self->state) {
    case PREAMBLE:
    case DATA:
        return take_text(self, ret, err);
    case AFTER_BOUNDARY:
        return take_boundary_end(self, ret, err);
    case HEADERS:
        return take_headers(self, ret, err);
    case EPILOGUE:
        drop(self, self->pending.len);
        *ret = false;
        return VS_OK;
    }
    return vs_fail(err, VS_E_INTERNAL, NULL, "multipart: no state");
}

vs_rc vs_multipart_feed(struct vs_multipart *self, struct vs_bytes bytes, struct vs_error *err)
{
    vs_buffer_add(&self->pending, bytes);
    VS_TRY(vs_buffer_check(&self->pending, err));
    for (bool more = true; more;)
        VS_TRY(advance(self, &more, err));
    return VS_OK;
}

vs_rc vs_multipart_end(const struct vs_multipart *self, struct vs_error *err)
{
    VS_REFUSE_IF(self->state != EPILOGUE, err, VS_E_SYNTAX, "RFC 2046, 5.1.1",
                 "the last boundary is missing");
    return VS_OK;
}
