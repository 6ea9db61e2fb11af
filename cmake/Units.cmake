# add_unit(TARGET NAME [PRECOMPILED] FILE…): files of a target that are compiled
# as one. Most of what a small file costs are LibTorch's headers: together they are
# read once, and the first build takes half the time. To compile each by itself:
# cmake -DCMAKE_UNITY_BUILD=OFF.
#
# PRECOMPILED: with the target's precompiled header. What <torch/nn.h> leaves
# pending there each unit makes anew, in eight seconds: that is for files that ask
# for networks or TorchScript.
#
# Names of a unit's files must differ, those in an unnamed namespace too. A unit
# compiles in less than half a minute, or is two.
function(add_unit target name)
  cmake_parse_arguments(PARSE_ARGV 2 unit "PRECOMPILED" "" "")
  target_sources(${target} PRIVATE ${unit_UNPARSED_ARGUMENTS})
  set_source_files_properties(${unit_UNPARSED_ARGUMENTS} PROPERTIES
    UNITY_GROUP ${name})
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  # To g++ a file that is included is a header, whose classes must not hold those of
  # one file.
  set_property(TARGET ${target} APPEND PROPERTY COMPILE_OPTIONS
    $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  if(NOT unit_PRECOMPILED)
    set_source_files_properties(
      ${unit_UNPARSED_ARGUMENTS}
      ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/Unity/unity_${name}_cxx.cxx
      PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()
