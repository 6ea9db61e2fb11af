#include "models/kernels/algorithms/small_convolution.h"

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/raster.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

template <typename T>
struct Slice {
  Slice(int64_t width, int64_t rows, int64_t channels, int64_t room)
      : raster(width, rows, channels), out(room) {}
  Raster<T> raster;
  Scratch<float> out;
};

/// A weight's parts, as groups of one convolution of its own each.
struct Parts {
  int64_t count, in, out;  ///< Channels of one.
};
/// A group, or as many narrow ones as fill a vector: their weights are blocks
/// of a block-diagonal matrix.
Parts parts_of(const torch::Tensor& weight, int64_t groups) {
  const int64_t in = weight.size(1), out = weight.size(0) / groups;
  const int64_t joined =
      groups > 1 ? SmallConvolution::groups_of_part(in).value_or(1) : 1;
  return {groups / joined, joined * in, joined * out};
}

/// The nine taps of each part as right operands, (in, out): what is of
/// another group is zero.
template <typename T>
PackedMatrices<T> taps_of_parts(const torch::Tensor& weight,
                                const Parts& parts) {
  if (parts.count == 1 && parts.in == weight.size(1)) return taps_of<T>(weight);
  const int64_t in = weight.size(1), joined = parts.in / in;
  const int64_t out = parts.out / joined;
  const auto blocks = weight.reshape({parts.count, joined, out, in, 9})
                          .permute({0, 4, 1, 3, 2});
  auto whole =
      torch::zeros({parts.count, 9, joined, in, joined, out}, weight.options());
  for (int64_t g = 0; g < joined; ++g) {
    whole.select(4, g).select(2, g).copy_(blocks.select(2, g));
  }
  return {whole.const_data_ptr<T>(),
          parts.count * 9,
          parts.in,
          parts.out,
          {parts.in * parts.out, parts.out, 1}};
}

/// Every `stride`th pixel, from `left` on, of every `stride`th row: those of a
/// row beside each other, `pitch` from one row to the next.
template <typename T>
void convolve_some(Raster<T>& raster, int64_t rows, int64_t pitch,
                   int64_t stride, int64_t left, const PackedMatrices<T>& taps,
                   int64_t first, int64_t depth, float* to) {
  using F = Format<T>;
  const int64_t joined = depth == raster.channels() ? 3 : 1;
  for (int64_t y = 0; y < rows; ++y, to += pitch * taps.columns()) {
    for (int64_t tap = 0; tap < 9; tap += joined) {
      const T* from = raster.at(stride * y + tap / 3 - 1, left + tap % 3 - 1);
      gemm::multiply(F::left(from, stride * raster.channels()),
                     taps.at(first + tap), pitch, taps.columns(),
                     (joined * depth + F::kPair - 1) / F::kPair, to,
                     /*add=*/tap > 0);
    }
  }
}

}  // namespace

struct SmallConvolution::Ready {
  Ready(const torch::Tensor& weight, const torch::Tensor& bias, int64_t stride_,
        const ExtraPadding& padding_, std::shared_ptr<ScratchPool> scratch_,
        int64_t groups)
      : in(weight.size(1) * groups),
        out(weight.size(0)),
        parts(parts_of(weight, groups)),
        stride(stride_),
        padding(padding_),
        biases(bias.to(torch::kFloat).contiguous()),
        scratch(scratch_ ? std::move(scratch_)
                         : std::make_shared<ScratchPool>()) {}
  virtual ~Ready() = default;
  /// For images of this size.
  virtual void prepare(const torch::Tensor& images) = 0;
  /// result = conv(images) + bias + residual, and a ReLU of that; residual may
  /// be null, or the result.
  virtual void run(const torch::Tensor& images, const torch::Tensor& residual,
                   bool relu, const torch::Tensor& result) = 0;

  int64_t in, out;
  Parts parts;
  int64_t stride;
  ExtraPadding padding;
  torch::Tensor biases;
  std::shared_ptr<ScratchPool> scratch;
  ImageSize to = {};  ///< Of the result.
};

template <typename T>
struct SmallConvolution::ReadyFor : Ready {
  ReadyFor(const torch::Tensor& weight, const torch::Tensor& bias,
           int64_t stride_, const ExtraPadding& padding_,
           std::shared_ptr<ScratchPool> scratch_, int64_t groups)
      : Ready(weight, bias, stride_, padding_, std::move(scratch_), groups),
        taps(taps_of_parts<T>(weight, parts)) {}

