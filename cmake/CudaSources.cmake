# add_cuda_sources(TARGET UNIT FILE…): puts the text of these files into the
# library, for NVRTC to compile when the program runs (models/kernels/cuda/sources.h).
# Names are those that an #include has, from the project's folder on.
function(add_cuda_sources target unit)
  set(skipzoo_cuda_sources "")
  foreach(file IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
      "${skipzoo_SOURCE_DIR}/${file}")
    file(READ "${skipzoo_SOURCE_DIR}/${file}" text)
    string(APPEND skipzoo_cuda_sources "\n      {\"${file}\", R\"cuda(${text})cuda\"},")
  endforeach()
  set(made "${CMAKE_CURRENT_BINARY_DIR}/cuda_sources.cpp")
  configure_file("${skipzoo_SOURCE_DIR}/models/kernels/cuda/sources.cpp.in" "${made}" @ONLY)
  add_unit(${target} ${unit} "${made}")
endfunction()
