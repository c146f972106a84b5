/* fileops_lossy.h - a disk in memory that forgets, as disks do, what was not synced.
 *
 * Stands under storage in place of vs_fileops_real. At power loss each file falls back to what
 * was synced plus a random subset of the 4 KB pages written since (a page may survive in part,
 * by 512-octet sectors; the size may be old, new or between), and each name to what its
 * folder's last sync saw or to the newer state, at random and independently. Folders themselves
 * last at once.
 *
 * It also dies at a chosen operation, fails chosen operations with an errno, fills up, and can
 * lie about syncs, so that a harness built on it can prove that it notices.
 *
 * All randomness comes from the seed. Every function locks: threads may share it. */
#ifndef VS_TESTS_FILEOPS_LOSSY_H
#define VS_TESTS_FILEOPS_LOSSY_H
#include "storage/fileops.h"

struct vs_lossy;

struct vs_lossy *vs_lossy_new(uint64_t seed);
void vs_lossy_free(struct vs_lossy *disk); /* all files closed */
const struct vs_fileops *vs_lossy_files(struct vs_lossy *disk);
uint64_t vs_lossy_random(struct vs_lossy *disk, uint64_t below);

/* Operations that change something, so far. */
uint64_t vs_lossy_operations(struct vs_lossy *disk);

/* The power fails in the middle of the nth such operation from now (1: the next; 0: never).
 * From then on every call fails with EIO. */
void vs_lossy_die_at(struct vs_lossy *disk, uint64_t nth);
void vs_lossy_die_now(struct vs_lossy *disk);
bool vs_lossy_dead(struct vs_lossy *disk);
/* The power is back: what survived is there. Files opened before stay dead. */
void vs_lossy_power_on(struct vs_lossy *disk);

/* The nth operation from now fails with `error` and changes nothing or, a write, any part;
 * `lasting`: all after it, too. nth 0: none. */
void vs_lossy_fail_at(struct vs_lossy *disk, uint64_t nth, int error, bool lasting);
/* Whether such a failure was met since it was set. */
bool vs_lossy_failed(struct vs_lossy *disk);
/* Writes that need more than this fail with ENOSPC; 0: no bound. */
void vs_lossy_capacity(struct vs_lossy *disk, uint64_t octets);
uint64_t vs_lossy_used(struct vs_lossy *disk);

/* Planted bugs: syncs of files (folders) whose path contains `part`, or ends with it where it
 * ends in '$', do nothing. NULL: none. */
void vs_lossy_lie_about_files(struct vs_lossy *disk, const char *part);
void vs_lossy_lie_about_folders(struct vs_lossy *disk, const char *part);

/* Octets of a file, for damage: NULL when there is no such file. Valid until it is written. */
uint8_t *vs_lossy_content(struct vs_lossy *disk, const char *path, uint64_t *ret_size);
#endif
