#pragma once

#include "models/fields.h"

namespace skipzoo {

/// Which code computes a network. Both give the same results up to rounding.
enum class Kernels {
  kFused,      ///< Operators of our own where they apply.
  kReference,  ///< LibTorch's operators, as in the papers.
};
template <>
struct EnumNames<Kernels> {
  static constexpr Named<Kernels> values[] = {
      {Kernels::kFused, "fused"}, {Kernels::kReference, "reference"}};
};

/// Holds this thread to the reference kernels while it lives, for what looks at
/// the operators of a network: summaries, traces.
class ReferenceOnly {
 public:
  ReferenceOnly() { ++depth(); }
  ~ReferenceOnly() { --depth(); }
  ReferenceOnly(const ReferenceOnly&) = delete;
  ReferenceOnly& operator=(const ReferenceOnly&) = delete;
  static bool active() { return depth() > 0; }

 private:
  static int& depth() {
    thread_local int depth = 0;
    return depth;
  }
};

}  // namespace skipzoo
