/* check.h - verify a bundle without the service: every rule of bag.h, every digest, signature,
 * time mark and proof in it.
 *
 * Two walks in flat memory: the first reads the files beside data/ and compares them with the
 * tag manifest and the origin's statement; the second goes through data/ with the manifest
 * beside it and judges each document once its folder is complete. It stops at the first thing
 * that does not hold and names it.
 *
 * What it proves, given an anchor from elsewhere: that the holder of the service's evidence key
 * stated all this, that each document existed not later than its time marks say, and that the
 * journal held each statement at its checkpoint. NOT that the checkpoint is one of the
 * journal's history (compare it with one from elsewhere), nor that nothing was left out of the
 * bundle. Without an anchor of its own it takes the bundle's root and says so: then a forger of
 * the whole bundle is not found. */
#ifndef VS_FORMATS_BUNDLE_CHECK_H
#define VS_FORMATS_BUNDLE_CHECK_H
#include "formats/bundle/reader.h"

struct vs_trust;

/* Where a document over 4 MiB that lies in a packed archive is kept while it is judged, one at
 * a time. */
struct vs_bundle_spool {
    void *context;
    vs_rc (*begin)(void *context, struct vs_error *err); /* empty */
    vs_rc (*add)(void *context, struct vs_bytes bytes, struct vs_error *err);
    /* All that was added, until the next begin. */
    vs_rc (*end)(void *context, const struct vs_source **ret, struct vs_error *err);
};

struct vs_bundle_check {
    const struct vs_bundle_input *input;
    const struct vs_trust *trust;            /* NULL: the bundle's own root, with a warning */
    vs_time_ms at;                           /* validation time */
    const struct vs_bundle_spool *spools[2]; /* original and consignment */
    /* May be NULL. `total` 0: unknown. */
    void (*progress)(void *context, uint64_t done, uint64_t total);
    void *progress_context;
};

enum { VS_BUNDLE_WARNINGS = 50 };

struct vs_bundle_verdict {
    bool holds;        /* nothing wrong was found, though something may stay open */
    bool undetermined; /* for want of an anchor or revocation data: see warnings */
    /* Where it does not hold: */
    const char *path;   /* the file, or "" for the bundle as a whole */
    const char *rule;   /* stable: "missing-file", "extra-file", "digest", "signature", … */
    const char *clause; /* NULL: none */
    const char *text;   /* what is wrong, one English sentence */
    const char *warnings[VS_BUNDLE_WARNINGS];
    size_t n_warnings, more_warnings;
    /* What was looked at. */
    uint64_t documents, files, bytes, evidence;
    vs_time_ms created;    /* by bag-info.txt */
    const char *signed_by; /* the origin's signer, its whole name; NULL: not reached */
    const char *service;   /* as origin.xml names it: "Vasite (voen:0000000000)" */
    const char *log;       /* the checkpoint's origin line */
    uint64_t log_size;
};

/* OK when a verdict could be given: `*ret` in `arena`. Fails where reading fails (VS_E_IO),
 * memory, or what is given is no bundle's archive at all. */
VS_NODISCARD vs_rc vs_bundle_verify(struct vs_arena *arena, const struct vs_bundle_check *check,
                                    struct vs_bundle_verdict *ret, struct vs_error *err);
/* What to do about a rule's finding, in English; never NULL. */
const char *vs_bundle_remedy(const char *rule);
#endif
