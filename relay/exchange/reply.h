/* reply.h - the recipient's answer as a signed document (Art. 27.2, 27.4): verified, and kept.
 *
 * A reply is an ASiC container whose acknowledgement.xml (formats/document/acknowledgement.h)
 * names the document by id and digest and may state that it conforms. It is judged as a
 * document that the recipient sends to the sender under their agreement: class and level of
 * signature, whose certificate signs (Art. 26); besides, a signature that covers the statement
 * must have passed. A reply that does not hold up to that is no reply at all: nothing is
 * recorded, the recipient may answer again. One that holds and does not state conformity is a
 * refusal. */
#ifndef VS_RELAY_REPLY_H
#define VS_RELAY_REPLY_H
#include "relay/exchange/acknowledge.h"

#define VS_REPLY_MAX_BYTES ((size_t)16 << 20)

/* What the signed `bytes` say about the document of `delivery`. *ret_answer has conforms and
 * reason, in the arena. VS_E_UNSIGNED, VS_E_SIGNATURE_INVALID and the other refusals of a
 * submission; VS_E_REQUISITES: no acknowledgement.xml, or not one; VS_E_REQUISITES_CONFLICT: it
 * is about another document. */
VS_NODISCARD vs_rc vs_reply_judge(struct vs_relay *relay, struct vs_arena *arena,
                                  const struct vs_row *delivery, struct vs_bytes bytes,
                                  vs_time_ms now, struct vs_acknowledgement *ret_answer,
                                  struct vs_error *err);

struct vs_reply_view {
    struct vs_bytes bytes; /* as they came */
    const char *media_type;
    uint8_t sha256[32];
};
/* The kept reply of `recipient` (VS_ID_NONE: the only one, or the caller) for sender and
 * recipient. VS_E_NOT_FOUND: also where the answer was no signed document; VS_E_CORRUPT: the
 * bytes are not those of the digest; VS_E_PARAMETER: which recipient is not said. */
VS_NODISCARD vs_rc vs_reply_get(struct vs_relay *relay, struct vs_arena *arena,
                                const struct vs_caller *caller, struct vs_id document,
                                struct vs_id recipient, struct vs_reply_view *ret,
                                struct vs_error *err);
#endif
