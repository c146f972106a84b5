/* bundles.h - bundles for tests: made by a relay fixture, unpacked, verified. */
#ifndef VS_TESTS_SUPPORT_BUNDLES_H
#define VS_TESTS_SUPPORT_BUNDLES_H
#include "formats/bundle/check.h"
#include "formats/trustlist/trust.h"
#include "relay/archive/exports.h"
#include "tests/support/relay_fixture.h"

/* An archivist of Alfa. */
struct vs_caller bundle_archivist(const struct relay_fixture *fixture,
                                  const struct vs_caller *of);
/* Ask for an export and run all steps, the clock a second further each time, until it is no
 * longer being written. */
vs_rc bundle_export(struct relay_fixture *fixture, const struct vs_caller *caller,
                    const struct vs_export_request *request, const struct vs_export **ret,
                    struct vs_error *err);
/* Asked for and committed, no slice written. */
vs_rc bundle_begin(struct relay_fixture *fixture, const struct vs_caller *caller,
                   const struct vs_export_request *request, const struct vs_export **ret,
                   struct vs_error *err);
/* The archive of a finished export as a file `path` under the fixture's folder. */
const char *bundle_fetch(struct relay_fixture *fixture, const struct vs_caller *caller,
                         struct vs_id id);
/* All files of an archive under `folder` (made), below no folder of their own. */
void bundle_unpack(struct relay_fixture *fixture, const char *archive, const char *folder);
/* Verify a file or a folder with the fixture's root as anchor (`anchored`), at its clock. */
vs_rc bundle_verify(struct relay_fixture *fixture, const char *path, bool anchored,
                    struct vs_bundle_verdict *ret, struct vs_error *err);
#endif
