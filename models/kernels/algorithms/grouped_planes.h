#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "models/kernels/algorithms/grouped_convolution.h"
#include "models/kernels/simd/grouped_tiles.h"
#include "models/kernels/simd/loops.h"

// What convolutions in groups work on at a time: some channels of some rows of
// an image. For their files alone.

namespace skipzoo::grouped {

/// Of a 3x3 kernel.
constexpr int64_t kTaps = 9;

inline bool is_narrow(const GroupedShape& s) { return s.group == kNarrow; }
/// Of a group; of two narrow ones.
inline int64_t planes_of(const GroupedShape& s) {
  return is_narrow(s) ? 1 : s.group / kLanes;
}
/// Elements of a weight for one tap and eight channels of the result.
inline int64_t tap_elements(const GroupedShape& s) { return kLanes * s.group; }

/// The first plane of the group that `vector`, the index of eight channels in a
/// block, is of.
inline int64_t first_plane(const GroupedShape& s, int64_t vector) {
  const int64_t planes = planes_of(s);
  return vector / planes * planes;
}

/// How the work on an image is cut: whole groups of channels, so that what is
/// read are whole cache lines, and rows so few that their planes stay in L2.
struct Blocks {
  /// of: of what the rows are, in or out. stride: rows read for one.
  Blocks(const GroupedShape& s, int64_t rows_, int64_t width, int64_t stride)
      : channels(channels_of(s)), all_rows(rows_) {
    constexpr int64_t kBytes = 192 << 10;
    const int64_t bytes =
        (width + 2) * channels * stride * static_cast<int64_t>(sizeof(float));
    rows = std::clamp<int64_t>(kBytes / bytes, 1, all_rows);
    of_channels = s.channels / channels;
    of_rows = (all_rows + rows - 1) / rows;
  }

  int64_t channels;  ///< Of a block.
  int64_t all_rows, rows;
  int64_t of_channels, of_rows;  ///< Blocks.

  struct Block {
    int64_t image, channel, row, rows;
  };
  int64_t of_image() const { return of_channels * of_rows; }
  Block at(int64_t i) const {
    const int64_t row = i % of_rows * rows;
    return {i / of_image(), i / of_rows % of_channels * channels, row,
            std::min(rows, all_rows - row)};
  }

 private:
  static int64_t channels_of(const GroupedShape& s) {
    // Four cache lines of floats, or what there is.
    const int64_t most = std::min<int64_t>(s.channels, 64);
    const int64_t least = std::max(s.group, kLanes);
    for (int64_t count = most / least * least; count > least; count -= least) {
      if (s.channels % count == 0) return count;
    }
    return least;
  }
};

/// Some channels of some rows, plane by plane, with a border of zeros on the
/// left and on the right.
class Planes {
 public:
  Planes(int64_t channels, int64_t rows, int64_t width)
      : row_((width + 2) * kLanes),
        plane_(rows * row_),
        count_(channels / kLanes),
        data_(count_ * plane_) {
    std::fill_n(data_.data(), count_ * plane_, 0.0F);
  }

  /// Of an image of `size` and `channels`, those from `channel` on, and `count`
  /// rows from `first` on, of which those outside of the image are zeros.
  void load(const float* image, const ImageSize& size, int64_t channels,
            int64_t channel, int64_t first, int64_t count) {
    for (int64_t y = 0; y < count; ++y) {
      const int64_t row = first + y;
      const bool is_inside = row >= 0 && row < size.height;
      float* to = data_.data() + y * row_ + kLanes;
      if (is_inside) {
        simd::loops().split(
            {.from = image + row * size.width * channels + channel,
             .step = channels,
             .pixels = size.width,
             .planes = count_,
             .to = to,
             .plane = plane_});
        continue;
      }
      for (int64_t p = 0; p < count_; ++p) {
        std::fill_n(to + p * plane_, size.width * kLanes, 0.0F);
      }
    }
  }

  /// Of a row that was loaded; column -1 and that behind the last are border.
  const float* at(int64_t plane, int64_t row, int64_t column) const {
    return data_.data() + plane * plane_ + row * row_ + (column + 1) * kLanes;
  }
  int64_t row() const { return row_; }      ///< From a row to the next.
  int64_t plane() const { return plane_; }  ///< From a plane to the next.

 private:
  int64_t row_, plane_, count_;
  Scratch<float> data_;
};

}  // namespace skipzoo::grouped
