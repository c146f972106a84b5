/* centre: certificates that the embedded certificate services centre issues and revokes. */
#include "gateway/cli/cli.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PATH         "/v1/certificates"

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(object, name, json_string(value));
}

/* -- issue --------------------------------------------------------------------------------- */

static vs_rc write_base64(struct vs_cli *cli, const char *path, const char *text, unsigned mode)
{
    struct vs_bytes bytes;
    VS_TRY(vs_base64_decode(cli->arena, vs_bytes_text(text), &bytes, &cli->err));
    return vs_cli_write_file(cli, path, bytes, mode);
}

static vs_rc write_certificate(struct vs_cli *cli, const char *path, const char *base64)
{
    VS_BUFFER pem;
    vs_buffer_init(&pem, (size_t)256 * 1024);
    vs_buffer_text(&pem, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0, len = strlen(base64); at < len; at += 64)
        vs_buffer_printf(&pem, "%.64s\n", base64 + at);
    vs_buffer_text(&pem, "-----END CERTIFICATE-----\n");
    return vs_cli_write_file(cli, path, vs_buffer_view(&pem), 0644);
}

struct wish {
    const char *kind, *name, *surname, *given, *pseudonym, *title, *email, *organisation,
        *organisation_id, *person_id, *request, *passphrase_file, *out, *certificate;
    int64_t days;
};

static vs_rc body_of(struct vs_cli *cli, const struct wish *w, json_t *body)
{
    set_text(body, "kind", w->kind);
    set_text(body, "common_name", w->name);
    set_text(body, "surname", w->surname);
    set_text(body, "given_name", w->given);
    set_text(body, "pseudonym", w->pseudonym);
    set_text(body, "title", w->title);
    set_text(body, "email", w->email);
    set_text(body, "organisation", w->organisation);
    set_text(body, "organisation_identifier", w->organisation_id);
    set_text(body, "person_identifier", w->person_id);
    if (w->days > 0)
        json_object_set_new(body, "days", json_integer(w->days));
    if (w->request != NULL) {
        struct vs_bytes pem;
        VS_TRY(vs_cli_read_file(cli, w->request, (size_t)64 * 1024, &pem));
        json_object_set_new(body, "request", json_stringn((const char *)pem.ptr, pem.len));
    }
    if (w->passphrase_file != NULL) {
        const char *passphrase;
        VS_TRY(vs_cli_read_secret(cli, w->passphrase_file, &passphrase));
        set_text(body, "passphrase", passphrase);
    }
    return VS_OK;
}

static vs_rc keep_answer(struct vs_cli *cli, const struct wish *w, json_t *answer)
{
    const char *p12 = vs_cli_text(answer, "pkcs12");
    if (w->out != NULL && p12[0] != '\0') {
        VS_TRY(write_base64(cli, w->out, p12, 0600));
        json_object_del(answer, "pkcs12"); /* it is in its file, nowhere else */
    }
    return w->certificate == NULL
               ? VS_OK
               : write_certificate(cli, w->certificate, vs_cli_text(answer, "certificate"));
}

static int issue(struct vs_cli *cli, int argc, char **argv)
{
    struct wish w = {.kind = "person"};
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"kind", 'k', VS_OPTION_TEXT, &w.kind, "KIND",
         "person (signs), organisation (seals) or client (calls the service); default person"},
        {"name", 'n', VS_OPTION_TEXT, &w.name, "NAME", "common name: the holder's full name"},
        {"surname", 0, VS_OPTION_TEXT, &w.surname, "NAME", "the person's surname"},
        {"given-name", 0, VS_OPTION_TEXT, &w.given, "NAME", "given name and patronymic"},
        {"pseudonym", 0, VS_OPTION_TEXT, &w.pseudonym, "NAME",
         "a pseudonym instead of a name; the certificate marks it as one"},
        {"title", 0, VS_OPTION_TEXT, &w.title, "POST", "post in the organisation"},
        {"email", 0, VS_OPTION_TEXT, &w.email, "ADDRESS", "e-mail address"},
        {"organisation", 'O', VS_OPTION_TEXT, &w.organisation, "NAME", "the organisation"},
        {"participant", 'P', VS_OPTION_TEXT, &w.organisation_id, "voen:DIGITS",
         "its identifier: a signature then counts as that participant's; the name of a "
         "participant that is known here need not be given"},
        {"person-id", 0, VS_OPTION_TEXT, &w.person_id, "fin:CHARS", "the person's identifier"},
        {"days", 0, VS_OPTION_NUMBER, &w.days, "N", "validity, 1 to 1825; default 365"},
        {"request", 'r', VS_OPTION_TEXT, &w.request, "FILE",
         "PKCS#10 (PEM) for a key of the holder's own; without it a key is made"},
        {"passphrase-file", 'p', VS_OPTION_TEXT, &w.passphrase_file, "FILE",
         "passphrase of the PKCS#12 with the new key"},
        {"out", 'o', VS_OPTION_TEXT, &w.out, "FILE", "where the PKCS#12 goes"},
        {"certificate", 'c', VS_OPTION_TEXT, &w.certificate, "FILE",
         "where the certificate goes (PEM)"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "",
                    "Issue a certificate.\n\n"
                    "  vasite centre issue --kind organisation --name \"Alfa MMC\" "
                    "    --participant voen:1234567891 -p secret -o alfa.p12",
                    options, COUNT(options), 0, 0},
                argc, argv, &args);
    json_t *body = json_object(), *answer = NULL;
    vs_rc rc = body_of(cli, &w, body);
    if (vs_ok(rc))
        rc = vs_cli_call(cli, "POST", PATH, body, &answer);
    json_decref(body);
    if (vs_ok(rc))
        rc = keep_answer(cli, &w, answer);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        printf("%s\n", vs_cli_text(json_object_get(answer, "entry"), "serial"));
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* -- list, show ---------------------------------------------------------------------------- */

