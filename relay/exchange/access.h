/* access.h - who may see what of a document: its parties and the supervising authority, nobody
 * else (Art. 35). Whoever may not gets the answer for an unknown id: VS_E_NOT_FOUND. */
#ifndef VS_RELAY_ACCESS_H
#define VS_RELAY_ACCESS_H
#include "relay/exchange/principals.h"
#include "storage/store.h"

enum vs_party_kind {
    VS_PARTY_SENDER,
    VS_PARTY_RECIPIENT, /* of a delivery that it may see */
    VS_PARTY_AUDITOR,
};
struct vs_access {
    enum vs_party_kind party;
    const struct vs_row *document; /* NULL: a refused submission */
    const struct vs_row *refusal;  /* NULL: a document */
    const struct vs_row *delivery; /* the recipient's own; NULL for others */
};
VS_NODISCARD vs_rc vs_access_find(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_caller *caller, struct vs_id id,
                                  struct vs_access *ret, struct vs_error *err);
#endif
