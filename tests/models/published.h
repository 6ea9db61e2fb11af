#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "models/zoo.h"

namespace skipzoo {

/// Options of published networks, under the names they are known by.

/// ResNets of 6n + 2 layers for 32x32 images.
inline ResNetOptions cifar_resnet(int64_t depth, Shortcut shortcut) {
  const int64_t n = (depth - 2) / 6;
  return {.depths = {n, n, n}, .shortcut = shortcut};
}

using Depths = std::vector<int64_t>;
inline const Depths kDepths18 = {2, 2, 2, 2};
inline const Depths kDepths50 = {3, 4, 6, 3};  ///< ResNet-34's too.
inline const Depths kDepths101 = {3, 4, 23, 3};
inline const Depths kDepths152 = {3, 8, 36, 3};
inline const Depths kDepths200 = {3, 24, 36, 3};

/// torchvision's ResNets with basic blocks.
inline ResNetOptions imagenet_basic(const Depths& depths) {
  return {.depths = depths,
          .widths = {64, 128, 256, 512},
          .shortcut = Shortcut::kB,
          .stem = Stem::kImageNet,
          .num_classes = 1000};
}

/// torchvision's ResNets with bottlenecks, its ResNeXts and Wide ResNets.
inline ResNetOptions imagenet_resnet(const Depths& depths, int64_t groups = 1,
                                     int64_t width_per_group = 64) {
  auto options = imagenet_basic(depths);
  options.bottleneck = true;
  options.groups = groups;
  options.width_per_group = width_per_group;
  return options;
}

/// Pre-activation ResNets for 32x32 images, of 9n + 2 layers in the authors'
/// layout of bottlenecks.
inline PreActResNetOptions preact_bottlenecks(int64_t depth) {
  const int64_t n = (depth - 2) / 9;
  return {.depths = {n, n, n}, .bottleneck = true, .stride_in_1x1 = true};
}

/// Of 6n + 2 layers.
inline PreActResNetOptions preact_basic(int64_t depth) {
  const int64_t n = (depth - 2) / 6;
  return {.depths = {n, n, n}, .shortcut = Shortcut::kA};
}

/// WRN-depth-k.
inline PreActResNetOptions wide_resnet(int64_t depth, int64_t k) {
  const int64_t n = (depth - 4) / 6;
  return {.depths = {n, n, n},
          .widths = {16 * k, 32 * k, 64 * k},
          .stem_width = 16};
}

/// timm's resnetv2_18 and so on.
inline PreActResNetOptions resnetv2(const Depths& depths, bool bottleneck) {
  return {.depths = depths,
          .widths = {64, 128, 256, 512},
          .bottleneck = bottleneck,
          .stem = Stem::kImageNet,
          .num_classes = 1000};
}

/// kuangliu's PreActResNet18.
inline PreActResNetOptions kuangliu_preact18() {
  return {
      .depths = kDepths18, .widths = {64, 128, 256, 512}, .final_norm = false};
}

/// timm's seresnet50 and so on; divisor: 1 for its legacy ones.
inline ResNetOptions se_resnet(ResNetOptions options, int64_t divisor = 8) {
  options.attention = Attention::kSe;
  options.se_divisor = divisor;
  return options;
}

/// timm's resnet50d and so on.
inline ResNetOptions resnet_d(ResNetOptions options) {
  options.deep_stem = options.avg_down = true;
  return options;
}

/// timm's resnetblur50 and so on.
inline ResNetOptions resnet_blur(ResNetOptions options) {
  options.blur_pool = true;
  return options;
}

inline ResNetOptions eca_resnet(ResNetOptions options) {
  options.attention = Attention::kEca;
  return options;
}

/// As in the paper's figure, before torchvision moved the stride.
inline ResNetOptions resnet_v1(ResNetOptions options) {
  options.stride_in_1x1 = true;
  return options;
}

/// DenseNets of three blocks of (L - 4) / 3 layers. The paper's counts have 16
/// channels in the stem, where the published code always has 2k.
inline DenseNetOptions densenet(int64_t depth, int64_t growth_rate,
                                int64_t stem = 16) {
  const int64_t n = (depth - 4) / 3;
  return {.block_config = {n, n, n},
          .growth_rate = growth_rate,
          .num_init_features = stem,
          .bn_size = 0,
          .compression = 1};
}

/// DenseNet-BCs of three blocks of (L - 4) / 6 bottleneck layers.
inline DenseNetOptions densenet_bc(int64_t depth, int64_t growth_rate) {
  const int64_t n = (depth - 4) / 6;
  return {.block_config = {n, n, n},
          .growth_rate = growth_rate,
          .num_init_features = 2 * growth_rate};
}

/// torchvision's DenseNets.
inline DenseNetOptions imagenet_densenet(const Depths& blocks,
                                         int64_t growth_rate = 32) {
  return {.block_config = blocks,
          .growth_rate = growth_rate,
          .num_init_features = 2 * growth_rate,
          .stem = Stem::kImageNet,
          .num_classes = 1000};
}

/// With timm's stem of three 3x3.
inline DenseNetOptions deep_densenet(DenseNetOptions options) {
  options.deep_stem = true;
  return options;
}

/// timm's densenetblur*d.
inline DenseNetOptions blur_densenet(DenseNetOptions options) {
  options.blur_pool = true;
  return deep_densenet(options);
}

/// Dual Path Networks (Chen et al. 2017, table 1), with timm's numbers.
inline DPNOptions dpn68(bool split_output = false) {
  return {.depths = {3, 4, 12, 3},
          .widths = {64, 128, 256, 512},
          .growth_rates = {16, 32, 32, 64},
          .bottleneck_width = 128,
          .groups = 32,
          .num_init_features = 10,
          .stem = Stem::kImageNet,
          .stem_kernel = 3,
          .split_output = split_output,
          .num_classes = 1000};
}
inline DPNOptions dpn92() {
  return {.depths = {3, 4, 20, 3},
          .widths = {256, 512, 1024, 2048},
          .growth_rates = {16, 32, 24, 128},
          .bottleneck_width = 96,
          .groups = 32,
          .num_init_features = 64,
          .stem = Stem::kImageNet,
          .num_classes = 1000};
}

/// conv_block networks of three blocks, of which the second keeps its shape.
inline ConvNetOptions skip_net(ConvShortcut shortcut) {
  return {.filters = {16, 16, 32}, .strides = {2, 1, 2}, .shortcut = shortcut};
}
inline ConvNetOptions unnormed(ConvNetOptions options) {
  options.norm = ConvNorm::kNone;
  return options;
}
inline ConvNetOptions fixup(ConvNetOptions options) {
  options.init = ConvInit::kFixup;
  return unnormed(options);
}

/// What is known of a network; 0 where it is not.
struct Published {
  const char* name;
  ModelOptions options;
  int64_t parameters;    ///< Trainable ones.
  int64_t entries = 0;   ///< Of the state dict.
  int64_t with_100 = 0;  ///< Parameters with 100 classes.
  int64_t with_10 = 0;   ///< Parameters with 10 classes.
};

inline void expect_published_counts(const Published& network) {
  const auto model = make_model(network.options);
  EXPECT_EQ(count_parameters(*model), network.parameters);
  if (network.entries > 0) {
    EXPECT_EQ(std::ssize(state_dict(*model)), network.entries);
  }
  for (const auto& [classes, parameters] :
       {std::pair{100, network.with_100}, {10, network.with_10}}) {
    if (parameters == 0) continue;
    model->reset_head(classes);
    EXPECT_EQ(count_parameters(*model), parameters) << classes << " classes";
  }
}

}  // namespace skipzoo
