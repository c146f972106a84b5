/* formats.h - start-up of the libraries that formats/ uses: once, before anything else here. */
#ifndef VS_FORMATS_FORMATS_H
#define VS_FORMATS_FORMATS_H
#include "formats/base/base.h"

/* Safe to call again, from one thread at a time. VS_E_INTERNAL: a library does not start. */
VS_NODISCARD vs_rc vs_formats_init(struct vs_error *err);
/* For leak checkers; nothing of formats/ may be used afterwards. */
void vs_formats_done(void);
#endif
