/* sign: files signed with a key from a PKCS#12 file, in any form and at any level; extend: to a
 * higher one; timestamp: a time mark alone. All work without a service; an authority and the
 * issuers' own services are asked where the level wants them. */
#include "formats/certificate/certificate.h"
#include "formats/container/asic.h"
#include "formats/formats.h"
#include "gateway/cli/making.h"
#include "relay/seams.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FORM_NAMES                                                                             \
    "asic-e (default), asic-e-cades, asic-s, asic-s-cades, xades, xades-detached, cades, "     \
    "cades-detached or pades"

enum { KEY_FILE_MAX = 1 << 20, CHAIN_MAX = 16 };

struct call {
    const char *key, *passphrase_file, *form, *level, *tsa, *out;
    const char *city, *state, *postal_code, *country, *role, *commitment;
    const char *field, *reason;
    struct vs_option_texts files, contents;
};

struct job {
    struct vs_cli *cli;
    const struct call *call;
    struct vs_pkcs12 signer;
    struct vs_bytes chain[CHAIN_MAX];
    size_t n_chain;
    struct vs_cli_files files, contents;
    struct vs_content detached[VS_OPTION_TEXTS_MAX];
    struct vs_signature_claims claims;
};

/* -- sign ---------------------------------------------------------------------------------- */

/* The signing certificate and its issuers as far as the key file has them; a root adds nothing
 * that a verifier may trust. */
static vs_rc open_signer(struct job *job)
{
    struct vs_cli *cli = job->cli;
    struct vs_bytes der;
    const char *passphrase = "";
    VS_TRY(vs_cli_read_file(cli, job->call->key, KEY_FILE_MAX, &der));
    if (job->call->passphrase_file != NULL)
        VS_TRY(vs_cli_read_secret(cli, job->call->passphrase_file, &passphrase));
    VS_TRY(
        vs_pkcs12_decode(cli->arena, der, vs_bytes_text(passphrase), &job->signer, &cli->err));
    job->chain[job->n_chain++] = job->signer.certificate;
    for (size_t i = 0; i < job->signer.n_others && job->n_chain < CHAIN_MAX; i++) {
        VS_CERTIFICATE *certificate = NULL;
        VS_TRY(vs_certificate_get(job->signer.others[i], &certificate, &cli->err));
        if (!certificate->self_issued)
            job->chain[job->n_chain++] = job->signer.others[i];
    }
    return VS_OK;
}

static vs_rc read_claims(struct job *job)
{
    const struct call *c = job->call;
    job->claims = (struct vs_signature_claims){.role = c->role,
                                               .city = c->city,
                                               .state = c->state,
                                               .postal_code = c->postal_code,
                                               .country = c->country};
    if (c->commitment == NULL)
        return VS_OK;
    job->claims.commitment = vs_commitment_by_name(c->commitment);
    if (job->claims.commitment == VS_COMMITMENT_NONE)
        return vs_fail(&job->cli->err, VS_E_USAGE, NULL,
                       "--commitment is proof-of-origin, -receipt, -delivery, -sender, "
                       "-approval or -creation");
    return VS_OK;
}

static vs_rc sign_first(struct job *job, enum vs_making_form form, const struct vs_source **ret)
{
    struct vs_cli *cli = job->cli;
    struct vs_seams seams = vs_seams_real();
    struct vs_making_options *options = vs_arena_make(cli->arena, struct vs_making_options);
    struct vs_making *making;
    struct vs_signature_value value;
    if (options == NULL)
        return vs_fail_memory(&cli->err);
    *options =
        (struct vs_making_options){.form = form,
                                   .files = job->files.files,
                                   .n_files = job->files.n,
                                   .chain = job->chain,
                                   .n_chain = job->n_chain,
                                   .algorithm = vs_key_default_algorithm(job->signer.key),
                                   .signing_time = seams.now_ms(seams.context),
                                   .claims = &job->claims,
                                   .pdf_field = job->call->field,
                                   .pdf_reason = job->call->reason};
    VS_TRY(vs_making_begin(cli->arena, options, &making, &cli->err));
    vs_rc rc =
        vs_key_sign_message(job->signer.key, options->algorithm, vs_making_message(making),
                            vs_making_value_form(making), &value, &cli->err);
    if (vs_ok(rc))
        rc = vs_making_finish(making, vs_signature_bytes(&value), ret, &cli->err);
    vs_making_done(making);
    return rc;
}

/* Signed content that the signature does not enclose is at hand: the files themselves. */
static void detach(struct job *job, const struct vs_cli_files *from,
                   struct vs_raise_options *options)
{
    for (size_t i = 0; i < from->n; i++)
        job->detached[i] = (struct vs_content){from->files[i].name, from->files[i].source};
    options->contents = job->detached;
    options->n_contents = from->n;
}

