#include "relay/exchange/decide.h"
#include "formats/certificate/identity.h"

int64_t vs_takes_of(enum vs_document_form form)
{
    switch (form) {
    case VS_FORM_ASIC_E:
        return VS_TAKES_ASIC_E;
    case VS_FORM_ASIC_S:
        return VS_TAKES_ASIC_S;
    case VS_FORM_PDF:
        return VS_TAKES_PDF;
    case VS_FORM_XML:
        return VS_TAKES_XML;
    case VS_FORM_CMS:
        return VS_TAKES_CMS;
    case VS_FORM_UNSIGNED:
    case VS_FORM_TIMESTAMP:
    case VS_FORM_EVIDENCE_RECORD:
        break;
    }
    return VS_TAKES_ANY;
}

/* What an agreement asks for, in the words of the legal class. */
static enum vs_asks rank_of(enum vs_legal_class class)
{
    switch (class) {
    case VS_LEGAL_SIMPLE:
        return VS_ASKS_SIMPLE;
    case VS_LEGAL_ENHANCED:
        return VS_ASKS_ENHANCED;
    case VS_LEGAL_QUALIFIED:
        return VS_ASKS_QUALIFIED;
    case VS_LEGAL_QUALIFIED_AUTHORITY:
        return VS_ASKS_QUALIFIED_AUTHORITY;
    case VS_LEGAL_NONE:
    case VS_LEGAL_NOT_DETERMINED:
        break;
    }
    return VS_ASKS_NONE;
}

enum vs_legal_class vs_offer_class(const struct vs_offer *offer)
{
    enum vs_legal_class best = VS_LEGAL_NONE;
    for (size_t i = 0; offer->report != NULL && i < offer->report->n_signatures; i++)
        if (offer->report->signatures[i].legal_class > best)
            best = offer->report->signatures[i].legal_class;
    return best;
}

/* -- requisites ---------------------------------------------------------------------------- */

static vs_rc check_requisites(const struct vs_offer *offer, const struct vs_terms *terms,
                              struct vs_error *err)
{
    VS_REFUSE_IF(terms->signed_requisites != 0 && !offer->signed_requisites, err,
                 VS_E_REQUISITES, "Art. 22",
                 "the agreement asks for a signed " VS_REQUISITES_NAME);
    for (unsigned i = 0; vs_requisite_names[i] != NULL; i++) {
        bool known;
        if ((terms->requisites >> i & 1) == 0)
            continue;
        VS_REFUSE_IF(!vs_requisites_has(&offer->requisites, vs_requisite_names[i], &known), err,
                     VS_E_REQUISITES, "Art. 21.1.3", "the requisite '%s' is missing",
                     vs_requisite_names[i]);
    }
    return VS_OK;
}

/* -- signatures ---------------------------------------------------------------------------- */

static vs_rc check_container(const struct vs_report *report, struct vs_error *err)
{
    for (size_t i = 0; i < report->n_data; i++)
        VS_REFUSE_IF(!report->data[i].covered && report->n_signatures > 0, err,
                     VS_E_ASIC_UNSIGNED_FILE, "EN 319 162-1, 4.4.3",
                     "file %zu of %zu is covered by no signature", i + 1, report->n_data);
    return VS_OK;
}

static bool names_sender(struct vs_arena *arena, const struct vs_signature_report *signature,
                         const struct vs_participant *sender)
{
    struct vs_error ignored;
    struct vs_certificate *certificate;
    if (signature->certificate.len == 0 ||
        !vs_ok(vs_certificate_get(signature->certificate, &certificate, &ignored)))
        return false;
    struct vs_identity identity = vs_identity_of(arena, certificate);
    bool found = false;
    for (size_t i = 0; i < sender->n_identifiers && !found; i++)
        found = vs_identity_has(&identity, sender->identifiers[i]);
    vs_certificate_unref(certificate);
    return found;
}

/* What one pair of parties asks of a signature. */
struct wanted {
    enum vs_asks class;
    int64_t level;
    bool certified, of_sender;
};

/* Art. 6.3: to and by a public body enhanced signatures only; between public bodies also
 * certified means and an accredited centre. */
