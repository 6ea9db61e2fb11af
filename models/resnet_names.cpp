#include "models/resnet_options.h"
#include "models/weight_names.h"

namespace skipzoo {

namespace {

/// akamaster's and kuangliu's shortcut.0 is downsample.0.
std::string with_downsample(const std::string& name) {
  return replaced(replaced(name, ".shortcut.0.", ".downsample.0."),
                  ".shortcut.1.", ".downsample.1.");
}

constexpr NameRule kRules[] = {{"shortcut to downsample", with_downsample}};

}  // namespace

NameRules ResNetOptions::name_rules() { return kRules; }

}  // namespace skipzoo
