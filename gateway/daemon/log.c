#include "gateway/daemon/log.h"
#include "formats/base/json_text.h"
#include <unistd.h>

enum { MAX_RECORD = 16 << 10 };

static void add_field(struct vs_buffer *line, const struct vs_log_field *field)
{
    vs_buffer_text(line, ",");
    vs_json_text(line, field->name);
    vs_buffer_text(line, ":");
    if (field->text != NULL)
        vs_json_text(line, field->text);
    else
        vs_buffer_printf(line, "%lld", (long long)field->number);
}

void vs_log_write(enum vs_log_level level, vs_time_ms now, const char *event,
                  const struct vs_log_field *fields, size_t n)
{
    static const char *const levels[] = {"info", "warning", "error"};
    char time[VS_TIME_TEXT];
    vs_time_text(now, time);
    VS_BUFFER line;
    vs_buffer_init(&line, MAX_RECORD);
    vs_buffer_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", time,
                     levels[level]);
    vs_json_text(&line, event);
    for (size_t i = 0; i < n; i++)
        add_field(&line, &fields[i]);
    vs_buffer_text(&line, "}\n");
    if (line.failed)
        return;
    /* One write: lines of several threads do not mix. A log that is full or gone stops nothing.
     */
    ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
    (void)written;
}

void vs_log_error(vs_time_ms now, const char *event, const struct vs_error *err)
{
    const struct vs_code_info *info = vs_code_info(err->code);
    const char *clause = err->clause != NULL    ? err->clause
                         : info->clause != NULL ? info->clause
                                                : "";
    VS_LOG(VS_LOG_ERROR, now, event, {"code", info->name, 0}, {"text", err->text, 0},
           {"remedy", info->remedy[VS_LANGUAGE_EN], 0}, {"clause", clause, 0});
}
