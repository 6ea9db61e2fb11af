#include "models/kernels/algorithms/panel_convolution.h"

#include <algorithm>
#include <array>
#include <optional>

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/panels.h"
#include "models/kernels/blocking/blocks.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

/// Pixels of a block, in whole rows of the result, and of such a row at most.
constexpr int64_t kBlock = 64;
/// Of a panel.
constexpr int64_t kMostColumns = 32;

}  // namespace

struct PanelConvolution::Ready {
  Ready(const torch::Tensor& weight, const torch::Tensor& bias, int64_t stride_,
        const ExtraPadding& padding_, std::shared_ptr<ScratchPool> scratch_)
      : in(weight.size(1)),
        out(weight.size(0)),
        stride(stride_),
        kernel{weight.size(2), weight.size(3)},
        padding(padding_),
        biases(bias.to(torch::kFloat).contiguous()),
        scratch(scratch_ ? std::move(scratch_)
                         : std::make_shared<ScratchPool>()) {}
  virtual ~Ready() = default;
  /// For images of this size.
  virtual void prepare(const torch::Tensor& images) = 0;
  /// to = conv(images) + bias + residual, and a ReLU of that; residual may be
  /// null, or `to`.
  virtual void run(const torch::Tensor& images, const torch::Tensor& residual,
                   bool relu, const torch::Tensor& to) = 0;

  int64_t in, out, stride;
  ImageSize kernel;
  ExtraPadding padding;
  torch::Tensor biases;
  std::shared_ptr<ScratchPool> scratch;
  ImageSize to_size = {};
};

template <typename T>
struct PanelConvolution::ReadyFor : Ready {
  using F = Format<T>;
  ReadyFor(const torch::Tensor& weight, const torch::Tensor& bias,
           int64_t stride_, const ExtraPadding& padding_,
           std::shared_ptr<ScratchPool> scratch_)
      : Ready(weight, bias, stride_, padding_, std::move(scratch_)),
        pixel(gemm::padded(in, F::kPair)),
        panels(panels_of<T>(
            torch::constant_pad_nd(weight.permute({0, 2, 3, 1}),
                                   {0, pixel - in})
                .reshape({out, kernel.height * kernel.width * pixel}),
            panel_columns())) {}

  void prepare(const torch::Tensor& images) override {
    if (images.sizes() == sizes) return;
    sizes = images.sizes();
    from = {images.size(2), images.size(3)};
    to_size = result_size(from, kernel, stride, padding);
    row = (from.width + padding.left + padding.right) * pixel;
    rows_of_image = from.height + padding.top + padding.bottom;
    rows = images.size(0) * to_size.height;
    wide = gemm::padded(to_size.width, gemm::kRows);
    rows_of_block = std::max<int64_t>(kBlock / wide, 1);
    // Behind the last pixel, as far as a padded number of them reads.
    const int64_t room =
        images.size(0) * rows_of_image * row + gemm::kRows * stride * pixel;
    bordered = scratch->get<Scratch<T>>(
        {images.size(0), from.height, from.width, in, padding.top, padding.left,
         rows_of_image, row, stride},
        [room] {
          Scratch<T> zeros(room);
          std::fill_n(zeros.data(), room, T(0));
          return zeros;
        });
  }

  /// A row of an image, among those of all.
  void load(const T* images, int64_t i) {
    const int64_t image = i / from.height, y = i % from.height + padding.top;
    T* to = bordered->data() + (image * rows_of_image + y) * row +
            padding.left * pixel;
    const T* x = images + i * from.width * in;
    if (pixel == in) {
      std::copy_n(x, from.width * in, to);
    } else {
      for (int64_t p = 0; p < from.width; ++p, x += in, to += pixel) {
        std::copy_n(x, in, to);
      }
    }
  }

  /// Where the kernel's first row begins to read for a row of the result.
  const T* read_by(int64_t i) const {
    const int64_t image = i / to_size.height, y = i % to_size.height * stride;
    return bordered->data() + (image * rows_of_image + y) * row;
  }

  /// Some rows of the result with a panel.
  void multiply(int64_t first, int64_t count, int64_t panel,
                float* products) const {
    const int64_t columns = panels.columns();
    const int64_t depth = kernel.width * pixel;
    bool add = false;
    for (int64_t ky = 0; ky < kernel.height; ++ky) {
      for (int64_t k = 0; k < depth; k += kMostPanelDepth<T>, add = true) {
        const auto* right =
            panels.at(panel) + (ky * depth + k) / F::kPair * columns;
        for (int64_t r = 0; r < count; ++r) {
          gemm::multiply(
              F::left(read_by(first + r) + ky * row + k, stride * pixel), right,
              wide, columns, std::min(kMostPanelDepth<T>, depth - k) / F::kPair,
              products + r * wide * columns, add);
        }
      }
    }
  }

