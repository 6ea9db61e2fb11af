#include "models/kernels/im2col_convolution.h"

#include <algorithm>
#include <array>

#include "models/kernels/pixel_rows.h"

namespace skipzoo {

namespace {

ImageSize result_size(const ImageSize& in, const ImageSize& kernel,
                      int64_t stride, const ExtraPadding& padding) {
  return {
      (in.height + padding.top + padding.bottom - kernel.height) / stride + 1,
      (in.width + padding.left + padding.right - kernel.width) / stride + 1};
}

/// Of a weight (out, in, height, width), the matrices (height · width · in,
/// kColumns) of that many outputs each.
PackedMatrices<float> panels_of(const torch::Tensor& weight) {
  const int64_t out = weight.size(0), wide = gemm::padded(out, gemm::kColumns);
  const int64_t depth = weight.numel() / out;
  const auto whole =
      torch::constant_pad_nd(weight.permute({0, 2, 3, 1}).reshape({out, depth}),
                             {0, 0, 0, wide - out});
  return {whole.const_data_ptr<float>(),
          wide / gemm::kColumns,
          depth,
          gemm::kColumns,
          {gemm::kColumns * depth, 1, depth}};
}

/// Rows whose products with a panel stay in L1.
constexpr int64_t kMostRows = 64;

}  // namespace

Im2colConvolution::Im2colConvolution(const torch::Tensor& weight,
                                     const torch::Tensor& bias, int64_t stride,
                                     const ExtraPadding& padding)
    : in_(weight.size(1)),
      out_(weight.size(0)),
      stride_(stride),
      kernel_{weight.size(2), weight.size(3)},
      padding_(padding),
      panels_(panels_of(weight)),
      bias_(bias.contiguous()) {}

bool Im2colConvolution::suits(at::IntArrayRef images, at::IntArrayRef weight,
                              int64_t stride, const ExtraPadding& padding) {
  // Measured beside SmallConvolution and oneDNN, at one image: beyond these the
  // pixels of a kernel cost more to copy, a 1x1 kernel's less, or a weight is
  // little enough to be read by every thread, or what oneDNN costs to call is
  // worth its better use of the processor.
  constexpr int64_t kMostProducts = 8 << 20;
  constexpr int64_t kMostPixels = 16, kMostOfFewChannels = 256,
                    kMostOf1x1 = 1024;
  constexpr int64_t kFewChannels = 64;  // Times those of a kernel.
  const ImageSize kernel{weight[2], weight[3]};
  const auto to = result_size({images[2], images[3]}, kernel, stride, padding);
  if (to.height < 1 || to.width < 1) return false;
  const int64_t pixels = images[0] * to.height * to.width;
  const int64_t depth = weight[1] * weight[2] * weight[3];
  const int64_t most = weight[2] * weight[3] == 1 ? kMostOf1x1
                       : depth <= kFewChannels    ? kMostOfFewChannels
                                                  : kMostPixels;
  return pixels <= most && pixels * depth * weight[0] <= kMostProducts;
}

void Im2colConvolution::prepare(const torch::Tensor& images) {
  if (images.sizes() == sizes_) return;
  sizes_ = images.sizes();
  const ImageSize from{images.size(2), images.size(3)};
  to_ = result_size(from, kernel_, stride_, padding_);
  pixels_ = images.size(0) * to_.height * to_.width;
  const int64_t depth = kernel_.height * kernel_.width * in_;
  pieces_.clear();
  for (int64_t i = 0; i < pixels_; ++i) {
    const int64_t image = i / (to_.height * to_.width);
    const int64_t top = i / to_.width % to_.height * stride_ - padding_.top;
    const int64_t left = i % to_.width * stride_ - padding_.left;
    const int64_t first = std::max<int64_t>(-left, 0);
    const int64_t count = std::min(kernel_.width, from.width - left) - first;
    for (int64_t ky = 0; ky < kernel_.height && count > 0; ++ky) {
      const int64_t y = top + ky;
      if (y < 0 || y >= from.height) continue;
      const int64_t pixel =
          (image * from.height + y) * from.width + left + first;
      pieces_.push_back({pixel * in_,
                         i * depth + (ky * kernel_.width + first) * in_,
                         count * in_});
    }
  }
  // What no piece writes, padding, stays zero.
  const int64_t room = gemm::padded(pixels_, gemm::kRows) * depth;
  rows_.emplace(room);
  std::fill_n(rows_->data(), room, 0.0F);
}

void Im2colConvolution::gather(const float* images) {
  for (const Piece& piece : pieces_) {
    std::copy_n(images + piece.from, piece.count, rows_->data() + piece.to);
  }
}

torch::Tensor Im2colConvolution::operator()(const torch::Tensor& images,
                                            bool relu, Allocate allocate) {
  prepare(images);
  auto out =
      allocate({images.size(0), out_, to_.height, to_.width}, images.options());
  run(images, nullptr, relu, out.mutable_data_ptr<float>());
  return out;
}

torch::Tensor Im2colConvolution::add_to(torch::Tensor other,
                                        const torch::Tensor& images,
                                        bool relu) {
  prepare(images);
  auto* data = other.mutable_data_ptr<float>();
  run(images, data, relu, data);
  return other;
}

void Im2colConvolution::multiply(int64_t panel, const float* residual,
                                 bool relu, float* out) const {
  alignas(64) std::array<float, kMostRows * gemm::kColumns> products;
  const int64_t depth = kernel_.height * kernel_.width * in_;
  const int64_t channel = panel * gemm::kColumns;
  const int64_t channels = std::min(gemm::kColumns, out_ - channel);
  for (int64_t first = 0; first < pixels_; first += kMostRows) {
    const int64_t count = std::min(kMostRows, pixels_ - first);
    gemm::multiply({rows_->data() + first * depth, depth, 1}, panels_.at(panel),
                   gemm::padded(count, gemm::kRows), gemm::kColumns, depth,
                   products.data(), /*add=*/false);
    const int64_t at = first * out_ + channel;
    rows::write(products.data(), gemm::kColumns,
                bias_.const_data_ptr<float>() + channel,
                residual == nullptr ? nullptr : residual + at, relu, count,
                channels, out + at, out_);
  }
}

void Im2colConvolution::run(const torch::Tensor& images, const float* residual,
                            bool relu, float* out) {
  SKIPZOO_PROFILE("im2col_convolution");
  gather(images.const_data_ptr<float>());
  const int64_t panels = (out_ + gemm::kColumns - 1) / gemm::kColumns;
  // Less work than another thread takes to wake for it.
  constexpr int64_t kLeastProducts = 1 << 17;
  const int64_t products_of_panel =
      pixels_ * kernel_.height * kernel_.width * in_ * gemm::kColumns;
  const int64_t grain = kLeastProducts / products_of_panel + 1;
  at::parallel_for(0, panels, grain, [&](int64_t first, int64_t last) {
    for (int64_t panel = first; panel < last; ++panel) {
      multiply(panel, residual, relu, out);
    }
  });
}

}  // namespace skipzoo
