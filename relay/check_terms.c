/* Consent, terms and notices of a delivery (Art. 26, 27.3.1, 27.5) against their evidence. */
#include "relay/check_priv.h"
#include "relay/exchange/mailbox.h"

/* Which column of a delivery must be what which evidence states. */
static const struct {
    enum vs_told_moment moment;
    const char *extension;
    int column;
    const char *name;
} stated[] = {
    {VS_TOLD_ASKED, VS_ERDS_EXT_TERM, VS_DELIVERY_CONSENT_UNTIL, "consent_until"},
    {VS_TOLD_REMINDED, VS_ERDS_EXT_FURTHER, VS_DELIVERY_FURTHER, "further"},
    {VS_TOLD_NOTICE, VS_ERDS_EXT_STATEMENT, VS_DELIVERY_NOTICE, "notice"},
};

static vs_rc read_told(struct vs_check_run *run, const struct vs_told *told,
                       enum vs_told_moment moment, struct vs_erds *ret, bool *ret_there,
                       struct vs_error *err)
{
    struct vs_bytes xml;
    *ret_there = told->evidence[moment] != NULL;
    return *ret_there ? vs_check_read_evidence(run, told->evidence[moment], &xml, ret, err)
                      : VS_OK;
}

/* A column of text or of a moment, and what the evidence has of it (NULL: nothing). */
static bool agrees(const struct vs_value *value, const char *text)
{
    char moment[VS_TIME_TEXT];
    if (value->type == VS_NULL || text == NULL)
        return value->type == VS_NULL && text == NULL;
    if (value->type == VS_TEXT)
        return vs_bytes_is(value->bytes, text);
    vs_time_text(value->integer, moment);
    return strcmp(moment, text) == 0;
}

static vs_rc check_stated(struct vs_check_run *run, const char *where,
                          const struct vs_value *row, const struct vs_told *told,
                          struct vs_error *err)
{
    for (size_t i = 0; i < sizeof stated / sizeof *stated; i++) {
        struct vs_erds erds;
        bool there;
        VS_TRY(read_told(run, told, stated[i].moment, &erds, &there, err));
        const char *text = there ? vs_erds_extension(&erds, stated[i].extension) : NULL;
        if (!agrees(&row[stated[i].column], text))
            vs_check_found(run, "delivery", where, "column %s is not what its evidence states",
                           stated[i].name);
    }
    return VS_OK;
}

/* Who refuses, or rejects, may say why: the same in row and evidence. A conforming answer's
 * note stands in the row alone. */
static vs_rc check_reason(struct vs_check_run *run, const char *where,
                          const struct vs_value *row, const struct vs_told *told,
                          struct vs_error *err)
{
    bool refused = told->event[VS_TOLD_ANSWERED] == VS_EVENT_ACKNOWLEDGEMENT_REFUSAL;
    bool rejected = told->event[VS_TOLD_CONSENT] == VS_EVENT_CONSIGNMENT_REJECTION;
    struct vs_erds erds;
    bool there;
    if (!refused && !rejected)
        return VS_OK;
    VS_TRY(
        read_told(run, told, refused ? VS_TOLD_ANSWERED : VS_TOLD_CONSENT, &erds, &there, err));
    if (!agrees(&row[VS_DELIVERY_REASON], vs_erds_extension(&erds, VS_ERDS_EXT_STATEMENT)))
        vs_check_found(run, "delivery", where, "column reason is not what its evidence states");
    return VS_OK;
}

/* 27.5: the recipient was told the term with what entered its mailbox. */
static vs_rc check_deadline(struct vs_check_run *run, const char *where,
                            const struct vs_value *row, const struct vs_told *told,
                            struct vs_error *err)
{
    struct vs_erds erds;
    bool there;
    if (told->event[VS_TOLD_RECEIVED] != VS_EVENT_CONTENT_CONSIGNMENT)
        return VS_OK;
    VS_TRY(read_told(run, told, VS_TOLD_RECEIVED, &erds, &there, err));
    if (there &&
        !agrees(&row[VS_DELIVERY_DEADLINE], vs_erds_extension(&erds, VS_ERDS_EXT_TERM)))
        vs_check_found(run, "delivery", where,
                       "column deadline is not what its evidence states");
    return VS_OK;
}

/* The term that was overdue is the one that had been set last. */
static vs_rc check_overdue(struct vs_check_run *run, const char *where,
                           const struct vs_value *row, const struct vs_told *told,
                           struct vs_error *err)
{
    struct vs_erds erds;
    bool there, reminded = told->at[VS_TOLD_REMINDED] != VS_TIME_NONE;
    /* A reminder after it has set another term since. */
    if (reminded && told->at[VS_TOLD_OVERDUE] <= told->at[VS_TOLD_REMINDED])
        return VS_OK;
    VS_TRY(read_told(run, told, VS_TOLD_OVERDUE, &erds, &there, err));
    const struct vs_value *term = &row[reminded ? VS_DELIVERY_FURTHER : VS_DELIVERY_DEADLINE];
    if (there && !agrees(term, vs_erds_extension(&erds, VS_ERDS_EXT_TERM)))
        vs_check_found(run, "delivery", where,
                       "the term of its AcknowledgementOverdue is another one");
    return VS_OK;
}

/* What was agreed, where what happened shows it. */
static void check_mode(struct vs_check_run *run, const char *where, const struct vs_value *row,
                       const struct vs_told *told)
{
    int64_t mode = row[VS_DELIVERY_MODE].type == VS_INT ? row[VS_DELIVERY_MODE].integer : 0;
    bool asked = told->at[VS_TOLD_ASKED] != VS_TIME_NONE;
    if (asked &&
        ((mode & VS_MODE_CONSENT) == 0 || row[VS_DELIVERY_CONSENT_TERM].type == VS_NULL))
        vs_check_found(run, "delivery", where, "column mode does not fit that it was asked");
    else if (asked && row[VS_DELIVERY_CONSENT_UNTIL].type == VS_INT &&
             row[VS_DELIVERY_CONSENT_UNTIL].integer !=
                 row[VS_DELIVERY_ASKED_AT].integer + row[VS_DELIVERY_CONSENT_TERM].integer)
        vs_check_found(run, "delivery", where, "column consent_term does not fit its end");
    if (!asked && (mode & VS_MODE_CONSENT) != 0 && told->at[VS_TOLD_RECEIVED] != VS_TIME_NONE)
        vs_check_found(run, "delivery", where, "column mode wants consent that nobody gave");
}

vs_rc vs_check_terms(struct vs_check_run *run, const char *where, const struct vs_value *row,
                     const struct vs_told *told, struct vs_error *err)
{
    check_mode(run, where, row, told);
    VS_TRY(check_stated(run, where, row, told, err));
    VS_TRY(check_reason(run, where, row, told, err));
    VS_TRY(check_deadline(run, where, row, told, err));
    return check_overdue(run, where, row, told, err);
}
