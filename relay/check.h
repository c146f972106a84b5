/* check.h - `vasite check`: the whole store, rows against bytes against journal.
 *
 * Proves that every record is readable, that each document's and delivery's fields are what the
 * signed evidence says, that each evidence file is the one whose digest the journal holds, that
 * tree, checkpoints and anchor agree. It names what is wrong; it mends nothing. */
#ifndef VS_RELAY_CHECK_H
#define VS_RELAY_CHECK_H
#include "relay/relay.h"

struct vs_check_finding {
    const char *what; /* "document", "delivery", "evidence", "batch", "segment", "journal"... */
    const char *where; /* id, or segment and offset */
    const char *text;
};
struct vs_check_result {
    uint64_t documents, deliveries, evidence, batches, records, bytes, journal_size;
    const struct vs_check_finding *findings;
    size_t n_findings; /* at most VS_CHECK_FINDINGS; `more` tells */
    bool more;
};
#define VS_CHECK_FINDINGS 1000

/* `progress` may be NULL: called now and then with what was done and how much there is.
 * An error is returned only where the check itself could not be done. */
VS_NODISCARD vs_rc vs_check(struct vs_relay *relay, struct vs_arena *arena,
                            void (*progress)(void *context, uint64_t done, uint64_t total),
                            void *context, struct vs_check_result *ret, struct vs_error *err);
#endif
