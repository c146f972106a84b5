#include "formats/formats.h"
#include <libxml/parser.h>
#include <libxml/xmlIO.h>
#include <openssl/crypto.h>
#include <locale.h>

static bool started;

vs_rc vs_formats_init(struct vs_error *err)
{
    if (started)
        return VS_OK;
    /* libarchive loses names that are not ASCII without it. */
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return vs_fail(err, VS_E_INTERNAL, NULL, "the locale C.UTF-8 is missing");
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return vs_fail(err, VS_E_INTERNAL, NULL, "OpenSSL does not start");
    xmlInitParser();
    xmlCleanupInputCallbacks(); /* no file, no network: whatever a document asks for */
    started = true;
    return VS_OK;
}

void vs_formats_done(void)
{
    if (!started)
        return;
    xmlCleanupParser();
    started = false;
}
