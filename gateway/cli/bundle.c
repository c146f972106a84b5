/* export: ask the service for a bundle and fetch it. verify-bundle: check one, reading nothing
 * but the files named. */
#include "formats/bundle/check.h"
#include "formats/trustlist/trust.h"
#include "gateway/cli/bundle_folder.h"
#include "gateway/cli/cli.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array)    (sizeof(array) / sizeof *(array))
#define SIDE_FILE_BYTES ((size_t)64 << 20)
#define POLL_MS         500

/* A line on a terminal: "writing [#####---------------]  27 %  2,713 documents". */
static void show_bar(const char *what, uint64_t done, uint64_t total)
{
    enum { WIDTH = 30 };
    static uint64_t shown = UINT64_MAX;
    char bar[WIDTH + 1];
    if (!isatty(STDERR_FILENO) || total == 0)
        return;
    uint64_t share = done >= total ? 1000 : (uint64_t)((double)done / (double)total * 1000);
    if (share == shown)
        return;
    shown = share;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < share * WIDTH / 1000 ? '#' : '-';
    bar[WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3u.%u %%", what, bar, (unsigned)share / 10,
            (unsigned)share % 10);
}

static void end_bar(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

/* -- export -------------------------------------------------------------------------------- */

struct export_options {
    const char *from, *until, *participant, *document, *format, *output, *id, *reason;
    bool no_wait;
};

static void set(json_t *object, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(object, name, json_string(value));
}

static vs_rc begin_export(struct vs_cli *cli, const struct export_options *o, json_t **ret)
{
    json_t *body = json_object();
    set(body, "from", o->from);
    set(body, "until", o->until);
    set(body, "participant", o->participant);
    set(body, "document", o->document);
    set(body, "format", o->format);
    set(body, "reason", o->reason);
    vs_rc rc = vs_cli_call(cli, "POST", "/v1/exports", body, ret);
    json_decref(body);
    return rc;
}

static const char *export_path(struct vs_cli *cli, const char *id, const char *rest)
{
    char *encoded = vs_percent_encode(cli->arena, vs_bytes_text(id));
    char *path =
        vs_arena_printf(cli->arena, "/v1/exports/%s%s", encoded == NULL ? "" : encoded, rest);
    return path == NULL ? "/" : path;
}

static void show_export(const json_t *export)
{
    const json_t *progress = json_object_get(export, "progress");
    json_int_t done = json_integer_value(json_object_get(progress, "looked_at"));
    json_int_t total = json_integer_value(json_object_get(progress, "to_look_at"));
    show_bar("writing", (uint64_t)done, (uint64_t)total);
}

/* Until it is no longer being written. */
static vs_rc wait_for(struct vs_cli *cli, const char *id, json_t **export)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    while (strcmp(vs_cli_text(*export, "state"), "running") == 0) {
        show_export(*export);
        nanosleep(&pause, NULL);
        json_decref(*export);
        *export = NULL;
        VS_TRY(vs_cli_call(cli, "GET", export_path(cli, id, ""), NULL, export));
    }
    end_bar();
    return VS_OK;
}

static vs_rc fetch_export(struct vs_cli *cli, const struct export_options *o, const char *id,
                          json_t **export)
{
    VS_TRY(wait_for(cli, id, export));
    if (strcmp(vs_cli_text(*export, "state"), "ready") != 0)
        return vs_fail(&cli->err, VS_E_CONFLICT, NULL, "the bundle could not be written: %s",
                       vs_cli_text(*export, "error"));
    return vs_cli_download(cli, export_path(cli, id, "/bundle"), NULL, o->output);
}

static vs_rc run_export(struct vs_cli *cli, const struct export_options *o, json_t **export)
{
    if (o->id == NULL)
        VS_TRY(begin_export(cli, o, export));
    else
        VS_TRY(vs_cli_call(cli, "GET", export_path(cli, o->id, ""), NULL, export));
    const char *id = vs_arena_strdup(cli->arena, vs_cli_text(*export, "id"));
    if (id == NULL)
        return vs_fail_memory(&cli->err);
    if (o->no_wait)
        return VS_OK;
    if (o->output == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "-o FILE is missing (or --no-wait)");
    if (o->id == NULL && isatty(STDERR_FILENO))
        fprintf(stderr, "bundle %s (vasite export --id takes it up again)\n", id);
    return fetch_export(cli, o, id, export);
}

