#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/fields.h"
#include "models/kernels/kernels.h"
#include "models/named_shapes.h"

namespace skipzoo {

/// What carries the signal x past a conv_block's branch F, and how the two
/// meet. Where shapes differ, all but identity, none and dense project x.
enum class ConvShortcut {
  /// act(F(x) + norm(W x)): a strided 1x1 convolution and a BatchNorm of its
  /// own, always (Keras's conv_block).
  kProjection,
  /// act(F(x) + x), without parameters: every stride-th pixel, zero channels
  /// behind the signal (He et al. 2015, arXiv:1512.03385, option A).
  kIdentity,
  /// act(F(x)): the plain network that the others are compared with.
  kNone,
  /// t * act(F(x)) + (1 - t) * x, t = sigmoid(1x1 convolution of x), whose bias
  /// starts at -2 (Srivastava et al. 2015, arXiv:1505.00387, equation 3).
  kHighway,
  /// x + a * act(F(x)), a learned (Bachlechner et al. 2020, arXiv:2003.04887,
  /// equation 1).
  kReZero,
  /// act(a * F(x) + x), a learned, at the end of the branch (De & Smith 2020,
  /// arXiv:2002.10444, section 3.1; theirs has norm: none).
  kSkipInit,
  /// act(a * F(x) + x), a learned for each channel (Touvron et al. 2021,
  /// arXiv:2103.17239, equation 4).
  kLayerScale,
  /// [pooled x, act(F(x))]: joined, as in a DenseNet (Huang et al. 2017,
  /// arXiv:1608.06993, equation 2).
  kDense,
};
template <>
struct EnumNames<ConvShortcut> {
  static constexpr Named<ConvShortcut> values[] = {
      {ConvShortcut::kProjection, "projection"},
      {ConvShortcut::kIdentity, "identity"},
      {ConvShortcut::kNone, "none"},
      {ConvShortcut::kHighway, "highway"},
      {ConvShortcut::kReZero, "rezero"},
      {ConvShortcut::kSkipInit, "skipinit"},
      {ConvShortcut::kLayerScale, "layerscale"},
      {ConvShortcut::kDense, "dense"}};
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

/// What stands behind a convolution.
enum class ConvNorm {
  kBatch,  ///< A BatchNorm with Keras's numbers.
  kNone,   ///< The convolution's bias alone.
};
template <>
struct EnumNames<ConvNorm> {
  static constexpr Named<ConvNorm> values[] = {{ConvNorm::kBatch, "batch"},
                                               {ConvNorm::kNone, "none"}};
};

/// How weights start.
enum class ConvInit {
  kGlorot,  ///< Keras's default (Glorot & Bengio 2010).
  kHe,      ///< Keeps the size of signals through ReLUs (He et al. 2015).
  /// So that a deep network learns without norms (Zhang, Dauphin & Ma 2019,
  /// arXiv:1901.09321, section 3): He's, scaled down in a branch by the number
  /// of branches; zero at the end of each and in the last layer; a factor on
  /// each branch, and a scalar before each of its convolutions.
  kFixup,
};
template <>
struct EnumNames<ConvInit> {
  static constexpr Named<ConvInit> values[] = {{ConvInit::kGlorot, "glorot"},
                                               {ConvInit::kHe, "he"},
                                               {ConvInit::kFixup, "fixup"}};
};

struct ConvNetImpl;

/// Shape of a conv_block network. The defaults are the usual teaching example:
/// 32x32x3 -> 32 -> 64 -> 128 -> 256 filters, 1,221,290 parameters.
struct ConvNetOptions {
  static constexpr const char* kFamily = "conv_net";
  using Model = ConvNetImpl;

  /// Filters per block; with shortcut: dense, those it joins to its input.
  std::vector<int64_t> filters = {32, 64, 128, 256};
  /// Stride per block.
  std::vector<int64_t> strides = {2, 2, 2, 2};
  Activation activation = Activation::kRelu;
  ConvShortcut shortcut = ConvShortcut::kProjection;
  /// What the learned factors on the branches start as, of rezero, skipinit and
  /// layerscale. In the papers 0, and for layerscale 0.1 in networks of up to
  /// 18 blocks, less in deeper ones.
  double scale_init = 0;
  ConvNorm norm = ConvNorm::kBatch;
  ConvInit init = ConvInit::kGlorot;
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
          "past a block: 1x1 convolution and BatchNorm, the input itself, or "
          "nothing; added with a gate (highway) or a learned factor on the "
          "branch (rezero, skipinit, layerscale); joined (dense)");
    field("scale_init", scale_init,
          "what the factors of rezero, skipinit and layerscale start as",
          between(0, 1));
    field("norm", norm, "behind each convolution: BatchNorm, or nothing");
    field("init", init,
          "of weights: Keras's (glorot), He's, for networks without norms, or "
          "that of deep ones (fixup)");
    field("in_channels", in_channels, "channels of an image", at_least(1));
    field("num_classes", num_classes, "outputs", at_least(2));
    field("kernels", kernels, "operators of our own, or LibTorch's alone");
  }

  bool uses(std::string_view key) const {
    return key != "scale_init" || has_scale();
  }
  /// Whether the shortcut has a factor on its branch that scale_init starts.
  bool has_scale() const {
    return shortcut == ConvShortcut::kReZero ||
           shortcut == ConvShortcut::kSkipInit ||
           shortcut == ConvShortcut::kLayerScale;
  }
  /// Channels behind a block of so many filters.
  int64_t channels_behind(int64_t in, int64_t count) const {
    return shortcut == ConvShortcut::kDense ? in + count : count;
  }
  /// Why stochastic depth has nothing to drop, in words; empty: it has.
  std::string why_no_drop_path() const;

  /// Adds a line for every pair of fields that contradict each other.
  void validate(Problems& problems) const;

  /// Networks of the family that a weight file of these names and shapes may
  /// hold; what they do not tell is as in this one.
  std::vector<ConvNetOptions> networks_in(const NamedShapes& file) const;
};

}  // namespace skipzoo
