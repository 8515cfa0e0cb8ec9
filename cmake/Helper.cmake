# parallax-hdf5, the process that reads HDF5 files for the library. Without sanitizers: it runs under a memory limit,
# which their shadow memory would break.
add_executable(parallax-hdf5 ${PROJECT_SOURCE_DIR}/src/io/hdf5_helper_main.cpp ${PROJECT_SOURCE_DIR}/src/io/hdf5_transcode.cpp
               ${PROJECT_SOURCE_DIR}/src/io/hdf5_checks.cpp ${PROJECT_SOURCE_DIR}/src/tensor/error.cpp)
plx_settings(parallax-hdf5)
target_link_libraries(parallax-hdf5 PRIVATE ${HDF5_C_LIBRARIES} Threads::Threads)
if(PLX_SANITIZE OR PLX_FUZZ)
  target_compile_options(parallax-hdf5 PRIVATE -fno-sanitize=all)
  target_link_options(parallax-hdf5 PRIVATE -fno-sanitize=all)
endif()
set_target_properties(parallax-hdf5 PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
install(TARGETS parallax-hdf5 RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
target_compile_definitions(plx_io PRIVATE PLX_HELPER_INSTALLED="${CMAKE_INSTALL_FULL_BINDIR}/parallax-hdf5")