static struct wanted wanted_of(const struct vs_offer *offer,
                               const struct vs_participant *recipient,
                               const struct vs_terms *terms)
{
    bool one = offer->sender->public_body || recipient->public_body;
    struct wanted wanted = {.class = (enum vs_asks)terms->signature_class,
                            .level = terms->signature_level,
                            .certified = offer->sender->public_body && recipient->public_body,
                            .of_sender = terms->signer_is_sender != 0};
    if (one && wanted.class < VS_ASKS_ENHANCED)
        wanted.class = VS_ASKS_ENHANCED;
    return wanted;
}

/* The first thing that one signature lacks, as a refusal; VS_OK: it is what is wanted. */
static vs_rc check_signature(const struct vs_offer *offer,
                             const struct vs_signature_report *signature,
                             const struct wanted *wanted, struct vs_arena *arena,
                             struct vs_error *err)
{
    const char *lacks =
        signature->legal_lacks.n > 0 ? signature->legal_lacks.items[0].text : "";
    VS_REFUSE_IF(signature->legal_class == VS_LEGAL_NOT_DETERMINED &&
                     wanted->class > VS_ASKS_NONE,
                 err, VS_E_SIGNATURE_UNDETERMINED, "EN 319 102-1, 5.1.3", "%s (%s)",
                 vs_sub_indication_text(signature->verdict.sub) == NULL
                     ? "INDETERMINATE"
                     : vs_sub_indication_text(signature->verdict.sub),
                 lacks);
    VS_REFUSE_IF(rank_of(signature->legal_class) < wanted->class, err,
                 VS_E_SIGNATURE_INSUFFICIENT, wanted->certified ? "Art. 6.3" : "Art. 3",
                 "its class is '%s': %s", vs_legal_class_text(signature->legal_class), lacks);
    VS_REFUSE_IF((int64_t)signature->level < wanted->level, err, VS_E_SIGNATURE_INSUFFICIENT,
                 "Art. 26", "its level is %s", signature->level_text);
    VS_REFUSE_IF(wanted->certified && !(signature->certified_means && signature->accredited),
                 err, VS_E_SIGNATURE_INSUFFICIENT, "Art. 6.3",
                 "between public bodies: certified means and an accredited centre");
    VS_REFUSE_IF(wanted->of_sender && !names_sender(arena, signature, offer->sender), err,
                 VS_E_SIGNER_NOT_SENDER, "Art. 27.1",
                 "the signer's certificate does not name the sender");
    return VS_OK;
}

/* One signature that has all that is wanted suffices; the answer names what the last one
 * lacks. None may have failed. */
static vs_rc check_signatures(const struct vs_offer *offer, const struct wanted *wanted,
                              struct vs_arena *arena, struct vs_error *err)
{
    const struct vs_report *report = offer->report;
    if (wanted->class == VS_ASKS_NONE && wanted->level == VS_LEVEL_NONE &&
        (report == NULL || report->n_signatures == 0))
        return VS_OK;
    VS_REFUSE_IF(report == NULL || report->n_signatures == 0, err, VS_E_UNSIGNED, "Art. 6.3",
                 "there is no signature that can be verified");
    if (report == NULL)
        return VS_OK;
    const char *sub = vs_sub_indication_text(report->verdict.sub);
    VS_REFUSE_IF(report->verdict.indication == VS_FAILED, err, VS_E_SIGNATURE_INVALID,
                 "EN 319 102-1, 5.1.3", "TOTAL-FAILED%s%s", sub == NULL ? "" : ", ",
                 sub == NULL ? "" : sub);
    vs_rc rc = VS_OK;
    for (size_t i = 0; i < report->n_signatures; i++) {
        rc = check_signature(offer, &report->signatures[i], wanted, arena, err);
        if (vs_ok(rc))
            break;
    }
    return rc;
}

vs_rc vs_decide(const struct vs_offer *offer, const struct vs_participant *recipient,
                const struct vs_terms *terms, struct vs_arena *arena, struct vs_error *err)
{
    bool any = (terms->forms & VS_TAKES_ANY) != 0;
    VS_REFUSE_IF(!any && (terms->forms & vs_takes_of(offer->form)) == 0, err,
                 VS_E_FORM_NOT_AGREED, "Art. 26", "the document is %s",
                 vs_document_form_text(offer->form));
    VS_TRY(check_requisites(offer, terms, err));
    struct wanted wanted = wanted_of(offer, recipient, terms);
    /* Signatures first: a file that was changed is not "unsigned", its signature does not hold.
     */
    VS_TRY(check_signatures(offer, &wanted, arena, err));
    return offer->report != NULL ? check_container(offer->report, err) : VS_OK;
}
