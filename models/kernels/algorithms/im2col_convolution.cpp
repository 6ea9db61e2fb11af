#include "models/kernels/algorithms/im2col_convolution.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/im2col_pieces.h"
#include "models/kernels/algorithms/panels.h"
#include "models/kernels/blocking/blocks.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

/// Products of a block of pixels with a panel, that stay in L1, and bytes of a
/// weight that stays there beside them.
constexpr int64_t kMostProducts = 2048, kSmallWeight = 16 * 1024;
constexpr int64_t kMostRows = 64;

}  // namespace

struct Im2colConvolution::Ready {
  Ready(const torch::Tensor& weight, const torch::Tensor& bias, int64_t stride_,
        const ExtraPadding& padding_)
      : in(weight.size(1)),
        out(weight.size(0)),
        stride(stride_),
        kernel{weight.size(2), weight.size(3)},
        padding(padding_),
        weights(weight),
        biases(bias.to(torch::kFloat).contiguous()) {}
  virtual ~Ready() = default;
  /// to = conv(images) + bias + residual, and a ReLU of that; residual may be
  /// null, or `to`.
  virtual void run(const torch::Tensor& images, const torch::Tensor& residual,
                   bool relu, const torch::Tensor& to) = 0;
  /// For images of this size.
  virtual void prepare(const torch::Tensor& images) = 0;

  int64_t in, out, stride;
  ImageSize kernel;
  ExtraPadding padding;
  torch::Tensor weights, biases;
  ImageSize to_size = {};
};

template <typename T>
struct Im2colConvolution::ReadyFor : Ready {
  using F = Format<T>;
  ReadyFor(const torch::Tensor& weight, const torch::Tensor& bias,
           int64_t stride_, const ExtraPadding& padding_)
      : Ready(weight, bias, stride_, padding_) {}

  void prepare(const torch::Tensor& images) override {
    if (images.sizes() == sizes) return;
    sizes = images.sizes();
    const ImageSize from{images.size(2), images.size(3)};
    to_size = result_size(from, kernel, stride, padding);
    pixels = images.size(0) * to_size.height * to_size.width;
    pack(taps_in_use(kernel.height, from.height, to_size.height, stride,
                     padding.top),
         taps_in_use(kernel.width, from.width, to_size.width, stride,
                     padding.left));
    first_copied = is_read_in_place() ? pixels / gemm::kRows * gemm::kRows : 0;
    pieces.clear();
    for (int64_t i = first_copied; i < pixels; ++i) add_pieces(i, from);
    // What no piece writes, padding, stays zero.
    const int64_t room =
        gemm::padded(pixels - first_copied, gemm::kRows) * pitch;
    left.emplace(room);
    std::fill_n(left->data(), room, T(0));
  }

  /// A 1x1 kernel's pixels lie in the images as they would in the left matrix.
  bool is_read_in_place() const {
    return kernel.height == 1 && kernel.width == 1 && stride == 1 &&
           !padding.any() && pitch == in;
  }

  /// Of images as small as a kernel, most of a weight would be read for
  /// padding.
  void pack(const Taps& rows, const Taps& columns) {
    if (panels && rows == down && columns == across) return;
    down = rows;
    across = columns;
    pitch = gemm::padded(depth(), F::kPair);
    const int64_t whole = gemm::padded(out, gemm::kColumns);
    is_small = whole * gemm::kRows <= kMostProducts &&
               depth() * out * int64_t{sizeof(T)} <= kSmallWeight;
    const int64_t wide = is_small ? whole : std::min(whole, panel_columns());
    block =
        std::min(kMostRows, kMostProducts / wide / gemm::kRows * gemm::kRows);
    panels.emplace(panels_of<T>(weights.narrow(2, down.first, down.count)
                                    .narrow(3, across.first, across.count)
                                    .permute({0, 2, 3, 1})
                                    .reshape({out, depth()}),
                                wide));
  }
  int64_t depth() const { return down.count * across.count * in; }

  /// Those of the kernel at a pixel of the result.
  void add_pieces(int64_t i, const ImageSize& from) {
    const int64_t image = i / (to_size.height * to_size.width);
    const int64_t y =
        i / to_size.width % to_size.height * stride - padding.top + down.first;
    const int64_t x = i % to_size.width * stride - padding.left + across.first;
    const int64_t first = std::max<int64_t>(-x, 0);
    const int64_t count = std::min(across.count, from.width - x) - first;
    for (int64_t ky = 0; ky < down.count && count > 0; ++ky) {
      if (y + ky < 0 || y + ky >= from.height) continue;
      const int64_t pixel =
          (image * from.height + y + ky) * from.width + x + first;
      const Piece piece{
          pixel * in,
          (i - first_copied) * pitch + (ky * across.count + first) * in,
          count * in};
      if (!pieces.empty() && pieces.back().goes_on_with(piece)) {
        pieces.back().count += piece.count;
      } else {
        pieces.push_back(piece);
      }
    }
  }

