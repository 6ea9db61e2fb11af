#include "tools/plan/candidates.h"

#include <algorithm>
#include <cmath>
#include <variant>

namespace skipzoo {

namespace {

/// Pictures up to this side are such as CIFAR's: a network that halves them
/// twice at its start would see nothing.
constexpr int64_t kSmallPictures = 48;

ModelOptions made_for(ModelOptions model, int64_t classes, int64_t channels) {
  std::visit(
      [&](auto& options) {
        options.num_classes = classes;
        options.in_channels = channels;
      },
      model);
  return model;
}

/// Of pictures such as ImageNet's, with `share` of ResNet-18's channels.
ModelOptions resnet18(int64_t channels) {
  return ResNetOptions{
      .depths = {2, 2, 2, 2},
      .widths = {channels, 2 * channels, 4 * channels, 8 * channels},
      .shortcut = Shortcut::kB,
      .stem = Stem::kImageNet};
}

/// Of pictures such as CIFAR's: 6n + 2 layers.
ModelOptions cifar_resnet(int64_t n, int64_t channels) {
  return ResNetOptions{.depths = {n, n, n},
                       .widths = {channels, 2 * channels, 4 * channels}};
}

std::vector<Candidate> for_small_pictures(int64_t shorter_side) {
  const int64_t size = shorter_side < 24 ? 16 : shorter_side <= 40 ? 32 : 48;
  ResNetOptions wide{.depths = {2, 2, 2, 2},
                     .widths = {64, 128, 256, 512},
                     .shortcut = Shortcut::kB,
                     .stem = Stem::kCifar};
  return {{"ResNet-18 for small pictures", wide, size},
          {"ResNet-20 of four times the channels", cifar_resnet(3, 64), size},
          {"ResNet-20 of twice the channels", cifar_resnet(3, 32), size},
          {"ResNet-20", cifar_resnet(3, 16), size},
          {"ResNet-14", cifar_resnet(2, 16), size},
          {"ResNet-8", cifar_resnet(1, 16), size}};
}

std::vector<Candidate> for_photos(int64_t shorter_side) {
  std::vector<Candidate> all = {
      {"ResNet-18", resnet18(64), 224},
      {"ResNet-18", resnet18(64), 160},
      {"ResNet-18", resnet18(64), 128},
      {"ResNet-18 of half the channels", resnet18(32), 128},
      {"ResNet-18 of half the channels", resnet18(32), 96},
      {"ResNet-18 of a quarter of the channels", resnet18(16), 96},
      {"ResNet-18 of a quarter of the channels", resnet18(16), 64}};
  // A little is enlarged where nothing else fits.
  std::erase_if(all, [shorter_side](const Candidate& one) {
    return one.image_size > std::max<int64_t>(64, shorter_side * 9 / 8);
  });
  return all;
}

std::vector<Candidate> for_weights(const Pretrained& pretrained) {
  const int64_t own = pretrained.data.image_size;
  const std::string words = "that of the weights";
  std::vector<Candidate> all = {{words, pretrained.model, own}};
  for (const int64_t size : {160, 128, 96}) {
    if (size < own) all.push_back({words, pretrained.model, size});
  }
  all.push_back({words + ", its head alone", pretrained.model,
                 all.size() > 1 ? all[1].image_size : own, true});
  return all;
}

}  // namespace

int64_t PicturesAtHand::largest_class() const {
  return per_class.empty() ? 0 : std::ranges::max(per_class);
}

int64_t PicturesAtHand::smallest_class() const {
  return per_class.empty() ? 0 : std::ranges::min(per_class);
}

bool PicturesAtHand::are_unbalanced() const {
  constexpr int64_t kMuch = 3;
  // A label among several is rare in another way: most pictures are without.
  return !are_multi_label && largest_class() > kMuch * smallest_class();
}

std::vector<Candidate> candidates(const PicturesAtHand& pictures,
                                  const Pretrained* pretrained) {
  auto all = pretrained != nullptr ? for_weights(*pretrained)
             : pictures.shorter_side <= kSmallPictures
                 ? for_small_pictures(pictures.shorter_side)
                 : for_photos(pictures.shorter_side);
  // Weights for colour see grey pictures as colour.
  const int64_t channels = pretrained != nullptr
                               ? in_channels(pretrained->model)
                           : pictures.are_grey ? 1
                                               : 3;
  for (auto& one : all) {
    one.model = made_for(one.model, std::ssize(pictures.classes), channels);
  }
  return all;
}

}  // namespace skipzoo
