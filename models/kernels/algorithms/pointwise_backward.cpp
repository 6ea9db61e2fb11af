#include "models/kernels/algorithms/pointwise.h"
#include "models/kernels/algorithms/pointwise_blocks.h"

namespace skipzoo {

namespace {

using gemm::padded;
using pointwise_blocks::InputBlock;
using pointwise_blocks::kBlock;
using pointwise_blocks::PixelBlocks;
using rows::Acc;

/// What a slice of pixels has to itself in the backward pass.
template <typename T>
struct PointwiseBackwardSlice {
  PointwiseBackwardSlice(const ActivatedInput& from, int64_t outputs_,
                         bool with_weight)
      : input(from),
        width(padded(from.channels, gemm::kColumns)),
        outputs(outputs_),
        columns(padded(outputs_, gemm::kColumns)),
        through(kBlock * outputs),
        dy(kBlock * columns),
        da(kBlock * width),
        weight(with_weight ? static_cast<size_t>(columns * width) : 0),
        sums(from.channels) {
    clear_padding(dy.data(), kBlock, outputs, columns);
  }

  /// A block of `from` with zeros behind its channels and its last pixel.
  const T* load(const OutputGradient& from, int64_t first, int64_t count) {
    const T* g = from.rows.const_data_ptr<T>() + first * outputs;
    if (from.norm) g = pass_norm(g, *from.norm, first, count);
    rows::copy(g, outputs, count, outputs, dy.data(), columns);
    std::fill(dy.data() + count * columns, dy.data() + kBlock * columns, T(0));
    return dy.data();
  }
  const T* pass_norm(const T* g, const OutputGradient::Norm& norm,
                     int64_t first, int64_t count) {
    const auto number = [](const torch::Tensor& of) {
      return of.const_data_ptr<Acc<T>>();
    };
    rows::input_gradient(
        g, norm.x.const_data_ptr<T>() + first * outputs, number(norm.mean),
        number(norm.scale), number(norm.bias), number(norm.through.slope),
        number(norm.through.offset), count, outputs, through.data());
    return through.data();
  }
  void add_weight(const T* a, int64_t count) {
    using F = Format<T>;
    const auto* g = F::right(dy.data(), count, columns, left);
    gemm::multiply(F::transposed(g, columns), F::right(a, count, width, right),
                   columns, width, (count + F::kPair - 1) / F::kPair,
                   weight.data(), /*add=*/true);
  }

  InputBlock<T> input;
  int64_t width;       ///< Channels, padded.
  int64_t outputs;     ///< Out channels,
  int64_t columns;     ///< and padded.
  Scratch<T> through;  ///< A block's gradient of what a norm read.
  Scratch<T> dy;
  Scratch<Acc<T>> da;
  std::vector<Acc<T>> weight;  ///< (columns, width), or empty.
  SliceSums<Acc<T>> sums;
  std::vector<typename Format<T>::Element> left, right;
};

template <typename T>
ConvolutionGradient backward(const ActivatedInput& input,
                             const torch::Tensor& mean,
                             const OutputGradient& dy,
                             const torch::Tensor& weight,
                             const torch::Tensor& total, bool with_weight) {
  using F = Format<T>;
  const PackedMatrices<T> matrix(weight.const_data_ptr<T>(), 1, weight.size(0),
                                 weight.size(1),
                                 {0, weight.stride(0), weight.stride(1)});
  Slices<PointwiseBackwardSlice<T>> slices;
  const auto make = [&] {
    return PointwiseBackwardSlice<T>(input, dy.rows.size(1), with_weight);
  };
  const T* x = input.rows.const_data_ptr<T>();
  auto* to = total.mutable_data_ptr<Acc<T>>();
  const int64_t stride = input.rows.stride(0);
  const PixelBlocks blocks(dy.rows.size(0));
  slices.for_each(blocks.count(), make, [&](auto& own, int64_t block) {
    const int64_t first = blocks.first(block), count = blocks.size(block);
    const T* a = own.input.load(first, count);
    const T* g = own.load(dy, first, count);
    gemm::multiply(F::left(g, own.columns), matrix.at(0),
                   padded(count, gemm::kRows), own.width,
                   (own.outputs + F::kPair - 1) / F::kPair, own.da.data(),
                   /*add=*/false);
    if (with_weight) own.add_weight(a, count);
    rows::add_gradient(own.da.data(), a, own.width, x + first * stride, stride,
                       mean.const_data_ptr<Acc<T>>(),
                       input.scale.const_data_ptr<Acc<T>>(), count,
                       input.channels, to + first * stride, own.sums.sum(),
                       own.sums.product());
    own.sums.finish_block();
  });
  const auto& slice = *slices.locals().front();
  auto gradient = gathered(slices, {slice.columns, slice.width});
  if (with_weight) {
    gradient.weight = gradient.weight.narrow(0, 0, slice.outputs)
                          .narrow(1, 0, input.channels);
  }
  return gradient;
}

}  // namespace

ConvolutionGradient pointwise_backward(const ActivatedInput& input,
                                       const torch::Tensor& mean,
                                       const OutputGradient& dy,
                                       const torch::Tensor& weight,
                                       const torch::Tensor& total,
                                       bool with_weight) {
  SKIPZOO_PROFILE("convolution1x1_backward");
  ConvolutionGradient gradient;
  SKIPZOO_DISPATCH(input.rows.scalar_type(), [&] {
    gradient = backward<scalar_t>(input, mean, dy, weight, total, with_weight);
  });
  return gradient;
}

}  // namespace skipzoo
