#include "models/kernels/algorithms/grouped_convolution.h"
#include "models/kernels/algorithms/grouped_planes.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

using grouped::kTaps;
using torch::Tensor;

/// What a slice of the images has to itself.
struct GroupedWeightSlice {
  GroupedWeightSlice(const GroupedShape& s, const grouped::Blocks& blocks,
                     int64_t rows_read)
      : x(blocks.channels, rows_read, s.in.width),
        dy(blocks.channels, blocks.rows, s.out.width),
        sums(static_cast<size_t>(s.channels * s.group * kTaps)) {}
  grouped::Planes x, dy;
  /// As a weight is packed, but with a tap of wide groups being (planes, 8, 8).
  std::vector<float> sums;
};

void add_weight_gradient(const GroupedShape& s, const GroupedWeightSlice& own,
                         int64_t vector, int64_t rows, float* sums) {
  const int64_t first = grouped::first_plane(s, vector);
  const auto pixels = [&](int64_t plane, int64_t tap) {
    return grouped::Pixels{.x = own.x.at(plane, tap / 3, tap % 3 - 1),
                           .x_step = s.stride * grouped::kLanes,
                           .x_row = s.stride * own.x.row(),
                           .dy = own.dy.at(vector, 0, 0),
                           .dy_row = own.dy.row(),
                           .rows = rows,
                           .pixels = s.out.width};
  };
  const int64_t elements = grouped::tap_elements(s);
  if (grouped::is_narrow(s)) {
    for (int64_t tap = 0; tap < kTaps; tap += 3) {
      simd::loops().narrow_weight_sums(pixels(first, tap),
                                       sums + tap * elements);
    }
    return;
  }
  for (int64_t tap = 0; tap < kTaps; ++tap) {
    for (int64_t plane = 0; plane < grouped::planes_of(s); ++plane) {
      constexpr int64_t kElements = grouped::kLanes * grouped::kLanes;
      simd::loops().weight_sums(pixels(first + plane, tap),
                                sums + tap * elements + plane * kElements);
    }
  }
}

/// What pack_grouped_weight() does, back.
Tensor unpack(const Tensor& packed, const GroupedShape& s) {
  const bool narrow = grouped::is_narrow(s);
  const int64_t elements = grouped::tap_elements(s);
  auto weight = torch::empty({s.channels, s.group, 3, 3}, torch::kFloat);
  const float* from = packed.const_data_ptr<float>();
  float* to = weight.mutable_data_ptr<float>();
  for (int64_t o = 0; o < s.channels; ++o) {
    for (int64_t i = 0; i < s.group; ++i) {
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        *to++ = from[(o / grouped::kLanes * kTaps + tap) * elements +
                     grouped::packed_element(narrow, o % grouped::kLanes, i)];
      }
    }
  }
  return weight;
}

}  // namespace

Tensor grouped_weight_gradient(const Tensor& x, const Tensor& dy,
                               const GroupedShape& shape) {
  SKIPZOO_PROFILE("grouped_convolution_backward");
  const auto& s = shape;
  const grouped::Blocks blocks(s, s.out.height, s.in.width, s.stride);
  const auto rows_read = [&](int64_t rows) {
    return (rows - 1) * s.stride + 3;
  };
  const float* from = x.const_data_ptr<float>();
  const float* gradient = dy.const_data_ptr<float>();
  Slices<GroupedWeightSlice> slices;
  slices.for_each(
      s.images * blocks.of_image(),
      [&] { return GroupedWeightSlice(s, blocks, rows_read(blocks.rows)); },
      [&](auto& own, int64_t i) {
        const auto block = blocks.at(i);
        own.x.load(from + block.image * s.in.height * s.in.width * s.channels,
                   s.in, s.channels, block.channel, block.row * s.stride - 1,
                   rows_read(block.rows));
        own.dy.load(
            gradient + block.image * s.out.height * s.out.width * s.channels,
            s.out, s.channels, block.channel, block.row, block.rows);
        for (int64_t c = 0; c < blocks.channels; c += grouped::kLanes) {
          add_weight_gradient(
              s, own, c / grouped::kLanes, block.rows,
              own.sums.data() + (block.channel + c) * kTaps * s.group);
        }
      });
  Tensor sum;
  for (const auto& slice : slices.locals()) {
    if (!slice) continue;
    const auto more =
        torch::from_blob(const_cast<float*>(slice->sums.data()),
                         {static_cast<int64_t>(slice->sums.size())});
    sum = sum.defined() ? sum + more : more;
  }
  return unpack(sum, s);
}

}  // namespace skipzoo
