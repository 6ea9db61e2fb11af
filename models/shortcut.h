#pragma once

#include "models/fields.h"

namespace skipzoo {

/// What carries the signal past a residual block (He et al. 2015, section 3.3).
enum class Shortcut {
  kA,     ///< Identity; zero channels on both sides where shapes differ.
  kAEnd,  ///< Identity; zero channels behind the signal where shapes differ.
  kB,     ///< Identity; a projection where shapes differ.
  kC,     ///< A projection in every block.
  kNone,  ///< Nothing: the plain network that the paper compares with.
};
template <>
struct EnumNames<Shortcut> {
  static constexpr Named<Shortcut> values[] = {{Shortcut::kA, "A"},
                                               {Shortcut::kAEnd, "A_end"},
                                               {Shortcut::kB, "B"},
                                               {Shortcut::kC, "C"},
                                               {Shortcut::kNone, "none"}};
};

}  // namespace skipzoo
