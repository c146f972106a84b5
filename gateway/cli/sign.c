/* sign: files into an ASiC-E container with a XAdES signature, from a PKCS#12 file. Works
 * without a service; asks a time-stamping authority and the issuers' own services where the
 * level wants them. */
#include "formats/certificate/certificate.h"
#include "formats/container/asic.h"
#include "formats/crypto/random.h"
#include "formats/formats.h"
#include "formats/timestamp/request.h"
#include "gateway/cli/validation_data.h"
#include "relay/seams.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { KEY_FILE_MAX = 1 << 20, PIECE = 1 << 20 };

struct call {
    const char *key, *passphrase_file, *level, *tsa, *out, *role;
    struct vs_option_texts files;
};

struct job {
    struct vs_cli *cli;
    const struct call *call;
    bool with_mark, with_data;
    struct vs_pkcs12 signer;
    struct vs_file_source sources[VS_OPTION_TEXTS_MAX];
    struct vs_xades_object objects[VS_OPTION_TEXTS_MAX];
    struct vs_asic_object entries[VS_OPTION_TEXTS_MAX];
    size_t n_open;
};

/* -- files --------------------------------------------------------------------------------- */

static const char *media_type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".txt", "text/plain"},
        {".csv", "text/csv"},
        {".html", "text/html"},
        {".xml", "application/xml"},
        {".json", "application/json"},
        {".pdf", "application/pdf"},
        {".zip", "application/zip"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".asice", VS_ASIC_E_TYPE},
        {".asics", VS_ASIC_S_TYPE},
        {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
        {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
        {".odt", "application/vnd.oasis.opendocument.text"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot != NULL && i < COUNT(types); i++)
        if (vs_text_equal_ascii_case(dot, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

/* One pass: the digest for the signature, the CRC for the container. */
static vs_rc count_source(const struct vs_source *source, struct vs_digest *digest,
                          uint32_t *crc, struct vs_arena *arena, struct vs_error *err)
{
    VS_HASHER *hasher = vs_hasher_new(VS_SHA256);
    uint8_t *piece = vs_arena_alloc(arena, PIECE);
    if (piece == NULL)
        return vs_fail_memory(err);
    *crc = 0;
    for (uint64_t at = 0; at < source->size;) {
        size_t n = source->size - at < PIECE ? (size_t)(source->size - at) : PIECE;
        VS_TRY(vs_source_read(source, at, piece, n, err));
        vs_hasher_add(hasher, VS_BYTES(piece, n));
        *crc = vs_zip_crc32(*crc, VS_BYTES(piece, n));
        at += n;
    }
    vs_hasher_finish(hasher, digest);
    return VS_OK;
}

static vs_rc open_one(struct job *job, const char *path)
{
    struct vs_cli *cli = job->cli;
    size_t i = job->n_open;
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(errno));
    job->sources[i].fd = fd;
    job->n_open++;
    VS_TRY(vs_file_source_init(&job->sources[i], fd, &cli->err));
    job->objects[i] = (struct vs_xades_object){.name = name, .media_type = media_type_of(name)};
    job->entries[i].media_type = job->objects[i].media_type;
    job->entries[i].part.name = name;
    job->entries[i].part.source = &job->sources[i].source;
    return count_source(&job->sources[i].source, &job->objects[i].digest,
                        &job->entries[i].part.source_crc32, cli->arena, &cli->err);
}

static vs_rc write_source(struct vs_cli *cli, const char *path, const struct vs_source *source)
{
    char *beside = vs_arena_printf(cli->arena, "%s.new", path);
    uint8_t *piece = vs_arena_alloc(cli->arena, PIECE);
    if (beside == NULL || piece == NULL)
        return vs_fail_memory(&cli->err);
    FILE *file = fopen(beside, "we");
    vs_rc rc = file == NULL
                   ? vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(errno))
                   : VS_OK;
    for (uint64_t at = 0; vs_ok(rc) && at < source->size;) {
        size_t n = source->size - at < PIECE ? (size_t)(source->size - at) : PIECE;
        rc = vs_source_read(source, at, piece, n, &cli->err);
        if (vs_ok(rc) && fwrite(piece, 1, n, file) != n)
            rc = vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(errno));
        at += n;
    }
    if (file != NULL && fclose(file) != 0 && vs_ok(rc))
        rc = vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(errno));
    if (vs_ok(rc) && rename(beside, path) != 0)
        rc = vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(errno));
    if (!vs_ok(rc))
        unlink(beside);
    return rc;
}

/* -- the signature ------------------------------------------------------------------------- */

