#include <charconv>
#include <string>

#include "models/preact_resnet_options.h"
#include "models/weight_names.h"

namespace skipzoo {

namespace {

/// kuangliu's shortcut.0 and timm's downsample.conv are downsample.0.
std::string with_bare_downsample(const std::string& name) {
  return replaced(replaced(name, ".shortcut.0.", ".downsample.0."),
                  ".downsample.conv.", ".downsample.0.");
}

/// timm's stages.0.blocks.1.norm1 is layer1.1.bn1; its stem.conv, conv1.
std::string from_resnetv2(const std::string& name) {
  constexpr std::string_view kStem = "stem.conv.", kStages = "stages.",
                             kBlocks = ".blocks.", kNorm = "norm";
  if (const auto at = name.find(kStem);
      at != name.npos && (at == 0 || name[at - 1] == '.')) {
    return name.substr(0, at) + "conv1." + name.substr(at + kStem.size());
  }
  const auto at = name.find(kStages);
  if (at == name.npos || (at > 0 && name[at - 1] != '.')) return name;
  const char* digits = name.data() + at + kStages.size();
  const char* end = name.data() + name.size();
  int stage = 0;
  constexpr int kMost = 1000;
  const auto [rest, error] = std::from_chars(digits, end, stage);
  std::string_view behind(rest, static_cast<size_t>(end - rest));
  if (error != std::errc() || stage < 0 || stage > kMost ||
      !behind.starts_with(kBlocks)) {
    return name;
  }
  behind.remove_prefix(kBlocks.size());
  auto block = std::string(behind);
  const auto dot = block.find('.');
  if (dot != block.npos && block.compare(dot + 1, kNorm.size(), kNorm) == 0) {
    block.replace(dot + 1, kNorm.size(), "bn");
  }
  return name.substr(0, at) + "layer" + std::to_string(stage + 1) + "." + block;
}

constexpr NameRule kPreActRules[] = {
    {"timm's resnetv2 (stages.0.blocks.1 to layer1.1)", from_resnetv2},
    {"shortcut to downsample", with_bare_downsample}};

}  // namespace

NameRules PreActResNetOptions::name_rules() { return kPreActRules; }

}  // namespace skipzoo
