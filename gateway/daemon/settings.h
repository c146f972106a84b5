/* settings.h - every setting of the service, as one table: name, kind, default, range, help.
 *
 * conf/vasite.yaml is what `vasited --defaults` prints from it (a test compares them), the
 * loader reads by it, errors name file, line and setting by it. A snapshot is immutable once
 * loaded; a reload makes a new one. Nested names are written with dots: `limits.idle` is `idle`
 * within `limits`. */
#ifndef VS_GATEWAY_DAEMON_SETTINGS_H
#define VS_GATEWAY_DAEMON_SETTINGS_H
#include "formats/base/base.h"

enum vs_setting_kind {
    VS_SETTING_TEXT,     /* const char *; "" is none where `empty` allows it */
    VS_SETTING_PATH,     /* const char *; relative to the folder of the YAML file */
    VS_SETTING_NUMBER,   /* int64_t */
    VS_SETTING_BYTES,    /* int64_t; "512", "64 KiB", "2 GiB" */
    VS_SETTING_DURATION, /* int64_t, milliseconds; "20 ms", "5 s", "10 min", "24 h", "7 d" */
    VS_SETTING_YES_NO,   /* bool */
    VS_SETTING_CHOICE,   /* int64_t: index into `choices` */
    VS_SETTING_LIST,     /* struct vs_setting_list: a YAML sequence of texts */
    VS_SETTING_PATHS,    /* the same of paths, each as VS_SETTING_PATH */
};

struct vs_setting_list {
    const char **items; /* NULL-terminated */
    size_t n;
};

/* An item of limits.participants: "IDENTIFIER NAME=VALUE NAME=VALUE…". */
enum vs_override_kind {
    VS_OVERRIDES_DOCUMENT,
    VS_OVERRIDES_AT_ONCE,
    VS_OVERRIDES_PER_SECOND,
    VS_OVERRIDES_UPLOADS,
    VS_OVERRIDES_VOLUME,
    VS_OVERRIDES
};
struct vs_setting_override {
    const char *identifier;
    bool set[VS_OVERRIDES];
    int64_t values[VS_OVERRIDES];
};

struct vs_settings {
    const char *tls_address, *plain_address;
    int64_t tls_port, plain_port;
    int64_t http_threads, workers;
    const char *tls_certificate, *tls_key;
    const char *user;
    const char *data, *anchor, *passphrase_file, *backup_folder;
    const char *seal_file, *seal_passphrase_file, *evidence_file, *evidence_passphrase_file;
    const char *service_name, *service_identifier, *service_country, *service_url, *public_url;
    const char *journal_origin;
    int64_t mark_policy;
    int64_t mark_bound_ms, tsa_timeout_ms;
    int64_t renewal_margin_ms, renewal_digest;
    struct vs_setting_list tsa_urls, tls_names;
    struct vs_setting_list trust_anchors, accredited_anchors, trust_lists;
    int64_t gather_ms, batch_max;
    int64_t document_max, memory_max, queue_max, recipients_max, refusals_per_hour,
        disk_reserve;
    int64_t connections, connections_per_address, waiting;
    int64_t requests_at_once, requests_per_second, refusals_per_second;
    int64_t uploads_at_once, volume_per_day;
    struct vs_setting_list participant_limits;
    const struct vs_setting_override *overrides; /* the same, read */
    size_t n_overrides;
    int64_t idle_ms, header_ms, body_grace_ms, minimum_rate, stop_grace_ms;
    struct vs_setting_list outgoing_ranges;
    bool outgoing_http;
    const char *outgoing_ca_file;
    int64_t push_first_ms, push_factor, push_cap_ms, push_term_ms, push_stall_ms;
    int64_t push_at_once, push_per_host;
    bool state_secrets, batch_marks;
    int64_t utc_offset_ms, clock_back_ms;
    int64_t log_requests; /* 0 failed, 1 refused, 2 all */
    int64_t log_level;    /* enum vs_log_level */
    const char *log_file;
    int64_t certificate_warn_ms, certificate_fail_ms, disk_warn, marks_warn_ms, list_warn_ms;
};

struct vs_setting {
    const char *name;
    enum vs_setting_kind kind;
    size_t offset;        /* in struct vs_settings */
    const char *fallback; /* as one writes it */
    int64_t low, high;    /* of numbers, in the unit they are kept in */
    const char *choices;  /* words separated by one space */
    bool empty;           /* "" is allowed */
    bool reload;          /* SIGHUP takes it; else restart */
    const char *help;     /* meaning and, for numbers, unit; lines separated by \n */
};
extern const struct vs_setting vs_setting_table[];
extern const size_t vs_n_settings;

/* The table's row, or NULL. */
const struct vs_setting *vs_setting_find(const char *name);

/* Parse `text` into the field. VS_E_CONFIG says what is wrong with the value, without place. */
VS_NODISCARD vs_rc vs_setting_set(const struct vs_setting *setting, const char *text,
                                  struct vs_arena *arena, struct vs_settings *settings,
                                  struct vs_error *err);

/* Defaults, overridden by the YAML file; `path` NULL: defaults alone. Texts live in `arena`.
 * VS_E_CONFIG: "FILE:LINE: SETTING: what is wrong". */
VS_NODISCARD vs_rc vs_settings_load(const char *path, struct vs_arena *arena,
                                    const struct vs_settings **ret, struct vs_error *err);

/* Reads the items; `path` is for the message. VS_E_CONFIG. */
VS_NODISCARD vs_rc vs_settings_overrides(struct vs_settings *settings, const char *path,
                                         struct vs_arena *arena, struct vs_error *err);
/* "10", "10 MiB", "5 s" in the units of `kind`; false: no such number. */
bool vs_setting_number(enum vs_setting_kind kind, const char *text, int64_t *ret);

/* Settings as one file had them at one moment: immutable, counted, with the arena of their
 * texts. */
struct vs_snapshot {
    _Atomic unsigned references;
    struct vs_arena *arena;
    const struct vs_settings *settings;
};
/* With one reference. Fails as vs_settings_load. */
VS_NODISCARD vs_rc vs_snapshot_load(const char *path, struct vs_snapshot **ret,
                                    struct vs_error *err);
struct vs_snapshot *vs_snapshot_ref(struct vs_snapshot *snapshot);
void vs_snapshot_unref(struct vs_snapshot *snapshot); /* NULL is fine */

/* conf/vasite.yaml. */
void vs_settings_print(struct vs_buffer *out);

/* The names of the settings that differ, those that a reload takes (`reload`) or those that
 * need a restart, separated by a space, into `out`; returns how many. */
size_t vs_settings_changed(const struct vs_settings *old, const struct vs_settings *fresh,
                           bool reload, struct vs_buffer *out);
#endif
