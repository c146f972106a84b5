# As release, with the bench's programs.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(VASITE_BENCH ON CACHE BOOL "")
