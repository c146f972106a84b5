/* openssl.h - material for tests made by the openssl command line, which our code did not make.
 *
 * One temporary folder per test program, removed at its end. */
#ifndef VS_TESTS_SUPPORT_OPENSSL_H
#define VS_TESTS_SUPPORT_OPENSSL_H
#include "formats/certificate/certificate.h"

/* Run a shell command in the temporary folder; what it prints goes to the file "log" there.
 * Its exit status. */
int openssl_run(const char *fmt, ...) VS_PRINTF(1, 2);
/* The same; ends the test program with the log's text when it fails. */
void openssl_must(const char *fmt, ...) VS_PRINTF(1, 2);

/* Content of a file of the folder, in memory that lives until the program ends. */
struct vs_bytes openssl_file(const char *name);
void openssl_write(const char *name, struct vs_bytes content);
/* A file anywhere ("" if it cannot be read). */
struct vs_bytes openssl_outside_file(const char *path);
/* Make NAME.key (P-256 unless it is there), NAME.pem and NAME.der: a certificate for `subject`
 * ("/C=AZ/CN=x", UTF-8) with the extensions of `lines` (as openssl.cnf has them), issued by
 * ISSUER.pem or, where `issuer` is NULL, self-signed. `options` are for openssl x509, "" for
 * 3,650 days from now. */
void openssl_issue(const char *name, const char *subject, const char *issuer, const char *lines,
                   const char *options);
/* NAME.der decoded; lives until the program ends. */
struct vs_certificate *openssl_certificate(const char *name);
/* Path of the folder. */
const char *openssl_folder(void);
#endif
