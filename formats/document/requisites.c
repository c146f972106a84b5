#include "formats/document/requisites.h"
#include "formats/xml/xml.h"

/* The checks of document.xsd, by type: what make writes and read takes are the same. */

static size_t characters(const char *text)
{
    size_t n = 0;
    for (const char *c = text; *c != '\0'; c++)
        n += ((unsigned char)*c & 0xc0) != 0x80;
    return n;
}

static bool is_line(const char *text)
{
    struct vs_bytes bytes = vs_bytes_text(text);
    /* xs:token: single spaces inside, none around. */
    bool spaced = bytes.len > 0 && (bytes.ptr[0] == ' ' || bytes.ptr[bytes.len - 1] == ' ' ||
                                    strstr(text, "  ") != NULL);
    return bytes.len > 0 && characters(text) <= 1000 && !spaced && !vs_text_has_controls(bytes);
}

static size_t run(const char *text, const char *of)
{
    return strspn(text, of);
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

static bool is_identifier(const char *text)
{
    size_t scheme = run(text, LOWER DIGITS "-");
    if (scheme < 2 || scheme > 32 || strchr(LOWER, text[0]) == NULL || text[scheme] != ':')
        return false;
    const char *value = text + scheme + 1;
    return *value != '\0' && strchr(value, ' ') == NULL && characters(value) <= 95 &&
           !vs_text_has_controls(vs_bytes_text(value));
}

static bool is_date(const char *text)
{
    char full[32];
    vs_time_ms t;
    if (strlen(text) != 10)
        return false;
    memcpy(full, text, 10);
    memcpy(full + 10, "T00:00:00Z", 11);
    return vs_time_decode(vs_bytes_text(full), &t);
}

static bool is_class(const char *text)
{
    size_t len = strlen(text);
    return len >= 1 && len <= 64 && run(text, LOWER DIGITS "-") == len;
}

static bool is_id(const char *text)
{
    return strlen(text) == 32 && run(text, DIGITS "abcdef") == 32;
}

static const char *const markings[] = {"none", "restricted", "state-secret"};

/* -- the fields, in the schema's order ---------------------------------------------------- */

#define NS VS_REQUISITES_NAMESPACE

struct field {
    const char *name;
    size_t offset; /* of a const char * */
    bool (*check)(const char *text);
};
#define PARTY(field) offsetof(struct vs_party, field)
#define WHOLE(field) offsetof(struct vs_requisites, field)

static const struct field party_fields[] = {
    {"identifier", PARTY(identifier), is_identifier},
    {"name", PARTY(name), is_line},
    {"address", PARTY(address), is_line},
    {"telephone", PARTY(telephone), is_line},
    {"fax", PARTY(fax), is_line},
    {"email", PARTY(email), is_line},
    {"person", PARTY(person), is_line},
};
static const struct field head_fields[] = {
    {"subject", WHOLE(subject), is_line},
    {"number", WHOLE(number), is_line},
    {"date", WHOLE(date), is_date},
};
#define N(fields) (sizeof(fields) / sizeof *(fields))

static const char **at_field(void *base, const struct field *field)
{
    return (const char **)(void *)((char *)base + field->offset);
}

/* -- reading ------------------------------------------------------------------------------ */

struct reading {
    struct vs_arena *arena;
    struct vs_error *err;
};

static vs_rc wrong(struct reading *r, const struct vs_xml_node *node, const char *what)
{
    return vs_fail(r->err, VS_E_REQUISITES, "Art. 22", "document.xml, line %ld: %s",
                   node == NULL ? 0 : vs_xml_line(node), what);
}

static const struct vs_xml_node *take(const struct vs_xml_node **at, const char *name)
{
    const struct vs_xml_node *node = *at;
    if (node == NULL || !vs_xml_is(node, NS, name))
        return NULL;
    *at = vs_xml_next(node);
    return node;
}

/* The element's value, checked, in the arena; left alone where the element is absent. */
static vs_rc take_text(struct reading *r, const struct vs_xml_node **at, const char *name,
                       bool (*check)(const char *), const char **ret)
{
    const struct vs_xml_node *node = take(at, name);
    const char *text;
    if (node == NULL)
        return VS_OK;
    VS_TRY(vs_xml_token(node, r->arena, &text, r->err));
    if (!check(text))
        return wrong(r, node, name);
    *ret = vs_arena_strdup(r->arena, text);
    return *ret == NULL ? vs_fail_memory(r->err) : VS_OK;
}

static vs_rc take_fields(struct reading *r, const struct vs_xml_node **at,
                         const struct field *fields, size_t n, void *base)
{
    for (size_t i = 0; i < n; i++)
        VS_TRY(take_text(r, at, fields[i].name, fields[i].check, at_field(base, &fields[i])));
    return VS_OK;
}

static vs_rc read_party(struct reading *r, const struct vs_xml_node *node, struct vs_party *to)
{
    const struct vs_xml_node *at = vs_xml_first(node);
    VS_TRY(take_fields(r, &at, party_fields, N(party_fields), to));
    return at == NULL ? VS_OK : wrong(r, at, "an element that does not belong there");
}

static vs_rc read_recipients(struct reading *r, const struct vs_xml_node **at,
                             struct vs_requisites *to)
{
    size_t n = 0;
    for (const struct vs_xml_node *node = *at; node != NULL && vs_xml_is(node, NS, "recipient");
         node = vs_xml_next(node))
        n++;
    struct vs_party *all = vs_arena_make_n(r->arena, struct vs_party, n + 1);
    if (all == NULL)
        return vs_fail_memory(r->err);
    if (n > VS_REQUISITES_MAX_RECIPIENTS)
        return wrong(r, *at, "too many recipients");
    for (size_t i = 0; i < n; i++) {
        const struct vs_xml_node *node = take(at, "recipient");
        VS_TRY(read_party(r, node, &all[i]));
        if (all[i].identifier == NULL)
            return wrong(r, node, "a recipient without identifier");
    }
    to->recipients = all;
    to->n_recipients = n;
    return VS_OK;
}

static bool is_marking(const char *text)
{
    for (size_t i = 0; i < N(markings); i++)
        if (strcmp(text, markings[i]) == 0)
            return true;
    return false;
}

static vs_rc read_tail(struct reading *r, const struct vs_xml_node **at,
                       struct vs_requisites *to)
{
    const struct vs_xml_node *deadline = take(at, "deadline");
    const char *marking = NULL;
    if (deadline != NULL && !vs_ok(vs_xml_time(deadline, &to->deadline, r->err)))
        return wrong(r, deadline, "deadline");
    VS_TRY(take_text(r, at, "retentionClass", is_class, &to->retention_class));
    VS_TRY(take_text(r, at, "marking", is_marking, &marking));
    for (size_t i = 0; marking != NULL && i < N(markings); i++)
        if (strcmp(marking, markings[i]) == 0)
            to->marking = (enum vs_marking)i;
    return take_text(r, at, "repeats", is_id, &to->repeats);
}

vs_rc vs_requisites_read(struct vs_arena *arena, struct vs_bytes text,
                         struct vs_requisites *ret, struct vs_error *err)
{
    struct vs_requisites to = {.deadline = VS_TIME_NONE};
    struct reading r = {arena, err};
    struct vs_xml_limits limits = vs_xml_limits_default;
    VS_XML *document = NULL;
    limits.max_bytes = VS_REQUISITES_MAX_BYTES;
    VS_TRY(vs_xml_parse(text, &limits, &document, err));
    const struct vs_xml_node *root = vs_xml_root(document);
    if (!vs_xml_is(root, NS, "document") ||
        !vs_text_equal(vs_xml_attribute(root, "version"), "1"))
        return wrong(&r, root, "not a document of " NS ", version 1");
    const struct vs_xml_node *at = vs_xml_first(root);
    const struct vs_xml_node *sender = take(&at, "sender");
    to.has_sender = sender != NULL;
    if (sender != NULL)
        VS_TRY(read_party(&r, sender, &to.sender));
    VS_TRY(read_recipients(&r, &at, &to));
    VS_TRY(take_fields(&r, &at, head_fields, N(head_fields), &to));
    VS_TRY(read_tail(&r, &at, &to));
    if (at != NULL)
        return wrong(&r, at, "an element that does not belong there");
    *ret = to;
    return VS_OK;
}

/* -- making ------------------------------------------------------------------------------- */

static vs_rc put(struct vs_buffer *to, const char *indent, const char *name, const char *text,
                 bool (*check)(const char *), struct vs_error *err)
{
    if (text == NULL)
        return VS_OK;
    if (!check(text))
        return vs_fail(err, VS_E_REQUISITES, "Art. 22", "%s has a value that it cannot have",
                       name);
    vs_buffer_printf(to, "%s<%s>", indent, name);
    vs_buffer_xml(to, text);
    vs_buffer_printf(to, "</%s>\n", name);
    return VS_OK;
}

static vs_rc put_party(struct vs_buffer *to, const char *name, const struct vs_party *party,
                       struct vs_error *err)
{
    vs_buffer_printf(to, "  <%s>\n", name);
    for (size_t i = 0; i < N(party_fields); i++) {
        const struct field *field = &party_fields[i];
        VS_TRY(put(to, "    ", field->name, *at_field((void *)(uintptr_t)party, field),
                   field->check, err));
    }
    vs_buffer_printf(to, "  </%s>\n", name);
    return VS_OK;
}

static vs_rc put_tail(struct vs_buffer *to, const struct vs_requisites *requisites,
                      struct vs_error *err)
{
    char deadline[VS_TIME_TEXT];
    if (requisites->deadline != VS_TIME_NONE) {
        vs_time_text(requisites->deadline, deadline);
        vs_buffer_printf(to, "  <deadline>%s</deadline>\n", deadline);
    }
    VS_TRY(put(to, "  ", "retentionClass", requisites->retention_class, is_class, err));
    if (requisites->marking != VS_MARKING_NONE)
        VS_TRY(put(to, "  ", "marking", markings[requisites->marking], is_marking, err));
    return put(to, "  ", "repeats", requisites->repeats, is_id, err);
}

vs_rc vs_requisites_make(struct vs_arena *arena, const struct vs_requisites *requisites,
                         struct vs_bytes *ret, struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, VS_REQUISITES_MAX_BYTES);
    vs_buffer_text(&to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<document xmlns=\"" NS "\" version=\"1\">\n");
    if (requisites->n_recipients > VS_REQUISITES_MAX_RECIPIENTS)
        return vs_fail(err, VS_E_REQUISITES, "Art. 22", "too many recipients");
    if (requisites->has_sender)
        VS_TRY(put_party(&to, "sender", &requisites->sender, err));
    for (size_t i = 0; i < requisites->n_recipients; i++) {
        if (requisites->recipients[i].identifier == NULL)
            return vs_fail(err, VS_E_REQUISITES, "Art. 22", "a recipient without identifier");
        VS_TRY(put_party(&to, "recipient", &requisites->recipients[i], err));
    }
    for (size_t i = 0; i < N(head_fields); i++)
        VS_TRY(put(&to, "  ", head_fields[i].name,
                   *at_field((void *)(uintptr_t)requisites, &head_fields[i]),
                   head_fields[i].check, err));
    VS_TRY(put_tail(&to, requisites, err));
    vs_buffer_text(&to, "</document>\n");
    return vs_buffer_copy(&to, arena, ret, err);
}

bool vs_requisites_has(const struct vs_requisites *r, const char *name, bool *known)
{
    const struct vs_party *sender = &r->sender;
    const struct {
        const char *name;
        bool given;
    } all[] = {
        {"sender", r->has_sender},
        {"recipient", r->n_recipients > 0},
        {"subject", r->subject != NULL},
        {"date", r->date != NULL},
        {"number", r->number != NULL},
        {"address", sender->address != NULL},
        {"telephone", sender->telephone != NULL},
        {"fax", sender->fax != NULL},
        {"email", sender->email != NULL},
        {"person", sender->person != NULL},
        {"deadline", r->deadline != VS_TIME_NONE},
        {"retention-class", r->retention_class != NULL},
    };
    for (size_t i = 0; i < N(all); i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        *known = true;
        return all[i].given;
    }
    *known = false;
    return false;
}
