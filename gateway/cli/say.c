#include "gateway/cli/cli.h"
#include <unistd.h>

static int exit_of(enum vs_code code)
{
    switch (vs_code_info(code)->class) {
    case VS_CLASS_TEMPORARY:
        return VS_EXIT_AWAY;
    case VS_CLASS_REFUSED:
        return VS_EXIT_USAGE;
    case VS_CLASS_CALLER:
        return code == VS_E_CONFLICT ? VS_EXIT_NO : VS_EXIT_USAGE;
    default:
        return VS_EXIT_FAILED;
    }
}

int vs_cli_failed(struct vs_cli *cli, vs_rc rc)
{
    const struct vs_code_info *info = vs_code_info(rc.code);
    if (cli->err.text[0] != '\0' && cli->json)
        printf("{\"error\":{\"code\":\"%s\"}}\n", info->name);
    if (cli->err.text[0] != '\0')
        fprintf(stderr, "vasite: %s: %s\n  %s\n", info->title[VS_LANGUAGE_EN], cli->err.text,
                info->remedy[VS_LANGUAGE_EN]);
    return exit_of(rc.code);
}

bool vs_cli_show_json(const struct vs_cli *cli, const json_t *value)
{
    if (!cli->json || value == NULL)
        return false;
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
    return true;
}

const char *vs_cli_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text == NULL ? "" : text;
}

void vs_cli_line(const char *label, const char *value)
{
    if (value != NULL && value[0] != '\0')
        printf("%-18s %s\n", label, value);
}

/* Total 0 ends the line. */
void vs_cli_progress(const char *what, uint64_t done, uint64_t total)
{
    static bool shown;
    enum { WORTH_SHOWING = 4 << 20 };
    if (!isatty(STDERR_FILENO))
        return;
    if (total >= WORTH_SHOWING) {
        fprintf(stderr, "\r%s %llu of %llu MB ", what, (unsigned long long)(done >> 20),
                (unsigned long long)(total >> 20));
        shown = true;
    } else if (total == 0 && shown) {
        fprintf(stderr, "\r\033[K");
        shown = false;
    }
}

/* Columns of a terminal, not bytes: Azerbaijani names are longer in bytes than they look. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static const char *cell(const json_t *row, const char *member, char number[32])
{
    const json_t *value = json_object_get(row, member);
    if (json_is_integer(value)) {
        snprintf(number, 32, "%lld", (long long)json_integer_value(value));
        return number;
    }
    if (json_is_array(value))
        value = json_array_get(value, 0);
    return json_is_string(value) ? json_string_value(value) : json_is_true(value) ? "yes" : "";
}

static void put_cell(const char *text, size_t width, bool last)
{
    fputs(text, stdout);
    for (size_t w = width_of(text); !last && w < width + 2; w++)
        putchar(' ');
}

void vs_cli_table(const json_t *rows, const struct vs_column_of *columns, size_t n)
{
    enum { MOST_COLUMNS = 12 };
    size_t widths[MOST_COLUMNS] = {0}, i;
    char number[32];
    const json_t *row;
    VS_ASSERT(n <= MOST_COLUMNS);
    for (size_t c = 0; c < n; c++) {
        widths[c] = width_of(columns[c].title);
        json_array_foreach(rows, i, row)
        {
            size_t width = width_of(cell(row, columns[c].member, number));
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t c = 0; c < n; c++)
        put_cell(columns[c].title, widths[c], c + 1 == n);
    putchar('\n');
    json_array_foreach(rows, i, row)
    {
        for (size_t c = 0; c < n; c++)
            put_cell(cell(row, columns[c].member, number), widths[c], c + 1 == n);
        putchar('\n');
    }
}
