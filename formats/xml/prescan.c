/* What must be known before libxml2 sees a byte: that its encoding is one of ours, so that the
 * markup it will see is the markup seen here; and that no element floods it with attributes,
 * whose number libxml2 2.9 handles in quadratic time before it asks anybody. */
#include "formats/xml/prescan.h"

/* An attribute is at least ` a=""`, so a shorter piece between two '<' holds no flood. */
enum { SHORTEST_ATTRIBUTE = 5, DECLARATION_MAX = VS_XML_DECLARATION_MAX };

static const char *const accepted[] = {"UTF-8", "US-ASCII", "ISO-8859-1"};
enum { N_ACCEPTED = 3, N_UTF_8 = 2 }; /* the first ones are UTF-8, or a part of it */

static bool is_encoding(struct vs_bytes name, size_t n)
{
    char text[16] = "";
    if (name.len >= sizeof text)
        return false;
    memcpy(text, name.ptr, name.len);
    for (size_t i = 0; i < n; i++)
        if (vs_text_equal_ascii_case(text, accepted[i]))
            return true;
    return false;
}

/* The value of encoding="..." in an XML declaration; .ptr NULL: none is given. */
static struct vs_bytes declared_encoding(struct vs_bytes text)
{
    if (!vs_bytes_starts(text, "<?xml") || text.len < 6 ||
        strchr(" \t\r\n", text.ptr[5]) == NULL)
        return VS_BYTES_NONE;
    size_t len = text.len < DECLARATION_MAX ? text.len : DECLARATION_MAX;
    const uint8_t *stop = memmem(text.ptr, len, "?>", 2);
    const uint8_t *end = stop == NULL ? text.ptr + len : stop;
    const uint8_t *at = memmem(text.ptr, (size_t)(end - text.ptr), "encoding", 8);
    /* The word twice: one of them is not the declaration's, and which would be a guess. */
    if (at != NULL && memmem(at + 8, (size_t)(end - at - 8), "encoding", 8) != NULL)
        return VS_BYTES("?", 1);
    while (at != NULL && at < end && *at != '"' && *at != '\'')
        at++;
    const uint8_t *close =
        at == NULL || at >= end ? NULL : memchr(at + 1, *at, (size_t)(end - at - 1));
    if (close != NULL)
        return VS_BYTES(at + 1, (size_t)(close - at - 1));
    /* A declaration longer than any real one, or a name without a value: no accepted name. */
    return stop == NULL || at != NULL ? VS_BYTES("?", 1) : VS_BYTES_NONE;
}

/* The number of '=' outside quotes in the tag that begins `piece`. */
static size_t count_attributes(struct vs_bytes piece)
{
    size_t n = 0;
    uint8_t quote = 0;
    for (size_t i = 1; i < piece.len; i++) {
        uint8_t c = piece.ptr[i];
        if (quote != 0)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            break;
        else
            n += c == '=';
    }
    return n;
}

static bool is_flooded(struct vs_bytes text, size_t max_attributes)
{
    const uint8_t *end = text.ptr + text.len;
    const uint8_t *at = memchr(text.ptr, '<', text.len);
    while (at != NULL) {
        const uint8_t *next = at + 1 < end ? memchr(at + 1, '<', (size_t)(end - at - 1)) : NULL;
        size_t len = (size_t)((next == NULL ? end : next) - at);
        bool element = len > 1 && at[1] != '!' && at[1] != '?' && at[1] != '/';
        if (element && len / SHORTEST_ATTRIBUTE > max_attributes &&
            count_attributes(VS_BYTES(at, len)) > max_attributes)
            return true;
        at = next;
    }
    return false;
}

static vs_rc check_head(struct vs_bytes text, size_t n_encodings, struct vs_error *err)
{
    if (vs_bytes_starts(text, "\xef\xbb\xbf"))
        text = VS_BYTES(text.ptr + 3, text.len - 3);
    bool begins =
        text.len > 0 && strchr("< \t\r\n", text.ptr[0]) != NULL && text.ptr[0] != '\0';
    bool ours = begins && memchr(text.ptr, '\0', text.len) == NULL;
    struct vs_bytes encoding = declared_encoding(text);
    VS_REFUSE_IF(!ours || (encoding.ptr != NULL && !is_encoding(encoding, n_encodings)), err,
                 VS_E_XML, "XML 1.0, 4.3.3", "no XML, or an encoding that is not accepted");
    return VS_OK;
}

