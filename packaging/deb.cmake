# Debian packages: `cpack -G DEB` in a build whose prefix is /usr; tests/package/deb makes and tries them.
#
#   mabeam          the programs, libmabeam, units, manual pages, completion
#   libmabeam-dev   headers, the CMake and pkg-config packages, examples
#   mabeam-dbgsym   the programs' debug information (.ddeb)
set(MABEAM_MAINTAINER "The mabeam authors <mabeam@example.org>" CACHE STRING "Maintainer of the Debian packages")

# A configuration of the machine's, which its administrator edits.
install(FILES "${PROJECT_SOURCE_DIR}/examples/mabeam.toml" DESTINATION /etc/mabeam COMPONENT runtime)

set(changelog "${CMAKE_CURRENT_BINARY_DIR}/changelog.gz")
set(text "${CMAKE_CURRENT_BINARY_DIR}/changelog")
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE "${text}" "mabeam (${PROJECT_VERSION}) unstable; urgency=medium\n\n  * See CHANGELOG.md in its source.\n\n"
  " -- ${MABEAM_MAINTAINER}  ${date}\n")
execute_process(COMMAND gzip -9 -n -f -k "${text}" COMMAND_ERROR_IS_FATAL ANY)
foreach(pair runtime:mabeam dev:libmabeam-dev)
  string(REGEX MATCH "^([a-z]+):(.+)$" pair "${pair}")
  install(FILES "${changelog}" deb/copyright DESTINATION "${CMAKE_INSTALL_DATADIR}/doc/${CMAKE_MATCH_2}"
    COMPONENT ${CMAKE_MATCH_1})
endforeach()

install(FILES deb/lintian-overrides DESTINATION "${CMAKE_INSTALL_DATADIR}/lintian/overrides" RENAME mabeam
  COMPONENT runtime)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)  # /etc is not below /usr
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
# What was stripped is a package of its own, mabeam-dbgsym, below /usr/lib/debug/.build-id, where
# `mabeam dump` and gdb find it. CPACK_STRIP_FILES would throw it away before.
set(CPACK_DEBIAN_RUNTIME_DEBUGINFO_PACKAGE ON)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_PACKAGE_NAME mabeam)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "multi-agent runtime in shared memory")
set(CPACK_PACKAGE_CONTACT "${MABEAM_MAINTAINER}")
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME mabeam)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "passwd")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  "${CMAKE_CURRENT_SOURCE_DIR}/deb/postinst" "${CMAKE_CURRENT_SOURCE_DIR}/deb/prerm"
  "${CMAKE_CURRENT_SOURCE_DIR}/deb/postrm" "${CMAKE_CURRENT_SOURCE_DIR}/deb/conffiles"
  "${CMAKE_CURRENT_SOURCE_DIR}/deb/triggers")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
  "A supervisor starts worker processes, which host agents; these talk through
lock-free rings in shared memory. Any process may die at any instruction, and
every message still takes effect exactly once.
.
This package has the programs, the library, and systemd units.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libmabeam-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "mabeam (= ${PROJECT_VERSION}), libexpected-dev")
set(CPACK_DEBIAN_DEV_DESCRIPTION
  "What agents and clients of mabeam are built with: headers, a test kit, and
packages for CMake and pkg-config. `mabeam init` begins a project.")
include(CPack)
