/* participant, principal, agreement: who exchanges, who may call, what was agreed. */
#include "gateway/cli/cli.h"
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static json_t *texts(const struct vs_option_texts *from)
{
    json_t *array = json_array();
    for (size_t i = 0; i < from->n; i++)
        json_array_append_new(array, json_string(from->items[i]));
    return array;
}

/* The items of a comma-separated list. */
static json_t *words(const char *list)
{
    json_t *array = json_array();
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t len = strcspn(at, ",");
        if (len > 0)
            json_array_append_new(array, json_stringn(at, len));
        at += len + (at[len] == ',');
    }
    return array;
}

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(object, name, json_string(value));
}

/* Send `body` (taken), print one line made of `member` of the answer. */
static int create(struct vs_cli *cli, const char *path, json_t *body, const char *member)
{
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "POST", path, body, &answer);
    json_decref(body);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (!vs_cli_show_json(cli, answer))
        printf("%s\n", vs_cli_text(answer, member));
    json_decref(answer);
    return VS_EXIT_DONE;
}

static int list(struct vs_cli *cli, const char *path, const char *member,
                const struct vs_column_of *columns, size_t n)
{
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "GET", path, NULL, &answer);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (!vs_cli_show_json(cli, answer))
        vs_cli_table(json_object_get(answer, member), columns, n);
    json_decref(answer);
    return VS_EXIT_DONE;
}

static int show(struct vs_cli *cli, const char *path)
{
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "GET", path, NULL, &answer);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    json_dumpf(answer, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(answer);
    return VS_EXIT_DONE;
}

/* `path`/`name`, percent-encoded. */
static const char *item(struct vs_cli *cli, const char *path, const char *name)
{
    char *encoded = vs_percent_encode(cli->arena, vs_bytes_text(name));
    char *whole = vs_arena_printf(cli->arena, "%s/%s", path, encoded == NULL ? "" : encoded);
    return whole == NULL ? path : whole;
}

/* Read what is at `path`, lay `changes` (taken) over its members `kept`, put it back: with the
 * version that was read, so that nobody else's change is lost. */
