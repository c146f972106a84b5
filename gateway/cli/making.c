#include "gateway/cli/making.h"
#include "formats/certificate/certificate.h"
#include "formats/container/asic.h"
#include "formats/crypto/random.h"
#include "formats/timestamp/request.h"
#include "gateway/cli/validation_data.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { PIECE = 1 << 20, REQUEST_MAX = 4096, MOST_KNOWN = 1024 };

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

static vs_rc open_one(struct vs_cli *cli, const char *path, struct vs_cli_files *files)
{
    size_t i = files->n;
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", path, strerror(errno));
    files->sources[i].fd = fd;
    files->n++;
    VS_TRY(vs_file_source_init(&files->sources[i], fd, &cli->err));
    files->files[i] =
        (struct vs_making_file){name, media_type_of(name), &files->sources[i].source};
    return VS_OK;
}

vs_rc vs_cli_files_open(struct vs_cli *cli, const struct vs_option_texts *paths,
                        struct vs_cli_files *ret)
{
    for (size_t i = 0; i < paths->n; i++)
        VS_TRY(open_one(cli, paths->items[i], ret));
    return VS_OK;
}

void vs_cli_files_close(struct vs_cli_files *files)
{
    for (size_t i = 0; i < files->n; i++)
        close(files->sources[i].fd);
    files->n = 0;
}

vs_rc vs_cli_write(struct vs_cli *cli, const char *path, const struct vs_source *source)
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

/* -- time marks ---------------------------------------------------------------------------- */

static vs_rc check_mark(struct vs_cli *cli, const struct vs_timestamp *mark)
{
    VS_CERTIFICATE *authority = NULL;
    enum vs_timestamp_verdict verdict = VS_TIMESTAMP_WRONG_CERTIFICATE;
    const char *why = "its certificate is not enclosed";
    VS_TRY(vs_timestamp_signer(mark, NULL, 0, &authority, &cli->err));
    if (authority != NULL)
        VS_TRY(vs_timestamp_verify(mark, authority, &verdict, &why, &cli->err));
    if (verdict != VS_TIMESTAMP_OK)
        return vs_fail(&cli->err, VS_E_TIMESTAMP, NULL, "the authority's token: %s", why);
    return VS_OK;
}

vs_rc vs_cli_mark(struct vs_cli *cli, const char *url, const struct vs_digest *imprint,
                  struct vs_bytes *ret)
{
    uint8_t nonce[8];
    struct vs_bytes der;
    struct vs_timestamp_response response;
    const struct vs_timestamp *mark;
    vs_random(nonce, sizeof nonce);
    nonce[0] = (uint8_t)((nonce[0] & 0x7f) | 0x40); /* positive, and of full length */
    struct vs_timestamp_request request = {
        .imprint = *imprint, .nonce = VS_BYTES(nonce, sizeof nonce), .cert_req = true};
    VS_BUFFER body;
    vs_buffer_init(&body, REQUEST_MAX);
    vs_timestamp_request_encode(&request, &body);
    VS_TRY(vs_buffer_check(&body, &cli->err));
    VS_TRY(vs_cli_ask(cli, url, "application/timestamp-query", vs_buffer_view(&body), &der));
    VS_TRY(vs_timestamp_response_decode(der, &response, &cli->err));
    VS_TRY(vs_timestamp_response_match(cli->arena, &response, &request, &mark, &cli->err));
    VS_TRY(check_mark(cli, mark));
    *ret = mark->der;
    return VS_OK;
}

/* -- levels -------------------------------------------------------------------------------- */

enum vs_level vs_cli_level(const char *text)
{
    static const char *const names[] = {"", "B", "T", "LT", "LTA"};
    if (vs_text_starts(text, "B-"))
        text += 2;
    for (size_t i = 1; i < COUNT(names); i++)
        if (vs_text_equal(text, names[i]))
            return (enum vs_level)i;
    return VS_LEVEL_NONE;
}

static void say(struct vs_cli *cli, const char *what)
{
    if (!cli->json && isatty(STDERR_FILENO))
        fprintf(stderr, "%s\n", what);
}

static vs_rc give_mark(struct vs_cli *cli, struct vs_raising *raising,
                       const struct vs_raise_need *need, const char *tsa)
{
    struct vs_bytes token;
    if (tsa == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "this level needs --tsa URL");
    say(cli, "asking for a time mark");
    VS_TRY(vs_cli_mark(cli, tsa, &need->imprint, &token));
    return vs_raise_mark(raising, token, &cli->err);
}

static vs_rc give_data(struct vs_cli *cli, struct vs_raising *raising,
                       const struct vs_raise_need *need, const struct vs_bytes *known,
                       size_t n_known)
{
    struct vs_xades_validation_data found;
    size_t n = 0;
    struct vs_bytes *all =
        vs_arena_make_n(cli->arena, struct vs_bytes, need->n_known + n_known + 1);
    if (all == NULL)
        return vs_fail_memory(&cli->err);
    for (size_t i = 0; i < n_known; i++)
        all[n++] = known[i];
    for (size_t i = 0; i < need->n_known; i++)
        all[n++] = need->known[i];
    say(cli, "asking what the issuers say of the certificates");
    VS_TRY(vs_cli_validation_data(cli, need->subjects, need->n_subjects, all, n, &found));
    struct vs_raise_data data = {found.certificates,   found.ocsp_responses,   found.crls,
                                 found.n_certificates, found.n_ocsp_responses, found.n_crls};
    return vs_raise_data(raising, &data, &cli->err);
}

vs_rc vs_cli_raise(struct vs_cli *cli, const struct vs_source *document,
                   const struct vs_raise_options *options, const char *tsa,
                   const struct vs_bytes *known, size_t n_known, const struct vs_source **ret)
{
    struct vs_raising *raising;
    VS_TRY(vs_raise_begin(cli->arena, document, options, &raising, &cli->err));
    for (;;) {
        struct vs_raise_need need;
        VS_TRY(vs_raise_need(raising, &need, &cli->err));
        if (need.kind == VS_RAISE_DONE)
            return vs_raise_result(raising, ret, &cli->err);
        VS_TRY(need.kind == VS_RAISE_MARK ? give_mark(cli, raising, &need, tsa)
                                          : give_data(cli, raising, &need, known, n_known));
    }
}
