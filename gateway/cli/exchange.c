/* send, inbox, events, get, status, evidence: one document's way, seen by its parties. */
#include "gateway/cli/cli.h"
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* By the name; the service looks at the bytes. */
static const char *media_type_of(const char *file)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".asice", "application/vnd.etsi.asic-e+zip"},
        {".sce", "application/vnd.etsi.asic-e+zip"},
        {".asics", "application/vnd.etsi.asic-s+zip"},
        {".scs", "application/vnd.etsi.asic-s+zip"},
        {".pdf", "application/pdf"},
        {".xml", "application/xml"},
        {".p7m", "application/pkcs7-mime"},
    };
    for (size_t i = 0; i < COUNT(types); i++)
        if (vs_bytes_ends(vs_bytes_text(file), types[i].suffix))
            return types[i].type;
    return "application/octet-stream";
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* -- send ---------------------------------------------------------------------------------- */

struct send_options {
    struct vs_option_texts to;
    const char *subject, *number, *date, *retention, *deadline, *key, *evidence;
    bool repeat;
};

static const char *send_path(struct vs_cli *cli, const struct send_options *o, const char *file)
{
    const char *path = "/v1/documents", *to = NULL;
    for (size_t i = 0; i < o->to.n; i++)
        to = to == NULL ? o->to.items[i]
                        : vs_arena_printf(cli->arena, "%s,%s", to, o->to.items[i]);
    path = vs_cli_query(cli, path, "to", to);
    path = vs_cli_query(cli, path, "subject", o->subject);
    path = vs_cli_query(cli, path, "number", o->number);
    path = vs_cli_query(cli, path, "date", o->date);
    path = vs_cli_query(cli, path, "retention", o->retention);
    path = vs_cli_query(cli, path, "deadline", o->deadline);
    path = vs_cli_query(cli, path, "intended_repeat", o->repeat ? "true" : NULL);
    return vs_cli_query(cli, path, "name", base_name(file));
}

static vs_rc tell_receipt(struct vs_cli *cli, const json_t *receipt, const char *evidence)
{
    if (evidence != NULL)
        VS_TRY(vs_cli_write_file(cli, evidence,
                                 vs_bytes_text(vs_cli_text(receipt, "evidence_xml")), 0644));
    if (vs_cli_show_json(cli, receipt))
        return VS_OK;
    printf("%s\n", vs_cli_text(receipt, "id"));
    if (json_is_true(json_object_get(receipt, "held")))
        fprintf(stderr,
                "vasite: it repeats %s and is held from delivery (Art. 27.3.3): send it with "
                "--repeat, or confirm it\n",
                vs_cli_text(receipt, "repeats"));
    return VS_OK;
}

int vs_cli_send(struct vs_cli *cli, int argc, char **argv)
{
    struct send_options o = {.to = {.n = 0}};
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"to", 't', VS_OPTION_TEXTS, &o.to, "IDENTIFIER",
         "a recipient; may be repeated; not needed where document.xml names them"},
        {"subject", 's', VS_OPTION_TEXT, &o.subject, "TEXT", "what it is about"},
        {"number", 0, VS_OPTION_TEXT, &o.number, "TEXT", "its registration number"},
        {"date", 0, VS_OPTION_TEXT, &o.date, "DATE", "its date (2026-11-21)"},
        {"retention", 0, VS_OPTION_TEXT, &o.retention, "CLASS", "minimum, months-N, permanent"},
        {"deadline", 0, VS_OPTION_TEXT, &o.deadline, "TIME",
         "acknowledge until then (Art. 27.5; RFC 3339)"},
        {"key", 'k', VS_OPTION_TEXT, &o.key, "KEY",
         "Idempotency-Key: sent again with the same key and bytes, the first receipt comes "
         "back"},
        {"repeat", 0, VS_OPTION_FLAG, &o.repeat, NULL,
         "it repeats an earlier document on purpose (Art. 27.3.3)"},
        {"evidence", 'e', VS_OPTION_TEXT, &o.evidence, "FILE",
         "write the signed evidence of its submission there"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){"FILE",
                                          "Submit a document. Prints its id once it is safely "
                                          "kept; the answer is signed evidence (Art. 28.1).\n\n"
                                          "  vasite send --to voen:9876543219 contract.asice",
                                          options, COUNT(options), 1, 1},
                argc, argv, &args);
    const char *key_header[] = {NULL, NULL};
    json_t *receipt = NULL;
    if (o.key != NULL)
        key_header[0] = vs_arena_printf(cli->arena, "Idempotency-Key: %s", o.key);
    vs_rc rc = vs_cli_upload(cli, send_path(cli, &o, args.items[0]),
                             media_type_of(args.items[0]), key_header, args.items[0], &receipt);
    if (vs_ok(rc))
        rc = tell_receipt(cli, receipt, o.evidence);
    json_decref(receipt);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* -- inbox, events ------------------------------------------------------------------------- */

