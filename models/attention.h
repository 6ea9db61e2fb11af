#pragma once

#include <algorithm>
#include <cstdint>

#include "models/fields.h"

namespace skipzoo {

/// What weighs the channels of a residual branch, image by image.
enum class Attention {
  kNone,
  kSe,   ///< Squeeze-and-excitation (Hu et al. 2018, arXiv:1709.01507).
  kEca,  ///< Efficient channel attention (Wang et al. 2020, arXiv:1910.03151).
};
template <>
struct EnumNames<Attention> {
  static constexpr Named<Attention> values[] = {{Attention::kNone, "none"},
                                                {Attention::kSe, "se"},
                                                {Attention::kEca, "eca"}};
};

/// Channels between the two layers of a squeeze-and-excitation: a part of all,
/// to the nearest multiple of `divisor`, and at least that (timm's
/// make_divisible(): 8; the authors' code: 1).
inline int64_t squeezed_channels(int64_t channels, int64_t reduction,
                                 int64_t divisor) {
  const int64_t part = channels / reduction;
  return std::max(divisor, (part + divisor / 2) / divisor * divisor);
}

}  // namespace skipzoo
