#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/tensors.h"
#include "tools/data/loader.h"

namespace skipzoo {

/// Pictures in memory of which no two pixels need be alike, in ten classes.
inline DatasetPtr noisy_pictures(int64_t count, int64_t channels,
                                 int64_t height, int64_t width) {
  Random random(7);
  std::vector<uint8_t> pixels(
      static_cast<size_t>(count * channels * height * width));
  for (auto& value : pixels) value = static_cast<uint8_t>(random.next() >> 56);
  std::vector<int64_t> labels;
  // Of the first class more than of the others, for a balanced sampler.
  for (int64_t i = 0; i < count; ++i) labels.push_back(i % 3 ? i % 10 : 0);
  std::vector<std::string> classes;
  for (int c = 0; c < 10; ++c) classes.push_back(std::to_string(c));
  return std::make_shared<MemoryDataset>(std::move(pixels), channels, height,
                                         width, std::move(labels),
                                         std::move(classes), "noise");
}

inline void expect_same_batch(const Batch& a, const Batch& b) {
  EXPECT_TRUE(torch::equal(a.indices, b.indices));
  const auto values = b.targets.values.cpu(), images = b.images.cpu();
  EXPECT_TRUE(torch::equal(a.targets.values, values));
  if (a.size() == 0 && b.size() == 0) return;
  EXPECT_TRUE(torch::equal(a.images, images));
  EXPECT_EQ(a.images.strides(), b.images.strides());
  EXPECT_EQ(a.images.scalar_type(), b.images.scalar_type());
}

/// The rest of two epochs, either a Loader::Epoch or a Prefetch.
template <typename A, typename B>
void expect_same_batches(A& a, B& b) {
  int64_t count = 0;
  for (;; ++count) {
    const auto x = a.next();
    const auto y = b.next();
    ASSERT_EQ(x.has_value(), y.has_value()) << "after " << count;
    if (!x) break;
    SCOPED_TRACE(count);
    expect_same_batch(*x, *y);
  }
  EXPECT_GT(count, 0);
}

}  // namespace skipzoo
