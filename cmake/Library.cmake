# The product: one library, static by default.
set(PLX_OBJECTS_all ${PLX_OBJECTS_mvc} ${PLX_OBJECTS_nn} ${PLX_OBJECTS_autograd} ${PLX_OBJECTS_cluster} ${PLX_OBJECTS_io} ${PLX_OBJECTS_tensor})
set(PLX_LINK TBB::tbb ZLIB::ZLIB Threads::Threads ${HDF5_C_LIBRARIES} ${PLX_ZIP_LIBRARY} ${PLX_CBLAS_LIBRARY} ${CMAKE_DL_LIBS})
add_library(parallax ${PLX_OBJECTS_all})
add_library(parallax::parallax ALIAS parallax)
target_compile_features(parallax PUBLIC cxx_std_20)
target_include_directories(parallax PUBLIC $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(parallax PRIVATE ${PLX_LINK})
set_target_properties(parallax PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