static int change(struct vs_cli *cli, const char *path, const char *const *kept,
                  json_t *changes)
{
    json_t *old = NULL, *answer = NULL, *body = json_object();
    vs_rc rc = vs_cli_call(cli, "GET", path, NULL, &old);
    for (; vs_ok(rc) && *kept != NULL; kept++)
        if (json_object_get(old, *kept) != NULL)
            json_object_set(body, *kept, json_object_get(old, *kept));
    json_t *terms = json_object_get(changes, "terms");
    if (terms != NULL) { /* single terms are changed, not all of them */
        json_object_update(json_object_get(body, "terms"), terms);
        json_object_del(changes, "terms");
    }
    json_object_update(body, changes);
    if (vs_ok(rc))
        rc = vs_cli_call(cli, "PUT", path, body, &answer);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        printf("changed\n");
    json_decref(old);
    json_decref(answer);
    json_decref(body);
    json_decref(changes);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* -- participant -------------------------------------------------------------------------- */

struct participant_options {
    const char *name, *contract, *from, *until, *endpoint, *takes, *events, *retention;
    bool public_body, agreed_only;
};

/* The command line of add and change. */
static void read_participant(struct vs_cli *cli, int argc, char **argv, const char *usage,
                             const char *text, struct participant_options *o,
                             struct vs_option_texts *args)
{
    const struct vs_option options[] = {
        {"name", 'n', VS_OPTION_TEXT, &o->name, "NAME", "its name, as evidence shall state it"},
        {"contract", 'c', VS_OPTION_TEXT, &o->contract, "NUMBER",
         "its service contract with the intermediary (Art. 31.5); without one it exchanges "
         "nothing"},
        {"contract-from", 0, VS_OPTION_TEXT, &o->from, "TIME", "from then on (RFC 3339)"},
        {"contract-until", 0, VS_OPTION_TEXT, &o->until, "TIME", "until then"},
        {"public-body", 0, VS_OPTION_FLAG, &o->public_body, NULL,
         "a public body: enhanced signatures only (Art. 6)"},
        {"agreed-only", 0, VS_OPTION_FLAG, &o->agreed_only, NULL,
         "it takes documents only from those it has an agreement with"},
        {"endpoint", 0, VS_OPTION_TEXT, &o->endpoint, "URL",
         "the system that receives for it (Art. 28.2); default: its mailbox here"},
        {"endpoint-takes", 0, VS_OPTION_TEXT, &o->takes, "WHAT",
         "original (default) or consignment: what is sent to the endpoint"},
        {"events-endpoint", 0, VS_OPTION_TEXT, &o->events, "URL",
         "told what happened to the documents it sent"},
        {"retention", 0, VS_OPTION_TEXT, &o->retention, "CLASS",
         "minimum, months-N or permanent"},
    };
    vs_cli_read(cli, &(struct vs_command_line){usage, text, options, COUNT(options), 1, 8},
                argc, argv, args);
}

/* What was given on the command line, nothing else. */
static json_t *participant_body(const struct participant_options *o)
{
    json_t *body = json_object();
    set_text(body, "name", o->name);
    set_text(body, "contract", o->contract);
    set_text(body, "contract_from", o->from);
    set_text(body, "contract_until", o->until);
    set_text(body, "endpoint", o->endpoint);
    set_text(body, "endpoint_takes", o->takes);
    set_text(body, "events_endpoint", o->events);
    set_text(body, "retention", o->retention);
    if (o->public_body)
        json_object_set_new(body, "public_body", json_true());
    if (o->agreed_only)
        json_object_set_new(body, "agreed_senders_only", json_true());
    return body;
}

static int participant_add(struct vs_cli *cli, int argc, char **argv)
{
    struct participant_options o = {.name = NULL};
    struct vs_option_texts args;
    read_participant(cli, argc, argv, "IDENTIFIER...",
                     "Enter a participant, by one or more identifiers.\n\n"
                     "  vasite participant add voen:1234567891 --name \"Alfa MMC\" --contract "
                     "2026/1",
                     &o, &args);
    json_t *body = participant_body(&o);
    json_object_set_new(body, "identifiers", texts(&args));
    return create(cli, "/v1/participants", body, "id");
}

static int participant_change(struct vs_cli *cli, int argc, char **argv)
{
    static const char *const kept[] = {"identifiers",
                                       "name",
                                       "public_body",
                                       "agreed_senders_only",
                                       "endpoint",
                                       "endpoint_takes",
                                       "events_endpoint",
                                       "contract",
                                       "contract_from",
                                       "contract_until",
                                       "retention",
                                       "version",
                                       NULL};
    struct participant_options o = {.name = NULL};
    struct vs_option_texts args;
    read_participant(cli, argc, argv, "ID-OR-IDENTIFIER [IDENTIFIER...]",
                     "Change what is given, keep the rest; with more identifiers these are its "
                     "identifiers from now on.",
                     &o, &args);
    json_t *body = participant_body(&o);
    const char *path = item(cli, "/v1/participants", args.items[0]);
    if (args.n > 1) {
        args.n--;
        memmove(args.items, args.items + 1, args.n * sizeof args.items[0]);
        json_object_set_new(body, "identifiers", texts(&args));
    }
    return change(cli, path, kept, body);
}

static int participant_list(struct vs_cli *cli, int argc, char **argv)
{
    static const struct vs_column_of columns[] = {{"identifiers", "IDENTIFIER"},
                                                  {"name", "NAME"},
                                                  {"contract", "CONTRACT"},
                                                  {"public_body", "PUBLIC"},
                                                  {"id", "ID"}};
    const char *after = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"after", 0, VS_OPTION_TEXT, &after, "ID", "those after this one"}};
    vs_cli_read(cli, &(struct vs_command_line){"", "All participants.", options, 1, 0, 0}, argc,
                argv, &args);
    return list(cli, vs_cli_query(cli, "/v1/participants", "after", after), "participants",
                columns, COUNT(columns));
}

static int participant_show(struct vs_cli *cli, int argc, char **argv)
{
    struct vs_option_texts args;
    vs_cli_read(
        cli, &(struct vs_command_line){"ID-OR-IDENTIFIER", "One participant.", NULL, 0, 1, 1},
        argc, argv, &args);
    return show(cli, item(cli, "/v1/participants", args.items[0]));
}

int vs_cli_participant(struct vs_cli *cli, int argc, char **argv)
{
    static const char *const verbs[] = {"add", "change", "list", "show", NULL};
    static int (*const run[])(struct vs_cli *, int, char **) = {
        participant_add, participant_change, participant_list, participant_show};
    return run[vs_cli_choose(verbs, argc, argv)](cli, argc - 1, argv + 1);
}

/* -- principal ---------------------------------------------------------------------------- */

/* The profile of a new principal; its token and the CA in files beside it. */
static vs_rc write_profile(struct vs_cli *cli, const char *path, const char *token)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char *token_path = vs_arena_printf(cli->arena, "%s.token", path);
    char *ca_path = vs_arena_printf(cli->arena, "%s.ca.pem", path);
    struct vs_bytes ca = VS_BYTES_NONE;
    if (cli->profile.ca_file != NULL)
        VS_TRY(vs_cli_read_file(cli, cli->profile.ca_file, 1 << 20, &ca));
    char *ca_line = vs_arena_printf(cli->arena, "ca-file: %s.ca.pem\n", name);
    char *text = vs_arena_printf(cli->arena, "url: %s\n%stoken-file: %s.token\n",
                                 cli->profile.url, ca.len == 0 ? "" : ca_line, name);
    if (token_path == NULL || ca_path == NULL || text == NULL)
        return vs_fail_memory(&cli->err);
    if (ca.len > 0)
        VS_TRY(vs_cli_write_file(cli, ca_path, ca, 0644));
    VS_TRY(vs_cli_write_file(cli, token_path, vs_bytes_text(token), 0600));
    return vs_cli_write_file(cli, path, vs_bytes_text(text), 0600);
}

