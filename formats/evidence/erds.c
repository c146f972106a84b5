#include "formats/evidence/erds.h"

#define SAML       "urn:oasis:names:tc:SAML:2.0:assertion"
#define DS         "http://www.w3.org/2000/09/xmldsig#"
#define LEGAL_NAME "http://eidas.europa.eu/attributes/legalperson/LegalName"
#define LEGAL_ID   "http://eidas.europa.eu/attributes/legalperson/LegalPersonIdentifier"

#define ORIGIN_ETSI        "http://uri.etsi.org/19522/Event/"
#define ORIGIN_OWN         "urn:vasite:event:"
#define CONCERNS_RECIPIENT true
#define CONCERNS_DOCUMENT  false

enum { USUAL_BYTES = 6 * 1024 };

static const struct vs_event_info events[VS_EVENTS] = {
#define VS_EVENT(symbol, text, origin, concerns, terminal)                                     \
    [VS_EVENT_##symbol] = {text, ORIGIN_##origin text, CONCERNS_##concerns,                    \
                           VS_EVENT_TERMINAL_##terminal},
#include "formats/evidence/events.def"
#undef VS_EVENT
};

const struct vs_event_info *vs_event_info(enum vs_event event)
{
    VS_ASSERT(event > VS_EVENT_UNKNOWN && event < VS_EVENTS);
    return &events[event];
}

enum vs_event vs_event_by_name(const char *name)
{
    for (enum vs_event e = VS_EVENT_UNKNOWN + 1; e < VS_EVENTS; e++)
        if (vs_text_equal(events[e].name, name))
            return e;
    return VS_EVENT_UNKNOWN;
}

enum vs_event vs_event_by_uri(const char *uri)
{
    for (enum vs_event e = VS_EVENT_UNKNOWN + 1; e < VS_EVENTS; e++)
        if (vs_text_equal(events[e].uri, uri))
            return e;
    return VS_EVENT_UNKNOWN;
}

const char *vs_erds_extension(const struct vs_erds *evidence, const char *name)
{
    for (size_t i = 0; i < evidence->n_extensions; i++)
        if (strcmp(evidence->extensions[i].name, name) == 0)
            return evidence->extensions[i].value;
    return NULL;
}

/* -- canonical text (Canonical XML 1.0, 2.3): the escapes of C14N and no other ------------- */

static const char *escape_of(const uint8_t *c, bool attribute)
{
    switch (*c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return attribute ? NULL : "&gt;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\t':
        return attribute ? "&#x9;" : NULL;
    case '\n':
        return attribute ? "&#xA;" : NULL;
    case '\r':
        return "&#xD;";
    default:
        return *c < 0x20 ? "\xef\xbf\xbd" : NULL;
    }
}

static void put(struct vs_buffer *to, const char *text, bool attribute)
{
    /* All that escape_of may answer for, and the first byte of U+FFFE: most of a text is none.
     */
    static const bool looked_at[256] = {[0 ... 0x1f] = true, ['&'] = true, ['<'] = true,
                                        ['>'] = true,        ['"'] = true, [0xef] = true};
    const uint8_t *c = (const uint8_t *)text, *run = c;
    for (; *c != '\0'; c++) {
        if (!looked_at[*c])
            continue;
        /* U+FFFE and U+FFFF are no characters of XML. */
        bool no_character = c[0] == 0xef && c[1] == 0xbf && c[2] >= 0xbe;
        const char *escape = no_character ? "\xef\xbf\xbd" : escape_of(c, attribute);
        if (escape == NULL)
            continue;
        vs_buffer_add(to, VS_BYTES(run, (size_t)(c - run)));
        vs_buffer_text(to, escape);
        c += no_character ? 2 : 0;
        run = c + 1;
    }
    vs_buffer_add(to, VS_BYTES(run, (size_t)(c - run)));
}

/* Pieces one after the other; the last is NULL. */
static void put_all(struct vs_buffer *to, const char *const *pieces)
{
    for (; *pieces != NULL; pieces++)
        vs_buffer_text(to, *pieces);
}
#define PUT_ALL(to, ...) put_all(to, (const char *const[]){__VA_ARGS__, NULL})

/* <NAME>TEXT</NAME>; nothing where text is NULL. */
static void element(struct vs_buffer *to, const char *name, const char *text)
{
    if (text == NULL)
        return;
    PUT_ALL(to, "<", name, ">");
    put(to, text, false);
    PUT_ALL(to, "</", name, ">");
}

static void element_time(struct vs_buffer *to, const char *name, vs_time_ms t)
{
    char text[VS_TIME_TEXT];
    if (t == VS_TIME_NONE)
        return;
    vs_time_text(t, text);
    element(to, name, text);
}

static void open_tag(struct vs_buffer *to, const char *name)
{
    PUT_ALL(to, "<erds:", name, ">");
}
static void close_tag(struct vs_buffer *to, const char *name)
{
    PUT_ALL(to, "</erds:", name, ">");
}

/* -- the parts of the schema, each in its order ------------------------------------------- */

static void put_attribute(struct vs_buffer *to, const char *name, const char *value)
{
    if (value == NULL)
        return;
    PUT_ALL(to, "<saml:Attribute xmlns:saml=\"" SAML "\" Name=\"", name,
            "\" NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\">"
            "<saml:AttributeValue>");
    put(to, value, false);
    vs_buffer_text(to, "</saml:AttributeValue></saml:Attribute>");
}

static void put_user(struct vs_buffer *to, const char *name, const struct vs_erds_user *user)
{
    open_tag(to, name);
    if (user->name != NULL) {
        open_tag(to, "Identity");
        put_attribute(to, LEGAL_NAME, user->name);
        close_tag(to, "Identity");
    }
    if (user->identifier != NULL) {
        vs_buffer_text(to, "<Identifier IdentifierSchemeName=\"");
        put(to, user->scheme, true);
        vs_buffer_text(to, "\">");
        put(to, user->identifier, false);
        vs_buffer_text(to, "</Identifier>");
    }
    close_tag(to, name);
}

static bool is_given(const struct vs_erds_user *user)
{
    return user->name != NULL || user->identifier != NULL;
}

static void put_reasons(struct vs_buffer *to, const struct vs_erds *e)
{
    if (e->n_reasons == 0)
        return;
    open_tag(to, "EventReasons");
    for (size_t i = 0; i < e->n_reasons; i++) {
        open_tag(to, "EventReason");
        element(to, "Code", e->reasons[i].uri);
        element(to, "Details", e->reasons[i].details);
        close_tag(to, "EventReason");
    }
    close_tag(to, "EventReasons");
}

static void put_issuer(struct vs_buffer *to, const struct vs_erds *e)
{
    if (e->n_policies > 0) {
        open_tag(to, "EvidenceIssuerPolicyID");
        for (size_t i = 0; i < e->n_policies; i++)
            element(to, "PolicyID", e->policies[i]);
        close_tag(to, "EvidenceIssuerPolicyID");
    }
    open_tag(to, "EvidenceIssuerDetails");
    open_tag(to, "Identity");
    put_attribute(to, LEGAL_NAME, e->issuer.name);
    if (e->issuer.identifier != NULL) {
        VS_BUFFER id;
        vs_buffer_init(&id, 4096);
        vs_buffer_printf(&id, "%s:%s", e->issuer.scheme, e->issuer.identifier);
        put_attribute(to, LEGAL_ID, id.failed ? NULL : (const char *)id.ptr);
    }
    close_tag(to, "Identity");
    if (e->issuer_certificate.len > 0) {
        open_tag(to, "CertificateDetails");
        vs_buffer_text(to, "<X509Certificate>");
        vs_buffer_base64(to, e->issuer_certificate);
        vs_buffer_text(to, "</X509Certificate>");
        close_tag(to, "CertificateDetails");
    }
    close_tag(to, "EvidenceIssuerDetails");
}

static void put_users(struct vs_buffer *to, const struct vs_erds *e)
{
    put_user(to, "SenderDetails", &e->sender);
    if (is_given(&e->sender_delegate))
        put_user(to, "SenderDelegateDetails", &e->sender_delegate);
    for (size_t i = 0; i < e->n_recipients; i++)
        put_user(to, "RecipientDetails", &e->recipients[i]);
}

static void put_part(struct vs_buffer *to, const struct vs_erds_part *part)
{
    open_tag(to, "PartInfo");
    element(to, "Identifier", part->identifier);
    element(to, "ContentType", part->content_type);
    if (part->digest_uri != NULL) {
        vs_buffer_text(to, "<ds:DigestMethod xmlns:ds=\"" DS "\" Algorithm=\"");
        put(to, part->digest_uri, true);
        vs_buffer_text(to, "\"></ds:DigestMethod><ds:DigestValue xmlns:ds=\"" DS "\">");
        vs_buffer_base64(to, part->digest);
        vs_buffer_text(to, "</ds:DigestValue>");
    }
    close_tag(to, "PartInfo");
}

static void put_parts(struct vs_buffer *to, const struct vs_erds *e)
{
    if (e->n_parts == 0)
        return;
    open_tag(to, "UserContentInfo");
    vs_buffer_printf(to, "<ComposingParts>%zu</ComposingParts>", e->n_parts);
    open_tag(to, "PartsInfo");
    for (size_t i = 0; i < e->n_parts; i++)
        put_part(to, &e->parts[i]);
    close_tag(to, "PartsInfo");
    close_tag(to, "UserContentInfo");
}

static void put_extensions(struct vs_buffer *to, const struct vs_erds *e)
{
    if (e->n_extensions == 0)
        return;
    open_tag(to, "Extensions");
    for (size_t i = 0; i < e->n_extensions; i++) {
        const struct vs_erds_extension *extension = &e->extensions[i];
        PUT_ALL(to, "<erds:Extension isCritical=\"false\"><v:", extension->name,
                " xmlns:v=\"" VS_ERDS_OWN_NAMESPACE "\">");
        put(to, extension->value, false);
        PUT_ALL(to, "</v:", extension->name, ">");
        close_tag(to, "Extension");
    }
    close_tag(to, "Extensions");
}

/* -- what may be made --------------------------------------------------------------------- */

static bool good_text(const char *text, bool may_lack)
{
    if (text == NULL)
        return may_lack;
    return *text != '\0' && vs_utf8_valid(vs_bytes_text(text));
}

static bool good_user(const struct vs_erds_user *user)
{
    return good_text(user->name, true) && good_text(user->identifier, true) &&
           good_text(user->scheme, user->identifier == NULL);
}

static bool good_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!((*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z')))
            return false;
    return *name != '\0';
}

static bool good_lists(const struct vs_erds *e)
{
    for (size_t i = 0; i < e->n_reasons; i++)
        if (!good_text(e->reasons[i].uri, false) || !good_text(e->reasons[i].details, true))
            return false;
    for (size_t i = 0; i < e->n_policies; i++)
        if (!good_text(e->policies[i], false))
            return false;
    for (size_t i = 0; i < e->n_parts; i++)
        if (!good_text(e->parts[i].identifier, false) ||
            !good_text(e->parts[i].content_type, false) ||
            !good_text(e->parts[i].digest_uri, true))
            return false;
    for (size_t i = 0; i < e->n_extensions; i++)
        if (!good_name(e->extensions[i].name) || !good_text(e->extensions[i].value, false))
            return false;
    return true;
}

static vs_rc check(const struct vs_erds *e, struct vs_error *err)
{
    const char *wrong = NULL;
    bool known = e->event > VS_EVENT_UNKNOWN && e->event < VS_EVENTS;
    if (!good_text(e->id, false))
        wrong = "it has no identifier";
    else if (!known)
        wrong = "its event is not known";
    else if (e->event_time == VS_TIME_NONE)
        wrong = "it has no event time";
    else if (e->n_recipients == 0)
        wrong = "it names no recipient";
    else if (e->refers_to > e->n_recipients ||
             (events[e->event].concerns_recipient && e->refers_to == 0))
        wrong = "it does not say which recipient it concerns";
    else if (!good_text(e->issuer.name, false) || !good_user(&e->issuer))
        wrong = "it does not name its issuer";
    else if (!good_user(&e->sender) || !good_user(&e->sender_delegate))
        wrong = "its sender cannot be written";
    else if (!good_text(e->message_id, true) || !good_lists(e))
        wrong = "a text of it cannot be written";
    for (size_t i = 0; wrong == NULL && i < e->n_recipients; i++)
        if (!good_user(&e->recipients[i]))
            wrong = "a recipient cannot be written";
    if (wrong != NULL)
        return vs_fail(err, VS_E_PARAMETER, "EN 319 522-3, 5", "evidence: %s", wrong);
    return VS_OK;
}

vs_rc vs_erds_make(struct vs_arena *arena, const struct vs_erds *e, struct vs_bytes *ret,
                   struct vs_error *err)
{
    VS_BUFFER to;
    vs_buffer_init(&to, VS_ERDS_MAX_BYTES);
    VS_TRY(check(e, err));
    vs_buffer_expect(&to, USUAL_BYTES);
    vs_buffer_text(&to, "<erds:Evidence xmlns:erds=\"" VS_ERDS_NAMESPACE
                        "\" Id=\"evidence\" version=\"1.1.1\">");
    element(&to, "erds:EvidenceIdentifier", e->id);
    element(&to, "erds:ERDSEventId", events[e->event].uri);
    put_reasons(&to, e);
    element_time(&to, "EventTime", e->event_time);
    put_issuer(&to, e);
    put_users(&to, e);
    element_time(&to, "erds:SubmissionTime", e->submission_time);
    if (e->refers_to > 0)
        vs_buffer_printf(&to, "<EvidenceRefersToRecipient>%zu</EvidenceRefersToRecipient>",
                         e->refers_to);
    element(&to, "erds:MessageIdentifier", e->message_id);
    put_parts(&to, e);
    put_extensions(&to, e);
    vs_buffer_text(&to, VS_ERDS_END);
    return vs_buffer_copy(&to, arena, ret, err);
}