static int list(struct vs_cli *cli, int argc, char **argv)
{
    static const struct vs_column_of columns[] = {{"serial", "SERIAL"},
                                                  {"state", "STATE"},
                                                  {"profile", "PROFILE"},
                                                  {"not_after", "UNTIL"},
                                                  {"subject", "SUBJECT"}};
    const char *after = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"after", 0, VS_OPTION_TEXT, &after, "SERIAL", "those entered after this one"}};
    vs_cli_read(
        cli, &(struct vs_command_line){"", "The register of certificates.", options, 1, 0, 0},
        argc, argv, &args);
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "GET", vs_cli_query(cli, PATH, "after", after), NULL, &answer);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (!vs_cli_show_json(cli, answer))
        vs_cli_table(json_object_get(answer, "items"), columns, COUNT(columns));
    json_decref(answer);
    return VS_EXIT_DONE;
}

static void print_entry(const json_t *answer)
{
    static const struct vs_column_of columns[] = {
        {"time", "TIME"}, {"event", "EVENT"}, {"requester", "BY"}, {"ground", "GROUND"}};
    const json_t *entry = json_object_get(answer, "entry");
    static const char *const members[] = {"serial", "subject",    "identifier", "state",
                                          "reason", "not_before", "not_after"};
    for (size_t i = 0; i < COUNT(members); i++)
        vs_cli_line(members[i], vs_cli_text(entry, members[i]));
    vs_cli_table(json_object_get(answer, "history"), columns, COUNT(columns));
}

static const char *path_of(struct vs_cli *cli, const char *serial, const char *tail)
{
    char *encoded = vs_percent_encode(cli->arena, vs_bytes_text(serial));
    char *path =
        vs_arena_printf(cli->arena, PATH "/%s%s", encoded == NULL ? "" : encoded, tail);
    return path == NULL ? PATH : path;
}

static int call_entry(struct vs_cli *cli, const char *method, const char *path, json_t *body)
{
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, method, path, body, &answer);
    json_decref(body);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (!vs_cli_show_json(cli, answer))
        print_entry(answer);
    json_decref(answer);
    return VS_EXIT_DONE;
}

static int show(struct vs_cli *cli, int argc, char **argv)
{
    struct vs_option_texts args;
    vs_cli_read(cli,
                &(struct vs_command_line){"SERIAL", "A certificate, its state and history.",
                                          NULL, 0, 1, 1},
                argc, argv, &args);
    return call_entry(cli, "GET", path_of(cli, args.items[0], ""), NULL);
}

/* -- suspend, restore, revoke -------------------------------------------------------------- */

static vs_rc set_statement(struct vs_cli *cli, json_t *body, const char *file)
{
    struct vs_bytes bytes;
    VS_TRY(vs_cli_read_file(cli, file, (size_t)128 * 1024, &bytes));
    char *base64 = vs_base64_new(cli->arena, bytes);
    if (base64 == NULL)
        return vs_fail_memory(&cli->err);
    set_text(body, "statement", base64);
    return VS_OK;
}

static int change(struct vs_cli *cli, const char *state, const char *text, int argc,
                  char **argv)
{
    const char *requester = "holder", *reason = NULL, *ground = NULL, *until = NULL,
               *statement = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"ground", 'g', VS_OPTION_TEXT, &ground, "TEXT",
         "why, in words or by article (14.1.3); required"},
        {"by", 'b', VS_OPTION_TEXT, &requester, "WHO",
         "holder, authority or centre; default holder"},
        {"statement", 's', VS_OPTION_TEXT, &statement, "FILE",
         "the written, signed request (Art. 13.5)"},
        {"until", 'u', VS_OPTION_TEXT, &until, "TIME", "of a suspension (RFC 3339)"},
        {"reason", 'r', VS_OPTION_TEXT, &reason, "REASON",
         "of a revocation: keyCompromise, superseded, cessationOfOperation ..."},
    };
    vs_cli_read(cli, &(struct vs_command_line){"SERIAL", text, options, COUNT(options), 1, 1},
                argc, argv, &args);
    json_t *body = json_object();
    set_text(body, "state", state);
    set_text(body, "requester", requester);
    set_text(body, "reason", reason);
    set_text(body, "ground", ground);
    set_text(body, "until", until);
    vs_rc rc = statement == NULL ? VS_OK : set_statement(cli, body, statement);
    if (!vs_ok(rc)) {
        json_decref(body);
        return vs_cli_failed(cli, rc);
    }
    return call_entry(cli, "POST", path_of(cli, args.items[0], "/state"), body);
}

static int suspend(struct vs_cli *cli, int argc, char **argv)
{
    return change(cli, "suspended", "Suspend a certificate (Art. 13.1).", argc, argv);
}

static int restore(struct vs_cli *cli, int argc, char **argv)
{
    return change(cli, "valid", "End a suspension (Art. 13.3).", argc, argv);
}

static int revoke(struct vs_cli *cli, int argc, char **argv)
{
    return change(cli, "revoked", "Revoke a certificate, for good (Art. 14).", argc, argv);
}

int vs_cli_centre(struct vs_cli *cli, int argc, char **argv)
{
    static const char *const verbs[] = {"issue",   "list",   "show", "suspend",
                                        "restore", "revoke", NULL};
    static int (*const run[])(struct vs_cli *, int, char **) = {issue,   list,    show,
                                                                suspend, restore, revoke};
    return run[vs_cli_choose(verbs, argc, argv)](cli, argc - 1, argv + 1);
}