static int tell_principal(struct vs_cli *cli, const json_t *answer, const char *profile)
{
    const char *token = vs_cli_text(answer, "token");
    if (profile != NULL && token[0] != '\0') {
        vs_rc rc = write_profile(cli, profile, token);
        if (!vs_ok(rc))
            return vs_cli_failed(cli, rc);
        json_object_del((json_t *)answer, "token"); /* it is in its file, nowhere else */
    }
    if (vs_cli_show_json(cli, answer))
        return VS_EXIT_DONE;
    printf("%s\n", vs_cli_text(json_object_get(answer, "principal"), "id"));
    if (profile == NULL && token[0] != '\0')
        printf("token (shown this once): %s\n", token);
    return VS_EXIT_DONE;
}

static int principal_add(struct vs_cli *cli, int argc, char **argv)
{
    const char *participant = NULL, *name = NULL, *roles = NULL, *certificate = NULL,
               *expires = NULL, *profile = NULL;
    bool automatic = false;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"participant", 'p', VS_OPTION_TEXT, &participant, "IDENTIFIER",
         "for whom it acts (Art. 27.1); without: for the service itself"},
        {"name", 'n', VS_OPTION_TEXT, &name, "NAME", "of the person or system"},
        {"roles", 'r', VS_OPTION_TEXT, &roles, "LIST",
         "sender,recipient,archivist,operator,auditor,centre-officer"},
        {"automatic", 0, VS_OPTION_FLAG, &automatic, NULL, "a system, not a person"},
        {"certificate", 0, VS_OPTION_TEXT, &certificate, "FILE",
         "it proves itself by this client certificate (PEM) instead of a token"},
        {"expires", 0, VS_OPTION_TEXT, &expires, "TIME", "until then (RFC 3339)"},
        {"profile-out", 'o', VS_OPTION_TEXT, &profile, "FILE",
         "write a profile for it; the token goes to FILE.token, the CA to FILE.ca.pem"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){"",
                                  "Enter somebody who may call, and make its token.\n\n"
                                  "  vasite principal add -p voen:1234567891 -n Office -r "
                                  "sender,recipient -o office.profile",
                                  options, COUNT(options), 0, 0},
        argc, argv, &args);
    json_t *body = json_object();
    set_text(body, "participant", participant);
    set_text(body, "name", name);
    set_text(body, "expires", expires);
    json_object_set_new(body, "roles", words(roles));
    json_object_set_new(body, "automatic", json_boolean(automatic));
    if (certificate != NULL) {
        const char *pem;
        vs_rc rc = vs_cli_read_secret(cli, certificate, &pem);
        if (!vs_ok(rc)) {
            json_decref(body);
            return vs_cli_failed(cli, rc);
        }
        set_text(body, "certificate", pem);
    }
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "POST", "/v1/principals", body, &answer);
    json_decref(body);
    int status = vs_ok(rc) ? tell_principal(cli, answer, profile) : vs_cli_failed(cli, rc);
    json_decref(answer);
    return status;
}

static int principal_list(struct vs_cli *cli, int argc, char **argv)
{
    static const struct vs_column_of columns[] = {
        {"id", "ID"}, {"name", "NAME"}, {"roles", "FIRST ROLE"}, {"revoked", "REVOKED"}};
    const char *participant = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"participant", 'p', VS_OPTION_TEXT, &participant, "IDENTIFIER", "whose"}};
    vs_cli_read(cli,
                &(struct vs_command_line){"",
                                          "Who may call for a participant, or for the service.",
                                          options, 1, 0, 0},
                argc, argv, &args);
    return list(cli, vs_cli_query(cli, "/v1/principals", "participant", participant),
                "principals", columns, COUNT(columns));
}

