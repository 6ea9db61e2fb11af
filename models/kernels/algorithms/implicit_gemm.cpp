#include "models/kernels/algorithms/implicit_gemm.h"

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/algorithms/implicit_gemm_taps.h"
#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

using torch::Tensor;

/// From `begin` up to and without `end`.
struct Range {
  int64_t begin, end;
  int64_t size() const { return std::max<int64_t>(end - begin, 0); }
};

/// The taps of a kernel that meet the image, tap 0 being at `first`.
Range taps_inside(int64_t first, int64_t kernel, int64_t size) {
  return {std::max<int64_t>(-first, 0), std::min(kernel, size - first)};
}

/// Images that a product has as its rows: at(block) is the first of rows(), the
/// first skip() of which another block has written.
class ImageRows {
 public:
  explicit ImageRows(int64_t images)
      : images_(images), most_(std::min(kMost, images / kStep * kStep)) {}

  int64_t blocks() const { return (images_ + most_ - 1) / most_; }
  int64_t most() const { return most_; }
  int64_t first(int64_t block) const { return end(block) - rows(block); }
  int64_t rows(int64_t block) const {
    return gemm::padded(end(block) - block * most_, kStep);
  }
  int64_t skip(int64_t block) const { return block * most_ - first(block); }

 private:
  // Rows enough to read a weight from L2 for, few enough for L1 and L2.
  static constexpr int64_t kMost = 64, kStep = gemm::kRows;
  int64_t end(int64_t block) const {
    return std::min((block + 1) * most_, images_);
  }
  int64_t images_, most_;
};

template <typename T>
struct ProductSlice {
  ProductSlice(int64_t rows, int64_t columns) : out(rows * columns) {}
  Scratch<rows::Acc<T>> out;
};

/// Calls pixel(room for a product, block of images, row, column) for each pixel
/// of a plane, on any thread.
template <typename T, typename Pixel>
void for_each_pixel(const ImageRows& images, const ImageSize& plane,
                    int64_t columns, const Pixel& pixel) {
  Slices<ProductSlice<T>> slices;
  slices.for_each_in_any_order(
      images.blocks() * plane.height,
      [&] { return ProductSlice<T>(images.most(), columns); },
      [&](auto& own, int64_t i) {
        for (int64_t column = 0; column < plane.width; ++column) {
          pixel(own.out.data(), i / plane.height, i % plane.height, column);
        }
      });
}

/// Of each tap, the matrix (outputs, channels).
template <typename T>
PackedMatrices<T> transposed_taps(const Tensor& weight,
                                  const ConvolutionShape& shape) {
  const int64_t taps = shape.kernel.height * shape.kernel.width;
  return {weight.const_data_ptr<T>(),
          taps,
          shape.outputs,
          shape.channels,
          {shape.channels, taps * shape.channels, 1}};
}

Tensor of_type(const Tensor& weight, at::ScalarType type) {
  return weight.to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

/// Zeros in the first `channels` of `count` rows.
template <typename T>
void clear_rows(T* to, int64_t stride, int64_t count, int64_t channels) {
  for (int64_t i = 0; i < count; ++i)
    std::fill_n(to + i * stride, channels, T(0));
}

template <typename T>
void forward(const T* x, const PackedMatrices<T>& weight,
             const ConvolutionShape& s, const ImplicitGemmResult& result) {
  using A = rows::Acc<T>;
  using F = Format<T>;
  const auto* bias = data_or_null<A>(result.bias);
  const auto* residual = data_or_null<T>(result.residual);
  T* y = result.images.mutable_data_ptr<T>();
  const int64_t x_image = s.in.height * s.in.width * s.channels;
  const int64_t y_image = s.out.height * s.out.width * s.outputs;
  const int64_t columns = weight.columns();
  const ImageRows images(s.images);
  const auto pixel = [&](A* c, int64_t block, int64_t row, int64_t column) {
    const int64_t top = row * s.stride - s.top;
    const int64_t left = column * s.stride - s.left;
    const Range across = taps_inside(left, s.kernel.width, s.in.width);
    const Range down = taps_inside(top, s.kernel.height, s.in.height);
    if (down.size() == 0 || across.size() == 0) {
      std::fill_n(c, images.rows(block) * columns, A(0));
    }
    for (int64_t ky = down.begin; across.size() > 0 && ky < down.end; ++ky) {
      const int64_t from = (top + ky) * s.in.width + left + across.begin;
      gemm::multiply(
          F::left(x + images.first(block) * x_image + from * s.channels,
                  x_image),
          weight.at(ky) + across.begin * s.channels / F::kPair * columns,
          images.rows(block), columns, across.size() * s.channels / F::kPair, c,
          /*add=*/ky > down.begin);
    }
    const int64_t skip = images.skip(block);
    const int64_t to = (images.first(block) + skip) * y_image +
                       (row * s.out.width + column) * s.outputs;
    rows::write(c + skip * columns, columns, bias,
                residual == nullptr ? nullptr : residual + to, result.relu,
                images.rows(block) - skip, s.outputs, y + to, y_image);
  };
  for_each_pixel<T>(images, s.out, columns, pixel);
}

template <typename T>
void input_gradient(const T* dy, const PackedMatrices<T>& weight,
                    const ConvolutionShape& s, T* dx) {
  using A = rows::Acc<T>;
  using F = Format<T>;
  const int64_t x_image = s.in.height * s.in.width * s.channels;
  const int64_t y_image = s.out.height * s.out.width * s.outputs;
  const int64_t columns = weight.columns();
  const ImageRows images(s.images);
  const auto pixel = [&](A* c, int64_t block, int64_t row, int64_t column) {
    bool is_read = false;
    for_each_reader(row, s.top, s.kernel.height, s.stride, s.out.height,
                    [&](int64_t ky, int64_t y) {
                      for_each_reader(
                          column, s.left, s.kernel.width, s.stride, s.out.width,
                          [&](int64_t kx, int64_t x) {
                            const T* from = dy + images.first(block) * y_image +
                                            (y * s.out.width + x) * s.outputs;
                            gemm::multiply(F::left(from, y_image),
                                           weight.at(ky * s.kernel.width + kx),
                                           images.rows(block), columns,
                                           s.outputs / F::kPair, c,
                                           /*add=*/is_read);
                            is_read = true;
                          });
                    });
    const int64_t skip = images.skip(block);
    const int64_t count = images.rows(block) - skip;
    T* to = dx + (images.first(block) + skip) * x_image +
            (row * s.in.width + column) * s.channels;
    if (!is_read) return clear_rows(to, x_image, count, s.channels);
    rows::write(c + skip * columns, columns, static_cast<const A*>(nullptr),
                static_cast<const T*>(nullptr), /*relu=*/false, count,
                s.channels, to, x_image);
  };
  for_each_pixel<T>(images, s.in, columns, pixel);
}

}  // namespace

