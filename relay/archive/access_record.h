/* access_record.h - who looked at what of a document (Art. 31.4, 35).
 *
 * One row for a document, a principal and what it looked at: when first, when last, how often.
 * Noting costs no commit: it is gathered in memory and written together, about once a second
 * and at the end of a run; a crash loses the last second of it. What must not be lost, the
 * reading of content by the supervising authority, is an act (inspection.h), and a recipient's
 * first complete download is evidence. Beyond VS_ACCESS_WAITING different entries in that
 * second the noter writes them itself. The rows go with their document. */
#ifndef VS_RELAY_ARCHIVE_ACCESS_RECORD_H
#define VS_RELAY_ARCHIVE_ACCESS_RECORD_H
#include "relay/exchange/principals.h"

#define VS_ACCESS_WAITING 4096

enum vs_access_what {
    VS_ACCESS_STATUS,
    VS_ACCESS_EVIDENCE,
    VS_ACCESS_ORIGINAL,
    VS_ACCESS_CONSIGNMENT,
    VS_ACCESS_WHATS,
};
const char *vs_access_what_name(enum vs_access_what what);

/* Any thread. */
void vs_access_note(struct vs_relay *relay, const struct vs_caller *caller,
                    struct vs_id document, enum vs_access_what what);

struct vs_access_entry {
    struct vs_id document, principal, participant;
    const char *what;
    vs_time_ms first, last;
    int64_t count;
};
/* Of one document, in order of principal. Operators and auditors (VS_E_FORBIDDEN). What was
 * noted within the last second may be missing. */
VS_NODISCARD vs_rc vs_access_list(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_caller *caller, struct vs_id document,
                                  const struct vs_access_entry **ret, size_t *ret_n,
                                  struct vs_error *err);

/* -- relay's own --------------------------------------------------------------------------- */
struct vs_access_notes;
struct vs_access_notes *vs_access_notes_new(void);
void vs_access_notes_free(struct vs_access_notes *notes);
/* With each clockwork step: what waits is queued to be written. */
void vs_access_step(struct vs_relay *relay);
/* At close, when nothing runs any more. */
void vs_access_flush(struct vs_relay *relay);
#endif
