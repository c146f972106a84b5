/* register, retention, hold, inspect, access, report: what is kept, and who may ask about it.
 */
#include "gateway/cli/cli.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* -- register ----------------------------------------------------------------------------- */

struct register_options {
    const char *participant, *from, *until, *party, *number, *subject, *state, *lang, *out;
    bool csv;
};

static const char *register_path(struct vs_cli *cli, const struct register_options *o,
                                 const char *direction, const char *cursor, bool csv)
{
    const char *path = vs_cli_query(cli, "/v1/register", "direction", direction);
    path = vs_cli_query(cli, path, "participant", o->participant);
    path = vs_cli_query(cli, path, "from", o->from);
    path = vs_cli_query(cli, path, "until", o->until);
    path = vs_cli_query(cli, path, "party", o->party);
    path = vs_cli_query(cli, path, "number", o->number);
    path = vs_cli_query(cli, path, "subject", o->subject);
    path = vs_cli_query(cli, path, "state", o->state);
    path = vs_cli_query(cli, path, "cursor", cursor);
    path = vs_cli_query(cli, path, "limit", "500");
    if (csv) {
        path = vs_cli_query(cli, path, "format", "csv");
        path = vs_cli_query(cli, path, "lang", o->lang);
    }
    return path;
}

static void print_entries(const json_t *entries)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(entries, i, entry)
    {
        const json_t *d = json_object_get(entry, "delivery");
        printf("%-12s %s  %s -> %s  %s  %s  [%s]\n", vs_cli_text(entry, "registration"),
               vs_cli_text(d, "sent"), vs_cli_text(d, "sender_name"),
               vs_cli_text(d, "recipient_name"), vs_cli_text(d, "number"),
               vs_cli_text(d, "subject"), vs_cli_text(d, "state"));
    }
}

/* All pages: shown, or collected as CSV. */
static vs_rc walk_register(struct vs_cli *cli, const struct register_options *o,
                           const char *direction, struct vs_buffer *csv)
{
    const char *cursor = "";
    for (bool more = true; more;) {
        json_t *page = NULL;
        struct vs_bytes bytes;
        VS_TRY(vs_cli_call(cli, "GET", register_path(cli, o, direction, cursor, false), NULL,
                           &page));
        if (csv == NULL && !vs_cli_show_json(cli, page))
            print_entries(json_object_get(page, "entries"));
        vs_rc rc = VS_OK;
        if (csv != NULL) {
            rc =
                vs_cli_fetch(cli, register_path(cli, o, direction, cursor, true), NULL, &bytes);
            if (vs_ok(rc))
                vs_buffer_add(csv, bytes);
        }
        more = json_is_true(json_object_get(page, "more"));
        cursor = vs_arena_strdup(cli->arena, vs_cli_text(page, "cursor"));
        json_decref(page);
        VS_TRY(rc);
        if (cursor == NULL)
            return vs_fail_memory(&cli->err);
    }
    return VS_OK;
}

static vs_rc export_register(struct vs_cli *cli, const struct register_options *o,
                             const char *direction)
{
    VS_BUFFER csv;
    vs_buffer_init(&csv, (size_t)1 << 30);
    VS_TRY(walk_register(cli, o, direction, &csv));
    VS_TRY(vs_buffer_check(&csv, &cli->err));
    if (o->out != NULL)
        return vs_cli_write_file(cli, o->out, vs_buffer_view(&csv), 0644);
    fwrite(csv.ptr, 1, csv.len, stdout);
    return VS_OK;
}

int vs_cli_register(struct vs_cli *cli, int argc, char **argv)
{
    static const char *const directions[] = {"outgoing", "incoming", NULL};
    struct register_options o = {.lang = "az"};
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"participant", 'p', VS_OPTION_TEXT, &o.participant, "IDENTIFIER",
         "whose register; for operators and auditors"},
        {"from", 0, VS_OPTION_TEXT, &o.from, "TIME", "sent (received) from then on"},
        {"until", 0, VS_OPTION_TEXT, &o.until, "TIME", "and before then"},
        {"party", 0, VS_OPTION_TEXT, &o.party, "IDENTIFIER", "the other side"},
        {"number", 'n', VS_OPTION_TEXT, &o.number, "TEXT",
         "the sender's own number, or the service's as 2026/17"},
        {"subject", 's', VS_OPTION_TEXT, &o.subject, "TEXT", "part of the subject"},
        {"state", 0, VS_OPTION_TEXT, &o.state, "STATE", "as `vasite status` names it"},
        {"csv", 0, VS_OPTION_FLAG, &o.csv, NULL, "as CSV (RFC 4180)"},
        {"lang", 0, VS_OPTION_TEXT, &o.lang, "az|en|ru", "of the CSV's titles (az)"},
        {"output", 'o', VS_OPTION_TEXT, &o.out, "FILE", "write the CSV there"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "outgoing|incoming",
            "The register of documents that a participant sent or received, in order of "
            "registration numbers (Rule of exchange).\n\n"
            "  vasite register incoming --from 2026-01-01T00:00:00Z --csv -o in.csv",
            options, COUNT(options), 1, 1},
        argc, argv, &args);
    char *chosen[] = {argv[0], (char *)(uintptr_t)args.items[0], NULL};
    const char *direction = directions[vs_cli_choose(directions, 2, chosen)];
    vs_rc rc =
        o.csv ? export_register(cli, &o, direction) : walk_register(cli, &o, direction, NULL);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* -- retention ---------------------------------------------------------------------------- */

