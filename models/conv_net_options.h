#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/fields.h"
#include "models/kernels/kernels.h"
#include "models/named_shapes.h"

namespace skipzoo {

/// What carries the signal past a conv_block.
enum class ConvShortcut {
  kProjection,  ///< A strided 1x1 convolution and a BatchNorm of its own.
  kNone,        ///< Nothing: the plain network it is compared with.
};
template <>
struct EnumNames<ConvShortcut> {
  static constexpr Named<ConvShortcut> values[] = {
      {ConvShortcut::kProjection, "projection"}, {ConvShortcut::kNone, "none"}};
};

/// Activations under Keras's names; gelu is the exact one, by erf.
enum class Activation { kRelu, kElu, kGelu, kSilu, kTanh };
template <>
struct EnumNames<Activation> {
  static constexpr Named<Activation> values[] = {{Activation::kRelu, "relu"},
                                                 {Activation::kElu, "elu"},
                                                 {Activation::kGelu, "gelu"},
                                                 {Activation::kSilu, "silu"},
                                                 {Activation::kTanh, "tanh"}};
};

struct ConvNetImpl;

/// Shape of a conv_block network. The defaults are the usual teaching example:
/// 32x32x3 -> 32 -> 64 -> 128 -> 256 filters, 1,221,290 parameters.
struct ConvNetOptions {
  static constexpr const char* kFamily = "conv_net";
  using Model = ConvNetImpl;

  /// Filters per block.
  std::vector<int64_t> filters = {32, 64, 128, 256};
  /// Stride per block.
  std::vector<int64_t> strides = {2, 2, 2, 2};
  Activation activation = Activation::kRelu;
  ConvShortcut shortcut = ConvShortcut::kProjection;
  int64_t in_channels = 3;
  int64_t num_classes = 10;
  /// The code that computes it: see models/kernels/.
  Kernels kernels = Kernels::kFused;

  template <typename Fields>
  void describe(Fields& field) {
    field("filters", filters, "filters per block", each(at_least(1)));
    field("strides", strides, "stride per block", each(at_least(1)));
    field("activation", activation, "after each addition and between");
    field("shortcut", shortcut,
          "past a block: 1x1 convolution and BatchNorm, "
          "or nothing");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;

  /// Networks of the family that a weight file of these names and shapes may
  /// hold; what they do not tell is as in this one.
  std::vector<ConvNetOptions> networks_in(const NamedShapes& file) const;
};

}  // namespace skipzoo
