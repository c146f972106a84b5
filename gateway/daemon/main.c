/* vasited: the service. */
#include "gateway/daemon/daemon.h"
#include "storage/plant.h"
#include <argp.h>
#include <stdlib.h>
#include <unistd.h>

const char *argp_program_version = "vasited 0.1";

static const struct argp_option OPTIONS[] = {
    {"config", 'c', "FILE", 0, "The settings (conf/vasite.yaml explains each)", 0},
    {"check", 'k', NULL, 0, "Check FILE and end: 0 when it is right, 78 when not", 0},
    {"defaults", 'd', NULL, 0, "Print a file of all settings with their defaults and end", 0},
    {0},
};

struct arguments {
    const char *config;
    bool check, defaults;
};

static error_t take(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (key == 'c')
        arguments->config = value;
    else if (key == 'k')
        arguments->check = true;
    else if (key == 'd')
        arguments->defaults = true;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "too many arguments: %s", value);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static int print_defaults(void)
{
    VS_BUFFER out;
    vs_buffer_init(&out, 1 << 20);
    vs_settings_print(&out);
    return fwrite(out.ptr, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}

static int check(const char *path)
{
    VS_ARENA *arena = vs_arena_new(1 << 20);
    const struct vs_settings *settings;
    struct vs_error err = {.text = "out of memory"};
    if (arena != NULL && vs_ok(vs_settings_load(path, arena, &settings, &err))) {
        printf("%s: right\n", path);
        return 0;
    }
    fprintf(stderr, "vasited: %s\n", err.text);
    return 78;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    const struct argp argp = {
        OPTIONS,
        take,
        NULL,
        "vasited - the intermediary for electronic documents\v"
        "It runs in the foreground and logs to standard error, one JSON record "
        "a line. SIGHUP reloads, SIGTERM stops in order.",
        NULL,
        NULL,
        NULL};
    argp_err_exit_status = 2;
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0)
        return 2;
    if (arguments.defaults)
        return print_defaults();
    if (arguments.config == NULL) {
        fprintf(stderr, "vasited: --config FILE is wanted; see --help\n");
        return 2;
    }
#ifdef VASITE_TEST_BUILD
    /* tests/fault/power_loss_test.py plants this bug and must notice it. */
    vs_store_commit_late(getenv("VASITE_PLANT_EARLY_ACKNOWLEDGEMENT") != NULL);
#endif
    return arguments.check ? check(arguments.config) : vs_daemon_run(arguments.config);
}
