/* bag.h - what a bundle is: a BagIt bag (RFC 8493, version 1.0) of one layout.
 *
 *   bagit.txt, bag-info.txt       as RFC 8493, 2.1.1 and 2.2.2 have them
 *   data/authority/...            certificates and revocation lists of the service's centre
 *   data/checkpoint-NNN.txt       of each earlier log of the journal (a restored service begins
 *                                 a new one): its number and last signed checkpoint
 *   data/checkpoint.pem, .txt     the journal's key and signed checkpoint: all proofs lead to
 * it data/documents/ID/...         one folder a document: certificates/NNNN.cer      DER: all
 * that its signatures and time marks use consignment.asice         the original with its
 * submission evidence, sealed document.txt              how it stood: NAME: VALUE a line
 *       evidence/NNNN-EVENT.xml    signed evidence in the journal's order; beside each
 *                .ers             its evidence record (RFC 4998)
 *                .json            its leaf in the journal and the proof of inclusion (proof.h)
 *       original.EXT              as it came, bit for bit
 *       revocation/NNNN.crl, .ocsp DER, likewise
 *   index.csv, index.html         one line a document, for people; made from the document.txt
 *   manifest-sha256.txt           of all under data/, in strictly ascending order of names
 *   origin.xml                    signed evidence (BundleExport) over the other files here
 *   readme.txt                    how to check all this with public tools
 *   tagmanifest-sha256.txt        of all files but data/ and itself
 *
 * In an archive all lie in one folder, payload first and in the manifest's order, so that a
 * reader needs no memory of what it has seen. Names hold lower-case ASCII letters, digits, '-',
 * '_' and '.' (evidence's events keep their capitals out), no segment begins with '.': names
 * that lead elsewhere, or are alike, cannot be written. */
#ifndef VS_FORMATS_BUNDLE_BAG_H
#define VS_FORMATS_BUNDLE_BAG_H
#include "formats/base/base.h"

enum { VS_BAG_PATH_MAX = 200, VS_BAG_LINE_MAX = VS_BAG_PATH_MAX + 68 };

/* Files beside data/. */
enum vs_bag_tag {
    VS_BAG_BAGIT,
    VS_BAG_INFO,
    VS_BAG_INDEX_CSV,
    VS_BAG_INDEX_HTML,
    VS_BAG_MANIFEST,
    VS_BAG_ORIGIN,
    VS_BAG_README,
    VS_BAG_TAGMANIFEST,
    VS_BAG_TAGS
};
const char *vs_bag_tag_name(enum vs_bag_tag tag); /* "bagit.txt" */
/* VS_BAG_TAGS: none of them. */
enum vs_bag_tag vs_bag_tag_of(const char *path);
/* Whether origin.xml states the digest of it: all but itself and the tag manifest. */
bool vs_bag_tag_is_stated(enum vs_bag_tag tag);

/* Whether `path` may stand in a bundle at all. */
bool vs_bag_path_good(const char *path);
bool vs_bag_path_is_payload(const char *path);

/* "DIGEST  PATH\n", as sha256sum writes and reads it. */
void vs_bag_line(struct vs_buffer *to, const uint8_t sha256[32], const char *path);
/* One line without its newline; false where it is not exactly that. */
bool vs_bag_line_read(struct vs_bytes line, uint8_t ret_sha256[32],
                      char ret_path[VS_BAG_PATH_MAX + 1]);

/* What bag-info.txt says besides fixed words. */
struct vs_bag_info {
    const char *id;             /* of the export: External-Identifier */
    const char *organisation;   /* the service: Source-Organization */
    vs_time_ms created;         /* Bagging-Date, and to the second in Vasite-Created */
    uint64_t documents;         /* Vasite-Documents */
    uint64_t octets, files;     /* Payload-Oxum */
    const char *description[3]; /* az, en, ru */
};
void vs_bag_info_write(struct vs_buffer *to, const struct vs_bag_info *info);
void vs_bag_bagit_write(struct vs_buffer *to);
/* Payload-Oxum and Vasite-Documents of a bag-info.txt; false where they are not there once. */
bool vs_bag_info_read(struct vs_bytes text, uint64_t *ret_octets, uint64_t *ret_files,
                      uint64_t *ret_documents, vs_time_ms *ret_created);
#endif
