#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace skipzoo {

/// Seconds that body() takes: the least of several times that are each a
/// fiftieth of a second or so.
template <typename Body>
double seconds_of(const Body& body) {
  using Clock = std::chrono::steady_clock;
  constexpr double kShare = 0.02;
  constexpr int kTimes = 7;
  const auto time = [&](int64_t calls) {
    const auto begin = Clock::now();
    for (int64_t i = 0; i < calls; ++i) body();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  int64_t calls = 1;
  while (time(calls) < kShare) calls *= 2;
  double least = time(calls);
  for (int i = 1; i < kTimes; ++i) least = std::min(least, time(calls));
  return least / static_cast<double>(calls);
}

}  // namespace skipzoo
