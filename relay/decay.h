/* decay.h - what of the store has decayed: every row and every record against its checksum,
 * read through beside the running service.
 *
 * For the daemon's look after each start. It finds decay, not forgery (check.h does), and it
 * mends nothing: what it names is answered as VS_E_CORRUPT, the rest keeps working. */
#ifndef VS_RELAY_DECAY_H
#define VS_RELAY_DECAY_H
#include "relay/relay.h"

struct vs_decay {
    /* Called for each thing that cannot be read: a table or "segment", its key or place. */
    void (*fault)(void *context, const char *what, const char *where, const char *text);
    /* Called after each row and record: the caller's pace. False ends the look. */
    bool (*go_on)(void *context);
    void *context;
    uint64_t rows, records, faults; /* what was looked at */
};
/* Any one thread. VS_OK also when it was ended early; fails as reads do. */
VS_NODISCARD vs_rc vs_decay_look(struct vs_relay *relay, struct vs_decay *decay,
                                 struct vs_error *err);
#endif
