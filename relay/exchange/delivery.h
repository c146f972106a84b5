/* delivery.h - one delivery as rows hold it, joined with its document and the parties' names.
 */
#ifndef VS_RELAY_DELIVERY_H
#define VS_RELAY_DELIVERY_H
#include "relay/exchange/mailbox.h"
#include "storage/store.h"

/* Keeps what the entries of one page have in common. Zero it first. */
struct vs_delivery_loader {
    struct vs_relay *relay;
    struct vs_arena *arena;
    const struct vs_row *document; /* the last one */
    const struct vs_participant *parties[8];
    unsigned next_party;
};
/* `place`: the column that is its sequence in this list (VS_DELIVERY_MAILBOX,
 * VS_DELIVERY_EVENT). */
VS_NODISCARD vs_rc vs_delivery_load(struct vs_delivery_loader *loader, const struct vs_row *row,
                                    unsigned place, const struct vs_delivery **ret,
                                    struct vs_error *err);
/* Whether the recipient sees it, its metadata and evidence: by its state, or because it was
 * asked (Art. 26): what it once saw stays seen, while it is pushed and after that failed. */
bool vs_delivery_seen(const struct vs_row *row);
#endif
