# libFuzzer targets fuzz_NAME (clang, -DPLX_FUZZ=ON); how they are run stands in docs/fuzzing.md.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
  message(FATAL_ERROR "PLX_FUZZ needs clang (Debian: clang and libclang-rt-14-dev)")
endif()
foreach(name mat npz csv hdf5_reply)
  add_executable(fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_${name}.cpp ${PROJECT_SOURCE_DIR}/tests/fuzz/targets.cpp
                 ${PLX_OBJECTS_io} ${PLX_OBJECTS_tensor})
  plx_settings(fuzz_${name})
  target_link_libraries(fuzz_${name} PRIVATE ${PLX_LINK})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer,address,undefined)
endforeach()
