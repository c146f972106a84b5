#include "tests/support/pki.h"
#include "formats/crypto/der.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct pki {
    struct vs_pki public;
    const char *folder;
    uint64_t next_serial;
};

static void must(vs_rc rc, const struct vs_error *err)
{
    if (vs_ok(rc))
        return;
    fprintf(stderr, "test pki: %s\n", err->text);
    abort();
}

/* The subject of a certificate that we made. */
static struct vs_bytes subject_of(struct vs_bytes certificate)
{
    struct vs_der outer = vs_der_reader(certificate);
    struct vs_der whole = vs_der_enter(&outer, VS_DER_SEQUENCE);
    struct vs_der tbs = vs_der_enter(&whole, VS_DER_SEQUENCE);
    (void)vs_der_whole(&tbs, VS_DER_CONTEXT_CONSTRUCTED(0));
    (void)vs_der_whole(&tbs, VS_DER_INTEGER);
    for (int i = 0; i < 3; i++)
        (void)vs_der_whole(&tbs, VS_DER_SEQUENCE);
    return vs_der_whole(&tbs, VS_DER_SEQUENCE);
}

void vs_pki_issue(struct vs_pki *pki, const struct vs_certificate_profile *profile,
                  enum vs_key_kind kind, const struct vs_pki_party *issuer,
                  struct vs_pki_party *ret)
{
    struct pki *self = (struct pki *)pki;
    struct vs_error err;
    struct vs_certificate_profile p = *profile;
    if (p.not_before == 0) {
        p.not_before = VS_PKI_EPOCH;
        p.not_after = VS_PKI_EPOCH + 3650 * VS_DAY_MS;
    }
    *ret = (struct vs_pki_party){.serial = ++self->next_serial};
    must(vs_key_generate(kind, &ret->key, &err), &err);
    vs_key_signer(ret->key, &ret->signer);

    uint8_t serial[9] = {1}, *key_id = vs_arena_alloc(pki->arena, 20);
    vs_put_u64(serial + 1, ret->serial);
    struct vs_bytes spki = vs_public_key_spki(vs_key_public(ret->key));
    must(vs_key_identifier(spki, key_id, &err), &err);
    ret->key_id = VS_BYTES(key_id, 20);
    struct vs_issuer by = {.signer = &ret->signer};
    if (issuer != NULL)
        by = (struct vs_issuer){issuer->name, issuer->key_id, &issuer->signer};
    VS_BUFFER der;
    vs_buffer_init(&der, VS_CERTIFICATE_MAKE_MAX);
    must(vs_certificate_make(&p, &by, VS_BYTES(serial, sizeof serial), spki, &der, &err), &err);
    must(vs_buffer_copy(&der, pki->arena, &ret->certificate, &err), &err);
    ret->name = subject_of(ret->certificate);
}

void vs_pki_party_done(struct vs_pki_party *party)
{
    vs_key_unref(party->key);
    party->key = NULL;
}

static void issue_authorities(struct vs_pki *pki)
{
    static const struct vs_name_part root_name[] = {
        {VS_NAME_COUNTRY, "AZ"}, {VS_NAME_ORGANIZATION, "Sınaq"}, {VS_NAME_CN, "Test root"}};
    static const struct vs_name_part name[] = {{VS_NAME_COUNTRY, "AZ"},
                                               {VS_NAME_ORGANIZATION, "Sınaq"},
                                               {VS_NAME_CN, "Test issuing authority"}};
    struct vs_certificate_profile profile = {.subject = root_name,
                                             .n_subject = 3,
                                             .authority = true,
                                             .path_length = -1,
                                             .key_usage = VS_KU_KEY_CERT_SIGN | VS_KU_CRL_SIGN};
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, NULL, &pki->root);
    profile.subject = name;
    profile.path_length = 0;
    profile.crl_url = VS_PKI_URL "/crl/root.crl";
    profile.issuer_url = VS_PKI_URL "/certificates/root.cer";
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, &pki->root, &pki->authority);
}

static void issue_services(struct vs_pki *pki)
{
    static const struct vs_name_part tsa_name[] = {
        {VS_NAME_COUNTRY, "AZ"}, {VS_NAME_ORGANIZATION, "Sınaq"}, {VS_NAME_CN, "Test TSA"}};
    static const struct vs_name_part ocsp_name[] = {
        {VS_NAME_COUNTRY, "AZ"}, {VS_NAME_ORGANIZATION, "Sınaq"}, {VS_NAME_CN, "Test OCSP"}};
    struct vs_certificate_profile profile = {
        .subject = tsa_name,
        .n_subject = 3,
        .key_usage = VS_KU_DIGITAL_SIGNATURE | VS_KU_NON_REPUDIATION,
        .extended_key_usage = VS_EKU_TIME_STAMPING,
        .extended_key_usage_critical = true,
        .ocsp_url = VS_PKI_URL "/ocsp",
        .issuer_url = VS_PKI_URL "/certificates/issuing.cer",
        .crl_url = VS_PKI_URL "/crl/issuing.crl",
    };
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, &pki->authority, &pki->tsa);
    profile.subject = ocsp_name;
    profile.key_usage = VS_KU_DIGITAL_SIGNATURE;
    profile.extended_key_usage = VS_EKU_OCSP_SIGNING;
    profile.extended_key_usage_critical = false;
    profile.ocsp_nocheck = true;
    profile.ocsp_url = NULL;
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, &pki->authority, &pki->ocsp);
}

