#include "tools/data/augment_options.h"

#include <gtest/gtest.h>

#include "tools/config/run_config.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

/// A config whose data.augment is this, in braces.
LoadedConfig with_augment(const std::string& augment) {
  return parse_config(
      "model: {family: resnet, depths: [1, 1, 1]}\n"
      "data:\n"
      "  dataset: cifar10\n"
      "  root: data\n"
      "  augment: " +
          augment + "\ntrain: {epochs: 2}\n",
      "run.yaml", "/folder");
}

std::string problems_of_augment(const std::string& augment) {
  try {
    with_augment(augment);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST(AugmentOptions, DumpWhatLoadsToTheSameRun) {
  for (const auto& policy : EnumNames<AutoAugment>::values) {
    const auto loaded = with_augment(
        "{hflip: true, vflip: true, rotation: 12.5, auto_augment: " +
        std::string(policy.name) +
        ", interpolation: bicubic, color_jitter: {brightness: 0.4, hue: 0.1}, "
        "grayscale: 0.2, gaussian_blur: {p: 0.5, kernel_size: 7, "
        "sigma: [0.2, 1.5]}, random_erasing: {p: 0.25, value: random}}");
    EXPECT_TRUE(loaded.warnings.empty()) << policy.name;
    const auto text = dump_config(loaded.config);
    const auto again = parse_config(text, "dump", "/elsewhere");
    EXPECT_TRUE(again.warnings.empty()) << policy.name;
    EXPECT_EQ(dump_config(again.config), text);
    const auto& augment = again.config.data.augment;
    EXPECT_TRUE(augment.vflip);
    EXPECT_EQ(augment.rotation, 12.5);
    EXPECT_EQ(augment.auto_augment, policy.value);
    EXPECT_EQ(augment.interpolation, AugmentInterpolation::kBicubic);
    EXPECT_EQ(augment.color_jitter.brightness, 0.4);
    EXPECT_EQ(augment.color_jitter.saturation, 0);
    EXPECT_EQ(augment.gaussian_blur.kernel_size, 7);
    EXPECT_EQ(augment.gaussian_blur.sigma, (std::vector<double>{0.2, 1.5}));
    EXPECT_EQ(augment.random_erasing.value.word, EraseValue::kRandom);
  }
}

TEST(AugmentOptions, ErasingIsByAWordANumberOrOneAChannel) {
  const auto value = [](const std::string& text) {
    return with_augment("{random_erasing: {p: 1, value: " + text + "}}").config;
  };
  using Numbers = std::vector<double>;
  for (const auto& [text, numbers] :
       {std::pair<std::string, Numbers>{"0.5", {0.5}},
        {"-2", {-2}},
        {"[0.1, 0, 0.3]", {0.1, 0, 0.3}},
        {"zero", {}}}) {
    const auto config = value(text);
    EXPECT_EQ(config.data.augment.random_erasing.value.numbers, numbers);
    const auto again = parse_config(dump_config(config), "dump", "/").config;
    EXPECT_EQ(again.data.augment.random_erasing.value.numbers, numbers) << text;
  }
}

TEST(AugmentOptions, PoliciesTakeTheirOwnNumbers) {
  const auto is_used = [](const std::string& policy, const std::string& key) {
    return with_augment("{auto_augment: " + policy + ", " + key + "}")
        .warnings.empty();
  };
  for (const std::string policy : {"none", "imagenet", "cifar10", "svhn"}) {
    EXPECT_FALSE(is_used(policy, "num_ops: 3")) << policy;
    EXPECT_FALSE(is_used(policy, "magnitude: 3")) << policy;
    EXPECT_EQ(is_used(policy, "interpolation: nearest"), policy != "none");
  }
  EXPECT_TRUE(is_used("randaugment", "num_ops: 3"));
  EXPECT_TRUE(is_used("randaugment", "num_magnitude_bins: 21"));
  EXPECT_FALSE(is_used("randaugment", "magnitude_std: 0.5"));
  EXPECT_TRUE(is_used("rand_increasing", "magnitude: 7"));
  EXPECT_TRUE(is_used("rand_increasing", "magnitude_std: 0.5"));
  EXPECT_TRUE(is_used("trivial_wide", "num_magnitude_bins: 21"));
  EXPECT_FALSE(is_used("trivial_wide", "magnitude: 9"));
  EXPECT_TRUE(is_used("augmix", "severity: 5"));
  EXPECT_TRUE(is_used("augmix", "alpha: 0.5"));
  EXPECT_FALSE(is_used("randaugment", "severity: 5"));
  EXPECT_EQ(with_augment("{num_ops: 3}").warnings,
            (std::vector<std::string>{"run.yaml:5:22: data.augment.num_ops: "
                                      "has no effect here"}));
  EXPECT_EQ(with_augment("{gaussian_blur: {sigma: [1, 2]}}").warnings.size(),
            1u);
  EXPECT_EQ(with_augment("{random_erasing: {value: zero}}").warnings.size(),
            1u);
}

TEST(AugmentOptions, AreCheckedWhereTheyStand) {
  EXPECT_EQ(problems_of_augment("{rotation: 200}"),
            "run.yaml:5:23: data.augment.rotation: must be between 0 and 180, "
            "got 200");
  const struct {
    const char* given;
    const char* words;
  } cases[] = {
      {"{auto_augment: ra}",
       "data.augment.auto_augment: expected one of none,"},
      {"{auto_augment: randaugment, magnitude: 31}",
       "data.augment: magnitude is 31 but num_magnitude_bins is 31"},
      {"{auto_augment: rand_increasing, magnitude: 11}",
       "data.augment: magnitude must be at most 10 with"},
      {"{auto_augment: augmix, chain_depth: 0}",
       "data.augment: chain_depth must be at least 1"},
      {"{auto_augment: augmix, severity: 11}",
       "data.augment.severity: must be between 1 and 10"},
      {"{auto_augment: augmix, alpha: 0}",
       "data.augment.alpha: must be above 0 and at most 1000"},
      {"{color_jitter: {hue: 0.6}}",
       "data.augment.color_jitter.hue: must be between 0 and 0.5"},
      {"{color_jitter: {contrast: -1}}",
       "data.augment.color_jitter.contrast: must be at least 0"},
      {"{color_jitter: 0.4}", "data.augment.color_jitter: expected a section"},
      {"{grayscale: 1.5}", "data.augment.grayscale: must be between 0 and 1"},
      {"{gaussian_blur: {p: 1, kernel_size: 4}}",
       "data.augment.gaussian_blur: kernel_size must be odd, got 4"},
      {"{gaussian_blur: {p: 1, sigma: [2, 1]}}",
       "data.augment.gaussian_blur: sigma needs two numbers, the smaller one "
       "first"},
      {"{random_erasing: {p: 1, scale: [0.1]}}",
       "data.augment.random_erasing: scale needs two numbers"},
      {"{random_erasing: {p: 1, value: red}}",
       "data.augment.random_erasing.value: expected one of zero, random"},
  };
  for (const auto& one : cases) {
    const auto text = problems_of_augment(one.given);
    EXPECT_NE(text.find(one.words), std::string::npos)
        << one.given << ": " << text;
  }
}

}  // namespace
}  // namespace skipzoo
