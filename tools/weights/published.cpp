#include "tools/weights/published.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace skipzoo {

namespace {

constexpr std::string_view kV1 = "IMAGENET1K_V1", kV2 = "IMAGENET1K_V2";
constexpr int64_t kResizeV2 = 232;  ///< Of torchvision's newer recipes.

// clang-format off
constexpr PublishedWeights kPublished[] = {
    {.network = "resnet18", .version = kV1, .is_default = true,
     .file = "resnet18-f37072fd.pth", .mebibytes = 44.661,
     .top1 = 69.758, .top5 = 89.078},
    {.network = "resnet34", .version = kV1, .is_default = true,
     .file = "resnet34-b627a593.pth", .mebibytes = 83.275,
     .top1 = 73.314, .top5 = 91.420},
    {.network = "resnet50", .version = kV1,
     .file = "resnet50-0676ba61.pth", .mebibytes = 97.781,
     .top1 = 76.130, .top5 = 92.862},
    {.network = "resnet50", .version = kV2, .is_default = true,
     .file = "resnet50-11ad3fa6.pth", .mebibytes = 97.79,
     .top1 = 80.858, .top5 = 95.434, .resize_size = kResizeV2,
     .recipe = "resnet50_v2"},
    {.network = "resnet101", .version = kV1,
     .file = "resnet101-63fe2227.pth", .mebibytes = 170.511,
     .top1 = 77.374, .top5 = 93.546},
    {.network = "resnet101", .version = kV2, .is_default = true,
     .file = "resnet101-cd907fc2.pth", .mebibytes = 170.53,
     .top1 = 81.886, .top5 = 95.780, .resize_size = kResizeV2},
    {.network = "resnet152", .version = kV1,
     .file = "resnet152-394f9c45.pth", .mebibytes = 230.434,
     .top1 = 78.312, .top5 = 94.046},
    {.network = "resnet152", .version = kV2, .is_default = true,
     .file = "resnet152-f82ba261.pth", .mebibytes = 230.474,
     .top1 = 82.284, .top5 = 96.002, .resize_size = kResizeV2},
    {.network = "resnext50_32x4d", .version = kV1,
     .file = "resnext50_32x4d-7cdf4587.pth", .mebibytes = 95.789,
     .top1 = 77.618, .top5 = 93.698},
    {.network = "resnext50_32x4d", .version = kV2, .is_default = true,
     .file = "resnext50_32x4d-1a0047aa.pth", .mebibytes = 95.833,
     .top1 = 81.198, .top5 = 95.340, .resize_size = kResizeV2},
    {.network = "resnext101_32x8d", .version = kV1,
     .file = "resnext101_32x8d-8ba56ff5.pth", .mebibytes = 339.586,
     .top1 = 79.312, .top5 = 94.526},
    {.network = "resnext101_32x8d", .version = kV2, .is_default = true,
     .file = "resnext101_32x8d-110c445d.pth", .mebibytes = 339.673,
     .top1 = 82.834, .top5 = 96.228, .resize_size = kResizeV2},
    {.network = "resnext101_64x4d", .version = kV1, .is_default = true,
     .file = "resnext101_64x4d-173b62eb.pth", .mebibytes = 319.318,
     .top1 = 83.246, .top5 = 96.454, .resize_size = kResizeV2},
    {.network = "wide_resnet50_2", .version = kV1,
     .file = "wide_resnet50_2-95faca4d.pth", .mebibytes = 131.82,
     .top1 = 78.468, .top5 = 94.086},
    {.network = "wide_resnet50_2", .version = kV2, .is_default = true,
     .file = "wide_resnet50_2-9ba9bcbe.pth", .mebibytes = 263.124,
     .top1 = 81.602, .top5 = 95.758, .resize_size = kResizeV2},
    {.network = "wide_resnet101_2", .version = kV1,
     .file = "wide_resnet101_2-32ee1156.pth", .mebibytes = 242.896,
     .top1 = 78.848, .top5 = 94.284},
    {.network = "wide_resnet101_2", .version = kV2, .is_default = true,
     .file = "wide_resnet101_2-d733dc28.pth", .mebibytes = 484.747,
     .top1 = 82.510, .top5 = 96.020, .resize_size = kResizeV2},
    {.network = "densenet121", .version = kV1, .is_default = true,
     .file = "densenet121-a639ec97.pth", .mebibytes = 30.845,
     .top1 = 74.434, .top5 = 91.972},
    {.network = "densenet161", .version = kV1, .is_default = true,
     .file = "densenet161-8d451a50.pth", .mebibytes = 110.369,
     .top1 = 77.138, .top5 = 93.560},
    {.network = "densenet169", .version = kV1, .is_default = true,
     .file = "densenet169-b2777c0a.pth", .mebibytes = 54.708,
     .top1 = 75.600, .top5 = 92.806},
    {.network = "densenet201", .version = kV1, .is_default = true,
     .file = "densenet201-c1103571.pth", .mebibytes = 77.373,
     .top1 = 76.896, .top5 = 93.370}};
// clang-format on

/// What torchvision's functions of these names build.
struct PublishedNetwork {
  std::string_view name;
  int64_t parameters;
  std::vector<int64_t> blocks;
  bool bottleneck = true;
  int64_t groups = 1, width_per_group = 64;
  int64_t growth_rate = 0;  ///< Of a DenseNet.

