/* document.h - one document of a bundle as its evidence shows it: document.txt, and its line in
 * the indexes.
 *
 * What the evidence states (parties, times, digest, how far each delivery came) is taken from
 * the evidence that lies in the bundle, by the writer and by the checker alike, so that neither
 * file can say anything else. Given with it, by the document itself or by whoever submitted it:
 * subject, number, date. */
#ifndef VS_FORMATS_BUNDLE_DOCUMENT_H
#define VS_FORMATS_BUNDLE_DOCUMENT_H
#include "formats/evidence/erds.h"

#define VS_BUNDLE_DOCUMENT_MAX ((size_t)1024 * 1024) /* of document.txt */

struct vs_bundle_recipient {
    const char *identifier, *name; /* "voen:2345678912" */
    const char *last;              /* the newest event that concerns it: "ContentConsignment" */
    /* VS_TIME_NONE: no evidence of it */
    vs_time_ms received, handed_over, acknowledged, reached, refused, failed;
};

struct vs_bundle_document {
    const char *id;
    const char *sender, *sender_name;
    vs_time_ms sent; /* Art. 28.1 */
    const char *name, *media_type;
    uint8_t digest[32];                             /* SHA-256 of the original */
    const char *legal_class, *indication, *repeats; /* NULL: not stated */
    struct vs_bundle_recipient *recipients;
    size_t n_recipients;
    /* Given. */
    const char *file; /* "original.asice" */
    uint64_t size;
    const char *subject, *number, *date; /* NULL: none */
};

/* Add what one piece of evidence states; SubmissionAcceptance first, the others in the
 * journal's order. VS_E_BUNDLE: the first is another event, or one is about another document.
 * Texts are copied into `arena`. */
VS_NODISCARD vs_rc vs_bundle_document_take(struct vs_arena *arena,
                                           const struct vs_erds *evidence,
                                           struct vs_bundle_document *document,
                                           struct vs_error *err);

/* document.txt: "Name: value" a line, control characters as spaces. */
void vs_bundle_document_write(struct vs_buffer *to, const struct vs_bundle_document *document);
/* Only what is given (see above) is read from it; *ret_good false where it is not there. */
VS_NODISCARD vs_rc vs_bundle_document_given(struct vs_arena *arena, struct vs_bytes text,
                                            struct vs_bundle_document *document, bool *ret_good,
                                            struct vs_error *err);

/* The name that the original has in a bundle: "original" and its extension, where that is 1 to
 * 8 ASCII letters and digits. NULL: the arena is full. */
const char *vs_bundle_original_name(struct vs_arena *arena, const char *given);
/* "0001-submission-acceptance": how evidence is called, without suffix. */
const char *vs_bundle_evidence_name(struct vs_arena *arena, unsigned number, const char *event);

/* -- index.csv (RFC 4180) and index.html: head, one row a document, tail ------------------- */
void vs_bundle_csv_head(struct vs_buffer *to);
void vs_bundle_csv_row(struct vs_buffer *to, const struct vs_bundle_document *document);
void vs_bundle_html_head(struct vs_buffer *to, vs_time_ms created);
void vs_bundle_html_row(struct vs_buffer *to, const struct vs_bundle_document *document);
void vs_bundle_html_tail(struct vs_buffer *to);
/* readme.txt: what this is and how to check it by public tools, in three languages. */
void vs_bundle_readme(struct vs_buffer *to);
#endif
