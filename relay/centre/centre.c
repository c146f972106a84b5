#include "relay/centre/centre_priv.h"
#include "storage/fileops.h"
#include <errno.h>

#define KEY_FILE_MAX     ((size_t)64 * 1024)
#define DEFAULT_POLICY   "0.4.0.2023.1.1" /* EN 319 421, 5.2: best practices policy */
#define DEFAULT_ACCURACY 1000
#define LIST_MS_MAX      (3 * VS_HOUR_MS) /* Rules of certification services, 9 */
#define OCSP_MS          VS_HOUR_MS
#define RENEW_BEFORE_MS  (30 * VS_DAY_MS)

/* -- settings ------------------------------------------------------------------------------ */

static vs_rc keep_settings(struct vs_centre *centre, const struct vs_centre_settings *from,
                           struct vs_error *err)
{
    struct vs_arena *arena = centre->arena;
    struct vs_centre_settings *to = &centre->settings;
    *to = *from;
    to->folder = vs_arena_strdup(arena, from->folder);
    to->public_url = vs_arena_strdup(arena, from->public_url);
    to->name = vs_arena_strdup(arena, from->name);
    to->country = vs_arena_strdup(arena, from->country);
    to->passphrase = vs_bytes_copy(arena, from->passphrase);
    if (from->identifier != NULL)
        to->identifier = vs_arena_strdup(arena, from->identifier);
    to->tsa_policy =
        vs_arena_strdup(arena, from->tsa_policy == NULL ? DEFAULT_POLICY : from->tsa_policy);
    const char **names = vs_arena_make_n(arena, const char *, from->n_tls_names + 1);
    for (size_t i = 0; names != NULL && i < from->n_tls_names; i++)
        names[i] = vs_arena_strdup(arena, from->tls_names[i]);
    to->tls_names = names;
    if (to->folder == NULL || to->public_url == NULL || to->name == NULL ||
        to->country == NULL || to->tsa_policy == NULL || names == NULL)
        return vs_fail_memory(err);
    if (to->tsa_accuracy_ms <= 0)
        to->tsa_accuracy_ms = DEFAULT_ACCURACY;
    if (to->crl_ms <= 0 || to->crl_ms > LIST_MS_MAX)
        to->crl_ms = LIST_MS_MAX;
    if (to->ocsp_ms <= 0)
        to->ocsp_ms = OCSP_MS;
    if (to->passphrase.len == 0)
        return vs_fail(err, VS_E_CONFIG, NULL, "the centre's keys need a passphrase");
    return VS_OK;
}

/* -- key files ----------------------------------------------------------------------------- */

/* NAME.key holds the encrypted private key and, behind it, the certificate: one file, replaced
 * at once, so that no crash can leave a key with another one's certificate. */
static char *key_path(struct vs_centre *centre, struct vs_arena *arena, const char *name)
{
    return vs_arena_printf(arena, "%s/%s.key", centre->settings.folder, name);
}

static vs_rc read_key_file(struct vs_centre *centre, struct vs_arena *arena, const char *name,
                           struct vs_bytes *ret, struct vs_error *err)
{
    char *path = key_path(centre, arena, name);
    if (path == NULL)
        return vs_fail_memory(err);
    return vs_file_read(&vs_fileops_real, path, arena, KEY_FILE_MAX, ret, err);
}

static vs_rc write_key_file(struct vs_centre *centre, struct vs_arena *arena, const char *name,
                            const struct vs_key *key, const struct vs_certificate *certificate,
                            struct vs_error *err)
{
    char *path = key_path(centre, arena, name);
    if (path == NULL)
        return vs_fail_memory(err);
    VS_BUFFER pem;
    vs_buffer_init(&pem, KEY_FILE_MAX);
    VS_TRY(vs_key_encode_pem(key, centre->settings.passphrase, &pem, err));
    if (certificate != NULL)
        vs_certificate_encode_pem(certificate, &pem);
    VS_TRY(vs_buffer_check(&pem, err));
    return vs_file_replace(&vs_fileops_real, path, vs_buffer_view(&pem), err);
}

