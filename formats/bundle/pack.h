/* pack.h - write an archive of files in slices: tar in zstd (libarchive), or ZIP.
 *
 * What one slice wrote is complete by itself: the next slice, perhaps of another process after
 * a crash, goes on behind it. Of a .tar.zst each slice is one zstd frame; a ZIP's central
 * directory is kept beside by the caller until the end. Entries are regular files of one time
 * and owner, in the order given; the same calls give the same bytes. A ZIP's entries are
 * stored, not deflated, with their sizes in their local headers, as unpack.h wants to read
 * them.
 *
 * Names are the caller's: relative, ASCII, safe (bag.h checks them). */
#ifndef VS_FORMATS_BUNDLE_PACK_H
#define VS_FORMATS_BUNDLE_PACK_H
#include "formats/base/base.h"

enum vs_pack_form { VS_PACK_TAR_ZST = 1, VS_PACK_ZIP = 2 };
const char *vs_pack_suffix(enum vs_pack_form form);     /* ".tar.zst", ".zip" */
const char *vs_pack_media_type(enum vs_pack_form form); /* "application/zstd", … */

typedef vs_rc (*vs_pack_sink)(void *context, struct vs_bytes bytes, struct vs_error *err);

struct vs_pack_options {
    enum vs_pack_form form;
    vs_pack_sink archive;   /* takes the archive's bytes, in order */
    vs_pack_sink directory; /* ZIP only: takes its central directory's, to be given back */
    void *context;          /* of both */
    uint64_t offset;        /* octets that earlier slices wrote to `archive` */
    uint64_t n_entries;     /* files that earlier slices wrote */
    vs_time_ms time;        /* of every entry, in whole seconds */
};

struct vs_pack; /* one slice */

VS_NODISCARD vs_rc vs_pack_new(const struct vs_pack_options *options, struct vs_pack **ret,
                               struct vs_error *err);
/* Add a file; `ret_sha256` (may be NULL) gets the SHA-256 of its content. Fails as the source
 * and the sinks do; then the slice is lost. */
VS_NODISCARD vs_rc vs_pack_source(struct vs_pack *pack, const char *name,
                                  const struct vs_source *source, uint8_t ret_sha256[32],
                                  struct vs_error *err);
VS_NODISCARD vs_rc vs_pack_bytes(struct vs_pack *pack, const char *name, struct vs_bytes bytes,
                                 uint8_t ret_sha256[32], struct vs_error *err);
/* Everything of this slice is with the sinks. `last`: the archive ends here; a ZIP's directory
 * is read back from `directory` (all that the sink took, with this slice's). */
VS_NODISCARD vs_rc vs_pack_end(struct vs_pack *pack, bool last,
                               const struct vs_source *directory, struct vs_error *err);
/* Files so far, with those of earlier slices (of a ZIP; what `n_entries` wants). */
uint64_t vs_pack_entries(const struct vs_pack *pack);
void vs_pack_free(struct vs_pack *pack); /* NULL is fine; not ended: the slice is lost */
#endif
