#pragma once

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "models/kernels/blocking/share_out.h"
#include "models/kernels/simd/gemm.h"
#include "models/kernels/simd/rows.h"

// What the convolutions of this folder share: they take pixels in blocks that
// stay in L2, with zeros around what gemm wants padded.

namespace skipzoo {

/// The images that rows of pixels stand for.
struct ImageSize {
  int64_t height, width;
};

/// Of images, (N, C, H, W).
inline ImageSize size_of(const torch::Tensor& images) {
  return {images.size(2), images.size(3)};
}

/// What a convolution reads: the first channels of rows of pixels, as they are,
/// or relu(scale * x + offset) of them, which is never written to memory.
struct ActivatedInput {
  torch::Tensor rows;  ///< (pixels, channels and more).
  int64_t channels;
  torch::Tensor scale;  ///< (channels), of the accumulation type, or null.
  torch::Tensor offset;
};

/// The gradients of a norm, a ReLU and the convolution behind them, with g the
/// gradient between the first two.
struct ConvolutionGradient {
  torch::Tensor sum;      ///< Σ g, (channels), double.
  torch::Tensor product;  ///< Σ g (x - mean), (channels), double.
  torch::Tensor weight;   ///< As the weight, of the accumulation type; or null.
};

/// How a type's matrices are handed to gemm: bfloat16 in the VNNI layout, as
/// pairs in depth.
template <typename T>
struct Format {
  using Element = T;
  static constexpr int64_t kPair = 1;

  static T join(T first, T) { return first; }

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

  static uint32_t join(c10::BFloat16 first, c10::BFloat16 second) {
    return first.x | static_cast<uint32_t>(second.x) << 16;
  }

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

/// Uninitialised memory, aligned to a cache line: a wide vector that is not
/// would lie in two.
template <typename T>
class Scratch {
 public:
  explicit Scratch(int64_t size)
      : data_(static_cast<T*>(
            ::operator new(static_cast<size_t>(size) * sizeof(T), kLine))) {}
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }

 private:
  static constexpr std::align_val_t kLine{64};
  struct Free {
    void operator()(T* data) const { ::operator delete(data, kLine); }
  };
  std::unique_ptr<T, Free> data_;
};

/// Zeros behind the channels of rows of `width`.
template <typename T>
void clear_padding(T* rows, int64_t count, int64_t channels, int64_t width) {
  if (channels == width) return;
  for (int64_t i = 0; i < count; ++i) {
    std::fill(rows + i * width + channels, rows + (i + 1) * width, T(0));
  }
}

/// Parts of a weight packed as right operands of gemm, zeros behind their rows
/// and columns.
template <typename T>
class PackedMatrices {
 public:
  using Element = typename Format<T>::Element;
  /// Of a weight: from a matrix to the next, and in it of k and of c.
  struct Strides {
    int64_t matrix, row, column;
  };
  PackedMatrices(const T* first, int64_t count, int64_t depth, int64_t columns,
                 const Strides& strides)
      : rows_(gemm::padded(depth, gemm::kColumns) / Format<T>::kPair),
        columns_(gemm::padded(columns, gemm::kColumns)),
        data_(count * rows_ * columns_) {
    at::parallel_for(0, count * rows_, 64, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t k = r % rows_ * Format<T>::kPair;
        const T* from = first + r / rows_ * strides.matrix + k * strides.row;
        Element* to = data_.data() + r * columns_;
        const int64_t filled = k < depth ? columns : 0;
        for (int64_t c = 0; c < filled; ++c, from += strides.column) {
          to[c] =
              Format<T>::join(*from, k + 1 < depth ? from[strides.row] : T(0));
        }
        std::fill(to + filled, to + columns_, Element(0));
      }
    });
  }
  const Element* at(int64_t i) const {
    return data_.data() + i * rows_ * columns_;
  }
  int64_t columns() const { return columns_; }  ///< With padding.

 private:
  int64_t rows_, columns_;
  Scratch<Element> data_;
};

/// Of whatever type a weight is of.
using PackedWeight = std::variant<PackedMatrices<float>, PackedMatrices<double>,
                                  PackedMatrices<c10::BFloat16>>;

/// What each thread has to itself. There are as many slices as threads, so that
/// sums over a slice are the same whenever the number of threads is.
template <typename Local>
class Slices {
 public:
  Slices() : locals_(static_cast<size_t>(at::get_num_threads())) {}

  /// Calls body(local, block) for every block, those of a slice in order and by
  /// one thread, which makes its local where there is none yet.
  template <typename Make, typename Body>
  void for_each(int64_t blocks, const Make& make, const Body& body) {
    const auto count = static_cast<int64_t>(locals_.size());
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t s = begin; s < end; ++s) {
        auto& local = made(s, make);
        const int64_t last = blocks * (s + 1) / count;
        for (int64_t b = blocks * s / count; b < last; ++b) body(local, b);
      }
    });
  }
  /// The same of blocks whose slice and order do not matter. products: as
  /// share_out().
  template <typename Make, typename Body>
  void for_each_in_any_order(
      int64_t blocks, const Make& make, const Body& body,
      int64_t products = std::numeric_limits<int64_t>::max()) {
    share_out(
        blocks,
        [&](int64_t worker, int64_t block) { body(made(worker, make), block); },
        products);
  }
  const std::vector<std::optional<Local>>& locals() const { return locals_; }

 private:
  template <typename Make>
  Local& made(int64_t slice, const Make& make) {
    auto& local = locals_[static_cast<size_t>(slice)];
    if (!local) local.emplace(make());
    return *local;
  }

  std::vector<std::optional<Local>> locals_;
};

/// The sums of all slices, in their order. A slice's `sums` is a SliceSums, its
/// `weight` a vector of the size of weight_sizes, or empty.
template <typename Local>
ConvolutionGradient gathered(const Slices<Local>& slices,
                             at::IntArrayRef weight_sizes) {
  const auto sums = torch::zeros({2, slices.locals().front()->sums.channels()},
                                 torch::kDouble);
  torch::Tensor weight;
  bool is_own = false;  // Or a slice's, and gone with it.
  for (const auto& slice : slices.locals()) {
    slice->sums.add_to(sums);
    if (slice->weight.empty()) continue;
    using A = std::decay_t<decltype(slice->weight.front())>;
    const auto more =
        torch::from_blob(const_cast<A*>(slice->weight.data()), weight_sizes,
                         c10::CppTypeToScalarType<A>::value);
    is_own = weight.defined();
    weight = is_own ? weight + more : more;
  }
  if (weight.defined() && !is_own) weight = weight.clone();
  return {sums[0], sums[1], weight};
}

/// The two sums of a ConvolutionGradient over a slice: each block's in the
/// accumulation type, all in double.
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
  int64_t channels() const { return static_cast<int64_t>(all_.size() / 2); }
  /// to: (2, channels), double.
  void add_to(const torch::Tensor& to) const {
    auto* sum = to.mutable_data_ptr<double>();
    for (size_t i = 0; i < all_.size(); ++i) sum[i] += all_[i];
  }

 private:
  std::vector<A> part_;
  std::vector<double> all_;
};

}  // namespace skipzoo