static void issue_holders(struct vs_pki *pki)
{
    static const struct vs_name_part person[] = {
        {VS_NAME_COUNTRY, "AZ"},
        {VS_NAME_ORGANIZATION, "Nümunə MMC"},
        {VS_NAME_ORGANIZATION_IDENTIFIER, "VATAZ-1234567891"},
        {VS_NAME_SURNAME, "Əliyev"},
        {VS_NAME_GIVEN_NAME, "Vəli"},
        {VS_NAME_SERIAL_NUMBER, "PNOAZ-7ABCDEF"},
        {VS_NAME_CN, "Əliyev Vəli Həsən oğlu"}};
    static const struct vs_name_part organisation[] = {
        {VS_NAME_COUNTRY, "AZ"},
        {VS_NAME_ORGANIZATION, "Nümunə MMC"},
        {VS_NAME_ORGANIZATION_IDENTIFIER, "VATAZ-1234567891"},
        {VS_NAME_CN, "Nümunə MMC"}};
    struct vs_certificate_profile profile = {
        .subject = person,
        .n_subject = 7,
        .key_usage = VS_KU_NON_REPUDIATION,
        .ocsp_url = VS_PKI_URL "/ocsp",
        .issuer_url = VS_PKI_URL "/certificates/issuing.cer",
        .crl_url = VS_PKI_URL "/crl/issuing.crl",
        .qualified = {.compliance = true, .sscd = true, .type_signature = true},
    };
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, &pki->authority, &pki->person);
    profile.subject = organisation;
    profile.n_subject = 4;
    profile.qualified = (struct vs_qc_profile){.type_seal = true};
    vs_pki_issue(pki, &profile, VS_GENERATE_P256, &pki->authority, &pki->organisation);
}

struct vs_pki *vs_pki_new(void)
{
    struct pki *self = vs_heap_new(sizeof *self);
    self->public.arena = vs_arena_new((size_t)16 * 1024 * 1024);
    issue_authorities(&self->public);
    issue_services(&self->public);
    issue_holders(&self->public);
    return &self->public;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void vs_pki_free(struct vs_pki *pki)
{
    struct pki *self = (struct pki *)pki;
    struct vs_pki_party *all[] = {&pki->root, &pki->authority, &pki->tsa,
                                  &pki->ocsp, &pki->person,    &pki->organisation};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        vs_pki_party_done(all[i]);
    if (self->folder != NULL)
        (void)nftw(self->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    vs_arena_free(pki->arena);
    vs_heap_free(self);
}

const char *vs_pki_folder(struct vs_pki *pki)
{
    struct pki *self = (struct pki *)pki;
    if (self->folder == NULL) {
        const char *base = getenv("TMPDIR");
        char *path =
            vs_arena_printf(pki->arena, "%s/vasite-pki-XXXXXX", base == NULL ? "/tmp" : base);
        if (mkdtemp(path) == NULL)
            abort();
        self->folder = path;
    }
    return self->folder;
}

const char *vs_pki_file(struct vs_pki *pki, const char *folder, const char *name,
                        struct vs_bytes content)
{
    char *path = vs_arena_printf(pki->arena, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(content.ptr, 1, content.len, file) != content.len ||
        fclose(file) != 0)
        abort();
    return path;
}

const char *vs_pki_pem(struct vs_pki *pki, const char *folder, const char *name,
                       const char *label, struct vs_bytes der)
{
    char *base64 = vs_base64_new(pki->arena, der);
    VS_BUFFER pem;
    vs_buffer_init(&pem, (size_t)1024 * 1024);
    vs_buffer_printf(&pem, "-----BEGIN %s-----\n", label);
    for (size_t at = 0, len = strlen(base64); at < len; at += 64)
        vs_buffer_printf(&pem, "%.64s\n", base64 + at);
    vs_buffer_printf(&pem, "-----END %s-----\n", label);
    return vs_pki_file(pki, folder, name, vs_buffer_view(&pem));
}

int vs_pki_run(struct vs_pki *pki, const char *fmt, ...)
{
    VS_BUFFER line;
    vs_buffer_init(&line, 8192);
    const char *folder = vs_pki_folder(pki);
    vs_buffer_printf(&line, "cd '%s' && { ", folder);
    va_list args;
    va_start(args, fmt);
    vs_buffer_vprintf(&line, fmt, args);
    va_end(args);
    vs_buffer_text(&line, "; } >log 2>&1 </dev/null");
    int status = system((const char *)line.ptr);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    if (code != 0 && getenv("VASITE_TEST_LOUD") != NULL) {
        vs_buffer_clear(&line);
        vs_buffer_printf(&line, "cat '%s/log' >&2", folder);
        (void)!system((const char *)line.ptr);
    }
    return code;
}
