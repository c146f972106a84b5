/* bundle_folder.h - an unpacked bundle as formats/bundle/reader.h reads it: files in the order
 * of their names. Links are not followed; what is no plain file is refused (VS_E_BUNDLE).
 * Memory grows with the names of one folder at a time. */
#ifndef VS_GATEWAY_CLI_BUNDLE_FOLDER_H
#define VS_GATEWAY_CLI_BUNDLE_FOLDER_H
#include "formats/bundle/reader.h"

struct vs_bundle_folder {
    struct vs_bundle_input input;
    const char *path;
};
/* In the caller's memory; `path` must outlive it. */
void vs_bundle_folder_init(struct vs_bundle_folder *folder, const char *path);
#endif
