#include "formats/validation/report.h"

static const struct {
    const char *name, *clause, *meaning;
} subs[] = {{NULL, NULL, NULL},
#define VS_SUB(name, clause, meaning) {#name, clause, meaning},
            VS_SUB_INDICATIONS
#undef VS_SUB
};

const char *vs_indication_text(enum vs_indication indication)
{
    static const char *const texts[] = {"NO_SIGNATURE_FOUND", "TOTAL-PASSED", "INDETERMINATE",
                                        "TOTAL-FAILED"};
    return texts[indication];
}

const char *vs_indication_token_text(enum vs_indication indication)
{
    static const char *const texts[] = {"NO_SIGNATURE_FOUND", "PASSED", "INDETERMINATE",
                                        "FAILED"};
    return texts[indication];
}

const char *vs_sub_indication_text(enum vs_sub_indication sub)
{
    return subs[sub].name;
}
const char *vs_sub_indication_clause(enum vs_sub_indication sub)
{
    return subs[sub].clause;
}
const char *vs_sub_indication_meaning(enum vs_sub_indication sub)
{
    return subs[sub].meaning;
}

const char *vs_document_form_text(enum vs_document_form form)
{
    static const char *const texts[] = {"unsigned", "ASiC-E", "ASiC-S",   "XML",
                                        "CMS",      "PDF",    "RFC 3161", "evidence record"};
    return texts[form];
}
