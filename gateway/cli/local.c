/* init and check: what needs the data folder itself, with the service stopped. */
#include "gateway/cli/local.h"
#include "gateway/daemon/daemon.h"
#include "gateway/daemon/process.h"
#include "relay/check.h"
#include "relay/exchange/principals.h"
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

vs_rc vs_cli_settings(struct vs_cli *cli, const char *config, const struct vs_settings **ret,
                      struct vs_relay_settings *ret_relay)
{
    if (config == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "--config FILE is missing");
    VS_TRY(vs_settings_load(config, cli->arena, ret, &cli->err));
    VS_TRY(vs_process_harden((*ret)->connections, &cli->err));
    VS_TRY(vs_process_become(*ret, &cli->err));
    *ret_relay = vs_daemon_relay_settings(*ret);
    return VS_OK;
}

vs_rc vs_cli_open_relay(struct vs_cli *cli, const char *config, bool inspect,
                        const struct vs_settings **ret, struct vs_relay **ret_relay)
{
    struct vs_seams seams = vs_seams_real();
    struct vs_relay_settings settings;
    VS_TRY(vs_cli_settings(cli, config, ret, &settings));
    settings.inspect = inspect;
    return vs_relay_open(&settings, &seams, ret_relay, &cli->err);
}

/* -- init --------------------------------------------------------------------------------- */

/* The profile and the files beside it that it names; opened before rights are given up: they
 * lie where the caller may write. */
enum { OUT_PROFILE, OUT_TOKEN, OUT_CA, OUTS };
static const char *const out_suffixes[OUTS] = {"", ".token", ".ca.pem"};

static vs_rc open_out(struct vs_cli *cli, const char *profile, FILE *ret[OUTS])
{
    if (profile == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL, "--profile-out FILE is missing");
    umask(077);
    for (int i = 0; i < OUTS; i++) {
        char *path = vs_arena_printf(cli->arena, "%s%s", profile, out_suffixes[i]);
        ret[i] = path == NULL ? NULL : fopen(path, "ae");
        if (ret[i] == NULL)
            return vs_fail(&cli->err, VS_E_USAGE, NULL, "%s%s: cannot be written", profile,
                           out_suffixes[i]);
        /* An empty one is left of an attempt that failed. */
        if (ftell(ret[i]) > 0)
            return vs_fail(&cli->err, VS_E_EXISTS, NULL, "%s%s", profile, out_suffixes[i]);
    }
    return VS_OK;
}

static vs_rc close_out(struct vs_cli *cli, FILE *out[OUTS])
{
    bool ok = true;
    for (int i = 0; i < OUTS; i++)
        ok = (out[i] == NULL || fclose(out[i]) == 0) && ok;
    return ok ? VS_OK : vs_fail(&cli->err, VS_E_USAGE, NULL, "the profile cannot be written");
}

static vs_rc bootstrap(struct vs_cli *cli, const char *config, const char *profile,
                       FILE *out[OUTS])
{
    const struct vs_settings *settings;
    struct vs_relay *relay = NULL;
    struct vs_bytes ca;
    const char *token;
    VS_TRY(vs_cli_open_relay(cli, config, false, &settings, &relay));
    vs_rc rc =
        vs_principal_bootstrap(relay, cli->arena, vs_relay_now(relay), &token, &cli->err);
    vs_relay_close(relay);
    VS_TRY(rc);
    const char *slash = strrchr(profile, '/');
    const char *name = slash == NULL ? profile : slash + 1;
    char *root = vs_arena_printf(cli->arena, "%s/centre/root.pem", settings->data);
    if (root == NULL)
        return vs_fail_memory(&cli->err);
    VS_TRY(vs_cli_read_file(cli, root, 64 * 1024, &ca));
    fprintf(out[OUT_PROFILE], "url: %s\nca-file: %s.ca.pem\ntoken-file: %s.token\n",
            settings->service_url, name, name);
    fprintf(out[OUT_TOKEN], "%s\n", token);
    fwrite(ca.ptr, 1, ca.len, out[OUT_CA]);
    return VS_OK;
}