static json_t *reason_body(const char *reason)
{
    json_t *body = json_object();
    json_object_set_new(body, "reason", json_string(reason));
    return body;
}

static void print_retention(const json_t *answer)
{
    vs_cli_line("kept until", vs_cli_text(answer, "kept_until"));
    if (json_is_true(json_object_get(answer, "permanent")))
        vs_cli_line("kept", "for ever");
    vs_cli_line("latest event", vs_cli_text(answer, "latest_event"));
    vs_cli_line("clock", vs_cli_text(answer, "now"));
    vs_cli_line("witnessed", vs_cli_text(answer, "witnessed"));
    if (json_is_true(json_object_get(answer, "doubted")))
        printf("The clock jumped: nothing is deleted until it is confirmed "
               "(--confirm-clock).\n");
}

int vs_cli_retention(struct vs_cli *cli, int argc, char **argv)
{
    const char *confirm = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"confirm-clock", 0, VS_OPTION_TEXT, &confirm, "REASON",
         "the clock is right, though it jumped: why (operators)"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "[ID]",
            "Until when a document is kept (Art. 29.1, 31.3). Without ID: the time that "
            "terms are measured by. No command deletes: documents go by rule.",
            options, COUNT(options), 0, 1},
        argc, argv, &args);
    json_t *answer = NULL, *body = confirm == NULL ? NULL : reason_body(confirm);
    const char *path = args.n > 0 ? vs_cli_document_path(cli, args.items[0], "/retention")
                       : confirm != NULL ? "/v1/retention/clock"
                                         : "/v1/retention";
    vs_rc rc = vs_cli_call(cli, body != NULL && args.n == 0 ? "POST" : "GET", path,
                           args.n == 0 ? body : NULL, &answer);
    json_decref(body);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        print_retention(answer);
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* -- hold, inspect ------------------------------------------------------------------------ */

static void print_act(const json_t *act)
{
    vs_cli_line("act", vs_cli_text(act, "event"));
    vs_cli_line("time", vs_cli_text(act, "time"));
    vs_cli_line("evidence", vs_cli_text(act, "evidence"));
}

static int do_act(struct vs_cli *cli, const char *id, const char *rest, json_t *body)
{
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "POST", vs_cli_document_path(cli, id, rest), body, &answer);
    json_decref(body);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        print_act(answer);
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

static int list_holds(struct vs_cli *cli)
{
    static const struct vs_column_of columns[] = {
        {"document", "DOCUMENT"}, {"time", "SINCE"}, {"name", "BY"}, {"reason", "REASON"}};
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "GET", "/v1/holds?limit=500", NULL, &answer);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        vs_cli_table(json_object_get(answer, "holds"), columns, COUNT(columns));
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

int vs_cli_hold(struct vs_cli *cli, int argc, char **argv)
{
    const char *reason = NULL;
    bool lift = false;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"reason", 'r', VS_OPTION_TEXT, &reason, "TEXT", "why; it goes into the evidence"},
        {"lift", 0, VS_OPTION_FLAG, &lift, NULL, "lift the hold"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "[ID]",
                    "Hold a document: it stays, whatever its term, until the hold is lifted "
                    "(operators and auditors). Without ID: what is held.",
                    options, COUNT(options), 0, 1},
                argc, argv, &args);
    if (args.n == 0)
        return list_holds(cli);
    if (reason == NULL) {
        fprintf(stderr, "vasite hold: --reason TEXT is missing\n");
        return VS_EXIT_USAGE;
    }
    json_t *body = reason_body(reason);
    json_object_set_new(body, "held", json_boolean(!lift));
    return do_act(cli, args.items[0], "/hold", body);
}

