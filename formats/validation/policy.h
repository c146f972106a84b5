/* policy.h - what a caller asks of a signature beyond EN 319 102-1 itself.
 *
 * The default is neutral: everything the standard leaves open is decided as its own defaults
 * say. The agreement between parties (Art. 26) turns into one of these. */
#ifndef VS_FORMATS_VALIDATION_POLICY_H
#define VS_FORMATS_VALIDATION_POLICY_H
#include "formats/base/base.h"

enum vs_level { VS_LEVEL_NONE, VS_LEVEL_B, VS_LEVEL_T, VS_LEVEL_LT, VS_LEVEL_LTA };

struct vs_policy {
    const char *name;
    enum vs_level minimum_level; /* below it: SIG_CONSTRAINTS_FAILURE */
    /* How old revocation data without nextUpdate may be at the time that counts (5.2.5); data
     * with a nextUpdate is fresh until then. */
    int64_t freshness_ms;
    /* How much later than the best signature time a revocation answer's own time may lie, or
     * than the claimed signing time a time mark; 0: no limit. */
    int64_t timestamp_delay_ms;
    /* A container's data object that no signature refers to makes the whole file refused; with
     * this it is an error of the report, and the overall verdict INDETERMINATE at best. */
    bool report_unsigned_files;
    bool revocation_required;           /* of the signer's chain, anchors excepted */
    bool timestamp_revocation_required; /* of a TSA's chain, anchors excepted */
};

/* Never changes, never freed. */
const struct vs_policy *vs_policy_default(void);
#endif
