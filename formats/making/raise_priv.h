/* raise_priv.h - what raise.c asks of each form. */
#ifndef VS_FORMATS_MAKING_RAISE_PRIV_H
#define VS_FORMATS_MAKING_RAISE_PRIV_H
#include "formats/container/asic.h"
#include "formats/making/raise.h"
#include "formats/signature/cms.h"
#include "formats/signature/xmldsig.h"

/* One signature as it stands. Views live in the part's arena. */
struct vs_raise_state {
    bool marked, has_data, archived;
    const struct vs_bytes *signers; /* certificates of the signers, as far as enclosed */
    size_t n_signers;
    const struct vs_bytes *tokens; /* all time marks */
    size_t n_tokens;
    const struct vs_bytes *known; /* all certificates enclosed */
    size_t n_known;
};

/* One file with signatures: the document itself, or an entry of a container. */
struct vs_raise_part {
    struct vs_arena *arena;
    const struct vs_raise_form *form;
    const struct vs_asic_entry *entry; /* NULL: the document */
    struct vs_bytes text;              /* as it is now */
    bool changed;
    size_t n;                         /* signatures */
    struct vs_dsig_resolver resolver; /* data outside, for XAdES */
    const struct vs_source *content;  /* detached content, for CAdES; NULL: none */
    enum vs_digest_algorithm digest;
};

struct vs_raise_addition {
    struct vs_bytes mark;
    bool archive; /* the mark is an archive time mark */
    const struct vs_raise_data *data;
};

struct vs_raise_form {
    /* Number of signatures in part->text. */
    vs_rc (*count)(struct vs_raise_part *part, size_t *ret, struct vs_error *err);
    vs_rc (*state)(struct vs_raise_part *part, size_t i, struct vs_raise_state *ret,
                   struct vs_error *err);
    vs_rc (*imprint)(struct vs_raise_part *part, size_t i, bool archive, struct vs_digest *ret,
                     struct vs_error *err);
    /* part->text becomes the raised one. */
    vs_rc (*add)(struct vs_raise_part *part, size_t i, const struct vs_raise_addition *addition,
                 struct vs_error *err);
    bool as_a_whole; /* one step raises all its signatures */
};
extern const struct vs_raise_form vs_raise_xades, vs_raise_cades, vs_raise_pades;

/* Among the certificates enclosed; empty: it is not. */
struct vs_bytes vs_raise_signer_of(const struct vs_cms *cms,
                                   const struct vs_cms_signer *signer);
/* VS_E_PARAMETER: content that an archive time mark covers is not at hand. */
VS_NODISCARD vs_rc vs_raise_no_content(struct vs_error *err);
#endif