  bool is_densenet() const { return growth_rate > 0; }
};

const std::vector<PublishedNetwork>& networks() {
  static const std::vector<PublishedNetwork> all = {
      {.name = "resnet18",
       .parameters = 11'689'512,
       .blocks = {2, 2, 2, 2},
       .bottleneck = false},
      {.name = "resnet34",
       .parameters = 21'797'672,
       .blocks = {3, 4, 6, 3},
       .bottleneck = false},
      {.name = "resnet50", .parameters = 25'557'032, .blocks = {3, 4, 6, 3}},
      {.name = "resnet101", .parameters = 44'549'160, .blocks = {3, 4, 23, 3}},
      {.name = "resnet152", .parameters = 60'192'808, .blocks = {3, 8, 36, 3}},
      {.name = "resnext50_32x4d",
       .parameters = 25'028'904,
       .blocks = {3, 4, 6, 3},
       .groups = 32,
       .width_per_group = 4},
      {.name = "resnext101_32x8d",
       .parameters = 88'791'336,
       .blocks = {3, 4, 23, 3},
       .groups = 32,
       .width_per_group = 8},
      {.name = "resnext101_64x4d",
       .parameters = 83'455'272,
       .blocks = {3, 4, 23, 3},
       .groups = 64,
       .width_per_group = 4},
      {.name = "wide_resnet50_2",
       .parameters = 68'883'240,
       .blocks = {3, 4, 6, 3},
       .width_per_group = 128},
      {.name = "wide_resnet101_2",
       .parameters = 126'886'696,
       .blocks = {3, 4, 23, 3},
       .width_per_group = 128},
      {.name = "densenet121",
       .parameters = 7'978'856,
       .blocks = {6, 12, 24, 16},
       .growth_rate = 32},
      {.name = "densenet161",
       .parameters = 28'681'000,
       .blocks = {6, 12, 36, 24},
       .growth_rate = 48},
      {.name = "densenet169",
       .parameters = 14'149'480,
       .blocks = {6, 12, 32, 32},
       .growth_rate = 32},
      {.name = "densenet201",
       .parameters = 20'013'928,
       .blocks = {6, 12, 48, 32},
       .growth_rate = 32}};
  return all;
}

const PublishedNetwork& network_of(const PublishedWeights& weights) {
  const auto found =
      std::ranges::find(networks(), weights.network, &PublishedNetwork::name);
  if (found == networks().end()) {
    throw std::logic_error("no published network is called " +
                           std::string(weights.network));
  }
  return *found;
}

constexpr int64_t kClasses = 1000;

}  // namespace

std::string PublishedWeights::name() const {
  return std::string(network) + ":" + std::string(version);
}

std::string PublishedWeights::address() const {
  return std::string(at) + std::string(file);
}

std::string_view PublishedWeights::sha256() const {
  const auto stem = file.substr(0, file.rfind('.'));
  return stem.substr(stem.rfind('-') + 1);
}

std::string PublishedWeights::config() const {
  return "configs/imagenet/" + std::string(recipe.empty() ? network : recipe) +
         ".yaml";
}

int64_t PublishedWeights::parameters() const {
  return network_of(*this).parameters;
}

ModelOptions PublishedWeights::model() const {
  const auto& built = network_of(*this);
  if (built.is_densenet()) {
    DenseNetOptions densenet;
    densenet.block_config = built.blocks;
    densenet.growth_rate = built.growth_rate;
    densenet.num_init_features = 2 * built.growth_rate;
    densenet.stem = Stem::kImageNet;
    densenet.num_classes = kClasses;
    return densenet;
  }
  ResNetOptions resnet;
  resnet.depths = built.blocks;
  resnet.widths = {64, 128, 256, 512};
  resnet.bottleneck = built.bottleneck;
  resnet.shortcut = Shortcut::kB;
  resnet.stem = Stem::kImageNet;
  resnet.groups = built.groups;
  resnet.width_per_group = built.width_per_group;
  resnet.num_classes = kClasses;
  return resnet;
}

std::span<const PublishedWeights> published_weights() { return kPublished; }

const PublishedWeights* find_published(std::string_view name) {
  const auto colon = name.find(':');
  const auto network = name.substr(0, colon);
  const auto version =
      colon == std::string_view::npos ? "DEFAULT" : name.substr(colon + 1);
  for (const auto& weights : kPublished) {
    if (weights.network != network) continue;
    if (weights.version == version) return &weights;
    if (version == "DEFAULT" && weights.is_default) return &weights;
  }
  return nullptr;
}

const PublishedWeights* find_published_file(std::string_view file) {
  const auto found =
      std::ranges::find(kPublished, file, &PublishedWeights::file);
  return found == std::end(kPublished) ? nullptr : &*found;
}

std::vector<std::string> published_names() {
  std::vector<std::string> names;
  for (const auto& weights : kPublished) {
    if (weights.is_default) names.emplace_back(weights.network);
    names.push_back(weights.name());
  }
  return names;
}

}  // namespace skipzoo
