#include "models/kernels/algorithms/pointwise.h"

#include "models/kernels/blocking/optional_tensor.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {

namespace {

using gemm::padded;
using rows::Acc;

// Pixels at a time, at most: with a few hundred channels, what is made of them
// stays in L2.
constexpr int64_t kBlock = 128;

/// Pixels in blocks of hardly different size, as many for each thread: of seven
/// blocks, one of two threads would have a seventh to wait for.
class PixelBlocks {
 public:
  explicit PixelBlocks(int64_t pixels)
      : pixels_(pixels),
        tiles_((pixels + kTile - 1) / kTile),
        count_(std::min(padded((tiles_ * kTile + kBlock - 1) / kBlock,
                               at::get_num_threads()),
                        tiles_)) {}

  int64_t count() const { return count_; }
  int64_t first(int64_t block) const {
    return std::min(tiles_ * block / count_ * kTile, pixels_);
  }
  int64_t size(int64_t block) const { return first(block + 1) - first(block); }

 private:
  static constexpr int64_t kTile = 8;  ///< Rows that gemm takes at once.
  int64_t pixels_, tiles_, count_;
};

/// A block of an input, with zeros behind its channels.
template <typename T>
class InputBlock {
 public:
  explicit InputBlock(const ActivatedInput& input)
      : x_(input.rows.const_data_ptr<T>()),
        stride_(input.rows.stride(0)),
        scale_(data_or_null<Acc<T>>(input.scale)),
        offset_(data_or_null<Acc<T>>(input.offset)),
        channels_(input.channels),
        width_(padded(channels_, gemm::kColumns)),
        block_(kBlock * width_) {
    clear_padding(block_.data(), kBlock, channels_, width_);
  }

  const T* load(int64_t first, int64_t count) {
    const T* from = x_ + first * stride_;
    if (scale_ == nullptr) {
      rows::copy(from, stride_, count, channels_, block_.data(), width_);
    } else {
      rows::affine(from, stride_, static_cast<const T*>(nullptr), scale_,
                   offset_, /*relu=*/true, count, channels_, block_.data(),
                   width_);
    }
    // Where the last block is odd, one row more is read.
    if (count < kBlock) {
      std::fill_n(block_.data() + count * width_, width_, T(0));
    }
    return block_.data();
  }