static int list_entries(struct vs_cli *cli, int argc, char **argv, const char *path,
                        const char *text)
{
    static const struct vs_column_of columns[] = {
        {"document", "DOCUMENT"}, {"sender_name", "FROM"}, {"recipient_name", "TO"},
        {"subject", "SUBJECT"},   {"state", "STATE"},      {"sent", "SENT"},
        {"received", "RECEIVED"}};
    const char *cursor = NULL;
    int64_t wait = 0, limit = 100;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"cursor", 'c', VS_OPTION_TEXT, &cursor, "CURSOR",
         "those after an earlier page's cursor"},
        {"limit", 'l', VS_OPTION_NUMBER, &limit, "N", "at most so many (100)"},
        {"wait", 'w', VS_OPTION_NUMBER, &wait, "SECONDS", "wait so long for one to come"},
    };
    vs_cli_read(cli, &(struct vs_command_line){"", text, options, COUNT(options), 0, 0}, argc,
                argv, &args);
    json_t *page = NULL;
    path = vs_cli_query(cli, path, "cursor", cursor);
    path =
        vs_cli_query(cli, path, "limit", vs_arena_printf(cli->arena, "%lld", (long long)limit));
    if (wait > 0)
        path = vs_cli_query(cli, path, "wait",
                            vs_arena_printf(cli->arena, "%lld", (long long)wait));
    vs_rc rc = vs_cli_call(cli, "GET", path, NULL, &page);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (!vs_cli_show_json(cli, page)) {
        vs_cli_table(json_object_get(page, "entries"), columns, COUNT(columns));
        if (json_is_true(json_object_get(page, "more")))
            printf("more: --cursor %s\n", vs_cli_text(page, "cursor"));
    }
    json_decref(page);
    return VS_EXIT_DONE;
}

int vs_cli_inbox(struct vs_cli *cli, int argc, char **argv)
{
    return list_entries(cli, argc, argv, "/v1/inbox",
                        "What waits in the mailbox, in the order of its coming.");
}

int vs_cli_events(struct vs_cli *cli, int argc, char **argv)
{
    return list_entries(
        cli, argc, argv, "/v1/events",
        "What happened to the documents sent; an acknowledgement that stands here "
        "has reached the sender (Art. 27.4).");
}

/* -- get, status --------------------------------------------------------------------------- */

int vs_cli_get(struct vs_cli *cli, int argc, char **argv)
{
    const char *out = NULL;
    bool consignment = false, reply = false;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"output", 'o', VS_OPTION_TEXT, &out, "FILE", "write it there"},
        {"consignment", 'c', VS_OPTION_FLAG, &consignment, NULL,
         "the container with the original, its evidence and the service's seal"},
        {"reply", 'r', VS_OPTION_FLAG, &reply, NULL,
         "the recipient's answer, where it was a signed document (Art. 27.4)"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){"ID", "Fetch a document, bit for bit as it was sent.",
                                          options, COUNT(options), 1, 1},
                argc, argv, &args);
    if (out == NULL) {
        fprintf(stderr, "vasite get: -o FILE is missing\n");
        return VS_EXIT_USAGE;
    }
    const char *what = consignment ? "/consignment" : reply ? "/acknowledgement" : "/original";
    vs_rc rc = vs_cli_download(cli, vs_cli_document_path(cli, args.items[0], what), NULL, out);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

static void print_moment(const char *label, const json_t *moment)
{
    if (vs_cli_text(moment, "time")[0] == '\0')
        return;
    const char *mark = vs_cli_text(moment, "mark");
    printf("%-18s %s%s%s%s\n", label, vs_cli_text(moment, "time"),
           mark[0] == '\0' ? "" : "  (time mark: not later than ", mark,
           mark[0] == '\0' ? "" : ")");
}

static void print_terms(struct vs_cli *cli, const json_t *r)
{
    const json_t *term = json_object_get(r, "term");
    if (json_is_object(term)) {
        const char *label =
            vs_arena_printf(cli->arena, "  %s until", vs_cli_text(term, "kind"));
        vs_cli_line(label == NULL ? "  until" : label, vs_cli_text(term, "until"));
    }
    print_moment("  reminded (27.5)", json_object_get(r, "reminded"));
    print_moment("  overdue (27.5)", json_object_get(r, "overdue"));
    print_moment("  notice (27.3.1)", json_object_get(r, "notice"));
    vs_cli_line("  notice says", vs_cli_text(r, "notice_reason"));
    vs_cli_line("  reason", vs_cli_text(r, "refusal_reason"));
}

/* "not-sent (27.3.1, 27.3.2)" */
static const char *counts_as(struct vs_cli *cli, const json_t *r)
{
    const char *text = vs_cli_text(r, "counts_as"), *by = NULL;
    const json_t *clauses = json_object_get(r, "not_sent_by"), *clause;
    size_t i;
    json_array_foreach(clauses, i, clause)
    {
        const char *one = json_string_value(clause);
        by = by == NULL ? one : vs_arena_printf(cli->arena, "%s, %s", by, one);
    }
    return by == NULL ? text : vs_arena_printf(cli->arena, "%s (%s)", text, by);
}

