/* cli.h - vasite, the command line: a table of commands, and what they share.
 *
 * A command is a row of commands.def and a function vs_cli_NAME in a file of this folder. Most
 * speak REST with the service that a profile names; `init`, `check`, `sign` and `verify` work
 * without one.
 *
 * Exit status: 0 done (verify: TOTAL-PASSED); 1 the answer is no: refused, not found, a check
 * that found something (verify: TOTAL-FAILED); 2 the call or the file is wrong; 3 verify:
 * INDETERMINATE; 4 the service could not be reached or asks to come again; 5 anything else. */
#ifndef VS_GATEWAY_CLI_CLI_H
#define VS_GATEWAY_CLI_CLI_H
#include "formats/base/base.h"
#include "relay/outgoing.h"
#include <jansson.h>
#include <stdio.h>

enum vs_exit {
    VS_EXIT_DONE = 0,
    VS_EXIT_NO = 1,
    VS_EXIT_USAGE = 2,
    VS_EXIT_INDETERMINATE = 3,
    VS_EXIT_AWAY = 4,
    VS_EXIT_FAILED = 5,
};

struct vs_profile {
    const char *url; /* without a slash at the end */
    const char *ca_file, *token;
    const char *certificate_file, *key_file;
};

struct vs_cli {
    struct vs_arena *arena; /* of the whole run */
    bool json;              /* --json: answers as the service gave them */
    const char *profile_path;
    struct vs_profile profile; /* once vs_cli_connect was called */
    struct vs_outgoing *outgoing;
    struct vs_error err;
};

struct vs_command {
    const char *name;
    int (*run)(struct vs_cli *cli, int argc, char **argv);
    const char *arguments, *summary;
};
#define VS_COMMAND(name, ...) int vs_cli_##name(struct vs_cli *cli, int argc, char **argv);
#include "gateway/cli/commands.def"
#undef VS_COMMAND

/* -- options ------------------------------------------------------------------------------ */

enum vs_option_kind {
    VS_OPTION_FLAG,   /* bool */
    VS_OPTION_TEXT,   /* const char *; the last one counts */
    VS_OPTION_TEXTS,  /* struct vs_option_texts: may be repeated */
    VS_OPTION_NUMBER, /* int64_t >= 0 */
};
#define VS_OPTION_TEXTS_MAX 64
struct vs_option_texts {
    const char *items[VS_OPTION_TEXTS_MAX];
    size_t n;
};
struct vs_option {
    const char *name; /* --NAME */
    char letter;      /* -L; 0: none */
    enum vs_option_kind kind;
    void *to;
    const char *argument; /* "FILE"; NULL for flags */
    const char *help;
};
/* Read the command's line; `--help` prints and exits. Positional arguments go to `args`, at
 * least `least`, at most `most` of them (VS_OPTION_TEXTS_MAX). A wrong call prints why and
 * exits with VS_EXIT_USAGE. `usage`: "SENDER RECIPIENT"; `text`: what the command does, with
 * examples. */
struct vs_command_line {
    const char *usage, *text;
    const struct vs_option *options;
    size_t n_options;
    size_t least, most;
};
void vs_cli_read(struct vs_cli *cli, const struct vs_command_line *line, int argc, char **argv,
                 struct vs_option_texts *args);
/* The first argument is one of `names` (NULL-terminated): its place; else exits as above. */
size_t vs_cli_choose(const char *const *names, int argc, char **argv);

/* -- files -------------------------------------------------------------------------------- */

/* All of a file. VS_E_USAGE names it. */
VS_NODISCARD vs_rc vs_cli_read_file(struct vs_cli *cli, const char *path, size_t max_bytes,
                                    struct vs_bytes *ret);
/* Its text without white space at the end: tokens, passphrases. */
VS_NODISCARD vs_rc vs_cli_read_secret(struct vs_cli *cli, const char *path, const char **ret);
/* Written beside and renamed; `mode` 0600 for secrets. */
VS_NODISCARD vs_rc vs_cli_write_file(struct vs_cli *cli, const char *path,
                                     struct vs_bytes bytes, unsigned mode);

/* -- the service -------------------------------------------------------------------------- */

/* Load the profile (--profile, VASITE_PROFILE). */
VS_NODISCARD vs_rc vs_cli_connect(struct vs_cli *cli);
/* NAME=VALUE of a query, percent-encoded, appended to `path` with ? or &; NULL values are left
 * out. Returns `path` anew. */
const char *vs_cli_query(struct vs_cli *cli, const char *path, const char *name,
                         const char *value);
/* "/v1/documents/ID" and `rest`. */
const char *vs_cli_document_path(struct vs_cli *cli, const char *id, const char *rest);
/* One request with the profile's credential; an answer that is not 2xx is printed as the
 * problem it is and ends as VS_E_CONFLICT or VS_E_NETWORK (what vs_cli_failed makes of it).
 * `body` NULL: none. `*ret` is new, or NULL where the answer has no JSON. */
VS_NODISCARD vs_rc vs_cli_call(struct vs_cli *cli, const char *method, const char *path,
                               const json_t *body, json_t **ret);
/* Send a file as the body; with progress on a terminal. */
VS_NODISCARD vs_rc vs_cli_upload(struct vs_cli *cli, const char *path, const char *media_type,
                                 const char *const *headers, const char *file, json_t **ret);
/* Write the answer's body to `file`, with progress on a terminal. `accept` may be NULL. */
VS_NODISCARD vs_rc vs_cli_download(struct vs_cli *cli, const char *path, const char *accept,
                                   const char *file);
/* The same into memory, at most 16 MiB. */
VS_NODISCARD vs_rc vs_cli_fetch(struct vs_cli *cli, const char *path, const char *accept,
                                struct vs_bytes *ret);

/* -- saying it ---------------------------------------------------------------------------- */

/* Print cli->err (unless it was printed) and return the exit status that fits. */
int vs_cli_failed(struct vs_cli *cli, vs_rc rc);
/* --json: print it as it is. Returns whether it did. */
bool vs_cli_show_json(const struct vs_cli *cli, const json_t *value);
/* A text member, or "" where it is absent or null. */
const char *vs_cli_text(const json_t *object, const char *name);
/* "label   value" unless the value is empty. */
void vs_cli_line(const char *label, const char *value);
/* A line on a terminal's standard error: "sending 12 of 100 MB". */
void vs_cli_progress(const char *what, uint64_t done, uint64_t total);

/* A table of rows for people: columns are names of members. */
struct vs_column_of {
    const char *member, *title;
};
void vs_cli_table(const json_t *rows, const struct vs_column_of *columns, size_t n);
#endif
