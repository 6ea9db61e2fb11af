#pragma once

#include <string>
#include <vector>

#include "models/kernels/cuda/kernels.h"

namespace skipzoo {

/// A kernel by the name that it is launched by, and its file.
struct KernelName {
  const char* file;
  std::string kernel;
};

/// The kernels of a BatchNorm, of what pools behind one and of a dense block
/// that tensors of this type ask for.
inline std::vector<KernelName> kernel_names(at::ScalarType type) {
  constexpr const char* kForward = "batch_norm.cu";
  constexpr const char* kBackward = "batch_norm_backward.cu";
  constexpr const char* kPool = "batch_norm_pool.cu";
  constexpr const char* kDense = "dense_block.cu";
  const std::string t = cuda_type_name(type);
  std::vector<KernelName> all = {{kForward, "batch_norm_moments<" + t + ">"},
                                 {kForward, "batch_norm_numbers<" + t + ">"},
                                 {kPool, "batch_norm_pool<" + t + ", false>"},
                                 {kPool, "batch_norm_pool<" + t + ", true>"},
                                 {kDense, "dense_moments<" + t + ">"}};
  for (const std::string name : {"gradient_sums<", "input_gradient<"}) {
    all.push_back({kPool, "batch_norm_pool_" + name + t + ">"});
  }
  for (const std::string relu : {"false", "true"}) {
    all.push_back(
        {kBackward, "batch_norm_gradient_sums<" + t + ", " + relu + ">"});
    for (const std::string residual : {"false", "true"}) {
      const auto flags = "<" + t + ", " + relu + ", " + residual + ">";
      all.push_back({kForward, "batch_norm_apply" + flags});
      all.push_back({kBackward, "batch_norm_input_gradient" + flags});
    }
  }
  for (const std::string whole : {"false", "true"}) {
    for (const std::string name :
         {"dense_activate<", "dense_gradient<", "dense_finish<"}) {
      all.push_back({kDense, name + t + ", " + whole + ">"});
    }
  }
  if (cuda_sum_type(type) == type) {
    all.push_back({kDense, "dense_numbers<" + t + ">"});
    all.push_back({kBackward, "batch_norm_gradient_numbers<" + t + ">"});
  }
  return all;
}

}  // namespace skipzoo
