/* asic_priv.h - what asic*.c share. */
#ifndef VS_FORMATS_CONTAINER_ASIC_PRIV_H
#define VS_FORMATS_CONTAINER_ASIC_PRIV_H
#include "formats/container/asic.h"

#define VS_ODF_NAMESPACE  "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
#define VS_ASIC_NAMESPACE "http://uri.etsi.org/02918/v1.2.1#"
#define VS_DS_NAMESPACE   "http://www.w3.org/2000/09/xmldsig#"

/* META-INF/manifest.xml: media types into `entries` (asic->entries), notes into `asic`. */
VS_NODISCARD vs_rc vs_asic_read_odf_manifest(struct vs_arena *arena, struct vs_asic *asic,
                                             struct vs_asic_entry *entries,
                                             struct vs_error *err);
#endif