  /// Pixels, some of them in the images and the rest copied, with a panel.
  void multiply_rows(const T* images, int64_t first, int64_t count,
                     int64_t panel, float* products) const {
    const int64_t columns = panels->columns();
    const auto to_products = [&](const T* rows, int64_t some, float* to) {
      for (int64_t k = 0; k < pitch; k += kMostPanelDepth<T>) {
        gemm::multiply(F::left(rows + k, pitch),
                       panels->at(panel) + k / F::kPair * columns,
                       gemm::padded(some, gemm::kRows), columns,
                       std::min(kMostPanelDepth<T>, pitch - k) / F::kPair, to,
                       /*add=*/k > 0);
      }
    };
    const int64_t here = std::clamp(first_copied - first, int64_t{0}, count);
    if (here > 0) to_products(images + first * pitch, here, products);
    if (here < count) {
      to_products(left->data() + (first + here - first_copied) * pitch,
                  count - here, products + here * columns);
    }
  }

  /// A block of pixels with a panel.
  void multiply(const T* images, int64_t number, int64_t panel,
                const T* residual, bool relu, T* to) const {
    alignas(64) std::array<float, kMostProducts> products;
    const int64_t columns = panels->columns(), channel = panel * columns;
    const int64_t first = number * block;
    const int64_t count = std::min(block, pixels - first);
    multiply_rows(images, first, count, panel, products.data());
    const int64_t at = first * out + channel;
    rows::write(products.data(), columns,
                biases.const_data_ptr<float>() + channel,
                residual == nullptr ? nullptr : residual + at, relu, count,
                std::min(columns, out - channel), to + at, out);
  }

  void run(const torch::Tensor& images, const torch::Tensor& residual,
           bool relu, const torch::Tensor& result) override {
    SKIPZOO_PROFILE("im2col_convolution");
    const T* from = images.const_data_ptr<T>();
    for (const Piece& piece : pieces) {
      std::copy_n(from + piece.from, piece.count, left->data() + piece.to);
    }
    const auto* other = data_or_null<T>(residual);
    T* to = result.mutable_data_ptr<T>();
    const ProductShares shares(
        (pixels + block - 1) / block,
        (out + panels->columns() - 1) / panels->columns(),
        /*by_weight=*/out > pixels);
    share_out(
        shares.blocks * shares.groups,
        [&](int64_t, int64_t i) {
          const auto part = shares.at(i);
          for (int64_t panel = shares.first_panel(part.group);
               panel < shares.first_panel(part.group + 1); ++panel) {
            multiply(from, part.block, panel, other, relu, to);
          }
        },
        pixels * depth() * out);
  }

  Taps down = {}, across = {};  ///< That are packed.
  int64_t pitch = 0;            ///< From a row of the left matrix to the next.
  std::optional<PackedMatrices<T>> panels = {};  ///< Of output channels.
  bool is_small = false;     ///< The weight, which is one panel then.
  int64_t block = 0;         ///< Pixels that are multiplied at a time.
  at::DimVector sizes = {};  ///< What follows is for images of this size.
  int64_t pixels = 0;        ///< Of all images of the result.
  int64_t first_copied = 0;  ///< Pixel; those before are read in place.
  std::vector<Piece> pieces = {};
  std::optional<Scratch<T>> left = {};
};

Im2colConvolution::Im2colConvolution(const torch::Tensor& weight,
                                     const torch::Tensor& bias, int64_t stride,
                                     const ExtraPadding& padding) {
  if (weight.scalar_type() == at::kBFloat16) {
    ready_ = std::make_unique<ReadyFor<c10::BFloat16>>(weight, bias, stride,
                                                       padding);
  } else {
    ready_ = std::make_unique<ReadyFor<float>>(weight, bias, stride, padding);
  }
}

Im2colConvolution::~Im2colConvolution() = default;

torch::Tensor Im2colConvolution::operator()(const torch::Tensor& images,
                                            bool relu, Allocate allocate) {
  ready_->prepare(images);
  const auto& size = ready_->to_size;
  auto to = allocate({images.size(0), ready_->out, size.height, size.width},
                     images.options());
  ready_->run(images, torch::Tensor(), relu, to);
  return to;
}

torch::Tensor Im2colConvolution::add_to(torch::Tensor other,
                                        const torch::Tensor& images,
                                        bool relu) {
  ready_->prepare(images);
  ready_->run(images, other, relu, other);
  return other;
}

Verdict Im2colConvolution::suits(at::IntArrayRef images, at::IntArrayRef weight,
                                 int64_t stride, const ExtraPadding& padding) {
  const ImageSize kernel{weight[2], weight[3]};
  const auto to = result_size({images[2], images[3]}, kernel, stride, padding);
  if (to.height < 1 || to.width < 1) {
    return declined("images smaller than the kernel");
  }
  return suits_im2col({.pixels = images[0] * to.height * to.width,
                       .taps = weight[2] * weight[3],
                       .depth = weight[1] * weight[2] * weight[3],
                       .outputs = weight[0],
                       .in_place = kernel.height == 1 && kernel.width == 1 &&
                                   stride == 1 && !padding.any()});
}

}  // namespace skipzoo
