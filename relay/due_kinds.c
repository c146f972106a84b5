/* The kinds of due work: one row each (due.h). */
#include "relay/archive/retention.h"
#include "relay/archive/exports.h"
#include "relay/archive/renewal.h"
#include "relay/exchange/consent.h"
#include "relay/exchange/deadline.h"

const struct vs_due_kind vs_due_kinds[] = {
    {VS_DUE_CONSENT, 10 * VS_MINUTE_MS, vs_consent_due},
    {VS_DUE_DEADLINE, 10 * VS_MINUTE_MS, vs_deadline_due},
    {"retention", 10 * VS_MINUTE_MS, vs_retention_run},
    {"erasure", 10 * VS_MINUTE_MS, vs_erasure_run},
    {VS_DUE_EXPORT, 30 * VS_MINUTE_MS, vs_export_run},
    {VS_DUE_RENEWAL, 30 * VS_MINUTE_MS, vs_renewal_run},
    {NULL, 0, NULL}, /* the end */
};
