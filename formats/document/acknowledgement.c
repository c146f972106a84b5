#include "formats/document/acknowledgement.h"
#include "formats/xml/xml.h"

#define NS                  VS_STATEMENT_NAMESPACE
#define LINE_MAX_CHARACTERS 1000

/* -- the types of acknowledgement.xsd ------------------------------------------------------ */

static bool is_hex(const char *text, size_t len)
{
    return strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static bool is_id(const char *text)
{
    return is_hex(text, 32);
}

static bool is_digest(const char *text)
{
    return is_hex(text, 64);
}

static bool is_boolean(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

static bool is_line(const char *text)
{
    struct vs_bytes bytes = vs_bytes_text(text);
    size_t characters = 0;
    for (size_t i = 0; i < bytes.len; i++)
        characters += (bytes.ptr[i] & 0xc0) != 0x80;
    /* xs:token: single spaces inside, none around. */
    return bytes.len > 0 && characters <= LINE_MAX_CHARACTERS && bytes.ptr[0] != ' ' &&
           bytes.ptr[bytes.len - 1] != ' ' && strstr(text, "  ") == NULL &&
           !vs_text_has_controls(bytes);
}

/* In the schema's order. */
enum { DOCUMENT, SHA256, CONFORMS, REASON, FIELDS };
static const struct {
    const char *name;
    bool required;
    bool (*check)(const char *text);
} fields[FIELDS] = {
    [DOCUMENT] = {"document", true, is_id},
    [SHA256] = {"sha256", true, is_digest},
    [CONFORMS] = {"conforms", false, is_boolean},
    [REASON] = {"reason", false, is_line},
};

/* -- reading ------------------------------------------------------------------------------- */

static vs_rc wrong(const struct vs_xml_node *node, const char *what, struct vs_error *err)
{
    return vs_fail(err, VS_E_REQUISITES, "Art. 27.4", VS_STATEMENT_NAME ", line %ld: %s",
                   node == NULL ? 0 : vs_xml_line(node), what);
}

static vs_rc read_fields(struct vs_arena *arena, const struct vs_xml_node *root,
                         const char *texts[FIELDS], struct vs_error *err)
{
    const struct vs_xml_node *at = vs_xml_first(root);
    for (size_t i = 0; i < FIELDS; i++) {
        const char *text;
        if (at == NULL || !vs_xml_is(at, NS, fields[i].name)) {
            if (fields[i].required)
                return wrong(at == NULL ? root : at, fields[i].name, err);
            continue;
        }
        VS_TRY(vs_xml_token(at, arena, &text, err));
        if (!fields[i].check(text))
            return wrong(at, fields[i].name, err);
        texts[i] = vs_arena_strdup(arena, text);
        if (texts[i] == NULL)
            return vs_fail_memory(err);
        at = vs_xml_next(at);
    }
    return at == NULL ? VS_OK : wrong(at, "an element that does not belong there", err);
}

vs_rc vs_statement_read(struct vs_arena *arena, struct vs_bytes text, struct vs_statement *ret,
                        struct vs_error *err)
{
    struct vs_xml_limits limits = vs_xml_limits_default;
    const char *texts[FIELDS] = {NULL};
    VS_XML *document = NULL;
    limits.max_bytes = VS_STATEMENT_MAX_BYTES;
    VS_TRY(vs_xml_parse(text, &limits, &document, err));
    const struct vs_xml_node *root = vs_xml_root(document);
    if (!vs_xml_is(root, NS, "acknowledgement") ||
        !vs_text_equal(vs_xml_attribute(root, "version"), "1"))
        return wrong(root, "not an acknowledgement of " NS ", version 1", err);
    VS_TRY(read_fields(arena, root, texts, err));
    struct vs_statement statement = {.document = texts[DOCUMENT],
                                     .conforms = vs_text_equal(texts[CONFORMS], "true"),
                                     .reason = texts[REASON]};
    if (!vs_hex_decode(texts[SHA256], statement.sha256, sizeof statement.sha256))
        return wrong(root, fields[SHA256].name, err);
    *ret = statement;
    return VS_OK;
}

/* -- making -------------------------------------------------------------------------------- */

vs_rc vs_statement_make(struct vs_arena *arena, const struct vs_statement *statement,
                        struct vs_bytes *ret, struct vs_error *err)
{
    const char *texts[FIELDS] = {
        [DOCUMENT] = statement->document,
        [SHA256] = vs_hex_new(arena, VS_BYTES(statement->sha256, sizeof statement->sha256)),
        [CONFORMS] = statement->conforms ? "true" : "false",
        [REASON] = statement->reason};
    VS_BUFFER to;
    vs_buffer_init(&to, VS_STATEMENT_MAX_BYTES);
    vs_buffer_text(&to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<acknowledgement xmlns=\"" NS "\" version=\"1\">\n");
    for (size_t i = 0; i < FIELDS; i++) {
        if (texts[i] == NULL && !fields[i].required)
            continue;
        if (texts[i] == NULL || !fields[i].check(texts[i]))
            return vs_fail(err, VS_E_REQUISITES, "Art. 27.4",
                           "%s has a value that it cannot have", fields[i].name);
        vs_buffer_printf(&to, "  <%s>", fields[i].name);
        vs_buffer_xml(&to, texts[i]);
        vs_buffer_printf(&to, "</%s>\n", fields[i].name);
    }
    vs_buffer_text(&to, "</acknowledgement>\n");
    return vs_buffer_copy(&to, arena, ret, err);
}