static void tell_export(const struct export_options *o, const json_t *export)
{
    const json_t *progress = json_object_get(export, "progress");
    printf("%s  %s  %lld documents, %lld files%s%s\n", vs_cli_text(export, "id"),
           vs_cli_text(export, "state"),
           (long long)json_integer_value(json_object_get(progress, "documents")),
           (long long)json_integer_value(json_object_get(progress, "files")),
           o->no_wait ? "" : " in ", o->no_wait ? "" : o->output);
}

int vs_cli_export(struct vs_cli *cli, int argc, char **argv)
{
    struct export_options o = {0};
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"from", 'f', VS_OPTION_TEXT, &o.from, "RFC3339", "sent at this moment or later"},
        {"until", 'u', VS_OPTION_TEXT, &o.until, "RFC3339", "sent before this moment"},
        {"participant", 'p', VS_OPTION_TEXT, &o.participant, "ID",
         "what this participant sent or received (auditors)"},
        {"document", 'd', VS_OPTION_TEXT, &o.document, "ID", "this document only"},
        {"format", 0, VS_OPTION_TEXT, &o.format, "FORM", "tar.zst (the default) or zip"},
        {"reason", 'r', VS_OPTION_TEXT, &o.reason, "TEXT",
         "why; an auditor must say it (Art. 31.4)"},
        {"output", 'o', VS_OPTION_TEXT, &o.output, "FILE", "where the bundle goes"},
        {"id", 0, VS_OPTION_TEXT, &o.id, "ID", "take up one that was begun before"},
        {"no-wait", 0, VS_OPTION_FLAG, &o.no_wait, NULL,
         "begin it (with --id: look how far it is) and do not fetch it"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "",
                    "A bundle (BagIt) of documents with their evidence, time marks, "
                    "certificates, revocation data and journal proofs: all that a stranger "
                    "needs to check them, with readme.txt saying how. An archivist gets the "
                    "documents of its participant, an auditor all. Check it with vasite "
                    "verify-bundle.\n\nExample: vasite export --from 2026-01-01T00:00:00Z "
                    "--until 2027-01-01T00:00:00Z -o 2026.tar.zst",
                    options, COUNT(options), 0, 0},
                argc, argv, &args);
    json_t *export = NULL;
    vs_rc rc = run_export(cli, &o, &export);
    end_bar();
    if (vs_ok(rc) && !vs_cli_show_json(cli, export))
        tell_export(&o, export);
    json_decref(export);
    return vs_ok(rc) ? VS_EXIT_DONE : vs_cli_failed(cli, rc);
}

/* -- verify-bundle ------------------------------------------------------------------------- */

/* A file without a name: it is gone when the process ends. */
struct spool {
    FILE *file;
    struct vs_file_source source;
};

static vs_rc spool_begin(void *context, struct vs_error *err)
{
    struct spool *s = context;
    if (s->file == NULL)
        s->file = tmpfile();
    if (s->file == NULL || ftruncate(fileno(s->file), 0) != 0)
        return vs_fail(err, VS_E_IO, NULL, "a large document cannot be kept for a while: %s",
                       strerror(errno));
    rewind(s->file);
    return VS_OK;
}

static vs_rc spool_add(void *context, struct vs_bytes bytes, struct vs_error *err)
{
    struct spool *s = context;
    if (fwrite(bytes.ptr, 1, bytes.len, s->file) != bytes.len)
        return vs_fail(err, VS_E_DISK_FULL, NULL,
                       "a large document cannot be kept for a while: %s", strerror(errno));
    return VS_OK;
}

static vs_rc spool_end(void *context, const struct vs_source **ret, struct vs_error *err)
{
    struct spool *s = context;
    if (fflush(s->file) != 0)
        return vs_fail(err, VS_E_DISK_FULL, NULL,
                       "a large document cannot be kept for a while: %s", strerror(errno));
    VS_TRY(vs_file_source_init(&s->source, fileno(s->file), err));
    *ret = &s->source.source;
    return VS_OK;
}

