#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/model_options.h"

namespace skipzoo {

/// A network and what to call it.
struct Variant {
  std::string name;
  ModelOptions options;
};

/// Every family with each of its options in use, small: every suite of models
/// runs over these, so that an option is covered by being in here.
inline std::vector<Variant> variants() {
  std::vector<Variant> all;
  for (const auto& options : families()) {
    all.push_back({family_name(options), options});
  }
  for (const auto shortcut :
       {Shortcut::kAEnd, Shortcut::kB, Shortcut::kC, Shortcut::kNone}) {
    all.push_back(
        {"resnet_shortcut_" + std::string(name_of(shortcut)),
         ResNetOptions{
             .depths = {2, 2}, .widths = {8, 12}, .shortcut = shortcut}});
  }
  all.push_back({"resnet_bottleneck", ResNetOptions{.depths = {2, 2},
                                                    .widths = {8, 16},
                                                    .bottleneck = true,
                                                    .shortcut = Shortcut::kB,
                                                    .stem = Stem::kImageNet}});
  all.push_back({"resnext", ResNetOptions{.depths = {1, 2},
                                          .widths = {16, 16},
                                          .bottleneck = true,
                                          .shortcut = Shortcut::kB,
                                          .groups = 4,
                                          .width_per_group = 16}});
  const ResNetOptions large{.depths = {1, 2},
                            .widths = {8, 16},
                            .bottleneck = true,
                            .shortcut = Shortcut::kB,
                            .stem = Stem::kImageNet};
  auto one = large;
  one.attention = Attention::kSe;
  all.push_back({"se_resnet", one});
  one.se_reduction = 4;
  one.se_divisor = 1;
  one.bottleneck = false;
  all.push_back({"se_resnet_legacy_basic", one});
  one.attention = Attention::kEca;
  one.drop_rate = 0.2;
  all.push_back({"eca_resnet_dropout", one});
  one = large;
  one.deep_stem = one.avg_down = true;
  all.push_back({"resnet_d", one});
  one.attention = Attention::kSe;
  all.push_back({"se_resnet_d", one});
  one = large;
  one.blur_pool = true;
  all.push_back({"resnet_blur", one});
  one.bottleneck = false;
  one.deep_stem = true;
  all.push_back({"resnet_blur_basic_c", one});
  one = large;
  one.stride_in_1x1 = true;
  all.push_back({"resnet_v1", one});
  for (const auto shortcut :
       {Shortcut::kA, Shortcut::kAEnd, Shortcut::kC, Shortcut::kNone}) {
    all.push_back(
        {"preact_resnet_shortcut_" + std::string(name_of(shortcut)),
         PreActResNetOptions{
             .depths = {2, 2}, .widths = {8, 12}, .shortcut = shortcut}});
  }
  for (const bool stride_in_1x1 : {false, true}) {
    all.push_back(
        {stride_in_1x1 ? "preact_bottleneck_stride_in_1x1"
                       : "preact_bottleneck",
         PreActResNetOptions{
             .depths = {2, 2},
             .widths = {8, 16},
             .bottleneck = true,
             .stride_in_1x1 = stride_in_1x1,
             .stem = stride_in_1x1 ? Stem::kCifar : Stem::kImageNet}});
  }
  all.push_back({"wide_resnet_dropout", PreActResNetOptions{.depths = {1, 2},
                                                            .widths = {16, 24},
                                                            .stem_width = 8,
                                                            .drop_rate = 0.3}});
  all.push_back({"preact_without_final_norm",
                 PreActResNetOptions{
                     .depths = {1, 1}, .widths = {8, 8}, .final_norm = false}});
  all.push_back({"densenet_plain", DenseNetOptions{.block_config = {3, 2},
                                                   .growth_rate = 5,
                                                   .num_init_features = 7,
                                                   .bn_size = 0,
                                                   .compression = 1}});
  all.push_back(
      {"densenet_imagenet", DenseNetOptions{.block_config = {2, 3, 1},
                                            .growth_rate = 8,
                                            .num_init_features = 16,
                                            .stem = Stem::kImageNet}});
  all.push_back({"densenet_one_channel", DenseNetOptions{.block_config = {2},
                                                         .growth_rate = 1,
                                                         .num_init_features = 1,
                                                         .in_channels = 1}});
  all.push_back({"densenet_dropout", DenseNetOptions{.block_config = {2, 2},
                                                     .growth_rate = 4,
                                                     .num_init_features = 8,
                                                     .drop_rate = 0.2}});
  all.push_back({"densenet_dropout_of_convolutions",
                 DenseNetOptions{.block_config = {2, 2},
                                 .growth_rate = 4,
                                 .num_init_features = 8,
                                 .drop_rate = 0.2,
                                 .drop_after = DropAfter::kConvolutions}});
  DenseNetOptions dense{.block_config = {2, 2},
                        .growth_rate = 8,
                        .num_init_features = 12,
                        .stem = Stem::kImageNet,
                        .deep_stem = true};
  all.push_back({"densenet_d", dense});
  dense.blur_pool = true;
  all.push_back({"densenet_blur_d", dense});
  for (const auto activation : {Activation::kElu, Activation::kGelu,
                                Activation::kSilu, Activation::kTanh}) {
    all.push_back(
        {"conv_net_activation_" + std::string(name_of(activation)),
         ConvNetOptions{
             .filters = {6, 10}, .strides = {1, 2}, .activation = activation}});
  }
  for (const auto& [name, shortcut] :
       {std::pair{"conv_net_identity", ConvShortcut::kIdentity},
        {"conv_net_highway", ConvShortcut::kHighway},
        {"conv_net_rezero", ConvShortcut::kReZero},
        {"conv_net_skipinit", ConvShortcut::kSkipInit},
        {"conv_net_layerscale", ConvShortcut::kLayerScale},
        {"conv_net_joined", ConvShortcut::kDense}}) {
    ConvNetOptions net{.filters = {6, 6, 10},
                       .strides = {2, 1, 2},
                       .shortcut = shortcut,
                       .scale_init = 0.7};
    all.push_back({name, net});
    net.norm = ConvNorm::kNone;
    net.activation = Activation::kElu;
    all.push_back({std::string(name) + "_unnormed", net});
  }
  const DPNOptions dual{.depths = {2, 1},
                        .widths = {8, 12},
                        .growth_rates = {3, 4},
                        .bottleneck_width = 8,
                        .groups = 2,
                        .num_init_features = 6,
                        .stem = Stem::kImageNet};
  auto split = dual;
  split.split_output = true;
  split.stem_kernel = 3;
  all.push_back({"dpn_imagenet", dual});
  all.push_back({"dpn_split", split});
  all.push_back(
      {"conv_net_plain", ConvNetOptions{.filters = {6, 10},
                                        .strides = {2, 1},
                                        .shortcut = ConvShortcut::kNone}});
  return all;
}

}  // namespace skipzoo
