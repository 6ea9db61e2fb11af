#pragma once

#include <functional>
#include <memory>

namespace skipzoo {

/// A clock that goes on by so many seconds each time it is looked at.
inline std::function<double()> ticking_clock(double tick = 1) {
  auto time = std::make_shared<double>(0);
  return [time, tick] { return *time += tick; };
}

}  // namespace skipzoo
