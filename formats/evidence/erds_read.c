#include "formats/evidence/erds.h"
#include "formats/xml/xml.h"

#define SAML "urn:oasis:names:tc:SAML:2.0:assertion"
#define DS   "http://www.w3.org/2000/09/xmldsig#"
#define MANY 1000 /* of anything that repeats */

struct reading {
    struct vs_arena *arena;
    struct vs_erds *to;
    struct vs_error *err;
};

static vs_rc wrong(struct reading *r, const struct vs_xml_node *node, const char *what)
{
    return vs_fail(r->err, VS_E_SYNTAX, "EN 319 522-3, 5", "evidence, line %ld: %s",
                   node == NULL ? 0 : vs_xml_line(node), what);
}

/* Text that outlives the document. */
static vs_rc text_of(struct reading *r, const struct vs_xml_node *node, const char **ret)
{
    const char *text;
    VS_TRY(vs_xml_text(node, r->arena, &text, r->err));
    *ret = vs_arena_strdup(r->arena, text);
    return *ret == NULL ? vs_fail_memory(r->err) : VS_OK;
}

/* Each takes the element at the cursor when it has this name, and moves on: the schema's order
 * is the order of the calls. */
static const struct vs_xml_node *take(const struct vs_xml_node **at, const char *ns,
                                      const char *name)
{
    const struct vs_xml_node *node = *at;
    if (node == NULL || !vs_xml_is(node, ns, name))
        return NULL;
    *at = vs_xml_next(node);
    return node;
}

static vs_rc take_text(struct reading *r, const struct vs_xml_node **at, const char *ns,
                       const char *name, bool optional, const char **ret)
{
    const struct vs_xml_node *node = take(at, ns, name);
    if (node == NULL)
        return optional ? VS_OK : wrong(r, *at, name);
    return text_of(r, node, ret);
}

static size_t count(const struct vs_xml_node *node, const char *ns, const char *name)
{
    size_t n = 0;
    for (; node != NULL && vs_xml_is(node, ns, name); node = vs_xml_next(node))
        n++;
    return n;
}

static vs_rc read_identity(struct reading *r, const struct vs_xml_node *identity,
                           struct vs_erds_user *user, bool issuer)
{
    const struct vs_xml_node *a = vs_xml_child(identity, SAML, "Attribute");
    for (; a != NULL; a = vs_xml_next_named(a, SAML, "Attribute")) {
        struct vs_bytes name = vs_bytes_text(vs_xml_attribute(a, "Name"));
        const struct vs_xml_node *value = vs_xml_child(a, SAML, "AttributeValue");
        const char *text;
        if (value == NULL || vs_xml_first(value) != NULL)
            continue;
        VS_TRY(text_of(r, value, &text));
        if (vs_bytes_ends(name, "/LegalName") && user->name == NULL)
            user->name = text;
        if (!issuer || !vs_bytes_ends(name, "/LegalPersonIdentifier"))
            continue;
        const char *colon = strchr(text, ':');
        size_t len = colon == NULL ? 0 : (size_t)(colon - text);
        user->scheme = vs_arena_strndup(r->arena, text, len);
        user->identifier = colon == NULL ? text : colon + 1;
        if (user->scheme == NULL)
            return vs_fail_memory(r->err);
    }
    return VS_OK;
}

static vs_rc read_user(struct reading *r, const struct vs_xml_node *node,
                       struct vs_erds_user *user)
{
    const struct vs_xml_node *at = vs_xml_first(node);
    const struct vs_xml_node *identity = take(&at, VS_ERDS_NAMESPACE, "Identity");
    if (identity != NULL)
        VS_TRY(read_identity(r, identity, user, false));
    const struct vs_xml_node *identifier = take(&at, "", "Identifier");
    if (identifier == NULL)
        return VS_OK;
    const char *scheme = vs_xml_attribute(identifier, "IdentifierSchemeName");
    if (scheme == NULL)
        return wrong(r, identifier, "Identifier without its scheme");
    user->scheme = vs_arena_strdup(r->arena, scheme);
    if (user->scheme == NULL)
        return vs_fail_memory(r->err);
    return text_of(r, identifier, &user->identifier);
}

static vs_rc read_reasons(struct reading *r, const struct vs_xml_node *list)
{
    const struct vs_xml_node *node = vs_xml_first(list);
    size_t n = count(node, VS_ERDS_NAMESPACE, "EventReason");
    struct vs_erds_reason *reasons = vs_arena_make_n(r->arena, struct vs_erds_reason, n + 1);
    if (reasons == NULL)
        return vs_fail_memory(r->err);
    if (n == 0 || n > MANY)
        return wrong(r, list, "EventReasons");
    for (size_t i = 0; i < n; i++, node = vs_xml_next(node)) {
        const struct vs_xml_node *at = vs_xml_first(node);
        VS_TRY(take_text(r, &at, "", "Code", false, &reasons[i].uri));
        VS_TRY(take_text(r, &at, "", "Details", true, &reasons[i].details));
    }
    r->to->reasons = reasons;
    r->to->n_reasons = n;
    return VS_OK;
}

