// Kernels that share their work among threads, once for each way of sharing.
// Whether two of them touch the same memory, ThreadSanitizer sees; what they
// compute is for the tests of each.

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "models/kernels/algorithms/conv3x3.h"
#include "models/kernels/algorithms/im2col_convolution.h"
#include "models/kernels/algorithms/max_pool.h"
#include "models/kernels/algorithms/pointwise.h"
#include "models/kernels/algorithms/small_convolution.h"
#include "models/kernels/blocking/pixel_rows.h"

namespace skipzoo {
namespace {

const bool asked_for = [] {
  at::set_num_threads(4);
  return true;
}();

// Else the tests would see nothing: of OpenMP's threads, whose work is not to
// be seen, a limit leaves one.
TEST(ParallelFor, HasFourThreadsWhichAreNotOpenMps) {
  ASSERT_EQ(at::get_num_threads(), 4);
  std::vector<std::thread::id> ids(4);
  at::parallel_for(0, 4, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ids[static_cast<size_t>(i)] = std::this_thread::get_id();
    }
  });
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 4u);
}

class SharedWork : public testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override { torch::manual_seed(1); }
  void TearDown() override {
    EXPECT_GT(at::internal::teams, teams_before_) << "nothing was shared";
  }

  static torch::Tensor random(at::IntArrayRef sizes) {
    return torch::randn(sizes).to(GetParam());
  }
  /// Pixels of whatever a convolution reads, with a norm and a ReLU on the way.
  static ActivatedInput input(int64_t pixels, int64_t channels) {
    return {random({pixels, channels}), channels, torch::ones({channels}),
            torch::zeros({channels})};
  }

 private:
  int64_t teams_before_ = at::internal::teams;
};

TEST_P(SharedWork, OfMoments) { moments_of_rows(random({3000, 40})); }

TEST_P(SharedWork, OfMaxPools) {
  max_pool(random({4, 16, 13, 13}), {{3, 3}, {2, 2}, {1, 1}});
}

TEST_P(SharedWork, OfConvolutions1x1) {
  const auto x = input(3000, 40);
  const auto weight = random({24, 40}), y = random({3000, 24});
  pointwise(x, pack_pointwise(weight), torch::zeros({24}), y);
  pointwise_moments(x, pack_pointwise(weight), y);
  pointwise_backward(x, torch::zeros({40}), {.rows = y}, weight,
                     torch::zeros({3000, 40}), /*with_weight=*/true);
}

TEST_P(SharedWork, OfConvolutions3x3) {
  // By bands; in the Winograd domain, where there are tiles enough and
  // instructions.
  for (const int64_t size : {6, 24}) {
    const int64_t pixels = 4 * size * size;
    const auto x = input(pixels, 16);
    const auto y = random({pixels, 24});
    const auto mean = torch::zeros({16});
    Conv3x3Weight weight(torch::randn({24, 16, 3, 3}), /*is_reused=*/false);
    conv3x3(x, {size, size}, weight, /*bias=*/{}, y);
    for (const auto& target :
         {GradientTarget{.rows = random({pixels, 16}), .total = {}},
          GradientTarget{.rows = {}, .total = torch::zeros({pixels, 16})}}) {
      conv3x3_backward(x, mean, {size, size}, y, weight.tensor(), target,
                       /*with_weight=*/true);
    }
  }
}

TEST_P(SharedWork, OfWinogradConvolutions) {
  struct Case {
    int64_t images, in, out;
    ImageSize size;
  };
  // Strips for every thread; few, whose channels and tile elements are shared.
  for (const Case& c : {Case{8, 16, 16, {32, 31}}, {1, 64, 100, {30, 23}}}) {
    const int64_t pixels = c.images * c.size.height * c.size.width;
    const auto x = input(pixels, c.in);
    const auto y = random({pixels, c.out});
    const auto weight = torch::randn({c.out, c.in, 3, 3});
    std::atomic<int64_t> finished = 0;
    const auto finish = [&](int64_t, int64_t, int64_t count) {
      finished += count;
    };
    SKIPZOO_DISPATCH(GetParam(), [&] {
      winograd_convolution<scalar_t>(
          x, c.size,
          WinogradWeight<rows::Acc<scalar_t>>(weight, /*backward=*/false),
          {.rows = y, .finish = finish});
    });
    EXPECT_EQ(finished, pixels);
    winograd_weight_gradient(x, c.size, y);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SharedWork,
                         testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& of) {
                           return std::string(c10::toString(of.param));
                         });

using SharedWorkOfOneImage = SharedWork;

TEST_P(SharedWorkOfOneImage, WithMemoryThatIsReused) {
  const auto x =
      random({1, 16, 16, 16}).contiguous(at::MemoryFormat::ChannelsLast);
  for (const int64_t stride : {1, 2}) {
    SmallConvolution convolution(random({16, 16, 3, 3}), torch::zeros({16}),
                                 stride, {1, 1, 1, 1});
    convolution.add_to(convolution(x, /*relu=*/true), x, /*relu=*/false);
    Im2colConvolution product(torch::randn({96, 16, 3, 3}), torch::zeros({96}),
                              stride, {1, 1, 1, 1});
    product.add_to(product(x, /*relu=*/true), x, /*relu=*/false);
  }
}

INSTANTIATE_TEST_SUITE_P(Float, SharedWorkOfOneImage,
                         testing::Values(at::kFloat));

}  // namespace
}  // namespace skipzoo