static vs_rc sign(struct job *job)
{
    struct vs_cli *cli = job->cli;
    const struct call *c = job->call;
    enum vs_making_form form = vs_making_form_by_name(c->form);
    struct vs_raise_options options = {.level = vs_cli_level(c->level)};
    const struct vs_source *document;
    if (c->key == NULL || c->out == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "--key FILE and -o FILE are needed");
    if (form == VS_MAKE_FORMS)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "--form is " FORM_NAMES);
    if (options.level == VS_LEVEL_NONE)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "--level is B-B, B-T, B-LT or B-LTA");
    if (options.level > VS_LEVEL_B && c->tsa == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "this level needs --tsa URL");
    VS_TRY(read_claims(job));
    VS_TRY(vs_cli_files_open(cli, &c->files, &job->files));
    VS_TRY(open_signer(job));
    VS_TRY(sign_first(job, form, &document));
    if (form == VS_MAKE_CADES_DETACHED || form == VS_MAKE_XADES_DETACHED)
        detach(job, &job->files, &options);
    if (options.level > VS_LEVEL_B)
        VS_TRY(vs_cli_raise(cli, document, &options, c->tsa, job->signer.others,
                            job->signer.n_others, &document));
    return vs_cli_write(cli, c->out, document);
}

/* -- extend -------------------------------------------------------------------------------- */

static vs_rc extend(struct job *job)
{
    struct vs_cli *cli = job->cli;
    const struct call *c = job->call;
    struct vs_raise_options options = {.level = vs_cli_level(c->level)};
    const struct vs_source *document;
    if (c->out == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "-o FILE is needed");
    if (options.level < VS_LEVEL_T)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "--level is B-T, B-LT or B-LTA");
    VS_TRY(vs_cli_files_open(cli, &c->files, &job->files));
    VS_TRY(vs_cli_files_open(cli, &c->contents, &job->contents));
    detach(job, &job->contents, &options);
    VS_TRY(vs_cli_raise(cli, job->files.files[0].source, &options, c->tsa, NULL, 0, &document));
    return vs_cli_write(cli, c->out, document);
}

/* -- timestamp ----------------------------------------------------------------------------- */

/* EN 319 162-1, 4.3.3.2: ASiC-S with a time-stamp token over its one file. */
static vs_rc timestamp(struct job *job)
{
    struct vs_cli *cli = job->cli;
    const struct call *c = job->call;
    struct vs_digest imprint;
    struct vs_bytes token;
    const struct vs_source *document;
    if (c->out == NULL || c->tsa == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "--tsa URL and -o FILE are needed");
    VS_TRY(vs_cli_files_open(cli, &c->files, &job->files));
    const struct vs_making_file *file = &job->files.files[0];
    struct vs_asic_object object = {.part = {.name = file->name, .source = file->source},
                                    .media_type = file->media_type};
    VS_TRY(vs_zip_crc32_source(file->source, &object.part.source_crc32, &cli->err));
    VS_TRY(vs_digest_source(VS_SHA256, file->source, &imprint, &cli->err));
    VS_TRY(vs_cli_mark(cli, c->tsa, &imprint, &token));
    struct vs_zip_part proof = {.name = "META-INF/timestamp.tst", .bytes = token};
    struct vs_asic_options options = {
        .kind = VS_ASIC_S, .objects = &object, .n_objects = 1, .proofs = &proof, .n_proofs = 1};
    VS_TRY(vs_asic_layout(cli->arena, &options, &document, &cli->err));
    return vs_cli_write(cli, c->out, document);
}

/* -- calls --------------------------------------------------------------------------------- */

/* `counted`: the number's name in JSON. */
static int run(struct vs_cli *cli, const struct call *call, vs_rc (*what)(struct job *job),
               const char *done, const char *counted)
{
    struct job *job = vs_arena_make(cli->arena, struct job);
    if (job == NULL)
        return vs_cli_failed(cli, vs_fail_memory(&cli->err));
    job->cli = cli;
    job->call = call;
    vs_rc rc = vs_formats_init(&cli->err);
    if (vs_ok(rc))
        rc = what(job);
    vs_cli_files_close(&job->files);
    vs_cli_files_close(&job->contents);
    vs_key_unref(job->signer.key);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    json_t *answer =
        json_pack("{s:s, s:I}", "file", call->out, counted, (json_int_t)call->files.n);
    if (!vs_cli_show_json(cli, answer))
        printf("%s %zu file%s: %s\n", done, call->files.n, call->files.n == 1 ? "" : "s",
               call->out);
    json_decref(answer);
    return VS_EXIT_DONE;
}

