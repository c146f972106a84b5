/* trust.h - the embedded centre over plain HTTP: time marks (RFC 3161, 3.4), OCSP (RFC 6960,
 * appendix A), revocation lists and certificates (RFC 5280, 4.2.1.13 and 4.2.2.1).
 *
 * Everything here is signed or public, so it needs neither TLS nor a caller. Handlers of the
 * rows of gateway/routes.c; the work is relay/centre's. */
#ifndef VS_GATEWAY_TRUST_H
#define VS_GATEWAY_TRUST_H
#include "gateway/http/server.h"

vs_handler vs_trust_tsa;       /* POST /tsa */
vs_handler vs_trust_ocsp_post; /* POST /ocsp */
vs_handler vs_trust_ocsp_get;  /* GET /ocsp/{request...}: base64 of the DER */
vs_handler vs_trust_crl;       /* GET /crl/{file}: root.crl, issuing.crl */
vs_handler
    vs_trust_certificate; /* GET /certificates/{file}: issuing.cer, tsa.cer, SERIAL.cer */
#endif