 private:
  const T* x_;
  int64_t stride_;
  const Acc<T>* scale_;
  const Acc<T>* offset_;
  int64_t channels_, width_;
  Scratch<T> block_;
};

template <typename T>
struct ForwardSlice {
  ForwardSlice(const ActivatedInput& from, int64_t columns)
      : input(from), out(kBlock * columns) {}
  InputBlock<T> input;
  Scratch<Acc<T>> out;
};

/// Calls write(block, product, first, rows), on any thread, for each block of
/// the first `pixels`. product: rows of the matrix's columns.
template <typename T, typename Write>
void multiply(const ActivatedInput& input, const PackedMatrices<T>& matrix,
              int64_t pixels, const Write& write) {
  using F = Format<T>;
  const int64_t depth = padded(input.channels, gemm::kColumns);
  const int64_t columns = matrix.columns();
  Slices<ForwardSlice<T>> slices;
  const auto make = [&] { return ForwardSlice<T>(input, columns); };
  const PixelBlocks blocks(pixels);
  slices.for_each_in_any_order(
      blocks.count(), make,
      [&](auto& own, int64_t block) {
        const int64_t first = blocks.first(block), count = blocks.size(block);
        gemm::multiply(F::left(own.input.load(first, count), depth),
                       matrix.at(0), padded(count, gemm::kRows), columns,
                       (input.channels + F::kPair - 1) / F::kPair,
                       own.out.data(),
                       /*add=*/false);
        write(block, own.out.data(), first, count);
      },
      pixels * input.channels * columns);
}

/// Writes the first `pixels` of out; then calls done(block, first, rows) for
/// each block.
template <typename T, typename Done>
void forward(const ActivatedInput& input, const PackedMatrices<T>& matrix,
             const torch::Tensor& bias, const torch::Tensor& out,
             int64_t pixels, const Done& done) {
  const auto* b = data_or_null<Acc<T>>(bias);
  T* to = out.mutable_data_ptr<T>();
  multiply(
      input, matrix, pixels,
      [&](int64_t block, const Acc<T>* product, int64_t first, int64_t count) {
        rows::write(product, matrix.columns(), b,
                    static_cast<const T*>(nullptr), /*relu=*/true, count,
                    out.size(1), to + first * out.stride(0), out.stride(0));
        done(block, first, count);
      });
}

/// What a slice of pixels has to itself in the backward pass.
template <typename T>
struct BackwardSlice {
  BackwardSlice(const ActivatedInput& from, int64_t outputs_, bool with_weight)
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
  Slices<BackwardSlice<T>> slices;
  const auto make = [&] {
    return BackwardSlice<T>(input, dy.rows.size(1), with_weight);
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

PackedWeight pack_pointwise(const torch::Tensor& weight) {
  std::optional<PackedWeight> packed;
  SKIPZOO_DISPATCH(weight.scalar_type(), [&] {
    packed.emplace(PackedMatrices<scalar_t>(
        weight.const_data_ptr<scalar_t>(), 1, weight.size(1), weight.size(0),
        {0, weight.stride(1), weight.stride(0)}));
  });
  return std::move(*packed);
}

void pointwise(const ActivatedInput& input, const PackedWeight& weight,
               const torch::Tensor& bias, const torch::Tensor& out) {
  SKIPZOO_PROFILE("convolution1x1");
  SKIPZOO_DISPATCH(input.rows.scalar_type(), [&] {
    forward(input, std::get<PackedMatrices<scalar_t>>(weight), bias, out,
            out.size(0), [](int64_t, int64_t, int64_t) {});
  });
}

void pointwise_paths(const ActivatedInput& input, const PackedWeight& weight,
                     const torch::Tensor& bias, const torch::Tensor& added,
                     const torch::Tensor& joined) {
  SKIPZOO_PROFILE("convolution1x1");
  SKIPZOO_DISPATCH(input.rows.scalar_type(), [&] {
    using A = Acc<scalar_t>;
    const auto& matrix = std::get<PackedMatrices<scalar_t>>(weight);
    const int64_t columns = matrix.columns(), width = added.size(1);
    const int64_t sums = added.stride(0), parts = joined.stride(0);
    const auto* b = bias.const_data_ptr<A>();
    auto* sum = added.mutable_data_ptr<scalar_t>();
    auto* part = joined.mutable_data_ptr<scalar_t>();
    multiply(input, matrix, added.size(0),
             [&](int64_t, const A* product, int64_t first, int64_t count) {
               rows::write(product, columns, b, sum + first * sums,
                           /*relu=*/false, count, width, sum + first * sums,
                           sums);
               rows::write(product + width, columns, b + width,
                           static_cast<const scalar_t*>(nullptr),
                           /*relu=*/false, count, joined.size(1),
                           part + first * parts, parts);
             });
  });
}

Moments pointwise_moments(const ActivatedInput& input,
                          const PackedWeight& weight,
                          const torch::Tensor& out) {
  SKIPZOO_PROFILE("convolution1x1");
  const int64_t pixels = out.size(0), channels = out.size(1);
  ChannelSums sums(PixelBlocks(pixels).count(), channels, out.scalar_type());
  torch::Tensor shift;
  SKIPZOO_DISPATCH(input.rows.scalar_type(), [&] {
    const auto& matrix = std::get<PackedMatrices<scalar_t>>(weight);
    const torch::Tensor no_bias;
    // As moments_of_rows() shifts: by the first pixel, which is made twice.
    forward(input, matrix, no_bias, out, /*pixels=*/1,
            [](int64_t, int64_t, int64_t) {});
    shift = accumulator(out, out[0]).clone();
    const auto* y = out.const_data_ptr<scalar_t>();
    const int64_t stride = out.stride(0);
    forward(input, matrix, no_bias, out, pixels,
            [&](int64_t block, int64_t first, int64_t count) {
              using A = Acc<scalar_t>;
              const auto [sum, squares] = sums.of_block<A>(block);
              rows::sums(y + first * stride, stride, shift.const_data_ptr<A>(),
                         count, channels, sum, squares);
            });
  });
  const auto [sum, squares] = sums.total();
  return moments_of_sums(sum, squares, shift, pixels);
}

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
