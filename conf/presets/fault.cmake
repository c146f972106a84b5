# Without sanitizers: faults are injected from outside (LD_PRELOAD, kill, dropped writes).
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(VASITE_TESTS ON CACHE BOOL "")
