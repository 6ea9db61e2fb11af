#include "models/kernels/small_convolution.h"

#include "models/kernels/inference.h"
#include "models/kernels/pixel_rows.h"
#include "models/kernels/raster.h"

namespace skipzoo {

namespace {

struct Slice {
  Slice(int64_t width, int64_t rows, int64_t channels, int64_t columns)
      : raster(width, rows, channels), out(room_for(width, rows, columns)) {}
  Raster<float> raster;
  Scratch<float> out;
};

}  // namespace

struct SmallConvolution::Ready {
  int64_t in, out;
  RightMatrices<float> taps;
  torch::Tensor bias, ones;
  /// What follows is for images of this size.
  at::DimVector sizes = {};
  std::vector<Band> bands = {};
  std::optional<Slices<Slice>> slices = {};

  void prepare(const torch::Tensor& images) {
    const auto threads = static_cast<size_t>(at::get_num_threads());
    if (slices && slices->locals().size() == threads &&
        images.sizes() == sizes) {
      return;
    }
    sizes = images.sizes();
    bands = bands_of(images.size(0) * images.size(2) * images.size(3),
                     {images.size(2), images.size(3)},
                     in * static_cast<int64_t>(sizeof(float)));
    slices.emplace();
  }
};

SmallConvolution::SmallConvolution(const torch::Tensor& weight,
                                   const torch::Tensor& bias)
    : ready_(new Ready{.in = weight.size(1),
                       .out = weight.size(0),
                       .taps = taps_of<float>(weight),
                       .bias = bias.contiguous(),
                       .ones = torch::ones_like(bias)}) {}

SmallConvolution::~SmallConvolution() = default;

bool SmallConvolution::suits(const torch::Tensor& images) const {
  // Where oneDNN's better use of the processor is worth what it costs to call.
  constexpr int64_t kMostProducts = 8 << 20;
  return images.size(0) * images.size(2) * images.size(3) * 9 * ready_->in *
             ready_->out <=
         kMostProducts;
}

torch::Tensor SmallConvolution::operator()(const torch::Tensor& images) {
  auto out = torch::empty(
      {images.size(0), ready_->out, images.size(2), images.size(3)},
      images.options(), at::MemoryFormat::ChannelsLast);
  run(images, nullptr, out.mutable_data_ptr<float>());
  return out;
}

torch::Tensor SmallConvolution::add_to(torch::Tensor other,
                                       const torch::Tensor& images) {
  auto* data = other.mutable_data_ptr<float>();
  run(images, data, data);
  return other;
}

void SmallConvolution::run(const torch::Tensor& images, const float* residual,
                           float* out) {
  SKIPZOO_PROFILE("convolution3x3");
  Ready& own = *ready_;
  own.prepare(images);
  const ImageSize size{images.size(2), images.size(3)};
  const int64_t columns = own.taps.columns();
  const ActivatedInput input{rows_of(images), own.in, {}, {}};
  const auto* bias = own.bias.const_data_ptr<float>();
  const auto* ones = own.ones.const_data_ptr<float>();
  own.slices->for_each(
      static_cast<int64_t>(own.bands.size()),
      [&] { return Slice(size.width, most_rows(own.bands), own.in, columns); },
      [&](Slice& slice, int64_t i) {
        const Band& band = own.bands[static_cast<size_t>(i)];
        slice.raster.load(band, size,
                          Fill<float>{input, slice.raster.channels()});
        convolve(slice.raster, band, size.width, own.taps, own.in,
                 slice.out.data());
        for (int64_t y = 0; y < band.count; ++y) {
          const int64_t at =
              (band.pixel + (band.first + y) * size.width) * own.out;
          const auto* from = slice.out.data() + y * (size.width + 2) * columns;
          rows::affine_relu(from, columns,
                            residual == nullptr ? nullptr : residual + at, ones,
                            bias, size.width, own.out, out + at, own.out);
        }
      });
}

}  // namespace skipzoo
