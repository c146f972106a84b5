# The second compiler's warnings; nothing is run from it.
set(CMAKE_C_COMPILER clang-14 CACHE STRING "")
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(VASITE_TESTS ON CACHE BOOL "")
