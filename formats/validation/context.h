/* context.h - what one validation works with: its input, its pools, what it still needs.
 *
 * Internal to formats/validation. Everything lives in the arena but the counted certificates,
 * which vs_context_done releases. */
#ifndef VS_FORMATS_VALIDATION_CONTEXT_H
#define VS_FORMATS_VALIDATION_CONTEXT_H
#include "formats/certificate/crl.h"
#include "formats/certificate/ocsp.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/reasons.h"
#include "formats/validation/validation.h"

enum {
    VS_POOL_MAX = 256, /* certificates, responses or CRLs of one document: the rest is left */
    /* What one document may make us verify; more is refused (VS_E_LIMIT). */
    VS_SIGNATURES_MAX = 256,
    VS_STAMPS_MAX = 1024,
    /* Responses and lists about one certificate whose signature is looked at. */
    VS_ANSWERS_MAX = 16,
};

/* A proof that an object existed at `time` (EN 319 102-1, 5.6.2.3): by the SHA-256 of its
 * bytes. */
struct vs_poe {
    uint8_t digest[32];
    vs_time_ms time;
};

/* An object of a reader that the pools point into: freed with the context. */
struct vs_kept {
    void *object;
    void (*free)(void *object);
    struct vs_kept *next;
};

struct vs_context {
    struct vs_arena *arena;
    const struct vs_validation_input *input;
    const struct vs_policy *policy;
    struct vs_report *report;
    size_t room_signatures, room_timestamps, room_records, room_needs;

    const struct vs_certificate *certificates[VS_POOL_MAX]; /* each a reference held */
    size_t n_certificates;
    const struct vs_ocsp *ocsp[VS_POOL_MAX];
    size_t n_ocsp;
    const struct vs_crl *crls[VS_POOL_MAX];
    size_t n_crls;
    /* Certificates that input->lookup was asked about already. */
    const struct vs_certificate *asked[VS_POOL_MAX];
    size_t n_asked;
    struct vs_poe *poes;
    size_t n_poes, room_poes;
    struct vs_kept *kept;
};

void vs_context_init(struct vs_context *context, struct vs_arena *arena,
                     const struct vs_validation_input *input, struct vs_report *report);
void vs_context_done(struct vs_context *context);

/* Takes `object`, which lives on until vs_context_done. VS_E_NOMEM: freed at once. */
VS_NODISCARD vs_rc vs_context_keep(struct vs_context *context, void *object,
                                   void (*free_object)(void *object), struct vs_error *err);

/* Add to the pools, each object once. What is unreadable is left out: `*ret` (may be NULL) is
 * then NULL, nothing fails. */
void vs_context_add_certificate(struct vs_context *context, struct vs_bytes der,
                                const struct vs_certificate **ret);
void vs_context_add_ocsp(struct vs_context *context, struct vs_bytes der);
void vs_context_add_crl(struct vs_context *context, struct vs_bytes der);
/* Ask input->lookup about a certificate, once. */
void vs_context_look_up(struct vs_context *context, const struct vs_certificate *certificate,
                        const struct vs_certificate *issuer);

/* A new report entry, zeroed; NULL: the arena is full. The next call of the same function moves
 * the entries: hold no pointer over it. */
struct vs_signature_report *vs_context_new_signature(struct vs_context *context);
struct vs_timestamp_report *vs_context_new_timestamp(struct vs_context *context);
struct vs_evidence_record_report *vs_context_new_record(struct vs_context *context);
/* The addresses at which `certificate`'s status, or its issuer, may be asked for; each once. */
void vs_context_need_status(struct vs_context *context,
                            const struct vs_certificate *certificate,
                            const struct vs_certificate *issuer, vs_time_ms at);
void vs_context_need_issuer(struct vs_context *context,
                            const struct vs_certificate *certificate);

/* The earliest moment at which the whole document is known to have existed. */
static inline vs_time_ms vs_context_proved(const struct vs_context *context)
{
    const struct vs_validation_input *input = context->input;
    return input->proved != 0 && input->proved < input->at ? input->proved : input->at;
}
/* POE table. `vs_poe_of`: the earliest known, at worst the validation time. */
void vs_poe_add(struct vs_context *context, struct vs_bytes object, vs_time_ms time);
vs_time_ms vs_poe_of(const struct vs_context *context, struct vs_bytes object);
#endif
