# precompile_only(TARGET FILE…): of a target's files these alone get its
# precompiled headers. What <torch/nn.h> leaves pending there, each file makes
# anew, in eight seconds: that is for files that ask for networks or TorchScript.
function(precompile_only target)
  get_target_property(others ${target} SOURCES)
  list(REMOVE_ITEM others ${ARGN})
  set_source_files_properties(${others} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()