struct checking {
    const char *at, *path;
    struct vs_option_texts anchors, lists;
    struct spool spools[2];
    struct vs_bundle_spool ways[2];
    struct vs_bundle_folder folder;
    struct vs_file_source file;
    struct vs_bundle_archive archive;
};

static vs_rc load_trust(struct vs_cli *cli, const struct checking *c, struct vs_trust *trust)
{
    struct vs_bytes bytes;
    for (size_t i = 0; i < c->anchors.n; i++) {
        VS_TRY(vs_cli_read_file(cli, c->anchors.items[i], SIDE_FILE_BYTES, &bytes));
        VS_TRY(vs_trust_add_pem(trust, bytes, false, &cli->err));
    }
    for (size_t i = 0; i < c->lists.n; i++) {
        VS_TRY(vs_cli_read_file(cli, c->lists.items[i], SIDE_FILE_BYTES, &bytes));
        VS_TRY(vs_trust_add_list(trust, bytes, NULL, &cli->err));
    }
    return VS_OK;
}

static vs_rc open_input(struct vs_cli *cli, struct checking *c,
                        const struct vs_bundle_input **ret)
{
    struct stat status;
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s: %s", c->path, strerror(errno));
    if (S_ISDIR(status.st_mode)) {
        close(fd);
        vs_bundle_folder_init(&c->folder, c->path);
        *ret = &c->folder.input;
        return VS_OK;
    }
    VS_TRY(vs_file_source_init(&c->file, fd, &cli->err)); /* open until the process ends */
    vs_bundle_archive_init(&c->archive, &c->file.source);
    *ret = &c->archive.input;
    return VS_OK;
}

