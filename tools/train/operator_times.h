#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace skipzoo {

/// Measures where time goes while it lives, by kind of operator, forward and
/// backward: the time in an operator without that in operators it calls. What
/// runs in a RECORD_USER_SCOPE is of the kind that the scope names.
class OperatorTimes {
 public:
  OperatorTimes();
  ~OperatorTimes();
  OperatorTimes(const OperatorTimes&) = delete;
  OperatorTimes& operator=(const OperatorTimes&) = delete;

  /// (kind, seconds) so far, longest first: "convolution", "batch_norm", …
  std::vector<std::pair<std::string, double>> by_kind() const;

 private:
  struct Observer;
  std::unique_ptr<Observer> observer_;
};

}  // namespace skipzoo