static int principal_revoke(struct vs_cli *cli, int argc, char **argv)
{
    struct vs_option_texts args;
    json_t *answer = NULL;
    vs_cli_read(
        cli, &(struct vs_command_line){"ID", "Revoke its credential, at once.", NULL, 0, 1, 1},
        argc, argv, &args);
    vs_rc rc =
        vs_cli_call(cli, "DELETE", item(cli, "/v1/principals", args.items[0]), NULL, &answer);
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

int vs_cli_principal(struct vs_cli *cli, int argc, char **argv)
{
    static const char *const verbs[] = {"add", "list", "revoke", NULL};
    static int (*const run[])(struct vs_cli *, int, char **) = {principal_add, principal_list,
                                                                principal_revoke};
    return run[vs_cli_choose(verbs, argc, argv)](cli, argc - 1, argv + 1);
}

/* -- agreement ---------------------------------------------------------------------------- */

struct agreement_options {
    const char *reference, *from, *until;
    struct vs_option_texts terms;
};

static void read_agreement(struct vs_cli *cli, int argc, char **argv,
                           const struct vs_command_line *line, struct agreement_options *o,
                           struct vs_option_texts *args)
{
    const struct vs_option options[] = {
        {"term", 't', VS_OPTION_TEXTS, &o->terms, "NAME=VALUE",
         "what is agreed otherwise than the law's default; may be repeated"},
        {"reference", 0, VS_OPTION_TEXT, &o->reference, "NUMBER", "of the parties' own paper"},
        {"from", 0, VS_OPTION_TEXT, &o->from, "TIME", "in force from then on (RFC 3339)"},
        {"until", 0, VS_OPTION_TEXT, &o->until, "TIME", "in force until then"},
    };
    struct vs_command_line whole = *line;
    whole.options = options;
    whole.n_options = COUNT(options);
    vs_cli_read(cli, &whole, argc, argv, args);
}

static json_t *agreement_body(struct vs_cli *cli, const struct agreement_options *o)
{
    json_t *body = json_object(), *agreed = json_object();
    for (size_t i = 0; i < o->terms.n; i++) {
        const char *term = o->terms.items[i], *equal = strchr(term, '=');
        char *name =
            equal == NULL ? NULL : vs_arena_strndup(cli->arena, term, (size_t)(equal - term));
        if (name == NULL) {
            fprintf(stderr, "vasite: --term %s: NAME=VALUE is meant\n", term);
            exit(VS_EXIT_USAGE);
        }
        set_text(agreed, name, equal + 1);
    }
    set_text(body, "reference", o->reference);
    set_text(body, "from", o->from);
    set_text(body, "until", o->until);
    json_object_set_new(body, "terms", agreed);
    return body;
}

static int agreement_add(struct vs_cli *cli, int argc, char **argv)
{
    static const struct vs_command_line line = {
        .usage = "IDENTIFIER IDENTIFIER",
        .text = "Enter what two participants agreed about their exchange (Art. 26).\n\n"
                "  vasite agreement add voen:1234567891 voen:9876543219 -t "
                "signature-class=qualified -t marks=batch",
        .least = 2,
        .most = 2};
    struct agreement_options o = {.reference = NULL};
    struct vs_option_texts args;
    read_agreement(cli, argc, argv, &line, &o, &args);
    json_t *body = agreement_body(cli, &o);
    json_object_set_new(body, "parties", texts(&args));
    return create(cli, "/v1/agreements", body, "id");
}

static int agreement_change(struct vs_cli *cli, int argc, char **argv)
{
    static const char *const kept[] = {"reference", "from", "until", "terms", "version", NULL};
    static const struct vs_command_line line = {
        .usage = "ID", .text = "Change what is given, keep the rest.", .least = 1, .most = 1};
    struct agreement_options o = {.reference = NULL};
    struct vs_option_texts args;
    read_agreement(cli, argc, argv, &line, &o, &args);
    return change(cli, item(cli, "/v1/agreements", args.items[0]), kept,
                  agreement_body(cli, &o));
}

static int agreement_list(struct vs_cli *cli, int argc, char **argv)
{
    static const struct vs_column_of columns[] = {
        {"id", "ID"}, {"parties", "BETWEEN"}, {"reference", "REFERENCE"}, {"from", "FROM"}};
    const char *party = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"party", 'p', VS_OPTION_TEXT, &party, "IDENTIFIER", "of this participant"}};
    vs_cli_read(cli, &(struct vs_command_line){"", "All agreements.", options, 1, 0, 0}, argc,
                argv, &args);
    return list(cli, vs_cli_query(cli, "/v1/agreements", "party", party), "agreements", columns,
                COUNT(columns));
}

static int agreement_show(struct vs_cli *cli, int argc, char **argv)
{
    struct vs_option_texts args;
    vs_cli_read(
        cli,
        &(struct vs_command_line){"ID", "One agreement with all its terms.", NULL, 0, 1, 1},
        argc, argv, &args);
    return show(cli, item(cli, "/v1/agreements", args.items[0]));
}

int vs_cli_agreement(struct vs_cli *cli, int argc, char **argv)
{
    static const char *const verbs[] = {"add", "change", "list", "show", NULL};
    static int (*const run[])(struct vs_cli *, int, char **) = {agreement_add, agreement_change,
                                                                agreement_list, agreement_show};
    return run[vs_cli_choose(verbs, argc, argv)](cli, argc - 1, argv + 1);
}
