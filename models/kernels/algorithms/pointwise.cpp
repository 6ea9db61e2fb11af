#include "models/kernels/algorithms/pointwise.h"

#include "models/kernels/algorithms/pointwise_blocks.h"

namespace skipzoo {

namespace {

using gemm::padded;
using pointwise_blocks::InputBlock;
using pointwise_blocks::kBlock;
using pointwise_blocks::PixelBlocks;
using rows::Acc;

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

}  // namespace skipzoo