static vs_rc read_policies(struct reading *r, const struct vs_xml_node *list)
{
    const struct vs_xml_node *node = vs_xml_first(list);
    size_t n = count(node, "", "PolicyID");
    const char **policies = vs_arena_make_n(r->arena, const char *, n + 1);
    if (policies == NULL)
        return vs_fail_memory(r->err);
    if (n == 0 || n > MANY)
        return wrong(r, list, "EvidenceIssuerPolicyID");
    for (size_t i = 0; i < n; i++, node = vs_xml_next(node))
        VS_TRY(text_of(r, node, &policies[i]));
    r->to->policies = policies;
    r->to->n_policies = n;
    return VS_OK;
}

static vs_rc read_issuer(struct reading *r, const struct vs_xml_node *issuer)
{
    const struct vs_xml_node *at = issuer == NULL ? NULL : vs_xml_first(issuer);
    const struct vs_xml_node *identity = take(&at, VS_ERDS_NAMESPACE, "Identity");
    if (identity == NULL)
        return wrong(r, issuer, "EvidenceIssuerDetails");
    VS_TRY(read_identity(r, identity, &r->to->issuer, true));
    const struct vs_xml_node *details = take(&at, VS_ERDS_NAMESPACE, "CertificateDetails");
    if (details == NULL)
        return VS_OK;
    const struct vs_xml_node *certificate = vs_xml_child(details, "", "X509Certificate");
    return certificate == NULL
               ? VS_OK
               : vs_xml_base64(certificate, r->arena, &r->to->issuer_certificate, r->err);
}

static vs_rc read_users(struct reading *r, const struct vs_xml_node **at)
{
    const struct vs_xml_node *sender = take(at, VS_ERDS_NAMESPACE, "SenderDetails");
    if (sender == NULL)
        return wrong(r, *at, "SenderDetails");
    VS_TRY(read_user(r, sender, &r->to->sender));
    const struct vs_xml_node *delegate = take(at, VS_ERDS_NAMESPACE, "SenderDelegateDetails");
    if (delegate != NULL)
        VS_TRY(read_user(r, delegate, &r->to->sender_delegate));
    size_t n = count(*at, VS_ERDS_NAMESPACE, "RecipientDetails");
    struct vs_erds_user *recipients = vs_arena_make_n(r->arena, struct vs_erds_user, n + 1);
    if (recipients == NULL)
        return vs_fail_memory(r->err);
    if (n == 0 || n > MANY)
        return wrong(r, *at, "RecipientDetails");
    for (size_t i = 0; i < n; i++, *at = vs_xml_next(*at))
        VS_TRY(read_user(r, *at, &recipients[i]));
    r->to->recipients = recipients;
    r->to->n_recipients = n;
    while (take(at, VS_ERDS_NAMESPACE, "RecipientsDelegateDetails") != NULL)
        ;
    return VS_OK;
}

static vs_rc read_part(struct reading *r, const struct vs_xml_node *node,
                       struct vs_erds_part *part)
{
    const struct vs_xml_node *at = vs_xml_first(node);
    VS_TRY(take_text(r, &at, "", "Identifier", false, &part->identifier));
    VS_TRY(take_text(r, &at, "", "ContentType", false, &part->content_type));
    const struct vs_xml_node *method = take(&at, DS, "DigestMethod");
    const struct vs_xml_node *value = take(&at, DS, "DigestValue");
    const char *uri = method == NULL ? NULL : vs_xml_attribute(method, "Algorithm");
    if (uri == NULL || value == NULL)
        return VS_OK;
    part->digest_uri = vs_arena_strdup(r->arena, uri);
    if (part->digest_uri == NULL)
        return vs_fail_memory(r->err);
    return vs_xml_base64(value, r->arena, &part->digest, r->err);
}

static vs_rc read_parts(struct reading *r, const struct vs_xml_node *info)
{
    const struct vs_xml_node *list = vs_xml_child(info, VS_ERDS_NAMESPACE, "PartsInfo");
    const struct vs_xml_node *node = list == NULL ? NULL : vs_xml_first(list);
    size_t n = count(node, VS_ERDS_NAMESPACE, "PartInfo");
    struct vs_erds_part *parts = vs_arena_make_n(r->arena, struct vs_erds_part, n + 1);
    if (parts == NULL)
        return vs_fail_memory(r->err);
    if (n == 0 || n > MANY)
        return wrong(r, info, "PartsInfo");
    for (size_t i = 0; i < n; i++, node = vs_xml_next(node))
        VS_TRY(read_part(r, node, &parts[i]));
    r->to->parts = parts;
    r->to->n_parts = n;
    return VS_OK;
}