static void print_status(struct vs_cli *cli, const json_t *status)
{
    const json_t *recipients = json_object_get(status, "recipients"), *r;
    size_t i;
    vs_cli_line("document", vs_cli_text(status, "id"));
    vs_cli_line("subject", vs_cli_text(status, "subject"));
    vs_cli_line("status", vs_cli_text(status, "status"));
    vs_cli_line("signatures", vs_cli_text(status, "indication"));
    vs_cli_line("legal class", vs_cli_text(status, "legal_class"));
    print_moment("sent (28.1)", json_object_get(status, "sent"));
    json_array_foreach(recipients, i, r)
    {
        printf("\nto %s  %s\n", vs_cli_text(r, "identifier"), vs_cli_text(r, "name"));
        vs_cli_line("  state", vs_cli_text(r, "state"));
        print_moment("  asked", json_object_get(r, "asked"));
        print_moment("  consent", json_object_get(r, "consent"));
        print_moment("  received (28.2)", json_object_get(r, "received"));
        print_moment("  handed over", json_object_get(r, "handed_over"));
        print_moment("  acknowledged", json_object_get(r, "acknowledged"));
        print_moment("  reached sender", json_object_get(r, "reached"));
        print_moment("  failed", json_object_get(r, "failed"));
        print_terms(cli, r);
        vs_cli_line("  authenticity", vs_cli_text(r, "authenticity"));
        vs_cli_line("  counts as", counts_as(cli, r));
    }
}

int vs_cli_status(struct vs_cli *cli, int argc, char **argv)
{
    struct vs_option_texts args;
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "ID",
                    "How a document stands: both legal times (Art. 28) with their time marks.",
                    NULL, 0, 1, 1},
                argc, argv, &args);
    json_t *status = NULL;
    vs_rc rc =
        vs_cli_call(cli, "GET", vs_cli_document_path(cli, args.items[0], ""), NULL, &status);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (!vs_cli_show_json(cli, status))
        print_status(cli, status);
    json_decref(status);
    return VS_EXIT_DONE;
}

/* -- evidence ------------------------------------------------------------------------------ */

static vs_rc keep_piece(struct vs_cli *cli, const json_t *piece, size_t number, bool asic,
                        const char *folder)
{
    struct vs_bytes bytes;
    const char *id = vs_cli_text(piece, "id"), *event = vs_cli_text(piece, "event");
    char *url = vs_arena_printf(cli->arena, "/v1/evidence/%s", id);
    char *path =
        vs_arena_printf(cli->arena, "%s/%02zu-%s-%.8s.%s", folder, number, event,
                        id + (strlen(id) > 8 ? strlen(id) - 8 : 0), asic ? "asics" : "xml");
    if (url == NULL || path == NULL)
        return vs_fail_memory(&cli->err);
    VS_TRY(vs_cli_fetch(cli, url, asic ? "application/vnd.etsi.asic-s+zip" : "application/xml",
                        &bytes));
    VS_TRY(vs_cli_write_file(cli, path, bytes, 0644));
    if (!cli->json)
        printf("%s  %-30s %s\n", vs_cli_text(piece, "time"), event, path);
    return VS_OK;
}

static vs_rc keep_all(struct vs_cli *cli, const json_t *pieces, bool asic, const char *folder)
{
    const json_t *piece;
    size_t i;
    if (folder == NULL)
        return VS_OK;
    mkdir(folder, 0777); /* what is wrong with it, the first file will say */
    json_array_foreach(pieces, i, piece)
    {
        VS_TRY(keep_piece(cli, piece, i + 1, asic, folder));
    }
    return VS_OK;
}

int vs_cli_evidence(struct vs_cli *cli, int argc, char **argv)
{
    static const struct vs_column_of columns[] = {
        {"time", "TIME"}, {"event", "EVENT"}, {"mark", "TIME MARK"}, {"id", "ID"}};
    const char *folder = NULL;
    bool asic = false;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"output", 'o', VS_OPTION_TEXT, &folder, "FOLDER",
         "write each piece there; without: list"},
        {"asic", 'a', VS_OPTION_FLAG, &asic, NULL,
         "as ASiC-S with the evidence record that its time mark makes possible"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){"ID", "All evidence of a document, signed.", options,
                                          COUNT(options), 1, 1},
                argc, argv, &args);
    json_t *answer = NULL;
    vs_rc rc = vs_cli_call(cli, "GET", vs_cli_document_path(cli, args.items[0], "/evidence"),
                           NULL, &answer);
    const json_t *pieces = json_object_get(answer, "evidence");
    if (vs_ok(rc))
        rc = keep_all(cli, pieces, asic, folder);
    if (vs_ok(rc) && !vs_cli_show_json(cli, answer) && folder == NULL)
        vs_cli_table(pieces, columns, COUNT(columns));
    json_decref(answer);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}
