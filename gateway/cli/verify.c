/* vasite verify: reads the files named and nothing else: no service, no network, no
 * configuration. */
#include "gateway/cli/cli.h"
#include "formats/report/report_json.h"
#include "formats/trustlist/trust.h"
#include "formats/validation/validation.h"
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define ARENA_BYTES      ((size_t)1024 * 1024 * 1024)
#define SIDE_FILE_BYTES  ((size_t)64 * 1024 * 1024)
#define REPORT_MAX_BYTES ((size_t)64 * 1024 * 1024)

struct call {
    bool json;
    const char *at, *file;
    struct vs_option_texts lists, anchors, contents, data;
};

/* An open file; the descriptor lives until the process ends. */
struct opened {
    struct vs_file_source source;
    const char *name;
};

/* -- files --------------------------------------------------------------------------------- */

static vs_rc open_file(const char *name, struct opened *ret, struct vs_error *err)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return vs_fail(err, VS_E_IO, NULL, "%s cannot be opened", name);
    const char *slash = strrchr(name, '/');
    ret->name = slash != NULL ? slash + 1 : name;
    return vs_file_source_init(&ret->source, fd, err);
}

static vs_rc read_file(struct vs_arena *arena, const char *name, struct vs_bytes *ret,
                       struct vs_error *err)
{
    struct opened file;
    VS_TRY(open_file(name, &file, err));
    vs_rc rc = vs_source_all(&file.source.source, arena, SIDE_FILE_BYTES, ret, err);
    close(file.source.fd);
    return rc;
}

static vs_rc load_trust(struct vs_arena *arena, const struct call *call, struct vs_trust *trust,
                        struct vs_error *err)
{
    struct vs_bytes bytes;
    for (size_t i = 0; i < call->anchors.n; i++) {
        VS_TRY(read_file(arena, call->anchors.items[i], &bytes, err));
        VS_TRY(vs_trust_add_pem(trust, bytes, false, err));
    }
    for (size_t i = 0; i < call->lists.n; i++) {
        VS_TRY(read_file(arena, call->lists.items[i], &bytes, err));
        VS_TRY(vs_trust_add_list(trust, bytes, NULL, err));
    }
    return VS_OK;
}

static vs_rc load_contents(struct vs_arena *arena, const struct call *call,
                           struct vs_validation_input *input, struct vs_error *err)
{
    struct opened *files = vs_arena_make_n(arena, struct opened, call->contents.n + 1);
    struct vs_content *contents =
        vs_arena_make_n(arena, struct vs_content, call->contents.n + 1);
    if (files == NULL || contents == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < call->contents.n; i++) {
        VS_TRY(open_file(call->contents.items[i], &files[i], err));
        contents[i] = (struct vs_content){files[i].name, &files[i].source.source};
    }
    input->contents = contents;
    input->n_contents = call->contents.n;
    return VS_OK;
}

/* Either kind may be given: each reader takes what is its own and leaves the rest. */
static vs_rc load_revocation(struct vs_arena *arena, const struct call *call,
                             struct vs_validation_input *input, struct vs_error *err)
{
    struct vs_bytes *data = vs_arena_make_n(arena, struct vs_bytes, call->data.n + 1);
    if (data == NULL)
        return vs_fail_memory(err);
    for (size_t i = 0; i < call->data.n; i++)
        VS_TRY(read_file(arena, call->data.items[i], &data[i], err));
    input->ocsp = input->crls = data;
    input->n_ocsp = input->n_crls = call->data.n;
    return VS_OK;
}

