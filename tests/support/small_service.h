/* small_service.h - rows and segments used as the committer uses them, on a lossy disk, with an
 * account of what was acknowledged: what the fault tests of storage have in common. */
#ifndef VS_TESTS_SMALL_SERVICE_H
#define VS_TESTS_SMALL_SERVICE_H
#include "storage/segments.h"
#include "tests/support/fileops_lossy.h"

enum { MOST_DOCUMENTS = 4000 };

enum bug { NO_BUG, ACKNOWLEDGES_EARLY, SWAPS_THE_WRITES };

enum fate { ABSENT, IN_FLIGHT, ACKNOWLEDGED };

struct world {
    struct vs_lossy *disk;
    struct vs_store *store;
    struct vs_segments *segments;
    enum bug bug;
    enum fate documents[MOST_DOCUMENTS];
    size_t n_documents;
    size_t violations; /* of the invariants */
    char first_violation[300];
};

void world_violation(struct world *w, const char *fmt, ...) VS_PRINTF(2, 3);

/* Open all; a failure is a violation unless a fault was injected. */
VS_NODISCARD vs_rc world_start(struct world *w, struct vs_error *err);
void world_stop(struct world *w);
/* Some new documents, of random number, through one commit. */
VS_NODISCARD vs_rc world_batch(struct world *w, struct vs_error *err);
/* Every acknowledged document is there, byte-equal; every other is wholly there (and counts as
 * acknowledged from now on) or absent; the checks of storage find nothing. */
void world_verify(struct world *w);
#endif
