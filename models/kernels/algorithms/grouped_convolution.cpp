#include "models/kernels/algorithms/grouped_convolution.h"

#include <array>

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/grouped_planes.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

using torch::Tensor;

using grouped::kTaps;

/// Packs a weight: (blocks of eight channels of the result, taps, elements of
/// packed_element()). element(out channel, in channel of its group, tap).
template <typename Element>
Tensor pack(const GroupedShape& s, const Element& element) {
  const bool narrow = grouped::is_narrow(s);
  const int64_t elements = grouped::tap_elements(s);
  auto packed = torch::empty({s.channels / grouped::kLanes, kTaps, elements},
                             torch::kFloat);
  auto* to = packed.mutable_data_ptr<float>();
  at::parallel_for(0, s.channels, 256, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      for (int64_t tap = 0; tap < kTaps; ++tap) {
        float* of_tap = to + (o / grouped::kLanes * kTaps + tap) * elements;
        for (int64_t i = 0; i < s.group; ++i) {
          of_tap[grouped::packed_element(narrow, o % grouped::kLanes, i)] =
              element(o, i, tap);
        }
      }
    }
  });
  return packed;
}

Tensor as_float(const Tensor& weight) {
  return weight.to(at::kFloat).contiguous(at::MemoryFormat::Contiguous);
}

/// For the gradient of the input: what is read and what is written change
/// places, and the last tap is the first.
Tensor pack_transposed(const Tensor& weight, const GroupedShape& s) {
  const auto own = as_float(weight);
  const float* from = own.const_data_ptr<float>();
  return pack(s, [&](int64_t o, int64_t i, int64_t tap) {
    const int64_t read = o / s.group * s.group + i;
    return from[(read * s.group + o % s.group) * kTaps + kTaps - 1 - tap];
  });
}

/// A row's taps, their weights those of eight channels of the result.
class Taps {
 public:
  /// offset: of the pixel that is read. tap: of the packed weight.
  void add(int64_t offset, const float* weight) {
    taps_[static_cast<size_t>(count_++)] = {offset, weight};
  }
  const grouped::Tap* data() const { return taps_.data(); }
  int64_t count() const { return count_; }

 private:
  std::array<grouped::Tap, kTaps> taps_;
  int64_t count_ = 0;
};

/// The images that are written, with what is made of them on the way.
struct Target {
  float* to;
  const float* bias = nullptr;
  const float* residual = nullptr;
  bool relu = false;
};

/// Calls body(planes, block) for all blocks of all images, on any thread.
/// rows, width: of the planes.
template <typename Body>
void for_each_block(const GroupedShape& s, const grouped::Blocks& blocks,
                    int64_t rows, int64_t width, const Body& body) {
  Slices<grouped::Planes> slices;
  slices.for_each_in_any_order(
      s.images * blocks.of_image(),
      [&] { return grouped::Planes(blocks.channels, rows, width); },
      [&](auto& planes, int64_t i) { body(planes, blocks.at(i)); },
      s.images * s.out.height * s.out.width * s.channels * s.group * kTaps);
}

