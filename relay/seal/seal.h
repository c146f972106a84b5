/* seal.h - what the service signs for others to check: evidence (XAdES enveloped) and the seal
 * of a consignment (XAdES detached, over original and evidence).
 *
 * The service never touches the original (Art. 24, 31.7): the consignment is a container of its
 * own, laid out from stored parts whenever somebody asks, the same bits each time; only the
 * seal is stored. A seal carries a time mark of its own (B-T), or none (B-B): then the batch's
 * evidence record is in the consignment once the batch has its mark. */
#ifndef VS_RELAY_SEAL_H
#define VS_RELAY_SEAL_H
#include "formats/crypto/digest.h"
#include "relay/seal/batch.h"

struct vs_sealer; /* the certificates of seal and evidence, rendered once */

VS_NODISCARD vs_rc vs_sealer_open(struct vs_relay *relay, struct vs_error *err);
void vs_sealer_close(struct vs_relay *relay);
/* DER of the certificate that evidence is signed with. */
struct vs_bytes vs_sealer_evidence_certificate(const struct vs_relay *relay);

/* `xml` is canonical evidence without signature (formats/evidence/erds.h). */
VS_NODISCARD vs_rc vs_seal_evidence(struct vs_relay *relay, struct vs_arena *arena,
                                    struct vs_bytes xml, vs_time_ms now, struct vs_bytes *ret,
                                    struct vs_error *err);

enum vs_seal_mark {                    /* as kept in document rows */
                    VS_SEAL_TOKEN = 1, /* a time mark of its own, in the seal */
                    VS_SEAL_BATCH = 2, /* the batch's evidence record */
};
struct vs_seal_input {
    const char *name, *media_type; /* of the original, as given */
    const uint8_t *original;       /* SHA-256 */
    const uint8_t *evidence;
    bool own_mark; /* ask for a token; where none is to be had, policy `later` falls to batch */
};
struct vs_sealed {
    struct vs_bytes xml; /* META-INF/signatures0.xml */
    uint8_t digest[32];
    enum vs_seal_mark mark;
    vs_time_ms mark_time; /* VS_TIME_NONE */
};
/* VS_E_TSA_AWAY under policy `wait`. */
VS_NODISCARD vs_rc vs_seal_make(struct vs_relay *relay, struct vs_arena *arena,
                                const struct vs_seal_input *input, vs_time_ms now,
                                struct vs_sealed *ret, struct vs_error *err);

/* -- laying out ---------------------------------------------------------------------------- */
struct vs_consignment {
    const char *name, *media_type; /* of the original, as given */
    const struct vs_source *original;
    uint32_t original_crc32;
    const uint8_t *original_digest, *seal_digest, *evidence_digest;
    struct vs_bytes evidence, seal;
    struct vs_bytes record; /* of the batch; none: not marked, or the seal has its own */
};
VS_NODISCARD vs_rc vs_consignment_layout(struct vs_arena *arena,
                                         const struct vs_consignment *parts,
                                         const struct vs_source **ret, struct vs_error *err);
/* The file that holds evidence.xml and its record (ASiC-S). */
VS_NODISCARD vs_rc vs_evidence_layout(struct vs_arena *arena, struct vs_bytes evidence,
                                      struct vs_bytes record, const struct vs_source **ret,
                                      struct vs_error *err);
#endif
