#pragma once

#include <cstdint>
#include <memory>

#include "models/tensor.h"

namespace skipzoo {

/// The processes that train one network together, and what they tell each
/// other. Each call is made by all of them, in the same order.
class Collective {
 public:
  virtual ~Collective() = default;
  virtual int64_t rank() const = 0;  ///< In [0, size()); 0 writes the run.
  virtual int64_t size() const = 0;
  /// In place, over all of them.
  virtual void sum(torch::Tensor& tensor) = 0;
  /// In place, that of rank 0.
  virtual void broadcast(torch::Tensor& tensor) = 0;
  /// Whether it is true for one of them.
  virtual bool any(bool mine) = 0;
};

/// One process, which has nobody to tell.
std::shared_ptr<Collective> single_process();

}  // namespace skipzoo