/// Reads images of `in`, writes images of `out` that are as large or, with a
/// stride, as large as what is read of them.
void forward(const float* x, const float* packed, const GroupedShape& s,
             const Target& target) {
  const grouped::Blocks blocks(s, s.out.height, s.in.width, s.stride);
  const int64_t elements = grouped::tap_elements(s);
  const auto rows_read = [&](int64_t rows) {
    return (rows - 1) * s.stride + 3;
  };
  const auto write_row = [&](const auto& planes, const auto& block, int64_t y,
                             int64_t vector) {
    const int64_t channel = block.channel + vector * grouped::kLanes;
    const float* weight = packed + channel / grouped::kLanes * kTaps * elements;
    Taps taps;
    for (int64_t tap = 0; tap < kTaps; ++tap) {
      taps.add(tap / 3 * planes.row() + tap % 3 * grouped::kLanes,
               weight + tap * elements);
    }
    const int64_t pixel =
        (block.image * s.out.height + block.row + y) * s.out.width;
    const int64_t at = pixel * s.channels + channel;
    simd::loops().convolve(
        {.from = planes.at(grouped::first_plane(s, vector), y * s.stride, -1),
         .step = s.stride * grouped::kLanes,
         .plane = planes.plane(),
         .planes = grouped::planes_of(s),
         .taps = taps.data(),
         .tap_count = taps.count(),
         .pixels = s.out.width,
         .to = target.to + at,
         .bias = target.bias == nullptr ? nullptr : target.bias + channel,
         .residual =
             target.residual == nullptr ? nullptr : target.residual + at,
         .to_step = s.channels,
         .relu = target.relu},
        grouped::is_narrow(s));
  };
  for_each_block(
      s, blocks, rows_read(blocks.rows), s.in.width,
      [&](auto& planes, const auto& block) {
        planes.load(x + block.image * s.in.height * s.in.width * s.channels,
                    s.in, s.channels, block.channel, block.row * s.stride - 1,
                    rows_read(block.rows));
        // All channels of a row while its cache lines are near.
        for (int64_t y = 0; y < block.rows; ++y) {
          for (int64_t v = 0; v < blocks.channels / grouped::kLanes; ++v) {
            write_row(planes, block, y, v);
          }
        }
      });
}

/// The taps of a pixel of the input in one direction, given whether its place
/// is odd: which of the kernel reads it, and which pixel of the result that is,
/// counted from half the place. With a stride of two.
struct Reader {
  int64_t tap, offset;
};
struct Readers {
  std::array<Reader, 2> all;
  int64_t count;
};
Readers readers_of(bool odd) {
  return odd ? Readers{{{{0, 1}, {2, 0}}}, 2} : Readers{{{{1, 0}, {}}}, 1};
}

/// With a stride of two. packed: of pack_transposed().
void input_gradient_of_stride(const float* dy, const float* packed,
                              const GroupedShape& s, float* dx) {
  // Of two rows of the input at a time, which read a row of the result and the
  // one below.
  const grouped::Blocks blocks(s, s.out.height, s.out.width, 1);
  const int64_t elements = grouped::tap_elements(s);
  const auto write_row = [&](const auto& planes, const auto& block, int64_t y,
                             int64_t vector) {
    const int64_t channel = block.channel + vector * grouped::kLanes;
    const float* weight = packed + channel / grouped::kLanes * kTaps * elements;
    const auto down = readers_of(y % 2 != 0);
    for (const int64_t odd : {0, 1}) {
      const auto across = readers_of(odd != 0);
      Taps taps;
      for (int64_t i = 0; i < down.count * across.count; ++i) {
        const auto& ky = down.all[static_cast<size_t>(i / across.count)];
        const auto& kx = across.all[static_cast<size_t>(i % across.count)];
        taps.add(ky.offset * planes.row() + kx.offset * grouped::kLanes,
                 weight + (kTaps - 1 - ky.tap * 3 - kx.tap) * elements);
      }
      const int64_t pixel = (block.image * s.in.height + y) * s.in.width + odd;
      simd::loops().convolve({.from = planes.at(grouped::first_plane(s, vector),
                                                y / 2 - block.row, 0),
                              .step = grouped::kLanes,
                              .plane = planes.plane(),
                              .planes = grouped::planes_of(s),
                              .taps = taps.data(),
                              .tap_count = taps.count(),
                              .pixels = (s.in.width + 1 - odd) / 2,
                              .to = dx + pixel * s.channels + channel,
                              .bias = nullptr,
                              .residual = nullptr,
                              .to_step = 2 * s.channels,
                              .relu = false},
                             grouped::is_narrow(s));
    }
  };
  for_each_block(
      s, blocks, blocks.rows + 1, s.out.width,
      [&](auto& planes, const auto& block) {
        planes.load(dy + block.image * s.out.height * s.out.width * s.channels,
                    s.out, s.channels, block.channel, block.row,
                    block.rows + 1);
        const int64_t end = std::min(2 * (block.row + block.rows), s.in.height);
        for (int64_t y = 2 * block.row; y < end; ++y) {
          for (int64_t v = 0; v < blocks.channels / grouped::kLanes; ++v) {
            write_row(planes, block, y, v);
          }
        }
      });
}

}  // namespace