/* The certificate alone, in the clear, for trust stores (curl --cacert root.pem). */
static vs_rc write_certificate_file(struct vs_centre *centre, struct vs_arena *arena,
                                    const char *name, const struct vs_certificate *certificate,
                                    struct vs_error *err)
{
    char *path = vs_arena_printf(arena, "%s/%s.pem", centre->settings.folder, name);
    if (path == NULL)
        return vs_fail_memory(err);
    VS_BUFFER pem;
    vs_buffer_init(&pem, KEY_FILE_MAX);
    vs_certificate_encode_pem(certificate, &pem);
    VS_TRY(vs_buffer_check(&pem, err));
    return vs_file_replace(&vs_fileops_real, path, vs_buffer_view(&pem), err);
}

/* -- the service's keys and certificates --------------------------------------------------- */

struct loaded {
    struct vs_key *key;
    struct vs_certificate *certificate;
};

static void loaded_done(struct loaded *loaded)
{
    vs_key_unref(loaded->key);
    vs_certificate_unref(loaded->certificate);
}
#define LOADED __attribute__((cleanup(loaded_done))) struct loaded

/* VS_E_NOT_FOUND: not made yet. */
static vs_rc load(struct vs_centre *centre, struct vs_arena *arena, const char *name,
                  struct loaded *ret, struct vs_error *err)
{
    struct vs_bytes pem;
    VS_TRY(read_key_file(centre, arena, name, &pem, err));
    VS_TRY(vs_key_decode_pem(pem, centre->settings.passphrase, &ret->key, err));
    return vs_certificate_get_pem(pem, &ret->certificate, err);
}

static vs_rc enter_service(struct vs_centre *centre, struct vs_arena *arena,
                           const struct service *service,
                           const struct vs_certificate *certificate, vs_time_ms now,
                           struct vs_error *err)
{
    const char *subject = vs_name_text(arena, certificate->subject);
    if (subject == NULL)
        return vs_fail_memory(err);
    struct entry entry = {
        .serial = certificate->serial,
        .der = certificate->der,
        .issuer = authority_name(service->issuer),
        .profile = service->name,
        .subject = subject,
        .identifier = centre->settings.identifier,
        .not_before = certificate->not_before,
        .not_after = certificate->not_after,
    };
    return vs_centre_enter(centre, &entry, NULL, now, err);
}

static vs_rc make_service(struct vs_centre *centre, struct vs_arena *arena,
                          const struct service *service, vs_time_ms now, struct loaded *ret,
                          struct vs_error *err)
{
    VS_TRY(vs_key_generate(centre->settings.key_kind, &ret->key, err));
    struct vs_id serial = vs_id_new(centre->seams, now);
    VS_BUFFER der;
    vs_buffer_init(&der, VS_CERTIFICATE_MAKE_MAX);
    VS_TRY(vs_centre_make_service(centre, service, ret->key, vs_id_bytes(&serial), now, &der,
                                  err));
    VS_TRY(vs_certificate_get(vs_buffer_view(&der), &ret->certificate, err));
    VS_TRY(enter_service(centre, arena, service, ret->certificate, now, err));
    VS_TRY(write_key_file(centre, arena, service->name, ret->key, ret->certificate, err));
    return write_certificate_file(centre, arena, service->name, ret->certificate, err);
}

/* A certificate from the folder must stand in the register too: a store that was restored from
 * an older copy, or lost, gets the entry back (the key is here: nothing else could sign). */
static vs_rc complete_register(struct vs_centre *centre, struct vs_arena *arena,
                               const struct service *service, const struct loaded *loaded,
                               vs_time_ms now, struct vs_error *err)
{
    const struct vs_row *row;
    VS_TRY(vs_centre_row(centre, arena, loaded->certificate->serial, &row, err));
    if (row == NULL)
        return enter_service(centre, arena, service, loaded->certificate, now, err);
    if (!vs_bytes_equal(row->values[VS_CERTIFICATE_DER].bytes, loaded->certificate->der))
        return vs_fail(err, VS_E_CORRUPT, NULL,
                       "the register's certificate of %s is not the one in %s", service->name,
                       centre->settings.folder);
    return VS_OK;
}

