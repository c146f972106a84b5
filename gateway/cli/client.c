#include "gateway/cli/cli.h"
#include <stdlib.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { STALL_MS = 120000, ANSWER_MAX = 16 << 20 };

const char *vs_cli_query(struct vs_cli *cli, const char *path, const char *name,
                         const char *value)
{
    if (value == NULL)
        return path;
    char *encoded = vs_percent_encode(cli->arena, vs_bytes_text(value));
    char *longer =
        vs_arena_printf(cli->arena, "%s%c%s=%s", path, strchr(path, '?') == NULL ? '?' : '&',
                        name, encoded == NULL ? "" : encoded);
    return longer == NULL ? path : longer;
}

/* -- what comes back that is not 2xx ------------------------------------------------------ */

static void print_problem(const json_t *problem, int status)
{
    const char *title = vs_cli_text(problem, "title");
    fprintf(stderr, "vasite: %s: %s\n", title[0] != '\0' ? title : "the service answers",
            vs_cli_text(problem, "detail"));
    if (vs_cli_text(problem, "remedy")[0] != '\0')
        fprintf(stderr, "  %s\n", vs_cli_text(problem, "remedy"));
    const char *type = vs_cli_text(problem, "type");
    fprintf(stderr, "  (%s%sstatus %d", type, type[0] != '\0' ? ", " : "", status);
    if (vs_cli_text(problem, "clause")[0] != '\0')
        fprintf(stderr, ", %s", vs_cli_text(problem, "clause"));
    if (vs_cli_text(problem, "evidence")[0] != '\0')
        fprintf(stderr, ", evidence %s", vs_cli_text(problem, "evidence"));
    fprintf(stderr, ")\n");
}

/* Printed here; the code says what kind of no it was. */
static vs_rc refuse(struct vs_cli *cli, const struct vs_outgoing_answer *answer)
{
    json_t *problem = json_loadb((const char *)answer->body.ptr, answer->body.len, 0, NULL);
    if (!vs_cli_show_json(cli, problem))
        print_problem(problem, answer->status);
    json_decref(problem);
    cli->err.text[0] = '\0'; /* said */
    bool again = answer->status == 429 || answer->status >= 500;
    return (vs_rc){again ? VS_E_BUSY : VS_E_CONFLICT};
}

/* -- one exchange ------------------------------------------------------------------------- */

struct exchange {
    struct vs_cli *cli;
    const char *what; /* for progress */
    int fd;           /* of a download, or -1 */
};

static void show_progress(void *context, uint64_t done, uint64_t total)
{
    const struct exchange *x = context;
    vs_cli_progress(x->what, done, total);
}