Offer<GroupedShape> grouped_shape(at::IntArrayRef images,
                                  at::IntArrayRef weight, at::ScalarType type,
                                  const ConvolutionOptions& options) {
  const auto both = [](at::IntArrayRef values, int64_t value) {
    return values.equals({value, value});
  };
  const int64_t group = weight[1], stride = options.stride[0];
  if (options.groups <= 1) return {declined("one group")};
  const bool is_known =
      weight[2] == 3 && weight[3] == 3 && both(options.padding, 1) &&
      (stride == 1 || stride == 2) && both(options.stride, stride) &&
      both(options.dilation, 1) && !options.extra.any() && images[0] > 0 &&
      images[2] > 0 && images[3] > 0;
  if (!is_known) {
    return {declined(
        "not 3x3 without dilation, an even border of one and a stride of 1 or "
        "2")};
  }
  if (weight[0] != group * options.groups || images[1] != weight[0]) {
    return {declined("# channels in, # out", images[1], weight[0])};
  }
  const bool is_whole =
      (group == grouped::kNarrow || group % grouped::kLanes == 0) &&
      weight[0] % grouped::kLanes == 0;
  if (!is_whole) {
    return {declined("a group's channels fill no vectors of #: # of #",
                     grouped::kLanes, group, weight[0])};
  }
  const GroupedShape shape{
      .images = images[0],
      .channels = weight[0],
      .group = group,
      .stride = stride,
      .in = {images[2], images[3]},
      .out = {(images[2] - 1) / stride + 1, (images[3] - 1) / stride + 1}};
  return {suits_groups(shape, type), shape};
}

Tensor pack_grouped_weight(const Tensor& weight) {
  const auto own = as_float(weight);
  const GroupedShape shape{.images = 0,
                           .channels = own.size(0),
                           .group = own.size(1),
                           .stride = 1,
                           .in = {},
                           .out = {}};
  const float* from = own.const_data_ptr<float>();
  return pack(shape, [&](int64_t o, int64_t i, int64_t tap) {
    return from[(o * shape.group + i) * kTaps + tap];
  });
}

Tensor empty_result(const Tensor& x, const GroupedShape& shape,
                    Allocate allocate) {
  return allocate(
      {shape.images, shape.channels, shape.out.height, shape.out.width},
      x.options());
}

void grouped_convolution(const Tensor& x, const Tensor& packed,
                         const GroupedShape& shape,
                         const ImplicitGemmResult& result) {
  SKIPZOO_PROFILE("grouped_convolution");
  forward(x.const_data_ptr<float>(), packed.const_data_ptr<float>(), shape,
          {.to = result.images.mutable_data_ptr<float>(),
           .bias = data_or_null<float>(result.bias),
           .residual = data_or_null<float>(result.residual),
           .relu = result.relu});
}

Tensor grouped_input_gradient(const Tensor& dy, const Tensor& weight,
                              const GroupedShape& shape) {
  SKIPZOO_PROFILE("grouped_convolution_backward");
  auto dx = torch::empty(
      {shape.images, shape.channels, shape.in.height, shape.in.width},
      dy.options(), at::MemoryFormat::ChannelsLast);
  const auto packed = pack_transposed(weight, shape);
  const float* from = dy.const_data_ptr<float>();
  float* to = dx.mutable_data_ptr<float>();
  if (shape.stride == 1) {
    forward(from, packed.const_data_ptr<float>(), shape, {.to = to});
  } else {
    input_gradient_of_stride(from, packed.const_data_ptr<float>(), shape, to);
  }
  return dx;
}

}  // namespace skipzoo
