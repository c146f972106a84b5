/* fold.h - names that people and file systems take for one name.
 *
 * The key of a name is its canonical decomposition (NFD) after simple case folding, decomposed
 * again: two names have one key exactly when they are equal after NFC and simple case folding
 * (canonical equivalence is the same by either form, UAX #15, 1.1). Unicode 14. Never the
 * user's locale: I folds to i, İ (U+0130) to i with its dot as a mark, ı (U+0131) is itself. */
#ifndef VS_FORMATS_CONTAINER_FOLD_H
#define VS_FORMATS_CONTAINER_FOLD_H
#include "formats/base/base.h"

/* NULL: not UTF-8, or the arena is full. */
const char *vs_name_key(struct vs_arena *arena, struct vs_bytes name);
#endif
