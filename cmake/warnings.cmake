# mabeam_flags: how our own code is compiled. Linked PRIVATE, so that nothing of it reaches a user,
# and CMAKE_CXX_FLAGS stays the user's.
option(MABEAM_WERROR "Treat warnings as errors" OFF)

add_library(mabeam_flags INTERFACE)
target_compile_options(mabeam_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
  -Wnon-virtual-dtor -Wundef -Wmissing-declarations -Wimplicit-fallthrough
  $<$<CXX_COMPILER_ID:GNU>:-Wuseless-cast;-Wduplicated-cond;-Wlogical-op>
  # g++ 12 sees an overlap in `"text" + std::string` that is not there: gcc.gnu.org/PR105651
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${MABEAM_WERROR}>:-Werror>)
