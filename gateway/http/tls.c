#include "gateway/http/http_priv.h"
#include <gnutls/x509.h>

enum { MAX_CHAIN = 8 };

static gnutls_datum_t datum(struct vs_bytes bytes)
{
    /* GnuTLS takes a pointer to non-const and does not write through it. */
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)bytes.ptr, (unsigned)bytes.len};
}

/* That key and certificate belong together: only a credentials object compares them. */
static int pair_matches(struct vs_bytes certificate_pem, struct vs_bytes key_pem)
{
    gnutls_certificate_credentials_t trial;
    int rc = gnutls_certificate_allocate_credentials(&trial);
    if (rc < 0)
        return rc;
    gnutls_datum_t certificate = datum(certificate_pem), key = datum(key_pem);
    rc = gnutls_certificate_set_x509_key_mem(trial, &certificate, &key, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(trial);
    return rc < 0 ? rc : 0;
}

vs_rc vs_http_credential_new(struct vs_bytes certificate_pem, struct vs_bytes key_pem,
                             struct credential **ret, struct vs_error *err)
{
    int rc = pair_matches(certificate_pem, key_pem);
    if (rc < 0)
        return vs_fail(err, VS_E_KEY, NULL, "TLS certificate and key: %s", gnutls_strerror(rc));
    struct credential *self = vs_heap_new(sizeof *self);
    self->references = 1;
    self->chain = vs_heap_array(MAX_CHAIN, sizeof *self->chain);
    unsigned n = MAX_CHAIN;
    gnutls_datum_t certificate = datum(certificate_pem), key = datum(key_pem);
    rc = gnutls_pcert_list_import_x509_raw(self->chain, &n, &certificate, GNUTLS_X509_FMT_PEM,
                                           0);
    if (rc >= 0) {
        self->n_chain = n;
        rc = gnutls_privkey_init(&self->key);
    }
    if (rc >= 0)
        rc = gnutls_privkey_import_x509_raw(self->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc < 0) {
        vs_http_credential_unref(self);
        return vs_fail(err, VS_E_KEY, NULL, "TLS certificate or key: %s", gnutls_strerror(rc));
    }
    *ret = self;
    return VS_OK;
}

void vs_http_credential_unref(struct credential *self)
{
    if (self == NULL || atomic_fetch_sub(&self->references, 1) != 1)
        return;
    for (unsigned i = 0; i < self->n_chain; i++)
        gnutls_pcert_deinit(&self->chain[i]);
    if (self->key != NULL)
        gnutls_privkey_deinit(self->key);
    vs_heap_free(self->chain);
    vs_heap_free(self);
}

int vs_http_credential_choose(gnutls_session_t session, const gnutls_datum_t *names,
                              int n_names, const gnutls_pk_algorithm_t *algorithms,
                              int n_algorithms, gnutls_pcert_st **chain, unsigned *n_chain,
                              gnutls_privkey_t *key)
{
    (void)names, (void)n_names, (void)algorithms, (void)n_algorithms;
    /* libmicrohttpd makes its connection the session's pointer. */
    struct MHD_Connection *mhd = gnutls_session_get_ptr(session);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    const struct connection *connection = info == NULL ? NULL : info->socket_context;
    if (connection == NULL || connection->credential == NULL)
        return -1;
    *chain = connection->credential->chain;
    *n_chain = connection->credential->n_chain;
    *key = connection->credential->key;
    return 0;
}

void vs_http_peer_certificates(struct connection *connection, struct MHD_Connection *mhd)
{
    if (connection->n_certificates != SIZE_MAX)
        return;
    connection->n_certificates = 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL)
        return;
    unsigned n = 0;
    const gnutls_datum_t *list = gnutls_certificate_get_peers(info->tls_session, &n);
    for (unsigned i = 0; list != NULL && i < n && i < MAX_PEER_CERTIFICATES; i++) {
        uint8_t *copy = vs_heap_new(list[i].size);
        memcpy(copy, list[i].data, list[i].size);
        connection->certificates[connection->n_certificates++] = VS_BYTES(copy, list[i].size);
    }
}

void vs_http_peer_certificates_free(struct connection *connection)
{
    for (size_t i = 0; connection->n_certificates != SIZE_MAX && i < connection->n_certificates;
         i++)
        vs_heap_free((void *)(uintptr_t)connection->certificates[i].ptr);
}
