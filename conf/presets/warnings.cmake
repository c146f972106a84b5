# gcc's warnings as they come with optimisation; the simulation runs from it.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(VASITE_TESTS ON CACHE BOOL "")
set(VASITE_BENCH ON CACHE BOOL "")
