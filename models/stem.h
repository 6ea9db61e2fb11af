#pragma once

#include "models/fields.h"

namespace skipzoo {

/// What stands before the first stage or dense block.
enum class Stem {
  kCifar,     ///< One 3x3 convolution at full size.
  kImageNet,  ///< 7x7 at stride 2, then a 3x3 max pool at stride 2.
};
template <>
struct EnumNames<Stem> {
  static constexpr Named<Stem> values[] = {{Stem::kCifar, "cifar"},
                                           {Stem::kImageNet, "imagenet"}};
};

}  // namespace skipzoo