/* Ours are kept. One of others that calls itself critical is not understood, so refused. */
static vs_rc read_extensions(struct reading *r, const struct vs_xml_node *list)
{
    const struct vs_xml_node *node = vs_xml_first(list);
    size_t n = count(node, VS_ERDS_NAMESPACE, "Extension");
    struct vs_erds_extension *all = vs_arena_make_n(r->arena, struct vs_erds_extension, n + 1);
    if (all == NULL)
        return vs_fail_memory(r->err);
    if (n == 0 || n > MANY)
        return wrong(r, list, "Extensions");
    size_t kept = 0;
    for (; node != NULL; node = vs_xml_next(node)) {
        const struct vs_xml_node *own = vs_xml_first(node);
        const char *critical = vs_xml_attribute(node, "isCritical");
        if (own != NULL && strcmp(vs_xml_namespace(own), VS_ERDS_OWN_NAMESPACE) == 0) {
            all[kept].name = vs_arena_strdup(r->arena, vs_xml_name(own));
            if (all[kept].name == NULL)
                return vs_fail_memory(r->err);
            VS_TRY(text_of(r, own, &all[kept++].value));
        } else if (vs_text_equal(critical, "true") || vs_text_equal(critical, "1")) {
            return wrong(r, node, "a critical extension that is not known");
        }
    }
    r->to->extensions = all;
    r->to->n_extensions = kept;
    return VS_OK;
}

/* What precedes the users. */
static vs_rc read_head(struct reading *r, const struct vs_xml_node **at)
{
    struct vs_erds *to = r->to;
    VS_TRY(take_text(r, at, VS_ERDS_NAMESPACE, "EvidenceIdentifier", false, &to->id));
    VS_TRY(take_text(r, at, VS_ERDS_NAMESPACE, "ERDSEventId", false, &to->event_uri));
    to->event = vs_event_by_uri(to->event_uri);
    const struct vs_xml_node *reasons = take(at, VS_ERDS_NAMESPACE, "EventReasons");
    if (reasons != NULL)
        VS_TRY(read_reasons(r, reasons));
    const struct vs_xml_node *time = take(at, "", "EventTime");
    if (time == NULL)
        return wrong(r, *at, "EventTime");
    VS_TRY(vs_xml_time(time, &to->event_time, r->err));
    const struct vs_xml_node *policies = take(at, VS_ERDS_NAMESPACE, "EvidenceIssuerPolicyID");
    if (policies != NULL)
        VS_TRY(read_policies(r, policies));
    return read_issuer(r, take(at, VS_ERDS_NAMESPACE, "EvidenceIssuerDetails"));
}

static vs_rc read_refers_to(struct reading *r, const struct vs_xml_node *node)
{
    const char *text;
    uint64_t index;
    VS_TRY(vs_xml_token(node, r->arena, &text, r->err));
    if (!vs_u64_decode(vs_bytes_text(text), &index) || index == 0 ||
        index > r->to->n_recipients)
        return wrong(r, node, "EvidenceRefersToRecipient");
    r->to->refers_to = (size_t)index;
    return VS_OK;
}

/* What follows them. */
static vs_rc read_tail(struct reading *r, const struct vs_xml_node *at)
{
    const struct vs_xml_node *node;
    if ((node = take(&at, VS_ERDS_NAMESPACE, "SubmissionTime")) != NULL)
        VS_TRY(vs_xml_time(node, &r->to->submission_time, r->err));
    if ((node = take(&at, "", "EvidenceRefersToRecipient")) != NULL)
        VS_TRY(read_refers_to(r, node));
    VS_TRY(take_text(r, &at, VS_ERDS_NAMESPACE, "MessageIdentifier", true, &r->to->message_id));
    if ((node = take(&at, VS_ERDS_NAMESPACE, "UserContentInfo")) != NULL)
        VS_TRY(read_parts(r, node));
    take(&at, VS_ERDS_NAMESPACE, "ExternalERDSDetails");
    take(&at, "", "ForwardedToExternalSystem");
    take(&at, VS_ERDS_NAMESPACE, "TransactionLogInformation");
    if ((node = take(&at, VS_ERDS_NAMESPACE, "Extensions")) != NULL)
        VS_TRY(read_extensions(r, node));
    r->to->is_signed = take(&at, DS, "Signature") != NULL;
    return at == NULL ? VS_OK : wrong(r, at, "an element that does not belong there");
}

vs_rc vs_erds_read(struct vs_arena *arena, struct vs_bytes xml, struct vs_erds *ret,
                   struct vs_error *err)
{
    struct vs_erds evidence = {.event_time = VS_TIME_NONE, .submission_time = VS_TIME_NONE};
    struct reading r = {arena, &evidence, err};
    VS_XML *document = NULL;
    VS_TRY(vs_xml_parse(xml, NULL, &document, err));
    const struct vs_xml_node *root = vs_xml_root(document);
    if (!vs_xml_is(root, VS_ERDS_NAMESPACE, "Evidence") ||
        vs_xml_attribute(root, "version") == NULL)
        return wrong(&r, root, "not an Evidence of EN 319 522-3");
    const struct vs_xml_node *at = vs_xml_first(root);
    VS_TRY(read_head(&r, &at));
    VS_TRY(read_users(&r, &at));
    VS_TRY(read_tail(&r, at));
    *ret = evidence;
    return VS_OK;
}
