#include "formats/bundle/bag.h"
#include "formats/base/text.h"
#include <stdio.h>

static const struct {
    const char *name;
    bool stated;
} tags[VS_BAG_TAGS] = {
    [VS_BAG_BAGIT] = {"bagit.txt", true},
    [VS_BAG_INFO] = {"bag-info.txt", true},
    [VS_BAG_INDEX_CSV] = {"index.csv", true},
    [VS_BAG_INDEX_HTML] = {"index.html", true},
    [VS_BAG_MANIFEST] = {"manifest-sha256.txt", true},
    [VS_BAG_ORIGIN] = {"origin.xml", false},
    [VS_BAG_README] = {"readme.txt", true},
    [VS_BAG_TAGMANIFEST] = {"tagmanifest-sha256.txt", false},
};

const char *vs_bag_tag_name(enum vs_bag_tag tag)
{
    VS_ASSERT(tag < VS_BAG_TAGS);
    return tags[tag].name;
}

enum vs_bag_tag vs_bag_tag_of(const char *path)
{
    int tag = 0;
    while (tag < VS_BAG_TAGS && strcmp(tags[tag].name, path) != 0)
        tag++;
    return (enum vs_bag_tag)tag;
}

bool vs_bag_tag_is_stated(enum vs_bag_tag tag)
{
    return tag < VS_BAG_TAGS && tags[tag].stated;
}

/* -- names --------------------------------------------------------------------------------- */

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool vs_bag_path_good(const char *path)
{
    size_t len = strlen(path);
    bool begins = true; /* of a segment */
    if (len == 0 || len > VS_BAG_PATH_MAX || path[len - 1] == '/')
        return false;
    for (const char *c = path; *c != '\0'; c++) {
        if (*c == '/' ? begins : !name_char(*c) || (begins && *c == '.'))
            return false;
        begins = *c == '/';
    }
    return true;
}

bool vs_bag_path_is_payload(const char *path)
{
    return vs_text_starts(path, "data/");
}

/* -- manifests ----------------------------------------------------------------------------- */

void vs_bag_line(struct vs_buffer *to, const uint8_t sha256[32], const char *path)
{
    vs_buffer_hex(to, VS_BYTES(sha256, 32));
    vs_buffer_text(to, "  ");
    vs_buffer_text(to, path);
    vs_buffer_byte(to, '\n');
}

bool vs_bag_line_read(struct vs_bytes line, uint8_t ret_sha256[32],
                      char ret_path[VS_BAG_PATH_MAX + 1])
{
    char hex[65], again[65];
    if (line.len < 67 || line.len > VS_BAG_LINE_MAX - 2 || line.ptr[64] != ' ' ||
        line.ptr[65] != ' ')
        return false;
    memcpy(hex, line.ptr, 64);
    hex[64] = '\0';
    if (!vs_hex_decode(hex, ret_sha256, 32))
        return false;
    vs_hex(VS_BYTES(ret_sha256, 32), again); /* one writing: lower case */
    memcpy(ret_path, line.ptr + 66, line.len - 66);
    ret_path[line.len - 66] = '\0';
    return strcmp(hex, again) == 0 && strlen(ret_path) == line.len - 66 &&
           vs_bag_path_good(ret_path);
}

/* -- bag-info.txt -------------------------------------------------------------------------- */

void vs_bag_bagit_write(struct vs_buffer *to)
{
    vs_buffer_text(to, "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
}

/* A value is one line: whatever breaks lines in it becomes a space (RFC 8493, 2.2.2). */
static void put(struct vs_buffer *to, const char *name, const char *value)
{
    vs_buffer_printf(to, "%s: ", name);
    for (const char *c = value; *c != '\0'; c++)
        vs_buffer_byte(to, (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : (uint8_t)*c);
    vs_buffer_byte(to, '\n');
}

void vs_bag_info_write(struct vs_buffer *to, const struct vs_bag_info *info)
{
    static const char *const labels[] = {"External-Description", "External-Description",
                                         "External-Description"};
    char created[VS_TIME_TEXT], number[64];
    vs_time_text(info->created, created);
    put(to, "Source-Organization", info->organisation);
    put(to, "External-Identifier", info->id);
    for (size_t i = 0; i < 3; i++)
        if (info->description[i] != NULL)
            put(to, labels[i], info->description[i]);
    snprintf(number, sizeof number, "%.10s", created);
    put(to, "Bagging-Date", number);
    snprintf(number, sizeof number, "%llu.%llu", (unsigned long long)info->octets,
             (unsigned long long)info->files);
    put(to, "Payload-Oxum", number);
    put(to, "Vasite-Created", created);
    snprintf(number, sizeof number, "%llu", (unsigned long long)info->documents);
    put(to, "Vasite-Documents", number);
}

/* The value of the one line that begins with `name`; .ptr NULL: none, or several. */
static struct vs_bytes value_of(struct vs_bytes text, const char *name)
{
    struct vs_bytes found = VS_BYTES_NONE;
    size_t len = strlen(name);
    while (text.len > 0) {
        const uint8_t *end = memchr(text.ptr, '\n', text.len);
        size_t line = end == NULL ? text.len : (size_t)(end - text.ptr);
        if (line > len + 2 && memcmp(text.ptr, name, len) == 0 &&
            memcmp(text.ptr + len, ": ", 2) == 0) {
            if (found.ptr != NULL)
                return VS_BYTES_NONE;
            found = VS_BYTES(text.ptr + len + 2, line - len - 2);
        }
        line += end != NULL;
        text = VS_BYTES(text.ptr + line, text.len - line);
    }
    return found;
}

bool vs_bag_info_read(struct vs_bytes text, uint64_t *ret_octets, uint64_t *ret_files,
                      uint64_t *ret_documents, vs_time_ms *ret_created)
{
    struct vs_bytes oxum = value_of(text, "Payload-Oxum");
    const uint8_t *dot = oxum.len == 0 ? NULL : memchr(oxum.ptr, '.', oxum.len);
    if (dot == NULL)
        return false;
    size_t left = (size_t)(dot - oxum.ptr);
    return vs_u64_decode(VS_BYTES(oxum.ptr, left), ret_octets) &&
           vs_u64_decode(VS_BYTES(dot + 1, oxum.len - left - 1), ret_files) &&
           vs_u64_decode(value_of(text, "Vasite-Documents"), ret_documents) &&
           vs_time_decode(value_of(text, "Vasite-Created"), ret_created);
}
