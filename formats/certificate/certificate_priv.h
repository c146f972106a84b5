/* certificate_priv.h - what the files of certificate.h share. */
#ifndef VS_FORMATS_CERTIFICATE_PRIV_H
#define VS_FORMATS_CERTIFICATE_PRIV_H
#include "formats/certificate/certificate.h"
#include "formats/crypto/der.h"

/* Read `extensions` (content of the SEQUENCE OF Extension) into `certificate`. */
VS_NODISCARD vs_rc vs_certificate_read_extensions(struct vs_certificate *certificate,
                                                  struct vs_der extensions,
                                                  struct vs_error *err);

VS_NODISCARD vs_rc vs_certificate_malformed(struct vs_error *err, const char *clause,
                                            const char *what);

/* A SEQUENCE OF SET OF attributes, none empty, at most 64 in all. */
bool vs_name_well_formed(struct vs_bytes name);
#endif
