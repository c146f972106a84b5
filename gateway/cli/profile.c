/* A profile is a text of "name: value" lines: url, ca-file, token-file, certificate-file,
 * key-file. Names of files are relative to the profile's folder. */
#include "gateway/cli/cli.h"
#include <stdlib.h>

static const struct {
    const char *name;
    size_t offset;
    bool file;
} fields[] = {
    {"url", offsetof(struct vs_profile, url), false},
    {"ca-file", offsetof(struct vs_profile, ca_file), true},
    {"token-file", offsetof(struct vs_profile, token), true},
    {"certificate-file", offsetof(struct vs_profile, certificate_file), true},
    {"key-file", offsetof(struct vs_profile, key_file), true},
};
#define FIELDS (sizeof fields / sizeof *fields)

/* `name` beside the file at `path`. */
static const char *beside(struct vs_cli *cli, const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    if (name[0] == '/' || slash == NULL)
        return vs_arena_strdup(cli->arena, name);
    return vs_arena_printf(cli->arena, "%.*s/%s", (int)(slash - path), path, name);
}

static vs_rc take_line(struct vs_cli *cli, const char *path, char *line, int number)
{
    char *colon = strchr(line, ':');
    if (line[0] == '#' || line[0] == '\0')
        return VS_OK;
    for (size_t i = 0; colon != NULL && i < FIELDS; i++) {
        if (strlen(fields[i].name) != (size_t)(colon - line) ||
            strncmp(line, fields[i].name, strlen(fields[i].name)) != 0)
            continue;
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        const char *kept =
            fields[i].file ? beside(cli, path, value) : vs_arena_strdup(cli->arena, value);
        if (kept == NULL)
            return vs_fail_memory(&cli->err);
        *(const char **)(void *)((char *)&cli->profile + fields[i].offset) = kept;
        return VS_OK;
    }
    return vs_fail(&cli->err, VS_E_CONFIG, NULL,
                   "%s:%d: not one of url, ca-file, token-file, certificate-file, key-file",
                   path, number);
}

static vs_rc read_profile(struct vs_cli *cli, const char *path)
{
    struct vs_bytes text;
    VS_TRY(vs_cli_read_file(cli, path, 64 * 1024, &text));
    char *copy = vs_arena_strndup(cli->arena, (const char *)text.ptr, text.len);
    if (copy == NULL)
        return vs_fail_memory(&cli->err);
    int number = 0;
    for (char *line = copy, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        VS_TRY(take_line(cli, path, line, ++number));
    }
    if (cli->profile.url == NULL)
        return vs_fail(&cli->err, VS_E_CONFIG, NULL, "%s: url is missing", path);
    if (cli->profile.token != NULL)
        return vs_cli_read_secret(cli, cli->profile.token, &cli->profile.token);
    return VS_OK;
}

vs_rc vs_cli_connect(struct vs_cli *cli)
{
    /* The operator of this command chose the address: any network is fine. */
    static const char *const everywhere[] = {"0.0.0.0/0", "::/0", NULL};
    const char *path = cli->profile_path != NULL ? cli->profile_path : getenv("VASITE_PROFILE");
    if (cli->outgoing != NULL)
        return VS_OK;
    if (path == NULL)
        return vs_fail(&cli->err, VS_E_USAGE, NULL,
                       "which service? give --profile FILE or set VASITE_PROFILE");
    VS_TRY(read_profile(cli, path));
    struct vs_outgoing_policy policy = {.allowed_ranges = everywhere,
                                        .http = true,
                                        .ca_file = cli->profile.ca_file,
                                        .user_agent = "vasite"};
    return vs_outgoing_new(&policy, &cli->outgoing, &cli->err);
}
