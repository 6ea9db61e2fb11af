#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "models/kernels/simd/rows.h"

// Data for the loops of models/kernels/simd/rows.h.

namespace skipzoo::rows {

constexpr int64_t kRows = 7;

template <typename T>
std::vector<T> numbers(int64_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<T> all;
  for (int64_t i = 0; i < count; ++i) all.push_back(T(normal(engine)));
  return all;
}

/// Rows of `channels` with something behind each, and what is done to them.
template <typename T>
struct Data {
  using A = Acc<T>;
  explicit Data(int64_t channels_) : channels(channels_) {}

  int64_t channels;
  int64_t stride = channels + 3;
  std::vector<T> x = numbers<T>(kRows * stride, 1);
  std::vector<T> dy = numbers<T>(kRows * stride, 2);
  std::vector<T> y = numbers<T>(kRows * stride, 3);
  std::vector<A> scale = numbers<A>(channels, 4);
  std::vector<A> offset = numbers<A>(channels, 5);
  std::vector<A> mean = numbers<A>(channels, 6);
  std::vector<A> slope = numbers<A>(channels, 7);
  std::vector<A> wide = numbers<A>(kRows * stride, 8);
  // Written; what stands behind a row must stay.
  std::vector<T> out = numbers<T>(kRows * stride, 9);
  std::vector<T> more = numbers<T>(kRows * stride, 10);
  std::vector<A> total = numbers<A>(kRows * stride, 11);
  std::vector<A> first = numbers<A>(channels, 12);
  std::vector<A> second = numbers<A>(channels, 13);
};

template <typename V>
void expect_near(const V& a, const V& b, double tolerance, const char* what) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    ASSERT_LE(std::abs(x - y), tolerance * std::max(1.0, std::abs(y)))
        << what << ' ' << i;
  }
}

}  // namespace skipzoo::rows
