#include "models/kernels/small_convolution.h"

#include "models/kernels/pixel_rows.h"
#include "models/kernels/raster.h"

namespace skipzoo {

namespace {

struct Slice {
  Slice(int64_t width, int64_t rows, int64_t channels, int64_t room)
      : raster(width, rows, channels), out(room) {}
  Raster<float> raster;
  Scratch<float> out;
};

/// Every `stride`th pixel, from `left` on, of every `stride`th row: those of a
/// row beside each other, `pitch` from one row to the next.
void convolve_some(Raster<float>& raster, int64_t rows, int64_t pitch,
                   int64_t stride, int64_t left,
                   const PackedMatrices<float>& taps, int64_t depth,
                   float* to) {
  const int64_t joined = depth == raster.channels() ? 3 : 1;
  for (int64_t y = 0; y < rows; ++y, to += pitch * taps.columns()) {
    for (int64_t tap = 0; tap < 9; tap += joined) {
      const float* from =
          raster.at(stride * y + tap / 3 - 1, left + tap % 3 - 1);
      gemm::multiply({from, stride * raster.channels(), 1}, taps.at(tap), pitch,
                     taps.columns(), joined * depth, to, /*add=*/tap > 0);
    }
  }
}

}  // namespace

struct SmallConvolution::Ready {
  int64_t in, out, stride;
  ExtraPadding padding;
  PackedMatrices<float> taps;
  torch::Tensor bias, ones;
  /// What follows is for images of this size.
  at::DimVector sizes = {};
  ImageSize from = {}, to = {};
  int64_t pitch = 0;  ///< Pixels from a row of the result to the next.
  std::vector<Band> bands = {};  ///< Of the result.
  std::optional<Slices<Slice>> slices = {};

  void prepare(const torch::Tensor& images) {
    const auto threads = static_cast<size_t>(at::get_num_threads());
    if (slices && slices->locals().size() == threads &&
        images.sizes() == sizes) {
      return;
    }
    sizes = images.sizes();
    from = {images.size(2), images.size(3)};
    to = {(from.height + padding.top + padding.bottom - 3) / stride + 1,
          (from.width + padding.left + padding.right - 3) / stride + 1};
    pitch = stride == 1 ? from.width + 2 : gemm::padded(to.width, gemm::kRows);
    bands =
        bands_of(images.size(0) * to.height * to.width, to,
                 in * stride * stride * static_cast<int64_t>(sizeof(float)));
    slices.emplace();
  }

  Slice make_slice() const {
    const int64_t rows = most_rows(bands);
    const int64_t room = stride == 1
                             ? room_for(from.width, rows, taps.columns())
                             : rows * pitch * taps.columns();
    return {from.width, (rows - 1) * stride + 1, in, room};
  }

  void compute(const float* images, const Band& band, Slice& slice) const {
    const int64_t image = band.pixel / (to.height * to.width);
    // The middle of the first row's kernels.
    const Band read{image * from.height * from.width,
                    band.first * stride + 1 - padding.top,
                    (band.count - 1) * stride + 1};
    auto& raster = slice.raster;
    raster.load(read, from, [&](int64_t pixel, int64_t count, float* row) {
      rows::copy(images + pixel * in, in, count, in, row, raster.channels());
    });
    if (stride == 1) {
      convolve(raster, read, from.width, taps, in, slice.out.data());
    } else {
      convolve_some(raster, band.count, pitch, stride, 1 - padding.left, taps,
                    in, slice.out.data());
    }
  }
};

SmallConvolution::SmallConvolution(const torch::Tensor& weight,
                                   const torch::Tensor& bias, int64_t stride,
                                   const ExtraPadding& padding)
    : ready_(new Ready{.in = weight.size(1),
                       .out = weight.size(0),
                       .stride = stride,
                       .padding = padding,
                       .taps = taps_of<float>(weight),
                       .bias = bias.contiguous(),
                       .ones = torch::ones_like(bias)}) {}

SmallConvolution::~SmallConvolution() = default;

bool SmallConvolution::suits(const torch::Tensor& images, int64_t out,
                             int64_t stride) {
  // Where oneDNN's better use of the processor is worth what it costs to call.
  constexpr int64_t kMostProducts = 8 << 20;
  return images.numel() * 9 * out / (stride * stride) <= kMostProducts;
}

torch::Tensor SmallConvolution::operator()(const torch::Tensor& images,
                                           bool relu, Allocate allocate) {
  ready_->prepare(images);
  auto out = allocate(
      {images.size(0), ready_->out, ready_->to.height, ready_->to.width},
      images.options());
  run(images, nullptr, relu, out.mutable_data_ptr<float>());
  return out;
}

torch::Tensor SmallConvolution::add_to(torch::Tensor other,
                                       const torch::Tensor& images, bool relu) {
  ready_->prepare(images);
  auto* data = other.mutable_data_ptr<float>();
  run(images, data, relu, data);
  return other;
}

void SmallConvolution::run(const torch::Tensor& images, const float* residual,
                           bool relu, float* out) {
  SKIPZOO_PROFILE("convolution3x3");
  Ready& own = *ready_;
  const auto* x = images.const_data_ptr<float>();
  const auto* bias = own.bias.const_data_ptr<float>();
  const auto* ones = own.ones.const_data_ptr<float>();
  own.slices->for_each_in_any_order(
      static_cast<int64_t>(own.bands.size()), [&] { return own.make_slice(); },
      [&](Slice& slice, int64_t i) {
        const Band& band = own.bands[static_cast<size_t>(i)];
        own.compute(x, band, slice);
        const int64_t columns = own.taps.columns();
        for (int64_t y = 0; y < band.count; ++y) {
          const int64_t at =
              (band.pixel + (band.first + y) * own.to.width) * own.out;
          rows::affine(slice.out.data() + y * own.pitch * columns, columns,
                       residual == nullptr ? nullptr : residual + at, ones,
                       bias, relu, own.to.width, own.out, out + at, own.out);
        }
      });
}

}  // namespace skipzoo
