/* base.h - what every folder may use: errors, arenas, bytes, text, time. libc only.
 *
 * One include for all of formats/base; the parts have headers of their own. */
#ifndef VS_FORMATS_BASE_H
#define VS_FORMATS_BASE_H
#include "formats/base/error.h"
#include "formats/base/arena.h"
#include "formats/base/bytes.h"
#include "formats/base/buffer.h"
#include "formats/base/text.h"
#include "formats/base/time.h"
#include "formats/base/source.h"
#endif
