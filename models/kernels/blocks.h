#pragma once

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "models/kernels/gemm.h"
#include "models/kernels/rows.h"

// What the convolutions of this folder share: they take pixels in blocks that
// stay in a core's own cache, with zeros around what gemm wants padded.

namespace skipzoo {

/// What a convolution reads: the first channels of rows of pixels, as they are,
/// or relu(scale * x + offset) of them, which is never written to memory.
struct ActivatedInput {
  torch::Tensor rows;  ///< (pixels, channels and more).
  int64_t channels;
  torch::Tensor scale;  ///< (channels), of the type of sums; null: as they are.
  torch::Tensor offset;
};

/// The gradients of a norm, a ReLU and the convolution behind them, with g the
/// gradient between the first two.
struct ConvolutionGradient {
  torch::Tensor sum;      ///< Σ g, (channels), double.
  torch::Tensor product;  ///< Σ g (x - mean), (channels), double.
  torch::Tensor weight;   ///< As the weight, of the type of sums; or null.
};

/// How a type's matrices are handed to gemm.
template <typename T>
struct Format {
  using Element = T;
  static constexpr int64_t kPair = 1;

  /// A right matrix, (depth, columns).
  static const T* right(const T* x, int64_t, int64_t, std::vector<T>&) {
    return x;
  }
  static gemm::Left<T> left(const T* x, int64_t columns) {
    return {x, columns, 1};
  }
  /// A left matrix that is the transpose of (depth, columns).
  static gemm::Left<T> transposed(const T* x, int64_t columns) {
    return {x, 1, columns};
  }
};

template <>
struct Format<c10::BFloat16> {
  using Element = uint32_t;
  static constexpr int64_t kPair = 2;

  /// Element (k, c) of the result: x(2k, c) and x(2k + 1, c). One row more than
  /// an odd depth is read.
  static const uint32_t* right(const c10::BFloat16* x, int64_t depth,
                               int64_t columns,
                               std::vector<uint32_t>& scratch) {
    const auto size = static_cast<size_t>((depth + 1) / 2 * columns);
    if (scratch.size() < size) scratch.resize(size);
    rows::interleave(x, (depth + 1) / 2, columns, scratch.data());
    return scratch.data();
  }
  static gemm::Left<uint32_t> left(const c10::BFloat16* x, int64_t columns) {
    return {reinterpret_cast<const uint32_t*>(x), columns / 2, 1};
  }
  static gemm::Left<uint32_t> transposed(const uint32_t* pairs,
                                         int64_t columns) {
    return {pairs, 1, columns};
  }
};

/// (rows, columns) with zeros behind its rows and columns.
inline torch::Tensor with_padding(const torch::Tensor& x) {
  auto wide = torch::zeros({gemm::padded(x.size(0), gemm::kColumns),
                            gemm::padded(x.size(1), gemm::kColumns)},
                           x.options());
  wide.narrow(0, 0, x.size(0)).narrow(1, 0, x.size(1)).copy_(x);
  return wide;
}

/// Calls body(slice, block) for every block, those of a slice in order and by
/// one thread. There are as many slices as threads, so that sums over a slice
/// are the same whenever the number of threads is.
template <typename Body>
void for_each_in_slices(int64_t blocks, const Body& body) {
  const int64_t slices = at::get_num_threads();
  at::parallel_for(0, slices, 1, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const int64_t last = blocks * (s + 1) / slices;
      for (int64_t b = blocks * s / slices; b < last; ++b) {
        body(static_cast<size_t>(s), b);
      }
    }
  });
}

/// One of these for each slice.
template <typename Local, typename... Arguments>
std::vector<Local> make_slices(const Arguments&... arguments) {
  std::vector<Local> slices;
  slices.reserve(static_cast<size_t>(at::get_num_threads()));
  for (int i = 0; i < at::get_num_threads(); ++i) {
    slices.emplace_back(arguments...);
  }
  return slices;
}

/// The two sums of a ConvolutionGradient over a slice: each block's in the type
/// of sums, all in double.
template <typename A>
class SliceSums {
 public:
  explicit SliceSums(int64_t channels)
      : part_(static_cast<size_t>(2 * channels)),
        all_(static_cast<size_t>(2 * channels)) {}

  A* sum() { return part_.data(); }
  A* product() { return part_.data() + part_.size() / 2; }
  void finish_block() {
    for (size_t i = 0; i < all_.size(); ++i) all_[i] += part_[i];
    std::fill(part_.begin(), part_.end(), A(0));
  }
  /// (2, channels).
  torch::Tensor total() const {
    return torch::from_blob(const_cast<double*>(all_.data()),
                            {2, static_cast<int64_t>(all_.size() / 2)},
                            torch::kDouble)
        .clone();
  }

 private:
  std::vector<A> part_;
  std::vector<double> all_;
};

}  // namespace skipzoo