static vs_rc keep_piece(void *context, struct vs_bytes piece, struct vs_error *err)
{
    const struct exchange *x = context;
    while (piece.len > 0) {
        ssize_t n = write(x->fd, piece.ptr, piece.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return vs_fail(err, VS_E_DISK_FULL, NULL, "cannot write: %s", strerror(errno));
        piece = VS_BYTES(piece.ptr + n, piece.len - (size_t)n);
    }
    return VS_OK;
}

enum { MOST_HEADERS = 12 };

static vs_rc exchange(struct vs_cli *cli, struct vs_outgoing_request *request, const char *path,
                      const char *const *more, struct vs_outgoing_answer *ret)
{
    const char *headers[MOST_HEADERS + 1] = {0};
    size_t n = 0;
    VS_TRY(vs_cli_connect(cli));
    if (cli->profile.token != NULL)
        headers[n++] =
            vs_arena_printf(cli->arena, "Authorization: Bearer %s", cli->profile.token);
    for (; more != NULL && *more != NULL && n < MOST_HEADERS; more++)
        headers[n++] = *more;
    request->headers = headers;
    request->url = vs_arena_printf(cli->arena, "%s%s", cli->profile.url, path);
    request->client_certificate_file = cli->profile.certificate_file;
    request->client_key_file = cli->profile.key_file;
    request->max_answer_bytes = ANSWER_MAX;
    VS_TRY(vs_outgoing_send(cli->outgoing, cli->arena, request, ret, &cli->err));
    return ret->status >= 200 && ret->status < 300 ? VS_OK : refuse(cli, ret);
}

static vs_rc read_json(struct vs_cli *cli, const struct vs_outgoing_answer *answer,
                       json_t **ret)
{
    *ret = NULL;
    if (answer->body.len == 0 || ret == NULL)
        return VS_OK;
    *ret = json_loadb((const char *)answer->body.ptr, answer->body.len, JSON_REJECT_DUPLICATES,
                      NULL);
    if (*ret == NULL)
        return vs_fail(&cli->err, VS_E_NETWORK, NULL, "the answer is no JSON: is it Vasite?");
    return VS_OK;
}

vs_rc vs_cli_call(struct vs_cli *cli, const char *method, const char *path, const json_t *body,
                  json_t **ret)
{
    static const char *const json_headers[] = {"Content-Type: application/json",
                                               "Accept: application/json", NULL};
    struct vs_outgoing_request request = {.method = method, .timeout_ms = STALL_MS};
    struct vs_outgoing_answer answer;
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    if (text != NULL)
        request.body = vs_bytes_copy(cli->arena, vs_bytes_text(text));
    free(text);
    VS_TRY(
        exchange(cli, &request, path, body == NULL ? json_headers + 1 : json_headers, &answer));
    return read_json(cli, &answer, ret);
}

vs_rc vs_cli_upload(struct vs_cli *cli, const char *path, const char *media_type,
                    const char *const *headers, const char *file, json_t **ret)
{
    struct exchange x = {cli, "sending", -1};
    struct vs_file_source source;
    struct vs_outgoing_answer answer;
    const char *all[MOST_HEADERS + 1] = {
        vs_arena_printf(cli->arena, "Content-Type: %s", media_type)};
    for (size_t n = 1; headers != NULL && *headers != NULL && n < MOST_HEADERS; headers++)
        all[n++] = *headers;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", file, strerror(errno));
    vs_rc rc = vs_file_source_init(&source, fd, &cli->err);
    struct vs_outgoing_request request = {.method = "POST",
                                          .source = &source.source,
                                          .stall_ms = STALL_MS,
                                          .progress = show_progress,
                                          .context = &x};
    if (vs_ok(rc))
        rc = exchange(cli, &request, path, all, &answer);
    close(fd);
    vs_cli_progress(x.what, 0, 0);
    VS_TRY(rc);
    return read_json(cli, &answer, ret);
}

static const char *const *accept_header(struct vs_cli *cli, const char *accept,
                                        const char *ret[2])
{
    ret[0] = accept == NULL ? NULL : vs_arena_printf(cli->arena, "Accept: %s", accept);
    ret[1] = NULL;
    return ret;
}

vs_rc vs_cli_download(struct vs_cli *cli, const char *path, const char *accept,
                      const char *file)
{
    const char *headers[2];
    struct vs_outgoing_answer answer;
    char *beside = vs_arena_printf(cli->arena, "%s.part", file);
    struct exchange x = {cli, "receiving", -1};
    if (beside == NULL)
        return vs_fail_memory(&cli->err);
    x.fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (x.fd < 0)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", file, strerror(errno));
    struct vs_outgoing_request request = {.method = "GET",
                                          .stall_ms = STALL_MS,
                                          .sink = keep_piece,
                                          .progress = show_progress,
                                          .context = &x};
    vs_rc rc = exchange(cli, &request, path, accept_header(cli, accept, headers), &answer);
    vs_cli_progress(x.what, 0, 0);
    if (close(x.fd) != 0 && vs_ok(rc))
        rc = vs_fail(&cli->err, VS_E_DISK_FULL, NULL, "%s: %s", file, strerror(errno));
    if (vs_ok(rc) && rename(beside, file) != 0)
        rc = vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", file, strerror(errno));
    if (!vs_ok(rc))
        unlink(beside);
    return rc;
}

vs_rc vs_cli_fetch(struct vs_cli *cli, const char *path, const char *accept,
                   struct vs_bytes *ret)
{
    const char *headers[2];
    struct vs_outgoing_request request = {.method = "GET", .timeout_ms = STALL_MS};
    struct vs_outgoing_answer answer;
    VS_TRY(exchange(cli, &request, path, accept_header(cli, accept, headers), &answer));
    *ret = answer.body;
    return VS_OK;
}