static vs_rc open_signer(struct job *job)
{
    struct vs_cli *cli = job->cli;
    struct vs_bytes der;
    const char *passphrase = "";
    VS_TRY(vs_cli_read_file(cli, job->call->key, KEY_FILE_MAX, &der));
    if (job->call->passphrase_file != NULL)
        VS_TRY(vs_cli_read_secret(cli, job->call->passphrase_file, &passphrase));
    return vs_pkcs12_decode(cli->arena, der, vs_bytes_text(passphrase), &job->signer,
                            &cli->err);
}

/* The signing certificate and its issuers as far as the key file has them; a root adds nothing
 * that a verifier may trust. */
static vs_rc make_signer(struct job *job, struct vs_xades_signer **ret)
{
    struct vs_bytes chain[16] = {job->signer.certificate};
    size_t n = 1;
    for (size_t i = 0; i < job->signer.n_others && n < COUNT(chain); i++) {
        VS_CERTIFICATE *certificate = NULL;
        VS_TRY(vs_certificate_get(job->signer.others[i], &certificate, &job->cli->err));
        if (!certificate->self_issued)
            chain[n++] = job->signer.others[i];
    }
    return vs_xades_signer_new(chain, n, vs_key_default_algorithm(job->signer.key), ret,
                               &job->cli->err);
}

static vs_rc set_value(struct job *job, const struct vs_xades_signer *signer,
                       struct vs_xades_draft *draft)
{
    struct vs_signature_value value;
    VS_TRY(vs_key_sign_message(job->signer.key, vs_xades_signer_algorithm(signer),
                               vs_xades_draft_message(draft), VS_SIGNATURE_RAW, &value,
                               &job->cli->err));
    return vs_xades_set_value(draft, vs_signature_bytes(&value), &job->cli->err);
}

static vs_rc ask_mark(struct job *job, const struct vs_xades_draft *draft,
                      const struct vs_timestamp **ret)
{
    struct vs_cli *cli = job->cli;
    uint8_t nonce[8];
    vs_random(nonce, sizeof nonce);
    nonce[0] = (uint8_t)((nonce[0] & 0x7f) | 0x40); /* positive, and of full length */
    struct vs_timestamp_request request = {.nonce = VS_BYTES(nonce, sizeof nonce),
                                           .cert_req = true};
    vs_xades_draft_imprint(draft, VS_SHA256, &request.imprint);
    VS_BUFFER body;
    vs_buffer_init(&body, 4096);
    vs_timestamp_request_encode(&request, &body);
    VS_TRY(vs_buffer_check(&body, &cli->err));
    struct vs_bytes der;
    struct vs_timestamp_response response;
    VS_TRY(vs_cli_ask(cli, job->call->tsa, "application/timestamp-query", vs_buffer_view(&body),
                      &der));
    VS_TRY(vs_timestamp_response_decode(der, &response, &cli->err));
    return vs_timestamp_response_match(cli->arena, &response, &request, ret, &cli->err);
}

/* The mark, and what is needed to judge signer and authority later. */
static vs_rc add_mark(struct job *job, struct vs_xades_draft *draft)
{
    struct vs_cli *cli = job->cli;
    const struct vs_timestamp *mark;
    VS_TRY(ask_mark(job, draft, &mark));
    VS_CERTIFICATE *authority = NULL;
    VS_TRY(vs_timestamp_signer(mark, NULL, 0, &authority, &cli->err));
    enum vs_timestamp_verdict verdict = VS_TIMESTAMP_WRONG_CERTIFICATE;
    const char *why = "its certificate is not enclosed";
    if (authority != NULL)
        VS_TRY(vs_timestamp_verify(mark, authority, &verdict, &why, &cli->err));
    if (verdict != VS_TIMESTAMP_OK)
        return vs_fail(&cli->err, VS_E_TIMESTAMP, NULL, "the authority's token: %s", why);
    vs_xades_set_timestamp(draft, mark->der);
    if (!job->with_data)
        return VS_OK;
    const struct vs_bytes subjects[] = {job->signer.certificate, authority->der};
    size_t n_known = job->signer.n_others + mark->n_certificates, n = 0;
    struct vs_bytes *known = vs_arena_make_n(cli->arena, struct vs_bytes, n_known + 1);
    struct vs_xades_validation_data *data =
        vs_arena_make(cli->arena, struct vs_xades_validation_data);
    if (known == NULL || data == NULL)
        return vs_fail_memory(&cli->err);
    for (size_t i = 0; i < job->signer.n_others; i++)
        known[n++] = job->signer.others[i];
    for (size_t i = 0; i < mark->n_certificates; i++)
        known[n++] = mark->certificates[i];
    VS_TRY(vs_cli_validation_data(cli, subjects, 2, known, n, data));
    vs_xades_set_validation_data(draft, data);
    return VS_OK;
}