Offer<ConvolutionShape> implicit_gemm_shape(at::IntArrayRef images,
                                            at::IntArrayRef weight,
                                            at::ScalarType type,
                                            const ConvolutionOptions& options) {
  const auto &stride = options.stride, &padding = options.padding;
  if (options.groups != 1) return {declined("# groups", options.groups)};
  if (stride[0] != stride[1]) {
    return {declined("strides # and #", stride[0], stride[1])};
  }
  if (!options.dilation.equals({1, 1})) return {declined("dilation")};
  const auto& extra = options.extra;
  const ImageSize in{images[2], images[3]};
  const ImageSize kernel{weight[2], weight[3]};
  const ImageSize padded{in.height + 2 * padding[0] + extra.top + extra.bottom,
                         in.width + 2 * padding[1] + extra.left + extra.right};
  if (padded.height < kernel.height || padded.width < kernel.width) {
    return {declined("images smaller than the kernel")};
  }
  const ConvolutionShape shape{
      .images = images[0],
      .channels = weight[1],
      .outputs = weight[0],
      .in = in,
      .out = {(padded.height - kernel.height) / stride[0] + 1,
              (padded.width - kernel.width) / stride[0] + 1},
      .kernel = kernel,
      .stride = stride[0],
      .top = padding[0] + extra.top,
      .left = padding[1] + extra.left};
  return {suits_implicit_gemm(shape, type), shape};
}

PackedWeight pack_kernel_rows(const Tensor& weight, at::ScalarType type) {
  const auto own = of_type(weight, type);
  const int64_t rows = weight.size(2), depth = weight.size(3) * weight.size(1);
  std::optional<PackedWeight> packed;
  SKIPZOO_DISPATCH(type, [&] {
    // Of each row of the kernel, the matrix (its pixels and channels, outputs).
    packed.emplace(PackedMatrices<scalar_t>(own.const_data_ptr<scalar_t>(),
                                            rows, depth, weight.size(0),
                                            {depth, 1, rows * depth}));
  });
  return std::move(*packed);
}

Tensor empty_result(const Tensor& x, const ConvolutionShape& shape,
                    Allocate allocate) {
  return allocate(
      {shape.images, shape.outputs, shape.out.height, shape.out.width},
      x.options());
}

void implicit_gemm(const Tensor& x, const PackedWeight& weight,
                   const ConvolutionShape& shape,
                   const ImplicitGemmResult& result) {
  SKIPZOO_PROFILE("implicit_gemm_convolution");
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    forward(x.const_data_ptr<scalar_t>(),
            std::get<PackedMatrices<scalar_t>>(weight), shape, result);
  });
}

Tensor implicit_gemm_input_gradient(const Tensor& dy, const Tensor& weight,
                                    const ConvolutionShape& shape) {
  SKIPZOO_PROFILE("implicit_gemm_convolution_backward");
  auto dx = torch::empty(
      {shape.images, shape.channels, shape.in.height, shape.in.width},
      dy.options(), at::MemoryFormat::ChannelsLast);
  const auto own = of_type(weight, dy.scalar_type());
  SKIPZOO_DISPATCH(dy.scalar_type(), [&] {
    input_gradient(dy.const_data_ptr<scalar_t>(),
                   transposed_taps<scalar_t>(own, shape), shape,
                   dx.mutable_data_ptr<scalar_t>());
  });
  return dx;
}

}  // namespace skipzoo
