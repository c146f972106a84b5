# gcc's warnings as they come with optimisation; nothing is run from it.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(VASITE_TESTS ON CACHE BOOL "")
set(VASITE_BENCH ON CACHE BOOL "")
