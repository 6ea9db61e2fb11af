#include "models/kernels/algorithms/implicit_gemm.h"
#include "models/kernels/algorithms/implicit_gemm_taps.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

using torch::Tensor;

/// What a slice of the images has to itself.
template <typename T>
struct WeightSlice {
  using Element = typename Format<T>::Element;
  WeightSlice(const ConvolutionShape& s, int64_t images)
      : channels(gemm::padded(s.channels, gemm::kRows)),
        columns(gemm::padded(s.outputs, gemm::kColumns)),
        x(images, s.channels, channels),
        dy(images, s.outputs, columns),
        x_operand(x.elements(images)),
        dy_operand(s.out.height * s.out.width * dy.elements(images)),
        sums(static_cast<size_t>(s.kernel.height * s.kernel.width * channels *
                                 columns)) {}

  /// A pixel of each image, as an operand of gemm.
  class Pixels {
   public:
    Pixels(int64_t images, int64_t channels, int64_t width)
        : channels_(channels),
          width_(width),
          size_(Format<T>::kPair == 1 ? 0 : (images + 1) * width),
          rows_(size_) {
      std::fill_n(rows_.data(), size_, T(0));
    }
    int64_t elements(int64_t images) const { return depth(images) * width_; }
    static int64_t depth(int64_t images) {
      return (images + Format<T>::kPair - 1) / Format<T>::kPair;
    }
    /// from: of the first image, `stride` before that of the next.
    void write(const T* from, int64_t stride, int64_t images, Element* to) {
      if constexpr (Format<T>::kPair == 1) {
        rows::copy(from, stride, images, channels_, to, width_);
        clear_padding(to, images, channels_, width_);
      } else {
        rows::copy(from, stride, images, channels_, rows_.data(), width_);
        // An odd one's pair.
        std::fill_n(rows_.data() + images * width_, width_, T(0));
        rows::interleave(rows_.data(), depth(images), width_, to);
      }
    }

   private:
    int64_t channels_, width_;
    int64_t size_;
    Scratch<T> rows_;  ///< Where they are made pairs of.
  };

  int64_t channels, columns;  ///< Padded.
  Pixels x, dy;
  Scratch<Element> x_operand;
  Scratch<Element> dy_operand;     ///< Of all pixels of the result.
  std::vector<rows::Acc<T>> sums;  ///< (taps, channels, columns).
};

/// Adds what `count` images from `first` on give.
template <typename T>
void add_weight_gradient(const T* x, const T* dy, const ConvolutionShape& s,
                         int64_t first, int64_t count, WeightSlice<T>& own) {
  const int64_t x_image = s.in.height * s.in.width * s.channels;
  const int64_t y_image = s.out.height * s.out.width * s.outputs;
  const int64_t depth = own.dy.depth(count), place = own.dy.elements(count);
  for (int64_t p = 0; p < s.out.height * s.out.width; ++p) {
    own.dy.write(dy + first * y_image + p * s.outputs, y_image, count,
                 own.dy_operand.data() + p * place);
  }
  for (int64_t q = 0; q < s.in.height * s.in.width; ++q) {
    own.x.write(x + first * x_image + q * s.channels, x_image, count,
                own.x_operand.data());
    for_each_reader(
        q / s.in.width, s.top, s.kernel.height, s.stride, s.out.height,
        [&](int64_t ky, int64_t row) {
          for_each_reader(
              q % s.in.width, s.left, s.kernel.width, s.stride, s.out.width,
              [&](int64_t kx, int64_t column) {
                const int64_t tap = ky * s.kernel.width + kx;
                gemm::multiply(
                    Format<T>::transposed(own.x_operand.data(), own.channels),
                    own.dy_operand.data() +
                        (row * s.out.width + column) * place,
                    own.channels, own.columns, depth,
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
    using A = rows::Acc<T>;
    const auto more = torch::from_blob(
        const_cast<A*>(slice->sums.data()),
        {s.kernel.height, s.kernel.width, slice->channels, slice->columns},
        c10::CppTypeToScalarType<A>::value);
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
  SKIPZOO_DISPATCH(x.scalar_type(), [&] {
    dweight = weight_gradient(x.const_data_ptr<scalar_t>(),
                              dy.const_data_ptr<scalar_t>(), shape);
  });
  return dweight;
}

}  // namespace skipzoo
