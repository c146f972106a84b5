/* vasite: the command line. `vasite --help` lists the commands, `vasite COMMAND --help` tells
 * all about one. */
#include "formats/formats.h"
#include "gateway/cli/cli.h"

static const struct vs_command commands[] = {
#define VS_COMMAND(name, arguments, summary) {#name, vs_cli_##name, arguments, summary},
#include "gateway/cli/commands.def"
#undef VS_COMMAND
};
#define COMMANDS (sizeof commands / sizeof *commands)

/* A command is called as its function, with dashes: verify-bundle. */
static const char *spelled(const char *name, char ret[32])
{
    size_t len = strlen(name);
    VS_ASSERT(len < 32);
    for (size_t i = 0; i <= len; i++)
        ret[i] = (char)(name[i] == '_' ? '-' : name[i]);
    return ret;
}

static void print_help(FILE *to)
{
    char spelling[32];
    fprintf(to, "vasite [--profile FILE] [--json] COMMAND …\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-13s %s\n", spelled(commands[i].name, spelling), commands[i].summary);
    fprintf(to,
            "\n  vasite COMMAND --help tells all about one.\n\n"
            "  --profile FILE  which service, and who is calling (or VASITE_PROFILE): lines\n"
            "                  url, ca-file, token-file or certificate-file and key-file\n"
            "  --json          answers as JSON on standard output\n\n"
            "Exit status: 0 done (verify: TOTAL-PASSED), 1 the answer is no (TOTAL-FAILED),\n"
            "2 the call or file is wrong, 3 verify: INDETERMINATE, 4 the service is away or\n"
            "asks to come again, 5 anything else.\n");
}

static int run(struct vs_cli *cli, int argc, char **argv)
{
    char name[64], spelling[32];
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[0], spelled(commands[i].name, spelling)) != 0)
            continue;
        snprintf(name, sizeof name, "vasite %s", spelling);
        argv[0] = name; /* what argp's messages begin with */
        return commands[i].run(cli, argc, argv);
    }
    fprintf(stderr, "vasite: there is no command '%s'\n\n", argv[0]);
    print_help(stderr);
    return VS_EXIT_USAGE;
}

/* --json and --profile may stand before the command and, --json, anywhere after it. */
static int take_common(struct vs_cli *cli, int argc, char **argv)
{
    int kept = 1;
    bool before = true;
    for (int i = 1; i < argc; i++) {
        bool profile = before && strcmp(argv[i], "--profile") == 0 && i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) {
            cli->json = true;
        } else if (profile) {
            cli->profile_path = argv[++i];
        } else {
            before = before && argv[i][0] == '-';
            argv[kept++] = argv[i];
        }
    }
    argv[kept] = NULL;
    return kept;
}

int main(int argc, char **argv)
{
    struct vs_cli cli = {.arena = vs_arena_new((size_t)256 << 20)};
    if (cli.arena == NULL)
        return VS_EXIT_FAILED;
    argc = take_common(&cli, argc, argv);
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        vs_arena_free(cli.arena);
        return argc < 2 ? VS_EXIT_USAGE : VS_EXIT_DONE;
    }
    vs_rc rc = vs_formats_init(&cli.err);
    int status = vs_ok(rc) ? run(&cli, argc - 1, argv + 1) : vs_cli_failed(&cli, rc);
    vs_outgoing_free(cli.outgoing);
    vs_arena_free(cli.arena);
    vs_formats_done();
    return status;
}
