#include "gateway/daemon/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_RECORD = 16 << 10 };

static const struct {
    const char *name;
    enum vs_log_level level;
} events[] = {
#define VS_LOG_EVENT(symbol, name, level, meaning) {name, VS_LOG_##level},
#include "gateway/daemon/log_events.def"
#undef VS_LOG_EVENT
};

static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_least = VS_LOG_INFO;
static atomic_bool to_journal;
static _Atomic uint64_t lost;

const char *vs_log_event_name(enum vs_log_event event)
{
    return events[event].name;
}

enum vs_log_level vs_log_event_level(enum vs_log_event event)
{
    return events[event].level;
}

uint64_t vs_log_lost(void)
{
    return atomic_load(&lost);
}

/* -- where to ----------------------------------------------------------------------------- */

/* systemd.exec(5): $JOURNAL_STREAM names the device and inode of the journal's socket. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat own;
    char wanted[64];
    if (stream == NULL || fstat(STDERR_FILENO, &own) != 0)
        return false;
    snprintf(wanted, sizeof wanted, "%llu:%llu", (unsigned long long)own.st_dev,
             (unsigned long long)own.st_ino);
    return strcmp(stream, wanted) == 0;
}

/* One descriptor for ever: a thread that is about to write never meets a closed one. */
static int take_over(int fresh)
{
    int now = atomic_load(&log_fd);
    if (now == STDERR_FILENO) {
        atomic_store(&log_fd, fresh);
        return 0;
    }
    int failed = dup3(fresh, now, O_CLOEXEC) < 0 ? errno : 0;
    close(fresh);
    return failed;
}

vs_rc vs_log_open(const char *path, enum vs_log_level least, struct vs_error *err)
{
    bool file = path[0] != '\0';
    if (file || atomic_load(&log_fd) != STDERR_FILENO) {
        int fresh = file ? open(path,
                                O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
                                    O_NOCTTY | O_NONBLOCK,
                                0640)
                         : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (fresh < 0)
            return vs_fail(err, VS_E_CONFIG, NULL, "log.file: %s: %s", path, strerror(errno));
        int failed = take_over(fresh);
        if (failed != 0)
            return vs_fail(err, VS_E_CONFIG, NULL, "log.file: %s: %s", path, strerror(failed));
    }
    atomic_store(&log_least, least);
    atomic_store(&to_journal, !file && stderr_is_journal());
    return VS_OK;
}

/* -- records ------------------------------------------------------------------------------ */

static void add_point(struct vs_buffer *line, uint32_t point)
{
    if (point >= 0x10000)
        vs_buffer_printf(line, "\\u%04x\\u%04x", 0xd7c0 + (point >> 10),
                         0xdc00 + (point & 0x3ff));
    else
        vs_buffer_printf(line, "\\u%04x", point);
}

static size_t add_beyond_ascii(struct vs_buffer *line, const char *text)
{
    size_t len = 2, most = strnlen(text, 4);
    while (len <= most && !vs_utf8_valid(VS_BYTES(text, len)))
        len++;
    if (len > most) {
        add_point(line, 0xfffd);
        return 1;
    }
    uint32_t point = (uint8_t)text[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++)
        point = point << 6 | ((uint8_t)text[i] & 0x3f);
    add_point(line, point);
    return len;
}

static void add_text(struct vs_buffer *line, const char *text)
{
    vs_buffer_byte(line, '"');
    while (*text != '\0') {
        uint8_t c = (uint8_t)*text;
        if (c >= 0x80) {
            text += add_beyond_ascii(line, text);
            continue;
        }
        if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f)
            add_point(line, c);
        else
            vs_buffer_byte(line, c);
        text++;
    }
    vs_buffer_byte(line, '"');
}

static void add_field(struct vs_buffer *line, const struct vs_log_field *field)
{
    vs_buffer_byte(line, ',');
    add_text(line, field->name);
    vs_buffer_byte(line, ':');
    if (field->text != NULL)
        add_text(line, field->text);
    else
        vs_buffer_printf(line, "%lld", (long long)field->number);
}

void vs_log_write(enum vs_log_event event, enum vs_log_level level, vs_time_ms now,
                  const struct vs_log_field *fields, size_t n)
{
    static const char *const levels[] = {"info", "warning", "error"};
    static const char *const priorities[] = {"<6>", "<4>", "<3>"};
    if ((int)level < atomic_load(&log_least))
        return;
    char time[VS_TIME_TEXT];
    vs_time_text(now, time);
    VS_BUFFER line;
    vs_buffer_init(&line, MAX_RECORD);
    if (atomic_load(&to_journal))
        vs_buffer_text(&line, priorities[level]);
    vs_buffer_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", time,
                     levels[level], events[event].name);
    for (size_t i = 0; i < n; i++)
        add_field(&line, &fields[i]);
    vs_buffer_text(&line, "}\n");
    /* One write: lines of several threads do not mix. */
    if (line.failed || write(atomic_load(&log_fd), line.ptr, line.len) != (ssize_t)line.len)
        atomic_fetch_add(&lost, 1);
}

void vs_log_error(vs_time_ms now, enum vs_log_event event, const struct vs_error *err)
{
    const struct vs_code_info *info = vs_code_info(err->code);
    const char *clause = err->clause != NULL    ? err->clause
                         : info->clause != NULL ? info->clause
                                                : "";
    VS_LOG(event, now, {"code", info->name, 0}, {"text", err->text, 0},
           {"remedy", info->remedy[VS_LANGUAGE_EN], 0}, {"clause", clause, 0});
}