  void prepare(const torch::Tensor& images) override {
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
    bands = bands_of(images.size(0) * to.height * to.width, to,
                     in * stride * stride * static_cast<int64_t>(sizeof(T)));
    // Zeros behind the channels stay where no layer writes.
    slices = scratch->get<Slices<Slice<T>>>(
        {from.width, most_rows(bands), stride, pitch, parts.in, taps.columns(),
         at::get_num_threads()},
        [] { return Slices<Slice<T>>(); });
  }

  Slice<T> make_slice() const {
    const int64_t rows = most_rows(bands);
    const int64_t room = stride == 1
                             ? room_for(from.width, rows, taps.columns())
                             : rows * pitch * taps.columns();
    return {from.width, (rows - 1) * stride + 1, parts.in, room};
  }

  void compute(const T* images, const Band& band, int64_t part,
               Slice<T>& slice) const {
    const int64_t image = band.pixel / (to.height * to.width);
    // The middle of the first row's kernels.
    const Band read{image * from.height * from.width,
                    band.first * stride + 1 - padding.top,
                    (band.count - 1) * stride + 1};
    auto& raster = slice.raster;
    raster.load(read, from, [&](int64_t pixel, int64_t count, T* row) {
      rows::copy(images + pixel * in + part * parts.in, in, count, parts.in,
                 row, raster.channels());
    });
    if (stride == 1) {
      convolve(raster, read, from.width, taps, parts.in, slice.out.data(),
               9 * part);
    } else {
      convolve_some(raster, band.count, pitch, stride, 1 - padding.left, taps,
                    9 * part, parts.in, slice.out.data());
    }
  }

  void run(const torch::Tensor& images, const torch::Tensor& residual,
           bool relu, const torch::Tensor& result) override {
    SKIPZOO_PROFILE("convolution3x3");
    const T* x = images.const_data_ptr<T>();
    const T* other = data_or_null<T>(residual);
    T* y = result.mutable_data_ptr<T>();
    slices->for_each_in_any_order(
        static_cast<int64_t>(bands.size()) * parts.count,
        [&] { return make_slice(); },
        [&](Slice<T>& slice, int64_t i) {
          // The parts of a band one after the other: it stays in L2.
          const Band& band = bands[static_cast<size_t>(i / parts.count)];
          const int64_t part = i % parts.count, channel = part * parts.out;
          compute(x, band, part, slice);
          for (int64_t row = 0; row < band.count; ++row) {
            const int64_t at =
                (band.pixel + (band.first + row) * to.width) * out + channel;
            rows::write(slice.out.data() + row * pitch * taps.columns(),
                        taps.columns(),
                        biases.const_data_ptr<float>() + channel,
                        other == nullptr ? nullptr : other + at, relu, to.width,
                        parts.out, y + at, out);
          }
        },
        result.size(0) * to.height * to.width * 9 * in * taps.columns());
  }

  PackedMatrices<T> taps;
  at::DimVector sizes = {};  ///< What follows is for images of this size.
  ImageSize from = {};
  int64_t pitch = 0;  ///< Pixels from a row of the result to the next.
  std::vector<Band> bands = {};  ///< Of the result.
  std::shared_ptr<Slices<Slice<T>>> slices = {};
};

SmallConvolution::SmallConvolution(const torch::Tensor& weight,
                                   const torch::Tensor& bias, int64_t stride,
                                   const ExtraPadding& padding,
                                   std::shared_ptr<ScratchPool> scratch,
                                   int64_t groups) {
  if (weight.scalar_type() == at::kBFloat16) {
    ready_ = std::make_unique<ReadyFor<c10::BFloat16>>(
        weight, bias, stride, padding, std::move(scratch), groups);
  } else {
    ready_ = std::make_unique<ReadyFor<float>>(weight, bias, stride, padding,
                                               std::move(scratch), groups);
  }
}

SmallConvolution::~SmallConvolution() = default;

Verdict SmallConvolution::suits(const torch::Tensor& images, int64_t out,
                                int64_t stride) {
  return suits_small_convolution(images.numel() * 9 * out / (stride * stride));
}

std::optional<int64_t> SmallConvolution::groups_of_part(int64_t channels) {
  if (channels % gemm::kColumns == 0) return 1;
  if (gemm::kColumns % channels == 0) return gemm::kColumns / channels;
  return std::nullopt;
}

torch::Tensor SmallConvolution::operator()(const torch::Tensor& images,
                                           bool relu, Allocate allocate) {
  ready_->prepare(images);
  auto result = allocate(
      {images.size(0), ready_->out, ready_->to.height, ready_->to.width},
      images.options());
  ready_->run(images, torch::Tensor(), relu, result);
  return result;
}

torch::Tensor SmallConvolution::add_to(torch::Tensor other,
                                       const torch::Tensor& images, bool relu) {
  ready_->prepare(images);
  ready_->run(images, other, relu, other);
  return other;
}

}  // namespace skipzoo
