#pragma once

#include <ATen/Dispatch.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/record_function.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "models/kernels/blocking/share_out.h"
#include "models/kernels/simd/rows.h"

namespace skipzoo {

/// Runs the lambda with scalar_t being the type of the data: float, double or
/// bfloat16.
#define SKIPZOO_DISPATCH(type, ...) \
  AT_DISPATCH_FLOATING_TYPES_AND(at::kBFloat16, type, "kernels", __VA_ARGS__)

/// Names what runs until the end of the scope to a profile; `conv`,
/// `batch_norm` or `copy` in it says what it counts as.
#define SKIPZOO_PROFILE(name) \
  RECORD_FUNCTION("skipzoo::" name, c10::ArrayRef<const c10::IValue>())

/// While it lives, operators go straight to what computes them: inside an
/// operator of our own, autograd has nothing to record and would cost more than
/// the small ones among them.
using NoAutograd = at::AutoDispatchBelowADInplaceOrView;

/// The pixels of channels-last data, in blocks that one thread works on at a
/// time.
struct PixelRows {
  PixelRows(int64_t rows, int64_t channels_)
      : channels(channels_),
        count(rows),
        // Enough for a loop to be worth a task, little enough to stay in L2.
        // Of the channels alone: sums are the same for any number of
        // threads.
        block(std::clamp<int64_t>(16384 / std::max<int64_t>(channels_, 1), 16,
                                  1024)) {}
  explicit PixelRows(const torch::Tensor& x)
      : PixelRows(x.numel() / std::max<int64_t>(x.size(1), 1), x.size(1)) {}

  int64_t blocks() const { return (count + block - 1) / block; }

  /// Calls body(block, first row, rows) for each block, on any thread.
  template <typename Body>
  void for_each_block(const Body& body) const {
    share_out(blocks(), [&](int64_t, int64_t b) {
      const int64_t first = b * block;
      body(b, first, std::min(block, count - first));
    });
  }

  int64_t channels;
  int64_t count;
  int64_t block;
};

/// The accumulation type: what sums over data of `type` are held in.
inline at::ScalarType accumulator_type(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}
/// Per-channel numbers in the accumulation type of data like x. Calling an
/// operator would cost more than to copy so few.
inline torch::Tensor accumulator(const torch::Tensor& x,
                                 const torch::Tensor& of) {
  const auto type = accumulator_type(x.scalar_type());
  if (of.scalar_type() == type) return of.contiguous();
  if (of.scalar_type() != at::kDouble || !of.is_contiguous()) {
    return of.to(type).contiguous();
  }
  auto numbers = torch::empty(of.sizes(), type);
  const auto* from = of.const_data_ptr<double>();
  std::copy(from, from + of.numel(), numbers.mutable_data_ptr<float>());
  return numbers;
}

/// Two sums per channel, gathered block by block.
class ChannelSums {
 public:
  ChannelSums(int64_t blocks, int64_t channels, at::ScalarType type)
      : parts_(torch::zeros({blocks, 2, channels}, accumulator_type(type))) {}

  /// Where a block adds: `channels` of the first sum, then of the second.
  template <typename A>
  std::pair<A*, A*> of_block(int64_t block) {
    const int64_t channels = parts_.size(2);
    A* own = parts_.mutable_data_ptr<A>() + block * 2 * channels;
    return {own, own + channels};
  }
  /// Both of each block, (blocks, 2, channels), double.
  torch::Tensor of_blocks() const { return parts_.to(torch::kDouble); }
  /// Both over all blocks, double.
  std::pair<torch::Tensor, torch::Tensor> total() const {
    const auto sum = torch::zeros({2, parts_.size(2)}, torch::kDouble);
    auto* to = sum.mutable_data_ptr<double>();
    AT_DISPATCH_FLOATING_TYPES(parts_.scalar_type(), "kernels", [&] {
      const auto* from = parts_.const_data_ptr<scalar_t>();
      for (int64_t b = 0; b < parts_.size(0); ++b, from += sum.numel()) {
        for (int64_t i = 0; i < sum.numel(); ++i) to[i] += from[i];
      }
    });
    return {sum[0], sum[1]};
  }

 private:
  torch::Tensor parts_;
};

}  // namespace skipzoo
