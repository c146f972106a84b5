/* ades.h - CAdES and PAdES files of the small certificate world (pki.h) for tests, of any
 * level, made with formats/signature's makers. Aborts where something fails. */
#ifndef VS_TESTS_SUPPORT_ADES_H
#define VS_TESTS_SUPPORT_ADES_H
#include "formats/signature/cades_make.h"
#include "formats/signature/pades_make.h"
#include "formats/validation/validation.h"
#include "tests/support/documents.h"

struct test_ades {
    const struct vs_pki_party *signer;       /* NULL: pki->person */
    struct vs_signature_algorithm algorithm; /* all zero: the key's default */
    enum vs_level level;
    vs_time_ms signed_at; /* marks follow second by second */
    const struct vs_signature_claims *claims;
    bool attached;                          /* CAdES */
    struct vs_bytes existing;               /* CAdES: a file that is signed in parallel */
    const struct vs_pades_visible *visible; /* PAdES */
    unsigned certify;
    const char *field;
};
struct vs_bytes test_cades(struct vs_pki *pki, const struct test_ades *options,
                           struct vs_bytes content);
struct vs_bytes test_pades(struct vs_pki *pki, const struct test_ades *options,
                           struct vs_bytes pdf);
/* A small sound PDF of `pages` pages; `stream`: with a cross-reference stream. */
struct vs_bytes test_pdf(struct vs_arena *arena, unsigned pages, bool stream);

/* The verdict on a file, with fresh answers about person and TSA at hand. `content` is detached
 * content, .ptr NULL: none. */
const struct vs_report *test_judge(struct vs_pki *pki, struct vs_arena *arena,
                                   struct vs_bytes file, struct vs_bytes content,
                                   vs_time_ms at);
#endif
