/* buffer.h - bytes that grow, up to a maximum given at the start.
 *
 * Appending never fails at once: the first append that does not fit marks the buffer as failed
 * and later ones do nothing, so that a writer checks once, at the end. */
#ifndef VS_FORMATS_BASE_BUFFER_H
#define VS_FORMATS_BASE_BUFFER_H
#include "formats/base/bytes.h"
#include <stdarg.h>

struct vs_buffer {
    uint8_t *ptr; /* NUL-terminated whenever anything was appended */
    size_t len, room, max;
    bool failed;
};

/* In the caller's memory. */
void vs_buffer_init(struct vs_buffer *buffer, size_t max_bytes);
void vs_buffer_done(struct vs_buffer *buffer);  /* frees; a buffer may be done twice */
void vs_buffer_clear(struct vs_buffer *buffer); /* empties, keeps memory */

void vs_buffer_add(struct vs_buffer *buffer, struct vs_bytes bytes);
void vs_buffer_text(struct vs_buffer *buffer, const char *text);
void vs_buffer_byte(struct vs_buffer *buffer, uint8_t byte);
void vs_buffer_u32(struct vs_buffer *buffer, uint32_t v); /* big-endian */
void vs_buffer_u64(struct vs_buffer *buffer, uint64_t v);
void vs_buffer_printf(struct vs_buffer *buffer, const char *fmt, ...) VS_PRINTF(2, 3);
void vs_buffer_vprintf(struct vs_buffer *buffer, const char *fmt, va_list args) VS_PRINTF(2, 0);
/* Room for `len` bytes more at once, where the caller knows: saves growing step by step. A
 * length over the maximum is left to the append that meets it. */
void vs_buffer_expect(struct vs_buffer *buffer, size_t len);
/* `len` bytes to fill in by the caller, or NULL. */
uint8_t *vs_buffer_reserve(struct vs_buffer *buffer, size_t len);
/* XML text or attribute value: & < > " ' TAB LF CR escaped, so that it survives C14N and
 * attribute normalisation; characters that XML 1.0 forbids become U+FFFD. */
void vs_buffer_xml(struct vs_buffer *buffer, const char *text);
void vs_buffer_base64(struct vs_buffer *buffer, struct vs_bytes bytes);
void vs_buffer_hex(struct vs_buffer *buffer, struct vs_bytes bytes);

static inline struct vs_bytes vs_buffer_view(const struct vs_buffer *buffer)
{
    return VS_BYTES(buffer->ptr, buffer->len);
}
/* VS_E_LIMIT when it grew over its maximum. */
VS_NODISCARD vs_rc vs_buffer_check(const struct vs_buffer *buffer, struct vs_error *err);
/* The content as a copy in `arena`; fails as vs_buffer_check, and when the arena is full. */
VS_NODISCARD vs_rc vs_buffer_copy(const struct vs_buffer *buffer, struct vs_arena *arena,
                                  struct vs_bytes *ret, struct vs_error *err);

static inline void vs_cleanup_buffer(struct vs_buffer *buffer)
{
    vs_buffer_done(buffer);
}
#define VS_BUFFER __attribute__((cleanup(vs_cleanup_buffer))) struct vs_buffer
#endif
