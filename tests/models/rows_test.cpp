// The row loops as this processor runs them, and by AVX2 where it has more,
// against the plain ones, which other processors run.

#include "models/kernels/simd/rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "models/kernels/simd/processor.h"
#include "models/kernels/simd/row_loops.h"
#include "models/kernels/simd/rows_avx2.h"
#include "tests/support/row_data.h"

namespace skipzoo::rows {
namespace {

/// No ReLU: everything is above it.
template <typename T>
constexpr Acc<T> kNoRelu = -std::numeric_limits<Acc<T>>::infinity();

template <typename T>
class Rows : public testing::Test {
 protected:
  /// ours(data) and plain(data) write the same.
  template <typename Ours, typename Plain>
  void expect_same(const Ours& ours, const Plain& plain) {
    // A multiply-add rounds once or twice; bfloat16 may then round otherwise.
    const double tolerance = sizeof(T) == 2 ? 1.0 / 128 : 1e-5;
    for (const int64_t channels :
         {1, 3, 12, 16, 17, 32, 40, 48, 50, 64, 65, 80, 100, 257}) {
      SCOPED_TRACE(channels);
      Data<T> a(channels), b(channels), c(channels);
      ours(a);
      plain(b);
      expect_near(a, b, tolerance);
#ifdef SKIPZOO_ROWS_AVX2
      if (has_avx2()) {
        by_avx2_ = true;
        plain(c);
        by_avx2_ = false;
        expect_near(c, b, tolerance);
      }
#endif
      EXPECT_FALSE(a.out == Data<T>(channels).out &&
                   a.first == Data<T>(channels).first);
    }
  }
  static void expect_near(const Data<T>& a, const Data<T>& b,
                          double tolerance) {
    rows::expect_near(a.out, b.out, tolerance, "out");
    rows::expect_near(a.more, b.more, tolerance, "more");
    rows::expect_near(a.total, b.total, 1e-5, "total");
    rows::expect_near(a.first, b.first, 1e-5, "first");
    rows::expect_near(a.second, b.second, 1e-5, "second");
  }
  template <typename Element>
  void each_plain(const Element& element, const Data<T>& d) const {
#ifdef SKIPZOO_ROWS_AVX2
    if (by_avx2_) return avx2::each(element, kRows, d.channels);
#endif
    for_each(element, kRows, d.channels);
  }
  template <typename Element>
  void sum_plain(const Element& element, Data<T>& d) const {
#ifdef SKIPZOO_ROWS_AVX2
    if (by_avx2_) {
      return avx2::sum(element, kRows, d.channels, d.first.data(),
                       d.second.data());
    }
#endif
    add_up(element, kRows, d.channels, d.first.data(), d.second.data());
  }