vs_rc vs_xml_prescan(struct vs_bytes text, size_t max_attributes, struct vs_error *err)
{
    VS_TRY(check_head(text, N_ACCEPTED, err));
    VS_REFUSE_IF(is_flooded(text, max_attributes), err, VS_E_XML_LIMIT, NULL,
                 "an element with more than %zu attributes", max_attributes);
    return VS_OK;
}

vs_rc vs_xml_prescan_head(struct vs_bytes head, struct vs_error *err)
{
    return check_head(head, N_UTF_8, err);
}

static vs_rc not_utf8(struct vs_error *err)
{
    return vs_fail(err, VS_E_XML, "XML 1.0, 4.3.3", "bytes that are not UTF-8");
}

/* Bytes at the end that begin a character which goes on in the next piece. */
static size_t cut_at_end(struct vs_bytes piece)
{
    for (size_t n = 1; n <= 3 && n <= piece.len; n++) {
        uint8_t c = piece.ptr[piece.len - n];
        if (c >= 0xc0)
            return n < (c >= 0xf0 ? 4U : c >= 0xe0 ? 3U : 2U) ? n : 0;
        if (c < 0x80)
            return 0;
    }
    return 0;
}

static vs_rc check_utf8(struct vs_xml_prescan *self, struct vs_bytes piece,
                        struct vs_error *err)
{
    while (self->n_cut > 0 && piece.len > 0) {
        self->cut[self->n_cut++] = *piece.ptr;
        piece = VS_BYTES(piece.ptr + 1, piece.len - 1);
        if (vs_utf8_valid(VS_BYTES(self->cut, self->n_cut)))
            self->n_cut = 0;
        else if (self->n_cut == sizeof self->cut)
            return not_utf8(err);
    }
    size_t cut = cut_at_end(piece);
    if (!vs_utf8_valid(VS_BYTES(piece.ptr, piece.len - cut)))
        return not_utf8(err);
    if (cut > 0)
        memcpy(self->cut, piece.ptr + piece.len - cut, cut);
    self->n_cut += cut;
    return VS_OK;
}

vs_rc vs_xml_prescan_end(const struct vs_xml_prescan *self, struct vs_error *err)
{
    return self->n_cut > 0 ? not_utf8(err) : VS_OK;
}

/* One byte of a tag, as count_attributes counts. */
static void flood_byte(struct vs_xml_prescan *self, uint8_t c)
{
    if (self->in_name) {
        self->in_name = false;
        self->in_tag = c != '!' && c != '?' && c != '/';
    } else if (self->quote != 0) {
        self->quote = c == self->quote ? 0 : self->quote;
    } else if (c == '"' || c == '\'') {
        self->quote = c;
    } else if (c == '>') {
        self->in_tag = false;
    } else {
        self->attributes += c == '=';
    }
}

static void begin_tag(struct vs_xml_prescan *self)
{
    self->in_tag = self->in_name = true;
    self->quote = 0;
    self->attributes = 0;
}

vs_rc vs_xml_prescan_piece(struct vs_xml_prescan *self, struct vs_bytes piece,
                           size_t max_attributes, struct vs_error *err)
{
    VS_REFUSE_IF(piece.len > 0 && memchr(piece.ptr, '\0', piece.len) != NULL, err, VS_E_XML,
                 "XML 1.0, 4.3.3", "a NUL");
    VS_TRY(check_utf8(self, piece, err));
    for (size_t i = 0; i < piece.len; i++) {
        if (!self->in_tag) {
            const uint8_t *next = memchr(piece.ptr + i, '<', piece.len - i);
            if (next == NULL)
                break;
            i = (size_t)(next - piece.ptr);
        }
        if (piece.ptr[i] == '<')
            begin_tag(self);
        else
            flood_byte(self, piece.ptr[i]);
        VS_REFUSE_IF(self->attributes > max_attributes, err, VS_E_XML_LIMIT, NULL,
                     "an element with more than %zu attributes", max_attributes);
    }
    return VS_OK;
}
