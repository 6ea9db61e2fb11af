#include "models/densenet_options.h"
#include "models/weight_names.h"

namespace skipzoo {

namespace {

/// Names before torchvision 0.2: denselayer1.norm.1.weight is
/// denselayer1.norm1.weight now.
std::string with_joined_numbers(const std::string& name) {
  const auto [leaf, number, part, layer] = last_parts(name);
  constexpr std::string_view kLayer = "denselayer";
  const bool old = (number == "1" || number == "2") &&
                   (part == "norm" || part == "relu" || part == "conv") &&
                   layer.starts_with(kLayer) && layer.size() > kLayer.size() &&
                   layer.find_first_not_of("0123456789", kLayer.size()) ==
                       std::string_view::npos;
  if (!old) return name;
  std::string joined = name;
  return joined.erase(name.size() - leaf.size() - number.size() - 2, 1);
}

/// gpleiss's last BatchNorm.
std::string with_norm5(const std::string& name) {
  return replaced(name, "features.norm_final.", "features.norm5.");
}

constexpr NameRule kRules[] = {
    {"DenseNet's old names (norm.1 to norm1)", with_joined_numbers},
    {"norm_final to norm5", with_norm5}};

}  // namespace

NameRules DenseNetOptions::name_rules() { return kRules; }

}  // namespace skipzoo
