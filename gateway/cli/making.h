/* making.h - what sign, extend and timestamp have in common: files read where they lie, time
 * marks asked for, signatures raised, documents written. */
#ifndef VS_GATEWAY_CLI_MAKING_H
#define VS_GATEWAY_CLI_MAKING_H
#include "formats/making/raise.h"
#include "formats/making/making.h"
#include "gateway/cli/cli.h"

/* Opened files, as parts of a document; closed with vs_cli_files_close. */
struct vs_cli_files {
    struct vs_making_file files[VS_OPTION_TEXTS_MAX];
    struct vs_file_source sources[VS_OPTION_TEXTS_MAX];
    size_t n;
};
VS_NODISCARD vs_rc vs_cli_files_open(struct vs_cli *cli, const struct vs_option_texts *paths,
                                     struct vs_cli_files *ret);
void vs_cli_files_close(struct vs_cli_files *files);

/* By way of a file beside it: a path is never left half written. */
VS_NODISCARD vs_rc vs_cli_write(struct vs_cli *cli, const char *path,
                                const struct vs_source *source);

/* A time mark of the authority at `url` over `imprint`: its signature verified by the
 * certificate that it encloses, nothing more. */
VS_NODISCARD vs_rc vs_cli_mark(struct vs_cli *cli, const char *url,
                               const struct vs_digest *imprint, struct vs_bytes *ret);

/* "B-B", "LT"…; VS_LEVEL_NONE: none. */
enum vs_level vs_cli_level(const char *text);
/* To `level`: marks from `tsa`, judge-later data from the addresses that certificates name.
 * Says on stderr what it waits for where that is a terminal. */
VS_NODISCARD vs_rc vs_cli_raise(struct vs_cli *cli, const struct vs_source *document,
                                const struct vs_raise_options *options, const char *tsa,
                                const struct vs_bytes *known, size_t n_known,
                                const struct vs_source **ret);
#endif
