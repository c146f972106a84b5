/* ack, consent, confirm, notice, remind: what a party says about a document. */
#include "formats/document/acknowledgement.h"
#include "gateway/cli/cli.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *vs_cli_document_path(struct vs_cli *cli, const char *id, const char *rest)
{
    char *encoded = vs_percent_encode(cli->arena, vs_bytes_text(id));
    char *path =
        vs_arena_printf(cli->arena, "/v1/documents/%s%s", encoded == NULL ? "" : encoded, rest);
    return path == NULL ? "/" : path;
}

static int show(struct vs_cli *cli, json_t *answer)
{
    if (!vs_cli_show_json(cli, answer)) {
        vs_cli_line("state", vs_cli_text(answer, "state"));
        vs_cli_line("time", vs_cli_text(answer, "time"));
        vs_cli_line("further term", vs_cli_text(answer, "further"));
        vs_cli_line("evidence", vs_cli_text(answer, "evidence"));
    }
    json_decref(answer);
    return VS_EXIT_DONE;
}

/* Posts `body`, which it takes. */
static int say(struct vs_cli *cli, const char *id, const char *rest, json_t *body)
{
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "POST", vs_cli_document_path(cli, id, rest), body, &answer);
    json_decref(body);
    return vs_ok(rc) ? show(cli, answer) : vs_cli_failed(cli, rc);
}

/* acknowledgement.xml for `vasite sign`: which document, which bytes, what is said of them. */
static vs_rc write_statement(struct vs_cli *cli, const char *id, const char *refuse,
                             const char *path)
{
    json_t *status = NULL;
    VS_TRY(vs_cli_call(cli, "GET", vs_cli_document_path(cli, id, ""), NULL, &status));
    struct vs_statement statement = {.conforms = refuse == NULL, .reason = refuse};
    struct vs_bytes xml;
    statement.document = vs_arena_strdup(cli->arena, vs_cli_text(status, "id"));
    bool known =
        vs_hex_decode(vs_cli_text(status, "sha256"), statement.sha256, sizeof statement.sha256);
    json_decref(status);
    if (!known)
        return vs_fail(&cli->err, VS_E_NETWORK, NULL, "the service names no digest of it");
    VS_TRY(vs_statement_make(cli->arena, &statement, &xml, &cli->err));
    return vs_cli_write_file(cli, path, xml, 0644);
}

static int send_signed(struct vs_cli *cli, const char *id, const char *file)
{
    json_t *answer = NULL;
    const char *headers[] = {NULL};
    vs_rc rc = vs_cli_upload(cli, vs_cli_document_path(cli, id, "/acknowledgement"),
                             "application/vnd.etsi.asic-e+zip", headers, file, &answer);
    return vs_ok(rc) ? show(cli, answer) : vs_cli_failed(cli, rc);
}

int vs_cli_ack(struct vs_cli *cli, int argc, char **argv)
{
    const char *refuse = NULL, *note = NULL, *statement = NULL, *signed_ = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"refuse", 'r', VS_OPTION_TEXT, &refuse, "REASON",
         "it does not meet the agreed technical requirements"},
        {"note", 'n', VS_OPTION_TEXT, &note, "TEXT", "a note beside the acknowledgement"},
        {"statement", 's', VS_OPTION_TEXT, &statement, "FILE",
         "say nothing yet: write it there as acknowledgement.xml, to be signed"},
        {"signed", 'S', VS_OPTION_TEXT, &signed_, "FILE",
         "answer with this signed document, which says all"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "ID",
            "Acknowledge a document: you state that it was received and meets the agreed "
            "technical requirements (Art. 27.4). With --refuse you deny it.\n\n"
            "As a signed document, in three steps:\n"
            "  vasite ack ID --statement acknowledgement.xml\n"
            "  vasite sign --key me.p12 -o reply.asice acknowledgement.xml\n"
            "  vasite ack ID --signed reply.asice",
            options, COUNT(options), 1, 1},
        argc, argv, &args);
    if (signed_ != NULL)
        return send_signed(cli, args.items[0], signed_);
    if (statement != NULL) {
        vs_rc rc = write_statement(cli, args.items[0], refuse, statement);
        return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
    }
    json_t *body = json_object();
    json_object_set_new(body, "conforms", json_boolean(refuse == NULL));
    if (refuse != NULL || note != NULL)
        json_object_set_new(body, "reason", json_string(refuse != NULL ? refuse : note));
    return say(cli, args.items[0], "/acknowledgement", body);
}

/* 27.3.3 */
int vs_cli_confirm(struct vs_cli *cli, int argc, char **argv)
{
    struct vs_option_texts args;
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "ID",
            "Confirm that a document that repeats an earlier one was meant (Art. 27.3.3): "
            "it was held and is delivered now.",
            NULL, 0, 1, 1},
        argc, argv, &args);
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "POST",
                           vs_cli_document_path(cli, args.items[0], "/repeat-confirmation"),
                           NULL, &answer);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        printf("confirmed\n");
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* Art. 26 */
int vs_cli_consent(struct vs_cli *cli, int argc, char **argv)
{
    bool reject = false;
    const char *reason = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"reject", 'r', VS_OPTION_FLAG, &reject, NULL, "it may not: that is the end of it"},
        {"reason", 'n', VS_OPTION_TEXT, &reason, "TEXT", "why; its sender will see it"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "ID",
            "Say whether a document may be handed over, where the agreement asks you "
            "first (state `asked`). Until then you see who sends and what it is called, "
            "not the content. Consent is no acknowledgement.",
            options, COUNT(options), 1, 1},
        argc, argv, &args);
    json_t *body = json_object();
    json_object_set_new(body, "accepts", json_boolean(!reject));
    if (reason != NULL)
        json_object_set_new(body, "reason", json_string(reason));
    return say(cli, args.items[0], "/consent", body);
}

/* 27.3.1 */
int vs_cli_notice(struct vs_cli *cli, int argc, char **argv)
{
    const char *reason = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"reason", 'n', VS_OPTION_TEXT, &reason, "TEXT", "why; its recipients will see it"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "ID",
            "Give notice that a document in your name was not sent by you (Art. 27.3.1): "
            "its recipients must deem it not sent. It cannot be taken back.",
            options, COUNT(options), 1, 1},
        argc, argv, &args);
    json_t *body = json_object();
    if (reason != NULL)
        json_object_set_new(body, "reason", json_string(reason));
    return say(cli, args.items[0], "/non-sending-notice", body);
}

/* 27.5 */
int vs_cli_remind(struct vs_cli *cli, int argc, char **argv)
{
    const char *until = NULL, *recipient = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"until", 'u', VS_OPTION_TEXT, &until, "TIME",
         "the further term's end (RFC 3339); without: the agreement's term from now"},
        {"recipient", 't', VS_OPTION_TEXT, &recipient, "IDENTIFIER",
         "which one, where there are several"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "ID",
                    "Remind a recipient that has not acknowledged in time, and set a further "
                    "term (Art. 27.5). Where the agreement says `remind`, the service has done "
                    "it already.",
                    options, COUNT(options), 1, 1},
                argc, argv, &args);
    json_t *body = json_object();
    if (until != NULL)
        json_object_set_new(body, "until", json_string(until));
    if (recipient != NULL)
        json_object_set_new(body, "recipient", json_string(recipient));
    return say(cli, args.items[0], "/reminder", body);
}
