# MABEAM_SANITIZE=address,undefined or thread: the whole tree, through mabeam_flags.
set(MABEAM_SANITIZE "" CACHE STRING "address,undefined or thread; empty for none")

if(MABEAM_SANITIZE MATCHES "address" AND MABEAM_SANITIZE MATCHES "thread")
  message(FATAL_ERROR "MABEAM_SANITIZE=${MABEAM_SANITIZE}: address and thread exclude each other")
endif()

if(MABEAM_SANITIZE)
  target_compile_options(mabeam_flags INTERFACE
    -fsanitize=${MABEAM_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(mabeam_flags INTERFACE -fsanitize=${MABEAM_SANITIZE})
  # g++ 12 sees what is not there when its own instrumentation is in between.
  target_compile_options(mabeam_flags INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized;-Wno-stringop-overflow;-Wno-array-bounds>)
endif()

# The fuzz targets as libFuzzer programs; the library tells them where they have been.
option(MABEAM_FUZZ "Build the libFuzzer programs; needs clang" OFF)

if(MABEAM_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "MABEAM_FUZZ=ON needs clang: configure with --preset fuzz")
  endif()
  target_compile_options(mabeam_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
