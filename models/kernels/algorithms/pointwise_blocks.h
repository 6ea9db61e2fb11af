#pragma once

#include <algorithm>

#include "models/kernels/algorithms/pointwise.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"

// What the forward and the backward pass of a 1x1 convolution share: blocks of
// its pixels. For their files alone.

namespace skipzoo::pointwise_blocks {

using gemm::padded;
using rows::Acc;

// Pixels at a time, at most: with a few hundred channels, what is made of them
// stays in L2.
constexpr int64_t kBlock = 128;

/// Pixels in blocks of hardly different size, as many for each thread: of seven
/// blocks, one of two threads would have a seventh to wait for.
class PixelBlocks {
 public:
  explicit PixelBlocks(int64_t pixels)
      : pixels_(pixels),
        tiles_((pixels + kTile - 1) / kTile),
        count_(std::min(padded((tiles_ * kTile + kBlock - 1) / kBlock,
                               at::get_num_threads()),
                        tiles_)) {}

  int64_t count() const { return count_; }
  int64_t first(int64_t block) const {
    return std::min(tiles_ * block / count_ * kTile, pixels_);
  }
  int64_t size(int64_t block) const { return first(block + 1) - first(block); }

 private:
  static constexpr int64_t kTile = 8;  ///< Rows that gemm takes at once.
  int64_t pixels_, tiles_, count_;
};

/// A block of an input, with zeros behind its channels.
template <typename T>
class InputBlock {
 public:
  explicit InputBlock(const ActivatedInput& input)
      : x_(input.rows.const_data_ptr<T>()),
        stride_(input.rows.stride(0)),
        scale_(data_or_null<Acc<T>>(input.scale)),
        offset_(data_or_null<Acc<T>>(input.offset)),
        channels_(input.channels),
        width_(padded(channels_, gemm::kColumns)),
        block_(kBlock * width_) {
    clear_padding(block_.data(), kBlock, channels_, width_);
  }

  const T* load(int64_t first, int64_t count) {
    const T* from = x_ + first * stride_;
    if (scale_ == nullptr) {
      rows::copy(from, stride_, count, channels_, block_.data(), width_);
    } else {
      rows::affine(from, stride_, static_cast<const T*>(nullptr), scale_,
                   offset_, /*relu=*/true, count, channels_, block_.data(),
                   width_);
    }
    // Where the last block is odd, one row more is read.
    if (count < kBlock) {
      std::fill_n(block_.data() + count * width_, width_, T(0));
    }
    return block_.data();
  }

 private:
  const T* x_;
  int64_t stride_;
  const Acc<T>* scale_;
  const Acc<T>* offset_;
  int64_t channels_, width_;
  Scratch<T> block_;
};

}  // namespace skipzoo::pointwise_blocks
