#include "formats/validation/validation.h"

const struct vs_policy *vs_policy_default(void)
{
    static const struct vs_policy neutral = {
        .name = "default",
        .freshness_ms = VS_DAY_MS,
        .revocation_required = true,
        .timestamp_revocation_required = true,
    };
    return &neutral;
}
