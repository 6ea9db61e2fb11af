#include "models/resnet_options.h"
#include "models/weight_names.h"

namespace skipzoo {

namespace {

/// akamaster's and kuangliu's shortcut.0 is downsample.0.
std::string with_downsample(const std::string& name) {
  return replaced(replaced(name, ".shortcut.0.", ".downsample.0."),
                  ".shortcut.1.", ".downsample.1.");
}

/// timm's legacy_seresnet has its stem in layer0, its gate in se_module.
std::string from_legacy_se(const std::string& name) {
  const auto plain = replaced(name, ".se_module.", ".se.");
  constexpr std::string_view kStem = "layer0.";
  const auto at = plain.find(kStem);
  if (at == plain.npos || (at > 0 && plain[at - 1] != '.')) return plain;
  return plain.substr(0, at) + plain.substr(at + kStem.size());
}

constexpr NameRule kRules[] = {
    {"shortcut to downsample", with_downsample},
    {"legacy_seresnet (se_module to se, layer0)", from_legacy_se}};

}  // namespace

NameRules ResNetOptions::name_rules() { return kRules; }

}  // namespace skipzoo