/* Roots and authorities are not renewed unasked: relying parties hold them; and beside an
 * authority that itself ends nothing new would last longer. */
static bool must_renew(const struct vs_centre *centre, const struct service *service,
                       const struct vs_certificate *certificate, vs_time_ms now)
{
    return !service->authority && certificate->not_after - RENEW_BEFORE_MS < now &&
           certificate->not_after < centre->authorities[service->issuer]->not_after;
}

static vs_rc load_or_make(struct vs_centre *centre, const struct service *service,
                          vs_time_ms now, struct loaded *ret, struct vs_error *err)
{
    VS_ARENA *arena = vs_arena_new((size_t)1024 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    vs_rc rc = load(centre, arena, service->name, ret, err);
    if (rc.code == VS_E_NOT_FOUND)
        return make_service(centre, arena, service, now, ret, err);
    VS_TRY(rc);
    if (must_renew(centre, service, ret->certificate, now)) {
        loaded_done(ret);
        *ret = (struct loaded){.key = NULL};
        return make_service(centre, arena, service, now, ret, err);
    }
    return complete_register(centre, arena, service, ret, now, err);
}

/* Own certificate first, the root last. */
static size_t chain_of(struct vs_centre *centre, const struct service *service,
                       struct vs_certificate *own, struct vs_certificate *chain[3])
{
    size_t n = 0;
    chain[n++] = own;
    if (service->issuer == CA)
        chain[n++] = centre->authorities[CA];
    if (service->purpose != VS_PURPOSE_ROOT)
        chain[n++] = centre->authorities[ROOT];
    return n;
}

/* The authority as it is from now on. */
static vs_rc set_marker(struct vs_centre *centre, struct vs_certificate *certificate,
                        struct vs_error *err)
{
    struct vs_bytes chain[] = {certificate->der, centre->authorities[CA]->der};
    struct vs_tsa_settings settings = {.policy = centre->settings.tsa_policy,
                                       .accuracy_ms = centre->settings.tsa_accuracy_ms,
                                       .chain = chain,
                                       .n_chain = 2};
    struct vs_tsa *tsa;
    VS_TRY(vs_tsa_new(&settings, &tsa, err));
    struct marker *marker = vs_heap_new(sizeof *marker);
    *marker = (struct marker){.tsa = tsa, .older = atomic_load(&centre->marker)};
    marker->certificate = vs_keys_signer(centre->keys, VS_PURPOSE_TSA, &marker->signer);
    atomic_store(&centre->marker, marker);
    return VS_OK;
}

/* What it has signs from now on. */
static vs_rc take_service(struct vs_centre *centre, const struct service *service,
                          const struct loaded *loaded, struct vs_error *err)
{
    struct vs_certificate *chain[3];
    vs_time_ms renew_at = loaded->certificate->not_after - RENEW_BEFORE_MS;
    if (!service->authority && renew_at < centre->renew_at)
        centre->renew_at = renew_at;
    if (service->purpose < 0)
        return VS_OK; /* GnuTLS takes it from the folder: vs_centre_tls */
    size_t n = chain_of(centre, service, loaded->certificate, chain);
    VS_TRY(vs_keys_set(centre->keys, (enum vs_purpose)service->purpose, loaded->key, chain, n,
                       err));
    if (service->purpose == VS_PURPOSE_ROOT)
        centre->authorities[ROOT] = vs_certificate_ref(loaded->certificate);
    if (service->purpose == VS_PURPOSE_CA)
        centre->authorities[CA] = vs_certificate_ref(loaded->certificate);
    /* What is entered from now on is marked. */
    return service->purpose == VS_PURPOSE_TSA ? set_marker(centre, loaded->certificate, err)
                                              : VS_OK;
}

static vs_rc open_service(struct vs_centre *centre, const struct service *service,
                          vs_time_ms now, struct vs_error *err)
{
    if (service->purpose >= 0 && vs_keys_has(centre->keys, (enum vs_purpose)service->purpose)) {
        centre->outside[service->purpose] = true;
        return VS_OK;
    }
    LOADED loaded = {.key = NULL};
    VS_TRY(load_or_make(centre, service, now, &loaded, err));
    return take_service(centre, service, &loaded, err);
}

/* The certificate that signs now; of TLS, the one in the folder. */
static vs_rc renew_service(struct vs_centre *centre, const struct service *service,
                           vs_time_ms now, struct vs_error *err)
{
    LOADED loaded = {.key = NULL};
    struct vs_certificate *const *chain;
    bool in_use = service->purpose >= 0 &&
                  vs_keys_chain(centre->keys, (enum vs_purpose)service->purpose, &chain) > 0;
    if (service->authority || (service->purpose >= 0 && centre->outside[service->purpose]))
        return VS_OK;
    if (in_use && !must_renew(centre, service, chain[0], now)) {
        if (chain[0]->not_after - RENEW_BEFORE_MS < centre->renew_at)
            centre->renew_at = chain[0]->not_after - RENEW_BEFORE_MS;
        return VS_OK;
    }
    VS_TRY(load_or_make(centre, service, now, &loaded, err));
    return take_service(centre, service, &loaded, err);
}

vs_rc vs_centre_renew(struct vs_centre *centre, vs_time_ms now, struct vs_error *err)
{
    if (now < centre->renew_at)
        return VS_OK;
    vs_time_ms before = centre->renew_at;
    vs_rc rc = VS_OK;
    centre->renew_at = INT64_MAX;
    for (size_t i = 0; i < vs_centre_n_services && vs_ok(rc); i++)
        rc = renew_service(centre, &vs_centre_services[i], now, err);
    /* One that cannot be renewed is looked at once a day. */
    if (!vs_ok(rc))
        centre->renew_at = before;
    else if (centre->renew_at < now + VS_DAY_MS)
        centre->renew_at = now + VS_DAY_MS;
    return rc;
}

/* Ed25519 keys without a certificate. */
static vs_rc open_bare_key(struct vs_centre *centre, enum vs_purpose purpose,
                           struct vs_error *err)
{
    if (vs_keys_has(centre->keys, purpose))
        return VS_OK;
    VS_ARENA *arena = vs_arena_new((size_t)256 * 1024);
    if (arena == NULL)
        return vs_fail_memory(err);
    VS_KEY *key = NULL;
    struct vs_bytes pem;
    vs_rc rc = read_key_file(centre, arena, vs_purpose_name(purpose), &pem, err);
    if (rc.code == VS_E_NOT_FOUND) {
        VS_TRY(vs_key_generate(VS_GENERATE_ED25519, &key, err));
        VS_TRY(write_key_file(centre, arena, vs_purpose_name(purpose), key, NULL, err));
    } else {
        VS_TRY(rc);
        VS_TRY(vs_key_decode_pem(pem, centre->settings.passphrase, &key, err));
    }
    return vs_keys_set(centre->keys, purpose, key, NULL, 0, err);
}

/* -- open and close ------------------------------------------------------------------------ */

static vs_rc make_folder(struct vs_centre *centre, struct vs_error *err)
{
    int error = vs_fileops_real.make_folder(vs_fileops_real.context, centre->settings.folder);
    if (error != 0 && error != EEXIST)
        return vs_fail_file(err, error, "making", centre->settings.folder);
    return VS_OK;
}

static vs_rc open_all(struct vs_centre *centre, const struct vs_centre_settings *settings,
                      struct vs_error *err)
{
    vs_time_ms now = centre->seams->now_ms(centre->seams->context);
    VS_TRY(keep_settings(centre, settings, err));
    VS_TRY(make_folder(centre, err));
    for (size_t i = 0; i < vs_centre_n_services; i++) {
        VS_TRY(open_service(centre, &vs_centre_services[i], now, err));
    }
    VS_TRY(open_bare_key(centre, VS_PURPOSE_CHECKPOINT, err));
    VS_TRY(open_bare_key(centre, VS_PURPOSE_WEBHOOK, err));
    for (enum authority a = ROOT; a < AUTHORITIES; a++)
        VS_TRY(vs_centre_make_list(centre, a, now, err));
    return VS_OK;
}

vs_rc vs_centre_open(const struct vs_centre_settings *settings, const struct vs_seams *seams,
                     struct vs_store *store, struct vs_keys *keys, struct vs_centre **ret,
                     struct vs_error *err)
{
    struct vs_centre *centre = vs_heap_new(sizeof *centre);
    centre->arena = vs_arena_new((size_t)64 * 1024);
    centre->seams = seams;
    centre->store = store;
    centre->keys = keys;
    centre->renew_at = INT64_MAX;
    pthread_mutex_init(&centre->change_lock, NULL);
    pthread_mutex_init(&centre->lists_lock, NULL);
    vs_rc rc = centre->arena == NULL ? vs_fail_memory(err) : open_all(centre, settings, err);
    if (!vs_ok(rc)) {
        vs_centre_close(centre);
        return rc;
    }
    *ret = centre;
    return VS_OK;
}

void vs_centre_close(struct vs_centre *centre)
{
    if (centre == NULL)
        return;
    for (struct marker *marker = atomic_load(&centre->marker), *older; marker != NULL;
         marker = older) {
        older = marker->older;
        vs_tsa_free(marker->tsa);
        vs_heap_free(marker);
    }
    for (enum authority a = ROOT; a < AUTHORITIES; a++) {
        vs_certificate_unref(centre->authorities[a]);
        vs_heap_free(centre->lists[a].der);
    }
    pthread_mutex_destroy(&centre->change_lock);
    pthread_mutex_destroy(&centre->lists_lock);
    if (centre->settings.passphrase.len > 0)
        vs_wipe((void *)(uintptr_t)centre->settings.passphrase.ptr,
                centre->settings.passphrase.len);
    vs_arena_free(centre->arena);
    vs_heap_free(centre);
}

/* -- what it has --------------------------------------------------------------------------- */

struct vs_certificate *vs_centre_root(const struct vs_centre *centre)
{
    return centre->authorities[ROOT];
}

struct vs_certificate *vs_centre_authority(const struct vs_centre *centre)
{
    return centre->authorities[CA];
}

static const struct service *service_named(const char *name)
{
    for (size_t i = 0; i < vs_centre_n_services; i++)
        if (vs_text_equal(vs_centre_services[i].name, name))
            return &vs_centre_services[i];
    return NULL;
}

vs_rc vs_centre_certificate(struct vs_centre *centre, struct vs_arena *arena, const char *name,
                            struct vs_bytes *ret, struct vs_error *err)
{
    const struct service *service = service_named(name);
    struct vs_certificate *const *chain;
    if (service == NULL) {
        const struct vs_register_entry *entry;
        VS_TRY(vs_centre_entry(centre, arena, name, 0, &entry, err));
        *ret = entry->certificate;
        return VS_OK;
    }
    if (service->purpose >= 0 &&
        vs_keys_chain(centre->keys, (enum vs_purpose)service->purpose, &chain) > 0) {
        *ret = vs_bytes_copy(arena, chain[0]->der);
        return ret->ptr == NULL ? vs_fail_memory(err) : VS_OK;
    }
    LOADED loaded = {.key = NULL};
    VS_TRY(load(centre, arena, name, &loaded, err));
    *ret = vs_bytes_copy(arena, loaded.certificate->der);
    return ret->ptr == NULL ? vs_fail_memory(err) : VS_OK;
}

vs_rc vs_centre_tls(struct vs_centre *centre, struct vs_arena *arena,
                    struct vs_bytes *ret_key_pem, struct vs_bytes *ret_chain_pem,
                    struct vs_error *err)
{
    LOADED loaded = {.key = NULL};
    VS_TRY(load(centre, arena, "tls", &loaded, err));
    VS_BUFFER key, chain;
    vs_buffer_init(&key, KEY_FILE_MAX);
    vs_buffer_init(&chain, KEY_FILE_MAX);
    VS_TRY(vs_key_encode_pem(loaded.key, VS_BYTES_NONE, &key, err));
    vs_certificate_encode_pem(loaded.certificate, &chain);
    vs_certificate_encode_pem(centre->authorities[CA], &chain);
    VS_TRY(vs_buffer_copy(&chain, arena, ret_chain_pem, err));
    vs_rc rc = vs_buffer_copy(&key, arena, ret_key_pem, err);
    vs_wipe(key.ptr, key.len);
    return rc;
}
