# Version and commit, for `--version` and the records of runs. The commit is looked up at configure time; outside of a
# checkout it is empty.
set(PLX_COMMIT "")
find_package(Git QUIET)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --exclude=*
                  WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE PLX_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/generated/version.h CONTENT
"#pragma once\n#define PLX_VERSION \"${PROJECT_VERSION}\"\n#define PLX_COMMIT \"${PLX_COMMIT}\"\n#define PLX_BUILD \"${CMAKE_BUILD_TYPE}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}\"\n")
