#include "formats/certificate/revocation.h"

const char *vs_revocation_reason_text(int reason)
{
    static const char *const texts[] = {
        [VS_REASON_KEY_COMPROMISE] = "keyCompromise",
        [VS_REASON_CA_COMPROMISE] = "cACompromise",
        [VS_REASON_AFFILIATION_CHANGED] = "affiliationChanged",
        [VS_REASON_SUPERSEDED] = "superseded",
        [VS_REASON_CESSATION_OF_OPERATION] = "cessationOfOperation",
        [VS_REASON_CERTIFICATE_HOLD] = "certificateHold",
        [VS_REASON_REMOVE_FROM_CRL] = "removeFromCRL",
        [VS_REASON_PRIVILEGE_WITHDRAWN] = "privilegeWithdrawn",
        [VS_REASON_AA_COMPROMISE] = "aACompromise",
    };
    const char *text =
        reason >= 0 && reason < (int)(sizeof texts / sizeof *texts) ? texts[reason] : NULL;
    return text == NULL ? "unspecified" : text;
}

bool vs_statement_revoked_at(const struct vs_statement *statement, vs_time_ms t)
{
    bool revoked =
        statement->status == VS_STATUS_REVOKED || statement->status == VS_STATUS_ON_HOLD;
    return revoked && (statement->revoked_at == VS_TIME_NONE || statement->revoked_at <= t);
}

bool vs_statement_fresh(const struct vs_statement *statement, vs_time_ms t, vs_time_ms now,
                        int64_t max_age_ms)
{
    if (!vs_check_enabled(VS_E_REVOCATION_DATA))
        return true;
    /* Made later than now: a clock is wrong, or somebody cheats. */
    if (statement->this_update > now || statement->produced_at > now)
        return false;
    if (statement->this_update >= t)
        return true;
    if (statement->next_update != VS_TIME_NONE)
        return t <= statement->next_update;
    return t - statement->this_update <= max_age_ms;
}

bool vs_statement_covers(const struct vs_statement *statement,
                         const struct vs_certificate *certificate)
{
    if (statement->this_update <= certificate->not_after + VS_SECOND_MS)
        return true;
    /* certHash says that the very certificate is in the responder's base still. */
    if (statement->cert_hash_matches)
        return true;
    return statement->archive_cutoff != VS_TIME_NONE &&
           statement->archive_cutoff <= certificate->not_after;
}