static vs_rc sign(struct job *job, const struct vs_xades_signer *signer, struct vs_buffer *to)
{
    struct vs_cli *cli = job->cli;
    struct vs_seams seams = vs_seams_real();
    struct vs_xades_options options = {.signing_time = seams.now_ms(seams.context),
                                       .objects = job->objects,
                                       .n_objects = job->n_open,
                                       .claimed_role = job->call->role};
    struct vs_xades_draft *draft;
    VS_TRY(vs_xades_prepare(cli->arena, signer, &options, &draft, &cli->err));
    VS_TRY(set_value(job, signer, draft));
    if (job->with_mark)
        VS_TRY(add_mark(job, draft));
    return vs_xades_write(draft, to, &cli->err);
}

static vs_rc pack(struct job *job, struct vs_bytes signature)
{
    struct vs_zip_part proof = {.name = "META-INF/signatures0.xml", .bytes = signature};
    struct vs_asic_options options = {.kind = VS_ASIC_E,
                                      .objects = job->entries,
                                      .n_objects = job->n_open,
                                      .proofs = &proof,
                                      .n_proofs = 1};
    const struct vs_source *container;
    VS_TRY(vs_asic_layout(job->cli->arena, &options, &container, &job->cli->err));
    return write_source(job->cli, job->call->out, container);
}

static vs_rc run(struct job *job)
{
    struct vs_xades_signer *signer = NULL;
    VS_BUFFER signature;
    vs_buffer_init(&signature, (size_t)64 << 20);
    VS_TRY(vs_formats_init(&job->cli->err));
    for (size_t i = 0; i < job->call->files.n; i++)
        VS_TRY(open_one(job, job->call->files.items[i]));
    VS_TRY(open_signer(job));
    VS_TRY(make_signer(job, &signer));
    vs_rc rc = sign(job, signer, &signature);
    vs_xades_signer_free(signer);
    VS_TRY(rc);
    return pack(job, vs_buffer_view(&signature));
}

static vs_rc check_call(struct job *job)
{
    const struct call *c = job->call;
    const char *level = vs_text_starts(c->level, "B-") ? c->level + 2 : c->level;
    job->with_data = vs_text_equal(level, "LT");
    job->with_mark = job->with_data || vs_text_equal(level, "T");
    struct vs_error *err = &job->cli->err;
    if (c->key == NULL || c->out == NULL)
        return vs_fail(err, VS_E_USAGE, NULL, "--key FILE and -o FILE are needed");
    if (!job->with_mark && !vs_text_equal(level, "B"))
        return vs_fail(err, VS_E_USAGE, NULL, "--level is B-B, B-T or B-LT");
    if (job->with_mark && c->tsa == NULL)
        return vs_fail(err, VS_E_USAGE, NULL, "this level needs --tsa URL");
    return VS_OK;
}

int vs_cli_sign(struct vs_cli *cli, int argc, char **argv)
{
    struct call call = {.level = "B-B"};
    const struct vs_option options[] = {
        {"key", 'k', VS_OPTION_TEXT, &call.key, "FILE", "the signer's PKCS#12 file"},
        {"passphrase-file", 0, VS_OPTION_TEXT, &call.passphrase_file, "FILE",
         "where its passphrase is; default: it has none"},
        {"level", 'l', VS_OPTION_TEXT, &call.level, "LEVEL",
         "B-B (default), B-T with a time mark, B-LT with all that a later verdict needs"},
        {"tsa", 0, VS_OPTION_TEXT, &call.tsa, "URL", "the time-stamping authority (RFC 3161)"},
        {"role", 0, VS_OPTION_TEXT, &call.role, "TEXT", "the role in which the signer acts"},
        {"out", 'o', VS_OPTION_TEXT, &call.out, "FILE", "the container to write"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "FILE...",
            "Sign files: an ASiC-E container with one XAdES signature over all of them. "
            "No service is needed; for B-T and B-LT the authority named and the "
            "services that the certificates name are asked.\n\n"
            "  vasite sign --key me.p12 --passphrase-file pass --level B-LT "
            "--tsa http://127.0.0.1:8080/tsa -o letter.asice letter.pdf",
            options, COUNT(options), 1, VS_OPTION_TEXTS_MAX},
        argc, argv, &call.files);
    struct job *job = vs_arena_make(cli->arena, struct job);
    if (job == NULL)
        return vs_cli_failed(cli, vs_fail_memory(&cli->err));
    job->cli = cli;
    job->call = &call;
    vs_rc rc = check_call(job);
    if (vs_ok(rc))
        rc = run(job);
    for (size_t i = 0; i < job->n_open; i++)
        close(job->sources[i].fd);
    vs_key_unref(job->signer.key);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    json_t *answer =
        json_pack("{s:s, s:I}", "file", call.out, "signed_files", (json_int_t)call.files.n);
    if (!vs_cli_show_json(cli, answer))
        printf("signed %zu file%s: %s\n", call.files.n, call.files.n == 1 ? "" : "s", call.out);
    json_decref(answer);
    return VS_EXIT_DONE;
}