static vs_rc moment(struct vs_cli *cli, const char *text, vs_time_ms *ret)
{
    struct timespec now;
    if (text != NULL) {
        VS_REFUSE_IF(!vs_time_decode(vs_bytes_text(text), ret), &cli->err, VS_E_USAGE, NULL,
                     "--at wants a moment such as 2026-11-21T20:46:48Z");
        return VS_OK;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    *ret = (vs_time_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return VS_OK;
}

static void show_check(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    show_bar("checking", done, total);
}

static vs_rc check(struct vs_cli *cli, struct checking *c, struct vs_bundle_verdict *ret)
{
    struct vs_bundle_check options = {.progress = show_check};
    VS_TRUST *trust = vs_trust_new();
    if (trust == NULL)
        return vs_fail_memory(&cli->err);
    VS_TRY(moment(cli, c->at, &options.at));
    VS_TRY(load_trust(cli, c, trust));
    options.trust = vs_trust_count(trust) == 0 ? NULL : trust;
    VS_TRY(open_input(cli, c, &options.input));
    for (size_t i = 0; i < 2; i++) {
        c->ways[i] = (struct vs_bundle_spool){&c->spools[i], spool_begin, spool_add, spool_end};
        options.spools[i] = &c->ways[i];
    }
    vs_rc rc = vs_bundle_verify(cli->arena, &options, ret, &cli->err);
    end_bar();
    return rc;
}

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *verdict_json(const struct vs_bundle_verdict *v)
{
    char created[VS_TIME_TEXT] = "";
    json_t *object = json_object(), *warnings = json_array(), *finding = json_null();
    if (v->created != VS_TIME_NONE)
        vs_time_text(v->created, created);
    for (size_t i = 0; i < v->n_warnings; i++)
        json_array_append_new(warnings, json_string(v->warnings[i]));
    if (!v->holds) {
        finding = json_object();
        json_object_set_new(finding, "path", text_or_null(v->path));
        json_object_set_new(finding, "rule", text_or_null(v->rule));
        json_object_set_new(finding, "clause", text_or_null(v->clause));
        json_object_set_new(finding, "text", text_or_null(v->text));
        json_object_set_new(finding, "remedy", json_string(vs_bundle_remedy(v->rule)));
    }
    json_object_set_new(object, "holds", json_boolean(v->holds));
    json_object_set_new(object, "determined", json_boolean(v->holds && !v->undetermined));
    json_object_set_new(object, "finding", finding);
    json_object_set_new(object, "warnings", warnings);
    json_object_set_new(object, "more_warnings", json_integer((json_int_t)v->more_warnings));
    json_object_set_new(object, "documents", json_integer((json_int_t)v->documents));
    json_object_set_new(object, "files", json_integer((json_int_t)v->files));
    json_object_set_new(object, "bytes", json_integer((json_int_t)v->bytes));
    json_object_set_new(object, "evidence", json_integer((json_int_t)v->evidence));
    json_object_set_new(object, "created", text_or_null(created[0] == '\0' ? NULL : created));
    json_object_set_new(object, "service", text_or_null(v->service));
    json_object_set_new(object, "signed_by", text_or_null(v->signed_by));
    json_object_set_new(object, "journal", text_or_null(v->log));
    json_object_set_new(object, "journal_size", json_integer((json_int_t)v->log_size));
    return object;
}

static void tell_verdict(const struct vs_bundle_verdict *v)
{
    char created[VS_TIME_TEXT] = "";
    for (size_t i = 0; i < v->n_warnings; i++)
        fprintf(stderr, "warning: %s\n", v->warnings[i]);
    if (v->more_warnings > 0)
        fprintf(stderr, "warning: and %zu more\n", v->more_warnings);
    if (!v->holds) {
        printf("DOES NOT HOLD\n%s: %s (%s%s%s)\n  %s\n",
               v->path[0] == '\0' ? "the bundle" : v->path, v->text, v->rule,
               v->clause == NULL ? "" : ", ", v->clause == NULL ? "" : v->clause,
               vs_bundle_remedy(v->rule));
        return;
    }
    vs_time_text(v->created, created);
    vs_cli_line("service", v->service);
    vs_cli_line("signed by", v->signed_by);
    vs_cli_line("made", created);
    printf("%-18s %s, %llu entries\n", "journal", v->log, (unsigned long long)v->log_size);
    printf("%-18s %llu documents, %llu pieces of evidence, %llu files\n", "checked",
           (unsigned long long)v->documents, (unsigned long long)v->evidence,
           (unsigned long long)v->files);
    printf("%s\n", v->undetermined ? "NOT DETERMINED in full: see the warnings" : "HOLDS");
}

int vs_cli_verify_bundle(struct vs_cli *cli, int argc, char **argv)
{
    struct checking c = {0};
    struct vs_option_texts args;
    struct vs_bundle_verdict v;
    const struct vs_option options[] = {
        {"trust-anchor", 0, VS_OPTION_TEXTS, &c.anchors, "PEM",
         "trusted certificates, from elsewhere than the bundle; may be repeated"},
        {"trust-list", 0, VS_OPTION_TEXTS, &c.lists, "FILE",
         "a trusted list (TS 119 612); may be repeated"},
        {"at", 0, VS_OPTION_TEXT, &c.at, "RFC3339", "the validation time; default: now"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "FILE|FOLDER",
                    "Checks a bundle of vasite export, packed (.tar.zst, .zip) or unpacked: "
                    "that no file is missing, changed or added, every signature, time mark and "
                    "evidence record, every journal proof against the signed checkpoint, and "
                    "the index against the documents. Names the first thing that does not "
                    "hold. No service, no network, nothing is unpacked. Without "
                    "--trust-anchor the bundle's own root is believed, with a warning. Exit "
                    "status: 0 it holds, 1 it does not, 3 something stays undetermined, 2 the "
                    "call or file is wrong.",
                    options, COUNT(options), 1, 1},
                argc, argv, &args);
    c.path = args.items[0];
    vs_rc rc = check(cli, &c, &v);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    json_t *json = verdict_json(&v);
    if (!vs_cli_show_json(cli, json))
        tell_verdict(&v);
    json_decref(json);
    return !v.holds ? VS_EXIT_NO : v.undetermined ? VS_EXIT_INDETERMINATE : VS_EXIT_DONE;
}