static vs_rc moment(const struct call *call, vs_time_ms *ret, struct vs_error *err)
{
    struct timespec now;
    if (call->at != NULL) {
        VS_REFUSE_IF(!vs_time_decode(vs_bytes_text(call->at), ret), err, VS_E_USAGE, NULL,
                     "--at wants a moment such as 2026-11-21T20:46:48Z");
        return VS_OK;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    *ret = (vs_time_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return VS_OK;
}

/* -- output -------------------------------------------------------------------------------- */

static void print_reasons(const char *label, const struct vs_reasons *reasons)
{
    for (size_t i = 0; i < reasons->n; i++)
        printf("  %-9s %s%s%s%s\n", label, reasons->items[i].text,
               reasons->items[i].clause != NULL ? " (" : "",
               reasons->items[i].clause != NULL ? reasons->items[i].clause : "",
               reasons->items[i].clause != NULL ? ")" : "");
}

static const char *or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static void print_verdict(const char *kind, size_t i, const char *indication,
                          struct vs_verdict verdict)
{
    const char *sub = vs_sub_indication_text(verdict.sub);
    printf("%s %zu: %s%s%s\n", kind, i + 1, indication, sub != NULL ? " / " : "",
           sub != NULL ? sub : "");
}

static void print_signature(const struct vs_signature_report *s, size_t i)
{
    char best[VS_TIME_TEXT] = "-";
    if (s->best_signature_time != VS_TIME_NONE)
        vs_time_text(s->best_signature_time, best);
    print_verdict("signature", i, vs_indication_text(s->verdict.indication), s->verdict);
    printf("  signer    %s\n  level     %s\n  existed   %s\n  class     %s (Art. 3)\n",
           or_dash(s->signed_by), or_dash(s->level_text), best,
           vs_legal_class_text(s->legal_class));
    for (size_t k = 0; k < s->n_signed_names; k++)
        printf("  signed    %s\n", or_dash(s->signed_names[k]));
    print_reasons("lacks", &s->legal_lacks);
    print_reasons("error", &s->errors);
    print_reasons("warning", &s->warnings);
}

static void print_text(const struct vs_report *report)
{
    for (size_t i = 0; i < report->n_signatures; i++)
        print_signature(&report->signatures[i], i);
    for (size_t i = 0; i < report->n_timestamps; i++) {
        const struct vs_timestamp_report *t = &report->timestamps[i];
        char moment_text[VS_TIME_TEXT] = "-";
        if (t->gen_time != VS_TIME_NONE)
            vs_time_text(t->gen_time, moment_text);
        print_verdict("time mark", i, vs_indication_token_text(t->verdict.indication),
                      t->verdict);
        printf("  time      %s%s\n  authority %s\n", moment_text,
               t->accredited ? "" : " (technical: not of an accredited centre)",
               or_dash(t->signed_by));
        print_reasons("error", &t->errors);
        print_reasons("warning", &t->warnings);
    }
    for (size_t i = 0; i < report->n_evidence_records; i++) {
        const struct vs_evidence_record_report *e = &report->evidence_records[i];
        print_verdict("evidence record", i, vs_indication_token_text(e->verdict.indication),
                      e->verdict);
        print_reasons("error", &e->errors);
        print_reasons("warning", &e->warnings);
    }
    print_reasons("error", &report->errors);
    print_reasons("warning", &report->warnings);
    for (size_t i = 0; i < report->n_needs; i++)
        printf("  wanted    %s at %s\n",
               report->needs[i].kind == VS_NEED_OCSP  ? "an OCSP response"
               : report->needs[i].kind == VS_NEED_CRL ? "the CRL"
                                                      : "the issuer's certificate",
               report->needs[i].url);
    printf("%s\n", vs_indication_text(report->verdict.indication));
}

static int finish(const struct call *call, const struct vs_report *report)
{
    struct vs_error err;
    if (!call->json) {
        print_text(report);
    } else {
        VS_BUFFER out;
        vs_buffer_init(&out, REPORT_MAX_BYTES);
        if (!vs_ok(vs_report_json(report, true, &out, &err))) {
            fprintf(stderr, "vasite verify: %s\n", err.text);
            return VS_EXIT_USAGE;
        }
        printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    }
    switch (report->verdict.indication) {
    case VS_PASSED:
        return VS_EXIT_DONE;
    case VS_FAILED:
        return VS_EXIT_NO;
    default:
        return VS_EXIT_INDETERMINATE;
    }
}

static int refuse(const struct call *call, const struct vs_error *refusal)
{
    VS_BUFFER out;
    struct vs_error err;
    vs_buffer_init(&out, 4096);
    if (call->json && vs_ok(vs_report_json_refusal(refusal, &out, &err)))
        printf("%.*s\n", (int)out.len, (const char *)out.ptr);
    else
        fprintf(stderr, "vasite verify: %s (%s)\n  %s\n", refusal->text,
                vs_code_info(refusal->code)->name,
                vs_code_info(refusal->code)->remedy[VS_LANGUAGE_EN]);
    return VS_EXIT_USAGE;
}

static vs_rc judge(struct vs_arena *arena, const struct call *call, struct vs_trust *trust,
                   const struct vs_report **ret, struct vs_error *err)
{
    struct opened document;
    struct vs_policy policy = *vs_policy_default();
    struct vs_validation_input input = {.trust = trust, .policy = &policy};
    policy.report_unsigned_files = true;
    VS_TRY(moment(call, &input.at, err));
    VS_TRY(open_file(call->file, &document, err));
    input.document = &document.source.source;
    input.name = document.name;
    VS_TRY(load_trust(arena, call, trust, err));
    VS_TRY(load_contents(arena, call, &input, err));
    VS_TRY(load_revocation(arena, call, &input, err));
    return vs_validate(arena, &input, ret, err);
}

int vs_cli_verify(struct vs_cli *cli, int argc, char **argv)
{
    struct call call = {.json = cli->json};
    struct vs_option_texts files = {0};
    const struct vs_option options[] = {
        {"at", 0, VS_OPTION_TEXT, &call.at, "RFC3339", "the validation time; default: now"},
        {"trust-list", 0, VS_OPTION_TEXTS, &call.lists, "FILE",
         "a trusted list (TS 119 612); may be repeated"},
        {"trust-anchor", 0, VS_OPTION_TEXTS, &call.anchors, "PEM",
         "trusted certificates; may be repeated"},
        {"content", 0, VS_OPTION_TEXTS, &call.contents, "FILE",
         "what a detached signature covers; may be repeated"},
        {"revocation", 0, VS_OPTION_TEXTS, &call.data, "FILE",
         "an OCSP response or CRL (DER) to use; may be repeated"},
    };
    const struct vs_command_line line = {
        .usage = "FILE",
        .text =
            "Judges the signatures, time marks and evidence records of FILE. Exit status: 0 "
            "TOTAL-PASSED, 1 TOTAL-FAILED, 3 INDETERMINATE or nothing signed, 2 the file or "
            "the call is refused. Nothing but the files named is read.",
        .options = options,
        .n_options = sizeof options / sizeof *options,
        .least = 1,
        .most = 1};
    struct vs_error err = {0};
    const struct vs_report *report;
    vs_cli_read(cli, &line, argc, argv, &files);
    call.file = files.items[0];
    VS_ARENA *arena = vs_arena_new(ARENA_BYTES);
    VS_TRUST *trust = vs_trust_new();
    if (arena == NULL)
        return VS_EXIT_FAILED;
    vs_rc rc = judge(arena, &call, trust, &report, &err);
    return vs_ok(rc) ? finish(&call, report) : refuse(&call, &err);
}