int vs_cli_init(struct vs_cli *cli, int argc, char **argv)
{
    const char *config = NULL, *profile = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"config", 'c', VS_OPTION_TEXT, &config, "FILE", "the service's vasite.yaml"},
        {"profile-out", 'o', VS_OPTION_TEXT, &profile, "FILE",
         "write the operator's profile there; its token goes to FILE.token, the CA to\n"
         "FILE.ca.pem"},
    };
    vs_cli_read(cli,
                &(struct vs_command_line){
                    "",
                    "Make the data folder with the embedded centre and its keys, and the first "
                    "operator. The service must not be running.",
                    options, COUNT(options), 0, 0},
                argc, argv, &args);
    FILE *out[OUTS] = {NULL};
    vs_rc rc = open_out(cli, profile, out);
    if (vs_ok(rc))
        rc = bootstrap(cli, config, profile, out);
    vs_rc closed = close_out(cli, out);
    if (vs_ok(rc))
        rc = closed;
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    printf("made: data folder, centre, keys; the operator's profile is %s\n", profile);
    return VS_EXIT_DONE;
}

/* -- check -------------------------------------------------------------------------------- */

static void show_checked(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\rchecking %llu of %llu ", (unsigned long long)done,
                (unsigned long long)total);
}

static void tell_json(const struct vs_check_result *result)
{
    json_t *all = json_object(), *findings = json_array();
    for (size_t i = 0; i < result->n_findings; i++) {
        json_t *f = json_object();
        json_object_set_new(f, "what", json_string(result->findings[i].what));
        json_object_set_new(f, "where", json_string(result->findings[i].where));
        json_object_set_new(f, "text", json_string(result->findings[i].text));
        json_array_append_new(findings, f);
    }
    json_object_set_new(all, "documents", json_integer((json_int_t)result->documents));
    json_object_set_new(all, "evidence", json_integer((json_int_t)result->evidence));
    json_object_set_new(all, "journal_size", json_integer((json_int_t)result->journal_size));
    json_object_set_new(all, "findings", findings);
    json_object_set_new(all, "more", json_boolean(result->more));
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static void tell(const struct vs_check_result *result)
{
    for (size_t i = 0; i < result->n_findings; i++)
        printf("%s %s: %s\n", result->findings[i].what, result->findings[i].where,
               result->findings[i].text);
    printf(
        "%llu documents, %llu deliveries, %llu pieces of evidence in %llu batches, journal of "
        "%llu: ",
        (unsigned long long)result->documents, (unsigned long long)result->deliveries,
        (unsigned long long)result->evidence, (unsigned long long)result->batches,
        (unsigned long long)result->journal_size);
    if (result->n_findings == 0)
        printf("nothing wrong\n");
    else
        printf("%zu%s findings\n", result->n_findings, result->more ? " and more" : "");
}

int vs_cli_check(struct vs_cli *cli, int argc, char **argv)
{
    const char *config = NULL;
    struct vs_option_texts args;
    const struct vs_option options[] = {
        {"config", 'c', VS_OPTION_TEXT, &config, "FILE", "the service's vasite.yaml"}};
    vs_cli_read(
        cli,
        &(struct vs_command_line){
            "",
            "Check the whole store: every record against its checksum, every row against "
            "the signed evidence, all evidence against the journal, the journal against "
            "its checkpoints. Names what is wrong; mends nothing. The service must not be "
            "running.",
            options, COUNT(options), 0, 0},
        argc, argv, &args);
    const struct vs_settings *settings;
    struct vs_relay *relay = NULL;
    struct vs_check_result result;
    vs_rc rc = vs_cli_open_relay(cli, config, true, &settings, &relay);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    vs_relay_run_until_idle(relay); /* what a crash left half done is finished first */
    rc = vs_check(relay, cli->arena, show_checked, NULL, &result, &cli->err);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    vs_relay_close(relay);
    if (!vs_ok(rc))
        return vs_cli_failed(cli, rc);
    if (cli->json)
        tell_json(&result);
    else
        tell(&result);
    return result.n_findings == 0 ? VS_EXIT_DONE : VS_EXIT_NO;
}
