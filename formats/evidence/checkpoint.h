/* checkpoint.h - a journal's signed size and root: C2SP tlog-checkpoint in a C2SP signed note.
 *
 *     ORIGIN \n SIZE \n BASE64(ROOT) \n [EXTENSION \n]... \n
 *     — NAME BASE64(KEY ID || SIGNATURE) \n
 *
 * Ed25519: key id = first four bytes of SHA-256(NAME \n 0x01 PUBLIC KEY), the signature is over
 * the text up to and with the newline before the empty line. Here NAME is ORIGIN. Signing
 * itself is the caller's (relay/seal/keys): make the body, have it signed, make the note.
 *
 * A checkpoint proves that the holder of the key vouched for a root; that two checkpoints
 * belong to one history is a consistency proof's matter (merkle.h). */
#ifndef VS_FORMATS_EVIDENCE_CHECKPOINT_H
#define VS_FORMATS_EVIDENCE_CHECKPOINT_H
#include "formats/evidence/merkle.h"

#define VS_CHECKPOINT_MAX_BYTES      ((size_t)16 * 1024)
#define VS_CHECKPOINT_MAX_EXTENSIONS 16

struct vs_checkpoint {
    const char *origin; /* names the log: printable ASCII without space and '+' */
    uint64_t size;
    struct vs_hash root;
    const char *extensions[VS_CHECKPOINT_MAX_EXTENSIONS]; /* one line each, without newline */
    size_t n_extensions;
};

/* The text to be signed. VS_E_PARAMETER: an origin or extension that a note cannot hold. */
VS_NODISCARD vs_rc vs_checkpoint_body(struct vs_arena *arena,
                                      const struct vs_checkpoint *checkpoint,
                                      struct vs_bytes *ret, struct vs_error *err);

/* The note: body, empty line, signature line. */
VS_NODISCARD vs_rc vs_checkpoint_note(struct vs_arena *arena, const char *origin,
                                      struct vs_bytes body, const uint8_t public_key[32],
                                      const uint8_t signature[64], struct vs_bytes *ret,
                                      struct vs_error *err);

/* Read a note, its signatures unchecked. Strict: one encoding of each value. VS_E_SYNTAX,
 * VS_E_LIMIT. */
VS_NODISCARD vs_rc vs_checkpoint_read(struct vs_arena *arena, struct vs_bytes note,
                                      struct vs_checkpoint *ret, struct vs_error *err);

/* Verdict: whether one signature line, named by the note's origin, is by this key. Lines of
 * other names or key ids (witnesses) are passed over. `*ret` is set on OK only. */
VS_NODISCARD vs_rc vs_checkpoint_verify(struct vs_bytes note, const uint8_t public_key[32],
                                        bool *ret, struct vs_error *err);

/* "NAME+KEYID+BASE64(0x01 PUBLIC KEY)": C2SP's verifier key, as tools want it. */
char *vs_checkpoint_verifier_key(struct vs_arena *arena, const char *origin,
                                 const uint8_t public_key[32]);
#endif
