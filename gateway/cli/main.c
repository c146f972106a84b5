/* vasite - the command-line tool: one table of commands. */
#include "gateway/cli/verify.h"
#include "formats/base/base.h"
#include <stdio.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
    const char *summary;
} commands[] = {
    {"verify", vs_cli_verify, "judge a signed file, offline"},
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (vs_text_equal(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "usage: vasite COMMAND [OPTION...]\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(stderr, "  %-12s %s\n", commands[i].name, commands[i].summary);
    return 2;
}
