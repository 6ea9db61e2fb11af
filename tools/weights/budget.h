#pragma once

#include <cstdint>
#include <stdexcept>

namespace skipzoo {

/// What a walk through a file may still look at. A file can refer to the same
/// part of itself over and over: nested so, a few hundred bytes would keep a
/// walk busy for ever.
class Budget {
 public:
  explicit Budget(uint64_t most) : left_(most) {}

  /// Throws std::runtime_error once the sum of all costs exceeds the budget.
  void spend(uint64_t cost) {
    if (cost > left_) {
      throw std::runtime_error(
          "refers to its own parts far more often than it has parts");
    }
    left_ -= cost;
  }

 private:
  uint64_t left_;
};

}  // namespace skipzoo
