# Compiler flags of every target of ours. Contraction is off: a product is fused with an addition only where the code says
# so, which is what makes results equal on every instruction set.
add_library(plx_flags INTERFACE)
target_compile_options(plx_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off -fno-math-errno -Wall -Wextra -Wshadow -Wno-unknown-pragmas>)
# false alarms of GCC 12 on "literal" + string (its bug 105651)
target_compile_options(plx_flags INTERFACE $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>)
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # every file is an "included" one there
  target_compile_options(plx_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
endif()
if(PLX_WERROR)
  target_compile_options(plx_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(PLX_SANITIZE)
  # what the checks add grows with every body that the optimiser copies: the kernels alone have more (cmake/Folder.cmake)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
  # without the checks for null, a third of the time to compile: the access itself ends the program
  add_compile_options(-fsanitize=${PLX_SANITIZE} -fno-sanitize=null -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=${PLX_SANITIZE})
endif()
if(PLX_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
endif()
