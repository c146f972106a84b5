/* plant.h - bugs that a test build can plant in storage, so that the tests which look for them
 * can show that they do. */
#ifndef VS_STORAGE_PLANT_H
#define VS_STORAGE_PLANT_H
#include <stdbool.h>

#ifdef VASITE_TEST_BUILD
/* A commit on disk returns before it is made; the next one makes it. */
void vs_store_commit_late(bool late);
#endif
#endif