int vs_cli_inspect(struct vs_cli *cli, int argc, char **argv)
{
    const char *reason = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"reason", 'r', VS_OPTION_TEXT, &reason, "TEXT", "why; it goes into the evidence"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "ID",
                    "Begin an inspection (auditors): for a day the document's content may be "
                    "read with `vasite get`. The act is evidence (Art. 31.4).",
                    options, COUNT(options), 1, 1},
                argc, argv, &args);
    if (reason == NULL) {
        fprintf(stderr, "vasite inspect: --reason TEXT is missing\n");
        return VS_EXIT_USAGE;
    }
    return do_act(cli, args.items[0], "/inspection", reason_body(reason));
}

int vs_cli_access(struct vs_cli *cli, int argc, char **argv)
{
    static const struct vs_column_of columns[] = {{"principal", "PRINCIPAL"},
                                                  {"participant", "PARTICIPANT"},
                                                  {"what", "WHAT"},
                                                  {"first", "FIRST"},
                                                  {"last", "LAST"}};
    struct vs_option_texts args;
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "ID", "Who looked at what of a document (operators and auditors).", NULL, 0, 1, 1},
        argc, argv, &args);
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "GET", vs_cli_document_path(cli, args.items[0], "/accesses"),
                           NULL, &answer);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        vs_cli_table(json_object_get(answer, "accesses"), columns, COUNT(columns));
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* -- report ------------------------------------------------------------------------------- */

static vs_rc keep_container(struct vs_cli *cli, const json_t *answer, const char *out)
{
    struct vs_bytes container;
    VS_TRY(vs_base64_decode(cli->arena, vs_bytes_text(vs_cli_text(answer, "container")),
                            &container, &cli->err));
    VS_TRY(vs_cli_write_file(cli, out, container, 0644));
    if (!cli->json)
        print_act(json_object_get(answer, "act"));
    return VS_OK;
}

static void print_report(const json_t *report)
{
    static const struct vs_column_of columns[] = {{"identifier", "PARTICIPANT"},
                                                  {"name", "NAME"}};
    static const char *const numbers[] = {
        "documents", "deliveries", "refusals",  "deadlines_missed", "notices_of_non_sending",
        "batches",   "time_marks", "deletions", "deleted",          "holds_now"};
    vs_cli_line("service", vs_cli_text(json_object_get(report, "service"), "name"));
    vs_cli_line("from", vs_cli_text(report, "from"));
    vs_cli_line("until", vs_cli_text(report, "until"));
    for (size_t i = 0; i < COUNT(numbers); i++)
        printf("%-24s %lld\n", numbers[i],
               (long long)json_integer_value(json_object_get(report, numbers[i])));
    vs_cli_table(json_object_get(report, "participants"), columns, COUNT(columns));
}

static vs_rc seal_report(struct vs_cli *cli, const char *from, const char *until,
                         const char *out)
{
    json_t *answer = NULL, *body = json_object();
    json_object_set_new(body, "from", json_string(from));
    json_object_set_new(body, "until", json_string(until));
    vs_rc rc = vs_cli_call(cli, "POST", "/v1/report", body, &answer);
    json_decref(body);
    if (vs_ok(rc))
        rc = keep_container(cli, answer, out);
    json_decref(answer);
    return rc;
}

static vs_rc show_report(struct vs_cli *cli, const char *from, const char *until)
{
    json_t *answer = NULL;
    const char *path = vs_cli_query(cli, "/v1/report", "from", from);
    vs_rc rc = vs_cli_call(cli, "GET", vs_cli_query(cli, path, "until", until), NULL, &answer);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer))
        print_report(answer);
    json_decref(answer);
    return rc;
}

int vs_cli_report(struct vs_cli *cli, int argc, char **argv)
{
    const char *from = NULL, *until = NULL, *out = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"from", 0, VS_OPTION_TEXT, &from, "TIME", "the period's beginning (RFC 3339)"},
        {"until", 0, VS_OPTION_TEXT, &until, "TIME", "its end, left out"},
        {"output", 'o', VS_OPTION_TEXT, &out, "FILE",
         "seal it, with evidence and time mark, into this container (ASiC-E)"},
    };
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "",
            "What the supervising authority asks (Art. 31.4): registration data, counts "
            "by participant and state, refusals, missed deadlines, time marks, "
            "deletions.",
            options, COUNT(options), 0, 0},
        argc, argv, &args);
    if (from == NULL || until == NULL) {
        fprintf(stderr, "vasite report: --from and --until are missing\n");
        return VS_EXIT_USAGE;
    }
    vs_rc rc = out != NULL ? seal_report(cli, from, until, out) : show_report(cli, from, until);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}
