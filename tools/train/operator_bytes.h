#pragma once

#include <memory>

namespace skipzoo {

/// Counts what operators read and write while it lives, forward and backward,
/// in all threads: each tensor that one is given or gives, once for reading and
/// once for writing. Views cost nothing; of an operator that calls others, what
/// they read and write, or what it does, if that is more.
class OperatorBytes {
 public:
  OperatorBytes();
  ~OperatorBytes();
  OperatorBytes(const OperatorBytes&) = delete;
  OperatorBytes& operator=(const OperatorBytes&) = delete;

  double bytes() const;  ///< So far.

 private:
  struct Observer;
  std::unique_ptr<Observer> observer_;
};

}  // namespace skipzoo
