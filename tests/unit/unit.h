/* unit.h - what every unit test includes: cmocka with its prerequisites. */
#ifndef VS_TESTS_UNIT_H
#define VS_TESTS_UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "formats/base/base.h"

#define assert_ok(call)                                                                        \
    do {                                                                                       \
        struct vs_error *assert_err_ = &(err);                                                 \
        vs_rc assert_rc_ = (call);                                                             \
        if (!vs_ok(assert_rc_))                                                                \
            fail_msg("%s: %s (%s)", #call, assert_err_->text,                                  \
                     vs_code_info(assert_rc_.code)->name);                                     \
    } while (0)
/* `err` is the caller's struct vs_error. */
#define assert_fails(expected, call)                                                           \
    do {                                                                                       \
        vs_rc assert_rc_ = (call);                                                             \
        assert_string_equal(vs_code_info(assert_rc_.code)->name,                               \
                            vs_code_info(expected)->name);                                     \
    } while (0)
#define assert_bytes_equal(a, b)                                                               \
    do {                                                                                       \
        struct vs_bytes assert_a_ = (a), assert_b_ = (b);                                      \
        assert_int_equal(assert_a_.len, assert_b_.len);                                        \
        if (assert_a_.len > 0)                                                                 \
            assert_memory_equal(assert_a_.ptr, assert_b_.ptr, assert_a_.len);                  \
    } while (0)
#endif
