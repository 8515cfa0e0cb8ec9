# generated/version.inc: version and commit, for `--version` and the records of runs. It is looked up at every build, since what
# was committed (or changed) after configuring would be recorded wrongly; outside of a checkout the commit is empty.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  find_package(Git QUIET)
  set(write ${CMAKE_COMMAND} "-DGIT=${GIT_EXECUTABLE}" "-DSOURCE=${PROJECT_SOURCE_DIR}" "-DOUT=${PROJECT_BINARY_DIR}/generated/version.inc"
      "-DVERSION=${PROJECT_VERSION}" "-DBUILD=${CMAKE_BUILD_TYPE}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
      -P ${CMAKE_CURRENT_LIST_FILE})
  add_custom_target(plx_version COMMAND ${write} BYPRODUCTS ${PROJECT_BINARY_DIR}/generated/version.inc COMMENT "Version" VERBATIM)
  execute_process(COMMAND ${write})  # for what reads sources without building
  return()
endif()
cmake_minimum_required(VERSION 3.22)
set(commit "")
if(GIT)
  execute_process(COMMAND ${GIT} describe --always --dirty --exclude=* WORKING_DIRECTORY ${SOURCE}
                  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT  # leaves a file alone that has these words already
"#pragma once\n#define PLX_VERSION \"@VERSION@\"\n#define PLX_COMMIT \"@commit@\"\n#define PLX_BUILD \"@BUILD@\"\n" @ONLY)
