#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>

#include "models/kernels/blocking/blocks.h"
#include "models/kernels/blocking/padding.h"
#include "models/kernels/simd/gemm.h"
#include "models/kernels/simd/processor.h"

// A weight as panels of output channels, and how pixels times panels are shared
// out. For the convolutions of few pixels alone.

namespace skipzoo {

/// Of a convolution of images of `in`.
inline ImageSize result_size(const ImageSize& in, const ImageSize& kernel,
                             int64_t stride, const ExtraPadding& padding) {
  return {
      (in.height + padding.top + padding.bottom - kernel.height) / stride + 1,
      (in.width + padding.left + padding.right - kernel.width) / stride + 1};
}

/// Outputs of a panel: two vectors, so that an element of the left matrix is
/// loaded for two multiplications.
inline int64_t panel_columns() { return has_avx512() ? 32 : 16; }
/// Of so many channels a panel stays in L1 while rows are multiplied with it.
template <typename T>
constexpr int64_t kMostPanelDepth = int64_t{1024 / sizeof(T)};

/// Of a weight (outputs, depth), the panels (depth, columns).
template <typename T>
PackedMatrices<T> panels_of(const torch::Tensor& weight, int64_t columns) {
  const int64_t out = weight.size(0), depth = weight.size(1);
  const int64_t wide = gemm::padded(out, columns);
  const auto whole = torch::constant_pad_nd(weight, {0, 0, 0, wide - out});
  return {whole.const_data_ptr<T>(),
          wide / columns,
          depth,
          columns,
          {columns * depth, 1, depth}};
}

/// How the work is shared out: blocks of pixels times groups of panels, a few
/// for each thread. A thread's share is all groups of some blocks, or, where
/// the weight is larger than the images, all blocks of some groups: it reads a
/// part of what is larger.
struct ProductShares {
  ProductShares(int64_t blocks_, int64_t panels_, bool by_weight_)
      : blocks(std::max<int64_t>(blocks_, 1)),
        panels(panels_),
        by_weight(by_weight_) {
    constexpr int64_t kEach = 4;
    const int64_t wanted = kEach * at::get_num_threads();
    groups = std::min((wanted + blocks - 1) / blocks, panels);
  }
  struct Part {
    int64_t block, group;
  };
  Part at(int64_t i) const {
    return by_weight ? Part{i % blocks, i / blocks}
                     : Part{i / groups, i % groups};
  }
  int64_t first_panel(int64_t group) const { return panels * group / groups; }

  int64_t blocks, panels, groups = 1;
  bool by_weight;
};

}  // namespace skipzoo
