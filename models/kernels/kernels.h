#pragma once

#include "models/fields.h"

namespace skipzoo {

/// Which code computes a network. Both give the same results up to rounding.
enum class Kernels {
  kFused,      ///< Operators of our own where they apply.
  kReference,  ///< The textbook composition of LibTorch's.
};
template <>
struct EnumNames<Kernels> {
  static constexpr Named<Kernels> values[] = {
      {Kernels::kFused, "fused"}, {Kernels::kReference, "reference"}};
};

/// Holds this thread to the textbook operators while it lives, for what looks
/// at the operators of a network: summaries, traces.
class TextbookOnly {
 public:
  TextbookOnly() { ++depth(); }
  ~TextbookOnly() { --depth(); }
  TextbookOnly(const TextbookOnly&) = delete;
  TextbookOnly& operator=(const TextbookOnly&) = delete;
  static bool active() { return depth() > 0; }

 private:
  static int& depth() {
    thread_local int depth = 0;
    return depth;
  }
};

}  // namespace skipzoo
