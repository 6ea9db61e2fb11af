#include "models/kernels/implicit_gemm.h"
#include "models/kernels/implicit_gemm_taps.h"
#include "models/kernels/pixel_rows.h"

namespace skipzoo {

namespace {

using torch::Tensor;

/// What a slice of the images has to itself.
template <typename T>
struct WeightSlice {
  WeightSlice(const ConvolutionShape& s, int64_t images)
      : channels(gemm::padded(s.channels, gemm::kRows)),
        columns(gemm::padded(s.outputs, gemm::kColumns)),
        x(images * channels),
        dy(s.out.height * s.out.width * images * columns),
        sums(static_cast<size_t>(s.kernel.height * s.kernel.width * channels *
                                 columns)) {
    clear_padding(x.data(), images, s.channels, channels);
    clear_padding(dy.data(), s.out.height * s.out.width * images, s.outputs,
                  columns);
  }
  int64_t channels, columns;  ///< Padded.
  Scratch<T> x;               ///< A pixel of each image.
  Scratch<T> dy;              ///< All pixels, those of a place together.
  std::vector<T> sums;        ///< (taps, channels, columns).
};

/// Adds what `count` images from `first` on give.
template <typename T>
void add_weight_gradient(const T* x, const T* dy, const ConvolutionShape& s,
                         int64_t first, int64_t count, WeightSlice<T>& own) {
  const int64_t x_image = s.in.height * s.in.width * s.channels;
  const int64_t y_image = s.out.height * s.out.width * s.outputs;
  const int64_t place = count * own.columns;
  for (int64_t p = 0; p < s.out.height * s.out.width; ++p) {
    rows::copy(dy + first * y_image + p * s.outputs, y_image, count, s.outputs,
               own.dy.data() + p * place, own.columns);
  }
  for (int64_t q = 0; q < s.in.height * s.in.width; ++q) {
    rows::copy(x + first * x_image + q * s.channels, x_image, count, s.channels,
               own.x.data(), own.channels);
    for_each_reader(
        q / s.in.width, s.top, s.kernel.height, s.stride, s.out.height,
        [&](int64_t ky, int64_t row) {
          for_each_reader(
              q % s.in.width, s.left, s.kernel.width, s.stride, s.out.width,
              [&](int64_t kx, int64_t column) {
                const int64_t tap = ky * s.kernel.width + kx;
                gemm::multiply(
                    gemm::Left<T>{own.x.data(), 1, own.channels},
                    own.dy.data() + (row * s.out.width + column) * place,
                    own.channels, own.columns, count,
                    own.sums.data() + tap * own.channels * own.columns,
                    /*add=*/true);
              });
        });
  }
}

template <typename T>
Tensor weight_gradient(const T* x, const T* dy, const ConvolutionShape& s) {
  // Of as many images at a time as leave their gradients in L2.
  constexpr int64_t kBytes = 512 << 10, kLeast = 16, kMost = 128;
  const int64_t bytes = s.out.height * s.out.width *
                        gemm::padded(s.outputs, gemm::kColumns) *
                        static_cast<int64_t>(sizeof(T));
  const int64_t share =
      (s.images + at::get_num_threads() - 1) / at::get_num_threads();
  const int64_t most =
      std::min(std::clamp(kBytes / bytes, kLeast, kMost), share);
  const int64_t blocks = (s.images + most - 1) / most;
  Slices<WeightSlice<T>> slices;
  slices.for_each(
      blocks, [&] { return WeightSlice<T>(s, most); },
      [&](auto& own, int64_t block) {
        const int64_t first = block * most;
        add_weight_gradient(x, dy, s, first, std::min(most, s.images - first),
                            own);
      });
  Tensor sum;
  for (const auto& slice : slices.locals()) {
    if (!slice) continue;
    const auto more = torch::from_blob(
        const_cast<T*>(slice->sums.data()),
        {s.kernel.height, s.kernel.width, slice->channels, slice->columns},
        c10::CppTypeToScalarType<T>::value);
    sum = sum.defined() ? sum + more : more;
  }
  return sum.narrow(2, 0, s.channels)
      .narrow(3, 0, s.outputs)
      .permute({3, 2, 0, 1})
      .clone(at::MemoryFormat::ChannelsLast);
}

}  // namespace

Tensor implicit_gemm_weight_gradient(const Tensor& x, const Tensor& dy,
                                     const ConvolutionShape& shape) {
  SKIPZOO_PROFILE("implicit_gemm_convolution_backward");
  Tensor dweight;
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "kernels", [&] {
    dweight = weight_gradient(x.const_data_ptr<scalar_t>(),
                              dy.const_data_ptr<scalar_t>(), shape);
  });
  return dweight;
}

}  // namespace skipzoo