  void run(const torch::Tensor& images, const torch::Tensor& residual,
           bool relu, const torch::Tensor& result) override {
    SKIPZOO_PROFILE("panel_convolution");
    const T* x = images.const_data_ptr<T>();
    constexpr int64_t kProductsOfCopy = 8;  // That take as long.
    share_out(
        images.size(0) * from.height, [&](int64_t, int64_t i) { load(x, i); },
        images.numel() * kProductsOfCopy);
    const T* other = data_or_null<T>(residual);
    T* to = result.mutable_data_ptr<T>();
    const int64_t columns = panels.columns();
    const ProductShares shares((rows + rows_of_block - 1) / rows_of_block,
                               (out + columns - 1) / columns,
                               /*by_weight=*/out > to_size.width * rows);
    const auto block = [&](int64_t first, int64_t panel) {
      alignas(64) std::array<float, kBlock * kMostColumns> products;
      const int64_t count = std::min(rows_of_block, rows - first);
      multiply(first, count, panel, products.data());
      const int64_t channel = panel * columns;
      for (int64_t r = 0; r < count; ++r) {
        const int64_t at = (first + r) * to_size.width * out + channel;
        rows::write(products.data() + r * wide * columns, columns,
                    biases.const_data_ptr<float>() + channel,
                    other == nullptr ? nullptr : other + at, relu,
                    to_size.width, std::min(columns, out - channel), to + at,
                    out);
      }
    };
    share_out(
        shares.blocks * shares.groups,
        [&](int64_t, int64_t i) {
          const auto part = shares.at(i);
          for (int64_t panel = shares.first_panel(part.group);
               panel < shares.first_panel(part.group + 1); ++panel) {
            block(part.block * rows_of_block, panel);
          }
        },
        rows * to_size.width * kernel.height * kernel.width * in * out);
  }

  int64_t pixel;             ///< From a pixel to the next.
  PackedMatrices<T> panels;  ///< Of output channels.
  at::DimVector sizes = {};  ///< What follows is for images of this size.
  ImageSize from = {};
  int64_t row = 0, rows_of_image = 0;  ///< With their borders.
  int64_t rows = 0;                    ///< Of the result, of all images.
  int64_t wide = 0;                    ///< One of those, as gemm takes it.
  int64_t rows_of_block = 1;
  std::shared_ptr<Scratch<T>> bordered = {};
};

PanelConvolution::PanelConvolution(const torch::Tensor& weight,
                                   const torch::Tensor& bias, int64_t stride,
                                   const ExtraPadding& padding,
                                   std::shared_ptr<ScratchPool> scratch) {
  if (weight.scalar_type() == at::kBFloat16) {
    ready_ = std::make_unique<ReadyFor<c10::BFloat16>>(
        weight, bias, stride, padding, std::move(scratch));
  } else {
    ready_ = std::make_unique<ReadyFor<float>>(weight, bias, stride, padding,
                                               std::move(scratch));
  }
}

PanelConvolution::~PanelConvolution() = default;

torch::Tensor PanelConvolution::operator()(const torch::Tensor& images,
                                           bool relu, Allocate allocate) {
  ready_->prepare(images);
  const auto& size = ready_->to_size;
  auto to = allocate({images.size(0), ready_->out, size.height, size.width},
                     images.options());
  ready_->run(images, torch::Tensor(), relu, to);
  return to;
}

torch::Tensor PanelConvolution::add_to(torch::Tensor other,
                                       const torch::Tensor& images, bool relu) {
  ready_->prepare(images);
  ready_->run(images, other, relu, other);
  return other;
}

Verdict PanelConvolution::suits(at::IntArrayRef images, at::IntArrayRef weight,
                                int64_t stride, const ExtraPadding& padding) {
  const ImageSize kernel{weight[2], weight[3]};
  for (const auto zeros :
       {padding.top, padding.left, padding.bottom, padding.right}) {
    if (zeros < 0) return declined("images that are cut off");
  }
  const auto to = result_size({images[2], images[3]}, kernel, stride, padding);
  if (to.height < 1 || to.width < 1) {
    return declined("images smaller than the kernel");
  }
  if (to.width > kBlock) {
    return declined("rows of more than # pixels: #", kBlock, to.width);
  }
  return suits_panels({.pixels = images[0] * to.height * to.width,
                       .width = to.width,
                       .taps = kernel.height * kernel.width,
                       .in = weight[1],
                       .out = weight[0]});
}

}  // namespace skipzoo