#define TSA_OPTION                                                                             \
    {                                                                                          \
        "tsa", 0, VS_OPTION_TEXT, &call.tsa, "URL", "the time-stamping authority (RFC 3161)"   \
    }
#define OUT_OPTION                                                                             \
    {                                                                                          \
        "out", 'o', VS_OPTION_TEXT, &call.out, "FILE", "the file to write"                     \
    }

int vs_cli_sign(struct vs_cli *cli, int argc, char **argv)
{
    struct call call = {.level = "B-B", .form = "asic-e"};
    const struct vs_option options[] = {
        {"key", 'k', VS_OPTION_TEXT, &call.key, "FILE", "the signer's PKCS#12 file"},
        {"passphrase-file", 0, VS_OPTION_TEXT, &call.passphrase_file, "FILE",
         "where its passphrase is; default: it has none"},
        {"form", 'f', VS_OPTION_TEXT, &call.form, "FORM", FORM_NAMES},
        {"level", 'l', VS_OPTION_TEXT, &call.level, "LEVEL",
         "B-B (default), B-T with a time mark, B-LT with all that a later verdict needs, "
         "B-LTA with an archive time mark over it"},
        TSA_OPTION,
        {"role", 0, VS_OPTION_TEXT, &call.role, "TEXT", "the role in which the signer acts"},
        {"city", 0, VS_OPTION_TEXT, &call.city, "TEXT", "where it is signed"},
        {"state", 0, VS_OPTION_TEXT, &call.state, "TEXT", "state or province"},
        {"postal-code", 0, VS_OPTION_TEXT, &call.postal_code, "TEXT", "postal code"},
        {"country", 0, VS_OPTION_TEXT, &call.country, "CODE", "country, as AZ"},
        {"commitment", 0, VS_OPTION_TEXT, &call.commitment, "NAME",
         "what the signer commits to: proof-of-origin, proof-of-approval, …"},
        {"field", 0, VS_OPTION_TEXT, &call.field, "NAME",
         "PDF: the empty signature field to sign, or the name of a new one"},
        {"reason", 0, VS_OPTION_TEXT, &call.reason, "TEXT", "PDF: why it is signed"},
        OUT_OPTION,
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "FILE...",
                    "Sign files. Without --form: an ASiC-E container with one XAdES signature "
                    "over all of them. No service is needed; for B-T and higher the authority "
                    "named and the services that the certificates name are asked.\n\n"
                    "  vasite sign --key me.p12 --passphrase-file pass --level B-LT "
                    "--tsa http://127.0.0.1:8080/tsa -o letter.asice letter.pdf\n"
                    "  vasite sign --key me.p12 --form pades -o signed.pdf letter.pdf",
                    options, COUNT(options), 1, VS_OPTION_TEXTS_MAX},
                argc, argv, &call.files);
    return run(cli, &call, sign, "signed", "signed_files");
}

int vs_cli_extend(struct vs_cli *cli, int argc, char **argv)
{
    struct call call = {.level = "B-LTA"};
    const struct vs_option options[] = {
        {"level", 'l', VS_OPTION_TEXT, &call.level, "LEVEL",
         "B-T, B-LT or B-LTA (default); a B-LTA signature gets one archive time mark more"},
        TSA_OPTION,
        {"content", 'c', VS_OPTION_TEXTS, &call.contents, "FILE",
         "what a detached signature signs; may be repeated"},
        OUT_OPTION,
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "FILE",
                    "Raise all signatures of a signed file (ASiC, XML, CMS, PDF) to a higher "
                    "level, whoever made them. What is signed stays as it is. Verify first: "
                    "a signature that does not hold is not mended by this.\n\n"
                    "  vasite extend --level B-LTA --tsa http://127.0.0.1:8080/tsa "
                    "-o letter-lta.asice letter.asice",
                    options, COUNT(options), 1, 1},
                argc, argv, &call.files);
    return run(cli, &call, extend, "raised", "raised_files");
}

int vs_cli_timestamp(struct vs_cli *cli, int argc, char **argv)
{
    struct call call = {.level = ""};
    const struct vs_option options[] = {TSA_OPTION, OUT_OPTION};
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "FILE",
            "Mark the time of a file: an ASiC-S container with the file and a time-stamp "
            "token over it. It proves that the file existed then, not whose it is.\n\n"
            "  vasite timestamp --tsa http://127.0.0.1:8080/tsa -o plan.asics plan.pdf",
            options, COUNT(options), 1, 1},
        argc, argv, &call.files);
    return run(cli, &call, timestamp, "marked", "marked_files");
}