 private:
  bool by_avx2_ = false;
};

using Types = testing::Types<float, c10::BFloat16>;
TYPED_TEST_SUITE(Rows, Types);

TYPED_TEST(Rows, Sums) {
  using T = TypeParam;
  this->expect_same(
      [](Data<T>& d) {
        sums(d.x.data(), d.stride, d.mean.data(), kRows, d.channels,
             d.first.data(), d.second.data());
      },
      [this](Data<T>& d) {
        this->sum_plain(Shifted<T>{d.x.data(), d.stride, d.mean.data()}, d);
      });
}

TYPED_TEST(Rows, Affine) {
  using T = TypeParam;
  for (const bool relu : {true, false}) {
    for (const bool adds : {false, true}) {
      const auto past = [&](Data<T>& d) { return adds ? d.y.data() : nullptr; };
      this->expect_same(
          [&](Data<T>& d) {
            affine<T>(d.x.data(), d.stride, past(d), d.scale.data(),
                      d.offset.data(), relu, kRows, d.channels, d.out.data(),
                      d.stride);
          },
          [&](Data<T>& d) {
            const auto run = [&](auto kAdds) {
              this->each_plain(
                  Affine<T, kAdds>{d.x.data(), d.stride, past(d),
                                   d.scale.data(), d.offset.data(),
                                   relu ? Acc<T>(0) : kNoRelu<T>, d.channels,
                                   d.out.data(), d.stride},
                  d);
            };
            adds ? run(std::true_type()) : run(std::false_type());
          });
    }
  }
}

TYPED_TEST(Rows, GradientSums) {
  using T = TypeParam;
  this->expect_same(
      [](Data<T>& d) {
        gradient_sums<T>(d.dy.data(), d.x.data(), d.mean.data(), d.scale.data(),
                         d.offset.data(), kRows, d.channels, d.first.data(),
                         d.second.data());
      },
      [this](Data<T>& d) {
        this->sum_plain(
            GradientTerms<T>{d.dy.data(), d.x.data(), d.mean.data(),
                             d.scale.data(), d.offset.data(), d.channels},
            d);
      });
}

TYPED_TEST(Rows, ResidualGradient) {
  using T = TypeParam;
  this->expect_same(
      [](Data<T>& d) {
        residual_gradient<T>(d.dy.data(), d.y.data(), d.x.data(), d.mean.data(),
                             kRows, d.channels, d.out.data(), d.first.data(),
                             d.second.data());
      },
      [this](Data<T>& d) {
        this->sum_plain(
            ResidualGradient<T>{d.dy.data(), d.y.data(), d.x.data(),
                                d.mean.data(), d.channels, d.out.data()},
            d);
      });
}

TYPED_TEST(Rows, InputGradient) {
  using T = TypeParam;
  for (const bool relu : {false, true}) {
    const auto bias = [&](Data<T>& d) {
      return relu ? d.offset.data() : nullptr;
    };
    this->expect_same(
        [&](Data<T>& d) {
          input_gradient<T>(d.dy.data(), d.x.data(), d.mean.data(),
                            d.scale.data(), bias(d), d.slope.data(),
                            d.offset.data(), kRows, d.channels, d.out.data());
        },
        [&](Data<T>& d) {
          const auto run = [&](auto kRelu) {
            this->each_plain(
                InputGradient<T, kRelu>{d.dy.data(), d.x.data(), d.mean.data(),
                                        d.scale.data(), bias(d), d.slope.data(),
                                        d.offset.data(), d.channels,
                                        d.out.data()},
                d);
          };
          relu ? run(std::true_type()) : run(std::false_type());
        });
  }
}

TYPED_TEST(Rows, AddAndFinishGradient) {
  using T = TypeParam;
  this->expect_same(
      [](Data<T>& d) {
        add_gradient<T>(d.wide.data(), d.y.data(), d.stride, d.x.data(),
                        d.stride, d.mean.data(), d.scale.data(), kRows,
                        d.channels, d.total.data(), d.first.data(),
                        d.second.data());
        finish_gradient<T>(d.total.data(), d.x.data(), d.stride, d.mean.data(),
                           d.slope.data(), d.offset.data(), kRows, d.channels,
                           d.out.data());
      },
      [this](Data<T>& d) {
        this->sum_plain(AddedGradient<T>{d.wide.data(), d.y.data(), d.stride,
                                         d.x.data(), d.stride, d.mean.data(),
                                         d.scale.data(), d.total.data()},
                        d);
        this->each_plain(
            FinishedGradient<T>{d.total.data(), d.x.data(), d.stride,
                                d.mean.data(), d.slope.data(), d.offset.data(),
                                d.channels, d.out.data()},
            d);
      });
}

TYPED_TEST(Rows, CopyAndWrite) {
  using T = TypeParam;
  this->expect_same(
      [](Data<T>& d) {
        copy(d.x.data(), d.stride, kRows, d.channels, d.out.data(), d.stride);
        write(d.wide.data(), d.stride, d.offset.data(),
              static_cast<const T*>(nullptr), /*relu=*/true, kRows, d.channels,
              d.more.data(), d.stride);
      },
      [this](Data<T>& d) {
        this->each_plain(Copy<T>{d.x.data(), d.stride, d.out.data(), d.stride},
                         d);
        this->each_plain(
            Write<T, true, false>{d.wide.data(), d.stride, d.offset.data(),
                                  nullptr, Acc<T>(0), d.more.data(), d.stride},
            d);
      });
}

TYPED_TEST(Rows, WriteOnTopOfAnother) {
  using T = TypeParam;
  this->expect_same(
      [](Data<T>& d) {
        write(d.wide.data(), d.stride, d.offset.data(), d.out.data(),
              /*relu=*/false, kRows, d.channels, d.out.data(), d.stride);
      },
      [this](Data<T>& d) {
        this->each_plain(
            Write<T, true, true>{d.wide.data(), d.stride, d.offset.data(),
                                 d.out.data(), kNoRelu<T>, d.out.data(),
                                 d.stride},
            d);
      });
}

TEST(RowsOfBfloat16, RoundAsC10Does) {
  const OneLane plain;
  auto values = numbers<float>(10000, 20);
  for (const float v : {0.0F, -0.0F, 1.00390625F, 1.01171875F, 3e38F, 3.4e38F,
                        std::numeric_limits<float>::infinity()}) {
    values.push_back(v);
  }
  for (const float v : values) {
    c10::BFloat16 found;
    plain.store(v, &found);
    ASSERT_EQ(found.x, c10::BFloat16(v).x) << v;
    ASSERT_EQ(plain.load(&found), static_cast<float>(found));
  }
}

TYPED_TEST(Rows, ANanStaysOne) {
  using T = TypeParam;
  const T x[] = {T(std::nanf("")), T(-1), T(2)};
  const float one[] = {1, 1, 1}, zero[] = {0, 0, 0};
  T y[3];
  affine<T>(x, 3, nullptr, one, zero, /*relu=*/false, 1, 3, y, 3);
  EXPECT_TRUE(std::isnan(static_cast<float>(y[0])));
  EXPECT_EQ(static_cast<float>(y[1]), -1);
  affine<T>(x, 3, nullptr, one, zero, /*relu=*/true, 1, 3, y, 3);
  EXPECT_TRUE(std::isnan(static_cast<float>(y[0])));
  EXPECT_EQ(static_cast<float>(y[1]), 0);
  EXPECT_EQ(static_cast<float>(y[2]), 2);
}

TEST(RowsOfBfloat16, InterleaveByPairsOfRows) {
  for (const int64_t channels : {1, 12, 16, 33}) {
    const auto x = numbers<c10::BFloat16>(4 * channels, 21);
    std::vector<uint32_t> to(static_cast<size_t>(2 * channels) + 1, 7);
    interleave(x.data(), 2, channels, to.data());
    for (int64_t k = 0; k < 2; ++k) {
      for (int64_t c = 0; c < channels; ++c) {
        const auto* column = x.data() + 2 * k * channels + c;
        EXPECT_EQ(to[static_cast<size_t>(k * channels + c)],
                  column[0].x | static_cast<uint32_t>(column[channels].x)
                                    << 16);
      }
    }
    EXPECT_EQ(to.back(), 7U);
  }
}

}  // namespace
}  // namespace skipzoo::rows
