#include "gateway/cli/cli.h"
#include <argp.h>
#include <stdlib.h>

struct reading {
    const struct vs_command_line *line;
    struct vs_option_texts *args;
};

enum { FIRST_LONG = 256, MOST_OPTIONS = 40 };

static const struct vs_option *option_of(const struct vs_command_line *line, int key)
{
    for (size_t i = 0; i < line->n_options; i++)
        if (key ==
            (line->options[i].letter != 0 ? line->options[i].letter : FIRST_LONG + (int)i))
            return &line->options[i];
    return NULL;
}

static void add_text(struct vs_option_texts *texts, const char *text, struct argp_state *state)
{
    if (texts->n == VS_OPTION_TEXTS_MAX)
        argp_error(state, "more than %d of them", VS_OPTION_TEXTS_MAX);
    texts->items[texts->n++] = text;
}

static void take_option(const struct vs_option *option, char *argument,
                        struct argp_state *state)
{
    uint64_t number = 0;
    switch (option->kind) {
    case VS_OPTION_FLAG:
        *(bool *)option->to = true;
        return;
    case VS_OPTION_TEXT:
        *(const char **)option->to = argument;
        return;
    case VS_OPTION_TEXTS:
        add_text(option->to, argument, state);
        return;
    case VS_OPTION_NUMBER:
        if (!vs_u64_decode(vs_bytes_text(argument), &number) || number > INT64_MAX)
            argp_error(state, "--%s: '%s' is no whole number", option->name, argument);
        *(int64_t *)option->to = (int64_t)number;
        return;
    }
}

static error_t take(int key, char *argument, struct argp_state *state)
{
    struct reading *reading = state->input;
    const struct vs_option *option = option_of(reading->line, key);
    if (option != NULL) {
        take_option(option, argument, state);
        return 0;
    }
    switch (key) {
    case ARGP_KEY_ARG:
        if (reading->args->n == reading->line->most)
            argp_error(state, "'%s' is one argument too many", argument);
        add_text(reading->args, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (reading->args->n < reading->line->least)
            argp_error(state, "an argument is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

void vs_cli_read(struct vs_cli *cli, const struct vs_command_line *line, int argc, char **argv,
                 struct vs_option_texts *args)
{
    struct argp_option options[MOST_OPTIONS + 1] = {{0}};
    (void)cli;
    VS_ASSERT(line->n_options <= MOST_OPTIONS);
    for (size_t i = 0; i < line->n_options; i++) {
        const struct vs_option *o = &line->options[i];
        options[i] = (struct argp_option){
            .name = o->name,
            .key = o->letter != 0 ? o->letter : FIRST_LONG + (int)i,
            .arg = o->argument,
            .doc = o->help,
        };
    }
    struct argp argp = {
        .options = options, .parser = take, .args_doc = line->usage, .doc = line->text};
    struct reading reading = {line, args};
    args->n = 0;
    argp_err_exit_status = VS_EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, &reading) != 0)
        exit(VS_EXIT_USAGE);
}

size_t vs_cli_choose(const char *const *names, int argc, char **argv)
{
    static char whole[128]; /* "vasite centre issue": what argp's messages begin with */
    for (size_t i = 0; argc > 1 && names[i] != NULL; i++)
        if (strcmp(argv[1], names[i]) == 0) {
            snprintf(whole, sizeof whole, "%s %s", argv[0], names[i]);
            argv[1] = whole;
            return i;
        }
    fprintf(stderr, "%s: one of these must follow:", argv[0]);
    for (size_t i = 0; names[i] != NULL; i++)
        fprintf(stderr, " %s", names[i]);
    fprintf(stderr, " (each knows --help)\n");
    exit(VS_EXIT_USAGE);
}
