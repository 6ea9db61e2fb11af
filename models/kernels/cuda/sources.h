#pragma once

#include <string_view>
#include <vector>

namespace skipzoo {

/// A file of this folder, as CMake has put it into the library.
struct CudaSource {
  const char* name;  ///< As an #include names it.
  const char* text;
};

/// All that kernels are compiled of.
const std::vector<CudaSource>& cuda_sources();
/// The text of models/kernels/cuda/FILE.
const char* cuda_source(std::string_view file);

}  // namespace skipzoo
