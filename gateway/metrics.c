#include "gateway/metrics.h"
#include <stdio.h>

enum { STATUS_CLASSES = 4 }; /* 2xx to 5xx */

static const uint64_t bounds_us[] = {1000,   2500,   5000,    10000,   25000,   50000,   100000,
                                     250000, 500000, 1000000, 2500000, 5000000, 10000000};

struct of_route {
    _Atomic uint64_t statuses[STATUS_CLASSES];
    struct vs_histogram duration;
};

struct vs_metrics {
    const struct vs_route *routes;
    size_t n;
    struct of_route *of_routes; /* one more than routes: for no row */
    _Atomic uint64_t codes[VS_CODES];
};

struct vs_metrics *vs_metrics_new(const struct vs_route *routes, size_t n)
{
    struct vs_metrics *metrics = vs_heap_new(sizeof *metrics);
    metrics->routes = routes;
    metrics->n = n;
    metrics->of_routes = vs_heap_array(n + 1, sizeof *metrics->of_routes);
    for (size_t i = 0; i <= n; i++) {
        metrics->of_routes[i].duration.bounds = bounds_us;
        metrics->of_routes[i].duration.n = sizeof bounds_us / sizeof *bounds_us;
    }
    return metrics;
}

void vs_metrics_free(struct vs_metrics *metrics)
{
    if (metrics == NULL)
        return;
    vs_heap_free(metrics->of_routes);
    vs_heap_free(metrics);
}

void vs_metrics_request(struct vs_metrics *metrics, const struct vs_route *route, int status,
                        enum vs_code code, uint64_t microseconds)
{
    size_t row = route == NULL ? metrics->n : (size_t)(route - metrics->routes);
    int class = status / 100 - 2;
    if (class >= 0 && class < STATUS_CLASSES)
        atomic_fetch_add_explicit(&metrics->of_routes[row].statuses[class], 1,
                                  memory_order_relaxed);
    vs_histogram_add(&metrics->of_routes[row].duration, microseconds);
    if (code != VS_E_NONE)
        atomic_fetch_add_explicit(&metrics->codes[code], 1, memory_order_relaxed);
}

/* -- the format --------------------------------------------------------------------------- */

static void put_escaped(struct vs_buffer *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            vs_buffer_text(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            vs_buffer_printf(out, "\\%c", *text);
        else
            vs_buffer_byte(out, (uint8_t)*text);
    }
}

void vs_metric_head(struct vs_buffer *out, const char *name, const char *type, const char *help)
{
    const char *suffix = strcmp(type, "counter") == 0 ? "_total" : "";
    vs_buffer_printf(out, "# HELP vasite_%s%s ", name, suffix);
    put_escaped(out, help, false);
    vs_buffer_printf(out, "\n# TYPE vasite_%s%s %s\n", name, suffix, type);
}

void vs_metric_sample(struct vs_buffer *out, const char *name, const char *label,
                      const char *label_value, double value)
{
    vs_buffer_printf(out, "vasite_%s", name);
    if (label != NULL) {
        vs_buffer_printf(out, "{%s=\"", label);
        put_escaped(out, label_value, true);
        vs_buffer_text(out, "\"}");
    }
    vs_buffer_printf(out, " %.15g\n", value);
}

void vs_metric_counter(struct vs_buffer *out, const char *name, const char *help,
                       uint64_t value)
{
    vs_metric_head(out, name, "counter", help);
    vs_buffer_printf(out, "vasite_%s_total %llu\n", name, (unsigned long long)value);
}

void vs_metric_gauge(struct vs_buffer *out, const char *name, const char *help, double value)
{
    vs_metric_head(out, name, "gauge", help);
    vs_metric_sample(out, name, NULL, NULL, value);
}

/* Buckets are cumulative there; `labels` ends in a comma where there are any. */
static void put_buckets(struct vs_buffer *out, const char *name, const char *labels,
                        const struct vs_histogram *h, double unit)
{
    uint64_t all = 0;
    size_t bare = strlen(labels) - (labels[0] != '\0');
    for (size_t i = 0; i <= h->n; i++) {
        all += atomic_load_explicit(&h->counts[i], memory_order_relaxed);
        vs_buffer_printf(out, "vasite_%s_bucket{%sle=\"", name, labels);
        if (i < h->n)
            vs_buffer_printf(out, "%.9g", (double)h->bounds[i] * unit);
        else
            vs_buffer_text(out, "+Inf");
        vs_buffer_printf(out, "\"} %llu\n", (unsigned long long)all);
    }
    const char *open = bare > 0 ? "{" : "", *close = bare > 0 ? "}" : "";
    vs_buffer_printf(out, "vasite_%s_sum%s%.*s%s %.9g\n", name, open, (int)bare, labels, close,
                     (double)atomic_load_explicit(&h->sum, memory_order_relaxed) * unit);
    vs_buffer_printf(out, "vasite_%s_count%s%.*s%s %llu\n", name, open, (int)bare, labels,
                     close, (unsigned long long)all);
}

void vs_metric_histogram(struct vs_buffer *out, const char *name, const char *help,
                         const struct vs_histogram *h, double unit)
{
    vs_metric_head(out, name, "histogram", help);
    put_buckets(out, name, "", h, unit);
}

/* -- requests ----------------------------------------------------------------------------- */

static const char *method_of(const struct vs_metrics *m, size_t row)
{
    return row < m->n ? m->routes[row].method : "";
}

static const char *path_of(const struct vs_metrics *m, size_t row)
{
    return row < m->n ? m->routes[row].path : "none";
}

static void print_statuses(const struct vs_metrics *m, struct vs_buffer *out)
{
    vs_metric_head(out, "http_requests", "counter",
                   "Requests that have ended, by route and class of status.");
    for (size_t row = 0; row <= m->n; row++)
        for (int class = 0; class < STATUS_CLASSES; class ++) {
            uint64_t n = m->of_routes[row].statuses[class];
            if (n > 0)
                vs_buffer_printf(out,
                                 "vasite_http_requests_total{method=\"%s\",route=\"%s\","
                                 "status=\"%dxx\"} %llu\n",
                                 method_of(m, row), path_of(m, row), class + 2,
                                 (unsigned long long)n);
        }
}

static void print_durations(const struct vs_metrics *m, struct vs_buffer *out)
{
    vs_metric_head(out, "http_request_seconds", "histogram",
                   "From the header until the answer was sent, by route; long polls wait.");
    for (size_t row = 0; row <= m->n; row++) {
        const struct vs_histogram *h = &m->of_routes[row].duration;
        char labels[256];
        uint64_t n = 0;
        for (size_t i = 0; i <= h->n; i++)
            n += h->counts[i];
        if (n == 0)
            continue;
        snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\",", method_of(m, row),
                 path_of(m, row));
        put_buckets(out, "http_request_seconds", labels, h, 1e-6);
    }
}

void vs_metrics_print(const struct vs_metrics *m, struct vs_buffer *out)
{
    print_statuses(m, out);
    print_durations(m, out);
    vs_metric_head(out, "problems", "counter", "Problems answered, by code.");
    for (int code = 0; code < VS_CODES; code++)
        if (m->codes[code] > 0)
            vs_metric_sample(out, "problems_total", "code",
                             vs_code_info((enum vs_code)code)->name, (double)m->codes[code]);
}
