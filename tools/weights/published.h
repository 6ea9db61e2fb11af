#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/model_options.h"

namespace skipzoo {

/// Where torchvision's files lie; a file's name follows.
constexpr std::string_view kPublishedAt =
    "https://download.pytorch.org/models/";

/// One file of weights that torchvision publishes, of a network trained on the
/// 1,000 classes of ImageNet (ILSVRC 2012).
///
/// Source: the weight enums of torchvision 0.24.1 (models/resnet.py and
/// densenet.py); tests/goldens/published_weights.py compares the two.
struct PublishedWeights {
  std::string_view network;  ///< "resnet50".
  std::string_view version;  ///< "IMAGENET1K_V2".
  /// Whether the network's name alone stands for it: torchvision's DEFAULT.
  bool is_default = false;
  /// Ends in the first eight digits of the file's SHA-256.
  std::string_view file;
  double mebibytes = 0;  ///< Its size.
  /// Per cent right of ImageNet's 50,000 validation pictures, the middle of
  /// each.
  double top1 = 0, top5 = 0;
  /// To which the shorter side of a picture is resized, and what is then cut
  /// out of the middle.
  int64_t resize_size = 256, image_size = 224;
  std::array<double, 3> mean = {0.485, 0.456, 0.406};
  std::array<double, 3> std = {0.229, 0.224, 0.225};
  std::string_view interpolation = "bilinear";  ///< As data.interpolation.
  /// Of configs/imagenet, where that is called otherwise than the network: its
  /// recipe is that of these weights.
  std::string_view recipe = {};
  std::string_view at = kPublishedAt;

  /// "resnet50:IMAGENET1K_V2".
  std::string name() const;
  std::string address() const;
  /// The digits in the file's name.
  std::string_view sha256() const;
  /// The config that fits, as "configs/imagenet/resnet50.yaml".
  std::string config() const;
  /// Trainable numbers of the network, as torchvision counts them.
  int64_t parameters() const;
  ModelOptions model() const;
};

/// All of them, a network's versions in their order.
std::span<const PublishedWeights> published_weights();

/// Those of a name: "resnet50:IMAGENET1K_V1", "resnet50:DEFAULT", or "resnet50"
/// for the same; null where there are none.
const PublishedWeights* find_published(std::string_view name);

/// Those that lie in a file of that name, as "resnet50-0676ba61.pth"; null
/// where it is none of theirs.
const PublishedWeights* find_published_file(std::string_view file);

/// Every name that find_published() takes, but for DEFAULT.
std::vector<std::string> published_names();

/// The names of ImageNet's 1,000 classes, in the order of its outputs, as
/// torchvision has them (models/_meta.py).
const std::vector<std::string>& imagenet_categories();

}  // namespace skipzoo
