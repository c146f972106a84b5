/* raise.h - signed documents raised to a level: B-T, B-LT, B-LTA (EN 319 132-1, 122-1, 142-1),
 * whatever their form and whoever made them.
 *
 * Pure: time marks and validation data are asked for one by one and come from the caller.
 *
 *   vs_raise_begin(arena, document, options, &raising)
 *   while (vs_raise_need(raising, &need), need.kind != VS_RAISE_DONE)
 *       vs_raise_mark(raising, token)  or  vs_raise_data(raising, data)
 *   vs_raise_result(raising)
 *
 * Every signature that is below the level is raised; one that has it gets, for B-LTA, an
 * archive time mark more (a renewal: first what later judges need of the older marks). Original
 * bytes stay as they are: an XML file is spliced, a PDF gets an update, a container is laid out
 * anew with the same entries. A PDF reaches B-T by a document time mark, since the signature
 * inside is covered by what follows it.
 *
 * Nothing is judged here: a signature that does not hold is raised as well as one that does.
 * Judge first (formats/validation). Of a token only the imprint is compared. */
#ifndef VS_FORMATS_MAKING_RAISE_H
#define VS_FORMATS_MAKING_RAISE_H
#include "formats/crypto/digest.h"
#include "formats/validation/policy.h"
#include "formats/validation/validation.h"

struct vs_raise_options {
    enum vs_level level;               /* T, LT or LTA */
    enum vs_digest_algorithm digest;   /* of imprints; VS_DIGEST_NONE: SHA-256 */
    const struct vs_content *contents; /* detached content, for archive time marks */
    size_t n_contents;
};

enum vs_raise_need_kind { VS_RAISE_DONE, VS_RAISE_MARK, VS_RAISE_DATA };
struct vs_raise_need {
    enum vs_raise_need_kind kind;
    struct vs_digest imprint; /* MARK: what the token must carry */
    /* DATA: DER of the certificates whose chains must be judged later (the signer's, those of
     * time marks), and of others that are at hand. */
    const struct vs_bytes *subjects, *known;
    size_t n_subjects, n_known;
};
struct vs_raise_data {
    const struct vs_bytes *certificates, *ocsp_responses, *crls; /* DER */
    size_t n_certificates, n_ocsp_responses, n_crls;
};

struct vs_raising; /* lives in its arena; one thread */

/* `document` and the contents must outlive the result. VS_E_SIGNATURE_FORM: no signature in it,
 * or a form that is not raised here; VS_E_LIMIT; as readers of the form fail. */
VS_NODISCARD vs_rc vs_raise_begin(struct vs_arena *arena, const struct vs_source *document,
                                  const struct vs_raise_options *options,
                                  struct vs_raising **ret, struct vs_error *err);
/* What is wanted next; the same until it was given. VS_E_PARAMETER: a content is missing. */
VS_NODISCARD vs_rc vs_raise_need(struct vs_raising *raising, struct vs_raise_need *ret,
                                 struct vs_error *err);
/* VS_E_TIMESTAMP: a token over something else. Copied. */
VS_NODISCARD vs_rc vs_raise_mark(struct vs_raising *raising, struct vs_bytes token,
                                 struct vs_error *err);
VS_NODISCARD vs_rc vs_raise_data(struct vs_raising *raising, const struct vs_raise_data *data,
                                 struct vs_error *err);
/* Once nothing is needed: the document, in the arena; `document` itself where nothing was to
 * be done. */
VS_NODISCARD vs_rc vs_raise_result(struct vs_raising *raising, const struct vs_source **ret,
                                   struct vs_error *err);
#endif
