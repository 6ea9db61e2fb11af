#pragma once

#include <c10/util/FunctionRef.h>
#include <torch/types.h>

namespace skipzoo {

/// Makes room for an operator's result, (N, C, H, W), of the device and type in
/// the options: uninitialised and channels-last.
using Allocate = c10::function_ref<torch::Tensor(
    at::IntArrayRef sizes, const torch::TensorOptions& options)>;

/// In memory of its own.
inline torch::Tensor allocate_images(at::IntArrayRef sizes,
                                     const torch::TensorOptions& options) {
  return torch::empty(sizes, options, at::MemoryFormat::ChannelsLast);
}

}  // namespace skipzoo
